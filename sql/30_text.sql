-- Goal: scan_text(), scan_identifier(), redact() and redact_sql() answer as interface.md says.
-- Method: texts of each kind, edges (NULL, empty, many findings, characters of several bytes), and
-- the masked text asked again for what was masked.
CREATE EXTENSION hipaa_guard;
SET search_path = hipaa_guard;

-- categories and positions; the text itself is never in the answer
SELECT category, start_position, length, confidence >= 0.8 AS refused
  FROM scan_text('call Mary Johnson at (212) 555-0143, ssn 123-45-6789, mail mary.johnson@example.org');
SELECT category, start_position, length, confidence >= 0.8 AS refused FROM scan_identifier('john_smith_123_45_6789');
SELECT count(*) FILTER (WHERE confidence >= 0.8) AS refused FROM scan_identifier('patient_visits_p20260101');
SELECT count(*) FROM scan_text('vacuum of table "public.visits": index scans: 1, pages: 0 removed, 90 remain');

-- names of categories are no values
SELECT n, count(s) FROM unnest('{ssn,date_of_birth,mrn,patient_name}'::text[]) n
  LEFT JOIN LATERAL scan_identifier(n) s ON true GROUP BY n ORDER BY n;

-- positions count characters, not bytes
SELECT category, start_position, length FROM scan_text('äöü ssn 123-45-6789');

-- edges
SELECT count(*) FROM scan_text(NULL);
SELECT count(*) FROM scan_text('');
SELECT count(*) FROM scan_identifier('');
SELECT redact(NULL) IS NULL AS null_stays, redact('') = '' AS empty_stays, redact_sql('') = '' AS empty_sql_stays;
SELECT count(*) FROM scan_text(repeat('ssn 123-45-6789, ', 1000));
SELECT count(*) FROM scan_text(repeat('1', 1000000));

-- masking takes the value and nothing else
SELECT redact('patient ssn 123-45-6789 was admitted');
SELECT redact('nothing to see here') = 'nothing to see here' AS untouched;
SELECT (SELECT count(*) FROM scan_text(m)) AS left_over, position('6789' IN m) AS at, m LIKE '%[phi:ssn], ' AS marked
  FROM redact(repeat('ssn 123-45-6789, ', 1000)) AS m;
SELECT redact_sql($$SELECT * FROM visits WHERE name = 'Mary Johnson' AND ssn = '123-45-6789' -- Mary$$);
SELECT redact_sql($$INSERT INTO t VALUES (E'it\'s', $q$dollar$q$, 'unterminated$$);
