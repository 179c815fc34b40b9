# Goal: the database goes on when the trail cannot be written, the story is told exactly, and writing goes on by
# itself; a trail whose files vanish, a copied data directory, a standby and a server that ran unguarded are recognised.
# Method: the audit directory is made unusable and moved away; a base backup becomes a standby and is promoted; the
# server runs for a while without the library.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;
use Ring;

my $node = new_node('faults', { init => [ allows_streaming => 1 ] }, "hipaa_guard.audit_unflagged = on",
    "hipaa_guard.audit_ring_size = '256kB'", "hipaa_guard.audit_segment_size = '64kB'");
create_extension($node, 'postgres');
sql($node, 'postgres', 'CREATE TABLE t (a int); INSERT INTO t VALUES (1)');
my $trail = $node->data_dir . '/hipaa_guard/audit';

# A directory in which nothing can be created: the segment at hand is finished, the next one cannot begin.
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
chmod 0500, $trail;
my $position = log_position($node);
wait_for('the writer cannot go on', sub {
    sql($node, 'postgres', "SELECT a FROM t;\n" x 300);
    return sql($node, 'postgres', 'SELECT last_error IS NOT NULL FROM hipaa_guard.stat_audit') eq 't';
});
like(sql($node, 'postgres', 'SELECT last_error FROM hipaa_guard.stat_audit'), qr/^creating a segment failed: Permission denied$|keys/,
    'stat_audit says what keeps the writer');
# A busy machine may have dropped some for another reason before the writer was stuck.
my $before = sql($node, 'postgres', 'SELECT dropped FROM hipaa_guard.stat_audit');
wait_for('events are dropped', sub {
    sql($node, 'postgres', "SELECT a FROM t;\n" x 1000);
    return sql($node, 'postgres', "SELECT dropped > $before + 500 FROM hipaa_guard.stat_audit") eq 't';
});
is(sql($node, 'postgres', 'SELECT a FROM t'), '1', 'queries go on');
is(sqlstate_of((try_sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()'))[2]), '58030', 'whoever waits for the disk is told');
my @told = log_of($node, $position) =~ /hipaa_guard cannot write the audit trail/g;
is(scalar @told, 1, 'the log says so once');
is(Ring::unbalanced($node), '', 'generated = written + dropped + in ring, by class');
chmod 0700, $trail;
wait_for_log($node, qr/hipaa_guard writes the audit trail again/, $position);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT sum(lost) = (SELECT dropped FROM hipaa_guard.stat_audit),
    sum(lost) FILTER (WHERE reason = 'disk_full') > 500 FROM hipaa_guard.audit_gaps"), 't|t',
    'the gaps tell exactly what was dropped, and why');
is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'the trail verifies');

# A base backup has no ring and no key; what is started from it has a trail of its own.
$node->backup('copy');
my $backup = $node->backup_dir . '/copy';
ok(!-e "$backup/pgsql_tmp_hipaa_guard", 'a base backup holds neither the ring nor the private key');
my ($parent) = slurp("$trail/keys.file") =~ /trail=([0-9a-f]{32})/;
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
wait_until_up($standby);
is(sql($standby, 'postgres', 'SELECT a AS on_standby FROM t'), '1', 'a hot standby answers');
sql($standby, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($standby, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'fork'"), '1', 'a copy says that it is one');
is(sql($standby, 'postgres', "SELECT ok, problem FROM hipaa_guard.audit_verify()"), 't|',
    'its trail verifies behind the one it was copied from');
my @trails = slurp($standby->data_dir . '/hipaa_guard/audit/keys.file') =~ /trail=([0-9a-f]{32}) epoch=1 /g;
is(scalar @trails, 2, 'it has a key and an id of its own');
is($trails[0], $parent, 'and its parent is known');
is(sql($standby, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log
    WHERE command_tag = 'fork' AND detail ~ 'its parent is $parent\$'"), '1', 'and named by the event');
is(sql($standby, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log
    WHERE statement = 'SELECT a AS on_standby FROM t'"), '1', 'what was read on the standby is in its trail');
$standby->promote;
wait_until($standby, 'SELECT NOT pg_is_in_recovery()', 'the standby is promoted');
wait_until($standby, "SELECT hipaa_guard.audit_flush() IS NOT NULL AND count(*) = 1 FROM hipaa_guard.audit_log
    WHERE command_tag = 'promotion'", 'the promotion is an event');
is(sql($standby, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'and the trail still verifies');
$standby->stop;

# The directory is moved away under the writer: another one is begun, and nothing claims that all is well.
$position = log_position($node);
rename $trail, "$trail.away" or die "cannot rename: $!";
wait_for_log($node, qr/a segment of the hipaa_guard audit trail was removed/, $position);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'segments missing'"), '1',
    'a trail that vanished is an event of the next one');
is(sql($node, 'postgres', 'SELECT ok FROM hipaa_guard.audit_verify()'), 'f', 'and does not verify');

is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'promotion'"), '0',
    'a server that was none is no promoted standby');

# Without the library for a while.
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
sql($node, 'postgres', 'SELECT pg_switch_wal(); CHECKPOINT');
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'hipaa_guard'");
$node->start;
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT detail ~ '^the server ran without hipaa_guard: last stop at [0-9A-F]+/[0-9A-F]+, now at' FROM
    hipaa_guard.audit_log WHERE command_tag = 'unguarded interval'"), 't', 'an interval that nobody guarded is an event');
$node->stop;
$node->start;
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'unguarded interval'"), '1',
    'a guarded stop and start is none');

$node->stop;
done_testing();
