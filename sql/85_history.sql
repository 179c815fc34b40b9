-- Goal: a snapshot stores what changed since the last one and nothing else; figures for monitoring add up.
-- Method: take snapshots around a change of one check.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
RESET client_min_messages;

SELECT hipaa_guard.take_posture_snapshot() = (SELECT count(*) FROM hipaa_guard.posture_check) AS all_are_new;
SELECT count(*) AS of_no_previous FROM hipaa_guard.posture_history WHERE previous IS NOT NULL;
CREATE ROLE regress_creator CREATEROLE;
SELECT hipaa_guard.take_posture_snapshot() >= 1;
SELECT check_id, status, previous, findings FROM hipaa_guard.posture_history WHERE check_id = 'PRIV-02' ORDER BY taken_at;
SELECT status, findings FROM hipaa_guard.posture_latest WHERE check_id = 'PRIV-02';
DROP ROLE regress_creator;
SELECT hipaa_guard.take_posture_snapshot() >= 1;
SELECT check_id, status, previous, findings FROM hipaa_guard.posture_history WHERE check_id = 'PRIV-02' ORDER BY taken_at;
SELECT count(*), bool_and((SELECT sum(value::int) FROM jsonb_each_text(statuses))
                          = (SELECT count(*) FROM hipaa_guard.posture_check)) AS whole
  FROM hipaa_guard.posture_snapshot;
DELETE FROM hipaa_guard.posture_history;
TRUNCATE hipaa_guard.posture_snapshot;

SELECT hipaa_guard.report_incident('access', 'late', '2025-03-03 12:00+00', true, 3);
SELECT hipaa_guard.open_request('access', 'S-1', '2025-03-03 12:00+00');
SELECT flagged, posture_critical_failing > 0 AS failing, posture_age_seconds BETWEEN 0 AND 3600 AS fresh, incidents_open,
       incident_deadlines_overdue, requests_overdue, ledger_entries
  FROM hipaa_guard.metrics();

-- Facts of the host: of known kinds, and never a path.
SELECT bool_and(fact IN ('key_mode', 'file_mode', 'audit_mode', 'certificate_days_left', 'certificate_weak_key',
                         'certificate_weak_signature', 'certificate_self_signed', 'fips', 'core_limit', 'environment', 'volume',
                         'audit_volume_percent')) AS known,
       bool_or(object LIKE '/%' OR value LIKE '/%') AS path, count(*) FILTER (WHERE fact = 'fips') AS fips
  FROM hipaa_guard.host_facts();
CREATE ROLE regress_exporter;
SET ROLE regress_exporter;
SELECT flagged FROM hipaa_guard.metrics();
SELECT * FROM hipaa_guard.host_facts();
RESET ROLE;
GRANT EXECUTE ON FUNCTION hipaa_guard.metrics() TO regress_exporter;
SET ROLE regress_exporter;
SELECT flagged FROM hipaa_guard.metrics();
RESET ROLE;
DROP OWNED BY regress_exporter;
DROP ROLE regress_exporter;
