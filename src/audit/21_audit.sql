-- The audit trail as SQL sees it. The functions look at who calls, so that views may be granted to all.

CREATE FUNCTION hipaa_guard.audit_read(since timestamptz, until timestamptz,
    OUT seq bigint, OUT recorded_at timestamptz, OUT class text, OUT command_tag text, OUT outcome text,
    OUT sqlstate text, OUT rows bigint, OUT duration_ms double precision, OUT object_type text,
    OUT schema_name text, OUT object_name text, OUT columns text[], OUT phi boolean,
    OUT session_user_name text, OUT current_user_name text, OUT database_name text, OUT client_addr inet,
    OUT application_name text, OUT session_id text, OUT query_id bigint, OUT statement text, OUT detail text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_read';
COMMENT ON FUNCTION hipaa_guard.audit_read(timestamptz, timestamptz) IS
'Events of the audit trail recorded from since on and before until; NULL is no limit. Reads only the segments of that time. '
'Superusers see all, members of hipaa_guard.auditor_role their database''s and the cluster''s events; others get 42501. Damage is '
'a warning with its place.';

CREATE VIEW hipaa_guard.audit_log AS
    SELECT * FROM hipaa_guard.audit_read('-infinity', 'infinity');
COMMENT ON VIEW hipaa_guard.audit_log IS
'Every event of the audit trail that is on disk; audit_read() with no limits. A gap (view audit_gaps) consumes the numbers that '
'were lost.';
COMMENT ON COLUMN hipaa_guard.audit_log.seq IS 'Number of the event, given by the writer when it takes it from the ring';
COMMENT ON COLUMN hipaa_guard.audit_log.recorded_at IS 'When the event was put into the ring';
COMMENT ON COLUMN hipaa_guard.audit_log.class IS
'read, write, ddl, role, function, auth, copy, config, misc or guard';
COMMENT ON COLUMN hipaa_guard.audit_log.command_tag IS 'The command, or what a room of the extension did; NULL if it was not parsed';
COMMENT ON COLUMN hipaa_guard.audit_log.outcome IS 'success, failure or refused';
COMMENT ON COLUMN hipaa_guard.audit_log.sqlstate IS 'SQLSTATE of the failure; NULL on success';
COMMENT ON COLUMN hipaa_guard.audit_log.rows IS 'Rows the statement returned or changed; NULL where it has none or failed';
COMMENT ON COLUMN hipaa_guard.audit_log.duration_ms IS 'Milliseconds from begin to end; of a disconnect, of the whole session';
COMMENT ON COLUMN hipaa_guard.audit_log.object_type IS 'Kind of the object; NULL if the event names none';
COMMENT ON COLUMN hipaa_guard.audit_log.schema_name IS 'Schema of the object, masked where it looks like PHI';
COMMENT ON COLUMN hipaa_guard.audit_log.object_name IS 'Name of the object, masked where it looks like PHI; a partition stands as its root';
COMMENT ON COLUMN hipaa_guard.audit_log.columns IS 'Columns the statement reads or writes; * is the whole row';
COMMENT ON COLUMN hipaa_guard.audit_log.phi IS 'Whether the object or one of the columns is labelled as PHI';
COMMENT ON COLUMN hipaa_guard.audit_log.session_user_name IS 'Who logged in';
COMMENT ON COLUMN hipaa_guard.audit_log.current_user_name IS 'Whose privileges counted';
COMMENT ON COLUMN hipaa_guard.audit_log.database_name IS 'Database of the session; NULL for the writer''s own events';
COMMENT ON COLUMN hipaa_guard.audit_log.client_addr IS 'Address of the client; NULL for the Unix socket';
COMMENT ON COLUMN hipaa_guard.audit_log.application_name IS 'What the client calls itself, masked';
COMMENT ON COLUMN hipaa_guard.audit_log.session_id IS 'Start and process of the session, as %c of log_line_prefix';
COMMENT ON COLUMN hipaa_guard.audit_log.query_id IS 'As in pg_stat_statements; NULL without compute_query_id';
COMMENT ON COLUMN hipaa_guard.audit_log.statement IS 'The statement, every literal masked; of long ones the first 4 kB';
COMMENT ON COLUMN hipaa_guard.audit_log.detail IS
'Fixed words of the program, and the transaction and statement of the session it belongs to';

CREATE FUNCTION hipaa_guard.audit_gaps_read(OUT first_seq bigint, OUT last_seq bigint, OUT lost bigint,
    OUT lost_by_class jsonb, OUT began_at timestamptz, OUT ended_at timestamptz, OUT reason text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_gaps';
COMMENT ON FUNCTION hipaa_guard.audit_gaps_read() IS 'Internal: the rows of view audit_gaps. Needs the same rights as audit_read().';

CREATE VIEW hipaa_guard.audit_gaps AS
    SELECT * FROM hipaa_guard.audit_gaps_read();
COMMENT ON VIEW hipaa_guard.audit_gaps IS 'Events that were lost: how many, of which class, when and why';
COMMENT ON COLUMN hipaa_guard.audit_gaps.first_seq IS 'The first of the numbers that the gap consumes';
COMMENT ON COLUMN hipaa_guard.audit_gaps.last_seq IS 'The last of them';
COMMENT ON COLUMN hipaa_guard.audit_gaps.lost IS 'How many events were lost';
COMMENT ON COLUMN hipaa_guard.audit_gaps.lost_by_class IS 'How many of each class; classes that lost none are left out';
COMMENT ON COLUMN hipaa_guard.audit_gaps.began_at IS 'When the first of them was lost, as far as it is known';
COMMENT ON COLUMN hipaa_guard.audit_gaps.ended_at IS 'When the last of them was lost';
COMMENT ON COLUMN hipaa_guard.audit_gaps.reason IS
'overflow: the ring was full; disk_full: the same because the trail could not be written; crash: lost with the process or the machine';

CREATE FUNCTION hipaa_guard.audit_dropped_read(OUT began_at timestamptz, OUT ended_at timestamptz, OUT class text,
    OUT session_user_name text, OUT current_user_name text, OUT database_name text, OUT object_type text,
    OUT schema_name text, OUT object_name text, OUT events bigint)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_dropped';
COMMENT ON FUNCTION hipaa_guard.audit_dropped_read() IS
'Internal: the rows of view audit_dropped. Needs the same rights as audit_read().';

CREATE VIEW hipaa_guard.audit_dropped AS
    SELECT * FROM hipaa_guard.audit_dropped_read();
COMMENT ON VIEW hipaa_guard.audit_dropped IS
'What the gaps are made of: dropped events are still counted by who touched which object how often, so that this is known even then';
COMMENT ON COLUMN hipaa_guard.audit_dropped.began_at IS 'When the ring had been drained before';
COMMENT ON COLUMN hipaa_guard.audit_dropped.ended_at IS 'When the count was written';
COMMENT ON COLUMN hipaa_guard.audit_dropped.class IS 'Class of the events';
COMMENT ON COLUMN hipaa_guard.audit_dropped.session_user_name IS
'Who logged in; NULL for the rest, when more than 256 different sessions, objects and classes had been counted between two drains';
COMMENT ON COLUMN hipaa_guard.audit_dropped.current_user_name IS 'Whose privileges counted';
COMMENT ON COLUMN hipaa_guard.audit_dropped.database_name IS 'Database of the session';
COMMENT ON COLUMN hipaa_guard.audit_dropped.object_type IS 'Kind of the object; NULL if the events name none';
COMMENT ON COLUMN hipaa_guard.audit_dropped.schema_name IS 'Schema of the object';
COMMENT ON COLUMN hipaa_guard.audit_dropped.object_name IS 'Name of the object';
COMMENT ON COLUMN hipaa_guard.audit_dropped.events IS 'How many events were dropped in that time';

CREATE FUNCTION hipaa_guard.audit_stat(OUT writer_pid int, OUT generated bigint, OUT written bigint,
    OUT dropped bigint, OUT in_ring bigint, OUT dropped_by_class jsonb, OUT segments bigint, OUT bytes_on_disk bigint,
    OUT oldest_at timestamptz, OUT last_flush_at timestamptz, OUT last_checkpoint_at timestamptz, OUT last_error text)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_stat';
COMMENT ON FUNCTION hipaa_guard.audit_stat() IS
'Internal: the row of view stat_audit. Needs the same rights as audit_read(), or pg_monitor.';

CREATE VIEW hipaa_guard.stat_audit AS
    SELECT * FROM hipaa_guard.audit_stat();
COMMENT ON VIEW hipaa_guard.stat_audit IS
'Figures of the audit trail since its ring was made: generated = written + dropped + in_ring';
COMMENT ON COLUMN hipaa_guard.stat_audit.writer_pid IS 'Process of the writer; NULL while there is none';
COMMENT ON COLUMN hipaa_guard.stat_audit.generated IS 'Events that came up';
COMMENT ON COLUMN hipaa_guard.stat_audit.written IS 'Events that the writer took from the ring and wrote';
COMMENT ON COLUMN hipaa_guard.stat_audit.dropped IS 'Events that were lost; each is in a gap of audit_gaps';
COMMENT ON COLUMN hipaa_guard.stat_audit.in_ring IS 'Events that wait in the ring';
COMMENT ON COLUMN hipaa_guard.stat_audit.dropped_by_class IS 'Lost events of each class';
COMMENT ON COLUMN hipaa_guard.stat_audit.segments IS 'Files of the trail';
COMMENT ON COLUMN hipaa_guard.stat_audit.bytes_on_disk IS 'Size of the files in bytes';
COMMENT ON COLUMN hipaa_guard.stat_audit.oldest_at IS 'When the oldest file that is still there was begun; NULL if there is none';
COMMENT ON COLUMN hipaa_guard.stat_audit.last_flush_at IS 'When events were last brought to disk';
COMMENT ON COLUMN hipaa_guard.stat_audit.last_checkpoint_at IS 'When the last signed checkpoint was made';
COMMENT ON COLUMN hipaa_guard.stat_audit.last_error IS 'What last kept the writer from writing; NULL if nothing did';

CREATE FUNCTION hipaa_guard.audit_flush() RETURNS void
    LANGUAGE c VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_flush';
COMMENT ON FUNCTION hipaa_guard.audit_flush() IS
'Waits until all that is in the ring now is on disk. Raises 58030 where the trail cannot be written.';
REVOKE ALL ON FUNCTION hipaa_guard.audit_flush() FROM PUBLIC;

CREATE FUNCTION hipaa_guard.audit_checkpoint() RETURNS text
    LANGUAGE c VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_checkpoint_sql';
COMMENT ON FUNCTION hipaa_guard.audit_checkpoint() IS
'Signs where the trail stands now and returns it as one line, to be kept elsewhere: without one, nothing local proves that a tail '
'was cut. NULL if there is no trail yet. Needs the same rights as audit_read().';

CREATE FUNCTION hipaa_guard.audit_verify(public_key text DEFAULT NULL,
    OUT ok boolean, OUT events bigint, OUT first_seq bigint, OUT last_seq bigint, OUT gaps bigint, OUT lost bigint,
    OUT problem text)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_verify_sql';
COMMENT ON FUNCTION hipaa_guard.audit_verify(text) IS
'Verifies hash chain, Merkle roots, signatures, numbers and keys of the whole trail. public_key: any key of the trail in '
'hexadecimal; NULL believes the keys'' file beside the segments. problem: the first one, with its place. Needs the same rights as '
'audit_read().';

GRANT SELECT ON hipaa_guard.audit_log, hipaa_guard.audit_gaps, hipaa_guard.audit_dropped, hipaa_guard.stat_audit TO PUBLIC;
