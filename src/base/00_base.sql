-- What every room's part relies on.

\echo Use "CREATE EXTENSION hipaa_guard" to load this file. \quit

CREATE FUNCTION hipaa_guard.library_version() RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_library_version';
COMMENT ON FUNCTION hipaa_guard.library_version() IS
'Version of the loaded library; pg_extension has the version of the SQL objects, which may be older until ALTER EXTENSION UPDATE.';

GRANT USAGE ON SCHEMA hipaa_guard TO PUBLIC;
