-- The trail in the formats of others, and a receipt for every export. docs/export.md tells each field.
--
-- A format is one function export_NAME(since, until) with rows (seq, line); audit_export() calls it by name. Each
-- reads through export_read(), which looks at who calls.

CREATE FUNCTION hipaa_guard.export_read(since timestamptz, until timestamptz,
    OUT seq bigint, OUT recorded_at timestamptz, OUT class text, OUT command_tag text, OUT outcome text,
    OUT sqlstate text, OUT rows bigint, OUT duration_ms double precision, OUT object_type text,
    OUT schema_name text, OUT object_name text, OUT columns text[], OUT phi boolean,
    OUT session_user_name text, OUT current_user_name text, OUT database_name text, OUT client_addr inet,
    OUT application_name text, OUT session_id text, OUT query_id bigint, OUT statement text, OUT detail text,
    OUT system_identifier text, OUT boot bigint)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_read';
COMMENT ON FUNCTION hipaa_guard.export_read(timestamptz, timestamptz) IS
'Internal: audit_read() with what makes an event unique beside seq: the system identifier and the number of the start.';

-- system_identifier and query_id are strings: JSON's readers keep whole numbers only up to 2^53.
CREATE FUNCTION hipaa_guard.export_fields(since timestamptz, until timestamptz, OUT seq bigint, OUT event json)
    RETURNS SETOF record
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET extra_float_digits = 1
    AS $$
