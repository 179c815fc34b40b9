-- Goal: the site's own identifiers work at once, in every backend, and go with a rollback.
-- Method: add and drop them, within transactions that commit and that do not, and scan; ask from
-- a second session.
CREATE EXTENSION hipaa_guard;
SET search_path = hipaa_guard;

SELECT count(*) FROM scan_text('order HOSP-48151623 today');
SELECT add_identifier('hospital_number', 'HOSP-99999999');
SELECT category, start_position, length, rule, confidence FROM scan_text('order HOSP-48151623 today');
SELECT redact('order HOSP-48151623 today');
\c -
SELECT category, rule FROM hipaa_guard.scan_text('order HOSP-48151623 today');
SET search_path = hipaa_guard;
SELECT name, category, mask, checksum, cue, confidence, builtin FROM identifiers WHERE NOT builtin;
SELECT count(*) > 20 AS has_builtin FROM identifiers WHERE builtin;

-- a rollback leaves nothing, of a subtransaction neither
BEGIN;
SELECT add_identifier('ward_number', 'WARD-9999');
ROLLBACK;
SELECT count(*) FROM scan_text('moved to WARD-4815');
BEGIN;
SAVEPOINT s;
SELECT add_identifier('ward_number', 'WARD-9999');
ROLLBACK TO s;
SELECT add_identifier('bed_number', 'BED-9999');
COMMIT;
SELECT rule FROM scan_text('moved to WARD-4815, BED-4815');

-- a cue, a checksum
SELECT add_identifier('study_number', '9999999A', cue => 'study');
SELECT count(*) FROM scan_text('file 4815162X');
SELECT rule FROM scan_text('study 4815162X');
SELECT add_identifier('member_number', 'MB99999999', checksum => 'luhn');
SELECT count(*) FROM scan_text('MB12345674');
SELECT count(*) FROM scan_text('MB12345675');

-- what cannot be added
SELECT add_identifier(NULL, '999');
SELECT add_identifier('empty', '');
SELECT add_identifier('words', 'no-position');
SELECT add_identifier('sum', '99999', checksum => 'crc32');
SELECT add_identifier('sure', '99999', confidence => 2);
SELECT add_identifier('hospital_number', '99999');
DO $$
BEGIN
    FOR i IN 1 .. 70 LOOP
        PERFORM hipaa_guard.add_identifier('many' || i, 'M-99999' || i);
    END LOOP;
END $$;
SELECT drop_identifier('unknown');
SELECT drop_identifier('hospital_number');
SELECT count(*) FROM scan_text('order HOSP-48151623 today');

-- not for everybody
CREATE ROLE regress_hg_user;
SET ROLE regress_hg_user;
SELECT hipaa_guard.add_identifier('x', '99999');
SELECT count(*) FROM hipaa_guard.scan_text('ssn 123-45-6789');
RESET ROLE;
DROP ROLE regress_hg_user;

-- What a database brought goes with its extension, and with the database.
CREATE DATABASE hipaa_other;
\c hipaa_other
CREATE EXTENSION hipaa_guard;
SELECT hipaa_guard.add_identifier('ward_number', 'WARD-999999');
SELECT rule FROM hipaa_guard.scan_text('WARD-123456');
\c contrib_regression
SELECT rule FROM hipaa_guard.scan_text('WARD-123456');
DROP DATABASE hipaa_other;
SELECT rule FROM hipaa_guard.scan_text('WARD-123456');
SELECT hipaa_guard.add_identifier('gown_number', 'GOWN-999999');
BEGIN;
DROP EXTENSION hipaa_guard;
ROLLBACK;
SELECT rule FROM hipaa_guard.scan_text('GOWN-123456');
DROP EXTENSION hipaa_guard;
CREATE EXTENSION hipaa_guard;
SELECT rule FROM hipaa_guard.scan_text('GOWN-123456');
