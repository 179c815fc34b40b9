# Goal: several projects in one cluster have one trail; a stuck audit volume holds up no DROP DATABASE; a failure of syntax is
# told whatever log_min_messages the configuration asks for; a copied or restored data directory is a trail of its own.
# Method: two flagged databases and a third, a writer that stands still, a cold copy, and a recovery to a point in time.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;

my $node = new_node('cluster', { init => [ allows_streaming => 1, has_archiving => 1 ] }, "hipaa_guard.audit_ring_size = '1MB'");
$node->append_conf('postgresql.conf', "log_min_messages = 'fatal'");
$node->restart;
create_extension($node, 'clinic');
sql($node, 'postgres', 'CREATE ROLE "svc-app@corp.example" LOGIN');
my $idle = talk($node->connstr('postgres'));
$idle->("\\unset ON_ERROR_STOP\nSELECT");
flag($node, 'clinic');
my $flagged = log_position($node);
$idle->("SELEC 'Mary Jones'");
$idle->();
like(log_of($node, $flagged), qr/ERROR: .*syntax error/, 'the first error of a session that was idle when the first flag was set is heard');
unlike(log_of($node, $flagged), qr/Mary Jones/, 'and masked');
flag($node, 'lab');
$node->restart;

# Both, and nothing of the third.
sql($node, 'postgres', 'CREATE DATABASE plain');
sql($node, $_, "SELECT count(*) AS in_$_ FROM pg_authid") for qw(clinic lab plain);
sql($node, 'clinic', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'clinic', "SELECT string_agg(database_name || ' ' || statement, ', ' ORDER BY seq) FROM hipaa_guard.audit_log
    WHERE statement LIKE '% AS in_%' AND class = 'read' AND statement NOT LIKE '%audit_log%'"),
    'clinic SELECT count(*) AS in_clinic FROM pg_authid, lab SELECT count(*) AS in_lab FROM pg_authid', 'each project is recorded');
