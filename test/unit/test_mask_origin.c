/*
 * Goal: a word of a message is known to be a name of the statement or a value
 * of it, whatever its case and wherever it stands.
 * Method: statements and words with the origin that a reader would tell.
 */
#include "redact/mask_format.h"

#include "tap.h"

static const struct
{
	const char *sql;
	const char *word;
	hg_sql_origin origin;
}			cases[] = {
	{"select * from Patients", "patients", HG_ORIGIN_NAME},
	{"select * from \"Patients\" where a = 'patients'", "Patients", HG_ORIGIN_NAME},
	{"select 'smith'::regclass", "smith", HG_ORIGIN_VALUE},
	{"select has_table_privilege('a.smith', 'x')", "smith", HG_ORIGIN_VALUE},
	{"select 1 -- smith", "smith", HG_ORIGIN_VALUE},
	{"select 'blacksmith'", "smith", HG_ORIGIN_NONE},
	{"select f()", "smith", HG_ORIGIN_NONE},
	{"select $1::regclass", "smith", HG_ORIGIN_UNKNOWN},
	{"select * from smith where id = $1", "smith", HG_ORIGIN_NAME},
	{"do $$ begin perform * from smith; end $$", "smith", HG_ORIGIN_NAME},
	{"create function f() returns int as $$ select smith $$", "smith", HG_ORIGIN_NAME},
	{"do $$ begin perform has_table_privilege('smith', 't'); end $$", "smith", HG_ORIGIN_VALUE},
	{"create function f() returns int as $$ select 'smith' $$", "smith", HG_ORIGIN_VALUE},
	{"create table \"mary smith\" ()", "smith", HG_ORIGIN_VALUE},
	{"create table \"mary smith\" ()", "mary smith", HG_ORIGIN_NAME},
	{"insert into t values ($$smith$$)", "smith", HG_ORIGIN_VALUE},
	{"select 770712", "770712", HG_ORIGIN_VALUE},
	{"", "smith", HG_ORIGIN_NONE},
	/* whether a backslash escapes is not known: a name under both readings only is one */
	{"select 'mary\\'s', has_table_privilege('smith', 'x')", "smith", HG_ORIGIN_VALUE},
	{"select 'a\\', smith from t", "smith", HG_ORIGIN_VALUE},
	{"select 'a\\b', x from smith", "smith", HG_ORIGIN_NAME},
	{"select E'mary\\'s', x from smith", "smith", HG_ORIGIN_NAME},
	/* words that cannot be seen */
	{"select has_table_privilege(E'\\x73mith', 'x')", "smith", HG_ORIGIN_ELSEWHERE},
	{"select f(E'no\\nsmith')", "smith", HG_ORIGIN_ELSEWHERE},
	{"select f(U&'!0073mith' uescape '!')", "smith", HG_ORIGIN_ELSEWHERE},
	{"select f(E'no')", "smith", HG_ORIGIN_NONE},
	{"select f('\\x00fF')", "smith", HG_ORIGIN_NONE},
	{"select f('\\x00no')", "smith", HG_ORIGIN_ELSEWHERE},
	{"execute p", "smith", HG_ORIGIN_ELSEWHERE},
	{"begin; FETCH c", "smith", HG_ORIGIN_ELSEWHERE},
	{"explain analyze execute p($1)", "smith", HG_ORIGIN_ELSEWHERE},
	{"execute smith", "smith", HG_ORIGIN_NAME},
	{"select a from t fetch first 5 rows only", "smith", HG_ORIGIN_NONE},
	{"do $$ begin execute 'drop table a'; end $$", "smith", HG_ORIGIN_NONE},
};

/* Whether a word of a text without a format was given as a value. */
static const struct
{
	const char *sql;
	const char *text;
	const char *masked;
}			texts[] = {
	{"select f('smith')", "no smith here", "no [redacted] here"},
	{"select f('Mary Smith')", "Mary, Smith is unknown", "[redacted] is unknown"},
	{"select f('smith') from smith", "no smith here", "no smith here"},
	{"do $$ begin raise using message = 'no ' || 'smith'; end $$", "has smith", "has [redacted]"},
	{"do $$ begin perform smith(); end $$", "no smith", "no smith"},
	{"do $x$ elog(ERROR, \"no smith\") $x$ language plperl", "find smith", "find [redacted]"},
	{"select f($1)", "no smith for mary", "no smith for [redacted]"},
	{"select f('smith')", "the \"smith\" x", "the \"[redacted]\" x"},
};

#define TEN " one two three four five six seven eight nine ten"

