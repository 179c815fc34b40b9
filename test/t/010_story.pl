# Goal: the whole path on a real server: an existing database becomes a HIPAA project, its metadata and the server log
# hold no patient any more, the trail holds every event exactly once, through kill -9 and overload, and the flag stays.
# Method: the story of make demo on one cluster, with all three log formats on; each answer is compared with what a
# user or an auditor must see, and the logs are searched for every value that was used. All patients are made up.
use Guarded;

# Every value below that must never reach the server log.
my @secrets = ('Mary Jones', '900-00-1007', '900-00-1005', '987-65-4', '736-5111', '7365111', 'john.smith@example.org',
    'john_smith', '123_45_6789', 'mary_jones');

my $node = new_node('main',
    "logging_collector = on", "log_destination = 'stderr,csvlog,jsonlog'", "log_statement = all",
    "log_min_duration_statement = 0", "log_min_messages = warning");

sub sql_ok
{
    my ($sql, $name, $db) = @_;
    my ($status, $out, $err) = try_sql($node, $db // 'clinic', $sql);
    is($status, 0, $name) or diag($err);
    return $out;
}

# Refused with this SQLSTATE, and what the client gets to read holds none of the secrets.
sub refused
{
    my ($state, $sql, $name, $db) = @_;
    my ($status, $out, $err) = try_sql($node, $db // 'clinic', $sql);
    is(sqlstate_of($err), $state, $name) or diag($err);
    # psql itself repeats the line of the statement.
    $err =~ s/^LINE \d+:.*\n.*\n//mg;
    unlike($err, secret_pattern(), "$name: the answer holds no value");
    return $err;
}

sub secret_pattern { my $any = join '|', map { quotemeta } @secrets; return qr/$any/i; }

sub value { my ($sql) = @_; return sql($node, 'clinic', $sql); }

sub becomes_a_project
{
    sql($node, 'postgres', 'CREATE DATABASE clinic');
    sql($node, 'clinic', q{CREATE SCHEMA care;
        CREATE TABLE care.patient (id int PRIMARY KEY, patient_name text, weight_kg int, ssn text UNIQUE CHECK (length(ssn) = 11));
        INSERT INTO care.patient SELECT g, 'Testperson ' || g, 60 + g, '900-00-' || 1000 + g FROM generate_series(1, 50) g;
        COMMENT ON TABLE care.patient IS 'call the front desk at (212) 736-5000 before changes';
        CREATE EXTENSION hipaa_guard});
    is(value('SELECT hipaa FROM hipaa_guard.project'), 'f', 'a database with the extension is no project yet');
    refused('PH004', q{SELECT hipaa_guard.enable('BAA-1')}, 'enable() without an agreement');
    sql($node, 'clinic', q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 30, current_date + 335, '6 years')});
    my $found = value('SELECT category FROM hipaa_guard.scan_catalog()');
    is($found, 'phone', 'scan_catalog() finds the planted telephone number, and nothing else');
    unlike(value('SELECT s FROM hipaa_guard.scan_catalog() s'), secret_pattern(), 'scan_catalog() does not show it');
    refused('PH004', q{SELECT hipaa_guard.enable('BAA-1')}, 'enable() with findings');
    sql($node, 'clinic', q{COMMENT ON TABLE care.patient IS 'ask the front desk before changes'});
    is(value('SELECT bool_and(ok) FROM hipaa_guard.preflight()'), 't', 'preflight() has nothing to ask for any more');

    my ($out, $err) = ('', '');
    my $other = IPC::Run::start([ psql_command($node, 'clinic'), '-c', 'SELECT pg_sleep(600)' ],
        '<', '/dev/null', '>', \$out, '2>', \$err);
    wait_until($node, q{SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'clinic' AND wait_event = 'PgSleep'},
        'the other session sleeps');
    sql_ok(q{SELECT hipaa_guard.enable('BAA-1')}, 'enable()');
    IPC::Run::finish($other);
    like($err, qr/57P01|closed the connection|terminating/, 'the other session was ended');
    is(value('SELECT database, hipaa, state, baa_reference FROM hipaa_guard.project'), 'clinic|t|on|BAA-1', 'project shows the flag');
    return;
}

sub metadata_is_guarded
{
    my $err = refused('PH001', 'CREATE TABLE care.john_smith_123_45_6789 (id int)', 'an SSN in the name of a table');
    like($err, qr/ssn/, 'the refusal names the category');
    like($err, qr/^HINT:/m, 'and says what to do');
    refused('PH001', 'ALTER TABLE care.patient ADD COLUMN chart_of_mary_jones text', 'a person in the name of a column');
    refused('PH001', q{COMMENT ON TABLE care.patient IS 'call her on (212) 736-5111'}, 'a telephone number in a comment');
    refused('PH001', q{CREATE TYPE care.state AS ENUM ('in', 'john.smith@example.org')}, 'an address in an enum label');
    is(value(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'john%'}), '0', 'nothing of it was made');
    sql_ok('CREATE TABLE care.visit (id int, ssn text, date_of_birth date, mrn text, patient_name text)',
        'names that say what a column holds pass');
    return;
}

