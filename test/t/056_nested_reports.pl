# Goal: a report that arrives while another one is being masked, or behind it, lets no value out, spoils no other, and raises nothing.
# Method: a library that the server is started with reports from within the masking, where a signal handler could, and from
# a log hook of its own, where it repeats the report or fails (lib/nested.c).
use lib 'test/lib';
use Guarded;

plan skip_all => 'AddressSanitizer has a memchr() of its own' if $ENV{SANITIZE};

my $folder = PostgreSQL::Test::Utils::tempdir();
my ($headers) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--includedir-server' ]);
is(system('gcc', '-shared', '-fPIC', '-std=gnu99', '-O1', '-fno-builtin', "-I$headers", '-o', "$folder/nested.so", 'test/lib/nested.c'), 0,
    'the library is built');

my $node = new_node('nested', { start => 0 }, "hipaa_guard.log_policy = strict");
{
    local $ENV{LD_PRELOAD} = "$folder/nested.so" . ($ENV{LD_PRELOAD} ? ":$ENV{LD_PRELOAD}" : '');
    $node->start;
}

# What the server logs of an error; without the time and what stands in front of it.
sub logged
{
    my ($message, $detail) = @_;
    my $position = log_position($node);
    my ($status, $out, $err) = try_sql($node, 'postgres', "DO \$\$ BEGIN RAISE EXCEPTION '$message' USING DETAIL = E'$detail'; END \$\$");
    isnt($status, 0, "$message: the error stays one");
    my $log = wait_for_log($node, qr/ERROR:.*STATEMENT:/s, $position);
    unlike("$log$err", qr/zqsecret|zqother/, "$message: no value is in the log, nor in what the client got");
    return $log =~ s/^[-\d]+ [\d:.]+ UTC \[\d+\] \S* ?//mgr;
}

my $log = logged('outer', 'Key (a)=(zqother) already exists.\nzqnested zqsecret x');
like($log, qr/^LOG:  \[redacted\]\nDETAIL:  \[redacted\]\nHINT:  \[redacted\]\n(?!STATEMENT)/m,
    'what is reported from within is withheld as a whole');
like($log, qr/^ERROR:  outer\nDETAIL:  Key \(a\)=\(\[redacted\]\) already exists\.\n\t\[redacted\]\n/m, 'the report around it is whole');
is(sql($node, 'postgres', 'SELECT 1'), '1', 'the server works on');
$log = logged('outer again', 'Key (a)=(zqother) already exists.');
like($log, qr/^ERROR:  outer again\nDETAIL:  Key \(a\)=\(\[redacted\]\) already exists\.\n/m, 'and masks on');

$log = logged('this is repeated', 'Key (a)=(zqsecret) already exists.');
like($log, qr/^LOG:  another library saw: /m, 'a report from behind is logged');
like($log, qr/^ERROR:  this is repeated\nDETAIL:  Key \(a\)=\(\[redacted\]\) already exists\.\n/m, 'and so is the first');
$log = logged('this is failed at', 'Key (a)=(zqsecret) already exists.');
like($log, qr/^ERROR:  another library fails: /m, 'an error from behind is logged');
$log = logged('the last', 'Key (a)=(zqsecret) already exists.');
like($log, qr/^ERROR:  the last\nDETAIL:  Key \(a\)=\(\[redacted\]\) already exists\.\n/m, 'and the next error is masked as ever');
done_testing();
