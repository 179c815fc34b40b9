--
-- Goal: no statement takes the flag, the extension's objects or what they enforce away from a flagged database.
-- Method: each route is tried by a superuser; the SQLSTATE is PH003 for the flag and what belongs to it, PH002 for
-- settings, and what is harmless passes.
--
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
CREATE EXTENSION hipaa_guard;
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
SELECT hipaa_guard.enable('BAA-1');

-- The extension and its schema.
DROP EXTENSION hipaa_guard CASCADE;
DROP SCHEMA hipaa_guard CASCADE;
ALTER SCHEMA hipaa_guard RENAME TO elsewhere;
ALTER SCHEMA hipaa_guard OWNER TO CURRENT_USER;
ALTER EXTENSION hipaa_guard DROP VIEW hipaa_guard.project;
ALTER EXTENSION hipaa_guard UPDATE;

-- Its objects.
DROP TABLE hipaa_guard.baa CASCADE;
DROP VIEW hipaa_guard.project;
DROP FUNCTION hipaa_guard.enable;
DROP TRIGGER append_only ON hipaa_guard.baa;
ALTER TABLE hipaa_guard.baa DISABLE TRIGGER ALL;
ALTER TABLE hipaa_guard.baa ADD COLUMN more int;
ALTER TABLE hipaa_guard.baa OWNER TO CURRENT_USER;
ALTER TABLE hipaa_guard.baa RENAME TO other;
ALTER TABLE hipaa_guard.baa SET SCHEMA public;
ALTER FUNCTION hipaa_guard.count_findings() RENAME TO other;
CREATE OR REPLACE FUNCTION hipaa_guard.count_findings() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';

-- New ones among them, or on them.
CREATE FUNCTION hipaa_guard.forged() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW hipaa_guard.forged AS SELECT 1 AS one;
CREATE TABLE hipaa_guard.forged (one int);
CREATE RULE forged AS ON INSERT TO hipaa_guard.baa DO INSTEAD NOTHING;
CREATE TRIGGER forged BEFORE INSERT ON hipaa_guard.baa FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE POLICY forged ON hipaa_guard.baa;
CREATE INDEX ON hipaa_guard.baa (reference);
CREATE TABLE forged () INHERITS (hipaa_guard.baa);
CREATE TABLE forged (LIKE hipaa_guard.baa);
ALTER TABLE forged INHERIT hipaa_guard.baa;
DROP TABLE forged;

-- Their rows.
INSERT INTO hipaa_guard.baa (reference, counterparty, signed_on, retention) VALUES ('x', 'y', current_date, '1 year');
UPDATE hipaa_guard.flag SET approver = 'x';
DELETE FROM hipaa_guard.flag;
TRUNCATE hipaa_guard.flag;
WITH gone AS (DELETE FROM hipaa_guard.flag RETURNING *) SELECT count(*) FROM gone;
MERGE INTO hipaa_guard.flag USING (SELECT 1) one ON true WHEN MATCHED THEN DELETE;
DO $$ BEGIN DELETE FROM hipaa_guard.flag; END $$;
CREATE FUNCTION pg_temp.gone() RETURNS void LANGUAGE sql SET search_path = hipaa_guard AS 'DELETE FROM flag';
SELECT pg_temp.gone();
COPY hipaa_guard.baa (reference, counterparty, signed_on, retention) FROM stdin (DELIMITER '|');
x|y|2026-01-01|1 year
\.
SELECT hipaa_guard.record_baa('BAA-2', 'Example Hosting', current_date - 1, current_date + 365);

-- The catalogs that hold the flag.
DELETE FROM pg_shseclabel;
UPDATE pg_seclabel SET label = 'x';
DELETE FROM pg_extension;
UPDATE pg_proc SET prosrc = 'x';

