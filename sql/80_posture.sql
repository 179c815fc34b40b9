-- Goal: posture() gives one row a check, whoever plays with the session's settings, and a check that
-- cannot run is a row of its own.
-- Method: shapes and single checks of which both outcomes can be had in one session; the table
-- test/posture_cases.tsv, run by a TAP test, does all the others.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
RESET client_min_messages;

SELECT count(*) AS checks, count(DISTINCT id) AS distinct_ids, bool_and(findings >= 0) AS counted,
       bool_and(remedy <> '') AS remedied, bool_and(status <> 'fail' OR evidence <> '') AS evident
  FROM hipaa_guard.posture();
SELECT area, count(*) FROM hipaa_guard.posture() GROUP BY area ORDER BY area COLLATE "C";
SELECT id, status, evidence FROM hipaa_guard.posture() WHERE status = 'error';
SELECT bool_and(cis IS NOT NULL) FROM hipaa_guard.posture('cis');
SELECT bool_and(stig IS NOT NULL) FROM hipaa_guard.posture('stig');
SELECT * FROM hipaa_guard.posture('soc2');
SELECT * FROM hipaa_guard.posture(NULL);

CREATE FUNCTION show(VARIADIC ids text[]) RETURNS TABLE (id text, status text, findings bigint, evidence text)
    LANGUAGE sql AS $$
    SELECT id, status, findings, evidence FROM hipaa_guard.posture() WHERE id = ANY (ids) ORDER BY id COLLATE "C" $$;

-- A finding, its evidence, and its end.
SELECT * FROM show('PRIV-02', 'PRIV-13', 'RLS-05');
CREATE ROLE regress_creator CREATEROLE;
CREATE TABLE "Visits; --" (id int);
GRANT SELECT ON "Visits; --" TO PUBLIC;
CREATE POLICY p ON "Visits; --" USING (id > 0);
SELECT * FROM show('PRIV-02', 'PRIV-13', 'RLS-05');
ALTER ROLE regress_creator NOCREATEROLE;
REVOKE SELECT ON "Visits; --" FROM PUBLIC;
ALTER TABLE "Visits; --" ENABLE ROW LEVEL SECURITY;
SELECT * FROM show('PRIV-02', 'PRIV-13', 'RLS-05');

-- More than five findings are counted, five are shown.
DO $$ BEGIN FOR i IN 1..7 LOOP EXECUTE format('CREATE TABLE t%s (id int); GRANT SELECT ON t%s TO PUBLIC', i, i); END LOOP; END $$;
SELECT * FROM show('PRIV-13');
DO $$ BEGIN FOR i IN 1..7 LOOP EXECUTE format('DROP TABLE t%s', i); END LOOP; END $$;

-- What the session sets for itself does not count.
SELECT * FROM show('SESS-01');
SET idle_session_timeout = '5min';
SELECT * FROM show('SESS-01');
RESET idle_session_timeout;

-- A hostile session: names and operators in front of pg_catalog, the old string syntax, quoting everything.
CREATE SCHEMA evil;
CREATE FUNCTION evil.always(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.always);
CREATE VIEW evil.pg_settings AS SELECT 'ssl'::text AS name, 'on'::text AS setting, 'on'::text AS reset_val;
CREATE TEMP TABLE pg_roles (rolname name);
CREATE TEMP TABLE before AS SELECT id, status, findings, evidence FROM hipaa_guard.posture();
SET search_path = evil, pg_catalog, public;
SET escape_string_warning = off;
SET standard_conforming_strings = off;
SET quote_all_identifiers = on;
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET backslash_quote = on;
CREATE TEMP TABLE after AS SELECT id, status, findings, evidence FROM hipaa_guard.posture();
RESET ALL;
(TABLE before EXCEPT TABLE after) UNION ALL (TABLE after EXCEPT TABLE before);
DROP SCHEMA evil CASCADE;
DROP TABLE before, after, pg_temp.pg_roles;

-- A check that cannot run is an error row with a code and no message.
INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy)
    VALUES ('CFG-98', 'low', 'broken', $$SELECT 'x', (1 / 0)::text$$, 'none'),
           ('CFG-99', 'low', 'nulls', $$SELECT NULL, NULL UNION ALL SELECT 'it''s', ''$$, 'none');
