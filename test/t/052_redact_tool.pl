# Goal: hipaa_guard_redact does what docs/log.md says: each pair there is true, logs of all three formats and dumps are
# masked, text without values passes as it is, and --check tells by its exit status.
# Method: the tool on files made here; no server.
use strict;
use warnings;
use lib 'test/lib';
use Test::More;
use File::Temp qw(tempdir);

my ($tool) = grep { -x } './hipaa_guard_redact', map { "$_/hipaa_guard_redact" } split /:/, $ENV{PATH};
my $folder = tempdir(CLEANUP => 1);

sub redact
{
    my ($text, @options) = @_;
    open my $out, '>:raw', "$folder/in" or die "cannot write $folder/in: $!";
    print $out $text;
    close $out;
    open my $in, '-|', $tool, '--quiet', @options, "$folder/in" or die "cannot run $tool: $!";
    local $/;
    my $masked = <$in> // '';
    close $in;
    return ($masked, $? >> 8);
}

my ($pairs, $before) = (0, '');
open my $docs, '<', 'docs/log.md' or die "cannot read docs/log.md: $!";
while (<$docs>)
{
    $before = $1 if /^- ((?:[A-Z]+:  ).*\n)/;
    my ($sign, $after) = /^([+=]) ((?:[A-Z]+:  ).*\n)/ or next;
    $pairs++;
    my ($masked) = redact($sign eq '=' ? $after : $before);
    is($masked, $after, "the pair of docs/log.md: $after");
}
cmp_ok($pairs, '>=', 30, 'docs/log.md shows 30 pairs');

my $csv = qq{2026-11-29 12:00:00.000 UTC,"app","clinic",12,"[local]",6b0c.1,1,"SELECT",2026-11-29 12:00:00 UTC,1/1,0,ERROR,22P02,}
    . qq{"invalid input syntax for type integer: ""zq""",,,,,"line\none","select 'zq',\n 2",8,,"psql","client backend",,0\n};
my ($masked) = redact($csv);
unlike($masked, qr/zq/, 'csvlog: no value is left');
like($masked, qr/^2026-11-29 12:00:00.000 UTC,"app","clinic",12.*""\[redacted\]"".*"psql","client backend",,0$/s, 'csvlog: the rest is');

my $json = '{"timestamp":"2026-11-29 12:00:00.000 UTC","user":"app","pid":12,"message":"relation \"a b\" does not exist",'
    . '"detail":"Key (a)=(z\u0001\"q) already exists.","statement":"select \'zq\'","query_id":0}' . "\n";
($masked) = redact($json);
is($masked, '{"timestamp":"2026-11-29 12:00:00.000 UTC","user":"app","pid":12,"message":"relation \"[redacted]\" does not exist",'
        . '"detail":"Key (a)=([redacted]) already exists.","statement":"select \'[redacted]\'","query_id":0}' . "\n", 'jsonlog');

my $dump = "-- PostgreSQL database dump\nCREATE TABLE t (a text DEFAULT 'zq;\nzq');\nCOPY public.t (a, b) FROM stdin;\nzq\t\\N\n\\.\n"
    . "INSERT INTO t VALUES ('zq', 12);\n";
($masked) = redact($dump);
is($masked, "-- [redacted]\nCREATE TABLE t (a text DEFAULT '[redacted]');\nCOPY public.t (a, b) FROM stdin;\n[redacted]\t\\N\n\\.\n"
        . "INSERT INTO t VALUES ('[redacted]', '[redacted]');\n", 'a dump: statements and rows');

($masked) = redact("see below\nCOPY public.t (a, b) FROM stdin;\nKarl Zq\t\\N\n\\.\nSELECT 'zq';\n");
is($masked, "see below\nCOPY public.t (a, b) FROM stdin;\n[redacted]\t\\N\n\\.\nSELECT '[redacted]';\n", 'rows of a dump without its head');
my $record = '2026-11-29 12:00:00 UTC [1] LOG: ';
($masked) = redact("$record statement: \nCOPY t FROM stdin;\n$record checkpoint starting: time\n");
like($masked, qr/LOG:  checkpoint starting: time$/, 'the same line within the record of a log begins no rows');

my $log = "2026-11-29 12:00:00 UTC [1] LOG:  duration: 1.0 ms  statement: select 'z\n\tq',\n\t a\n\tfrom t\n"
    . "2026-11-29 12:00:00 UTC [1] LOG:  database system is ready to accept connections\n";
($masked) = redact($log);
is($masked, "2026-11-29 12:00:00 UTC [1] LOG:  duration: 1.0 ms  statement: select '[redacted]',\n\t a\n\tfrom t\n"
        . "2026-11-29 12:00:00 UTC [1] LOG:  database system is ready to accept connections\n", 'a record of several lines keeps its tabs');

($masked) = redact("LOG:  execute s1: select 'zq' from t where id = 4711\nLOG:  execute fetch from c/p: select 4711\n");
is($masked, "LOG:  execute s1: select '[redacted]' from t where id = '[redacted]'\nLOG:  execute fetch from c/p: select '[redacted]'\n",
    'the extended protocol: its statements are SQL too');

# A body whose lines end like statements; each kind of quote goes over lines.
my $body = join '', map { "  PERFORM 'zq$_';\n" } 1 .. 3000;
for my $quotes ([ '$a$', '$a$' ], [ '$$', '$$' ], [ "E'", "'" ], [ '/*', '*/ 1' ])
{
    my ($open, $close) = @$quotes;
    my $inside = $open eq "E'" ? $body =~ s/'/\\'/gr : $body;
    ($masked) = redact("-- PostgreSQL database dump\nSELECT $open\n$inside$close;\nSELECT 'zq';\nCREATE TABLE t (a int);\n");
    unlike($masked, qr/zq|PERFORM/, "$open: nothing of a long body is left");
    like($masked, qr/SELECT '\[redacted\]';\nCREATE TABLE t \(a int\);\n\z/, "$open: and what follows is");
}

my $text = "Dear colleagues,\nthe server was slow today, and it's fine now.\n\nNo newline at the end";
my ($same, $status) = redact($text);
is($same, $text, 'text without values passes as it is');
($same, $status) = redact($text, '--check');
is("$same$status", '0', '--check: nothing was found, nothing is written');
($same, $status) = redact("his SSN is 219-09-9999\n", '--check');
is("$same$status", '1', '--check: something was found');
($same) = redact("his SSN is 219-09-9999\n", '--detect');
is($same, "his SSN is [phi:ssn]\n", '--detect masks findings');
($same) = redact("ERROR:  patient \"zq\" of 219-09-9999\n", '--detect');
is($same, "ERROR:  patient \"zq\" of [phi:ssn]\n", '--detect leaves other values');
($masked) = redact((redact($log . $csv . $json))[0]);
is($masked, (redact($log . $csv . $json))[0], 'masking twice changes nothing');
(undef, $status) = redact('', '--format=nonsense');
is($status, 2, 'a wrong option ends with status 2');
is(system('src/redact/formats/make_formats', '--check'), 0, 'formats.inc is what the tables of formats make');
done_testing();
