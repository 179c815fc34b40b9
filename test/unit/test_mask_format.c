/*
 * Goal: of a message only the server's own text and names remain; a message
 * without user values stays byte for byte.
 * Method: messages with and without their format, as the server makes them;
 * the values are words that no detector knows.
 */
#include "redact/mask_format.h"

#include "tap.h"

#define R "[redacted]"
#define SAME ""

static const struct
{
	const char *id;
	const char *text;
	const char *masked;			/* SAME: as the text */
}			messages[] = {
	{"invalid input syntax for type %s: \"%s\"", "invalid input syntax for type integer: \"zq\"",
	"invalid input syntax for type integer: \"" R "\""},
	{"invalid input syntax for type %s: \"%s\"", "invalid input syntax for type integer: \"\"",
	SAME},
	/* a value that looks like the rest of the format shows nothing */
	{"invalid value for parameter \"%s\": \"%s\"",
		"invalid value for parameter \"a\": \"z\": \"q\"",
	"invalid value for parameter \"a\": \"" R "\""},
	{"relation \"%s\" does not exist", "relation \"patients\" does not exist", SAME},
	{"relation \"%s\" does not exist", "relation \"John Zq\" does not exist",
	"relation \"" R "\" does not exist"},
	{"duration: %s ms  statement: %s", "duration: 0.123 ms  statement: select 'zq', 5 from t",
	"duration: 0.123 ms  statement: select '" R "', '" R "' from t"},
	{"%s at or near \"%s\"", "syntax error at or near \"where\"", SAME},
	{"%s at or near \"%s\"", "syntax error at or near \"Zq\"", "syntax error at or near \"" R "\""},
	{"%s at or near \"%s\"", "unterminated quoted string at or near \"'zq from t\"",
	"unterminated quoted string at or near \"'" R "'\""},
	{"%s at or near \"%s\"", "syntax error at or near \")\"", SAME},
	{"database system is ready to accept connections",
	"database system is ready to accept connections", SAME},
	/* integers are longer or shorter, by the version and the platform */
	{"skipping row due to data type incompatibility at line %lu for column \"%s\": \"%s\"",
		"skipping row due to data type incompatibility at line 7 for column \"a\": \"zq\"",
	"skipping row due to data type incompatibility at line 7 for column \"a\": \"" R "\""},
	{"skipping row due to data type incompatibility at line %llu for column \"%s\": \"%s\"",
		"skipping row due to data type incompatibility at line 7 for column \"a\": \"zq\"",
	"skipping row due to data type incompatibility at line 7 for column \"a\": \"" R "\""},
	{"foreign format %s of %d", "foreign format a b of 12", "foreign format " R " of 12"},
	/* plans: figures stay, values go */
	{"duration: %.3f ms  plan:\n%s",
		"duration: 0.123 ms  plan:\nQuery Text: select 5 from t where a = 'zq'"
		"\nSeq Scan on t  (cost=0.00..1.05 rows=1 width=4) (actual time=0.01..0.02 loops=1)"
		"\n  Output: 5\n  Filter: (a = 'zq'::text)\n  Rows Removed by Filter: 3\n"
		"  Buffers: shared hit=1\nSettings: work_mem = '64kB'",
		"duration: 0.123 ms  plan:\nQuery Text: select '" R "' from t where a = '" R "'"
		"\nSeq Scan on t  (cost=0.00..1.05 rows=1 width=4) (actual time=0.01..0.02 loops=1)"
		"\n  Output: '" R "'\n  Filter: (a = '" R "'::text)\n  Rows Removed by Filter: 3\n"
	"  Buffers: shared hit=1\nSettings: work_mem = '" R "'"},
	{"duration: %.3f ms  plan:\n%s",
		"duration: 0.123 ms  plan:\n{\n  \"Query Text\": \"select 'zq' from t\","
		"\n  \"Plan\": {\n    \"Node Type\": \"Seq Scan\",\n    \"Rows\": 12,"
		"\n    \"Filter\": \"(a = 5)\"\n"
		"    \"Other\": \"\\\"zq\\\" = 1\"}}",
		"duration: 0.123 ms  plan:\n{\n  \"Query Text\": \"select '" R "' from t\","
		"\n  \"Plan\": {\n    \"Node Type\": \"Seq Scan\",\n    \"Rows\": 12,"
		"\n    \"Filter\": \"(a = '" R "')\"\n"
	"    \"Other\": \"" R "\"}}"},
	{"duration: %.3f ms  plan:\n%s",
		"duration: 0.123 ms  plan:\n{\n  \"Query Text\": \"TABLE t -- zq zq\"}",
	"duration: 0.123 ms  plan:\n{\n  \"Query Text\": \"TABLE t -- " R "\"}"},
	{"duration: %.3f ms  plan:\n%s",
		"duration: 0.123 ms  plan:\nQuery Text: \"select 'a \\\"zq zq'\"\nPlan: "
		"\n  Node Type: \"Seq Scan\"\n  Plan Rows: 5\n  Filter: \"(a = 'zq'::text)\"",
		"duration: 0.123 ms  plan:\nQuery Text: \"" R "\"\nPlan: "
	"\n  Node Type: \"Seq Scan\"\n  Plan Rows: 5\n  Filter: \"(a = '" R "'::text)\""},
	/* what functions make of messages */
	{"%s", "failed: Key (a)=(zq) already exists.", "failed: Key (a)=(" R ") already exists."},
	{"%s", "duplicate key value violates unique constraint \"p\": Key (a)=(zq) already exists.",
		"duplicate key value violates unique constraint \"p\": Key (a)=(" R ") already exists."},
	/* no format: what the server knows is found by its text */
	{NULL, "duplicate key value violates unique constraint \"p_email_key\"", SAME},
	{NULL, "invalid input syntax for type integer: \"zq\"",
	"invalid input syntax for type integer: \"" R "\""},
	{"%s", "connection authorized: user=postgres database=clinic application_name=psql", SAME},
	{"%s", "patient \"Zq\" isn't 'here'", "patient \"" R "\" isn't '" R "'"},
	{"%s", "an open \"quote", "an open \"" R},
	{NULL, R, SAME},
	{"AUDIT: %s,%lld,%lld,%s,%s%s", "AUDIT: SESSION,1,1,READ,SELECT,,,select 'zq',<not logged>",
	"AUDIT: SESSION,1,1,READ,SELECT,,,select '" R "',<not logged>"},
	{"AUDIT: %s", "AUDIT: SESSION,1,1,WRITE,INSERT,TABLE,t,\"insert into t (\"\"a\"\") values"
		" ('zq', \"\"J Zq\"\")\",<none>",
		"AUDIT: SESSION,1,1,WRITE,INSERT,TABLE,t,\"insert into t (\"\"a\"\") values"
	" ('" R "', \"\"" R "\"\")\",<none>"},
};

