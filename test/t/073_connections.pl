# Goal: only who comes by TLS 1.2 or newer or by the Unix socket, and from a network that is allowed for the role, gets
# into a flagged database, walsenders included; and idle sessions end, whatever the user sets.
# Method: a server with a certificate made here, reached over IPv4, IPv6 and the socket, with and without TLS; SQLSTATE,
# hint and audit event of each refusal; sessions that sit idle under a limit of one second.
use Guarded;
use IPC::Run ();

# Server and clients here would speak TLS 1.1 as well, if they were let.
my $openssl = PostgreSQL::Test::Utils::tempdir() . '/openssl.cnf';
open my $conf, '>', $openssl or die;
print $conf "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = old\n[old]\nMinProtocol = TLSv1\n",
    "CipherString = DEFAULT:\@SECLEVEL=0\n";
close $conf;
$ENV{OPENSSL_CONF} = $openssl;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
my $data = $node->data_dir;
PostgreSQL::Test::Utils::system_or_bail('openssl', 'req', '-new', '-x509', '-days', '30', '-nodes', '-newkey', 'rsa:2048',
    '-subj', '/CN=localhost', '-out', "$data/server.crt", '-keyout', "$data/server.key");
chmod 0600, "$data/server.key";
$node->append_conf('postgresql.conf', join "\n", "shared_preload_libraries = 'hipaa_guard'", "listen_addresses = '127.0.0.1,::1'",
    'ssl = on', "ssl_min_protocol_version = 'TLSv1'", "ssl_ciphers = 'ALL:\@SECLEVEL=0'", 'fsync = off',
    'autovacuum = off', "log_line_prefix = '%m [%p] %q%a '", '');
$node->append_conf('pg_hba.conf', join "\n", map { ("host all all $_ trust", "host replication all $_ trust") } '127.0.0.1/32', '::1/128');
$node->start;

# psql's answer over TCP: status, output, errors.
sub over_tcp
{
    my ($database, $options, $sql) = @_;
    my $string = "port=" . $node->port . " dbname=$database user=postgres host=127.0.0.1 $options";
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $string, '-c', $sql // 'SELECT 1' ],
        '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout(180));
    return ($? >> 8, $out, $err);
}

sub gets_in { my ($name, @how) = @_; my ($status, undef, $err) = over_tcp(@how); is($status, 0, $name) or diag($err); return; }

sub stays_out
{
    my ($name, $reason, @how) = @_;
    my ($status, undef, $err) = over_tcp(@how);
    isnt($status, 0, $name);
    like($err, $reason, "$name: the reason");
    return;
}

my $owner = $ENV{USER} // getpwuid $>;
sql($node, 'postgres', 'CREATE ROLE postgres SUPERUSER LOGIN REPLICATION') if $owner ne 'postgres';
create_extension($node, 'clinic');
create_extension($node, 'plain');
sql($node, 'clinic', q{SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365, '6 years')});

# A session without TLS would be locked out by the flag, so preflight() says so and enable() refuses.
my ($in, $out) = ('', '');
my $string = "port=" . $node->port . " dbname=clinic user=postgres host=127.0.0.1 sslmode=disable";
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $string ], '<', \$in, '>', \$out, '2>', \$out,
    IPC::Run::timeout(180));
$in .= "SELECT 'here';\n";
$session->pump until $out =~ /here/;
is(sql($node, 'clinic', q{SELECT requirement FROM hipaa_guard.preflight() WHERE NOT ok}), 'TLS of those who connect by TCP',
    'preflight() sees a session without TLS');
my ($status, undef, $err) = try_sql($node, 'clinic', q{SELECT hipaa_guard.enable('BAA-1')});
is(sqlstate_of($err), 'PH004', 'enable() refuses to lock it out');
$in .= "\\q\n";
$session->finish;
wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE client_addr IS NOT NULL}, 'it is gone');
flag($node, 'clinic');

gets_in('another database needs no TLS', 'plain', 'sslmode=disable');
stays_out('a flagged one does', qr/FATAL:.*28000.*TLS 1\.2|TLS 1\.2/s, 'clinic', 'sslmode=disable');
gets_in('TLS gets in', 'clinic', 'sslmode=require');
my $old = 'sslmode=require ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1';
is((over_tcp('plain', $old, 'SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()'))[1], "TLSv1.1\n",
    'another database takes TLS 1.1 where the server does');
stays_out('a flagged one does not', qr/TLS 1\.2/, 'clinic', $old);
stays_out('nor does a walsender', qr/TLS 1\.2/, 'postgres', "replication=1 $old", 'IDENTIFY_SYSTEM');
is(sql($node, 'clinic', 'SELECT 1'), '1', 'the socket gets in');
SKIP: {
    my ($ipv6) = over_tcp('plain', 'host=::1 sslmode=disable');
    skip 'there is no IPv6 here', 3 if $ipv6 != 0;
    gets_in('TLS over IPv6', 'clinic', 'host=::1 sslmode=require');
    stays_out('no TLS over IPv6', qr/TLS 1\.2/, 'clinic', 'host=::1 sslmode=disable');
}

