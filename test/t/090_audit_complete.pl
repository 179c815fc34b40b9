# Goal: whoever gets rows leaves an event that tells which and how many, however the statement ends: not at all since the client
# hangs up, in a rollback, between two fetches, in a caught error, behind many open cursors.
# Method: each way is gone once, on the bare protocol where a ready-made client would be too polite; what the trail has of it.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Client;
use Guarded;

my $node = new_node('complete', { init => [allows_streaming => 1] }, "hipaa_guard.audit_unflagged = on\nlog_min_messages = error",
    'log_replication_commands = off');
create_extension($node, 'postgres');
sql($node, 'postgres', <<'SQL');
CREATE TABLE patient (id int PRIMARY KEY, ssn text);
INSERT INTO patient SELECT n, 'ssn ' || n FROM generate_series(1, 100) n;
CREATE TABLE big AS SELECT n AS id, repeat('x', 100) AS note FROM generate_series(1, 50000) n;
CREATE TABLE lines AS SELECT n AS id FROM generate_series(1, 100) n;
CREATE TABLE log (line text);
CREATE TABLE ruled (id int);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO log VALUES ('rule');
CREATE FUNCTION all_patients() RETURNS SETOF patient LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM patient';
SQL

sub client
{
    my ($name) = @_;
    return Client->new($node->host, $node->port, application_name => $name);
}

sub bind_and_execute
{
    my ($client, $portal, $sql, $rows) = @_;
    $client->send_message('P', "\0$sql\0" . pack('n', 0));
    $client->send_message('B', "$portal\0\0" . pack('nnn', 0, 0, 0));
    $client->send_message('E', "$portal\0" . pack('N', $rows));
    return;
}

# Reads messages up to the nth of this type.
sub receive_up_to
{
    my ($client, $type, $count) = @_;
    while (my ($got) = $client->receive)
    {
        return 1 if $got eq $type && --$count == 0;
    }
    return 0;
}

# What the trail has of a session, once it has ended: class, outcome, relation, rows of reads, writes and copies.
sub told
{
    my ($name) = @_;
    wait_until($node, "SELECT hipaa_guard.audit_flush() IS NOT NULL AND EXISTS (SELECT FROM hipaa_guard.audit_log
        WHERE application_name = '$name' AND command_tag = 'DISCONNECT')", "the session $name has ended");
    return sql($node, 'postgres', "SELECT string_agg(concat_ws(' ', class, coalesce(sqlstate, 'done'), object_name, rows), ', '
        ORDER BY seq) FROM hipaa_guard.audit_log WHERE application_name = '$name' AND class IN ('read', 'write', 'copy')
            AND command_tag NOT IN ('COMMIT', 'ROLLBACK')");
}

sub by_psql
{
    my ($name, $sql) = @_;
    try_sql($node, 'postgres', $sql, env => { PGAPPNAME => $name });
    return told($name);
}

# The client has every row and never says Sync.
my $client = client('no_sync');
bind_and_execute($client, '', 'SELECT * FROM patient', 0);
$client->send_message('H', '');
ok(receive_up_to($client, 'C', 1), 'a client that never says Sync gets its rows');
$client->{socket}->close;
is(told('no_sync'), 'read done patient 100', 'and they are told');

$client = client('named_portal');
$client->simple('BEGIN');
$client->{portal} = 'p';
$client->extended('SELECT ssn FROM patient');
$client->simple('ROLLBACK');
$client->close;
is(told('named_portal'), 'read done patient 100', 'a named portal that a rollback drops is told');

$client = client('suspended');
$client->simple('BEGIN');
bind_and_execute($client, 'p', 'SELECT * FROM patient', 7);
$client->send_message('E', "p\0" . pack('N', 5));
$client->send_message('S', '');
$client->finish;
$client->close;
is(told('suspended'), 'read done patient 7, read done patient 5', 'a suspended portal is told piece by piece');

# The client hangs up in the middle, and a session is ended from outside: FATAL passes no handler.
$client = client('hung_up');
$client->send_message('Q', "SELECT b.id, note FROM big b, generate_series(1, 50)\0");
ok(receive_up_to($client, 'D', 1000), 'a client hangs up after 1000 rows');
$client->{socket}->close;
like(told('hung_up'), qr/^read 08006 big \d{4,}$/, 'which are told as a failure with at least as many');

$client = client('hung_up_copy');
$client->send_message('Q', "COPY big TO STDOUT\0");
ok(receive_up_to($client, 'd', 10), 'another hangs up in a COPY');
$client->{socket}->close;
is(told('hung_up_copy'), 'copy 08006 big', 'which is told');

