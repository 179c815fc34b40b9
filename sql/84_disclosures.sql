-- Goal: an accounting of disclosures (164.528) can be given for each subject without storing who he is.
-- Method: track a table, change it inside and outside of a disclosure, ask; look for identifiers in clear.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
RESET client_min_messages;

CREATE TABLE visits (id int PRIMARY KEY, "Patient no" text, note text);
SELECT hipaa_guard.track_subject('visits', 'Patient no');
INSERT INTO visits SELECT g, 'P-' || g % 3, 'x' FROM generate_series(1, 9) AS g;
SELECT relation, action, count(*), count(DISTINCT subject), bool_and(subject ~ '^S-[0-9a-f]{24}$') AS pseudonyms, count(disclosure)
  FROM hipaa_guard.subject_event GROUP BY 1, 2;
SELECT hipaa_guard.add_disclosed(ARRAY['P-1']);
SELECT hipaa_guard.end_disclosure('x');
SELECT hipaa_guard.begin_disclosure('Dr. Example, 1 Main Street', 'treatment', '164.506(c)');
SELECT hipaa_guard.begin_disclosure('again', 'x', 'y');
UPDATE visits SET note = 'sent' WHERE "Patient no" = 'P-1';
UPDATE visits SET "Patient no" = 'P-7' WHERE id = 2;
SELECT hipaa_guard.add_disclosed(ARRAY['P-2', NULL, 'P-2'], 'lab results of March');
SELECT hipaa_guard.end_disclosure('visits and lab results');
DELETE FROM visits WHERE id = 3;
INSERT INTO visits VALUES (10, NULL, 'nobody');
TRUNCATE visits;
SELECT action, count(*), count(disclosure) FROM hipaa_guard.subject_event GROUP BY 1 ORDER BY 1;
SELECT recipient, description, purpose, authority, disclosure FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-1'));
SELECT recipient, description, purpose, authority, disclosure FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-2'));
SELECT count(*) FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-7'));
SELECT count(*) FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-0'));
SELECT count(*) FROM hipaa_guard.accounting(NULL);
SELECT count(*) FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-1'), 0);
SELECT hipaa_guard.subject_pseudonym(NULL) IS NULL AS null_stays,
       hipaa_guard.subject_pseudonym('P-1') = hipaa_guard.subject_pseudonym('P-1') AS stable;
SELECT count(*) FROM hipaa_guard.subject_event e WHERE e::text LIKE '%P-%';
SELECT disclosure, recipient, ended_at IS NOT NULL AS ended, description, role = session_user AS own FROM hipaa_guard.disclosures;

-- Not to be changed, ended by untrack.
DELETE FROM hipaa_guard.subject_event;
UPDATE hipaa_guard.pseudonym_key SET inner_key = '';
SELECT hipaa_guard.untrack_subject('visits');
INSERT INTO visits VALUES (11, 'P-1', 'x');
SELECT count(*) FROM hipaa_guard.subject_event WHERE action = 'insert';
SELECT hipaa_guard.track_subject('visits', 'no such column');
SELECT hipaa_guard.track_subject('pg_stat_activity', 'pid');
SELECT hipaa_guard.track_subject(NULL, 'id');

