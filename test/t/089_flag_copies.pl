# Goal: the flag has several copies, and one that is left is enough: label, state file, record, agreement; a crash at any moment of
# enable(), a full disk and a recovery to a moment leave a whole flag or none; a cluster that never had one sees nothing of this.
# Method: copies are taken away while the library is not there; the whole server is killed at chosen moments of enable(), which commit_delay
# and a standby that never answers make long enough; /dev/full in the place of the new state file.
use Guarded;
use IPC::Run ();

# A commit waits for commit_delay between the state file and its own record.
my $node = new_node('main', { init => [ allows_streaming => 1, has_archiving => 1 ] }, 'restart_after_crash = on', 'fsync = on',
    'commit_siblings = 0', 'max_prepared_transactions = 2');
my $data = $node->data_dir;
my $agreement = q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365)};
ok(!-e "$data/hipaa_guard/state", 'a cluster without a flag has no state file');
for my $database ('clinic', 'plain', 'crash')
{
    create_extension($node, $database);
    sql($node, $database, $agreement);
}
sql($node, 'plain', q{SET hipaa_guard.audit_unflagged = on; CREATE TABLE "219-09-9999" (a int); DROP TABLE "219-09-9999"});
$node->restart;
is(sql($node, 'plain', q{CREATE TABLE "219-09-9999" (a int); DROP TABLE "219-09-9999";
    SELECT state || integrity FROM hipaa_guard.project}), 'offok',
    'nothing changes without a flag, after a restart and with an audit trail');
$node->backup('before');

# What keeps enable() from being done: each is a clear error, and nothing is half done.
sub off
{
    my ($name) = @_;
    is(sql($node, 'clinic', q{SELECT state, integrity, (SELECT count(*) FROM hipaa_guard.flag) FROM hipaa_guard.project}),
        'off|ok|0', $name);
    return;
}
sql($node, 'clinic', q{BEGIN; CREATE TABLE later (a int); COMMENT ON TABLE later IS 'ssn 219-09-9999'; PREPARE TRANSACTION 'later'});
my (undef, undef, $err) = try_sql($node, 'clinic', q{SELECT hipaa_guard.enable('BAA-1')});
like($err, qr/PH004.*no prepared transactions/s, 'a prepared transaction may hold anything');
sql($node, 'clinic', q{ROLLBACK PREPARED 'later'});
mkdir "$data/hipaa_guard";
symlink '/dev/full', "$data/hipaa_guard/state.new" or die;
(undef, undef, $err) = try_sql($node, 'clinic', q{SELECT hipaa_guard.enable('BAA-1')});
like($err, qr/could not write the file of hipaa_guard's flags: No space left on device/, 'a full disk');
off('leaves no flag');
unlink "$data/hipaa_guard/state.new";

# kill -9 of everything: before the commit, after the state file was written, after the commit was written.
sub start_enable
{
    my ($before, $after) = @_;
    my ($in, $out) = ("$before SELECT hipaa_guard.enable('BAA-1'); SELECT 'called';\n$after\n", '');
    my $run = IPC::Run::start([ psql_command($node, 'crash') ], '<', \$in, '>', \$out, '2>', \$out, IPC::Run::timeout(180));
    return ($run, \$out);
}
sub crash_and_look
{
    my ($name, $run, $expected) = @_;
    kill_server($node);
    eval { $run->kill_kill };
    restart_after_kill($node);
    # Until the labels are read, the database counts as flagged where the file has it.
    my $state;
    wait_for("$name: the flag is whole", sub {
        $state = sql($node, 'crash', q{SELECT state, integrity, (SELECT count(*) FROM hipaa_guard.flag) FROM hipaa_guard.project});
        return $state =~ /^(?:off\|ok\|0|on\|ok\|1)$/;
    });
    like($state, $expected, $name);
    return;
}
my ($run, $out) = start_enable('BEGIN;', '');
$run->pump until $$out =~ /called/;
crash_and_look('a crash before the commit', $run, qr/^off/);
sql($node, 'postgres', q{ALTER SYSTEM SET commit_delay = 100000});
sql($node, 'postgres', 'SELECT pg_reload_conf()');
($run, $out) = start_enable('BEGIN;', 'COMMIT;');
wait_for('the state file is written', sub { $run->pump_nb; return -s "$data/hipaa_guard/state"; });
crash_and_look('a crash between state file and commit', $run, qr/^o(?:ff|n)/);
my $crashed = sql($node, 'crash', 'SELECT state FROM hipaa_guard.project');
if ($crashed eq 'off')
{
    sql($node, 'postgres', q{ALTER SYSTEM RESET commit_delay; });
    sql($node, 'postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'});
    sql($node, 'postgres', 'SELECT pg_reload_conf()');
    ($run, $out) = start_enable('', '');
    wait_for('the commit is written', sub {
        $run->pump_nb;
        return sql($node, 'postgres', q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = 'crash'}) == 1;
    });
    $node->append_conf('postgresql.auto.conf', "synchronous_standby_names = ''");
    crash_and_look('a crash after the commit was written', $run, qr/^on/);
}
is(sql($node, 'crash', 'SELECT state FROM hipaa_guard.project'), 'on', 'then it is on') if $crashed eq 'off';

