/*
 * Goal: no literal, comment or odd name of a statement survives masking, its
 * structure does, and masking twice changes nothing.
 * Method: pairs of statements, before and after. The values are words that no
 * detector knows, so that only the scanner can take them away.
 */
#define _GNU_SOURCE
#include "redact/mask.h"

#include "tap.h"

#define R "'[redacted]'"

static const struct
{
	const char *sql;
	const char *masked;
}			pairs[] = {
	/* all kinds of literals */
	{"select 'zq'", "select " R},
	{"select 'z''q', ''", "select " R ", ''"},
	{"select E'z\\'q', e'\\\\', 'zq'", "select " R ", " R ", " R},
	{"select B'101', x'1F', N'zq'", "select " R ", " R ", " R},
	{"select U&'z\\0071' from t", "select " R " from t"},
	{"select U&'z!0071' UESCAPE '!' from t", "select " R " from t"},
	{"select $$zq$$, $a$z$$q$b$ $a$", "select " R ", " R},
	{"do $$ begin raise 'zq'; end $$;", "do " R ";"},
	{"select 'z'\n\t'q' as a", "select " R " as a"},
	{"select 'z' -- zq\n 'q' as a", "select " R " as a"},
	{"select E'z'\n'\\'q' as a", "select " R " as a"},
	{"select date'zq', 'zq'::text", "select date" R ", " R "::text"},
	{"select 'zq", "select " R},
	{"select $a$zq", "select " R},
	{"select $a$zq$a", "select " R},
	/* numbers */
	{"where a = 42 and b=-5 and c - 7 < 1.5e-10", "where a = " R " and b=-0 and c - " R " < " R},
	{"select .5, 0x1F, 1_000, 12ab", "select " R ", " R ", " R ", " R},
	{"select 1$$zq zq$$, 1.5$a$zq$a$, 12ab$zq", "select " R " " R ", " R " " R ", " R},
	{"where a = $1 limit 10 offset 20", "where a = $1 limit 10 offset 20"},
	{"a varchar(20), b numeric(10, 2), c int[3]", "a varchar(20), b numeric(10, 2), c int[3]"},
	{"for i in 1..10 loop", "for i in " R ".." R " loop"},
	{"create sequence s start 5 increment by -2 cache 9",
	"create sequence s start 5 increment by -0 cache 9"},
	{"t1.a2 = b_3", "t1.a2 = b_3"},
	/* comments */
	{"select a -- zq\nfrom t", "select a -- [redacted]\nfrom t"},
	{"select/*zq/*zq*/zq*/a", "select/* [redacted] */a"},
	{"select a /* zq", "select a /* [redacted] */"},
	{"select a--", "select a--"},
	/* names */
	{"where \"name\" = \"John Zq\"", "where \"name\" = \"[redacted]\""},
	{"select \"a\"\"b\" from \"T1\"", "select \"[redacted]\" from \"T1\""},
	{"select U&\"z\\0071\" uescape '!' from t", "select \"[redacted]\" from t"},
	{"select \"zq", "select \"[redacted]\""},
	/* values of parameters that take any text, without quotes */
	{"set myapp.zz = zq", "set myapp.zz = " R},
	{"begin; SET LOCAL myapp.zz TO zq, zq; select a",
	"begin; SET LOCAL myapp.zz TO " R "; select a"},
	{"set session application_name = \"zq\"", "set session application_name = " R},
	{"alter role r set myapp.zz = zq", "alter role r set myapp.zz = " R},
	{"create function f() returns int set a.b to zq zq",
	"create function f() returns int set a.b to " R},
	{"-- zq\n /* zq */ set myapp.zz = zq", "-- [redacted]\n /* [redacted] */ set myapp.zz = " R},
	{"select a; -- zq\nset myapp.zz = zq", "select a; -- [redacted]\nset myapp.zz = " R},
	{"update t set a = b; set myapp.zz = zq", "update t set a = b; set myapp.zz = " R},
	{"create rule r as on insert to t do update t set a.b = c",
	"create rule r as on insert to t do update t set a.b = c"},
	{"set myapp.zz = off", "set myapp.zz = off"},
	{"set search_path = public, clinic", "set search_path = public, clinic"},
	{"update t set a.b = c, d.e = f where x.y = z", "update t set a.b = c, d.e = f where x.y = z"},
	/* both readings of a backslash */
	{"values ('C:\\', 'zq')", "values (" R ", " R ")"},
	{"select 'z\\'q zq', 'zq'", "select " R},
	{"select 'z\\\\', a", "select " R ", a"},
	{"select 'C:\\', 'zq", "select " R},
	/* a quote that should have been doubled */
	{"update p set a = 'O'zq' where b = 'zq' and c = zq", "update p set a = " R},
	{"where a = 'zq ' zq' and b = zq", "where a = " R},
	{"values ('zq', b, 'zq ' zq zq', 5)", "values (" R},
	{"values ('O'zq', 'D'zq')", "values (" R},
	{"select 'zq'as a, date'zq'and b", "select " R "as a, date" R "and b"},
	/* nothing to mask */
	{"", ""},
	{"select a, count(*) from t group by a having count(*) > $1",
	"select a, count(*) from t group by a having count(*) > $1"},
	{"a -> b #>> c || d", "a -> b #>> c || d"},
};

