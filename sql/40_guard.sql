--
-- Goal: no PHI-like text becomes metadata; what names a category, stood there before, or only reads passes; and an answer
-- says where, which category and which rule, and never the text.
-- Method: statements under ddl_policy = reject, which is what a flagged database always has, with their messages.
--
\set VERBOSITY default
CREATE EXTENSION hipaa_guard;
-- Off by default: an unflagged cluster sees no change.
CREATE TABLE john_smith_123_45_6789 (id int);
SET hipaa_guard.ddl_policy = reject;

-- Names.
CREATE TABLE jane_123_45_6780 (id int);
CREATE TABLE visits (id int, jane_123_45_6780 text);
CREATE TABLE visits (id int CONSTRAINT jane_123_45_6780 CHECK (id > 0));
CREATE SCHEMA jane_123_45_6780;
CREATE VIEW v AS SELECT 1 AS jane_123_45_6780;
CREATE TABLE u AS SELECT 1 AS jane_123_45_6780;
SELECT 1 AS jane_123_45_6780 INTO u;
CREATE INDEX jane_123_45_6780 ON john_smith_123_45_6789 (id);
CREATE FUNCTION f(jane_123_45_6780 int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION jane_123_45_6780() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE visits (ssn text, date_of_birth date, mrn text, patient_name text, telephone text, email text);

-- Comments and labels.
COMMENT ON TABLE visits IS 'call 212-555-0187';
COMMENT ON COLUMN visits.mrn IS 'as of MRN 00482913';
CREATE TYPE status AS ENUM ('open', 'Mary Johnson');
CREATE TYPE status AS ENUM ('open', 'closed');
ALTER TYPE status ADD VALUE '123-45-6780';
ALTER TYPE status RENAME VALUE 'open' TO '123-45-6780';

-- Literals of definitions, also escaped, adjacent and put together.
ALTER TABLE visits ADD CHECK (ssn <> '123-45-6780');
ALTER TABLE visits ALTER ssn SET DEFAULT '123-45-6780';
ALTER TABLE visits ALTER ssn SET DEFAULT E'\x31\x32\x33-45-6780';
ALTER TABLE visits ALTER ssn SET DEFAULT U&'\0031\00323-45-6780';
ALTER TABLE visits ALTER ssn SET DEFAULT U&'!0031!00323-45-6780' UESCAPE '!';
ALTER TABLE visits ALTER ssn SET DEFAULT '123-'
    '45-6780';
ALTER TABLE visits ALTER ssn SET DEFAULT '12' || '3-45-6780';
ALTER TABLE visits ALTER ssn SET DEFAULT ('12'::text) || '3-45-6780';
CREATE TABLE U&"jane\005f123_45_6780" (id int);
CREATE VIEW v AS SELECT * FROM visits WHERE ssn = '123-45-6780';
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '123-45-6780' $$;
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '12' || '3-45-6780' $$;
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT E'\x31\x32\x33-45-6780' $$;
CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN U&''!0031!00323-45-6780'' UESCAPE ''!''; END';
CREATE FUNCTION f() RETURNS text LANGUAGE sql RETURN '123-45-6780';
CREATE FUNCTION f(a text DEFAULT '123-45-6780') RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE INDEX ON visits (ssn) WHERE ssn <> '123-45-6780';
CREATE POLICY p ON visits USING (ssn <> '123-45-6780');
CREATE RULE r AS ON INSERT TO visits WHERE new.ssn = '123-45-6780' DO NOTHING;

-- What only the catalogs show afterwards: folded bounds, LIKE, INHERITS, names that the server makes.
SET hipaa_guard.ddl_policy = off;
CREATE TABLE parent (a text DEFAULT '123-45-6780');
COMMENT ON COLUMN parent.a IS 'of 123-45-6780';
CREATE TABLE plain (jane_123_45_6780 int);
SET hipaa_guard.ddl_policy = reject;
CREATE TABLE parts (a text) PARTITION BY LIST (a);
CREATE TABLE part PARTITION OF parts FOR VALUES IN (lpad('3-45-6780', 11, '12'));
CREATE TABLE part (a text);
ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (lpad('3-45-6780', 11, '12'));
CREATE TABLE child () INHERITS (parent);
CREATE TABLE likeness (LIKE parent INCLUDING DEFAULTS);
CREATE TABLE likeness (LIKE parent INCLUDING COMMENTS);
CREATE TABLE likeness (LIKE parent);
CREATE INDEX ON plain (jane_123_45_6780);
ALTER TABLE visits ADD COLUMN added text DEFAULT lpad('3-45-6780', 11, '12');
CREATE TABLE copied AS TABLE plain;

-- Partitions by date, bare dates and numbers are ordinary.
CREATE TABLE events (at date) PARTITION BY RANGE (at);
CREATE TABLE events_p20260101 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
ALTER TABLE visits ADD COLUMN since date DEFAULT '2026-01-01' CHECK (since > '1990-01-01');
CREATE FUNCTION pairs(n int) RETURNS record LANGUAGE sql AS $$
    SELECT CASE n WHEN 1 THEN ROW (1, 2) WHEN 3 THEN ROW (3, 4) END $$;

-- A name that is cut off is told of as often as without the guard: once, and twice by PL/pgSQL.
CREATE TABLE a_name_that_is_longer_than_those_that_a_catalog_has_room_for_here_or_there (a text DEFAULT E'a\tb');
CREATE FUNCTION cut() RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN a_name_that_is_longer_than_those_that_a_catalog_has_room_for_here_or_there || 'x'; END $$;

-- What stood there before is no reason to refuse, and what takes it away passes.
ALTER TABLE john_smith_123_45_6789 ADD COLUMN note text;
COMMENT ON TABLE john_smith_123_45_6789 IS 'an old table';
CREATE INDEX john_idx ON john_smith_123_45_6789 (id);
CREATE INDEX CONCURRENTLY john_smith_123_45_6789 ON visits (ssn);
CREATE DATABASE john_smith_123_45_6789;
CREATE ROLE john_smith_123_45_6789;
ALTER TABLE john_smith_123_45_6789 RENAME TO jane_123_45_6780;
ALTER TABLE john_smith_123_45_6789 RENAME TO patients;
ALTER TABLE parent ALTER a TYPE varchar(20);
ALTER TABLE parent ALTER a DROP DEFAULT;
COMMENT ON COLUMN parent.a IS NULL;
ALTER TABLE plain RENAME jane_123_45_6780 TO id;

-- Data passes, and so does what only reads. What USING computes is data, unless it is the USING of a constraint.
INSERT INTO visits (ssn) VALUES ('123-45-6780');
ALTER TABLE visits ALTER mrn TYPE varchar(20) USING coalesce(mrn, '123-45-6780');
ALTER TABLE visits ALTER mrn TYPE text USING '12' || '3-45-6780', ALTER email SET DEFAULT '123-45-6780';
ALTER TABLE visits ADD CONSTRAINT type EXCLUDE USING btree (mrn WITH =) WHERE (mrn <> '123-45-6780');
CREATE TABLE data AS SELECT '123-45-6780'::text AS ssn;
PREPARE q AS SELECT '123-45-6780' AS a;
EXPLAIN (COSTS OFF) SELECT '123-45-6780';
BEGIN;
DECLARE c CURSOR FOR SELECT '123-45-6780';
ROLLBACK;
COPY (SELECT '123-45-6780') TO STDOUT;
DO $$ BEGIN PERFORM '123-45-6780'; END $$;

-- Routes: DO, functions, procedures, several statements at once; a change of the setting that decides about backslashes.
DO $$ BEGIN EXECUTE format('COMMENT ON TABLE visits IS %L', '123-45' || '-6780'); END $$;
CREATE FUNCTION make(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('CREATE TABLE %I (id int)', name); END $$;
SELECT make('jane_123_45' || '_6780');
EXPLAIN ANALYZE CREATE TABLE explained AS SELECT 1 AS jane_123_45_6780;
SET standard_conforming_strings = off \; COMMENT ON TABLE visits IS 'x\' \; COMMENT ON TABLE visits IS ' 123-45-6780 ';
RESET standard_conforming_strings;
SET hg.note = '123-45-6780';
SELECT set_config('hg.note', '123-45-6780', false);
SELECT set_config('hg.note', '123-45' || substr('x-6780', 2), false);
BEGIN;
SELECT set_config('hg.note', '123-45' || substr('x-6780', 2), true) IS NULL AS unset;
ALTER ROLE CURRENT_USER SET hg.note FROM CURRENT;
ROLLBACK;
UPDATE pg_settings SET setting = '123-45' || substr('x-6780', 2) WHERE name = 'search_path';
SHOW search_path;
SET application_name = 'chart of Mary Johnson';
ALTER SYSTEM SET hg.note = '123-45-6780';
PREPARE TRANSACTION '123-45-6780';
SAVEPOINT jane_123_45_6780;

-- Users are to be known by their names; values of other kinds count there too.
CREATE ROLE regress_mary_johnson;
COMMENT ON ROLE regress_mary_johnson IS 'SSN 123-45-6780';
ALTER ROLE regress_mary_johnson RENAME TO regress_123_45_6780;
DROP ROLE regress_mary_johnson;

-- Warnings say the same, once for each text.
SET hipaa_guard.ddl_policy = warn;
CREATE TABLE warned (jane_123_45_6780 int, note text DEFAULT '123-45-6781');
SET hipaa_guard.ddl_policy = reject;

-- The way out of a false alarm: a whole text, on one surface or all.
SELECT hipaa_guard.allow_text('jane_123_45_6780', 'column name', 'test') > 0 AS allowed;
CREATE TABLE excused (jane_123_45_6780 int);
CREATE TABLE jane_123_45_6780 (id int);
ALTER TABLE excused ADD COLUMN jane_123_45_6781 int;

-- What stands there now, by surface; identities are masked.
SELECT object_type, identity, surface, category, rule FROM hipaa_guard.scan_catalog() ORDER BY 1, 2, 3;
CREATE ROLE regress_nobody;
SET ROLE regress_nobody;
SELECT count(*) FROM hipaa_guard.scan_catalog();
RESET ROLE;
DROP ROLE regress_nobody;
