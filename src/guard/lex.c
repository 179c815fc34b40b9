/*
 * lex.c
 *		Reads a statement's own text with PostgreSQL's scanner.
 *
 * The tree of a utility statement has no walker that knows all its fields; its
 * text has everything.  Comments are skipped: nothing stores them outside of
 * literals.  What text alone cannot show (LIKE, INHERITS, folded expressions) is
 * read from the catalogs after the command.
 *
 * A message may change standard_conforming_strings between its statements, so
 * that a statement runs under another setting than it was parsed under.  A text
 * with a backslash is therefore read under both.
 */
#include "guard/lex.h"

#include "base/compat.h"
#include "guard/catalog.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/scanner.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* The scanner's numbers of tokens with a text; gram.h is not installed by all versions. */
enum
{
	TOKEN_END = 0,
	TOKEN_IDENT = 258, TOKEN_UIDENT, TOKEN_FCONST, TOKEN_SCONST, TOKEN_USCONST, TOKEN_BCONST,
	TOKEN_XCONST, TOKEN_OP, TOKEN_ICONST, TOKEN_PARAM,
	TOKEN_KEYWORD = 100000		/* ours: any of them */
};

typedef struct suspect
{
	hg_guard_at at;
	bool		is_name;
	char	   *text;
	hg_text_finding finding;
} suspect;

typedef struct reader
{
	const hg_guard_judge *judge;
	const hg_guard_statement *kind;
	NodeTag		tag;
	const char *body;			/* the function body that this is, in which names are no new ones */

	core_yyscan_t scanner;
	bool		looked_ahead;
	int			ahead_token;
	char	   *ahead_text;
	int			token;
	char	   *text;			/* of a keyword: its spelling */

	hg_guard_at next_name;		/* what the next name is; HG_AT_NONE: what the statement says */
	hg_guard_at last_name;		/* what the last name was, for the parts of a qualified one */
	hg_guard_at group_name;		/* what names in this pair of parentheses are: WITH (...) */
	hg_guard_at literal;		/* what a literal is */
	int			depth;			/* of parentheses */
	int			group_depth;
	int			previous;		/* the token before */
	bool		announced;		/* that was a keyword that said what follows */
	bool		dropping;		/* the next name goes away */
	bool		resetting;		/* all names up to the next keyword go away */
	bool		retyping;		/* ALTER COLUMN ... TYPE: what USING computes is data */
	bool		computing;		/* behind that USING, up to the next action */
	bool		concatenating;	/* behind '...' || */
	StringInfoData joined;		/* literals with || between them */
	int			joined_count;
	List	   *suspects;
} reader;

static void
fetch(reader *r, int *token, char **text)
{
	core_YYSTYPE value;
	YYLTYPE		location;

	memset(&value, 0, sizeof(value));
	*token = core_yylex(&value, &location, r->scanner);
	*text = NULL;
	if (*token >= TOKEN_IDENT && *token <= TOKEN_OP)
		*text = value.str;
	else if (*token > TOKEN_PARAM && value.keyword != NULL)
	{
		*token = TOKEN_KEYWORD;
		*text = unconstify(char *, value.keyword);
	}
}

/* The character of "digits" hexadecimal digits; false if they are no such. */
static bool
read_code_point(const char *text, int digits, pg_wchar *result)
{
	*result = 0;
	for (int i = 0; i < digits; i++)
	{
		const char *hex = "0123456789abcdef";
		const char *found = text[i] ? strchr(hex, tolower((unsigned char) text[i])) : NULL;

		if (found == NULL)
			return false;
		*result = *result * 16 + (pg_wchar) (found - hex);
	}
	return true;
}

/* Decodes U&'...' as the grammar does; the parser has refused what is malformed. */
static char *
decode_unicode(const char *text, char escape)
{
	StringInfoData result;
	pg_wchar	high = 0;

	initStringInfo(&result);
	while (*text)
	{
		int			prefix = text[0] == escape ? (text[1] == '+' ? 2 : 1) : 0;
		int			digits = prefix == 2 ? 6 : 4;
		pg_wchar	c;
		unsigned char bytes[MAX_UNICODE_EQUIVALENT_STRING + 1];

		if (prefix > 0 && text[1] != escape && read_code_point(text + prefix, digits, &c))
		{
			text += prefix + digits;
			if (is_utf16_surrogate_first(c))
			{
				high = c;
				continue;
			}
			if (high != 0 && is_utf16_surrogate_second(c))
				c = surrogate_pair_to_codepoint(high, c);
			high = 0;
			pg_unicode_to_server(c, bytes);
			appendStringInfoString(&result, (const char *) bytes);
			continue;
		}
		if (prefix == 1 && text[1] == escape)
			text++;
		appendStringInfoChar(&result, *text++);
	}
	return result.data;
}

