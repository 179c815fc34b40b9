# Goal: scan_catalog() finds what got into metadata while nobody watched, on every surface that is stored.
# Method: all statements of test/surfaces.tsv run in a cluster without a flag, each with a value; then each kind of
# surface must be among the findings, with the identity masked, and the findings of the cluster's shared catalogs must
# be seen from another database too. So must a comment on a large object, statistics of a labelled column, and a statement
# that pg_stat_statements keeps. A scan that a lock holds up for more than 5 s says how far it is.
use lib 'test/lib';
use Guarded;

my $value = 'phi0_123_45_6789';
my $node = new_node('scan', "max_prepared_transactions = 5", "wal_level = logical", "max_replication_slots = 20",
    "log_statement = 'none'", "shared_preload_libraries = 'hipaa_guard, pg_stat_statements'");
my %place = (socket => $node->host, port => $node->port, dir => PostgreSQL::Test::Utils::tempdir_short());
my $work = PostgreSQL::Test::Utils::tempdir();

sub fill
{
    my ($text) = @_;
    my %parts = (%place, m => $value, m4 => substr($value, 3), u3 => substr($value, 4));
    return $text =~ s/\{(\w+)\}/exists $parts{$1} ? $parts{$1} : "{$1}"/ger =~ s/\\n/\n/gr;
}

sql($node, 'postgres', 'CREATE DATABASE surf');
sql($node, 'surf', fill(slurp('test/surfaces-setup.sql')));
create_extension($node, 'surf');
create_extension($node, 'elsewhere');
open my $script, '>', "$work/all.sql" or die "cannot write $work/all.sql: $!";
for (grep { /\t/ } split /\n/, slurp('test/surfaces.tsv'))
{
    my (undef, $setup, $statement, $expected) = split /\t/, $_, -1;
    # What belongs to a session or is taken back at once leaves nothing to find, and COPY would wait for the terminal.
    next if $expected =~ /^(expected|unseen|elsewhere)$/ || $statement =~ /^copy|rollback prepared|pg_backup_start/;
    print $script map { fill($_) . ";\n" } grep { $_ ne '' } $setup, $statement;
    print $script "ROLLBACK;\nRESET ALL;\n";
}
print $script "BEGIN; INSERT INTO tdata VALUES ('x'); PREPARE TRANSACTION '$value';\n";
print $script "CREATE TABLE labelled (ssn text); INSERT INTO labelled SELECT '$value' FROM generate_series(1, 100); ANALYZE labelled;\n";
print $script "SELECT hipaa_guard.protect('labelled', '{ssn}', 'ssn');\n";
print $script "ALTER TABLE tbase SET (user_catalog_table = true); CREATE EXTENSION pg_stat_statements;\nSELECT 1 /* of $value */;\n";
close $script or die "cannot write $work/all.sql: $!";
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-Xq', '-d', $node->connstr('surf'), '-f', "$work/all.sql" ], '<', '/dev/null', '>', \$out, '2>', \$err,
    IPC::Run::timeout($Guarded::TIMEOUT));

my %found = map { split /\|/ } split /\n/, sql($node, 'surf', 'SELECT surface, count(*) FROM hipaa_guard.scan_catalog() GROUP BY 1');
for my $surface ('table name', 'column name', 'index name', 'sequence name', 'constraint name', 'schema name', 'type name',
    'function name', 'argument name', 'trigger name', 'publication name', 'replication slot name',
    'replication origin name', 'object name', 'extension, language or access method name', 'database name', 'role name',
    'setting name', 'comment', 'enum label', 'column default', 'check constraint', 'partition bound', 'expression', 'index predicate',
    'default of an added column', 'function body', 'argument default', 'aggregate initial value', 'view definition', 'rule definition',
    'policy expression', 'trigger definition', 'server option', 'role option', 'connection string', 'setting value',
    'prepared transaction identifier', 'statistics', 'pg_stat_statements')
{
    ok($found{$surface}, "$surface: found");
}
is(sql($node, 'surf', q{SELECT string_agg(identity, ' ') FROM hipaa_guard.scan_catalog() WHERE object_type = 'large object'}), '"424242"',
    'a comment on a large object: found');
is(sql($node, 'surf', q{SELECT identity || ' ' || category FROM hipaa_guard.scan_catalog() WHERE surface = 'statistics'}),
    'public.labelled.ssn statistics', 'statistics of a labelled column are a finding of their own kind');
is(sql($node, 'surf', q{SELECT count(*) FROM hipaa_guard.scan_catalog() WHERE identity ~ '123_45_6789'}), '0', 'identities are masked');
%found = map { split /\|/ } split /\n/, sql($node, 'elsewhere', 'SELECT surface, count(*) FROM hipaa_guard.scan_catalog() GROUP BY 1');
ok($found{$_}, "$_: found from another database") for ('role name', 'database name', 'setting value', 'comment', 'connection string');
ok(!$found{'table name'}, '... whose own tables are not among the findings');
is(sql($node, 'elsewhere', q{SELECT ok FROM hipaa_guard.preflight() WHERE requirement = 'no PHI in metadata'}), 'f',
    'preflight() counts them');
sql($node, 'surf', "ROLLBACK PREPARED '$value'");

# Held up in the midst of its work by a lock on a catalog, with most of the rows still to come.
my ($said, $waiting) = ('', q{FROM pg_stat_activity WHERE query ~ 'scan_catalog' AND wait_event_type = 'Lock'});
my $holder = IPC::Run::start([ psql_command($node, 'surf'), '-c', 'BEGIN', '-c',
        'LOCK TABLE pg_catalog.pg_attrdef IN ACCESS EXCLUSIVE MODE', '-c', 'SELECT pg_sleep(3600)' ], '<', '/dev/null',
    '>', \my $holder_out, '2>', \my $holder_err);
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'pg_attrdef'::regclass},
    'the catalog is locked', 'surf');
my $scan = IPC::Run::start([ psql_command($node, 'surf'), '-c', 'SELECT count(*) > 0 FROM hipaa_guard.scan_catalog()' ], '<', '/dev/null',
    '>', \my $scanned, '2>', \$said, IPC::Run::timeout($Guarded::TIMEOUT));
wait_until($node, "SELECT count(*) = 1 $waiting AND clock_timestamp() - query_start > '5.5 s'",
    'the scan has waited for more than 5 s', 'elsewhere');
sql($node, 'elsewhere', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid()});
$_->finish for $holder, $scan;
is($scanned, "t\n", 'a scan that was held up ends');
like($said, qr/NOTICE:.* scan_catalog: \d+000 rows of system catalogs read/, '... and has said how far it is');

# It keeps literals, so that no project can be beside it.
my ($status, $out, $refused) = try_sql($node, 'elsewhere', q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1,
    current_date + 365, '6 years'); SELECT hipaa_guard.enable('BAA-1', acknowledge_findings => true)});
like($refused, qr/PH004: .*DETAIL:  no statements with PHI in pg_stat_statements: pg_stat_statements keeps the literals/s,
    'beside pg_stat_statements no database becomes a project');
is(sql($node, 'elsewhere', q{SELECT ok FROM hipaa_guard.preflight() WHERE requirement ~ 'pg_stat_statements'}), 'f',
    '... and preflight() knows');
$node->stop;
done_testing();
