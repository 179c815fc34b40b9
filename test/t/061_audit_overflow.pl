# Goal: when the ring is full, queries go on, and what was lost is told exactly, by class and in sequence.
# Method: a tiny ring and a writer that is stopped by a signal; a known number of statements; then the writer goes on.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;
use Ring;

my $node = new_node('overflow', "hipaa_guard.audit_unflagged = on", "hipaa_guard.audit_ring_size = '256kB'");
create_extension($node, 'postgres');
sql($node, 'postgres', 'CREATE DATABASE other');
sql($node, 'postgres', 'CREATE TABLE t (a int); INSERT INTO t VALUES (1)');
sql($node, 'other', 'CREATE TABLE u (a int); CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; GRANT ALL ON u TO alice, bob;'
    . join ' ', map { "CREATE TABLE many_$_ ();" } 1 .. 300);
my $stat = 'SELECT generated, written, dropped, in_ring FROM hipaa_guard.stat_audit';

sub figures { return split /\|/, sql($node, 'postgres', $stat) }

sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
my ($generated_before, undef, $dropped_before) = figures();
my ($writer, $began) = split /\|/, sql($node, 'postgres', 'SELECT writer_pid, clock_timestamp() FROM hipaa_guard.stat_audit');
kill 'STOP', $writer;

# In one session: 5000 reads; each is one event, and so are the others of the script.
my $reads = 5000;
sql($node, 'postgres', "SELECT a FROM t;\n" x $reads);
my ($generated, $written, $dropped, $in_ring) = figures();
cmp_ok($generated - $generated_before, '>=', $reads, 'every statement came up as an event');
is($generated, $written + $dropped + $in_ring, 'generated = written + dropped + in ring while the writer stands still');
is(Ring::unbalanced($node), '', 'which is so in the ring itself, by class');
cmp_ok($dropped - $dropped_before, '>', $reads / 2, 'most were dropped');

# Nothing more of these classes finds room, so it is known what is dropped: of two roles in another database, in two classes; then of more
# tables than the ring has places for.
sql($node, 'postgres', "UPDATE t SET a = 1;\n" x 500);
sql($node, 'other', "SET ROLE alice;\n" . "SELECT a FROM u;\n" x 70);
sql($node, 'other', "SET ROLE bob;\n" . "SELECT a FROM u;\n" x 30 . "UPDATE u SET a = 1;\n" x 20);
sql($node, 'other', join "\n", map { "SELECT FROM many_$_;" } 1 .. 300);
my $ended = sql($node, 'postgres', 'SELECT clock_timestamp()');

# The reserve: what must not be missed still finds room.
sql($node, 'postgres', "CREATE ROLE reserve_probe; CREATE TABLE reserve_probe_table (a int)");

kill 'CONT', $writer;
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT string_agg(command_tag, ',' ORDER BY seq) FROM hipaa_guard.audit_log
    WHERE object_name LIKE 'reserve_probe%' AND class IN ('ddl', 'role')"), 'CREATE ROLE,CREATE TABLE',
    'role and ddl were recorded though reads were shed');
($generated, $written, $dropped, $in_ring) = figures();
is(sql($node, 'postgres', 'SELECT sum(lost) FROM hipaa_guard.audit_gaps'), $dropped, 'the gaps tell exactly what was dropped');
my $ring = Ring->new($node);
is(sql($node, 'postgres', 'SELECT jsonb_object_agg(class, n) FROM (SELECT key AS class, sum(value::int) AS n
    FROM hipaa_guard.audit_gaps, jsonb_each_text(lost_by_class) GROUP BY 1) s'), $ring->by_class('dropped'), 'by class, too');
is(sql($node, 'postgres', 'SELECT jsonb_object_agg(class, n) FROM (SELECT class, sum(events) AS n
    FROM hipaa_guard.audit_dropped GROUP BY 1) s'), $ring->by_class('dropped'), 'and so does what is told of who touched what');
is(sql($node, 'postgres', 'SELECT dropped_by_class FROM hipaa_guard.stat_audit'), $ring->by_class('dropped'), 'and stat_audit');
is(sql($node, 'postgres', "SELECT string_agg(format('%s %s %s %s', current_user_name, class, object_name, n), ', ' ORDER BY 1)
    FROM (SELECT current_user_name, class, object_name, sum(events) AS n FROM hipaa_guard.audit_dropped
        WHERE database_name = 'other' AND schema_name = 'public' AND object_name = 'u' AND session_user_name = current_user
        GROUP BY 1, 2, 3) s"), 'alice read u 70, bob read u 30, bob write u 20', 'exactly, by role, database, table and class');
my ($named, $rest) = split /\|/, sql($node, 'postgres', "SELECT sum(events) FILTER (WHERE object_name LIKE 'many%'),
    sum(events) FILTER (WHERE session_user_name IS NULL AND object_name IS NULL) FROM hipaa_guard.audit_dropped WHERE class = 'read'");
cmp_ok($named + $rest, '>=', 300, "of 300 tables, $named have a place of their own, and the rest is counted together");
ok($named > 200 && $rest > 0, 'as many as there are places');
is(sql($node, 'postgres', "SELECT bool_and(began_at >= '$began' AND ended_at BETWEEN began_at AND clock_timestamp()),
    max(ended_at) >= '$ended'::timestamptz - interval '1 second' FROM hipaa_guard.audit_gaps WHERE ended_at >= '$began'"), 't|t',
    'with the time');
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

# What the ring counts as written is in the trail, class by class.
$writer = sql($node, 'postgres', 'SELECT writer_pid FROM hipaa_guard.stat_audit');
kill 'STOP', $writer;
my $in_trail = sql($node, 'postgres', 'SELECT jsonb_object_agg(class, n) FROM (SELECT class, count(*) AS n
    FROM hipaa_guard.audit_log GROUP BY 1) s');
is($in_trail, Ring->new($node)->by_class('drained'), 'the trail has every event that was taken from the ring');
is(Ring::unbalanced($node), '', 'and nothing is nowhere');
kill 'CONT', $writer;

$node->stop;
done_testing();
