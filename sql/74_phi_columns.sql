--
-- Goal: labelled columns are known, follow into what is made from them, stay labelled unless a reason is given, and do
-- not leave by a publication or an unlogged table. Method: view phi_columns after each step, and SQLSTATEs.
--
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
CREATE EXTENSION hipaa_guard;
CREATE TABLE patients (id int PRIMARY KEY, ssn text, note text, visits int);
CREATE UNLOGGED TABLE scratch (id int, ssn text);

-- Labels can be set before the flag is, by statement and by function.
SECURITY LABEL FOR hipaa_guard ON COLUMN patients.ssn IS 'phi:ssn';
SECURITY LABEL FOR hipaa_guard ON COLUMN patients.note IS 'secret';
SECURITY LABEL FOR hipaa_guard ON COLUMN patients.note IS 'phi:Not a category';
SECURITY LABEL FOR hipaa_guard ON ROLE CURRENT_USER IS 'phi';
SELECT hipaa_guard.protect('patients', '{note}');
SELECT hipaa_guard.protect('patients', '{nothing}');
SELECT hipaa_guard.protect('patients', NULL);
SELECT table_name, column_name, category FROM hipaa_guard.phi_columns ORDER BY 1, 2;
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
SELECT hipaa_guard.enable('BAA-1');

-- They follow, through expressions, sub-selects, joins and star.
CREATE TABLE copy_of AS SELECT id, upper(ssn) AS shouted, visits FROM patients;
CREATE MATERIALIZED VIEW summary AS SELECT p.visits, s.note FROM patients p JOIN (SELECT id, note FROM patients) s USING (id);
CREATE VIEW window_on AS SELECT * FROM patients;
CREATE VIEW second_window AS SELECT id, ssn || note AS both, (SELECT max(note) FROM patients) AS most FROM window_on;
SELECT id, visits INTO harmless FROM patients;
SELECT table_name, column_name, category FROM hipaa_guard.phi_columns ORDER BY 1, 2;

-- Through set operations, common table expressions, whole rows, functions in FROM, grouping, prepared queries, and views that are
-- older than the label; a category stays where there is one only.
CREATE TABLE older (id int, mrn text);
CREATE VIEW before_label AS SELECT id, lower(mrn) AS mrn FROM older;
SELECT hipaa_guard.protect('older', '{mrn}', 'mrn');
CREATE TABLE f_union AS SELECT 1 AS id, 'none' AS x UNION ALL SELECT id, ssn FROM patients;
CREATE TABLE f_common AS WITH c AS (SELECT upper(ssn) AS s, visits FROM patients) SELECT visits, s FROM c;
CREATE TABLE f_recursive AS WITH RECURSIVE r (a, b, n) AS (SELECT 'x', ssn, 1 FROM patients UNION ALL
    SELECT b, a, n + 1 FROM r WHERE n < 3) SELECT a, n FROM r;
CREATE TABLE f_changed AS WITH d AS (DELETE FROM older RETURNING mrn) SELECT mrn AS x FROM d;
CREATE TABLE f_row AS SELECT to_jsonb(p) AS x, 1 AS y FROM patients p;
CREATE TABLE f_lateral AS SELECT f.x, p.visits FROM patients p, regexp_split_to_table(p.ssn, '-') AS f (x);
CREATE TABLE f_group AS SELECT upper(ssn) AS x, count(*) AS n FROM patients GROUP BY upper(ssn);
CREATE TABLE f_outer AS SELECT (SELECT p.ssn) AS x, visits FROM patients p;
CREATE TABLE f_unused AS SELECT s.visits FROM (SELECT ssn, visits FROM patients) s;
CREATE TABLE f_view AS SELECT mrn AS x FROM before_label;
PREPARE f AS SELECT ssn AS x, visits FROM patients;
CREATE TABLE f_prepared AS EXECUTE f;
CREATE TABLE f_like (LIKE patients);
CREATE TABLE f_child (more int) INHERITS (patients);
SELECT table_name, column_name, category FROM hipaa_guard.phi_columns WHERE table_name LIKE 'f\_%' ORDER BY 1, 2;
DROP TABLE f_union, f_common, f_recursive, f_changed, f_row, f_lateral, f_group, f_outer, f_unused, f_view, f_prepared, f_like, f_child;

