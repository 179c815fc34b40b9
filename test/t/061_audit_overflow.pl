# Goal: when the ring is full, queries go on, and what was lost is told exactly, by class and in sequence.
# Method: a tiny ring and a writer that is stopped by a signal; a known number of statements; then the writer goes on.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;

my $node = new_node('overflow', "hipaa_guard.audit_unflagged = on", "hipaa_guard.audit_ring_size = '256kB'");
create_extension($node, 'postgres');
sql($node, 'postgres', 'CREATE TABLE t (a int); INSERT INTO t VALUES (1)');
my $stat = 'SELECT generated, written, dropped, in_ring FROM hipaa_guard.stat_audit';

sub figures { return split /\|/, sql($node, 'postgres', $stat) }

sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
my ($generated_before, undef, $dropped_before) = figures();
my $writer = sql($node, 'postgres', 'SELECT writer_pid FROM hipaa_guard.stat_audit');
kill 'STOP', $writer;

# In one session: 5000 reads; each is one event, and so are the others of the script.
my $reads = 5000;
sql($node, 'postgres', "SELECT a FROM t;\n" x $reads);
my ($generated, $written, $dropped, $in_ring) = figures();
cmp_ok($generated - $generated_before, '>=', $reads, 'every statement came up as an event');
is($generated, $written + $dropped + $in_ring, 'generated = written + dropped + in ring while the writer stands still');
cmp_ok($dropped - $dropped_before, '>', $reads / 2, 'most were dropped');

# The reserve: what must not be missed still finds room.
sql($node, 'postgres', "CREATE ROLE reserve_probe; CREATE TABLE reserve_probe_table (a int)");

kill 'CONT', $writer;
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT string_agg(command_tag, ',' ORDER BY seq) FROM hipaa_guard.audit_log
    WHERE object_name LIKE 'reserve_probe%' AND class IN ('ddl', 'role')"), 'CREATE ROLE,CREATE TABLE',
    'role and ddl were recorded though reads were shed');
($generated, $written, $dropped, $in_ring) = figures();
is(sql($node, 'postgres', 'SELECT sum(lost) FROM hipaa_guard.audit_gaps'), $dropped, 'the gaps tell exactly what was dropped');
is(sql($node, 'postgres', "SELECT g.n = s.n FROM (SELECT sum((lost_by_class->>'read')::bigint) n FROM hipaa_guard.audit_gaps) g,
    (SELECT (dropped_by_class->>'read')::bigint n FROM hipaa_guard.stat_audit) s"), 't', 'by class, too');
is(sql($node, 'postgres', 'SELECT sum(events) FROM hipaa_guard.audit_dropped'), $dropped, 'what was dropped is still counted');
is(sql($node, 'postgres', "SELECT sum(events) >= $reads / 2 FROM hipaa_guard.audit_dropped WHERE class = 'read'
    AND object_name = 't' AND schema_name = 'public' AND session_user_name = current_user AND database_name = 'postgres'"), 't',
    'by who touched which table');
is(sql($node, 'postgres', 'SELECT DISTINCT reason FROM hipaa_guard.audit_gaps'), 'overflow', 'with the reason');
is(sql($node, 'postgres', 'SELECT bool_and(last_seq - first_seq + 1 = lost AND began_at <= ended_at) FROM hipaa_guard.audit_gaps'),
    't', 'a gap consumes as many numbers as were lost');
is(sql($node, 'postgres', 'SELECT count(*) FROM hipaa_guard.audit_log l, hipaa_guard.audit_gaps g
    WHERE l.seq BETWEEN g.first_seq AND g.last_seq'), '0', 'and no event has one of them');
is(sql($node, 'postgres', 'SELECT max(seq) - count(*) - (SELECT sum(lost) FROM hipaa_guard.audit_gaps) FROM hipaa_guard.audit_log'),
    '0', 'events and gaps have all numbers');
is(sql($node, 'postgres', "SELECT ok, lost = (SELECT sum(lost) FROM hipaa_guard.audit_gaps), problem
    FROM hipaa_guard.audit_verify()"), 't|t|', 'the trail verifies, and says how many were lost');

# Waiting instead of dropping: bounded, and then counted all the same.
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
(undef, undef, $dropped_before) = figures();
$writer = sql($node, 'postgres', 'SELECT writer_pid FROM hipaa_guard.stat_audit');
kill 'STOP', $writer;
sql($node, 'postgres', "SELECT a FROM t;\n" x $reads);
sql($node, 'postgres', "SET hipaa_guard.audit_on_overflow = wait; SET hipaa_guard.audit_wait_timeout = '300ms';
    SELECT a FROM t");
(undef, undef, $dropped) = figures();
kill 'CONT', $writer;
cmp_ok($dropped, '>', $dropped_before, 'an event that waited in vain is counted');

# ... and one that finds room in time is not lost: its statement is delayed, and ends.
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
kill 'STOP', $writer;
sql($node, 'postgres', "SELECT a FROM t;\n" x 2000);
my $patient = "SET application_name = 'patient'; SET hipaa_guard.audit_on_overflow = wait; SET hipaa_guard.audit_wait_timeout = '60s'";
my $waiting = IPC::Run::start([ psql_command($node, 'postgres'), '-c', $patient, '-c', 'SELECT a AS delayed FROM t' ],
    '<', '/dev/null', '>', \my $delayed, '2>', \my $errors);
my $still = "application_name = 'patient' AND state = 'active' AND query LIKE '%AS delayed%'";
wait_until($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE $still", 'the statement waits for room');
(undef, undef, $dropped_before) = figures();
is(sql($node, 'postgres', "SELECT count(*) FROM pg_stat_activity WHERE $still"), '1', 'a statement that may wait does');
kill 'CONT', $writer;
$waiting->finish;
is($delayed, "1\n", 'and goes on when there is room') or diag($errors);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE statement = 'SELECT a AS delayed FROM t'"), '1',
    'its event is there');
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', 'SELECT sum(lost) = (SELECT dropped FROM hipaa_guard.stat_audit) FROM hipaa_guard.audit_gaps'), 't',
    'and stands in a gap');

$node->stop;
done_testing();
