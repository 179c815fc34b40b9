-- The ledger: one append-only table under every register of this room (parties, contacts,
-- subcontractors, stores, attestations, accepted risks, incidents, disclosures, requests).
--
-- An entry is never changed.  The state of a thing is its latest entry, its history all of them.
-- Entries are numbered without gaps and chained by SHA-256, so that a removed or altered one shows.
-- pg_dump carries the table.  Writers take SHARE ROW EXCLUSIVE on it until their transaction ends.
-- The chain shows a change by someone who has not rewritten all later entries; who could has the
-- audit trail against him, where each entry left an event.

CREATE TABLE hipaa_guard.ledger (
    entry bigint PRIMARY KEY CHECK (entry > 0),
    kind text NOT NULL,
    key text NOT NULL,
    body jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    digest bytea NOT NULL
);
CREATE INDEX ledger_kind_key ON hipaa_guard.ledger (kind, key, entry DESC);
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.ledger', '');

COMMENT ON TABLE hipaa_guard.ledger IS
'Append-only entries of all registers; written by the functions of this extension only.';
COMMENT ON COLUMN hipaa_guard.ledger.entry IS 'Number of the entry, from 1, without gaps.';
COMMENT ON COLUMN hipaa_guard.ledger.kind IS 'Which register: incident, attestation, subcontractor and so on.';
COMMENT ON COLUMN hipaa_guard.ledger.key IS 'Which thing in the register; its latest entry counts.';
COMMENT ON COLUMN hipaa_guard.ledger.body IS 'The whole state of the thing after this entry.';
COMMENT ON COLUMN hipaa_guard.ledger.recorded_at IS 'When it was entered (server clock).';
COMMENT ON COLUMN hipaa_guard.ledger.recorded_by IS 'Session user who entered it.';
COMMENT ON COLUMN hipaa_guard.ledger.digest IS 'SHA-256 over the digest of the entry before and this entry.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.ledger
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
ALTER TABLE hipaa_guard.ledger ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION hipaa_guard.checked_text(field text, content text, required boolean DEFAULT true)
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF content IS NULL OR btrim(content, E' \t\r\n') = '' THEN
        IF NOT required THEN
            RETURN NULL;
        END IF;
        RAISE EXCEPTION '% must not be empty', field USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(content) > 10000 THEN
        RAISE EXCEPTION '% is longer than 10000 characters', field
            USING ERRCODE = 'string_data_right_truncation',
                  HINT = 'Keep the document elsewhere and record a reference to it.';
    END IF;
    RETURN btrim(content, E' \t\r\n');
END $$;
COMMENT ON FUNCTION hipaa_guard.checked_text(text, text, boolean) IS
'The text without blanks around it; empty or NULL gives an error (22004), or NULL where it is not required.';

CREATE FUNCTION hipaa_guard.checked_word(field text, content text, words text[])
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    word text := lower(hipaa_guard.checked_text(field, content));
BEGIN
    IF word <> ALL (words) THEN
        RAISE EXCEPTION 'unrecognized %', field
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('It is one of: %s.', array_to_string(words, ', '));
    END IF;
    RETURN word;
END $$;
COMMENT ON FUNCTION hipaa_guard.checked_word(text, text, text[]) IS
'The word in lower case if it is one of words, else an error (22023) that lists them and does not repeat the word.';

