-- What stands in the catalogs today.

CREATE FUNCTION hipaa_guard.catalog_texts(OUT object_type text, OUT identity text, OUT surface text,
    OUT category text, OUT rule text, OUT confidence real, OUT found text)
    RETURNS SETOF record
    LANGUAGE c STABLE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_catalog_texts';
COMMENT ON FUNCTION hipaa_guard.catalog_texts() IS
'Internal: the findings in the system catalogs of this database and of the cluster, with the texts. No other function hands these out.';
REVOKE ALL ON FUNCTION hipaa_guard.catalog_texts() FROM PUBLIC;

CREATE FUNCTION hipaa_guard.text_finding(input text, surface text,
    OUT category text, OUT rule text, OUT confidence real)
    RETURNS SETOF record
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_text_finding_on';
COMMENT ON FUNCTION hipaa_guard.text_finding(text, text) IS
'Internal: the worst finding of a text on a surface, as the guard would judge it; no row if there is none.';
REVOKE ALL ON FUNCTION hipaa_guard.text_finding(text, text) FROM PUBLIC;

-- Texts outside of the catalogs: a query each, that gives object_type, identity and text. needs: a relation or function it
-- reads, which may not be there. Its text is fixed here, so that nothing of a user is executed.
CREATE FUNCTION hipaa_guard.outside_sources(OUT surface text, OUT needs text, OUT query text) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ VALUES
    ('prepared transaction identifier', 'pg_catalog.pg_prepared_xacts',
     'SELECT ''prepared transaction'', transaction::text, gid FROM pg_catalog.pg_prepared_xacts'),
    ('replication slot name', 'pg_catalog.pg_replication_slots',
     'SELECT ''replication slot'', coalesce(plugin::text, ''physical''), slot_name::text FROM pg_catalog.pg_replication_slots'),
    ('setting value', 'pg_catalog.pg_file_settings',
     'SELECT ''setting'', name, setting FROM pg_catalog.pg_file_settings
       WHERE pg_catalog.has_function_privilege(''pg_catalog.pg_show_all_file_settings()'', ''execute'')'),
    ('application name', 'pg_catalog.pg_stat_activity',
     'SELECT ''session'', pid::text, application_name FROM pg_catalog.pg_stat_activity'),
    ('pg_stat_statements', 'pg_stat_statements',
     'SELECT ''statement'', queryid::text, query FROM %s') $$;
COMMENT ON FUNCTION hipaa_guard.outside_sources() IS 'Internal: what scan_catalog() reads besides the system catalogs.';
REVOKE ALL ON FUNCTION hipaa_guard.outside_sources() FROM PUBLIC;

CREATE FUNCTION hipaa_guard.all_texts(OUT object_type text, OUT identity text, OUT surface text,
    OUT category text, OUT rule text, OUT confidence real, OUT found text)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    source record;
    place text;
BEGIN
    RETURN QUERY SELECT * FROM hipaa_guard.catalog_texts();
    FOR source IN SELECT * FROM hipaa_guard.outside_sources() LOOP
        -- An extension's view stands in the schema that it was created in.
        SELECT c.oid::regclass::text INTO place FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'v' AND source.needs IN (c.relname, n.nspname || '.' || c.relname)
           AND has_table_privilege(c.oid, 'select') LIMIT 1;
        CONTINUE WHEN place IS NULL;
        RETURN QUERY EXECUTE format(
            'SELECT o.object_type, o.identity, $1, f.category, f.rule, f.confidence, o.found
               FROM (%s) AS o (object_type, identity, found), hipaa_guard.text_finding(o.found, $1) f',
            replace(source.query, '%s', place)) USING source.surface;
    END LOOP;
    -- ANALYZE copies the commonest values of a column; whose statistics hold what a label calls PHI, says so.
    RETURN QUERY
        SELECT 'statistics'::text, format('%I.%I.%I', s.schemaname, s.tablename, s.attname), 'statistics'::text,
               'statistics'::text, 'most_common_values'::text, 1::real,
               -- Not the values, which change with each ANALYZE: whose they are is what can be acknowledged.
               format('%I.%I.%I', s.schemaname, s.tablename, s.attname)
          FROM pg_seclabel l
          JOIN pg_attribute a ON a.attrelid = l.objoid AND a.attnum = l.objsubid
          JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          -- One look-up a label: OFFSET keeps the planner from joining all statistics when it expects one label.
         CROSS JOIN LATERAL (SELECT v.* FROM pg_stats v
                              WHERE v.schemaname = n.nspname AND v.tablename = c.relname AND v.attname = a.attname OFFSET 0) s
         WHERE l.provider = 'hipaa_guard' AND l.classoid = 'pg_class'::regclass AND l.objsubid > 0
           AND (s.most_common_vals IS NOT NULL OR s.histogram_bounds IS NOT NULL);
END $$;
COMMENT ON FUNCTION hipaa_guard.all_texts() IS 'Internal: the findings of scan_catalog(), with the texts.';
REVOKE ALL ON FUNCTION hipaa_guard.all_texts() FROM PUBLIC;

CREATE FUNCTION hipaa_guard.scan_catalog(OUT object_type text, OUT identity text, OUT surface text,
    OUT category text, OUT rule text, OUT confidence real)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT t.object_type, t.identity, t.surface, t.category, t.rule, t.confidence FROM hipaa_guard.all_texts() t $$;
COMMENT ON FUNCTION hipaa_guard.scan_catalog() IS
'PHI-like text in the catalogs of this database and the cluster, in settings, slots and pg_stat_statements, as of now: where '
'it stands (identity masked), surface, category, rule, confidence from 0 to 1. A NOTICE every 5 s tells how far it is.';
REVOKE ALL ON FUNCTION hipaa_guard.scan_catalog() FROM PUBLIC;

CREATE FUNCTION hipaa_guard.allow_findings(reason text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    allowed bigint;
BEGIN
    SELECT count(hipaa_guard.allow_text(f.found, f.surface, reason)) INTO allowed
      FROM (SELECT DISTINCT t.found, t.surface FROM hipaa_guard.all_texts() t) f;
    RETURN allowed;
END $$;
COMMENT ON FUNCTION hipaa_guard.allow_findings(text) IS
'Internal: makes every text that scan_catalog() finds an entry of allowed, as enable() does. Returns how many.';
REVOKE ALL ON FUNCTION hipaa_guard.allow_findings(text) FROM PUBLIC;
