# Goal: what docs/posture.md, incidents.md and registers.md say to type works as it stands.
# Method: every block of SQL in them, in order, in one flagged database; docs/requirements.md has each requirement once, and
# names only functions, views and checks that are there.
use FindBin;
use Guarded;

my $node = new_node('docs');
my $db = 'clinic';
flag($node, $db);
my $docs = "$FindBin::RealBin/../../docs";

for my $page (qw(incidents registers posture))
{
    my @blocks = slurp("$docs/$page.md") =~ /^```sql\n(.*?)^```$/msg;
    cmp_ok(scalar @blocks, '>', 3, "$page.md has blocks of SQL");
    for my $block (@blocks)
    {
        my ($status, $out, $err) = try_sql($node, $db, $block);
        is($status, 0, "$page.md: " . substr($block, 0, index $block, "\n")) or diag($err);
    }
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
