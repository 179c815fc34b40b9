-- How long the trail is kept, who else has it, and what may go. docs/archive.md tells how to use it.
--
-- A segment goes only from the oldest on, when an archive has acknowledged the digest of its file, or when it was kept
-- for as long as the longest agreement asks, six years at least (45 CFR 164.316(b)(2)(i)). Never by age alone, never
-- silently.

CREATE FUNCTION hipaa_guard.audit_segments_read(OUT segment bigint, OUT file text, OUT first_seq bigint, OUT last_seq bigint,
    OUT began_at timestamptz, OUT ended_at timestamptz, OUT bytes bigint, OUT boot bigint)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_segments';
COMMENT ON FUNCTION hipaa_guard.audit_segments_read() IS 'Internal: the files of the trail, from their headers.';

CREATE FUNCTION hipaa_guard.audit_segment_digest(segment bigint) RETURNS text
    LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_segment_digest';
COMMENT ON FUNCTION hipaa_guard.audit_segment_digest(bigint) IS
'SHA-256 of the file of a segment in hexadecimal, as sha256sum says it; NULL if there is no such segment. That of the last one '
'changes as long as it is written.';

CREATE FUNCTION hipaa_guard.audit_remove_segments(up_to bigint) RETURNS void
    LANGUAGE c VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_remove_segments';
COMMENT ON FUNCTION hipaa_guard.audit_remove_segments(bigint) IS
'Internal: has the writer remove the segments up to this one; decides nothing. purge_audit() is the way.';

-- How much ------------------------------------------------------------------

CREATE FUNCTION hipaa_guard.audit_storage_read(OUT bytes bigint, OUT max_bytes bigint, OUT percent int, OUT state text)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_storage';
COMMENT ON FUNCTION hipaa_guard.audit_storage_read() IS 'Internal: the row of view audit_storage.';

CREATE VIEW hipaa_guard.audit_storage AS
    SELECT s.* FROM hipaa_guard.audit_storage_read() s;
COMMENT ON VIEW hipaa_guard.audit_storage IS
'One row: what the trail takes on disk, against hipaa_guard.audit_max_size. The server log has a line when it reaches 80 % and when '
'it is full.';
COMMENT ON COLUMN hipaa_guard.audit_storage.bytes IS 'Size of the segments in bytes.';
COMMENT ON COLUMN hipaa_guard.audit_storage.max_bytes IS 'hipaa_guard.audit_max_size in bytes.';
COMMENT ON COLUMN hipaa_guard.audit_storage.percent IS 'How full it is.';
COMMENT ON COLUMN hipaa_guard.audit_storage.state IS
'ok; warning from 80 % on; full: only events of the classes auth, role, ddl, config and guard are written, others dropped and counted.';

-- How long ------------------------------------------------------------------

CREATE FUNCTION hipaa_guard.audit_retention_read() RETURNS text
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_retention_read';
COMMENT ON FUNCTION hipaa_guard.audit_retention_read() IS
'Internal: the terms that databases of this cluster have published beside the trail, one a line; NULL if none did.';

CREATE FUNCTION hipaa_guard.audit_retention_write(terms text) RETURNS void
    LANGUAGE c VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_retention_write';
COMMENT ON FUNCTION hipaa_guard.audit_retention_write(text) IS 'Internal: replaces what audit_retention_read() returns.';

CREATE FUNCTION hipaa_guard.audit_retention(OUT term interval, OUT source text) RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp SET intervalstyle = 'iso_8601'
    AS $$
BEGIN
    RETURN QUERY SELECT interval '6 years', '45 CFR 164.316(b)(2)(i)';
    RETURN QUERY SELECT b.retention, 'agreement ' || b.reference FROM hipaa_guard.baa b;
    RETURN QUERY SELECT r.period, 'set_retention()' FROM hipaa_guard.retention r WHERE r.what = 'audit_trail';
    RETURN QUERY SELECT p::interval, 'published by a database of this cluster'
        FROM string_to_table(btrim(hipaa_guard.audit_retention_read(), E'\n'), E'\n') p;
END $$;
COMMENT ON FUNCTION hipaa_guard.audit_retention() IS
'All the terms that the trail is kept for, and where each comes from; the one that ends last counts.';

