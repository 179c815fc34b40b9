-- Goal: whoever meets an object of the extension finds out what it is, and no function of ours can be led astray.
-- Method: ask the catalogs of a fresh installation; each answer has to be empty.
CREATE EXTENSION hipaa_guard;

CREATE TEMP VIEW member AS
    SELECT classid, objid FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'hipaa_guard');

-- Functions without a comment.
SELECT objid::regprocedure AS function FROM member
    WHERE classid = 'pg_proc'::regclass AND obj_description(objid, 'pg_proc') IS NULL ORDER BY 1::text;

-- Functions that look names up where the caller says.
SELECT objid::regprocedure AS function FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid
    WHERE NOT coalesce(proconfig::text LIKE '%search_path=%', false)
        AND prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql')) ORDER BY 1::text;

-- Functions with their owner's rights that everyone may call: to report an incident, to agree to a deletion (it asks who
-- calls), and none else.
SELECT objid::regprocedure AS function FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid
    WHERE prosecdef AND has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1::text;

-- Tables and views without a comment.
SELECT objid::regclass AS relation FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND objid = c.oid
    WHERE relkind IN ('r', 'v', 'm', 'p') AND obj_description(objid, 'pg_class') IS NULL ORDER BY 1::text;

-- Columns without a comment.
SELECT objid::regclass AS relation, string_agg(attname, ', ' ORDER BY attnum) AS columns
    FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND objid = c.oid JOIN pg_attribute ON attrelid = c.oid
    WHERE relkind IN ('r', 'v', 'm', 'p') AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL
    GROUP BY 1 ORDER BY 1::text;

-- Tables that everyone may write to.
SELECT objid::regclass AS relation FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND objid = c.oid
    WHERE relkind IN ('r', 'v', 'm', 'p') AND has_table_privilege('public', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1::text;

-- Settings without a description, or without a unit where their value is a size or a time.
SELECT name FROM pg_settings WHERE name LIKE 'hipaa\_guard.%'
    AND (coalesce(short_desc, '') = '' OR (name ~ '(size|interval|timeout|idle)' AND vartype = 'integer' AND unit IS NULL)) ORDER BY 1;
SELECT count(*) > 20 AS there_are_settings FROM pg_settings WHERE name LIKE 'hipaa\_guard.%';
