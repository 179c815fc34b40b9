-- Checks of area RLS.  Row security of relations with PHI.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('RLS-01', 'high', 'PHI table without row-level security',
$$SELECT k.oid::regclass, 'RLS off' FROM pg_class k WHERE k.oid IN (SELECT relid FROM hipaa_guard.phi_relation)
    AND k.relkind IN ('r', 'p') AND NOT k.relrowsecurity UNION ALL SELECT p.polrelid::regclass, 'RLS records only'
    FROM pg_policy p JOIN pg_class k ON k.oid = p.polrelid WHERE p.polname = 'hipaa_subject_all' AND
    k.relrowsecurity AND hipaa_guard.no_other_policy(k.oid) AND k.oid IN (SELECT relid FROM hipaa_guard.phi_relation)$$,
'ALTER TABLE name ENABLE ROW LEVEL SECURITY; CREATE POLICY ...;',
'164.502(b); 164.312(a)(1)', '4.7', 'V-261911; V-261914', 'splinter 0013; PowerSync minimum necessary'),
('RLS-02', 'medium', 'RLS not forced for the owner of a PHI table',
$$SELECT k.oid::regclass, 'not FORCE' FROM pg_class k WHERE k.oid IN (SELECT relid FROM hipaa_guard.phi_relation)
    AND k.relrowsecurity AND NOT k.relforcerowsecurity$$,
'ALTER TABLE name FORCE ROW LEVEL SECURITY;',
'164.502(b)', '4.7', 'V-261911', NULL),
('RLS-03', 'low', 'RLS on with no policy',
$$SELECT k.oid::regclass, 'no policy' FROM pg_class k WHERE k.relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy
    p WHERE p.polrelid = k.oid)$$,
'CREATE POLICY ... ON name ...; (without one only the owner sees rows)',
'164.312(a)(1)', '4.7', 'V-261911', 'splinter 0008'),
('RLS-04', 'high', 'Permissive policy that is always true',
$$SELECT polrelid::regclass, polname FROM pg_policy WHERE polpermissive AND pg_get_expr(polqual, polrelid) =
    'true'$$,
'ALTER POLICY policy ON name USING (a condition on the user);',
'164.502(b)', '4.7', 'V-261911', 'splinter 0024'),
('RLS-05', 'high', 'Policies exist but RLS is off',
$$SELECT DISTINCT p.polrelid::regclass, 'RLS off' FROM pg_policy p JOIN pg_class k ON k.oid = p.polrelid WHERE NOT
    k.relrowsecurity$$,
'ALTER TABLE name ENABLE ROW LEVEL SECURITY;',
'164.312(a)(1)', '4.7', 'V-261911', 'splinter 0007'),
('RLS-06', 'medium', 'Policy trusts a user-settable GUC',
$$SELECT polrelid::regclass, polname FROM pg_policy WHERE coalesce(pg_get_expr(polqual, polrelid), '') ||
    coalesce(pg_get_expr(polwithcheck, polrelid), '') ~ 'current_setting'$$,
'ALTER POLICY policy ON name USING (a condition on current_user or on a table the client cannot write);',
'164.312(d)', '4.7', 'V-261911', 'splinter 0015'),
('RLS-07', 'medium', 'Materialized view derived from a PHI table',
$$SELECT DISTINCT v.oid::regclass, 'matview' FROM pg_rewrite w JOIN pg_class v ON v.oid = w.ev_class AND v.relkind
    = 'm' JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid =
    'pg_class'::regclass WHERE d.refobjid IN (SELECT relid FROM hipaa_guard.phi_relation)$$,
'REVOKE SELECT on the materialized view from all but those who may see every row, or use a view with security_invoker.',
'164.502(b)', '4.7', 'V-261914', 'splinter 0016'),
('RLS-08', 'medium', 'Child of a PHI table without its own RLS',
$$SELECT i.inhrelid::regclass, i.inhparent::regclass FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid
    WHERE i.inhparent IN (SELECT relid FROM hipaa_guard.phi_relation) AND k.relkind IN ('r', 'p') AND NOT
    k.relrowsecurity$$,
'ALTER TABLE child ENABLE ROW LEVEL SECURITY; and repeat the policies, or REVOKE access to the child.',
'164.502(b)', '4.7', 'V-261911', NULL),
('RLS-09', 'high', 'row_security off by default',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'row_security' AND reset_val = 'off'$$,
'ALTER SYSTEM SET row_security = on; SELECT pg_reload_conf();',
'164.312(a)(1)', '6.6', 'V-261911', NULL),
('RLS-10', 'medium', 'PHI-like column name without a hipaa label',
$$SELECT format('%s.%I', k.oid::regclass, a.attname), format_type(a.atttypid, NULL) FROM pg_attribute a JOIN
    pg_class k ON k.oid = a.attrelid AND k.relkind IN ('r', 'p', 'f', 'm') WHERE a.attnum > 0 AND NOT
    a.attisdropped AND k.relnamespace IN (SELECT oid FROM hipaa_guard.user_schema) AND a.attname::text ~*
    ('(^|_)(ssn|social_sec[a-z]*|mrn|medical_rec[a-z]*|dob|birth_?date|date_of_birth|first_?name|last_?name|' ||
    'patient_name|diagnos[a-z]*|icd10?|npi|policy_no|member_id|health_plan|insur[a-z]*|phone|fax|email|' ||
    'street|zip|postal|drivers?_lic[a-z]*|passport|biometric|photo|device_serial|vin)(_|$)') AND NOT EXISTS
    (SELECT FROM pg_seclabel l WHERE l.provider = 'hipaa_guard' AND l.classoid = 'pg_class'::regclass AND
    l.objoid = k.oid AND l.objsubid IN (0, a.attnum))$$,
'SELECT hipaa_guard.protect(''table'', ARRAY[''column''], ''category''); or accept_risk(''RLS-10'', ...).',
'164.308(a)(1)(ii)(A); NPRM inventory', NULL, 'V-261911', 'splinter 0023');

UPDATE hipaa_guard.posture_check SET applies = $$EXISTS (SELECT FROM hipaa_guard.phi_relation)$$
 WHERE id IN ('RLS-01', 'RLS-02', 'RLS-07', 'RLS-08');
