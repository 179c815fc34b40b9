-- compliance_report(): what this server can show, as JSON, markdown, or one self-contained HTML page.
--
-- report_section lists the sections: a query each, run one by one, so that a part that fails
-- leaves a note and not an aborted report. The three formats render the same JSON, and end in a line signed
-- by the key of the audit trail. Prose that
-- people typed passes redact(); everything is escaped. Times are UTC.

CREATE TABLE hipaa_guard.report_section (
    section text PRIMARY KEY,
    position int NOT NULL UNIQUE,
    title text NOT NULL,
    note text NOT NULL DEFAULT '',
    query text NOT NULL
);
COMMENT ON TABLE hipaa_guard.report_section IS 'Sections of compliance_report(), as data.';
COMMENT ON COLUMN hipaa_guard.report_section.section IS 'Key in the JSON.';
COMMENT ON COLUMN hipaa_guard.report_section.position IS 'Order.';
COMMENT ON COLUMN hipaa_guard.report_section.title IS 'Heading.';
COMMENT ON COLUMN hipaa_guard.report_section.note IS 'A sentence under the heading.';
COMMENT ON COLUMN hipaa_guard.report_section.query IS
'SELECT; $1 and $2 are begin and end of the time, $3 the rows of posture() as jsonb.';

INSERT INTO hipaa_guard.report_section (section, position, title, note, query) VALUES
('server', 10, 'Server', '', $$
    SELECT current_database() AS database, current_setting('server_version') AS postgresql,
           (SELECT extversion FROM pg_extension WHERE extname = 'hipaa_guard') AS extension,
           hipaa_guard.library_version() AS library, s.system_identifier::text
      FROM pg_control_system() AS s$$),
('project', 20, 'HIPAA project', 'The flag of this database. It cannot be taken back.', $$
    SELECT * FROM hipaa_guard.project$$),
('agreements', 30, 'Business associate agreements', 'The latest record of each.', $$
    SELECT a.reference, a.counterparty, a.signed_on, a.expires_on, a.retention,
           coalesce(nullif(hipaa_guard.baa_problem(a.reference), ''), 'in force') AS state
      FROM hipaa_guard.agreements AS a ORDER BY a.reference COLLATE "C"$$),
('summary', 40, 'Posture by area', 'Number of checks by area and status.', $$
    SELECT a.area, a.about, count(*) FILTER (WHERE c.status = 'pass') AS pass,
           count(*) FILTER (WHERE c.status = 'fail') AS fail, count(*) FILTER (WHERE c.status = 'attested') AS attested,
           count(*) FILTER (WHERE c.status = 'accepted') AS accepted,
           count(*) FILTER (WHERE c.status = 'not_applicable') AS not_applicable,
           count(*) FILTER (WHERE c.status = 'error') AS error
      FROM jsonb_to_recordset($3) AS c (area text, status text) JOIN hipaa_guard.posture_area AS a USING (area)
     GROUP BY a.area ORDER BY a.position$$),
('attention', 50, 'Needs attention', 'Checks that fail or could not run, the gravest first, each with its remedy.', $$
    SELECT id, severity, title, status, findings, evidence, remedy, hipaa
      FROM jsonb_to_recordset($3) AS c (id text, severity text, title text, status text, findings bigint, evidence text,
                                        remedy text, hipaa text)
     WHERE status IN ('fail', 'error')
     ORDER BY array_position('{critical,high,medium,low}', severity), id COLLATE "C"$$),
('volume', 60, 'Audit events by day', 'Events of this database and of the cluster.', $$
    SELECT to_char(a.recorded_at, 'YYYY-MM-DD') AS day, a.class, count(*) AS events,
           count(*) FILTER (WHERE a.outcome = 'failure') AS failures, count(*) FILTER (WHERE a.phi) AS phi
      FROM hipaa_guard.audit_read($1, $2) AS a WHERE coalesce(a.database_name, '') IN ('', current_database())
     GROUP BY 1, 2 ORDER BY 1, 2$$),
