-- Last, since it is about every table: their rows come by the extension's own functions, and not by logical replication, whose
-- worker runs neither the hook that asks for rights nor triggers of statements, but for TRUNCATE.

CREATE FUNCTION hipaa_guard.not_by_replication() RETURNS trigger
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_not_by_replication';
COMMENT ON FUNCTION hipaa_guard.not_by_replication() IS
'Internal: leaves out what logical replication would change in a table of a HIPAA project''s own, and refuses its TRUNCATE.';
REVOKE ALL ON FUNCTION hipaa_guard.not_by_replication() FROM PUBLIC;

DO $$
DECLARE
    own text;
BEGIN
    FOR own IN SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relkind = 'r'
                AND c.relnamespace = 'hipaa_guard'::pg_catalog.regnamespace ORDER BY c.relname
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER not_by_replication BEFORE INSERT OR UPDATE OR DELETE ON hipaa_guard.%1$I
            FOR EACH ROW EXECUTE FUNCTION hipaa_guard.not_by_replication();
            CREATE TRIGGER no_truncate_by_replication BEFORE TRUNCATE ON hipaa_guard.%1$I
            FOR EACH STATEMENT EXECUTE FUNCTION hipaa_guard.not_by_replication();
            ALTER TABLE hipaa_guard.%1$I ENABLE ALWAYS TRIGGER not_by_replication,
            ENABLE ALWAYS TRIGGER no_truncate_by_replication', own);
    END LOOP;
END $$;
