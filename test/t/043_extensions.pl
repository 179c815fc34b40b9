# Goal: extensions that many sites run are created and do their work in a flagged database.
# Method: pgTAP, pg_partman, pg_cron and pgaudit as Debian packages them (postgresql-N-pgtap, -partman, -cron, -pgaudit), as
# far as this installation has them; each does its main work once, and the scan of the catalogs finds nothing after it.
use lib 'test/lib';
use Guarded;

my ($libraries) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--pkglibdir' ]);
my @preload = grep { -e "$libraries/$_.so" } qw(pg_cron pgaudit);

my $node = new_node('extensions', "log_statement = 'none'",
    "shared_preload_libraries = '" . join(',', 'hipaa_guard', @preload) . "'",
    "hipaa_guard.allowed_extensions = 'pgtap, pg_partman, pg_cron, pgaudit'",
    (grep { $_ eq 'pg_cron' } @preload) ? ("cron.database_name = 'clinic'") : ());
flag($node, 'clinic');

# Name, how it is created, what it is asked to do, what it answers.
my @extensions = (
    [ 'pgtap', '', q{SELECT plan(1); SELECT pass('fine'); SELECT * FROM finish()}, qr/^ok 1 - fine$/m ],
    [ 'pg_partman', '', q{CREATE TABLE events (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
        SELECT count(*) > 0 FROM (SELECT create_parent(p_parent_table => 'public.events', p_control => 'at', p_interval => }
            . q{CASE WHEN (SELECT extversion FROM pg_extension WHERE extname = 'pg_partman') < '5' THEN 'daily' ELSE '1 day' END, }
            . q{p_type => CASE WHEN (SELECT extversion FROM pg_extension WHERE extname = 'pg_partman') < '5' THEN 'native' ELSE 'range' END}
            . q{)) p; SELECT count(*) > 3 FROM pg_inherits WHERE inhparent = 'events'::regclass}, qr/^t\nt$/m ],
    [ 'pg_cron', '', q{SELECT cron.schedule('nightly', '0 3 * * *', 'VACUUM') > 0}, qr/^t$/m ],
    [ 'pgaudit', '', q{SET pgaudit.log = 'ddl'; CREATE TABLE audited (a int); SELECT 'done'}, qr/^done$/m ],
);
for my $extension (@extensions)
{
    my ($name, $how, $work, $answer) = @$extension;
    SKIP:
    {
        skip "$name is not installed", 2
            unless sql($node, 'clinic', "SELECT count(*) FROM pg_available_extensions WHERE name = '$name'");
        my ($status, $out, $err) = try_sql($node, 'clinic', "CREATE EXTENSION $name $how");
        is("$status $err", '0 ', "$name is created");
        ($status, $out, $err) = try_sql($node, 'clinic', $work);
        like($out, $answer, "... and works") or diag($err);
    }
}
is(sql($node, 'clinic', 'SELECT count(*) FROM hipaa_guard.scan_catalog()'), '0', 'nothing is found in the catalogs');
$node->stop;
done_testing();
