package Canaries;

# Sends values that stand nowhere else ("canaries") to a server, in all the ways a client can, and looks for them in
# everything that the server writes: t/050_canaries.pl, t/055_canaries_flagged.pl.
#
#   my $node = noisy_node('canaries', "hipaa_guard.log_policy = strict");    # logs all that can be logged, in three formats
#   make_database($node, 'one');
#   send_statements($node, 'simple', 'one');                                 # test/canaries.tsv; the other way: extended
#   send_situations($node, 'two');                                           # what takes more than a statement
#   check_sinks($node);                                                      # stops it; no canary may be anywhere

use Guarded;
use Client;

use parent qw(Exporter);

our @EXPORT = qw(noisy_node make_database statements_sent send_statements send_situations send_function_dump send_configuration
    check_sinks);

my @noisy = ("logging_collector = on", "log_destination = 'stderr,csvlog,jsonlog'", "log_filename = 'server.log'",
    "log_rotation_size = 0", "log_statement = all", "log_min_duration_statement = 0", "log_duration = on", "log_error_verbosity = verbose",
    "log_min_messages = debug3", "log_min_error_statement = debug5", "client_min_messages = debug2", "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1", "log_connections = on", "log_disconnections = on", "log_lock_waits = on",
    "deadlock_timeout = 100ms", "log_temp_files = 0", "log_replication_commands = on", "debug_print_parse = on",
    "debug_print_rewritten = on", "debug_print_plan = on", "auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on",
    "auto_explain.log_verbose = on", "auto_explain.log_nested_statements = on", "auto_explain.log_settings = on",
    "log_line_prefix = '%m [%p] %q%u@%d/%a %i '", "restart_after_crash = on", "statement_timeout = '60s'",
    "max_prepared_transactions = 2", "wal_level = logical", "max_wal_senders = 5", "wal_retrieve_retry_interval = '500ms'");

my %canaries;    # canary -> where it was
my $number = 0;
my $received = '';
my $activity = '';

sub noisy_node { my ($name, @conf) = @_; return new_node($name, "shared_preload_libraries = 'hipaa_guard, auto_explain'", @noisy, @conf) }

# Some errors need UTF-8, which is not the default of every version's tests.
sub make_database
{
    my ($node, $name) = @_;
    return sql($node, 'postgres', "CREATE DATABASE $name ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0");
}

# Each canary is a word or a number that stands nowhere else; the detector knows none of them in letters.
sub fill
{
    my ($text, %more) = @_;
    $number++;
    my %parts = (c => sprintf('zqc%04dk', $number), w => sprintf('zqw%04dk', $number) =~ tr/0-9/a-j/r,
        n => sprintf('7707%04d077', $number), %more);
    $text =~ s/\{([a-z]+)\}/$parts{$1} \/\/ "{$1}"/ge;
    $text =~ s/\\([nt\\])/$1 eq 'n' ? "\n" : $1 eq 't' ? "\t" : '\\'/ge;
    $canaries{ $parts{$_} } = $text for qw(c w n);
    return $text;
}

sub statements_sent { return $number }
sub receive { $received .= join '', @_; return }

