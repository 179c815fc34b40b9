# Goal: whatever the disk does, queries go on, nothing is lost without being counted, the log and stat_audit say so once,
# the trail goes on by itself when the disk does, and a gap tells the story.
# Method: a preloaded library makes writing, syncing, creating and renaming fail while the server runs; a file system of
# 2 MB fills up; the directory goes and cannot be made again. The same questions each time.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;
use Faults;
use Ring;
use Errno qw(EIO ENOSPC);

# An ordinary user mounts the small file system in name spaces of this test alone; inside, the user is who it was.
if (!$ENV{HG_SMALL} && $> != 0 && system('unshare -Urm unshare -U --map-user=1 true 2>/dev/null') == 0)
{
    my $small = PostgreSQL::Test::Utils::tempdir_short();
    $ENV{HG_SMALL} = $small;
    exec 'unshare', '-Urm', 'sh', '-c', 'mount -t tmpfs -o size=2m,mode=700 small "$1" && shift && exec unshare -U "$@"',
        'small', $small, "--map-user=$>", '--map-group=' . ($( + 0), $^X, $0;
    die "cannot run unshare: $!";
}
if ($ENV{SANITIZE})
{
    plan skip_all => 'the sanitizers\' library is preloaded instead of the one with the faults';
}

my @conf = ("hipaa_guard.audit_unflagged = on", "hipaa_guard.audit_ring_size = '256kB'", "hipaa_guard.audit_segment_size = '64kB'");
my $node = new_node('disk', { start => 0 }, @conf);
my $trail = $node->data_dir . '/hipaa_guard/audit';
my $faults = Faults->new;
$faults->started(sub { $node->start });
flag($node, 'clinic');
create_extension($node, 'postgres');
sql($node, 'postgres', 'CREATE TABLE t (a int); INSERT INTO t VALUES (1)');

# One database of the cluster is a project, so the log is masked strictly: what the trail has to say is readable all the same.
my $checkpoint = sql($node, 'postgres', 'SELECT hipaa_guard.audit_checkpoint()');
like($checkpoint, qr/^hipaa_guard checkpoint 1 trail=[0-9a-f]{32} .* signature=[0-9a-f]{128}$/, 'a checkpoint is one line');
wait_for_log($node, qr/LOG:  \Q$checkpoint\E$/m);

# What happens, told from break to mend. The figures come from the files, not from stat_audit alone.
sub story
{
    my ($server, $name, $break, $mend, $error) = @_;
    sql($server, 'postgres', 'SELECT hipaa_guard.audit_flush()');
    my $lost_before = sql($server, 'postgres', 'SELECT coalesce(sum(lost), 0) FROM hipaa_guard.audit_gaps');
    my $position = log_position($server);
    $break->();
    wait_for('the writer cannot go on', sub {
        sql($server, 'postgres', "SELECT a FROM t;\n" x 300);
        return log_of($server, $position) =~ /hipaa_guard cannot write the audit trail/;
    });
    like(sql($server, 'postgres', 'SELECT last_error FROM hipaa_guard.stat_audit'), $error, "$name: stat_audit says what it is");
    my $before = sql($server, 'postgres', 'SELECT dropped FROM hipaa_guard.stat_audit');
    wait_for('events are dropped', sub {
        sql($server, 'postgres', "SELECT a FROM t;\n" x 1000);
        return sql($server, 'postgres', "SELECT dropped > $before + 500 FROM hipaa_guard.stat_audit") eq 't';
    });
    is(sqlstate_of((try_sql($server, 'postgres', 'SELECT hipaa_guard.audit_flush()'))[2]), '58030',
        "$name: who waits for the disk is told, others go on");
    my @told = log_of($server, $position) =~ /hipaa_guard cannot write the audit trail: (.*)/g;
    is(scalar @told, 1, "$name: the log says so once") or diag(join "\n", @told);
    like($told[0], $error, "$name: and what it is");
    is(Ring::unbalanced($server), '', "$name: generated = written + dropped + in ring, by class");
    $mend->();
    wait_for_log($server, qr/hipaa_guard writes the audit trail again/, $position);
    sql($server, 'postgres', 'SELECT hipaa_guard.audit_flush()');
    is(sql($server, 'postgres', "SELECT sum(lost) = (SELECT dropped FROM hipaa_guard.stat_audit), sum(lost) - $lost_before > 500,
        bool_or(reason = 'disk_full') FROM hipaa_guard.audit_gaps"), 't|t|t', "$name: gaps tell exactly what was dropped, and why");
    my $dropped = Ring->new($server)->by_class('dropped');
    is(sql($server, 'postgres', 'SELECT jsonb_object_agg(class, n) FROM (SELECT class, sum(events) AS n
        FROM hipaa_guard.audit_dropped GROUP BY 1) s'), $dropped, "$name: each of them by who touched what");
    is(sql($server, 'postgres', 'SELECT jsonb_object_agg(class, n) FROM (SELECT key AS class, sum(value::int) AS n
        FROM hipaa_guard.audit_gaps, jsonb_each_text(lost_by_class) GROUP BY 1) s'), $dropped, "$name: and by class");
    is(Ring::unbalanced($server), '', "$name: and the ring balances again");
    is(sql($server, 'postgres', 'WITH seen AS MATERIALIZED (SELECT max(seq) AS last, count(*) AS n FROM hipaa_guard.audit_log)
        SELECT last - n - (SELECT sum(lost) FROM hipaa_guard.audit_gaps) FROM seen'), '0', "$name: events and gaps have all numbers");
    is(sql($server, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', "$name: the trail verifies");
    return;
}

sub injected
{
    my ($name, $error, %errnos) = @_;
    story($node, $name, sub { $faults->fail(%errnos) }, sub { $faults->mend }, $error);
    return;
}

injected('EIO in write', qr/^writing a segment failed: Input\/output error$/, write => EIO);
injected('EIO in fsync', qr/^syncing a segment failed: Input\/output error$/, sync => EIO);
injected('EIO in open', qr/^creating (?:a segment|the state file) failed: Input\/output error$/, open => EIO);
injected('EIO in rename', qr/^renaming the state file failed: Input\/output error$/, rename => EIO);
injected('no space', qr/^writing a segment failed: No space left on device$/, write => ENOSPC) unless $ENV{HG_SMALL};

# The server ends while nothing can be written: what is in the ring then comes out of it at the next start.
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
$faults->fail(write => EIO, sync => EIO);
sql($node, 'postgres', "SELECT a AS before_stop FROM t;\n" x 20);
$node->stop;
$faults->mend;
$faults->started(sub { $node->start });
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE statement = 'SELECT a AS before_stop FROM t'"), '20',
    'what could not be written before a stop is written after the start');

# A start on a disk that reads nothing: the server comes up, and the trail when it can.
$node->stop;
$faults->fail(read => EIO);
my $position = log_position($node);
$faults->started(sub { $node->start });
is(sql($node, 'postgres', 'SELECT a AS unreadable FROM t'), '1', 'a trail that cannot be read keeps nobody from working');
wait_for_log($node, qr/hipaa_guard cannot write the audit trail: .*Input\/output error/, $position);
$faults->mend;
wait_for_log($node, qr/hipaa_guard writes the audit trail again/, $position);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag IN ('fork', 'segments missing')"), '0',
    'which is neither a fork nor a trail that is gone');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE statement = 'SELECT a AS unreadable FROM t'"), '1',
    'and what happened meanwhile is told');
is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'the trail verifies');

# The directory is gone, and nobody can make it again.
$position = log_position($node);
my $dropped = sql($node, 'postgres', 'SELECT dropped FROM hipaa_guard.stat_audit');
rename $trail, "$trail.away" or die "cannot rename: $!";
open my $out, '>', $trail or die "cannot write: $!";
close $out;
wait_for('events are dropped', sub {
    sql($node, 'postgres', "SELECT a FROM t;\n" x 1000);
    return sql($node, 'postgres', "SELECT dropped > $dropped + 500 FROM hipaa_guard.stat_audit") eq 't';
});
my @told = log_of($node, $position) =~ /hipaa_guard cannot write the audit trail: (.*)/g;
is("@told", 'making the audit directory failed: Not a directory', 'a directory that is gone is told once');
unlink $trail;
wait_for_log($node, qr/hipaa_guard writes the audit trail again/, $position);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', "SELECT sum(lost) = (SELECT dropped - $dropped FROM hipaa_guard.stat_audit), bool_and(reason = 'disk_full')
    FROM hipaa_guard.audit_gaps"), 't|t', 'writing goes on in a new one, and its gaps tell exactly what was dropped');
is(sql($node, 'postgres', "SELECT count(*) > 0 FROM hipaa_guard.audit_log WHERE command_tag = 'segments missing'"), 't',
    'and an event tells that the old ones are gone');
$node->stop;

# A real file system that is full.
SKIP:
{
    unless ($ENV{HG_SMALL})
    {
        diag('no small file system can be mounted here: the full one is one that says so');
        skip 'no file system of its own', 11;
    }
    my $small = "$ENV{HG_SMALL}/audit";
    my $full = new_node('full', @conf, "hipaa_guard.audit_directory = '$small'");
    create_extension($full, 'postgres');
    sql($full, 'postgres', 'CREATE TABLE t (a int); INSERT INTO t VALUES (1)');
    my $ballast = "$ENV{HG_SMALL}/ballast";
    story($full, 'full file system', sub {
        open my $out, '>', $ballast or die "cannot write: $!";
        1 while syswrite $out, 'x' x 4096;
        close $out;
    }, sub { unlink $ballast or die "cannot remove: $!" }, qr/^(?:writing|syncing|creating) .* failed: No space left on device$/);
    $full->stop;
}

done_testing();
