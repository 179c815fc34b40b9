-- Goal: the report says what there is, in three formats, and whatever a name or a text holds stays text.
-- Method: plant markup in names and prose; look for it unescaped; compare the digest with the data.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
RESET client_min_messages;

CREATE TABLE "<script>alert(1)</script>" (ssn text, "`|*x*" text);
GRANT SELECT ON "<script>alert(1)</script>" TO PUBLIC;
SELECT hipaa_guard.report_incident('access', '<img src=x onerror=alert(2)> & "quotes" ''here'' | `code`', now(), true, 3);
SELECT hipaa_guard.set_site('organization', '</title><script>alert(3)</script>') > 0;
SELECT hipaa_guard.record_party('"><svg onload=alert(4)>', 'owner', E'two\nlines | and a bar') > 0;

CREATE TEMP TABLE report AS SELECT f AS format, hipaa_guard.compliance_report(f) AS page
  FROM unnest(ARRAY['json', 'markdown', 'html']) AS f;
SELECT format, page LIKE '%<script%' AS script, page LIKE '%<img%' AS img, page ~ '<svg on' AS svg FROM report
 WHERE format <> 'json' ORDER BY format;
SELECT format, length(page) > 10000 AS long, page LIKE '%this section failed%' AS failed FROM report ORDER BY format;

-- JSON: the sections, the digest.
SELECT s ->> 'section' AS section, json_typeof(s -> 'rows') IN ('array', 'null') AS rows
  FROM report, json_array_elements(page::json -> 'report' -> 'sections') AS s WHERE format = 'json';
SELECT format, substring(page FROM 'sha256=([0-9a-f]{64}) signature=') = encode(sha256(convert_to(substring(page FROM
  '^(.*)hipaa_guard receipt 1 '), 'UTF8')), 'hex') AS signed FROM report ORDER BY format;
SELECT page::json ->> 'sha256' = encode(sha256(convert_to((page::json -> 'report')::text, 'UTF8')), 'hex') AS digest_matches
  FROM report WHERE format = 'json';
SELECT s -> 'rows' -> 0 ->> 'incident' AS incident
  FROM report, json_array_elements(page::json -> 'report' -> 'sections') AS s WHERE format = 'json' AND s ->> 'section' = 'incidents';

-- HTML: asks for nothing, is whole, every chart has words.
SELECT page ~ '(src|href)="(https?:)?//' AS outside, page ~ '@import|url\(' AS imports,
       page LIKE '<!DOCTYPE html>%</html>_<!-- hipaa_guard receipt 1 % -->' AS whole,
       page LIKE '%prefers-color-scheme: dark%' AS dark, page LIKE '%@media print%' AS print,
       (SELECT count(*) FROM regexp_matches(page, '<svg ', 'g'))
       = (SELECT count(*) FROM regexp_matches(page, '<svg [^>]*role="img" aria-label="', 'g')) AS described
  FROM report WHERE format = 'html';
SELECT tag, (length(page) - length(replace(page, '<' || tag, ''))) / (length(tag) + 1)
            = (length(page) - length(replace(page, '</' || tag || '>', ''))) / (length(tag) + 3) AS balanced
  FROM report, unnest(ARRAY['section', 'table', 'svg ', 'details', 'ul', 'tbody']) AS u (tag) WHERE format = 'html' AND tag <> 'svg ';

-- Markdown: a table row is one line.
SELECT bool_and(line ~ ' \|$') FROM report, regexp_split_to_table(page, '\n') AS line WHERE format = 'markdown' AND line LIKE '| %';

-- Odd input; a hostile session changes nothing but the clock.
SELECT hipaa_guard.compliance_report('pdf');
SELECT hipaa_guard.compliance_report(NULL);
SELECT hipaa_guard.compliance_report('json', now(), now() - interval '1 day');
SELECT hipaa_guard.compliance_report('json', '-infinity', now());
SET search_path = pg_temp;
CREATE TEMP TABLE pg_class (oid oid);
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET DateStyle = 'German';
SET bytea_output = 'escape';
SELECT hipaa_guard.compliance_report('html') LIKE '%this section failed%' AS failed;
SELECT hipaa_guard.compliance_report('markdown') LIKE '%</script%' AS script;
RESET ALL;
SELECT hipaa_guard.escape_html('<a href="x">&''</a>'), hipaa_guard.escape_html(NULL), hipaa_guard.escape_html('');
