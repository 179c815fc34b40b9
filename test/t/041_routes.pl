# Goal: whatever way a statement takes into a flagged database, its text is looked at; and what is shared by the cluster
# is looked at in every database of it. What has to work there goes on working.
# Method: one cluster with a flagged database, an unflagged one, and a source of dumps; each route carries the same
# number, and is refused with PH001 (or is data, and arrives). No answer holds the number.
use lib 'test/lib';
use Guarded;

my $value = '123-45-6789';
my $name = 'jane_123_45_6789';
my $spoken = '';

my $node = new_node('routes', "wal_level = logical", "log_statement = 'none'", "max_wal_senders = 5");
my $work = PostgreSQL::Test::Utils::tempdir();

sub answer
{
    my ($db, $sql, %options) = @_;
    my ($status, $out, $err) = try_sql($node, $db, $sql, %options);
    $spoken .= $err;
    return sqlstate_of($err) // '';
}

sub refused
{
    my ($sql, $what, $code, $db) = @_;
    return is(answer($db // 'clinic', $sql), $code // 'PH001', "$what: refused");
}

sub passes
{
    my ($sql, $what, $db) = @_;
    return is(answer($db // 'clinic', $sql), '', "$what: passes");
}

# Runs a program; returns whether it succeeded and what it wrote to standard error.
sub run_program
{
    my ($out, $err) = ('', '');
    my $done = IPC::Run::run([@_], '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout($Guarded::TIMEOUT));
    # Programs repeat what they were told to send; what counts is what the server answered.
    $spoken .= join "\n", $err =~ /^.*?((?:ERROR|FATAL|WARNING|DETAIL|HINT|CONTEXT|QUERY|LINE \d+): .*)$/mg;
    return ($done, $err);
}

sub write_file
{
    my ($file, $text) = @_;
    open my $out, '>', $file or die "cannot write $file: $!";
    print $out $text;
    close $out or die "cannot write $file: $!";
    return $file;
}

# What stands in another database, to be dumped: a finding in a comment, a name and a default, and data.
sql($node, 'postgres', 'CREATE DATABASE source');
sql($node, 'postgres', 'CREATE DATABASE other');
sql($node, 'source', qq{CREATE TABLE fine (a text);
    INSERT INTO fine VALUES ('$value');
    CREATE TABLE commented (a text);
    COMMENT ON COLUMN commented.a IS 'of $value';
    CREATE TABLE named ($name text);
    CREATE TABLE preset (a text DEFAULT '$value')});
flag($node, 'clinic');
sql($node, 'clinic', 'CREATE TABLE t (a text)');

# Dumps, as text and by pg_restore with two jobs: what is fine arrives, what is not is refused one by one.
my $dump = "$work/source";
ok((run_program('pg_dump', '-d', $node->connstr('source'), '-f', "$dump.sql"))[0], 'pg_dump as text');
run_program('psql', '-Xq', '-d', $node->connstr('clinic'), '-f', "$dump.sql");
is(sql($node, 'clinic', 'SELECT a FROM fine'), $value, 'psql -f: data arrives');
is(sql($node, 'clinic', q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND
    relnamespace = 'public'::regnamespace}), 'commented fine t', '... tables with findings do not');
is(sql($node, 'clinic', q{SELECT count(*) FROM pg_description d JOIN pg_class c ON c.oid = objoid WHERE relname = 'commented'}),
    '0', '... and the comment does not');
sql($node, 'clinic', 'DROP TABLE fine, commented');
ok((run_program('pg_dump', '-Fc', '-d', $node->connstr('source'), '-f', "$dump.dump"))[0], 'pg_dump as archive');
my ($restored, $err) = run_program('pg_restore', '-j', '2', '-d', $node->connstr('clinic'), "$dump.dump");
ok(!$restored, 'pg_restore says that something was left out');
like($err, qr/PHI-like text in comment/, '... and what');
is(sql($node, 'clinic', 'SELECT a FROM fine'), $value, '... the rest is there');
ok((run_program('pg_dumpall', '-d', $node->connstr('postgres'), '-f', "$work/all.sql"))[0], 'pg_dumpall goes through');

# Protocols. pgbench sends the statement as a message with parameters apart, and as a named prepared one.
my $bench = write_file("$work/bench.sql", "COMMENT ON TABLE t IS 'of $value';\n");
for my $protocol (qw(simple extended prepared))
{
    ($restored, $err) = run_program('pgbench', '-n', '-t', 1, '-M', $protocol, '-f', $bench, '-d', $node->connstr('clinic'));
    like($err, qr/PHI-like text in comment/, "protocol $protocol: refused");
}
($restored, $err) = run_program('psql', '-X', '-d', $node->connstr('clinic'), '-c', "SELECT 1; COMMENT ON TABLE t IS '$value'; SELECT 2");
like($err, qr/PHI-like text in comment/, 'several statements in one message: refused');
($restored, $err) = run_program('psql', '-X', '-d', $node->connstr('clinic') . ' replication=database',
    '-c', "COMMENT ON TABLE t IS '$value'");
like($err, qr/PHI-like text in comment/, 'SQL on a replication connection: refused');

# What a client says at its start: a program's name is blotted out, other settings are refused.
my ($status, $shown) = try_sql($node, 'clinic', 'SHOW application_name', env => { PGAPPNAME => "chart of $value" });
is("$status $shown", '0 chart of ***********', 'application_name of the start-up packet is blotted out');
my $connect_err;
($status, $shown, $connect_err) = try_sql($node, 'clinic', 'SELECT 1', env => { PGOPTIONS => "-c my.note=$value" });
like($connect_err, qr/FATAL:  PHI-like text in start-up packet/, 'PGOPTIONS: refused');
unlike($connect_err, qr/$value/, '... without the value');
($status, $shown) = try_sql($node, 'clinic', 'SHOW my.note', env => { PGOPTIONS => "-c my.note=plain" });
is("$status $shown", '0 plain', 'PGOPTIONS without a finding: passes');

($status, $shown, $connect_err) = try_sql($node, 'clinic', 'SELECT 1', env => { PGUSER => "patient $value" });
like($connect_err, qr/FATAL:  role .* does not exist/, 'a role that is none: the server says so');
unlike($connect_err =~ s/.*failed: //r, qr/$value/, '... without the value');

# Code that runs inside: procedures with transactions of their own, event triggers, scripts of extensions.
passes(q{CREATE PROCEDURE p(a text) LANGUAGE plpgsql AS $$ BEGIN COMMIT; EXECUTE format('COMMENT ON TABLE t IS %L', a); COMMIT; END $$},
    'CREATE PROCEDURE');
refused("CALL p('$value')", 'a procedure that commits');
passes("CALL p('fine')", 'a procedure that commits');
passes(q{CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN IF tg_tag = 'CREATE SEQUENCE' THEN EXECUTE format('CREATE TABLE %I (a int)', 'jane_123_45' || chr(95) || '6789'); END IF;
    END $$;
    SELECT hipaa_guard.exempt('event_trigger', 'e', 'a test', now() + interval '1 hour');
    CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION e()}, 'CREATE EVENT TRIGGER');
refused('CREATE SEQUENCE s', 'DDL of an event trigger');
is(sql($node, 'clinic', q{SELECT to_regclass('s') IS NULL}), 't', '... takes the statement along that fired it');
passes('DROP EVENT TRIGGER e', 'DROP EVENT TRIGGER');

my ($share) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--sharedir' ]);
SKIP:
{
    skip 'the extension folder of this installation cannot be written to', 3 unless -w "$share/extension";
    my %scripts = (hg_test_bad => "CREATE TABLE from_script (a int); COMMENT ON TABLE from_script IS 'of $value';",
        hg_test_good => "CREATE TABLE from_script (a int); COMMENT ON TABLE from_script IS 'fine';");
    for my $extension (keys %scripts)
    {
        write_file("$share/extension/$extension.control", "default_version = '1'\n");
        write_file("$share/extension/$extension--1.sql", "$scripts{$extension}\n");
    }
    sql($node, 'postgres', q{ALTER SYSTEM SET hipaa_guard.allowed_extensions = hg_test_bad, hg_test_good});
    sql($node, 'postgres', 'SELECT pg_reload_conf()');
    wait_until($node, q{SELECT current_setting('hipaa_guard.allowed_extensions') ~ 'hg_test_good'}, 'the setting is there', 'clinic');
    refused('CREATE EXTENSION hg_test_bad', 'the script of an extension');
    passes('CREATE EXTENSION hg_test_good', 'the script of an extension without a finding');
    is(sql($node, 'clinic', q{SELECT to_regclass('from_script') IS NOT NULL}), 't', '... and it has run');
    unlink map { ("$share/extension/$_.control", "$share/extension/$_--1.sql") } keys %scripts;
}

# What the cluster shares is guarded in every database, a database's own metadata only where it is flagged.
refused("CREATE ROLE $name", 'a role, elsewhere', 'PH001', 'other');
refused("CREATE DATABASE $name", 'a database, elsewhere', 'PH001', 'other');
refused("ALTER SYSTEM SET my.note = '$value'", 'a setting of the server, elsewhere', 'PH001', 'other');
refused("ALTER ROLE CURRENT_USER SET my.note = '$value'", 'a setting of a role, elsewhere', 'PH001', 'other');
refused("COMMENT ON DATABASE clinic IS 'of $value'", 'a comment on a database, elsewhere', 'PH001', 'other');
passes("CREATE TABLE $name (a int); COMMENT ON TABLE $name IS '$value'", 'the metadata of an unflagged database', 'other');

# Superusers and catalogs.
refused(q{DELETE FROM pg_description}, 'DELETE on a catalog', 'PH002');
refused(q{UPDATE pg_class SET relname = relname WHERE relname = 't'}, 'UPDATE on a catalog', 'PH002');
refused(qq{UPDATE pg_class SET relname = '$name' WHERE relname = 't'}, '... with a finding');
refused(q{SET allow_system_table_mods = on; TRUNCATE pg_description}, 'TRUNCATE of a catalog', 'PH002');

# A refusal is on record, though its transaction is gone.
refused("BEGIN; COMMENT ON TABLE t IS 'of $value'; COMMIT", 'within a transaction');
wait_until($node, q{SELECT count(*) > 0 FROM hipaa_guard.audit_log WHERE class = 'guard' AND outcome = 'refused'
    AND sqlstate = 'PH001' AND command_tag = 'COMMENT' AND object_type = 'comment'}, 'the refusal is in the trail', 'clinic');
ok(1, 'a refusal is an event that survives the abort');

# The text of a statement is judged before anything is locked: a lock of another session does not hold the refusal up.
my ($held, $holder_err) = ('', '');
my $holder = IPC::Run::start([ psql_command($node, 'clinic'), '-c', 'BEGIN', '-c', 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE',
        '-c', 'SELECT pg_sleep(3600)' ], '<', '/dev/null', '>', \$held, '2>', \$holder_err);
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 't'::regclass},
    'the table is locked', 'clinic');
refused("SET lock_timeout = '1ms'; $_", 'a statement on a locked table')
    for "COMMENT ON TABLE t IS '$value'", "ALTER TABLE t ADD COLUMN $name int", "ALTER TABLE t ALTER a SET DEFAULT '$value'";
is(answer('clinic', "SET lock_timeout = '1ms'; COMMENT ON TABLE t IS 'fine'"), '55P03', '... which is locked, as others notice');
sql($node, 'clinic', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid()});
$holder->finish;

# Work that has to go on, also where a finding stands from earlier times: here in the unflagged database's shape.
passes('ALTER TABLE t ADD COLUMN id int PRIMARY KEY; CREATE INDEX CONCURRENTLY i ON t (a)', 'CREATE INDEX CONCURRENTLY');
passes('REINDEX TABLE CONCURRENTLY t', 'REINDEX CONCURRENTLY');
passes('VACUUM FULL t', 'VACUUM FULL');
passes('CLUSTER t USING t_pkey', 'CLUSTER');
passes('REINDEX SYSTEM clinic', 'REINDEX SYSTEM');
passes('ANALYZE', 'ANALYZE');
passes(q{ALTER SYSTEM SET work_mem = '5MB'}, 'a harmless setting');

unlike($spoken, qr/\Q$value\E|\Q$name\E|123_45_6789/, 'no answer holds the number or the name');
my $log = log_of($node);
unlike($log, qr/\Q$value\E|\Q$name\E|123_45_6789/, 'nor does the log, in CONTEXT, QUERY or STATEMENT either');
like($log, qr/ERROR:  PHI-like text in comment/, '... which tells of the refusals');
$node->stop;
done_testing();
