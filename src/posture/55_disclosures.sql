-- Disclosures and their accounting (164.528), subjects by pseudonym, use of PHI, and what publications
-- let out.
--
-- A disclosure is opened by the session that makes it; until end_disclosure() what track_subject()
-- records, and what add_disclosed() names, belongs to it. Subjects are stored as keyed pseudonyms. The
-- key lies in this database, because who can read it can read the subjects themselves.
--
-- Changes are seen by triggers and stored in subject_event, in the transaction that makes them. Reads are
-- seen by a policy of row security, whose function puts them into the audit trail, so that no ROLLBACK
-- takes them back; end_disclosure() brings those of its time into subject_event.

CREATE TABLE hipaa_guard.pseudonym_key (
    id int PRIMARY KEY CHECK (id = 1),
    inner_key bytea NOT NULL,
    outer_key bytea NOT NULL
);
COMMENT ON TABLE hipaa_guard.pseudonym_key IS 'The key of pseudonyms; made when it is first needed.';
COMMENT ON COLUMN hipaa_guard.pseudonym_key.id IS 'Always 1: there is one key.';
COMMENT ON COLUMN hipaa_guard.pseudonym_key.inner_key IS 'The key of HMAC-SHA-256, filled up to 64 bytes, XOR 0x36.';
COMMENT ON COLUMN hipaa_guard.pseudonym_key.outer_key IS 'The key of HMAC-SHA-256, filled up to 64 bytes, XOR 0x5c.';
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
COMMENT ON TABLE hipaa_guard.subject_event IS
'Whose data was changed, or read or named within a disclosure, by pseudonym; append-only.';
COMMENT ON COLUMN hipaa_guard.subject_event.happened_at IS 'When.';
COMMENT ON COLUMN hipaa_guard.subject_event.relation IS 'Relation whose rows they were; NULL: named by add_disclosed().';
COMMENT ON COLUMN hipaa_guard.subject_event.action IS
'insert, update, delete, truncate, read (when the disclosure ended) or disclose (named by add_disclosed()).';
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
DECLARE
    key bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
    padded bytea := key || decode(repeat('00', 32), 'hex');
    inner_key bytea := padded;
    outer_key bytea := padded;
BEGIN
    IF NOT EXISTS (SELECT FROM hipaa_guard.pseudonym_key) THEN
        FOR i IN 0..63 LOOP
            inner_key := set_byte(inner_key, i, get_byte(padded, i) # 54);
            outer_key := set_byte(outer_key, i, get_byte(padded, i) # 92);
        END LOOP;
        INSERT INTO hipaa_guard.pseudonym_key VALUES (1, inner_key, outer_key) ON CONFLICT DO NOTHING;
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.make_pseudonym_key() IS
'Makes a key of 32 bytes if there is none, and stores it as the two blocks of HMAC. Internal.';

CREATE FUNCTION hipaa_guard.pseudonym(subject text) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'S-' || left(encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(subject, getdatabaseencoding()))), 'hex'), 24)
      FROM hipaa_guard.pseudonym_key AS k
$$;
COMMENT ON FUNCTION hipaa_guard.pseudonym(text) IS
'HMAC-SHA-256 of a subject''s identifier, 96 bits of it; NULL for NULL, or without a key. Internal.';

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

