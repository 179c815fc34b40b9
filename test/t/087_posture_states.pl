# Goal: checks of posture() that need more than a line of configuration fire on the real thing, and are quiet without it: sessions from
# another address, old TLS, a backup that runs, a corrupt page, a writer that hangs, time that passes, a server without the library.
# Method: one cluster taken through these states. Time is a clock of our own (test/lib/clock.c) that all its processes see; what
# is remote comes over the address of this machine. Checks that posture_cases.tsv names "see 087" are here.
use Config;
use FindBin;
use Guarded;
use IO::Socket::INET;

my $db = 'clinic';
my $node = new_node('states', { start => 0 }, 'max_prepared_transactions = 5', 'max_wal_senders = 5', 'wal_level = replica',
    'hipaa_guard.audit_unflagged = on', "hipaa_guard.audit_segment_size = '64kB'");
my $dir = $node->data_dir;
my $base = $node->basedir;
my ($bin) = map { s{/$}{}r } (split /\n/, qx(pg_config --bindir))[0];
my $address = (grep { /^\d+\.\d+\.\d+\.\d+$/ && !/^127\./ } split ' ', qx(hostname -I 2>/dev/null))[0];
plan skip_all => 'the sanitizers have their own LD_PRELOAD' if -e "$bin/postgres.real";

my $shim = "$base/clock.so";
my $clock = "$base/clock";
run_quiet($ENV{CC} // 'gcc', '-O1', '-shared', '-fPIC', '-o', $shim, "$FindBin::RealBin/../lib/clock.c");
set_clock(0);
my %clock_env = (LD_PRELOAD => $shim, CLOCK_FILE => $clock);

sub run_quiet
{
    my @command = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout($Guarded::TIMEOUT)) or die "@command: $err";
    return $out;
}

sub write_file
{
    my ($name, $content) = @_;
    open my $out, -e $name ? '+<:raw' : '>:raw', $name or die "cannot write $name: $!";
    truncate $out, length $content or die "cannot write $name: $!";
    print $out $content;
    close $out or die "cannot write $name: $!";
    return;
}

# In place, because the server has the file mapped.
sub set_clock { my ($seconds) = @_; write_file($clock, pack 'q', $seconds); return }

sub start
{
    my ($lines, %env) = @_;
    $node->append_conf('postgresql.conf', join "\n", @$lines, '');
    local %ENV = (%ENV, %clock_env, %env);
    $node->start;
    return;
}

