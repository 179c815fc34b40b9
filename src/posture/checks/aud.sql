-- Checks of area AUD.  The audit trail.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('AUD-01', 'critical', 'No audit module preloaded',
$$SELECT 'shared_preload_libraries', reset_val FROM pg_settings WHERE name = 'shared_preload_libraries' AND
    reset_val !~ '(hipaa_guard|pgaudit)'$$,
'ALTER SYSTEM SET shared_preload_libraries = ''..., hipaa_guard''; then restart the server.',
'164.312(b)', '3.2', 'V-261861; V-261865', NULL),
('AUD-02', 'critical', 'hipaa_guard not in shared_preload_libraries',
$$SELECT 'shared_preload_libraries', reset_val FROM pg_settings WHERE name = 'shared_preload_libraries' AND
    reset_val !~ '(^|[, ])hipaa_guard'$$,
'ALTER SYSTEM SET shared_preload_libraries = ''..., hipaa_guard''; then restart the server.',
'164.312(b)', '3.2', 'V-261880', NULL),
('AUD-03', 'high', 'pgaudit classes miss read, write, ddl or role',
$$SELECT 'pgaudit.log', current_setting('pgaudit.log', true) WHERE current_setting('pgaudit.log', true) IS NOT
    NULL AND current_setting('pgaudit.log', true) !~* '\mall\M' AND NOT (current_setting('pgaudit.log', true) ~*
    'read' AND current_setting('pgaudit.log', true) ~* 'write' AND current_setting('pgaudit.log', true) ~* 'ddl'
    AND current_setting('pgaudit.log', true) ~* 'role')$$,
'ALTER SYSTEM SET pgaudit.log = ''all, -misc''; SELECT pg_reload_conf();',
'164.312(b)', '3.2', 'V-261938..V-261964', 'Neon: all,-misc'),
('AUD-04', 'high', 'Audit events dropped since last review',
$$SELECT dropped || ' events dropped', NULL FROM hipaa_guard.stat_audit WHERE dropped > 0$$,
'SELECT * FROM hipaa_guard.audit_gaps; raise hipaa_guard.audit_ring_size; accept_risk(''AUD-04'', ...) once the loss is understood.',
'164.312(b); 164.308(a)(1)(ii)(D)', NULL, 'V-261873; V-261920', 'Neon: may not be logged under heavy load'),
('AUD-05', 'medium', 'Audit flush lag above threshold',
$$SELECT 'stat_audit', in_ring || ' events wait' FROM hipaa_guard.stat_audit WHERE in_ring > 0 AND
    coalesce(last_flush_at, '-infinity') < now() - interval '1 minute'$$,
'SELECT last_error FROM hipaa_guard.stat_audit; look at the disk of hipaa_guard.audit_directory.',
'164.312(b)', NULL, 'V-261920', NULL),
('AUD-06', 'high', 'Audit store readable/writable by a non-auditor',
$$SELECT c.oid::regclass::text, coalesce(r.rolname, 'PUBLIC') || ' ' || x.privilege_type FROM pg_class c CROSS
    JOIN LATERAL aclexplode(c.relacl) x LEFT JOIN pg_roles r ON r.oid = x.grantee WHERE c.relnamespace =
    'hipaa_guard'::regnamespace AND x.grantee <> c.relowner AND (x.privilege_type <> 'SELECT' OR (c.relname IN
    ('ledger', 'subject_event', 'pseudonym_key') AND r.rolname IS DISTINCT FROM
    current_setting('hipaa_guard.auditor_role', true))) UNION ALL SELECT object, value FROM
    hipaa_guard.host_facts() WHERE fact = 'audit_mode'$$,
'REVOKE ALL on the object shown FROM the role; chmod 0700 on hipaa_guard.audit_directory.',
'164.312(b); (c)(1)', NULL, 'V-261875..V-261880', NULL),
('AUD-07', 'high', 'Audit hash chain broken',
$$SELECT object, detail FROM hipaa_guard.trail_problems()$$,
'SELECT * FROM hipaa_guard.audit_verify(); keep the files, open an incident, compare with the checkpoints kept elsewhere.',
'164.312(c)(2)', NULL, 'V-261876', NULL),
('AUD-08', 'high', 'Audit retention below 6 years or below BAA term',
$$SELECT what, period::text FROM hipaa_guard.retention WHERE what = 'audit_trail' AND period < greatest(interval
    '6 years', (SELECT max(b.retention) FROM hipaa_guard.baa b WHERE hipaa_guard.baa_problem(b.reference) = ''))$$,
'SELECT hipaa_guard.set_retention(''audit_trail'', ''6 years'', ''reason''); or the BAA''s term if that is longer.',
'164.316(b)(2)(i); 164.528(a)', NULL, 'V-261918', 'Neon retains per BAA'),
('AUD-09', 'medium', 'Audit storage above 75 % of allowance',
$$SELECT object, value || ' % full' FROM hipaa_guard.host_facts() WHERE fact = 'audit_volume_percent' AND
    value::int > 75 UNION ALL SELECT 'hipaa_guard.audit_max_size', round(percent) || ' % full' FROM
    hipaa_guard.audit_storage WHERE percent > 75$$,
'SELECT hipaa_guard.purge_audit(before) once an archive has them, or raise hipaa_guard.audit_max_size, or enlarge the volume.',
'164.312(b)', NULL, 'V-261919', NULL),
('AUD-12', 'medium', 'Unvetted preload library',
$$SELECT name, reset_val FROM pg_settings WHERE name IN ('session_preload_libraries', 'local_preload_libraries')
    AND reset_val <> ''$$,
'Vet the library, or ALTER SYSTEM RESET the setting; SELECT pg_reload_conf();',
'164.308(a)(5)(ii)(B)', '8.3', 'V-261881', NULL);

-- These an attestation can answer.
INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other, attest, attest_age) VALUES
('AUD-10', 'medium', 'No audit review recorded in 30 days',
NULL,
'Review the trail, then SELECT hipaa_guard.attest(''audit_review'', ''who'', ''where the notes are'');',
'164.308(a)(1)(ii)(D)', NULL, 'V-261917', NULL,
'{audit_review}', '30 days'),
('AUD-11', 'medium', 'Unexported audit segments older than policy',
$$SELECT 'audit trail', 'not exported or archived in 31 days' WHERE NOT EXISTS (SELECT FROM
    hipaa_guard.export_receipts WHERE until > now() - interval '31 days') AND NOT EXISTS (SELECT FROM
    hipaa_guard.archives WHERE acknowledged_at > now() - interval '31 days')$$,
'SELECT hipaa_guard.audit_export(...) to a place of its own, or let an archive acknowledge its segments (docs/archive.md).',
'164.316(b)(2)(i)', NULL, 'V-261967', 'Neon export before delete',
'{audit_export}', '31 days'),
('AUD-13', 'high', 'fail-closed audit not chosen (documented NA if availability preferred)',
$$SELECT 'hipaa_guard.audit_on_overflow', current_setting('hipaa_guard.audit_on_overflow') WHERE
    current_setting('hipaa_guard.audit_on_overflow') = 'drop'$$,
'ALTER SYSTEM SET hipaa_guard.audit_on_overflow = ''wait''; SELECT pg_reload_conf(); Or attest(''availability_over_audit'', ...) '
'where availability comes first.',
'164.312(b)', NULL, 'V-261873', 'Neon prefers availability',
'{availability_over_audit}', '1 year');

UPDATE hipaa_guard.posture_check SET applies = $$current_setting('pgaudit.log', true) IS NOT NULL$$
 WHERE id = 'AUD-03';
