--
-- Goal: with the glass broken refusals of settings and features are warnings, for this session and from the commit on;
-- never those of the flag; the entry must be reviewed by somebody else. Method: SQLSTATEs before, during and after.
--
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
CREATE EXTENSION hipaa_guard;
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
SELECT hipaa_guard.enable('BAA-1');

-- A reason, and from 1 to 240 minutes.
SELECT hipaa_guard.break_glass(NULL);
SELECT hipaa_guard.break_glass(E' \n');
SELECT hipaa_guard.break_glass('fire', 0);
SELECT hipaa_guard.break_glass('fire', 241);
BEGIN READ ONLY;
SELECT hipaa_guard.break_glass('fire');
ROLLBACK;

-- What is rolled back leaves the glass whole.
BEGIN;
SELECT hipaa_guard.break_glass('drill');
ROLLBACK;
SELECT pg_read_file('PG_VERSION');
BEGIN;
SAVEPOINT before;
SELECT hipaa_guard.break_glass('drill');
ROLLBACK TO before;
COMMIT;
SELECT pg_read_file('PG_VERSION');

-- It counts from the commit on.
BEGIN;
SELECT hipaa_guard.break_glass('power failure in the main building', 5);
SAVEPOINT before;
SELECT pg_read_file('PG_VERSION');
ROLLBACK TO before;
COMMIT;
SELECT length(pg_read_file('PG_VERSION')) > 0 AS passed;
SET log_min_messages = fatal;
RESET log_min_messages;

-- The flag, its objects and its deletion are out of reach.
DROP EXTENSION hipaa_guard;
DELETE FROM hipaa_guard.emergency;
DO $$ BEGIN EXECUTE format('SECURITY LABEL FOR hipaa_guard ON DATABASE %I IS NULL', current_database()); END $$;

-- Only this session.
SELECT reason, minutes, session_user_name = session_user AS mine, ends_at - started_at <= interval '5 minutes' AS ends, reviewed_at
  FROM hipaa_guard.emergency_access;
SELECT id FROM hipaa_guard.emergency_access \gset
\c
\set VERBOSITY sqlstate
SELECT pg_read_file('PG_VERSION');

-- The review.
SELECT hipaa_guard.review_emergency(:id, 'looked at it myself');
CREATE ROLE regress_hipaa_reviewer LOGIN SUPERUSER;
-- Who is somebody else by SET SESSION AUTHORIZATION only, is not.
SET SESSION AUTHORIZATION regress_hipaa_reviewer;
SELECT hipaa_guard.review_emergency(:id, 'looked at it myself');
\c - regress_hipaa_reviewer
\set VERBOSITY sqlstate
SELECT hipaa_guard.review_emergency(:id, '');
SELECT hipaa_guard.review_emergency(:id, 'was needed, nothing else was done');
SELECT hipaa_guard.review_emergency(:id, 'again');
SELECT reviewed_at IS NOT NULL AS reviewed, reviewed_by, review FROM hipaa_guard.emergency_access;
