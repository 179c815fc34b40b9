# Goal: every event of the trail arrives at a collector, unaltered, whatever is killed on the way.
# Method: the tool's lines against audit_export(), from a spool that is cut at any place; then rsyslog with RELP over TLS,
# configured by docs/shipping.md itself, with the collector killed twice by kill -9 (and the tool once) while events flow.
use lib 'test/lib';
use Guarded;

my $events = 4000;
my $node = new_node('shipping', "hipaa_guard.audit_segment_size = '256kB'", "hipaa_guard.audit_ring_size = '4MB'",
    "hipaa_guard.audit_unflagged = on");
my $base = PostgreSQL::Test::Utils::tempdir_short();
my $audit = $node->data_dir . '/hipaa_guard/audit';
my %pids;

sub start
{
    my ($name, @command) = @_;
    $pids{$name} = spawn("$base/$name.log", @command);
    return;
}

sub end
{
    my ($signal, $name) = @_;
    my $pid = delete $pids{$name} or return;
    kill $signal, $pid;
    waitpid $pid, 0;
    return;
}

sub exported { return split /\n/, sql($node, 'postgres', q{SELECT hipaa_guard.audit_export('jsonl', NULL, NULL)}) }

sub lines_of { return map { split /\n/, slurp($_) } sort glob "$_[0]/*.jsonl" }

