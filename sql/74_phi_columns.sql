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
