-- Goal: the side doors to data are in the trail one by one: catalogs that show data or secrets, functions that reach files, large
-- objects, other sessions. COPY is told with its rows, parallel workers tell nothing twice, a transaction's end is told with
-- the number that its events have, and what changes the auditing is told before it does.
-- Method: each door is opened once, with a name of its own in the statement; what audit_log has of it.
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
SET hipaa_guard.audit_unflagged = on;

-- Catalogs: those of the table of side doors.
CREATE TABLE doors (name text);
INSERT INTO doors VALUES ('pg_stats'), ('pg_statistic'), ('pg_stats_ext'), ('pg_stats_ext_exprs'), ('pg_statistic_ext_data'),
    ('pg_authid'), ('pg_shadow'), ('pg_user_mapping'), ('pg_user_mappings'), ('pg_stat_activity'), ('pg_stat_replication'),
    ('pg_stat_subscription'), ('pg_subscription'), ('pg_largeobject'), ('pg_hba_file_rules'), ('pg_ident_file_mappings'),
    ('pg_file_settings'), ('pg_prepared_statements'), ('pg_cursors');
DO $$
DECLARE
    door text;
BEGIN
    FOR door IN SELECT name FROM doors LOOP
        EXECUTE format('SELECT count(*) AS door FROM pg_catalog.%I', door);
    END LOOP;
END
$$;
SELECT hipaa_guard.audit_flush();
SELECT name AS not_told FROM doors WHERE NOT EXISTS (SELECT FROM hipaa_guard.audit_log l
    WHERE l.class = 'read' AND l.schema_name = 'pg_catalog' AND l.object_name = name AND l.statement LIKE '% AS door %'
        AND l.detail ~ 'nested in statement \d+$');
-- A view of one's own in front of it hides nothing.
CREATE VIEW window_of_mine AS SELECT rolname, rolpassword FROM pg_authid;
SELECT count(*) > 0 AS some FROM window_of_mine;

-- Functions.
SELECT length(pg_read_file('PG_VERSION')) > 1 AS some;
SELECT length(pg_read_binary_file('PG_VERSION')) > 1 AS some;
SELECT count(*) > 1 AS some FROM pg_ls_dir('.');
SELECT size > 1 AS some FROM pg_stat_file('PG_VERSION');
SELECT lo_create(4711);
SELECT lo_put(4711, 0, 'Mary Jones 123-45-6789');
SELECT length(lo_get(4711)) AS length;
SELECT loread(lo_open(4711, 262144), 4) IS NOT NULL AS some;
SELECT lo_unlink(4711);
SELECT query_to_xml('SELECT 1', true, false, '') IS NOT NULL AS some;
SELECT pg_cancel_backend(0);
SELECT set_config('work_mem', '5MB', false);
-- Those that the views of the doors are made of, without the views.
SELECT count(*) > 0 AS some FROM pg_stat_get_activity(NULL);
SELECT count(*) > 0 AS some FROM pg_hba_file_rules();
SELECT count(*) > 0 AS some FROM pg_show_all_file_settings();
SELECT pg_notify('channel', 'payload');
SELECT hipaa_guard.audit_flush();
SELECT class, object_name, count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'EXECUTE' AND schema_name = 'pg_catalog'
    GROUP BY class, object_name ORDER BY object_name COLLATE "C";
SELECT count(*) AS leaks FROM hipaa_guard.audit_log l WHERE l::text ~ 'Mary Jones|123-45-6789';
SELECT object_name FROM hipaa_guard.audit_log WHERE statement LIKE '%window_of_mine' AND class = 'read';

-- COPY in both directions, with its rows and columns.
CREATE TABLE moved (a int, b text);
COPY moved (a, b) FROM stdin (DELIMITER ',');
1,x
2,y
3,z
\.
COPY moved (b) TO '/dev/null';
COPY (SELECT a FROM moved WHERE a > 1) TO '/dev/null';
SELECT hipaa_guard.audit_flush();
SELECT command_tag, object_name, columns, rows FROM hipaa_guard.audit_log WHERE class = 'copy' ORDER BY seq;

-- Parallel workers: one event, whoever reads.
CREATE TABLE wide AS SELECT n AS a, repeat('x', 100) AS b FROM generate_series(1, 20000) n;
ANALYZE wide;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS off) SELECT count(*) AS by_many FROM wide WHERE b LIKE 'x%';
SELECT count(*) AS by_many FROM wide WHERE b LIKE 'x%';
SELECT hipaa_guard.audit_flush();
SELECT count(*), max(rows) AS rows FROM hipaa_guard.audit_log WHERE statement LIKE 'SELECT count(*) AS by_many%' AND class = 'read';