-- Prose is stored as it is, since it stands in a data row, but whoever wrote PHI into it should know.
CREATE FUNCTION hipaa_guard.warn_of_phi(field text, content text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    limit_confidence real := coalesce(current_setting('hipaa_guard.reject_confidence', true), '0.8')::real;
    found text;
BEGIN
    SELECT string_agg(format('%s at character %s', t.category, t.start_position), ', ' ORDER BY t.start_position)
      INTO found FROM hipaa_guard.scan_text(content) AS t WHERE t.confidence >= limit_confidence;
    IF found IS NOT NULL THEN
        RAISE WARNING '% looks as if it held PHI', field
            USING DETAIL = format('Found: %s.', found),
                  HINT = 'Describe without identifying anyone; record a corrected text.';
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.warn_of_phi(text, text) IS
'Raises a WARNING with category and position, never the text, where the detector finds something.';

CREATE FUNCTION hipaa_guard.ledger_next(kind text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE hipaa_guard.ledger IN SHARE ROW EXCLUSIVE MODE;
    RETURN (SELECT coalesce(max(l.key::bigint), 0) + 1 FROM hipaa_guard.ledger l
             WHERE l.kind = ledger_next.kind);
END $$;
COMMENT ON FUNCTION hipaa_guard.ledger_next(text) IS
'Next number of a register whose keys are numbers; holds the ledger until the transaction ends. Internal.';

CREATE FUNCTION hipaa_guard.ledger_digest(previous bytea, entry bigint, kind text, key text, body jsonb,
    recorded_at timestamptz, recorded_by text)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(coalesce(previous, ''::bytea)
                  || convert_to(jsonb_build_array(entry, kind, key, body, extract(epoch FROM recorded_at),
                                                  recorded_by)::text, getdatabaseencoding()))
$$;
COMMENT ON FUNCTION hipaa_guard.ledger_digest(bytea, bigint, text, text, jsonb, timestamptz, text) IS
'SHA-256 that chains an entry to the one before. Internal.';

CREATE FUNCTION hipaa_guard.ledger_append(kind text, key text, body jsonb, prose text[] DEFAULT '{}')
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last hipaa_guard.ledger;
    field text;
    number bigint;
    at timestamptz := clock_timestamp();
BEGIN
    LOCK TABLE hipaa_guard.ledger IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO last FROM hipaa_guard.ledger l ORDER BY l.entry DESC LIMIT 1;
    number := coalesce(last.entry, 0) + 1;
    body := jsonb_strip_nulls(body);
    INSERT INTO hipaa_guard.ledger VALUES (number, kind, key, body, at, session_user,
        hipaa_guard.ledger_digest(last.digest, number, kind, key, body, at, session_user));
    FOREACH field IN ARRAY prose LOOP
        PERFORM hipaa_guard.warn_of_phi(field, body ->> field);
    END LOOP;
    -- The event says which register and which entry; what the entry says stays in the table.
    PERFORM hipaa_guard.record_event('guard', 'RECORD', 'register', kind, 'entry ' || number);
    RETURN number;
EXCEPTION WHEN unique_violation THEN
    -- Only a snapshot older than another writer's entry leads here.
    RAISE EXCEPTION 'could not append to the ledger because another transaction did'
        USING ERRCODE = 'serialization_failure', HINT = 'Try the transaction again.';
END $$;
COMMENT ON FUNCTION hipaa_guard.ledger_append(text, text, jsonb, text[]) IS
'Adds an entry and returns its number; fields named in prose pass the detector. Internal.';

CREATE VIEW hipaa_guard.ledger_latest AS
    SELECT DISTINCT ON (l.kind, l.key) l.* FROM hipaa_guard.ledger l ORDER BY l.kind, l.key, l.entry DESC;
COMMENT ON VIEW hipaa_guard.ledger_latest IS 'The entry in force of each thing in each register.';
COMMENT ON COLUMN hipaa_guard.ledger_latest.entry IS 'As in the ledger.';
COMMENT ON COLUMN hipaa_guard.ledger_latest.kind IS 'As in the ledger.';
COMMENT ON COLUMN hipaa_guard.ledger_latest.key IS 'As in the ledger.';
COMMENT ON COLUMN hipaa_guard.ledger_latest.body IS 'As in the ledger.';
COMMENT ON COLUMN hipaa_guard.ledger_latest.recorded_at IS 'As in the ledger.';
COMMENT ON COLUMN hipaa_guard.ledger_latest.recorded_by IS 'As in the ledger.';
COMMENT ON COLUMN hipaa_guard.ledger_latest.digest IS 'As in the ledger.';

CREATE FUNCTION hipaa_guard.ledger_verify(OUT ok boolean, OUT entries bigint, OUT problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e hipaa_guard.ledger;
    previous bytea;
BEGIN
    entries := 0;
    FOR e IN SELECT * FROM hipaa_guard.ledger ORDER BY entry LOOP
        entries := entries + 1;
        IF e.entry <> entries THEN
            problem := format('entry %s is missing', entries);
        ELSIF e.digest <> hipaa_guard.ledger_digest(previous, e.entry, e.kind, e.key, e.body, e.recorded_at,
                                                    e.recorded_by) THEN
            problem := format('entry %s does not match its digest', e.entry);
        END IF;
        EXIT WHEN problem IS NOT NULL;
        previous := e.digest;
    END LOOP;
    ok := problem IS NULL;
END $$;
COMMENT ON FUNCTION hipaa_guard.ledger_verify() IS
'Checks numbers and chain of the ledger: ok, number of entries looked at, first problem (NULL when ok).';

REVOKE ALL ON hipaa_guard.ledger, hipaa_guard.ledger_latest FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.warn_of_phi(text, text),
    hipaa_guard.checked_text(text, text, boolean), hipaa_guard.checked_word(text, text, text[]),
    hipaa_guard.ledger_next(text),
    hipaa_guard.ledger_digest(bytea, bigint, text, text, jsonb, timestamptz, text),
    hipaa_guard.ledger_append(text, text, jsonb, text[]), hipaa_guard.ledger_verify() FROM PUBLIC;