# Events: the line begins with what makes it unique.
sub key_of { return $_[0] =~ /^(\{"system_identifier":"\d+","boot":\d+,"seq":\d+)/ ? $1 : undef }

sub make_events
{
    my ($count, $text) = @_;
    sql($node, 'postgres', qq{
        DO \$\$ BEGIN
            FOR n IN 1 .. $count LOOP EXECUTE format('SELECT count(*) FROM "we""ird\\, \]" AS $text%s', n); END LOOP;
        END \$\$});
    return;
}

# The tool ------------------------------------------------------------------------------------------------------------

create_extension($node, 'postgres');
sql($node, 'postgres', q{CREATE TABLE "we""ird\, ]" (a int, "b,""c" text); INSERT INTO "we""ird\, ]" VALUES (1, E'x\ny')});
try_sql($node, 'postgres', 'SELECT 1 / 0');
make_events(1500, 'a');
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
is(system('hipaa_guard_ship', $audit, "$base/once") >> 8, 0, 'the tool writes what there is');
my @exported = exported();
my @lines = lines_of("$base/once");
my @spooled = grep { defined key_of($_) } @lines;
cmp_ok(scalar(@spooled), '>', 1500, 'there are lines');
is_deeply([ @spooled ], [ @exported[ 0 .. $#spooled ] ], '... each the same as that of audit_export');
cmp_ok(scalar(grep { /"checkpoint":"hipaa_guard checkpoint 1 / } @lines), '>', 1, '... and the checkpoints');
cmp_ok(scalar(glob("$base/once/*.jsonl") ? () = glob("$base/once/*.jsonl") : 0), '>', 1, '... in a file for each segment');

# Cut anywhere in its last file, it is completed to the same bytes.
my $last = (sort glob "$base/once/*.jsonl")[-1];
my $before = (sort glob "$base/once/*.jsonl")[-2];
my %whole = map { $_ => slurp($_) } $last, $before;
my @wrong;
for my $cut (0, 1, 2, 17, 333, int(length($whole{$before}) / 2), length($whole{$before}) - 1)
{
    unlink $last;
    truncate $before, $cut or die "cannot cut: $!";
    system('hipaa_guard_ship', $audit, "$base/once") == 0 or die "the tool failed\n";
    push @wrong, $cut if slurp($before) ne $whole{$before} || index(slurp($last), $whole{$last}) != 0;
}
is("@wrong", '', 'a spool cut at any byte is completed, and nothing stands there twice');
is(system("hipaa_guard_ship $base/once >$base/usage 2>&1") >> 8, 2, 'wrong usage has exit status 2');
is(system("hipaa_guard_ship $base/nowhere/audit $base/empty >$base/usage 2>&1") >> 8, 0, 'no trail is no lines');

# rsyslog -------------------------------------------------------------------------------------------------------------

my ($daemon) = grep { -x } '/usr/sbin/rsyslogd', '/sbin/rsyslogd';
my ($relp) = glob '/usr/lib/*/rsyslog/imrelp.so';

# A certificate for each side.
sub make_certificates
{
    my $to = "$base/tls";
    mkdir $to;
    my $quiet = ">>$base/openssl.log 2>&1";
    my @steps = ("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=ca -keyout $to/ca.key -out $to/ca.pem");
    for my $name (qw(sender collector))
    {
        push @steps, "openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $to/$name.key -out $to/$name.csr",
            "openssl x509 -req -in $to/$name.csr -CA $to/ca.pem -CAkey $to/ca.key -CAcreateserial -days 30 -out $to/$name.pem";
    }
    for my $step (@steps)
    {
        system("$step $quiet") == 0 or die "failed: $step: " . slurp("$base/openssl.log");
    }
    return;
}

# A configuration of the documentation, with this test's names and places.
sub configure
{
    my ($name, $port) = @_;
    my ($text) = slurp('docs/shipping.md') =~ /^```$name\n(.*?)^```/ms or die "no configuration $name in docs/shipping.md\n";
    mkdir "$base/$name.work";
    $text =~ s{/var/spool/hipaa_guard/work}{$base/$name.work}g;
    $text =~ s{/var/spool/hipaa_guard/lines}{$base/lines}g;
    $text =~ s{/var/log/hipaa_guard/trail\.jsonl}{$base/trail.jsonl}g;
    $text =~ s{/etc/hipaa_guard/tls}{$base/tls}g;
    $text =~ s{collector\.example\.org}{127.0.0.1}g;
    $text =~ s{port="20514"}{port="$port"}g;
    die "a place was not replaced\n" if $text =~ m{"/(?:var|etc)/(?:spool|log|hipaa_guard)};
    open my $out, '>', "$base/$name.conf" or die "cannot write: $!";
    print $out $text;
    close $out or die "cannot write: $!";
    return;
}

# A copy of the program: a profile of AppArmor goes by the path, and would keep it out of the test's folder.
sub start_rsyslog
{
    my ($name) = @_;
    unlink "$base/$name.pid";
    start($name, "$base/rsyslogd", '-n', '-f', "$base/$name.conf", '-i', "$base/$name.pid");
    return;
}

sub start_tool { start('tool', 'hipaa_guard_ship', '--follow', $audit, "$base/lines"); return }

# What arrived, by key. A line that a kill cut off is followed by the next in the same line.
sub arrived
{
    my %found;
    for my $line (split /\n/, slurp("$base/trail.jsonl"))
    {
        $line =~ s/^.*(?=\{"system_identifier":"\d+","boot":\d+,"seq")//;
        my $key = key_of($line);
        push @{ $found{$key} }, $line if defined $key;
    }
    return \%found;
}

SKIP:
{
    unless ($daemon && $relp)
    {
        diag('rsyslog with RELP is not there: its part of this test is skipped');
        skip 'rsyslog and rsyslog-relp are not there', 6;
    }
    make_certificates();
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    configure($_, $port) for qw(sender collector);
    is(system('cp', $daemon, "$base/rsyslogd"), 0, 'a copy of rsyslogd');
    for my $name (qw(sender collector))
    {
        my $said = qx($base/rsyslogd -N1 -f $base/$name.conf 2>&1);
        is($? >> 8, 0, "rsyslog takes the documentation's configuration of the $name") or diag($said);
    }

    mkdir "$base/lines";
    start_rsyslog($_) for qw(collector sender);
    start_tool();
    for my $round (1 .. 3)
    {
        wait_for('lines arrive', sub { return -s "$base/trail.jsonl" });
        my $size = -s "$base/trail.jsonl";
        make_events($events / 4, "b$round");
        wait_for('more lines arrive', sub { return -s "$base/trail.jsonl" > $size });
        next if $round == 3;
        end('KILL', 'collector');
        end('KILL', 'tool');
        make_events($events / 8, "c$round");
        start_tool();
        start_rsyslog('collector');
    }
    sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
    @exported = exported();
    my @wanted = map { key_of($_) } @exported;
    cmp_ok(scalar(@wanted), '>', $events, 'there are events');
    my ($found, $missing);
    eval {
        wait_for('every event is at the collector', sub {
            $found = arrived();
            $missing = grep { !$found->{$_} } @wanted;
            return $missing == 0;
        });
    } or diag($@ . slurp("$base/sender.log") . slurp("$base/collector.log"));
    is($missing, 0, sprintf '%d of %d events are at the collector', @wanted - $missing, scalar @wanted);
    my @differ = grep { my $line = $_; grep { $_ ne $line } @{ $found->{ key_of($line) } // [] } } @exported;
    is(scalar(@differ), 0, 'each equal to what the trail has');
    note(sprintf '%d arrived more than once', scalar grep { @$_ > 1 } values %$found);
}

END
{
    my $status = $?;
    end('KILL', $_) for keys %pids;
    $? = $status;
}

$node->stop;
done_testing();
