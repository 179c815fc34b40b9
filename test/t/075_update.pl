# Goal: a flagged database takes a newer version of the extension, and never an older one.
# Method: scripts of two versions that exist only here, beside those that are installed in the copy that the tests run in.
use Guarded;

my $node = new_node('main');
my $scripts = $node->config_data('--sharedir') . '/extension';
flag($node, 'clinic');
my $version = sql($node, 'clinic', q{SELECT extversion FROM pg_extension WHERE extname = 'hipaa_guard'});

sub script
{
    my ($name, $sql) = @_;
    open my $file, '>', "$scripts/$name" or die "cannot write $scripts/$name: $!\n";
    print $file $sql;
    close $file;
    return;
}
script("hipaa_guard--$version--$version.9.sql", q{
    ALTER TABLE hipaa_guard.baa ADD COLUMN newer text;
    CREATE FUNCTION hipaa_guard.newer() RETURNS int LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
    CREATE OR REPLACE FUNCTION hipaa_guard.append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS 'BEGIN RETURN NULL; END';
    UPDATE hipaa_guard.flag SET approver = approver;
    DROP VIEW hipaa_guard.agreements CASCADE;});
script("hipaa_guard--$version.9--$version.10.sql", 'DROP FUNCTION hipaa_guard.newer();');
script("hipaa_guard--$version.10--$version.sql", 'ALTER TABLE hipaa_guard.baa DROP COLUMN newer;');

sql($node, 'clinic', "ALTER EXTENSION hipaa_guard UPDATE TO '$version.9'");
is(sql($node, 'clinic', 'SELECT hipaa_guard.newer()'), '1', 'a newer version comes');
my (undef, undef, $err) = try_sql($node, 'clinic', 'DROP FUNCTION hipaa_guard.newer()');
is(sqlstate_of($err), 'PH003', 'its objects are kept as well');
sql($node, 'clinic', "ALTER EXTENSION hipaa_guard UPDATE TO '$version.10'");
(undef, undef, $err) = try_sql($node, 'clinic', "ALTER EXTENSION hipaa_guard UPDATE TO '$version'");
is(sqlstate_of($err), 'PH003', 'an older one does not');
is(sql($node, 'clinic', q{SELECT extversion FROM pg_extension WHERE extname = 'hipaa_guard'}), "$version.10", 'and 10 is newer than 9');
is(sql($node, 'clinic', 'SELECT state FROM hipaa_guard.project'), 'on', 'the flag is as it was');
unlink glob "$scripts/hipaa_guard--$version--$version.9.sql $scripts/hipaa_guard--$version.*--*.sql";
$node->stop;
done_testing();