SELECT x.seq, row_to_json(x)
  FROM (SELECT e.system_identifier, e.boot, e.seq, to_char(e.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at,
               e.class, e.command_tag, e.outcome, e.sqlstate, e.rows, e.duration_ms, e.object_type, e.schema_name,
               e.object_name, e.columns, e.phi, e.session_user_name, e.current_user_name, e.database_name,
               host(e.client_addr) AS client_addr, e.application_name, e.session_id, e.query_id::text AS query_id,
               e.statement, e.detail
          FROM hipaa_guard.export_read(since, until) e) x
$$;
COMMENT ON FUNCTION hipaa_guard.export_fields(timestamptz, timestamptz) IS
'Internal: the events as JSON objects whose keys are always there and always in this order.';

-- JSON Lines -----------------------------------------------------------------

CREATE FUNCTION hipaa_guard.export_jsonl(since timestamptz, until timestamptz, OUT seq bigint, OUT line text)
    RETURNS SETOF record
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT f.seq, f.event::text FROM hipaa_guard.export_fields(since, until) f $$;
COMMENT ON FUNCTION hipaa_guard.export_jsonl(timestamptz, timestamptz) IS 'Internal: JSON Lines, one object an event.';

-- RFC 4180: every field quoted but NULL, which is nothing between commas; records end in CR LF.
CREATE FUNCTION hipaa_guard.export_csv(since timestamptz, until timestamptz, OUT seq bigint, OUT line text)
    RETURNS SETOF record
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT NULL, 'system_identifier,boot,seq,recorded_at,class,command_tag,outcome,sqlstate,rows,duration_ms,object_type,'
    'schema_name,object_name,columns,phi,session_user_name,current_user_name,database_name,client_addr,'
    || E'application_name,session_id,query_id,statement,detail\r'
UNION ALL
SELECT f.seq, (SELECT string_agg(coalesce('"' || replace(p.value, '"', '""') || '"', ''), ',' ORDER BY p.place)
                 FROM json_each_text(f.event) WITH ORDINALITY AS p (name, value, place)) || E'\r'
  FROM hipaa_guard.export_fields(since, until) f
$$;
COMMENT ON FUNCTION hipaa_guard.export_csv(timestamptz, timestamptz) IS
'Internal: CSV of RFC 4180 with a header line; columns is a JSON array.';

-- RFC 5424 -------------------------------------------------------------------

-- Facility 13 is the audit's. 32473 is the number that IANA keeps for examples; there is none of our own.
CREATE FUNCTION hipaa_guard.export_syslog(since timestamptz, until timestamptz, OUT seq bigint, OUT line text)
    RETURNS SETOF record
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT f.seq, concat('<', 13 * 8 + CASE f.event ->> 'outcome' WHEN 'success' THEN 6 WHEN 'failure' THEN 5 ELSE 4 END, '>1 ',
    f.event ->> 'recorded_at', ' - hipaa_guard ', f.event ->> 'session_id', ' ', f.event ->> 'class', ' [audit@32473',
    (SELECT string_agg(format(' %s="%s"', p.name, regexp_replace(replace(replace(replace(regexp_replace(p.value,
                '([\\"\]])', '\\\1', 'g'), E'\n', '#012'), E'\r', '#015'), E'\t', '#011'),
                E'[\u0001-\u001f\u007f]', '?', 'g')), '' ORDER BY p.place)
       FROM json_each_text(f.event) WITH ORDINALITY AS p (name, value, place) WHERE p.value IS NOT NULL),
    '] ', f.event ->> 'class', ' ', f.event ->> 'outcome')
  FROM hipaa_guard.export_fields(since, until) f
$$;
COMMENT ON FUNCTION hipaa_guard.export_syslog(timestamptz, timestamptz) IS
'Internal: RFC 5424 with every field that is not NULL as structured data; line ends within a value are #012 and #015.';

-- The direction of a COPY --------------------------------------------------------

-- The tag of both is COPY, and who reads an export wants to know whether data came or went.
CREATE FUNCTION hipaa_guard.copy_tag(statement text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN statement ~* '^COPY\s*\(' THEN 'COPY TO'
            ELSE 'COPY' || coalesce(' ' || upper(substring(statement FROM '(?i)^COPY\s+(?:BINARY\s+)?(?:"(?:[^"]|"")*"|[^\s"(.]+)'
                '(?:\s*\.\s*(?:"(?:[^"]|"")*"|[^\s"(.]+))*\s*(?:\((?:"(?:[^"]|"")*"|[^")])*\))?\s*(FROM|TO)\M')), '') END
$$;
COMMENT ON FUNCTION hipaa_guard.copy_tag(text) IS
'Internal: COPY TO or COPY FROM, by the statement; COPY where it does not say.';

-- OCSF -----------------------------------------------------------------------

CREATE FUNCTION hipaa_guard.export_ocsf(since timestamptz, until timestamptz, OUT seq bigint, OUT line text)
    RETURNS SETOF record
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT e.seq, jsonb_strip_nulls(jsonb_build_object(
    'category_uid', a.class_uid / 1000, 'class_uid', a.class_uid, 'class_name', a.class_name,
    'category_name', CASE a.class_uid WHEN 3002 THEN 'Identity & Access Management' ELSE 'Application Activity' END,
    'activity_id', a.activity, 'type_uid', a.class_uid * 100 + a.activity,
    'activity_name', CASE WHEN a.activity = 99 THEN coalesce(e.command_tag, e.class) ELSE a.activity_name END,
    'time', floor(extract(epoch FROM e.recorded_at) * 1000)::bigint, 'duration', round(e.duration_ms)::bigint,
    'severity_id', CASE e.outcome WHEN 'success' THEN 1 WHEN 'failure' THEN 2 ELSE 3 END,
    'severity', CASE e.outcome WHEN 'success' THEN 'Informational' WHEN 'failure' THEN 'Low' ELSE 'Medium' END,
    'status_id', CASE e.outcome WHEN 'success' THEN 1 ELSE 2 END,
    'status', CASE e.outcome WHEN 'success' THEN 'Success' ELSE 'Failure' END,
    'status_code', e.sqlstate, 'status_detail', e.detail,
    'metadata', jsonb_build_object('version', '1.3.0', 'uid', concat_ws(':', e.system_identifier, e.boot, e.seq),
        'sequence', e.seq, 'log_name', 'audit_log', 'product', jsonb_build_object('name', 'hipaa_guard',
            'vendor_name', 'hipaa_guard', 'version', hipaa_guard.library_version())),
    'actor', jsonb_build_object('app_name', e.application_name, 'session', jsonb_build_object('uid', e.session_id),
        'user', jsonb_build_object('name', coalesce(e.session_user_name, 'unknown'))),
    'src_endpoint', CASE WHEN e.client_addr IS NULL THEN jsonb_build_object('name', 'local')
                         ELSE jsonb_build_object('ip', host(e.client_addr)) END,
    'dst_endpoint', jsonb_build_object('svc_name', 'postgresql', 'uid', e.system_identifier),
    'unmapped', jsonb_build_object('class', e.class, 'command_tag', e.command_tag, 'outcome', e.outcome, 'rows', e.rows,
        'object_type', e.object_type, 'columns', e.columns, 'phi', e.phi, 'current_user_name', e.current_user_name))
    || CASE a.class_uid WHEN 3002 THEN jsonb_build_object(
        'user', jsonb_build_object('name', coalesce(e.session_user_name, 'unknown')),
        'service', jsonb_build_object('name', coalesce(e.database_name, 'postgresql')), 'is_remote', e.client_addr IS NOT NULL)
       ELSE jsonb_build_object('type_id', CASE WHEN e.object_name IS NULL THEN 1 ELSE 3 END,
        'database', jsonb_build_object('type_id', 1, 'type', 'Relational', 'name', coalesce(e.database_name, 'cluster')),
        'table', CASE WHEN e.object_name IS NOT NULL
                      THEN jsonb_build_object('name', concat_ws('.', e.schema_name, e.object_name)) END,
        'query_info', CASE WHEN e.statement IS NOT NULL
                           THEN jsonb_build_object('query_string', e.statement, 'uid', e.query_id::text) END) END)::text
  FROM hipaa_guard.export_read(since, until) e
  LEFT JOIN (VALUES ('read', NULL, 4, 'Query'), ('copy', 'COPY TO', 1, 'Read'), ('copy', 'COPY FROM', 5, 'Write'),
                    ('write', 'UPDATE', 2, 'Update'), ('write', 'INSERT', 5, 'Write'), ('write', 'MERGE', 5, 'Write'),
                    ('write', 'DELETE', 7, 'Delete'), ('write', 'TRUNCATE TABLE', 7, 'Delete'),
                    ('auth', 'LOGIN', 1, 'Logon'), ('auth', 'DISCONNECT', 2, 'Logoff')) AS t (class, tag, id, name)
       ON t.class = e.class AND (t.tag IS NULL OR t.tag = CASE WHEN e.class = 'copy' THEN hipaa_guard.copy_tag(e.statement)
                                                               ELSE e.command_tag END)
 CROSS JOIN LATERAL (SELECT CASE e.class WHEN 'auth' THEN 3002 ELSE 6005 END AS class_uid,
    CASE e.class WHEN 'auth' THEN 'Authentication' ELSE 'Datastore Activity' END AS class_name,
    coalesce(t.id, 99) AS activity, t.name AS activity_name) a
$$;
COMMENT ON FUNCTION hipaa_guard.export_ocsf(timestamptz, timestamptz) IS
'Internal: OCSF 1.3.0, class 3002 Authentication for logins and their ends, else 6005 Datastore Activity.';

-- FHIR R4 --------------------------------------------------------------------

-- Strings of FHIR are never empty; a statement is base64 without line ends.
CREATE FUNCTION hipaa_guard.export_fhir(since timestamptz, until timestamptz, OUT seq bigint, OUT line text)
    RETURNS SETOF record
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
    AS $$
SELECT e.seq, jsonb_strip_nulls(jsonb_build_object(
    'resourceType', 'AuditEvent', 'id', concat_ws('.', e.system_identifier, e.boot, e.seq),
    'recorded', to_char(e.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'type', jsonb_build_object('system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', t.code, 'display', t.display),
    'subtype', jsonb_build_array(CASE
        WHEN e.class = 'auth' AND e.command_tag = 'LOGIN' THEN jsonb_build_object('system',
            'http://dicom.nema.org/resources/ontology/DCM', 'code', '110122', 'display', 'Login')
        WHEN e.class = 'auth' AND e.command_tag = 'DISCONNECT' THEN jsonb_build_object('system',
            'http://dicom.nema.org/resources/ontology/DCM', 'code', '110123', 'display', 'Logout')
        ELSE jsonb_build_object('system', 'urn:x-hipaa-guard:command-tag', 'code', coalesce(e.command_tag, e.class)) END),
    'action', CASE WHEN e.class = 'read' OR t.tag = 'COPY TO' THEN 'R' WHEN e.class NOT IN ('write', 'copy') THEN 'E'
                   WHEN t.tag IN ('INSERT', 'COPY FROM') THEN 'C' WHEN t.tag IN ('UPDATE', 'MERGE') THEN 'U'
                   WHEN t.tag IN ('DELETE', 'TRUNCATE TABLE') THEN 'D' ELSE 'E' END,
    'outcome', CASE e.outcome WHEN 'success' THEN '0' WHEN 'failure' THEN '4' ELSE '8' END,
    'outcomeDesc', nullif(concat_ws(': ', e.sqlstate, nullif(e.detail, '')), ''),
    'agent', jsonb_build_array(jsonb_build_object('requestor', true,
        'altId', coalesce(nullif(e.session_user_name, ''), 'unknown'), 'name', nullif(e.application_name, ''),
        'network', CASE WHEN e.client_addr IS NOT NULL
                        THEN jsonb_build_object('address', host(e.client_addr), 'type', '2') END))
        || CASE WHEN e.current_user_name <> e.session_user_name
                THEN jsonb_build_array(jsonb_build_object('requestor', false, 'altId', e.current_user_name)) ELSE '[]' END,
    'source', jsonb_build_object('site', nullif(e.database_name, ''),
        'observer', jsonb_build_object('display', 'PostgreSQL ' || e.system_identifier),
        'type', jsonb_build_array(jsonb_build_object('system', 'http://terminology.hl7.org/CodeSystem/security-source-type',
            'code', '5', 'display', 'Database Server'))),
    'entity', CASE WHEN num_nonnulls(e.object_name, e.statement) > 0 THEN jsonb_build_array(jsonb_build_object(
        'what', CASE WHEN nullif(e.object_name, '') IS NOT NULL
                     THEN jsonb_build_object('display', concat_ws('.', e.schema_name, e.object_name)) END,
        'type', jsonb_build_object('system', 'http://terminology.hl7.org/CodeSystem/audit-entity-type', 'code', '2',
                                   'display', 'System Object'),
        'role', CASE WHEN e.statement IS NOT NULL THEN jsonb_build_object('system',
                     'http://terminology.hl7.org/CodeSystem/object-role', 'code', '24', 'display', 'Query') END,
        'securityLabel', CASE WHEN e.phi THEN jsonb_build_array(jsonb_build_object('system',
                     'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', 'code', 'R', 'display', 'restricted')) END,
        'query', replace(encode(convert_to(nullif(e.statement, ''), 'UTF8'), 'base64'), E'\n', ''),
        'detail', d.details)) END))::text
  FROM hipaa_guard.export_read(since, until) e
  LEFT JOIN (VALUES ('read', '110112', 'Query'), ('write', '110100', 'Application Activity'),
                    ('ddl', '110100', 'Application Activity'), ('role', '110136', 'Security Roles Changed'),
                    ('function', '110100', 'Application Activity'), ('auth', '110114', 'User Authentication'),
                    ('copy', '110100', 'Application Activity'), ('config', '110131', 'Software Configuration'),
                    ('misc', '110100', 'Application Activity'), ('guard', '110113', 'Security Alert')) AS c (class, code, display)
       ON c.class = e.class
 CROSS JOIN LATERAL (SELECT CASE WHEN e.class = 'copy' THEN hipaa_guard.copy_tag(e.statement) ELSE e.command_tag END AS tag) g
 CROSS JOIN LATERAL (SELECT g.tag, CASE g.tag WHEN 'COPY TO' THEN '110106' WHEN 'COPY FROM' THEN '110107' ELSE c.code END AS code,
        CASE g.tag WHEN 'COPY TO' THEN 'Export' WHEN 'COPY FROM' THEN 'Import' ELSE c.display END AS display) t
 CROSS JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('type', v.name, 'valueString', v.value)) AS details
                       FROM (VALUES ('class', e.class), ('object_type', e.object_type), ('rows', e.rows::text),
                                    ('columns', array_to_json(e.columns)::text), ('duration_ms', e.duration_ms::text),
                                    ('session_id', e.session_id), ('query_id', e.query_id::text)) AS v (name, value)
                      WHERE v.value <> '') d
$$;
COMMENT ON FUNCTION hipaa_guard.export_fhir(timestamptz, timestamptz) IS
'Internal: FHIR R4 AuditEvent, one resource a line (ndjson).';

-- The export and its receipt -------------------------------------------------

CREATE FUNCTION hipaa_guard.audit_export(format text, since timestamptz, until timestamptz) RETURNS SETOF text
    LANGUAGE c VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_export';
COMMENT ON FUNCTION hipaa_guard.audit_export(text, timestamptz, timestamptz) IS
'The events recorded from since on and before until as lines of jsonl, csv, ocsf, fhir or syslog; NULL is no limit. What is in the '
'ring is brought to disk first. Each call leaves a receipt (view export_receipts) and an event. Needs the rights of audit_read(); '
'an unknown format, or an end before the beginning, gives 22023, NULL as the format 22004.';

CREATE FUNCTION hipaa_guard.export_receipt_read(receipt text, OUT format text, OUT since timestamptz, OUT until timestamptz,
    OUT first_seq bigint, OUT last_seq bigint, OUT events bigint, OUT lost bigint, OUT digest text, OUT database oid,
    OUT signed_at timestamptz)
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_export_receipt_read';
COMMENT ON FUNCTION hipaa_guard.export_receipt_read(text) IS
'What the line of a receipt says; NULLs if it is none. Does not look at the signature: that is export_receipt_ok().';

CREATE FUNCTION hipaa_guard.report_receipt(document bytea, since timestamptz, until timestamptz) RETURNS text
    LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_report_receipt';
COMMENT ON FUNCTION hipaa_guard.report_receipt(bytea, timestamptz, timestamptz) IS
'Internal: a receipt of format "report" with the SHA-256 of a document, signed by the key of the trail that is in use, which gets an '
'event of it; NULL if there is none.';
REVOKE ALL ON FUNCTION hipaa_guard.report_receipt(bytea, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.export_receipt_ok(receipt text) RETURNS boolean
    LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_export_receipt_ok';
COMMENT ON FUNCTION hipaa_guard.export_receipt_ok(text) IS
'Whether a key of this server''s trail signed the receipt, as the keys'' file beside the segments has it.';
REVOKE ALL ON FUNCTION hipaa_guard.export_receipt_ok(text) FROM PUBLIC;

CREATE TABLE hipaa_guard.export_receipt (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    receipt text NOT NULL CHECK ((hipaa_guard.export_receipt_read(receipt)).format IS NOT NULL),
    exported_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    exported_by text NOT NULL DEFAULT SESSION_USER
);
COMMENT ON TABLE hipaa_guard.export_receipt IS 'Receipts of exports of the audit trail, append-only; view export_receipts reads them.';
COMMENT ON COLUMN hipaa_guard.export_receipt.id IS 'Number of the receipt.';
COMMENT ON COLUMN hipaa_guard.export_receipt.receipt IS 'The signed line; all that is known of the export stands in it.';
COMMENT ON COLUMN hipaa_guard.export_receipt.exported_at IS 'When the export ended.';
COMMENT ON COLUMN hipaa_guard.export_receipt.exported_by IS 'Session user who exported.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hipaa_guard.export_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.append_only();
ALTER TABLE hipaa_guard.export_receipt ENABLE ALWAYS TRIGGER append_only;
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.export_receipt', '');
SELECT pg_catalog.pg_extension_config_dump('hipaa_guard.export_receipt_id_seq', '');

CREATE VIEW hipaa_guard.export_receipts AS
    SELECT r.id, l.format, l.since, l.until, l.first_seq, l.last_seq, l.events, l.lost, l.digest, l.database,
           hipaa_guard.export_receipt_ok(r.receipt) AS signature_ok, r.exported_at, r.exported_by, r.receipt
      FROM hipaa_guard.export_receipt r, hipaa_guard.export_receipt_read(r.receipt) l;
COMMENT ON VIEW hipaa_guard.export_receipts IS
'Exports of the audit trail. One covers the trail up to a moment if since is -infinity, until is not before that moment, database is '
'NULL or the one in question, and signature_ok.';
COMMENT ON COLUMN hipaa_guard.export_receipts.id IS 'Number of the receipt.';
COMMENT ON COLUMN hipaa_guard.export_receipts.format IS 'jsonl, csv, ocsf, fhir or syslog.';
COMMENT ON COLUMN hipaa_guard.export_receipts.since IS 'Events from then on are in it; -infinity: from the beginning.';
COMMENT ON COLUMN hipaa_guard.export_receipts.until IS
'Events before then are in it: the limit that was asked for, but not later than the moment of the export.';
COMMENT ON COLUMN hipaa_guard.export_receipts.first_seq IS 'Lowest number of its events; NULL if it has none.';
COMMENT ON COLUMN hipaa_guard.export_receipts.last_seq IS 'Highest number of its events; NULL if it has none.';
COMMENT ON COLUMN hipaa_guard.export_receipts.events IS 'How many events it has.';
COMMENT ON COLUMN hipaa_guard.export_receipts.lost IS 'How many events of that time are in gaps of the trail, and so in no export.';
COMMENT ON COLUMN hipaa_guard.export_receipts.digest IS
'SHA-256, in hexadecimal, of the lines with a newline behind each: what sha256sum says of the output of psql -XAtq.';
COMMENT ON COLUMN hipaa_guard.export_receipts.database IS
'OID of the database whose events and the cluster''s it has; NULL: those of all databases, since a superuser exported.';
COMMENT ON COLUMN hipaa_guard.export_receipts.signature_ok IS 'Whether a key of this server''s trail signed it.';
COMMENT ON COLUMN hipaa_guard.export_receipts.exported_at IS 'When the export ended.';
COMMENT ON COLUMN hipaa_guard.export_receipts.exported_by IS 'Session user who exported.';
COMMENT ON COLUMN hipaa_guard.export_receipts.receipt IS 'The signed line, to be kept with the export.';
REVOKE ALL ON hipaa_guard.export_receipt, hipaa_guard.export_receipts FROM PUBLIC;
