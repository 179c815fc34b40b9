# Goal: on a HIPAA project the registers can be written, the posture is recorded by itself, each change is an event, and a
# dump carries what was put on record.
# Method: a flagged database on a server that records its posture each second; dump and restore; two sessions at once.
use Guarded;

my $node = new_node('flagged', 'hipaa_guard.posture_interval = 1');
my $db = 'clinic';
flag($node, $db);

# The worker comes by itself, and finds what has changed.
my $recorded = q{SELECT count(*) > 0 FROM hipaa_guard.posture_snapshot};
wait_until($node, $recorded, 'the worker has recorded the posture', $db);
sql($node, $db, 'CREATE ROLE creator CREATEROLE');
wait_until($node, q{SELECT status = 'fail' FROM hipaa_guard.posture_latest WHERE check_id = 'PRIV-02'}, 'the worker sees a change', $db);
sql($node, $db, 'ALTER ROLE creator NOCREATEROLE');
wait_until($node, q{SELECT status = 'pass' FROM hipaa_guard.posture_latest WHERE check_id = 'PRIV-02'}, 'the worker sees its end', $db);
is(sql($node, $db, q{SELECT string_agg(coalesce(previous, '-') || '>' || status, ' ' ORDER BY taken_at) FROM hipaa_guard.posture_history
    WHERE check_id = 'PRIV-02'}), '->pass pass>fail fail>pass', 'only changes are stored');
is(sql($node, $db, q{SELECT hipaa_guard.audit_flush() AS ignored \gset
    SELECT string_agg(substring(detail FROM '^\w+ to \w+'), ', ' ORDER BY seq) FROM hipaa_guard.audit_log
    WHERE command_tag = 'POSTURE CHANGE' AND object_name = 'PRIV-02'}), 'pass to fail, fail to pass', 'each change is an event');
is(sql($node, 'postgres', q{SELECT count(*) FROM pg_extension WHERE extname = 'hipaa_guard'}), '0',
    'a database without the extension is left alone');
unlike(log_of($node), qr/background worker "hipaa_guard posture" .* (?:was terminated|exited with exit code)/,
    'no worker has failed');

# Turned off, and on again, without a restart.
sql($node, $db, 'ALTER SYSTEM SET hipaa_guard.posture_interval = 0');
$node->reload;
wait_until($node, q{SELECT setting = '0' FROM pg_settings WHERE name = 'hipaa_guard.posture_interval'}, 'it is turned off', $db);

# Every function that writes works on a flagged database.
my @write = (
    q{hipaa_guard.report_incident('access', 'a laptop was stolen', '2025-03-03 12:00+00', true, 3)},
    q{hipaa_guard.describe_incident(1, 'what_happened', 'a laptop was stolen')},
    q{hipaa_guard.update_incident(1, 4)},
    q{hipaa_guard.record_notice(1, 'individual', 'four persons', 'letter')},
    q{hipaa_guard.record_action(1, 'encrypt', 'IT', now() + interval '1 day')},
    q{hipaa_guard.complete_action(1)},
    q{hipaa_guard.assess_incident(1, 'a', 'b', 'c', 'd', false, 'e')},
    q{hipaa_guard.delay_incident(1, now() + interval '1 day', 'file 7')},
    q{hipaa_guard.close_incident(1, 'done')},
    q{hipaa_guard.attest('mfa', 'Security office', 'policy 3')},
    q{hipaa_guard.accept_risk('TLS-01', 'socket only', now() + interval '1 day')},
    q{hipaa_guard.record_party('The clinic', 'covered_entity')},
    q{hipaa_guard.record_contact('incident', 'Security office')},
    q{hipaa_guard.record_subcontractor('A cloud', 'compute')},
    q{hipaa_guard.end_subcontractor('A cloud', 'moved')},
    q{hipaa_guard.register_store('buckets', 'bucket_storage', 'the clinic')},
    q{hipaa_guard.certify_disposal('buckets', 'shredded', 'IT')},
    q{hipaa_guard.set_retention('audit_trail', '6 years', 'law')},
    q{hipaa_guard.record_service('data_api', false)},
    q{hipaa_guard.record_release('15.1')},
    q{hipaa_guard.set_site('time_zone', 'UTC')},
    q{hipaa_guard.add_holiday('2026-12-24', 'a free day')},
    q{hipaa_guard.open_request('access', 'S-1')},
    q{hipaa_guard.extend_request(1, 'archive')},
    q{hipaa_guard.close_request(1, 'sent')},
    q{hipaa_guard.take_posture_snapshot()},
    q{hipaa_guard.subject_pseudonym('P-1')});
