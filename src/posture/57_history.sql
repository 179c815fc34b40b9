-- History of the posture, the state of the trail as a check sees it, and figures for monitoring.
--
-- A background worker calls take_posture_snapshot() in each flagged database at
-- hipaa_guard.posture_interval; it may be called by hand as well. Only changes are stored.

CREATE FUNCTION hipaa_guard.host_facts(OUT fact text, OUT object text, OUT value text) RETURNS SETOF record
LANGUAGE c STABLE STRICT SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'hg_host_facts';
COMMENT ON FUNCTION hipaa_guard.host_facts() IS
'Facts of the machine that checks need: modes of files that are too open, days until the certificate ends, FIPS, limit '
'of core dumps, volumes. Names and figures, no content. Internal.';

CREATE TABLE hipaa_guard.posture_history (
    taken_at timestamptz NOT NULL,
    check_id text NOT NULL,
    status text NOT NULL,
    previous text,
    findings bigint NOT NULL,
    PRIMARY KEY (check_id, taken_at)
);
COMMENT ON TABLE hipaa_guard.posture_history IS 'Changes of the status of checks; append-only.';
COMMENT ON COLUMN hipaa_guard.posture_history.taken_at IS 'When the snapshot was taken.';
COMMENT ON COLUMN hipaa_guard.posture_history.check_id IS 'Id of the check.';
COMMENT ON COLUMN hipaa_guard.posture_history.status IS 'Its status from then on.';
COMMENT ON COLUMN hipaa_guard.posture_history.previous IS 'Its status before; NULL: the first snapshot.';
COMMENT ON COLUMN hipaa_guard.posture_history.findings IS 'How many findings it had.';

CREATE TABLE hipaa_guard.posture_snapshot (
    taken_at timestamptz PRIMARY KEY,
    statuses jsonb NOT NULL
);
COMMENT ON TABLE hipaa_guard.posture_snapshot IS 'When the posture was recorded, and the sums; append-only.';
COMMENT ON COLUMN hipaa_guard.posture_snapshot.taken_at IS 'When.';
COMMENT ON COLUMN hipaa_guard.posture_snapshot.statuses IS 'Number of checks by status.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.posture_history
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.posture_snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
ALTER TABLE hipaa_guard.posture_history ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE hipaa_guard.posture_snapshot ENABLE ALWAYS TRIGGER append_only;
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.posture_history', '');
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.posture_snapshot', '');

CREATE VIEW hipaa_guard.posture_latest AS
    SELECT DISTINCT ON (h.check_id) h.check_id, h.status, h.findings, h.taken_at AS since
      FROM hipaa_guard.posture_history h ORDER BY h.check_id, h.taken_at DESC;
COMMENT ON VIEW hipaa_guard.posture_latest IS 'Status of each check at the last snapshot, without running it.';
COMMENT ON COLUMN hipaa_guard.posture_latest.check_id IS 'Id of the check.';
COMMENT ON COLUMN hipaa_guard.posture_latest.status IS 'Its status.';
COMMENT ON COLUMN hipaa_guard.posture_latest.findings IS 'Findings when it took that status.';
COMMENT ON COLUMN hipaa_guard.posture_latest.since IS 'When it was first seen with that status.';

CREATE FUNCTION hipaa_guard.take_posture_snapshot() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    checks jsonb;
    at timestamptz;
    change record;
    changes int := 0;
BEGIN
    PERFORM hipaa_guard.verify_large_trail();
    PERFORM hipaa_guard.end_abandoned_disclosures();
    checks := (SELECT jsonb_agg(p) FROM hipaa_guard.posture() AS p);
    -- Two at once would both see the same change.
    LOCK TABLE hipaa_guard.posture_snapshot IN SHARE ROW EXCLUSIVE MODE;
    at := clock_timestamp();
    INSERT INTO hipaa_guard.posture_snapshot
        SELECT at, jsonb_object_agg(s.status, s.number)
          FROM (SELECT c.status, count(*) AS number FROM jsonb_to_recordset(checks) AS c (status text) GROUP BY 1) AS s;
    FOR change IN
        INSERT INTO hipaa_guard.posture_history
            SELECT at, c.id, c.status, l.status, c.findings
              FROM jsonb_to_recordset(checks) AS c (id text, status text, findings bigint)
                   LEFT JOIN hipaa_guard.posture_latest l ON l.check_id = c.id
             WHERE l.status IS DISTINCT FROM c.status RETURNING *
    LOOP
        changes := changes + 1;
        IF change.previous IS NOT NULL THEN
            PERFORM hipaa_guard.record_event('guard', 'POSTURE CHANGE', 'check', change.check_id,
                                             change.previous || ' to ' || change.status);
        END IF;
    END LOOP;
    RETURN changes;
END $$;
COMMENT ON FUNCTION hipaa_guard.take_posture_snapshot() IS
'Runs posture() and stores which checks changed their status since the last time, each change an audit event. Returns '
'how many. The background worker calls it.';

