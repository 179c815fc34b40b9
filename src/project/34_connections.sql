-- Networks from which a role may connect to flagged databases.

CREATE FUNCTION hipaa_guard.change_network(role regrole, network cidr, allow boolean) RETURNS boolean
    LANGUAGE c VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'hg_change_network';
COMMENT ON FUNCTION hipaa_guard.change_network(regrole, cidr, boolean) IS
'Internal: puts a network into the label of a role, or takes it out; false if nothing changed.';
REVOKE ALL ON FUNCTION hipaa_guard.change_network(regrole, cidr, boolean) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.allow_network(role regrole, network cidr) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF role IS NULL OR network IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'role and network must not be null';
    END IF;
    IF hipaa_guard.change_network(role, network, true) THEN
        PERFORM hipaa_guard.record_event('guard', 'ALLOW NETWORK', 'role', role::text, NULL);
    END IF;
END $$;
COMMENT ON FUNCTION hipaa_guard.allow_network(regrole, cidr) IS
'Lets a role connect to the flagged databases of the cluster from a network, on top of pg_hba.conf. A role with no network may
come from anywhere; with one, from its networks and the Unix socket only. Superuser only. Nothing may be NULL.';
REVOKE ALL ON FUNCTION hipaa_guard.allow_network(regrole, cidr) FROM PUBLIC;

CREATE FUNCTION hipaa_guard.disallow_network(role regrole, network cidr) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF NOT coalesce(hipaa_guard.change_network(role, network, false), false) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = 'the network is not allowed for the role',
            HINT = 'View hipaa_guard.allowed_networks lists those that are.';
    END IF;
    PERFORM hipaa_guard.record_event('guard', 'DISALLOW NETWORK', 'role', role::text, NULL);
END $$;
COMMENT ON FUNCTION hipaa_guard.disallow_network(regrole, cidr) IS
'Takes a network of a role back; with the last one gone, the role may come from anywhere. Sessions that are there stay.';
REVOKE ALL ON FUNCTION hipaa_guard.disallow_network(regrole, cidr) FROM PUBLIC;

CREATE VIEW hipaa_guard.allowed_networks AS
    SELECT r.rolname::text AS role_name, w.word::cidr AS network
      FROM pg_catalog.pg_shseclabel l
      JOIN pg_catalog.pg_roles r ON r.oid = l.objoid
     CROSS JOIN LATERAL pg_catalog.unnest((pg_catalog.string_to_array(l.label, ' '))[2:]) AS w (word)
     WHERE l.provider = 'hipaa_guard' AND l.classoid = 'pg_catalog.pg_authid'::regclass;
COMMENT ON VIEW hipaa_guard.allowed_networks IS 'Networks from which roles may connect; a role that is not listed may come from anywhere.';
COMMENT ON COLUMN hipaa_guard.allowed_networks.role_name IS 'Name of the role.';
COMMENT ON COLUMN hipaa_guard.allowed_networks.network IS 'A network it may come from.';
