-- Checks of area INT.  Integrity and storage.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('INT-01', 'high', 'Data checksums off',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'data_checksums' AND reset_val = 'off'$$,
'Stop the server; pg_checksums --enable -D the data directory; start it.',
'164.312(c)(1); (c)(2)', '1.4', 'V-261930', 'pgdsat 1.4.3 (default on from PG18 initdb)'),
('INT-02', 'critical', 'Checksum failures recorded',
$$SELECT datname, checksum_failures::text FROM pg_stat_database WHERE checksum_failures > 0$$,
'Restore the damaged pages from a backup; look for failing storage.',
'164.312(c)(1)', NULL, NULL, 'pgdsat 1.4.3'),
('INT-03', 'high', 'Durability or corruption guards off',
$$SELECT name, reset_val FROM pg_settings WHERE (name IN ('fsync', 'full_page_writes') AND reset_val = 'off') OR
    (name IN ('zero_damaged_pages', 'ignore_checksum_failure', 'ignore_invalid_pages', 'ignore_system_indexes')
    AND reset_val = 'on')$$,
'ALTER SYSTEM RESET the setting; SELECT pg_reload_conf();',
'164.312(c)(1); 164.308(a)(7)', '6.4; 6.5', NULL, NULL),
('INT-04', 'low', 'synchronous_commit off by default (audit rows may be lost)',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'synchronous_commit' AND reset_val = 'off'$$,
'ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();',
'164.312(c)(1)', '6.6', NULL, NULL),
('INT-05', 'medium', 'Data directory group-readable',
$$SELECT name, setting FROM pg_settings WHERE name = 'data_directory_mode' AND setting NOT IN ('0700', '700')$$,
'Stop the server; chmod 0700 on the data directory; start it.',
'164.312(a)(1)', '1.4', 'V-261904', 'pgdsat 2.7'),
('INT-06', 'medium', 'Config/HBA/ident/key/extension files writable or readable by others',
$$SELECT object, value FROM hipaa_guard.host_facts() WHERE fact = 'file_mode'$$,
'chmod go-rwx on the file shown, owned by the server account or root.',
'164.312(a)(1)', '2.1; 2.2', 'V-261881; V-261904', 'pgdsat 2.2,2.5'),
('INT-08', 'low', 'pgcrypto not installable',
$$SELECT 'pgcrypto', 'absent' WHERE NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgcrypto')$$,
'Install PostgreSQL''s contrib package.',
'164.312(a)(2)(iv)', '6.11', 'V-261930', NULL),
('INT-09', 'medium', 'PHI table is UNLOGGED',
$$SELECT k.oid::regclass, 'unlogged' FROM pg_class k WHERE k.oid IN (SELECT relid FROM hipaa_guard.phi_relation)
    AND k.relpersistence = 'u'$$,
'ALTER TABLE name SET LOGGED;',
'164.308(a)(7); 164.312(c)(1)', NULL, NULL, NULL),
('INT-10', 'low', 'Tablespace inside the data directory',
$$SELECT spcname, pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname !~ '^pg_' AND
    pg_tablespace_location(oid) LIKE current_setting('data_directory')||'%'$$,
'CREATE TABLESPACE outside the data directory; ALTER TABLE name SET TABLESPACE ...;',
'164.310(d)(1)', '8.1', 'V-261883', 'pgdsat 1.9'),
('INT-11', 'low', 'PGPASSWORD in the postmaster environment',
$$SELECT object, value FROM hipaa_guard.host_facts() WHERE fact = 'environment'$$,
'Take PGPASSWORD out of the server''s environment; use a password file of mode 0600; then restart the server.',
'164.308(a)(5)(ii)(D)', '1.6; 1.7', 'V-261891', NULL),
('INT-12', 'high', 'System catalogs writable',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'allow_system_table_mods' AND reset_val = 'on'$$,
'ALTER SYSTEM SET allow_system_table_mods = off; SELECT pg_reload_conf();',
'164.312(c)(1)', '6.3', 'V-261902', NULL);

-- These an attestation can answer.
INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other, attest, attest_age) VALUES
('INT-07', 'high', 'No evidence of encryption at rest (dm-crypt/attestation)',
$$SELECT object, value FROM hipaa_guard.host_facts() WHERE fact = 'volume' AND value <> 'encrypted'$$,
'Put data directory and tablespaces on an encrypted volume; attest(''encryption_at_rest'', ...) where the platform does it.',
'164.312(a)(2)(iv); NPRM mandatory', '6.11', 'V-261901; V-261930; V-261931', 'RDS storage encrypted',
'{encryption_at_rest}', '1 year');

UPDATE hipaa_guard.posture_check SET applies = $$EXISTS (SELECT FROM hipaa_guard.phi_relation)$$
 WHERE id = 'INT-09';
