-- Incidents and their clocks: 45 CFR 164.400-414 (breach notification), 164.314(a)(2)(i)(C) (security
-- incidents), and what vendors promise by contract (five business days, 30 days).
--
-- Clocks run in the time zone of the site (set_site('time_zone', ...), else the server's log_timezone)
-- from the moment of discovery: five days of business, or so many days later at the same time of day.
-- Any role may open an incident; the rest is for those who were granted it.

CREATE VIEW hipaa_guard.site AS
    SELECT l.key AS name, l.body ->> 'value' AS value, l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'site';
COMMENT ON VIEW hipaa_guard.site IS 'Facts about the site that clocks and reports need.';
COMMENT ON COLUMN hipaa_guard.site.name IS 'time_zone, organization or toll_free_number.';
COMMENT ON COLUMN hipaa_guard.site.value IS 'The value in force.';
COMMENT ON COLUMN hipaa_guard.site.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.site.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.site.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.set_site(name text, value text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    name := hipaa_guard.checked_word('name', name, ARRAY['time_zone', 'organization', 'toll_free_number']);
    value := hipaa_guard.checked_text('value', value);
    IF name = 'time_zone' AND NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = value) THEN
        RAISE EXCEPTION 'unrecognized time zone' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'SELECT name FROM pg_timezone_names lists them.';
    END IF;
    RETURN hipaa_guard.ledger_append('site', name, jsonb_build_object('value', value));
END $$;
COMMENT ON FUNCTION hipaa_guard.set_site(text, text) IS
'Records a fact about the site: time_zone, organization or toll_free_number. Error 22023 for an unknown name or time zone.';

CREATE FUNCTION hipaa_guard.site_time_zone() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT s.value FROM hipaa_guard.site s WHERE s.name = 'time_zone'), current_setting('log_timezone'))
$$;
COMMENT ON FUNCTION hipaa_guard.site_time_zone() IS
'Time zone that clocks run in: the site''s, or else that of the server log. Internal.';

