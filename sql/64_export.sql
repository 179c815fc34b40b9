--
-- Goal: every format carries every event, unaltered, whatever stands in a name, and every export leaves a receipt that
-- can be checked against the file. Method: a table whose name holds what each format has to escape; each format is read
-- back with a reader that is not the writer's (COPY, json, a grammar) and compared with audit_log.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
CREATE ROLE regress_auditor;
CREATE ROLE regress_nobody;

-- What is exported: a session's beginning and end, and statements on one table.
SELECT E'we"ird, ]na\\me\nx\ty' AS weird \gset
ALTER SYSTEM SET hipaa_guard.audit_unflagged = on;
ALTER SYSTEM SET default_statistics_target = 123;
SET hipaa_guard.audit_unflagged = off;
SELECT pg_reload_conf();
-- A session sees a new setting between statements.
\o /dev/null
\set ECHO none
SELECT 'SELECT pg_sleep(0.1) WHERE current_setting($$default_statistics_target$$) <> $$123$$' FROM generate_series(1, 600) \gexec
\set ECHO all
\o
\c
\c
SET client_min_messages = warning;
SET hipaa_guard.audit_unflagged = off;
DO $$BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) LOOP
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
    END LOOP;
END$$;
SET application_name = 'q"uo,te]\back';
SET hipaa_guard.audit_unflagged = on;
CREATE TABLE :"weird" (a int, "b,""c" text);
INSERT INTO :"weird" VALUES (1, 'z'), (2, NULL);
SELECT count(*), 'a,"b' FROM :"weird" WHERE a = 1;
UPDATE :"weird" SET a = 3 WHERE a = 2;
DELETE FROM :"weird" WHERE a = 17;
COPY :"weird" (a) TO '/dev/null';
COPY public.:"weird"("b,""c", a) FROM '/dev/null';
COPY (SELECT a FROM :"weird") TO '/dev/null';
SELECT 1 / 0;
SET hipaa_guard.audit_unflagged = off;

-- JSON Lines: every field of every event is that of audit_log.
CREATE TEMP TABLE jsonl AS SELECT line::jsonb AS event FROM hipaa_guard.audit_export('jsonl', NULL, NULL) line;
CREATE TEMP VIEW expected AS
    SELECT e.*, to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS moment FROM hipaa_guard.audit_log e;
SELECT count(*) > 5 AS enough, bool_and(e.seq IS NOT NULL) AS known,
       bool_and((to_jsonb(e) - 'moment' || jsonb_build_object('recorded_at', e.moment, 'query_id', e.query_id::text))
                = (j.event - 'system_identifier' - 'boot')) AS same,
       bool_and(j.event ->> 'system_identifier' = system_identifier::text AND j.event ->> 'boot' ~ '^[1-9]$') AS origin
  FROM jsonl j LEFT JOIN expected e ON e.seq = (j.event ->> 'seq')::bigint, pg_control_system();
SELECT event ->> 'class' AS class, event ->> 'command_tag' AS command_tag, event ->> 'outcome' AS outcome,
       event ->> 'sqlstate' AS sqlstate, event ->> 'rows' AS rows,
       event ->> 'object_name' = E'we"ird, ]na\\me\nx\ty' AS name_same, event ->> 'application_name' AS application_name,
       event ->> 'statement' AS statement
  FROM jsonl WHERE event ->> 'class' IN ('read', 'write') AND event ->> 'statement' !~ '^COPY' ORDER BY (event ->> 'seq')::bigint;
SELECT event ->> 'outcome' AS outcome FROM jsonl WHERE event ->> 'sqlstate' = '22012';

