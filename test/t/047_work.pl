# Goal: what a database has to do every day goes through unhindered where both sides are flagged: logical replication,
# autovacuum, VACUUM FULL, REINDEX, settings of the server, a dump and its restore by several jobs; also where findings stand
# from before the flag, which are no reason to refuse that.
# Method: two clusters with a flagged database each. The first holds a table whose name, comment, default, check and index
# predicate are findings that nothing allows any more. (Updates of the extension: test/t/075_update.pl.)
use lib 'test/lib';
use Guarded;

my $value = '123-45-6789';
my $name = 'jane_123_45_6789';
my $first = new_node('first', 'wal_level = logical', 'max_wal_senders = 10', "log_statement = 'none'", 'autovacuum = on',
    'autovacuum_naptime = 1s', 'autovacuum_vacuum_threshold = 10', 'autovacuum_analyze_threshold = 10');
my $second = new_node('second', "log_statement = 'none'");
my $work = PostgreSQL::Test::Utils::tempdir();

create_extension($first, 'clinic');
sql($first, 'clinic', qq{CREATE TABLE $name (id int PRIMARY KEY, a text DEFAULT '$value' CHECK (a <> '078-05-1120'));
    CREATE INDEX ${name}_i ON $name (a) WHERE a <> '$value'; COMMENT ON TABLE $name IS 'of $value';
    CREATE MATERIALIZED VIEW ${name}_v AS SELECT * FROM $name WHERE a <> '$value'; CREATE UNIQUE INDEX ON ${name}_v (id);
    CREATE TABLE ${name}_parts (id int, at date) PARTITION BY RANGE (at);
    INSERT INTO $name SELECT i, 'row ' || i FROM generate_series(1, 1000) i;
    SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, NULL);
    SELECT hipaa_guard.enable('BAA-1', acknowledge_findings => true)});
wait_until($first, 'SELECT hipaa FROM hipaa_guard.project', 'the database is flagged', 'clinic');
sql($first, 'clinic', 'SELECT hipaa_guard.disallow_text(id) FROM hipaa_guard.allowed WHERE in_force');
flag($second, 'clinic');

