-- Posture: checks are rows of posture_check (src/posture/checks, one file an area), evaluated one by
-- one; a check that fails to run is a row with status error and does not abort the rest.
--
-- posture() runs as the owner of the extension, so that whoever was granted EXECUTE sees what a
-- superuser sees: names and settings, never a value of a row.  It takes no lock that conflicts with
-- DML, writes nothing, and so runs on a hot standby as well.  It reads reset_val, not setting,
-- because the latter can be changed by the very session that asks.

CREATE TABLE hipaa_guard.posture_area (
    area text PRIMARY KEY,
    position int NOT NULL UNIQUE,
    about text NOT NULL
);
COMMENT ON TABLE hipaa_guard.posture_area IS 'Areas of the checks of posture().';
COMMENT ON COLUMN hipaa_guard.posture_area.area IS 'First part of a check''s id.';
COMMENT ON COLUMN hipaa_guard.posture_area.position IS 'Order.';
COMMENT ON COLUMN hipaa_guard.posture_area.about IS 'What its checks are about.';
INSERT INTO hipaa_guard.posture_area VALUES
    ('TLS', 1, 'encryption on the wire'), ('AUTH', 2, 'who gets in, and how'), ('PRIV', 3, 'what roles may do'),
    ('RLS', 4, 'row security of PHI'), ('LOG', 5, 'values in the server log'), ('LOGC', 6, 'completeness of the server log'),
    ('AUD', 7, 'audit trail'), ('SESS', 8, 'sessions left open'), ('INT', 9, 'integrity and storage'),
    ('BKP', 10, 'backup and restore'), ('EGR', 11, 'ways out'), ('CFG', 12, 'versions and configuration'),
    ('META', 13, 'PHI in the catalogs'), ('HIP', 14, 'duties and papers');

CREATE TABLE hipaa_guard.posture_check (
    id text PRIMARY KEY CHECK (id ~ '^[A-Z]+-[0-9]+$'),
    severity text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    title text NOT NULL,
    query text,
    remedy text NOT NULL,
    hipaa text,
    cis text,
    stig text,
    other text,
    min_pg int NOT NULL DEFAULT 15,
    applies text,
    attest text[] NOT NULL DEFAULT '{}',
    attest_age interval NOT NULL DEFAULT '1 year',
    CHECK (query IS NOT NULL OR attest <> '{}')
);
COMMENT ON TABLE hipaa_guard.posture_check IS 'The checks of posture(), as data.';
COMMENT ON COLUMN hipaa_guard.posture_check.id IS 'Area and number.';
COMMENT ON COLUMN hipaa_guard.posture_check.severity IS 'critical, high, medium or low.';
COMMENT ON COLUMN hipaa_guard.posture_check.title IS 'What is wrong when the check fails.';
COMMENT ON COLUMN hipaa_guard.posture_check.query IS
'SELECT of two columns, object and detail: one row a finding. $1 is the result of scan_catalog() as jsonb. NULL: attestation only.';
COMMENT ON COLUMN hipaa_guard.posture_check.remedy IS 'What to do; the exact command where there is one.';
COMMENT ON COLUMN hipaa_guard.posture_check.hipaa IS '45 CFR, paragraphs.';
COMMENT ON COLUMN hipaa_guard.posture_check.cis IS 'CIS PostgreSQL 17 Benchmark, with conflicts.';
COMMENT ON COLUMN hipaa_guard.posture_check.stig IS 'DISA STIG for Crunchy Data PostgreSQL 16, rule ids.';
COMMENT ON COLUMN hipaa_guard.posture_check.other IS 'Further sources.';
COMMENT ON COLUMN hipaa_guard.posture_check.min_pg IS 'First major version that the check makes sense on.';
COMMENT ON COLUMN hipaa_guard.posture_check.applies IS 'Boolean expression; not_applicable where it is not true.';
COMMENT ON COLUMN hipaa_guard.posture_check.attest IS 'Attestations that together stand in for the check.';
COMMENT ON COLUMN hipaa_guard.posture_check.attest_age IS 'An attestation older than this does not count.';

CREATE VIEW hipaa_guard.phi_relation AS
    SELECT DISTINCT l.objoid AS relid FROM pg_catalog.pg_seclabel l
     WHERE l.provider = 'hipaa_guard' AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND l.label LIKE 'phi%';
COMMENT ON VIEW hipaa_guard.phi_relation IS 'Relations of this database with a column that is labelled as PHI.';
COMMENT ON COLUMN hipaa_guard.phi_relation.relid IS 'Object id of the relation.';

CREATE VIEW hipaa_guard.user_schema AS
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'hipaa_guard')
       AND n.nspname !~ '^pg_(toast|temp)';
