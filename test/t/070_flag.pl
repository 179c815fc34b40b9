# Goal: the flag is set with its transaction, ends the other sessions of its database, and is there after a restart, after
# kill -9 at any moment, and when one of its copies is lost or damaged.
# Method: one server through all of that; the view project and a refusal (PH003) after each step.
use Guarded;
use IPC::Run ();

my $node = new_node('main', 'restart_after_crash = on');
my $state = $node->data_dir . '/hipaa_guard/state';
create_extension($node, 'clinic');
create_extension($node, 'plain');
my $agreement = q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365, '6 years')};
sql($node, 'clinic', $agreement);
sql($node, 'plain', $agreement);
ok(!-e $state, 'a cluster without a flag has no state file');

sub flagged
{
    my ($name, $integrity) = @_;
    wait_until($node, q{SELECT hipaa AND state = 'on' FROM hipaa_guard.project}, "$name: flagged", 'clinic');
    wait_until($node, sprintf(q{SELECT integrity = '%s' FROM hipaa_guard.project}, $integrity // 'ok'), "$name: integrity", 'clinic');
    my (undef, undef, $err) = try_sql($node, 'postgres', 'DROP DATABASE clinic');
    is(sqlstate_of($err), 'PH003', "$name: still a project");
    is(sql($node, 'plain', 'SELECT hipaa FROM hipaa_guard.project'), 'f', "$name: the other database is none");
    return;
}

# Sessions: those of the database end with the commit, others and the one that sets the flag go on.
my %session;
for my $database ('clinic', 'plain')
{
    my ($in, $out) = ("SELECT 'here';\n", '');
    my $handle = IPC::Run::start([ psql_command($node, $database) ], '<', \$in, '>', \$out, '2>', \$out, IPC::Run::timeout(180));
    $handle->pump until $out =~ /here/;
    $session{$database} = [ $handle, \$in, \$out ];
}
# A weaker setting that a database has from before counts no more.
sql($node, 'clinic', q{ALTER DATABASE clinic SET hipaa_guard.audit_classes = 'all, -auth'});

# What cannot be written down fails as a whole.
mkdir $node->data_dir . '/hipaa_guard';
chmod 0500, $node->data_dir . '/hipaa_guard';
my ($status, undef, $err) = try_sql($node, 'clinic', q{SELECT hipaa_guard.enable('BAA-1')});
isnt($status, 0, 'no flag where the state file cannot be written');
like($err, qr/could not write the file of hipaa_guard's flags/, 'and the error says so');
chmod 0700, $node->data_dir . '/hipaa_guard';
is(sql($node, 'clinic', 'SELECT hipaa FROM hipaa_guard.project'), 'f', 'nothing is half done');
is(sql($node, 'clinic', q{BEGIN; SELECT hipaa_guard.enable('BAA-1'); ROLLBACK; SELECT hipaa FROM hipaa_guard.project}), "\nf",
    'a rollback leaves no flag');
like(sql($node, 'clinic', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'clinic' AND pid <> pg_backend_pid()}), qr/^1/,
    'and ends no session');
is(sql($node, 'clinic', q{BEGIN; SELECT hipaa_guard.enable('BAA-1'); COMMIT; SELECT hipaa FROM hipaa_guard.project}), "\nt",
    'the session that sets the flag sees it');
wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'clinic'}, 'the other session has ended');
for my $database ('clinic', 'plain')
{
    my ($handle, $in, $out) = @{ $session{$database} };
    $$in .= "SELECT 'still ' || 'here';\n\\q\n";
    eval { $handle->finish };
    $database eq 'plain'
        ? like($$out, qr/still here/, 'a session of another database goes on')
        : unlike($$out, qr/still here/, 'a session of the database has ended');
}
ok(-s $state, 'now there is a state file');
is(sql($node, 'clinic', 'SHOW hipaa_guard.audit_classes'), 'all', 'a weaker setting of the database is left out');
flagged('after enable()');

# A setting that waits for a restart shows.
sql($node, 'postgres', 'ALTER SYSTEM SET max_connections = 57');
sql($node, 'postgres', 'SELECT pg_reload_conf()');
wait_until($node, 'SELECT restart_pending FROM hipaa_guard.project', 'a setting waits for a restart', 'clinic');
is(sql($node, 'clinic', 'SELECT name FROM hipaa_guard.pending_settings'), 'max_connections', 'which one is listed');
$node->restart;
is(sql($node, 'clinic', 'SELECT restart_pending FROM hipaa_guard.project'), 'f', 'it waits no more');
flagged('after a restart');