('losses', 70, 'Losses', 'Events that were lost, each one counted. No row: none.', $$
    SELECT g.first_seq, g.last_seq, g.lost, g.lost_by_class, g.reason, g.began_at, g.ended_at
      FROM hipaa_guard.audit_gaps AS g WHERE g.ended_at >= $1 AND g.began_at < $2 ORDER BY g.first_seq$$),
('writer', 80, 'State of the audit trail', '', $$
    SELECT generated, written, dropped, in_ring, segments, bytes_on_disk, oldest_at, last_flush_at, last_checkpoint_at
      FROM hipaa_guard.stat_audit$$),
('verification', 90, 'Verification of the audit trail', 'Chain, order and signatures, recomputed for this report.', $$
    SELECT ok, events, first_seq, last_seq, gaps, lost, problem FROM hipaa_guard.audit_verify()$$),
('refusals', 100, 'Refusals', 'What the guard did not let happen.', $$
    SELECT a.sqlstate, a.command_tag, a.class, count(*) AS times, max(a.recorded_at) AS latest
      FROM hipaa_guard.audit_read($1, $2) AS a
     WHERE a.outcome = 'refused' AND coalesce(a.database_name, '') IN ('', current_database())
     GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2 LIMIT 100$$),
('incidents', 110, 'Incidents', 'All that are open, and those of the time of this report.', $$
    SELECT incident, kind, hipaa_guard.redact(summary) AS summary, discovered_at, reported_by, unsecured, individuals,
           low_probability, closed_at
      FROM hipaa_guard.incidents WHERE closed_at IS NULL OR (reported_at >= $1 AND reported_at < $2) ORDER BY incident$$),
('deadlines', 120, 'Deadlines of incidents', '', $$
    SELECT d.incident, d.clock, d.due_at, d.met_at, d.overdue, d.late, d.basis
      FROM hipaa_guard.incident_deadlines AS d JOIN hipaa_guard.incidents AS i USING (incident)
     WHERE i.closed_at IS NULL OR d.overdue OR (i.reported_at >= $1 AND i.reported_at < $2)
     ORDER BY d.incident, d.due_at, d.clock$$),
('requests', 130, 'Requests of individuals', 'Open ones, and those of the time of this report.', $$
    SELECT request, kind, received_at, due_at, closed_at, overdue FROM hipaa_guard.phi_requests
     WHERE closed_at IS NULL OR (received_at >= $1 AND received_at < $2) ORDER BY request$$),
('exemptions', 140, 'Exemptions', 'Features that were opened for a time: those in force, and those of the time of this report.', $$
    SELECT feature, scope, hipaa_guard.redact(reason) AS reason, granted_by, granted_at, expires_at, in_force
      FROM hipaa_guard.exemptions WHERE in_force OR expires_at >= $1 ORDER BY id$$),
('emergencies', 150, 'Emergency access', '', $$
    SELECT id, hipaa_guard.redact(reason) AS reason, session_user_name, started_at, ends_at, reviewed_at, reviewed_by
      FROM hipaa_guard.emergency_access WHERE reviewed_at IS NULL OR started_at >= $1 ORDER BY id$$),
('accepted_risks', 160, 'Accepted risks', '', $$
    SELECT check_id, hipaa_guard.redact(reason) AS reason, evidence, expires_at, recorded_by, expires_at > now() AS in_force
      FROM hipaa_guard.accepted_risks ORDER BY check_id COLLATE "C"$$),
('attestations', 170, 'Attestations', 'What people vouch for, and where the proof is.', $$
    SELECT topic, attested_by, hipaa_guard.redact(evidence) AS evidence, recorded_at, expires_at, expires_at > now() AS in_force
      FROM hipaa_guard.attestations ORDER BY topic COLLATE "C"$$),
('parties', 180, 'Parties', '', $$
    SELECT name, role, hipaa_guard.redact(description) AS description FROM hipaa_guard.parties ORDER BY name COLLATE "C"$$),