SELECT * FROM show('CFG-98', 'CFG-99');
DELETE FROM hipaa_guard.posture_check WHERE id IN ('CFG-98', 'CFG-99');

-- An attestation answers for its checks until it ends; all topics are needed.
SELECT * FROM show('HIP-11', 'HIP-12');
SELECT hipaa_guard.attest('private_network', 'Security office', 'VPN configuration 12') > 0;
SELECT hipaa_guard.attest('MFA', 'Security office', 'IdP policy 3') > 0;
SELECT * FROM show('HIP-11', 'HIP-12');
SELECT hipaa_guard.attest('client_encryption', 'Mobile team', 'SQLCipher review'),
       hipaa_guard.attest('device_disposal', 'Mobile team', 'MDM policy') > 0;
SELECT * FROM show('HIP-11');
SELECT topic, attested_by, evidence, expires_at > now() AS in_force FROM hipaa_guard.attestations ORDER BY topic;
SELECT hipaa_guard.attest('', 'x', 'y');
SELECT hipaa_guard.attest(NULL, 'x', 'y');
SELECT hipaa_guard.attest('two words', 'x', 'y');
SELECT hipaa_guard.attest('mfa', E' \n', 'y');
SELECT hipaa_guard.attest('mfa', 'x', 'y', now() - interval '1 day');
SELECT hipaa_guard.attest('mfa', 'x', 'y', 'infinity');

SELECT hipaa_guard.attest('mfa', 'x', 'SSN 536-22-8714 was shown') > 0;

-- An accepted risk covers what was found that day and nothing else.
ALTER ROLE regress_creator CREATEROLE;
SELECT hipaa_guard.accept_risk('priv-02', 'needed until the migration', now() + interval '30 days') > 0;
SELECT * FROM show('PRIV-02');
CREATE ROLE regress_second CREATEROLE;
SELECT * FROM show('PRIV-02');
SELECT check_id, reason, evidence, cardinality(objects) FROM hipaa_guard.accepted_risks;
SELECT hipaa_guard.accept_risk('PRIV-99', 'x', now() + interval '1 day');
SELECT hipaa_guard.accept_risk('PRIV-02', 'x', NULL);
SELECT hipaa_guard.accept_risk('PRIV-02', 'x', 'infinity');
SELECT hipaa_guard.accept_risk('PRIV-02', NULL, now() + interval '1 day');
DROP ROLE regress_second;

-- Evidence is masked: a name can carry PHI itself.
CREATE TABLE ssn_536_22_8714 (id int);
GRANT SELECT ON ssn_536_22_8714 TO PUBLIC;
SELECT id, status, evidence ~ '536.?22' AS leaks FROM show('META-01', 'PRIV-13');
DROP TABLE ssn_536_22_8714;

-- Nobody but a superuser, unless granted; then he sees what a superuser sees.
CREATE ROLE regress_auditor;
SET ROLE regress_auditor;
SELECT count(*) FROM hipaa_guard.posture();
SELECT hipaa_guard.accept_risk('PRIV-02', 'x', now() + interval '1 day');
SELECT hipaa_guard.attest('mfa', 'x', 'y');
SELECT * FROM hipaa_guard.ledger;
RESET ROLE;
GRANT EXECUTE ON FUNCTION hipaa_guard.posture(text) TO regress_auditor;
SET ROLE regress_auditor;
SELECT count(*) FROM hipaa_guard.posture() WHERE status = 'error';
SELECT * FROM show('PRIV-02');
RESET ROLE;

-- The ledger holds, and does not change.
SELECT ok, entries > 0 AS some, problem FROM hipaa_guard.ledger_verify();
UPDATE hipaa_guard.ledger SET recorded_by = 'nobody';
DELETE FROM hipaa_guard.ledger;
TRUNCATE hipaa_guard.ledger;
SET session_replication_role = replica;
DELETE FROM hipaa_guard.ledger WHERE entry = 2;
RESET session_replication_role;
ALTER TABLE hipaa_guard.ledger DISABLE TRIGGER append_only;
UPDATE hipaa_guard.ledger SET body = body || '{"by": "someone else"}' WHERE entry = 2;
SELECT * FROM hipaa_guard.ledger_verify();
DELETE FROM hipaa_guard.ledger WHERE entry = 2;
SELECT * FROM hipaa_guard.ledger_verify();

DROP OWNED BY regress_auditor;
DROP ROLE regress_auditor, regress_creator;
