-- Checks of area TLS.  Encryption on the wire: server, clients, replication, foreign servers.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('TLS-01', 'critical', 'TLS is off',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'ssl' AND reset_val <> 'on'$$,
'ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf();',
'164.312(e)(1); (e)(2)(ii)', '6.8', 'V-261900; V-261932; V-261933', 'RDS.force_ssl/Azure require_secure_transport'),
('TLS-02', 'high', 'Minimum TLS protocol below 1.2',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'ssl_min_protocol_version' AND reset_val IN ('', 'TLSv1',
    'TLSv1.1')$$,
'ALTER SYSTEM SET ssl_min_protocol_version = ''TLSv1.2''; SELECT pg_reload_conf();',
'164.312(e)(2)(ii)', '6.9(v15/16)', 'V-261896', 'Azure latest_tls'),
('TLS-03', 'medium', 'Minimum TLS protocol below 1.3',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'ssl_min_protocol_version' AND reset_val <> 'TLSv1.3'$$,
'ALTER SYSTEM SET ssl_min_protocol_version = ''TLSv1.3''; SELECT pg_reload_conf();',
'164.312(e)(2)(ii)', '6.9', NULL, NULL),
('TLS-04', 'high', 'Weak cipher classes allowed in ssl_ciphers',
$$SELECT tok, 'ssl_ciphers' FROM regexp_split_to_table(current_setting('ssl_ciphers'), '[:, ]+') tok WHERE tok !~
    '^[!-]' AND tok ~* '(MEDIUM|LOW|EXP|3DES|RC4|MD5|NULL|SEED|IDEA|PSK|SRP|^ALL$)'$$,
'ALTER SYSTEM SET ssl_ciphers = ''HIGH:!aNULL:!eNULL:!3DES:!RC4:!MD5:!PSK:!SRP''; SELECT pg_reload_conf();',
'164.312(e)(2)(ii)', '6.10', 'V-261896; V-261926', 'pgdsat 6.10'),
('TLS-05', 'low', 'Client cipher order preferred',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'ssl_prefer_server_ciphers' AND reset_val <> 'on'$$,
'ALTER SYSTEM SET ssl_prefer_server_ciphers = on; SELECT pg_reload_conf();',
'164.312(e)(2)(ii)', '6.10', NULL, NULL),
('TLS-06', 'low', 'Weak key-exchange group',
$$SELECT g, 'ssl_groups' FROM regexp_split_to_table(coalesce(current_setting('ssl_groups', true),
    current_setting('ssl_ecdh_curve', true)), '[:, ]+') g WHERE g ~* '(192|160|163|secp224)'$$,
'ALTER SYSTEM SET ssl_groups = ''X25519:secp384r1:secp256r1''; SELECT pg_reload_conf(); Before version 18 the setting is '
'ssl_ecdh_curve = ''secp384r1''.',
'164.312(e)(2)(ii)', '6.10', NULL, NULL),
('TLS-07', 'medium', 'No client CA configured',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'ssl_ca_file' AND reset_val = ''$$,
'ALTER SYSTEM SET ssl_ca_file = ''root.crt''; SELECT pg_reload_conf();',
'164.312(d)', NULL, 'V-261893; V-261929', NULL),
('TLS-08', 'low', 'No certificate revocation list',
$$SELECT 'ssl_crl_file/ssl_crl_dir', '' WHERE current_setting('ssl_crl_file') = '' AND
    current_setting('ssl_crl_dir') = ''$$,
'ALTER SYSTEM SET ssl_crl_file = ''root.crl''; SELECT pg_reload_conf();',
'164.312(d)', NULL, 'V-261893', NULL),
('TLS-09', 'critical', 'pg_hba admits unencrypted TCP from non-loopback',
$$SELECT line, type FROM hipaa_guard.remote_rule() WHERE type IN ('host', 'hostnossl', 'hostnogssenc')$$,
'Edit pg_hba.conf (SHOW hba_file): replace host and hostnossl by hostssl; then SELECT pg_reload_conf();',
'164.312(e)(1); (e)(2)(ii)', '5.4', 'V-261892; V-261932', 'pgdsat 5.8'),
('TLS-10', 'critical', 'Live remote session without TLS/GSS encryption',
$$SELECT 'pid ' || a.pid, a.usename FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) LEFT JOIN
    pg_stat_gssapi g USING (pid) WHERE a.client_addr IS NOT NULL AND NOT (a.client_addr <<= '127.0.0.0/8' OR
    a.client_addr = '::1') AND NOT s.ssl AND NOT coalesce(g.encrypted, false)$$,