sub log_holds_no_value
{
    refused('23505', q{INSERT INTO care.patient VALUES (99, 'Mary Jones', 71, '900-00-1007')}, 'a unique violation');
    refused('22P02', q{UPDATE care.patient SET weight_kg = 'Mary Jones'::int}, 'a bad cast');
    refused('23514', q{UPDATE care.patient SET ssn = '987-65-4' WHERE id = 3}, 'a failing CHECK');
    sql_ok(q{SELECT count(*) FROM care.patient WHERE ssn = '900-00-1005'}, 'a statement with an SSN');
    sql_ok(q{PREPARE p(text) AS SELECT count(*) FROM care.patient WHERE ssn = $1; EXECUTE p('900-00-1005')}, 'a parameter');
    sql_ok(q{DO $$ BEGIN RAISE WARNING 'the name is %', 'Mary Jones'; END $$}, 'a message made of a value');

    for my $format ('log', 'csv', 'json')
    {
        my $log = '';
        wait_for("the $format log has the last message", sub {
            $log = logs_of($node, $format);
            return $log =~ /violates check constraint/ && $log =~ /WARNING/;
        });
        unlike($log, secret_pattern(), "the $format log holds none of the values");
        like($log, qr/duplicate key value violates unique constraint/, "the $format log says what went wrong");
        like($log, qr/invalid input syntax for type integer/, "the $format log says which type");
        like($log, qr/care\.patient/, "the $format log still shows the statements");
    }
    return;
}

