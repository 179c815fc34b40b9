-- Disclosures and their accounting (164.528), subjects by pseudonym, use of PHI, and what publications
-- let out.
--
-- A disclosure is opened by the session that makes it; until end_disclosure() what track_subject()
-- records, and what add_disclosed() names, belongs to it. Subjects are stored as keyed pseudonyms. The
-- key lies in this database, because who can read it can read the subjects themselves. Reads are in
-- the audit trail by statement and relation; PostgreSQL tells no trigger which rows a SELECT returned.

CREATE TABLE hipaa_guard.pseudonym_key (
    id int PRIMARY KEY CHECK (id = 1),
    inner_key bytea NOT NULL,
    outer_key bytea NOT NULL
);
COMMENT ON TABLE hipaa_guard.pseudonym_key IS 'The key of pseudonyms; made when it is first needed.';
COMMENT ON COLUMN hipaa_guard.pseudonym_key.id IS 'Always 1: there is one key.';
COMMENT ON COLUMN hipaa_guard.pseudonym_key.inner_key IS 'Key of the inner hash.';
COMMENT ON COLUMN hipaa_guard.pseudonym_key.outer_key IS 'Key of the outer hash.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.pseudonym_key
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
ALTER TABLE hipaa_guard.pseudonym_key ENABLE ALWAYS TRIGGER append_only;

CREATE TABLE hipaa_guard.subject_event (
    happened_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    relation text,
    action text NOT NULL,
    subject text NOT NULL,
    description text,
    role text NOT NULL DEFAULT session_user,
    disclosure bigint
);
CREATE INDEX subject_event_subject ON hipaa_guard.subject_event (subject, happened_at);
COMMENT ON TABLE hipaa_guard.subject_event IS 'Whose data was changed or disclosed, by pseudonym; append-only.';
COMMENT ON COLUMN hipaa_guard.subject_event.happened_at IS 'When.';
COMMENT ON COLUMN hipaa_guard.subject_event.relation IS 'Relation whose rows they were; NULL: named by add_disclosed().';
COMMENT ON COLUMN hipaa_guard.subject_event.action IS 'insert, update, delete, truncate or disclose.';
COMMENT ON COLUMN hipaa_guard.subject_event.subject IS 'Pseudonym; * for all.';
COMMENT ON COLUMN hipaa_guard.subject_event.description IS 'What was disclosed; NULL for changes.';
COMMENT ON COLUMN hipaa_guard.subject_event.role IS 'Session user.';
COMMENT ON COLUMN hipaa_guard.subject_event.disclosure IS 'Number of the disclosure it belongs to; NULL: none.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.subject_event
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
ALTER TABLE hipaa_guard.subject_event ENABLE ALWAYS TRIGGER append_only;

SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.pseudonym_key', '');
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.subject_event', '');

CREATE FUNCTION hipaa_guard.make_pseudonym_key() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM hipaa_guard.pseudonym_key) THEN
        INSERT INTO hipaa_guard.pseudonym_key
            VALUES (1, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
                       sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))) ON CONFLICT DO NOTHING;
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.make_pseudonym_key() IS 'Makes the key if there is none. Internal.';

CREATE FUNCTION hipaa_guard.pseudonym(subject text) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'S-' || left(encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(subject, getdatabaseencoding()))), 'hex'), 24)
      FROM hipaa_guard.pseudonym_key AS k
$$;
COMMENT ON FUNCTION hipaa_guard.pseudonym(text) IS 'Keyed hash of a subject''s identifier; NULL for NULL, or without a key. Internal.';