'Edit pg_hba.conf (SHOW hba_file): admit remote clients by hostssl only; then SELECT pg_terminate_backend(pid) for the '
'sessions shown.',
'164.312(e)(1)', '6.8', 'V-261933', 'RDS encrypted_in_transit'),
('TLS-11', 'high', 'Live session on TLS <1.2 or <128-bit cipher',
$$SELECT 'pid ' || pid, version || ' ' || cipher FROM pg_stat_ssl WHERE ssl AND (version IN ('TLSv1', 'TLSv1.1')
    OR bits < 128)$$,
'ALTER SYSTEM SET ssl_min_protocol_version = ''TLSv1.2''; SELECT pg_reload_conf(); Then SELECT pg_terminate_backend(pid) for '
'the sessions shown.',
'164.312(e)(2)(ii)', '6.10', 'V-261896', NULL),
('TLS-12', 'high', 'Server certificate expired or expires in <30 days',
$$SELECT object, value FROM hipaa_guard.host_facts() WHERE fact = 'certificate_days_left' AND value::int < 30$$,
'Install a new server certificate as ssl_cert_file; then SELECT pg_reload_conf();',
'164.312(e)(1)', NULL, 'V-261929', 'RDS cert expiration'),
('TLS-13', 'medium', 'Server key <2048 RSA/<256 EC, SHA-1 signature, or self-signed',
$$SELECT object, fact || ' ' || value FROM hipaa_guard.host_facts() WHERE fact IN ('certificate_weak_key',
    'certificate_weak_signature', 'certificate_self_signed')$$,
'Issue a server certificate from a CA with RSA 3072 or P-256 and SHA-256, install it as ssl_cert_file; then SELECT '
'pg_reload_conf();',
'164.312(e)(2)(ii)', NULL, 'V-261929', NULL),
('TLS-14', 'high', 'Private key readable by group/other',
$$SELECT object, value FROM hipaa_guard.host_facts() WHERE fact = 'key_mode'$$,
'chmod 0600 on the file of SHOW ssl_key_file, owned by the server account.',
'164.312(a)(2)(iv); (d)', NULL, 'V-261894', NULL),
('TLS-15', 'medium', 'OpenSSL not in FIPS mode',
$$SELECT object, value FROM hipaa_guard.host_facts() WHERE fact = 'fips' AND value <> 'on'$$,
'Run on an operating system in FIPS mode (fips=1) or with an OpenSSL FIPS provider as default; then restart the server.',
'164.312(a)(2)(iv); (e)(2)(ii)', '6.7', 'V-261896; V-261965; V-261966', 'pgdsat 6.7'),
('TLS-16', 'high', 'primary_conninfo without sslmode=verify-ca/full',
$$SELECT name, 'sslmode' FROM pg_settings WHERE name = 'primary_conninfo' AND reset_val <> '' AND reset_val !~*
    'sslmode\s*=\s*''?verify-(full|ca)'$$,
'Add sslmode=verify-full and sslrootcert to primary_conninfo on the standby; then SELECT pg_reload_conf();',
'164.312(e)(1)', '7.5', 'V-261932', 'pgdsat 7.5'),
('TLS-17', 'high', 'Subscription without sslmode=verify-full',
$$SELECT subname, 'sslmode' FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname =
    current_database()) AND subconninfo !~* 'sslmode\s*=\s*''?verify-(full|ca)'$$,
'ALTER SUBSCRIPTION name CONNECTION ''... sslmode=verify-full sslrootcert=...'';',
'164.312(e)(1); 164.502(b)', '7.5', 'V-261932', NULL),
('TLS-18', 'high', 'postgres_fdw/dblink_fdw server without sslmode=verify-full',
$$SELECT s.srvname, w.fdwname FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE
    w.fdwname IN ('postgres_fdw', 'dblink_fdw') AND NOT EXISTS (SELECT FROM unnest(s.srvoptions) o WHERE o =
    'sslmode=verify-full')$$,
'ALTER SERVER name OPTIONS (ADD sslmode ''verify-full'');',
'164.312(e)(1)', NULL, 'V-261932; V-261903', 'splinter 0017'),
('TLS-19', 'medium', 'Password stored in a user mapping',
$$SELECT coalesce(r.rolname, 'PUBLIC'), s.srvname FROM pg_user_mapping m JOIN pg_foreign_server s ON s.oid =
    m.umserver LEFT JOIN pg_roles r ON r.oid = m.umuser WHERE EXISTS (SELECT FROM unnest(m.umoptions) o WHERE o
    LIKE 'password=%')$$,
'ALTER USER MAPPING FOR role SERVER name OPTIONS (DROP password, ADD sslcert ''...'', ADD sslkey ''...'');',
'164.308(a)(5)(ii)(D)', NULL, 'V-261891', NULL),
('TLS-20', 'high', 'User mapping with password_required=false',
$$SELECT coalesce(r.rolname, 'PUBLIC'), s.srvname FROM pg_user_mapping m JOIN pg_foreign_server s ON s.oid =
    m.umserver LEFT JOIN pg_roles r ON r.oid = m.umuser WHERE 'password_required=false' = ANY(m.umoptions)$$,
'ALTER USER MAPPING FOR role SERVER name OPTIONS (DROP password_required);',
'164.312(d)', NULL, 'V-261859', NULL),
('TLS-21', 'high', 'LDAP authentication without TLS',
$$SELECT 'line ' || line_number, auth_method FROM pg_hba_file_rules WHERE auth_method = 'ldap' AND NOT EXISTS
    (SELECT FROM unnest(options) o WHERE o IN ('ldaptls=1', 'ldaptls=true', 'ldapscheme=ldaps') OR o LIKE
    'ldapurl=ldaps%')$$,
'Edit pg_hba.conf (SHOW hba_file): use ldapscheme=ldaps or ldaptls=1; then SELECT pg_reload_conf();',
'164.312(e)(1); (d)', NULL, 'V-261892', NULL),
('TLS-22', 'low', 'GSS credential delegation accepted',
$$SELECT 'gss_accept_delegation', 'on' WHERE current_setting('gss_accept_delegation', true) = 'on'$$,
'ALTER SYSTEM SET gss_accept_delegation = off; SELECT pg_reload_conf();',
'164.312(d)', NULL, NULL, NULL);

UPDATE hipaa_guard.posture_check SET min_pg = 16 WHERE id = 'TLS-22';
UPDATE hipaa_guard.posture_check SET applies = $$current_setting('ssl') = 'on'$$
 WHERE id IN ('TLS-02', 'TLS-03', 'TLS-04', 'TLS-05', 'TLS-06', 'TLS-07', 'TLS-08', 'TLS-12', 'TLS-13', 'TLS-14');
