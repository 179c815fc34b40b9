# Goal: no user value gets into the server's log or into a message to a client, whatever goes wrong.
# Method: each statement of test/canaries.tsv carries values that stand nowhere else ("canaries") and is sent over the
# simple and the extended protocol by a client that shows each byte of every error and notice. All that can be logged is
# logged, in three formats. At the end no canary may be in any of it, and each severity must be there, so that the
# search is not in vain.
use lib 'test/lib';
use Guarded;
use Client;

my $node = new_node('canaries', "shared_preload_libraries = 'hipaa_guard, auto_explain'", "hipaa_guard.log_policy = strict",
    "logging_collector = on", "log_destination = 'stderr,csvlog,jsonlog'", "log_filename = 'server.log'", "log_rotation_size = 0",
    "log_statement = all", "log_min_duration_statement = 0", "log_duration = on", "log_error_verbosity = verbose",
    "log_min_messages = debug2", "log_min_error_statement = debug5", "client_min_messages = debug2", "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1", "log_connections = on", "log_disconnections = on", "log_lock_waits = on",
    "deadlock_timeout = 100ms", "log_temp_files = 0", "log_replication_commands = on", "debug_print_parse = on",
    "debug_print_rewritten = on", "debug_print_plan = on", "auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on",
    "auto_explain.log_verbose = on", "auto_explain.log_nested_statements = on", "auto_explain.log_settings = on",
    "log_line_prefix = '%m [%p] %q%u@%d/%a %i '", "restart_after_crash = on", "statement_timeout = '60s'", "max_prepared_transactions = 2");

my %canaries;    # canary -> where it was

# Each canary is a word or a number that stands nowhere else.
sub fill
{
    my ($text, $number) = @_;
    my %parts = (c => sprintf('zqc%04dk', $number), n => sprintf('7707%04d077', $number));
    $canaries{$_} = $text for grep { index($text, "{$_}") >= 0 } keys %parts;
    $text =~ s/\{([cn])\}/$parts{$1}/g;
    $text =~ s/\\([nt\\])/$1 eq 'n' ? "\n" : $1 eq 't' ? "\t" : '\\'/ge;
    $canaries{ $parts{c} } = $canaries{ $parts{n} } = $text;
    return $text;
}

