# Goal: reading the trail opens only the segments of the time that is asked for, filters before it makes rows, and shows exactly
# what filtering afterwards would show, to nobody who may not see it. Each event shows its own statement.
# Method: a trail of many small segments with pauses that the test knows; each query once through the scan and once over rows that
# were all made before (the function in the target list, which no scan replaces); EXPLAIN tells what was opened.
use Guarded;

my $node = new_node('scan', "hipaa_guard.audit_unflagged = on", "hipaa_guard.audit_segment_size = '64kB'",
    "hipaa_guard.audit_ring_size = '16MB'", "hipaa_guard.auditor_role = 'auditor'");
create_extension($node, 'postgres');
sql($node, 'postgres', 'CREATE ROLE auditor LOGIN; CREATE ROLE nobody LOGIN; CREATE ROLE alice LOGIN;
    CREATE TABLE visit (id int, note text); CREATE TABLE ward (id int); GRANT ALL ON visit, ward TO alice;
    INSERT INTO visit VALUES (1), (2)');
sql($node, 'postgres', 'CREATE DATABASE other');
my @times;

# Some of everything, enough for several segments.
sub phase
{
    push @times, sql($node, 'postgres', 'SELECT clock_timestamp()');
    sql($node, 'postgres', "SET ROLE alice;\n" . "SELECT id FROM visit WHERE id = 1;\nUPDATE visit SET note = 'x' WHERE id = 2;\n" x 400
        . "SELECT count(*) FROM ward;\nINSERT INTO ward VALUES (1);\n" x 100);
    try_sql($node, 'postgres', 'SELECT 1/(id - 1) FROM visit');
    sql($node, 'other', 'SELECT 1');
    sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
}
phase() for 1 .. 4;
push @times, sql($node, 'postgres', 'SELECT clock_timestamp()');

sub explained
{
    my ($query) = @_;
    return sql($node, 'postgres', "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $query");
}

sub opened { my ($plan) = @_; return $plan =~ /Segments Read: (\d+)/ ? $1 : "no scan: $plan" }

# Only the segments of the time.
my $all = opened(explained('SELECT count(*) FROM hipaa_guard.audit_log'));
cmp_ok($all, '>=', 8, "the trail has $all segments");
my $late = opened(explained("SELECT count(*) FROM hipaa_guard.audit_log WHERE recorded_at >= '$times[3]'"));
cmp_ok($late, '<=', $all / 2, 'the last quarter of the time needs less than half of them');
is(opened(explained("SELECT count(*) FROM hipaa_guard.audit_read('$times[3]', NULL)")), $late, 'by the arguments of audit_read(), too');
my $plan = explained("SELECT count(*) FROM hipaa_guard.audit_log
    WHERE recorded_at BETWEEN '$times[0]'::timestamptz - interval '2 hours' AND '$times[0]'::timestamptz - interval '1 hour'");
is(opened($plan), 0, 'an hour before the trail began needs none');
like($plan, qr/Segments Passed Over: $all/, 'all of them were passed over');
like(explained("SELECT * FROM hipaa_guard.audit_log WHERE class = 'read' AND current_user_name = 'alice' AND object_name IN ('visit')"),
    qr/Filtered Early: class, current_user_name, object_name/, 'class, role and object are looked at before a row is made');

# What is looked at early, the executor has nothing left to refuse of; a condition that is not shows how it would look else.
my $refused = qr/Rows Removed by Filter: [1-9]/;
for my $condition ("class = 'read'", "'write' = class", "class IN ('ddl', 'role')", "outcome = 'failure'",
    "outcome IN ('refused', 'failure')", "object_name = 'visit'", "object_name IN ('visit', 'none')", "schema_name = 'public'",
    "object_type = 'table'", "current_user_name = 'alice'", "session_user_name = 'nobody'", "database_name = 'other'",
    "command_tag = 'INSERT'", "statement = 'SELECT id FROM visit WHERE id = \$?'", "application_name = 'none'",
    'phi', "recorded_at >= '$times[1]'", "recorded_at < '$times[1]'", "'$times[2]' > recorded_at",
    "class = 'write' AND current_user_name = 'alice' AND object_name = 'ward' AND recorded_at >= '$times[2]'")
{
    unlike(explained("SELECT * FROM hipaa_guard.audit_log WHERE $condition"), $refused, "no row is made in vain: $condition");
}
like(explained("SELECT * FROM hipaa_guard.audit_log WHERE $_"), $refused, "it would be told: $_") for 'seq % 7 = 3', "class LIKE 'r%'";

# The same rows, whatever the condition.
my @conditions = ('true', "class = 'read'", "'write' = class", "class IN ('ddl', 'role')", "class = ANY (ARRAY['read', NULL])",
    "class = 'no such class'", "class = NULL", "class IN ('read', 'write') AND class <> 'read'", "outcome = 'failure'",
    "outcome IN ('failure', 'success')", "object_name = 'visit'", "object_name IN ('visit', 'ward') AND class = 'write'",
    "object_name IS NULL", "schema_name = 'public' OR class = 'auth'", "current_user_name = 'alice'", "session_user_name = 'alice'",
    "database_name = 'other'", "command_tag = 'INSERT' AND object_type = 'table'", "statement = 'SELECT id FROM visit WHERE id = \$?'",
    "statement LIKE 'INSERT%'", 'phi', 'NOT phi', 'phi IS NOT TRUE', "recorded_at >= '$times[1]'",
    "recorded_at > '$times[1]' AND recorded_at <= '$times[2]'", "'$times[2]' > recorded_at AND '$times[1]' <= recorded_at",
    "recorded_at BETWEEN '$times[2]' AND '$times[3]' AND class = 'read' AND object_name = 'visit'",
    "recorded_at < 'infinity' AND recorded_at > '-infinity'", "recorded_at <= 'infinity'", "recorded_at < NULL",
    "sqlstate = '22012'", "rows = 1 AND duration_ms >= 0", "'id' = ANY (columns)", "application_name = '058_audit_scan.pl'", "seq % 7 = 3");
my $digest = 'count(*), md5(string_agg(l::text, chr(10) ORDER BY seq))';
my $upto = sql($node, 'postgres', 'SELECT max(seq) FROM hipaa_guard.audit_log');
for my $condition (@conditions)
{
    my $scanned = sql($node, 'postgres', "SELECT $digest FROM hipaa_guard.audit_log l WHERE ($condition) AND seq <= $upto");
    my $after = sql($node, 'postgres', "SELECT $digest FROM (SELECT (hipaa_guard.audit_read(NULL, NULL)).* OFFSET 0) l
        WHERE ($condition) AND seq <= $upto");
    is($scanned, $after, "the same rows: $condition");
}
# Each column by itself, with a condition on another one: only what is asked for is made.
for my $column (split /,/, sql($node, 'postgres', "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = 'hipaa_guard.audit_log'::regclass AND attnum > 0"))
{
    for my $condition ("outcome = 'success'", "current_user_name = 'alice' AND object_name = 'visit'")
    {
        my $from = sprintf "SELECT count(*), md5(string_agg(coalesce(%s::text, 'none'), chr(10) ORDER BY %s::text)) FROM %%s
            WHERE $condition AND seq <= $upto", $column, $column;
        is(sql($node, 'postgres', sprintf $from, 'hipaa_guard.audit_log l'), sql($node, 'postgres', sprintf $from,
            '(SELECT (hipaa_guard.audit_read(NULL, NULL)).* OFFSET 0) l'), "column $column alone where $condition");
    }
}
is(sql($node, 'postgres', "PREPARE p (text, timestamptz) AS SELECT count(*) FROM hipaa_guard.audit_log
    WHERE object_name = \$1 AND recorded_at < \$2 AND class = 'write'; SET plan_cache_mode = force_generic_plan;
    EXECUTE p ('ward', '$times[4]'); EXECUTE p ('visit', '$times[4]'); EXECUTE p (NULL, '$times[4]')"), "400\n1601\n0",
    'values of parameters are looked at early as well');
is(sql($node, 'postgres', "SET enable_material = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SELECT string_agg(c.n::text, ',') FROM (VALUES ('ward'), ('visit'), ('none')) v (name),
    LATERAL (SELECT count(*) n FROM hipaa_guard.audit_log
        WHERE object_name = v.name AND class = 'write' AND seq <= $upto) c"), '400,1601,0', 'the scan can be run again within a query');
is(sql($node, 'postgres', "SELECT count(*) FROM (VALUES (1)) v (x) LEFT JOIN hipaa_guard.audit_log l ON l.class = 'no such'"), 1,
    'on the inner side of an outer join');
is(sql($node, 'postgres', "SELECT (s.l).class FROM (SELECT l FROM hipaa_guard.audit_log l WHERE class = 'ddl' LIMIT 1) s (l)"), 'ddl',
    'and as a whole row');

# Who may read, and that it is told.
my ($status, $out, $err) = try_sql($node, 'postgres', 'SET ROLE nobody; SELECT count(*) FROM hipaa_guard.audit_log');
isnt($status, 0, 'nobody else may read');
like($err, qr/42501/, 'by SQLSTATE');
sql($node, 'postgres', 'GRANT USAGE ON SCHEMA hipaa_guard TO nobody, auditor; GRANT SELECT ON hipaa_guard.audit_log TO nobody, auditor;
    GRANT EXECUTE ON FUNCTION hipaa_guard.audit_read TO nobody, auditor');
($status, $out, $err) = try_sql($node, 'postgres', 'SET ROLE nobody; SELECT count(*) FROM hipaa_guard.audit_log');
like($err, qr/42501.*permission denied to read the audit trail/s, 'not even where the view was granted');
is(sql($node, 'postgres', "SET ROLE auditor; SELECT count(*) FILTER (WHERE database_name = 'other' AND class <> 'auth'),
    count(*) FILTER (WHERE object_name = 'ward') > 0 FROM hipaa_guard.audit_log"), '0|t', 'an auditor sees the own database only');
($status, $out, $err) = try_sql($node, 'postgres', 'REVOKE EXECUTE ON FUNCTION hipaa_guard.audit_read FROM auditor, PUBLIC;
    SET ROLE auditor; SELECT count(*) FROM hipaa_guard.audit_read(NULL, NULL)');
like($err, qr/42501.*permission denied for function audit_read/s, 'who may not execute the function may not scan');
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');
cmp_ok(sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log
    WHERE object_name = 'audit_read' AND command_tag = 'EXECUTE'"), '>', scalar @conditions, 'reading is an event');

# More statements than the session remembers, nested in one that is remembered: each keeps its own text.
sql($node, 'postgres', q{CREATE PROCEDURE many() LANGUAGE plpgsql AS $$BEGIN
    FOR i IN 1 .. 300 LOOP EXECUTE format('SELECT count(*) AS c%s FROM ward', i); END LOOP; END$$});
sql($node, 'postgres', "CALL many();\n" x 4 . 'SELECT hipaa_guard.audit_flush();');
is(sql($node, 'postgres', "SELECT count(*), count(DISTINCT statement), min(n), max(n) FROM (SELECT statement, count(*) n
    FROM hipaa_guard.audit_log WHERE class = 'read' AND statement ~ '^SELECT count\\(\\*\\) AS c[0-9]+ FROM ward\$' GROUP BY 1) s"),
    '300|300|4|4', 'every nested statement shows its own text each time');
is(sql($node, 'postgres', "SELECT string_agg(DISTINCT statement, '|') FROM hipaa_guard.audit_log WHERE command_tag = 'CALL'"),
    'CALL many()', 'and so does the one that called them');

# Reading goes on while segments are begun: what was there is shown once, and nobody calls a frame damaged that is being written.
my $reader = talk($node->connstr('postgres'));
$upto = sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush(); SELECT max(seq) FROM hipaa_guard.audit_log') =~ s/.*\n//sr;
$reader->("BEGIN; DECLARE c CURSOR FOR SELECT seq FROM hipaa_guard.audit_log");
my @before = split /\n/, $reader->('FETCH 10 FROM c');
my $files = () = glob $node->data_dir . '/hipaa_guard/audit/*.hga';
phase() for 1 .. 2;
cmp_ok(scalar(() = glob $node->data_dir . '/hipaa_guard/audit/*.hga'), '>', $files, 'segments were begun meanwhile');
my @seen = (@before, split /\n/, $reader->('FETCH ALL FROM c'));
$reader->();
my %seen = map { $_ => 1 } @seen;
is(scalar keys %seen, scalar @seen, 'a scan during which segments are begun shows nothing twice');
is(scalar(grep { !$seen{$_} } 1 .. $upto), 0, "and all $upto events that were there");
my $writer = sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush(); SELECT writer_pid FROM hipaa_guard.stat_audit') =~ s/.*\n//sr;
kill 'STOP', $writer;
my $last = (sort glob $node->data_dir . '/hipaa_guard/audit/*.hga')[-1];
my $content = slurp($last);
for my $bytes (1, 143, 144, 200)
{
    # The beginning of a frame, as it is seen by who reads while it is written.
    open my $tail, '>>:raw', $last or die $!;
    print $tail substr($content, 256, $bytes);
    close $tail or die $!;
    my (undef, $rows, $told) = try_sql($node, 'postgres', 'SELECT max(seq) - count(*) FROM hipaa_guard.audit_log');
    is("$rows $told", '0 ', "a frame of which $bytes bytes are written is not read, and nothing is said of it");
    truncate $last, length $content or die $!;
}
kill 'CONT', $writer;
sql($node, 'postgres', 'SELECT hipaa_guard.audit_flush()');

# Damage on the way is told with its place, and the rest is read.
my @segments = sort glob $node->data_dir . '/hipaa_guard/audit/*.hga';
my $behind = "SELECT count(*), min(seq), max(seq) FROM hipaa_guard.audit_log WHERE seq <= $upto AND recorded_at >= '$times[2]'";
my $intact = sql($node, 'postgres', $behind);
my $all_events = sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE seq <= $upto");
open my $file, '+<', $segments[2] or die $!;
seek $file, 30000, 0 or die $!;
print $file "\xFF" x 64;
close $file or die $!;
($status, $out, $err) = try_sql($node, 'postgres', "SELECT count(*) FROM hipaa_guard.audit_log WHERE seq <= $upto");
is($status, 0, 'a damaged segment does not end the scan');
like($err, qr/WARNING.*audit segment "[^"]+" is damaged at byte \d+/, 'it is told with its place');
my ($name, $byte) = $err =~ /audit segment "([^"]+)" is damaged at byte (\d+)/;
is($segments[2] =~ s{.*/}{}r, $name, 'it is the segment that was damaged');
cmp_ok($byte, '<=', 30000, 'and its frame');
my ($first, $next) = map { unpack 'x64 Q', slurp($_) } @segments[ 2, 3 ];
my $lost = $all_events - $out;
ok($lost > 0 && $lost < $next - $first, "$lost of the segment's @{[ $next - $first ]} events are not read");
($status, $out) = try_sql($node, 'postgres', "SELECT max(seq) FROM hipaa_guard.audit_log WHERE seq < $next");
is($out, $next - 1, 'those behind the damage are');
($status, $out, $err) = try_sql($node, 'postgres', $behind);
is("$out $err", "$intact ", 'a search that needs no damaged segment is complete, and says nothing');
$node->stop;
done_testing();