# The statuses of some checks, as text: "AUD-04 pass, AUD-05 fail".
sub statuses
{
    my ($ids, %options) = @_;
    my $list = join ', ', map { "'$_'" } sort @$ids;
    my ($status, $out, $err) = try_sql($node, $db, "SELECT string_agg(p.id || ' ' || p.status, ', ' ORDER BY p.id COLLATE \"C\")
        FROM unnest(ARRAY[$list]) AS u (id), hipaa_guard.posture_rows('hipaa', u.id) AS p", %options);
    return $status == 0 ? $out : $err;
}

sub are
{
    my ($expected, $name, %options) = @_;
    my $seen = statuses([ $expected =~ /\b([A-Z]+-\d\d)\b/g ], %options);
    is($seen, $expected, $name);
    return;
}

# A bare login from a loopback address of its own.
sub login_from
{
    my ($from) = @_;
    my $socket = IO::Socket::INET->new(LocalAddr => $from, PeerAddr => '127.0.0.1', PeerPort => $node->port) or die "cannot connect: $!";
    my $body = pack('N', 196608) . "user\0nurse\0database\0$db\0\0";
    $socket->syswrite(pack('N', 4 + length $body) . $body);
    my $answer = '';
    $socket->sysread($answer, 4096, length $answer) or die "no login from $from" until $answer =~ /Z\x00\x00\x00\x05I/;
    return $socket;
}

# The installation without one extension: programs copied, since they look for their files beside themselves, all else linked.
sub installation_without
{
    my ($extension) = @_;
    my ($prefix, $major) = $bin =~ m{^(.*)/lib/postgresql/(\d+)/bin$} or return;
    my $copy = "$base/pg";
    run_quiet('mkdir', '-p', "$copy/lib/postgresql/$major/bin", "$copy/share/postgresql/$major/extension");
    run_quiet('cp', "$bin/postgres", "$bin/pg_ctl", "$copy/lib/postgresql/$major/bin/");
    symlink "$prefix/lib/postgresql/$major/lib", "$copy/lib/postgresql/$major/lib" or die "symlink: $!";
    for my $file (glob("$prefix/share/postgresql/$major/*"), glob "$prefix/share/postgresql/$major/extension/*")
    {
        next if $file =~ m{/extension$|/$extension\b[^/]*$};
        symlink $file, $file =~ s{^\Q$prefix\E}{$copy}r or die "symlink: $!";
    }
    return "$copy/lib/postgresql/$major";
}

#
# As it is
#
run_quiet('openssl', 'req', '-new', '-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '400', '-subj', '/CN=localhost', '-keyout',
    "$dir/server.key", '-out', "$dir/server.crt");
chmod 0600, "$dir/server.key" or die "chmod: $!";
my $own = $address // '127.0.0.1';
write_file("$dir/pg_hba.conf", "local all all trust\nhost all all 127.0.0.0/8 trust\nhost all all $own/32 trust\n"
    . "host replication all $own/32 trust\n");
run_quiet('pg_checksums', '--enable', '-D', $dir) if run_quiet('pg_controldata', $dir) =~ /^Data page checksum version: +0$/m;
start([ 'ssl = on' ]);
create_extension($node, $db);
my $major = major_version($node);
my $new = $major < 17 ? 'pass' : 'not_applicable';
are('AUD-01 pass, AUD-02 pass, AUD-04 pass, AUD-05 pass, AUD-09 pass', 'the trail is well');
are("AUTH-24 pass, AUTH-25 pass, AUTH-29 $new, BKP-06 pass, BKP-07 pass, CFG-12 pass, EGR-07 pass, EGR-11 pass", 'nothing is there yet');
are('INT-01 pass, INT-02 pass, INT-05 pass, INT-08 pass, LOG-21 pass', 'nor here');
are('SESS-07 pass, SESS-09 pass, TLS-10 pass, TLS-11 pass, TLS-15 fail', 'only FIPS is missing');

#
# Time, a hanging writer, loss
#
sql($node, $db, q{CREATE TABLE t (i int); BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'stays'});
my $idle = talk($node->connstr($db));
set_clock(3 * 3600);
are('SESS-07 fail, SESS-09 fail', 'a session that is idle for hours, a prepared transaction that stays');
$idle->();
sql($node, $db, q{ROLLBACK PREPARED 'stays'});
my $writer = sql($node, $db, 'SELECT hipaa_guard.audit_flush(); SELECT writer_pid FROM hipaa_guard.stat_audit') =~ s/\s//gr;
kill 'STOP', $writer or die "cannot stop the writer: $!";
sql($node, $db, 'SELECT count(*) FROM t');
set_clock(4 * 3600);
are('AUD-05 fail, SESS-07 pass, SESS-09 pass', 'events wait for an hour, what stayed is gone');
sql($node, $db, q{SELECT count(hipaa_guard.record_event('misc', 'TEST', 'test', 'x', repeat(md5(g::text), 15)))
    FROM generate_series(1, 9000) AS g});
kill 'CONT', $writer;
sql($node, $db, 'SELECT hipaa_guard.audit_flush()');
are('AUD-04 fail, AUD-05 pass', 'what found no room was lost, the rest is written');
sql($node, $db, q{ALTER SYSTEM SET hipaa_guard.audit_max_size = '1MB'});
$node->reload;
wait_for('the trail is nearly as large as it may be', sub {
    return sql($node, $db, q{DO $$ BEGIN PERFORM hipaa_guard.record_event('guard', 'TEST', 'test', 'x',
        (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 20) WHERE g > 0)) FROM generate_series(1, 200) AS g; END $$;
        SELECT hipaa_guard.audit_flush(); SELECT percent > 75 FROM hipaa_guard.audit_storage}) =~ /^t$/m;
});
are('AUD-09 fail', 'the trail is nearly as large as it may be');
sql($node, $db, 'ALTER SYSTEM RESET hipaa_guard.audit_max_size');