COMMENT ON VIEW hipaa_guard.user_schema IS 'Schemas that belong neither to PostgreSQL nor to this extension.';
COMMENT ON COLUMN hipaa_guard.user_schema.oid IS 'Object id of the schema.';
COMMENT ON COLUMN hipaa_guard.user_schema.nspname IS 'Name of the schema.';

-- Rules that let in connections from other machines.
CREATE FUNCTION hipaa_guard.remote_rule() RETURNS TABLE (line text, type text, database text[],
    user_name text[], address text, netmask text, auth_method text, options text[], line_number int)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'line ' || h.line_number, h.type, h.database, h.user_name, h.address, h.netmask, h.auth_method,
           h.options, h.line_number
      FROM pg_hba_file_rules h
     WHERE h.type LIKE 'host%' AND h.auth_method <> 'reject'
       AND coalesce(h.address, '') NOT IN ('127.0.0.1', '::1', 'localhost', 'samehost')
$$;
COMMENT ON FUNCTION hipaa_guard.remote_rule() IS
'Rules of pg_hba.conf that admit TCP connections from beyond the loopback interface.';

CREATE FUNCTION hipaa_guard.database_is_flagged() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid
                    WHERE l.provider = 'hipaa_guard' AND l.classoid = 'pg_database'::regclass
                      AND l.label LIKE 'hipaa%' AND d.datname = current_database())
$$;
COMMENT ON FUNCTION hipaa_guard.database_is_flagged() IS
'Whether the current database carries the HIPAA label. Internal.';

CREATE FUNCTION hipaa_guard.log_is_masked() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(current_setting('hipaa_guard.log_policy', true), 'off') <> 'off'
           OR (current_setting('shared_preload_libraries') ~ '(^|[,/ ])hipaa_guard'
               AND EXISTS (SELECT FROM pg_shseclabel WHERE provider = 'hipaa_guard' AND label LIKE 'hipaa%'))
$$;
COMMENT ON FUNCTION hipaa_guard.log_is_masked() IS
'Whether the library masks the server log: by setting, or because a database of the cluster is flagged. Internal.';

CREATE VIEW hipaa_guard.attestations AS
    SELECT l.key AS topic, l.body ->> 'by' AS attested_by, l.body ->> 'evidence' AS evidence,
           (l.body ->> 'expires_at')::timestamptz AS expires_at, l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'attestation';
COMMENT ON VIEW hipaa_guard.attestations IS 'Latest attestation of each topic, expired ones included.';
COMMENT ON COLUMN hipaa_guard.attestations.topic IS 'What was attested.';
COMMENT ON COLUMN hipaa_guard.attestations.attested_by IS 'Who vouches for it.';
COMMENT ON COLUMN hipaa_guard.attestations.evidence IS 'Where the proof is kept.';
COMMENT ON COLUMN hipaa_guard.attestations.expires_at IS 'When it stops counting.';
COMMENT ON COLUMN hipaa_guard.attestations.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.attestations.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.attestations.recorded_by IS 'Session user who entered it.';

CREATE VIEW hipaa_guard.accepted_risks AS
    SELECT l.key AS check_id, l.body ->> 'reason' AS reason,
           (l.body ->> 'expires_at')::timestamptz AS expires_at,
           l.body ->> 'evidence' AS evidence, ARRAY(SELECT jsonb_array_elements_text(l.body -> 'objects')) AS objects,
           l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'accepted_risk';
COMMENT ON VIEW hipaa_guard.accepted_risks IS 'Latest acceptance of each check, expired ones included.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.check_id IS 'Id of the check.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.reason IS 'Why the risk is borne.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.expires_at IS 'When the check counts as failed again.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.evidence IS 'Evidence of the check on that day.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.objects IS 'Digests of the objects found on that day; others are not accepted.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.accepted_risks.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.catalog_finding(scan jsonb, surfaces text)
RETURNS TABLE (object text, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF scan IS NULL THEN
        RAISE EXCEPTION 'the catalog could not be scanned' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN QUERY
        SELECT x.identity, x.surface || ': ' || x.category
          FROM jsonb_to_recordset(scan) AS x (identity text, surface text, category text, confidence real)
         WHERE x.surface ~ surfaces;
END $$;
COMMENT ON FUNCTION hipaa_guard.catalog_finding(jsonb, text) IS
'Findings of scan_catalog() whose surface matches the expression, as object and detail. Internal.';

CREATE FUNCTION hipaa_guard.missing_attestations(topics text[], age interval) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(t ORDER BY n), '{}') FROM unnest(topics) WITH ORDINALITY AS u (t, n)
     WHERE NOT EXISTS (SELECT FROM hipaa_guard.attestations a
                        WHERE a.topic = t AND a.expires_at > now() AND a.recorded_at > now() - age)
