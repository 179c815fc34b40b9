-- Checks of area AUTH.  Who gets in and how: pg_hba.conf, passwords, logins, listening.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('AUTH-01', 'critical', 'trust authentication',
$$SELECT 'line ' || line_number, type FROM pg_hba_file_rules WHERE auth_method = 'trust'$$,
'Edit pg_hba.conf (SHOW hba_file): replace trust by scram-sha-256, or by peer for local; then SELECT pg_reload_conf();',
'164.312(d); (a)(2)(i)', '5.3; 5.4', 'V-261858; V-261890', NULL),
('AUTH-02', 'critical', 'Cleartext password authentication',
$$SELECT 'line ' || line_number, type FROM pg_hba_file_rules WHERE auth_method = 'password'$$,
'Edit pg_hba.conf (SHOW hba_file): replace password by scram-sha-256; then SELECT pg_reload_conf();',
'164.312(d); (e)(2)(ii)', '5.4', 'V-261892', NULL),
('AUTH-03', 'high', 'md5 authentication',
$$SELECT 'line ' || line_number, type FROM pg_hba_file_rules WHERE auth_method = 'md5'$$,
'Edit pg_hba.conf (SHOW hba_file): replace md5 by scram-sha-256, after each role has set its password anew; then SELECT '
'pg_reload_conf();',
'164.312(d)', '5.4', 'V-261892', NULL),
('AUTH-04', 'high', 'ident or radius authentication',
$$SELECT 'line ' || line_number, auth_method FROM pg_hba_file_rules WHERE auth_method IN ('ident', 'radius')$$,
'Edit pg_hba.conf (SHOW hba_file): replace ident and radius by scram-sha-256, cert or gss; then SELECT pg_reload_conf();',
'164.312(d)', '5.4', 'V-261890', NULL),
('AUTH-05', 'high', 'Rule open to every address',
$$SELECT line, 'every address' FROM hipaa_guard.remote_rule() WHERE address IN ('all', '0.0.0.0', '::') OR netmask
    IN ('0.0.0.0', '::')$$,
'Edit pg_hba.conf (SHOW hba_file): name the networks that need access instead of every address; then SELECT pg_reload_conf();',
'164.312(a)(1); 164.308(a)(4)(i)', '5.4', 'V-261889', 'pgdsat 5.9; Supabase network restrictions'),
('AUTH-06', 'medium', 'IPv4 rule wider than /16',
$$SELECT line, type FROM hipaa_guard.remote_rule() WHERE address ~ '^\d+(\.\d+){3}$' AND netmask ~
    '^\d+(\.\d+){3}$' AND (netmask::inet - '0.0.0.0'::inet) < ('255.255.0.0'::inet - '0.0.0.0'::inet)$$,
'Edit pg_hba.conf (SHOW hba_file): narrow the network; then SELECT pg_reload_conf();',
'164.312(a)(1)', '5.4', 'V-261889', 'pgdsat 5.9'),
('AUTH-07', 'medium', 'Remote rule for all databases or all users',
$$SELECT line, CASE WHEN 'all' = ANY (database) THEN 'all databases' ELSE 'all users' END FROM
    hipaa_guard.remote_rule() WHERE 'all' = ANY (database) OR 'all' = ANY (user_name)$$,
'Edit pg_hba.conf (SHOW hba_file): name databases and users instead of all; then SELECT pg_reload_conf();',
'164.308(a)(4)(ii)(B)', '5.4', 'V-261859', 'pgdsat 5.10'),
('AUTH-08', 'high', 'Superuser reachable remotely',
$$SELECT h.line, r.rolname FROM hipaa_guard.remote_rule() h JOIN pg_roles r ON r.rolsuper AND r.rolcanlogin AND
    ('all' = ANY (h.user_name) OR r.rolname = ANY (h.user_name)) WHERE NOT EXISTS (SELECT FROM pg_hba_file_rules
    j WHERE j.line_number < h.line_number AND j.auth_method = 'reject' AND j.type = 'host' AND (r.rolname = ANY
    (j.user_name) OR 'all' = ANY (j.user_name)))$$,
'Edit pg_hba.conf (SHOW hba_file): put a line ''host all SUPERUSER 0.0.0.0/0 reject'' (and ::/0) before the line shown; then '
'SELECT pg_reload_conf();',
'164.312(a)(1)', '4.8; 5.4', 'V-261915', 'pgdsat 5.11'),
('AUTH-09', 'high', 'Replication rule open to all users or without TLS',
$$SELECT line, type FROM hipaa_guard.remote_rule() WHERE 'replication' = ANY (database) AND ('all' = ANY
    (user_name) OR type NOT IN ('hostssl', 'hostgssenc'))$$,
'Edit pg_hba.conf (SHOW hba_file): admit one replication role by hostssl only; then SELECT pg_reload_conf();',
'164.312(e)(1)', '7.1; 7.5', 'V-261892', NULL),
('AUTH-10', 'high', 'pg_hba line in error (ignored at next reload)',
$$SELECT 'line ' || line_number, 'in error' FROM pg_hba_file_rules WHERE error IS NOT NULL$$,
'Edit pg_hba.conf (SHOW hba_file): correct the line; then SELECT pg_reload_conf();',
'164.312(a)(1)', '5.4', 'V-261924', NULL),
('AUTH-11', 'low', 'No closing reject rule',
$$SELECT 'line ' || line_number, auth_method FROM pg_hba_file_rules WHERE line_number = (SELECT max(line_number)
    FROM pg_hba_file_rules) AND auth_method IS DISTINCT FROM 'reject'$$,
'Edit pg_hba.conf (SHOW hba_file): end the file with ''host all all all reject''; then SELECT pg_reload_conf();',
'164.312(a)(1)', '5.4', NULL, NULL),
('AUTH-13', 'medium', 'Catch-all user-name map',
$$SELECT map_name, 'pattern for all' FROM pg_ident_file_mappings WHERE sys_name ~ '^/\^?\(?\.\*' OR pg_username =
    'all'$$,
'Edit pg_ident.conf (SHOW ident_file): map named users instead of a pattern for all; then SELECT pg_reload_conf();',
'164.312(a)(2)(i)', '5.3', 'V-261895', NULL),
('AUTH-14', 'high', 'password_encryption is not scram-sha-256',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'password_encryption' AND reset_val <> 'scram-sha-256'$$,
'ALTER SYSTEM SET password_encryption = ''scram-sha-256''; SELECT pg_reload_conf();',
'164.308(a)(5)(ii)(D)', NULL, 'V-261891', 'pgdsat 5.12'),
('AUTH-15', 'high', 'Role holds an MD5 password verifier',
$$SELECT rolname, 'md5' FROM pg_authid WHERE rolpassword LIKE 'md5%'$$,
$r$SET password_encryption = 'scram-sha-256'; then \password role in psql.$r$,
'164.308(a)(5)(ii)(D)', NULL, 'V-261891', NULL),
('AUTH-16', 'low', 'SCRAM iteration count under 4096',
$$SELECT rolname, split_part(split_part(rolpassword, '$', 2), ':', 1) FROM pg_authid WHERE rolpassword LIKE
    'SCRAM-SHA-256$%' AND split_part(split_part(rolpassword, '$', 2), ':', 1)::int < 4096$$,
$r$\password role in psql (with scram_iterations = 4096 or more on version 16 and later).$r$,
'164.308(a)(5)(ii)(D)', NULL, 'V-261891', NULL),
('AUTH-17', 'low', 'Login password never expires',
$$SELECT rolname, 'no VALID UNTIL' FROM pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL AND
    coalesce(rolvaliduntil, 'infinity') = 'infinity'$$,
'ALTER ROLE name VALID UNTIL ''date'';',
'164.308(a)(5)(ii)(D)', NULL, NULL, NULL),
('AUTH-18', 'medium', 'Expired VALID UNTIL but role can still log in by other methods',
$$SELECT rolname, 'expired' FROM pg_roles WHERE rolcanlogin AND rolvaliduntil < now()$$,
'ALTER ROLE name NOLOGIN;',
'164.308(a)(3)(ii)(C); NPRM 1 h', '4.4', 'V-261858', NULL),
('AUTH-20', 'low', 'No failed-login delay module',
$$SELECT 'shared_preload_libraries', reset_val FROM pg_settings WHERE name = 'shared_preload_libraries' AND
    reset_val !~ '(auth_delay|credcheck)'$$,
'ALTER SYSTEM SET shared_preload_libraries = ''..., auth_delay''; then restart the server.',
'164.308(a)(5)(ii)(C)', NULL, NULL, 'pgdsat 5.7; Azure connection_throttling'),
('AUTH-21', 'low', 'authentication_timeout over 60 s',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'authentication_timeout' AND reset_val::int > 60$$,
'ALTER SYSTEM SET authentication_timeout = ''60s''; SELECT pg_reload_conf();',
'164.312(d)', NULL, NULL, 'pgdsat 5.7'),
('AUTH-22', 'low', 'Login role without connection limit',
$$SELECT rolname, 'no limit' FROM pg_roles WHERE rolcanlogin AND rolconnlimit = -1 AND rolname !~ '^pg_'$$,
'ALTER ROLE name CONNECTION LIMIT n;',
'164.312(a)(1)', '5.5', 'V-261857', NULL),
('AUTH-23', 'medium', 'Shared or generic login name',
$$SELECT rolname, 'generic' FROM pg_roles WHERE rolcanlogin AND rolname ~*
    '^(admin|administrator|app|application|guest|public|readonly|report|reports|shared|test|tmp|user|web|webapp)[0-9_]*$'$$,
'Give each person and each application a role of its own; ALTER ROLE name NOLOGIN;',
'164.312(a)(2)(i)', NULL, 'V-261890', NULL),
('AUTH-24', 'low', 'Same login active from several client addresses',
$$SELECT usename, count(DISTINCT client_addr)::text FROM pg_stat_activity WHERE client_addr IS NOT NULL GROUP BY
    usename HAVING count(DISTINCT client_addr) > 3$$,
'Find out who shares the login (pg_stat_activity) and give each a role of its own.',
'164.312(a)(2)(i); 164.308(a)(1)(ii)(D)', NULL, 'V-261961', NULL),
('AUTH-25', 'medium', 'Listening on every interface',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'listen_addresses' AND reset_val ~ '(\*|0\.0\.0\.0|::)'$$,
'ALTER SYSTEM SET listen_addresses = ''address of the private network''; then restart the server.',
'164.312(e)(1)', '5.2', 'V-261889', 'PowerSync network restrictions'),
('AUTH-26', 'low', 'World-accessible Unix socket',
$$SELECT name, setting FROM pg_settings WHERE name = 'unix_socket_permissions' AND right(setting, 1) <> '0'$$,
'ALTER SYSTEM SET unix_socket_permissions = ''0770''; then restart the server.',
'164.312(a)(1)', NULL, 'V-261904', 'pgdsat 2.6'),
('AUTH-27', 'medium', 'Socket directory in /tmp',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'unix_socket_directories' AND reset_val ~ '(^|,)\s*/tmp'$$,
'ALTER SYSTEM SET unix_socket_directories = ''/run/postgresql''; then restart the server.',
'164.312(a)(1)', '8.3', 'V-261883', NULL),
('AUTH-28', 'low', 'md5_password_warnings disabled',
$$SELECT 'md5_password_warnings', 'off' WHERE current_setting('md5_password_warnings', true) = 'off'$$,
'ALTER SYSTEM SET md5_password_warnings = on; SELECT pg_reload_conf();',
'164.308(a)(5)(ii)(D)', NULL, 'V-261891', NULL),
('AUTH-29', 'medium', 'db_user_namespace on (PG15/16 only)',
$$SELECT 'db_user_namespace', 'on' WHERE current_setting('db_user_namespace', true) = 'on'$$,
'ALTER SYSTEM SET db_user_namespace = off; then restart the server.',
'164.312(a)(2)(i)', '6.4', NULL, NULL);