-- Verifying reads the whole trail. posture() does so itself as long as that is quick, and goes by the
-- latest recorded verification where it is not.
CREATE FUNCTION hipaa_guard.trail_is_small() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(s.bytes_on_disk, 0) < 16 * 1024 * 1024 FROM hipaa_guard.stat_audit AS s
$$;
COMMENT ON FUNCTION hipaa_guard.trail_is_small() IS 'Whether the trail has less than 16 MB. Internal.';

CREATE FUNCTION hipaa_guard.verify_audit_trail(OUT ok boolean, OUT events bigint, OUT problem text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT v.ok, v.events, v.problem INTO ok, events, problem FROM hipaa_guard.audit_verify() AS v;
    PERFORM hipaa_guard.ledger_append('verification', 'audit_trail',
        jsonb_build_object('ok', ok, 'events', events, 'problem', problem));
END $$;
COMMENT ON FUNCTION hipaa_guard.verify_audit_trail() IS
'Runs audit_verify() and puts the result on record, where check AUD-07 looks once the trail is large.';

CREATE FUNCTION hipaa_guard.verify_large_trail() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT hipaa_guard.trail_is_small() THEN
        PERFORM hipaa_guard.verify_audit_trail();
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.verify_large_trail() IS 'Verifies a trail that posture() does not verify itself. Internal.';

CREATE FUNCTION hipaa_guard.trail_problems() RETURNS TABLE (object text, detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF hipaa_guard.trail_is_small() THEN
        RETURN QUERY SELECT 'audit trail', v.problem FROM hipaa_guard.audit_verify() AS v WHERE NOT v.ok;
    ELSE
        RETURN QUERY
            SELECT 'audit trail', CASE WHEN l.entry IS NULL THEN 'not verified in 7 days' ELSE l.body ->> 'problem' END
              FROM (SELECT 1) AS one LEFT JOIN hipaa_guard.ledger_latest l
                   ON l.kind = 'verification' AND l.recorded_at > now() - interval '7 days'
             WHERE l.entry IS NULL OR NOT (l.body ->> 'ok')::boolean;
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.trail_problems() IS
'What is wrong with the audit trail: verified now while it is small, else by the verification on record. Internal.';

CREATE FUNCTION hipaa_guard.metrics(OUT flagged int, OUT audit_generated bigint, OUT audit_written bigint,
    OUT audit_dropped bigint, OUT audit_in_ring bigint, OUT audit_writer_up int, OUT audit_flush_age_seconds double precision,
    OUT audit_bytes_on_disk bigint, OUT audit_chain_ok int, OUT posture_critical_failing bigint,
    OUT posture_high_failing bigint, OUT posture_age_seconds double precision, OUT incidents_open bigint,
    OUT incident_deadlines_overdue bigint, OUT requests_overdue bigint, OUT ledger_entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    flagged := hipaa_guard.database_is_flagged()::int;
    SELECT s.generated, s.written, s.dropped, s.in_ring, (s.writer_pid IS NOT NULL)::int,
           extract(epoch FROM clock_timestamp() - s.last_flush_at), s.bytes_on_disk
      INTO audit_generated, audit_written, audit_dropped, audit_in_ring, audit_writer_up, audit_flush_age_seconds,
           audit_bytes_on_disk
      FROM hipaa_guard.stat_audit AS s;
    SELECT (l.status <> 'fail')::int INTO audit_chain_ok FROM hipaa_guard.posture_latest l WHERE l.check_id = 'AUD-07';
    SELECT count(*) FILTER (WHERE c.severity = 'critical'), count(*) FILTER (WHERE c.severity = 'high')
      INTO posture_critical_failing, posture_high_failing
      FROM hipaa_guard.posture_latest l JOIN hipaa_guard.posture_check c ON c.id = l.check_id
     WHERE l.status IN ('fail', 'error');
    posture_age_seconds := extract(epoch FROM clock_timestamp() - (SELECT max(taken_at) FROM hipaa_guard.posture_snapshot));
    incidents_open := (SELECT count(*) FROM hipaa_guard.incidents i WHERE i.closed_at IS NULL);
    incident_deadlines_overdue := (SELECT count(*) FROM hipaa_guard.incident_deadlines d WHERE d.overdue);
    requests_overdue := (SELECT count(*) FROM hipaa_guard.phi_requests r WHERE r.overdue);
    ledger_entries := (SELECT coalesce(max(entry), 0) FROM hipaa_guard.ledger);
END $$;
COMMENT ON FUNCTION hipaa_guard.metrics() IS
'Figures for monitoring, one row, cheap: no check is run, posture figures are those of the last snapshot. NULL: not '
'known. Grant EXECUTE to the role of the exporter.';

REVOKE ALL ON hipaa_guard.posture_history, hipaa_guard.posture_snapshot, hipaa_guard.posture_latest FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.host_facts(), hipaa_guard.take_posture_snapshot(), hipaa_guard.trail_is_small(),
    hipaa_guard.verify_audit_trail(), hipaa_guard.verify_large_trail(), hipaa_guard.trail_problems(), hipaa_guard.metrics()
    FROM PUBLIC;
