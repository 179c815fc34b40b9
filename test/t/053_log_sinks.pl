# Goal: no user value gets out by any of the server's sinks nor from any kind of process, wherever the libraries that
# write logs stand in shared_preload_libraries.
# Method: two servers, one with a flagged database and one with log_policy = strict, with pgaudit, pgauditlogtofile,
# auto_explain and pg_cron before and behind the library (as far as they are installed). Everything is logged to stderr,
# csvlog, jsonlog and syslog; of syslog(3) a library that the server is started with makes a file. Values that stand nowhere
# else go to sessions, functions in other languages, an apply worker, autovacuum, a job of pg_cron, and a crash.
use lib 'test/lib';
use Guarded;
use Client;

my ($libraries) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--pkglibdir' ]);
my %there = map { $_ => -e "$libraries/$_.so" } qw(pgaudit pgauditlogtofile auto_explain pg_cron plperl plpython3 jsonb_plpython3 pltcl);
my $folder = PostgreSQL::Test::Utils::tempdir_short();

# syslog(3) as a file: /dev/log is the machine's, and not ours to listen on.
open my $shim, '>', "$folder/shim.c" or die "cannot write $folder/shim.c: $!";
print $shim <<'END';
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void
keep(const char *format, va_list args)
{
    FILE *out = fopen(getenv("HG_SYSLOG"), "a");

    if (out == NULL)
        return;
    vfprintf(out, format, args);
    fputc('\n', out);
    fclose(out);
}

void
syslog(int priority, const char *format, ...)
{
    va_list args;

    (void) priority;
    va_start(args, format);
    keep(format, args);
    va_end(args);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list args;

    (void) priority, (void) flag;
    va_start(args, format);
    keep(format, args);
    va_end(args);
}
END
close $shim;
is(system('gcc', '-shared', '-fPIC', '-o', "$folder/shim.so", "$folder/shim.c"), 0, 'a file in the place of syslog(3)');

my $number = 0;
my %canaries;    # canary -> what it was given to

# A word, or a number, that stands nowhere else.
sub canary
{
    my ($what) = @_;
    my $word = sprintf 'zqs%04dk', ++$number;
    $canaries{$word} = $what;
    return $word;
}

sub number
{
    my ($what) = @_;
    my $digits = sprintf '7708%04d', ++$number;
    $canaries{$digits} = $what;
    return $digits;
}

my @noisy = ("logging_collector = on", "log_destination = 'stderr,csvlog,jsonlog,syslog'", "log_filename = 'server.log'",
    "log_rotation_size = 0", "log_statement = all", "log_min_duration_statement = 0", "log_error_verbosity = verbose",
    "log_min_messages = notice", "log_parameter_max_length_on_error = -1", "log_replication_commands = on", "log_connections = on",
    "log_disconnections = on", "log_line_prefix = '%m [%p] %q%u@%d/%a %i '", "auto_explain.log_min_duration = 0",
    "auto_explain.log_analyze = on", "wal_level = logical", "max_wal_senders = 5", "autovacuum = on",
    "autovacuum_naptime = '1s'", "log_autovacuum_min_duration = 0", "restart_after_crash = on", "wal_retrieve_retry_interval = '500ms'",
    "syslog_split_messages = on", "hipaa_guard.allowed_extensions = 'plperl, plpython3u, jsonb_plpython3u, pltcl, pg_cron, pgaudit'",
    ($there{pgaudit} ? ("pgaudit.log = 'all'", "pgaudit.log_parameter = on", "pgaudit.log_relation = on") : ()),
    ($there{pgauditlogtofile} ? ("pgaudit.log_directory = 'pgaudit'", "pgaudit.log_filename = 'audit.log'") : ()),
    ($there{pg_cron} ? ("cron.database_name = 'postgres'", "cron.use_background_workers = on", "max_worker_processes = 20") : ()));

sub collected { my ($node) = @_; return logs_of($node, 'log') }

sub wait_for_text
{
    my ($node, $pattern, $what) = @_;
    wait_for("the log tells of $what", sub { return collected($node) =~ $pattern });
    return pass("the log tells of $what");
}