$$;
COMMENT ON FUNCTION hipaa_guard.missing_attestations(text[], interval) IS
'Those of the topics for which no attestation is in force. Internal.';

CREATE FUNCTION hipaa_guard.posture_scan() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    scan jsonb;
BEGIN
    scan := (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM hipaa_guard.scan_catalog() AS s);
    RETURN scan;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION hipaa_guard.posture_scan() IS
'Result of scan_catalog() as a JSON array; NULL if it failed. Internal.';

-- All in one function, because on a HIPAA project each statement and call within is an event of the trail.
CREATE FUNCTION hipaa_guard.posture_rows(profile text, only_id text DEFAULT NULL)
RETURNS TABLE (id text, area text, severity text, title text, status text, findings bigint, evidence text,
    remedy text, hipaa text, cis text, stig text, objects text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
SET quote_all_identifiers = off SET jit = off AS $$
DECLARE
    scan jsonb := hipaa_guard.posture_scan();
    attested jsonb := (SELECT coalesce(jsonb_object_agg(a.topic, a.recorded_at), '{}')
                         FROM hipaa_guard.attestations a WHERE a.expires_at > now());
    accepted jsonb := (SELECT coalesce(jsonb_object_agg(a.check_id, to_jsonb(a.objects)), '{}')
                         FROM hipaa_guard.accepted_risks a WHERE a.expires_at > now());
    -- Number of findings, digests of their objects, the first five as text.
    summary text :=
        'SELECT count(*), coalesce(array_agg(left(encode(sha256(convert_to(o, getdatabaseencoding())), ''hex''), 16)
                                             ORDER BY n), ''{}''),
                string_agg(o || coalesce('' ('' || nullif(d, '''') || '')'', ''''), ''; '' ORDER BY n)
                    FILTER (WHERE n <= 5)
                || CASE WHEN count(*) > 5 THEN format(''; and %%s more'', count(*) - 5) ELSE '''' END
           FROM (SELECT o, d, row_number() OVER (ORDER BY o COLLATE "C", d COLLATE "C") AS n
                   FROM (SELECT coalesce(f.object::text, ''?'') AS o, f.detail::text AS d
                           FROM (%s) AS f (object, detail)) AS t) AS s';
    major int := current_setting('server_version_num')::int / 10000;
    loaded boolean := current_setting('shared_preload_libraries') ~ '(^|[,/ "])hipaa_guard';
    c hipaa_guard.posture_check;
    topic text;
    missing text[];
    applies boolean;
BEGIN
    FOR c IN
        SELECT p.* FROM hipaa_guard.posture_check p LEFT JOIN hipaa_guard.posture_area a ON a.area = split_part(p.id, '-', 1)
         WHERE CASE profile WHEN 'cis' THEN p.cis IS NOT NULL WHEN 'stig' THEN p.stig IS NOT NULL ELSE true END
           AND p.id = coalesce(only_id, p.id)
         ORDER BY a.position, p.id COLLATE "C"
    LOOP
        id := c.id;
        area := split_part(c.id, '-', 1);
        severity := c.severity;
        title := c.title;
        remedy := c.remedy;
        hipaa := c.hipaa;
        cis := c.cis;
        stig := c.stig;
        status := 'not_applicable';
        findings := 0;
        evidence := NULL;
        objects := '{}';
        missing := '{}';
        applies := c.min_pg <= major;
        FOREACH topic IN ARRAY c.attest LOOP
            IF coalesce((attested ->> topic)::timestamptz <= now() - c.attest_age, true) THEN
                missing := missing || topic;
            END IF;
        END LOOP;
        BEGIN
            IF NOT applies THEN
                evidence := format('needs PostgreSQL %s', c.min_pg);
            ELSIF c.applies IS NOT NULL THEN
                EXECUTE 'SELECT ' || c.applies INTO applies;
            END IF;
            IF applies AND c.query IS NULL THEN
                findings := cardinality(missing);
                objects := missing;
                evidence := 'not attested: ' || nullif(array_to_string(missing, ', '), '');
            ELSIF applies THEN
                EXECUTE format(summary, c.query) INTO findings, objects, evidence USING scan;
                -- Names of objects can carry PHI themselves, which is what the META checks are about.
                IF loaded THEN
                    evidence := hipaa_guard.redact(evidence);
                ELSIF findings > 0 THEN
                    evidence := 'not shown, because the library that masks names is not loaded';
                END IF;
            END IF;
            IF applies THEN
                status := CASE WHEN findings = 0 AND c.query IS NOT NULL THEN 'pass'
                               WHEN c.attest <> '{}' AND missing = '{}' THEN 'attested'
                               WHEN (accepted -> c.id) @> to_jsonb(objects) THEN 'accepted'
                               ELSE 'fail' END;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            -- The message may hold a value, its code never does.
            status := 'error';
            findings := 0;
            evidence := format('the check failed with SQLSTATE %s', SQLSTATE);
        END;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION hipaa_guard.posture_rows(text, text) IS
'Rows of posture() with digests of the objects found, of all checks of a profile or of one; an error becomes status error. '
'Internal.';

CREATE FUNCTION hipaa_guard.posture(profile text DEFAULT 'hipaa')
RETURNS TABLE (id text, area text, severity text, title text, status text, findings bigint, evidence text,
    remedy text, hipaa text, cis text, stig text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text := hipaa_guard.checked_word('profile', profile, ARRAY['hipaa', 'cis', 'stig']);
BEGIN
    RETURN QUERY SELECT r.id, r.area, r.severity, r.title, r.status, r.findings, r.evidence, r.remedy, r.hipaa, r.cis, r.stig
                   FROM hipaa_guard.posture_rows(wanted) AS r;
END $$;
COMMENT ON FUNCTION hipaa_guard.posture(text) IS
'One row a check of the profile (hipaa: all; cis, stig: those with a reference there). status: pass, fail, attested, '
'accepted, not_applicable or error; findings: how many; evidence: the first five, names and settings only. Error 22023 '
'for another profile, 22004 for NULL.';

CREATE FUNCTION hipaa_guard.attest(topic text, attested_by text, evidence text,
    expires_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ends timestamptz := coalesce(expires_at, now() + interval '1 year');
BEGIN
    topic := lower(hipaa_guard.checked_text('topic', topic));
    IF topic COLLATE "C" !~ '^[a-z][a-z0-9_]*$' THEN
        RAISE EXCEPTION 'topic must be a word of letters, digits and underscores'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF ends <= now() OR NOT isfinite(ends) THEN
        RAISE EXCEPTION 'expires_at must be in the future and finite' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN hipaa_guard.ledger_append('attestation', topic,
        jsonb_build_object('by', hipaa_guard.checked_text('attested_by', attested_by),
                           'evidence', hipaa_guard.checked_text('evidence', evidence), 'expires_at', ends),
        ARRAY['evidence']);
END $$;
COMMENT ON FUNCTION hipaa_guard.attest(text, text, text, timestamptz) IS
'Records that someone vouches for a topic (training, mfa, encryption_at_rest ...), where the proof is, and until when '
'(default: one year). Returns the entry of the ledger.';

CREATE FUNCTION hipaa_guard.accept_risk(check_id text, reason text, expires_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c hipaa_guard.posture_check;
    r record;
BEGIN
    SELECT * INTO c FROM hipaa_guard.posture_check p
     WHERE p.id = upper(hipaa_guard.checked_text('check_id', check_id));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such check' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'SELECT id, title FROM hipaa_guard.posture() lists them.';
    ELSIF expires_at IS NULL OR expires_at <= now() OR NOT isfinite(expires_at) THEN
        RAISE EXCEPTION 'expires_at must be in the future and finite' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'No risk is accepted for ever; it is looked at again when the time is over.';
    END IF;
    SELECT * INTO r FROM hipaa_guard.posture_rows('hipaa', c.id);
    RETURN hipaa_guard.ledger_append('accepted_risk', c.id,
        jsonb_build_object('reason', hipaa_guard.checked_text('reason', reason), 'expires_at', expires_at,
                           'evidence', r.evidence, 'objects', to_jsonb(coalesce(r.objects, '{}'::text[]))), ARRAY['reason']);
END $$;
COMMENT ON FUNCTION hipaa_guard.accept_risk(text, text, timestamptz) IS
'Records that what a check finds today is accepted until expires_at, with the reason. A finding on another object fails '
'the check again. Returns the entry of the ledger.';

REVOKE ALL ON hipaa_guard.posture_area, hipaa_guard.posture_check, hipaa_guard.phi_relation, hipaa_guard.user_schema,
    hipaa_guard.attestations, hipaa_guard.accepted_risks FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.database_is_flagged(), hipaa_guard.log_is_masked(),
    hipaa_guard.remote_rule(), hipaa_guard.catalog_finding(jsonb, text),
    hipaa_guard.missing_attestations(text[], interval),
    hipaa_guard.posture_scan(), hipaa_guard.posture_rows(text, text), hipaa_guard.posture(text),
    hipaa_guard.attest(text, text, text, timestamptz), hipaa_guard.accept_risk(text, text, timestamptz)
    FROM PUBLIC;