CREATE FUNCTION hipaa_guard.audit_keep_until(recorded_at timestamptz) RETURNS timestamptz
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT max(recorded_at + r.term) FROM hipaa_guard.audit_retention() r $$;
COMMENT ON FUNCTION hipaa_guard.audit_keep_until(timestamptz) IS
'Until when an event recorded at that moment is to be kept; NULL for NULL.';

-- The trail is the cluster's, agreements stand in databases: so each database leaves its terms beside the trail.
CREATE FUNCTION hipaa_guard.publish_retention() RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp SET intervalstyle = 'iso_8601'
    AS $$
DECLARE
    known text := hipaa_guard.audit_retention_read();
    terms text;
BEGIN
    SELECT string_agg(t.term, E'\n' ORDER BY t.term COLLATE "C") || E'\n' INTO terms
      FROM (SELECT DISTINCT r.term::text FROM hipaa_guard.audit_retention() r) t;
    IF terms IS DISTINCT FROM known THEN
        PERFORM hipaa_guard.audit_retention_write(terms);
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.publish_retention() IS
'Leaves the terms of this database''s agreements beside the trail, where purge_audit() of every database of the cluster sees them. '
'Done for each agreement that is put on record; a term never goes away again.';

CREATE FUNCTION hipaa_guard.retention_changed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM hipaa_guard.publish_retention();
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = 'the retention of the audit trail could not be published',
        DETAIL = SQLERRM, HINT = 'Call hipaa_guard.publish_retention() when the audit directory can be written.';
    RETURN NULL;
END $$;
COMMENT ON FUNCTION hipaa_guard.retention_changed() IS 'Internal: trigger function that calls publish_retention().';

-- Who else has it ------------------------------------------------------------

CREATE TABLE hipaa_guard.archive (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind <> ''),
    location text NOT NULL CHECK (location <> ''),
    registered_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    registered_by text NOT NULL DEFAULT SESSION_USER
);
COMMENT ON TABLE hipaa_guard.archive IS 'Archives of the audit trail, append-only; the latest record of a name counts.';
COMMENT ON COLUMN hipaa_guard.archive.id IS 'Number of the record.';
COMMENT ON COLUMN hipaa_guard.archive.name IS 'Name of the archive.';
COMMENT ON COLUMN hipaa_guard.archive.kind IS 'What it is: object storage, file system, log collector or another word.';
COMMENT ON COLUMN hipaa_guard.archive.location IS 'Where it is; no credentials.';
COMMENT ON COLUMN hipaa_guard.archive.registered_at IS 'When it was registered.';
COMMENT ON COLUMN hipaa_guard.archive.registered_by IS 'Session user who registered it.';

CREATE TABLE hipaa_guard.archive_acknowledgement (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    archive text NOT NULL,
    segment bigint NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    ended_at timestamptz NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    acknowledged_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    acknowledged_by text NOT NULL DEFAULT SESSION_USER
);
CREATE INDEX archive_acknowledgement_digest ON hipaa_guard.archive_acknowledgement (digest);
COMMENT ON TABLE hipaa_guard.archive_acknowledgement IS 'What archives have, append-only: one row a segment and archive.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.id IS 'Number of the record.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.archive IS 'Name of the archive.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.segment IS 'Number of the segment.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.first_seq IS 'Number of its first event.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.last_seq IS 'Number of its last event.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.ended_at IS 'When it was closed; its events are not younger.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.digest IS 'SHA-256 of its file, as the archive said it and the server found it.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.acknowledged_at IS 'When the archive acknowledged it.';
COMMENT ON COLUMN hipaa_guard.archive_acknowledgement.acknowledged_by IS 'Session user of the archive.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.archive
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
ALTER TABLE hipaa_guard.archive ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.archive_acknowledgement
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
ALTER TABLE hipaa_guard.archive_acknowledgement ENABLE ALWAYS TRIGGER append_only;
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.archive', '');
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.archive_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.archive_acknowledgement', '');
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.archive_acknowledgement_id_seq', '');

