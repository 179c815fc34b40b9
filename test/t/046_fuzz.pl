# Goal: whatever SQL comes, a flagged database neither falls over nor loses memory, and no value that stands in a statement
# or in a row shows in an error, a notice, the log or the metadata.
# Method: the statements of test/surfaces.tsv and of our own scripts, each with a planted value, are mutilated by a generator
# with a fixed seed and sent over the bare protocol in one session, all of them twice: the memory of the session must be
# after the second time what it was after the first. Then sqlsmith, where it is installed, asks a fixed number of its own
# queries of tables with planted rows. HG_FUZZ_STATEMENTS, HG_FUZZ_SEED and HG_SQLSMITH_QUERIES make it longer or another.
use lib 'test/lib';
use Client;
use Guarded;

my $statements = $ENV{HG_FUZZ_STATEMENTS} // 1500;
my $queries = $ENV{HG_SQLSMITH_QUERIES} // 1500;
my $value = 'phi0_123_45_6789';
my $planted = '987-65-4329';
# Where a mutilation adds a digit, it is no such number any more.
my $pattern = qr/(?<!\d)(?:123_45_6789|123-45-678\d|987-65-4329)(?!\d)/;
srand($ENV{HG_FUZZ_SEED} // 4);

my $node = new_node('fuzz', "log_statement = 'none'", 'restart_after_crash = off');
create_extension($node, 'surf');
my %place = (socket => $node->host, port => $node->port, dir => PostgreSQL::Test::Utils::tempdir_short());

sub fill
{
    my ($text, $with) = @_;
    my %parts = (%place, m => $with, m4 => substr($with, 3), u3 => substr($with, 4));
    return $text =~ s/\{(\w+)\}/exists $parts{$1} ? $parts{$1} : "{$1}"/ger =~ s/\\n/\n/gr;
}

# Statements that cost seconds, end the session or wait are left out.
my $costly = qr/database|tablespace|subscription|\bsystem\b|backup|\bslot|copy|notify|\bload\b|dblink|pg_sleep|\\[a-z]|
    lo_import|lo_export|enable\(/ix;
my @pool = map { fill((split /\t/)[2], $value) } grep { /\t/ } split /\n/, slurp('test/surfaces.tsv');
push @pool, map { s/^\s*--.*$//mgr } split /;\n/, slurp('sql/40_guard.sql');
@pool = grep { !/$costly/ } @pool;
my $token = qr/\s+|'(?:[^']|'')*'|"[^"]*"|\w+|./s;
my @odd = ("U&'\\00", "U&'\\+00006'", "E'\\x", "E'\\u00e9'", "E'\\", '$$', '$a$', '/*', '*/', '--', "'", '"', '""', '||', ' UESCAPE ',
    "'!'", ';', '(', ')', '((((((', '::', "\x{c3}\x{a9}", "\x{ff}", "\x{f0}\x{9f}\x{98}\x{80}", "\n", '$1', '1e', '0x', 'x' x 70,
    "'" . 'y' x 5000 . "'", 'NULL', 'IF NOT EXISTS', 'INCLUDING ALL', 'CONCURRENTLY', 'DEFAULT', 'USING', 'WITH', 'COLLATE "C"',
    "'$value'", "'12'||'3-45-6789'");

sub mutilate
{
    my @words = $pool[ rand @pool ] =~ /$token/g;
    for (0 .. int rand 3)
    {
        my $at = int rand @words;
        my $kind = int rand 6;
        if ($kind == 0) { splice @words, $at, 1 }
        elsif ($kind == 1) { splice @words, $at, 0, $words[$at] }
        elsif ($kind == 2) { @words[ $at, 0 ] = @words[ 0, $at ] }
        elsif ($kind == 3) { my @others = $pool[ rand @pool ] =~ /$token/g; $words[$at] = $others[ rand @others ] }
        elsif ($kind == 4) { splice @words, $at, 0, $odd[ rand @odd ] }
        else { $#words = $at }
        push @words, 'SELECT' unless @words;
    }
    # A message ends at a zero byte; a statement that another one follows is one of several in a message.
    my $text = join '', @words;
    return rand() < 0.1 ? "SELECT 1; $text; SELECT 2" : $text;
}

my @mutants = grep { !/$costly/ } map { mutilate() } 1 .. $statements;
my $needs = slurp('test/surfaces-setup.sql') =~ s/^create (?:database|subscription|extension|user mapping|server loop).*?;$//smgr;
sql($node, 'surf', fill($needs, 'x'));
sql($node, 'surf', qq{CREATE TABLE measured (round int, bytes bigint);
    CREATE TABLE patients (id int PRIMARY KEY, ssn text, born date, note varchar(40), charge numeric, flags int[]);
    INSERT INTO patients SELECT i, '$planted', '1950-01-01'::date + i, 'of $planted ' || i, i * 1.5, ARRAY[i] FROM generate_series(1, 50) i;
    CREATE TABLE visits (patient int REFERENCES patients, ward text, at timestamptz);
    INSERT INTO visits SELECT i % 50 + 1, '$planted', '2020-01-01'::timestamptz + i * interval '1 day' FROM generate_series(1, 100) i;
    CREATE VIEW wards AS SELECT ward, count(*) FROM visits GROUP BY ward});
flag($node, 'surf');
my $log_began = log_position($node);
my $started = sql($node, 'surf', 'SELECT pg_postmaster_start_time()');

my $client = Client->new($node->host, $node->port, user => 'postgres', database => 'surf');
$client->simple("SET statement_timeout = '5s'; SET client_min_messages = debug1");
my ($spoken, $refused) = ('', 0);
for my $round (1, 2)
{
    for my $i (0 .. $#mutants)
    {
        last if $client->{closed};
        my $answer = $i % 2 ? $client->simple($mutants[$i]) : $client->extended($mutants[$i]);
        $refused++ if $answer =~ /^CPH001$/m;
        if ($answer =~ $pattern)
        {
            $spoken .= $answer;
            diag("a value in the answer to: $mutants[$i]\n$answer");
        }
        $client->simple('ROLLBACK; RESET ALL; RESET ROLE; DROP TABLE IF EXISTS made') if $i % 10 == 0;
    }
    $client->simple("ROLLBACK; RESET ALL; RESET ROLE; DISCARD TEMP; DEALLOCATE ALL; INSERT INTO measured
        SELECT $round, sum(used_bytes) FROM pg_backend_memory_contexts
        WHERE level = (SELECT min(level) FROM pg_backend_memory_contexts) OR name ~ 'hipaa' OR ident ~ 'hipaa'");
}
ok(!$client->{closed}, scalar(@mutants) . ' mutilated statements, twice: the session is there');
is(sql($node, 'surf', 'SELECT pg_postmaster_start_time()'), $started, '... and so is the server');
cmp_ok($refused, '>', $statements / 12, "... $refused of them were refused with PH001");
is($spoken, '', '... no answer held the value');
my ($first, $second) = split /\n/, sql($node, 'surf', 'SELECT bytes FROM measured ORDER BY round');
cmp_ok($second // 'inf', '<', $first + 20 * @mutants, "... the session's memory stays: $first bytes, $second");
$client->close;

SKIP:
{
    skip 'sqlsmith is not installed', 3 unless grep { -x "$_/sqlsmith" } split /:/, $ENV{PATH};
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'sqlsmith', '--target=' . $node->connstr('surf') . q{ options='-c statement_timeout=1s'}, '--seed=4',
            "--max-queries=$queries", '--exclude-catalog', '--verbose' ],
        '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout($Guarded::TIMEOUT));
    like($err, qr/queries: \d+/, "sqlsmith asked $queries queries") or diag(substr $err, -500);
    unlike($out . $err, $pattern, '... and no answer held a value');
    is(sql($node, 'surf', 'SELECT pg_postmaster_start_time()'), $started, '... the server is there');
}
my $log = log_of($node, $log_began);
unlike($log, $pattern, 'no line of the log holds a value') or diag(join "\n", ($log =~ /^.*(?:$pattern).*$/mg)[0 .. 5]);
unlike($log, qr/PANIC|TRAP|was terminated by signal|hipaa_guard.*(?:invalid memory|cache lookup failed)/, '... nor tells of a crash');
my ($dump) = PostgreSQL::Test::Utils::run_command([ 'pg_dumpall', '--schema-only', '-d', $node->connstr('postgres') ]);
like($dump, qr/CREATE TABLE public\.patients/, 'the dump of all metadata is there');
unlike($dump, $pattern, '... and holds no value');
$node->stop;
done_testing();
