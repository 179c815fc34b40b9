# Goal: on a flagged database no text gets into metadata by any of the surfaces of test/surfaces.tsv.
# Method: one cluster; what a row needs is set up before the database is flagged. Each statement carries a value
# (a Social Security number in a name or a literal) and ends as its row says:
#   refused   SQLSTATE PH001 (or the one given, as in refused:PH002), and the value is in no message
#   passes    it succeeds, because nothing of it is metadata; or the server's own error, whose text is masked
#   elsewhere a start-up packet, a dump, an extension: test/t/041_routes.pl
#   unseen    no hook sees it: docs/ddl-guard.md says what to do instead
# At the end neither a dump of all databases, of the globals, nor the settings file and the log hold the value.
use lib 'test/lib';
use Guarded;

# Values that stand nowhere else: of the statements, and of what stood there before the flag.
my $value = 'phi0_123_45_6789';
my $earlier = 'phi0_321_54_9876';

my $node = new_node('surfaces', "max_prepared_transactions = 5", "wal_level = logical", "max_replication_slots = 20",
    "log_statement = 'none'", "hipaa_guard.allowed_extensions = 'hstore, dblink, postgres_fdw'");
my %place = (socket => $node->host, port => $node->port, dir => PostgreSQL::Test::Utils::tempdir_short());
my $version = major_version($node);

sub fill
{
    my ($text, $with) = @_;
    my %parts = (%place, m => $with, m4 => substr($with, 3), u3 => substr($with, 4));
    $text =~ s/\{(\w+)\}/exists $parts{$1} ? $parts{$1} : "{$1}"/ge;
    $text =~ s/\\n/\n/g;
    return $text;
}

sub rows
{
    open my $in, '<', 'test/surfaces.tsv' or die "cannot read test/surfaces.tsv: $!";
    my @rows;
    while (<$in>)
    {
        chomp;
        my %row;
        @row{qw(surface setup statement expected since note)} = split /\t/, $_, -1;
        push @rows, \%row unless $. == 1 || $row{since} > $version;
    }
    return @rows;
}

my @rows = rows();
sql($node, 'postgres', 'CREATE DATABASE surf');
sql($node, 'surf', fill(slurp('test/surfaces-setup.sql'), $earlier));
for my $row (grep { $_->{setup} ne '' } @rows)
{
    my ($status, $out, $err) = try_sql($node, 'surf', fill($row->{setup}, $earlier));
    die "setup of $row->{surface}: $err" if $status != 0;
}
create_extension($node, 'surf');
sql($node, 'surf', q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, NULL);
    SELECT hipaa_guard.enable('BAA-1', acknowledge_findings => true)});
wait_until($node, 'SELECT hipaa FROM hipaa_guard.project', 'the database is flagged', 'surf');
# What was acknowledged may be copied; here it is to be refused as well.
sql($node, 'surf', 'SELECT hipaa_guard.disallow_text(id) FROM hipaa_guard.allowed WHERE in_force');

my $log_began = log_position($node);
my $spoken = '';
for my $row (@rows)
{
    next if $row->{expected} =~ /^(unseen|elsewhere)$/;
    # A row whose objects stood there before the flag is about that earlier value.
    my $statement = fill($row->{statement}, $row->{setup} =~ /\{m/ ? $earlier : $value);
    my ($status, $out, $err) = try_sql($node, 'surf', $statement);
    my $sqlstate = sqlstate_of($err) // '';
    my ($expected, $code) = split /:/, $row->{expected};
    $spoken .= $err;
    if ($expected eq 'refused')
    {
        is($sqlstate, $code // 'PH001', "$row->{surface}: refused");
    }
    else
    {
        is($sqlstate, $code // '', "$row->{surface}: passes");
    }
}
unlike($spoken, qr/123_45_6789|321_54_9876/, 'no message to the client holds a value');
my $log = log_of($node, $log_began);
unlike($log, qr/123_45_6789|321_54_9876/, 'no line of the log holds a value');
like($log, qr/ERROR:  PHI-like text in column name$/m, '... and it does say what went wrong');
like($log, qr/DETAIL:  Category ssn, rule ssn_separated, at character 6, 11 characters long\.$/m, '... and where');

my ($dump) = PostgreSQL::Test::Utils::run_command([ 'pg_dumpall', '--schema-only', '-d', $node->connstr('postgres') ]);
like($dump, qr/CREATE TABLE public\.tbase/, 'the dump of all metadata is there');
unlike($dump, qr/123_45_6789/, '... and holds no value');
unlike(slurp($node->data_dir . '/postgresql.auto.conf'), qr/123_45_6789/, 'nor does the settings file');
$node->stop;
done_testing();