CREATE FUNCTION hipaa_guard.register_archive(name text, kind text, location text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    new_id bigint;
BEGIN
    IF coalesce(btrim(name), '') = '' OR coalesce(btrim(kind), '') = '' OR coalesce(btrim(location), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'name, kind and location of an archive must not be null or empty';
    END IF;
    IF location ~ '://[^/@]*:[^/@]*@' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'location of an archive must not hold a password',
            HINT = 'Say where it is; keep credentials with who sends to it.';
    END IF;
    INSERT INTO hipaa_guard.archive (name, kind, location) VALUES (btrim(name), btrim(kind), btrim(location))
        RETURNING id INTO new_id;
    PERFORM hipaa_guard.record_event('guard', 'REGISTER ARCHIVE', 'archive', btrim(name), 'record ' || new_id);
    RETURN new_id;
END $$;
COMMENT ON FUNCTION hipaa_guard.register_archive(text, text, text) IS
'Puts on record where copies of the audit trail are kept, and returns the number of the record. The same name again says that '
'the archive has moved. NULL or an empty text gives 22004, a password in the location 22023.';

CREATE VIEW hipaa_guard.audit_segments AS
    SELECT s.segment, s.file, s.first_seq, s.last_seq, s.began_at, s.ended_at, s.bytes, s.ended_at IS NOT NULL AS closed,
           hipaa_guard.audit_keep_until(s.ended_at) AS keep_until,
           ARRAY(SELECT DISTINCT a.archive FROM hipaa_guard.archive_acknowledgement a
                  WHERE a.segment = s.segment AND a.last_seq = s.last_seq ORDER BY a.archive) AS archives
      FROM hipaa_guard.audit_segments_read() s;
COMMENT ON VIEW hipaa_guard.audit_segments IS 'The files of the audit trail that are on this server.';
COMMENT ON COLUMN hipaa_guard.audit_segments.segment IS 'Number of the segment, from 1, ascending by 1.';
COMMENT ON COLUMN hipaa_guard.audit_segments.file IS 'Name of its file in hipaa_guard.audit_directory.';
COMMENT ON COLUMN hipaa_guard.audit_segments.first_seq IS 'Number of its first event; NULL if its header is damaged.';
COMMENT ON COLUMN hipaa_guard.audit_segments.last_seq IS
'Number of its last event, or first_seq - 1 if it has none; NULL as long as it is written.';
COMMENT ON COLUMN hipaa_guard.audit_segments.began_at IS 'When it was begun.';
COMMENT ON COLUMN hipaa_guard.audit_segments.ended_at IS 'When the next one was begun; NULL as long as it is written.';
COMMENT ON COLUMN hipaa_guard.audit_segments.bytes IS 'Size of the file.';
COMMENT ON COLUMN hipaa_guard.audit_segments.closed IS 'Whether it changes no more.';
COMMENT ON COLUMN hipaa_guard.audit_segments.keep_until IS 'Until when its events are to be kept, here or in an archive.';
COMMENT ON COLUMN hipaa_guard.audit_segments.archives IS 'Archives that have acknowledged it in this database.';

CREATE FUNCTION hipaa_guard.acknowledge_archive(name text, up_to_seq bigint, digest text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    s record;
    problem text;
    new_id bigint;
BEGIN
    IF name IS NULL OR up_to_seq IS NULL OR digest IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'name, up_to_seq and digest must not be null';
    END IF;
    -- A segment without events, as a restart may leave one, ends with the number of the one before.
    SELECT * INTO s FROM hipaa_guard.audit_segments_read() r WHERE r.last_seq = up_to_seq
     ORDER BY (hipaa_guard.audit_segment_digest(r.segment) = lower(digest)) DESC, r.segment LIMIT 1;
    problem := CASE WHEN NOT EXISTS (SELECT FROM hipaa_guard.archive a WHERE a.name = acknowledge_archive.name)
                    THEN 'there is no archive of that name'
                    WHEN s.segment IS NULL THEN 'no closed segment ends with that number'
                    WHEN lower(digest) IS DISTINCT FROM hipaa_guard.audit_segment_digest(s.segment)
                    THEN 'the digest is not that of the segment' END;
    IF problem IS NOT NULL THEN
        PERFORM hipaa_guard.record_event('guard', 'ACKNOWLEDGE ARCHIVE', 'archive', name, problem, true);
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the acknowledgement is refused: ' || problem,
            HINT = 'View hipaa_guard.audit_segments has the segments with their last_seq; the digest is what sha256sum says of the file.';
    END IF;
    INSERT INTO hipaa_guard.archive_acknowledgement (archive, segment, first_seq, last_seq, ended_at, digest)
        VALUES (name, s.segment, s.first_seq, s.last_seq, s.ended_at, lower(digest)) RETURNING id INTO new_id;
    PERFORM hipaa_guard.record_event('guard', 'ACKNOWLEDGE ARCHIVE', 'archive', name,
        format('segment %s, numbers %s to %s', s.segment, s.first_seq, s.last_seq));
    RETURN new_id;
END $$;
COMMENT ON FUNCTION hipaa_guard.acknowledge_archive(text, bigint, text) IS
'An archive says that it has the segment whose last event is up_to_seq: digest is the SHA-256 of the file, which is compared with '
'the local one. Returns the number of the record. An unknown archive or number, or another digest, gives 22023 and leaves an event.';

CREATE VIEW hipaa_guard.archives AS
    SELECT a.name, a.kind, a.location, a.registered_at, a.registered_by, count(k.segment) AS segments,
           min(k.first_seq) AS first_seq, max(k.last_seq) AS last_seq, max(k.acknowledged_at) AS acknowledged_at,
           hipaa_guard.audit_keep_until(max(k.ended_at)) AS keep_until
      FROM (SELECT DISTINCT ON (r.name) r.* FROM hipaa_guard.archive r ORDER BY r.name, r.id DESC) a
      LEFT JOIN (SELECT DISTINCT ON (c.archive, c.digest) c.* FROM hipaa_guard.archive_acknowledgement c
                  ORDER BY c.archive, c.digest, c.id) k ON k.archive = a.name
     GROUP BY a.name, a.kind, a.location, a.registered_at, a.registered_by;
COMMENT ON VIEW hipaa_guard.archives IS 'Archives of the audit trail, and what each has acknowledged in this database.';
COMMENT ON COLUMN hipaa_guard.archives.name IS 'Name of the archive.';
COMMENT ON COLUMN hipaa_guard.archives.kind IS 'What it is.';
COMMENT ON COLUMN hipaa_guard.archives.location IS 'Where it is.';
COMMENT ON COLUMN hipaa_guard.archives.registered_at IS 'When it was registered as it stands here.';
COMMENT ON COLUMN hipaa_guard.archives.registered_by IS 'Session user who registered it so.';
COMMENT ON COLUMN hipaa_guard.archives.segments IS 'How many segments it has acknowledged.';
COMMENT ON COLUMN hipaa_guard.archives.first_seq IS 'Lowest number of an event it has; NULL if none.';
COMMENT ON COLUMN hipaa_guard.archives.last_seq IS 'Highest number of an event it has; NULL if none.';
COMMENT ON COLUMN hipaa_guard.archives.acknowledged_at IS 'When it last acknowledged; NULL if never.';
COMMENT ON COLUMN hipaa_guard.archives.keep_until IS 'Until when it is to keep what it has; NULL if it has nothing.';

-- What may go ----------------------------------------------------------------

CREATE FUNCTION hipaa_guard.purge_plan(before timestamptz, OUT segment bigint, OUT file text, OUT first_seq bigint,
    OUT last_seq bigint, OUT ended_at timestamptz, OUT bytes bigint, OUT may_go boolean, OUT reason text) RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    s record;
    keeper text;
    keep_until timestamptz;
    go_on boolean := true;
BEGIN
    FOR s IN SELECT * FROM hipaa_guard.audit_segments_read() r WHERE r.began_at < before ORDER BY r.segment LOOP
        keep_until := hipaa_guard.audit_keep_until(s.ended_at);
        keeper := NULL;
        IF go_on AND s.ended_at <= before AND s.first_seq IS NOT NULL
            AND EXISTS (SELECT FROM hipaa_guard.archive_acknowledgement a WHERE a.segment = s.segment) THEN
            SELECT min(a.archive) INTO keeper FROM hipaa_guard.archive_acknowledgement a
             WHERE a.segment = s.segment AND a.digest = hipaa_guard.audit_segment_digest(s.segment);
        END IF;
        reason := CASE WHEN NOT go_on THEN 'an older segment stays, and segments go from the oldest on'
                       WHEN s.ended_at IS NULL THEN 'it is being written, or the one behind it cannot be read'
                       WHEN s.first_seq IS NULL THEN 'its header cannot be read: call audit_verify()'
                       WHEN s.ended_at > before THEN 'it holds events of that time and later' END;
        may_go := reason IS NULL AND (keeper IS NOT NULL OR keep_until <= clock_timestamp());
        reason := coalesce(reason,
            CASE WHEN keeper IS NOT NULL
                 THEN format('archive %s has it, and the duty to keep it until %s', keeper, to_char(keep_until, 'YYYY-MM-DD'))
                 WHEN may_go THEN format('it was to be kept until %s', to_char(keep_until, 'YYYY-MM-DD'))
                 ELSE format('no archive has acknowledged it as it is, and it is to be kept until %s',
                             to_char(keep_until, 'YYYY-MM-DD')) END);
        go_on := may_go;
        segment := s.segment; file := s.file; first_seq := s.first_seq; last_seq := s.last_seq;
        ended_at := s.ended_at; bytes := s.bytes;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION hipaa_guard.purge_plan(timestamptz) IS
'What purge_audit(before) would remove and what not, and why; changes nothing. One row for each segment begun before that moment.';

CREATE FUNCTION hipaa_guard.purge_audit(before timestamptz, OUT segment bigint, OUT file text, OUT first_seq bigint,
    OUT last_seq bigint, OUT ended_at timestamptz, OUT bytes bigint, OUT removed boolean, OUT reason text) RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    plan record;
    last_segment bigint;
BEGIN
    IF before IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the moment before which to purge must not be null';
    END IF;
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'active_sql_transaction',
            MESSAGE = 'purge_audit() cannot run in a transaction that has changed something',
            DETAIL = 'Files that are removed do not come back when it is rolled back, acknowledgements would go.';
    END IF;
    PERFORM hipaa_guard.publish_retention();
    LOCK TABLE hipaa_guard.archive_acknowledgement IN SHARE ROW EXCLUSIVE MODE;
    FOR plan IN SELECT * FROM hipaa_guard.purge_plan(before) LOOP
        segment := plan.segment; file := plan.file; first_seq := plan.first_seq; last_seq := plan.last_seq;
        ended_at := plan.ended_at; bytes := plan.bytes; removed := plan.may_go; reason := plan.reason;
        IF removed THEN
            PERFORM hipaa_guard.record_event('guard', 'PURGE AUDIT', 'audit_segment', segment::text,
                format('numbers %s to %s', first_seq, last_seq));
            last_segment := segment;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF last_segment IS NULL THEN
        PERFORM hipaa_guard.record_event('guard', 'PURGE AUDIT', 'audit_segment', NULL, 'nothing may go', true);
    ELSE
        PERFORM hipaa_guard.audit_remove_segments(last_segment);
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.purge_audit(timestamptz) IS
'Removes, from the oldest on, the segments closed before that moment that an archive has acknowledged or that were kept for their '
'term; says of each segment begun before it whether it went and why. Each removal is an event. Archives acknowledge in the '
'database where this is called. NULL gives 22004, a transaction that has changed something 25001.';

REVOKE ALL ON FUNCTION hipaa_guard.audit_segments_read(), hipaa_guard.audit_segment_digest(bigint),
    hipaa_guard.audit_remove_segments(bigint), hipaa_guard.audit_storage_read(), hipaa_guard.audit_retention_read(),
    hipaa_guard.audit_retention_write(text), hipaa_guard.audit_retention(), hipaa_guard.audit_keep_until(timestamptz),
    hipaa_guard.publish_retention(), hipaa_guard.retention_changed(), hipaa_guard.register_archive(text, text, text),
    hipaa_guard.acknowledge_archive(text, bigint, text), hipaa_guard.purge_plan(timestamptz),
    hipaa_guard.purge_audit(timestamptz) FROM PUBLIC;
REVOKE ALL ON hipaa_guard.archive, hipaa_guard.archive_acknowledgement, hipaa_guard.archives, hipaa_guard.audit_segments,
    hipaa_guard.audit_storage FROM PUBLIC;
