-- Checks of area EGR.  Ways out: publications, slots, foreign data, extensions, services.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('EGR-01', 'high', 'Publication FOR ALL TABLES',
$$SELECT pubname, 'ALL TABLES' FROM pg_publication WHERE puballtables$$,
'DROP PUBLICATION name; CREATE PUBLICATION name FOR TABLE ... (columns) WHERE (...);',
'164.502(b); 164.514(d)', NULL, 'V-261903', 'PowerSync sync rules'),
('EGR-02', 'high', 'Publication of a whole schema holding PHI',
$$SELECT p.pubname, n.pnnspid::regnamespace FROM pg_publication_namespace n JOIN pg_publication p ON p.oid =
    n.pnpubid WHERE EXISTS (SELECT FROM pg_class k WHERE k.relnamespace = n.pnnspid AND k.oid IN (SELECT relid
    FROM hipaa_guard.phi_relation))$$,
'ALTER PUBLICATION name DROP TABLES IN SCHEMA schema; ADD TABLE ... (columns);',
'164.502(b)', NULL, 'V-261903', NULL),
('EGR-03', 'high', 'PHI table published without a column list',
$$SELECT p.pubname || ' ' || r.prrelid::regclass, 'all columns' FROM pg_publication_rel r JOIN pg_publication p ON
    p.oid = r.prpubid WHERE r.prattrs IS NULL AND r.prrelid IN (SELECT relid FROM hipaa_guard.phi_relation)$$,
'ALTER PUBLICATION name SET TABLE t (columns) WHERE (...);',
'164.502(b)', NULL, 'V-261903', 'PowerSync minimum necessary'),
('EGR-04', 'medium', 'PHI table published without a row filter',
$$SELECT p.pubname || ' ' || r.prrelid::regclass, 'all rows' FROM pg_publication_rel r JOIN pg_publication p ON
    p.oid = r.prpubid WHERE r.prqual IS NULL AND r.prrelid IN (SELECT relid FROM hipaa_guard.phi_relation)$$,
'ALTER PUBLICATION name SET TABLE t (columns) WHERE (...);',
'164.502(b)', NULL, 'V-261903', NULL),
('EGR-05', 'medium', 'Logical slot whose plugin ignores publications',
$$SELECT slot_name, plugin FROM pg_replication_slots WHERE slot_type = 'logical' AND plugin <> 'pgoutput'$$,
'SELECT pg_drop_replication_slot(''name''); use pgoutput with a publication.',
'164.502(b)', NULL, 'V-261903', NULL),
('EGR-06', 'medium', 'Inactive replication slot retains WAL',
$$SELECT slot_name, slot_type FROM pg_replication_slots WHERE NOT active$$,
'SELECT pg_drop_replication_slot(''name''); or bring its consumer back.',
'164.310(d)(1)', '7.5', NULL, NULL),
('EGR-07', 'critical', 'Replication stream without TLS',
$$SELECT 'pid ' || r.pid, r.usename FROM pg_stat_replication r JOIN pg_stat_ssl s USING (pid) WHERE NOT s.ssl AND
    r.client_addr IS NOT NULL AND NOT (r.client_addr <<= '127.0.0.0/8' OR
    r.client_addr = '::1')$$,
'Edit pg_hba.conf (SHOW hba_file): admit replication by hostssl only; then SELECT pg_reload_conf(); Then SELECT '
'pg_terminate_backend(pid);',
'164.312(e)(1)', '7.5', 'V-261932', NULL),
('EGR-08', 'high', 'Egress-capable extension installed',
$$SELECT extname, extversion FROM pg_extension WHERE extname IN ('dblink', 'file_fdw', 'adminpack',
    'postgres_fdw', 'http', 'pg_net', 'pgsql_http', 'aws_s3', 'aws_lambda', 'pg_cron', 'oracle_fdw',
    'mysql_fdw', 'tds_fdw', 'lo', 'plpython3u', 'plperlu', 'pltclu', 'plsh')$$,
'DROP EXTENSION name;',
'164.312(a)(1); 164.502(b)', '1.2', 'V-261886; V-261888', 'pgdsat 1.8'),
('EGR-09', 'medium', 'Storage-inspection extension installed',
$$SELECT extname, extversion FROM pg_extension WHERE extname IN ('pageinspect', 'pg_walinspect', 'pg_surgery',
    'pgrowlocks', 'pg_buffercache', 'pg_visibility', 'amcheck', 'pg_freespacemap', 'pgstattuple',
    'old_snapshot', 'xml2', 'pg_logicalinspect')$$,
'DROP EXTENSION name;',
'164.312(a)(1)', '1.2', 'V-261886', NULL),
('EGR-10', 'medium', 'Extension not on the allow list',
$$SELECT extname, extversion FROM pg_extension WHERE extname NOT IN ('plpgsql', 'hipaa_guard') AND extname NOT IN
    (SELECT hipaa_guard.safe_extensions()) AND extname <> ALL
    (regexp_split_to_array(current_setting('hipaa_guard.allowed_extensions'), '[, ]+'))$$,
'DROP EXTENSION name; or add it to hipaa_guard.allowed_extensions after vetting.',
'164.308(a)(1)(ii)(B)', '1.2', 'V-261886', 'pgdsat 1.8'),
('EGR-11', 'low', 'Extension version behind the installed default',
$$SELECT name, installed_version||' < '||default_version FROM pg_available_extensions WHERE installed_version IS
    NOT NULL AND installed_version <> default_version$$,
'ALTER EXTENSION name UPDATE;',
'164.308(a)(5)(ii)(B); NPRM patching', '1.5', 'V-261935; V-261936', 'splinter 0022'),
('EGR-12', 'medium', 'Foreign table present',
$$SELECT ftrelid::regclass, s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver$$,
'DROP FOREIGN TABLE name;',
'164.502(b)', NULL, 'V-261903', 'splinter 0017'),
('EGR-13', 'high', 'Non-compliant service enabled for this database (registry)',
$$SELECT s.name, f.found FROM hipaa_guard.services s, LATERAL (SELECT 'extension ' || e.extname FROM pg_extension
    e WHERE e.extname = ANY (s.extensions) UNION ALL SELECT 'schema ' || n.nspname FROM pg_namespace n WHERE
    n.nspname = ANY (s.schemas) UNION ALL SELECT 'role ' || r.rolname FROM pg_roles r WHERE r.rolname = ANY
    (s.roles)) AS f (found) WHERE NOT s.covered_by_baa$$,
'Remove the service shown, or SELECT hipaa_guard.record_service(''name'', true, ''BAA reference'');',
'164.502(e); 164.308(b)', NULL, 'V-261889', 'Neon Auth / Data API');

UPDATE hipaa_guard.posture_check SET applies = $$EXISTS (SELECT FROM hipaa_guard.phi_relation)$$
 WHERE id IN ('EGR-02', 'EGR-03', 'EGR-04');
