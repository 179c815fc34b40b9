package Faults;

# A disk that fails and a clock that is set, for servers started with a preloaded library (faults.c).
#
#   my $faults = Faults->new;
#   $faults->started(sub { $node->start });
#   $faults->fail(sync => EIO);  ...  $faults->mend;
#   $faults->clock(-3600);                                         # seconds

use strict;
use warnings;
use PostgreSQL::Test::Utils;

my @functions = qw(write sync open rename read);

sub new
{
    my ($class) = @_;
    my $dir = PostgreSQL::Test::Utils::tempdir();
    my $self = bless { library => "$dir/faults.so", file => "$dir/faults", errnos => {}, clock => 0 }, $class;
    system('gcc', '-shared', '-fPIC', '-O1', '-o', $self->{library}, 'test/lib/faults.c') == 0 or die "cannot compile faults.c\n";
    $self->write;
    return $self;
}

# Calls a function with the environment that a server needs.
sub started
{
    my ($self, $start) = @_;
    local $ENV{LD_PRELOAD} = $self->{library};
    local $ENV{HG_FAULTS} = $self->{file};
    return $start->();
}

# In place: the server has mapped the file.
sub write
{
    my ($self) = @_;
    my $mode = -e $self->{file} ? '+<' : '+>';
    open my $out, $mode, $self->{file} or die "cannot open $self->{file}: $!";
    binmode $out;
    print $out pack('q l*', $self->{clock} * 1_000_000, map { $self->{errnos}{$_} // 0 } @functions);
    close $out or die "cannot write $self->{file}: $!";
    return;
}

sub fail
{
    my ($self, %errnos) = @_;
    $self->{errnos} = \%errnos;
    return $self->write;
}

sub mend { return $_[0]->fail }

sub clock
{
    my ($self, $seconds) = @_;
    $self->{clock} = $seconds;
    return $self->write;
}

1;
