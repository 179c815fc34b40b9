# Goal: a flagged database can be PowerSync's source, over TLS only, and columns that are not published do not leave.
# Method: docs/powersync.md to the letter, then what the connector runs: its questions, a slot with pgoutput, the snapshot, the
# stream (pg_recvlogical speaks the same protocol); planted values are looked for in every byte that came.
use FindBin;
use Guarded;

my $db = 'clinic';
my $node = new_node('source', { start => 0 }, 'wal_level = logical', 'max_wal_senders = 5',
    'max_replication_slots = 5', q{listen_addresses = '127.0.0.1'}, 'ssl = on',
    q{ssl_ca_file = 'server.crt'});
my $dir = $node->data_dir;
my ($out, $err) = ('', '');
IPC::Run::run([ 'openssl', 'req', '-new', '-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '400', '-subj', '/CN=localhost',
    '-keyout', "$dir/server.key", '-out', "$dir/server.crt" ], '<', '/dev/null', '>', \$out, '2>', \$err) or die $err;
chmod 0600, "$dir/server.key" or die "chmod: $!";
open my $hba, '>', "$dir/pg_hba.conf" or die "pg_hba.conf: $!";
print $hba "local all all trust\nhostssl $db powersync_role 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n";
close $hba or die "pg_hba.conf: $!";
$node->start;
flag($node, $db);

for my $block (slurp("$FindBin::RealBin/../../docs/powersync.md") =~ /^```sql\n(.*?)^```$/msg)
{
    my ($status, $answer, $problem) = try_sql($node, $db, $block);
    is($status, 0, 'powersync.md: ' . substr($block, 0, index $block, "\n")) or diag($problem);
}
sql($node, $db, q{INSERT INTO visit VALUES (1, 'first-ward', 'canary-name-1', 'canary-ssn-1', true),
    (2, 'hidden-ward', 'canary-name-2', 'canary-ssn-2', false)});
is(sql($node, $db, q{SELECT string_agg("column" || ' ' || leaves, ', ') FROM hipaa_guard.publication_report()}),
    'patient_name false, ssn false', 'the report says that no labelled column leaves');
is(sql($node, $db, q{SELECT count(*) FROM hipaa_guard.posture() WHERE id LIKE 'EGR-0_' AND id <> 'EGR-06' AND status = 'fail'}), '0',
    'no check of what leaves fails');

local $ENV{PGPASSWORD} = 'replace-this-by-a-long-random-one';
my $target = sprintf 'host=127.0.0.1 port=%s dbname=%s user=powersync_role sslrootcert=%s', $node->port, $db, "$dir/server.crt";

sub ask
{
    my ($connection, $sql) = @_;
    ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $connection, '-c', $sql ], '<', '/dev/null', '>', \$out, '2>', \$err,
        IPC::Run::timeout($Guarded::TIMEOUT));
    chomp $out;
    return $? >> 8;
}

sub receive
{
    my @arguments = @_;
    ($out, $err) = ('', '');
    IPC::Run::run([ 'pg_recvlogical', '-d', "$target sslmode=verify-ca", '-S', 'powersync_1', @arguments ], '<', '/dev/null', '>', \$out,
        '2>', \$err, IPC::Run::timeout($Guarded::TIMEOUT));
    return $? >> 8;
}

isnt(ask("$target sslmode=disable", 'SELECT 1'), 0, 'without TLS nobody comes in');
is(ask("$target sslmode=verify-ca", 'SHOW wal_level'), 0, 'with TLS the role comes in') or diag($err);
is($out, 'logical', 'wal_level');
is(ask("$target sslmode=verify-ca", q{SELECT pubinsert FROM pg_publication WHERE pubname = 'powersync'}), 0, 'it asks');
is($out, 't', 'the publication is found');
is(receive('--create-slot', '-P', 'pgoutput'), 0, 'a slot is made over a replication connection')
  or diag($err);
is(ask("$target sslmode=verify-ca", 'SELECT id, ward, active FROM visit'), 0, 'the snapshot is taken') or diag($err);
is($out, '1|first-ward|t', 'it has columns and rows that may leave');
isnt(ask("$target sslmode=verify-ca", 'SELECT ssn FROM visit'), 0, 'and no other');
isnt(ask("$target sslmode=verify-ca", 'SELECT * FROM visit'), 0, 'nor by a star');

sql($node, $db, q{INSERT INTO visit VALUES (3, 'streamed-ward', 'canary-name-3', 'canary-ssn-3', true),
    (4, 'hidden-ward', 'canary-name-4', 'canary-ssn-4', false)});
my $end = sql($node, $db, 'SELECT pg_current_wal_insert_lsn()');
sql($node, $db, 'SELECT pg_switch_wal()');
my $file = $node->basedir . '/stream';
is(receive('--start', '--no-loop', '--endpos', $end, '-o', 'proto_version=1', '-o', 'publication_names=powersync', '-f', $file), 0,
    'the stream runs') or diag($err);
my $stream = slurp($file);
like($stream, qr/streamed-ward/, 'what is published streams');
unlike($stream, qr/canary/, 'no byte of a column that is not published');
unlike($stream, qr/hidden-ward/, 'no row that the filter holds back');
is(receive('--drop-slot'), 0, 'the slot goes') or diag($err);

isnt((try_sql($node, $db, 'CREATE PUBLICATION everything FOR TABLE visit'))[0], 0, 'a publication of labelled columns is refused');
wait_until($node, q{SELECT EXISTS (SELECT FROM hipaa_guard.audit_log WHERE outcome = 'refused' AND sqlstate = 'PH005')},
    'and the refusal is on record', $db);

done_testing();