-- Settings: statements, functions, start-up options, other scopes.
SET hipaa_guard.ddl_policy = off;
SET LOCAL hipaa_guard.log_policy = detect;
SET hipaa_guard.reject_confidence = 0.9;
SET hipaa_guard.redact_confidence = 0.5;
SET hipaa_guard.audit_classes = 'read, write';
SET hipaa_guard.audit_classes = 'all, -auth';
SET allow_system_table_mods = on;
SET log_min_messages = fatal;
SELECT set_config('hipaa_guard.audit_classes', 'all, -guard', false);
SELECT set_config('hipaa_guard.redact_confidence', '0.5', false);
UPDATE pg_settings SET setting = 'off' WHERE name = 'hipaa_guard.log_policy';
CREATE FUNCTION pg_temp.one() RETURNS int LANGUAGE sql SET hipaa_guard.log_policy = off AS 'SELECT 1';
ALTER ROLE CURRENT_USER SET hipaa_guard.log_policy = off;
ALTER DATABASE contrib_regression SET hipaa_guard.log_policy = off;
ALTER ROLE ALL IN DATABASE contrib_regression SET log_min_messages = panic;
ALTER SYSTEM SET shared_preload_libraries = '';
ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements';
ALTER SYSTEM RESET shared_preload_libraries;
ALTER SYSTEM SET shared_preload_libraries = DEFAULT;
ALTER SYSTEM SET hipaa_guard.require_tls = off;
ALTER SYSTEM SET hipaa_guard.max_idle_session = '1h';
ALTER SYSTEM SET hipaa_guard.max_idle_in_transaction = 301;
ALTER SYSTEM SET log_min_messages = 'panic';
ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.1';

-- What is stronger, or harmless, or for other databases, passes.
SET hipaa_guard.reject_confidence = 0.7;
SET hipaa_guard.audit_classes = 'all, -read';
SET log_min_messages = warning;
ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements', '$libdir/hipaa_guard';
ALTER SYSTEM SET hipaa_guard.max_idle_session = '1min';
ALTER SYSTEM SET hipaa_guard.ddl_policy = warn;
ALTER SYSTEM RESET ALL;

-- From another database: the label and the libraries are the cluster's.
\c postgres
\set VERBOSITY sqlstate
DELETE FROM pg_shseclabel;
SECURITY LABEL FOR hipaa_guard ON DATABASE contrib_regression IS NULL;
ALTER SYSTEM SET shared_preload_libraries = '';
ALTER DATABASE contrib_regression SET hipaa_guard.log_policy = off;
SET hipaa_guard.log_policy = off;
DROP DATABASE contrib_regression;

-- DROP OWNED and REASSIGN OWNED reach the extension where another superuser made it.
CREATE ROLE regress_hipaa_maker SUPERUSER;
CREATE DATABASE owned OWNER regress_hipaa_maker;
\c owned
\set VERBOSITY sqlstate
SET SESSION AUTHORIZATION regress_hipaa_maker;
CREATE EXTENSION hipaa_guard;
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
SELECT hipaa_guard.enable('BAA-1');
DROP OWNED BY regress_hipaa_maker CASCADE;
REASSIGN OWNED BY regress_hipaa_maker TO regress_hipaa_maker;
SELECT state FROM hipaa_guard.project;

-- Internal functions are called by others of the extension only.
SELECT hipaa_guard.mark_deletion(true);
SELECT hipaa_guard.note_approvers('-infinity');
SELECT hipaa_guard.set_column_label('pg_class', 'relname', NULL);
SELECT hipaa_guard.change_network('regress_hipaa_maker', '10.0.0.0/8', true);
DO $$ BEGIN PERFORM hipaa_guard.mark_deletion(true); END $$;
SELECT hipaa_guard.allow_network('regress_hipaa_maker', '10.0.0.0/8');

-- Each refusal is an event, which the abort of its statement does not take back.
SELECT hipaa_guard.audit_flush();
SELECT sqlstate, count(*) > 20 AS many FROM hipaa_guard.audit_log
 WHERE class = 'guard' AND outcome = 'refused' AND sqlstate IN ('PH002', 'PH003') GROUP BY 1 ORDER BY 1;