('contacts', 190, 'Contacts', '', $$
    SELECT purpose, name, email, phone FROM hipaa_guard.contacts ORDER BY purpose$$),
('subcontractors', 200, 'Subcontractors', '', $$
    SELECT name, service, handles_phi, baa_reference, baa_signed_on, baa_expires_on, ended_at
      FROM hipaa_guard.subcontractors ORDER BY name COLLATE "C"$$),
('stores', 210, 'Stores', 'Where copies of PHI lie outside this database.', $$
    SELECT name, kind, owner, baa_reference, dedicated, encrypted, holds_history, ended_at, hipaa_guard.redact(disposal) AS disposal
      FROM hipaa_guard.stores ORDER BY name COLLATE "C"$$),
('retention', 220, 'Retention', '', $$
    SELECT what, period, basis FROM hipaa_guard.retention ORDER BY what COLLATE "C"$$),
('responsibility', 230, 'Shared responsibility', 'Who answers for what, and what this server can show for it.', $$
    SELECT area, customer, vendor, basis, status, evidence FROM hipaa_guard.responsibility_evidence($3)$$),
('publications', 240, 'Publications of PHI', 'What leaves through logical replication.', $$
    SELECT * FROM hipaa_guard.publication_report()$$),
('ledger', 250, 'Ledger of registers', 'Numbers and chain of all entries, recomputed for this report.', $$
    SELECT * FROM hipaa_guard.ledger_verify()$$),
('checks', 260, 'All checks', '', $$
    SELECT c ->> 'id' AS id, c ->> 'severity' AS severity, c ->> 'title' AS title, c ->> 'status' AS status,
           (c ->> 'findings')::bigint AS findings, c ->> 'evidence' AS evidence, c ->> 'hipaa' AS hipaa, c ->> 'cis' AS cis,
           c ->> 'stig' AS stig
      FROM jsonb_array_elements($3) WITH ORDINALITY AS e (c, n) ORDER BY n$$);

CREATE FUNCTION hipaa_guard.report_rows(s hipaa_guard.report_section, since timestamptz, until timestamptz, checks jsonb)
RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result json;
BEGIN
    -- json, not jsonb: the order of the columns is that of the query.
    EXECUTE format('SELECT coalesce(json_agg(r), ''[]'') FROM (%s) AS r', s.query) INTO result USING since, until, checks;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN json_build_array(json_build_object('error', 'this section failed with SQLSTATE ' || SQLSTATE));
END $$;
COMMENT ON FUNCTION hipaa_guard.report_rows(hipaa_guard.report_section, timestamptz, timestamptz, jsonb) IS
'Rows of a section as a JSON array; one that says so if it fails. Internal.';

CREATE FUNCTION hipaa_guard.report_data(since timestamptz, until timestamptz) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    checks jsonb := (SELECT jsonb_agg(p) FROM hipaa_guard.posture() AS p);
BEGIN
    RETURN json_build_object('hipaa_guard_report', 1, 'generated_at', clock_timestamp(), 'since', since, 'until', until,
        'organization', (SELECT value FROM hipaa_guard.site WHERE name = 'organization'),
        'disclaimer', 'This report shows evidence that a database server can give. It is no certification: '
                      'policies, people and buildings are outside of its sight.',
        'sections', (SELECT json_agg(json_build_object('section', s.section, 'title', s.title, 'note', s.note,
                                                       'rows', hipaa_guard.report_rows(s, since, until, checks))
                                     ORDER BY s.position)
                       FROM hipaa_guard.report_section AS s));
END $$;
COMMENT ON FUNCTION hipaa_guard.report_data(timestamptz, timestamptz) IS 'All sections as JSON. Internal.';