# Every process at once, right after the commit of another flag.
create_extension($node, 'ward');
sql($node, 'ward', $agreement);
sql($node, 'ward', q{SELECT hipaa_guard.enable('BAA-1')});
kill_server($node);
restart_after_kill($node);
flagged('after kill -9');
wait_until($node, q{SELECT hipaa FROM hipaa_guard.project}, 'a flag set just before kill -9 is there', 'ward');

# Two at once: one sets the flag, the other waits and finds it, or is ended with the other sessions.
create_extension($node, 'race');
sql($node, 'race', $agreement);
my ($first_in, $first_out) = ("BEGIN; SELECT hipaa_guard.enable('BAA-1');\nSELECT 'set';\n", '');
my $first = IPC::Run::start([ psql_command($node, 'race') ], '<', \$first_in, '>', \$first_out, '2>', \$first_out,
    IPC::Run::timeout(180));
$first->pump until $first_out =~ /set/;
my ($second_in, $second_out) = ("SELECT hipaa_guard.enable('BAA-1');\n", '');
my $second = IPC::Run::start([ psql_command($node, 'race') ], '<', \$second_in, '>', \$second_out, '2>', \$second_out,
    IPC::Run::timeout(180));
$second->pump_nb;
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = 'object'}, 'the second one waits');
$first_in .= "COMMIT;\n\\q\n";
$first->finish;
eval { $second->finish };
like($second_out, qr/FATAL|HIPAA project already/, 'the second one does not set it again');
is(sql($node, 'race', 'SELECT state, (SELECT count(*) FROM hipaa_guard.flag) FROM hipaa_guard.project'), 'on|1', 'there is one flag');

# One backend: shared memory is made anew.
my $pid = sql($node, 'plain', 'SELECT pg_backend_pid()');
my ($in, $out) = ("SELECT pg_backend_pid();\n", '');
my $victim = IPC::Run::start([ psql_command($node, 'plain') ], '<', \$in, '>', \$out, '2>', \$out, IPC::Run::timeout(180));
$victim->pump until $out =~ /^(\d+)$/m;
kill 'KILL', $1;
eval { $victim->finish };
wait_until_up($node);
flagged('after a crash of a backend');

# The state file: lost, cut, foreign.
for my $damage ([ 'lost', undef ], [ 'cut', 'HGST' ], [ 'foreign', 'x' x 100 ])
{
    my ($name, $content) = @$damage;
    $node->stop;
    unlink $state;
    if (defined $content)
    {
        open my $file, '>', $state or die;
        print $file $content;
        close $file;
    }
    $node->start;
    flagged("with the state file $name");
    wait_for('the state file is written again', sub { return -s $state && slurp($state) ne ($content // '') });
}

# The label: taken away while the library was not there. The database stays a project, and says which copy differs.
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
sql($node, 'postgres', q{DELETE FROM pg_shseclabel WHERE objoid = (SELECT oid FROM pg_database WHERE datname = 'clinic')});
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'hipaa_guard'");
$node->start;
flagged('without its label', 'the label is missing');
is(sql($node, 'clinic', q{SELECT status FROM hipaa_guard.posture() WHERE id = 'HIP-03'}), 'fail', 'and so does the posture');

# Single-user mode: the guard is there, and so is the emergency.
$node->stop;
my ($shown, $errors) = ('', '');
IPC::Run::run([ 'postgres', '--single', '-D', $node->data_dir, 'clinic' ], '<',
    \join("\n", 'DROP EXTENSION hipaa_guard', 'SET hipaa_guard.log_policy = off', q{SELECT hipaa_guard.break_glass('disk failure')},
        'SET hipaa_guard.log_policy = off', ''),
    '>', \$shown, '2>', \$errors, IPC::Run::timeout(180));
like($errors, qr/ERROR:.*cannot be changed in a HIPAA project/, 'single-user mode: the extension stays');
like($errors, qr/ERROR:.*cannot become weaker.*WARNING:.*cannot become weaker/s, 'single-user mode: the glass can be broken');
$node->start;
is(sql($node, 'clinic', q{SELECT reason FROM hipaa_guard.emergency_access}), 'disk failure', 'and the entry is there');
$node->stop;
done_testing();