-- The end of a transaction has the number that its events have; the way back to a savepoint is told apart from it.
BEGIN;
INSERT INTO moved VALUES (4, 'kept');
SAVEPOINT s;
INSERT INTO moved VALUES (5, 'undone');
ROLLBACK TO s;
COMMIT;
BEGIN;
DELETE FROM moved;
ROLLBACK;
INSERT INTO moved VALUES (6, 'alone');
SELECT hipaa_guard.audit_flush();
WITH events AS (SELECT seq, command_tag, substring(detail FROM 'transaction (\d+)') AS transaction FROM hipaa_guard.audit_log
    WHERE session_id = (SELECT session_id FROM hipaa_guard.audit_log ORDER BY seq DESC LIMIT 1))
SELECT string_agg(e.command_tag, ' ' ORDER BY e.seq) AS events, ending.command_tag AS ending
    FROM events ending JOIN events e USING (transaction)
    WHERE ending.command_tag IN ('COMMIT', 'ROLLBACK') AND e.command_tag NOT IN ('COMMIT', 'ROLLBACK')
    GROUP BY ending.seq, ending.command_tag ORDER BY ending.seq DESC LIMIT 2;

-- What changes the auditing is told, though it takes effect at once.
SET hipaa_guard.audit_classes = 'all, -config';
RESET hipaa_guard.audit_classes;
SELECT set_config('hipaa_guard.audit_classes', 'all, -config', false);
RESET hipaa_guard.audit_classes;
SET hipaa_guard.audit_unflagged = off;
SELECT 'not recorded' AS nothing;
SET hipaa_guard.audit_unflagged = on;
SELECT hipaa_guard.audit_flush();
SELECT command_tag, object_name, statement FROM hipaa_guard.audit_log WHERE class = 'config' AND (object_name LIKE 'hipaa_guard.%'
    OR object_name = 'set_config') ORDER BY seq;
SELECT count(*) AS unseen FROM hipaa_guard.audit_log WHERE statement LIKE '%AS nothing';

-- What a statement is about, though its tree has it elsewhere than most, and what it drops or empties without naming it.
CREATE ROLE regress_door;
CREATE SCHEMA cellar;
CREATE TABLE cellar.shelf (id int PRIMARY KEY);
CREATE TABLE cellar.jar (shelf int REFERENCES cellar.shelf);
CREATE VIEW cellar.label AS SELECT id FROM cellar.shelf;
CREATE FUNCTION cellar.count() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION cellar.count() OWNER TO regress_door;
ALTER FUNCTION cellar.count() SECURITY DEFINER;
CREATE POLICY one ON cellar.jar USING (true);
ALTER POLICY one ON cellar.jar USING (false);
DROP POLICY one ON cellar.jar;
CREATE RULE none AS ON DELETE TO cellar.jar DO INSTEAD NOTHING;
DROP RULE none ON cellar.jar;
CREATE STATISTICS cellar.twice ON id, (id * 2) FROM cellar.shelf;
CREATE PUBLICATION regress_door FOR TABLE cellar.shelf;
ALTER TABLE cellar.shelf OWNER TO regress_door;
ALTER SCHEMA cellar OWNER TO regress_door;
BEGIN;
LOCK TABLE cellar.shelf, cellar.jar;
COMMIT;
VACUUM cellar.shelf, cellar.jar;
REINDEX TABLE cellar.shelf;
TRUNCATE cellar.shelf CASCADE;
GRANT regress_door TO CURRENT_USER;
REVOKE regress_door FROM CURRENT_USER;
GRANT SELECT ON ALL TABLES IN SCHEMA cellar TO regress_door;
ALTER TABLE cellar.jar ALTER shelf TYPE bigint;
DROP SCHEMA cellar CASCADE;
CREATE TABLE regress_owned (a int);
ALTER TABLE regress_owned OWNER TO regress_door;
DROP OWNED BY regress_door;
ALTER ROLE regress_door RENAME TO regress_gate;
COMMENT ON ROLE regress_gate IS 'none';
DROP ROLE regress_gate;
\set ECHO none
SELECT format('CREATE TABLE many_%s ()', n) FROM generate_series(1, 40) n \gexec
SELECT 'DROP TABLE ' || string_agg('many_' || n, ', ') FROM generate_series(1, 40) n \gexec
\set ECHO all
SELECT hipaa_guard.audit_flush();
SELECT class, command_tag, outcome, concat_ws(' ', object_type, concat_ws('.', schema_name, object_name)) AS object
    FROM hipaa_guard.audit_log WHERE class IN ('ddl', 'role', 'misc', 'write') AND command_tag NOT IN ('COMMIT', 'ROLLBACK')
        AND seq > (SELECT max(seq) FROM hipaa_guard.audit_log WHERE statement LIKE 'SET hipaa_guard.audit_unflagged = %')
        AND object_name NOT LIKE 'many_%' ORDER BY seq;
SELECT count(*) AS each FROM hipaa_guard.audit_log WHERE command_tag = 'DROP TABLE' AND object_name LIKE 'many_%';
