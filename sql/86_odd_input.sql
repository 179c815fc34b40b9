-- Goal: whatever is given to a function of the registers, incidents, disclosures, posture or report, the answer is a result or an error
-- that says what is wrong, repeats no value, and leaves nothing behind.
-- Method: each argument of each function in turn gets each odd value of its type, the others sane ones. Listed is what ends in an
-- SQLSTATE that is not among those which the functions promise (or the end of the calendar, 22008), repeats the value, or changes the
-- ledger although it failed.
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE EXTENSION hipaa_guard;
SET timezone = 'UTC';

CREATE TEMP TABLE odd (type text, value text);
INSERT INTO odd VALUES ('text', NULL), ('text', ''), ('text', E' \t\n'), ('text', repeat('zqxv', 5000)), ('text', 'zqxv'),
    ('text', E'it''s "zqxv"; -- \\ %s $1 <script>'), ('name', NULL), ('name', ''), ('name', 'zqxv "a"'),
    ('timestamp with time zone', NULL), ('timestamp with time zone', 'infinity'), ('timestamp with time zone', '-infinity'),
    ('timestamp with time zone', '4713-01-01 00:00:00+00 BC'), ('timestamp with time zone', '294276-12-31 00:00:00+00'),
    ('date', NULL), ('date', 'infinity'), ('date', '-infinity'), ('date', '5874897-12-31'), ('date', '4713-01-01 BC'),
    ('bigint', NULL), ('bigint', '-1'), ('bigint', '0'), ('bigint', '9223372036854775807'),
    ('integer', NULL), ('integer', '-1'), ('integer', '0'), ('integer', '2147483647'), ('integer', '-2147483648'),
    ('boolean', NULL), ('interval', NULL), ('interval', '-1 day'), ('interval', '0'), ('interval', '178000000 years'),
    ('text[]', NULL), ('text[]', '{}'), ('text[]', '{NULL,zqxv}'), ('regclass', NULL), ('regclass', '0'), ('regclass', '4294967295');
CREATE TEMP TABLE sane (type text, value text);
INSERT INTO sane VALUES ('text', 'x'), ('name', 'x'), ('timestamp with time zone', '2026-01-01'), ('date', '2026-01-01'), ('bigint', '1'),
    ('integer', '1'), ('boolean', 'true'), ('interval', '1 day'), ('text[]', '{x}'), ('regclass', '"odd"');

SELECT hipaa_guard.report_incident('access', 'x', '2026-01-01'), hipaa_guard.record_action(1, 'x', 'x', '2026-01-01'),
       hipaa_guard.open_request('access', 'x', '2026-01-01'), hipaa_guard.begin_disclosure('x', 'x', 'x');

-- The functions of src/posture that people call, and those that compute dates.
CREATE TEMP VIEW called AS
    SELECT p.oid, p.proname, p.pronargs, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) AS t) AS types
      FROM pg_proc p WHERE p.pronamespace = 'hipaa_guard'::regnamespace AND p.proname IN (
        'posture', 'attest', 'accept_risk', 'set_site', 'add_holiday', 'us_federal_holidays', 'is_business_day', 'after_business_days',
        'after_days', 'report_incident', 'update_incident', 'describe_incident', 'assess_incident', 'delay_incident', 'close_incident',
        'record_notice', 'record_action', 'complete_action', 'incident_report', 'record_party', 'record_contact',
        'record_subcontractor', 'end_subcontractor', 'register_store', 'certify_disposal', 'set_retention', 'record_service',
        'record_release', 'open_request', 'extend_request', 'close_request', 'begin_disclosure', 'end_disclosure', 'add_disclosed',
        'accounting', 'subject_pseudonym', 'track_subject', 'untrack_subject', 'phi_usage', 'unrecorded_reads', 'compliance_report',
        'deprovision');

CREATE FUNCTION attempt(id oid, arguments text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT count(*) FROM hipaa_guard.ledger);
    message text;
    detail text;
    hint text;
BEGIN
    BEGIN
        EXECUTE format('SELECT count(*) FROM %s(%s)', id::regproc, array_to_string(arguments, ', '));
        RAISE EXCEPTION 'taken back' USING ERRCODE = 'ZZZZZ';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        IF concat(message, detail, hint) LIKE '%zqxv%' THEN
            RETURN 'repeats the value: ' || SQLSTATE;
        ELSIF (SELECT count(*) FROM hipaa_guard.ledger) <> before THEN
            RETURN 'leaves something behind';
        ELSIF SQLSTATE NOT IN ('ZZZZZ', '22004', '22023', '22001', 'P0002', '55000', '55006', '42703', '42704', '0A000', '22008') THEN
            RETURN SQLSTATE || ' ' || message;
        END IF;
        RETURN NULL;
    END;
END $$;

CREATE TEMP TABLE answer AS
    SELECT c.proname, n AS argument, o.type, left(o.value, 30) AS value, attempt(c.oid, ARRAY(
               SELECT format('%L::%s', CASE WHEN k = n THEN o.value ELSE s.value END, t)
                 FROM unnest(c.types) WITH ORDINALITY AS u (t, k) JOIN sane s ON s.type = t ORDER BY k)) AS complaint
      FROM called c, generate_series(1, c.pronargs) AS n JOIN odd o ON true WHERE o.type = c.types[n];
SELECT count(*) > 500 AS many, count(DISTINCT proname) = (SELECT count(DISTINCT proname) FROM called WHERE pronargs > 0) AS all_functions
  FROM answer;
SELECT proname, argument, type, value, complaint FROM answer WHERE complaint IS NOT NULL ORDER BY 1, 2, 3, 4;
