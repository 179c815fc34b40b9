package Formats;

# Which formats of the server made the texts of a log, by what stands around their arguments: the arguments may be masked.
#
#   my @carrying = Formats::carrying(15);                        # rows of formats.tsv that carry user data, as "field: format"
#   my %reached = Formats::reached(15, $json_log, @carrying);    # those of them that made a text of the log
#   my %excused = Formats::unreached(15);                        # those of test/canaries_unreached.tsv, with the reason
#
# A text belongs to the format with most text of its own that fits it, as the masking has it. DETAIL and CONTEXT are
# compared as a whole and line by line.

use strict;
use warnings;

my $table = 'src/redact/formats/formats.tsv';
my $conversion = qr/%[-+ #0]*(?:\d+\$)?(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|ll|[hlqjzt])?[a-zA-Z]/;
my %escapes = (n => "\n", t => "\t", r => "\r");
my %read;

# Texts that differ in numbers only are made by one format.
sub numberless { return shift =~ s/\d+/0/gr }

# The ends are compared first: most formats are told by these.
sub fits
{
    my ($format, $text) = @_;
    my ($head, $tail) = @$format{qw(head tail)};
    return substr($text, 0, length $head) eq $head && ($tail eq '' || substr($text, -length $tail) eq $tail) && $text =~ $format->{pattern};
}

# All formats of a version, by field: name, own bytes and a pattern.
sub formats_of
{
    my ($version) = @_;
    return $read{$version} if $read{$version};
    my %formats;
    open my $in, '<', $table or die "cannot read $table: $!";
    while (<$in>)
    {
        chomp;
        my ($field, $versions, undef, $format, $carries) = split /\t/;
        next unless grep { $_ eq $version } split /,/, $versions;
        my @own = map { numberless(s/%%/%/gr) } split $conversion, $format =~ s/\\(.)/$escapes{$1} \/\/ $1/ger, -1;
        my $pattern = join '.*?', map { quotemeta } @own;
        push @{ $formats{$field} }, { name => "$field: $format", own => length(join '', @own), head => $own[0], tail => $own[-1],
            pattern => qr/\A$pattern\z/s, carries => $carries };
    }
    return $read{$version} = \%formats;
}

sub carrying
{
    my ($version) = @_;
    return map { $_->{name} } grep { defined $_->{carries} } map { @$_ } values %{ formats_of($version) };
}

sub unreached
{
    my ($version) = @_;
    my $name = 'test/canaries_unreached.tsv';
    open my $in, '<', $name or die "cannot read $name: $!";
    chomp(my @rows = grep { !/^#/ } <$in>);
    my @cells = map { [ split /\t/ ] } @rows;
    return map { ("$_->[1]: $_->[2]" => $_->[3]) } grep { $_->[0] =~ /\b$version\b/ } @cells;
}

# The texts of a log in jsonlog's form: field -> text -> 1.
sub texts_of
{
    my ($log) = @_;
    my %texts;
    # A quote within a value stands behind a backslash.
    while ($log =~ /"(message|detail|hint|context)":"((?:[^"\\]|\\.)*)"/g)
    {
        my ($field, $escaped) = ($1, $2);
        my $text = numberless($escaped =~ s/\\(.)/$escapes{$1} \/\/ $1/ger);
        # Which format made a text is told by its beginning, if it is long.
        $texts{$field}{ substr $_, 0, 2000 } = 1 for $text, split /\n/, $text;
    }
    return \%texts;
}

sub reached
{
    my ($version, $log, @names) = @_;
    my %wanted = map { $_ => 1 } @names;
    my $formats = formats_of($version);
    my $texts = texts_of($log);
    my %reached;
    for my $field (keys %$texts)
    {
        my @all = @{ $formats->{$field} // [] };
        my @wanted = grep { $wanted{ $_->{name} } } @all;
        for my $text (keys %{ $texts->{$field} })
        {
            for my $format (grep { !$reached{ $_->{name} } && fits($_, $text) } @wanted)
            {
                $reached{ $format->{name} } = $text unless grep { $_->{own} > $format->{own} && fits($_, $text) } @all;
            }
        }
    }
    return %reached;
}

1;