sql($node, $db, join '', map { "SELECT $_;\n" } @write);
pass('every function that writes works on a flagged database');
my ($status, $out, $err) = try_sql($node, $db, q{CREATE TABLE visits (id int, patient_no text);
    SELECT hipaa_guard.track_subject('visits', 'patient_no');
    SELECT hipaa_guard.begin_disclosure('A doctor', 'treatment', '164.506');
    INSERT INTO visits VALUES (1, 'P-1');
    SELECT hipaa_guard.end_disclosure('visits');
    SELECT description FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-1'));
    SELECT hipaa_guard.compliance_report(f) LIKE '%this section failed%' FROM unnest(ARRAY['json', 'html', 'markdown']) AS f});
is($status, 0, 'disclosures and the report work on a flagged database') or diag($err);
like($out, qr/visits\nf\nf\nf\z/, 'the accounting names the disclosure, and no section of the report fails') or diag($out);
is(sql($node, $db, q{SELECT string_agg(id, ' ') FROM hipaa_guard.posture() WHERE status = 'error'}), '', 'no check fails to run');

# Whose rows are read: by the owner, who is bound too; by a superuser, who is not, but whose statement is known; by a session
# that is ended in the midst of its disclosure, which the worker of the posture brings to its end.
sql($node, $db, q{CREATE ROLE clerk LOGIN; ALTER TABLE visits OWNER TO clerk; GRANT pg_read_all_data TO clerk;
    GRANT EXECUTE ON FUNCTION hipaa_guard.begin_disclosure(text, text, text) TO clerk;
    INSERT INTO visits SELECT g, 'P-' || g FROM generate_series(2, 99) AS g});
my $reader = talk($node->connstr($db) . ' user=clerk');
$reader->(q{SELECT hipaa_guard.begin_disclosure('A court', 'order', '164.512(e)')});
$reader->(q{SELECT id FROM visits WHERE id IN (5, 6)});
($status, $out, $err) = try_sql($node, $db, 'SELECT id FROM visits WHERE id = 7', user => 'clerk');
is($out, '7', 'the owner reads his table');
sql($node, $db, q{SELECT id FROM visits WHERE id = 8});
sql($node, $db, 'SELECT hipaa_guard.audit_flush()');
my $told = q{SELECT count(*) FROM hipaa_guard.audit_log WHERE command_tag = 'READ SUBJECT' AND session_user_name = 'clerk'
    AND object_name = 'public.visits' AND split_part(detail, ';', 1) = hipaa_guard.subject_pseudonym('P-%s')};
is(sql($node, $db, sprintf $told, 7), '1', 'whose row it was is in the trail');
is(sql($node, $db, sprintf $told, 9), '0', 'and nobody else');
is(sql($node, $db, q{SELECT relation, statements > 0 FROM hipaa_guard.unrecorded_reads() WHERE role <> 'clerk'}), 'public.visits|t',
    'what a superuser read is not known, but that he did');
is(sql($node, $db, q{SELECT count(*) FROM hipaa_guard.unrecorded_reads() WHERE role = 'clerk'}), '0', 'the owner was seen');
is(sql($node, $db, q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'clerk'}), '1', 'the reader is cut off');
wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'clerk'}, 'the reader is gone', $db);
is(sql($node, $db, q{SELECT ended_at IS NULL FROM hipaa_guard.disclosures WHERE recipient = 'A court'}), 't', 'his disclosure is open');
sql($node, $db, 'SELECT hipaa_guard.take_posture_snapshot()');
is(sql($node, $db, q{SELECT recipient, purpose, description FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-5'))}),
    'A court|order|not described: its session ended before', 'what it disclosed is accounted for');
is(sql($node, $db, q{SELECT count(*) FROM hipaa_guard.accounting(hipaa_guard.subject_pseudonym('P-7'))}), '0', 'and nothing else');

# What belongs to the flag: the agreement that has run out, a setting that waits for a restart.
sub status { return sql($node, $db, "SELECT status FROM hipaa_guard.posture() WHERE id = '$_[0]'") }
is(status('HIP-01'), 'pass', 'the agreement is in force');
is(status('SESS-08'), 'pass', 'idle sessions end, whatever they have set');
sql($node, $db, q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 30, current_date - 1)});
is(status('HIP-01'), 'fail', 'it has expired');
sql($node, $db, q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 30, current_date + 365, '10 years')});
is(status('HIP-01'), 'pass', 'it was renewed');
is(status('AUD-08'), 'fail', 'its term is longer than the retention on record');
is(status('HIP-03'), 'pass', 'the copies of the flag agree');
is(status('HIP-02'), 'pass', 'nothing waits for a restart');
sql($node, $db, 'ALTER SYSTEM SET max_connections = 77');
$node->reload;
wait_until($node, 'SELECT restart_pending FROM hipaa_guard.project', 'a restart is pending', $db);
is(status('HIP-02'), 'fail', 'a restart is pending');

