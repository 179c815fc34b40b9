# Goal: hipaa_guard_report writes a whole file or none, for its owner only; monitoring reads figures without rights on data.
# Method: run the tool in each format and into failures; run the query of monitoring/queries.yaml as a role that has the two
# grants of its README, and the real exporter on it where it is installed (Debian: prometheus-postgres-exporter).
use File::Temp;
use FindBin;
use Guarded;

my $node = new_node('tools');
my $db = 'clinic';
flag($node, $db);
sql($node, $db, q{SELECT hipaa_guard.report_incident('access', 'late', '2025-03-03 12:00+00', true, 0);
    SELECT hipaa_guard.take_posture_snapshot()});
my $top = "$FindBin::RealBin/../..";
my $dir = File::Temp->newdir;
chdir $dir or die "chdir: $!";
my $target = $node->connstr($db);

sub report
{
    my @arguments = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'hipaa_guard_report', @arguments ], '<', '/dev/null', '>', \$out, '2>', \$err);
    return ($? >> 8, $out, $err);
}

my %begins = (
    html => qr/^<!DOCTYPE html>.*<\/html>\n<!-- hipaa_guard receipt 1 .* -->\s*$/s,
    markdown => qr/^# HIPAA compliance report/, json => qr/^\{"report"/);
for my $format (sort keys %begins)
{
    my ($status, $out) = report('-f', $format, '-o', "report.$format", $target);
    is("$status $out", "0 report.$format\n", "$format: written");
    like(slurp("report.$format"), $begins{$format}, "$format: whole");
    unlike(slurp("report.$format"), qr/this section failed/, "$format: every section ran");
    is((stat "report.$format")[2] & 0777, 0600, "$format: for its owner only");
}
my ($status, $out, $err) = report($target);
like($out, qr/^hipaa-report-clinic-\d{4}-\d\d-\d\d\.html$/, 'without -o it is called after database and day');
($status, $out) = report('-s', '2026-01-01', '-u', '2025-01-01', '-o', 'none.html', $target);
is("$status$out", '1', 'an empty time is an error');
($status, $out) = report('-o', 'none.html', 'host=/nowhere');
is("$status$out", '1', 'no server is an error');
($status, $out) = report('-o', '/nowhere/none.html', $target);
is("$status$out", '1', 'no folder is an error');
is(scalar(grep { /none|part/ } glob '*'), 0, 'a failure leaves no file');
is((report('-f', 'pdf', $target))[0], 2, 'an unknown format is wrong usage');
is((report('a', 'b'))[0], 2, 'two databases are wrong usage');
my $digest = (slurp('report.json') =~ /"sha256" : "([0-9a-f]{64})"/)[0];
wait_until($node, "SELECT EXISTS (SELECT FROM hipaa_guard.audit_log WHERE detail LIKE 'sha256 $digest%')",
    'the digest of the report stands in the audit trail', $db);

# Each report is signed: with a key that was noted when the trail began, it is told from one that was changed.
sql($node, $db, 'SELECT hipaa_guard.audit_flush()');
my $trail = $node->data_dir . '/hipaa_guard/audit';
my ($key) = slurp("$trail/keys.file") =~ /epoch=1 public=([0-9a-f]{64})/ or die 'no key';
sub verify
{
    my ($file, @options) = @_;
    my ($answer, $problem) = ('', '');
    IPC::Run::run([ 'hipaa_guard_verify', $trail, '--receipt', $file, @options ], '<', '/dev/null', '>', \$answer, '2>', \$problem);
    return ($? >> 8) . " $answer$problem";
}
for my $format (sort keys %begins)
{
    my $page = slurp("report.$format");
    like(verify("report.$format", '--key', $key), qr/^0 the receipt holds\nof: report\n/, "$format: its signature holds");
    my %changed = (middle => $page =~ s/access/excess/r, first => "x$page", after => "$page<script></script>",
        time => $page =~ s/ until=\d/ until=9/r, signature => $page =~ s/(signature=.)(.)/$1 . ($2 eq '0' ? '1' : '0')/er);
    for my $what (sort keys %changed)
    {
        open my $out, '>:raw', 'changed' or die "cannot write: $!";
        print $out $changed{$what};
        close $out or die "cannot write: $!";
        unlike(verify('changed', '--key', $key), qr/^0/, "$format: a change is found: $what");
    }
}
like(verify('report.html', '--key', 'ab' x 32), qr/^1 .*none of the trail/s, 'a key of another trail is not believed');
my ($signed) = verify('report.html', '--key', $key) =~ /sha256: ([0-9a-f]{64})/;
is(sql($node, $db, "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'SIGN REPORT' AND detail LIKE 'sha256 $signed%'"), '1',
    'what was signed stands in the trail');
sql($node, $db, "SELECT count(*) FROM hipaa_guard.audit_export('jsonl', NULL, NULL)");
open my $export, '>', 'export' or die "cannot write: $!";
print $export sql($node, $db, 'SELECT receipt FROM hipaa_guard.export_receipts ORDER BY id DESC LIMIT 1'), "\n";
close $export or die "cannot write: $!";
like(verify('export', '--key', $key), qr/^0 the receipt holds\nof: jsonl\n/, 'the receipt of an export is checked in the same way');
like(verify('report.json', '--trust-directory'), qr/^0/, 'or with the keys beside the trail');
like(verify('/nowhere', '--key', $key), qr/^2 /, 'no file is an error');
like(verify("$trail/keys.file", '--key', $key), qr/^2 .*does not end in a receipt/, 'nor is every file a report');

# The key comes with the trail's first events: a report that is asked for before they are written is signed all the same.
my $young = new_node('young');
my ($postmaster) = slurp($young->data_dir . '/postmaster.pid') =~ /^(\d+)/;
chomp(my $writer = `pgrep -P $postmaster -f 'hipaa_guard audit writer'`);
kill 'STOP', $writer;
create_extension($young, 'postgres');
my $asked = spawn("$dir/young", psql_command($young, 'postgres'), '-c', 'SELECT hipaa_guard.compliance_report()');
wait_until($young, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%compliance_report%' AND wait_event = 'Extension'
    AND pid <> pg_backend_pid())", 'the report waits for the key');
kill 'CONT', $writer;
waitpid $asked, 0;
like(slurp("$dir/young"), qr/"receipt" : "hipaa_guard receipt 1 /, 'the first report of a cluster is signed, too');
$young->stop;

# The query and what is said of its columns fit together.
my $yaml = slurp("$top/monitoring/queries.yaml");
my ($query) = $yaml =~ /^  query: "(.*)"$/m;
my @described = $yaml =~ /^    - (\w+):$/mg;
sql($node, $db, q{CREATE ROLE exporter LOGIN; GRANT pg_monitor TO exporter; GRANT EXECUTE ON FUNCTION hipaa_guard.metrics() TO exporter});
($status, $out, $err) = try_sql($node, $db, "\\pset format unaligned\n\\pset tuples_only off\n$query;", user => 'exporter');
is($status, 0, 'the exporter may ask') or diag($err);
my ($names, $values) = split /\n/, $out;
is($names, join('|', @described), 'each column is described, in order');
my %value;
@value{ split /\|/, $names } = split /\|/, $values, -1;
is($value{$_}, { flagged => 1, incidents_open => 1, incident_deadlines_overdue => 1, audit_writer_up => 1 }->{$_}, "figure $_")
  for qw(flagged incidents_open incident_deadlines_overdue audit_writer_up);
cmp_ok($value{audit_generated}, '>=', $value{audit_written} + $value{audit_dropped}, 'generated covers written and dropped');
is((try_sql($node, $db, 'SELECT * FROM hipaa_guard.incidents', user => 'exporter'))[0], 3, 'the exporter sees no incident');
my %known = map { ("hipaa_guard_$_" => 1) } @described;
my @used = slurp("$top/monitoring/alerts.yaml") =~ /\b(hipaa_guard_\w+)\b/g;
is(join(' ', grep { !$known{$_} } @used), '', 'alerts ask for figures that are there');

# Each alert was tried in both ways, by Prometheus's own tool.
my @alerts = slurp("$top/monitoring/alerts.yaml") =~ /^      - alert: (\w+)$/mg;
my $tried = slurp("$top/monitoring/alerts_test.yaml");
is(join(' ', grep { $tried !~ /name: $_ fires/ || $tried !~ /name: $_ is quiet/ } @alerts), '', 'each alert has a case for both');
SKIP:
{
    my $promtool = (grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH})[0];
    skip 'promtool is not installed', 1 unless $promtool;
    my $told = '';
    my $held = IPC::Run::run([ $promtool, 'test', 'rules', "$top/monitoring/alerts_test.yaml" ], '<', '/dev/null', '>', \$told,
        '2>', \$told);
    ok($held, 'each alert fires on what it is for, and on nothing else') or diag($told);
}

SKIP:
{
    my $exporter = (grep { -x } map { "$_/prometheus-postgres-exporter" } split /:/, $ENV{PATH})[0];
    skip 'prometheus-postgres-exporter is not installed', 2 unless $exporter;
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    local $ENV{DATA_SOURCE_NAME} = sprintf 'host=%s port=%s user=exporter dbname=%s sslmode=disable', $node->host, $node->port, $db;
    my ($log, $page) = ('', '');
    my $run = IPC::Run::start([ $exporter, "--extend.query-path=$top/monitoring/queries.yaml", "--web.listen-address=127.0.0.1:$port" ],
        '<', '/dev/null', '>', \$log, '2>', \$log);
    my $seen = eval { wait_for('the exporter answers with our figures', sub {
        $run->pump_nb;
        $page = http_get($port, '/metrics');
        return $page =~ /^hipaa_guard_incident_deadlines_overdue\{[^}]*\} 1$/m;
    }) };
    ok($seen, 'the exporter shows an overdue deadline') or diag($log, $page =~ /^(?:.*hipaa.*\n)+/m);
    like($page, qr/^hipaa_guard_audit_writer_up\{[^}]*\} 1$/m, 'and that the writer runs');
    $run->kill_kill;
}

sub http_get
{
    my ($to, $path) = @_;
    require IO::Socket::INET;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to, Timeout => 10) or return '';
    print $socket "GET $path HTTP/1.0\r\n\r\n";
    local $/;
    return <$socket> // '';
}

chdir '/';
done_testing();
