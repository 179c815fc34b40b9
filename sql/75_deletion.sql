--
-- Goal: a flagged database is dropped only after a request, an export of the trail and the consent of somebody else, a
-- member of the approver role for a day at least. Method: each missing step by its SQLSTATE and reason, then the whole way.
-- What a day changes is in test/t/076_approvers.pl.
--
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
CREATE DATABASE ward;
CREATE ROLE regress_hipaa_approvers;
CREATE ROLE regress_hipaa_first LOGIN IN ROLE regress_hipaa_approvers;
CREATE ROLE regress_hipaa_super LOGIN SUPERUSER IN ROLE regress_hipaa_approvers;
\c ward
\set VERBOSITY sqlstate
CREATE EXTENSION hipaa_guard;
SELECT hipaa_guard.set_approver('regress_hipaa_approvers');
SELECT hipaa_guard.request_deletion('moved');
SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
SELECT hipaa_guard.enable('BAA-1', approver => 'regress_hipaa_approvers');
CREATE FUNCTION problem(number bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hipaa_guard.approve_deletion(number);
    RETURN 'approved';
EXCEPTION WHEN OTHERS THEN
    DECLARE detail text;
    BEGIN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        RETURN SQLSTATE || ' ' || detail;
    END;
END $$;
SELECT hipaa_guard.request_deletion(' ');
SELECT hipaa_guard.request_deletion('moved to another server');
SELECT problem(1), problem(2);
SELECT hipaa_guard.set_approver(NULL);
-- A superuser is no member by being one, nor by SET SESSION AUTHORIZATION; a new member has to wait, however it came to be one.
SELECT problem(1);
SET SESSION AUTHORIZATION regress_hipaa_first;
SELECT problem(1);
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_hipaa_late LOGIN IN ROLE regress_hipaa_approvers;
CREATE ROLE regress_hipaa_later LOGIN;
CREATE ROLE regress_hipaa_between ROLE regress_hipaa_later;
GRANT regress_hipaa_approvers TO regress_hipaa_between;
REVOKE regress_hipaa_approvers FROM regress_hipaa_super;
ALTER GROUP regress_hipaa_approvers ADD USER regress_hipaa_super;
GRANT regress_hipaa_approvers TO regress_hipaa_first WITH ADMIN OPTION;
SELECT member, member_since = '-infinity' AS at_once, member_since > now() - interval '1 hour' AS new
  FROM hipaa_guard.approvers ORDER BY member COLLATE "C";
\c - regress_hipaa_late
SELECT problem(1);
\c - regress_hipaa_later
SELECT problem(1);
\c - regress_hipaa_first
SELECT problem(1);
\c - postgres
\set VERBOSITY sqlstate
-- An export of a part, or from before the request, does not do.
SELECT count(*) > 0 AS exported FROM hipaa_guard.audit_export('jsonl', now() - interval '1 day', NULL);
\c - regress_hipaa_first
SELECT problem(1);
\c - postgres
SELECT count(*) > 0 AS exported FROM hipaa_guard.audit_export('jsonl', NULL, NULL);
SELECT id, requested_by = session_user AS mine, approved_by, withdrawn_at FROM hipaa_guard.deletion_request;
\c postgres
\set VERBOSITY sqlstate
DROP DATABASE ward;
\c ward regress_hipaa_first
\set VERBOSITY sqlstate
SELECT hipaa_guard.approve_deletion(1);
SELECT hipaa_guard.approve_deletion(1);
-- What is withdrawn counts no more; a copy is not approved.
\c postgres regress_hipaa_super
\set VERBOSITY sqlstate
CREATE DATABASE ward_copy TEMPLATE ward;
DROP DATABASE ward_copy;
\c ward
SELECT hipaa_guard.withdraw_deletion(1);
\c postgres
\set VERBOSITY sqlstate
DROP DATABASE ward;
\c ward
SELECT hipaa_guard.request_deletion('moved to another server');
SELECT count(*) > 0 AS exported FROM hipaa_guard.audit_export('csv', NULL, NULL);
-- Who asked cannot agree, though he is a member.
SELECT hipaa_guard.approve_deletion(2);
\c ward regress_hipaa_first
SELECT hipaa_guard.approve_deletion(2);
\c postgres regress_hipaa_super
\set VERBOSITY sqlstate
DROP DATABASE ward;
SELECT count(*) FROM pg_shseclabel WHERE provider = 'hipaa_guard' AND label LIKE '%approved%';
