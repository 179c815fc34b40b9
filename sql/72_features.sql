--
-- Goal: each feature that takes PHI out of data rows or out of the server is blocked in a flagged database, and an
-- exemption opens it for its scope and its time only. Method: each is tried; PH005 is the answer until exempted.
--
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
CREATE EXTENSION hipaa_guard;
SELECT feature FROM hipaa_guard.feature_list() ORDER BY 1;
-- Nothing is blocked without a flag.
CREATE EXTENSION pageinspect;
DROP EXTENSION pageinspect;
SELECT length(pg_read_file('PG_VERSION')) > 0 AS passed;
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
SELECT hipaa_guard.enable('BAA-1');

-- Files and programs of the server.
COPY (SELECT 1) TO PROGRAM 'cat';
COPY (SELECT 1) TO '/nowhere/file';
CREATE TABLE visits (id int);
COPY visits FROM '/nowhere/file';
SELECT pg_read_file('PG_VERSION');
SELECT pg_read_binary_file('PG_VERSION');
SELECT pg_ls_dir('.');
SELECT pg_stat_file('PG_VERSION');
SELECT lo_import('/nowhere/file');
SELECT lo_export(1, '/nowhere/file');
DO $$ BEGIN PERFORM pg_read_file('PG_VERSION'); END $$;
PREPARE reading AS SELECT pg_read_file('PG_VERSION');
EXECUTE reading;

-- Other servers.
CREATE EXTENSION dblink;
CREATE EXTENSION file_fdw;
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example');
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example', sslmode 'require');
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example', sslmode 'verify-full');
ALTER SERVER elsewhere OPTIONS (SET sslmode 'prefer');
ALTER SERVER elsewhere OPTIONS (DROP sslmode);
ALTER SERVER elsewhere OPTIONS (SET host 'other.example');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'u', password_required 'false');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'u');
ALTER USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (ADD password_required 'false');

-- Code.
CREATE EXTENSION pageinspect;
CREATE EXTENSION pg_trgm;
CREATE FUNCTION outside() RETURNS int LANGUAGE c AS 'outside', 'outside';
CREATE FUNCTION outside(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all';
CREATE FUNCTION inside() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION inside(int) RETURNS int RETURN 1;
LOAD 'auto_explain';
ALTER ROLE CURRENT_USER SET session_preload_libraries = 'auto_explain';
ALTER DATABASE contrib_regression SET local_preload_libraries = 'auto_explain';
SET debug_print_parse = on;
SELECT set_config('debug_print_plan', 'on', false);
SET debug_print_plan = off;

-- Replication, and services that no agreement covers.
SELECT pg_logical_emit_message(false, 'prefix', 'text');
SELECT pg_create_logical_replication_slot('slot', 'pgoutput');
CREATE SCHEMA neon_auth;
CREATE ROLE anon;

-- Exemptions: nothing may be missing, and they end.
SELECT hipaa_guard.exempt('server_files', '*', ' ', now() + interval '1 hour');
SELECT hipaa_guard.exempt('server_files', '*', 'import', NULL);
SELECT hipaa_guard.exempt('server_files', '*', 'import', now() - interval '1 hour');
SELECT hipaa_guard.exempt('server_files', '*', 'import', now() + interval '2 years');
SELECT hipaa_guard.exempt('everything', '*', 'import', now() + interval '1 hour');
SELECT hipaa_guard.exempt('server_files', 'pg_read_file', 'import', now() + interval '1 hour');
SELECT length(pg_read_file('PG_VERSION')) > 0 AS passed;
SELECT pg_ls_dir('.');
SELECT hipaa_guard.end_exemption(1);
SELECT hipaa_guard.end_exemption(1);
SELECT pg_read_file('PG_VERSION');
SELECT hipaa_guard.exempt('extension', 'pageinspect', 'support case', now() + interval '1 hour');
CREATE EXTENSION pageinspect;
SELECT hipaa_guard.exempt('server_files', current_user, 'import', now() + interval '1 hour');
SELECT count(*) > 0 AS passed FROM pg_ls_dir('.');
SELECT id, feature, reason, in_force FROM hipaa_guard.exemptions ORDER BY id;
