# Goal: the flag alone keeps user values out of the log and out of what clients get, like log_policy = strict does.
# Method: the statements of t/050_canaries.pl over the simple protocol, and its situations, in a flagged database, with no
# setting that asks for masking. The guards refuse many of them: these errors and events, too, must not hold a canary.
use lib 'test/lib';
use Guarded;
use Canaries;

my $node = noisy_node('flagged', "hipaa_guard.log_policy = off", "hipaa_guard.allowed_extensions = 'cube, dblink, hstore, isn, ltree, "
        . "intarray, pgcrypto, postgres_fdw, seg, xml2'");
make_database($node, 'clinic');
flag($node, 'clinic');
send_statements($node, 'simple', 'clinic');
send_situations($node, 'clinic');
send_function_dump($node, 'clinic');
my %sinks = check_sinks($node);
like($sinks{'what clients got'}, qr/^CPH005$/m, 'the guards are there');
done_testing();
