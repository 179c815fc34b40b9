# Goal: every check of posture() that a single machine can show fires on what it is for, and is quiet on what is good.
# Method: test/posture_cases.tsv has, a check, what makes a cluster bad and what makes it good, and the status expected on a
# plain cluster, on the bad one and on the good one ("-": not asked). One cluster goes through the three states. Items:
#   conf, auto, hba, ident: a line of that file (conf<18, conf>=17: on these versions); sql: a statement; cert: which certificate;
#   see 087: another test has it; late: after the start, not loaded; env: in the server's environment; await, reload: a query to
#   wait for; archive.
use FindBin;
use Guarded;

my $node = new_node('posture');
my $major = major_version($node);
my $db = 'clinic';
create_extension($node, $db);
my $dir = $node->data_dir;
my @cases = read_cases("$FindBin::RealBin/../posture_cases.tsv");

sub read_cases
{
    my ($file) = @_;
    my ($head, @lines) = split /\n/, slurp($file);
    return map { my %case; @case{ split /\t/, $head } = split /\t/, $_, -1; \%case } @lines;
}

# All items of one kind in one state, those of other versions left out.
sub items
{
    my ($state, $wanted) = @_;
    my @found;
    for my $item (grep { !/^see \d+$/ } map { split / ;; /, $_->{$state} } @cases)
    {
        my ($kind, $operator, $version, $text) = $item =~ /^(\w+)(?:(<|>=)(\d+))?: ?(.*)$/ or die "cannot read: $item";
        next if defined $operator && ($operator eq '<' ? $major >= $version : $major < $version);
        push @found, $text if $kind eq $wanted;
    }
    return @found;
}

sub statuses
{
    return map { split /\|/ } split /\n/, sql($node, $db, 'SELECT id, status FROM hipaa_guard.posture()');
}

sub compare
{
    my ($state, $column) = @_;
    my %status = statuses();
    my %too_old = map { $_ => 1 } split /\n/, sql($node, $db, "SELECT id FROM hipaa_guard.posture_check WHERE min_pg > $major");
    for my $case (@cases)
    {
        next if $case->{$column} eq '-';
        my $expected = $too_old{ $case->{id} } ? 'not_applicable' : $case->{$column};
        like($status{ $case->{id} }, qr/^(?:$expected)$/, "$case->{id} on the $state cluster: $expected")
          or diag(sql($node, $db, "SELECT evidence FROM hipaa_guard.posture() WHERE id = '$case->{id}'"));
    }
    is(join(' ', sort grep { $status{$_} eq 'error' } keys %status), '', "no check fails to run on the $state cluster");
    return;
}

sub run_quiet
{
    my @command = @_;
    my ($out, $err);
    IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err) or die "@command: $err";
    return;
}

# A weak certificate signed by itself that ends in ten days, or a good one of an authority of our own.
sub make_certificate
{
    my ($kind) = @_;
    my @new = ('openssl', 'req', '-new', '-nodes', '-subj', '/CN=localhost', '-keyout', "$dir/server.key");
    if ($kind eq 'weak')
    {
        run_quiet(@new, '-x509', '-newkey', 'rsa:2048', '-days', '10', '-out', "$dir/server.crt");
    }
    else
    {
        run_quiet('openssl', 'req', '-new', '-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '400', '-subj', '/CN=ca',
            '-keyout', "$dir/ca.key", '-out', "$dir/ca.crt");
        run_quiet(@new, '-newkey', 'rsa:2048', '-out', "$dir/server.csr");
        run_quiet('openssl', 'x509', '-req', '-in', "$dir/server.csr", '-CA', "$dir/ca.crt", '-CAkey', "$dir/ca.key",
            '-CAcreateserial', '-days', '300', '-out', "$dir/server.crt");
    }
    chmod 0600, "$dir/server.key" or die "chmod: $!";
    return;
}

sub write_file
{
    my ($name, @lines) = @_;
    open my $out, '>', "$dir/$name" or die "cannot write $name: $!";
    print $out map { "$_\n" } @lines;
    close $out or die "cannot write $name: $!";
    return;
}

sub late_item
{
    my ($item) = @_;
    return chmod oct $1, "$dir/$2" if $item =~ /^chmod (\d+) (\S+)$/;
    return $node->append_conf('postgresql.conf', $1) if $item =~ /^conf (.*)$/;
    die "cannot read: $item";
}

# Stops, writes files, starts, runs statements; what must not be loaded comes last.
sub bring_about
{
    my ($state, $plain_conf, $start_hba, @end_hba) = @_;
    my %env = map { $_ => 'x' } items($state, 'env');
    $node->stop;
    mkdir "$dir/crl";
    make_certificate($_) for (items($state, 'cert'))[0];
    write_file('postgresql.conf', $plain_conf, items($state, 'conf'));
    write_file('pg_hba.conf', $start_hba);
    write_file('postgresql.auto.conf', items($state, 'auto')) if items($state, 'auto');
    {
        local %ENV = (%ENV, %env);
        $node->start;
    }
    # In one session, so that a SET holds for what follows.
    sql($node, $db, join '', map { "$_;\n" } items($state, 'sql'));
    for my $name (items($state, 'tablespace'))
    {
        mkdir "$dir/$name";
        sql($node, $db, "CREATE TABLESPACE $name LOCATION '$dir/$name'");
    }
    for my $query (items($state, 'await'))
    {
        sql($node, $db, 'SELECT pg_switch_wal()');
        wait_until($node, $query, $query, $db);
    }
    if (items($state, 'archive'))
    {
        sql($node, $db, 'SELECT pg_switch_wal()');
        wait_until($node, q{SELECT last_archived_time > coalesce(last_failed_time, '-infinity') FROM pg_stat_archiver},
            'a segment is archived', $db);
    }
    for my $query (items($state, 'reload'))
    {
        $node->reload;
        wait_until($node, $query, "the change is seen: $query", $db);
    }
    write_file('pg_hba.conf', items($state, 'hba'), @end_hba);
    write_file('pg_ident.conf', items($state, 'ident'));
    late_item($_) for items($state, 'late');
    return;
}

my %listed = map { $_->{id} => 1 } @cases;
is(sql($node, $db, q{SELECT string_agg(id, ' ' ORDER BY id) FROM hipaa_guard.posture_check}), join(' ', sort keys %listed),
    'each check has its line');
for my $case (@cases)
{
    my $seen = join ' ', @$case{qw(plain before after)};
    next if $case->{bad} =~ /^see (\d+)$/ && grep { /\b$case->{id}\b/ } map { slurp($_) } glob "$FindBin::RealBin/$1_*.pl";
    ok($seen =~ /fail/ && $seen =~ /pass|attested/, "$case->{id} is seen to fail and to pass") or diag($seen);
}

my $plain_conf = slurp("$dir/postgresql.conf");
compare('plain', 'plain');
bring_about('bad', $plain_conf, 'local all all trust');
compare('bad', 'before');
bring_about('good', $plain_conf, 'local all all trust', 'host all all all reject');
compare('good', 'after');

# What people accept is accepted, whatever it is.
sql($node, $db, q{SELECT hipaa_guard.accept_risk(id, 'x', now() + '1 day') FROM hipaa_guard.posture() WHERE status = 'fail'});
is(sql($node, $db, q{SELECT count(*) FROM hipaa_guard.posture() WHERE status = 'fail'}), '0', 'accepted risks do not fail');

done_testing();