# Recovery to a moment: before the flag there is none, from the flag on there is.
sql($node, 'postgres', q{SELECT pg_create_restore_point('unflagged')});
sql($node, 'clinic', q{SELECT hipaa_guard.enable('BAA-1')});
sql($node, 'postgres', q{SELECT pg_create_restore_point('flagged')});
sql($node, 'clinic', 'CREATE TABLE later (a int)');
sql($node, 'postgres', 'SELECT pg_switch_wal()');
$node->poll_query_until('postgres', q{SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver})
    or die 'no archiving';
for my $target ([ 'unflagged', 'off' ], [ 'flagged', 'on' ])
{
    my ($name, $state) = @$target;
    my $restored = PostgreSQL::Test::Cluster->new("to_$name");
    $restored->init_from_backup($node, 'before', has_restoring => 1, standby => 0);
    $restored->append_conf('postgresql.conf', "recovery_target_name = '$name'\nrecovery_target_action = promote\narchive_mode = off");
    $restored->start;
    wait_until($restored, 'SELECT NOT pg_is_in_recovery()', 'recovered');
    is(sql($restored, 'clinic', 'SELECT state, integrity FROM hipaa_guard.project'), "$state|ok", "recovered to $name: $state");
    is(sql($restored, 'clinic', q{SELECT to_regclass('later') IS NULL}), 't', 'and not further');
    (undef, undef, $err) = try_sql($restored, 'postgres', 'DROP DATABASE clinic');
    is(sqlstate_of($err) // '', $state eq 'on' ? 'PH003' : '', "DROP DATABASE there");
    $restored->stop;
}

# One copy, and two at once (the label or the file alone: 070). What was lost is put right by enable() and record_baa().
my $file = "$data/hipaa_guard/state";
my $label = q{DELETE FROM pg_shseclabel WHERE classoid = 'pg_database'::regclass
    AND objoid = (SELECT oid FROM pg_database WHERE datname = 'clinic')};
my %loss = (
    label => sub { sql($node, 'postgres', $label) },
    record => sub { sql($node, 'clinic', 'ALTER TABLE hipaa_guard.flag DISABLE TRIGGER ALL; DELETE FROM hipaa_guard.flag') },
    agreement => sub { sql($node, 'clinic', 'ALTER TABLE hipaa_guard.baa DISABLE TRIGGER ALL; DELETE FROM hipaa_guard.baa;
        ALTER TABLE hipaa_guard.baa ENABLE ALWAYS TRIGGER append_only; ALTER TABLE hipaa_guard.baa ENABLE ALWAYS TRIGGER retention') });
my @losses = (
    [ 'record', 'the record in hipaa_guard.flag is missing' ],
    [ 'label agreement', 'the label is missing; the agreement in hipaa_guard.baa is missing' ],
    [ 'label file', 'the label is missing' ]);
$node->append_conf('postgresql.conf', 'fsync = off');
for my $loss (@losses)
{
    my ($copies, $integrity) = @$loss;
    $node->stop;
    $node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
    $node->start;
    $loss{$_}->() for grep { $loss{$_} } split / /, $copies;
    $node->stop;
    unlink $file if $copies =~ /file/;
    $node->append_conf('postgresql.conf', "shared_preload_libraries = 'hipaa_guard'");
    $node->start;
    is(sql($node, 'clinic', 'SELECT state FROM hipaa_guard.project'), 'on', "without $copies: flagged from the first moment");
    wait_until($node, q{SELECT hipaa FROM hipaa_guard.project WHERE state = 'off' OR hipaa}, 'the flags are read', 'clinic');
    wait_until($node, q{SELECT state = 'off' FROM hipaa_guard.project}, "without $copies: the other database is none", 'plain');
    is(sql($node, 'clinic', 'SELECT state, integrity FROM hipaa_guard.project'), "on|$integrity", "without $copies: and it says so");
    (undef, undef, $err) = try_sql($node, 'postgres', 'DROP DATABASE clinic');
    is(sqlstate_of($err), 'PH003', "without $copies: it cannot be dropped");
    (undef, undef, $err) = try_sql($node, 'clinic', 'DELETE FROM hipaa_guard.emergency');
    is(sqlstate_of($err), 'PH003', "without $copies: guarded");
    sql($node, 'clinic', $agreement) if $copies =~ /agreement/;
    sql($node, 'clinic', q{SELECT hipaa_guard.enable('BAA-1')}) if $copies =~ /label|record/;
    wait_until($node, q{SELECT state = 'on' AND integrity = 'ok' FROM hipaa_guard.project}, "without $copies: it was put right", 'clinic');
}
(undef, undef, $err) = try_sql($node, 'clinic', q{SELECT hipaa_guard.enable('BAA-1')});
is(sqlstate_of($err), '55000', 'where all copies are there, there is nothing to enable');
$node->stop;
done_testing();
