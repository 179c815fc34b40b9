-- Checks of area PRIV.  What roles may do: attributes, memberships, grants, functions, triggers.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('PRIV-01', 'high', 'More than one superuser can log in',
$$SELECT rolname, 'superuser login' FROM pg_roles WHERE rolsuper AND rolcanlogin AND oid <> 10$$,
'ALTER ROLE name NOSUPERUSER; (keep one, for emergencies)',
'164.308(a)(4)(ii)(B); 164.312(a)(1)', '4.3; 4.8', 'V-261888; V-261915', NULL),
('PRIV-02', 'medium', 'Non-superuser with CREATEROLE',
$$SELECT rolname, 'CREATEROLE' FROM pg_roles WHERE rolcreaterole AND NOT rolsuper$$,
'ALTER ROLE name NOCREATEROLE;',
'164.308(a)(4)(ii)(C)', '4.3', 'V-261885', NULL),
('PRIV-03', 'low', 'Non-superuser with CREATEDB',
$$SELECT rolname, 'CREATEDB' FROM pg_roles WHERE rolcreatedb AND NOT rolsuper$$,
'ALTER ROLE name NOCREATEDB;',
'164.308(a)(4)(ii)(B)', '4.3', 'V-261885', NULL),
('PRIV-04', 'high', 'Role bypasses RLS',
$$SELECT rolname, 'BYPASSRLS' FROM pg_roles WHERE rolbypassrls AND NOT rolsuper$$,
'ALTER ROLE name NOBYPASSRLS;',
'164.312(a)(1); 164.502(b)', '4.7', 'V-261911; V-261914', NULL),
('PRIV-05', 'medium', 'REPLICATION on a role that also owns objects',
$$SELECT r.rolname, count(*)::text FROM pg_roles r JOIN pg_class k ON k.relowner = r.oid WHERE r.rolreplication
    AND NOT r.rolsuper GROUP BY 1$$,
'REASSIGN OWNED BY name TO owner_role; keep the replication role for replication.',
'164.308(a)(4)(ii)(B)', '7.1', 'V-261884', NULL),
('PRIV-06', 'critical', 'Member of a server-file or program role',
$$SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid
    = a.member WHERE g.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
    AND m.rolname !~ '^pg_'$$,
'REVOKE pg_read_server_files, pg_write_server_files, pg_execute_server_program FROM name;',
'164.312(a)(1); 164.308(a)(4)', '4.9', 'V-261888', NULL),
('PRIV-07', 'high', 'Member of pg_read_all_data / pg_write_all_data',
$$SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid
    = a.member WHERE g.rolname IN ('pg_read_all_data', 'pg_write_all_data') AND m.rolname !~ '^pg_'$$,
'REVOKE pg_read_all_data, pg_write_all_data FROM name; grant the tables that the work needs.',
'164.502(b); 164.514(d)', '4.9', 'V-261859', NULL),
('PRIV-08', 'medium', 'Member of a role that reveals other sessions query text',
$$SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid
    = a.member WHERE g.rolname IN ('pg_monitor', 'pg_read_all_stats', 'pg_stat_scan_tables') AND m.rolname !~
    '^pg_'$$,
'REVOKE pg_monitor, pg_read_all_stats, pg_stat_scan_tables FROM name;',
'164.502(b)', '4.9', 'V-261863', NULL),
('PRIV-09', 'low', 'Member of another predefined administrative role',
$$SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid
    = a.member WHERE g.rolname IN ('pg_signal_backend', 'pg_checkpoint', 'pg_maintain',
    'pg_create_subscription', 'pg_use_reserved_connections', 'pg_read_all_settings',
    'pg_signal_autovacuum_worker') AND m.rolname !~ '^pg_'$$,
'REVOKE role FROM member;',
'164.308(a)(4)(ii)(B)', '4.9', 'V-261898', NULL),
('PRIV-10', 'high', 'Login role can SET ROLE to a superuser',
$$SELECT u.rolname, s.rolname FROM pg_roles u JOIN pg_roles s ON s.rolsuper AND s.oid <> u.oid WHERE u.rolcanlogin
    AND NOT u.rolsuper AND pg_has_role(u.oid, s.oid, 'MEMBER')$$,
'REVOKE superuser_role FROM name;',
'164.312(a)(1)', '4.8', 'V-261915', NULL),
('PRIV-11', 'low', 'Role granted WITH ADMIN OPTION',
$$SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid
    = a.member WHERE a.admin_option AND NOT m.rolsuper AND a.grantor <> a.member$$,
'REVOKE ADMIN OPTION FOR role FROM member;',
'164.308(a)(4)(ii)(C)', '4.3', 'V-261942', NULL),
('PRIV-12', 'high', 'PUBLIC can create in a schema',
$$SELECT n.nspname, 'CREATE' FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
    WHERE x.grantee = 0 AND x.privilege_type = 'CREATE' AND n.nspname !~ '^pg_temp'$$,
'REVOKE CREATE ON SCHEMA name FROM PUBLIC;',
'164.312(a)(1)', NULL, 'V-261923', 'pgdsat 4.10'),
('PRIV-13', 'high', 'PUBLIC holds a table privilege',
$$SELECT k.oid::regclass, x.privilege_type FROM pg_class k, aclexplode(k.relacl) x WHERE x.grantee = 0 AND
    k.relnamespace IN (SELECT oid FROM hipaa_guard.user_schema) AND NOT EXISTS (SELECT FROM pg_depend d WHERE
    d.classid = 'pg_class'::regclass AND d.objid = k.oid AND d.deptype = 'e')$$,
'REVOKE ALL ON TABLE name FROM PUBLIC;',
'164.502(b); 164.312(a)(1)', '4.6', 'V-261859; V-261914', NULL),
('PRIV-14', 'high', 'PUBLIC holds a column privilege',
$$SELECT format('%s.%I', t.attrelid::regclass, t.attname), x.privilege_type FROM pg_attribute t JOIN pg_class k ON
    k.oid = t.attrelid, aclexplode(t.attacl) x WHERE x.grantee = 0 AND k.relnamespace IN (SELECT oid FROM
    hipaa_guard.user_schema)$$,
'REVOKE ALL (column) ON TABLE name FROM PUBLIC;',
'164.502(b)', '4.6', 'V-261914', NULL),
('PRIV-15', 'medium', 'PUBLIC may CONNECT or create TEMP in a database',
$$SELECT d.datname, string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) FROM pg_database d,
    aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x WHERE x.grantee = 0 AND d.datallowconn GROUP BY
    d.datname$$,
