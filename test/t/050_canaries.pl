# Goal: no user value gets into the server's log or into a message to a client, whatever goes wrong.
# Method: each statement of test/canaries.tsv carries values that stand nowhere else ("canaries") and is sent over the
# simple and the extended protocol by a client that shows each byte of every error and notice. All that can be logged is
# logged, in three formats. At the end no canary may be in any of it, and each severity must be there, so that the
# search is not in vain. Of the formats of messages that carry user data each is reached, or stands with the
# reason in test/canaries_unreached.tsv. t/055_canaries_flagged.pl does the same with the flag in place of the setting.
use lib 'test/lib';
use Guarded;
use Canaries;
use Formats;

my $node = noisy_node('canaries', "hipaa_guard.log_policy = strict");
my $version = major_version($node);
make_database($node, $_) for qw(one two);
send_statements($node, 'simple', 'one');
send_statements($node, 'extended', 'two');
send_situations($node, 'two');
send_configuration($node);
cmp_ok(statements_sent(), '>=', 3000, statements_sent() . ' statements were sent');
my %sinks = check_sinks($node);

my @carrying = Formats::carrying($version);
my %reached = Formats::reached($version, $sinks{'the json log'}, @carrying);
my %excused = Formats::unreached($version);
my %carrying = map { $_ => 1 } @carrying;
is(join("\n", sort grep { !$reached{$_} && !$excused{$_} } @carrying), '', 'each format that carries user data is reached, or excused');
is(join("\n", sort grep { $reached{$_} || !$carrying{$_} } keys %excused), '', 'none is excused that is reached, or is no such format');
is(join("\n", sort grep { !$excused{$_} } keys %excused), '', 'each excuse has a reason');
cmp_ok(scalar(keys %reached), '>=', 350, scalar(keys %reached) . ' of ' . scalar(@carrying) . ' formats that carry user data are reached');
done_testing();