-- Into generated columns, whichever comes first; partitions follow their root; a table as a whole.
CREATE TABLE bills (id int, ssn text, short text GENERATED ALWAYS AS (right(ssn, 4)) STORED);
SELECT hipaa_guard.protect('bills', '{ssn}', 'ssn');
ALTER TABLE bills ADD COLUMN long text GENERATED ALWAYS AS (ssn || '.') STORED;
CREATE TABLE parts_of (id int, ssn text) PARTITION BY RANGE (id);
SELECT hipaa_guard.protect('parts_of', '{ssn}', 'ssn');
CREATE TABLE part_one PARTITION OF parts_of FOR VALUES FROM (0) TO (10);
CREATE TABLE from_part AS SELECT ssn AS x, id FROM part_one;
CREATE TABLE whole (id int, a text);
SECURITY LABEL FOR hipaa_guard ON TABLE whole IS 'phi:note';
CREATE VIEW from_whole AS SELECT a FROM whole;
SELECT table_name, column_name, category FROM hipaa_guard.phi_columns
 WHERE table_name IN ('bills', 'from_part', 'from_whole', 'whole', 'part_one') ORDER BY 1, 2;
DROP VIEW from_whole, before_label;
DROP TABLE bills, parts_of, from_part, whole, older;

-- Reads and writes of labelled columns carry phi, through a view and a partition too; of others not.
SELECT count(ssn) FROM patients;
SELECT count(visits) FROM patients;
SELECT count(s.ssn) FROM window_on s;
UPDATE patients SET note = 'x' WHERE false;
SELECT hipaa_guard.audit_flush();
SELECT class, object_name, columns, phi FROM hipaa_guard.audit_log
 WHERE class IN ('read', 'write') AND object_name = 'patients' AND recorded_at > now() - interval '1 hour'
   AND command_tag IN ('SELECT', 'UPDATE') ORDER BY seq DESC LIMIT 4;

-- They stay, unless a reason is given, which is kept.
SECURITY LABEL FOR hipaa_guard ON COLUMN patients.ssn IS NULL;
SELECT hipaa_guard.unprotect('copy_of', '{shouted}', ' ');
SELECT hipaa_guard.unprotect('copy_of', '{shouted}', 'masked by an update');
SELECT table_name, column_name, reason FROM hipaa_guard.unprotected;
SELECT count(*) FROM hipaa_guard.phi_columns WHERE table_name = 'copy_of';

-- Only the owner.
CREATE ROLE regress_hipaa_other;
GRANT EXECUTE ON FUNCTION hipaa_guard.protect, hipaa_guard.set_column_label TO regress_hipaa_other;
SET ROLE regress_hipaa_other;
SELECT hipaa_guard.protect('patients', '{id}');
RESET ROLE;

-- Publications and unlogged tables.
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION parts FOR TABLE patients;
CREATE PUBLICATION parts FOR TABLE patients (id, visits);
ALTER PUBLICATION parts SET TABLE patients;
ALTER PUBLICATION parts ADD TABLE harmless;
CREATE PUBLICATION schemas FOR TABLES IN SCHEMA public;
SELECT pubname, tablename, column_name FROM hipaa_guard.published_phi;
ALTER TABLE patients SET UNLOGGED;
ALTER TABLE harmless SET UNLOGGED;
SELECT hipaa_guard.protect('scratch', '{ssn}');
SET hipaa_guard.publication_policy = warn;
CREATE PUBLICATION more FOR TABLE patients;
RESET hipaa_guard.publication_policy;
DROP PUBLICATION more;
SELECT hipaa_guard.exempt('publication', 'more', 'moving to another server', now() + interval '1 hour');
CREATE PUBLICATION more FOR TABLE patients;
SELECT pubname, tablename, column_name FROM hipaa_guard.published_phi ORDER BY 1, 2, 3;

-- Proposals: counts, never values.
INSERT INTO patients VALUES (1, '219-09-9999', 'call back'), (2, '078-05-1120', NULL), (3, NULL, 'mail to ann@example.com');
SELECT * FROM hipaa_guard.discover('patients');
SELECT * FROM hipaa_guard.discover('patients', 0);

-- Views that read each other, and a temporary table in a schema of others, get the server's own answers.
CREATE TABLE turn_a (a int);
CREATE VIEW turn_1 AS SELECT a FROM turn_a;
CREATE VIEW turn_2 AS SELECT a FROM turn_1;
CREATE OR REPLACE VIEW turn_1 AS SELECT a FROM turn_2;
CREATE VIEW turn_3 AS SELECT a FROM turn_2;
CREATE TEMP TABLE public.turn_b (a int);
CREATE TEMP TABLE public.turn_b AS SELECT 1 AS a;
