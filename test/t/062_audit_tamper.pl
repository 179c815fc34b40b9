# Goal: whoever changes the trail is found out, by the server and by the tool that needs no server; a tail that was
# cut by a checkpoint kept elsewhere; a damaged segment is read as far as it goes.
# Method: changes to copies of a real trail, and to the trail itself.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;
use MIME::Base64;

my $node = new_node('tamper', "hipaa_guard.audit_unflagged = on", "hipaa_guard.audit_segment_size = '64kB'");
create_extension($node, 'postgres');
sql($node, 'postgres', 'CREATE TABLE t (a int)');
sql($node, 'postgres', "INSERT INTO t VALUES (1);\n" x 1500);
my $checkpoint = sql($node, 'postgres', 'SELECT hipaa_guard.audit_checkpoint()');
like($checkpoint, qr/^hipaa_guard checkpoint 1 trail=[0-9a-f]{32} .* signature=[0-9a-f]{128}$/, 'a checkpoint is one line');
like(wait_for_log($node, qr/\Q$checkpoint\E/), qr/LOG:.*\Q$checkpoint\E/, 'and stands in the server log');
is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'the trail verifies');

my $trail = $node->data_dir . '/hipaa_guard/audit';
my ($key) = slurp("$trail/keys.file") =~ /epoch=1 public=([0-9a-f]{64})/;
is(sql($node, 'postgres', "SELECT ok FROM hipaa_guard.audit_verify('$key')"), 't', 'with its first key, too');
is(sql($node, 'postgres', "SELECT ok FROM hipaa_guard.audit_verify('" . '0' x 64 . "')"), 'f', 'with another key it does not');
is(sqlstate_of((try_sql($node, 'postgres', "SELECT hipaa_guard.audit_verify('me')"))[2]), '22023', 'what is no key is an error');
my $proven = sql($node, 'postgres', "SELECT seq FROM hipaa_guard.audit_log WHERE command_tag = 'CREATE TABLE' AND object_name = 't'");
$node->stop;

my $tool = $ENV{PG_CONFIG} // 'pg_config';
chomp(my $bin = qx($tool --bindir));
my $copy = PostgreSQL::Test::Utils::tempdir();

sub verify
{
    my (@arguments) = @_;
    my $out = '';
    IPC::Run::run([ "$bin/hipaa_guard_verify", @arguments ], '<', '/dev/null', '>&', \$out);
    return ($? >> 8, $out);
}

# A fresh copy of the trail; returns its segments.
sub copied
{
    system('rm', '-rf', "$copy/audit");
    system('cp', '-r', $trail, "$copy/audit") == 0 or die "cannot copy\n";
    return sort glob "$copy/audit/*.hga";
}

sub spew
{
    my ($file, $data) = @_;
    open my $out, '>:raw', $file or die "cannot write $file: $!";
    print $out $data;
    close $out;
    return;
}

my @segments = copied();
cmp_ok(scalar @segments, '>=', 3, 'small segments make several files');
my ($status, $out) = verify("$copy/audit", '--key', $key);
is($status, 0, 'the tool finds the trail whole') or diag($out);
($status, $out) = verify("$copy/audit", '--key', $key, '--checkpoint', "LOG:  $checkpoint");
is($status, 0, 'with the checkpoint from the log, too') or diag($out);

my $data = slurp($segments[1]);
substr($data, int(length($data) / 2), 1) ^= "\x01";
spew($segments[1], $data);
($status, $out) = verify("$copy/audit", '--key', $key);
is($status, 1, 'a flipped bit is found');
like($out, qr/problem: .* in \d+-[0-9a-f]+\.hga at byte \d+/, 'with its place');

@segments = copied();
unlink $segments[1];
is((verify("$copy/audit", '--key', $key))[0], 1, 'a removed segment is found');

@segments = copied();
rename $segments[1], "$copy/x";
rename $segments[2], $segments[1];
rename "$copy/x", $segments[2];
is((verify("$copy/audit", '--key', $key))[0], 1, 'swapped segments are found');

