package Guarded;

# A thin layer on PostgreSQL::Test::Cluster for tests of hipaa_guard: nodes with the library preloaded, flagged
# databases, and waiting for conditions instead of sleeping.
#
#   use Guarded;                       # strict, warnings, Test::More and all functions below come with it
#   my $node = new_node('main', "hipaa_guard.audit_ring_size = '1MB'");
#   flag($node, 'clinic');             # creates the database if need be, and sets its flag
#   my ($status, $out, $err) = try_sql($node, 'clinic', 'CREATE TABLE ...');
#   wait_until($node, 'SELECT in_ring = 0 FROM hipaa_guard.stat_audit', 'the ring is empty', 'clinic');
#
# Every wait has the same generous time-out, 180 s or PG_TEST_TIMEOUT_DEFAULT, and fails the test when it passes.
# Works with the modules of PostgreSQL 15 and later.

use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use parent qw(Exporter);

our @EXPORT = (
    qw(new_node flag create_extension sql try_sql sqlstate_of wait_for wait_until wait_until_up wait_until_down
        log_of logs_of wait_for_log log_position slurp spawn kill_server kill_backend restart_after_kill
        psql_command talk major_version),
    @Test::More::EXPORT);

our $TIMEOUT = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 180;

my $scratch;

sub import
{
    strict->import;
    warnings->import;
    __PACKAGE__->export_to_level(1, @_);
    return;
}

# A node, started: the library is preloaded, and each further argument is a line of postgresql.conf. The last value
# of a setting counts, so shared_preload_libraries can be given too. With the option start => 0 as
# a hash reference in front of the lines, it is only made: new_node('main', { start => 0, init => [...] }, ...);
# install_path is that of another version.
sub new_node
{
    my ($name, @conf) = @_;
    my $options = ref $conf[0] ? shift @conf : {};
    my $node = PostgreSQL::Test::Cluster->new($name, $options->{install_path} ? (install_path => $options->{install_path}) : ());
    $node->init(@{ $options->{init} // [] });
    $node->append_conf('postgresql.conf', join "\n", (
        "shared_preload_libraries = 'hipaa_guard'",
        "hipaa_guard.audit_ring_size = '1MB'",
        "fsync = off",
        "autovacuum = off",
        "timezone = 'UTC'",
        "log_line_prefix = '%m [%p] %q%a '",
        @conf, ''));
    $node->start unless exists $options->{start} && !$options->{start};
    return $node;
}

# Runs SQL that has to succeed; returns its output, unaligned.
sub sql
{
    my ($node, $db, $sql) = @_;
    my ($status, $out, $err) = try_sql($node, $db, $sql);
    if ($status != 0)
    {
        my $shown = length $sql > 500 ? substr($sql, 0, 500) . '...' : $sql;
        die "psql ended with $status in $db: $err\nin: $shown\n";
    }
    return $out;
}

# Runs SQL that may fail; returns psql's exit status, its output and its errors. The SQL goes through a file, never
# a pipe: a psql whose connection is refused would leave the writer with a broken one.
# ON_ERROR_STOP is set, and errors are shown with their SQLSTATE.
sub try_sql
{
    my ($node, $db, $sql, %options) = @_;
    $scratch //= PostgreSQL::Test::Utils::tempdir_short();
    my $file = "$scratch/sql";
    open my $script, '>', $file or die "cannot write $file: $!";
    print $script $sql;
    close $script or die "cannot write $file: $!";
    my ($out, $err) = ('', '');
    my @command = (psql_command($node, $db, %options), '-f', $file);
    local %ENV = (%ENV, %{ $options{env} // {} });
    IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout($TIMEOUT));
    my $status = $? >> 8;
    $err =~ s{psql:\Q$file\E:\d+: }{}g;
    chomp $out;
    return ($status, $out, $err);
}

# The command line of psql for a node, as a list, to be started in the background or with other options.
sub psql_command
{
    my ($node, $db, %options) = @_;
    my $connection = $node->connstr($db) . ($options{user} ? " user=$options{user}" : '');
    return ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d', $connection);
}

# A psql that stays, by a connection string and with an environment: a function that runs SQL in it, waits, and returns what it
# printed; without SQL it ends the session.
sub talk
{
    my ($connection, %env) = @_;
    my ($in, $out, $err, $count) = ('', '', '', 0);
    local %ENV = (%ENV, %env);
    my $run = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $connection ], '<', \$in, '>', \$out, '2>', \$err,
        IPC::Run::timeout($TIMEOUT));
    my $ask = sub {
        my ($sql) = @_;
        return $run->finish unless defined $sql;
        $out = '';
        $count++;
        $in .= "$sql;\n\\echo done $count\n";
        $run->pump until $out =~ /^done $count$/m || !$run->pumpable;
        die "the session ended: $err" unless $out =~ s/^done $count\n//m;
        chomp $out;
        return $out;
    };
    $ask->('SELECT');
    return $ask;
}

# The first SQLSTATE in what psql wrote to its standard error.
sub sqlstate_of
{
    my ($err) = @_;
    return $err =~ /^(?:.*?:\s+)?(?:ERROR|FATAL|PANIC|WARNING):\s+([0-9A-Z]{5}):/m ? $1 : undef;
}

sub major_version
{
    my ($node) = @_;
    return int(sql($node, 'postgres', 'SHOW server_version_num') / 10000);
}

sub create_extension
{
    my ($node, $db) = @_;
    my $there = sql($node, 'postgres', "SELECT count(*) FROM pg_database WHERE datname = '$db'");
    sql($node, 'postgres', qq{CREATE DATABASE "$db"}) unless $there;
    sql($node, $db, 'CREATE EXTENSION IF NOT EXISTS hipaa_guard');
    return;
}

# Makes a database a HIPAA project. Ends every other session of the database, as enable() does.
sub flag
{
    my ($node, $db) = @_;
    create_extension($node, $db);
    sql($node, $db, q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365, '6 years');
        SELECT hipaa_guard.enable('BAA-1')});
    wait_until($node, 'SELECT hipaa FROM hipaa_guard.project', "database $db is flagged", $db);
    return;
}