CREATE FUNCTION hipaa_guard.subject_pseudonym(subject text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hipaa_guard.make_pseudonym_key();
    RETURN hipaa_guard.pseudonym(subject);
END $$;
COMMENT ON FUNCTION hipaa_guard.subject_pseudonym(text) IS
'Pseudonym of a subject given by the identifier that the tracked column holds. Who may call it can test guesses, so '
'grant it sparingly. NULL gives NULL.';

CREATE FUNCTION hipaa_guard.session_id() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_hex(trunc(extract(epoch FROM a.backend_start))::bigint) || '.' || to_hex(a.pid)
      FROM pg_stat_get_activity(pg_backend_pid()) AS a
$$;
COMMENT ON FUNCTION hipaa_guard.session_id() IS 'Id of this session, as %c of log_line_prefix. Internal.';

CREATE VIEW hipaa_guard.disclosures AS
    SELECT l.key::bigint AS disclosure, l.body ->> 'recipient' AS recipient, l.body ->> 'purpose' AS purpose,
           l.body ->> 'authority' AS authority, (l.body ->> 'begun_at')::timestamptz AS begun_at,
           (l.body ->> 'ended_at')::timestamptz AS ended_at, l.body ->> 'description' AS description,
           l.body ->> 'session_id' AS session_id, l.body ->> 'role' AS role, l.entry
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'disclosure';
COMMENT ON VIEW hipaa_guard.disclosures IS 'Disclosures of PHI.';
COMMENT ON COLUMN hipaa_guard.disclosures.disclosure IS 'Number, from 1, without gaps.';
COMMENT ON COLUMN hipaa_guard.disclosures.recipient IS 'Who received PHI, with address if known.';
COMMENT ON COLUMN hipaa_guard.disclosures.purpose IS 'What for.';
COMMENT ON COLUMN hipaa_guard.disclosures.authority IS 'On what ground: authorization, law, paragraph.';
COMMENT ON COLUMN hipaa_guard.disclosures.begun_at IS 'When it began.';
COMMENT ON COLUMN hipaa_guard.disclosures.ended_at IS 'When it ended; NULL: it goes on, or its session ended without a word.';
COMMENT ON COLUMN hipaa_guard.disclosures.description IS 'What was disclosed.';
COMMENT ON COLUMN hipaa_guard.disclosures.session_id IS 'Session, as in audit_log.';
COMMENT ON COLUMN hipaa_guard.disclosures.role IS 'Session user.';
COMMENT ON COLUMN hipaa_guard.disclosures.entry IS 'Entry of the ledger.';

CREATE FUNCTION hipaa_guard.open_disclosure() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(d.disclosure) FROM hipaa_guard.disclosures d
     WHERE d.ended_at IS NULL AND d.session_id = hipaa_guard.session_id()
$$;
COMMENT ON FUNCTION hipaa_guard.open_disclosure() IS 'Number of the disclosure that this session has open, or NULL. Internal.';

CREATE FUNCTION hipaa_guard.begin_disclosure(recipient text, purpose text, authority text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    number bigint := hipaa_guard.ledger_next('disclosure');
BEGIN
    IF hipaa_guard.open_disclosure() IS NOT NULL THEN
        RAISE EXCEPTION 'this session has a disclosure open' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'SELECT hipaa_guard.end_disclosure(''what was disclosed'') first.';
    END IF;
    PERFORM hipaa_guard.ledger_append('disclosure', number::text, jsonb_build_object(
        'recipient', hipaa_guard.checked_text('recipient', recipient), 'purpose', hipaa_guard.checked_text('purpose', purpose),
        'authority', hipaa_guard.checked_text('authority', authority), 'begun_at', clock_timestamp(),
        'session_id', hipaa_guard.session_id(), 'role', session_user), ARRAY['purpose', 'authority']);
    PERFORM hipaa_guard.record_event('guard', 'BEGIN DISCLOSURE', 'disclosure', number::text, NULL);
    RETURN number;
END $$;
COMMENT ON FUNCTION hipaa_guard.begin_disclosure(text, text, text) IS
'Opens a disclosure by this session: to whom, what for, on what ground. PHI that the session reads until '
'end_disclosure() belongs to it. Returns its number. Error 55000 if one is open.';

CREATE FUNCTION hipaa_guard.end_disclosure(description text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    number bigint := hipaa_guard.open_disclosure();
    state jsonb;
BEGIN
    IF number IS NULL THEN
        RAISE EXCEPTION 'this session has no disclosure open' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT l.body INTO state FROM hipaa_guard.ledger_latest l WHERE l.kind = 'disclosure' AND l.key = number::text;
    PERFORM hipaa_guard.ledger_append('disclosure', number::text, state || jsonb_build_object('ended_at', clock_timestamp(),
        'description', hipaa_guard.checked_text('description', description)), ARRAY['description']);
    PERFORM hipaa_guard.record_event('guard', 'END DISCLOSURE', 'disclosure', number::text, NULL);
    RETURN number;
END $$;
COMMENT ON FUNCTION hipaa_guard.end_disclosure(text) IS
'Ends the disclosure of this session and says what was disclosed (in general: "lab results of March"). Returns its number.';

CREATE FUNCTION hipaa_guard.add_disclosed(subjects text[], description text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number bigint := hipaa_guard.open_disclosure();
    added bigint;
BEGIN
    IF number IS NULL THEN
        RAISE EXCEPTION 'this session has no disclosure open' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'SELECT hipaa_guard.begin_disclosure(recipient, purpose, authority) first.';
    END IF;
    description := hipaa_guard.checked_text('description', description, false);
    PERFORM hipaa_guard.warn_of_phi('description', description);
    PERFORM hipaa_guard.make_pseudonym_key();
    INSERT INTO hipaa_guard.subject_event (action, subject, description, disclosure)
        SELECT DISTINCT 'disclose', hipaa_guard.pseudonym(s), description, number FROM unnest(subjects) AS s WHERE s IS NOT NULL;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN added;
END $$;
COMMENT ON FUNCTION hipaa_guard.add_disclosed(text[], text) IS
'Says whose data the open disclosure is about, by identifier; pseudonyms are stored. NULLs are left out. Returns how many.';

CREATE FUNCTION hipaa_guard.accounting(subject text, years int DEFAULT 6)
RETURNS TABLE (disclosed_at timestamptz, recipient text, description text, purpose text, authority text, disclosure bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(e.happened_at), d.recipient,
           coalesce(string_agg(DISTINCT e.description, '; '), d.description, string_agg(DISTINCT e.relation, ', ')),
           d.purpose, d.authority, d.disclosure
      FROM hipaa_guard.subject_event e JOIN hipaa_guard.disclosures d USING (disclosure)
     WHERE e.subject IN ($1, '*') AND e.happened_at > now() - make_interval(years => years)
     GROUP BY d.disclosure, d.recipient, d.description, d.purpose, d.authority
     ORDER BY min(e.happened_at), d.disclosure
$$;
COMMENT ON FUNCTION hipaa_guard.accounting(text, int) IS
'Disclosures about a subject, given by pseudonym, of the last years (164.528: six): date, recipient, description, purpose, ground.';

CREATE FUNCTION hipaa_guard.is_builtin_column(relation oid, column_name name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                    WHERE a.attrelid = relation AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped
                      AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b')
$$;
COMMENT ON FUNCTION hipaa_guard.is_builtin_column(oid, name) IS
'Whether the relation has a column of that name whose type comes with PostgreSQL. Internal.';

CREATE FUNCTION hipaa_guard.note_subjects() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key hipaa_guard.pseudonym_key;
    number bigint;
    source text := CASE TG_OP WHEN 'INSERT' THEN 'TABLE new_rows' WHEN 'DELETE' THEN 'TABLE old_rows'
                   ELSE 'TABLE old_rows UNION ALL TABLE new_rows' END;
BEGIN
    -- Most sites have no disclosure open most of the time, and this runs for every statement.
    IF EXISTS (SELECT FROM hipaa_guard.ledger l WHERE l.kind = 'disclosure') THEN
        number := hipaa_guard.open_disclosure();
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO hipaa_guard.subject_event (relation, action, subject, disclosure)
            VALUES (TG_RELID::regclass::text, 'truncate', '*', number);
        RETURN NULL;
    END IF;
    -- This runs with the rights of a superuser: no cast and no comparison may come from who owns the table.
    IF NOT hipaa_guard.is_builtin_column(TG_RELID, TG_ARGV[0]) THEN
        PERFORM hipaa_guard.record_event('guard', 'SUBJECTS NOT RECORDED', 'table', TG_RELID::regclass::text, 'type of column');
        RETURN NULL;
    END IF;
    SELECT * INTO key FROM hipaa_guard.pseudonym_key;
    -- The expression of pseudonym(), so that it is no call a row.
    EXECUTE format('INSERT INTO hipaa_guard.subject_event (relation, action, subject, disclosure)
        SELECT $1, $2, ''S-'' || left(encode(sha256($5 || sha256($4 || convert_to(t.subject, $6))), ''hex''), 24), $3
          FROM (SELECT DISTINCT (s.%I)::text AS subject FROM (%s) AS s) AS t WHERE t.subject IS NOT NULL', TG_ARGV[0], source)
        USING TG_RELID::regclass::text, lower(TG_OP), number, key.inner_key, key.outer_key, getdatabaseencoding();
    RETURN NULL;
END $$;
COMMENT ON FUNCTION hipaa_guard.note_subjects() IS
'Trigger of tracked tables: one row of subject_event for each subject that a statement changed. Internal.';

CREATE FUNCTION hipaa_guard.track_subject(relation regclass, "column" name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                    WHERE c.oid = relation AND c.relkind IN ('r', 'p') AND a.attname = "column" AND a.attnum > 0
                      AND NOT a.attisdropped) THEN
        RAISE EXCEPTION 'there is no such column of a table' USING ERRCODE = 'undefined_column';
    ELSIF NOT hipaa_guard.is_builtin_column(relation, "column") THEN
        RAISE EXCEPTION 'subjects cannot be told by a column of this type' USING ERRCODE = 'feature_not_supported',
            HINT = 'Use a column of a type that comes with PostgreSQL, such as text, bigint or uuid.';
    END IF;
    PERFORM hipaa_guard.make_pseudonym_key();
    EXECUTE format('CREATE OR REPLACE TRIGGER hipaa_subject_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.note_subjects(%L)', relation, "column");
    EXECUTE format('CREATE OR REPLACE TRIGGER hipaa_subject_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows
        NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.note_subjects(%L)', relation, "column");
    EXECUTE format('CREATE OR REPLACE TRIGGER hipaa_subject_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.note_subjects(%L)', relation, "column");
    EXECUTE format('CREATE OR REPLACE TRIGGER hipaa_subject_truncate AFTER TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.note_subjects(%L)', relation, "column");
    PERFORM hipaa_guard.record_event('guard', 'TRACK SUBJECT', 'table', relation::text, NULL);
END $$;
COMMENT ON FUNCTION hipaa_guard.track_subject(regclass, name) IS
'From now on subject_event gets a row for each subject (value of the column, as a keyed pseudonym) that a statement '
'inserts, updates or deletes in the table. The caller must be able to create triggers there. Error 42703 for no table or '
'column.';

CREATE FUNCTION hipaa_guard.untrack_subject(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event text;
BEGIN
    FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS hipaa_subject_%s ON %s', event, relation);
    END LOOP;
    PERFORM hipaa_guard.record_event('guard', 'UNTRACK SUBJECT', 'table', relation::text, NULL);
END $$;
COMMENT ON FUNCTION hipaa_guard.untrack_subject(regclass) IS 'Ends track_subject() for a table; what was recorded stays.';

CREATE FUNCTION hipaa_guard.phi_usage(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
RETURNS TABLE (role text, relation text, class text, statements bigint, rows bigint, disclosed bigint,
    first_at timestamptz, last_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.session_user_name, concat_ws('.', a.schema_name, a.object_name), a.class, count(*), sum(a.rows)::bigint,
           count(d.disclosure), min(a.recorded_at), max(a.recorded_at)
      FROM hipaa_guard.audit_read(coalesce(since, now() - interval '30 days'), coalesce(until, now())) AS a
           LEFT JOIN hipaa_guard.disclosures d ON d.session_id = a.session_id AND a.recorded_at >= d.begun_at
                                              AND a.recorded_at < coalesce(d.ended_at, 'infinity')
     WHERE a.phi AND coalesce(a.database_name, '') IN ('', current_database()) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
$$;
COMMENT ON FUNCTION hipaa_guard.phi_usage(timestamptz, timestamptz) IS
'Who used which relation with PHI how often, from the audit trail (default: the last 30 days): role, relation, class, '
'statements, rows, statements within a disclosure, first and last time.';

CREATE FUNCTION hipaa_guard.publication_report()
RETURNS TABLE (publication name, relation text, "column" name, leaves boolean, row_filter boolean, row_security boolean,
    replication_readers name[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.pubname, c.oid::regclass::text, a.attname, a.attname = ANY (t.attnames), t.rowfilter IS NOT NULL,
           c.relrowsecurity,
           ARRAY(SELECT r.rolname FROM pg_roles r WHERE r.rolreplication AND r.rolcanlogin
                    AND has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT') ORDER BY r.rolname)
      FROM pg_publication_tables t
           JOIN pg_namespace n ON n.nspname = t.schemaname
           JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
           JOIN pg_seclabel l ON l.provider = 'hipaa_guard' AND l.classoid = 'pg_class'::regclass AND l.objoid = c.oid
                             AND l.objsubid > 0 AND l.label LIKE 'phi%'
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = l.objsubid
     ORDER BY t.pubname, 2, a.attnum
$$;
COMMENT ON FUNCTION hipaa_guard.publication_report() IS
'One row a publication and column that is labelled as PHI in it: whether its values leave, whether a row filter and row '
'security are there, and which replication logins can read it.';

CREATE FUNCTION hipaa_guard.deprovision(role name, reason text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    number bigint;
    ended bigint;
BEGIN
    reason := hipaa_guard.checked_text('reason', reason);
    IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
        RAISE EXCEPTION 'there is no such role' USING ERRCODE = 'undefined_object';
    ELSIF role IN (session_user, current_user) THEN
        RAISE EXCEPTION 'you cannot deprovision yourself' USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format('ALTER ROLE %I NOLOGIN', role);
    SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid)) INTO ended FROM pg_stat_activity a WHERE a.usename = role;
    number := hipaa_guard.ledger_append('deprovision', role, jsonb_build_object('reason', reason, 'sessions', ended,
        'duty', 'purge data on the devices of this user'), ARRAY['reason']);
    RETURN number;
END $$;
COMMENT ON FUNCTION hipaa_guard.deprovision(name, text) IS
'Takes a role''s login away, ends its sessions, and records it with the duty to purge its devices '
'(164.308(a)(3)(ii)(C)). Returns the entry of the ledger.';

REVOKE ALL ON hipaa_guard.pseudonym_key, hipaa_guard.subject_event, hipaa_guard.disclosures FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.make_pseudonym_key(), hipaa_guard.pseudonym(text), hipaa_guard.subject_pseudonym(text),
    hipaa_guard.session_id(), hipaa_guard.open_disclosure(), hipaa_guard.begin_disclosure(text, text, text),
    hipaa_guard.end_disclosure(text), hipaa_guard.add_disclosed(text[], text), hipaa_guard.accounting(text, int),
    hipaa_guard.is_builtin_column(oid, name),
    hipaa_guard.note_subjects(), hipaa_guard.track_subject(regclass, name), hipaa_guard.untrack_subject(regclass),
    hipaa_guard.phi_usage(timestamptz, timestamptz), hipaa_guard.publication_report(), hipaa_guard.deprovision(name, text)
    FROM PUBLIC;
