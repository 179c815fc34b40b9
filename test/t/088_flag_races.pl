# Goal: whatever runs beside enable() and approve_deletion(), nothing gets in unseen, no copy is without the flag, nothing is dropped,
# and nothing counts twice.
# Method: sessions that stand still in the midst of a transaction while another one goes on, in both orders; waits are seen in
# pg_locks. (Races inside of a flagged database are isolation specs.)
use Guarded;
use IPC::Run ();

my $node = new_node('main');
# A member from before the first flag may approve at once.
sql($node, 'postgres', 'CREATE ROLE approvers; CREATE ROLE officer LOGIN IN ROLE approvers');
my $serial = 0;

# A session in the background: ask() sends SQL and returns all it has said when that is done, start_sql() does not wait.
sub session
{
    my ($database, $user) = @_;
    my ($in, $out) = ('', '');
    my @command = psql_command($node, $database, $user ? (user => $user) : ());
    my $run = IPC::Run::start([ @command, '-v', 'ON_ERROR_STOP=0' ], '<', \$in, '>', \$out, '2>', \$out, IPC::Run::timeout(180));
    return { run => $run, in => \$in, out => \$out };
}
sub start_sql { my ($s, $sql) = @_; ${ $s->{out} } = ''; ${ $s->{in} } .= "$sql;\n\\echo done\n"; eval { $s->{run}->pump_nb }; return; }
sub answer { my ($s) = @_; eval { $s->{run}->pump until ${ $s->{out} } =~ /^done$/m }; return ${ $s->{out} }; }
sub ask { my ($s, $sql) = @_; start_sql($s, $sql); return answer($s); }
sub end { my ($s) = @_; ${ $s->{in} } .= "\\q\n"; eval { $s->{run}->finish }; return ${ $s->{out} }; }
sub waits
{
    my ($s, $what) = @_;
    wait_for($what, sub { $s->{run}->pump_nb; return sql($node, 'postgres', 'SELECT count(*) FROM pg_locks WHERE NOT granted') > 0; });
    return;
}

sub database
{
    my $name = 'd' . ++$serial;
    create_extension($node, $name);
    sql($node, $name, q{CREATE TABLE visits (id int);
        SELECT hipaa_guard.record_baa('BAA-1', 'Example Hosting', current_date - 1, current_date + 365)});
    return $name;
}
my $enable = q{SELECT hipaa_guard.enable('BAA-1')};
my $phi = q{COMMENT ON TABLE visits IS 'ssn 219-09-9999'};
my $seen = q{SELECT state, (SELECT count(*) FROM hipaa_guard.scan_catalog()) FROM hipaa_guard.project};

# DDL that is not committed when enable() is: it ends with its session.
my $name = database();
my $other = session($name);
ask($other, "BEGIN; $phi");
sql($node, $name, $enable);
like(ask($other, 'COMMIT'), qr/FATAL|closed|^$/, 'a session with DDL of its own has ended');
end($other);
is(sql($node, $name, $seen), 'on|0', 'what it had not committed is not there');

# DDL that is committed after enable() has looked: no flag, since nobody has seen it.
$name = database();
my $dba = session($name);
ask($dba, "BEGIN; $enable");
sql($node, $name, $phi);
like(ask($dba, 'COMMIT'), qr/PH004: metadata with PHI-like text came in/, 'what came in is told');
end($dba);
is(sql($node, $name, $seen), 'off|1', 'and there is no flag');
sql($node, $name, 'COMMENT ON TABLE visits IS NULL');
sql($node, $name, $enable);
is(sql($node, $name, $seen), 'on|0', 'the next try succeeds');

# A copy of the database, and its removal, wait for the end of enable().
for my $end ([ 'COMMIT', 'on', 'PH003' ], [ 'ROLLBACK', 'off', undef ])
{
    my ($word, $state, $refused) = @$end;
    $name = database();
    $dba = session($name);
    ask($dba, "BEGIN; $enable");
    $other = session('postgres');
    start_sql($other, "CREATE DATABASE ${name}_copy TEMPLATE $name");
    waits($other, 'the copy waits');
    ask($dba, $word);
    end($dba);
    unlike(answer($other), qr/ERROR/, "$word: the copy is made then");
    is(sql($node, "${name}_copy", 'SELECT state FROM hipaa_guard.project'), $state, "$word: and is $state");
    $name = database();
    $dba = session($name);
    ask($dba, "BEGIN; $enable");
    start_sql($other, "DROP DATABASE $name");
    waits($other, 'the removal waits');
    ask($dba, $word);
    end($dba);
    is(sqlstate_of(answer($other)), $refused, "$word: the removal is " . ($refused ? 'refused' : 'done'));
    end($other);
}

# Two databases at once, in the order in which they commit.
my ($one, $two) = (database(), database());
my ($first, $second) = (session($one), session($two));
ask($first, "BEGIN; $enable");
ask($second, "BEGIN; $enable");
ask($second, 'COMMIT');
ask($first, 'COMMIT');
end($_) for $first, $second;
$node->restart;
is(sql($node, $_, 'SELECT state, integrity FROM hipaa_guard.project'), 'on|ok', "$_ of two at once") for $one, $two;

# The consent to a deletion: twice at once, beside its withdrawal, and beside the removal.
sub deletion
{
    my $database = database();
    sql($node, $database, q{SELECT hipaa_guard.enable('BAA-1', approver => 'approvers'); GRANT USAGE ON SCHEMA hipaa_guard TO PUBLIC;
        SELECT hipaa_guard.request_deletion('moved'); SELECT count(*) FROM hipaa_guard.audit_export('jsonl', NULL, NULL)});
    return $database;
}
$name = deletion();
my @officers = map { session($name, 'officer') } 1, 2;
my $approve = 'SELECT hipaa_guard.approve_deletion(1)';
my $allowed = ask($officers[0], "BEGIN; $approve");
unlike($allowed, qr/ERROR/, 'the officer approves');
start_sql($officers[1], $approve);
waits($officers[1], 'the second consent waits');
my (undef, undef, $err) = try_sql($node, 'postgres', "DROP DATABASE $name");
is(sqlstate_of($err), 'PH003', 'a consent that is not committed is none');
ask($officers[0], 'COMMIT');
is(sqlstate_of(answer($officers[1])), '42704', 'a request is approved once');
end($_) for @officers;
$name = deletion();
$officers[0] = session($name, 'officer');
ask($officers[0], "BEGIN; $approve");
$other = session($name);
start_sql($other, 'SELECT hipaa_guard.withdraw_deletion(1)');
waits($other, 'the withdrawal waits');
ask($officers[0], 'COMMIT');
unlike(answer($other), qr/ERROR/, 'a request that was just approved can be withdrawn');
end($_) for $officers[0], $other;
(undef, undef, $err) = try_sql($node, 'postgres', "DROP DATABASE $name");
is(sqlstate_of($err), 'PH003', 'and counts no more');
$node->stop;
done_testing();
