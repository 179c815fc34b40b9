# Goal: the masking scanner sees the same literals, names, numbers and comments as PostgreSQL's own scanner.
# Method: a module for this test alone calls the server's scanner. All SQL there is (the server's and its extensions' own
# scripts, this tree's) and made-up texts, among them what is not well-formed, are read by it before and after
# redact_sql(): both must be the same tokens, but for the values, which must be markers.
use lib 'test/lib';
use Guarded;

my $folder = PostgreSQL::Test::Utils::tempdir_short();
open my $source, '>', "$folder/lexer.c" or die "cannot write $folder/lexer.c: $!";
print $source <<'END';
#include "postgres.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "parser/scanner.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(tokens);

/* One line a token: its number, and the word of names and literals in hexadecimal. NULL: the server cannot read it. */
Datum
tokens(PG_FUNCTION_ARGS)
{
    char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
    volatile bool fine = true;
    MemoryContext context = CurrentMemoryContext;
    StringInfoData out;

    initStringInfo(&out);
    PG_TRY();
    {
        core_yy_extra_type extra;
        core_YYSTYPE value;
        YYLTYPE place;
        core_yyscan_t scanner = scanner_init(sql, &extra, &ScanKeywords, ScanKeywordTokens);
        int token;

        while ((token = core_yylex(&value, &place, scanner)) != 0)
        {
            /* IDENT to XCONST, but for numbers: what the scanner has made of them. */
            const char *word = token >= 258 && token <= 264 && token != 260 ? value.str : "";

            appendStringInfo(&out, "%d", token);
            for (appendStringInfoChar(&out, ' '); *word != '\0'; word++)
                appendStringInfo(&out, "%02x", (unsigned char) *word);
            appendStringInfoChar(&out, '\n');
        }
        scanner_finish(scanner);
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        FlushErrorState();
        fine = false;
    }
    PG_END_TRY();
    if (!fine)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
END
close $source;
my ($headers) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--includedir-server' ]);
is(system('gcc', '-shared', '-fPIC', '-O1', '-isystem', $headers, '-o', "$folder/lexer.so", "$folder/lexer.c"), 0, 'the module is built');

my $node = new_node('lexer');
create_extension($node, 'postgres');
sql($node, 'postgres', "CREATE FUNCTION tokens(text) RETURNS text LANGUAGE c STRICT AS '$folder/lexer', 'tokens';
    CREATE TABLE texts (id int GENERATED ALWAYS AS IDENTITY, source text, sql text)");

# Statements with all forms of tokens beside each other, from a seed that is the same each time.
my @pieces = (q{'a'}, q{''}, q{'it''s'}, q{ E'a\\'b'}, q{ e'\\\\'}, q{U&'\\0061'}, q{U&"a b"}, q{"John Smith"}, q{"a""b"}, q{"plain"},
    q{B'101'}, q{x'1F'}, q{$$a'b$$}, q{$t$x$$y$t$}, q{-- it's}."\n", q{/* a /* b */ ' */}, q{/**/}, q{--}."\n",
    "'a'\n 'b'", "'a' -- c\n'b'",
    (map { "$_ " } qw(12 1.5 .5 1e10 1e-5 1..2)), qw($1 a abc a_b select SELECT from e b x n u ( ) [ ] ; : :: . .. := => + -),
    qw(* / < > = ~ ! @ % ^ & | ` ?), ',', '#',
    q{'a\\b'}, 'tbl1$x', "\xc3\xa9t\xc3\xa9", 'U&', "\n", "\t", '  ');
srand 15;
my @made = map { join((qw(), ' ', '', "\n")[ rand 3 ], map { $pieces[ rand @pieces ] } 1 .. 2 + rand 12) } 1 .. 20_000;

my ($share) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--sharedir' ]);
my @files = (glob("$share/*.sql"), glob("$share/extension/*.sql"), glob('sql/*.sql'), glob('src/*/*.sql'));
my $file = "$folder/texts";
open my $out, '>', $file or die "cannot write $file: $!";
my $bytes = 0;

sub put
{
    my ($name, $text) = @_;
    $bytes += length $text;
    # The grammar, not the scanner, makes a value of a word behind SET: it has its quotes here.
    $text =~ s/(\bset\s+(?:(?:local|session)\s+)?(?:application_name|[\w"]*\.[\w."]*)\s*(?:=|\bto\b)\s*)
        (?!(?:on|off|true|false|default)\s*(?:[;\r\n]|$))([a-z"][^;\r\n]*)/$1 . q{'} . $2 =~ s{'}{''}gr . q{'}/gexi;
    $text =~ s/\0//g;
    $text =~ s/\\/\\\\/g;
    $text =~ s/\t/\\t/g;
    $text =~ s/\n/\\n/g;
    $text =~ s/\r/\\r/g;
    print $out "$name\t$text\n";
    return;
}
put($_, slurp($_)) for @files;
put('made', $_) for @made;
for my $row (split /\n/, slurp('test/canaries.tsv')) { put('canaries', $row =~ s/\{[cn]\}/7707/gr =~ s/ <<< .*//r) if $row !~ /^#/ }
close $out;
sql($node, 'postgres', "SET client_encoding = 'UTF8'; COPY texts (source, sql) FROM '$file'");
cmp_ok($bytes, '>', 2_000_000, scalar(@files) . " files of SQL, $bytes bytes");

# Tokens of the masked text with the kinds that a value may have become: 261 is a string, 260 and 266 are numbers, 258 a name.
sql($node, 'postgres', q{
    CREATE TABLE read AS SELECT id, source, sql, tokens(sql) AS before, hipaa_guard.redact_sql(sql) AS masked FROM texts;
    CREATE TABLE reread AS SELECT *, tokens(masked) AS after FROM read WHERE before IS NOT NULL});
my ($readable, $all) = split /\|/, sql($node, 'postgres', 'SELECT count(before), count(*) FROM read');
cmp_ok($readable, '>', $all / 2, "the server reads $readable of $all texts");
is(sql($node, 'postgres', 'SELECT count(*) FROM reread WHERE after IS NULL'), '0', 'and each of them when it is masked');

# Values are in no token of the masked text, and kinds are the same, in their order. N'a' is two tokens and becomes 'a',
# UESCAPE goes with its literal; a number takes all letters behind it with it, so made-up ones have a blank there
# and none is "...5",
# and so have literals with a backslash: without their E all that follows is masked. So it is where a word stands right
# behind a literal.
my @differ;
my $rows = sql($node, 'postgres', q{
    SELECT id || ' ' || encode(convert_to(before, 'UTF8'), 'hex') || ' ' || encode(convert_to(after, 'UTF8'), 'hex')
        || ' ' || (sql ~ '''[[:alnum:]_\u0080-\uffff]')::int
    FROM reread WHERE after IS NOT NULL AND sql !~* '(^|[^[:alnum:]_$])n''|uescape'
        AND (source <> 'made' OR sql !~* 'n''|[.][.][.]')});

# Tokens as pairs of kind and word; values beside each other are one, since literals on two lines are.
sub tokens
{
    my ($hex) = @_;
    my @tokens;
    for my $line (split /\n/, pack 'H*', $hex)
    {
        my ($kind, $word) = split / /, $line, 2;
        my $value = ($kind >= 260 && $kind <= 264) || $kind == 266;
        if ($value && @tokens && $tokens[-1][0] eq 'value') { $tokens[-1][1] .= pack 'H*', $word }
        else { push @tokens, [ $value ? 'value' : $kind == 259 ? 258 : $kind, pack 'H*', $word ] }
    }
    return @tokens;
}

# What is another in the masked text; nothing if all is as it should.
sub difference
{
    my ($before, $after) = map { [ tokens($_) ] } @_[ 0, 1 ];
    my $may_end = $_[2];
    my $marker = qr/\[(?:redacted|phi:[a-z_]+)\]/;
    for my $i (0 .. $#$before)
    {
        my ($was, $is) = ($before->[$i], $after->[$i] // [ 'nothing', '' ]);
        return '' if $may_end && $i > 0 && $i == @$after && $after->[-1][0] eq 'value';
        return "token $i: $was->[0] became $is->[0]" if $was->[0] ne $is->[0];
        return "value $i: $is->[1]" if $is->[0] eq 'value' && $is->[1] !~ /^$marker*$/;
        return "name $i: $is->[1]" if $is->[0] ne 'value' && $was->[1] ne $is->[1] && $is->[1] !~ /^$marker$/;
    }
    return @$before == @$after ? '' : 'more tokens';
}

for my $row (split /\n/, $rows)
{
    my ($id, @two) = split / /, $row, -1;
    my $why = difference(@two);
    push @differ, "$id $why" if $why;
}
is(scalar @differ, 0, 'the scanners agree on ' . scalar(split /\n/, $rows) . ' texts');
for my $differ (splice @differ, 0, 10)
{
    my ($id, $why) = split / /, $differ, 2;
    diag("$why\n" . substr(sql($node, 'postgres', "SELECT source, left(sql, 300), left(masked, 300) FROM reread WHERE id = $id"), 0, 800));
}
$node->stop;
done_testing();