/* The next token; U& literals and names are decoded, with their UESCAPE. */
static void
advance(reader *r)
{
	bool		is_name;
	char		escape = '\\';

	if (r->looked_ahead)
	{
		r->token = r->ahead_token;
		r->text = r->ahead_text;
		r->looked_ahead = false;
	}
	else
		fetch(r, &r->token, &r->text);
	if (r->token != TOKEN_UIDENT && r->token != TOKEN_USCONST)
		return;

	is_name = r->token == TOKEN_UIDENT;
	fetch(r, &r->ahead_token, &r->ahead_text);
	r->looked_ahead = true;
	if (r->ahead_token == TOKEN_KEYWORD && strcmp(r->ahead_text, "uescape") == 0)
	{
		fetch(r, &r->ahead_token, &r->ahead_text);
		if (r->ahead_token == TOKEN_SCONST)
		{
			escape = r->ahead_text[0];
			r->looked_ahead = false;
		}
	}
	r->text = decode_unicode(r->text, escape);
	r->token = is_name ? TOKEN_IDENT : TOKEN_SCONST;
}

static void
note(reader *r, hg_guard_at at, const char *text, size_t size, bool is_name,
	 const hg_text_finding *finding)
{
	suspect    *s = palloc(sizeof(suspect));

	s->at = at;
	s->is_name = is_name;
	s->text = pnstrdup(text, size);
	s->finding = *finding;
	r->suspects = lappend(r->suspects, s);
}

static void
take_name(reader *r)
{
	size_t		size = strlen(r->text);
	hg_text_finding finding;
	hg_guard_at at = r->kind->name;

	if (r->body != NULL)
		return;
	if (r->previous == '.' && r->last_name != HG_AT_NONE)
		at = r->last_name;
	else if (r->next_name != HG_AT_NONE)
		at = r->next_name;
	else if (r->group_name != HG_AT_NONE)
		at = r->group_name;
	r->last_name = at;
	r->next_name = HG_AT_NONE;
	if (!r->dropping && !r->resetting && !r->computing &&
		hg_guard_finds(r->judge, at, r->text, size, true, &finding))
		note(r, at, r->text, size, true, &finding);
}

/* A chain of literals ends here: what do they make together? */
static void
end_joined(reader *r)
{
	hg_text_finding finding;

	if (r->joined_count > 1 &&
		hg_guard_finds_in_literal(r->judge, r->literal, r->joined.data, r->joined.len, &finding))
		note(r, r->literal, r->joined.data, r->joined.len, false, &finding);
	resetStringInfo(&r->joined);
	r->joined_count = 0;
	r->concatenating = false;
}

static void read_body(reader *r, const char *body);

static void
take_literal(reader *r)
{
	size_t		size = strlen(r->text);
	hg_text_finding finding;

	if (r->computing)
		return;
	/* What stands in a body as it is was seen when the whole body was. */
	if ((r->body == NULL || strstr(r->body, r->text) == NULL) &&
		hg_guard_finds_in_literal(r->judge, r->literal, r->text, size, &finding))
		note(r, r->literal, r->text, size, false, &finding);
	if (r->literal == HG_AT_BODY && r->body == NULL && strchr(r->text, '\'') != NULL)
		read_body(r, r->text);
	if (!r->concatenating)
		end_joined(r);
	appendBinaryStringInfo(&r->joined, r->text, (int) size);
	r->joined_count++;
	r->concatenating = false;
}

/*
 * ALTER TABLE ... ALTER column TYPE type USING expression makes new rows of the
 * old ones: what stands in the expression is stored nowhere.  Where a name
 * deceives (a constraint called "type" in front of EXCLUDE USING), the check
 * after the command sees what was stored.
 */
static void
take_using(reader *r)
{
	if (r->tag != T_AlterTableStmt || r->depth > 0)
		return;
	if (strcmp(r->text, "type") == 0)
		r->retyping = true;
	else if (strcmp(r->text, "using") == 0 && r->retyping)
		r->computing = true;
}

static void
take_keyword(reader *r)
{
	const hg_guard_keyword *keyword;

	if (r->body != NULL)
		return;
	keyword = hg_guard_keyword_of(r->tag, r->text);
	take_using(r);
	if (strcmp(r->text, "drop") == 0)
		r->dropping = true;
	r->resetting = strcmp(r->text, "reset") == 0;
	r->announced = keyword != NULL && keyword->next_name != HG_AT_NONE;
	if (r->announced)
		r->next_name = keyword->next_name;
	if (keyword != NULL && keyword->literal != HG_AT_NONE)
		r->literal = keyword->literal;
}

static void
take_parenthesis(reader *r)
{
	if (r->token == '(')
	{
		r->depth++;
		if (r->announced && r->previous == TOKEN_KEYWORD)
		{
			r->group_name = r->next_name;
			r->group_depth = r->depth;
		}
		r->next_name = HG_AT_NONE;
		return;
	}
	if (r->depth == r->group_depth)
		r->group_name = HG_AT_NONE;
	r->depth--;
	r->resetting = false;
}