/* Messages with a format, and the statement that caused them. */
static const struct
{
	const char *sql;
	const char *id;
	const char *text;
	const char *masked;
}			messages[] = {
	{"select has_table_privilege('smith', 'select')", "relation \"%s\" does not exist",
	"relation \"smith\" does not exist", "relation \"[redacted]\" does not exist"},
	{"do $$ begin perform has_table_privilege('smith', 'select'); end $$",
	"relation \"%s\" does not exist",
	"relation \"smith\" does not exist", "relation \"[redacted]\" does not exist"},
	{"create text search dictionary d (template = ispell, dictfile = 'msmith')",
		"could not open dictionary file \"%s\": %m",
		"could not open dictionary file \"/usr/share/msmith.dict\": No such file or directory",
	"could not open dictionary file \"[redacted]\": No such file or directory"},
	{"create text search dictionary d (template = ispell, dictfile = 'smith')",
		"could not open file \"%s\": %m",
		"could not open file \"base/5/2619\": No such file or directory",
	"could not open file \"base/5/2619\": No such file or directory"},
	{"select (id).\"mary smith\" from t",
		"column notation .%s applied to type %s, which is not a composite type",
		"column notation .mary smith applied to type integer, which is not a composite type",
	"column notation .[phi:name] applied to type integer, which is not a composite type"},
};

/* Words that the statement does not show, and parameters. */
static void
check_unseen(hg_mask_log_options *options)
{
	const char *text;
	char		out[256];
	size_t		size;

	options->statement = "select f($1)";
	options->statement_size = strlen(options->statement);
	size = hg_mask_inner_sql("select mary from t", 18, out, sizeof(out) - 1, options);
	out[size] = '\0';
	is_str(out, "select \"[redacted]\" from t", "a parameter may become a name of dynamic SQL");
	options->inner_statement = "select mary from t";
	options->inner_statement_size = strlen(options->inner_statement);
	size = hg_mask_message("column \"%s\" does not exist", "column \"mary\" does not exist", 28,
						   out, sizeof(out) - 1, options);
	out[size] = '\0';
	is_str(out, "column \"[redacted]\" does not exist", "and stays a value there");
	options->inner_statement = NULL;
	options->statement = "select f($1, $2)";
	options->statement_size = strlen(options->statement);
	options->parameters_known = false;
	size = hg_mask_message("%s", "no smith here", 13, out, sizeof(out) - 1, options);
	out[size] = '\0';
	is_str(out, "[redacted]", "of parameters that are not known each word may be one");
	options->statement = "select 'a long text'";
	options->statement_size = strlen(options->statement);
	options->statement_cut = true;
	size = hg_mask_message("%s", "no smith here", 13, out, sizeof(out) - 1, options);
	out[size] = '\0';
	is_str(out, "[redacted]", "nor is it known of a statement that was cut");
	options->statement_cut = false;
	text = "no" TEN TEN TEN TEN TEN TEN " here and at last smith";
	size = hg_mask_message("%s", text, strlen(text), out, sizeof(out) - 1, options);
	out[size] = '\0';
	ok(strstr(out, "smith") == NULL && strstr(out, "no one") != NULL,
	   "of a long text, what is not looked up is masked: %s", out);
}

int
main(void)
{
	hg_mask_log_options options = {.mask = {.confidence = 0.4f}, .strict = true};
	const char *sql;
	char		out[256];
	size_t		size;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(hg_mask_sql_origin(cases[i].sql, strlen(cases[i].sql), cases[i].word,
								  strlen(cases[i].word)), cases[i].origin, "%s in: %s",
			   cases[i].word, cases[i].sql);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
	{
		options.statement = messages[i].sql;
		options.statement_size = strlen(messages[i].sql);
		size = hg_mask_message(messages[i].id, messages[i].text, strlen(messages[i].text), out,
							   sizeof(out) - 1, &options);
		out[size] = '\0';
		is_str(out, messages[i].masked, "%s, by: %s", messages[i].text, messages[i].sql);
	}
	sql = "select run('select smith from t')";
	options.statement = sql;
	options.statement_size = strlen(sql);
	size = hg_mask_inner_sql("select smith from t2", 20, out, sizeof(out) - 1, &options);
	out[size] = '\0';
	is_str(out, "select \"[redacted]\" from t2", "and so it does in dynamic SQL");
	options.statement = "execute p";
	options.statement_size = strlen(options.statement);
	size = hg_mask_inner_sql("select smith from t2", 20, out, sizeof(out) - 1, &options);
	out[size] = '\0';
	is_str(out, "select \"[redacted]\" from \"[redacted]\"", "what EXECUTE runs may have any word");
	options.parameters[0].text = "Mary Mary-Ann";
	options.parameters[0].size = 13;
	options.parameters_count = 1;
	options.parameters_known = true;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		options.statement = texts[i].sql;
		options.statement_size = strlen(texts[i].sql);
		size = hg_mask_message("%s", texts[i].text, strlen(texts[i].text), out, sizeof(out) - 1,
							   &options);
		out[size] = '\0';
		is_str(out, texts[i].masked, "%s, by: %s", texts[i].text, texts[i].sql);
	}
	check_unseen(&options);
	return done();
}