CREATE FUNCTION hipaa_guard.escape_html(content text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT replace(replace(replace(replace(replace(content, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'),
                   '''', '&#39;')
$$;
COMMENT ON FUNCTION hipaa_guard.escape_html(text) IS 'The text with & < > " and '' as HTML entities. NULL gives NULL. Internal.';

CREATE FUNCTION hipaa_guard.report_signed() RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'The end of this file is a signature of all that stands before it, by the key of the audit trail: hipaa_guard_verify '
           'DIRECTORY --key KEY --receipt FILE.'::text
$$;
COMMENT ON FUNCTION hipaa_guard.report_signed() IS 'What a report says of its signature. Internal.';

CREATE FUNCTION hipaa_guard.report_cell(content json) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $$
    SELECT CASE json_typeof(content)
           WHEN 'null' THEN '' WHEN 'boolean' THEN CASE content::text WHEN 'true' THEN 'yes' ELSE 'no' END
           WHEN 'string' THEN regexp_replace(content #>> '{}',
               '^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)$', '\1 \2')
           ELSE content::text END
$$;
COMMENT ON FUNCTION hipaa_guard.report_cell(json) IS
'A JSON value as people read it: nothing for null, yes and no, times to the second. Internal.';

CREATE FUNCTION hipaa_guard.report_heads(rows json) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT json_object_keys(rows -> 0)
$$;
COMMENT ON FUNCTION hipaa_guard.report_heads(json) IS 'Names of the columns of an array of rows. Internal.';

-- Markdown -------------------------------------------------------------------

CREATE FUNCTION hipaa_guard.escape_markdown(content text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $$
    SELECT replace(replace(replace(regexp_replace(regexp_replace(content, '([\\`*_\[\]|~])', '\\\1', 'g'), '\s+', ' ', 'g'),
                                   '&', '&amp;'), '<', '&lt;'), '>', '&gt;')
$$;
COMMENT ON FUNCTION hipaa_guard.escape_markdown(text) IS
'The text on one line with everything that markdown or HTML would read as a sign escaped. Internal.';

CREATE FUNCTION hipaa_guard.report_markdown(data json, digest text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $$
DECLARE
    page text;
    s json;
    heads text[];
BEGIN
    page := format(E'# HIPAA compliance report%s\n\nFrom %s to %s, made %s. All times are UTC.\n\n%s\n',
        coalesce(': ' || hipaa_guard.escape_markdown(data ->> 'organization'), ''), hipaa_guard.report_cell(data -> 'since'),
        hipaa_guard.report_cell(data -> 'until'), hipaa_guard.report_cell(data -> 'generated_at'), data ->> 'disclaimer');
    FOR s IN SELECT json_array_elements(data -> 'sections') LOOP
        page := page || format(E'\n## %s\n', s ->> 'title') || coalesce(format(E'\n%s\n', nullif(s ->> 'note', '')), '');
        IF json_array_length(s -> 'rows') = 0 THEN
            page := page || E'\nNone.\n';
        ELSE
            heads := ARRAY(SELECT hipaa_guard.report_heads(s -> 'rows'));
            page := page || format(E'\n| %s |\n|%s\n', array_to_string(heads, ' | '), repeat('---|', cardinality(heads)))
                || (SELECT string_agg(format(E'| %s |\n', (
                        SELECT string_agg(hipaa_guard.escape_markdown(hipaa_guard.report_cell(r.row -> h)), ' | ' ORDER BY k)
                          FROM unnest(heads) WITH ORDINALITY AS u (h, k))), '' ORDER BY r.n)
                      FROM json_array_elements(s -> 'rows') WITH ORDINALITY AS r (row, n));
        END IF;
    END LOOP;
    RETURN page || format(E'\n---\n\nSHA-256 of the data of this report: `%s`. %s\n', digest, hipaa_guard.report_signed());
END $$;
COMMENT ON FUNCTION hipaa_guard.report_markdown(json, text) IS 'The report as markdown. Internal.';

-- HTML -----------------------------------------------------------------------

CREATE FUNCTION hipaa_guard.report_style() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT $css$
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1d21; --soft: #565d66; --line: #d5d9de; --panel: #f5f6f8;
  --pass: #1f7a3f; --fail: #b3261e; --attested: #1b5fa8; --accepted: #7a5b00; --not_applicable: #5f6670; --error: #8b1a5c; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --ink: #e8eaed; --soft: #a9b1ba; --line: #3a4047; --panel: #1d2125;
    --pass: #6fcf8e; --fail: #ff8a80; --attested: #8ab8f0; --accepted: #e0b84c; --not_applicable: #a9b1ba; --error: #f08bc3; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 78rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .3rem; }
p { max-width: 46rem; } .note { color: var(--soft); margin: 0 0 .6rem; }
nav ul { columns: 16rem; padding-left: 1.2rem; } a { color: var(--attested); }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; word-break: normal; } td { max-width: 26rem; overflow-wrap: break-word; }
th { background: var(--panel); white-space: nowrap; } tr:last-child td { border-bottom: 0; }
.status { font-weight: 600; white-space: nowrap; }
.pass { color: var(--pass); fill: var(--pass); } .fail, .critical { color: var(--fail); fill: var(--fail); }
.attested { color: var(--attested); fill: var(--attested); } .accepted { color: var(--accepted); fill: var(--accepted); }
.not_applicable { color: var(--not_applicable); fill: var(--not_applicable); } .error { color: var(--error); fill: var(--error); }
.event { fill: var(--attested); } svg { width: 100%; max-width: 34rem; height: auto; display: block; margin: .5rem 0; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.glance { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem; }
.glance li { background: var(--panel); border-left: .3rem solid currentColor; border-radius: .4rem; padding: .5rem .8rem; }
.glance b { display: block; font-size: 1.5rem; line-height: 1.3; } .glance span { color: var(--ink); font-size: .88rem; }
.list tr:last-child th { border-bottom: 0; }
.list th { width: 14rem; background: none; color: var(--soft); font-weight: 400; white-space: normal; }
.legend span { margin-right: 1rem; white-space: nowrap; }
code { font-size: .85em; } footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--soft); }
summary { cursor: pointer; padding: .4rem 0; }
@media (max-width: 30rem) { .list th { width: 9rem; } h1 { font-size: 1.35rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; border: 0; } nav { display: none; }
  h2 { break-after: avoid; } tr, svg { break-inside: avoid; } }
$css$
$$;
COMMENT ON FUNCTION hipaa_guard.report_style() IS 'Style sheet of the HTML report. Internal.';

CREATE FUNCTION hipaa_guard.report_table(rows json) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    heads text[] := ARRAY(SELECT hipaa_guard.report_heads(rows));
BEGIN
    -- One row of many columns reads better as a list, above all on a telephone.
    IF json_array_length(rows) = 1 AND cardinality(heads) > 3 THEN
        RETURN format('<div class="wide"><table class="list"><tbody>%s</tbody></table></div>', (
            SELECT string_agg(format('<tr><th scope="row">%s</th><td>%s</td></tr>', hipaa_guard.escape_html(replace(h, '_', ' ')),
                       hipaa_guard.escape_html(hipaa_guard.report_cell(rows -> 0 -> h))), '' ORDER BY k)
              FROM unnest(heads) WITH ORDINALITY AS u (h, k)));
    END IF;
    RETURN format('<div class="wide" tabindex="0"><table><thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>',
        (SELECT string_agg(format('<th scope="col">%s</th>', hipaa_guard.escape_html(replace(h, '_', ' '))), '' ORDER BY k)
           FROM unnest(heads) WITH ORDINALITY AS u (h, k)),
        (SELECT string_agg(format('<tr>%s</tr>', (
                    SELECT string_agg(format('<td%s>%s</td>',
                               CASE WHEN h IN ('status', 'severity') THEN format(' class="status %s"',
                                    hipaa_guard.escape_html(r.row ->> h)) ELSE '' END,
                               hipaa_guard.escape_html(hipaa_guard.report_cell(r.row -> h))), '' ORDER BY k)
                      FROM unnest(heads) WITH ORDINALITY AS u (h, k))), '' ORDER BY r.n)
           FROM json_array_elements(rows) WITH ORDINALITY AS r (row, n)));
END $$;
COMMENT ON FUNCTION hipaa_guard.report_table(json) IS 'Rows as an HTML table. Internal.';

-- One bar an area, one part a status; the table below it says the same in words.
CREATE FUNCTION hipaa_guard.report_posture_chart(rows json) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH part AS (
        SELECT r.n, r.row ->> 'area' AS area, k.k, k.status, (r.row ->> k.status)::int AS count
          FROM json_array_elements(rows) WITH ORDINALITY AS r (row, n),
               unnest(ARRAY['fail', 'error', 'accepted', 'attested', 'pass', 'not_applicable']) WITH ORDINALITY AS k (status, k)),
    placed AS (
        SELECT p.*, coalesce(sum(count) OVER (PARTITION BY n ORDER BY k ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS before, max(total) OVER () AS widest
          FROM (SELECT q.*, sum(count) OVER (PARTITION BY n) AS total FROM part AS q) AS p)
    SELECT format('<svg viewBox="0 0 400 %s" role="img" aria-label="Checks by area and status; the table below has the '
                  'figures">%s</svg><p class="legend">%s</p>', max(n) * 22 + 4,
        string_agg(CASE WHEN k = 1 THEN format('<text x="0" y="%s">%s</text>', n * 22 - 6, hipaa_guard.escape_html(area))
                        ELSE '' END
                   || CASE WHEN count > 0 THEN format(
                        '<rect class="%s" x="%s" y="%s" width="%s" height="15"><title>%s %s: %s</title></rect>', status,
                        round(52 + 346 * before / widest, 1), n * 22 - 18, round(346 * count / widest, 1),
                        hipaa_guard.escape_html(area), replace(status, '_', ' '), count) ELSE '' END, '' ORDER BY n, k),
        (SELECT string_agg(format('<span class="%s">&#9632; %s</span>', s, replace(s, '_', ' ')), ' ')
           FROM unnest(ARRAY['fail', 'error', 'accepted', 'attested', 'pass', 'not_applicable']) AS s))
      FROM placed
$$;
COMMENT ON FUNCTION hipaa_guard.report_posture_chart(json) IS 'Stacked bars of section summary as inline SVG. Internal.';

CREATE FUNCTION hipaa_guard.report_volume_chart(rows json) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH day AS (
        SELECT r ->> 'day' AS day, sum((r ->> 'events')::numeric) AS events FROM json_array_elements(rows) AS r GROUP BY 1),
    placed AS (
        SELECT day, events, row_number() OVER (ORDER BY day) - 1 AS n, count(*) OVER () AS days, max(events) OVER () AS most
          FROM day)
    SELECT format('<svg viewBox="0 0 400 180" role="img" aria-label="Audit events by day, at most %s; the table below has '
                  'the figures">%s<text x="0" y="176">%s</text><text x="398" y="176" text-anchor="end">%s</text></svg>',
        max(most),
        string_agg(format('<rect class="event" x="%s" y="%s" width="%s" height="%s"><title>%s: %s</title></rect>',
            round(398.0 * n / days, 1), round(155 - 150 * events / most, 1), round(greatest(398.0 / days - 2, 1), 1),
            round(greatest(150 * events / most, 1), 1), hipaa_guard.escape_html(day), events), '' ORDER BY n),
        hipaa_guard.escape_html(min(day)), hipaa_guard.escape_html(CASE WHEN max(days) > 1 THEN max(day) ELSE '' END))
      FROM placed
$$;
COMMENT ON FUNCTION hipaa_guard.report_volume_chart(json) IS 'Bars of section volume as inline SVG. Internal.';

-- What somebody who has a minute reads.
CREATE FUNCTION hipaa_guard.report_glance(data json) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH row (section, r) AS (
        SELECT s ->> 'section', e FROM json_array_elements(data -> 'sections') AS s, json_array_elements(s -> 'rows') AS e),
    figure (n, number, label, good) AS (
        SELECT 1, count(*), 'critical checks fail', count(*) = 0 FROM row WHERE section = 'attention' AND r ->> 'severity' = 'critical'
        UNION ALL SELECT 2, count(*), 'checks need attention', count(*) = 0 FROM row WHERE section = 'attention'
        UNION ALL SELECT 3, coalesce(sum((r ->> 'pass')::int + (r ->> 'attested')::int), 0), 'checks pass or are attested', true
          FROM row WHERE section = 'summary'
        UNION ALL SELECT 4, count(*), 'deadlines of incidents are overdue', count(*) = 0
          FROM row WHERE section = 'deadlines' AND r ->> 'overdue' = 'true'
        UNION ALL SELECT 5, coalesce(sum((r ->> 'lost')::numeric), 0), 'audit events were lost', count(*) = 0
          FROM row WHERE section = 'losses'
        UNION ALL SELECT 6, max((r ->> 'events')::numeric), CASE WHEN bool_and((r ->> 'ok')::boolean) THEN 'audit events verify'
               ELSE 'audit events do NOT verify' END, bool_and((r ->> 'ok')::boolean) FROM row WHERE section = 'verification')
    SELECT format('<ul class="glance" aria-label="At a glance">%s</ul>', string_agg(format('<li class="%s"><b>%s</b><span>%s</span></li>',
        CASE WHEN good THEN 'pass' ELSE 'fail' END, coalesce(number::text, '?'), hipaa_guard.escape_html(label)), '' ORDER BY n))
      FROM figure
$$;
COMMENT ON FUNCTION hipaa_guard.report_glance(json) IS 'The figures at the top of the HTML report. Internal.';

CREATE FUNCTION hipaa_guard.report_html_section(s json) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := s ->> 'section';
    body text;
BEGIN
    IF json_array_length(s -> 'rows') = 0 THEN
        body := '<p>None.</p>';
    ELSE
        body := hipaa_guard.report_table(s -> 'rows');
        IF (s -> 'rows' -> 0) ->> 'error' LIKE 'this section failed%' THEN
            NULL;
        ELSIF name = 'summary' THEN
            body := hipaa_guard.report_posture_chart(s -> 'rows') || body;
        ELSIF name = 'volume' THEN
            body := hipaa_guard.report_volume_chart(s -> 'rows') || body;
        ELSIF name = 'checks' THEN
            body := format('<details><summary>Show all %s checks</summary>%s</details>',
                           json_array_length(s -> 'rows'), body);
        END IF;
    END IF;
    RETURN format(E'<section id="%s"><h2>%s</h2><p class="note">%s</p>%s</section>\n', hipaa_guard.escape_html(name),
        hipaa_guard.escape_html(s ->> 'title'), hipaa_guard.escape_html(s ->> 'note'), body);
END $$;
COMMENT ON FUNCTION hipaa_guard.report_html_section(json) IS 'A section as HTML. Internal.';

CREATE FUNCTION hipaa_guard.report_html(data json, digest text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    title text := 'HIPAA compliance report' || coalesce(': ' || (data ->> 'organization'), '');
BEGIN
    RETURN format(E'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''; img-src data:">\n'
        '<link rel="icon" href="data:,">\n<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n<header><h1>%s</h1>\n'
        '<p>From %s to %s, made %s. All times are UTC.</p>\n%s\n<p class="note">%s</p></header>\n'
        '<nav aria-label="Sections"><ul>%s</ul></nav>\n'
        '<main>\n%s</main>\n<footer><p>SHA-256 of the data of this report: <code>%s</code></p><p>%s</p></footer>\n</body>\n</html>\n',
        hipaa_guard.escape_html(title), hipaa_guard.report_style(), hipaa_guard.escape_html(title),
        hipaa_guard.report_cell(data -> 'since'), hipaa_guard.report_cell(data -> 'until'),
        hipaa_guard.report_cell(data -> 'generated_at'), hipaa_guard.report_glance(data),
        hipaa_guard.escape_html(data ->> 'disclaimer'),
        (SELECT string_agg(format('<li><a href="#%s">%s</a></li>', hipaa_guard.escape_html(s ->> 'section'),
                                  hipaa_guard.escape_html(s ->> 'title')), '')
           FROM json_array_elements(data -> 'sections') AS s),
        (SELECT string_agg(hipaa_guard.report_html_section(s), '') FROM json_array_elements(data -> 'sections') AS s), digest,
        hipaa_guard.report_signed());
END $$;
COMMENT ON FUNCTION hipaa_guard.report_html(json, text) IS 'The report as one HTML page that asks for nothing from outside. Internal.';

-- The digests go into the trail as well, under its next checkpoint: whoever holds the report, the trail and
-- its public key can tell that this is the report that was made then.
CREATE FUNCTION hipaa_guard.compliance_report(format text DEFAULT 'json', since timestamptz DEFAULT NULL,
    until timestamptz DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on SET timezone = 'UTC' SET datestyle = 'iso, ymd'
SET intervalstyle = postgres SET quote_all_identifiers = off SET extra_float_digits = 1 AS $$
DECLARE
    kind text := hipaa_guard.checked_word('format', format, ARRAY['json', 'markdown', 'html']);
    ends timestamptz := coalesce(until, now());
    begins timestamptz := coalesce(since, coalesce(until, now()) - interval '30 days');
    data json;
    digest text;
    page text;
    receipt text;
BEGIN
    IF NOT isfinite(begins) OR NOT isfinite(ends) OR begins >= ends THEN
        RAISE EXCEPTION 'since must be before until, and both finite' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    data := hipaa_guard.report_data(begins, ends);
    digest := encode(sha256(convert_to(data::text, getdatabaseencoding())), 'hex');
    page := CASE kind WHEN 'html' THEN hipaa_guard.report_html(data, digest) || '<!-- '
                      WHEN 'markdown' THEN hipaa_guard.report_markdown(data, digest) || E'\n<!-- '
                      ELSE rtrim(json_build_object('report', data, 'sha256', digest)::text, '}') || ', "receipt" : "' END;
    -- What is signed are the bytes of a file in UTF-8, as hipaa_guard_report writes it.
    receipt := hipaa_guard.report_receipt(convert_to(page, 'UTF8'), begins, ends);
    PERFORM hipaa_guard.record_event('guard', 'COMPLIANCE REPORT', 'report', kind, 'sha256 ' || digest
                                     || CASE WHEN receipt IS NULL THEN ', not signed' ELSE ', signed' END);
    RETURN page || coalesce(receipt, 'not signed: there is no audit trail with a key')
           || CASE kind WHEN 'json' THEN '"}' ELSE ' -->' END;
END $$;
COMMENT ON FUNCTION hipaa_guard.compliance_report(text, timestamptz, timestamptz) IS
'What this server can show for the time from since (default: 30 days before until) to until (default: now), as json, '
'markdown or html, signed by the key of the audit trail, which also gets its digests. Error 22023 for another format '
'or an empty time.';

REVOKE ALL ON hipaa_guard.report_section FROM PUBLIC;
REVOKE ALL ON FUNCTION hipaa_guard.report_rows(hipaa_guard.report_section, timestamptz, timestamptz, jsonb),
    hipaa_guard.report_data(timestamptz, timestamptz), hipaa_guard.report_signed(), hipaa_guard.escape_html(text),
    hipaa_guard.report_cell(json),
    hipaa_guard.report_heads(json), hipaa_guard.escape_markdown(text), hipaa_guard.report_markdown(json, text),
    hipaa_guard.report_style(), hipaa_guard.report_table(json), hipaa_guard.report_posture_chart(json),
    hipaa_guard.report_volume_chart(json), hipaa_guard.report_glance(json), hipaa_guard.report_html_section(json),
    hipaa_guard.report_html(json, text),
    hipaa_guard.compliance_report(text, timestamptz, timestamptz) FROM PUBLIC;
