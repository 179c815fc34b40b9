-- Checks of area LOG.  What would bring user values into the server log.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('LOG-01', 'high', 'log_statement logs DML literals',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_statement' AND reset_val IN ('mod', 'all')$$,
'ALTER SYSTEM SET log_statement = ''ddl''; SELECT pg_reload_conf();',
'164.312(b); 164.502(b)', '3.1.25 (conflict: CIS wants <>none; use ddl)',
'V-261861', 'Neon PHI-in-logs; GCP log_statement=ddl; KICS 820882c4 wants all (reject)'),
('LOG-02', 'high', 'log_min_duration_statement logs statement text',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_min_duration_statement' AND reset_val <> '-1'$$,
'ALTER SYSTEM SET log_min_duration_statement = -1; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, 'GCP flag=-1'),
('LOG-03', 'high', 'Sampled statement logging on',
$$SELECT name, reset_val FROM pg_settings WHERE (name = 'log_min_duration_sample' AND reset_val <> '-1') OR (name
    = 'log_transaction_sample_rate' AND reset_val::float > 0)$$,
'ALTER SYSTEM SET log_min_duration_sample = -1; SELECT pg_reload_conf(); ALTER SYSTEM SET log_transaction_sample_rate = 0; '
'SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, NULL),
('LOG-04', 'high', 'Bind parameters logged',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_parameter_max_length' AND reset_val <> '0'$$,
'ALTER SYSTEM SET log_parameter_max_length = 0; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, NULL),
('LOG-05', 'high', 'Bind parameters logged on error',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_parameter_max_length_on_error' AND reset_val <> '0'$$,
'ALTER SYSTEM SET log_parameter_max_length_on_error = 0; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, NULL),
('LOG-06', 'medium', 'STATEMENT of failing query logged without redaction',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_min_error_statement' AND reset_val NOT IN ('panic',
    'fatal') AND NOT hipaa_guard.log_is_masked()$$,
'ALTER SYSTEM SET hipaa_guard.log_policy = ''strict''; SELECT pg_reload_conf(); Without masking: ALTER SYSTEM SET '
'log_min_error_statement = ''panic''; SELECT pg_reload_conf();',
'164.502(b)', '3.1.15 (conflict)', 'V-261909', 'GCP log_min_error_statement'),
('LOG-07', 'medium', 'DETAIL/CONTEXT (row values) logged without redaction',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_error_verbosity' AND reset_val <> 'terse' AND NOT
    hipaa_guard.log_is_masked()$$,
'ALTER SYSTEM SET hipaa_guard.log_policy = ''strict''; SELECT pg_reload_conf(); Without masking: ALTER SYSTEM SET '
'log_error_verbosity = ''terse''; SELECT pg_reload_conf();',
'164.502(b)', '3.1.22 (conflict: CIS=verbose)', 'V-261908; V-261909', 'GCP log_error_verbosity=default'),
('LOG-08', 'high', 'Parse/plan trees printed to the log',
$$SELECT name, reset_val FROM pg_settings WHERE name IN ('debug_print_parse', 'debug_print_rewritten',
    'debug_print_plan', 'debug_print_raw_parse') AND reset_val = 'on'$$,
'ALTER SYSTEM RESET the setting; SELECT pg_reload_conf();',
'164.502(b)', '3.1.16; 3.1.17; 3.1.18', NULL, NULL),
('LOG-09', 'high', 'auto_explain active',
$$SELECT 'auto_explain.log_min_duration', current_setting('auto_explain.log_min_duration', true) WHERE
    coalesce(current_setting('auto_explain.log_min_duration', true), '-1') <> '-1'$$,
'ALTER SYSTEM SET auto_explain.log_min_duration = -1; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, NULL),
('LOG-10', 'high', 'auto_explain parameter logging',
$$SELECT 'auto_explain.log_parameter_max_length', current_setting('auto_explain.log_parameter_max_length', true)
    WHERE coalesce(current_setting('auto_explain.log_parameter_max_length', true), '0') <> '0'$$,
'ALTER SYSTEM SET auto_explain.log_parameter_max_length = 0; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, NULL),
('LOG-11', 'high', 'pgaudit logs parameters',
$$SELECT 'pgaudit.log_parameter', 'on' WHERE current_setting('pgaudit.log_parameter', true) = 'on'$$,
'ALTER SYSTEM SET pgaudit.log_parameter = off; SELECT pg_reload_conf();',
'164.502(b)', '3.2', NULL, 'Neon: off'),
('LOG-12', 'medium', 'pgaudit writes full statement text unredacted',
$$SELECT 'pgaudit.log_statement', 'on' WHERE current_setting('pgaudit.log_statement', true) = 'on' AND NOT
    hipaa_guard.log_is_masked()$$,
'ALTER SYSTEM SET pgaudit.log_statement = off; SELECT pg_reload_conf(); Or hipaa_guard.log_policy = ''strict''.',
'164.502(b)', '3.2', NULL, 'pgaudit#160,#201'),
('LOG-13', 'medium', 'pgaudit output sent to the client',
$$SELECT 'pgaudit.log_client', 'on' WHERE current_setting('pgaudit.log_client', true) = 'on'$$,
'ALTER SYSTEM SET pgaudit.log_client = off; SELECT pg_reload_conf();',
'164.312(b)', '3.2', 'V-261875', NULL),
('LOG-14', 'high', 'Debug-level server messages',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_min_messages' AND reset_val LIKE 'debug%'$$,
'ALTER SYSTEM SET log_min_messages = ''warning''; SELECT pg_reload_conf();',
'164.502(b)', '3.1.14', NULL, 'GCP log_min_messages'),
('LOG-15', 'low', 'client_min_messages below error',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'client_min_messages' AND reset_val <> 'error'$$,
'ALTER SYSTEM SET client_min_messages = ''error''; SELECT pg_reload_conf();',
'164.312(a)(1)', '6.6', 'V-261908; V-261909', NULL),
('LOG-16', 'low', 'application_name printed in every log line',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_line_prefix' AND reset_val LIKE '%!%a%' escape '!'$$,
'Take %a out of log_line_prefix; SELECT pg_reload_conf();',
'164.502(b)', '3.1.24 (conflict: CIS wants app=%a)', NULL, NULL),
('LOG-17', 'medium', 'plpgsql.print_strict_params shows parameter values',
$$SELECT 'plpgsql.print_strict_params', 'on' WHERE current_setting('plpgsql.print_strict_params', true) = 'on'$$,
'ALTER SYSTEM SET plpgsql.print_strict_params = off; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, NULL),
('LOG-18', 'high', 'pg_stat_statements tracks utility text (literals kept)',
$$SELECT 'pg_stat_statements.track_utility', 'on' WHERE current_setting('pg_stat_statements.track_utility', true)
    = 'on'$$,
'ALTER SYSTEM SET pg_stat_statements.track_utility = off; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, 'measured 15-18'),
('LOG-19', 'medium', 'pg_stat_statements text persisted across restarts',
$$SELECT 'pg_stat_statements.save', 'on' WHERE current_setting('pg_stat_statements.save', true) = 'on'$$,
'ALTER SYSTEM SET pg_stat_statements.save = off; SELECT pg_reload_conf();',
'164.310(d)(1)', NULL, NULL, NULL),
('LOG-20', 'medium', 'Crash options that write core dumps',
$$SELECT name, reset_val FROM pg_settings WHERE name IN ('send_abort_for_crash', 'send_abort_for_kill',
    'jit_dump_bitcode', 'jit_debugging_support') AND reset_val = 'on'$$,
'ALTER SYSTEM RESET the setting; SELECT pg_reload_conf();',
'164.310(d)(1); 164.312(a)(1)', NULL, NULL, NULL),
('LOG-21', 'medium', 'Core dumps possible (RLIMIT_CORE>0 or coredump_filter maps shared memory)',
$$SELECT object, value FROM hipaa_guard.host_facts() WHERE fact = 'core_limit'$$,
'Set LimitCORE=0 in the service unit, or ulimit -c 0; then restart the server.',
'164.310(d)(1)', NULL, NULL, NULL),
('LOG-22', 'low', 'Statement-text side effects: lock-wait/temp-file/autovacuum logging on without redaction',
$$SELECT name, reset_val FROM pg_settings WHERE NOT hipaa_guard.log_is_masked() AND ((name = 'log_lock_waits' AND
    reset_val = 'on') OR (name = 'log_temp_files' AND reset_val <> '-1'))$$,
'ALTER SYSTEM SET hipaa_guard.log_policy = ''strict''; SELECT pg_reload_conf();',
'164.502(b)', NULL, NULL, 'GCP wants log_lock_waits on, log_temp_files 0'),
('LOG-23', 'medium', 'Query text visible through pg_stat_activity to monitor members',
$$SELECT 'track_activities', count(*)::text FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid WHERE
    g.rolname IN ('pg_monitor', 'pg_read_all_stats') AND current_setting('track_activities') = 'on' AND a.member
    <> (SELECT oid FROM pg_roles WHERE rolname = 'pg_monitor') HAVING count(*) > 0$$,
'REVOKE pg_monitor, pg_read_all_stats FROM member; or ALTER SYSTEM SET track_activities = off; SELECT pg_reload_conf();',
'164.502(b)', NULL, 'V-261863', NULL),
('LOG-24', 'medium', 'Log directory inside the data directory (copied by base backups)',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'log_directory' AND current_setting('logging_collector') =
    'on' AND (reset_val !~ '^/' OR reset_val LIKE current_setting('data_directory')||'/%')$$,
'ALTER SYSTEM SET log_directory = ''/var/log/postgresql''; SELECT pg_reload_conf();',
'164.310(d)(1)', '3.1.4', 'V-261883', 'pgdsat 3.1.27');

UPDATE hipaa_guard.posture_check SET min_pg = 16 WHERE id = 'LOG-10';
UPDATE hipaa_guard.posture_check SET applies = $$current_setting('pgaudit.log', true) IS NOT NULL$$
 WHERE id IN ('LOG-11', 'LOG-12', 'LOG-13');
UPDATE hipaa_guard.posture_check SET applies = $$current_setting('auto_explain.log_min_duration', true) IS NOT NULL$$
 WHERE id IN ('LOG-09', 'LOG-10');
UPDATE hipaa_guard.posture_check SET applies = $$current_setting('pg_stat_statements.track', true) IS NOT NULL$$
 WHERE id IN ('LOG-18', 'LOG-19');
