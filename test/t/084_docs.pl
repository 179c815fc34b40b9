# Goal: what the pages in docs/ say to type works as it stands.
# Method: every block of SQL and of shell in them, in order, in one database, which the first page makes a HIPAA project. Places and
# keys that a page leaves open are filled in. Not here: what flag.md says about ending a project (test 75_deletion) and restoring
# (072), powersync.md (085), shipping.md (066, 069), the pairs of log.md (052). docs/requirements.md has each requirement once, and
# names only functions, views and checks that are there.
use FindBin;
use Guarded;

my $node = new_node('docs', "hipaa_guard.audit_segment_size = '64kB'");
my $db = 'clinic';
my $docs = "$FindBin::RealBin/../../docs";
my $trail = $node->data_dir . '/hipaa_guard/audit';
my $place = PostgreSQL::Test::Utils::tempdir();
mkdir "$place/vault";
sql($node, 'postgres', "CREATE DATABASE $db; CREATE ROLE privacy_officers; CREATE ROLE officer LOGIN IN ROLE privacy_officers;
    CREATE ROLE app LOGIN; CREATE ROLE listener LOGIN; CREATE ROLE loader LOGIN");
sql($node, $db, 'CREATE TABLE patients (id int PRIMARY KEY, ssn text, note text)');

# Pages in their order, and how many of their blocks are not for here, at their end.
my @pages = ([ 'flag', 2 ], [ 'text', 0 ], [ 'connections', 0 ], [ 'features', 0 ], [ 'incidents', 0 ], [ 'registers', 0 ],
    [ 'posture', 0 ], [ 'log', 0 ], [ 'audit', 0 ], [ 'export', 0 ], [ 'archive', 0 ]);

# What a page leaves open for the reader.
sub filled_in
{
    my ($block) = @_;
    my $read = "SELECT max(seq) FROM hipaa_guard.audit_log WHERE command_tag = 'COMPLIANCE REPORT'";
    my %open = (
        '/path/to/audit' => sub { $trail },
        'PUBLIC_KEY' => sub { (slurp("$trail/keys.file") =~ /epoch=1 .*?public=([0-9a-f]{64})/)[0] },
        'KEY_OF_ITS_SEGMENT' => sub { '"$key"' },
        "'hipaa_guard checkpoint 1 trail=...'" => sub { "'" . sql($node, $db, 'SELECT hipaa_guard.audit_checkpoint()') . "'" },
        '--prove 4711' => sub { '--prove ' . sql($node, $db, $read) },
        '/vault/' => sub { "$place/vault/" },
        '/var/log/postgresql/*.log' => sub { $node->logfile });
    my $words = join '|', map { quotemeta } keys %open;
    return $block =~ s/($words)/$open{$1}->()/ger;
}

# A proof is checked with the key of one segment; the page leaves it to the reader which.
sub run_shell
{
    my ($block) = @_;
    my @keys = index($block, '"$key"') >= 0 ? slurp("$trail/keys.file") =~ /public=([0-9a-f]{64})/g : ('');
    my ($status, $out);
    for my $key (@keys)
    {
        local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATA => $node->data_dir, key => $key);
        IPC::Run::run([ 'bash', '-c', "set -e -o pipefail; cd '$place'\n$block" ], '<', '/dev/null', '>&', \$out);
        $status = $? >> 8;
        last if $status == 0;
    }
    return ($status, $out, $out);
}

spew_ticket();
for (@pages)
{
    my ($page, $elsewhere) = @$_;
    my @blocks;
    my $text = slurp("$docs/$page.md");
    push @blocks, [ $1, $2 ] while $text =~ /^```(sql|sh)\n(.*?)^```$/msg;
    splice @blocks, @blocks - $elsewhere if $elsewhere;
    cmp_ok(scalar @blocks, '>', 0, "$page.md has blocks");
    for (@blocks)
    {
        my ($kind, $block) = ($_->[0], filled_in($_->[1]));
        my ($status, $out, $err) = $kind eq 'sql' ? try_sql($node, $db, $block) : run_shell($block);
        is($status, 0, "$page.md: " . substr($_->[1], 0, index $_->[1], "\n")) or diag($err);
    }
    wait_until($node, 'SELECT hipaa FROM hipaa_guard.project', 'the database is a project', $db) if $page eq 'flag';
}

# What the blocks leave behind is what their pages say.
unlike(slurp("$place/for-support.log"), qr/123-45-6789/, 'log.md: nothing of a value in what goes to support');
like(slurp("$place/trail.jsonl"), qr/^\{.*"command_tag":"SECURITY LABEL"/m, 'export.md: the events are in the file');
is(sql($node, $db, q{SELECT count(*) > 0 FROM hipaa_guard.audit_segments WHERE 'vault' = ANY (archives)}), 't',
    'archive.md: the archive has acknowledged closed segments');

# The answer that ddl-guard.md shows is the one that is given.
my ($statement, $answer) = slurp("$docs/ddl-guard.md") =~ /^clinic=# (CREATE TABLE [^\n]*)\n(.*?)^```$/ms;
like((try_sql($node, $db, "\\set VERBOSITY default\n$statement"))[2], qr/^\Q$answer\E/m, 'ddl-guard.md: the answer');

sub spew_ticket
{
    open my $file, '>', "$place/ticket.txt" or die "cannot write a ticket: $!";
    print $file "the patient 123-45-6789 is not found\n";
    close $file or die "cannot write a ticket: $!";
    return;
}

my $page = slurp("$docs/requirements.md");
my @ids = $page =~ /^\| ([NP]\d\d) \|/mg;
is(scalar @ids, 94, 'each requirement has a line');
is(join(' ', sort @ids), join(' ', sort keys %{ { map { $_ => 1 } @ids } }), 'and one only');
my %check = map { $_ => 1 } split /\n/, sql($node, $db, 'SELECT id FROM hipaa_guard.posture_check');
my @checks = $page =~ /\b((?:TLS|AUTH|PRIV|RLS|LOGC?|AUD|SESS|INT|BKP|EGR|CFG|META|HIP)-\d\d)\b/g;
is(join(' ', grep { !$check{$_} } @checks), '', 'it names checks that are there');
my %function = map { $_ => 1 } split /\n/, sql($node, $db, q{SELECT proname FROM pg_proc WHERE pronamespace = 'hipaa_guard'::regnamespace});
my @functions = $page =~ /`(\w+)\(/g;
is(join(' ', grep { !$function{$_} } @functions), '', 'it names functions that are there');

done_testing();