'REVOKE CONNECT, TEMPORARY ON DATABASE name FROM PUBLIC;',
'164.308(a)(4)(ii)(B)', '4.3', 'V-261859', NULL),
('PRIV-16', 'high', 'PUBLIC may execute a SECURITY DEFINER function',
$$SELECT p.oid::regprocedure, r.rolname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles
    r ON r.oid = p.proowner WHERE p.prosecdef AND n.oid IN (SELECT oid FROM hipaa_guard.user_schema) AND
    has_function_privilege('public', p.oid, 'EXECUTE')$$,
'REVOKE EXECUTE ON FUNCTION name FROM PUBLIC;',
'164.312(a)(1)', '4.5', 'V-261916', 'splinter 0028/0029'),
('PRIV-17', 'high', 'SECURITY DEFINER function with mutable search_path',
$$SELECT p.oid::regprocedure, 'no SET search_path' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND n.oid IN (SELECT oid FROM hipaa_guard.user_schema) AND NOT EXISTS (SELECT FROM
    unnest(p.proconfig) s WHERE s LIKE 'search_path=%')$$,
'ALTER FUNCTION name SET search_path = pg_catalog, pg_temp;',
'164.312(a)(1)', '4.5', 'V-261916', 'splinter 0011'),
('PRIV-18', 'high', 'SECURITY DEFINER function owned by a superuser',
$$SELECT p.oid::regprocedure, r.rolname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles
    r ON r.oid = p.proowner WHERE p.prosecdef AND r.rolsuper AND n.oid IN (SELECT oid FROM
    hipaa_guard.user_schema) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND
    d.objid = p.oid AND d.deptype = 'e')$$,
