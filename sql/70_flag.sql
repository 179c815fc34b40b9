--
-- Goal: a database becomes a HIPAA project only by enable(), under an agreement in force, with its transaction, and
-- stays one. Method: each refusal by its SQLSTATE, and the view project after each step.
--
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
CREATE EXTENSION hipaa_guard;
CREATE FUNCTION pg_temp.sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'passed';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE VIEW pg_temp.state AS SELECT hipaa, state, baa_reference, findings_acknowledged, integrity FROM hipaa_guard.project;
TABLE pg_temp.state;

-- Agreements: what is incomplete or upside down is refused; what is not in force today does not do.
SELECT hipaa_guard.record_baa(NULL, 'Example Hosting', current_date, NULL);
SELECT hipaa_guard.record_baa('BAA-0', 'Example Hosting', current_date, current_date);
SELECT hipaa_guard.record_baa('BAA-0', 'Example Hosting', current_date, NULL, '-1 day');
SELECT pg_temp.sqlstate_of($$ SELECT hipaa_guard.enable(NULL) $$);
SELECT pg_temp.sqlstate_of($$ SELECT hipaa_guard.enable('BAA-1') $$);
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 20, current_date - 10);
SELECT pg_temp.sqlstate_of($$ SELECT hipaa_guard.enable('BAA-1') $$);
SELECT hipaa_guard.record_baa('BAA-2', 'Example Hosting', current_date + 10, NULL);
SELECT pg_temp.sqlstate_of($$ SELECT hipaa_guard.enable('BAA-2') $$);
SELECT requirement FROM hipaa_guard.preflight() WHERE NOT ok AND remedy <> '';
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 20, current_date + 365, '7 years');
SELECT count(*) FROM hipaa_guard.preflight() WHERE NOT ok;

-- What is on record stays.
DELETE FROM hipaa_guard.baa;
UPDATE hipaa_guard.baa SET expires_on = NULL;
TRUNCATE hipaa_guard.baa;

-- Only a superuser, and whole transactions.
CREATE ROLE regress_hipaa_owner;
GRANT ALL ON FUNCTION hipaa_guard.enable, hipaa_guard.begin_flag, hipaa_guard.baa_problem TO regress_hipaa_owner;
SET ROLE regress_hipaa_owner;
SELECT hipaa_guard.enable('BAA-1');
RESET ROLE;
BEGIN;
SELECT hipaa_guard.enable('BAA-1');
ROLLBACK;
TABLE pg_temp.state;
BEGIN;
SAVEPOINT before;
SELECT hipaa_guard.enable('BAA-1');
ROLLBACK TO before;
COMMIT;
TABLE pg_temp.state;
BEGIN;
SELECT hipaa_guard.enable('BAA-1');
PREPARE TRANSACTION 'flag';
TABLE pg_temp.state;

-- Not where databases are copied from, nor where tools connect by default.
\c postgres
CREATE EXTENSION hipaa_guard;
SELECT hipaa_guard.enable('BAA-1');
DROP EXTENSION hipaa_guard;
\c template1
CREATE EXTENSION hipaa_guard;
SELECT hipaa_guard.enable('BAA-1');
DROP EXTENSION hipaa_guard;
\c contrib_regression
\set VERBOSITY sqlstate

SELECT hipaa_guard.enable('BAA-1');
SELECT hipaa, state, enabled_at > now() - interval '1 hour' AS recent, enabled_by = current_user AS by_me, baa_reference,
    restart_pending, findings_acknowledged, integrity FROM hipaa_guard.project;
SELECT hipaa_guard.enable('BAA-1');

-- It stays: the label, the extension, the database.
DO $$ BEGIN EXECUTE format('SECURITY LABEL FOR hipaa_guard ON DATABASE %I IS NULL', current_database()); END $$;
DO $$ BEGIN EXECUTE format('SECURITY LABEL FOR hipaa_guard ON DATABASE %I IS %L', current_database(), 'hipaa on'); END $$;
DROP EXTENSION hipaa_guard;
DROP EXTENSION hipaa_guard CASCADE;
\c postgres
\set VERBOSITY sqlstate
DROP DATABASE contrib_regression;
DROP DATABASE contrib_regression WITH (FORCE);

-- A copy is flagged as well; a renamed one stays so; another one never was.
CREATE DATABASE clinic_copy TEMPLATE contrib_regression;
CREATE DATABASE clinic_other;
ALTER DATABASE clinic_copy RENAME TO clinic_renamed;
\c clinic_renamed
SELECT hipaa, state, baa_reference FROM hipaa_guard.project;
\c clinic_other
CREATE EXTENSION hipaa_guard;
SELECT hipaa, state, baa_reference FROM hipaa_guard.project;

-- What pg_dump --create writes begins a restore, and only a superuser may say so.
SECURITY LABEL FOR hipaa_guard ON DATABASE clinic_other IS 'something else';
ALTER DATABASE clinic_other OWNER TO regress_hipaa_owner;
SET ROLE regress_hipaa_owner;
SECURITY LABEL FOR hipaa_guard ON DATABASE clinic_other IS 'hipaa on';
RESET ROLE;
SECURITY LABEL FOR hipaa_guard ON DATABASE clinic_other IS 'hipaa on since yesterday';
SELECT hipaa, state, baa_reference FROM hipaa_guard.project;
SECURITY LABEL FOR hipaa_guard ON DATABASE clinic_other IS NULL;
-- No label of a dump brings an approved deletion with it.
SECURITY LABEL FOR hipaa_guard ON DATABASE clinic_other IS 'hipaa restoring, deletion approved yesterday';
SELECT label FROM pg_shseclabel WHERE objoid = (SELECT oid FROM pg_database WHERE datname = 'clinic_other');
\c postgres
\set VERBOSITY sqlstate
DROP DATABASE clinic_other;
