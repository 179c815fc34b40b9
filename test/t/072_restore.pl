# Goal: the flag comes through every kind of dump, and the restored database is guarded from the first statement on; seal()
# ends the restore.
# Method: one flagged database with rows in all tables of the extension that are dumped, restored in five ways, on the
# same server and on another.
use Guarded;
use IPC::Run ();

my $node = new_node('main');
my $other = new_node('other');
create_extension($node, 'clinic');
sql($node, 'clinic', q{
    CREATE ROLE approvers; CREATE ROLE app;
    CREATE TABLE patients (id int PRIMARY KEY, ssn text);
    INSERT INTO patients SELECT i, 'none' FROM generate_series(1, 1000) i;
    COMMENT ON TABLE patients IS 'call 219-09-9999 for help';
    SELECT hipaa_guard.protect('patients', '{ssn}', 'ssn');
    SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365, '6 years');
    SELECT hipaa_guard.enable('BAA-1', acknowledge_findings => true, approver => 'approvers');
    SELECT hipaa_guard.exempt('server_files', '*', 'import', now() + interval '1 hour');
    SELECT hipaa_guard.allow_network('app', '10.0.0.0/8')});
my $dir = $node->data_dir . '/..';

sub run_ok
{
    my ($name, $cluster, @command) = @_;
    my ($out, $err) = ('', '');
    local %ENV = (%ENV, PGHOST => $cluster->host, PGPORT => $cluster->port);
    IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout(180));
    is($?, 0, $name) or diag("@command: $err");
    unlike($err, qr/error/i, "$name: no error");
    return;
}

sub restored
{
    my ($name, $cluster, $database) = @_;
    is(sql($cluster, $database, 'SELECT state FROM hipaa_guard.project'), 'restoring', "$name: it is restoring");
    my (undef, undef, $err) = try_sql($cluster, $database, q{COMMENT ON COLUMN patients.id IS 'or 078-05-1120'});
    like($err, qr/WARNING:\s+PH001/, "$name: a finding is a warning");
    (undef, undef, $err) = try_sql($cluster, $database, 'DROP EXTENSION hipaa_guard');
    is(sqlstate_of($err), 'PH003', "$name: the extension stays");
    (undef, undef, $err) = try_sql($cluster, $database, 'SELECT hipaa_guard.seal()');
    is(sqlstate_of($err), 'PH004', "$name: seal() sees the new finding");
    sql($cluster, $database, 'COMMENT ON COLUMN patients.id IS NULL; SELECT hipaa_guard.seal()');
    is(sql($cluster, $database, q{SELECT state, baa_reference, findings_acknowledged, integrity, (SELECT count(*) FROM patients),
        (SELECT count(*) FROM hipaa_guard.exemptions), (SELECT string_agg(column_name || ':' || category, ' ')
        FROM hipaa_guard.phi_columns) FROM hipaa_guard.project}), 'on|BAA-1|1|ok|1000|1|ssn:ssn', "$name: sealed, with all its rows");
    (undef, undef, $err) = try_sql($cluster, $database, q{COMMENT ON COLUMN patients.id IS 'or 078-05-1120'});
    is(sqlstate_of($err), 'PH001', "$name: guarded again");
    (undef, undef, $err) = try_sql($cluster, 'postgres', "DROP DATABASE $database");
    is(sqlstate_of($err), 'PH003', "$name: it cannot be dropped");
    return;
}

run_ok('pg_dump', $node, 'pg_dump', '-f', "$dir/plain.sql", 'clinic');
run_ok('pg_dump --create', $node, 'pg_dump', '--create', '-f', "$dir/create.sql", 'clinic');
run_ok('pg_dump -Fc', $node, 'pg_dump', '-Fc', '-f', "$dir/custom.dump", 'clinic');
run_ok('pg_dumpall', $node, 'pg_dumpall', '-f', "$dir/all.sql");

# A plain dump has no label: the row of hipaa_guard.flag brings the flag.
sql($node, 'postgres', 'CREATE DATABASE plain');
run_ok('restore of a plain dump', $node, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dir/plain.sql");
restored('a plain dump', $node, 'plain');

sql($node, 'postgres', 'CREATE DATABASE parallel');
run_ok('pg_restore -j', $node, 'pg_restore', '-j', '2', '-d', 'parallel', "$dir/custom.dump");
restored('a parallel restore', $node, 'parallel');

# On another server, label first.
sql($other, 'postgres', 'CREATE ROLE approvers; CREATE ROLE app');
run_ok('restore with --create', $other, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', '-f', "$dir/create.sql");
restored('a dump with --create', $other, 'clinic');

# All of a server, roles with their networks included.
my $third = new_node('third');
my ($out, $err) = ('', '');
IPC::Run::run([ psql_command($third, 'postgres'), '-v', 'ON_ERROR_STOP=0', '-f', "$dir/all.sql" ], '<', '/dev/null',
    '>', \$out, '2>', \$err, IPC::Run::timeout(180));
is(sql($third, 'clinic', 'SELECT state FROM hipaa_guard.project'), 'restoring', 'pg_dumpall: clinic is restoring');
is(sql($third, 'clinic', 'SELECT role_name, network FROM hipaa_guard.allowed_networks'), 'app|10.0.0.0/8', 'pg_dumpall: networks');
restored('pg_dumpall', $third, 'clinic');
$_->stop for $node, $other, $third;
done_testing();