static const struct
{
	hg_format_field field;
	const char *text;
	const char *masked;
}			fields[] = {
	{HG_FORMAT_DETAIL, "Key (email)=(zq) already exists.", "Key (email)=(" R ") already exists."},
	{HG_FORMAT_DETAIL, "Key (a, b)=(z, q) conflicts with existing key (a, b)=(q, z).",
	"Key (a, b)=(" R ") conflicts with existing key (a, b)=(" R ")."},
	{HG_FORMAT_DETAIL, "Key (lower(a))=(zq) is not present in table \"t\".",
	"Key (lower(a))=(" R ") is not present in table \"t\"."},
	{HG_FORMAT_DETAIL, "Failing row contains (zq, null).", "Failing row contains (" R ")."},
	{HG_FORMAT_DETAIL, "Failing row contains (a, b) = (z, q).",
	"Failing row contains (a, b) = (" R ")."},
	{HG_FORMAT_DETAIL, "parameters: $1 = 'zq', $2 = NULL", "parameters: $1 = '" R "', $2 = NULL"},
	{HG_FORMAT_DETAIL, "Process 12 waits for ShareLock on transaction 7; blocked by process 13.\n"
		"Process 13 waits for ShareLock on transaction 8; blocked by process 12.\n"
		"Process 12: update t\n  set a = 'zq'\nProcess 13: update t set a = 'zq'",
		"Process 12 waits for ShareLock on transaction 7; blocked by process 13.\n"
		"Process 13 waits for ShareLock on transaction 8; blocked by process 12.\n"
	"Process 12: update t\n  set a = '" R "'\nProcess 13: update t set a = '" R "'"},
	{HG_FORMAT_DETAIL, "view v depends on table t\nview w depends on view v", SAME},
	{HG_FORMAT_DETAIL, "whatever zq", R},
	{HG_FORMAT_HINT, "No function matches the given name and argument types. You might need to add "
	"explicit type casts.", SAME},
	{HG_FORMAT_HINT, "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and "
	"\"TB\".", SAME},
	{HG_FORMAT_HINT, "try zq", R},
	{HG_FORMAT_CONTEXT, "SQL statement \"insert into p\nvalues ('zq')\"\nPL/pgSQL function f(text) "
		"line 3 at SQL statement", "SQL statement \"insert into p\nvalues ('" R "')\"\n"
	"PL/pgSQL function f(text) line 3 at SQL statement"},
	{HG_FORMAT_CONTEXT, "COPY p, line 1, column a: \"zq\"", "COPY p, line 1, column a: \"" R "\""},
	{HG_FORMAT_CONTEXT, "COPY p, line 1: \"z\tq\"", "COPY p, line 1: \"" R "\""},
	{HG_FORMAT_CONTEXT, "zq\nPL/pgSQL function f() line 1 at RAISE",
	R "\nPL/pgSQL function f() line 1 at RAISE"},
};

static void
is_masked(const char *text, const char *masked, const char *out, size_t size)
{
	char		got[1024];

	snprintf(got, sizeof(got), "%.*s", (int) size, out);
	/* A name of a test has one line. */
	is_str(got, masked[0] == '\0' ? text : masked, "%.*s", (int) strcspn(text, "\n"), text);
}