sub rows
{
    open my $in, '<', 'test/canaries.tsv' or die "cannot read test/canaries.tsv: $!";
    chomp(my @rows = grep { !/^#/ } <$in>);
    return @rows;
}

my $received = '';
my $number = 0;

# Sends all statements in one session; one that ends it, or leaves a transaction open, does not harm the next.
sub send_all
{
    my ($protocol, $database) = @_;
    my $connect = sub { return Client->new($node->host, $node->port, database => $database, application_name => 'canaries') };
    my $client = $connect->();
    for my $row (rows())
    {
        my ($sql, $data) = split / <<< /, fill($row, ++$number), 2;
        $client->{copy_data} = $data // '';
        $received .= "--- $row\n" . $client->$protocol($sql);
        $client = $connect->() if $client->{closed};
    }
    $client->close;
    return;
}

sql($node, 'postgres', "CREATE DATABASE $_") for qw(one two);
send_all('simple', 'one');
send_all('extended', 'two');
my $statements = $number;

# Parameters of the extended protocol, good and bad.
my $client = Client->new($node->host, $node->port, database => 'two');
my @with_parameters = ('SELECT $1::int', 'SELECT $1::date', 'SELECT length($1), 1/0', 'SELECT * FROM patient WHERE name = $1',
    'SELECT fail_with($1)', 'INSERT INTO patient VALUES (1, $1)', 'INSERT INTO patient VALUES (99, $1, $1, 500)', 'SELECT to_date($1, $1)',
    'SELECT add_patient($1, $1)', 'SELECT $1::jsonb', 'SELECT pg_sleep(0), $1::text');
for my $sql (@with_parameters)
{
    my $value = fill('{c}', ++$number);
    $received .= "--- $sql\n" . $client->extended($sql, ($value) x 1);
}

# Parallel workers, whose errors are reported twice.
my $parallel = q{SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
    SET min_parallel_table_scan_size = 0; SET debug_parallel_query = on; SET force_parallel_mode = on};
$received .= $client->simple($_) for split /;/, $parallel;
$client->simple('CREATE TABLE many AS SELECT i, i::text AS t FROM generate_series(1, 20000) i');
$received .= $client->simple(fill("INSERT INTO many VALUES (1, '{c}')", ++$number));
$received .= $client->simple('SELECT count(*) FROM many WHERE t::int > 0');
$received .= $client->simple(fill("SELECT sum(i) FROM many WHERE t = '{c}' OR t::int < 0", ++$number));

# A lock that is waited for, and a deadlock: its report carries the other session's statement.
my $other = Client->new($node->host, $node->port, database => 'two', application_name => 'other');
$client->simple('CREATE TABLE locked AS SELECT i, i::text AS t FROM generate_series(1, 2) i');
$client->simple('BEGIN');
$other->simple('BEGIN');
$client->simple('UPDATE locked SET t = t WHERE i = 1');
$other->simple('UPDATE locked SET t = t WHERE i = 2');
$other->send_message('Q', fill("UPDATE locked SET t = '{c}' WHERE i = 1", ++$number) . "\0");
wait_for('the log says that the other session waits', sub { return logs_of($node, 'log') =~ /still waiting for/ });
$received .= $client->simple(fill("UPDATE locked SET t = '{c}' WHERE i = 2", ++$number));
$received .= $other->finish;
$_->simple('ROLLBACK') for $client, $other;

# pg_stat_activity, while statements run, for both protocols and after an error.
sub activity { return sql($node, 'postgres', "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE application_name = 'seen'") }
my $seen = Client->new($node->host, $node->port, database => 'two', application_name => 'seen');
my $activity = '';
for my $sql ("SELECT '{c}' AS x, 1 AS y", "SELECT '{c}'::int", "SELEKT '{c}'", "SET work_mem = '{c}'")
{
    $received .= $seen->simple(fill($sql, ++$number));
    $activity .= activity();
    $received .= $seen->extended(fill($sql, ++$number));
    $activity .= activity();
}
like($activity, qr/SELECT '\[redacted\]' AS x/, 'pg_stat_activity shows the statement with its literals masked');

# Clients that are not let in, with names that are no names.
$node->append_conf('pg_hba.conf', "# all others\n");
my $hba = $node->data_dir . '/pg_hba.conf';
my $rules = slurp($hba);
sql($node, 'postgres', "CREATE ROLE known LOGIN PASSWORD 'x'");
open my $out, '>', $hba or die "cannot write $hba: $!";
print $out "local all postgres trust\nlocal all known password\nlocal other all reject\nlocal all all password\n";
close $out;
$node->reload;
wait_until($node, "SELECT count(*) = 4 FROM pg_hba_file_rules", 'the rules are read');
my @guests = ({ user => '{c} x', password => '{c}' }, { user => 'known', password => '{c}' },
    { user => 'postgres', database => '{c} x' }, { user => '{c} x', database => 'other' },
    { user => 'postgres', application_name => '{c} "x"' }, { user => 'postgres', '{c} x' => 'y' },
    { user => 'postgres', options => '-c {c}\\ x=y' }, { user => 'postgres', options => '-c work_mem={c}' },
    { user => 'postgres', database => 'postgres', replication => '{c}' });
for my $options (@guests)
{
    $number++;
    my %filled = map { fill($_, $number) => fill($options->{$_}, $number) } keys %$options;
    my $guest = Client->new($node->host, $node->port, %filled);
    $received .= $guest->{errors};
    $guest->close;
}

# The replication protocol has a grammar of its own.
my $walsender = Client->new($node->host, $node->port, database => 'two', replication => 'database');
$received .= $walsender->simple(fill($_, ++$number)) for "START_REPLICATION SLOT \"{c} x\" LOGICAL 0/0",
    "SELECT '{c}'::int", "CREATE_REPLICATION_SLOT \"{c} X\" PHYSICAL",
    "BASE_BACKUP (LABEL '{c}' x)", "SHOW \"{c} x\"", "TIMELINE_HISTORY {c}", "NONSENSE '{c}'";
$walsender->close;

# A backend that dies while it runs a statement: the postmaster tells which.
my $victim = Client->new($node->host, $node->port, database => 'two', application_name => 'victim');
$victim->send_message('Q', fill("SELECT '{c}', pg_sleep(600)", ++$number) . "\0");
my $sleeps = "application_name = 'victim' AND wait_event = 'PgSleep'";
wait_until($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE $sleeps", 'the victim sleeps');
my $victim_pid = sql($node, 'postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'");
kill 'KILL', $victim_pid;
$victim->finish;
wait_until_up($node);
$node->stop;

my %sinks = ('what clients got' => $received, 'pg_stat_activity' => $activity);
for my $format (qw(log csv json))
{
    wait_for("the collector is done with $format", sub { return logs_of($node, $format) =~ /database system is shut down/ });
    $sinks{"the $format log"} = logs_of($node, $format);
}
cmp_ok($statements, '>=', 800, "$statements statements were sent");
for my $sink (sort keys %sinks)
{
    my $text = $sinks{$sink};
    my %left = map { $_ => 1 } $text =~ /(zqc\d{4}k|7707\d{4}077)/gi;
    my @left = sort keys %left;
    is(scalar @left, 0, "no canary in $sink");
    splice @left, 20 if @left > 20;
    diag("$_ of: " . ($canaries{ lc $_ } // '?') . "\n  in: " . ($text =~ /^(.*\Q$_\E.*)$/mi)[0]) for @left;
}
for my $words ('ERROR', 'FATAL', 'WARNING', 'NOTICE', 'STATEMENT', 'DETAIL', 'HINT', 'CONTEXT', 'deadlock detected', 'plan:',
    'Failed process was running', 'parse tree:', 'invalid input syntax', 'already exists', 'parameters: \$1', 'still waiting for')
{
    ok($sinks{'the log log'} =~ /$words/i, "the log still says: $words");
}
done_testing();