is(sql($node, $_, 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', "the trail verifies in $_") for qw(clinic lab);

# What cannot be parsed reaches no hook but the log's.
isnt((try_sql($node, 'lab', 'SELEC 123'))[0], 0, 'a statement that cannot be parsed');
isnt((try_sql($node, 'lab', "BEGIN;\nSELECT 1/0;\n"))[0], 0, 'and one that fails');
sql($node, 'lab', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'lab', "SELECT string_agg(sqlstate, ' ' ORDER BY seq) FROM hipaa_guard.audit_log
    WHERE database_name = 'lab' AND outcome = 'failure'"), '42601 22012', 'are events, whatever the configuration asks for');

# Nor does a reload let the next error of a session escape: what a file asks for is held when it is read. "log" is above error, too.
my $session = talk($node->connstr('lab'));
$session->("\\unset ON_ERROR_STOP\nSELECT");
my $target = 200;
for my $level (qw(log panic fatal))
{
    my $name = "escape_$level";
    my $position = log_position($node);
    $target++;
    $node->append_conf('postgresql.conf', "log_min_messages = '$level'\ndefault_statistics_target = $target");
    $node->reload;
    wait_until($node, "SELECT current_setting('default_statistics_target') = '$target'", "$level is asked for");
    $session->("SELECT 1 FROM $name WHERE 'Mary Jones' = 'x'");
    is($session->('SHOW log_min_messages'), 'error', "a session takes error for $level");
    like(log_of($node, $position), qr/ERROR: .*\n.*STATEMENT: .*FROM/, "$level: its next error is in the log");
    unlike(log_of($node, $position), qr/Mary Jones/, "$level: and masked there");
    sql($node, 'lab', 'SELECT hipaa_guard.audit_flush()');
    is(sql($node, 'lab', "SELECT count(*) FROM hipaa_guard.audit_log WHERE sqlstate = '42P01' AND statement ~ '$name'"), '1',
        "$level: and an event");
}
$session->();
is(sql($node, 'postgres', "BEGIN; SELECT set_config('log_min_messages', 'fatal', false); SHOW log_min_messages"), "error\nerror",
    'in a database without a flag, set_config() gets no other');

# The volume is stuck: the writer does not answer, and nobody needs it to.
my $writer = sql($node, 'lab', 'SELECT writer_pid FROM hipaa_guard.stat_audit');
kill 'STOP', $writer;
is((try_sql($node, 'postgres', 'DROP DATABASE plain'))[0], 0, 'a database is dropped while the volume is stuck');
is((try_sql($node, 'postgres', 'CREATE DATABASE plain STRATEGY file_copy'))[0], 0, 'another one is made');
is((try_sql($node, 'postgres', 'DROP DATABASE plain WITH (FORCE)'))[0], 0, 'and dropped');
kill 'CONT', $writer;
sql($node, 'lab', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'lab', "SELECT string_agg(command_tag, ', ' ORDER BY seq) FROM hipaa_guard.audit_log WHERE object_name = 'plain'
    AND command_tag ~ 'DATABASE'"), 'CREATE DATABASE, DROP DATABASE, CREATE DATABASE, DROP DATABASE', 'all of it is told afterwards');

# Copies. Each is asked which trail it is of.
sub trails
{
    my ($server) = @_;
    return slurp($server->data_dir . '/hipaa_guard/audit/keys.file') =~ /trail=([0-9a-f]{32}) epoch=1 /g;
}

sub is_fork
{
    my ($server, $what) = @_;
    my ($parent) = trails($node);
    sql($server, 'clinic', "SELECT count(*) AS on_copy FROM pg_authid; SELECT hipaa_guard.audit_flush()");
    is(sql($server, 'clinic', "SELECT string_agg(detail, '') ~ 'its parent is $parent\$' FROM hipaa_guard.audit_log
        WHERE command_tag = 'fork'"), 't', "$what is a fork that names its parent");
    my @trails = trails($server);
    is(scalar @trails, 2, "$what has an id and a key of its own");
    is($trails[0], $parent, "$what: behind its parent's");
    is(sql($server, 'clinic', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', "$what: both verify");
    is(sql($server, 'clinic', "SELECT count(*) FROM hipaa_guard.audit_log WHERE statement LIKE '% AS in_clinic %' AND class = 'read'
        AND statement NOT LIKE '%audit_log%'"), '1', "$what: nothing is there twice");
    $server->stop;
    return;
}

$node->backup('base');
sql($node, 'postgres', "SELECT pg_create_restore_point('then')");
sql($node, 'clinic', 'SELECT count(*) AS after_point FROM pg_authid; SELECT pg_switch_wal()');
$node->backup_fs_cold('cold') if $node->can('backup_fs_cold');
$node->stop;
unless ($node->can('backup_fs_cold'))
{
    mkdir $node->backup_dir;
    system('cp', '-a', $node->data_dir, $node->backup_dir . '/cold') == 0 or die "cannot copy\n";
}
ok(-e $node->backup_dir . '/cold/pgsql_tmp_hipaa_guard/trail.state', 'a cold copy has even the key');
my $cold = PostgreSQL::Test::Cluster->new('cold');
$cold->init_from_backup($node, 'cold');
$cold->start;
is_fork($cold, 'a cold copy');

my $point = PostgreSQL::Test::Cluster->new('point');
$point->init_from_backup($node, 'base', has_restoring => 1, standby => 0);
$point->append_conf('postgresql.conf', "recovery_target_name = 'then'\nrecovery_target_action = 'promote'");
$point->start;
wait_until($point, 'SELECT NOT pg_is_in_recovery()', 'the recovery has ended');
is_fork($point, 'a recovery to a point in time');

# The one they were copied from goes on as it was.
$node->start;
sql($node, 'clinic', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'clinic', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'fork'"), '0', 'the parent is no fork');
is(scalar(trails($node)), 1, 'and has one trail');

# A role that exists is told by its name, whatever it is called; only lines of the time when nobody knew that have not.
$node->append_conf('postgresql.conf', "log_line_prefix = '%m [%p] u=%u '\nlog_connections = on\nlog_min_messages = warning");
$node->restart;
my $before = log_position($node);
is((try_sql($node, 'clinic', "SELECT 'as a service'", user => 'svc-app@corp.example'))[0], 0, 'a role with an odd name logs in');
like(log_of($node, $before), qr/u=\[redacted\] LOG:  connection authorized: user=\[/, 'it is not named while it connects');
like(log_of($node, $before), qr/u=svc-app\@corp\.example LOG:  statement:/, 'and then it is');
sql($node, 'clinic', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'clinic', "SELECT count(*) FROM hipaa_guard.audit_log
    WHERE command_tag = 'LOGIN' AND session_user_name = 'svc-app\@corp.example'"), '1', 'its login has its name in the trail');
$node->stop;
done_testing();
