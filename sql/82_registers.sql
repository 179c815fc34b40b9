-- Goal: registers say who handles PHI and on what ground, keep their history, and feed posture().
-- Method: record, change, end; look at the views, the history and the checks; odd input.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = iso;
SET intervalstyle = postgres;
CREATE FUNCTION show(VARIADIC ids text[]) RETURNS TABLE (id text, status text, findings bigint)
    LANGUAGE sql AS $$
    SELECT id, status, findings FROM hipaa_guard.posture() WHERE id = ANY (ids) ORDER BY id COLLATE "C" $$;

-- Subcontractors: without a BAA, with one, with one that has run out, gone.
SELECT * FROM show('HIP-06');
SELECT hipaa_guard.record_subcontractor('Cloud "A"', 'compute') > 0;
SELECT * FROM show('HIP-06');
SELECT hipaa_guard.record_subcontractor('Cloud "A"', 'compute', 'BAA-7', '2024-02-01') > 0;
SELECT * FROM show('HIP-06');
SELECT hipaa_guard.record_subcontractor('Cloud "A"', 'compute', 'BAA-7', '2024-02-01', '2025-01-31') > 0;
SELECT * FROM show('HIP-06');
SELECT hipaa_guard.end_subcontractor('Cloud "A"', 'moved elsewhere') > 0;
SELECT * FROM show('HIP-06');
SELECT hipaa_guard.record_subcontractor('Printer', 'no PHI reaches it', handles_phi => false) > 0;
SELECT * FROM show('HIP-06');
SELECT name, service, baa_reference, baa_signed_on, baa_expires_on, handles_phi, ended_at IS NOT NULL AS ended
  FROM hipaa_guard.subcontractors ORDER BY name;
SELECT entry, name, change, service, baa_reference FROM hipaa_guard.subcontractor_changes ORDER BY entry;
SELECT hipaa_guard.record_subcontractor('', 'x');
SELECT hipaa_guard.record_subcontractor('x', NULL);
SELECT hipaa_guard.record_subcontractor('x', 'y', NULL, '2024-01-01');
SELECT hipaa_guard.record_subcontractor('x', 'y', 'BAA-8', current_date + 2);
SELECT hipaa_guard.end_subcontractor('Cloud "A"', 'again');
SELECT hipaa_guard.end_subcontractor(NULL, 'x');

-- Parties, contacts, stores, retention, services, releases.
SELECT hipaa_guard.record_party('Clinic O''Neil', 'covered_entity', 'owns the data') > 0,
       hipaa_guard.record_party('Host', 'Business_Associate') > 0;
SELECT name, role, description FROM hipaa_guard.parties ORDER BY name;
SELECT hipaa_guard.record_party('x', 'friend');
SELECT * FROM show('HIP-14');
SELECT hipaa_guard.record_contact('security_official', 'Security office', 'security@example.com', NULL) > 0;
SELECT * FROM show('HIP-14');
SELECT hipaa_guard.record_contact('cook', 'x');
SELECT hipaa_guard.register_store('buckets', 'bucket_storage', 'the clinic', 'BAA-9', true, true, true) > 0,
       hipaa_guard.register_store('tapes', 'backup', 'the host') > 0;
SELECT hipaa_guard.certify_disposal('tapes', 'shredded, certificate 12', 'IT') > 0;
SELECT name, kind, owner, baa_reference, dedicated, encrypted, holds_history, ended_at IS NOT NULL AS ended, disposal
  FROM hipaa_guard.stores ORDER BY name;
SELECT hipaa_guard.certify_disposal('tapes', 'again', 'IT');
SELECT hipaa_guard.register_store('x', 'shoe box', 'me');
SELECT hipaa_guard.set_retention('audit_trail', '5 years', 'a mistake') > 0;
SELECT * FROM show('AUD-08');
SELECT hipaa_guard.set_retention('audit_trail', '6 years', '164.316(b)(2)(i)') > 0;
SELECT * FROM show('AUD-08');
SELECT what, period, basis FROM hipaa_guard.retention;
SELECT hipaa_guard.set_retention('audit_trail', '-1 year', 'x');
SELECT hipaa_guard.set_retention('audit_trail', NULL, 'x');
SELECT name, covered_by_baa, extensions, schemas, roles FROM hipaa_guard.services ORDER BY name;
SELECT * FROM show('EGR-13');
CREATE SCHEMA neon_auth;
SELECT * FROM show('EGR-13');
SELECT hipaa_guard.record_service('neon_auth', true);
SELECT hipaa_guard.record_service('neon_auth', true, 'BAA-10') > 0;
SELECT * FROM show('EGR-13');
DROP SCHEMA neon_auth;
SELECT hipaa_guard.record_release('latest');
SELECT * FROM show('CFG-02');
SELECT hipaa_guard.record_release(current_setting('server_version_num')::int / 10000 || '.0') > 0;
SELECT * FROM show('CFG-02');
SELECT hipaa_guard.record_release(current_setting('server_version_num')::int / 10000 || '.999') > 0;
SELECT * FROM show('CFG-02');

-- Requests of individuals.
SELECT hipaa_guard.open_request('access', 'S-1', '2025-03-03 12:00+00'),
       hipaa_guard.open_request('amendment', 'S-1', '2025-03-03 12:00+00'),
       hipaa_guard.open_request('accounting', 'S-2');
SELECT hipaa_guard.set_site('time_zone', 'UTC') > 0;
SELECT hipaa_guard.extend_request(1, 'records are kept off site') > 0;
SELECT request, kind, subject, CASE WHEN request < 3 THEN due_at END AS due_at, extension_reason, overdue FROM hipaa_guard.phi_requests
 ORDER BY request;
SELECT * FROM show('HIP-13');
SELECT hipaa_guard.extend_request(1, 'once more');
SELECT hipaa_guard.close_request(1, 'copy sent') > 0, hipaa_guard.close_request(2, 'corrected') > 0;
SELECT * FROM show('HIP-13');
SELECT hipaa_guard.close_request(1, 'again');
SELECT hipaa_guard.close_request(99, 'x');
SELECT hipaa_guard.open_request('complaint', 'S-1');
SELECT hipaa_guard.open_request('access', NULL);

-- The matrix shows what this server can tell.
SELECT count(*), bool_and(customer <> '' AND vendor <> '') FROM hipaa_guard.responsibility_matrix;
SELECT status, evidence FROM hipaa_guard.responsibility_matrix WHERE area = 'Bucket storage database';
SELECT hipaa_guard.attest('bucket_storage', 'Cloud team', 'contract 4') > 0;
SELECT status, evidence FROM hipaa_guard.responsibility_matrix WHERE area = 'Bucket storage database';

-- Who can do what.
CREATE ROLE "regress o'brien" LOGIN CREATEDB VALID UNTIL '2020-01-01';
SELECT role, can_login, superuser, attributes, member_of, owns, phi_relations FROM hipaa_guard.access_review() WHERE role LIKE 'regress%';
SELECT hipaa_guard.deprovision('regress o''brien', 'left the clinic') > 0;
SELECT rolcanlogin FROM pg_roles WHERE rolname = 'regress o''brien';
SELECT key, body FROM hipaa_guard.ledger WHERE kind = 'deprovision';
SELECT hipaa_guard.deprovision(session_user, 'x');
SELECT hipaa_guard.deprovision('nobody here', 'x');
SELECT ok, problem FROM hipaa_guard.ledger_verify();
DROP ROLE "regress o'brien";
