# Goal: scan_catalog() finds what got into metadata while nobody watched, on every surface that is stored.
# Method: all statements of test/surfaces.tsv run in a cluster without a flag, each with a value; then each kind of
# surface must be among the findings, with the identity masked, and the findings of the cluster's shared catalogs must
# be seen from another database too.
use lib 'test/lib';
use Guarded;

my $value = 'phi0_123_45_6789';
my $node = new_node('scan', "max_prepared_transactions = 5", "wal_level = logical", "max_replication_slots = 20",
    "log_statement = 'none'");
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
    'prepared transaction identifier')
{
    ok($found{$surface}, "$surface: found");
}
is(sql($node, 'surf', q{SELECT count(*) FROM hipaa_guard.scan_catalog() WHERE identity ~ '123_45_6789'}), '0', 'identities are masked');
%found = map { split /\|/ } split /\n/, sql($node, 'elsewhere', 'SELECT surface, count(*) FROM hipaa_guard.scan_catalog() GROUP BY 1');
ok($found{$_}, "$_: found from another database") for ('role name', 'database name', 'setting value', 'comment', 'connection string');
ok(!$found{'table name'}, '... whose own tables are not among the findings');
is(sql($node, 'elsewhere', q{SELECT ok FROM hipaa_guard.preflight() WHERE requirement = 'no PHI in metadata'}), 'f',
    'preflight() counts them');
sql($node, 'surf', "ROLLBACK PREPARED '$value'");
$node->stop;
done_testing();
