-- Turning the flag on by the vendor's JSON form, and the end of a restore.

CREATE FUNCTION hipaa_guard.update_project(project jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    settings jsonb := coalesce(project -> 'project', project) -> 'settings';
    unknown text;
    wanted boolean;
    is_on boolean := (SELECT state = 'on' FROM hipaa_guard.project_state());
    agreement text;
BEGIN
    IF jsonb_typeof(settings) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'project has no object "settings"',
            HINT = 'Write {"settings": {"hipaa": true}}.';
    END IF;
    SELECT k INTO unknown FROM jsonb_object_keys(settings) k WHERE k NOT IN ('hipaa', 'audit_log_level') LIMIT 1;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'unrecognized setting of the project',
            HINT = 'The setting is called hipaa (not hippa): {"settings": {"hipaa": true}}.';
    END IF;
    IF jsonb_typeof(coalesce(settings -> 'hipaa', 'true')) <> 'boolean'
        OR coalesce(settings ->> 'audit_log_level', 'hipaa') <> 'hipaa' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'unrecognized value of a setting of the project',
            HINT = 'hipaa is true, audit_log_level is "hipaa".';
    END IF;
    wanted := coalesce((settings ->> 'hipaa')::boolean, settings ? 'audit_log_level');
    IF NOT wanted THEN
        PERFORM hipaa_guard.record_event('guard', 'UPDATE PROJECT', 'database', current_database(), 'hipaa false', true);
        RAISE EXCEPTION USING ERRCODE = 'PH003', MESSAGE = 'HIPAA cannot be turned off for a project',
            DETAIL = 'A database stays a HIPAA project until it is dropped.', HINT = 'See hipaa_guard.request_deletion().';
    END IF;
    IF is_on THEN
        RETURN;
    END IF;
    SELECT a.reference INTO agreement FROM hipaa_guard.agreements a ORDER BY a.recorded_at DESC LIMIT 1;
    PERFORM hipaa_guard.enable(agreement);
END $$;
COMMENT ON FUNCTION hipaa_guard.update_project(jsonb) IS
'The vendor''s form of enable(): {"settings": {"hipaa": true}} or {"settings": {"audit_log_level": "hipaa"}}, under the agreement that
was recorded last among those in force. Does nothing where HIPAA is on; false is refused with PH003, any other key with 22023.';
REVOKE ALL ON FUNCTION hipaa_guard.update_project(jsonb) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.seal() RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    findings bigint;
BEGIN
    PERFORM hipaa_guard.begin_flag();
    IF (SELECT state FROM hipaa_guard.project_state()) <> 'restoring' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'this database is not being restored',
            HINT = 'hipaa_guard.enable() makes it a HIPAA project.';
    END IF;
    IF NOT EXISTS (SELECT FROM hipaa_guard.flag) THEN
        RAISE EXCEPTION USING ERRCODE = 'PH004', MESSAGE = 'the restore is not complete',
            DETAIL = 'The row of hipaa_guard.flag is not there.',
            HINT = 'End the restore first; where the dump has none, call hipaa_guard.enable().';
    END IF;
    findings := hipaa_guard.count_findings();
    IF findings > 0 THEN
        PERFORM hipaa_guard.record_event('guard', 'SEAL', 'database', current_database(), 'findings', true);
        RAISE EXCEPTION USING ERRCODE = 'PH004', MESSAGE = 'the restored database has PHI in its metadata',
            DETAIL = format('Findings that were not acknowledged: %s.', findings),
            HINT = 'Fix what hipaa_guard.scan_catalog() shows, or let it pass by hipaa_guard.allow_text().';
    END IF;
    UPDATE hipaa_guard.flag SET sealed_at = clock_timestamp();
    PERFORM hipaa_guard.write_flag(true, true);
END $$;
COMMENT ON FUNCTION hipaa_guard.seal() IS
'Ends a restore: project.state goes from restoring to on, and the other sessions end. Superuser only; PH004 while
metadata has findings that were neither acknowledged nor allowed, or rows are missing.';
REVOKE ALL ON FUNCTION hipaa_guard.seal() FROM PUBLIC;