# Emergency access stays a finding until it is reviewed.
sql($node, $db, q{SELECT hipaa_guard.break_glass('a drill', 1)});
is(status('HIP-10'), 'fail', 'emergency access waits for its review');
sql($node, $db, 'CREATE ROLE reviewer LOGIN SUPERUSER');
is((try_sql($node, $db, q{SELECT hipaa_guard.review_emergency(1, 'it was a drill')}, user => 'reviewer'))[0], 0,
    'somebody else reviews it');
is(status('HIP-10'), 'pass', 'it was reviewed');

# A notification comes with the commit, in the same transaction, and carries the number only.
($status, $out, $err) = try_sql($node, $db,
    q{LISTEN hipaa_incident; SELECT hipaa_guard.report_incident('access', 'a screen was left open')});
like($out, qr/hipaa_incident" with payload "2" received/, 'a report notifies at once');

# Two reports at once get two numbers.
my @both = map { IPC::Run::start([ psql_command($node, $db), '-c',
    q{SELECT hipaa_guard.report_incident('access', 'at once') FROM generate_series(1, 20)} ], '<', '/dev/null', '>', '/dev/null') } 1, 2;
$_->finish for @both;
is(sql($node, $db, 'SELECT count(*), max(incident) FROM hipaa_guard.incidents'), '42|42', 'numbers have no gaps and no twins');
is(sql($node, $db, 'SELECT ok FROM hipaa_guard.ledger_verify()'), 't', 'the chain of the ledger holds');

# A dump has it all, to the letter.
my $rows = q{SELECT md5(string_agg(t::text, '' ORDER BY entry)) FROM hipaa_guard.ledger t};
my $pseudonym = q{SELECT hipaa_guard.pseudonym('P-1')};
my ($before, $name) = (sql($node, $db, $rows), sql($node, $db, $pseudonym));
my $file = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr($db), '-f', $file ], 'pg_dump works');
sql($node, 'postgres', 'CREATE DATABASE again');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('again'), '-f', $file ], 'the dump is restored');
is(sql($node, 'again', $rows), $before, 'the ledger is the same after the restore');
is(sql($node, 'again', $pseudonym), $name, 'pseudonyms are the same after the restore');
is(sql($node, 'again', 'SELECT ok FROM hipaa_guard.ledger_verify()'), 't', 'its chain holds there');
is(sql($node, 'again', q{SELECT hipaa_guard.report_incident('access', 'the next one')}), '43', 'and it goes on');
is(sql($node, 'again', 'SELECT count(*) = (SELECT count(DISTINCT id) FROM hipaa_guard.posture_check) FROM hipaa_guard.posture_check'), 't',
    'the checks are there once');

# A byte of the trail that was changed behind the server's back.
is(status('AUD-07'), 'pass', 'the trail verifies');
sql($node, $db, 'SELECT hipaa_guard.audit_flush()');
$node->stop;
my ($segment) = sort glob $node->data_dir . '/hipaa_guard/audit/*.hga';
open my $trail, '+<:raw', $segment or die "cannot open $segment: $!";
my $middle = int((-s $segment) / 2);
seek $trail, $middle, 0 or die "seek: $!";
read $trail, my $byte, 1 or die "read: $!";
seek $trail, $middle, 0 or die "seek: $!";
print $trail chr(ord($byte) ^ 1);
close $trail or die "close: $!";
$node->start;
is(status('AUD-07'), 'fail', 'a flipped bit of the trail is found');

done_testing();
