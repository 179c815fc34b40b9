package Client;

# The least of a PostgreSQL client, on the bare protocol: it shows every byte that the server sends to it, which no
# ready-made client does, and speaks the simple and the extended query protocol.
#
#   my $client = Client->new($host, $port, user => 'postgres', database => 'postgres', application_name => 'x');
#   my $errors = $client->simple('SELECT 1/0');          # all fields of all errors and notices, as one text
#   my $errors = $client->extended('SELECT $1::int', 'x');
#
# A server that asks for a password gets the one given by password => (clear text only). COPY IN is answered with the
# data set by $client->{copy_data}.

use strict;
use warnings;
use IO::Socket::UNIX;

sub new
{
    my ($class, $host, $port, %options) = @_;
    my $self = bless { options => \%options, copy_data => '', errors => '', portal => '' }, $class;
    $self->{socket} = IO::Socket::UNIX->new(Peer => "$host/.s.PGSQL.$port") or die "cannot connect to $host: $!";
    my %start = (user => 'postgres', database => 'postgres', %options);
    my $password = delete $start{password};
    my $body = pack('N', 196608) . join('', map { "$_\0$start{$_}\0" } sort keys %start) . "\0";
    $self->send_bytes(pack('N', 4 + length $body) . $body);
    while (my ($type, $message) = $self->receive)
    {
        $self->send_message('p', "$password\0") if $type eq 'R' && unpack('N', $message) == 3 && defined $password;
        last if $type eq 'Z';
    }
    return $self;
}

sub send_bytes
{
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    $self->{socket}->syswrite($bytes);
    return;
}

sub send_message
{
    my ($self, $type, $body) = @_;
    $self->send_bytes($type . pack('N', 4 + length $body) . $body);
    return;
}

sub read_bytes
{
    my ($self, $size) = @_;
    my $bytes = '';
    while (length $bytes < $size)
    {
        my $count = $self->{socket}->sysread($bytes, $size - length $bytes, length $bytes);
        return if !$count;
    }
    return $bytes;
}

# One message: its type and body; nothing when the server has hung up. Errors and notices are kept.
sub receive
{
    my ($self) = @_;
    my $head = $self->read_bytes(5);
    if (!defined $head)
    {
        $self->{closed} = 1;
        return;
    }
    my ($type, $size) = unpack 'a N', $head;
    my $body = $size > 4 ? $self->read_bytes($size - 4) : '';
    if ($type eq 'E' || $type eq 'N')
    {
        $self->{errors} .= join("\n", split /\0/, $body) . "\n";
    }
    return ($type, $body);
}

# Reads up to ReadyForQuery; returns the errors and notices of this round.
sub finish
{
    my ($self) = @_;
    $self->{errors} = '';
    while (my ($type) = $self->receive)
    {
        last if $type eq 'Z';
        if ($type eq 'G')
        {
            $self->send_message('d', $self->{copy_data}) if $self->{copy_data} ne '';
            $self->send_message('c', '');
            # In the extended protocol a Sync that stood before the data was swallowed with it.
            $self->send_message('S', '') if $self->{is_extended};
        }
    }
    return $self->{errors};
}

sub simple
{
    my ($self, $sql) = @_;
    $self->{is_extended} = 0;
    $self->send_message('Q', "$sql\0");
    return $self->finish;
}

# Parse, Bind with text parameters to the portal set by $client->{portal}, Execute, Sync.
sub extended
{
    my ($self, $sql, @parameters) = @_;
    $self->{is_extended} = 1;
    $self->send_message('P', "\0$sql\0" . pack('n', 0));
    my $values = join '', map { defined $_ ? pack('N', length $_) . $_ : pack('N', 0xFFFFFFFF) } @parameters;
    $self->send_message('B', "$self->{portal}\0\0" . pack('n n', 0, scalar @parameters) . $values . pack('n', 0));
    $self->send_message('E', "$self->{portal}\0" . pack('N', 0));
    $self->send_message('S', '');
    return $self->finish;
}

sub close
{
    my ($self) = @_;
    $self->send_message('X', '') if !$self->{closed};
    $self->{socket}->close;
    return;
}

1;
