-- Checks of area HIP.  Duties that this extension keeps the clocks and papers of.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('HIP-01', 'critical', 'hipaa flag set but no active BAA on record',
$$SELECT p.database, hipaa_guard.baa_problem(p.baa_reference) FROM hipaa_guard.project p WHERE p.hipaa AND
    hipaa_guard.baa_problem(p.baa_reference) <> ''$$,
'SELECT hipaa_guard.record_baa(...);',
'164.308(b)(1); 164.504(e)', NULL, NULL, 'Neon/PowerSync BAA'),
('HIP-02', 'high', 'Enabled but server not restarted / sessions older than enable time',
$$SELECT database, 'restart pending' FROM hipaa_guard.project WHERE restart_pending$$,
'Restart the server.',
'164.312(a)(1)', NULL, NULL, 'Neon forced restart'),
('HIP-03', 'critical', 'Flag copies disagree (catalog vs $PGDATA state file vs shared memory)',
$$SELECT database, integrity FROM hipaa_guard.project WHERE hipaa AND integrity <> 'ok'$$,
'SELECT integrity FROM hipaa_guard.project; find out who changed the copy, open an incident.',
'164.312(c)(1)', NULL, 'V-261880', 'Neon cannot be disabled'),
('HIP-04', 'medium', 'Guard running in warn mode',
$$SELECT 'hipaa_guard.ddl_policy', current_setting('hipaa_guard.ddl_policy', true) WHERE
    current_setting('hipaa_guard.ddl_policy', true) <> 'reject' AND NOT hipaa_guard.database_is_flagged()$$,
'ALTER SYSTEM SET hipaa_guard.ddl_policy = ''reject''; SELECT pg_reload_conf(); Or hipaa_guard.enable().',
'164.308(a)(1)(ii)(B)', NULL, NULL, NULL),
('HIP-05', 'medium', 'Open exemptions',
$$SELECT to_jsonb(e) ->> 'feature', to_jsonb(e) ->> 'scope' FROM hipaa_guard.exemptions e WHERE
    coalesce((to_jsonb(e) ->> 'expires_at')::timestamptz, 'infinity') > now()$$,
'SELECT * FROM hipaa_guard.exemptions; end those that are no longer needed.',
'164.316(b)(1)', NULL, NULL, NULL),
('HIP-06', 'high', 'Subcontractor without BAA',
$$SELECT name, 'no BAA in force' FROM hipaa_guard.subcontractors WHERE handles_phi AND ended_at IS NULL AND
    (baa_signed_on IS NULL OR baa_expires_on < current_date)$$,
'SELECT hipaa_guard.record_subcontractor(name, service, baa_reference, baa_signed_on);',
'164.308(b)(2); 164.314(a)(2)(i)(B)', NULL, NULL, 'Neon subcontractor list'),
('HIP-07', 'critical', 'Incident past its notification deadline',
$$SELECT 'incident ' || incident, clock FROM hipaa_guard.incident_deadlines WHERE overdue$$,
'Send the notice, then SELECT hipaa_guard.record_notice(incident, clock, recipient, method);',
'164.410(b); 164.404(b)', NULL, NULL, 'Neon 5 business days / 30 days'),
('HIP-10', 'high', 'Break-glass session not reviewed',
$$SELECT 'emergency access ' || row_number() OVER (), 'not reviewed' FROM hipaa_guard.emergency_access e WHERE
    to_jsonb(e) ->> 'reviewed_at' IS NULL$$,
'SELECT * FROM hipaa_guard.emergency_access; review what was done and record the review.',
'164.312(a)(2)(ii); 164.308(a)(1)(ii)(D)', NULL, NULL, NULL),
('HIP-13', 'medium', 'Access/amendment request overdue (30/60 days)',
$$SELECT 'request ' || request, kind FROM hipaa_guard.phi_requests WHERE overdue$$,
'SELECT * FROM hipaa_guard.phi_requests WHERE overdue; answer, then hipaa_guard.close_request(request, outcome).',
'164.524(b)(2); 164.526(b)(2)', NULL, NULL, 'Neon amendments'),
('HIP-14', 'medium', 'Security officer not named',
$$SELECT 'security_official', 'no contact' WHERE NOT EXISTS (SELECT FROM hipaa_guard.contacts WHERE purpose =
    'security_official')$$,
'SELECT hipaa_guard.record_contact(''security_official'', name, email, phone);',
'164.308(a)(2)', NULL, NULL, NULL);

-- These an attestation can answer.
INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other, attest, attest_age) VALUES
('HIP-08', 'medium', 'Risk analysis older than 12 months',
NULL,
'Carry out the risk analysis, then SELECT hipaa_guard.attest(''risk_analysis'', ''who'', ''where it is'');',
'164.308(a)(1)(ii)(A); NPRM', NULL, NULL, NULL,
'{risk_analysis}', '1 year'),
('HIP-09', 'medium', 'Compliance evaluation older than 12 months',
NULL,
'Evaluate, then SELECT hipaa_guard.attest(''evaluation'', ''who'', ''where the report is'');',
'164.308(a)(8); NPRM audit', NULL, NULL, 'PowerSync annual audit',
'{evaluation}', '1 year'),
('HIP-11', 'medium', 'Client-device safeguards not attested (SQLite encryption, MFA, disposal)',
NULL,
'SELECT hipaa_guard.attest(topic, ''who'', ''where the proof is'') for client_encryption, mfa and device_disposal.',
'164.310(b)-(d); 164.312(a)(2)(iv)', NULL, NULL, 'PowerSync client device',
'{client_encryption, mfa, device_disposal}', '1 year'),
('HIP-12', 'medium', 'Private networking not attested',
NULL,
'SELECT hipaa_guard.attest(''private_network'', ''who'', ''where the proof is'');',
'164.312(e)(1)', '5.2', 'V-261889', 'PowerSync PrivateLink',
'{private_network}', '1 year');

UPDATE hipaa_guard.posture_check SET applies = $$current_setting('hipaa_guard.ddl_policy', true) IS NOT NULL$$
 WHERE id = 'HIP-04';
UPDATE hipaa_guard.posture_check SET needs = '{"hipaa_guard.exemptions"}'
 WHERE id = 'HIP-05';
UPDATE hipaa_guard.posture_check SET needs = '{"hipaa_guard.emergency_access"}'
 WHERE id = 'HIP-10';