# The last segment that holds the checkpoint goes, its key's line with it: a perfect crime, but for the witness.
@segments = copied();
my ($at) = grep { slurp($segments[$_]) =~ /\Q$checkpoint\E/ } 0 .. $#segments;
unlink @segments[$at .. $#segments];
my @lines = split /^/, slurp("$copy/audit/keys.file");
spew("$copy/audit/keys.file", join '', @lines[0 .. $at - 1]);
is((verify("$copy/audit", '--key', $key))[0], 0, 'a tail that was cut cleanly looks whole');
($status, $out) = verify("$copy/audit", '--key', $key, '--checkpoint', $checkpoint);
is($status, 1, 'but not to whoever kept a checkpoint');
is((verify("$copy/audit", '--key', 'nonsense'))[0], 2, 'what is no key is refused');
is((verify("$copy/none", '--key', $key))[0], 1, 'no trail is no whole trail');

# A proof of one event: it holds with its segment's key, for nobody else's, not when it is changed, and shows no other event.
my (undef, $proof) = verify($trail, '--prove', $proven);
spew("$copy/proof", $proof);
my @keys = slurp("$trail/keys.file") =~ /public=([0-9a-f]{64})/g;
my @holding = grep { (verify('--check', "$copy/proof", '--key', $_))[0] == 0 } @keys;
is(scalar @holding, 1, 'a proof holds for one of the ' . @keys . ' keys');
($status, $out) = verify('--check', "$copy/proof", '--key', $holding[0]);
like($out, qr/^the proof holds\nnumber: $proven\n.*^action: CREATE TABLE\b.*^object: table public t\n.*^statement: CREATE TABLE t/ms,
    'and shows the event');
like(log_of($node), qr/\Q$1\E/, 'and the checkpoint that signs it, which the log has as well')
    if $out =~ /^signed with: (hipaa_guard checkpoint .*)/m or fail('the checkpoint is shown');
# The event with its texts is as long as it is; what proves it is bounded.
my @items = map { decode_base64($_) } $proof =~ /^item \d+ (\S+)$/mg;
is(scalar @items, 5, 'it holds the event and its four texts');
my $overhead = length($proof =~ s/^item .*\n//mgr);
cmp_ok($overhead, '<', 1280, "in $overhead bytes beside them, " . length($proof) . ' in all');
unlike(join('', @items, $out), qr/INSERT/i, 'of which none are another event\'s');
spew("$copy/proof", $proof =~ s/^(item \d+ .{20})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/emr);
($status, $out) = verify('--check', "$copy/proof", '--key', $holding[0]);
is($status, 1, 'it does not hold when it is changed');
is($out, "the proof does NOT hold\nproblem: a record is not under the checkpoint's root\n", 'and shows nothing then');
is((verify($trail, '--prove', 999_999_999))[0], 2, 'there is none of an event that is not there');

# The server reads a damaged segment as far as it goes.
@segments = sort glob "$trail/*.hga";
$data = slurp($segments[1]);
substr($data, int(length($data) / 2), 1) ^= "\x01";
spew($segments[1], $data);
$node->start;
is(sql($node, 'postgres', 'SELECT ok FROM hipaa_guard.audit_verify()'), 'f', 'the server finds the flipped bit');
my (undef, $count, $warning) = try_sql($node, 'postgres', "SELECT count(*) > 1000 FROM hipaa_guard.audit_log
    WHERE command_tag = 'INSERT'");
is($count, 't', 'the rest of the trail is read');
like($warning, qr/WARNING:  XX001: audit segment "$1" is damaged at byte \d+/, 'with a warning that names the place')
    if $segments[1] =~ m{([^/]+)$};

# A ring that was cut is set aside; the trail goes on.
$node->stop;
my $ring = $node->data_dir . '/pgsql_tmp_hipaa_guard/ring';
truncate $ring, 500_000;
$node->start;
wait_for_log($node, qr/hipaa_guard cannot use its audit ring .*: its size is not what its header says/);
ok(glob("$ring.*.aside"), 'a ring that was cut is kept aside');
sql($node, 'postgres', 'SELECT 1; SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', 'SELECT in_ring < 10 FROM hipaa_guard.stat_audit'), 't', 'a new one is used');
$node->stop;
spew($ring, 'not a ring at all' x 1000);
$node->start;
wait_for_log($node, qr/hipaa_guard cannot use its audit ring .*: (?:it is no ring|it is cut)/);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
pass('a foreign file in its place is kept aside, too');

$node->stop;
done_testing();