$client = client('terminated');
$client->send_message('Q', "SELECT id, pg_sleep(0.001) FROM big\0");
ok(receive_up_to($client, 'D', 1), 'a session is terminated in its first rows');
sql($node, 'postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'terminated'");
like(told('terminated'), qr/^read 57P01 big [1-9]\d*$/, 'which are told');

# Cursors.
is(by_psql('fetch_all', 'BEGIN; DECLARE c CURSOR FOR SELECT * FROM patient; FETCH ALL FROM c; ROLLBACK'),
    'read done patient 100', 'FETCH ALL is told in spite of a rollback');
is(by_psql('many_cursors', join(';', 'BEGIN', (map { "DECLARE c$_ CURSOR FOR SELECT 1" } 1 .. 200), 'SELECT count(*) FROM patient',
        'TABLE patient', 'ROLLBACK')), 'read done patient 1, read done patient 100', 'so is a query behind 200 open cursors');
is(by_psql('loop_fails', 'DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM patient LOOP IF r.id = 15 THEN RAISE EXCEPTION $x$x$x$;
    END IF; END LOOP; END $$'), 'read done patient 15', 'rows that a loop had before it failed are told');
is(by_psql('loop_caught', 'BEGIN; DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM patient LOOP IF r.id = 15 THEN RAISE EXCEPTION
    $x$x$x$; END IF; END LOOP; EXCEPTION WHEN raise_exception THEN NULL; END $$; COMMIT'), 'read done patient 60',
    'and so are they where the error is caught: in a block PL/pgSQL takes 10 and then 50 at once');
is(by_psql('function_left', 'BEGIN; DECLARE c CURSOR FOR SELECT all_patients(); FETCH 3 FROM c; ROLLBACK'),
    'read done 3, read done patient 3', 'and what a function had read that nobody ends');

# The replication protocol.
$client = Client->new($node->host, $node->port, application_name => 'replica', replication => 'true');
$client->simple('IDENTIFY_SYSTEM');
$client->simple("BASE_BACKUP (TARGET 'blackhole', CHECKPOINT 'fast')");
$client->simple('CREATE_REPLICATION_SLOT mine TEMPORARY PHYSICAL');
$client->simple('START_REPLICATION SLOT none PHYSICAL 0/1000000');
$client->close;
is(told('replica'), 'copy done, copy done', 'a base backup and a stream of WAL are told');
is(sql($node, 'postgres', "SELECT string_agg(concat_ws(' ', class, command_tag, outcome, CASE command_tag WHEN 'LOGIN' THEN detail END),
    ', ' ORDER BY seq) FROM hipaa_guard.audit_log WHERE application_name = 'replica' AND class NOT IN ('copy')"),
    'auth LOGIN success replication, misc REPLICATION success, function CREATE_REPLICATION_SLOT success, misc failure, '
    . 'auth DISCONNECT success', 'and so is what else that client does, and what fails');
unlike(slurp($node->logfile), qr/received replication command/, 'which does not show in a log that was not asked for it');

# One relation in two roles, rows that nobody counted, rows before an error.
is(by_psql('both', 'WITH w AS (UPDATE patient SET ssn = ssn WHERE id = 3 RETURNING 1) SELECT id FROM patient'),
    'read done patient 100, write done patient', 'a table that is read and written is told as both');
is(by_psql('rule', 'INSERT INTO ruled VALUES (1)'), 'write done ruled 1, write done ruled, write done log',
    'what a rule writes has no number of rows rather than a wrong one');
is(by_psql('divided', 'SELECT 1 / (id - 50) FROM lines'), 'read 22012 lines 49', 'a failure tells the rows that came before it');
is(by_psql('twice', 'BEGIN; DO $$ BEGIN PERFORM 1 / (id - id) FROM patient; EXCEPTION WHEN others THEN NULL; END $$;
    SELECT 1 / 0 FROM patient; ROLLBACK'), 'read 22012 patient 0, read 22012', 'an error is told although one like it was caught before');
is(by_psql('commented', "/* a /* b */ */ -- c\n SELECT nothing FROM patient"), 'read 42703', 'a comment hides no class');

# A partition that is half detached is one no more, nor quite a table of its own.
sql($node, 'postgres', 'CREATE TABLE visits (id int) PARTITION BY LIST (id); CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1)');
my $holder = talk($node->connstr('postgres'));
$holder->('BEGIN');
$holder->('TABLE visits');
(undef, undef, my $said) = try_sql($node, 'postgres', "SET statement_timeout = '1s';
    ALTER TABLE visits DETACH PARTITION visits_1 CONCURRENTLY");
$holder->('COMMIT');
$holder->();
like($said, qr/57014/, 'a partition is half detached');
is(by_psql('detached', 'TABLE visits_1; TRUNCATE visits_1'),
    'read done visits_1 0, write done visits_1', 'what is done to it is told as its own');

# A segment that is removed while it is read is read on to its end.
sql($node, 'postgres', "SELECT 1 AS many;\n" x 12_000 . 'SELECT hipaa_guard.audit_flush()');
my ($segment) = glob $node->data_dir . '/hipaa_guard/audit/*.hga';
cmp_ok(-s $segment, '>', 1024 * 1024, 'a segment is longer than what a reader takes at once');
my (undef, $rows, $err) = try_sql($node, 'postgres', "BEGIN; DECLARE c CURSOR FOR SELECT 1 FROM hipaa_guard.audit_log
    WHERE statement LIKE '%AS many'; FETCH 1 FROM c;\n\\! rm '$segment'\nFETCH ALL FROM c; COMMIT");
is(scalar(() = $rows =~ /^1$/mg) . $err, '12000', 'one that is removed meanwhile is read on');

$node->stop;
done_testing();
