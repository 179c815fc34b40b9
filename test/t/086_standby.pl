# Goal: an auditor can ask a hot standby as well, and after a promotion the posture is recorded there.
# Method: a standby of a flagged primary: posture and report work, what writes says that it cannot; then promote.
use Guarded;

my $db = 'clinic';
my $primary = new_node('primary', { init => [ allows_streaming => 1 ] }, 'hipaa_guard.posture_interval = 1');
flag($primary, $db);
sql($primary, $db, q{SELECT hipaa_guard.report_incident('access', 'late', '2025-03-03 12:00+00', true, 0);
    SELECT hipaa_guard.attest('private_network', 'a', 'b'); SELECT hipaa_guard.take_posture_snapshot()});
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my %on = map { split /\|/ } split /\n/, sql($standby, $db, 'SELECT id, status FROM hipaa_guard.posture()');
is(scalar keys %on, sql($primary, $db, 'SELECT count(*) FROM hipaa_guard.posture_check'), 'every check has a row on a standby');
is(join(' ', grep { $on{$_} eq 'error' } sort keys %on), '', 'and none fails to run');
is($on{'HIP-07'}, 'fail', 'the primary\'s incident is seen');
is($on{'HIP-12'}, 'attested', 'and its attestation');
unlike(sql($standby, $db, q{SELECT hipaa_guard.compliance_report('html')}), qr/this section failed/, 'the report works on a standby');
is(sqlstate_of((try_sql($standby, $db, q{SELECT hipaa_guard.report_incident('access', 'here')}))[2]), '25006',
    'what writes says that it cannot');

my $before = sql($standby, $db, 'SELECT max(taken_at) FROM hipaa_guard.posture_snapshot');
$primary->stop('immediate');
$standby->promote;
wait_until($standby, "SELECT max(taken_at) > '$before' FROM hipaa_guard.posture_snapshot",
    'the worker records the posture after the promotion', $db);
is(sql($standby, $db, q{SELECT hipaa_guard.report_incident('access', 'here')}), '2', 'the register goes on');
is(sql($standby, $db, 'SELECT ok FROM hipaa_guard.ledger_verify()'), 't', 'and its chain holds');

done_testing();