'ALTER FUNCTION name OWNER TO a role with just the privileges it needs;',
'164.312(a)(1)', '4.5', 'V-261916', NULL),
('PRIV-19', 'critical', 'PUBLIC or a non-superuser may execute a server-file function',
$$SELECT p.oid::regprocedure, coalesce(g.rolname, 'PUBLIC') FROM pg_proc p, aclexplode(p.proacl) x LEFT JOIN
    pg_roles g ON g.oid = x.grantee WHERE p.proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir',
    'pg_stat_file', 'lo_import', 'lo_export', 'pg_file_write', 'pg_file_read', 'pg_logdir_ls',
    'pg_read_server_files') AND x.privilege_type = 'EXECUTE' AND (x.grantee = 0 OR (NOT g.rolsuper AND g.rolname
    !~ '^pg_'))$$,
'REVOKE EXECUTE ON FUNCTION name FROM grantee;',
'164.312(a)(1)', '4.5', 'V-261888; V-261915', NULL),
('PRIV-20', 'high', 'Default privileges grant to PUBLIC',
$$SELECT coalesce(n.nspname, '(all)'), d.defaclobjtype::text||' '||x.privilege_type FROM pg_default_acl d LEFT
    JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x WHERE x.grantee = 0 AND
    d.defaclobjtype <> 'f'$$,
'ALTER DEFAULT PRIVILEGES IN SCHEMA name REVOKE ALL ON TABLES FROM PUBLIC;',
'164.308(a)(4)(ii)(B)', '4.6', 'V-261942', NULL),
('PRIV-21', 'medium', 'GRANT OPTION on a PHI table',
$$SELECT k.oid::regclass, x.grantee::regrole::text FROM pg_class k, aclexplode(k.relacl) x WHERE k.oid IN (SELECT
    relid FROM hipaa_guard.phi_relation) AND x.is_grantable AND x.grantee <> k.relowner$$,
'REVOKE GRANT OPTION FOR ALL ON TABLE name FROM role;',
'164.308(a)(4)(ii)(C)', '4.6', 'V-261914', NULL),
('PRIV-22', 'medium', 'PHI table owned by a login role',
$$SELECT k.oid::regclass, r.rolname FROM pg_class k JOIN pg_roles r ON r.oid = k.relowner WHERE k.oid IN (SELECT
    relid FROM hipaa_guard.phi_relation) AND r.rolcanlogin$$,
'ALTER TABLE name OWNER TO a role with NOLOGIN;',
'164.308(a)(4)(ii)(B)', NULL, 'V-261884', NULL),
('PRIV-23', 'high', 'SET on a logging/audit parameter granted to a role',
$$SELECT parname, x.grantee::regrole::text FROM pg_parameter_acl, aclexplode(paracl) x WHERE parname ~
    '^(log_|pgaudit|hipaa|debug_|session_replication|row_sec|session_preload|auto_explain|pg_stat_statements)'
    AND x.grantee <> 10$$,
'REVOKE SET, ALTER SYSTEM ON PARAMETER name FROM role;',
'164.312(b)', '6.5', 'V-261862; V-261879', NULL),
('PRIV-24', 'high', 'Per-role/database setting weakens logging, audit, RLS or triggers',
$$SELECT coalesce(r.rolname, 'ALL') || '/' || coalesce(d.datname, 'ALL'), split_part(s, '=', 1) FROM
    pg_db_role_setting x LEFT JOIN pg_roles r ON r.oid = x.setrole LEFT JOIN pg_database d ON d.oid =
    x.setdatabase, unnest(x.setconfig) s WHERE s ~
    ('^(pgaudit\.|hipaa|log_(?!timezone)|row_security=off|session_replication_role|' ||
    'session_preload_libraries|local_preload|debug_print|auto_explain|search_path=)')$$,
'ALTER ROLE name RESET setting; or ALTER DATABASE name RESET setting;',
'164.312(b); (a)(1)', '6.6', 'V-261879; V-261924', NULL),
('PRIV-25', 'high', 'Untrusted procedural language installed',
$$SELECT lanname, 'untrusted' FROM pg_language WHERE NOT lanpltrusted AND lanname NOT IN ('c', 'internal')$$,
'DROP LANGUAGE name; (or DROP EXTENSION)',
'164.312(a)(1)', '6.1', 'V-261888; V-261906', NULL),
('PRIV-26', 'high', 'User function in an untrusted language, C or internal',
$$SELECT p.oid::regprocedure, l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n
    ON n.oid = p.pronamespace WHERE (NOT l.lanpltrusted) AND n.oid IN (SELECT oid FROM hipaa_guard.user_schema)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND
    d.deptype = 'e')$$,