# Functions of other languages, and what PL/pgSQL says without a format: words that the statement gave are values.
sub languages
{
    my ($node, $client) = @_;
    my $got = '';
    $got .= $client->simple(q{CREATE FUNCTION say(v text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION USING MESSAGE = 'no patient ' || v || ' here', DETAIL = v, HINT = v; END $$});
    $got .= $client->simple(q{CREATE FUNCTION claim(v text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
        ASSERT false, 'no patient ' || v; RETURN 1; END $$});
    $got .= $client->simple(sprintf "SELECT %s('%s')", $_, canary("$_ of PL/pgSQL")) for qw(say claim);
    $got .= $client->extended("SELECT $_(\$1)", canary("$_ of PL/pgSQL with a parameter")) for qw(say claim);
    $got .= $client->simple(sprintf q{DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'no patient ' || '%s'; END $$}, canary('DO'));
    SKIP:
    {
        skip 'PL/Perl is not installed', 1 unless $there{plperl};
        $got .= $client->simple($_) for 'CREATE EXTENSION plperl',
            'CREATE FUNCTION perl_say(text) RETURNS int LANGUAGE plperl AS $$ elog(ERROR, "no patient $_[0] here") $$',
            'CREATE FUNCTION perl_die(text) RETURNS int LANGUAGE plperl AS $$ die "no patient $_[0]" $$',
            'CREATE FUNCTION perl_run(text) RETURNS int LANGUAGE plperl AS $$ spi_exec_query("SELECT $_[0]::int") $$';
        $got .= $client->simple(sprintf "SELECT %s('%s')", $_, canary($_)) for qw(perl_say perl_die perl_run);
        $got .= $client->extended("SELECT $_(\$1)", canary("$_ with a parameter")) for qw(perl_say perl_die);
        $got .= $client->simple(sprintf 'DO LANGUAGE plperl $$ elog(WARNING, "no patient %s") $$', canary('DO in PL/Perl'));
        $got .= $client->simple(sprintf 'DO LANGUAGE plperl $$ my $x = "%s"; this is no Perl $$', canary('bad PL/Perl'));
        like($got, qr/PL\/Perl function "?perl_say/, 'PL/Perl says where it failed');
    }
    SKIP:
    {
        skip 'PL/Python is not installed', 1 unless $there{plpython3};
        $got .= $client->simple($_) for 'CREATE EXTENSION plpython3u',
            q{CREATE FUNCTION py_say(v text) RETURNS int LANGUAGE plpython3u AS $$ plpy.error('no patient ' + v, detail=v, hint=v) $$},
            q{CREATE FUNCTION py_raise(v text) RETURNS int LANGUAGE plpython3u AS $$ raise ValueError(v) $$},
            q{CREATE FUNCTION py_int(v text) RETURNS int LANGUAGE plpython3u AS $$ return int(v) $$},
            q{CREATE FUNCTION py_run(v text) RETURNS int LANGUAGE plpython3u AS $$ plpy.execute("SELECT '%s'::int" % v) $$};
        $got .= $client->simple(sprintf "SELECT %s('%s')", $_, canary($_)) for qw(py_say py_raise py_int py_run);
        $got .= $client->extended("SELECT $_(\$1)", canary("$_ with a parameter")) for qw(py_say py_raise);
        like($got, qr/PL\/Python function "?py_say/, 'PL/Python says where it failed');
    }
    SKIP:
    {
        skip 'jsonb_plpython3u is not installed', 1 unless $there{plpython3} && $there{jsonb_plpython3};
        # A number that does not look like one, and an object that is none of JSON's.
        $got .= $client->simple($_) for 'CREATE EXTENSION jsonb_plpython3u',
            'CREATE FUNCTION py_number(v text) RETURNS jsonb LANGUAGE plpython3u TRANSFORM FOR TYPE jsonb AS $$'
            . "\nclass Odd(int):\n    def __str__(self): return v\nreturn [Odd(1)]\n\$\$",
            'CREATE FUNCTION py_object(v text) RETURNS jsonb LANGUAGE plpython3u TRANSFORM FOR TYPE jsonb AS $$'
            . "\nreturn type(v, (object,), {})()\n\$\$";
        $got .= $client->simple(sprintf "SELECT %s('%s')", $_, canary($_)) for qw(py_number py_object);
        $got .= $client->extended("SELECT $_(\$1)", canary("$_ with a parameter")) for qw(py_number py_object);
        like($got, qr/could not convert value "\[redacted\]" to jsonb/, 'jsonb_plpython3u says what failed');
    }
    SKIP:
    {
        skip 'PL/Tcl is not installed', 1 unless $there{pltcl};
        $got .= $client->simple($_) for 'CREATE EXTENSION pltcl',
            'CREATE FUNCTION tcl_say(text) RETURNS int LANGUAGE pltcl AS $$ elog ERROR "no patient $1 here" $$',
            'CREATE FUNCTION tcl_error(text) RETURNS int LANGUAGE pltcl AS $$ error "no patient $1" $$',
            'CREATE FUNCTION tcl_code(text) RETURNS int LANGUAGE pltcl AS $$ return -code error -errorinfo "at $1" "no $1" $$',
            'CREATE FUNCTION tcl_eval(text) RETURNS int LANGUAGE pltcl AS $$ eval $1 $$',
            'CREATE FUNCTION tcl_int(text) RETURNS int LANGUAGE pltcl AS $$ return $1 $$',
            'CREATE FUNCTION tcl_row(text, OUT a text, OUT b text) LANGUAGE pltcl AS $$ return [list $1 x] $$',
            'CREATE FUNCTION tcl_list(text, OUT a text, OUT b text) LANGUAGE pltcl AS $$ return "{$1" $$',
            q{CREATE FUNCTION tcl_run(text) RETURNS int LANGUAGE pltcl AS $$ spi_exec "SELECT '$1'::int" $$},
            'CREATE FUNCTION tcl_warn(text) RETURNS int LANGUAGE pltcl AS $$ elog WARNING "no patient $1"; return 1 $$';
        for my $name (qw(say error code eval int row list run warn))
        {
            $got .= $client->simple(sprintf "SELECT tcl_%s('%s')", $name, canary("tcl_$name"));
            $got .= $client->extended("SELECT tcl_$name(\$1)", canary("tcl_$name with a parameter"));
        }
        like($got, qr/in PL\/Tcl function "?tcl_say/, 'PL/Tcl says where it failed');
    }
    return $got;
}

# Each gets its value from a row, in a process without a client.
sub workers
{
    my ($node, $client) = @_;
    my $got = '';
    my @answers = map { $client->simple($_) } 'CREATE TABLE rep (id int PRIMARY KEY, name text)', 'CREATE PUBLICATION pub FOR TABLE rep',
        "SELECT pg_create_logical_replication_slot('slot', 'pgoutput')";
    my ($word, $key) = (canary('a row that is replicated'), number('its key'));
    sql($node, 'two', 'CREATE TABLE rep (id int PRIMARY KEY, name text)');
    sql($node, 'two', "INSERT INTO rep VALUES ($key, '$word')");
    my $connection = sprintf 'host=%s port=%s user=postgres dbname=postgres', $node->host, $node->port;
    sql($node, 'two', "CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION pub WITH (create_slot = false, "
        . "slot_name = 'slot', copy_data = false)");
    $got .= $client->simple("INSERT INTO rep VALUES ($key, '$word')");
    wait_for_text($node, qr/processing remote data/, 'the apply worker');
    sql($node, 'two', $_) for 'ALTER SUBSCRIPTION sub DISABLE', 'ALTER SUBSCRIPTION sub SET (slot_name = NONE)', 'DROP SUBSCRIPTION sub';

    # The index's function raises once there is a row in another table, so that only autovacuum meets the error.
    $got .= $client->simple($_) for 'CREATE TABLE strict (x int)',
        'CREATE FUNCTION picky(v text) RETURNS int IMMUTABLE LANGUAGE plpgsql SET search_path = public AS $$ BEGIN
            IF EXISTS (SELECT FROM strict) THEN RETURN v::int; END IF; RETURN 1; END $$',
        'CREATE TABLE seen (v text) WITH (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0)',
        'CREATE INDEX ON seen (picky(v))', 'BEGIN',
        sprintf("INSERT INTO seen SELECT '%s' FROM generate_series(1, 100)", canary('a row that autovacuum reads')),
        'INSERT INTO strict VALUES (1)', 'COMMIT';
    wait_for_text($node, qr/automatic analyze of table/, 'autovacuum');
    SKIP:
    {
        skip 'pg_cron is not installed', 1 unless $there{pg_cron};
        $got .= $client->simple('CREATE EXTENSION pg_cron');
        my $version = sql($node, 'postgres', "SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'");
        skip 'this pg_cron knows no seconds', 1 if $version =~ /^1\.[0-4](?!\d)/;
        my $word = canary('a job of pg_cron');
        $got .= $client->simple(sprintf q{SELECT cron.schedule('job', '1 seconds', $$SELECT '%s'::int$$)}, $word);
        # What it reports is in its own table; there it is data.
        wait_until($node, "SELECT count(*) > 0 FROM cron.job_run_details WHERE status = 'failed'", 'the job has failed');
        like(collected($node), qr/cron job \d+/, 'the log tells of pg_cron');
        $client->simple("SELECT cron.unschedule('job')");
    }
    return $got;
}

# pgauditlogtofile takes the lines of pgaudit out of the server's log, unless it has no folder to write to.
sub audit_in_the_log
{
    my ($node, $client) = @_;
    sql($node, 'postgres', "ALTER SYSTEM SET pgaudit.log_directory = ''") if $there{pgauditlogtofile};
    $node->reload;
    wait_for('the log has the lines of pgaudit', sub {
        $client->simple(sprintf "SELECT '%s'", canary('a statement that is audited'));
        return collected($node) =~ /AUDIT: SESSION,\d+,\d+,READ,SELECT/;
    });
    return pass('the log has the lines of pgaudit');
}

sub crash
{
    my ($node) = @_;
    my $victim = Client->new($node->host, $node->port, database => 'two', application_name => 'victim');
    return kill_backend($node, $victim, sprintf("SELECT '%s', pg_sleep(600)", canary('a statement that crashes')));
}

sub check_sinks
{
    my ($node, $got, $syslog) = @_;
    my %sinks = ('what clients got' => $got, syslog => slurp($syslog));
    $sinks{"the $_ log"} = logs_of($node, $_) for qw(log csv json);
    $sinks{"pgauditlogtofile's"} = join '', map { slurp($_) } glob $node->data_dir . '/pgaudit/*' if $there{pgauditlogtofile};
    for my $sink (sort keys %sinks)
    {
        my $text = $sinks{$sink};
        my %places;
        $places{ lc $1 } //= $-[0] while $text =~ /(zqs\d{4}k|7708\d{4})/gi;
        is(scalar(grep { $canaries{$_} } keys %places), 0, "no canary in $sink of " . $node->name);
        for my $left (sort grep { $canaries{$_} } keys %places)
        {
            my $from = $places{$left} < 200 ? 0 : $places{$left} - 200;
            diag("$left of: $canaries{$left}\n  in: " . substr $text, $from, 300);
        }
    }
    for my $sink ('syslog', 'the log log', 'the csv log', 'the json log')
    {
        like($sinks{$sink}, qr/$_/, "$sink says: $_") for 'ERROR', 'duration: ', 'Failed process was running', 'plan:';
    }
    SKIP:
    {
        skip 'pgaudit and pgauditlogtofile are not installed', 1 unless $there{pgaudit} && $there{pgauditlogtofile};
        like($sinks{"pgauditlogtofile's"}, qr/SESSION"?,"?\d+"?,"?\d+"?,"?READ"?,"?SELECT/, 'pgauditlogtofile has them in its file');
    }
    return;
}

my @order = grep { $there{$_} } qw(pg_cron pgaudit pgauditlogtofile auto_explain);
my %preload = (front => join(', ', 'hipaa_guard', @order), back => join(', ', reverse('hipaa_guard', reverse @order)));
for my $place (qw(front back))
{
    my $syslog = "$folder/$place";
    my $node = new_node($place, { start => 0 }, "shared_preload_libraries = '$preload{$place}'", @noisy,
        ($place eq 'back' ? "hipaa_guard.log_policy = strict" : ()));
    {
        local $ENV{LD_PRELOAD} = "$folder/shim.so" . ($ENV{LD_PRELOAD} ? ":$ENV{LD_PRELOAD}" : '');
        local $ENV{HG_SYSLOG} = $syslog;
        $node->start;
    }
    flag($node, 'clinic') if $place eq 'front';
    sql($node, 'postgres', 'CREATE DATABASE two');
    my $client = Client->new($node->host, $node->port, application_name => 'sinks');
    my $got = $there{pgaudit} ? $client->simple('CREATE EXTENSION pgaudit') : '';
    $got .= $client->simple(sprintf "SELECT '%s'::int", canary('a statement'));
    $got .= $client->extended('SELECT $1::int', canary('a parameter'));
    $got .= $client->simple(sprintf "SELECT count(*) FROM pg_class WHERE relname = '%s'", canary('a plan'));
    $got .= languages($node, $client);
    $got .= workers($node, $client);
    SKIP:
    {
        skip 'pgaudit is not installed', 1 unless $there{pgaudit};
        audit_in_the_log($node, $client);
    }
    crash($node);
    $node->stop;
    wait_for('the collector is done', sub { return collected($node) =~ /database system is shut down/ });
    check_sinks($node, $got, $syslog);
}
done_testing();