sub passes
{
    my ($sql, $node) = @_;
    my ($status, undef, $err) = try_sql($node // $first, 'clinic', "SET client_min_messages = warning; $sql");
    return is("$status $err", '0 ', "passes: " . ($sql =~ s/\Q$name\E/x/gr));
}

# Maintenance.
passes($_) for ('VACUUM FULL', 'VACUUM (ANALYZE, FREEZE)', 'REINDEX SYSTEM clinic', 'REINDEX DATABASE clinic',
    "REINDEX TABLE CONCURRENTLY $name", "REINDEX INDEX CONCURRENTLY ${name}_i", "CLUSTER $name USING ${name}_pkey",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY ${name}_v", "TRUNCATE ${name}_parts",
    "ALTER TABLE $name SET (autovacuum_vacuum_threshold = 5)",
    "ALTER TABLE ${name}_parts ALTER id TYPE bigint", "ALTER TABLE $name ADD COLUMN b int DEFAULT 1",
    "CREATE INDEX CONCURRENTLY plain ON $name (b)", "ALTER INDEX ${name}_i RENAME TO renamed", "ALTER TABLE $name CLUSTER ON ${name}_pkey",
    "GRANT SELECT ON $name TO pg_monitor", "ALTER TABLE $name OWNER TO CURRENT_USER", "ALTER TABLE $name ALTER b SET STATISTICS 10",
    "CREATE STATISTICS plain_statistics ON a, b FROM $name");
sql($first, 'clinic', "UPDATE $name SET a = a || '.'");
wait_until($first, "SELECT autovacuum_count > 0 AND autoanalyze_count > 0 FROM pg_stat_user_tables WHERE relname = '$name'",
    'autovacuum came', 'clinic');
ok(1, 'autovacuum and autoanalyze come');

# Settings of a server, some with addresses and paths in them.
my @settings = (work_mem => '5MB', statement_timeout => '1h', autovacuum_naptime => '2s', listen_addresses => '127.0.0.1, 10.20.30.40',
    archive_command => 'rsync %p backup@10.20.30.40:/archive/2026-01-01/%f', cluster_name => 'ward_7_primary',
    log_min_duration_statement => '250ms',
    primary_conninfo => 'host=10.20.30.41 port=5432 user=replicator', synchronous_standby_names => 'FIRST 1 (site_b, site_c)',
    search_path => '"$user", public', default_text_search_config => 'pg_catalog.english', temp_tablespaces => '');
while (my ($setting, $to) = splice @settings, 0, 2)
{
    $to = "'$to'" if $setting ne 'search_path';
    passes("ALTER SYSTEM SET $setting = $to; ALTER SYSTEM RESET $setting");
}

# Logical replication: rows that were there, rows that come, a table that joins later.
sql($first, 'clinic', qq{CREATE TABLE patients (id int PRIMARY KEY, ssn text, note text);
    INSERT INTO patients SELECT i, '$value', 'call 212-555-0187' FROM generate_series(1, 1000) i;
    CREATE PUBLICATION all_patients FOR TABLE patients});
sql($second, 'clinic', q{CREATE TABLE patients (id int PRIMARY KEY, ssn text, note text);
    CREATE TABLE visits (id int PRIMARY KEY, note text)});
my $from = $first->connstr('clinic') . ' user=postgres';
passes("CREATE SUBSCRIPTION all_patients CONNECTION '" . ($from =~ s/'/''/gr) . q{' PUBLICATION all_patients}, $second);
wait_until($second, 'SELECT count(*) = 1000 FROM patients', 'the initial rows are there', 'clinic');
sql($first, 'clinic', qq{INSERT INTO patients VALUES (1001, '$value', 'new'); UPDATE patients SET note = 'of $value' WHERE id = 1;
    DELETE FROM patients WHERE id = 2; CREATE TABLE visits (id int PRIMARY KEY, note text); INSERT INTO visits VALUES (1, '$value');
    ALTER PUBLICATION all_patients ADD TABLE visits});
passes('ALTER SUBSCRIPTION all_patients REFRESH PUBLICATION', $second);

sub rows
{
    my ($node) = @_;
    return sql($node, 'clinic', q{SELECT md5(string_agg(p::text, ' ' ORDER BY id)) FROM patients p
        UNION ALL SELECT md5(string_agg(v::text, ' ')) FROM visits v});
}
my $wanted = rows($first);
wait_for('both have the same rows', sub { return rows($second) eq $wanted });
ok(1, 'logical replication: initial rows, changes, and a table that joined later');
is(sql($second, 'clinic', 'SELECT subenabled FROM pg_subscription'), 't', '... the subscription is enabled');
passes('DROP SUBSCRIPTION all_patients', $second);
unlike(log_of($_), qr/\Q$value\E|212-555|123_45_6789/, 'the log of the ' . $_->name . ' holds no value')
    for $first, $second;

# A dump of the tables that are fine, restored beside a flag by several jobs: each row arrives.
my ($out, $err) = ('', '');
my $dumped = IPC::Run::run([ 'pg_dump', '-Fd', '-j', '2', '-f', "$work/dump", '-n', 'public', '-T', "$name*", '-d',
        $first->connstr('clinic') ], '2>', \$err);
ok($dumped, 'pg_dump -j') or diag($err);
flag($second, 'copy');
sql($second, 'copy', 'DROP SCHEMA public');
my $restored = IPC::Run::run([ 'pg_restore', '-j', '4', '--no-publications', '-d', $second->connstr('copy'), "$work/dump" ], '2>', \$err);
ok($restored, 'pg_restore -j') or diag($err);
is(sql($second, 'copy', 'SELECT count(*) FROM patients'), '1000', '... brings all rows');
is(sql($second, 'copy', 'SELECT count(*) FROM hipaa_guard.scan_catalog()'), '0', '... and no finding');
$_->stop for $first, $second;
done_testing();
