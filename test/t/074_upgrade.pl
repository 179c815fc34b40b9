# Goal: pg_upgrade keeps the flag, its rows and its labels, and the new server guards from its first start.
# Method: a flagged database through pg_upgrade of this version to itself, with the library preloaded in both servers.
use Guarded;
use PostgreSQL::Test::Utils;

my $old = new_node('old');
create_extension($old, 'clinic');
sql($old, 'clinic', q{
    CREATE TABLE patients (id int, ssn text);
    SELECT hipaa_guard.protect('patients', '{ssn}');
    CREATE ROLE app; SELECT hipaa_guard.allow_network('app', '10.0.0.0/8')});
flag($old, 'clinic');
$old->stop;
my $new = new_node('new', { start => 0 });
my $dir = PostgreSQL::Test::Utils::tempdir();
chdir $dir;
my $from = $old->config_data('--bindir');
command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $from, '-B', $from, '-s', $new->host,
        '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
is(sql($new, 'clinic', 'SELECT state, baa_reference FROM hipaa_guard.project'), 'on|BAA-1', 'the flag is there');
is(sql($new, 'clinic', 'SELECT table_name, column_name FROM hipaa_guard.phi_columns'), 'patients|ssn', 'labels of columns too');
is(sql($new, 'clinic', 'SELECT role_name, network FROM hipaa_guard.allowed_networks'), 'app|10.0.0.0/8', 'and networks');
for my $try ([ 'postgres', 'DROP DATABASE clinic' ], [ 'clinic', 'DROP EXTENSION hipaa_guard' ],
    [ 'clinic', 'DELETE FROM hipaa_guard.flag' ])
{
    my (undef, undef, $err) = try_sql($new, @$try);
    is(sqlstate_of($err), 'PH003', "refused there: $try->[1]");
}
$new->stop;
done_testing();
