-- Registers: who is who, who handles PHI on whose behalf, where copies of PHI lie, how long things are
-- kept, and who answers for what.  All are views on the ledger; a thing is ended, never removed.

CREATE VIEW hipaa_guard.parties AS
    SELECT l.key AS name, l.body ->> 'role' AS role, l.body ->> 'description' AS description,
           l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'party';
COMMENT ON VIEW hipaa_guard.parties IS 'Organizations that own or hold the data (160.103).';
COMMENT ON COLUMN hipaa_guard.parties.name IS 'Name of the organization.';
COMMENT ON COLUMN hipaa_guard.parties.role IS 'covered_entity, business_associate, subcontractor, owner or custodian.';
COMMENT ON COLUMN hipaa_guard.parties.description IS 'What it does here; NULL if not told.';
COMMENT ON COLUMN hipaa_guard.parties.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.parties.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.parties.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.record_party(name text, role text, description text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN hipaa_guard.ledger_append('party', hipaa_guard.checked_text('name', name), jsonb_build_object(
        'role', hipaa_guard.checked_word('role', role,
            ARRAY['covered_entity', 'business_associate', 'subcontractor', 'owner', 'custodian']),
        'description', hipaa_guard.checked_text('description', description, false)), ARRAY['description']);
END $$;
COMMENT ON FUNCTION hipaa_guard.record_party(text, text, text) IS
'Records an organization and its role: covered_entity, business_associate, subcontractor, owner, custodian.';

CREATE VIEW hipaa_guard.contacts AS
    SELECT l.key AS purpose, l.body ->> 'name' AS name, l.body ->> 'email' AS email, l.body ->> 'phone' AS phone,
           l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'contact';
COMMENT ON VIEW hipaa_guard.contacts IS 'Whom to ask for what.';
COMMENT ON COLUMN hipaa_guard.contacts.purpose IS 'security_official, privacy_official, incident, baa or support.';
COMMENT ON COLUMN hipaa_guard.contacts.name IS 'Person or team.';
COMMENT ON COLUMN hipaa_guard.contacts.email IS 'E-mail address; NULL if none.';
COMMENT ON COLUMN hipaa_guard.contacts.phone IS 'Telephone number; NULL if none.';
COMMENT ON COLUMN hipaa_guard.contacts.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.contacts.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.contacts.recorded_by IS 'Session user who entered it.';
GRANT SELECT (purpose, name, email, phone) ON hipaa_guard.contacts TO PUBLIC;

CREATE FUNCTION hipaa_guard.record_contact(purpose text, name text, email text DEFAULT NULL, phone text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN hipaa_guard.ledger_append('contact', hipaa_guard.checked_word('purpose', purpose,
            ARRAY['security_official', 'privacy_official', 'incident', 'baa', 'support']),
        jsonb_build_object('name', hipaa_guard.checked_text('name', name),
            'email', hipaa_guard.checked_text('email', email, false),
            'phone', hipaa_guard.checked_text('phone', phone, false)));
END $$;
COMMENT ON FUNCTION hipaa_guard.record_contact(text, text, text, text) IS
'Records whom to ask: security_official (164.308(a)(2)), privacy_official, incident, baa, support. The latest counts; '
'every role can read it.';

CREATE VIEW hipaa_guard.subcontractors AS
    SELECT l.key AS name, l.body ->> 'service' AS service, l.body ->> 'baa_reference' AS baa_reference,
           (l.body ->> 'baa_signed_on')::date AS baa_signed_on, (l.body ->> 'baa_expires_on')::date AS baa_expires_on,
           coalesce((l.body ->> 'handles_phi')::boolean, true) AS handles_phi,
           (l.body ->> 'ended_at')::timestamptz AS ended_at, l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'subcontractor';
COMMENT ON VIEW hipaa_guard.subcontractors IS 'Subcontractors and their agreements (164.308(b)(2), 164.314(a)(2)(iii)).';
COMMENT ON COLUMN hipaa_guard.subcontractors.name IS 'Name of the subcontractor.';
COMMENT ON COLUMN hipaa_guard.subcontractors.service IS 'What it does.';
COMMENT ON COLUMN hipaa_guard.subcontractors.baa_reference IS 'Reference of its BAA; NULL: none on record.';
COMMENT ON COLUMN hipaa_guard.subcontractors.baa_signed_on IS 'When its BAA was signed; NULL: none on record.';
COMMENT ON COLUMN hipaa_guard.subcontractors.baa_expires_on IS 'Last day of its BAA; NULL: no end.';
COMMENT ON COLUMN hipaa_guard.subcontractors.handles_phi IS 'Whether PHI reaches it.';
COMMENT ON COLUMN hipaa_guard.subcontractors.ended_at IS 'When it stopped working here; NULL: it does.';
COMMENT ON COLUMN hipaa_guard.subcontractors.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.subcontractors.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.subcontractors.recorded_by IS 'Session user who entered it.';

CREATE VIEW hipaa_guard.subcontractor_changes AS
    SELECT l.entry, l.key AS name,
           CASE WHEN l.body ? 'ended_at' THEN 'ended'
                WHEN lag(l.entry) OVER (PARTITION BY l.key ORDER BY l.entry) IS NULL THEN 'added' ELSE 'changed' END AS change,
           l.body ->> 'service' AS service, l.body ->> 'baa_reference' AS baa_reference, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger l WHERE l.kind = 'subcontractor';
COMMENT ON VIEW hipaa_guard.subcontractor_changes IS 'Every change of the list of subcontractors.';
COMMENT ON COLUMN hipaa_guard.subcontractor_changes.entry IS 'Entry of the ledger; payload of the notification.';
COMMENT ON COLUMN hipaa_guard.subcontractor_changes.name IS 'Name of the subcontractor.';
COMMENT ON COLUMN hipaa_guard.subcontractor_changes.change IS 'added, changed or ended.';
COMMENT ON COLUMN hipaa_guard.subcontractor_changes.service IS 'What it does after the change.';
COMMENT ON COLUMN hipaa_guard.subcontractor_changes.baa_reference IS 'Reference of its BAA after the change.';
COMMENT ON COLUMN hipaa_guard.subcontractor_changes.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.subcontractor_changes.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.record_subcontractor(name text, service text, baa_reference text DEFAULT NULL,
    baa_signed_on date DEFAULT NULL, baa_expires_on date DEFAULT NULL, handles_phi boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = iso AS $$
DECLARE
    entry bigint;
BEGIN
    IF baa_signed_on > current_date THEN
        RAISE EXCEPTION 'baa_signed_on must not be in the future' USING ERRCODE = 'invalid_parameter_value';
    ELSIF baa_signed_on IS NOT NULL AND hipaa_guard.checked_text('baa_reference', baa_reference, false) IS NULL THEN
        RAISE EXCEPTION 'a signed BAA needs a reference' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    entry := hipaa_guard.ledger_append('subcontractor', hipaa_guard.checked_text('name', name), jsonb_build_object(
        'service', hipaa_guard.checked_text('service', service),
        'baa_reference', hipaa_guard.checked_text('baa_reference', baa_reference, false),
        'baa_signed_on', baa_signed_on, 'baa_expires_on', baa_expires_on,
        'handles_phi', coalesce(handles_phi, true)), ARRAY['service']);
    PERFORM pg_notify('hipaa_subcontractors', entry::text);
    RETURN entry;
END $$;
COMMENT ON FUNCTION hipaa_guard.record_subcontractor(text, text, text, date, date, boolean) IS
'Records a subcontractor or a change of it, and notifies channel hipaa_subcontractors with the number of the entry. '
'Without a signed BAA check HIP-06 fails.';

CREATE FUNCTION hipaa_guard.end_subcontractor(name text, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    state jsonb;
    entry bigint;
BEGIN
    SELECT l.body INTO state FROM hipaa_guard.ledger_latest l
     WHERE l.kind = 'subcontractor' AND l.key = end_subcontractor.name AND NOT l.body ? 'ended_at';
    IF state IS NULL THEN
        RAISE EXCEPTION 'there is no such subcontractor' USING ERRCODE = 'no_data_found';
    END IF;
    entry := hipaa_guard.ledger_append('subcontractor', name, state || jsonb_build_object(
        'ended_at', clock_timestamp(), 'reason', hipaa_guard.checked_text('reason', reason)), ARRAY['reason']);
    PERFORM pg_notify('hipaa_subcontractors', entry::text);
    RETURN entry;
END $$;
COMMENT ON FUNCTION hipaa_guard.end_subcontractor(text, text) IS
'Records that a subcontractor no longer works here, and notifies channel hipaa_subcontractors.';

CREATE VIEW hipaa_guard.stores AS
    SELECT l.key AS name, l.body ->> 'kind' AS kind, l.body ->> 'owner' AS owner,
           l.body ->> 'baa_reference' AS baa_reference, (l.body ->> 'dedicated')::boolean AS dedicated,
           (l.body ->> 'encrypted')::boolean AS encrypted, (l.body ->> 'holds_history')::boolean AS holds_history,
           (l.body ->> 'ended_at')::timestamptz AS ended_at, l.body ->> 'disposal' AS disposal,
           l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'store';
COMMENT ON VIEW hipaa_guard.stores IS 'Places outside this database where copies of its PHI lie.';
COMMENT ON COLUMN hipaa_guard.stores.name IS 'Name of the store.';
COMMENT ON COLUMN hipaa_guard.stores.kind IS 'bucket_storage, replica, backup, archive, warehouse, device or other.';
COMMENT ON COLUMN hipaa_guard.stores.owner IS 'Whose account it is in.';
COMMENT ON COLUMN hipaa_guard.stores.baa_reference IS 'BAA that covers it; NULL: none on record.';
COMMENT ON COLUMN hipaa_guard.stores.dedicated IS 'Whether nobody else''s data lies there.';
COMMENT ON COLUMN hipaa_guard.stores.encrypted IS 'Whether it is encrypted at rest.';
COMMENT ON COLUMN hipaa_guard.stores.holds_history IS 'Whether it keeps earlier versions of rows, which are PHI too.';
COMMENT ON COLUMN hipaa_guard.stores.ended_at IS 'When it was disposed of; NULL: in use.';
COMMENT ON COLUMN hipaa_guard.stores.disposal IS 'How it was disposed of, and where the certificate is.';
COMMENT ON COLUMN hipaa_guard.stores.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.stores.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.stores.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.register_store(name text, kind text, owner text, baa_reference text DEFAULT NULL,
    dedicated boolean DEFAULT false, encrypted boolean DEFAULT false, holds_history boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN hipaa_guard.ledger_append('store', hipaa_guard.checked_text('name', name), jsonb_build_object(
        'kind', hipaa_guard.checked_word('kind', kind,
            ARRAY['bucket_storage', 'replica', 'backup', 'archive', 'warehouse', 'device', 'other']),
        'owner', hipaa_guard.checked_text('owner', owner),
        'baa_reference', hipaa_guard.checked_text('baa_reference', baa_reference, false),
        'dedicated', coalesce(dedicated, false), 'encrypted', coalesce(encrypted, false),
        'holds_history', coalesce(holds_history, true)));
END $$;
COMMENT ON FUNCTION hipaa_guard.register_store(text, text, text, text, boolean, boolean, boolean) IS
'Records where copies of PHI lie: bucket_storage, replica, backup, archive, warehouse, device, other. What is not known '
'counts as the worse.';

CREATE FUNCTION hipaa_guard.certify_disposal(name text, method text, certified_by text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    state jsonb;
BEGIN
    SELECT l.body INTO state FROM hipaa_guard.ledger_latest l
     WHERE l.kind = 'store' AND l.key = certify_disposal.name AND NOT l.body ? 'ended_at';
    IF state IS NULL THEN
        RAISE EXCEPTION 'there is no such store' USING ERRCODE = 'no_data_found';
    END IF;
    RETURN hipaa_guard.ledger_append('store', name, state || jsonb_build_object('ended_at', clock_timestamp(),
        'disposal', hipaa_guard.checked_text('method', method),
        'certified_by', hipaa_guard.checked_text('certified_by', certified_by)), ARRAY['disposal']);
END $$;
COMMENT ON FUNCTION hipaa_guard.certify_disposal(text, text, text) IS
'Records how a store was returned or destroyed and who vouches for it (164.310(d)(2)(i), 164.504(e)(2)(ii)(J)).';

CREATE VIEW hipaa_guard.retention AS
    SELECT l.key AS what, (l.body ->> 'period')::interval AS period, l.body ->> 'basis' AS basis,
           l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'retention';
COMMENT ON VIEW hipaa_guard.retention IS 'How long what is kept.';
COMMENT ON COLUMN hipaa_guard.retention.what IS 'audit_trail, documentation, backups or another word.';
COMMENT ON COLUMN hipaa_guard.retention.period IS 'How long.';
COMMENT ON COLUMN hipaa_guard.retention.basis IS 'Where that comes from.';
COMMENT ON COLUMN hipaa_guard.retention.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.retention.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.retention.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.set_retention(what text, period interval, basis text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET intervalstyle = postgres AS $$
BEGIN
    IF period IS NULL OR period <= interval '0' THEN
        RAISE EXCEPTION 'period must be longer than nothing' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN hipaa_guard.ledger_append('retention', lower(hipaa_guard.checked_text('what', what)),
        jsonb_build_object('period', period, 'basis', hipaa_guard.checked_text('basis', basis)));
END $$;
COMMENT ON FUNCTION hipaa_guard.set_retention(text, interval, text) IS
'Records how long something is kept and why. For audit_trail less than six years fails check AUD-08.';

-- Services that the vendors exclude from their BAAs come with the extension; a site records others, or
-- that one is covered by now.
CREATE VIEW hipaa_guard.services AS
    WITH preset (name, extensions, schemas, roles) AS (VALUES
        ('neon_auth', '{pg_session_jwt}'::name[], '{neon_auth}'::name[], '{}'::name[]),
        ('data_api', '{pg_graphql}', '{}', '{authenticator,anon,authenticated}'))
    SELECT coalesce(p.name, l.key) AS name, coalesce((l.body ->> 'covered_by_baa')::boolean, false) AS covered_by_baa,
           l.body ->> 'baa_reference' AS baa_reference,
           coalesce(p.extensions, ARRAY[l.key::name]) AS extensions, coalesce(p.schemas, ARRAY[l.key::name]) AS schemas,
           coalesce(p.roles, ARRAY[l.key::name]) AS roles, l.entry, l.recorded_at, l.recorded_by
      FROM preset p FULL JOIN (SELECT * FROM hipaa_guard.ledger_latest WHERE kind = 'service') AS l ON l.key = p.name;
COMMENT ON VIEW hipaa_guard.services IS 'Services beside the database that see its data, and whether a BAA covers them.';
COMMENT ON COLUMN hipaa_guard.services.name IS 'Name of the service.';
COMMENT ON COLUMN hipaa_guard.services.covered_by_baa IS 'Whether a BAA covers it.';
COMMENT ON COLUMN hipaa_guard.services.baa_reference IS 'Reference of that BAA; NULL if none.';
COMMENT ON COLUMN hipaa_guard.services.extensions IS 'Extensions by which it is recognised.';
COMMENT ON COLUMN hipaa_guard.services.schemas IS 'Schemas by which it is recognised.';
COMMENT ON COLUMN hipaa_guard.services.roles IS 'Roles by which it is recognised.';
COMMENT ON COLUMN hipaa_guard.services.entry IS 'Entry of the ledger; NULL: comes with the extension.';
COMMENT ON COLUMN hipaa_guard.services.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.services.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.record_service(name text, covered_by_baa boolean, baa_reference text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF covered_by_baa AND hipaa_guard.checked_text('baa_reference', baa_reference, false) IS NULL THEN
        RAISE EXCEPTION 'a service that is covered needs the reference of its BAA' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    RETURN hipaa_guard.ledger_append('service', lower(hipaa_guard.checked_text('name', name)), jsonb_build_object(
        'covered_by_baa', coalesce(covered_by_baa, false), 'baa_reference', baa_reference));
END $$;
COMMENT ON FUNCTION hipaa_guard.record_service(text, boolean, text) IS
'Records whether a BAA covers a service. One that is not covered fails check EGR-13 where its extension, schema or role is found.';

CREATE VIEW hipaa_guard.latest_releases AS
    SELECT l.body ->> 'version' AS version, l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'release';
COMMENT ON VIEW hipaa_guard.latest_releases IS 'Latest release of each major version that the site knows of.';
COMMENT ON COLUMN hipaa_guard.latest_releases.version IS 'major.minor.';
COMMENT ON COLUMN hipaa_guard.latest_releases.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.latest_releases.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.latest_releases.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.record_release(version text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    version := hipaa_guard.checked_text('version', version);
    IF version COLLATE "C" !~ '^[0-9]{2}[.][0-9]{1,3}$' THEN
        RAISE EXCEPTION 'version must be major.minor' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN hipaa_guard.ledger_append('release', split_part(version, '.', 1), jsonb_build_object('version', version));
END $$;
COMMENT ON FUNCTION hipaa_guard.record_release(text) IS
'Records that PostgreSQL major.minor is out, so that check CFG-02 can tell whether this server is behind.';

CREATE FUNCTION hipaa_guard.access_review() RETURNS TABLE (role name, can_login boolean, superuser boolean,
    attributes text, member_of name[], owns bigint, phi_relations bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.rolname, r.rolcanlogin, r.rolsuper,
           nullif(concat_ws(' ', CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                  CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
                  CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
                  CASE WHEN r.rolvaliduntil < now() THEN 'EXPIRED' END), ''),
           ARRAY(SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                  WHERE m.member = r.oid ORDER BY g.rolname),
           (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid
               AND c.relnamespace IN (SELECT s.oid FROM hipaa_guard.user_schema s)),
           (SELECT count(*) FROM hipaa_guard.phi_relation p
             WHERE has_table_privilege(r.oid, p.relid, 'SELECT') OR has_any_column_privilege(r.oid, p.relid, 'SELECT'))
      FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY r.rolname
$$;
COMMENT ON FUNCTION hipaa_guard.access_review() IS
'One row a role, for the periodic review of 164.308(a)(4)(ii)(C): attributes, memberships, relations it owns in this '
'database, relations with PHI that it can read. Record the review with attest(''access_review'', ...).';

CREATE VIEW hipaa_guard.responsibility AS
    SELECT * FROM (VALUES
        (1, 'Business associate agreement', 'Sign it before any ePHI is stored or synchronized', 'Offer it, meet its terms',
         '164.308(b)', '{HIP-01,HIP-06}'::text[], '{}'::text[]),
        (2, 'Source database', 'Security and HIPAA status of the hosting', 'A secure, encrypted connection to it',
         '164.312(e)(1)', '{TLS-01,TLS-09,TLS-10,AUTH-01,AUTH-02,INT-07}', '{hosting}'),
        (3, 'Bucket storage database', 'A dedicated database in an account of its own, in a compliant environment',
         'A secure, encrypted connection to it', '164.308(b)(1)', '{}', '{bucket_storage}'),
        (4, 'Synchronization service', 'Filters that send the minimum necessary to each client',
         'Security of the service; encryption while data passes through', '164.502(b)', '{EGR-01,EGR-02,EGR-03,EGR-04,RLS-01}', '{}'),
        (5, 'Client devices', 'Wholly: encryption of the local database, user authentication, purge on de-provisioning',
         'Security of the client SDKs', '164.310(b)-(d)', '{HIP-11}', '{client_encryption,device_access,device_purge,device_disposal}'),
        (6, 'Network', 'Private endpoints, or lists of addresses', 'Publish the addresses it connects from',
         '164.312(e)(1)', '{AUTH-05,AUTH-06,AUTH-25,HIP-12}', '{private_network}'),
        (7, 'Metadata and logs', 'PHI in data rows only, never in names, comments or logs', 'Handle metadata and logs as if free of PHI',
         '164.502(b)', '{META-01,META-02,META-04,LOG-01,LOG-04,LOG-06}', '{}'),
        (8, 'Session timeout', 'Configure it', 'Enforce it', '164.312(a)(2)(iii)', '{SESS-01,SESS-08}', '{}'),
        (9, 'Audit trail', 'Review it, export it before deletion', 'Record and keep it for the term of the BAA',
         '164.312(b)', '{AUD-02,AUD-04,AUD-07,AUD-08,AUD-10}', '{audit_review}'),
        (10, 'Access management', 'Roles, dashboard users, multi-factor sign-on', 'Access of its own staff',
         '164.308(a)(4)', '{PRIV-01,PRIV-06,AUTH-12,AUTH-30}', '{access_review,mfa}'),
        (11, 'Breach notification', 'Tell individuals, media, HHS and the vendor',
         'Tell the customer at once, in full, and correct the cause',
         '164.404-410', '{HIP-07}', '{}'),
        (12, 'Access and amendment requests', 'Answer them; correct PHI', 'Give the means to do so', '164.524; 164.526', '{HIP-13}', '{}'),
        (13, 'Contingency', 'Restore tests, recovery objectives', 'Backups of the service', '164.308(a)(7)',
         '{BKP-01,BKP-08,BKP-09,BKP-11}', '{restore_test}'),
        (14, 'Policies and training', 'Train those who work with PHI', 'Train its staff; independent audits',
         '164.308(a)(5)', '{HIP-08,HIP-09}', '{training,third_party_audit}'),
        (15, 'Termination', 'Export what must be kept; agree to the deletion', 'Return or destroy PHI',
         '164.504(e)(2)(ii)(J)', '{}', '{}'))
        AS r (area_order, area, customer, vendor, basis, checks, topics);
COMMENT ON VIEW hipaa_guard.responsibility IS 'Who answers for what, with the checks and attestations that show it. Internal.';
COMMENT ON COLUMN hipaa_guard.responsibility.area_order IS 'Order of the areas.';
COMMENT ON COLUMN hipaa_guard.responsibility.area IS 'Area of responsibility.';
COMMENT ON COLUMN hipaa_guard.responsibility.customer IS 'What the customer answers for.';
COMMENT ON COLUMN hipaa_guard.responsibility.vendor IS 'What the vendor, as business associate, answers for.';
COMMENT ON COLUMN hipaa_guard.responsibility.basis IS '45 CFR.';
COMMENT ON COLUMN hipaa_guard.responsibility.checks IS 'Checks of posture() that show it.';
COMMENT ON COLUMN hipaa_guard.responsibility.topics IS 'Attestations that show it.';

CREATE FUNCTION hipaa_guard.responsibility_evidence(checks jsonb DEFAULT NULL) RETURNS TABLE (area text, customer text,
    vendor text, basis text, status text, evidence text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH p AS MATERIALIZED (
        SELECT c.id, c.status FROM jsonb_to_recordset(coalesce($1, (SELECT jsonb_agg(q) FROM hipaa_guard.posture() AS q)))
               AS c (id text, status text)),
    shown AS (
        SELECT r.area_order, string_agg(u.word || ' ' || u.status, ', ' ORDER BY u.n) AS evidence,
               bool_or(u.status IN ('fail', 'error', 'not attested')) AS failing, count(*) AS entries
          FROM hipaa_guard.responsibility r CROSS JOIN LATERAL (
               SELECT c.word, coalesce(p.status, 'unknown'), c.n
                 FROM unnest(r.checks) WITH ORDINALITY AS c (word, n) LEFT JOIN p ON p.id = c.word
               UNION ALL
               SELECT t.word, CASE WHEN hipaa_guard.missing_attestations(ARRAY[t.word], '1 year') = '{}'
                                   THEN 'attested' ELSE 'not attested' END, 100 + t.n
                 FROM unnest(r.topics) WITH ORDINALITY AS t (word, n)) AS u (word, status, n)
         GROUP BY r.area_order)
    SELECT r.area, r.customer, r.vendor, r.basis,
           CASE WHEN s.entries IS NULL THEN 'outside of this server' WHEN s.failing THEN 'failing' ELSE 'in order' END,
           coalesce(s.evidence, '')
      FROM hipaa_guard.responsibility r LEFT JOIN shown s USING (area_order) ORDER BY r.area_order
$$;
COMMENT ON FUNCTION hipaa_guard.responsibility_evidence(jsonb) IS
'Rows of responsibility_matrix from rows of posture() as jsonb; NULL: runs it. Internal.';

CREATE VIEW hipaa_guard.responsibility_matrix AS SELECT * FROM hipaa_guard.responsibility_evidence();
COMMENT ON VIEW hipaa_guard.responsibility_matrix IS
'The shared model of responsibility, with what this server can show for it now. Reading it runs posture().';
COMMENT ON COLUMN hipaa_guard.responsibility_matrix.area IS 'Area of responsibility.';
COMMENT ON COLUMN hipaa_guard.responsibility_matrix.customer IS 'What the customer answers for.';
COMMENT ON COLUMN hipaa_guard.responsibility_matrix.vendor IS 'What the vendor, as business associate, answers for.';
COMMENT ON COLUMN hipaa_guard.responsibility_matrix.basis IS '45 CFR.';
COMMENT ON COLUMN hipaa_guard.responsibility_matrix.status IS 'in order, failing, or outside of this server.';
COMMENT ON COLUMN hipaa_guard.responsibility_matrix.evidence IS 'Checks and attestations with their status.';

REVOKE ALL ON hipaa_guard.parties, hipaa_guard.subcontractors, hipaa_guard.subcontractor_changes, hipaa_guard.stores,
    hipaa_guard.retention, hipaa_guard.services, hipaa_guard.latest_releases, hipaa_guard.responsibility,
    hipaa_guard.responsibility_matrix FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.record_party(text, text, text), hipaa_guard.record_contact(text, text, text, text),
    hipaa_guard.record_subcontractor(text, text, text, date, date, boolean),
    hipaa_guard.end_subcontractor(text, text),
    hipaa_guard.register_store(text, text, text, text, boolean, boolean, boolean),
    hipaa_guard.certify_disposal(text, text, text), hipaa_guard.set_retention(text, interval, text),
    hipaa_guard.record_service(text, boolean, text), hipaa_guard.record_release(text),
    hipaa_guard.access_review(), hipaa_guard.responsibility_evidence(jsonb) FROM PUBLIC;