static void
take(reader *r)
{
	if (r->previous == TOKEN_IDENT && r->token != '.')
		r->dropping = false;
	switch (r->token)
	{
		case TOKEN_IDENT:
			if (r->concatenating)
				end_joined(r);
			take_name(r);
			break;
		case TOKEN_SCONST:
		case TOKEN_BCONST:
		case TOKEN_XCONST:
		case TOKEN_FCONST:
			take_literal(r);
			break;
		case TOKEN_OP:
			if (strcmp(r->text, "||") == 0)
				r->concatenating = r->joined_count > 0;
			break;
		case TOKEN_KEYWORD:
			take_keyword(r);
			break;
		case '(':
		case ')':
			take_parenthesis(r);
			break;
		case ',':
			if (r->depth == 0)
				r->retyping = r->computing = false;
			/* FALLTHROUGH */
		case TOKEN_END:
			r->dropping = false;
			end_joined(r);
			break;
	}
	r->previous = r->token;
}

/* Whether an error of the scanner says no more than that this is no SQL under this setting. */
static bool
is_lexical(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR) ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
		sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED;	/* U&'...' under the old setting */
}

/*
 * Reads a text under one setting; adds what it suspects.  False: it could not be
 * read.  The parser has told the client of names that it cut off, so that this
 * second scanner is silent.
 */
static bool
read_once(reader *r, char *sql, bool standard_strings)
{
	MemoryContext context = CurrentMemoryContext;
	int			client_level = client_min_messages;
	int			log_level = HG_LOG_MIN_MESSAGES;
	volatile bool readable = true;
	core_yy_extra_type extra;

	r->looked_ahead = r->announced = r->dropping = r->resetting = r->concatenating = false;
	r->retyping = r->computing = false;
	r->next_name = r->last_name = r->group_name = HG_AT_NONE;
	r->depth = r->group_depth = r->previous = r->joined_count = 0;
	r->literal = r->kind->literal;
	resetStringInfo(&r->joined);
	client_min_messages = HG_LOG_MIN_MESSAGES = ERROR;
	PG_TRY();
	{
		r->scanner = scanner_init(sql, &extra, &ScanKeywords, ScanKeywordTokens);
		extra.standard_conforming_strings = standard_strings;
		extra.escape_string_warning = false;
		do
		{
			advance(r);
			take(r);
		} while (r->token != TOKEN_END);
		scanner_finish(r->scanner);
	}
	PG_CATCH();
	{
		client_min_messages = client_level;
		HG_LOG_MIN_MESSAGES = log_level;
		MemoryContextSwitchTo(context);
		if (!is_lexical(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
		readable = false;
	}
	PG_END_TRY();
	client_min_messages = client_level;
	HG_LOG_MIN_MESSAGES = log_level;
	return readable;
}

/* Reads a text as it is under either setting; false if it is no SQL under any. */
static bool
read_both(reader *r, char *sql)
{
	bool		readable = read_once(r, sql, true);

	if (strchr(sql, '\\') != NULL)
		readable = read_once(r, sql, false) || readable;
	return readable;
}

/*
 * The literals of a function's body that are written with escapes or in pieces:
 * the body as a text does not show them.  If its language is no SQL, nothing
 * comes of it.
 */
static void
read_body(reader *r, const char *body)
{
	reader		inner = {.judge = r->judge,.kind = r->kind,.tag = r->tag,.body = body};

	initStringInfo(&inner.joined);
	read_both(&inner, pstrdup(body));
	r->suspects = list_concat(r->suspects, inner.suspects);
}

/*
 * Whether a name is left to the check after the command, since the statement may
 * only refer to an object that has it.  Some commands leave nothing to check:
 * they cannot be rolled back, or commit inside.
 */
static bool
may_be_reference(const reader *r, const suspect *s)
{
	if (!s->is_name || r->tag == T_CreatedbStmt || r->tag == T_CreateTableSpaceStmt ||
		(r->tag == T_IndexStmt && s->at == HG_AT_INDEX_NAME))
		return false;
	return hg_guard_name_exists(s->text);
}

static void
judge_suspects(reader *r)
{
	ListCell   *cell;

	foreach(cell, r->suspects)
	{
		suspect    *s = lfirst(cell);

		if (may_be_reference(r, s))
			continue;
		hg_guard_sentence(r->judge, s->at, s->text, strlen(s->text), &s->finding);
	}
}

void
hg_guard_read_slice(const hg_guard_judge *judge, const hg_guard_statement *kind, NodeTag tag,
					const char *sql, size_t size)
{
	MemoryContext ours = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard statement",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext callers = MemoryContextSwitchTo(ours);
	char	   *copy = pnstrdup(sql, size);
	reader		r = {.judge = judge,.kind = kind,.tag = tag};
	bool		readable;

	initStringInfo(&r.joined);
	readable = read_both(&r, copy);
	judge_suspects(&r);
	/* Neither setting makes SQL of it: then it is read as prose, rather than not at all. */
	if (!readable)
		hg_guard_check(judge, kind->literal, copy, size, false);
	MemoryContextSwitchTo(callers);
	MemoryContextDelete(ours);
}
