# Goal: a value does not get into metadata by being written in another way, nor one of another category.
# Method: each refused statement of test/surfaces.tsv is written anew: its literals with E'' and with U&'' escapes, its names
# with U&"" escapes, with comments between its words, and inside DO, a function's EXECUTE and a prepared message; and with
# values of other categories for its literals, but for what does not count there (docs/ddl-guard.md). All of them run in
# one session, which answers with SQLSTATEs; none may succeed, and no dump holds a value afterwards.
use lib 'test/lib';
use Guarded;

my $value = 'phi0_123_45_6789';
my $node = new_node('disguises', "max_prepared_transactions = 5", "wal_level = logical", "max_replication_slots = 20",
    "log_statement = 'none'", "hipaa_guard.allowed_extensions = 'hstore, dblink, postgres_fdw'");
my %place = (socket => $node->host, port => $node->port, dir => PostgreSQL::Test::Utils::tempdir_short());
my $work = PostgreSQL::Test::Utils::tempdir();

sub fill
{
    my ($text, $m) = @_;
    my %parts = (%place, m => $m, m4 => substr($m, 3), u3 => substr($m, 4));
    return $text =~ s/\{(\w+)\}/exists $parts{$1} ? $parts{$1} : "{$1}"/ger;
}

sub hex_escaped { return join '', map { sprintf '\\x%02x', ord } split //, shift }
sub unicode_escaped { return join '', map { sprintf '\\%04x', ord } split //, shift }
sub quoted { return "'" . (shift =~ s/'/''/gr) . "'" }

# The ways to write a statement; undef: it cannot be written that way.
my %ways = (
    'E literals' => sub { my $s = shift; return $s =~ s/(?<![\w&])'\{m\}'/"E'" . hex_escaped($value) . "'"/ge ? fill($s, $value) : undef },
    'U& literals' => sub {
        my $s = shift;
        return $s =~ s/(?<![\w&])'\{m\}'/"U&'" . unicode_escaped($value) . "'"/ge ? fill($s, $value) : undef;
    },
    'U& names' => sub {
        my $s = shift;
        return undef if $s =~ /my\.\{m\}|limit to|partition by/;
        return $s =~ s/(?<=[\s(,])\{m\}(_\w+)/'U&"' . unicode_escaped("$value$1") . '"'/ge ? fill($s, $value) : undef;
    },
    'comments' => sub { return fill(shift =~ s/ /\/* x *\/\n/r =~ s/ (?=\w+$)/ -- y\n/r, $value) },
    'DO' => sub {
        my $s = fill(shift, $value);
        return undef if $s =~ /concurrently|database|tablespace|subscription|prepare|system|begin;|^(listen|load)/i;
        return 'DO $do$ BEGIN EXECUTE ' . quoted($s) . '; END $do$';
    },
    'extended' => sub { my $s = fill(shift, $value); return $s =~ /;/ ? undef : "$s \\bind\n" },
);

# Category: its value, and where it does not count.
my %others = (
    phone => [ 'call 212-555-0187' ],
    email => [ 'mary.johnson@gmail.com', qr/\brole\b|user mapping/ ],
    name => [ 'Mary Johnson', qr/\brole\b|user mapping/ ],
    mrn => [ 'MRN 00482913' ],
    card => [ '4111 1111 1111 1111' ],
    address => [ '12 Elm Street, Springfield', qr/\brole\b|user mapping/ ],
    birth => [ 'born 1950-03-12' ],
);
for my $category (keys %others)
{
    my ($text, $exempt) = @{ $others{$category} };
    $ways{$category} = sub {
        my $s = shift;
        return undef if defined $exempt && $s =~ $exempt;
        return $s =~ s/(?<![\w&])'\{m\}'/'$text'/g ? fill($s, 'plain') : undef;
    };
}

open my $in, '<', 'test/surfaces.tsv' or die "cannot read test/surfaces.tsv: $!";
my @statements = map { $_->[2] }
    grep { $_->[3] eq 'refused' && $_->[1] eq '' && $_->[2] =~ /\{m\}/ && $_->[2] !~ /\$|\\n|U&|E'|substr/ && $_->[4] <= 15 }
    map { chomp; [ split /\t/, $_, -1 ] } <$in>;
my @tries;
for my $way (sort keys %ways)
{
    next if $way eq 'extended' && major_version($node) < 16;
    push @tries, map { my $text = $ways{$way}->($_); defined $text ? [ $way, $_, $text ] : () } @statements;
}
cmp_ok(scalar @tries, '>', 900, 'there are ' . @tries . ' statements');

sql($node, 'postgres', 'CREATE DATABASE surf');
sql($node, 'surf', fill(slurp('test/surfaces-setup.sql'), 'x'));
flag($node, 'surf');
open my $script, '>', "$work/tries.sql" or die "cannot write $work/tries.sql: $!";
print $script "\\set VERBOSITY sqlstate\n";
print $script "\\warn #$_\n$tries[$_][2]", ($tries[$_][0] eq 'extended' ? "\\g\n" : ";\n"), "ROLLBACK;\n" for 0 .. $#tries;
close $script or die "cannot write $work/tries.sql: $!";
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-Xq', '-d', $node->connstr('surf'), '-f', "$work/tries.sql" ], '<', '/dev/null', '>', \$out, '2>', \$err,
    IPC::Run::timeout($Guarded::TIMEOUT));

my %answers = $err =~ /^#(\d+)\n((?:(?!#\d+$).*\n)*)/mg;
my @passed = grep { ($answers{$_} // '') !~ /ERROR:\s+PH001/ } 0 .. $#tries;
is(scalar @passed, 0, 'all of them are refused');
diag("$tries[$_][0]: $tries[$_][2]\n  answered: " . ($answers{$_} // 'nothing')) for @passed[0 .. ($#passed > 9 ? 9 : $#passed)];
my ($dump) = PostgreSQL::Test::Utils::run_command([ 'pg_dumpall', '--schema-only', '-d', $node->connstr('postgres') ]);
like($dump, qr/CREATE TABLE public\.tbase/, 'the dump of all metadata is there');
my $all = join '|', '123_45_6789', map { quotemeta $_->[0] } values %others;
unlike($dump, qr/$all/, '... and holds no value');
unlike(log_of($node), qr/$all/, 'nor does the log');
$node->stop;
done_testing();
