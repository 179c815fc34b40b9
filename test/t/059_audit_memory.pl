# Goal: auditing takes no more memory the longer a session lasts and the longer the writer runs.
# Method: one session runs thousands of different statements, one of them in each of many shapes, again and again; the anonymous
# memory of its process and of the writer, as Linux tells it, and the extension's memory contexts, after the caches have filled
# and after five times as much.
use Guarded;

plan skip_all => 'no /proc/self/status that tells RssAnon' if !-r '/proc/self/status' || slurp('/proc/self/status') !~ /^RssAnon:/m;
my $node = new_node('memory', "hipaa_guard.audit_unflagged = on", "hipaa_guard.audit_ring_size = '64MB'");
create_extension($node, 'postgres');
# 3,000 texts, 30 sets of columns, each time in a subtransaction, and every tenth fails.
my $columns = join ', ', map { "c$_ int" } 1 .. 30;
sql($node, 'postgres', "CREATE TABLE wide ($columns);" . q{
    CREATE FUNCTION anonymous_kb(pid int) RETURNS int LANGUAGE sql
        AS $$SELECT substring(pg_read_file('/proc/' || pid || '/status') FROM 'RssAnon:\s+(\d+)')::int$$;
    CREATE PROCEDURE batch() LANGUAGE plpgsql AS $$BEGIN
        FOR i IN 1 .. 3000 LOOP
            BEGIN
                EXECUTE format('SELECT count(c%s) AS n%s, 1 / %s FROM wide', i % 30 + 1, i,
                    CASE WHEN i % 10 = 0 THEN 'count(*)' ELSE '1' END);
            EXCEPTION WHEN division_by_zero THEN NULL;
            END;
        END LOOP; END$$;});
my $measure = q{SELECT hipaa_guard.audit_flush();
    SELECT 'measured ' || anonymous_kb(pg_backend_pid()) || ' ' || anonymous_kb((SELECT writer_pid FROM hipaa_guard.stat_audit)) || ' '
        || (SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts WHERE name LIKE 'hipaa_guard%')::int;};
my $out = sql($node, 'postgres', "CALL batch(); CALL batch(); $measure CALL batch(); $measure" . ('CALL batch(); ' x 5) . $measure);
my @measured = $out =~ /^measured (\d+) (\d+) (\d+)$/mg;
is(scalar @measured, 9, 'three measures of three things') or BAIL_OUT($out);
my ($backend, $writer, $contexts) = map { $measured[6 + $_] - $measured[3 + $_] } 0 .. 2;
note "in kB: @measured";
cmp_ok($backend, '<', 1024, "15,000 statements more took $backend kB more in the session");
cmp_ok($writer, '<', 1024, "and $writer kB more in the writer");
cmp_ok($contexts, '<=', 0, "the extension's memory contexts did not grow");
is(sql($node, 'postgres', "SELECT count(*) FILTER (WHERE outcome = 'success'), count(*) FILTER (WHERE outcome = 'failure')
    FROM hipaa_guard.audit_log WHERE class = 'read' AND object_name = 'wide'"), '21600|2400', 'all of them are in the trail');
is(sql($node, 'postgres', 'SELECT dropped FROM hipaa_guard.stat_audit'), '0', 'nothing was dropped');
$node->stop;
done_testing();
