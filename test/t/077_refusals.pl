# Goal: no statement of a superuser takes the flag, the extension's objects or their rows away from a flagged database, nor the
# database itself; each refusal is recorded, and the state is whole after each.
# Method: test/refusals.tsv, row by row, in sessions of a superuser who owns the extension; and by logical replication.
# Expected is an SQLSTATE; refused: any error; passes: none; any: whatever it answers. After each row the state, the label and the
# number of objects are looked at.
use Guarded;

my $top = -e 'test/refusals.tsv' ? '.' : '../..';
my $node = new_node('main', "wal_level = logical\nmax_wal_senders = 5");
sql($node, 'postgres', 'CREATE ROLE maker SUPERUSER LOGIN; CREATE ROLE owner_of_clinic; CREATE DATABASE clinic OWNER maker');
sql($node, 'clinic', 'SET SESSION AUTHORIZATION maker; CREATE EXTENSION hipaa_guard; CREATE TABLE other (a int);
    CREATE FUNCTION evt() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$');
flag($node, 'clinic');

my $state = q{SELECT format('%s %s %s %s', p.state, p.integrity, p.baa_reference, (SELECT count(*) FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'hipaa_guard')))
    FROM hipaa_guard.project p};
my $whole = sql($node, 'clinic', $state);
like($whole, qr/^on ok BAA-1 \d+$/, 'the state at the beginning');

my @rows = map { chomp; [ split /\t/, $_, 5 ] } split /^/m, slurp("$top/test/refusals.tsv");
is(join(' ', @{ shift @rows }), 'route database before statement expected', 'the columns of the table');

