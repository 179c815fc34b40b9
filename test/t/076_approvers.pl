# Goal: a membership of the approver role counts 24 hours after it was granted, wherever and however it was; a role that is named
# later, or renamed into the approver's place, waits as well; and the times are on standbys.
# Method: grants of each kind in a cluster with a flag; a day passes by shifting what is on record while the library is not
# there, which is the one way to change it.
use Guarded;

my $node = new_node('main', { init => [ allows_streaming => 1 ] });
sql($node, 'postgres', q{CREATE ROLE approvers; CREATE ROLE first LOGIN IN ROLE approvers; CREATE ROLE second LOGIN;
    CREATE ROLE third LOGIN; CREATE ROLE office ROLE third; CREATE ROLE asker SUPERUSER LOGIN; CREATE ROLE "Dr ""X""" LOGIN});
create_extension($node, 'clinic');
sql($node, 'clinic', q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365);
    SELECT hipaa_guard.enable('BAA-1', approver => 'approvers')});
$node->backup('copy');

# Answers of approve_deletion(), each in a session of the role's own.
my $request;
sub answer
{
    my ($role, $cluster) = @_;
    my ($status, undef, $err) = try_sql($cluster // $node, 'clinic', "BEGIN; SELECT hipaa_guard.approve_deletion($request); ROLLBACK",
        user => "'$role'");
    return $status == 0 ? 'approved' : $err =~ /DETAIL:\s+(.*)/ ? $1 : $err;
}
sub request
{
    $request = (split /\n/, sql($node, 'clinic', q{SELECT hipaa_guard.request_deletion('moved to another server');
        SELECT FROM hipaa_guard.audit_export('jsonl', NULL, NULL) LIMIT 1}))[0];
    return;
}
my $wait = 'membership counts 24 hours after it was granted';

# From another database, by each form of the command; one that is rolled back leaves nothing.
sql($node, 'postgres', q{GRANT approvers TO second; GRANT approvers TO "Dr ""X""" WITH ADMIN OPTION; ALTER GROUP approvers ADD USER office;
    BEGIN; GRANT approvers TO asker; ROLLBACK});
sql($node, 'clinic', q{SELECT hipaa_guard.request_deletion('a request sees the members, which changes nothing')});
request();
is(answer('first'), 'approved', 'who was a member when enable() named the role may at once');
is(answer('second'), $wait, 'GRANT: a day later');
is(answer('Dr "X"'), $wait, 'GRANT to a name with quotes: a day later');
is(answer('third'), $wait, 'through a role that was granted it: a day later');
is(answer('asker'), 'the session user is no member of the approver role', 'what was rolled back is none');
sql($node, 'postgres', 'REVOKE approvers FROM first; GRANT approvers TO first');
is(answer('first'), $wait, 'who was revoked and granted again waits again');

# The times come by replay.
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('flush'));
my $times = q{SELECT member, member_since FROM hipaa_guard.approvers ORDER BY 1};
is(sql($standby, 'clinic', $times), sql($node, 'clinic', $times), 'the standby has the same times');
$standby->stop;

# A day passes.
sub restart_with
{
    my ($libraries) = @_;
    $node->stop;
    $node->append_conf('postgresql.conf', "shared_preload_libraries = '$libraries'");
    $node->start;
    return;
}
sub shift_back
{
    my ($hours) = @_;
    restart_with('');
    sql($node, 'clinic', qq{UPDATE pg_shseclabel SET label = (SELECT string_agg(format('of %s since %s', m[1], m[2]::timestamptz
        - interval '$hours hours'), '; ') FROM regexp_matches(label, 'of (\\d+) since ([^;]+)', 'g') m)
        WHERE classoid = 'pg_auth_members'::regclass;
        ALTER TABLE hipaa_guard.approver_member DISABLE TRIGGER ALL;
        UPDATE hipaa_guard.approver_member SET since = since - interval '$hours hours'});
    restart_with('hipaa_guard');
    request();
    return;
}
shift_back(23);
is(answer('second'), $wait, 'after 23 hours it does not count');
sql($node, 'postgres', 'GRANT approvers TO second WITH ADMIN OPTION');
shift_back(2);
is(answer($_), 'approved', "after 25 hours it counts for $_") for 'first', 'second', 'third', 'Dr "X"';

# Another role in the approver's place, by name or by set_approver(), begins anew.
sql($node, 'postgres', 'CREATE ROLE puppets; CREATE ROLE puppet LOGIN IN ROLE puppets');
sql($node, 'clinic', q{SELECT hipaa_guard.set_approver('puppets')});
request();
is(answer('puppet'), $wait, 'members of a role that set_approver() has named wait');
is(answer('first'), 'the session user is no member of the approver role', 'those of the former one are none');
shift_back(25);
is(answer('puppet'), 'approved', 'for a day');

# A role that was dropped leaves no time behind for its successor.
sql($node, 'postgres', 'DROP ROLE puppet; CREATE ROLE puppet LOGIN IN ROLE puppets');
request();
is(answer('puppet'), $wait, 'a new role of the same name waits');
is(sql($node, 'postgres', q{SELECT count(*) FROM pg_shseclabel l WHERE classoid = 'pg_auth_members'::regclass
    AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = l.objoid)}), '0', 'nothing is kept of roles that are gone');
is(sql($node, 'clinic', q{SELECT count(*) FROM hipaa_guard.scan_catalog()}), '0', 'the record itself is no finding');
$node->stop;
done_testing();