-- The trigger runs as a superuser, so a type of the table's owner is not let in, neither at first nor later.
CREATE TYPE mood AS ENUM ('P-1');
CREATE FUNCTION betray(mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'run as %', current_user; RETURN 'x'; END $$;
CREATE CAST (mood AS text) WITH FUNCTION betray(mood);
CREATE TABLE moods (id mood, later text);
SELECT hipaa_guard.track_subject('moods', 'id');
SELECT hipaa_guard.track_subject('moods', 'later');
DROP POLICY hipaa_subject_read ON moods;
ALTER TABLE moods ALTER later TYPE mood USING NULL;
INSERT INTO moods VALUES ('P-1', 'P-1');
SELECT count(*) FROM hipaa_guard.subject_event WHERE relation = 'public.moods';
DROP TABLE moods;

-- An ordinary role writes to the tracked table without rights on the record, and cannot read it.
CREATE ROLE regress_clerk;
GRANT INSERT ON visits TO regress_clerk;
SELECT hipaa_guard.track_subject('visits', 'Patient no');
SET ROLE regress_clerk;
INSERT INTO visits VALUES (12, 'P-9', 'x');
SELECT * FROM hipaa_guard.subject_event;
SELECT hipaa_guard.subject_pseudonym('P-9');
SELECT * FROM hipaa_guard.pseudonym_key;
RESET ROLE;
SELECT count(*) FROM hipaa_guard.subject_event WHERE subject = hipaa_guard.subject_pseudonym('P-9');
DROP TABLE visits;

-- Reads. The table has no row security, and every row stays visible to whom it was.
CREATE TABLE stays (id int PRIMARY KEY, patient text, ward text) PARTITION BY RANGE (id);
CREATE TABLE stays_1 PARTITION OF stays FOR VALUES FROM (0) TO (50);
CREATE TABLE stays_2 PARTITION OF stays FOR VALUES FROM (50) TO (1000);
INSERT INTO stays SELECT g, 'R-' || g % 70, 'ward ' || g % 2 FROM generate_series(1, 99) AS g;
ANALYZE stays;
CREATE ROLE regress_owner;
ALTER TABLE stays OWNER TO regress_owner;
ALTER TABLE stays_1 OWNER TO regress_owner;
ALTER TABLE stays_2 OWNER TO regress_owner;
GRANT SELECT, UPDATE ON stays, stays_1 TO regress_clerk;
SELECT hipaa_guard.track_subject('stays', 'patient');
CREATE FUNCTION since_then(OUT relation text, OUT subjects bigint, OUT events bigint) LANGUAGE plpgsql AS $$
DECLARE
    mark bigint := coalesce(nullif(current_setting('regress.mark', true), '')::bigint, 0);
BEGIN
    PERFORM hipaa_guard.audit_flush();
    SELECT string_agg(DISTINCT a.object_name, ' '), count(DISTINCT s), count(DISTINCT a.seq) INTO relation, subjects, events
      FROM hipaa_guard.audit_log a, string_to_table(split_part(a.detail, ';', 1), ' ') AS s
     WHERE a.command_tag = 'READ SUBJECT' AND a.seq > mark;
    PERFORM set_config('regress.mark', (SELECT max(seq)::text FROM hipaa_guard.audit_log), false);
END $$;
SELECT * FROM since_then();
SET ROLE regress_clerk;
SELECT count(*), count(DISTINCT patient) FROM stays;
RESET ROLE;
SELECT * FROM since_then();
-- A row that an index condition finds, a partition by its own name, a prepared statement, a subquery, the owner himself.
SET ROLE regress_clerk;
SELECT ward FROM stays WHERE id = 7;
RESET ROLE;
SELECT * FROM since_then();
SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'READ SUBJECT'
  AND split_part(detail, ';', 1) = hipaa_guard.subject_pseudonym('R-7');
SET ROLE regress_clerk;
SELECT count(*) FROM stays_1;
RESET ROLE;
SELECT * FROM since_then();
SET ROLE regress_clerk;
PREPARE one(int) AS SELECT ward FROM stays WHERE id = $1;
EXECUTE one(3);
EXECUTE one(4);
SELECT EXISTS (SELECT FROM stays WHERE id = 5);
COPY (SELECT 1 FROM stays WHERE id = 6) TO STDOUT;
SET ROLE regress_owner;
SELECT ward FROM stays WHERE id = 8;
RESET ROLE;
SELECT * FROM since_then();
-- Neither a rollback nor an error nor a read-only transaction takes it back; a cursor tells when it is closed.
SET ROLE regress_clerk;
BEGIN READ ONLY;
SELECT ward FROM stays WHERE id = 9;
ROLLBACK;
SELECT 1 / (length(ward) - 6) FROM stays WHERE id = 10;
BEGIN;
DECLARE c CURSOR FOR SELECT ward FROM stays WHERE id > 90;
FETCH 2 FROM c;
COMMIT;
RESET ROLE;
SELECT * FROM since_then();
-- An UPDATE reads what it changes, and only rows that its caller may see are told.
SET ROLE regress_clerk;
UPDATE stays SET ward = 'ward 3' WHERE id = 11;
RESET ROLE;
SELECT * FROM since_then();
-- A superuser is not seen; his statement is, where the database is a project (081).
SELECT count(*) FROM stays;
SELECT * FROM since_then();
-- A policy of the site's own holds at once: the one that lets all pass steps back, and rows it hides are not told.
CREATE POLICY own ON stays USING (ward = 'ward 1');
SET ROLE regress_clerk;
SELECT count(*), count(DISTINCT patient) FROM stays;
EXPLAIN (COSTS OFF) SELECT * FROM stays_1;
RESET ROLE;
SELECT * FROM since_then();
SECURITY LABEL FOR hipaa_guard ON COLUMN stays.patient IS 'phi';
SELECT id, status, evidence FROM hipaa_guard.posture() WHERE id = 'RLS-01';
DROP POLICY own ON stays;
SELECT id, status, evidence FROM hipaa_guard.posture() WHERE id = 'RLS-01';
CREATE POLICY own ON stays USING (ward = 'ward 1');
SELECT hipaa_guard.untrack_subject('stays');
SELECT relname, relrowsecurity, relforcerowsecurity, (SELECT string_agg(polname, ' ') FROM pg_policy WHERE polrelid = c.oid) AS policies
  FROM pg_class c WHERE relname LIKE 'stays%' AND relkind IN ('r', 'p') ORDER BY relname;
ALTER TABLE stays DISABLE ROW LEVEL SECURITY;
SELECT hipaa_guard.track_subject('stays', 'patient');
ALTER TABLE stays ENABLE ROW LEVEL SECURITY;
SELECT hipaa_guard.track_subject('stays', 'patient'), hipaa_guard.track_subject('stays', 'patient');
SELECT relname, relrowsecurity, relforcerowsecurity, (SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy
  WHERE polrelid = c.oid) AS policies FROM pg_class c WHERE relname LIKE 'stays%' AND relkind IN ('r', 'p') ORDER BY relname;

-- Within a disclosure what is read is disclosed, once a subject, also what was rolled back.
SELECT hipaa_guard.begin_disclosure('A study', 'research', '164.512(i)');
SET ROLE regress_clerk;
BEGIN;
SELECT id FROM stays WHERE id IN (13, 15);
SELECT id FROM stays WHERE id = 13;
ROLLBACK;
RESET ROLE;
SELECT hipaa_guard.end_disclosure('stays of two patients');
SELECT recipient, description, purpose, authority FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('R-13'));
SELECT count(*) FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('R-17'));
SELECT action, relation, count(*) FROM hipaa_guard.subject_event WHERE action = 'read' GROUP BY 1, 2;

-- Pseudonyms are HMAC-SHA-256, which anyone who has the key can compute: inner hash, outer hash, RFC 2104.
SELECT bool_and(get_byte(inner_key, i) # 54 = get_byte(outer_key, i) # 92 AND (i < 32 OR get_byte(inner_key, i) = 54)) AS blocks,
       min(octet_length(inner_key)) AS size, max(octet_length(outer_key)) AS other_size
  FROM hipaa_guard.pseudonym_key, generate_series(0, 63) AS i;
DROP TABLE stays;
DROP ROLE regress_clerk, regress_owner;