'DROP FUNCTION name; or rewrite it in a trusted language.',
'164.312(a)(1)', '4.5', 'V-261881; V-261906', NULL),
('PRIV-27', 'high', 'User-defined LEAKPROOF function',
$$SELECT p.oid::regprocedure, 'leakproof' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE
    p.proleakproof AND n.oid IN (SELECT oid FROM hipaa_guard.user_schema)$$,
'ALTER FUNCTION name NOT LEAKPROOF;',
'164.312(a)(1)', NULL, 'V-261916', NULL),
('PRIV-28', 'medium', 'View over a PHI table without security_invoker or security_barrier',
$$SELECT DISTINCT v.oid::regclass, 'view' FROM pg_rewrite w JOIN pg_class v ON v.oid = w.ev_class AND v.relkind =
    'v' JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid =
    'pg_class'::regclass WHERE d.refobjid IN (SELECT relid FROM hipaa_guard.phi_relation) AND d.refobjid <>
    v.oid AND NOT coalesce(v.reloptions && ARRAY['security_invoker=true', 'security_invoker=on',
    'security_barrier=true', 'security_barrier=on'], false)$$,
'ALTER VIEW name SET (security_invoker = true);',
'164.312(a)(1)', '4.7', 'V-261914', 'splinter 0010'),
('PRIV-29', 'medium', 'Disabled event trigger',
$$SELECT evtname, evtevent FROM pg_event_trigger WHERE evtenabled = 'D'$$,
'ALTER EVENT TRIGGER name ENABLE;',
'164.312(b)', NULL, 'V-261880', NULL),
('PRIV-30', 'medium', 'Disabled trigger on a PHI table',
$$SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgenabled = 'D' AND tgrelid IN (SELECT relid FROM
    hipaa_guard.phi_relation)$$,
'ALTER TABLE name ENABLE TRIGGER trigger;',
'164.312(c)(1)', NULL, 'V-261880', NULL),
('PRIV-31', 'low', 'Function builds dynamic SQL by concatenation',
$$SELECT p.oid::regprocedure, 'EXECUTE ... ||' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE
    n.oid IN (SELECT oid FROM hipaa_guard.user_schema) AND p.prosrc ~* '\mexecute\M[^;]*\|\|' AND p.prosrc !~*
    '(quote_(literal|ident|nullable)|format\s*\()'$$,
'Build the statement with format(''%I %L'') and EXECUTE ... USING.',
'164.312(a)(1)', NULL, 'V-261906; V-261907', NULL),
('PRIV-32', 'high', 'lo_compat_privileges on',
$$SELECT name, reset_val FROM pg_settings WHERE name = 'lo_compat_privileges' AND reset_val = 'on'$$,
'ALTER SYSTEM SET lo_compat_privileges = off; SELECT pg_reload_conf();',
'164.312(a)(1)', '6.5', 'V-261914', NULL),
('PRIV-33', 'medium', 'Large object readable by PUBLIC or present in a PHI database',
$$SELECT 'large object ' || m.oid, 'owner ' || m.lomowner::regrole FROM pg_largeobject_metadata m$$,
'Move the content to a bytea column of a table with row security; SELECT lo_unlink(oid);',
'164.502(b)', NULL, 'V-261914', NULL),
('PRIV-34', 'low', 'PHI table granted to a login role directly (not through a group)',
$$SELECT k.oid::regclass, r.rolname FROM pg_class k, aclexplode(k.relacl) x JOIN pg_roles r ON r.oid = x.grantee
    WHERE k.oid IN (SELECT relid FROM hipaa_guard.phi_relation) AND r.rolcanlogin AND x.grantee <> k.relowner$$,
'REVOKE ALL ON TABLE name FROM role; GRANT it to a group role instead.',
'164.308(a)(4)(ii)(B)', '4.6', 'V-261859', NULL);

UPDATE hipaa_guard.posture_check SET applies = $$EXISTS (SELECT FROM hipaa_guard.phi_relation)$$
 WHERE id IN ('PRIV-21', 'PRIV-22', 'PRIV-28', 'PRIV-30', 'PRIV-34');
