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
DROP ROLE regress_clerk;