-- CSV: what psql writes is read back by COPY, field by field; and SHA-256 of that file is what the receipt says.
\getenv cluster PGHOST
\set file :cluster '/export.csv'
\pset format unaligned
\pset tuples_only on
\o :file
SELECT hipaa_guard.audit_export('csv', NULL, NULL);
\o
\pset tuples_only off
\pset format aligned
CREATE TEMP TABLE csv (system_identifier text, boot int, LIKE hipaa_guard.audit_log);
ALTER TABLE csv ALTER columns TYPE text;
COPY csv FROM :'file' (FORMAT csv, HEADER match);
SELECT count(*) = (SELECT count(*) + 1 FROM jsonl) AS all_there,
       bool_and(to_jsonb(c) - 'columns' - 'system_identifier' - 'boot' = to_jsonb(e) - 'columns' - 'moment') AS same,
       bool_and(c.columns::jsonb IS NOT DISTINCT FROM to_jsonb(e.columns)) AS columns_same
  FROM csv c LEFT JOIN expected e USING (seq);
SELECT format, since, events = (SELECT count(*) FROM csv) AS events_same, first_seq = (SELECT min(seq) FROM csv) AS first_same,
       last_seq = (SELECT max(seq) FROM csv) AS last_same, lost, database, signature_ok,
       digest = encode(sha256(pg_read_binary_file(:'file')), 'hex') AS digest_of_file, until <= exported_at AS until_ok
  FROM hipaa_guard.export_receipts ORDER BY id DESC LIMIT 1;
SELECT count(*) AS lines_of_header FROM regexp_matches(encode(pg_read_binary_file(:'file'), 'escape'),
    'system_identifier,boot,seq,recorded_at,', 'g');

-- RFC 5424: each line is one message of its grammar, and unescaping gives back the name.
CREATE TEMP TABLE syslog AS SELECT line FROM hipaa_guard.audit_export('syslog', NULL, NULL) line;
SELECT count(*) AS outside_the_grammar FROM syslog WHERE line !~ ('^<(108|109|110)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z - hipaa_guard '
    '[!-~]{1,128} [!-~]{1,32} \[audit@32473( [a-z_]{1,32}="([^"\\\]\x01-\x1f]|\\["\\\]])*")+\] [ -~]+$');
SELECT substring(line FROM '^<\d+>') AS pri, substring(line FROM ' command_tag="([^"]*)"') AS command_tag,
       regexp_replace(substring(line FROM ' object_name="((?:[^"\\]|\\.)*)"'), '\\(.)', '\1', 'g') AS object_name,
       regexp_replace(substring(line FROM ' application_name="((?:[^"\\]|\\.)*)"'), '\\(.)', '\1', 'g') AS application_name
  FROM syslog WHERE line ~ ' class="(read|write)"' AND line !~ ' statement="COPY' ORDER BY substring(line FROM ' seq="(\d+)"')::bigint;
SELECT substring(line FROM '^<\d+>') AS pri FROM syslog WHERE line ~ ' sqlstate="22012"';

-- OCSF: a table of what version 1.3.0 of the schema says of the two classes and their objects, as far as the export uses
-- them; an attribute that is not in it is wrong, whatever it holds. A path is required where the object it is in is there.
CREATE TEMP TABLE ocsf AS SELECT row_number() OVER () AS id, line::jsonb AS event, NULL AS changed
  FROM hipaa_guard.audit_export('ocsf', NULL, NULL) line;
