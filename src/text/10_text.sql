-- Scanning and masking of text as functions, the site's own identifiers, and
-- texts that were allowed.

CREATE FUNCTION hipaa_guard.scan_text(input text,
    OUT category text, OUT start_position int, OUT length int, OUT rule text, OUT confidence real)
    RETURNS SETOF record
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_scan_text';
COMMENT ON FUNCTION hipaa_guard.scan_text(text) IS
    'PHI-like values in prose, never the text itself. Positions in characters, from 1; confidence from 0 to 1. NULL gives no '
    'row. Categories: 45 CFR 164.514(b)(2).';

CREATE FUNCTION hipaa_guard.scan_identifier(name text,
    OUT category text, OUT start_position int, OUT length int, OUT rule text, OUT confidence real)
    RETURNS SETOF record
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_scan_identifier';
COMMENT ON FUNCTION hipaa_guard.scan_identifier(text) IS
    'PHI-like values in the name of an SQL object, which is split into words at _, changes of case and digits. Columns as in '
    'scan_text(). NULL gives no row.';

CREATE FUNCTION hipaa_guard.redact(input text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_redact';
COMMENT ON FUNCTION hipaa_guard.redact(text) IS
    'The text with every finding at or above hipaa_guard.redact_confidence replaced by a marker such as [phi:ssn]: for '
    'support tickets. NULL gives NULL.';

CREATE FUNCTION hipaa_guard.redact_sql(statement text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_redact_sql';
COMMENT ON FUNCTION hipaa_guard.redact_sql(text) IS
'The statement with every literal and comment masked; valid SQL stays valid. NULL gives NULL.';

-- The site's own identifiers ------------------------------------------------

CREATE TABLE hipaa_guard.identifier (
    name text PRIMARY KEY CHECK (name <> '' AND octet_length(name) < 64),
    mask text NOT NULL CHECK (octet_length(mask) BETWEEN 1 AND 63),
    cue text CHECK (octet_length(cue) < 64),
    checksum text NOT NULL DEFAULT 'none' CHECK (checksum IN ('none', 'luhn', 'mod11', 'mod97')),
    confidence real NOT NULL DEFAULT 0.9 CHECK (confidence BETWEEN 0 AND 1)
);
COMMENT ON TABLE hipaa_guard.identifier IS 'The site''s own identifiers; changed by add_identifier() and drop_identifier().';
COMMENT ON COLUMN hipaa_guard.identifier.name IS 'Name of the rule, at most 63 bytes.';
COMMENT ON COLUMN hipaa_guard.identifier.mask IS
    '9 stands for a digit, A for a letter, X for either, anything else for itself; at most 63 bytes.';
COMMENT ON COLUMN hipaa_guard.identifier.cue IS 'A word that must stand beside the value; NULL: none.';
COMMENT ON COLUMN hipaa_guard.identifier.checksum IS 'none, luhn, mod11 or mod97, over the digits of the value.';
COMMENT ON COLUMN hipaa_guard.identifier.confidence IS 'Confidence of a finding, 0 to 1.';
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.identifier', '');

CREATE FUNCTION hipaa_guard.publish_identifiers() RETURNS void
    LANGUAGE c VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_publish_identifiers';
COMMENT ON FUNCTION hipaa_guard.publish_identifiers() IS
'Internal: puts the rows of hipaa_guard.identifier in force in the whole cluster when the transaction commits.';
REVOKE ALL ON FUNCTION hipaa_guard.publish_identifiers() FROM PUBLIC;

CREATE FUNCTION hipaa_guard.identifier_changed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM hipaa_guard.publish_identifiers();
    PERFORM hipaa_guard.record_event('guard', 'CHANGE IDENTIFIERS', 'identifier', NULL, TG_OP);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION hipaa_guard.identifier_changed() IS 'Internal: puts a change of hipaa_guard.identifier in force and on record.';
REVOKE ALL ON FUNCTION hipaa_guard.identifier_changed() FROM PUBLIC;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.identifier
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.identifier_changed();
ALTER TABLE hipaa_guard.identifier ENABLE ALWAYS TRIGGER changed;

CREATE FUNCTION hipaa_guard.identifier_problem(mask text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_identifier_problem';
COMMENT ON FUNCTION hipaa_guard.identifier_problem(text) IS 'Why a mask cannot be used; NULL if it can.';

CREATE FUNCTION hipaa_guard.add_identifier(name text, mask text, cue text DEFAULT NULL,
    checksum text DEFAULT 'none', confidence real DEFAULT 0.9) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    problem text;
BEGIN
    IF name IS NULL OR mask IS NULL OR checksum IS NULL OR confidence IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'name, mask, checksum and confidence must not be null';
    END IF;
    problem := hipaa_guard.identifier_problem(mask);
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'mask of the identifier cannot be used', DETAIL = problem || '.',
            HINT = 'Write 9 for a digit, A for a letter, X for either, anything else for itself.';
    END IF;
    IF checksum NOT IN ('none', 'luhn', 'mod11', 'mod97') OR NOT confidence BETWEEN 0 AND 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'checksum or confidence of the identifier cannot be used',
            HINT = 'Checksums are none, luhn, mod11 and mod97; a confidence lies between 0 and 1.';
    END IF;
    INSERT INTO hipaa_guard.identifier VALUES (name, mask, cue, checksum, confidence);
END $$;
COMMENT ON FUNCTION hipaa_guard.add_identifier(text, text, text, text, real) IS
    'Adds an identifier of the site, in force in every backend and in the log hook at the commit. Mask: 9 digit, A letter, X '
    'either. At most 64.';
REVOKE ALL ON FUNCTION hipaa_guard.add_identifier(text, text, text, text, real) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.drop_identifier(name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    DELETE FROM hipaa_guard.identifier i WHERE i.name = drop_identifier.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = 'identifier does not exist', HINT = 'View hipaa_guard.identifiers lists them.';
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.drop_identifier(text) IS
'Drops an identifier of the site; built-in ones stay. An unknown or NULL name is an error.';
REVOKE ALL ON FUNCTION hipaa_guard.drop_identifier(text) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.builtin_identifiers(OUT name text, OUT category text, OUT mask text,
    OUT checksum text, OUT cue text, OUT confidence real, OUT confidence_with_cue real)
    RETURNS SETOF record
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_builtin_identifiers';
COMMENT ON FUNCTION hipaa_guard.builtin_identifiers() IS 'The detector''s table of rules.';

CREATE VIEW hipaa_guard.identifiers AS
    SELECT b.name, b.category, b.mask, b.checksum, b.cue, b.confidence, b.confidence_with_cue, true AS builtin
      FROM hipaa_guard.builtin_identifiers() b
    UNION ALL
    SELECT i.name, 'custom', i.mask, i.checksum, i.cue,
           CASE WHEN i.cue IS NULL THEN i.confidence ELSE 0 END, i.confidence, false
      FROM hipaa_guard.identifier i;
COMMENT ON VIEW hipaa_guard.identifiers IS 'What the detector recognises: built-in rules and the site''s own identifiers.';
COMMENT ON COLUMN hipaa_guard.identifiers.name IS 'Name of the rule, as scan_text() calls it.';
COMMENT ON COLUMN hipaa_guard.identifiers.category IS 'Category; custom for the site''s own.';
COMMENT ON COLUMN hipaa_guard.identifiers.mask IS 'Shape, in words or as a mask.';
COMMENT ON COLUMN hipaa_guard.identifiers.checksum IS 'Validator; NULL or none if there is none.';
COMMENT ON COLUMN hipaa_guard.identifiers.cue IS 'Words that raise the confidence when they stand beside the value; NULL: none.';
COMMENT ON COLUMN hipaa_guard.identifiers.confidence IS 'Confidence without a cue, 0 to 1; 0: not found without one.';
COMMENT ON COLUMN hipaa_guard.identifiers.confidence_with_cue IS 'Confidence beside a cue, 0 to 1.';
COMMENT ON COLUMN hipaa_guard.identifiers.builtin IS 'False for the site''s own.';
GRANT SELECT ON hipaa_guard.identifier, hipaa_guard.identifiers TO PUBLIC;

-- The way out of a false alarm ----------------------------------------------

CREATE TABLE hipaa_guard.allowed_text (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    salt text NOT NULL,
    digest text NOT NULL,
    surface text NOT NULL,
    reason text NOT NULL,
    allowed_by text NOT NULL DEFAULT session_user,
    allowed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at timestamptz
);
COMMENT ON TABLE hipaa_guard.allowed_text IS
    'Texts that may stand in metadata though the detector finds fault with them; written by allow_text() and enable().';
COMMENT ON COLUMN hipaa_guard.allowed_text.id IS 'Number that allow_text() returned.';
COMMENT ON COLUMN hipaa_guard.allowed_text.salt IS 'Random, hexadecimal; put before the text in the digest.';
COMMENT ON COLUMN hipaa_guard.allowed_text.digest IS 'SHA-256 of salt and text, hexadecimal; the text itself is not kept.';
COMMENT ON COLUMN hipaa_guard.allowed_text.surface IS 'Where the text may stand; * for everywhere.';
COMMENT ON COLUMN hipaa_guard.allowed_text.reason IS 'Why, as told by the one who allowed it.';
COMMENT ON COLUMN hipaa_guard.allowed_text.allowed_by IS 'Session user who allowed it.';
COMMENT ON COLUMN hipaa_guard.allowed_text.allowed_at IS 'When it was allowed.';
COMMENT ON COLUMN hipaa_guard.allowed_text.expires_at IS 'From when on it counts no longer; NULL: for good.';
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.allowed_text', '');
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.allowed_text_id_seq', '');
REVOKE ALL ON hipaa_guard.allowed_text FROM PUBLIC;

CREATE FUNCTION hipaa_guard.allowed_digest(salt text, input text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT encode(sha256(convert_to(salt || input, 'UTF8')), 'hex') $$;
COMMENT ON FUNCTION hipaa_guard.allowed_digest(text, text) IS 'Internal: SHA-256 of salt and text, hexadecimal.';
REVOKE ALL ON FUNCTION hipaa_guard.allowed_digest(text, text) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.allow_text(input text, surface text, reason text, expires_at timestamptz DEFAULT NULL)
    RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    new_salt text := replace(gen_random_uuid()::text, '-', '');
    new_id bigint;
BEGIN
    IF coalesce(input, '') = '' OR coalesce(surface, '') = '' OR coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'text, surface and reason must not be null or empty',
            HINT = 'The surface is the one that the error names, such as column name, or * for all.';
    END IF;
    IF expires_at <= now() THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'expiry lies in the past';
    END IF;
    INSERT INTO hipaa_guard.allowed_text (salt, digest, surface, reason, expires_at)
        VALUES (new_salt, hipaa_guard.allowed_digest(new_salt, input), surface, reason, expires_at)
        RETURNING id INTO new_id;
    PERFORM hipaa_guard.record_event('guard', 'ALLOW TEXT', 'allowed', new_id::text, NULL);
    RETURN new_id;
END $$;
COMMENT ON FUNCTION hipaa_guard.allow_text(text, text, text, timestamptz) IS
    'Lets one text (a whole name, literal or comment) pass on a surface, or on all with *. The reason is kept, the text is '
    'not: a salted digest. expires_at NULL: for good. Returns the id.';
REVOKE ALL ON FUNCTION hipaa_guard.allow_text(text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.disallow_text(id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE hipaa_guard.allowed_text a SET expires_at = now()
     WHERE a.id = disallow_text.id AND (a.expires_at IS NULL OR a.expires_at > now());
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = 'no such text is allowed now',
            HINT = 'View hipaa_guard.allowed lists them.';
    END IF;
    PERFORM hipaa_guard.record_event('guard', 'DISALLOW TEXT', 'allowed', id::text, NULL);
END $$;
COMMENT ON FUNCTION hipaa_guard.disallow_text(bigint) IS 'Ends an allowance of allow_text(); its row stays.';
REVOKE ALL ON FUNCTION hipaa_guard.disallow_text(bigint) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.use_allowed(input text, surface text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found_id bigint;
BEGIN
    SELECT a.id INTO found_id FROM hipaa_guard.allowed_text a
     WHERE (a.surface = use_allowed.surface OR a.surface = '*')
       AND (a.expires_at IS NULL OR a.expires_at > now())
       AND a.digest = hipaa_guard.allowed_digest(a.salt, input) LIMIT 1;
    IF found_id IS NOT NULL THEN
        PERFORM hipaa_guard.record_event('guard', 'USE ALLOWED TEXT', 'allowed', found_id::text, use_allowed.surface);
    END IF;
    RETURN found_id IS NOT NULL;
END $$;
COMMENT ON FUNCTION hipaa_guard.use_allowed(text, text) IS 'Internal: whether a text is allowed on a surface; each use is an audit event.';
REVOKE ALL ON FUNCTION hipaa_guard.use_allowed(text, text) FROM PUBLIC;

CREATE VIEW hipaa_guard.allowed AS
    SELECT id, surface, digest, reason, allowed_by, allowed_at, expires_at,
           expires_at IS NULL OR expires_at > pg_catalog.now() AS in_force
      FROM hipaa_guard.allowed_text;
COMMENT ON VIEW hipaa_guard.allowed IS 'Texts that were allowed, as salted digests.';
COMMENT ON COLUMN hipaa_guard.allowed.id IS 'Number of the allowance.';
COMMENT ON COLUMN hipaa_guard.allowed.surface IS 'Where the text may stand; * everywhere.';
COMMENT ON COLUMN hipaa_guard.allowed.digest IS 'SHA-256 of salt and text, hexadecimal.';
COMMENT ON COLUMN hipaa_guard.allowed.reason IS 'Why it was allowed.';
COMMENT ON COLUMN hipaa_guard.allowed.allowed_by IS 'Session user who allowed it.';
COMMENT ON COLUMN hipaa_guard.allowed.allowed_at IS 'When it was allowed.';
COMMENT ON COLUMN hipaa_guard.allowed.expires_at IS 'When it ends; NULL: never.';
COMMENT ON COLUMN hipaa_guard.allowed.in_force IS 'Whether it counts now.';