sub trail_tells
{
    value('SELECT hipaa_guard.audit_flush()');
    my $log = 'FROM hipaa_guard.audit_log WHERE ';
    is(value("SELECT count(*) $log sqlstate = 'PH001' AND outcome = 'refused' AND class = 'guard'"), '4',
        'the four refusals are in the trail');
    is(value("SELECT count(*) $log sqlstate = '23505' AND outcome = 'failure'"), '1', 'so is the failed INSERT');
    is(value("SELECT outcome, session_user_name, database_name $log class = 'ddl' AND statement LIKE 'CREATE TABLE care.visit%'"),
        'success|' . value('SELECT session_user') . '|clinic', 'and who made the table');
    is(value("SELECT rows $log class = 'read' AND outcome = 'success'
            AND statement LIKE 'SELECT count(*) FROM care.patient WHERE ssn = ''%'"),
        '1', 'and a read, with its rows');
    is(value("SELECT count(*) $log audit_log::text ~* '(mary.jones|900-00-1|736-5111|john.smith|123.45.6789)'"), '0',
        'the trail holds none of the values');
    is(value('SELECT generated = written + dropped + in_ring, dropped FROM hipaa_guard.stat_audit'), 't|0', 'nothing was lost');
    is(value('SELECT ok, gaps, lost FROM hipaa_guard.audit_verify()'), 't|0|0', 'and the chain holds');
    return;
}

sub segments { return sort grep { -f && -s > 500 } split /\n/, qx(find '${\ $node->data_dir}/hipaa_guard/audit' -type f); }

sub flip
{
    my ($file, $at) = @_;
    open my $io, '+<:raw', $file or die "cannot open $file: $!";
    seek $io, $at, 0;
    read $io, my $byte, 1;
    seek $io, $at, 0;
    print $io chr(ord($byte) ^ 1);
    close $io or die "cannot write $file: $!";
    return;
}

sub tampering_is_found
{
    my ($segment) = segments();
    my $at = int((-s $segment) / 2);
    flip($segment, $at);
    my $verdict = value('SELECT ok, problem FROM hipaa_guard.audit_verify()');
    like($verdict, qr/^f\|./, 'a changed byte is found') or diag($segment);
    unlike($verdict, secret_pattern(), 'and the verdict shows no value');
    flip($segment, $at);
    is(value('SELECT ok FROM hipaa_guard.audit_verify()'), 't', 'with the byte put back the trail is good again');
    return;
}

# One client that runs one statement after the other until the server goes; its log has a line for each that was answered.
sub start_load
{
    my ($name, $seconds) = @_;
    my $dir = PostgreSQL::Test::Utils::tempdir();
    PostgreSQL::Test::Utils::append_to_file("$dir/load.sql", "SELECT count(*) FROM care.visit;\n");
    local $ENV{PGAPPNAME} = $name;
    my %load = (name => $name, log => "$dir/answered", out => '');
    $load{run} = IPC::Run::start(
        [ 'pgbench', '-n', '-c', 1, '-T', $seconds, '-f', "$dir/load.sql", '-l', "--log-prefix=$load{log}",
            '-h', $node->host, '-p', $node->port, 'clinic' ],
        '<', '/dev/null', '>&', \$load{out});
    return \%load;
}

sub answered { my ($load) = @_; return scalar(() = join('', map { slurp($_) } glob "$load->{log}.*") =~ /\n/g); }

sub kill_under_load
{
    my @loads = map { start_load("load_$_", 120) } qw(one two);
    for my $load (@loads)
    {
        wait_until($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$load->{name}'", "$load->{name} runs");
    }
    my $before = value('SELECT generated FROM hipaa_guard.stat_audit');
    wait_until($node, "SELECT generated > $before + 2000 FROM hipaa_guard.stat_audit", 'the load made 2000 events', 'clinic');
    kill_server($node);
    IPC::Run::finish($_->{run}) for @loads;
    restart_after_kill($node);
    is(value('SELECT hipaa, state FROM hipaa_guard.project'), 't|on', 'after kill -9 of everything the flag is there');
    value('SELECT hipaa_guard.audit_flush()');
    for my $load (@loads)
    {
        my $answered = answered($load);
        my $events = value("SELECT count(*) FROM hipaa_guard.audit_log WHERE application_name = '$load->{name}'
            AND statement LIKE 'SELECT count(*) FROM care.visit%'");
        cmp_ok($answered, '>', 100, "$load->{name}: $answered statements were answered");
        ok($events == $answered || $events == $answered + 1, "$load->{name}: and $events are in the trail, one unanswered perhaps");
    }
    is(value('SELECT count(*) = count(DISTINCT seq) FROM hipaa_guard.audit_log'), 't', 'no event is there twice');
    is(value('SELECT ok, gaps, lost FROM hipaa_guard.audit_verify()'), 't|0|0', 'and none is missing');
    return;
}

sub overload
{
    $node->append_conf('postgresql.conf',
        "hipaa_guard.audit_ring_size = '256kB'\nlog_statement = none\nlog_min_duration_statement = -1\n");
    $node->stop;
    my $end = logs_of($node, 'log');
    like($end, qr/database system is shut down\n\z/, 'an orderly end, to the last message');
    $node->start;
    my $writer = value('SELECT writer_pid FROM hipaa_guard.stat_audit');
    kill 'STOP', $writer;
    my $load = start_load('load_three', 2);
    IPC::Run::finish($load->{run});
    my $answered = answered($load);
    cmp_ok($answered, '>', 500, "with the writer stopped, queries go on: $answered");
    my $dropped = value('SELECT dropped FROM hipaa_guard.stat_audit');
    cmp_ok($dropped, '>', 0, "$dropped events were dropped");
    kill 'CONT', $writer;
    wait_until($node, 'SELECT hipaa_guard.audit_flush() IS NOT NULL', 'the writer drained the ring', 'clinic');
    is(value('SELECT generated = written + dropped + in_ring FROM hipaa_guard.stat_audit'), 't', 'generated = written + dropped');
    is(value(q{SELECT sum(lost) = (SELECT dropped FROM hipaa_guard.stat_audit) FROM hipaa_guard.audit_gaps WHERE reason = 'overflow'}), 't',
        'the gaps account for every dropped event');
    is(value(q{SELECT sum(lost) = sum((SELECT sum(value::bigint) FROM jsonb_each_text(lost_by_class))) FROM hipaa_guard.audit_gaps}), 't',
        'by class');
    my $read = value(q{SELECT count(*) FROM hipaa_guard.audit_log WHERE application_name = 'load_three' AND class = 'read'});
    my $lost = value(q{SELECT coalesce(sum((lost_by_class ->> 'read')::bigint), 0) FROM hipaa_guard.audit_gaps});
    cmp_ok($read + $lost, '>=', $answered, "$read in the trail and $lost lost are not less than the $answered that were answered");
    is(value('SELECT ok FROM hipaa_guard.audit_verify()'), 't', 'the chain holds across the gap');
    return;
}

sub flag_stays
{
    my $err = refused('PH003', 'SECURITY LABEL FOR hipaa_guard ON DATABASE clinic IS NULL', 'taking away the label');
    like($err, qr/^HINT: +[A-Z](?!.*redacted)/m, 'advice of our own is not withheld');
    $err = refused('42704', q{SELECT hipaa_guard.drop_identifier('nosuch')}, 'an identifier that is not there');
    like($err, qr/^HINT: +[A-Z](?!.*redacted)/m, 'nor is that of our functions');
    (undef, undef, $err) = try_sql($node, 'clinic',
        q{DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'no such patient', DETAIL = 'qwertz', HINT = 'asdfgh'; END $$});
    like($err, qr/^ERROR: +P0001/m, 'an error of the user');
    unlike($err, qr/qwertz|asdfgh/, 'may hold values in its advice, so that is withheld');
    refused('PH003', 'DROP EXTENSION hipaa_guard', 'DROP EXTENSION');
    refused('PH003', 'DROP DATABASE clinic', 'DROP DATABASE', 'postgres');
    refused('PH003', 'DROP DATABASE clinic WITH (FORCE)', 'DROP DATABASE WITH (FORCE)', 'postgres');
    is(value('SELECT hipaa FROM hipaa_guard.project'), 't', 'the flag is still there');
    return;
}

becomes_a_project();
metadata_is_guarded();
log_holds_no_value();
trail_tells();
tampering_is_found();
kill_under_load();
overload();
flag_stays();
done_testing();
