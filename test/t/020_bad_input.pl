# Goal: bad input of every kind gets a clear error or keeps working: never a crash, never a value in the log.
# Method: one server with the library and one without; odd encodings, invalid bytes, names of 63 bytes, a statement of
# 100 MB, versions of SQL and library that differ, directories that cannot be written.
use Guarded;

# --- not preloaded: said so, with what to do, and nothing else happens
my $bare = new_node('bare', "shared_preload_libraries = ''");
my ($status, $out, $err) = try_sql($bare, 'postgres', 'CREATE EXTENSION hipaa_guard');
isnt($status, 0, 'CREATE EXTENSION fails without the library preloaded');
is(sqlstate_of($err), '55000', 'with a SQLSTATE of its own');
like($err, qr/HINT:.*shared_preload_libraries/, 'and a hint that names the setting');
is(sql($bare, 'postgres', 'SELECT 1'), '1', 'the server goes on');
$bare->stop;

my $node = new_node('main', "hipaa_guard.ddl_policy = 'reject'", "hipaa_guard.log_policy = 'strict'", 'log_statement = all',
    'max_stack_depth = 2MB');

# --- encodings: an invalid byte is no way around the detector, nor a crash
for my $encoding (qw(SQL_ASCII LATIN1 EUC_JP UTF8))
{
    my $db = 'db_' . lc $encoding;
    sql($node, 'postgres', qq{CREATE DATABASE $db ENCODING '$encoding' LOCALE 'C' TEMPLATE template0; });
    sql($node, $db, 'CREATE EXTENSION hipaa_guard');
    ($status, $out, $err) = try_sql($node, $db, 'CREATE TABLE john_smith_123_45_6789 (a int)');
    is(sqlstate_of($err), 'PH001', "$encoding: PHI in a name is refused");
    sql($node, $db, 'CREATE TABLE visits (ssn text, date_of_birth date, mrn text, patient_name text)');
    is(sql($node, $db, q{SELECT category FROM hipaa_guard.scan_text('ssn 123-45-6789')}), 'ssn', "$encoding: the detector works");
}
my $bytes = sql($node, 'db_sql_ascii', q{SELECT category, start_position FROM hipaa_guard.scan_text(E'\xff\xfe\x80 ssn 123-45-6789 \xc3')});
is($bytes, 'ssn|9', 'invalid bytes count as one character each');
($status, $out, $err) = try_sql($node, 'db_sql_ascii', q{COMMENT ON TABLE visits IS E'\xff\xc3 ssn 123-45-6789'});
is(sqlstate_of($err), 'PH001', 'a comment with invalid bytes and PHI is refused');
($status, $out, $err) = try_sql($node, 'db_utf8', q{SELECT E'\xff\xfe 123-45-6789'});
is(sqlstate_of($err), '22021', 'invalid UTF-8 is an error of the server as ever');

# --- names as long as they can be
my $long = ('v' x 40) . '_john_smith_1234567890';
($status, $out, $err) = try_sql($node, 'db_utf8', qq{CREATE TABLE "$long" (a int)});
is(sqlstate_of($err), 'PH001', 'a name of 62 bytes with PHI at its end is refused');
sql($node, 'db_utf8', 'CREATE TABLE "' . ('v' x 63) . '" ("' . ('w' x 63) . '" int)');
is(sql($node, 'db_utf8', q{SELECT count(*) FROM pg_class WHERE relname = repeat('v', 63)}), '1', 'a name of 63 bytes passes');

# --- a statement of 100 MB
my $huge = sql($node, 'db_utf8', q{SELECT length('} . ('canary 123-45-6789 ' x 5_300_000) . q{')});
is($huge, '100700000', 'a statement of 100 MB works');
unlike(log_of($node), qr/123-45-6789/, 'and the log has none of it');

# --- SQL and library of different versions: never a reason not to start
sql($node, 'db_utf8', q{UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'hipaa_guard'});
$node->restart;
is(sql($node, 'db_utf8', 'SELECT hipaa_guard.library_version()'), '1.0', 'older SQL under a newer library works');
sql($node, 'db_utf8', q{UPDATE pg_extension SET extversion = '9.9' WHERE extname = 'hipaa_guard'});
$node->restart;
is(sql($node, 'db_utf8', 'SELECT count(*) FROM hipaa_guard.project'), '1', 'newer SQL under an older library works');

# --- directories that cannot be written: the server starts and works, and says so
my $locked = $node->data_dir . '/locked';
mkdir $locked, 0500 or die "cannot make $locked: $!";
$node->append_conf('postgresql.conf', "hipaa_guard.audit_directory = '$locked/audit'");
$node->restart;
is(sql($node, 'db_utf8', 'SELECT count(*) FROM visits'), '0', 'an audit directory that cannot be written stops nothing');
$node->append_conf('postgresql.conf', "hipaa_guard.state_directory = '$locked/state'");
$node->restart;
is(sql($node, 'db_utf8', 'SELECT count(*) FROM visits'), '0', 'nor does a state directory');
like(log_of($node), qr/hipaa_guard/, 'the log tells of it');
$node->stop;

done_testing();
