# Goal: each setting of the log does what docs/log.md says, on a flagged cluster and without a flag, whatever stands
# before or behind the library in shared_preload_libraries.
# Method: two servers, with auto_explain before and behind. Statements with values that stand nowhere else; what the
# server log and the client have of them.
use lib 'test/lib';
use Guarded;
use Client;

my @noisy = ("log_statement = all", "log_min_messages = notice", "auto_explain.log_min_duration = 0", "max_prepared_transactions = 2");

# What the log says of a statement, and what the client gets.
sub outcome
{
    my ($node, $sql, @settings) = @_;
    my $client = Client->new($node->host, $node->port, application_name => 'modes');
    $client->simple("SET $_") for @settings;
    my $position = log_position($node);
    my $received = $client->simple($sql);
    $client->close;
    return (wait_for_log($node, qr/\[phi|\[redacted|ERROR|zqv/, $position), $received);
}

my $node = new_node('behind', "shared_preload_libraries = 'auto_explain, hipaa_guard'", @noisy);
sql($node, 'postgres', 'CREATE TABLE t (id int PRIMARY KEY, a text)');

my ($log, $got) = outcome($node, "SELECT 'zqv1'::int");
like($log, qr/zqv1/, 'without a flag and a policy nothing is masked');
like($got, qr/zqv1/, 'nor for the client');

my @detect = ("hipaa_guard.log_policy = detect");
($log, $got) = outcome($node, "SELECT 'zqv2 219-09-9999'::int", @detect);
like($log, qr/invalid input syntax for type integer: "zqv2 \[phi:ssn\]"/, 'detect masks findings and leaves the rest');
unlike($log . $got, qr/219-09-9999/, 'no finding is left');

my @strict = ("hipaa_guard.log_policy = strict");
($log, $got) = outcome($node, "INSERT INTO t VALUES (1, 'zqv3'), (1, 'zqv3')", @strict);
like($log, qr/DETAIL:  Key \(id\)=\(\[redacted\]\) already exists\./, 'strict masks the values of a key');
like($log, qr/STATEMENT:  INSERT INTO t VALUES \('\[redacted\]', '\[redacted\]'\)/, 'and of the statement');
like($got, qr/^DKey \(id\)=\(\[redacted\]\) already exists\.$/m, 'drivers find the form that they know');
like($got, qr/^C23505$/m, 'and the SQLSTATE');
like($got, qr/^nt_pkey$/m, 'and the name of the constraint');

for my $setting ([ "work_mem = '64zqXB'", 'Valid units for' ], [ "statement_timeout = '1 zqw'", 'Valid units for' ],
    [ "work_mem = '9999999999kB'", 'Value exceeds' ])
{
    ($log, $got) = outcome($node, "SET $setting->[0]", @strict);
    like($log, qr/HINT:  $setting->[1]/, "a setting that is wrong: the hint stays ($setting->[0])");
}
($log, $got) = outcome($node, q{DO $$ BEGIN BEGIN RAISE '% % %', 1, 2, 3; EXCEPTION WHEN others THEN NULL; END;
    RAISE 'zq' USING MESSAGE = 'zqv4'; END $$}, @strict);
like($log, qr/ERROR:  RAISE option already specified: MESSAGE/, 'a complaint of RAISE is told from what RAISE says');
($log, $got) = outcome($node, "INSERT INTO t VALUES (7707, 'zqv4'), (7707, 'zqv4')", @strict, "hipaa_guard.client_detail = raw");
like($got, qr/^DKey \(id\)=\(7707\) already exists\.$/m, 'client_detail = raw: the client gets DETAIL as it is');
unlike($log, qr/7707|zqv4/, 'and the log does not');

($log, $got) = outcome($node, q{DO $$ BEGIN RAISE EXCEPTION 'patient % of ward "%"', 'zqv5', 'zqv5'; END $$}, @strict);
like($log, qr/patient \[redacted\] of ward "\[redacted\]"/, 'RAISE keeps its text, not its arguments');
unlike($log . $got, qr/zqv5/, 'not in any field');
($log, $got) = outcome($node, q{DO $$ BEGIN RAISE EXCEPTION 'patient %', 'zqv6'; END $$}, @strict, "hipaa_guard.raise_policy = withhold");
like($log, qr/ERROR:  (?:P0001: )?\[redacted\]$/m, 'raise_policy = withhold takes it all');

# What was looked at once and found clean is not clean for ever.
sql($node, 'postgres', 'CREATE EXTENSION hipaa_guard');
my $session = Client->new($node->host, $node->port, application_name => 'modes');
$session->simple('SET hipaa_guard.log_policy = strict');
my @before = map { $session->simple("SELECT a, zq770001 FROM t WHERE id = $_") } 1, 2;
like("@before", qr/zq770001/, 'a word that nobody knows stays, the second time, too');
sql($node, 'postgres', "SELECT hipaa_guard.add_identifier('ward_number', 'ZQ999999')");
my $seen = log_position($node);
my $after = $session->simple('SELECT a, zq770001 FROM t WHERE id = 3');
unlike($after . wait_for_log($node, qr/STATEMENT/, $seen), qr/zq770001/, 'once it is an identifier of the site it is masked at once');
$session->close;
sql($node, 'postgres', "SELECT hipaa_guard.drop_identifier('ward_number')");

$node->append_conf('postgresql.conf', "hipaa_guard.redaction_marker = hash");
$node->reload;
wait_until($node, "SELECT current_setting('hipaa_guard.redaction_marker') = 'hash'", 'the marker is set');
my @digests;
for my $value ('219-09-9999', '219-09-9999', '219-09-9998')
{
    ($log) = outcome($node, "SELECT '$value'::int", @strict);
    push @digests, $log =~ /integer: "(\[phi:ssn:[0-9a-f]{8}\])"/;
}
is(scalar @digests, 3, 'redaction_marker = hash: markers carry a digest');
is($digests[0], $digests[1], 'equal values have equal ones');
isnt($digests[0], $digests[2], 'and others have others');
$node->stop;

# A flagged cluster is strict, whatever is set; with auto_explain in front of the library.
$node = new_node('front', "shared_preload_libraries = 'hipaa_guard, auto_explain'", @noisy, "hipaa_guard.log_policy = off");
flag($node, 'clinic');
sql($node, 'clinic', 'CREATE TABLE t (id int PRIMARY KEY, a text)');
($log, $got) = outcome($node, "SELECT 'zqv7'::int");
unlike($log . $got, qr/zqv7/, 'on a flagged cluster all databases are masked');
my $position = log_position($node);
sql($node, 'clinic', "SELECT count(*) FROM t WHERE a = 'zqv8' AND id = 7708");
$log = wait_for_log($node, qr/Filter: .*\n|Index Cond: .*\n/, $position);
unlike($log, qr/zqv8|7708/, 'plans are masked');
like($log, qr/\(cost=\d+\.\d+\.\.\d+\.\d+ rows=\d+ width=\d+\)/, 'and their figures stay');
my $limits = slurp('/proc/' . $node->{_pid} . '/limits');
like($limits, qr/^Max core file size\s+0\s/m, 'no core dumps of the server') if $limits ne '';
$node->stop;
done_testing();
