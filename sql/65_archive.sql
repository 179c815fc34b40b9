--
-- Goal: nothing of the trail goes before its term unless an archive has shown that it has it; what goes and what stays is
-- said row by row, and the trail that is left still verifies. Method: small segments; an acknowledgement with the wrong
-- digest, then with the right one; agreements of different terms.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;

-- Three segments at least: each statement's text is new and has 4 kB. Writing is the writer's, so it is awaited.
ALTER SYSTEM SET hipaa_guard.audit_segment_size = '64kB';
SELECT pg_reload_conf();
\c -
CREATE FUNCTION pg_temp.fill(segments int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint := segments + coalesce((SELECT max(segment) FROM hipaa_guard.audit_segments_read()), 0);
BEGIN
    SET LOCAL hipaa_guard.audit_unflagged = on;
    FOR n IN 1 .. 3000 LOOP
        EXECUTE format('SELECT count(*) FROM pg_am AS am%s WHERE true%s', n, repeat(' AND true', 400));
        IF n % 25 = 0 THEN
            PERFORM hipaa_guard.audit_flush();
            EXIT WHEN (SELECT max(segment) FROM hipaa_guard.audit_segments_read()) >= wanted;
        END IF;
    END LOOP;
END $$;
SELECT pg_temp.fill(4);
SELECT count(*) >= 4 AS enough, count(*) FILTER (WHERE NOT closed) AS being_written, min(first_seq) AS first,
       bool_and(last_seq >= first_seq) AS ascending, bool_and(archives = '{}') AS nowhere_else,
       bool_and(keep_until = ended_at + interval '6 years') AS six_years FROM hipaa_guard.audit_segments;
SELECT count(*) AS holes FROM (SELECT first_seq, lag(last_seq) OVER (ORDER BY segment) AS before FROM hipaa_guard.audit_segments) s
 WHERE first_seq <> before + 1;

-- Without an archive nothing goes, whatever is asked for.
SELECT segment, removed, regexp_replace(reason, '\d{4}-\d\d-\d\d', 'DATE') AS reason FROM hipaa_guard.purge_audit('infinity')
 WHERE segment < 3;
SELECT DISTINCT reason FROM hipaa_guard.purge_plan('infinity') WHERE segment >= 3;
SELECT count(*) FROM hipaa_guard.purge_audit('2020-01-01');
SELECT hipaa_guard.purge_audit(NULL);
SELECT count(*) >= 4 AS all_there FROM hipaa_guard.audit_segments;

-- Archives: what is incomplete, or holds a password, is refused.
SELECT hipaa_guard.register_archive('vault', 'object storage', 's3://trail-of-clinic/');
SELECT hipaa_guard.register_archive('vault', NULL, 's3://trail-of-clinic/');
SELECT hipaa_guard.register_archive(' ', 'object storage', 's3://trail-of-clinic/');
SELECT hipaa_guard.register_archive('other', 'web', 'https://user:secret@example.org/');
DELETE FROM hipaa_guard.archive;

-- An acknowledgement is believed only with the digest of the file.
SELECT last_seq AS last1 FROM hipaa_guard.audit_segments WHERE segment = 1 \gset
SELECT last_seq AS last2 FROM hipaa_guard.audit_segments WHERE segment = 2 \gset
\set VERBOSITY terse
SELECT hipaa_guard.acknowledge_archive('vault', :last1, repeat('0', 64));
SELECT hipaa_guard.acknowledge_archive('vault', :last1 - 1, hipaa_guard.audit_segment_digest(1));
SELECT hipaa_guard.acknowledge_archive('nobody', :last1, hipaa_guard.audit_segment_digest(1));
SELECT hipaa_guard.acknowledge_archive('vault', :last1, NULL);
\set VERBOSITY default
SELECT hipaa_guard.audit_segment_digest(1) = encode(sha256(pg_read_binary_file('hipaa_guard/audit/' || file)), 'hex') AS digest_of_file
  FROM hipaa_guard.audit_segments WHERE segment = 1;
SELECT hipaa_guard.acknowledge_archive('vault', :last1, hipaa_guard.audit_segment_digest(1)) AS id;
SELECT segments, first_seq, last_seq = :last1 AS last_same FROM hipaa_guard.archives;

-- A purge with what may yet be rolled back is refused, or the files would be gone and the acknowledgement, too.
BEGIN;
SELECT hipaa_guard.acknowledge_archive('vault', :last2, upper(hipaa_guard.audit_segment_digest(2))) > 0 AS acknowledged;
SELECT hipaa_guard.purge_audit('infinity');
ROLLBACK;

-- Now the first segment goes, and no other; the archive's duty is shown; what is left verifies, and is read.
SELECT segment, first_seq, last_seq = :last1 AS last_same, bytes > 0 AS bytes, removed,
       regexp_replace(reason, '\d{4}-\d\d-\d\d', 'DATE') AS reason
  FROM hipaa_guard.purge_audit('infinity') WHERE segment < 3;
SELECT min(segment), min(first_seq) = :last1 + 1 AS first_same FROM hipaa_guard.audit_segments;
SELECT ok, first_seq = :last1 + 1 AS first_same, gaps, problem FROM hipaa_guard.audit_verify();
SELECT min(seq) = :last1 + 1 AS first_same FROM hipaa_guard.audit_log;
SELECT keep_until > now() + interval '5 years 11 months' AS duty FROM hipaa_guard.archives;
SELECT (SELECT segments FROM hipaa_guard.stat_audit) = (SELECT count(*) FROM hipaa_guard.audit_segments) AS segments_counted;

-- A segment that differs from what was acknowledged stays: here the archive has another one of that number.
INSERT INTO hipaa_guard.archive_acknowledgement (archive, segment, first_seq, last_seq, ended_at, digest)
    VALUES ('vault', 2, :last1 + 1, :last2, now(), repeat('a', 64));
SELECT removed, regexp_replace(reason, '\d{4}-\d\d-\d\d', 'DATE') AS reason FROM hipaa_guard.purge_audit('infinity') WHERE segment = 2;
SELECT hipaa_guard.acknowledge_archive('vault', :last2, hipaa_guard.audit_segment_digest(2)) > 0 AS acknowledged;
-- And before its time is up, as the caller says: it holds events of later.
SELECT removed, reason FROM hipaa_guard.purge_audit((SELECT began_at + interval '1 microsecond' FROM hipaa_guard.audit_segments
                                                    WHERE segment = 2));
SELECT count(*) FILTER (WHERE removed) AS removed FROM hipaa_guard.purge_audit('infinity');

-- A longer agreement counts at once, a shorter one changes nothing; each database of the cluster sees both.
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date, NULL, '10 years') > 0 AS recorded;
SELECT hipaa_guard.record_baa('BAA-2', 'Example Hosting', current_date, NULL, '1 month') > 0 AS recorded;
SELECT bool_and(keep_until = ended_at + interval '10 years') AS ten_years FROM hipaa_guard.audit_segments;
SELECT term, source FROM hipaa_guard.audit_retention() ORDER BY source COLLATE "C", term;
CREATE DATABASE regress_other;
\c regress_other
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
SELECT bool_and(keep_until = ended_at + interval '10 years') AS ten_years FROM hipaa_guard.audit_segments;
SELECT count(*) FILTER (WHERE removed) AS removed FROM hipaa_guard.purge_audit('infinity');
\c contrib_regression
DROP DATABASE regress_other;

-- All of it is in the trail; and it is a superuser's business.
SELECT hipaa_guard.audit_flush();
SELECT command_tag, outcome, object_type, count(*) FROM hipaa_guard.audit_log
 WHERE command_tag IN ('REGISTER ARCHIVE', 'ACKNOWLEDGE ARCHIVE', 'PURGE AUDIT') GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT state, percent BETWEEN 0 AND 79 AS percent, max_bytes FROM hipaa_guard.audit_storage;
CREATE ROLE regress_nobody;
SET ROLE regress_nobody;
SELECT hipaa_guard.purge_audit('infinity');
SELECT hipaa_guard.register_archive('a', 'b', 'c');
SELECT hipaa_guard.audit_remove_segments(17);
TABLE hipaa_guard.archives;
