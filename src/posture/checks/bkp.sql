-- Checks of area BKP.  Backup, archive, standby, restore.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('BKP-01', 'high', 'WAL archiving off',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'archive_mode' AND reset_val = 'off'$$,
'ALTER SYSTEM SET archive_mode = on; then restart the server.',
'164.308(a)(7)(ii)(A)', '7.4', NULL, 'RDS backup enabled; Supabase PITR'),
('BKP-02', 'critical', 'archive_mode on without a command or library',
$$SELECT 'archive_command', 'empty' WHERE current_setting('archive_mode') <> 'off' AND
    current_setting('archive_command') IN ('', '(disabled)') AND coalesce(current_setting('archive_library',
    true), '') = ''$$,
'ALTER SYSTEM SET archive_command = ''...''; SELECT pg_reload_conf(); Or archive_library.',
'164.308(a)(7)(ii)(A)', '7.4', NULL, NULL),
('BKP-03', 'critical', 'Archiver failing',
$$SELECT 'pg_stat_archiver', failed_count || ' failures' FROM pg_stat_archiver WHERE last_failed_time >
    coalesce(last_archived_time, '-infinity')$$,
'Look for archive errors in the server log and correct archive_command or the target.',
'164.308(a)(7)(ii)(A)', '7.4', NULL, NULL),
('BKP-04', 'medium', 'Nothing archived for an hour',
$$SELECT 'pg_stat_archiver', CASE WHEN last_archived_time IS NULL THEN 'never' ELSE 'over an hour ago' END FROM
    pg_stat_archiver WHERE current_setting('archive_mode') <> 'off' AND coalesce(last_archived_time,
    '-infinity') < now() - interval '1 hour'$$,
'ALTER SYSTEM SET archive_timeout = ''5min''; SELECT pg_reload_conf();',
'164.308(a)(7)(ii)(A); NPRM 48 h', '7.4', NULL, NULL),
('BKP-05', 'medium', 'Archive command copies without encryption',
$$SELECT 'archive_command', 'plain copy' WHERE current_setting('archive_command') ~
    '(^|[;&| ])(cp|mv|rsync|scp)\M' AND current_setting('archive_command') !~ '(gpg|age|openssl|--sse|cipher)'$$,
'Encrypt in archive_command (gpg, age, or a backup tool with a cipher).',
'164.312(a)(2)(iv); 164.310(d)(1)', '7.4', 'V-261931', NULL),
('BKP-06', 'high', 'wal_level minimal',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'wal_level' AND reset_val = 'minimal'$$,
'ALTER SYSTEM SET wal_level = ''replica''; then restart the server.',
'164.308(a)(7)(ii)(B)', '7.4', NULL, NULL),
('BKP-07', 'high', 'Base backup on an unencrypted connection now',
$$SELECT 'pid ' || b.pid, 'no TLS' FROM pg_stat_progress_basebackup b JOIN pg_stat_ssl s USING (pid) JOIN
    pg_stat_activity a USING (pid) WHERE NOT s.ssl AND a.client_addr IS NOT NULL$$,
'Edit pg_hba.conf (SHOW hba_file): admit replication by hostssl only; then SELECT pg_reload_conf();',
'164.312(e)(1)', '7.3', 'V-261932', NULL);

-- These an attestation can answer.
INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other, attest, attest_age) VALUES
('BKP-08', 'high', 'Last recorded base backup older than 48 h',
NULL,
'Take a base backup, then SELECT hipaa_guard.attest(''backup'', ''who'', ''where it is'', now() + interval ''2 days'');',
'164.308(a)(7)(ii)(A); NPRM 48 h', '7.3; 8.2', NULL, NULL,
'{backup}', '48 hours'),
('BKP-09', 'medium', 'No restore test recorded in 12 months',
NULL,
'Restore a backup on another machine, then SELECT hipaa_guard.attest(''restore_test'', ''who'', ''where the notes are'');',
'164.308(a)(7)(ii)(D)', '7.3', NULL, NULL,
'{restore_test}', '1 year'),
('BKP-10', 'low', 'No streaming standby',
$$SELECT 'pg_stat_replication', '0' WHERE NOT pg_is_in_recovery() AND NOT EXISTS (SELECT FROM pg_stat_replication)$$,
'Set up a streaming standby, or attest(''availability'', ...) where the platform keeps a copy.',
'164.308(a)(7)(ii)(C)', '7.5', NULL, 'RDS multi-AZ',
'{availability}', '1 year'),
('BKP-11', 'low', 'Restore-time objective (72 h) not recorded',
NULL,
'SELECT hipaa_guard.attest(''rto'', ''who'', ''where the contingency plan states 72 hours or less'');',
'164.308(a)(7)(ii)(B); NPRM 72 h', NULL, NULL, NULL,
'{rto}', '1 year');

UPDATE hipaa_guard.posture_check SET applies = $$current_setting('archive_mode') <> 'off'$$
 WHERE id IN ('BKP-02', 'BKP-03', 'BKP-04', 'BKP-05');
UPDATE hipaa_guard.posture_check SET applies = $$NOT pg_is_in_recovery()$$
 WHERE id = 'BKP-10';