-- Never fails: a disclosure must come to its end. What is missing is told.
CREATE FUNCTION hipaa_guard.store_subjects_read(number bigint, until timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d hipaa_guard.disclosures;
    stored bigint := 0;
    lost bigint;
BEGIN
    SELECT * INTO d FROM hipaa_guard.disclosures x WHERE x.disclosure = number;
    BEGIN
        PERFORM hipaa_guard.audit_flush();
        INSERT INTO hipaa_guard.subject_event (happened_at, relation, action, subject, role, disclosure)
            SELECT min(a.recorded_at), a.object_name, 'read', s, min(a.session_user_name), number
              FROM hipaa_guard.audit_read(d.begun_at, until) AS a, string_to_table(split_part(a.detail, ';', 1), ' ') AS s
             WHERE a.session_id = d.session_id AND a.command_tag = 'READ SUBJECT' AND a.database_name = current_database()
             GROUP BY a.object_name, s;
        GET DIAGNOSTICS stored = ROW_COUNT;
        lost := (SELECT sum(g.lost) FROM hipaa_guard.audit_gaps g WHERE g.ended_at >= d.begun_at AND g.began_at < until);
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'the subjects of disclosure % were not read from the audit trail', number
            USING ERRCODE = SQLSTATE, HINT = 'Name them by hipaa_guard.add_disclosed(), or look at hipaa_guard.stat_audit.';
        PERFORM hipaa_guard.record_event('guard', 'SUBJECTS NOT RECORDED', 'disclosure', number::text, SQLSTATE);
    END;
    IF lost > 0 THEN
        RAISE WARNING '% events of the time of disclosure % were lost, so subjects may be missing', lost, number
            USING HINT = 'SELECT * FROM hipaa_guard.audit_gaps;';
        PERFORM hipaa_guard.record_event('guard', 'SUBJECTS NOT RECORDED', 'disclosure', number::text, lost || ' events lost');
    END IF;
    RETURN stored;
END $$;
COMMENT ON FUNCTION hipaa_guard.store_subjects_read(bigint, timestamptz) IS
'Brings the subjects that the session of a disclosure read in its time from the audit trail into subject_event; returns how '
'many. Internal.';

CREATE FUNCTION hipaa_guard.end_disclosure(description text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    number bigint := hipaa_guard.open_disclosure();
    ends timestamptz := clock_timestamp();
    state jsonb;
BEGIN
    IF number IS NULL THEN
        RAISE EXCEPTION 'this session has no disclosure open' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    description := hipaa_guard.checked_text('description', description);
    PERFORM hipaa_guard.store_subjects_read(number, ends);
    SELECT l.body INTO state FROM hipaa_guard.ledger_latest l WHERE l.kind = 'disclosure' AND l.key = number::text;
    PERFORM hipaa_guard.ledger_append('disclosure', number::text,
        state || jsonb_build_object('ended_at', ends, 'description', description), ARRAY['description']);
    PERFORM hipaa_guard.record_event('guard', 'END DISCLOSURE', 'disclosure', number::text, NULL);
    RETURN number;
END $$;
COMMENT ON FUNCTION hipaa_guard.end_disclosure(text) IS
'Ends the disclosure of this session and says what was disclosed (in general: "lab results of March"). Subjects of tracked '
'tables that the session read since it began are stored. Returns its number.';

CREATE FUNCTION hipaa_guard.end_abandoned_disclosures() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    d hipaa_guard.disclosures;
    ended bigint := 0;
BEGIN
    FOR d IN
        SELECT * FROM hipaa_guard.disclosures x WHERE x.ended_at IS NULL AND x.session_id NOT IN (
            SELECT to_hex(trunc(extract(epoch FROM a.backend_start))::bigint) || '.' || to_hex(a.pid)
              FROM pg_stat_get_activity(NULL) AS a WHERE a.backend_start IS NOT NULL)
         ORDER BY x.disclosure
    LOOP
        PERFORM hipaa_guard.store_subjects_read(d.disclosure, clock_timestamp());
        PERFORM hipaa_guard.ledger_append('disclosure', d.disclosure::text,
            (SELECT l.body FROM hipaa_guard.ledger_latest l WHERE l.kind = 'disclosure' AND l.key = d.disclosure::text)
            || jsonb_build_object('ended_at', clock_timestamp(), 'description', 'not described: its session ended before'));
        PERFORM hipaa_guard.record_event('guard', 'END DISCLOSURE', 'disclosure', d.disclosure::text, 'its session is gone');
        ended := ended + 1;
    END LOOP;
    RETURN ended;
END $$;
COMMENT ON FUNCTION hipaa_guard.end_abandoned_disclosures() IS
'Ends the disclosures whose sessions ended without end_disclosure(), with the subjects they read; take_posture_snapshot() '
'calls it. Returns how many.';

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

CREATE FUNCTION hipaa_guard.note_subject(relation regclass, subject text) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 100000 AS 'MODULE_PATHNAME', 'hg_note_subject';
COMMENT ON FUNCTION hipaa_guard.note_subject(regclass, text) IS
'What the policy of a tracked table asks of each row: records the subject by pseudonym and is always true, for NULL too. Its cost '
'is high so that it is asked last. Who calls it himself accuses himself. Internal.';

-- Its cost is low because PostgreSQL asks conditions that are cheap and leak nothing before all others, and
-- those of the site's policies have to come before the one that records.
CREATE FUNCTION hipaa_guard.no_other_policy(relation regclass) RETURNS boolean
LANGUAGE c STABLE STRICT COST 1 AS 'MODULE_PATHNAME', 'hg_no_other_policy';
COMMENT ON FUNCTION hipaa_guard.no_other_policy(regclass) IS
'Whether no permissive policy but that of track_subject() is in force for the relation; NULL for NULL. Internal.';

-- Row security that is there for recording alone lets every row pass, and steps back as soon as the site
-- makes a policy of its own.
CREATE FUNCTION hipaa_guard.watch_reads(relation regclass, "column" name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    IF NOT (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = relation) THEN
        IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname !~ '^hipaa_subject_') THEN
            RAISE EXCEPTION 'row security of the table is off, but it has policies' USING
                ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Reads are seen by row security. Drop the policies, or ALTER TABLE ... ENABLE ROW LEVEL SECURITY.';
        END IF;
        EXECUTE format('DROP POLICY IF EXISTS hipaa_subject_all ON %s', relation);
        EXECUTE format('CREATE POLICY hipaa_subject_all ON %s USING (hipaa_guard.no_other_policy(%L::regclass))', relation, relation);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END IF;
    EXECUTE format('DROP POLICY IF EXISTS hipaa_subject_read ON %s', relation);
    EXECUTE format('CREATE POLICY hipaa_subject_read ON %s AS RESTRICTIVE FOR SELECT
        USING (hipaa_guard.note_subject(%L::regclass, %I::text))', relation, relation, "column");
END $$;
COMMENT ON FUNCTION hipaa_guard.watch_reads(regclass, name) IS
'Makes the policies of track_subject() for one table, and enables row security for them where it is off. Internal.';

CREATE FUNCTION hipaa_guard.watch_changes(relation regclass, "column" name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event text[];
BEGIN
    FOREACH event SLICE 1 IN ARRAY ARRAY[['insert', 'REFERENCING NEW TABLE AS new_rows'], ['delete', 'REFERENCING OLD TABLE AS old_rows'],
        ['update', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'], ['truncate', '']] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER hipaa_subject_%s AFTER %1$s ON %s %s
            FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.note_subjects(%L)', event[1], relation, event[2], "column");
    END LOOP;
END $$;
COMMENT ON FUNCTION hipaa_guard.watch_changes(regclass, name) IS 'Makes the triggers of track_subject() for one table. Internal.';

-- A table and all tables below it, since a partition can be asked by its own name.
CREATE FUNCTION hipaa_guard.family(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE member (id) AS (
        SELECT relation::oid UNION SELECT i.inhrelid FROM member m JOIN pg_inherits i ON i.inhparent = m.id)
    SELECT m.id::regclass FROM member m JOIN pg_class c ON c.oid = m.id WHERE c.relkind IN ('r', 'p') ORDER BY m.id
$$;
COMMENT ON FUNCTION hipaa_guard.family(regclass) IS 'The table and its partitions and children. Internal.';

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
    PERFORM hipaa_guard.watch_reads(f, "column"), hipaa_guard.watch_changes(f, "column") FROM hipaa_guard.family(relation) AS f;
    PERFORM hipaa_guard.record_event('guard', 'TRACK SUBJECT', 'table', relation::text, NULL);
END $$;
COMMENT ON FUNCTION hipaa_guard.track_subject(regclass, name) IS
'From now on it is recorded, by pseudonym, whose rows of the table (and of its partitions that are there) a statement reads, '
'inserts, updates or deletes; the column says who. Row security is enabled where it is off, and lets every row pass until there is '
'another policy. The caller must own the table. Superusers and roles with BYPASSRLS are not seen reading: unrecorded_reads(). Error '
'42703 for no table or column, 0A000 for a type that does not come with PostgreSQL, 55000 for policies that are not in force.';

CREATE FUNCTION hipaa_guard.untrack_subject(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
    member regclass;
    event text;
BEGIN
    FOR member IN SELECT hipaa_guard.family(relation) LOOP
        FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS hipaa_subject_%s ON %s', event, member);
        END LOOP;
        IF hipaa_guard.no_other_policy(member)
           AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = member AND p.polname = 'hipaa_subject_all') THEN
            EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', member);
        END IF;
        EXECUTE format('DROP POLICY IF EXISTS hipaa_subject_read ON %s', member);
        EXECUTE format('DROP POLICY IF EXISTS hipaa_subject_all ON %s', member);
    END LOOP;
    PERFORM hipaa_guard.record_event('guard', 'UNTRACK SUBJECT', 'table', relation::text, NULL);
END $$;
COMMENT ON FUNCTION hipaa_guard.untrack_subject(regclass) IS
'Ends track_subject() for a table and its partitions; what was recorded stays. Row security is disabled again where it was there '
'for recording alone.';

CREATE FUNCTION hipaa_guard.unrecorded_reads(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
RETURNS TABLE (role text, relation text, statements bigint, first_at timestamptz, last_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.current_user_name, c.oid::regclass::text, count(*), min(a.recorded_at), max(a.recorded_at)
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN hipaa_guard.audit_read(coalesce(since, now() - interval '30 days'), coalesce(until, now())) AS a
             ON a.schema_name = n.nspname AND a.object_name = c.relname AND a.database_name = current_database()
           LEFT JOIN pg_roles r ON r.rolname = a.current_user_name
     WHERE p.polname = 'hipaa_subject_read' AND a.class IN ('read', 'copy') AND a.outcome = 'success'
       AND a.command_tag <> 'READ SUBJECT'
       AND (coalesce(r.rolsuper OR r.rolbypassrls, true) OR (r.oid = c.relowner AND NOT c.relforcerowsecurity))
     GROUP BY 1, 2 ORDER BY 1, 2
$$;
COMMENT ON FUNCTION hipaa_guard.unrecorded_reads(timestamptz, timestamptz) IS
'Reads of tracked tables by roles that row security does not bind (superusers, BYPASSRLS, an owner without FORCE, roles that are '
'gone), from the audit trail (default: the last 30 days): their statements are known, their subjects are not.';

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
    hipaa_guard.note_subjects(), hipaa_guard.watch_reads(regclass, name), hipaa_guard.watch_changes(regclass, name),
    hipaa_guard.family(regclass), hipaa_guard.store_subjects_read(bigint, timestamptz), hipaa_guard.end_abandoned_disclosures(),
    hipaa_guard.track_subject(regclass, name), hipaa_guard.untrack_subject(regclass),
    hipaa_guard.unrecorded_reads(timestamptz, timestamptz),
    hipaa_guard.phi_usage(timestamptz, timestamptz), hipaa_guard.publication_report(), hipaa_guard.deprovision(name, text)
    FROM PUBLIC;