# Walsenders: a physical one sends all databases, a logical one its own.
stays_out('a physical walsender without TLS', qr/TLS 1\.2/, 'postgres', 'replication=1 sslmode=disable', 'IDENTIFY_SYSTEM');
gets_in('a physical walsender with TLS', 'postgres', 'replication=1 sslmode=require', 'IDENTIFY_SYSTEM');
stays_out('a logical walsender without TLS', qr/TLS 1\.2/, 'clinic', 'replication=database sslmode=disable', 'IDENTIFY_SYSTEM');
gets_in('a logical walsender of another database', 'plain', 'replication=database sslmode=disable', 'IDENTIFY_SYSTEM');

# Networks.
sql($node, 'clinic', q{CREATE ROLE "Pool ""A"" x" LOGIN; SELECT hipaa_guard.allow_network('"Pool ""A"" x"', '10.0.0.0/8')});
my $pool = q{user='Pool "A" x'};
stays_out('a network that is not allowed', qr/network/, 'clinic', "$pool sslmode=require");
gets_in('other roles may come from anywhere', 'clinic', 'sslmode=require');
gets_in('other databases ask for no network', 'plain', "$pool sslmode=disable");
sql($node, 'clinic', q{SELECT hipaa_guard.allow_network('"Pool ""A"" x"', '127.0.0.0/8')});
gets_in('a network that is allowed', 'clinic', "$pool sslmode=require");
is(sql($node, 'plain', q{SELECT role_name, network FROM hipaa_guard.allowed_networks ORDER BY 2}),
    qq{Pool "A" x|10.0.0.0/8\nPool "A" x|127.0.0.0/8}, 'the view lists them');
($status, undef, $err) = try_sql($node, 'plain', q{SECURITY LABEL FOR hipaa_guard ON ROLE "Pool ""A"" x" IS NULL});
is(sqlstate_of($err), 'PH002', 'a label takes no network away');
sql($node, 'clinic', q{SELECT hipaa_guard.disallow_network('"Pool ""A"" x"', '127.0.0.0/8')});
stays_out('a network that was taken back', qr/network/, 'clinic', "$pool sslmode=require");

# Each refusal is an event of the trail.
wait_until($node, q{SELECT count(*) FILTER (WHERE detail LIKE 'no TLS%') >= 5 AND count(*) FILTER (WHERE detail LIKE 'network%') = 2
    FROM hipaa_guard.audit_log WHERE class = 'auth' AND outcome = 'refused' AND sqlstate = '28000'}, 'refusals are in the trail', 'clinic');

# Idle sessions end, in and outside of transactions, also in one that failed twice; an exempted role stays.
sql($node, 'clinic', q{CREATE ROLE sleeper LOGIN; ALTER ROLE sleeper SET idle_session_timeout = '1d';
    CREATE ROLE listener LOGIN; SELECT hipaa_guard.exempt('idle_session', 'listener', 'waits for notifications',
    now() + interval '1 day')});
for (qw(max_idle_session max_idle_in_transaction))
{
    sql($node, 'postgres', "ALTER SYSTEM SET hipaa_guard.$_ = '1s'");
}
sql($node, 'postgres', 'SELECT pg_reload_conf()');
my %sessions = (
    exempt => [ 'listener', "LISTEN news;\n" ],
    plain => [ '', "SET idle_session_timeout = 0;\n" ],
    function => [ '', "SELECT set_config('idle_session_timeout', '0', false);\n" ],
    options => [ '', '', '-c idle_session_timeout=0' ],
    role => [ 'sleeper', '' ],
    silent => [ '', '' ],
    transaction => [ '', "SET idle_in_transaction_session_timeout = 0; BEGIN;\n" ],
    failed => [ '', "BEGIN;\nSELECT 1/0;\nSELECT 1;\nSELECT 2;\n" ]);
my %running;
for my $name (sort keys %sessions)
{
    my ($user, $script, $options) = @{ $sessions{$name} };
    my ($input, $output) = ($script . "SELECT 'ready';\n", '');
    my $string = $node->connstr('clinic') . " application_name=idle_$name" . ($user ? " user=$user" : '');
    local $ENV{PGOPTIONS} = $options // '';
    my $handle = IPC::Run::start([ 'psql', '-XAtq', '-d', $string ], '<', \$input, '>', \$output, '2>', \$output,
        IPC::Run::timeout(180));
    $running{$name} = [ $handle, \$input, \$output ];
    $handle->pump until $output =~ /ready|aborted.*aborted.*aborted/s;
}
wait_until($node, q{SELECT string_agg(application_name, ' ') = 'idle_exempt' FROM pg_stat_activity WHERE application_name LIKE 'idle_%'},
    'all but the exempted session have ended');
pass('idle sessions end');
my ($handle, $input, $output) = @{ $running{exempt} };
$$input .= "SELECT 'still here';\n\\q\n";
$handle->finish;
like($$output, qr/still here/, 'the exempted session goes on');
delete $running{exempt};
for my $name (sort keys %running)
{
    my ($one, $send) = @{ $running{$name} };
    $$send .= "SELECT 1;\n";
    eval { $one->finish };
}
$node->stop;
done_testing();
