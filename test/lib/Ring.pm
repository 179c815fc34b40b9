package Ring;

# The audit ring's file, looked at from outside: what it counts, and what is in it. stat_audit tells what waits in the
# ring as a difference, so its figures balance whatever is counted; here the records are found by their stamps.
#
#   is(Ring::unbalanced($node), '', 'generated = written + dropped + in ring, by class');
#
# The layout is that of src/audit/ring.h, version 2.

use strict;
use warnings;
use Time::HiRes qw(sleep);

my @classes = qw(read write ddl role function auth copy config misc guard);
my ($slot_size, $shards_at, $shard_size) = (128, 1024, 768);
my %at = (head => 0, tail => 128, drained => 144, generated => 384, dropped => 512);
my $crashed_at = 128 + 8 + 8 + 2 * 16 * 8;
my $nothing = 0xFFFF;

sub new
{
    my ($class, $node) = @_;
    my $file = $node->data_dir . '/pgsql_tmp_hipaa_guard/ring';
    open my $in, '<:raw', $file or die "cannot open $file: $!";
    my $data = do { local $/; <$in> };
    my (undef, $version, $shards, $size, $slots) = unpack 'Q L L Q Q', $data;
    die "$file is no ring of version 2\n" if $version != 2 || $size != length $data;
    my $slots_at = $size - $shards * $slots * $slot_size;
    return bless { file => $file, data => $data, shards => $shards, slots => $slots, slots_at => $slots_at }, $class;
}

sub numbers { my ($self, $offset, $count) = @_; return unpack "Q$count", substr $self->{data}, $offset, 8 * $count }

# The sums over the shards of a counter, by class.
sub sums
{
    my ($self, $what) = @_;
    my @sums = (0) x @classes;
    for my $shard (0 .. $self->{shards} - 1)
    {
        my @counts = $self->numbers($shards_at + $shard * $shard_size + $at{$what}, scalar @classes);
        $sums[$_] += $counts[$_] for 0 .. $#classes;
    }
    return @sums;
}

# The whole records between tails and heads, by class.
sub records
{
    my ($self) = @_;
    my @found = (0) x @classes;
    for my $shard (0 .. $self->{shards} - 1)
    {
        my ($head, $tail) = map { $self->numbers($shards_at + $shard * $shard_size + $at{$_}, 1) } qw(head tail);
        for (my $position = $tail; $position < $head;)
        {
            my $offset = $self->{slots_at} + ($shard * $self->{slots} + $position % $self->{slots}) * $slot_size;
            my ($stamp, undef, $slots, $class) = unpack 'Q L S S', substr $self->{data}, $offset, 16;
            my $whole = $stamp == $position * 4 + 1 && $slots > 0;
            $found[$class]++ if $whole && $class != $nothing;
            $position += $whole ? $slots : 1;
        }
    }
    return @found;
}

sub there
{
    my ($self) = @_;
    my $sum = 0;
    $sum += $_ for $self->records;
    return $sum;
}

# The file as it was; the server is down.
sub put_back
{
    my ($self) = @_;
    open my $out, '+<:raw', $self->{file} or die "cannot open $self->{file}: $!";
    print $out $self->{data};
    close $out or die "cannot write $self->{file}: $!";
    return;
}

# Each class whose events are not all somewhere, with the figures; empty if there is none. A session that just ended may be
# putting its last event, and the writer take one, so that is looked at again.
sub unbalanced
{
    my ($node) = @_;
    my $what = '';
    for (1 .. 50)
    {
        $what = Ring->new($node)->difference;
        last if $what eq '';
        sleep 0.1;
    }
    return $what;
}

sub difference
{
    my ($self) = @_;
    my @generated = $self->sums('generated');
    my @drained = $self->sums('drained');
    my @dropped = $self->sums('dropped');
    my @crashed = $self->numbers($crashed_at, scalar @classes);
    my @found = $self->records;
    return join '; ', map { "$classes[$_]: generated $generated[$_], written $drained[$_], dropped $dropped[$_], crashed $crashed[$_], "
            . "there $found[$_]" } grep { $generated[$_] != $drained[$_] + $dropped[$_] + $crashed[$_] + $found[$_] } 0 .. $#classes;
}

# A counter as text, to be compared with what a query says of each class: {"ddl": 1, "read": 17}, as jsonb_object_agg() shows it.
sub by_class
{
    my ($self, $what) = @_;
    my @sums = $self->sums($what);
    return '{' . join(', ', map { qq{"$classes[$_]": $sums[$_]} }
            sort { length $classes[$a] <=> length $classes[$b] || $classes[$a] cmp $classes[$b] } grep { $sums[$_] } 0 .. $#classes) . '}';
}

# As if a session had died between counting an event and putting it, so often: the server is down.
sub pretend_crashed
{
    my ($self, $class, $count) = @_;
    my ($number) = grep { $classes[$_] eq $class } 0 .. $#classes;
    my $offset = $shards_at + 3 * $shard_size + $at{generated} + 8 * $number;
    my ($before) = $self->numbers($offset, 1);
    open my $out, '+<:raw', $self->{file} or die "cannot open $self->{file}: $!";
    seek $out, $offset, 0 or die $!;
    print $out pack 'Q', $before + $count;
    close $out or die "cannot write $self->{file}: $!";
    return;
}

1;
