#!/usr/bin/perl
# Goal: segments go when their term is over or an archive has them, and only then; a crash in the middle of a purge is
# mended; a full trail goes on with the classes that the reserve is for, says so, and recovers when room is made.
# Method: a server that lived seven years ago (a preloaded library shifts its clock), small segments, a trail of 1 MB.
use Guarded;
use Ring;
use Faults;
use JSON::PP;

my $node = new_node('archive', { start => 0 }, "hipaa_guard.audit_segment_size = '64kB'", "hipaa_guard.audit_max_size = '1MB'",
    "hipaa_guard.audit_unflagged = on");
my $audit = $node->data_dir . '/hipaa_guard/audit';
my $years = 7;

# Statements of 4 kB, no two of them alike, until there are so many segments more, or the condition holds.
sub fill
{
    my ($more, $condition) = @_;
    my ($have) = sql($node, 'postgres', 'SELECT coalesce(max(segment), 0) FROM hipaa_guard.audit_segments_read()');
    $condition //= 'false';
    sql($node, 'postgres', qq{
        DO \$\$ BEGIN
            FOR n IN 1 .. 3000 LOOP
                EXECUTE format('SELECT count(*) FROM pg_am AS am%s_$have WHERE true%s', n, repeat(' AND true', 400));
                CONTINUE WHEN n % 25 <> 0;
                PERFORM hipaa_guard.audit_flush();
                EXIT WHEN (SELECT max(segment) FROM hipaa_guard.audit_segments_read()) >= $have + $more OR ($condition);
            END LOOP;
        END \$\$});
    return;
}

sub acknowledge_all
{
    sql($node, 'postgres', q{
        SELECT hipaa_guard.acknowledge_archive('vault', last_seq, hipaa_guard.audit_segment_digest(segment))
          FROM hipaa_guard.audit_segments WHERE closed AND archives = '{}'});
    return;
}

sub verified { return sql($node, 'postgres', 'SELECT ok, problem FROM hipaa_guard.audit_verify()') }

# Terms.
{
    my $past = Faults->new;
    $past->clock(-$years * 366 * 86400);
    $ENV{SANITIZE} ? $node->start : $past->started(sub { $node->start });
    create_extension($node, 'postgres');
    sql($node, 'postgres', 'CREATE TABLE again (n int)');
    fill(3);
    $node->stop;
}
$node->start;
SKIP:
{
    skip 'the sanitizers\' library is preloaded instead of the clock', 6 if $ENV{SANITIZE};
    fill(1);
    my $old = sql($node, 'postgres', q{SELECT count(*) FROM hipaa_guard.audit_segments WHERE began_at < now() - interval '6 years'});
    cmp_ok($old, '>=', 3, 'there are segments of more than six years ago');
    is(sql($node, 'postgres', q{SELECT segment, removed FROM hipaa_guard.purge_audit(
            (SELECT ended_at FROM hipaa_guard.audit_segments WHERE segment = 1))}), '1|t',
        'the oldest one goes after its term, without an archive, up to the moment asked for');
    sql($node, 'postgres', q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date, NULL, '10 years')});
    is(sql($node, 'postgres', q{SELECT count(*) FILTER (WHERE removed) FROM hipaa_guard.purge_audit('infinity')}), '0',
        'an agreement of ten years keeps the next');
    like(sql($node, 'postgres', q{SELECT reason FROM hipaa_guard.purge_plan('infinity') LIMIT 1}),
        qr/no archive has acknowledged it as it is, and it is to be kept until \d{4}-\d\d-\d\d/, '... and says until when');
    is(verified(), 't|', 'what is left verifies');
    $node->restart;
    is(verified(), 't|', '... after a restart as well');
}

# A purge that broke off after its signed line: the files are there again.
sql($node, 'postgres', q{SELECT hipaa_guard.register_archive('vault', 'file system', 'tape 17')});
fill(2);
acknowledge_all();
my @before = sort glob "$audit/*.hga";
my %content = map { $_ => slurp($_) } @before[0 .. 1];
my $removed = sql($node, 'postgres', q{SELECT count(*) FILTER (WHERE removed) FROM hipaa_guard.purge_audit('infinity')});
cmp_ok($removed, '>=', 2, 'acknowledged segments go');
is(scalar(grep { -e } keys %content), 0, '... their files are gone');
$node->stop;
for my $file (keys %content)
{
    open my $out, '>:raw', $file or die "cannot write $file: $!";
    print $out $content{$file};
    close $out or die "cannot write $file: $!";
}
$node->start;
wait_for('the purge is finished', sub { return !grep { -e } keys %content });
is(verified(), 't|', 'a purge that was cut short is finished by the next start');
is(sql($node, 'postgres', q{SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'PURGE AUDIT' AND outcome = 'success'
    AND object_type = 'audit_segment'}) > 0, 1, 'purges are events');

