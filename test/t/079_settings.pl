# Goal: no route makes a setting weaker for a flagged database: not a statement, not a function, not what a role or database
# was given, not the start-up packet, not ALTER SYSTEM; and none locks anybody out.
# Method: each setting of the table, with its weakest value, by each route that PostgreSQL has for it; what counts is the value that a
# session of the database sees afterwards, and the SQLSTATE where the route is a statement. The same as an ordinary user.
use Guarded;

# Setting, a weaker value, what the session must go on seeing, the SQLSTATE; a strong value that must pass.
my @settings = (
    [ 'hipaa_guard.ddl_policy', 'off', 'PH002', 'reject' ],
    [ 'hipaa_guard.log_policy', 'detect', 'PH002', 'strict' ],
    [ 'hipaa_guard.reject_confidence', '0.95', 'PH002', '0.5' ],
    [ 'hipaa_guard.redact_confidence', '0.9', 'PH002', '0.3' ],
    [ 'hipaa_guard.audit_classes', 'read', 'PH002', 'all, -misc' ],
    [ 'log_min_messages', 'panic', 'PH002', 'warning' ],
    [ 'allow_system_table_mods', 'on', 'PH002', 'off' ],
    [ 'debug_print_parse', 'on', 'PH005', 'off' ],
    [ 'debug_print_rewritten', 'on', 'PH005', 'off' ],
    [ 'debug_print_plan', 'on', 'PH005', 'off' ],
    [ 'log_parser_stats', 'on', 'PH005', 'off' ],
    [ 'log_planner_stats', 'on', 'PH005', 'off' ],
    [ 'log_executor_stats', 'on', 'PH005', 'off' ],
    [ 'log_statement_stats', 'on', 'PH005', 'off' ],
    [ 'session_preload_libraries', 'auto_explain', 'PH005', undef ],
    [ 'local_preload_libraries', 'auto_explain', 'PH005', undef ]);
# Of the server as a whole.
my @system = (
    [ 'shared_preload_libraries', q{''} ], [ 'shared_preload_libraries', q{'pg_stat_statements'} ],
    [ 'shared_preload_libraries', 'DEFAULT' ],
    [ 'hipaa_guard.require_tls', 'off' ], [ 'hipaa_guard.max_idle_session', q{'1h'} ], [ 'hipaa_guard.max_idle_session', '901' ],
    [ 'hipaa_guard.max_idle_in_transaction', q{'6min'} ], [ 'ssl_min_protocol_version', q{'TLSv1'} ],
    [ 'ssl_min_protocol_version', q{'TLSv1.1'} ]);

my $node = new_node('main');
my $user = sql($node, 'postgres', 'SELECT current_user');
sql($node, 'postgres', 'CREATE ROLE helper SUPERUSER LOGIN; CREATE ROLE plain LOGIN');
create_extension($node, 'clinic');
# What was given before the flag.
sql($node, 'postgres', qq{CREATE ROLE early SUPERUSER LOGIN; ALTER ROLE early SET hipaa_guard.log_policy = off;
    ALTER ROLE early SET log_min_messages = panic; ALTER ROLE early SET debug_print_plan = on});
flag($node, 'clinic');

my %strong = map { $_->[0] => sql($node, 'clinic', "SHOW $_->[0]") } @settings;

# The routes of a superuser: name, SQL with %s for setting and quoted value, what undoes it.
my @routes = (
    [ 'SET', 'SET %s = %s' ],
    [ 'SET SESSION', 'SET SESSION %s = %s' ],
    [ 'SET LOCAL', 'BEGIN; SET LOCAL %s = %s' ],
    [ 'set_config', q{SELECT set_config('%s', %s, false)} ],
    [ 'set_config, local', q{BEGIN; SELECT set_config('%s', %s, true)} ],
    [ 'set_config, computed', q{SELECT set_config(lower('%s'), concat(%s), false)} ],
    [ 'pg_settings', q{UPDATE pg_settings SET setting = %2$s WHERE name = '%1$s'} ],
    [ 'DO', q{DO $$ BEGIN PERFORM set_config('%s', %s, false); END $$} ],
    [ 'EXECUTE', q{DO $$ BEGIN EXECUTE $x$SET %s = %s$x$; END $$} ],
    [ 'function', q{CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET %1$s = %2$s AS $$ SELECT current_setting('%1$s') $$} ],
    [ 'ALTER FUNCTION', q{CREATE OR REPLACE FUNCTION pg_temp.g() RETURNS text LANGUAGE sql AS 'SELECT 1::text';
        ALTER FUNCTION pg_temp.g() SET %s = %s} ],
    [ 'ALTER ROLE', "ALTER ROLE $user SET %s = %s" ],
    [ 'ALTER ROLE ALL', 'ALTER ROLE ALL SET %s = %s' ],
    [ 'ALTER ROLE IN DATABASE', "ALTER ROLE $user IN DATABASE clinic SET %s = %s" ],
    [ 'ALTER DATABASE', 'ALTER DATABASE clinic SET %s = %s' ]);
