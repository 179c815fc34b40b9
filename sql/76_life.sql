--
-- Goal: findings that are acknowledged become entries of allowed; the vendor's JSON form turns HIPAA on and never off; a
-- restore goes on with warnings until seal() finds nothing new. Method: SQLSTATEs and the view project.
--
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
CREATE EXTENSION hipaa_guard;
CREATE TABLE visits (id int);
COMMENT ON TABLE visits IS 'see 219-09-9999';
-- Statistics hold values of a labelled column: a finding as well, and one that can be acknowledged.
CREATE TABLE patients AS SELECT 'value ' || i % 3 AS ssn FROM generate_series(1, 100) i;
SELECT hipaa_guard.protect('patients', '{ssn}', 'ssn');
ANALYZE patients;
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
SELECT requirement FROM hipaa_guard.preflight() WHERE NOT ok;

-- The JSON form.
SELECT hipaa_guard.update_project(NULL);
SELECT hipaa_guard.update_project('{}');
SELECT hipaa_guard.update_project('{"settings": {"hippa": true}}');
SELECT hipaa_guard.update_project('{"settings": {"hipaa": "yes"}}');
SELECT hipaa_guard.update_project('{"settings": {"hipaa": false}}');
SELECT hipaa_guard.update_project('{"settings": {"hipaa": true}}');

-- A finding that was allowed, or is acknowledged, is none.
SELECT hipaa_guard.enable('BAA-1');
BEGIN;
SELECT hipaa_guard.allow_text('see 219-09-9999', 'comment', 'an example of the manual');
SELECT requirement FROM hipaa_guard.preflight() WHERE NOT ok;
ROLLBACK;
SELECT hipaa_guard.enable('BAA-1', acknowledge_findings => true);
SELECT state, findings_acknowledged FROM hipaa_guard.project;
SELECT surface, reason, in_force FROM hipaa_guard.allowed;
SELECT hipaa_guard.update_project('{"project": {"settings": {"hipaa": true, "audit_log_level": "hipaa"}}}');
SELECT hipaa_guard.update_project('{"project": {"settings": {"hipaa": false}}}');
SELECT hipaa_guard.seal();

-- A restore: as pg_dump --create writes it, the label first, then the extension, its rows and the rest.
CREATE DATABASE restored;
\c restored
\set VERBOSITY sqlstate
SECURITY LABEL FOR hipaa_guard ON DATABASE restored IS 'hipaa on since 2026-01-01';
CREATE TABLE visits (id int);
COMMENT ON TABLE visits IS 'see 219-09-9999';
SELECT hipaa_guard.seal();
CREATE EXTENSION hipaa_guard;
SELECT state, enabled_at FROM hipaa_guard.project;
SELECT hipaa_guard.seal();
COPY hipaa_guard.flag (only_one, enabled_at, enabled_by, baa_reference, findings_acknowledged) FROM stdin (DELIMITER '|');
t|2026-01-01 00:00:00+00|dba|BAA-1|0
\.
UPDATE hipaa_guard.flag SET baa_reference = 'other';
SELECT state, enabled_at = '2026-01-01 00:00:00+00' AS as_dumped, enabled_by FROM hipaa_guard.project;
SELECT hipaa_guard.seal();
COMMENT ON TABLE visits IS 'see the manual';
SELECT hipaa_guard.seal();
SELECT state, enabled_by FROM hipaa_guard.project;
COMMENT ON TABLE visits IS 'see 219-09-9999';

-- Without the label, the row of the dump begins the restore.
CREATE DATABASE restored_plain;
\c restored_plain
\set VERBOSITY sqlstate
CREATE EXTENSION hipaa_guard;
SELECT state FROM hipaa_guard.project;
COPY hipaa_guard.flag (only_one, enabled_at, enabled_by, baa_reference, findings_acknowledged) FROM stdin (DELIMITER '|');
t|2026-01-01 00:00:00+00|dba|BAA-1|0
\.
SELECT state, enabled_by FROM hipaa_guard.project;
SELECT hipaa_guard.seal();
SELECT state, enabled_by FROM hipaa_guard.project;
