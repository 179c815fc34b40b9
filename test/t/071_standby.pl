# Goal: a standby knows the flag without a restart, sets none itself, and keeps it when it is promoted.
# Method: a streaming standby of a server where a database is flagged while it runs.
use Guarded;
use IPC::Run ();

my $node = new_node('main', { init => [ allows_streaming => 1 ] });
create_extension($node, 'clinic');
create_extension($node, 'plain');
sql($node, $_, q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365, '6 years')})
    for 'clinic', 'plain';
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
is(sql($standby, 'clinic', 'SELECT hipaa FROM hipaa_guard.project'), 'f', 'no flag yet');

my ($in, $out) = ("SELECT 'here';\n", '');
my $session = IPC::Run::start([ psql_command($standby, 'clinic') ], '<', \$in, '>', \$out, '2>', \$out, IPC::Run::timeout(180));
$session->pump until $out =~ /here/;
flag($node, 'clinic');
$node->wait_for_catchup($standby, 'replay', $node->lsn('flush'));
wait_until($standby, q{SELECT hipaa AND state = 'on' AND integrity = 'ok' FROM hipaa_guard.project}, 'the standby knows the flag',
    'clinic');
wait_until($standby, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'clinic'}, 'no session is left in it');
$in .= "SELECT 'still ' || 'here';\n\\q\n";
eval { $session->finish };
unlike($out, qr/still here/, 'the session that was there before has ended');
ok(-s $standby->data_dir . '/hipaa_guard/state', 'and has a state file of its own');
is(sql($standby, 'plain', 'SELECT hipaa FROM hipaa_guard.project'), 'f', 'the other database is none');
my (undef, undef, $err) = try_sql($standby, 'plain', q{SELECT hipaa_guard.enable('BAA-1')});
is(sqlstate_of($err), '25006', 'no flag is set on a standby');
(undef, undef, $err) = try_sql($standby, 'clinic', q{SELECT hipaa_guard.break_glass('drill')});
is(sqlstate_of($err), '25006', 'no glass is broken on a standby, where it could not be recorded');

# Networks come by replay, too.
sql($node, 'clinic', q{CREATE ROLE app; SELECT hipaa_guard.allow_network('app', '10.0.0.0/8')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('flush'));
is(sql($standby, 'plain', 'SELECT role_name, network FROM hipaa_guard.allowed_networks'), 'app|10.0.0.0/8', 'networks are there');

# So do the site's own identifiers, for every process of the standby.
sql($node, 'clinic', q{SELECT hipaa_guard.add_identifier('hospital_number', 'HOSP-99999999')});
my $own = q{SELECT count(*) = 1 FROM hipaa_guard.scan_text('order HOSP-48151623') WHERE rule = 'hospital_number'};
wait_until($standby, $own, 'the standby recognises an identifier that was added', 'plain');
(undef, undef, $err) = try_sql($standby, 'clinic', q{SELECT 'HOSP-48151623'::int});
like($err, qr/integer: "\[phi:custom\]"/, 'and masks it');

$standby->restart;
is(sql($standby, 'plain', $own), 't', 'identifiers are there after a restart, from the first moment');
is(sql($standby, 'clinic', 'SELECT hipaa FROM hipaa_guard.project'), 't', 'flagged after a restart, from the first moment');

$node->stop('immediate');
$standby->promote;
wait_until($standby, 'SELECT NOT pg_is_in_recovery()', 'it is promoted');
is(sql($standby, 'clinic', 'SELECT state FROM hipaa_guard.project'), 'on', 'flagged after the promotion');
for my $try ([ 'postgres', 'DROP DATABASE clinic' ], [ 'postgres', 'SECURITY LABEL FOR hipaa_guard ON DATABASE clinic IS NULL' ],
    [ 'clinic', 'DROP EXTENSION hipaa_guard' ])
{
    (undef, undef, $err) = try_sql($standby, @$try);
    is(sqlstate_of($err), 'PH003', "refused there: $try->[1]");
}
flag($standby, 'plain');
is(sql($standby, 'plain', 'SELECT state FROM hipaa_guard.project'), 'on', 'and sets flags of its own');
$standby->stop;
done_testing();
