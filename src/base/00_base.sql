-- What every room's part relies on.

\echo Use "CREATE EXTENSION hipaa_guard" to load this file. \quit

CREATE FUNCTION hipaa_guard.library_version() RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_library_version';
COMMENT ON FUNCTION hipaa_guard.library_version() IS
'Version of the loaded library; pg_extension has the version of the SQL objects, which may be older until ALTER EXTENSION UPDATE.';

CREATE FUNCTION hipaa_guard.append_only() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PH002',
        MESSAGE = format('table hipaa_guard.%s is append-only', TG_TABLE_NAME),
        DETAIL = 'What was put on record stays.',
        HINT = 'Add a row that says what is true now.';
END $$;
COMMENT ON FUNCTION hipaa_guard.append_only() IS 'Internal: trigger function that refuses with PH002.';
REVOKE ALL ON FUNCTION hipaa_guard.append_only() FROM PUBLIC;

GRANT USAGE ON SCHEMA hipaa_guard TO PUBLIC;
