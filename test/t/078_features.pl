# Goal: every feature that takes PHI out of data rows or out of the server is blocked, recorded or warned of as the table says, the error
# names the feature and the way out, and the way out opens it, for its time only.
# Method: test/features.tsv, row by row, in a flagged database. Columns: the gate, first and last version, what has to be there
# before, the statement, what is expected, the feature, what opens it (the scope of an exemption, or SQL), what undoes it.
# Expected: an SQLSTATE; passes; recorded (passes, and is in the trail); warning; elsewhere: the test that holds it; documented.
use Guarded;

my $top = -e 'test/features.tsv' ? '.' : '../..';
my $node = new_node('main', 'wal_level = logical', 'max_prepared_transactions = 5', 'hipaa_guard.bulk_rows = 5');
my $version = major_version($node);
create_extension($node, 'clinic');
sql($node, 'clinic', q{
    CREATE TABLE visits (id int);
    CREATE TABLE patients (id int PRIMARY KEY, ssn text);
    INSERT INTO patients SELECT i, 'none' FROM generate_series(1, 20) i;
    SELECT hipaa_guard.protect('patients', '{ssn}', 'ssn')});
flag($node, 'clinic');

my @rows = map { chomp; [ split /\t/, $_, 9 ] } split /^/m, slurp("$top/test/features.tsv");
is(join(' ', @{ shift @rows }), 'gate since until setup statement expected feature escape after', 'the columns of the table');
my %covered;
my $number = 0;

# One session a row: the statement, the escape, the statement again, and once more when the exemption has ended.
sub walk
{
    my ($setup, $statement, $feature, $escape, $after) = @_;
    my @script = ('\set ON_ERROR_STOP off');
    push @script, "$setup;" if $setup;
    my $open = $escape =~ /^sql: (.*)/ ? "$1;" :
        sprintf("SELECT hipaa_guard.exempt('%s', %s, 'test', now() + interval '1 hour') AS id \\gset", $feature,
            $escape eq '{user}' ? 'current_user' : "'$escape'");
    push @script, '\warn -- blocked', "$statement;", 'ROLLBACK;';
    if ($escape)
    {
        push @script, '\warn -- opening', $open, '\warn -- open', "$statement;", '\warn -- after', 'ROLLBACK;', "$after;";
        push @script, 'SELECT hipaa_guard.end_exemption(:id);', '\warn -- ended', "$statement;" if $open =~ /\\gset/;
    }
    my (undef, undef, $err) = try_sql($node, 'clinic', join "\n", @script, '');
    my %part = ('-' => split /^-- (\w+)\n/m, $err);
    return map { $part{$_} // '' } qw(blocked opening open ended);
}

for my $row (@rows)
{
    my ($gate, $since, $until, $setup, $statement, $expected, $feature, $escape, $after) = map { $_ // '' } @$row;
    my $name = "$gate: " . ($statement || $expected);
    $covered{$feature} = 1;
    if ($expected =~ /^(?:elsewhere|documented):(.*)/)
    {
        my $file = $1;
        ok(-e "$top/test/$file" || -e "$top/$file", $name);
        next;
    }
    next if $version < $since || ($until && $version > $until);
    my ($blocked, $opening, $open, $ended) = walk($setup, $statement, $feature, $escape, $after);
    if ($expected eq 'passes' || $expected eq 'recorded')
    {
        unlike($blocked, qr/ERROR/, $name);
        my $tag = uc join ' ', ($statement =~ /^(\w+)/)[0];
        wait_until($node, qq{SELECT count(*) > 0 FROM hipaa_guard.audit_log WHERE command_tag LIKE '$tag%'
            AND recorded_at > now() - interval '5 minutes'}, "$name: recorded", 'clinic') if $expected eq 'recorded';
        next;
    }
    if ($expected eq 'warning')
    {
        like($blocked, qr/WARNING:.*row-level security/, $name);
        next;
    }
    is(sqlstate_of($blocked), $expected, $name);
    if ($expected eq 'PH005')
    {
        like($blocked, qr/feature "$feature".*hipaa_guard\.exempt\('$feature', scope, reason, expires_at\)/s,
            "$name: what and the way out");
        ok($escape ne '', "$name: there is a way out");
    }
    next if $escape eq '';
    unlike($opening, qr/ERROR/, "$name: it can be opened") or diag($opening);
    unlike($open, qr/ERROR:\s+PH|does not exist, skipping/, "$name: it is open then") or diag($open);
    is(sqlstate_of($ended), $expected, "$name: and blocked again") if $escape !~ /^sql:/;
}
my $listed = sql($node, 'clinic', 'SELECT feature FROM hipaa_guard.feature_list()');
is(join(' ', grep { !$covered{$_} } sort split /\n/, $listed), '', 'no feature is without a row');

# A dump is a bulk read, too.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
my @dump = ('pg_dump', '-f', $dump, '-d', $node->connstr('clinic'));
my ($out, $err) = ('', '');
IPC::Run::run(\@dump, '<', '/dev/null', '>', \$out, '2>', \$err);
like($err, qr/feature "bulk_read" is blocked/, 'a dump is refused above bulk_rows');
sql($node, 'clinic', q{SELECT hipaa_guard.exempt('bulk_read', session_user, 'nightly dump', now() + interval '1 hour')});
ok(IPC::Run::run(\@dump, '<', '/dev/null', '>', \$out, '2>', \$err), 'and passes with an exemption') or diag($err);
like(slurp($dump), qr/^20\tnone$/m, 'with all its rows');

# Each use of an exemption and each refusal is in the trail.
wait_until($node, q{SELECT count(*) FILTER (WHERE command_tag = 'USE EXEMPTION') > 20 AND count(*) FILTER (WHERE sqlstate = 'PH005') > 50
    FROM hipaa_guard.audit_log WHERE class = 'guard'}, 'uses and refusals are in the trail', 'clinic');
$node->stop;
done_testing();
