# Goal: who came, who was turned away and why, and who left, is in the trail, with the session that the rest names.
# Method: logins that succeed and fail in each way; no password and no value may stand in the trail.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;

my $node = new_node('logins', "hipaa_guard.audit_unflagged = on");
create_extension($node, 'postgres');
sql($node, 'postgres', "CREATE ROLE nurse LOGIN PASSWORD 'right-123-45-6789'; CREATE ROLE locked NOLOGIN; CREATE DATABASE closed;
    REVOKE CONNECT ON DATABASE closed FROM PUBLIC; CREATE TABLE t (a int)");
my $hba = $node->data_dir . '/pg_hba.conf';
my $before = slurp($hba);
open my $out, '>', $hba or die "cannot write $hba: $!";
print $out "local postgres banned reject\nlocal all nurse scram-sha-256\n$before";
close $out;
$node->reload;
# The connection that waits for the new file is one of those that are counted below by user.
wait_for('pg_hba.conf is read again', sub { return (try_sql($node, 'postgres', 'SELECT 1', user => 'banned'))[2] =~ /rejects/ });

my %right = (user => 'nurse', env => { PGPASSWORD => 'right-123-45-6789' });
my %wrong = (user => 'nurse', env => { PGPASSWORD => 'wrong-123-45-6789' });
is((try_sql($node, 'postgres', 'SELECT 1', %right))[0], 0, 'the right password lets in');
isnt((try_sql($node, 'postgres', 'SELECT 1', %wrong))[0], 0, 'a wrong one does not');
isnt((try_sql($node, 'closed', 'SELECT 1', %right))[0], 0, 'nor the right one into a closed database');
isnt((try_sql($node, 'nowhere', 'SELECT 1', %right))[0], 0, 'nor into one that is not there');
isnt((try_sql($node, 'postgres', 'SELECT 1', user => 'locked'))[0], 0, 'a role without LOGIN stays outside');
isnt((try_sql($node, 'postgres', 'SELECT 1', user => 'nobody'))[0], 0, 'and so does one that is not there');

# A disconnect is put when the process ends, which psql does not wait for.
wait_until($node, "SELECT hipaa_guard.audit_flush() IS NOT NULL AND count(*) >= 1 FROM hipaa_guard.audit_log
    WHERE command_tag = 'DISCONNECT' AND session_user_name = 'nurse'", 'the session has ended');

sub logins
{
    my ($user) = @_;
    return sql($node, 'postgres', "SELECT string_agg(concat_ws(' ', outcome, sqlstate, database_name), ', ' ORDER BY seq)
        FROM hipaa_guard.audit_log WHERE command_tag = 'LOGIN' AND session_user_name = '$user'");
}
is(logins('nurse'), 'success postgres, failure 28P01 postgres, success closed, refused 42501 closed, success nowhere, '
    . 'refused 3D000 nowhere', 'each attempt is an event with its outcome');
like(logins('banned'), qr/^refused 28000 postgres/, 'a line of pg_hba.conf that rejects is told');
is(logins('locked'), 'success postgres, refused 28000 postgres', 'a role that may not log in is told');
is(logins('nobody'), 'success postgres, refused 28000 postgres', 'a role that does not exist is told under the name it gave');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log i JOIN hipaa_guard.audit_log o USING (session_id)
    WHERE i.command_tag = 'LOGIN' AND o.command_tag = 'DISCONNECT' AND i.session_user_name = 'nurse' AND i.database_name = 'postgres'
    AND o.duration_ms > 0 AND o.seq > i.seq"), '1', 'login and disconnect share the session, and the latter has its duration');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log l WHERE l::text LIKE '%123-45-6789%'"), '0',
    'no password is in the trail');

# The auditor of a database sees its events and the cluster's, and nothing else.
sql($node, 'postgres', "CREATE ROLE auditor LOGIN; ALTER SYSTEM SET hipaa_guard.auditor_role = 'auditor'; CREATE DATABASE other");
$node->reload;
create_extension($node, 'other');
sql($node, 'other', 'CREATE TABLE in_other (a int)');
wait_until($node, "SELECT current_setting('hipaa_guard.auditor_role') = 'auditor'", 'the setting is read again');
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
my $seen = "SELECT count(*) FILTER (WHERE object_name = 'in_other'), count(*) FILTER (WHERE object_name = 't') > 0,
    count(*) FILTER (WHERE command_tag = 'LOGIN' AND database_name = 'other') > 0 FROM hipaa_guard.audit_log";
my ($status, $rows, $err) = try_sql($node, 'postgres', $seen, user => 'auditor');
is($rows, '0|t|t', 'an auditor sees the own database and the logins of all') or diag($err);
is(sql($node, 'postgres', $seen), '1|t|t', 'a superuser sees everything');

$node->stop;
done_testing();
