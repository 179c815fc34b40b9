-- Checks of area SESS.  Sessions and transactions that stay open.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('SESS-01', 'high', 'No idle-session timeout or above 30 min',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'idle_session_timeout' AND (reset_val = '0' OR
    reset_val::bigint > 1800000)$$,
'ALTER SYSTEM SET idle_session_timeout = ''15min''; SELECT pg_reload_conf();',
'164.312(a)(2)(iii)', NULL, 'V-261910', 'Neon session timeout'),
('SESS-02', 'medium', 'No idle-in-transaction timeout',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout' AND reset_val = '0'$$,
'ALTER SYSTEM SET idle_in_transaction_session_timeout = ''5min''; SELECT pg_reload_conf();',
'164.312(a)(2)(iii)', NULL, 'V-261910', NULL),
('SESS-03', 'low', 'No statement timeout',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'statement_timeout' AND reset_val = '0'$$,
'ALTER SYSTEM SET statement_timeout = ''10min''; SELECT pg_reload_conf();',
'164.312(a)(2)(iii)', NULL, 'V-261899', NULL),
('SESS-04', 'low', 'No transaction timeout',
$$SELECT 'transaction_timeout', '0' WHERE current_setting('transaction_timeout', true) = '0'$$,
'ALTER SYSTEM SET transaction_timeout = ''30min''; SELECT pg_reload_conf();',
'164.312(a)(2)(iii)', NULL, 'V-261910', NULL),
('SESS-05', 'low', 'Dead-peer detection not set (keepalives / client check)',
$$SELECT name, reset_val FROM pg_settings WHERE (name = 'client_connection_check_interval' AND reset_val = '0') OR
    (name = 'tcp_keepalives_idle' AND boot_val = '0' AND source = 'default')$$,
'ALTER SYSTEM SET client_connection_check_interval = ''10s''; SELECT pg_reload_conf(); ALTER SYSTEM SET tcp_keepalives_idle = '
'60; SELECT pg_reload_conf();',
'164.312(a)(2)(iii)', NULL, 'V-261899', NULL),
('SESS-06', 'medium', 'Role or database override turns a timeout off',
$$SELECT coalesce(r.rolname, 'ALL') || '/' || coalesce(d.datname, 'ALL'), s FROM pg_db_role_setting x LEFT JOIN
    pg_roles r ON r.oid = x.setrole LEFT JOIN pg_database d ON d.oid = x.setdatabase, unnest(x.setconfig) s
    WHERE s ~
    '^(idle_session_timeout|idle_in_transaction_session_timeout|statement_timeout|transaction_timeout)=(0|.*[dh])'$$,
'ALTER ROLE name RESET setting; or ALTER DATABASE name RESET setting;',
'164.312(a)(2)(iii)', '6.6', 'V-261910', NULL),
('SESS-07', 'medium', 'Session idle beyond 30 min right now',
$$SELECT 'pid ' || pid, usename FROM pg_stat_activity WHERE state = 'idle' AND backend_type = 'client backend' AND
    now() - state_change > interval '30 min'$$,
'SELECT pg_terminate_backend(pid);',
'164.312(a)(2)(iii)', NULL, 'V-261910', NULL),
('SESS-08', 'medium', 'idle_session_timeout is user-settable and not clamped',
$$SELECT 'idle_session_timeout', 'no hipaa_guard.max_idle_session without the flag' WHERE NOT
    (hipaa_guard.database_is_flagged() AND current_setting('shared_preload_libraries') ~ '(^|[,/ "])hipaa_guard')$$,
'SELECT hipaa_guard.enable(...), from when on hipaa_guard.max_idle_session ends idle sessions whatever they have set.',
'164.312(a)(2)(iii)', '6.6', 'V-261910', NULL),
('SESS-09', 'low', 'Prepared transaction older than 1 h',
$$SELECT 'transaction ' || transaction, 'older than 1 h' FROM pg_prepared_xacts WHERE prepared < now() - interval
    '1 hour'$$,
'COMMIT PREPARED or ROLLBACK PREPARED the transaction shown.',
'164.312(c)(1)', NULL, NULL, NULL);

UPDATE hipaa_guard.posture_check SET min_pg = 17 WHERE id = 'SESS-04';
