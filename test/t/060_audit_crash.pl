# Goal: an event that entered the ring is in the trail exactly once, whatever dies.
# Method: sessions insert numbered rows until the whole server is killed with -9; after the restart the trail must
# name every row that is committed, no event twice, and no number missing. Every second time the writer stands still
# before, so that the ring has to be replayed, too. Two rounds; KILL_ROUNDS gives another number (make check-crash: 100).
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;
use Ring;
use IPC::Run ();

my $node = new_node('crash', "hipaa_guard.audit_unflagged = on", "hipaa_guard.audit_ring_size = '16MB'",
    "hipaa_guard.audit_segment_size = '256kB'", "restart_after_crash = on");
create_extension($node, 'postgres');
sql($node, 'postgres', 'CREATE TABLE rows (session int, number int)');

# Each session inserts rows one by one; the statements are prepared, so the trail has no numbers, only counts.
sub load_and_kill
{
    my ($round, $before) = @_;
    my @sessions;
    for my $session (1 .. 3)
    {
        my $script = "PREPARE put AS INSERT INTO rows VALUES ($round$session, \$1);\n"
            . join '', map { "EXECUTE put($_);\n" } 1 .. 20000;
        my $file = $node->basedir . "/load.$session";
        open my $out, '>', $file or die "cannot write $file: $!";
        print $out $script;
        close $out;
        push @sessions, IPC::Run::start([ psql_command($node, 'postgres'), '-f', $file ], '<', '/dev/null', '>', '/dev/null',
            '2>', '/dev/null');
    }
    my $enough = $round > 2 ? 100 : 500;
    wait_until($node, "SELECT count(DISTINCT session) = 3 AND count(*) > $enough FROM rows WHERE session / 10 = $round",
        'the load runs');
    $before->() if $before;
    kill_server($node);
    $_->finish for @sessions;
    restart_after_kill($node);
    return;
}

sub check
{
    my ($round) = @_;
    sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
    # A row is there when its transaction is committed; its event was put before.
    my ($rows, $events) = split /\|/, sql($node, 'postgres', "SELECT (SELECT count(*) FROM rows WHERE session / 10 = $round),
        (SELECT count(*) FROM hipaa_guard.audit_log WHERE class = 'write' AND command_tag = 'INSERT' AND object_name = 'rows'
            AND outcome = 'success' AND statement LIKE 'PREPARE%' AND session_id IN (SELECT session_id FROM
            hipaa_guard.audit_log GROUP BY session_id HAVING max(recorded_at) > (SELECT max(recorded_at) FROM
            hipaa_guard.audit_log WHERE detail LIKE 'round $round begins%')))");
    cmp_ok($events, '>=', $rows, "round $round: every one of $rows rows has its event");
    # The sessions may have put events of statements whose commit was cut off: one each.
    cmp_ok($events, '<=', $rows + 3, "round $round: and none has two ($events events)");
    is(sql($node, 'postgres', 'SELECT count(*) - count(DISTINCT (session_id, detail)) FROM hipaa_guard.audit_log
        WHERE statement LIKE $$PREPARE%$$ AND command_tag = $$INSERT$$'), '0', "round $round: no event is written twice");
    is(sql($node, 'postgres', 'SELECT max(seq) - min(seq) + 1 - count(*) - (SELECT coalesce(sum(lost), 0) FROM hipaa_guard.audit_gaps)
        FROM hipaa_guard.audit_log'), '0', "round $round: numbers are without holes, but for gaps");
    is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', "round $round: the trail verifies");
    is(Ring::unbalanced($node), '', "round $round: generated = written + dropped + in ring, by class");
    return;
}

sub begin_round
{
    my ($round) = @_;
    sql($node, 'postgres', "SELECT hipaa_guard.record_event('guard', 'test', NULL, NULL, 'round $round begins')");
    return;
}

sub stop_writer
{
    my $writer = sql($node, 'postgres', 'SELECT writer_pid FROM hipaa_guard.stat_audit');
    kill 'STOP', $writer;
    wait_until($node, 'SELECT in_ring > 300 FROM hipaa_guard.stat_audit', 'the ring fills while the writer stands still');
    return;
}

for my $round (1 .. $ENV{KILL_ROUNDS} // 2)
{
    begin_round($round);
    load_and_kill($round, $round % 2 ? undef : \&stop_writer);
    check($round);
}

# Killing the writer alone restarts the server's processes; the ring stays.
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
my $events = sql($node, 'postgres', 'SELECT count(*) FROM hipaa_guard.audit_log');
my $writer = sql($node, 'postgres', 'SELECT writer_pid FROM hipaa_guard.stat_audit');
kill 'KILL', $writer;
wait_until($node, "SELECT writer_pid <> $writer FROM hipaa_guard.stat_audit", 'another writer is there');
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
cmp_ok(sql($node, 'postgres', 'SELECT count(*) FROM hipaa_guard.audit_log'), '>', $events, 'a new writer goes on');
is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'and the trail verifies');

# The server dies when a frame is written and the ring does not know yet: at the next start the ring is as it was before.
sub sessions_ended
{
    my ($postmaster) = slurp($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
    return !grep { slurp("/proc/$_/cmdline") =~ /\[local\]/ } split /\s+/, qx(pgrep -P $postmaster);
}
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
kill 'STOP', sql($node, 'postgres', 'SELECT writer_pid FROM hipaa_guard.stat_audit');
($writer) = sql($node, 'postgres', "SELECT count(*) AS once FROM rows WHERE number < 0;\n" x 50
    . 'SELECT writer_pid FROM hipaa_guard.stat_audit') =~ /(\d+)\z/;
wait_for('the sessions end', \&sessions_ended);
my $before = Ring->new($node);
kill 'CONT', $writer;
wait_for('the writer takes all', sub { return Ring->new($node)->there == 0 });
kill_server($node);
cmp_ok($before->there, '>=', 50, 'events were in the ring');
is($before->by_class('generated'), Ring->new($node)->by_class('generated'), 'and none came when it was drained');
$before->put_back;
restart_after_kill($node);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE statement LIKE 'SELECT count(*) AS once FROM rows%'"), '50',
    'what the trail has is not taken again');
is(Ring::unbalanced($node), '', 'but counted');
is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'and the trail verifies');

# A process that dies between counting an event and putting it: a gap tells of it, in sequence and by class.
my $gaps = sql($node, 'postgres', 'SELECT coalesce(sum(lost), 0) FROM hipaa_guard.audit_gaps');
$node->stop;
Ring->new($node)->pretend_crashed(read => 3);
Ring->new($node)->pretend_crashed(ddl => 1);
$node->start;
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT sum(lost) - $gaps FROM hipaa_guard.audit_gaps"), '4', 'what died with its process is lost, and told');
is(sql($node, 'postgres', 'SELECT lost, lost_by_class, reason, last_seq - first_seq + 1 FROM hipaa_guard.audit_gaps ORDER BY first_seq DESC
    LIMIT 1'), '4|{"ddl": 1, "read": 3}|crash|4', 'by class, with the reason, and with numbers of its own');
is(Ring::unbalanced($node), '', 'the ring balances');
is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'the trail verifies');
$node->restart;
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT sum(lost) - $gaps FROM hipaa_guard.audit_gaps"), '4', 'and the next start does not tell it again');

# A private key lies in the state directory alone, readable by the server's user only.
my $state = $node->data_dir . '/pgsql_tmp_hipaa_guard/trail.state';
is(sprintf('%o', (stat $state)[2] & 0777), '600', 'the state with the private key is readable by its owner only');

$node->stop;
done_testing();