my %after_start = map { $_ => 1 } qw(session_preload_libraries local_preload_libraries);

my @script = ('\set ON_ERROR_STOP off');
for my $setting (@settings)
{
    my ($name, $value) = @$setting;
    for my $route (grep { !$after_start{$name} || $_->[0] =~ /^ALTER (?:ROLE|DATABASE)/ } @routes)
    {
        push @script, "\\warn -- $name by $route->[0]", sprintf("$route->[1];", $name, "'$value'"), "\\echo $name by $route->[0]",
            "SHOW $name;", 'ROLLBACK;';
    }
}
my (undef, $out, $err) = try_sql($node, 'clinic', join "\n", @script, '');
my %error = ('-' => split /^-- (.+)\n/m, $err);
my %shown = map { /^(.+ by .+)\n(?s:.*?)(^.*)\z/m ? ($1 => (split /\n/, $_)[-1]) : () } split /^(?=\S+ by )/m, $out;
for my $setting (@settings)
{
    my ($name, undef, $state) = @$setting;
    for my $route (grep { !$after_start{$name} || $_->[0] =~ /^ALTER (?:ROLE|DATABASE)/ } @routes)
    {
        my $test = "$name by $route->[0]";
        is(sqlstate_of($error{$test} // ''), $state, "$test: refused") or diag($error{$test});
    }
    is(sql($node, 'clinic', "SHOW $name"), $strong{$name}, "$name: as before in a new session");
}
is(sql($node, 'clinic', q{SELECT count(*) FROM pg_db_role_setting WHERE setrole NOT IN (SELECT oid FROM pg_roles
    WHERE rolname = 'early')}), '0', 'nothing was left in pg_db_role_setting');

# What is stronger passes.
for my $setting (grep { defined $_->[3] } @settings)
{
    is((try_sql($node, 'clinic', "SET $setting->[0] = '$setting->[3]'"))[0], 0, "$setting->[0]: $setting->[3] passes");
}

# The start-up packet, PGOPTIONS, and what a role had before: left out, and nobody is locked out.
for my $setting (grep { $_->[0] !~ /preload/ } @settings)
{
    my ($name, $value) = @$setting;
    my ($status, $seen, $message) = try_sql($node, 'clinic', "SHOW $name", env => { PGOPTIONS => "-c $name=$value" });
    ok($status != 0 || $seen eq $strong{$name}, "$name by PGOPTIONS does not count") or diag("$seen $message");
    ($status, $seen, $message) = try_sql($node, 'clinic', "SHOW $name", env => { PGOPTIONS => "-c $name=$value" }, user => 'plain');
    ok($status != 0 || $seen eq $strong{$name}, "$name by PGOPTIONS of an ordinary user does not count") or diag("$seen $message");
}
is((try_sql($node, 'clinic', 'SHOW hipaa_guard.log_policy; SHOW log_min_messages; SHOW debug_print_plan', user => 'early'))[1],
    join("\n", map { $strong{$_} } qw(hipaa_guard.log_policy log_min_messages debug_print_plan)), 'what a role had before counts no more');

# ALTER SYSTEM, from any database.
for my $database ('clinic', 'postgres')
{
    for my $setting (@system)
    {
        my (undef, undef, $message) = try_sql($node, $database, "ALTER SYSTEM SET $setting->[0] = $setting->[1]");
        is(sqlstate_of($message), 'PH002', "ALTER SYSTEM SET $setting->[0] = $setting->[1] in $database");
    }
    my (undef, undef, $message) = try_sql($node, $database, 'ALTER SYSTEM RESET shared_preload_libraries');
    is(sqlstate_of($message), 'PH002', "ALTER SYSTEM RESET shared_preload_libraries in $database");
}
unlike(slurp($node->data_dir . '/postgresql.auto.conf'), qr/^\w/m, 'nothing was written');
(undef, undef, $err) = try_sql($node, 'clinic', q{LOAD 'auto_explain'});
is(sqlstate_of($err), 'PH005', 'LOAD');

# Timers: idle_session_timeout belongs to the user, and lengthens nothing (see 073); a limit of ours cannot be set by anybody.
for my $name (qw(hipaa_guard.max_idle_session hipaa_guard.max_idle_in_transaction hipaa_guard.require_tls hipaa_guard.bulk_rows))
{
    (undef, undef, $err) = try_sql($node, 'clinic', "SET $name = '0'");
    like(sqlstate_of($err), qr{^(?:55P02|PH002)$}, "SET $name: only for the whole server");
}
$node->stop;
done_testing();
