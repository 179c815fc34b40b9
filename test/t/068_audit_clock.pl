# Goal: a clock that is set back hides no event from a search by time, makes nobody wait for the disk, and is told.
# Method: a preloaded library sets the clock of a running server back by two hours, ahead again, and back while it is down.
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guarded;
use Faults;

plan skip_all => 'the sanitizers\' library is preloaded instead of the one with the clock' if $ENV{SANITIZE};

my $node = new_node('clock', { start => 0 }, "hipaa_guard.audit_unflagged = on");
my $faults = Faults->new;
$faults->started(sub { $node->start });
create_extension($node, 'postgres');
my %at;

# An event of a name of its own, and the server's time around it.
sub mark
{
    my ($name) = @_;
    $at{$name} = sql($node, 'postgres', "CREATE TABLE $name (); SELECT now()");
    sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
    return;
}

sub found
{
    my ($since, $until) = @_;
    return sql($node, 'postgres', "SELECT coalesce(string_agg(object_name, ' ' ORDER BY seq), '')
        FROM hipaa_guard.audit_read($since, $until) WHERE command_tag = 'CREATE TABLE' AND schema_name = 'public'");
}

sub around { return found("'$at{$_[0]}'::timestamptz - interval '10 min'", "'$at{$_[0]}'::timestamptz + interval '10 min'") }

mark('early');
$faults->clock(3 * 3600);
mark('ahead');
my $position = log_position($node);
$faults->clock(3600);
# No flush is asked for: the interval must not wait until the clock is where it was.
$at{back} = sql($node, 'postgres', 'CREATE TABLE back (); SELECT now()');
wait_until($node, "SELECT last_flush_at BETWEEN now() - interval '1 hour' AND now() AND in_ring < 100 FROM hipaa_guard.stat_audit",
    'the trail is brought to disk by the clock that is');
wait_for_log($node, qr/hipaa_guard found the clock set back/, $position);
sql($node, 'postgres', 'SELECT hipaa_guard.audit_checkpoint()');
mark('later');
is(around('early'), 'early', 'what was before is found by its time');
is(around('ahead'), 'ahead', 'what happened while the clock was ahead');
is(around('back'), 'back later', 'what happened after it was set back');
is(found("'$at{early}'::timestamptz + interval '10 min'", 'NULL'), 'ahead back later', 'from a moment on, in the order of their numbers');
is(found('NULL', "'$at{ahead}'::timestamptz - interval '10 min'"), 'early back later', 'up to a moment');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'clock set back'"), '1', 'it is told once');

# While the server is down.
$node->stop;
$faults->clock(0);
$faults->started(sub { $node->start });
mark('again');
is(around('again'), 'early again', 'what came after a start with an earlier clock is found');
is(around('later'), 'back later', 'and what came before');
is(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'clock set back'"), '2', 'this is told, too');
is(sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()'), 't|', 'the trail verifies');
is(sql($node, 'postgres', 'SELECT max(seq) - count(*) FROM hipaa_guard.audit_log'), '0', 'no number is missing');
is(sql($node, 'postgres', 'SELECT bool_and(began_at <= ended_at) FROM hipaa_guard.audit_segments WHERE closed'), 't',
    'no segment ends before it begins');
$node->stop;
done_testing();
