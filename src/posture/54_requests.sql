-- Requests of individuals and their clocks: access (164.524: 30 days), amendment (164.526: 60 days),
-- accounting of disclosures (164.528: 60 days), each with one extension of 30 days.
--
-- A person is named by a pseudonym, never in clear: see subject_pseudonym().

CREATE VIEW hipaa_guard.phi_requests AS
    SELECT l.key::bigint AS request, l.body ->> 'kind' AS kind, l.body ->> 'subject' AS subject,
           (l.body ->> 'received_at')::timestamptz AS received_at,
           hipaa_guard.after_days((l.body ->> 'received_at')::timestamptz,
               CASE l.body ->> 'kind' WHEN 'access' THEN 30 ELSE 60 END
               + CASE WHEN l.body ? 'extension_reason' THEN 30 ELSE 0 END) AS due_at,
           l.body ->> 'extension_reason' AS extension_reason, (l.body ->> 'closed_at')::timestamptz AS closed_at,
           l.body ->> 'outcome' AS outcome,
           NOT l.body ? 'closed_at' AND hipaa_guard.after_days((l.body ->> 'received_at')::timestamptz,
               CASE l.body ->> 'kind' WHEN 'access' THEN 30 ELSE 60 END
               + CASE WHEN l.body ? 'extension_reason' THEN 30 ELSE 0 END) < now() AS overdue,
           l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'phi_request';
COMMENT ON VIEW hipaa_guard.phi_requests IS 'Requests of individuals and when they are due.';
COMMENT ON COLUMN hipaa_guard.phi_requests.request IS 'Number, from 1, without gaps.';
COMMENT ON COLUMN hipaa_guard.phi_requests.kind IS 'access, amendment or accounting.';
COMMENT ON COLUMN hipaa_guard.phi_requests.subject IS 'Pseudonym of the person.';
COMMENT ON COLUMN hipaa_guard.phi_requests.received_at IS 'When it came in.';
COMMENT ON COLUMN hipaa_guard.phi_requests.due_at IS 'Last moment, with the extension if there is one.';
COMMENT ON COLUMN hipaa_guard.phi_requests.extension_reason IS 'Why the time was extended; NULL: it was not.';
COMMENT ON COLUMN hipaa_guard.phi_requests.closed_at IS 'When it was answered; NULL: open.';
COMMENT ON COLUMN hipaa_guard.phi_requests.outcome IS 'How it was answered.';
COMMENT ON COLUMN hipaa_guard.phi_requests.overdue IS 'Due and not answered.';
COMMENT ON COLUMN hipaa_guard.phi_requests.recorded_at IS 'When the latest entry was made.';
COMMENT ON COLUMN hipaa_guard.phi_requests.recorded_by IS 'Session user who made it.';

CREATE FUNCTION hipaa_guard.open_request(kind text, subject text, received_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    number bigint;
    received timestamptz := coalesce(received_at, now());
BEGIN
    kind := hipaa_guard.checked_word('kind', kind, ARRAY['access', 'amendment', 'accounting']);
    IF received > now() + interval '1 minute' OR NOT isfinite(received) THEN
        RAISE EXCEPTION 'received_at must not be in the future' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    number := hipaa_guard.ledger_next('phi_request');
    PERFORM hipaa_guard.ledger_append('phi_request', number::text, jsonb_build_object('kind', kind,
        'subject', hipaa_guard.checked_text('subject', subject), 'received_at', received), ARRAY['subject']);
    RETURN number;
END $$;
COMMENT ON FUNCTION hipaa_guard.open_request(text, text, timestamptz) IS
'Records a request (access, amendment, accounting) of a person, given by pseudonym; NULL: received now. Returns its number.';

CREATE FUNCTION hipaa_guard.change_request(request bigint, changes jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    state jsonb;
BEGIN
    LOCK TABLE hipaa_guard.ledger IN SHARE ROW EXCLUSIVE MODE;
    SELECT l.body INTO state FROM hipaa_guard.ledger_latest l WHERE l.kind = 'phi_request' AND l.key = request::text;
    IF state IS NULL THEN
        RAISE EXCEPTION 'there is no such request' USING ERRCODE = 'no_data_found';
    ELSIF state ? 'closed_at' THEN
        RAISE EXCEPTION 'request % is closed', request USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSIF state ? 'extension_reason' AND changes ? 'extension_reason' THEN
        RAISE EXCEPTION 'request % was extended already', request USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'The rules allow one extension.';
    END IF;
    RETURN hipaa_guard.ledger_append('phi_request', request::text, state || changes,
        ARRAY(SELECT jsonb_object_keys(changes - 'closed_at')));
END $$;
COMMENT ON FUNCTION hipaa_guard.change_request(bigint, jsonb) IS 'Appends a request''s new state. Internal.';

CREATE FUNCTION hipaa_guard.extend_request(request bigint, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN hipaa_guard.change_request(request,
        jsonb_build_object('extension_reason', hipaa_guard.checked_text('reason', reason)));
END $$;
COMMENT ON FUNCTION hipaa_guard.extend_request(bigint, text) IS
'Extends a request by 30 days, once, with the reason that the person was told.';

CREATE FUNCTION hipaa_guard.close_request(request bigint, outcome text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    RETURN hipaa_guard.change_request(request, jsonb_build_object('closed_at', clock_timestamp(),
        'outcome', hipaa_guard.checked_text('outcome', outcome)));
END $$;
COMMENT ON FUNCTION hipaa_guard.close_request(bigint, text) IS 'Records how a request was answered.';

REVOKE ALL ON hipaa_guard.phi_requests FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.open_request(text, text, timestamptz), hipaa_guard.change_request(bigint, jsonb),
    hipaa_guard.extend_request(bigint, text), hipaa_guard.close_request(bigint, text) FROM PUBLIC;