#
# Sessions from elsewhere, and what the server lets them do
#
$node->stop;
chmod 0750, $dir or die "chmod: $!";
start([ "listen_addresses = '*'", "ssl_min_protocol_version = 'TLSv1'", "ssl_ciphers = 'ALL:\@SECLEVEL=0'", 'archive_mode = on',
    "archive_command = ''", "shared_preload_libraries = 'pg_stat_statements, hipaa_guard'",
    sprintf q{unix_socket_directories = '%s, /tmp'}, $node->host ]);
sql($node, $db, q{CREATE ROLE nurse LOGIN; CREATE EXTENSION pageinspect VERSION '1.5'; CREATE EXTENSION pg_stat_statements;
    COMMENT ON TABLE t IS 'SSN 536-22-8714'});
are('AUTH-25 fail, AUTH-27 fail, BKP-02 fail, EGR-11 fail, INT-05 fail, META-12 fail', 'settings and an old extension');
SKIP:
{
    # The library takes the limit away from every process, so it is given back to one from outside.
    my $dumper = talk($node->connstr($db));
    my $pid = $dumper->('SELECT pg_backend_pid()');
    skip 'there may be no core dump here at all', 1 if qx(prlimit --pid $pid --core --noheadings --output HARD) =~ /^\s*0\s*$/;
    run_quiet('prlimit', '--pid', $pid, '--core=unlimited:');
    is($dumper->(q{SELECT status FROM hipaa_guard.posture() WHERE id = 'LOG-21'}), 'fail', 'LOG-21: memory can become a file');
    $dumper->();
}
sql($node, $db, 'DROP EXTENSION pageinspect; SELECT pg_stat_statements_reset()');
are('EGR-11 pass, META-12 pass', 'they are gone');

my @logins = map { login_from("127.0.0.$_") } 1 .. 4;
are('AUTH-24 fail', 'a login from four addresses');
close $_ for @logins;
wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'nurse'}, 'the sessions are gone', $db);
my $tcp = sprintf 'port=%s dbname=%s user=nurse', $node->port, $db;
write_file("$base/openssl.cnf", "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\n"
    . "CipherString = ALL:\@SECLEVEL=0\n");
my $old = talk("$tcp host=127.0.0.1 sslmode=require ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1",
    OPENSSL_CONF => "$base/openssl.cnf");
are('AUTH-24 pass, TLS-11 fail', 'TLS 1.1 is spoken');
$old->();
SKIP:
{
    skip 'this machine has no address but the loopback interface', 6 unless defined $address;
    for my $mode ([ 'disable', 'fail' ], [ 'require', 'pass' ])
    {
        my ($sslmode, $expected) = @$mode;
        my $remote = talk("$tcp host=$address sslmode=$sslmode");
        are("TLS-10 $expected, TLS-11 pass", "a session from another address, sslmode $sslmode");
        $remote->();
        my ($out, $err) = ('', '');
        my $target = sprintf 'host=%s port=%s user=%s sslmode=%s', $address, $node->port, scalar getpwuid($<), $sslmode;
        my $copy = IPC::Run::start([ 'pg_basebackup', '-D', "$base/copy$sslmode", '-X', 'none', '-c', 'fast', '-r', '32k', '-d', $target ],
            '<', '/dev/null', '>', \$out, '2>', \$err);
        wait_until($node, q{SELECT count(*) > 0 FROM pg_stat_progress_basebackup WHERE phase LIKE 'streaming%'}, 'a backup runs', $db);
        are("BKP-07 $expected, EGR-07 $expected", "a base backup, sslmode $sslmode");
        $copy->kill_kill;
        wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_replication}, 'the backup is over', $db);
    }
}

