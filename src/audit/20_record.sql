-- Events that SQL of the other rooms records.

CREATE FUNCTION hipaa_guard.record_event(class text, action text, object_type text, object_name text,
    detail text, refused boolean DEFAULT false) RETURNS void
    LANGUAGE c VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_audit_record_event';
COMMENT ON FUNCTION hipaa_guard.record_event(text, text, text, text, text, boolean) IS
'Internal: puts an event into the audit trail. The object''s name may be NULL; detail is fixed words, never a user value.';
REVOKE ALL ON FUNCTION hipaa_guard.record_event(text, text, text, text, text, boolean) FROM PUBLIC;
