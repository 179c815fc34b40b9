-- Checks of area META.  PHI in the catalogs: findings of scan_catalog(), and statistics that hold values.

INSERT INTO hipaa_guard.posture_check (id, severity, title, query, remedy, hipaa, cis, stig, other) VALUES
('META-01', 'critical', 'PHI-like value in an object name',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1,
    '^(object|table|column|index|sequence|view|constraint|schema|type|function|argument|' ||
    'trigger|policy|rule|publication|subscription|server|database|tablespace|role|extension, language or access method) name$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b); 164.514(b)(2)', NULL, NULL, 'Neon metadata rule'),
('META-02', 'critical', 'PHI-like value in a comment',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1, '^comment$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b); 164.514(b)(2)', NULL, NULL, 'Neon schema descriptions'),
('META-03', 'high', 'PHI-like value in a security label',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1, '^security label$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b)', NULL, 'V-261911', NULL),
('META-04', 'critical', 'PHI-like enum label',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1, '^enum label$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b)', NULL, NULL, NULL),
('META-05', 'high', 'PHI-like literal in a default, check, index predicate, policy or statistics expression',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1,
    '^(column default|check constraint|expression|index predicate|default of an added column|' ||
    'policy expression|argument default|aggregate initial value)$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b)', NULL, NULL, NULL),
('META-06', 'high', 'PHI-like literal in a view, rule or function body',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1,
    '^(function body|view definition|rule definition|trigger definition)$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b)', NULL, NULL, NULL),
('META-07', 'high', 'PHI-like partition bound',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1, '^partition bound$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b)', NULL, NULL, 'plain dates excluded: date-range partitions are normal'),
('META-08', 'high', 'PHI-like value in role/database settings or FDW options',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1,
    '^((setting|option|library|file) name|option|server option|storage parameter|connection string|' ||
    'tablespace location|setting value|role option|locale)$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b)', NULL, NULL, NULL),
('META-09', 'high', 'PHI-like value in application_name, prepared-transaction id or slot',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1,
    '^(application name|prepared transaction identifier|replication (slot|origin) name|' ||
    'text|literal|row of a system catalog)$')$$,
'COMMENT, RENAME or DROP so that the text is gone (SELECT * FROM hipaa_guard.scan_catalog() tells where it stands).',
'164.502(b)', NULL, NULL, NULL),
('META-10', 'medium', 'Planner statistics hold values of a PHI identifier column',
$$SELECT format('%s.%I', a.attrelid::regclass, a.attname), 'statistics target' FROM pg_attribute a JOIN
    pg_seclabel l ON l.provider = 'hipaa_guard' AND l.classoid = 'pg_class'::regclass AND l.objoid = a.attrelid
    AND l.objsubid = a.attnum AND l.label LIKE 'phi%' WHERE a.attstattarget IS DISTINCT FROM 0$$,
'ALTER TABLE name ALTER COLUMN column SET STATISTICS 0; ANALYZE name;',
'164.502(b)', NULL, NULL, NULL),
('META-11', 'medium', 'Extended statistics on a PHI table',
$$SELECT stxname::text, stxrelid::regclass FROM pg_statistic_ext WHERE stxrelid IN (SELECT relid FROM
    hipaa_guard.phi_relation)$$,
'DROP STATISTICS name;',
'164.502(b)', NULL, NULL, NULL),
('META-12', 'high', 'PHI-like text held by pg_stat_statements',
$$SELECT object, detail FROM hipaa_guard.catalog_finding($1, '^pg_stat_statements$')$$,
'SELECT pg_stat_statements_reset();',
'164.502(b)', NULL, NULL, NULL);

UPDATE hipaa_guard.posture_check SET applies = $$EXISTS (SELECT FROM hipaa_guard.phi_relation)$$
 WHERE id IN ('META-10', 'META-11');
UPDATE hipaa_guard.posture_check SET applies = $$current_setting('pg_stat_statements.track', true) IS NOT NULL$$
 WHERE id = 'META-12';