CREATE TEMP TABLE ocsf_attribute (class int, path text, type text, required boolean, value text);
INSERT INTO ocsf_attribute VALUES
    (NULL, 'time', 'integer', true, '^[0-9]{13}$'), (NULL, 'duration', 'integer', false, NULL),
    (NULL, 'class_name', 'string', false, NULL), (NULL, 'category_name', 'string', false, NULL),
    (3002, 'class_uid', 'integer', true, '^3002$'), (3002, 'category_uid', 'integer', true, '^3$'),
    (6005, 'class_uid', 'integer', true, '^6005$'), (6005, 'category_uid', 'integer', true, '^6$'),
    (3002, 'activity_id', 'integer', true, '^([0-6]|99)$'), (6005, 'activity_id', 'integer', true, '^([0-9]|10|99)$'),
    (3002, 'type_uid', 'integer', true, '^3002(0[0-6]|99)$'), (6005, 'type_uid', 'integer', true, '^6005(0[0-9]|10|99)$'),
    (NULL, 'activity_name', 'string', false, '.'), (NULL, 'severity_id', 'integer', true, '^([0-6]|99)$'),
    (NULL, 'severity', 'string', false, NULL), (NULL, 'status_id', 'integer', false, '^([0-2]|99)$'),
    (NULL, 'status', 'string', false, NULL), (NULL, 'status_code', 'string', false, NULL), (NULL, 'status_detail', 'string', false, NULL),
    (NULL, 'unmapped', 'object', false, NULL), (NULL, 'metadata', 'object', true, NULL),
    (NULL, 'metadata.version', 'string', true, '^1\.3\.0$'), (NULL, 'metadata.uid', 'string', false, NULL),
    (NULL, 'metadata.sequence', 'integer', false, NULL), (NULL, 'metadata.log_name', 'string', false, NULL),
    (NULL, 'metadata.product', 'object', true, NULL), (NULL, 'metadata.product.vendor_name', 'string', true, NULL),
    (NULL, 'metadata.product.name', 'string', false, NULL), (NULL, 'metadata.product.version', 'string', false, NULL),
    (3002, 'actor', 'object', false, NULL), (6005, 'actor', 'object', true, NULL), (NULL, 'actor.app_name', 'string', false, NULL),
    (NULL, 'actor.session', 'object', false, NULL), (NULL, 'actor.session.uid', 'string', false, NULL),
    (NULL, 'actor.user', 'object', false, NULL), (NULL, 'actor.user.name', 'string', false, NULL),
    (3002, 'src_endpoint', 'object', false, NULL), (6005, 'src_endpoint', 'object', true, NULL),
    (NULL, 'src_endpoint.name', 'string', false, NULL), (NULL, 'src_endpoint.ip', 'string', false, '^[0-9a-f.:]+$'),
    (NULL, 'dst_endpoint', 'object', false, NULL), (NULL, 'dst_endpoint.svc_name', 'string', false, NULL),
    (NULL, 'dst_endpoint.uid', 'string', false, NULL), (3002, 'user', 'object', true, NULL), (3002, 'user.name', 'string', false, NULL),
    (3002, 'service', 'object', false, NULL), (3002, 'service.name', 'string', false, NULL), (3002, 'is_remote', 'boolean', false, NULL),
    (6005, 'type_id', 'integer', false, '^([0-3]|99)$'), (6005, 'database', 'object', false, NULL),
    (6005, 'database.type_id', 'integer', true, '^([0-6]|99)$'), (6005, 'database.type', 'string', false, NULL),
    (6005, 'database.name', 'string', false, NULL), (6005, 'table', 'object', false, NULL), (6005, 'table.name', 'string', false, NULL),
    (6005, 'query_info', 'object', false, NULL), (6005, 'query_info.query_string', 'string', true, NULL),
    (6005, 'query_info.uid', 'string', false, NULL);
-- Of these attributes of an object ('' is the event) one has to be there, if the object is.
CREATE TEMP TABLE ocsf_constraint (class int, path text, one_of text[]);
INSERT INTO ocsf_constraint VALUES (3002, '', '{service,dst_endpoint}'), (6005, '', '{database,databucket,table}'),
    (NULL, 'actor', '{process,user,invoked_by,session,app_name,app_uid}'), (NULL, 'actor.user', '{account,name,uid}'),
    (NULL, 'src_endpoint', '{ip,uid,name,hostname,svc_name}'), (NULL, 'dst_endpoint', '{ip,uid,name,hostname,svc_name}'),
    (3002, 'user', '{account,name,uid}'), (3002, 'service', '{name,uid}'), (6005, 'database', '{name,uid}'), (6005, 'table', '{name,uid}');