sub rows
{
    open my $in, '<', 'test/canaries.tsv' or die "cannot read test/canaries.tsv: $!";
    chomp(my @rows = grep { !/^#/ } <$in>);
    return @rows;
}

sub connect_to { my ($node, %options) = @_; return Client->new($node->host, $node->port, %options) }

# Sends all statements in one session, to whose server some of them lead back; libpq writes what is no error there to its
# own standard error, where no hook sees it (docs/log.md), so that there must be none.
# One that ends it, or leaves a transaction open, does not harm the next.
sub send_statements
{
    my ($node, $protocol, $database) = @_;
    my %self = (host => $node->host, port => $node->port, user => 'postgres', dbname => $database,
        options => '-cclient_min_messages=error');
    my %more = (self => join(' ', map { "$_=$self{$_}" } sort keys %self),
        options => join(', ', map { "$_ '$self{$_}'" } grep { $_ ne 'user' } sort keys %self));
    my $client = connect_to($node, database => $database, application_name => 'canaries');
    for my $row (rows())
    {
        my ($sql, $data) = split / <<< /, fill($row, %more), 2;
        $client->{copy_data} = $data // '';
        receive("--- $row\n" . $client->$protocol($sql));
        $client = connect_to($node, database => $database, application_name => 'canaries') if $client->{closed};
    }
    $client->close;
    return;
}

# Parameters of the extended protocol, good and bad, in the unnamed portal and in one with a name.
sub send_parameters
{
    my ($client) = @_;
    my @statements = ('SELECT $1::int', 'SELECT $1::date', 'SELECT length($1), 1/0', 'SELECT * FROM patient WHERE name = $1',
        'SELECT fail_with($1)', 'INSERT INTO patient VALUES (1, $1)', 'INSERT INTO patient VALUES (99, $1, $1, 500)',
        'SELECT to_date($1, $1)', 'SELECT add_patient($1, $1)', 'SELECT $1::jsonb', 'SELECT pg_sleep(0), $1::text');
    for my $portal ('', 'door')
    {
        $client->{portal} = $portal;
        receive("--- $_\n" . $client->extended($_, fill('{c}'))) for @statements;
    }
    $client->send_message('E', fill('{c} x') . "\0" . pack('N', 0));
    $client->send_message('S', '');
    receive($client->finish);
    $client->{portal} = '';
    $client->simple('SET log_statement = none');
    receive($client->extended('SELECT $1::text', fill('{c}')));
    $client->simple('RESET log_statement');
    return;
}

# Parallel workers, whose errors are reported twice.
sub send_parallel
{
    my ($client) = @_;
    my $parallel = q{SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
        SET min_parallel_table_scan_size = 0; SET debug_parallel_query = on; SET force_parallel_mode = on};
    receive($client->simple($_)) for split /;/, $parallel;
    $client->simple('CREATE TABLE many AS SELECT i, i::text AS t FROM generate_series(1, 20000) i');
    receive($client->simple(fill("INSERT INTO many VALUES (1, '{c}')")));
    receive($client->simple('SELECT count(*) FROM many WHERE t::int > 0'));
    receive($client->simple(fill("SELECT sum(i) FROM many WHERE t = '{c}' OR t::int < 0")));
    return;
}

# What an ordinary user may not.
sub send_as_user
{
    my ($node, $database) = @_;
    my $client = connect_to($node, database => $database, user => 'canary_user');
    receive($client->simple(fill($_))) for 'SET ROLE postgres /* {c} */', 'SET SESSION AUTHORIZATION postgres /* {c} */',
        'ALTER ROLE canary_user SET role = postgres /* {c} */', 'ALTER ROLE canary_user SET session_authorization = postgres /* {c} */',
        "SET ROLE '{c} x'", "SELECT * FROM patient WHERE name = '{c}'", "COPY patient TO '/nowhere/{c} x'";
    $client->close;
    return;
}

# A lock that is waited for, and a deadlock: its report carries the other session's statement.
sub send_deadlock
{
    my ($node, $client, $database) = @_;
    my $other = connect_to($node, database => $database, application_name => 'other');
    $client->simple('CREATE TABLE locked AS SELECT i, i::text AS t FROM generate_series(1, 2) i');
    $client->simple('BEGIN');
    $other->simple('BEGIN');
    $client->simple('UPDATE locked SET t = t WHERE i = 1');
    $other->simple('UPDATE locked SET t = t WHERE i = 2');
    $other->send_message('Q', fill("UPDATE locked SET t = '{c}' WHERE i = 1") . "\0");
    wait_for('the log says that the other session waits', sub { return logs_of($node, 'log') =~ /still waiting for/ });
    receive($client->simple(fill("UPDATE locked SET t = '{c}' WHERE i = 2")), $other->finish);
    $_->simple('ROLLBACK') for $client, $other;
    return;
}

# A client that breaks off COPY says why, in its own words; and values behind the part of a statement that is looked into.
sub send_odd_ends
{
    my ($client) = @_;
    for my $reason ('{w}', 'row of {w} is bad')
    {
        $client->send_message('Q', "COPY patient FROM STDIN\0");
        while (my ($type) = $client->receive) { last if $type =~ /[GZ]/ }
        $client->send_message('f', fill($reason) . "\0");
        receive($client->finish);
    }
    for my $size (20_000, 150_000)
    {
        my $begin = "SELECT '" . 'x ' x $size . "'";
        receive($client->simple(fill("$begin, $_"))) for "has_table_privilege('{w}', 'select')", "say('the {w}')";
    }
    receive($client->extended($_, fill('{w}'))) for 'SELECT run_as($1)', q{SELECT run_it('SELECT 1 FROM patient WHERE name = ' || $1)},
        'SELECT pg_read_file($1)';
    receive($client->extended('SELECT pg_read_file($1)', fill('{c} x')));
    receive($client->extended('SELECT say(CAST($1 AS text))', fill('{n}')));
    receive($client->extended('SELECT say($1::jsonb::text)', fill('"{w}"')));
    return;
}

# Every statement that is shown now, by whatever process.
sub see
{
    my ($node) = @_;
    my $seen = sql($node, 'postgres', "SELECT string_agg(backend_type || ': ' || query, E'\\n') FROM pg_stat_activity");
    $activity .= "$seen\n";
    return $seen;
}

# The log's own look at a statement must not help.
my @quiet = ('log_statement = none', 'log_min_duration_statement = -1', 'log_duration = off', 'log_min_messages = warning',
    'log_min_error_statement = error', 'client_min_messages = warning', 'auto_explain.log_min_duration = -1',
    map { "debug_print_$_ = off" } qw(parse rewritten plan));

# What the messages of the extended protocol leave there, one by one; and statements that are none.
sub watch_messages
{
    my ($node, $database) = @_;
    my $client = connect_to($node, database => $database, application_name => 'messages');
    $client->simple("SET $_") for @quiet;
    $client->simple('BEGIN');
    my $do = sub {
        $client->send_message(@$_) for @_;
        $client->send_message('S', '');
        receive($client->finish);
        return see($node);
    };
    my $bind = pack('n n n', 0, 0, 0);
    my $execute = [ 'E', "door\0" . pack('N', 1) ];
    $do->([ 'P', "one\0" . fill("SELECT '{c}' AS bound") . "\0\0\0" ]);
    like($do->([ 'B', "\0one\0$bind" ]), qr/SELECT '\[redacted\]' AS bound/, 'pg_stat_activity shows what was bound, masked');
    $do->([ 'P', "two\0" . fill("INSERT INTO locked VALUES (7, '{c}'), (8, 'b') RETURNING i") . "\0\0\0" ]);
    $do->($_) for [ 'B', "door\0two\0$bind" ], $execute;
    like($do->($execute), qr/INSERT INTO locked VALUES \('\[redacted\]'/, 'and a portal that goes on');
    like($do->([ 'P', "\0" . fill('-- {c}') . "\0\0\0" ]), qr/-- \[redacted\]/, 'and an empty statement');
    receive($client->simple(fill('/* {c} */')));
    like(see($node), qr/\/\* \[redacted\] \*\//, 'in either protocol');
    $client->simple('ROLLBACK');
    $client->close;
    return;
}

# Workers that build an index show the leader's statement; one that holds them up is enough to see it.
sub watch_index_workers
{
    my ($node, $database) = @_;
    my $client = connect_to($node, database => $database);
    $client->simple($_) for 'CREATE TABLE wide AS SELECT i, i::text AS t FROM generate_series(1, 20000) i',
        'ALTER TABLE wide SET (parallel_workers = 2)', "SET maintenance_work_mem = '128MB'", (map { "SET $_" } @quiet),
        'CREATE FUNCTION slow(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS '
        . q{$$ BEGIN PERFORM pg_advisory_xact_lock_shared(7707); RETURN v; END $$};
    my $holder = connect_to($node, database => $database);
    for my $sql (q{CREATE INDEX ON wide (slow(t || '{c}')) WHERE t <> '{c}' /* {c} */},
        q{DO $$ BEGIN EXECUTE 'CREATE INDEX ON wide (slow(t || ''{c}''))'; END $$})
    {
        $holder->simple('SELECT pg_advisory_lock(7707)');
        $client->send_message('Q', fill($sql) . "\0");
        my $seen = wait_for('an index is built in parallel', sub { my $now = see($node); return $now =~ /^parallel worker/m && $now });
        like($seen, qr/^parallel worker: (?:CREATE INDEX ON wide|DO) .*\[redacted\]/m, 'a worker shows the statement, masked');
        $holder->simple('SELECT pg_advisory_unlock(7707)');
        receive($client->finish);
    }
    $_->close for $client, $holder;
    return;
}

# What PL/pgSQL prints when a function asks for it goes to standard output, by no hook.
sub send_function_dump
{
    my ($node, $database) = @_;
    my $client = connect_to($node, database => $database);
    my $body = "\$\$#option dump\nBEGIN PERFORM '{c}'; END \$\$";
    receive($client->simple($_)) for fill("CREATE FUNCTION dumped() RETURNS void LANGUAGE plpgsql AS $body"), 'SELECT dumped()';
    $client->close;
    return;
}

# pg_stat_activity, while statements run, for both protocols and after an error.
sub watch_activity
{
    my ($node, $database) = @_;
    my $queries = "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE application_name = 'seen'";
    my $seen = connect_to($node, database => $database, application_name => 'seen');
    for my $sql ("SELECT '{c}' AS x, 1 AS y", "SELECT '{c}'::int", "SELEKT '{c}'", "SET work_mem = '{c}'")
    {
        for my $protocol (qw(simple extended))
        {
            receive($seen->$protocol(fill($sql)));
            $activity .= sql($node, 'postgres', $queries);
        }
    }
    like($activity, qr/SELECT '\[redacted\]' AS x/, 'pg_stat_activity shows the statement with its literals masked');
    return;
}

# Clients that are not let in, with names that are no names.
sub send_guests
{
    my ($node) = @_;
    my $hba = $node->data_dir . '/pg_hba.conf';
    sql($node, 'postgres', "CREATE ROLE known LOGIN PASSWORD 'x'");
    open my $out, '>', $hba or die "cannot write $hba: $!";
    print $out "local all,replication postgres trust\nlocal all known password\nlocal other all reject\nlocal template1 all trust\n"
        . "local template0 all peer\nlocal all all password\n";
    close $out;
    $node->reload;
    wait_until($node, "SELECT count(*) = 6 FROM pg_hba_file_rules", 'the rules are read');
    my @guests = ({ user => '{c} x', password => '{c}' }, { user => 'known', password => '{c}' },
        { user => 'postgres', database => '{c} x' }, { user => '{c} x', database => 'other' },
        { user => 'postgres', application_name => '{c} "x"' }, { user => 'postgres', '{c} x' => 'y' },
        { user => 'postgres', options => '-c {c}\\ x=y' }, { user => 'postgres', options => '-c work_mem={c}' },
        { user => 'postgres', database => 'postgres', replication => '{c}' },
        { user => '{c} x', database => 'template1' }, { user => '{c} x', database => 'template0' });
    # What is logged of a connection decides where the names are seen first.
    for my $logged (qw(on off))
    {
        sql($node, 'postgres', "ALTER SYSTEM SET log_connections = $logged");
        $node->reload;
        wait_until($node, "SELECT setting = '$logged' FROM pg_settings WHERE name = 'log_connections'", "log_connections is $logged");
        for my $options (@guests)
        {
            my $guest = connect_to($node, map { fill($_) => fill($options->{$_}) } sort keys %$options);
            receive($guest->{errors});
            $guest->close;
        }
    }
    sql($node, 'postgres', 'ALTER SYSTEM RESET log_connections');
    $node->reload;
    return;
}

# The replication protocol has a grammar of its own.
sub send_replication
{
    my ($node, $database) = @_;
    my $walsender = connect_to($node, database => $database, replication => 'database');
    receive($walsender->simple(fill($_))) for "START_REPLICATION SLOT \"{c} x\" LOGICAL 0/0", "SELECT '{c}'::int",
        "CREATE_REPLICATION_SLOT \"{c} X\" PHYSICAL", "BASE_BACKUP (LABEL '{c}' x)", "SHOW \"{c} x\"", "TIMELINE_HISTORY {c}",
        "NONSENSE '{c}'";
    $walsender->close;
    return;
}

# Files of configuration that are read anew: what is wrong in them is shown, and what has changed.
sub send_configuration
{
    my ($node) = @_;
    my $read = sub {
        my ($file, $lines, $expected) = @_;
        my $before = length logs_of($node, 'log');
        $node->append_conf($file, fill($lines));
        $node->reload;
        return wait_for("the log says $expected", sub { return substr(logs_of($node, 'log'), $before) =~ /$expected/ });
    };
    $read->('pg_ident.conf', 'canaries /({c} postgres', 'invalid regular expression');
    $read->('postgresql.conf', "archive_command = '{c} x'\n", 'changed to');
    $read->('postgresql.conf', "unknown_here = '{c}'\nlog_min_duration_sample = '{c}'\n", 'contains errors');
    $read->('postgresql.conf', "work_mem = 1 '{c} x'\n", 'contains errors');
    return;
}

# A subscription to a slot, and then a server, that is not there: the worker says what the other server or libpq said.
sub send_subscription
{
    my ($node, $database) = @_;
    my $self = join ' ', 'host=' . $node->host, 'port=' . $node->port, 'user=postgres', "dbname=$database";
    my $client = connect_to($node, database => $database);
    receive($client->simple(fill("CREATE SUBSCRIPTION lost CONNECTION '$self' PUBLICATION \"{c} x\" WITH (create_slot = false)")));
    wait_for('the worker has failed', sub { return logs_of($node, 'log') =~ /could not start WAL streaming/ });
    my $before = length logs_of($node, 'log');
    receive($client->simple(fill("ALTER SUBSCRIPTION lost CONNECTION 'host=/nowhere user={c}'")));
    wait_for('the worker does not get there', sub { return substr(logs_of($node, 'log'), $before) =~ /connect to the publisher: / });
    $client->simple($_) for 'ALTER SUBSCRIPTION lost DISABLE', 'ALTER SUBSCRIPTION lost SET (slot_name = NONE)', 'DROP SUBSCRIPTION lost';
    $client->close;
    return;
}

# A backend that dies while it runs a statement: the postmaster tells which.
sub send_crash
{
    my ($node, $database) = @_;
    my $victim = connect_to($node, database => $database, application_name => 'victim');
    return kill_backend($node, $victim, fill("SELECT '{c}', pg_sleep(600)"));
}

sub send_situations
{
    my ($node, $database) = @_;
    my $client = connect_to($node, database => $database);
    send_parameters($client);
    send_parallel($client);
    send_odd_ends($client);
    send_as_user($node, $database);
    send_deadlock($node, $client, $database);
    watch_activity($node, $database);
    watch_messages($node, $database);
    watch_index_workers($node, $database);
    send_guests($node);
    send_replication($node, $database);
    send_subscription($node, $database);
    send_crash($node, $database);
    return;
}

sub check_sinks
{
    my ($node) = @_;
    my $name = $node->name;
    $node->stop;
    my %sinks = ('what clients got' => $received, 'pg_stat_activity' => $activity);
    for my $format (qw(log csv json))
    {
        wait_for("the collector is done with $format", sub { return logs_of($node, $format) =~ /database system is shut down/ });
        $sinks{"the $format log"} = logs_of($node, $format);
    }
    for my $sink (sort keys %sinks)
    {
        my $text = $sinks{$sink};
        my %places;
        $places{ lc $1 } //= $-[0] while $text =~ /(zqc\d{4}k|zqw[a-j]{4}k|7707\d{4}077)/gi;
        my @left = sort keys %places;
        is(scalar @left, 0, "no canary in $sink of $name");
        splice @left, 20 if @left > 20;
        for my $left (@left)
        {
            my $from = $places{$left} < 300 ? 0 : $places{$left} - 300;
            diag("$left of: " . ($canaries{$left} // '?') . "\n  in: " . substr $text, $from, 400);
        }
    }
    for my $words ('ERROR', 'FATAL', 'WARNING', 'NOTICE', 'STATEMENT', 'DETAIL', 'HINT', 'CONTEXT', 'deadlock detected', 'plan:',
        'Failed process was running', 'parse tree:', 'invalid input syntax', 'already exists', 'parameters: \$1', 'still waiting for')
    {
        ok($sinks{'the log log'} =~ /$words/i, "the log still says: $words");
    }
    return %sinks;
}

1;
