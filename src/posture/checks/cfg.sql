-- Checks of area CFG.  Versions and configuration as a whole.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('CFG-01', 'critical', 'Major version past end of life',
$$SELECT 'PostgreSQL ' || m, 'unsupported since ' || eol FROM (VALUES (15, date '2027-11-11'), (16, date
    '2028-11-09'), (17, date '2029-11-08'), (18, date '2030-11-14'), (19, date '2031-11-13')) v (m, eol) WHERE m
    = current_setting('server_version_num')::int / 10000 AND eol < current_date$$,
'pg_upgrade to a supported major version.',
'164.308(a)(1)(ii)(B)', '1.5', 'V-261937', 'RDS deprecated engine'),
('CFG-02', 'high', 'Minor release behind the recorded latest',
$$SELECT 'PostgreSQL ' || split_part(version, '.', 1), current_setting('server_version_num')::int % 10000 || ' < '
    || split_part(version, '.', 2) FROM hipaa_guard.latest_releases WHERE split_part(version, '.', 1)::int =
    current_setting('server_version_num')::int / 10000 AND split_part(version, '.', 2)::int >
    current_setting('server_version_num')::int % 10000$$,
'Install the latest minor release and restart the server.',
'164.308(a)(5)(ii)(B); NPRM 15/30 d', '1.5', 'V-261936', 'RDS auto minor'),
('CFG-03', 'medium', 'Setting changed but awaiting restart',
$$SELECT name, 'pending restart' FROM pg_settings WHERE pending_restart$$,
'Restart the server.',
'164.308(a)(1)(ii)(B)', '6.3', 'V-261925', NULL),
('CFG-04', 'high', 'Configuration file error',
$$SELECT regexp_replace(sourcefile, '^.*/', '') || ' line ' || sourceline, name FROM pg_file_settings WHERE error
    IS NOT NULL AND error <> 'setting could not be applied'$$,
'Correct the line shown; SELECT pg_reload_conf();',
'164.308(a)(1)(ii)(B)', '6.4', 'V-261924', NULL),
('CFG-05', 'low', 'Security setting taken from ALTER SYSTEM',
$$SELECT name, 'postgresql.auto.conf' FROM pg_settings WHERE sourcefile LIKE '%postgresql.auto.conf' AND name ~
    '^(log_|ssl|password|archive|shared_preload|pgaudit|hipaa)'$$,
'Move the setting to postgresql.conf under version control; ALTER SYSTEM RESET setting;',
'164.308(a)(8)', '6.4', 'V-261924; V-261925', NULL),
('CFG-06', 'low', 'ALTER SYSTEM allowed',
$$SELECT 'allow_alter_system', 'on' WHERE current_setting('allow_alter_system', true) = 'on'$$,
'Set allow_alter_system = off in postgresql.conf; SELECT pg_reload_conf();',
'164.308(a)(8)', '6.4', 'V-261924', NULL),
('CFG-07', 'high', 'Library or extension search path altered',
$$SELECT name, reset_val FROM pg_settings WHERE (name = 'dynamic_library_path' AND reset_val <> '$libdir') OR
    (name = 'extension_control_path' AND reset_val <> '$system')$$,
'ALTER SYSTEM RESET the setting; then restart the server.',
'164.312(a)(1)', '8.3', 'V-261881', NULL),
('CFG-08', 'medium', 'String-literal parsing unsafe',
$$SELECT name, reset_val FROM pg_settings WHERE (name = 'standard_conforming_strings' AND reset_val = 'off') OR
    (name = 'backslash_quote' AND reset_val = 'on')$$,
'ALTER SYSTEM SET standard_conforming_strings = on; SELECT pg_reload_conf(); ALTER SYSTEM SET backslash_quote = '
'''safe_encoding''; SELECT pg_reload_conf();',
'164.312(c)(1)', '6.6', 'V-261905', NULL),
('CFG-09', 'low', 'Shell-out configured (review)',
$$SELECT name, 'set' FROM pg_settings WHERE name IN ('ssl_passphrase_command', 'restore_command',
    'archive_cleanup_command', 'recovery_end_command', 'archive_command') AND reset_val NOT IN ('',
    '(disabled)')$$,
'Review the command shown and who can write its script; then accept_risk(''CFG-09'', ...).',
'164.312(a)(1)', '6.4', 'V-261888', NULL),
('CFG-10', 'low', 'Extra connectable database beside the HIPAA one',
$$SELECT datname, 'connectable' FROM pg_database WHERE datallowconn AND datname NOT IN (current_database(),
    'postgres', 'template1')$$,
'ALTER DATABASE name WITH ALLOW_CONNECTIONS false; or DROP DATABASE name;',
'164.308(a)(4)(ii)(A); NPRM inventory', NULL, 'V-261886', NULL),
('CFG-11', 'medium', 'Developer/ordinary-user override of session_replication_role',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'session_replication_role' AND reset_val <> 'origin'$$,
'ALTER SYSTEM SET session_replication_role = ''origin''; SELECT pg_reload_conf();',
'164.312(b)', '6.5', 'V-261880', NULL),
('CFG-12', 'low', 'post_auth_delay / pre_auth_delay debugging set',
$$SELECT name, reset_val FROM pg_settings WHERE name IN ('post_auth_delay', 'pre_auth_delay') AND reset_val <> '0'$$,
'ALTER SYSTEM RESET the setting; SELECT pg_reload_conf();',
'164.312(a)(1)', '6.2', NULL, NULL);

UPDATE hipaa_guard.posture_check SET min_pg = 17 WHERE id = 'CFG-06';
UPDATE hipaa_guard.posture_check SET applies = $$EXISTS (SELECT FROM hipaa_guard.latest_releases)$$
 WHERE id = 'CFG-02';