-- These an attestation can answer.
INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other, attest, attest_age) VALUES
('AUTH-12', 'medium', 'Remote rule is single-factor (password without client certificate)',
$$SELECT line, auth_method FROM hipaa_guard.remote_rule() WHERE auth_method IN ('scram-sha-256', 'md5',
    'password', 'ldap', 'pam', 'radius') AND NOT coalesce('clientcert=verify-full' = ANY (options), false)$$,
'Edit pg_hba.conf (SHOW hba_file): add clientcert=verify-full, or use gss with multi-factor sign-on; attest(''mfa'', ...) '
'where a gateway does it; then SELECT pg_reload_conf();',
'164.312(d); NPRM MFA', NULL, 'V-261858; V-261890', 'PowerSync MFA',
'{mfa}', '1 year'),
('AUTH-19', 'medium', 'No password-strength module loaded',
$$SELECT 'shared_preload_libraries', reset_val FROM pg_settings WHERE name = 'shared_preload_libraries' AND
    reset_val !~ '(passwordcheck|credcheck)'$$,
'ALTER SYSTEM SET shared_preload_libraries = ''..., credcheck''; then restart the server. Attest password_policy where an '
'identity provider enforces it.',
'164.308(a)(5)(ii)(D)', '5.6', NULL, 'pgdsat 5.6',
'{password_policy}', '1 year'),
('AUTH-30', 'low', 'Login role idle (no session evidence) over 90 days',
NULL,
'SELECT * FROM hipaa_guard.access_review(); ALTER ROLE name NOLOGIN for the unused; then attest(''access_review'', ...).',
'164.308(a)(3)(ii)(C)', '4.4', 'V-261858', NULL,
'{access_review}', '90 days');

UPDATE hipaa_guard.posture_check SET min_pg = 18 WHERE id = 'AUTH-28';
UPDATE hipaa_guard.posture_check SET applies = $$current_setting('db_user_namespace', true) IS NOT NULL$$
 WHERE id = 'AUTH-29';
