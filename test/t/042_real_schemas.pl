# Goal: the guard does not get in the way: schemas of real systems load into flagged databases without a refusal.
# Method: each .sql file of the corpus that HG_CORPUS names (see test/run) goes
# through psql into a flagged database of its own. Other errors of a file (roles and extensions that it expects) do not
# count, but most of its tables must be there.
use lib 'test/lib';
use Guarded;

my $corpus = $ENV{HG_CORPUS} // '';
my @files = $corpus eq '' ? () : sort glob "$corpus/schemas/*.sql";
plan skip_all => 'there is no corpus of schemas (HG_CORPUS)' unless @files;

my $node = new_node('schemas', "log_statement = 'none'",
    "hipaa_guard.allowed_extensions = 'hstore, btree_gist, pgcrypto, uuid-ossp, vector'");
my $work = PostgreSQL::Test::Utils::tempdir();
for my $file (@files)
{
    my ($db) = $file =~ m{([^/]+)\.sql$};
    flag($node, $db);
    my ($out, $err) = ('', '');
    # Templates of migrations name their schema by a placeholder.
    my $script = slurp($file) =~ s/\{\{.*?\}\}/public/gr;
    open my $copy, '>', "$work/$db.sql" or die "cannot write $work/$db.sql: $!";
    print $copy $script;
    close $copy or die "cannot write $work/$db.sql: $!";
    IPC::Run::run([ 'psql', '-Xq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($db), '-f', "$work/$db.sql" ], '<', '/dev/null',
        '>', \$out, '2>', \$err, IPC::Run::timeout($Guarded::TIMEOUT));
    my @refusals = $err =~ /^(?:.*?:\s+)?ERROR:\s+(PH\d+: .*)$/mg;
    is(scalar @refusals, 0, "$db loads without a refusal") or diag(join "\n", @refusals[0 .. ($#refusals > 9 ? 9 : $#refusals)]);
    my $wanted = () = $script =~ /^\s*CREATE TABLE/mig;
    my $tables = sql($node, $db, q{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN
        ('r', 'p') AND nspname !~ '^(pg_|information_schema|hipaa_guard)'});
    cmp_ok($tables, '>=', $wanted / 2, "... with most of its tables ($tables)");
    is(sql($node, $db, 'SELECT count(*) FROM hipaa_guard.scan_catalog()'), '0', '... and the scan of its catalogs finds nothing');
}
$node->stop;
done_testing();
