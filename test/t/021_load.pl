# Goal: under a load that the machine can carry every statement is in the audit trail, and nothing is dropped.
# Method: pgbench with prepared statements and four clients on a flagged database; the transactions that pgbench counted
# against the rows of its history table, the events of the trail, and the counters.
use Guarded;

# The ring holds what a disk that hesitates for a minute makes wait: the load is tested here, not the disk.
my $node = new_node('main', "hipaa_guard.audit_ring_size = '256MB'");
flag($node, 'bench');
my @pgbench = ('pgbench', '-d', $node->connstr('bench'));
my ($out, $err) = ('', '');
ok(IPC::Run::run([ @pgbench, '-i', '-q', '-s', 2 ], '>', \$out, '2>', \$err), 'pgbench fills its tables') or diag $err;
my $seconds = $ENV{HG_LOAD_SECONDS} || 8;
ok(IPC::Run::run([ @pgbench, '-n', '-M', 'prepared', '-c', 4, '-T', $seconds ], '>', \$out, '2>', \$err), 'pgbench runs') or diag $err;
my ($done) = $out =~ /number of transactions actually processed: (\d+)/;
cmp_ok($done, '>', 0, "$done transactions");
unlike($out, qr/number of failed transactions: [1-9]/, 'and none failed');

sql($node, 'bench', 'SELECT hipaa_guard.audit_flush()');
my $counts = 'SELECT generated = written + dropped + in_ring, dropped FROM hipaa_guard.stat_audit';
is(sql($node, 'bench', $counts), 't|0', 'nothing was dropped');
is(sql($node, 'bench', 'SELECT count(*) FROM pgbench_history'), $done, 'each transaction left a row');
my $events = sql($node, 'bench', q{SELECT command_tag || ' ' || object_name || ' ' || count(*) FROM hipaa_guard.audit_log
    WHERE outcome = 'success' AND (command_tag = 'UPDATE' OR command_tag = 'INSERT' AND object_name = 'pgbench_history')
        AND object_name ~ '^pgbench' AND rows = 1
    GROUP BY command_tag, object_name ORDER BY 1});
is($events, join("\n", "INSERT pgbench_history $done", map { "UPDATE pgbench_$_ $done" } qw(accounts branches tellers)),
    'and one event a statement');
is(sql($node, 'bench', 'SELECT ok, gaps, lost FROM hipaa_guard.audit_verify()'), 't|0|0', 'the chain holds');
$node->stop;
done_testing();