# Settings that make it hard to log in come last of these.
sql($node, $db, 'ALTER SYSTEM SET post_auth_delay = 1');
$node->reload;
wait_until($node, q{SELECT reset_val = '1' FROM pg_settings WHERE name = 'post_auth_delay'}, 'the delay is there', $db);
are('CFG-12 fail', 'logins are delayed for a debugger');
sql($node, $db, 'ALTER SYSTEM RESET post_auth_delay');
SKIP:
{
    skip 'db_user_namespace is gone', 1 if $major >= 17;
    sql($node, $db, 'ALTER SYSTEM SET db_user_namespace = on');
    $node->reload;
    my $user = getpwuid($<) . '@';
    wait_for('names of users have a database', sub { return (try_sql($node, $db, 'SELECT 1', user => $user))[0] == 0 });
    are('AUTH-29 fail', 'names of users have a database', user => $user);
    is((try_sql($node, $db, 'ALTER SYSTEM RESET db_user_namespace', user => $user))[0], 0, 'and have none again');
    $node->reload;
    wait_for('names of users are as ever', sub { return (try_sql($node, $db, 'SELECT 1'))[0] == 0 });
}

# A flipped byte of a table, and its end.
my $file = sql($node, $db, q{INSERT INTO t SELECT generate_series(1, 1000); CHECKPOINT; SELECT pg_relation_filepath('t')});
$node->stop;
write_file_at("$dir/$file", 4000, "\xff\xff\xff");
start([]);
isnt((try_sql($node, $db, 'SELECT count(*) FROM t'))[0], 0, 'the page is found to be broken');
wait_until($node, q{SELECT sum(checksum_failures) > 0 FROM pg_stat_database}, 'it is counted', $db);
are('INT-02 fail', 'a checksum does not fit');
sql($node, $db, 'DROP TABLE t; SELECT pg_stat_reset()');
are('INT-02 pass', 'it is gone');

sub write_file_at
{
    my ($name, $position, $bytes) = @_;
    open my $out, '+<:raw', $name or die "cannot write $name: $!";
    seek $out, $position, 0 or die "seek: $!";
    print $out $bytes;
    close $out or die "cannot write $name: $!";
    return;
}

#
# A server without the library, without checksums, without an extension, many years later
#
$node->stop;
run_quiet('pg_checksums', '--disable', '-D', $dir);
my $without = installation_without('pgcrypto');
{
    # How Cluster.pm is told of another installation, but in the life of a node.
    local $node->{_install_path} = $without if defined $without;
    set_clock(20 * 366 * 86400);
    start([ "shared_preload_libraries = ''", 'wal_level = minimal', 'max_wal_senders = 0', 'archive_mode = off' ]);
    are('AUD-01 fail, AUD-02 fail, BKP-06 fail, CFG-01 fail, INT-01 fail', 'no library, no WAL to copy, no checksums, no support');
    are('INT-08 fail', 'no pgcrypto') if defined $without;
    $node->stop;
}

#
# In order
#
set_clock(0);
chmod 0700, $dir or die "chmod: $!";
run_quiet('pg_checksums', '--enable', '-D', $dir);
start([ "shared_preload_libraries = 'hipaa_guard'", 'wal_level = replica', 'archive_mode = on', q{archive_command = 'openssl version'},
    "listen_addresses = ''", sprintf q{unix_socket_directories = '%s'}, $node->host ], CLOCK_FIPS => 1);
are('AUD-01 pass, AUD-02 pass, AUTH-25 pass, BKP-02 pass, BKP-06 pass, INT-01 pass, INT-05 pass, INT-08 pass, LOG-21 pass, TLS-15 pass',
    'all is in order');
like(statuses([qw(AUTH-27)]), $node->host =~ m{^/tmp} ? qr/fail/ : qr/pass/, 'AUTH-27 by where the socket is');
like(statuses([qw(CFG-01)]), qr/pass/, 'the version is supported') if $major > 15 || time < 1826000000;

done_testing();
