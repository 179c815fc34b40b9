-- Goal: the trail says who did what to which object, with its outcome, and holds no value.
-- Method: statements of each kind in one session, then what audit_log has of them, in order.
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
SET hipaa_guard.audit_unflagged = on;
CREATE ROLE regress_auditor;
CREATE ROLE regress_nobody;

-- Shows the events since the last call. Its own are left out.
CREATE TABLE seen (seq bigint);
INSERT INTO seen VALUES (0);
CREATE FUNCTION news(OUT class text, OUT tag text, OUT outcome text, OUT sqlstate text, OUT rows bigint,
    OUT object text, OUT columns text[], OUT statement text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    last bigint := (SELECT max(seen.seq) FROM seen);
BEGIN
    PERFORM hipaa_guard.audit_flush();
    INSERT INTO seen SELECT max(l.seq) FROM hipaa_guard.audit_log l;
    RETURN QUERY SELECT l.class, l.command_tag, l.outcome, l.sqlstate, l.rows,
            concat_ws(' ', l.object_type, concat_ws('.', l.schema_name, l.object_name)), l.columns, l.statement
        FROM hipaa_guard.audit_log l
        WHERE l.seq > last AND l.statement IS DISTINCT FROM 'SELECT * FROM news()' AND l.detail NOT LIKE '%nested%'
            AND l.command_tag IS DISTINCT FROM 'EXECUTE' AND l.class <> 'auth'
            AND l.session_id = (SELECT s.session_id FROM hipaa_guard.audit_log s ORDER BY s.seq DESC LIMIT 1)
        ORDER BY l.seq;
END
$$;
SELECT count(*) > 10 AS there_are_events FROM news();

-- Reading and writing.
CREATE TABLE patients (id int PRIMARY KEY, ssn text, note text);
INSERT INTO patients VALUES (1, '123-45-6789', 'first'), (2, '234-56-7890', 'second');
SELECT ssn FROM patients WHERE id = 1;
UPDATE patients SET note = 'seen by Mary Jones' WHERE id = 2;
DELETE FROM patients WHERE id = 2;
SELECT 1 AS one;
SELECT * FROM news();

-- Views are resolved, partitions stand as their root, a relation that is named twice counts once.
CREATE VIEW names AS SELECT id, note FROM patients;
CREATE TABLE visits (day date, patient int) PARTITION BY RANGE (day);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
SELECT * FROM news();
SELECT note FROM names;
INSERT INTO visits VALUES ('2026-03-04', 1);
SELECT patient FROM visits_1;
SELECT a.id FROM patients a JOIN patients b USING (id);
INSERT INTO patients (id, note) SELECT 3, 'copy' FROM visits;
SELECT * FROM news();

-- Failures: of rights, of values, of syntax, of names, in an aborted transaction.
SET ROLE regress_nobody;
SELECT ssn FROM patients;
RESET ROLE;
SELECT 1 / (id - 1) FROM patients WHERE id = 1;
SELECT 'Mary Jones'::int;
SELEC ssn FROM patients;
SELECT none FROM patients;
INSERT INTO patients VALUES (1, '123-45-6789', 'twice');
BEGIN;
INSERT INTO nowhere VALUES (1);
SELECT ssn FROM patients;
ROLLBACK;
SELECT * FROM news();

-- Transactions, cursors, COPY.
BEGIN;
INSERT INTO patients VALUES (10, NULL, 'kept');
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM patients ORDER BY id;
FETCH 2 FROM c;
ROLLBACK;
COPY patients (id, note) FROM stdin (DELIMITER ',');
20,from a file
21,another
\.
COPY (SELECT id FROM patients WHERE id = 20) TO stdout;
COPY patients FROM '/nonexistent/123-45-6789';
SELECT * FROM news();

SELECT rows FROM hipaa_guard.audit_log WHERE statement LIKE 'DECLARE c CURSOR%' AND class = 'read';

-- DDL, roles, settings, functions, everything else.
CREATE INDEX notes ON patients (note);
ALTER TABLE patients ADD COLUMN phone text;
COMMENT ON COLUMN patients.phone IS 'a comment';
DROP VIEW names;
ALTER ROLE regress_nobody PASSWORD 'secret';
GRANT SELECT ON patients TO regress_nobody;
SET work_mem = '5MB';
SET hipaa_guard.audit_classes = 'al';
SET hipaa_guard.audit_classes = 'all, -misc';
CHECKPOINT;
RESET hipaa_guard.audit_classes;
DO $$ BEGIN PERFORM 'Mary Jones'; END $$;
TRUNCATE visits;
LOCK TABLE patients;
SELECT * FROM news();

-- Nested statements name their parent; side doors of the catalog are told, the rest of it is not.
CREATE FUNCTION nest() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM patients';
SELECT nest();
SELECT hipaa_guard.audit_flush();
SELECT object_name, detail ~ 'nested in statement \d+$' AS nested FROM hipaa_guard.audit_log
    WHERE statement ~ 'SELECT count\(.*FROM patients' AND class = 'read' ORDER BY seq DESC LIMIT 1;
SELECT * FROM news() WHERE false;
SELECT count(*) > 0 AS some FROM pg_class;
SELECT count(*) >= 0 AS some FROM pg_stats;
SELECT count(*) > 0 AS some FROM pg_authid;
SELECT class, tag, object FROM news() WHERE object LIKE '% pg_catalog.pg%' OR statement LIKE '%pg_class%';

-- No value anywhere.
SELECT count(*) AS leaks FROM hipaa_guard.audit_log l
    WHERE l::text ~ '123-45-6789|234-56-7890|Mary Jones|secret|from a file|kept|first|second';

-- Who may read: nobody but superusers and auditors, and these only what is theirs.
SET ROLE regress_nobody;
SELECT count(*) FROM hipaa_guard.audit_log;
SELECT * FROM hipaa_guard.audit_gaps;
SELECT hipaa_guard.audit_checkpoint();
SELECT * FROM hipaa_guard.audit_verify();
SELECT hipaa_guard.audit_flush();
SELECT hipaa_guard.record_event('guard', 'x', NULL, NULL, NULL);
RESET ROLE;
SELECT count(*) AS own FROM hipaa_guard.audit_read(now() - interval '1 hour', now() - interval '59 minutes');
SELECT count(*) > 50 AS own FROM hipaa_guard.audit_read(now() - interval '1 hour', NULL);
SELECT ok, events > 50 AS events, gaps, lost, problem FROM hipaa_guard.audit_verify();
SELECT generated = written + dropped + in_ring AS balanced, dropped, dropped_by_class, segments, last_error FROM hipaa_guard.stat_audit;

DROP TABLE patients, visits, seen;
DROP ROLE regress_auditor, regress_nobody;