CREATE TEMP TABLE ocsf_caption (class int, path text, id text, caption_path text, caption text);
INSERT INTO ocsf_caption VALUES (NULL, 'severity_id', '1', 'severity', 'Informational'), (NULL, 'severity_id', '2', 'severity', 'Low'),
    (NULL, 'severity_id', '3', 'severity', 'Medium'), (NULL, 'status_id', '1', 'status', 'Success'),
    (NULL, 'status_id', '2', 'status', 'Failure'),
    (3002, 'class_uid', '3002', 'class_name', 'Authentication'), (6005, 'class_uid', '6005', 'class_name', 'Datastore Activity'),
    (NULL, 'category_uid', '3', 'category_name', 'Identity & Access Management'),
    (NULL, 'category_uid', '6', 'category_name', 'Application Activity'), (3002, 'activity_id', '1', 'activity_name', 'Logon'),
    (3002, 'activity_id', '2', 'activity_name', 'Logoff'), (6005, 'activity_id', '1', 'activity_name', 'Read'),
    (6005, 'activity_id', '2', 'activity_name', 'Update'), (6005, 'activity_id', '4', 'activity_name', 'Query'),
    (6005, 'activity_id', '5', 'activity_name', 'Write'), (6005, 'activity_id', '7', 'activity_name', 'Delete'),
    (6005, 'database.type_id', '1', 'database.type', 'Relational');
CREATE TEMP VIEW ocsf_wrong AS
WITH RECURSIVE part (id, class, changed, path, value) AS (
    SELECT id, (event -> 'class_uid')::int, changed, '', event FROM ocsf
    UNION ALL
    SELECT p.id, p.class, p.changed, ltrim(concat(p.path, '.', e.key), '.'), e.value
      FROM part p, jsonb_each(CASE WHEN jsonb_typeof(p.value) = 'object' AND p.path <> 'unmapped' THEN p.value ELSE '{}' END) e)
SELECT p.id, p.changed, p.path, 'is not what the schema has' AS what
  FROM part p LEFT JOIN ocsf_attribute a ON a.path = p.path AND p.class = coalesce(a.class, p.class)
 WHERE p.path <> '' AND (a.path IS NULL OR p.value #>> '{}' !~ a.value
       OR CASE WHEN p.value::text ~ '^-?[0-9]+$' THEN 'integer' ELSE jsonb_typeof(p.value) END <> a.type)
UNION ALL
SELECT p.id, p.changed, a.path, 'is missing'
  FROM part p JOIN ocsf_attribute a ON a.required AND p.class = coalesce(a.class, p.class)
   AND p.path = CASE WHEN a.path ~ '\.' THEN regexp_replace(a.path, '\.[^.]*$', '') ELSE '' END
 WHERE NOT p.value ? regexp_replace(a.path, '^.*\.', '')
UNION ALL
SELECT p.id, p.changed, p.path, 'has none of what it must have one of'
  FROM part p JOIN ocsf_constraint c ON c.path = p.path AND p.class = coalesce(c.class, p.class) WHERE NOT p.value ?| c.one_of
UNION ALL
SELECT p.id, p.changed, c.caption_path, 'is not the caption of the number'
  FROM part p JOIN ocsf USING (id)
  JOIN ocsf_caption c ON c.path = p.path AND c.id = p.value #>> '{}' AND p.class = coalesce(c.class, p.class)
 WHERE ocsf.event #>> string_to_array(c.caption_path, '.') IS DISTINCT FROM c.caption
UNION ALL
SELECT id, changed, 'type_uid', 'is not the sum' FROM ocsf
 WHERE (event -> 'type_uid')::int <> (event -> 'class_uid')::int * 100 + (event -> 'activity_id')::int;
