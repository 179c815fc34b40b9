# Goal: the HTML report can be read by people: on a telephone and on a desk, light and dark, without a request to anywhere,
# without an error, and whatever an object is called.
# Method: open a report with hostile names in headless Chromium. A copy of the page measures itself: its width against the
# window, the contrast of every text against its ground, images and scripts that must not be there. The page as it is, with its
# own content security policy, is opened with all of Chromium's requests logged, and printed. Screenshots at both widths, light and
# dark, and the printed page stay beside the tests' output.
use FindBin;
use Guarded;

my $chromium = (grep { -x } map { ("$_/chromium", "$_/chromium-browser") } split /:/, $ENV{PATH})[0];
plan skip_all => 'chromium is not installed' unless $chromium;

my $node = new_node('browser');
my $db = 'clinic';
flag($node, $db);
sql($node, $db, q{CREATE TABLE "<script>document.title = 'bad'</script>" (id int);
    GRANT SELECT ON "<script>document.title = 'bad'</script>" TO PUBLIC;
    SELECT hipaa_guard.set_site('organization', '</title><img src="http://127.0.0.1:9/x" onerror="document.title = 1">');
    SELECT hipaa_guard.report_incident('access', '<svg onload="document.title = 2">' || repeat('averylongwordwithoutanyblank', 9),
        '2025-03-03', true, 9);
    SELECT hipaa_guard.attest('mfa', 'the office', repeat('x ', 400))});
my $dir = $node->basedir;
my $page = "$dir/report.html";
$node->command_ok([ 'hipaa_guard_report', '-o', $page, $node->connstr($db) ], 'the report is written');

# Chromium with a home of its own, and no name of another machine known to it; returns what it prints and what it says. A
# browser that does not come up is started again, twice: that is no matter of the page.
sub browse
{
    my @arguments = @_;
    my ($out, $err) = ('', '');
    local $ENV{HOME} = $dir;
    for my $attempt (1 .. 3)
    {
        my $ended = IPC::Run::run([ $chromium, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
            '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', "--user-data-dir=$dir/profile$attempt", '--enable-logging=stderr',
            '--v=0', @arguments ], '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout($Guarded::TIMEOUT));
        last if $ended;
    }
    return ($out, $err);
}

my $measure = <<'END';
<script>
function rgb(c) { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3); }
function light(c) { return c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
  .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0); }
function ground(e) { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c; }
  return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]; }
addEventListener('load', () => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  let worst = 99, where = '';
  document.querySelectorAll('body *').forEach(e => {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) return;
    const a = light(rgb(e.closest('svg') ? getComputedStyle(e).fill : getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst && !e.closest('title, script')) { worst = ratio; where = e.tagName + '.' + e.className; } });
  // Letters of a chart are as large as the chart is drawn.
  const drawn = e => { const s = e.closest('svg'); return s ? s.getBoundingClientRect().width / s.viewBox.baseVal.width : 1; };
  const small = [...document.querySelectorAll('body *')].filter(e => parseFloat(getComputedStyle(e).fontSize) * drawn(e) < 10).length;
  document.documentElement.setAttribute('data-measured', JSON.stringify({ width: innerWidth,
    wide: document.documentElement.scrollWidth, worst: Math.floor(worst * 10) / 10, where, small,
    dark: matchMedia('(prefers-color-scheme: dark)').matches, title: document.title, images: document.images.length,
    scripts: document.scripts.length, charts: document.querySelectorAll('svg[role=img][aria-label]').length,
    unnamed: document.querySelectorAll('svg:not([aria-label])').length })); });
</script>
END
my $copy = slurp($page);
$copy =~ s/<meta http-equiv="Content-Security-Policy"[^>]*>// or die 'the page has no content security policy';
$copy =~ s/<\/body>/$measure<\/body>/ or die 'the page has no end';
open my $file, '>', "$dir/measured.html" or die "cannot write: $!";
print $file $copy;
close $file or die "cannot write: $!";

my $output = defined $ENV{HG_WORK} && -d "$ENV{HG_WORK}/out" ? "$ENV{HG_WORK}/out" : $dir;
# Chromium's headless window has a least width, so a narrow page is one in a frame.
sub write_frame
{
    my ($width, $height, $source) = @_;
    open my $frame, '>', "$dir/frame.html" or die "cannot write: $!";
    print $frame qq{<!DOCTYPE html><html><body style="margin:0"><iframe id="f" style="border:0;width:${width}px;height:${height}px"
        src="$source"></iframe><script>addEventListener('load', () => document.documentElement.setAttribute('data-measured',
        document.getElementById('f').contentDocument.documentElement.getAttribute('data-measured')));</script></body></html>};
    close $frame or die "cannot write: $!";
    return;
}

for my $mode ([ 360, 0 ], [ 1280, 0 ], [ 360, 1 ], [ 1280, 1 ])
{
    my ($width, $dark) = @$mode;
    my $name = "$width pixels, " . ($dark ? 'dark' : 'light');
    my @scheme = $dark ? ('--blink-settings=preferredColorScheme=0') : ('--blink-settings=preferredColorScheme=1');
    write_frame($width, 900, 'measured.html');
    my ($dom, $err) = browse(@scheme, '--allow-file-access-from-files', '--window-size=1300,900', '--dump-dom', "file://$dir/frame.html");
    # The picture is of the page as it is, as tall as it gets.
    write_frame($width, 6000, 'report.html');
    browse(@scheme, '--allow-file-access-from-files', "--window-size=$width,6000", "--screenshot=$output/report-$width-" .
        ($dark ? 'dark' : 'light') . '.png', "file://$dir/frame.html");
    ok(-s "$output/report-$width-" . ($dark ? 'dark' : 'light') . '.png', "$name: a screenshot was taken");
    my ($json) = $dom =~ /<html[^>]* data-measured="([^"]*)"/ or diag($err);
    $json =~ s/&quot;/"/g;
    my %is = $json =~ /"(\w+)":"?([^",}]*)/g;
    is($is{width}, $width, "$name: the window is that wide");
    cmp_ok($is{wide}, '<=', $width, "$name: nothing sticks out of the window");
    cmp_ok($is{worst}, '>=', 4.5, "$name: contrast") or diag($json);
    is($is{dark}, $dark ? 'true' : 'false', "$name: the scheme is the one asked for");
    is($is{small}, 0, "$name: no text is too small");
    is("$is{images} $is{scripts} $is{unnamed}", '0 1 0', "$name: no image, no script but the measuring one, no chart without words");
    cmp_ok($is{charts}, '>=', 1, "$name: there are charts");
    like($is{title}, qr/^HIPAA compliance report: (?:<|&lt;)\/title/, "$name: markup in a name is text");
}

my ($dom, $err) = browse('--window-size=1280,900', "--log-net-log=$dir/net.json", "--print-to-pdf=$output/report.pdf", "file://$page");
unlike($err, qr/CONSOLE/, 'nothing on the console') or diag($err);
my $net = slurp("$dir/net.json");
my @requests = grep { !m{^(?:file|data|chrome|about|devtools)} } $net =~ /"url":"([^"]*)"/g;
# What the browser asks for by itself is not the page's doing.
@requests = grep { !m{^https?://[\w.-]*(?:google|gstatic|gvt1|googleapis|chromium)\.(?:com|org)/} } @requests;
is(join(' ', @requests), '', 'no request leaves the page');
like(slurp("$output/report.pdf"), qr/^%PDF-.*%%EOF\s*$/s, 'it was printed');

done_testing();