-- 5 USC 6103: a holiday on a Saturday is kept the day before, one on a Sunday the day after.
CREATE FUNCTION hipaa_guard.us_federal_holidays(year int) RETURNS TABLE (day date, name text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH fixed (month, day_of_month, name, since) AS (VALUES
        (1, 1, 'New Year''s Day', 1871), (6, 19, 'Juneteenth National Independence Day', 2021),
        (7, 4, 'Independence Day', 1871), (11, 11, 'Veterans Day', 1938), (12, 25, 'Christmas Day', 1871)),
    weekday (month, isodow, nth, name, since) AS (VALUES
        (1, 1, 3, 'Birthday of Martin Luther King, Jr.', 1986), (2, 1, 3, 'Washington''s Birthday', 1971),
        (5, 1, -1, 'Memorial Day', 1971), (9, 1, 1, 'Labor Day', 1894), (10, 1, 2, 'Columbus Day', 1971),
        (11, 4, 4, 'Thanksgiving Day', 1942)),
    kept AS (
        SELECT make_date(y, f.month, f.day_of_month) AS d, f.name FROM fixed f, (VALUES (year), (year + 1)) AS v (y)
         WHERE y >= f.since),
    counted AS (
        SELECT d::date, w.name, w.nth,
               row_number() OVER (PARTITION BY w.name ORDER BY d) AS up,
               row_number() OVER (PARTITION BY w.name ORDER BY d DESC) AS down
          FROM weekday w, generate_series(make_date(year, w.month, 1)::timestamp,
                                          make_date(year, w.month, 1) + interval '1 month - 1 day', '1 day') AS d
         WHERE year >= w.since AND extract(isodow FROM d) = w.isodow)
    SELECT h.day, h.name
      FROM (SELECT CASE extract(isodow FROM d) WHEN 6 THEN d - 1 WHEN 7 THEN d + 1 ELSE d END AS day, kept.name FROM kept
            UNION ALL
            SELECT d, counted.name FROM counted WHERE up = nth OR down = - nth) AS h
     WHERE extract(year FROM h.day) = year ORDER BY h.day
$$;
COMMENT ON FUNCTION hipaa_guard.us_federal_holidays(int) IS
'Days of the year on which US federal offices are closed (5 USC 6103), moved off week-ends. NULL gives no rows.';

CREATE VIEW hipaa_guard.site_holidays AS
    SELECT l.key::date AS day, l.body ->> 'name' AS name, l.entry, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'holiday';
COMMENT ON VIEW hipaa_guard.site_holidays IS 'Holidays of the site, beside the federal ones.';
COMMENT ON COLUMN hipaa_guard.site_holidays.day IS 'The day.';
COMMENT ON COLUMN hipaa_guard.site_holidays.name IS 'Its name.';
COMMENT ON COLUMN hipaa_guard.site_holidays.entry IS 'Entry of the ledger.';
COMMENT ON COLUMN hipaa_guard.site_holidays.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.site_holidays.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.add_holiday(day date, name text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = iso AS $$
BEGIN
    IF day IS NULL OR NOT isfinite(day) THEN
        RAISE EXCEPTION 'day must be a date' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    RETURN hipaa_guard.ledger_append('holiday', day::text,
        jsonb_build_object('name', hipaa_guard.checked_text('name', name)));
END $$;
COMMENT ON FUNCTION hipaa_guard.add_holiday(date, text) IS
'Records a day that is no business day at this site.';

CREATE FUNCTION hipaa_guard.is_business_day(day date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT extract(isodow FROM day) < 6
           AND NOT EXISTS (SELECT FROM hipaa_guard.us_federal_holidays(extract(year FROM day)::int) h WHERE h.day = $1)
           AND NOT EXISTS (SELECT FROM hipaa_guard.site_holidays s WHERE s.day = $1)
$$;
COMMENT ON FUNCTION hipaa_guard.is_business_day(date) IS
'Monday to Friday, neither a federal holiday nor one of the site. NULL for NULL.';

CREATE FUNCTION hipaa_guard.after_business_days(start timestamptz, days int) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone text := hipaa_guard.site_time_zone();
    moment timestamp := start AT TIME ZONE zone;
    left_over int := days;
BEGIN
    IF NOT isfinite(start) OR days NOT BETWEEN 0 AND 3660 THEN
        RAISE EXCEPTION 'start must be finite, and days from 0 to 3660' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WHILE left_over > 0 LOOP
        moment := moment + interval '1 day';
        IF hipaa_guard.is_business_day(moment::date) THEN
            left_over := left_over - 1;
        END IF;
    END LOOP;
    RETURN moment AT TIME ZONE zone;
END $$;
COMMENT ON FUNCTION hipaa_guard.after_business_days(timestamptz, int) IS
'The same time of day so many business days later, in the time zone of the site. NULL for NULL. Error 22023 for infinity or more '
'than 3660 days.';

CREATE FUNCTION hipaa_guard.after_days(start timestamptz, days int) RETURNS timestamptz
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT (start AT TIME ZONE hipaa_guard.site_time_zone() + make_interval(days => days))
           AT TIME ZONE hipaa_guard.site_time_zone()
$$;
COMMENT ON FUNCTION hipaa_guard.after_days(timestamptz, int) IS
'The same time of day so many calendar days later, in the time zone of the site. NULL for NULL.';

CREATE VIEW hipaa_guard.incidents AS
    SELECT l.key::bigint AS incident, l.body ->> 'kind' AS kind, l.body ->> 'summary' AS summary,
           (l.body ->> 'discovered_at')::timestamptz AS discovered_at,
           (l.body ->> 'reported_at')::timestamptz AS reported_at, l.body ->> 'reported_by' AS reported_by,
           (l.body ->> 'unsecured')::boolean AS unsecured, (l.body ->> 'individuals')::int AS individuals,
           (l.body ->> 'low_probability')::boolean AS low_probability,
           (l.body ->> 'delayed_until')::timestamptz AS delayed_until,
           (l.body ->> 'closed_at')::timestamptz AS closed_at, l.body ->> 'outcome' AS outcome, l.body AS everything
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'incident';
COMMENT ON VIEW hipaa_guard.incidents IS 'Incidents as they stand now; their history is in the ledger.';
COMMENT ON COLUMN hipaa_guard.incidents.incident IS 'Number, from 1, without gaps.';
COMMENT ON COLUMN hipaa_guard.incidents.kind IS 'access, acquisition, use, disclosure or another word of the site''s.';
COMMENT ON COLUMN hipaa_guard.incidents.summary IS 'What was reported.';
COMMENT ON COLUMN hipaa_guard.incidents.discovered_at IS 'When it became known; the clocks start here.';
COMMENT ON COLUMN hipaa_guard.incidents.reported_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.incidents.reported_by IS 'Session user who entered it.';
COMMENT ON COLUMN hipaa_guard.incidents.unsecured IS 'Whether the PHI was readable (164.402); NULL: not known, counts as yes.';
COMMENT ON COLUMN hipaa_guard.incidents.individuals IS 'How many persons; NULL: not known, counts as 500 and more.';
COMMENT ON COLUMN hipaa_guard.incidents.low_probability IS 'Result of the assessment of 164.402(2): true means no breach.';
COMMENT ON COLUMN hipaa_guard.incidents.delayed_until IS 'Until when law enforcement has asked to wait (164.412).';
COMMENT ON COLUMN hipaa_guard.incidents.closed_at IS 'When it was closed; NULL: open.';
COMMENT ON COLUMN hipaa_guard.incidents.outcome IS 'How it ended.';
COMMENT ON COLUMN hipaa_guard.incidents.everything IS 'All fields as JSON.';

CREATE FUNCTION hipaa_guard.report_incident(kind text, summary text, discovered_at timestamptz DEFAULT NULL,
    unsecured boolean DEFAULT NULL, individuals int DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    discovered timestamptz := coalesce(discovered_at, now());
    incident bigint;
BEGIN
    kind := lower(hipaa_guard.checked_text('kind', kind));
    summary := hipaa_guard.checked_text('summary', summary);
    IF kind COLLATE "C" !~ '^[a-z][a-z0-9_ -]{0,62}$' THEN
        RAISE EXCEPTION 'kind must be a word or two of letters' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Usual kinds are access, acquisition, use and disclosure.';
    ELSIF discovered > now() + interval '1 minute' OR NOT isfinite(discovered) THEN
        RAISE EXCEPTION 'discovered_at must not be in the future' USING ERRCODE = 'invalid_parameter_value';
    ELSIF individuals < 0 THEN
        RAISE EXCEPTION 'individuals must not be negative' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Leave it NULL while the number is not known.';
    END IF;
    incident := hipaa_guard.ledger_next('incident');
    PERFORM hipaa_guard.ledger_append('incident', incident::text, jsonb_build_object('kind', kind, 'summary', summary,
        'discovered_at', discovered, 'unsecured', unsecured, 'individuals', individuals,
        'reported_at', clock_timestamp(), 'reported_by', session_user), ARRAY['kind', 'summary']);
    -- The payload leaves the reach of row security, so it holds the number and nothing else.
    PERFORM pg_notify('hipaa_incident', incident::text);
    RETURN incident;
END $$;
COMMENT ON FUNCTION hipaa_guard.report_incident(text, text, timestamptz, boolean, int) IS
'Opens an incident, starts its clocks and notifies channel hipaa_incident with its number when the transaction commits. '
'NULL: discovered now; unsecured and individuals not known. Any role may call it. Returns the number.';

CREATE FUNCTION hipaa_guard.change_incident(incident bigint, changes jsonb, prose text[] DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    state jsonb;
BEGIN
    LOCK TABLE hipaa_guard.ledger IN SHARE ROW EXCLUSIVE MODE;
    SELECT i.everything INTO state FROM hipaa_guard.incidents i WHERE i.incident = change_incident.incident;
    IF state IS NULL THEN
        RAISE EXCEPTION 'there is no such incident' USING ERRCODE = 'no_data_found';
    ELSIF state ? 'closed_at' THEN
        RAISE EXCEPTION 'incident % is closed', incident USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Report a new incident that refers to it.';
    END IF;
    RETURN hipaa_guard.ledger_append('incident', incident::text, state || changes, prose);
END $$;
COMMENT ON FUNCTION hipaa_guard.change_incident(bigint, jsonb, text[]) IS
'Appends an incident''s new state. Internal.';

CREATE FUNCTION hipaa_guard.describe_incident(incident bigint, element text, content text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    element := hipaa_guard.checked_word('element', element, ARRAY['occurred_on', 'what_happened', 'phi_types',
        'protective_steps', 'response', 'contact_procedures']);
    RETURN hipaa_guard.change_incident(incident,
        jsonb_build_object(element, hipaa_guard.checked_text('content', content)),
        CASE WHEN element IN ('occurred_on', 'contact_procedures') THEN '{}' ELSE ARRAY[element] END);
END $$;
COMMENT ON FUNCTION hipaa_guard.describe_incident(bigint, text, text) IS
'Records an element that a notice must have (164.404(c)(1)): occurred_on, what_happened, phi_types, protective_steps, '
'response, contact_procedures.';

CREATE FUNCTION hipaa_guard.update_incident(incident bigint, individuals int DEFAULT NULL,
    unsecured boolean DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF individuals < 0 THEN
        RAISE EXCEPTION 'individuals must not be negative' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN hipaa_guard.change_incident(incident,
        jsonb_strip_nulls(jsonb_build_object('individuals', individuals, 'unsecured', unsecured)));
END $$;
COMMENT ON FUNCTION hipaa_guard.update_incident(bigint, int, boolean) IS
'Records what became known: how many individuals, whether PHI was unsecured. NULL leaves a field as it is.';

CREATE FUNCTION hipaa_guard.assess_incident(incident bigint, nature text, recipient text, acquired text,
    mitigation text, low_probability boolean, assessed_by text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF low_probability IS NULL THEN
        RAISE EXCEPTION 'low_probability must be true or false' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    RETURN hipaa_guard.change_incident(incident, jsonb_build_object(
        'assessed_nature', hipaa_guard.checked_text('nature', nature),
        'assessed_recipient', hipaa_guard.checked_text('recipient', recipient),
        'assessed_acquired', hipaa_guard.checked_text('acquired', acquired),
        'assessed_mitigation', hipaa_guard.checked_text('mitigation', mitigation),
        'low_probability', low_probability, 'assessed_by', hipaa_guard.checked_text('assessed_by', assessed_by)),
        ARRAY['assessed_nature', 'assessed_recipient', 'assessed_acquired', 'assessed_mitigation']);
END $$;
COMMENT ON FUNCTION hipaa_guard.assess_incident(bigint, text, text, text, text, boolean, text) IS
'Records the four factors of 164.402(2) and the conclusion. A low probability of compromise ends the clocks that only a breach has.';

CREATE FUNCTION hipaa_guard.delay_incident(incident bigint, until timestamptz, statement text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF until IS NULL OR NOT isfinite(until) THEN
        RAISE EXCEPTION 'until must be a date' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    RETURN hipaa_guard.change_incident(incident, jsonb_build_object('delayed_until', until,
        'delay_statement', hipaa_guard.checked_text('statement', statement)), ARRAY['delay_statement']);
END $$;
COMMENT ON FUNCTION hipaa_guard.delay_incident(bigint, timestamptz, text) IS
'Records that law enforcement has asked to wait (164.412): notices to individuals, media and HHS are due not before until.';

CREATE FUNCTION hipaa_guard.close_incident(incident bigint, outcome text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    RETURN hipaa_guard.change_incident(incident, jsonb_build_object('closed_at', clock_timestamp(),
        'outcome', hipaa_guard.checked_text('outcome', outcome)), ARRAY['outcome']);
END $$;
COMMENT ON FUNCTION hipaa_guard.close_incident(bigint, text) IS
'Closes an incident. Clocks that are not met stay due: closing is no notice.';

-- Which clocks an incident has.  What is not known counts as the worst case.
CREATE FUNCTION hipaa_guard.incident_clocks(discovered_at timestamptz, reported_at timestamptz, unsecured boolean,
    individuals int, low_probability boolean, delayed_until timestamptz)
RETURNS TABLE (clock text, due_at timestamptz, basis text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH breach (counts) AS (
        SELECT coalesce(unsecured, true) AND NOT coalesce(low_probability, false) AND coalesce(individuals, 500) > 0),
    zone (name) AS (SELECT hipaa_guard.site_time_zone())
    SELECT 'immediate', reported_at, '164.314(a)(2)(i)(C)'
    UNION ALL
    SELECT 'vendor_incident', hipaa_guard.after_business_days(discovered_at, 5), 'contract; 164.410(b)'
    UNION ALL
    SELECT 'vendor_breach', hipaa_guard.after_days(discovered_at, 30), 'contract; 164.410(b)' FROM breach WHERE counts
    UNION ALL
    SELECT 'individual', greatest(hipaa_guard.after_days(discovered_at, 60), delayed_until), '164.404(b)'
      FROM breach WHERE counts
    UNION ALL
    SELECT 'media', greatest(hipaa_guard.after_days(discovered_at, 60), delayed_until), '164.406(b)'
      FROM breach WHERE counts AND coalesce(individuals, 501) > 500
    UNION ALL
    SELECT 'hhs', greatest(hipaa_guard.after_days(discovered_at, 60), delayed_until), '164.408(b)'
      FROM breach WHERE counts AND coalesce(individuals, 500) >= 500
    UNION ALL
    SELECT 'hhs', greatest((make_date(extract(year FROM discovered_at AT TIME ZONE zone.name)::int, 12, 31) + 60
                            + time '23:59:59') AT TIME ZONE zone.name, delayed_until), '164.408(c)'
      FROM breach, zone WHERE counts AND individuals < 500
$$;
COMMENT ON FUNCTION hipaa_guard.incident_clocks(timestamptz, timestamptz, boolean, int, boolean, timestamptz) IS
'Clocks of an incident with these properties: name, when it is due, where it comes from. Internal.';

CREATE VIEW hipaa_guard.incident_notices AS
    SELECT l.key::bigint AS notice, (l.body ->> 'incident')::bigint AS incident, l.body ->> 'clock' AS clock,
           l.body ->> 'recipient' AS recipient, l.body ->> 'method' AS method,
           (l.body ->> 'sent_at')::timestamptz AS sent_at, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'incident_notice';
COMMENT ON VIEW hipaa_guard.incident_notices IS 'Notices that were sent about incidents.';
COMMENT ON COLUMN hipaa_guard.incident_notices.notice IS 'Number, from 1.';
COMMENT ON COLUMN hipaa_guard.incident_notices.incident IS 'Number of the incident.';
COMMENT ON COLUMN hipaa_guard.incident_notices.clock IS 'Clock that it meets.';
COMMENT ON COLUMN hipaa_guard.incident_notices.recipient IS 'Who was told; a group, not a patient.';
COMMENT ON COLUMN hipaa_guard.incident_notices.method IS 'How: letter, e-mail, telephone, press release, HHS portal ...';
COMMENT ON COLUMN hipaa_guard.incident_notices.sent_at IS 'When.';
COMMENT ON COLUMN hipaa_guard.incident_notices.recorded_at IS 'When it was entered.';
COMMENT ON COLUMN hipaa_guard.incident_notices.recorded_by IS 'Session user who entered it.';

CREATE FUNCTION hipaa_guard.record_notice(incident bigint, clock text, recipient text, method text,
    sent_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    number bigint;
    sent timestamptz := coalesce(sent_at, now());
BEGIN
    clock := hipaa_guard.checked_word('clock', clock,
        ARRAY['immediate', 'vendor_incident', 'vendor_breach', 'individual', 'media', 'hhs', 'other']);
    IF NOT EXISTS (SELECT FROM hipaa_guard.incidents i WHERE i.incident = record_notice.incident) THEN
        RAISE EXCEPTION 'there is no such incident' USING ERRCODE = 'no_data_found';
    ELSIF sent > now() + interval '1 minute' OR NOT isfinite(sent) THEN
        RAISE EXCEPTION 'sent_at must not be in the future' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    number := hipaa_guard.ledger_next('incident_notice');
    PERFORM hipaa_guard.ledger_append('incident_notice', number::text, jsonb_build_object('incident', incident,
        'clock', clock, 'recipient', hipaa_guard.checked_text('recipient', recipient),
        'method', hipaa_guard.checked_text('method', method), 'sent_at', sent), ARRAY['recipient', 'method']);
    RETURN number;
END $$;
COMMENT ON FUNCTION hipaa_guard.record_notice(bigint, text, text, text, timestamptz) IS
'Records that a notice was sent (NULL: now) and which clock it meets; clock other meets none. Returns the number of the notice.';

CREATE VIEW hipaa_guard.incident_deadlines AS
    SELECT i.incident, c.clock, c.due_at, m.met_at, m.met_at IS NULL AND c.due_at < now() AS overdue,
           coalesce(m.met_at, now()) > c.due_at AND c.clock <> 'immediate' AS late, c.basis
      FROM hipaa_guard.incidents i
           CROSS JOIN LATERAL hipaa_guard.incident_clocks(i.discovered_at, i.reported_at, i.unsecured, i.individuals,
                                                          i.low_probability, i.delayed_until) AS c
           CROSS JOIN LATERAL (
               SELECT CASE WHEN c.clock = 'immediate' THEN i.reported_at ELSE min(n.sent_at) END AS met_at
                 FROM hipaa_guard.incident_notices n WHERE n.incident = i.incident AND n.clock = c.clock) AS m;
COMMENT ON VIEW hipaa_guard.incident_deadlines IS 'One row a clock of each incident.';
COMMENT ON COLUMN hipaa_guard.incident_deadlines.incident IS 'Number of the incident.';
COMMENT ON COLUMN hipaa_guard.incident_deadlines.clock IS
'immediate (met by the notification on report), vendor_incident (five business days), vendor_breach (30 days), '
'individual, media, hhs (60 days).';
COMMENT ON COLUMN hipaa_guard.incident_deadlines.due_at IS 'Last moment.';
COMMENT ON COLUMN hipaa_guard.incident_deadlines.met_at IS 'When the first notice for this clock was sent; NULL: none yet.';
COMMENT ON COLUMN hipaa_guard.incident_deadlines.overdue IS 'Due and not met.';
COMMENT ON COLUMN hipaa_guard.incident_deadlines.late IS 'Met too late, or overdue.';
COMMENT ON COLUMN hipaa_guard.incident_deadlines.basis IS 'Where the clock comes from (45 CFR).';

CREATE VIEW hipaa_guard.incident_actions AS
    SELECT l.key::bigint AS action, (l.body ->> 'incident')::bigint AS incident, l.body ->> 'what' AS what,
           l.body ->> 'owner' AS owner, (l.body ->> 'due_at')::timestamptz AS due_at,
           (l.body ->> 'done_at')::timestamptz AS done_at,
           NOT l.body ? 'done_at' AND (l.body ->> 'due_at')::timestamptz < now() AS overdue, l.recorded_at, l.recorded_by
      FROM hipaa_guard.ledger_latest l WHERE l.kind = 'incident_action';
COMMENT ON VIEW hipaa_guard.incident_actions IS 'Corrective actions (164.308(a)(6)(ii)).';
COMMENT ON COLUMN hipaa_guard.incident_actions.action IS 'Number, from 1.';
COMMENT ON COLUMN hipaa_guard.incident_actions.incident IS 'Number of the incident.';
COMMENT ON COLUMN hipaa_guard.incident_actions.what IS 'What is to be done.';
COMMENT ON COLUMN hipaa_guard.incident_actions.owner IS 'Who does it.';
COMMENT ON COLUMN hipaa_guard.incident_actions.due_at IS 'By when.';
COMMENT ON COLUMN hipaa_guard.incident_actions.done_at IS 'When it was done; NULL: not yet.';
COMMENT ON COLUMN hipaa_guard.incident_actions.overdue IS 'Due and not done.';
COMMENT ON COLUMN hipaa_guard.incident_actions.recorded_at IS 'When the latest entry was made.';
COMMENT ON COLUMN hipaa_guard.incident_actions.recorded_by IS 'Session user who made it.';

CREATE FUNCTION hipaa_guard.record_action(incident bigint, what text, owner text, due_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    number bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM hipaa_guard.incidents i WHERE i.incident = record_action.incident) THEN
        RAISE EXCEPTION 'there is no such incident' USING ERRCODE = 'no_data_found';
    ELSIF due_at IS NULL OR NOT isfinite(due_at) THEN
        RAISE EXCEPTION 'due_at must be a date' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    number := hipaa_guard.ledger_next('incident_action');
    PERFORM hipaa_guard.ledger_append('incident_action', number::text, jsonb_build_object('incident', incident,
        'what', hipaa_guard.checked_text('what', what), 'owner', hipaa_guard.checked_text('owner', owner),
        'due_at', due_at), ARRAY['what']);
    RETURN number;
END $$;
COMMENT ON FUNCTION hipaa_guard.record_action(bigint, text, text, timestamptz) IS
'Records a corrective action with its owner and date. Returns its number.';

CREATE FUNCTION hipaa_guard.complete_action(action bigint, done_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    state jsonb;
BEGIN
    LOCK TABLE hipaa_guard.ledger IN SHARE ROW EXCLUSIVE MODE;
    SELECT l.body INTO state FROM hipaa_guard.ledger_latest l
     WHERE l.kind = 'incident_action' AND l.key = action::text;
    IF state IS NULL THEN
        RAISE EXCEPTION 'there is no such action' USING ERRCODE = 'no_data_found';
    END IF;
    RETURN hipaa_guard.ledger_append('incident_action', action::text,
        state || jsonb_build_object('done_at', coalesce(done_at, now())));
END $$;
COMMENT ON FUNCTION hipaa_guard.complete_action(bigint, timestamptz) IS
'Records that a corrective action was done (NULL: now).';

CREATE FUNCTION hipaa_guard.incident_report(incident bigint, final boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = iso AS $$
DECLARE
    i hipaa_guard.incidents;
    zone text := hipaa_guard.site_time_zone();
    missing text[];
    page text;
BEGIN
    SELECT * INTO i FROM hipaa_guard.incidents x WHERE x.incident = incident_report.incident;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such incident' USING ERRCODE = 'no_data_found';
    END IF;
    SELECT array_agg(e) INTO missing FROM unnest(ARRAY['occurred_on', 'what_happened', 'phi_types',
        'protective_steps', 'response', 'contact_procedures']) AS e WHERE NOT i.everything ? e;
    IF final AND missing IS NOT NULL THEN
        RAISE EXCEPTION 'the report of incident % is not complete', i.incident
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('Missing: %s.', array_to_string(missing, ', ')),
                  HINT = 'Record each with hipaa_guard.describe_incident(incident, element, content).';
    END IF;
    page := format(E'# Incident %s: %s%s\n\nDiscovered %s, reported %s by %s. Unsecured PHI: %s. Individuals: %s.\n',
        i.incident, i.kind, CASE WHEN final THEN '' ELSE ' (draft)' END,
        to_char(i.discovered_at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI'),
        to_char(i.reported_at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI'), i.reported_by,
        CASE i.unsecured WHEN true THEN 'yes' WHEN false THEN 'no' ELSE 'not known, counts as yes' END,
        coalesce(i.individuals::text, 'not known, counts as 500 and more'));
    page := page || (
        SELECT string_agg(format(E'\n## %s\n\n%s\n', t.title, coalesce(i.everything ->> t.element,
                          '*missing: ' || t.element || '*')), '' ORDER BY t.n)
          FROM (VALUES (1, 'summary', 'Summary'), (2, 'occurred_on', 'Date of the breach'),
                       (3, 'what_happened', 'What happened (164.404(c)(1)(A))'),
                       (4, 'phi_types', 'Types of PHI involved (B)'),
                       (5, 'protective_steps', 'What individuals should do (C)'),
                       (6, 'response', 'What is being done (D)'),
                       (7, 'contact_procedures', 'Whom to ask (E)')) AS t (n, element, title));
    page := page || E'\n## Deadlines\n\n| clock | due | met | basis |\n|---|---|---|---|\n' || (
        SELECT string_agg(format(E'| %s | %s | %s | %s |\n', d.clock,
                          to_char(d.due_at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI'),
                          CASE WHEN d.overdue THEN 'OVERDUE' WHEN d.met_at IS NULL THEN 'open'
                               ELSE to_char(d.met_at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI') END, d.basis), ''
                          ORDER BY d.due_at, d.clock)
          FROM hipaa_guard.incident_deadlines d WHERE d.incident = i.incident);
    page := page || coalesce(E'\n## Corrective actions\n\n' || (
        SELECT string_agg(format(E'- %s (%s, due %s%s)\n', a.what, a.owner,
                          to_char(a.due_at AT TIME ZONE zone, 'YYYY-MM-DD'),
                          CASE WHEN a.done_at IS NOT NULL THEN ', done' WHEN a.overdue THEN ', OVERDUE' ELSE '' END), ''
                          ORDER BY a.action)
          FROM hipaa_guard.incident_actions a WHERE a.incident = i.incident), '');
    RETURN page;
END $$;
COMMENT ON FUNCTION hipaa_guard.incident_report(bigint, boolean) IS
'The incident as markdown with the content of 164.404(c)(1). final: error 55000 that lists what is missing, instead of a draft.';

REVOKE ALL ON hipaa_guard.site, hipaa_guard.site_holidays, hipaa_guard.incidents, hipaa_guard.incident_notices,
    hipaa_guard.incident_deadlines, hipaa_guard.incident_actions FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.set_site(text, text), hipaa_guard.site_time_zone(),
    hipaa_guard.add_holiday(date, text), hipaa_guard.is_business_day(date),
    hipaa_guard.after_business_days(timestamptz, int), hipaa_guard.after_days(timestamptz, int),
    hipaa_guard.change_incident(bigint, jsonb, text[]), hipaa_guard.describe_incident(bigint, text, text),
    hipaa_guard.update_incident(bigint, int, boolean),
    hipaa_guard.assess_incident(bigint, text, text, text, text, boolean, text),
    hipaa_guard.delay_incident(bigint, timestamptz, text), hipaa_guard.close_incident(bigint, text),
    hipaa_guard.incident_clocks(timestamptz, timestamptz, boolean, int, boolean, timestamptz),
    hipaa_guard.record_notice(bigint, text, text, text, timestamptz),
    hipaa_guard.record_action(bigint, text, text, timestamptz), hipaa_guard.complete_action(bigint, timestamptz),
    hipaa_guard.incident_report(bigint, boolean) FROM PUBLIC;