# Calls a function until it returns something true, and returns that; dies when it never does.
sub wait_for
{
    my ($what, $condition) = @_;
    my $until = time + $TIMEOUT;
    while (1)
    {
        my $value = $condition->();
        return $value if $value;
        die "timed out after $TIMEOUT s waiting until $what\n" if time > $until;
        sleep 0.05;
    }
}

# Waits until a query returns t. A query that fails, because the server is just starting or ends the session, counts
# as not yet.
sub wait_until
{
    my ($node, $sql, $what, $db) = @_;
    my ($status, $out, $err);
    eval {
        wait_for($what, sub {
            ($status, $out, $err) = try_sql($node, $db // 'postgres', $sql);
            return $status == 0 && $out =~ /^t$/m;
        });
    } or die $@ . "the last answer: $out $err\n";
    return 1;
}

sub wait_until_up
{
    my ($node) = @_;
    return wait_until($node, 'SELECT NOT pg_is_in_recovery() OR pg_is_in_recovery()', 'the server ' . $node->name . ' answers');
}

sub wait_until_down
{
    my ($node) = @_;
    my $file = $node->data_dir . '/postmaster.pid';
    return wait_for('the server ' . $node->name . ' is down', sub { return !-e $file || !kill 0, (slurp($file) =~ /^(\d+)/)[0] });
}

sub slurp
{
    my ($file) = @_;
    open my $in, '<:raw', $file or return '';
    local $/;
    return <$in> // '';
}

# Starts a program in the background that writes to a file; returns its process id, which the caller ends.
sub spawn
{
    my ($log, @command) = @_;
    my $pid = fork // die "cannot fork: $!";
    return $pid if $pid;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $log;
    open STDERR, '>>', $log;
    exec @command or POSIX::_exit(127);
}

# The server log on standard error: all of it, or what came after a position.
sub log_of
{
    my ($node, $position) = @_;
    return substr slurp($node->logfile), $position // 0;
}

sub log_position { my ($node) = @_; return -s $node->logfile || 0; }

# With the log collector on: everything in the files of one format, "log", "csv" or "json".
sub logs_of
{
    my ($node, $format) = @_;
    return join '', map { slurp($_) } sort glob $node->data_dir . "/log/*.$format";
}

# Waits until the log matches, after a position if one is given; returns the log.
sub wait_for_log
{
    my ($node, $pattern, $position) = @_;
    my $log = '';
    wait_for("the log of " . $node->name . " matches $pattern", sub { $log = log_of($node, $position); return $log =~ $pattern });
    return $log;
}

# kill -9 of the postmaster and of all its children at the same moment, as a power failure would do; returns when all
# are gone. A process that is dead but not yet collected by its parent makes the next server believe that the old
# one still runs, so its lock file is taken away then, as one would do by hand.
sub kill_server
{
    my ($node) = @_;
    my $lock = $node->data_dir . '/postmaster.pid';
    my ($postmaster) = slurp($lock) =~ /^(\d+)/ or die "no postmaster\n";
    kill 'STOP', $postmaster;
    my @all = ($postmaster, grep { $_ } split /\s+/, qx(pgrep -P $postmaster));
    kill 'KILL', @all;
    for my $pid (@all)
    {
        wait_for("process $pid is gone", sub { return !kill(0, $pid) || slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) [ZX]/s });
    }
    unlink $lock if kill 0, $postmaster;
    $node->{_pid} = undef;
    return;
}

# kill -9 of the backend of a client (Client.pm, application_name => 'victim') while it runs a statement, one that sleeps;
# returns when the server is up again.
sub kill_backend
{
    my ($node, $client, $sql) = @_;
    my $victim = "FROM pg_stat_activity WHERE application_name = 'victim'";
    $client->send_message('Q', "$sql\0");
    wait_until($node, "SELECT count(*) = 1 $victim AND wait_event = 'PgSleep'", 'the victim sleeps');
    kill 'KILL', sql($node, 'postgres', "SELECT pid $victim");
    $client->finish;
    wait_until_up($node);
    return;
}

# Starts a server that was killed, and waits until it answers.
sub restart_after_kill
{
    my ($node) = @_;
    wait_for('the server ' . $node->name . ' starts again', sub {
        $node->{_pid} = undef;
        return $node->start(fail_ok => 1);
    });
    wait_until_up($node);
    return;
}

1;
