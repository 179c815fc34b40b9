-- Goal: in a HIPAA project nobody can leave out what must be recorded: reads and writes of labelled columns, COPY, and
-- the classes auth, role, ddl, config and guard.
-- Method: a superuser leaves out everything that the setting knows, makes the project and works; what stands in the trail.
\set VERBOSITY sqlstate
CREATE EXTENSION hipaa_guard;
CREATE TABLE patients (id int, ssn text);
CREATE TABLE rooms (id int);
CREATE TABLE visits (id int, ssn text) PARTITION BY RANGE (id);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (10);
CREATE TABLE owners (id int PRIMARY KEY);
CREATE TABLE pets (owner int REFERENCES owners, ssn text);
SECURITY LABEL FOR hipaa_guard ON COLUMN visits.ssn IS 'phi:ssn';
SECURITY LABEL FOR hipaa_guard ON COLUMN pets.ssn IS 'phi:ssn';
SECURITY LABEL FOR hipaa_guard ON COLUMN patients.ssn IS 'phi:ssn';
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date, NULL) > 0 AS recorded;
-- Set before, so that the guard cannot refuse it.
SET hipaa_guard.audit_classes = 'all, -read, -write, -ddl, -role, -function, -auth, -copy, -config, -misc, -guard';
SELECT hipaa_guard.enable('BAA-1');
SELECT hipaa FROM hipaa_guard.project;
SHOW hipaa_guard.audit_classes;
SET hipaa_guard.audit_classes = 'all, -read, -write, -ddl, -role, -function, -auth, -copy, -config, -misc, -guard';
SELECT count(*) AS from_here FROM patients WHERE ssn = '123-45-6789';
SELECT count(*) FROM rooms;
INSERT INTO patients VALUES (1, '123-45-6789');
INSERT INTO rooms VALUES (1);
SELECT id FROM patients;
COPY rooms TO stdout;
CREATE TABLE beds (id int);
-- Other ways to what is labelled: a row as a whole, COPY, a partition, the TOAST table, what deletes rows without naming the column.
SELECT p FROM patients p;
COPY patients TO stdout;
COPY patients (id) TO stdout;
SELECT ssn FROM visits_1;
COPY visits_1 TO stdout;
SELECT format('SELECT count(chunk_id) FROM %s', reltoastrelid::regclass) AS toast FROM pg_class WHERE relname = 'patients' \gset
:toast;
DELETE FROM patients WHERE id = 2;
UPDATE patients SET id = 1 WHERE id = 1;
TRUNCATE rooms;
TRUNCATE visits_1, owners CASCADE;
CREATE ROLE regress_bed;
SET work_mem = '5MB';
DISCARD PLANS;
RESET hipaa_guard.audit_classes;
SELECT hipaa_guard.audit_flush();
SELECT class, command_tag, object_name, columns, phi, database_name = current_database() AS here FROM hipaa_guard.audit_log
    WHERE class NOT IN ('auth', 'guard', 'function') AND detail NOT LIKE '%nested%'
        AND seq >= (SELECT min(seq) FROM hipaa_guard.audit_log WHERE statement LIKE '%AS from_here%') ORDER BY seq;
DROP ROLE regress_bed;