SELECT event ->> 'class_uid' AS class, event ->> 'activity_id' AS activity, count(*) > 0 AS there FROM ocsf GROUP BY 1, 2 ORDER BY 1, 2;
SELECT path, what, count(*) FROM ocsf_wrong GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(DISTINCT event #>> '{metadata,uid}') = count(*) AS unique_ids FROM ocsf;
-- What is wrong would be found.
WITH sample AS (SELECT DISTINCT ON (event -> 'class_uid') event FROM ocsf WHERE event ?| '{query_info,user}' ORDER BY event -> 'class_uid')
INSERT INTO ocsf SELECT -row_number() OVER (), c.event, c.what FROM (
    SELECT '1 no time' AS what, event - 'time' AS event FROM sample
    UNION ALL SELECT '2 time as text', jsonb_set(event, '{time}', '"now"') FROM sample
    UNION ALL SELECT '3 of no schema', event || '{"colour": 1}' FROM sample
    UNION ALL SELECT '4 no such activity', jsonb_set(event, '{activity_id}', '77') FROM sample
    UNION ALL SELECT '5 nobody', jsonb_set(event, '{actor}', '{}') FROM sample
    UNION ALL SELECT '6 no query', event #- '{query_info,query_string}' FROM sample WHERE event ? 'query_info'
    UNION ALL SELECT '7 no store', event - 'database' - 'table' FROM sample WHERE event ? 'database'
    UNION ALL SELECT '8 another caption', jsonb_set(event, '{severity}', '"Fatal"') FROM sample) c;
SELECT changed, path, what, count(*) FROM ocsf_wrong WHERE changed IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DELETE FROM ocsf WHERE changed IS NOT NULL;
SELECT event ->> 'class_uid' AS class, event ->> 'activity_id' AS activity, event ->> 'activity_name' AS name,
       event ->> 'status_id' AS status, event ->> 'severity' AS severity,
       event #>> '{table,name}' = E'public.we"ird, ]na\\me\nx\ty' AS name_same, event #>> '{query_info,query_string}' AS query,
       event #>> '{actor,user,name}' = session_user AS who, event #>> '{src_endpoint,name}' AS source
  FROM ocsf WHERE event #>> '{unmapped,class}' IN ('read', 'write') AND event #>> '{query_info,query_string}' !~ '^COPY'
 ORDER BY (event #>> '{metadata,sequence}')::bigint;
SELECT event ->> 'activity_name' AS copies FROM ocsf WHERE event #>> '{unmapped,class}' = 'copy'
 ORDER BY (event #>> '{metadata,sequence}')::bigint;
SELECT event ->> 'activity_id' AS activity, event ->> 'status_id' AS status, event ->> 'severity' AS severity
  FROM ocsf WHERE event ->> 'status_code' = '22012';

-- FHIR: the elements of R4 that are 1..1 or 1..*, the value sets, and the statement behind its base64.
CREATE TEMP TABLE fhir AS SELECT line, line::jsonb AS event FROM hipaa_guard.audit_export('fhir', NULL, NULL) line;
SELECT count(*) FILTER (WHERE event ->> 'resourceType' <> 'AuditEvent' OR NOT event ?& ARRAY['type', 'recorded', 'agent', 'source']
                           OR event #> '{agent,0,requestor}' <> 'true' OR event #> '{source,observer,display}' IS NULL
                           OR event ->> 'id' !~ '^[A-Za-z0-9.-]{1,64}$') AS required_missing,
       count(*) FILTER (WHERE event ->> 'action' !~ '^[CRUDE]$' OR event ->> 'outcome' !~ '^(0|4|8|12)$') AS outside_value_sets,
       count(*) FILTER (WHERE line ~ '": ?""' OR line ~ '": ?null') AS empty_values,
       count(*) FILTER (WHERE event #> '{entity,0}' ?& ARRAY['name', 'query']) AS name_and_query
  FROM fhir;
SELECT event #>> '{type,code}' AS type, event #>> '{subtype,0,code}' AS subtype, event ->> 'action' AS action,
       event ->> 'outcome' AS outcome, event #>> '{agent,0,altId}' = session_user AS who,
       event #>> '{entity,0,what,display}' = E'public.we"ird, ]na\\me\nx\ty' AS name_same,
       convert_from(decode(event #>> '{entity,0,query}', 'base64'), 'UTF8') AS query
  FROM fhir WHERE event #>> '{entity,0,detail,0,valueString}' IN ('read', 'write')
   AND convert_from(decode(event #>> '{entity,0,query}', 'base64'), 'UTF8') !~ '^COPY' ORDER BY event ->> 'recorded';
SELECT event #>> '{type,display}' AS copies, event ->> 'action' AS action FROM fhir
 WHERE event #>> '{entity,0,detail,0,valueString}' = 'copy' ORDER BY event ->> 'recorded';
SELECT event ->> 'outcome' AS outcome, event ->> 'action' AS action FROM fhir WHERE event ->> 'outcomeDesc' ~ '^22012';

-- Limits: since is inclusive, until exclusive; what makes no sense is told.
SELECT count(*) FROM jsonl j, hipaa_guard.audit_export('jsonl', (j.event ->> 'recorded_at')::timestamptz,
    (j.event ->> 'recorded_at')::timestamptz + interval '1 microsecond') WHERE j.event ->> 'command_tag' = 'UPDATE';
SELECT count(*) FROM jsonl j, hipaa_guard.audit_export('jsonl', '-infinity', (j.event ->> 'recorded_at')::timestamptz)
    AS line WHERE j.event ->> 'command_tag' = 'UPDATE' AND line::jsonb ->> 'command_tag' IN ('UPDATE', 'DELETE');
SELECT hipaa_guard.audit_export('xml', NULL, NULL);
SELECT hipaa_guard.audit_export('JSONL', NULL, NULL);
SELECT hipaa_guard.audit_export(NULL, NULL, NULL);
SELECT hipaa_guard.audit_export('csv', '2026-01-02', '2026-01-01');
SELECT count(*) FROM hipaa_guard.audit_export('csv', '2026-01-01', '2026-01-01');
SELECT format, since = '2026-01-01' AND until = '2026-01-01' AS limits, events, first_seq FROM hipaa_guard.export_receipts
 ORDER BY id DESC LIMIT 1;

-- A receipt stays as it is; another text, or another number in it, is none of this trail's.
UPDATE hipaa_guard.export_receipt SET receipt = receipt;
DELETE FROM hipaa_guard.export_receipt;
TRUNCATE hipaa_guard.export_receipt;
\set VERBOSITY terse
INSERT INTO hipaa_guard.export_receipt (receipt) VALUES ('hipaa_guard receipt 1 events=17');
\set VERBOSITY default
SELECT count(*) > 7 AS enough, bool_and(signature_ok) AS ok,
       bool_or(hipaa_guard.export_receipt_ok(regexp_replace(receipt, 'lost=0', 'lost=1'))) AS forged,
       bool_or(hipaa_guard.export_receipt_ok(regexp_replace(receipt, 'trail=.', 'trail=g'))) AS malformed
  FROM hipaa_guard.export_receipts;
BEGIN READ ONLY;
SELECT count(*) FROM hipaa_guard.audit_export('jsonl', '2026-01-01', '2026-01-01');
COMMIT;

-- Each export is an event itself; who may not read may not export; an auditor's receipt names his database.
SELECT count(*) > 7 AS exports_recorded FROM hipaa_guard.audit_log WHERE command_tag = 'EXPORT AUDIT' AND class = 'guard';
SET ROLE regress_nobody;
SELECT hipaa_guard.audit_export('jsonl', NULL, NULL);
TABLE hipaa_guard.export_receipts;
RESET ROLE;
ALTER SYSTEM SET hipaa_guard.auditor_role = 'regress_auditor';
SELECT pg_reload_conf();
\c -
SET ROLE regress_auditor;
SELECT count(*) > 5 AS exported FROM hipaa_guard.audit_export('jsonl', NULL, NULL);
INSERT INTO hipaa_guard.export_receipt (receipt) VALUES ('x');
RESET ROLE;
SELECT d.datname, signature_ok, exported_by = session_user AS who FROM hipaa_guard.export_receipts r
  JOIN pg_database d ON d.oid = r.database;