static void
check_pair(const char *sql, const char *masked)
{
	static const hg_mask_options options = {.confidence = 0.4f};
	char		once[1024];
	char		twice[1024];
	size_t		size = hg_mask_sql(sql, strlen(sql), once, sizeof(once) - 1, &options);

	once[size] = '\0';
	is_str(once, masked, "%s", sql);
	size = hg_mask_sql(once, size, twice, sizeof(twice) - 1, &options);
	twice[size] = '\0';
	is_str(twice, once, "twice: %s", sql);
}

/* Output that does not fit is cut, and no byte is written behind it. */
static void
check_cut(void)
{
	static const hg_mask_options options = {.confidence = 0.4f};
	static const char sql[] = "select 'zq', \xc3\xa4\xc3\xb6, 'zq' from t";
	int			right = 1;

	for (size_t room = 0; room < 64; room++)
	{
		char		out[65];
		size_t		size;

		memset(out, '#', sizeof(out));
		size = hg_mask_sql(sql, sizeof(sql) - 1, out, room, &options);
		if (size > room || out[room] != '#' || memmem(out, size, "zq", 2) != NULL)
			right = 0;
		if (size > 0 && (unsigned char) out[size - 1] == 0xc3)
			right = 0;
	}
	ok(right, "output is cut at whole characters, and never longer than its room");
}

static hg_mask_passage rows[64][HG_PASSAGE_WAYS];
static hg_mask_passages passages = {rows, 64, 0};

static int
masked_alike(const char *sql)
{
	static const hg_mask_options plain = {.confidence = 0.4f};
	static const hg_mask_options remembering = {.confidence = 0.4f, .passages = &passages};
	char		expected[1024];
	char		got[1024];
	size_t		expected_size = hg_mask_sql(sql, strlen(sql), expected, sizeof(expected), &plain);
	size_t		got_size;

	/* Output that is full ends the reading: what is behind must not count as read. */
	(void) hg_mask_sql(sql, strlen(sql), got, strlen(sql) / 2, &remembering);
	got_size = hg_mask_sql(sql, strlen(sql), got, sizeof(got), &remembering);
	return got_size == expected_size && memcmp(got, expected, got_size) == 0;
}

/*
 * Passages that are remembered change nothing: statements that begin alike, and
 * go on with each kind of token there is, are masked with a memory and without.
 */
static void
check_passages(void)
{
	static const char *const heads[] = {
		"select a_1, b_2 from some_table where c_3 = ", "select a_1, b_2 from some_table",
		"insert into some_table (a_1, b_2) values (", "select some_name, other_name-",
		"select some_name, other_name.", "select numeric(12, 'zq', some_name, char(",
	};
	static const char *const tails[] = {
		"5", "'zq'", "$$zq$$", "$a$zq$a$", "e'z\\'q'", "E'zq'", "\"z q\"", "--zq\n", "-- zq",
		"--", "/*",
		"-5", "/*zq*/", "*zq*/", "zq'zq'", "1zq", ".5", "..5", "$1", "::int", "", " limit 5",
		" limit 'zq'", "zq from \"z q\"", "&'zq'", "u&'zq'",
	};
	static const char *const ends[] = {
		"", ", other_column, third_column", ") and d_4 > 7 limit 20"
	};
	int			same = 0;
	int			count = 0;
	int			known = 0;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
			for (size_t j = 0; j < sizeof(tails) / sizeof(tails[0]); j++)
				for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
				{
					char		sql[256];

					snprintf(sql, sizeof(sql), "%s%s%s", heads[i], tails[j], ends[k]);
					count++;
					same += masked_alike(sql);
				}
	is_int(same, count, "statements that begin alike are masked alike with a memory of passages");
	for (int i = 0; i < 64 * HG_PASSAGE_WAYS; i++)
		known += rows[i / HG_PASSAGE_WAYS][i % HG_PASSAGE_WAYS].size > 0;
	ok(known > 3, "and passages were remembered");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		check_pair(pairs[i].sql, pairs[i].masked);
	check_cut();
	check_passages();
	return done();
}