# Full.
my $position = log_position($node);
fill(1000, q{(SELECT state FROM hipaa_guard.audit_storage) = 'full'});
wait_for_log($node, qr/audit trail takes more than 80 percent of hipaa_guard.audit_max_size/, $position);
wait_for_log($node, qr/audit trail is full/, $position);
ok(1, 'the log says at 80 percent, and when it is full, that room is needed');
my $dropped = sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush(); SELECT dropped FROM hipaa_guard.stat_audit');
sql($node, 'postgres', q{SELECT 'not recorded' FROM pg_am; SELECT FROM pg_class; CREATE ROLE recorded});
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', q{SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'CREATE ROLE'}), 1,
    'events of the reserve\'s classes are still written');
cmp_ok(sql($node, 'postgres', 'SELECT dropped FROM hipaa_guard.stat_audit'), '>', $dropped + 1, '... others are dropped and counted');
is(Ring::unbalanced($node), '', '... every one');
acknowledge_all();
sql($node, 'postgres', q{SELECT hipaa_guard.purge_audit('infinity')});
wait_until($node, q{SELECT state = 'ok' FROM hipaa_guard.audit_storage}, 'there is room again');
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush(); SELECT FROM again; SELECT hipaa_guard.audit_flush()');
is(sql($node, 'postgres', q{SELECT count(*) > 0 FROM hipaa_guard.audit_log WHERE object_name = 'again' AND class = 'read'}), 't',
    'when segments went it goes on by itself');
is(sql($node, 'postgres', q{SELECT bool_and(reason = 'disk_full') AND sum(lost) > 1 FROM hipaa_guard.audit_gaps}), 't',
    '... and gaps tell the story');
is(verified(), 't|', '... and all verifies');

# Whoever has it shipped knows as much: with the gaps every number is there, and who touched what of the lost.
my $spool = PostgreSQL::Test::Utils::tempdir();
is(system('hipaa_guard_ship', $audit, $spool) >> 8, 0, 'it is shipped');
my @lines = map { decode_json($_) } map { split /\n/, slurp($_) } sort glob "$spool/*.jsonl";
my ($next, $lost, $counted, @holes) = (0, 0, 0);
for my $line (@lines)
{
    my ($first, $last) = $line->{gap} ? @{ $line->{gap} }{qw(first_seq last_seq)} : ($line->{seq}, $line->{seq});
    $counted += $line->{dropped}{count} if $line->{dropped};
    $lost += $line->{gap}{lost} if $line->{gap};
    next unless defined $first;
    push @holes, $first if $next && $first != $next;
    $next = $last + 1;
}
is("@holes", '', '... every number, counting gaps');
is($lost, sql($node, 'postgres', 'SELECT sum(lost) FROM hipaa_guard.audit_gaps'), '... all that was lost');
is($counted, sql($node, 'postgres', 'SELECT coalesce(sum(events), 0) FROM hipaa_guard.audit_dropped'), '... and who touched what of it');
cmp_ok($counted, '>', 0, '... which is something');

# A damaged file of terms: nothing goes.
open my $out, '>>', "$audit/retention.file" or die "cannot open: $!";
print $out "P1D\n";
close $out or die "cannot write: $!";
my ($status, undef, $err) = try_sql($node, 'postgres', q{SELECT hipaa_guard.purge_audit('infinity')});
is(sqlstate_of($err), 'XX001', 'with a damaged file of terms nothing is purged');

# Without a server, and by a key that was written down after the first purge.
my $key = sql($node, 'postgres', q{SELECT substring(pg_read_file('hipaa_guard/audit/keys.file') FROM 'public=([0-9a-f]{64})')});
$node->stop;
is(system("hipaa_guard_verify $audit --key $key >/dev/null") >> 8, 0, 'the stand-alone verifier agrees with the purges');
my ($first, @later) = sort glob "$audit/*.hga";
rename $later[-1], "$audit/kept" or die "cannot rename $later[-1]: $!";
is(system("hipaa_guard_verify $audit --key $key >/dev/null 2>&1") >> 8, 1, '... and finds that the last segment was taken');
rename "$audit/kept", $later[-1] or die "cannot rename $audit/kept: $!";
unlink $first;
is(system("hipaa_guard_verify $audit --key $key >/dev/null 2>&1") >> 8, 1, '... and finds a segment that nobody purged');
done_testing();
