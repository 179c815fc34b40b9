# Goal: every event of the trail reaches Kafka by the configuration of docs/shipping.md, whatever happens to the brokers.
# Method: rsyslog with omkafka, configured by that page itself (but for TLS, which the mock does not speak), into librdkafka's
# mock cluster of three brokers; they refuse requests, and all go away and come back, while events flow. kcat counts.
use lib 'test/lib';
use Guarded;
use IO::Handle;
use IPC::Open2;

my ($daemon) = grep { -x } '/usr/sbin/rsyslogd', '/sbin/rsyslogd';
my ($kafka) = glob '/usr/lib/*/rsyslog/omkafka.so';
unless ($daemon && $kafka && -e '/usr/include/librdkafka/rdkafka_mock.h' && -x '/usr/bin/kcat')
{
    plan skip_all => 'rsyslog-kafka, librdkafka-dev and kcat are not there';
}

my $base = PostgreSQL::Test::Utils::tempdir_short();
system("gcc -O1 -o $base/mock test/lib/kafka_mock.c -lrdkafka") == 0 or die "cannot compile the mock\n";
my $mock = open2(my $answers, my $orders, "$base/mock", 'hipaa-audit');
chomp(my $brokers = <$answers>);
my @pids = ($mock);

sub order
{
    my ($line) = @_;
    $orders->printflush("$line\n");
    return <$answers>;
}

my $node = new_node('kafka', "hipaa_guard.audit_segment_size = '256kB'", "hipaa_guard.audit_ring_size = '4MB'",
    "hipaa_guard.audit_unflagged = on");
my $audit = $node->data_dir . '/hipaa_guard/audit';
create_extension($node, 'postgres');

my ($text) = slurp('docs/shipping.md') =~ /^```kafka\n(.*?)^```/ms or die "no configuration kafka in docs/shipping.md\n";
mkdir "$base/$_" for qw(work lines);
$text =~ s{/var/spool/hipaa_guard/(work|lines)}{$base/$1}g;
$text =~ s{/var/spool/hipaa_guard}{$base}g;
my $all = join ',', map { qq("$_") } split /,/, $brokers;
$text =~ s{broker=\["[^\]]*"\]}{broker=[$all]};
is($text =~ s{^\s*"(?:security\.protocol|ssl\.[a-z.]+)=[^"]*",?\n}{}gm, 4, 'but for TLS the page\'s configuration is used');
die "a place was not replaced\n" if $text =~ m{"/(?:var|etc)/(?:spool|log|hipaa_guard)};
open my $out, '>', "$base/kafka.conf" or die "cannot write: $!";
print $out $text;
close $out or die "cannot write: $!";
system('cp', $daemon, "$base/rsyslogd") == 0 or die "cannot copy rsyslogd\n";
my $said = qx($base/rsyslogd -N1 -f $base/kafka.conf 2>&1);
is($? >> 8, 0, 'rsyslog takes it') or diag($said);

sub make_events
{
    my ($count, $name) = @_;
    sql($node, 'postgres', "DO \$\$ BEGIN FOR n IN 1 .. $count LOOP EXECUTE format('SELECT count(*) FROM pg_authid AS $name%s', n);
        END LOOP; END \$\$");
    return;
}

# The numbers that stand at the brokers, and how often.
sub arrived
{
    my %found;
    my $lines = qx(timeout 30 kcat -b $brokers -t hipaa-audit -C -o beginning -e -q 2>>$base/kcat.log);
    $found{$_}++ for $lines =~ /^\{"system_identifier":"\d+","boot":\d+,"seq":(\d+),/gm;
    return \%found;
}

push @pids, spawn("$base/log", "$base/rsyslogd", '-n', '-f', "$base/kafka.conf", '-i', "$base/pid");
push @pids, spawn("$base/log", 'hipaa_guard_ship', '--follow', $audit, "$base/lines");
make_events(800, 'a');
wait_for('lines arrive', sub { return %{ arrived() } });
order('refuse 5');
make_events(400, 'b');
order("down $_") for 1 .. 3;
make_events(800, 'c');
order("up $_") for 1 .. 3;
make_events(400, 'd');
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
my @wanted = map { /"seq":(\d+)/ ? $1 : () } split /\n/, sql($node, 'postgres', q{SELECT hipaa_guard.audit_export('jsonl', NULL, NULL)});
cmp_ok(scalar(@wanted), '>', 2400, 'there are events');
my ($found, $missing);
eval {
    wait_for('every event is at the brokers', sub {
        $found = arrived();
        $missing = grep { !$found->{$_} } @wanted;
        return $missing == 0;
    });
} or diag($@ . slurp("$base/log"));
is($missing, 0, sprintf '%d of %d events are at the brokers', @wanted - $missing, scalar @wanted);
note(sprintf '%d arrived more than once', scalar grep { $_ > 1 } values %$found);

END
{
    my $status = $?;
    for my $pid (@pids)
    {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    $? = $status;
}

$node->stop;
done_testing();