/* What gettext() would give, as far as the test goes. */
static const char *
translate(const char *domain, const char *format)
{
	(void) domain;
	if (strcmp(format, "Key (%s)=(%s) already exists.") == 0)
		return "Schlüssel »(%s)=(%s)« existiert bereits.";
	if (strcmp(format, "invalid value for parameter \"%s\": \"%s\"") == 0)
		return "»%2$s« passt nicht zum Parameter »%1$s«";
	if (strcmp(format, "could not open file \"%s\": %m") == 0)
		return "impossible d'ouvrir le fichier « %s » : %m";
	return format;
}

static void
check_translated(hg_mask_log_options *options)
{
	static const char detail[] = "Schlüssel »(email)=(zq)« existiert bereits.";
	static const char file[] = "impossible d'ouvrir le fichier « zq zq » : Aucun fichier";
	static const char message[] = "»zq« passt nicht zum Parameter »work_mem«";
	char		out[1024];

	options->translate = translate;
	is_masked(detail, "Schlüssel »(email)=(" R ")« existiert bereits.", out,
			  hg_mask_field(HG_FORMAT_DETAIL, detail, strlen(detail), out, sizeof(out), options));
	is_masked(message, "»" R "« passt nicht zum Parameter »work_mem«", out,
			  hg_mask_message("invalid value for parameter \"%s\": \"%s\"", message,
							  strlen(message), out, sizeof(out), options));
	is_masked(file, "impossible d'ouvrir le fichier « " R " » : Aucun fichier", out,
			  hg_mask_message("could not open file \"%s\": %m", file, strlen(file), out,
							  sizeof(out), options));
	is_masked("Patient »zq zq« fehlt", "Patient »" R "« fehlt", out,
			  hg_mask_message("%s", "Patient »zq zq« fehlt", 23, out, sizeof(out), options));
	is_masked("Patient \xbbzq zq\xab fehlt", "Patient \xbb" R "\xab fehlt", out,
			  hg_mask_message("%s", "Patient \xbbzq zq\xab fehlt", 21, out, sizeof(out), options));
	is_masked("die Zo\xc3\xab ist da", "die Zo\xc3\xab ist da", out,
			  hg_mask_message("%s", "die Zo\xc3\xab ist da", 15, out, sizeof(out), options));
	is_masked("Unbekannt: zq", R, out,
			  hg_mask_field(HG_FORMAT_DETAIL, "Unbekannt: zq", 13, out, sizeof(out), options));
	options->translate = NULL;
}

/* Messages within messages, without end. */
static void
check_nested(const hg_mask_log_options *options)
{
	static char text[60000];
	static char out[60000];
	static const char piece[] = "could not connect to the publisher: ";

	for (size_t used = 0; used + sizeof(piece) < sizeof(text); used += sizeof(piece) - 1)
		memcpy(text + used, piece, sizeof(piece));
	ok(hg_mask_message(NULL, text, strlen(text), out, sizeof(out), options) > 0,
	   "messages within messages do not exhaust the stack");
}

/* Where a literal may hide any word, known texts remain all the same. */
static void
check_hidden(hg_mask_log_options options)
{
	static const char statement[] = "select 'a' ~ 'zq\\1'";
	static const char known[] = "invalid regular expression: invalid backreference number";
	static const char unknown[] = "invalid regular expression: zq was not expected";
	static const char *const id = "invalid regular expression: %s";
	char		out[1024];

	options.statement = statement;
	options.statement_size = strlen(statement);
	is_masked(known, SAME, out,
			  hg_mask_message(id, known, strlen(known), out, sizeof(out), &options));
	is_masked(unknown, "invalid regular expression: " R, out,
			  hg_mask_message(id, unknown, strlen(unknown), out, sizeof(out), &options));
}

int
main(void)
{
	hg_mask_log_options options = {.mask = {.confidence = 0.4f}, .strict = true};
	char		out[1024];

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
	{
		const char *text = messages[i].text;

		is_masked(text, messages[i].masked, out,
				  hg_mask_message(messages[i].id, text, strlen(text), out, sizeof(out), &options));
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
	{
		const char *text = fields[i].text;

		is_masked(text, fields[i].masked, out,
				  hg_mask_field(fields[i].field, text, strlen(text), out, sizeof(out), &options));
	}
	is_masked("patient Zq (a%) of <NULL> gone", "patient " R " (a%) of <NULL> gone", out,
			  hg_mask_raise("patient %s (a%%) of %s gone", "patient Zq (a%) of <NULL> gone", 30,
							out, sizeof(out), &options));
	is_int(hg_mask_raise("patient %s", "nobody", 6, out, sizeof(out), &options), 0,
		   "a format that cannot have made a text masks nothing");
	check_translated(&options);
	check_nested(&options);
	check_hidden(options);
	options.withhold = true;
	is_masked("patient zq", R, out,
			  hg_mask_message("%s", "patient zq", 10, out, sizeof(out), &options));
	return done();
}
