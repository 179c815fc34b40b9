# Goal: pg_upgrade keeps the flag, its rows and its labels, and the new server guards from its first start.
# Method: a flagged database through pg_upgrade of this version to itself, or from an older one in HG_OLD_INSTALL (make
# check-upgrade), with the library preloaded in both servers.
use Guarded;
use PostgreSQL::Test::Utils;

my $older = $ENV{HG_OLD_INSTALL};
# Since 18 a new cluster has checksums unless it is told otherwise.
my @plain = PostgreSQL::Test::Cluster->new('which')->pg_version >= 18 ? ('--no-data-checksums') : ();
my $old = new_node('old', { $older ? (install_path => $older, init => [ extra => [] ]) : (init => [ extra => [@plain] ]) });
create_extension($old, 'clinic');
create_extension($old, 'plain');
sql($old, 'clinic', q{
    CREATE TABLE patients (id int, ssn text);
    INSERT INTO patients VALUES (1, 'none');
    SELECT hipaa_guard.protect('patients', '{ssn}', 'ssn');
    CREATE ROLE app; SELECT hipaa_guard.allow_network('app', '10.0.0.0/8')});
flag($old, 'clinic');
sql($old, 'clinic', q{SELECT hipaa_guard.exempt('server_files', 'app', 'import', now() + interval '1 day');
    SELECT hipaa_guard.allow_text('ssn 219-09-9999', 'comment', 'an example')});
my $majors = join ' to ', map { int($_ / 10000) } sql($old, 'postgres', 'SHOW server_version_num'),
    (qx(postgres --version) =~ /(\d+)/)[0] * 10000;
$old->stop;
my $new = new_node('new', { start => 0, init => [ extra => [@plain] ] });
my $dir = PostgreSQL::Test::Utils::tempdir();
chdir $dir;
command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $old->config_data('--bindir'),
        '-B', $new->config_data('--bindir'), '-s', $new->host, '-p', $old->port, '-P', $new->port ], "pg_upgrade, $majors");
$new->start;
is(sql($new, 'clinic', 'SELECT state, integrity, baa_reference FROM hipaa_guard.project'), 'on|ok|BAA-1', 'the flag is there');
is(sql($new, 'plain', 'SELECT state FROM hipaa_guard.project'), 'off', 'and in no other database');
is(sql($new, 'clinic', 'SELECT table_name, column_name, category FROM hipaa_guard.phi_columns'), 'patients|ssn|ssn',
    'labels of columns too');
is(sql($new, 'clinic', 'SELECT role_name, network FROM hipaa_guard.allowed_networks'), 'app|10.0.0.0/8', 'and networks');
is(sql($new, 'clinic', 'SELECT feature, in_force FROM hipaa_guard.exemptions'), 'server_files|t', 'and exemptions');
is(sql($new, 'clinic', 'SELECT surface, in_force FROM hipaa_guard.allowed'), 'comment|t', 'and allowed texts');
is(sql($new, 'clinic', 'SELECT count(*) FROM patients'), '1', 'and rows');
for my $try ([ 'postgres', 'DROP DATABASE clinic', 'PH003' ], [ 'clinic', 'DROP EXTENSION hipaa_guard', 'PH003' ],
    [ 'clinic', 'DELETE FROM hipaa_guard.flag', 'PH003' ], [ 'clinic', q{COMMENT ON TABLE patients IS 'ssn 078-05-1120'}, 'PH001' ],
    [ 'clinic', 'SET hipaa_guard.log_policy = off', 'PH002' ], [ 'clinic', q{SELECT pg_read_file('PG_VERSION')}, 'PH005' ])
{
    my ($database, $sql, $state) = @$try;
    my (undef, undef, $err) = try_sql($new, $database, $sql);
    is(sqlstate_of($err), $state, "refused there: $sql");
}
$new->stop;
done_testing();