# All rows of one database go through one session; a marker tells their messages apart.
my %errors;
for my $database ('clinic', 'postgres')
{
    my @script = ('\set ON_ERROR_STOP off');
    for my $i (grep { $rows[$_][1] eq $database } 0 .. $#rows)
    {
        my (undef, undef, $before, $statement) = @{ $rows[$i] };
        push @script, "\\warn -- $i";
        # What a row leaves behind is rolled back, but for what cannot be in a transaction.
        my $alone = $statement =~ /\b(?:drop|alter) database\b/;
        push @script, ($alone ? () : 'BEGIN;'), ($before ? "$before;" : ()), "$statement;", ($alone ? () : 'ROLLBACK;');
        push @script, 'RESET ROLE;', 'RESET session_replication_role;', "\\warn -- state", ($database eq 'clinic' ? "$state;" : ());
    }
    my (undef, $out, $err) = try_sql($node, $database, join "\n", @script, '');
    my %part = ('-' => split /^-- (\d+)\n/m, $err);
    $errors{$_} = $part{$_} for grep { /^\d+$/ } keys %part;
    if ($database eq 'clinic')
    {
        my @states = split /\n/, $out;
        is(scalar(grep { /^on / } @states), scalar(grep { $_->[1] eq 'clinic' } @rows), 'the state is told after each row');
        is(join("\n", grep { $_ ne $whole && /^(?:on|off|restoring) / } @states), '', 'and is the same after each');
    }
    is(sql($node, 'clinic', $state), $whole, "the state after all rows in $database");
}

# With the glass broken these catalogs stay out of reach, since their change would blind the guard.
my @catalogs = grep { $_->[0] eq 'catalogs' && $_->[4] eq 'PH002' && $_->[3] !~ /^set/ } @rows;
my (undef, undef, $broken) = try_sql($node, 'clinic', join "\n", '\set ON_ERROR_STOP off', q{SELECT hipaa_guard.break_glass('drill');},
    map { ("\\warn -- $_", 'BEGIN;', "$catalogs[$_][3];", 'ROLLBACK;') } 0 .. $#catalogs);
my %broken = ('-' => split /^-- (\d+)\n/m, $broken);
like($broken{$_} // '', qr/ERROR:\s+PH003:/, "with the glass broken: $catalogs[$_][3]") for 0 .. $#catalogs;
is(sql($node, 'clinic', $state), $whole, 'the state after that');

my $refused = 0;
for my $i (0 .. $#rows)
{
    my ($route, $database, undef, $statement, $expected) = @{ $rows[$i] };
    my $name = "$route in $database: $statement";
    my ($error) = ($errors{$i} // 'not run') =~ /^(ERROR:\s+\w+)/m;
    $refused++ if $expected =~ /^PH/;
    if ($expected eq 'passes') { is($error // '', '', $name); }
    elsif ($expected eq 'refused') { like($error // '', qr/^ERROR/, $name); }
    elsif ($expected ne 'any') { like($error // $errors{$i} // '', qr/^ERROR:\s+$expected$/, $name); }
}
wait_until($node, qq{SELECT count(*) >= $refused FROM hipaa_guard.audit_log WHERE outcome = 'refused' AND sqlstate LIKE 'PH%'},
    'each refusal is in the trail', 'clinic');
wait_until($node, q{SELECT count(*) > 0 FROM hipaa_guard.audit_log WHERE class = 'config' AND object_name = 'session_replication_role'},
    'session_replication_role is recorded', 'clinic');
wait_until($node, q{SELECT count(*) > 0 FROM hipaa_guard.audit_log WHERE class = 'ddl' AND command_tag = 'ALTER TABLE'
    AND object_name = 'other'}, 'triggers that are switched off are recorded', 'clinic');

# A publisher with tables of the same names. What comes after the changes of ours arrives, so those have been applied.
sql($node, 'postgres', 'CREATE DATABASE publisher');
sql($node, 'publisher', q{CREATE SCHEMA hipaa_guard; CREATE TABLE other (a int PRIMARY KEY);
    CREATE TABLE hipaa_guard.flag (only_one boolean PRIMARY KEY, approver text);
    CREATE TABLE hipaa_guard.baa (id bigint PRIMARY KEY);
    CREATE TABLE hipaa_guard.approver_member (member text PRIMARY KEY, since timestamptz);
    INSERT INTO hipaa_guard.flag VALUES (true, 'maker'); INSERT INTO hipaa_guard.baa VALUES (1);
    INSERT INTO hipaa_guard.approver_member VALUES ('copied', '-infinity');
    CREATE PUBLICATION everything FOR ALL TABLES});
sql($node, 'publisher', q{SELECT pg_create_logical_replication_slot('everything', 'pgoutput')});
sql($node, 'clinic', sprintf q{CREATE SUBSCRIPTION everything CONNECTION %s PUBLICATION everything
    WITH (create_slot = false, slot_name = 'everything')}, q{$$} . $node->connstr('publisher') . q{$$});
wait_until($node, q{SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel}, 'the tables are copied', 'clinic');
sql($node, 'publisher', q{UPDATE hipaa_guard.flag SET approver = 'maker'; DELETE FROM hipaa_guard.flag;
    DELETE FROM hipaa_guard.baa; INSERT INTO hipaa_guard.approver_member VALUES ('maker', '-infinity'); INSERT INTO other VALUES (7)});
wait_until($node, q{SELECT count(*) = 1 FROM other WHERE a = 7}, 'rows of others arrive', 'clinic');
is(sql($node, 'clinic', $state), $whole, 'the state after that');
is(sql($node, 'clinic', q{SELECT count(*) FROM hipaa_guard.flag WHERE approver IS DISTINCT FROM 'maker'}), '1',
    'the row of the flag is as it was');
is(sql($node, 'clinic', q{SELECT count(*) FROM hipaa_guard.approver_member
    WHERE since = '-infinity' AND member IN ('copied', 'maker')}), '0', 'nobody became an approver');
wait_until($node, q{SELECT count(*) >= 5 FROM hipaa_guard.audit_log WHERE outcome = 'refused' AND command_tag = 'REPLICATION'},
    'what was left out is in the trail', 'clinic');
sql($node, 'publisher', 'TRUNCATE hipaa_guard.baa');
wait_until($node, q{SELECT count(*) > 0 FROM hipaa_guard.audit_log WHERE outcome = 'refused' AND command_tag = 'TRUNCATE'
    AND object_name = 'baa'}, 'a TRUNCATE is refused', 'clinic');
is(sql($node, 'clinic', $state), $whole, 'the state at the end');
sql($node, 'clinic', 'ALTER SUBSCRIPTION everything DISABLE');
$node->stop;
done_testing();
