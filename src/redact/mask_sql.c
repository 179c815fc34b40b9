/*
 * mask_sql.c
 *		Masking of SQL: every literal and comment, and names that are no names.
 *
 * Pure C without postgres.h: no allocation, no lock, no failure, no state.
 * The server's own lexer allocates and raises errors, so it cannot be used
 * inside an error report; this one reads any bytes, and takes what is not
 * terminated to the end.
 *
 * Whether a backslash escapes a quote in '...' depends on a setting that the
 * text does not tell.  Both readings are tried where they differ: if the rest
 * is well-formed under the standard one only, that one is used; otherwise all
 * of the rest is masked.  So a text that was cut in a literal, and one that
 * was written with standard_conforming_strings off, never show a value.
 *
 * A quote that should have been doubled shows in the same way: 'O'Brien' has a
 * word right behind a literal, or an end without a quote.  From the first
 * literal on nobody knows then what is within one.
 *
 * Numbers are values too.  They become quoted markers like the other literals,
 * which every expression takes; after a unary sign they become 0; and where
 * the grammar wants a bare number (LIMIT 10, varchar(20), CACHE 5) they stay.
 */
#include "redact/mask_align.h"
#include "redact/mask_argument.h"
#include "redact/mask_out.h"
#include "redact/mask_passage.h"

#include <strings.h>

typedef enum token_kind
{
	TOKEN_NONE,
	TOKEN_SPACE,
	TOKEN_LINE_COMMENT,
	TOKEN_BLOCK_COMMENT,
	TOKEN_LITERAL,
	TOKEN_QUOTED_NAME,
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_PARAMETER,
	TOKEN_CHARACTER
} token_kind;

typedef struct token
{
	token_kind	kind;
	size_t		start;
	size_t		end;
	bool		terminated;
	bool		unicode;		/* U&'...' or U&"...": may have a UESCAPE */
	bool		plain;			/* '...' without E: its end depends on the reading */
} token;

typedef enum reading
{
	READING_UNDECIDED,
	READING_STANDARD,			/* a backslash is a character like any other */
	READING_NONE				/* cannot be told: the rest is masked */
} reading;

typedef struct sql_scan
{
	const char *text;
	size_t		size;
	hg_out	   *out;
	const hg_mask_options *options;
	reading		reading;
	bool		plan;			/* EXPLAIN's text: costs, rows and times stay */
	bool		json;			/* a plan as JSON or YAML: names are its strings, with escapes */
	const hg_mask_log_options *outer;	/* the statement that came to run this one, or NULL */
	size_t		outer_read;		/* bytes of it that were searched for words of this one */
	size_t		first_literal;	/* where the output has the first one, if there is any */
	bool		has_literal;
	size_t		kept;			/* from here on the text is to be written as it is */
	size_t		passage;		/* as "kept", if it may be remembered from there on */
	hg_mask_reader reader;
} sql_scan;

/* No passage begins here. */
#define NO_PASSAGE SIZE_MAX

/* Classes of bytes: most of SQL is passed over by them. */
#define BYTE_SPACE 0x01
#define BYTE_DIGIT 0x02
#define BYTE_UPPER 0x04
#define BYTE_LOWER 0x08
#define BYTE_OTHER 0x10			/* _ and what is part of a letter outside ASCII */
#define BYTE_DOLLAR 0x20
#define BYTE_OPENS 0x40			/* may begin a token of several bytes, but no word or number */

#define BYTE_WORD_START (BYTE_UPPER | BYTE_LOWER | BYTE_OTHER)
#define BYTE_WORD (BYTE_WORD_START | BYTE_DIGIT | BYTE_DOLLAR)

static const uint8_t classes[256] = {
	[' '] = BYTE_SPACE, ['\t' ... '\r'] = BYTE_SPACE, ['0' ... '9'] = BYTE_DIGIT,
	['A' ... 'Z'] = BYTE_UPPER, ['a' ... 'z'] = BYTE_LOWER, ['_'] = BYTE_OTHER,
	[0x80 ... 0xFF] = BYTE_OTHER, ['$'] = BYTE_DOLLAR | BYTE_OPENS, ['\''] = BYTE_OPENS,
	['"'] = BYTE_OPENS, ['-'] = BYTE_OPENS, ['/'] = BYTE_OPENS, ['.'] = BYTE_OPENS,
};

static inline bool
is_space(unsigned char c)
{
	return (classes[c] & BYTE_SPACE) != 0;
}

static inline bool
is_digit(unsigned char c)
{
	return (classes[c] & BYTE_DIGIT) != 0;
}

static inline bool
is_word_start(unsigned char c)
{
	return (classes[c] & BYTE_WORD_START) != 0;
}

static inline bool
is_word(unsigned char c)
{
	return (classes[c] & BYTE_WORD) != 0;
}

static inline bool
is_letter_or_digit(unsigned char c)
{
	return (classes[c] & (BYTE_WORD_START | BYTE_DIGIT)) != 0;
}

/* The end of '...' or "..." from within; *terminated tells whether there was one. */
static size_t
end_within_quoted(const char *text, size_t size, size_t at, char quote, bool escapes,
				  bool *terminated)
{
	while (at < size)
	{
		if (!escapes)
		{
			const char *next = memchr(text + at, quote, size - at);

			if (next == NULL)
				break;
			at = (size_t) (next - text);
		}
		if (text[at] == '\\' && escapes)
			at += 2;
		else if (text[at] != quote)
			at++;
		else if (at + 1 < size && text[at + 1] == quote)
			at += 2;
		else
		{
			*terminated = true;
			return at + 1;
		}
	}
	*terminated = false;
	return size;
}

/* The same from the quote that opens it at "at". */
static size_t
end_of_quoted(const char *text, size_t size, size_t at, bool escapes, bool *terminated)
{
	return end_within_quoted(text, size, at + 1, text[at], escapes, terminated);
}

/* The end of a block comment, which may hold others: *depth of them are open at "at". */
static size_t
end_of_comment(const char *text, size_t size, size_t at, int *depth, bool *terminated)
{
	while (at + 1 < size)
	{
		if (text[at] == '/' && text[at + 1] == '*')
		{
			(*depth)++;
			at += 2;
		}
		else if (text[at] == '*' && text[at + 1] == '/')
		{
			at += 2;
			if (--*depth == 0)
			{
				*terminated = true;
				return at;
			}
		}
		else
			at++;
	}
	*terminated = false;
	return size;
}

/* The size of the $tag$ at a byte, 0 if there is none. */
static size_t
size_of_tag(const char *text, size_t size, size_t at)
{
	size_t		end = at + 1;

	if (end < size && is_word_start((unsigned char) text[end]))
		while (end < size && text[end] != '$' && is_word((unsigned char) text[end]))
			end++;
	return end < size && text[end] == '$' ? end + 1 - at : 0;
}

/* The end of $tag$...$tag$, looked for from "at" on. */
static size_t
end_of_dollar_quoted(const char *text, size_t size, const char *tag, size_t tag_size, size_t at,
					 bool *terminated)
{
	const char *dollar;

	while (at + tag_size <= size && (dollar = memchr(text + at, '$', size - at)) != NULL)
	{
		at = (size_t) (dollar - text);
		if (at + tag_size > size)
			break;
		if (memcmp(dollar, tag, tag_size) == 0)
		{
			*terminated = true;
			return at + tag_size;
		}
		at++;
	}
	*terminated = false;
	return size;
}

/* 12, 1.5, .5, 1e-10, 0x1F, 1_000; also 123abc, of which nothing may remain. $$ opens a literal. */
static size_t
end_of_number(const char *text, size_t size, size_t at)
{
	size_t		start = at;

	while (at < size)
	{
		unsigned char c = (unsigned char) text[at];

		if ((c == '.' && at + 1 < size && text[at + 1] == '.') ||
			(c == '$' && size_of_tag(text, size, at) > 0))
			break;
		if (is_word(c) || c == '.')
			at++;
		else if ((c == '-' || c == '+') && at > start &&
				 (text[at - 1] == 'e' || text[at - 1] == 'E') &&
				 at + 1 < size && is_digit((unsigned char) text[at + 1]) &&
				 !(text[start] == '0' && (text[start + 1] | 0x20) == 'x'))
			at++;
		else
			break;
	}
	return at;
}

/* A word, or the literal or name that its one letter introduces: E'', B'', U&"". */
static void
read_word(const char *text, size_t size, size_t at, bool escapes, token *tok)
{
	size_t		end = at;
	char		letter = text[at] | 0x20;

	while (end < size && is_word((unsigned char) text[end]))
		end++;
	tok->kind = TOKEN_WORD;
	tok->end = end;
	if (end != at + 1 || end >= size)
		return;
	if (text[end] == '\'' && strchr("ebxn", letter) != NULL)
	{
		tok->kind = TOKEN_LITERAL;
		tok->plain = (letter != 'e');
		tok->end = end_of_quoted(text, size, end, escapes || letter == 'e', &tok->terminated);
	}
	else if (letter == 'u' && text[end] == '&' && end + 1 < size &&
			 (text[end + 1] == '\'' || text[end + 1] == '"'))
	{
		tok->kind = text[end + 1] == '"' ? TOKEN_QUOTED_NAME : TOKEN_LITERAL;
		tok->plain = (tok->kind == TOKEN_LITERAL);
		tok->unicode = true;
		tok->end = end_of_quoted(text, size, end + 1, escapes && tok->plain, &tok->terminated);
	}
}

/* The token at "at", which is below size. Never reads behind size. */
static token
read_token(const char *text, size_t size, size_t at, bool escapes)
{
	token		tok = {TOKEN_CHARACTER, at, at + 1, true, false, false};
	unsigned char c = (unsigned char) text[at];
	unsigned char next = at + 1 < size ? (unsigned char) text[at + 1] : 0;
	int			depth = 0;

	if (is_space(c))
	{
		tok.kind = TOKEN_SPACE;
		while (tok.end < size && is_space((unsigned char) text[tok.end]))
			tok.end++;
	}
	else if (is_word_start(c))
		read_word(text, size, at, escapes, &tok);
	else if (is_digit(c) || (c == '.' && is_digit(next) && (at == 0 || text[at - 1] != '.')))
	{
		tok.kind = TOKEN_NUMBER;
		tok.end = end_of_number(text, size, at);
	}
	else if (c == '\'')
	{
		tok.kind = TOKEN_LITERAL;
		tok.plain = true;
		tok.end = end_of_quoted(text, size, at, escapes, &tok.terminated);
	}
	else if (c == '"')
	{
		tok.kind = TOKEN_QUOTED_NAME;
		tok.end = end_of_quoted(text, size, at, false, &tok.terminated);
	}
	else if (c == '-' && next == '-')
	{
		tok.kind = TOKEN_LINE_COMMENT;
		while (tok.end < size && text[tok.end] != '\n' && text[tok.end] != '\r')
			tok.end++;
	}
	else if (c == '/' && next == '*')
	{
		tok.kind = TOKEN_BLOCK_COMMENT;
		tok.end = end_of_comment(text, size, at, &depth, &tok.terminated);
	}
	else if (c == '$' && is_digit(next))
	{
		tok.kind = TOKEN_PARAMETER;
		while (tok.end < size && is_digit((unsigned char) text[tok.end]))
			tok.end++;
	}
	else if (c == '$')
	{
		size_t		tag_size = size_of_tag(text, size, at);

		if (tag_size > 0)
		{
			tok.kind = TOKEN_LITERAL;
			tok.end = end_of_dollar_quoted(text, size, text + at, tag_size, at + tag_size,
										   &tok.terminated);
		}
	}
	return tok;
}

/* The end of a word that introduces no literal; "at" if none begins there. */
static inline size_t
end_of_plain_word(const char *text, size_t size, size_t at, unsigned *seen)
{
	size_t		end = at;
	unsigned	class = classes[(unsigned char) text[at]];
	unsigned	all = 0;

	*seen = 0;
	if (!(class & BYTE_WORD_START))
		return at;
	while (class & BYTE_WORD)
	{
		all |= class;
		if (++end == size)
			break;
		class = classes[(unsigned char) text[end]];
	}
	*seen = all;
	if (end == at + 1 && end < size && (text[end] == '\'' || text[end] == '&'))
		return at;
	return end;
}

/* The first token behind "at" that is not terminated, from there on; false if there is none. */
static bool
find_unterminated(const char *text, size_t size, size_t at, bool escapes, token *found)
{
	while (at < size)
	{
		unsigned	seen;
		size_t		end = end_of_plain_word(text, size, at, &seen);

		/* What can be told by its first byte is passed over quickly. */
		if (end == at && !(classes[(unsigned char) text[at]] & (BYTE_WORD | BYTE_OPENS)))
			end++;
		if (end == at)
		{
			*found = read_token(text, size, at, escapes);
			if (!found->terminated)
				return true;
			end = found->end;
		}
		at = end;
	}
	return false;
}

/* Whether the rest of a text holds no unterminated quote or comment under a reading. */
static bool
well_formed(const char *text, size_t size, size_t at, bool escapes)
{
	token		found;

	return !find_unterminated(text, size, at, escapes, &found);
}

/*
 * A literal whose end depends on the reading: decides once for the rest of the
 * text, and returns the token as it is to be taken.
 */
static token
decide_reading(sql_scan *scan, token standard)
{
	token		escaped;

	if (memchr(scan->text + standard.start, '\\', standard.end - standard.start) == NULL)
		return standard;
	escaped = read_token(scan->text, scan->size, standard.start, true);
	if (escaped.end == standard.end && escaped.terminated == standard.terminated)
		return standard;
	if (scan->reading == READING_UNDECIDED)
	{
		bool		standard_fits = standard.terminated &&
			well_formed(scan->text, scan->size, standard.end, false);
		bool		escapes_fits = escaped.terminated &&
			well_formed(scan->text, scan->size, escaped.end, true);

		scan->reading = standard_fits && !escapes_fits ? READING_STANDARD : READING_NONE;
	}
	if (scan->reading == READING_NONE)
		standard.end = scan->size;
	return standard;
}

/* The next token of the scan, as the reading has it. */
static token
next_token(sql_scan *scan, size_t at)
{
	token		tok = read_token(scan->text, scan->size, at, false);

	if (tok.kind == TOKEN_LITERAL && tok.plain)
		tok = decide_reading(scan, tok);
	if (tok.kind == TOKEN_QUOTED_NAME && scan->json)
		tok.end = end_of_quoted(scan->text, scan->size, at, true, &tok.terminated);
	return tok;
}

/* Skips spaces and comments; returns where the next token begins. */
static size_t
skip_space(const sql_scan *scan, size_t at, bool *newline)
{
	*newline = false;
	while (at < scan->size)
	{
		char		c = scan->text[at];
		token		tok;

		if (is_space((unsigned char) c))
		{
			*newline = *newline || c == '\n' || c == '\r';
			at++;
			continue;
		}
		if (c != '-' && c != '/')
			break;
		tok = read_token(scan->text, scan->size, at, false);
		if (tok.kind != TOKEN_LINE_COMMENT && tok.kind != TOKEN_BLOCK_COMMENT)
			break;
		at = tok.end;
	}
	return at;
}

/*
 * The end of a literal with all that belongs to it: 'a' <newline> 'b' are one,
 * and read alike, so E'a' lets its successor have escapes as well; and the
 * UESCAPE of a U&'...' would not be valid behind a marker.
 */
static size_t
end_of_whole(sql_scan *scan, const token *tok)
{
	size_t		end = tok->end;
	bool		newline;
	size_t		next;

	for (;;)
	{
		bool		terminated;

		next = skip_space(scan, end, &newline);
		if (tok->kind != TOKEN_LITERAL || !newline || next >= scan->size ||
			scan->text[next] != '\'')
			break;
		if (tok->plain)
			end = next_token(scan, next).end;
		else
			end = end_of_quoted(scan->text, scan->size, next, true, &terminated);
	}
	if (tok->unicode && next + 7 <= scan->size &&
		strncasecmp(scan->text + next, "uescape", 7) == 0)
	{
		next = skip_space(scan, next + 7, &newline);
		if (next < scan->size && scan->text[next] == '\'')
			return next_token(scan, next).end;
	}
	return end;
}

/* Writes what stays before a token that is replaced. */
static void
write_kept(sql_scan *scan, size_t to)
{
	if (to > scan->kept)
		hg_out_bytes(scan->out, scan->text + scan->kept, to - scan->kept);
	if (scan->passage < to)
		hg_mask_passage_add(scan->options->passages, scan->text, scan->size, scan->passage, to,
							&scan->reader);
	scan->passage = NO_PASSAGE;
	scan->kept = to;
}

/* What was written in the place of the text up to "end" is complete. */
static size_t
replaced(sql_scan *scan, size_t end)
{
	scan->kept = end;
	return end;
}

/* A plain word of at most 63 bytes, as names of objects are. */
static bool
is_plain_word(const char *word, size_t size)
{
	if (size == 0 || size > 63 || !is_word_start((unsigned char) word[0]))
		return false;
	for (size_t i = 1; i < size; i++)
		if (!is_word((unsigned char) word[i]))
			return false;
	return true;
}

/* A quote right behind another one would be read as part of it, and behind U& as its own. */
static void
separate(hg_out *out, char quote)
{
	if (out->used > 0 &&
		(out->data[out->used - 1] == quote || out->data[out->used - 1] == '&'))
		hg_out_byte(out, ' ');
}

static void
open_quote(hg_out *out, char quote)
{
	separate(out, quote);
	hg_out_byte(out, quote);
}

/*
 * A string of a plan in JSON: words stay, since values stand in SQL's quotes;
 * all else is SQL, unless it has quotes of its own.
 */
static void
put_json_string(sql_scan *scan, const char *text, size_t size)
{
	hg_phi_span finding;
	bool		words = true;

	for (size_t i = 0; i < size; i++)
		words = words && (is_letter_or_digit((unsigned char) text[i]) || text[i] == ' ' ||
						  (text[i] == '-' && i > 0 && text[i - 1] != '-'));
	if (words && !hg_mask_find(text, 0, size, &finding, scan->options))
		hg_out_bytes(scan->out, text, size);
	else if (memchr(text, '\\', size) == NULL)
		hg_mask_put_sql(scan->out, text, size, scan->options);
	else
		hg_out_text(scan->out, HG_REDACTED);
}

static size_t
put_quoted_name(sql_scan *scan, const token *tok)
{
	const char *name = scan->text + tok->start + (tok->unicode ? 3 : 1);
	size_t		size = tok->end - tok->start - (tok->unicode ? 3 : 1) - (tok->terminated ? 1 : 0);
	hg_phi_span finding;
	bool		found;

	if (hg_mask_is_marker(name, size) && tok->terminated)
		return tok->end;
	if (scan->json && !tok->unicode)
	{
		write_kept(scan, tok->start);
		hg_out_byte(scan->out, '"');
		put_json_string(scan, name, size);
		hg_out_byte(scan->out, '"');
		return replaced(scan, tok->end);
	}
	found = hg_mask_find_in_name(name, size, &finding, scan->options->confidence,
								 scan->options->memo) ||
		hg_mask_find(name, 0, size, &finding, scan->options);
	write_kept(scan, tok->start);
	if (!found && tok->terminated && is_plain_word(name, size))
		hg_out_bytes(scan->out, scan->text + tok->start, tok->end - tok->start);
	else
	{
		open_quote(scan->out, '"');
		hg_mask_put_marker(scan->out, name, found ? &finding : NULL, scan->options);
		hg_out_byte(scan->out, '"');
	}
	return replaced(scan, end_of_whole(scan, tok));
}

/* Whether a word stands right behind a literal, as in 'O'Brien'. No key word has to stand apart. */
static bool
word_follows(const sql_scan *scan, size_t at)
{
	size_t		end = at;

	if (at < scan->size && scan->text[at] == '$')
		return false;
	while (end < scan->size && is_word((unsigned char) scan->text[end]))
		end++;
	return end > at && !hg_format_is_keyword(scan->text + at, end - at);
}

/*
 * Text with a quote too many or too few: one marker in place of all that was
 * written from the first literal on, and of the rest.
 */
static size_t
put_broken(sql_scan *scan)
{
	if (scan->has_literal)
	{
		scan->out->used = scan->first_literal;
		scan->out->cut = false;
	}
	open_quote(scan->out, '\'');
	hg_mask_put_marker(scan->out, scan->text, NULL, scan->options);
	hg_out_byte(scan->out, '\'');
	return replaced(scan, scan->size);
}

static size_t
put_literal(sql_scan *scan, const token *tok)
{
	size_t		end = end_of_whole(scan, tok);
	size_t		size = end - tok->start;
	const char *text = scan->text + tok->start;
	hg_phi_span finding;

	write_kept(scan, tok->start);
	if (scan->text[tok->start] != '$' &&
		((!tok->terminated && scan->has_literal) || word_follows(scan, end)))
		return put_broken(scan);
	if (!scan->has_literal)
		scan->first_literal = scan->out->used;
	scan->has_literal = true;
	/* A second masking must not change what the first one wrote. */
	if (size > 2 && text[0] == '\'' && text[size - 1] == '\'' &&
		hg_mask_is_marker(text + 1, size - 2))
	{
		separate(scan->out, '\'');
		hg_out_bytes(scan->out, text, size);
		return replaced(scan, end);
	}
	if (size == 2 && tok->terminated)
	{
		separate(scan->out, '\'');
		hg_out_text(scan->out, "''");
		return replaced(scan, end);
	}
	open_quote(scan->out, '\'');
	if (hg_mask_find(scan->text, tok->start, end, &finding, scan->options))
		hg_mask_put_marker(scan->out, scan->text, &finding, scan->options);
	else
		hg_mask_put_marker(scan->out, scan->text, NULL, scan->options);
	hg_out_byte(scan->out, '\'');
	return replaced(scan, end);
}

/* Whether a token is one of the words of a list. */
static bool
is_one_of(const sql_scan *scan, const hg_mask_place *tok, const char *const *words)
{
	size_t		size = tok->end - tok->start;

	if (tok->kind != TOKEN_WORD)
		return false;
	for (; *words != NULL; words++)
		if ((*words)[0] == (scan->text[tok->start] | 0x20) && strlen(*words) == size &&
			strncasecmp(*words, scan->text + tok->start, size) == 0)
			return true;
	return false;
}

static bool
is_character(const sql_scan *scan, const hg_mask_place *tok, char c)
{
	return tok->kind == TOKEN_CHARACTER && scan->text[tok->start] == c;
}

/* Behind these words the grammar wants a bare number, which is structure and no value. */
static const char *const number_words[] = {
	"limit", "offset", "fetch", "move", "first", "next", "forward", "backward", "absolute",
	"relative", "by", "with", "increment", "start", "restart", "minvalue", "maxvalue", "cache",
	"statistics", "cost", "rows", "modulus", "remainder", "function", "operator", "column",
	"parallel", "top", NULL
};

/* In the parentheses behind these, too. */
static const char *const modifier_words[] = {
	"varchar", "char", "character", "varying", "nchar", "bpchar", "varbit", "bit", "numeric",
	"decimal", "dec", "float", "time", "timestamp", "timestamptz", "timetz", "interval", "second",
	"current_time", "current_timestamp", "localtime", "localtimestamp", NULL
};

/* Whether the sign in "last" is no operator between two operands. */
static bool
sign_is_unary(const sql_scan *scan)
{
	const hg_mask_place *tok = &scan->reader.before_last;

	switch (tok->kind)
	{
		case TOKEN_LITERAL:
		case TOKEN_QUOTED_NAME:
		case TOKEN_NUMBER:
		case TOKEN_PARAMETER:
			return false;
		case TOKEN_WORD:
			return is_one_of(scan, tok, number_words) || (tok->end - tok->start == 2 &&
				strncasecmp(scan->text + tok->start, "to", 2) == 0);
		case TOKEN_CHARACTER:
			return scan->text[tok->start] != ')' && scan->text[tok->start] != ']';
		default:
			return true;
	}
}

/* Whether a number belongs to the structure: few digits, where no value can stand. */
static bool
number_is_structure(sql_scan *scan, const token *tok)
{
	size_t		size = tok->end - tok->start;
	const hg_mask_place *last = &scan->reader.last;

	for (size_t i = tok->start; i < tok->end; i++)
		if (!is_digit((unsigned char) scan->text[i]))
			return false;
	if (is_character(scan, last, '(') && is_one_of(scan, &scan->reader.before_last, modifier_words))
		scan->reader.type_modifier = true;
	if (scan->reader.type_modifier)
		return size <= 4;
	if (is_character(scan, last, '['))
		return size <= 4;
	return size <= 9 && is_one_of(scan, last, number_words);
}

/* Behind these words and a colon a plan shows an expression, and no figure of its own. */
static const char *const expression_words[] = {
	"output", "key", "by", "text", "call", "cond", "parameters", "expression", NULL
};

/* And these words have a number. */
static const char *const numbered_words[] = {"worker", "subplan", "initplan", NULL};

/*
 * Whether a number is a figure of a plan: cost=1.00..2.00, rows=3, "Planning
 * Time: 0.1 ms", "Plan Rows": 3, <Plan-Rows>3</Plan-Rows>.
 */
static bool
number_is_of_plan(const sql_scan *scan, const token *tok)
{
	const hg_mask_place *last = &scan->reader.last;
	const hg_mask_place *before = &scan->reader.before_last;

	if (is_one_of(scan, last, numbered_words))
		return true;
	if (last->kind != TOKEN_CHARACTER)
		return false;
	switch (scan->text[last->start])
	{
		case '=':
			return last->end == tok->start && before->kind == TOKEN_WORD &&
				before->end == last->start;
		case '.':
			return is_character(scan, before, '.') && last->end == tok->start;
		case '>':
			return last->end == tok->start && tok->end < scan->size &&
				scan->text[tok->end] == '<';
		case ':':
			return (before->kind == TOKEN_WORD && !is_one_of(scan, before, expression_words)) ||
				(scan->json && before->kind == TOKEN_QUOTED_NAME);
		default:
			return false;
	}
}

static size_t
put_number(sql_scan *scan, const token *tok)
{
	const hg_mask_place *last = &scan->reader.last;
	hg_phi_span finding;

	if (number_is_structure(scan, tok) || (scan->plan && number_is_of_plan(scan, tok)))
		return tok->end;
	write_kept(scan, tok->start);
	if (is_one_of(scan, last, number_words) ||
			 ((is_character(scan, last, '-') || is_character(scan, last, '+')) &&
			  sign_is_unary(scan)))
		hg_out_byte(scan->out, '0');
	else
	{
		bool		found = hg_mask_find(scan->text, tok->start, tok->end, &finding,
										 scan->options);

		/* A word right before would make a prefix of the quote, as in 1e'...'. */
		if (scan->out->used > 0 && is_word((unsigned char) scan->out->data[scan->out->used - 1]))
			hg_out_byte(scan->out, ' ');
		open_quote(scan->out, '\'');
		hg_mask_put_marker(scan->out, scan->text, found ? &finding : NULL, scan->options);
		hg_out_byte(scan->out, '\'');
	}
	return replaced(scan, tok->end);
}

/*
 * The confidence at which an unquoted word is masked.  Such words are names of
 * objects or key words, and the guard refuses names at this confidence.
 */
#define WORD_CONFIDENCE 0.8f

/* Short words in one case without digits are key words or plain names. */
static bool
word_needs_look(const char *word, size_t size, unsigned seen)
{
	bool		lower = false;

	if (size < 5)
		return false;
	if (seen & (BYTE_DIGIT | BYTE_OTHER))
		return true;
	if (!(seen & BYTE_UPPER) || !(seen & BYTE_LOWER))
		return false;
	/* A capital behind a small letter. */
	for (size_t i = 0; i < size; i++)
	{
		if (lower && (classes[(unsigned char) word[i]] & BYTE_UPPER))
			return true;
		lower = lower || (unsigned char) word[i] >= 'a';
	}
	return false;
}

/* So much of an outer statement is searched for the words of an inner one, one after the other. */
#define OUTER_READ_MAX (32 * 1024 * 1024)

/* Whether what the user gave as a value has become a name of dynamic SQL. */
static bool
word_was_value(sql_scan *scan, const char *word, size_t size)
{
	if (scan->outer == NULL || hg_format_is_keyword(word, size))
		return false;
	scan->outer_read += scan->outer->statement_size;
	return scan->outer_read > OUTER_READ_MAX || hg_mask_may_be_value(word, size, scan->outer);
}

static void
put_word(sql_scan *scan, size_t start, size_t end, unsigned seen)
{
	const char *word = scan->text + start;
	size_t		size = end - start;
	hg_phi_span finding;
	bool		found = word_needs_look(word, size, seen) &&
		hg_mask_find_in_name(word, size, &finding, WORD_CONFIDENCE, scan->options->memo);

	if (!found && !word_was_value(scan, word, size))
		return;
	write_kept(scan, start);
	open_quote(scan->out, '"');
	hg_mask_put_marker(scan->out, word, found ? &finding : NULL, scan->options);
	hg_out_byte(scan->out, '"');
	(void) replaced(scan, end);
}

/* Steps back over spaces before "at". */
static size_t
before_spaces(const char *text, size_t at)
{
	while (at > 0 && is_space((unsigned char) text[at - 1]))
		at--;
	return at;
}

/* The start of the word, maybe with dots and double quotes, that ends at "end". */
static size_t
start_of_name(const char *text, size_t end)
{
	while (end > 0 && (is_word((unsigned char) text[end - 1]) || text[end - 1] == '.' ||
					   text[end - 1] == '"'))
		end--;
	return end;
}

static bool
span_is(const char *text, size_t start, size_t end, const char *word)
{
	return end - start == strlen(word) && strncasecmp(text + start, word, end - start) == 0;
}

/* As far back as that an UPDATE is looked for whose SET it may be. */
#define UPDATE_BEFORE_MAX 1000

/*
 * Whether SET at "at" sets a parameter, and no column: of UPDATE there is none
 * between it and the statement's beginning.
 */
static bool
set_is_of_parameter(const sql_scan *scan, size_t at)
{
	const char *text = scan->text;
	size_t		least = at > UPDATE_BEFORE_MAX ? at - UPDATE_BEFORE_MAX : 0;
	bool		newline;

	if (skip_space(scan, 0, &newline) >= at)
		return true;
	for (size_t end = at; end > least && text[end - 1] != ';'; end--)
	{
		if (is_word((unsigned char) text[end - 1]) && !is_word((unsigned char) text[end]) &&
			span_is(text, start_of_name(text, end), end, "update"))
			return false;
	}
	return true;
}

/*
 * Whether a value without quotes follows, of a parameter that takes any text:
 * SET myapp.patient = smith.  Those of the server take words of its own.
 */
static bool
setting_follows(const sql_scan *scan)
{
	const char *text = scan->text;
	const hg_mask_place *last = &scan->reader.last;
	size_t		end;
	size_t		start;

	end = before_spaces(text, last->start);
	start = start_of_name(text, end);
	if (memchr(text + start, '.', end - start) == NULL &&
		!span_is(text, start, end, "application_name"))
		return false;
	end = before_spaces(text, start);
	start = start_of_name(text, end);
	if (span_is(text, start, end, "local") || span_is(text, start, end, "session"))
	{
		end = before_spaces(text, start);
		start = start_of_name(text, end);
	}
	return span_is(text, start, end, "set") && set_is_of_parameter(scan, start);
}

/* Where the value ends that begins with a word: what follows may belong to it. */
static size_t
end_of_setting(const sql_scan *scan, size_t start)
{
	static const char *const switches[] = {"on", "off", "true", "false", "default"};
	const char *text = scan->text;
	size_t		end = start;

	while (end < scan->size && strchr(";\r\n", text[end]) == NULL)
		end++;
	end = start + before_spaces(text + start, end - start);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (span_is(text, start, end, switches[i]))
			return start;
	return end;
}

/* Whether "=" or "to" stands before, for which each word is asked. */
static inline bool
is_assigned(const sql_scan *scan)
{
	const hg_mask_place *last = &scan->reader.last;
	const char *word = scan->text + last->start;

	return (last->kind == TOKEN_CHARACTER && word[0] == '=') ||
		(last->kind == TOKEN_WORD && last->end - last->start == 2 &&
		 (word[0] | 0x20) == 't' && (word[1] | 0x20) == 'o');
}

/* Writes the value of a parameter that has no quotes; returns where it ends, "start" if none is. */
static size_t
put_setting(sql_scan *scan, size_t start)
{
	hg_phi_span finding;
	size_t		end = setting_follows(scan) ? end_of_setting(scan, start) : start;
	bool		found;

	if (end == start)
		return start;
	found = hg_mask_find(scan->text, start, end, &finding, scan->options);
	write_kept(scan, start);
	open_quote(scan->out, '\'');
	hg_mask_put_marker(scan->out, scan->text, found ? &finding : NULL, scan->options);
	hg_out_byte(scan->out, '\'');
	return replaced(scan, end);
}

/* A comment keeps its delimiters, so that words on both sides stay apart. */
static size_t
put_comment(sql_scan *scan, const token *tok)
{
	size_t		delimiters = tok->kind == TOKEN_BLOCK_COMMENT && tok->terminated ? 4 : 2;

	write_kept(scan, tok->start);
	hg_out_bytes(scan->out, scan->text + tok->start, 2);
	if (tok->end - tok->start > delimiters)
		hg_out_text(scan->out, " " HG_REDACTED);
	if (tok->kind == TOKEN_BLOCK_COMMENT)
		hg_out_text(scan->out, tok->end - tok->start > delimiters ? " */" : "*/");
	return replaced(scan, tok->end);
}

/* Writes one token and returns where the next one begins. */
static size_t
put_token(sql_scan *scan, const token *tok)
{
	switch (tok->kind)
	{
		case TOKEN_LITERAL:
			return put_literal(scan, tok);
		case TOKEN_QUOTED_NAME:
			return put_quoted_name(scan, tok);
		case TOKEN_NUMBER:
			return put_number(scan, tok);
		case TOKEN_WORD:
			put_word(scan, tok->start, tok->end, 0);
			return tok->end;
		case TOKEN_LINE_COMMENT:
		case TOKEN_BLOCK_COMMENT:
			return put_comment(scan, tok);
		default:
			return tok->end;
	}
}

static inline void
remember(sql_scan *scan, token_kind kind, size_t start, size_t end)
{
	scan->reader.before_last = scan->reader.last;
	scan->reader.last = (hg_mask_place) {kind, (uint32_t) start, (uint32_t) end};
}

/*
 * Where all that came before is written, at the beginning or behind a value:
 * goes on behind the passage that follows, if it is known.  How a passage with
 * two tokens of its own is read does not depend on the value before it.
 */
static size_t
skip_passage(sql_scan *scan, size_t at)
{
	token_kind	kind = (token_kind) scan->reader.last.kind;
	size_t		end;

	if (scan->options->passages == NULL || scan->plan || scan->outer != NULL ||
		scan->reader.type_modifier ||
		(kind != TOKEN_NONE && kind != TOKEN_LITERAL && kind != TOKEN_NUMBER))
		return at;
	end = hg_mask_passage_skip(scan->options->passages, scan->text, scan->size, at,
							   &scan->reader);
	if (end == at)
		scan->passage = at;
	return end;
}

static void
scan_all(sql_scan *scan)
{
	const char *text = scan->text;
	size_t		size = scan->size;
	size_t		at = 0;

	scan->passage = NO_PASSAGE;
	while (at < size && !scan->out->cut)
	{
		unsigned char c = (unsigned char) text[at];
		size_t		start = at;
		size_t		end;
		unsigned	seen;

		if (at == scan->kept && scan->passage == NO_PASSAGE &&
			(at = skip_passage(scan, at)) > start)
			continue;
		if (classes[c] & BYTE_SPACE)
		{
			at++;
			continue;
		}
		at = end_of_plain_word(text, size, start, &seen);
		if (is_assigned(scan) && (at > start || c == '"') &&
			(end = put_setting(scan, start)) > start)
		{
			at = end;
			remember(scan, TOKEN_LITERAL, start, at);
		}
		else if (at > start)
		{
			put_word(scan, start, at, seen);
			remember(scan, TOKEN_WORD, start, at);
		}
		else if (!(classes[c] & (BYTE_WORD | BYTE_OPENS)))
		{
			scan->reader.type_modifier = scan->reader.type_modifier && c != ')';
			remember(scan, TOKEN_CHARACTER, start, ++at);
		}
		else
		{
			token		tok = next_token(scan, start);

			at = put_token(scan, &tok);
			if (tok.kind != TOKEN_LINE_COMMENT && tok.kind != TOKEN_BLOCK_COMMENT)
				remember(scan, tok.kind, start, tok.end);
		}
	}
	/* What was not read because the output is full must not be remembered as read. */
	if (!scan->out->cut)
		write_kept(scan, size);
}

void
hg_mask_put_sql(hg_out *out, const char *sql, size_t size, const hg_mask_options *options)
{
	sql_scan	scan = {.text = sql, .size = size, .out = out, .options = options};

	scan_all(&scan);
}

/* Only YAML puts the query, with which a plan begins, in quotes. */
static bool
plan_is_yaml(const char *plan, size_t size)
{
	static const char begin[] = "Query Text: \"";

	return size >= sizeof(begin) - 1 && memcmp(plan, begin, sizeof(begin) - 1) == 0;
}

void
hg_mask_put_plan(hg_out *out, const char *plan, size_t size, const hg_mask_options *options)
{
	sql_scan	scan = {.text = plan, .size = size, .out = out, .options = options, .plan = true,
	.json = (size > 0 && plan[0] == '{') || plan_is_yaml(plan, size)};

	scan_all(&scan);
}

void
hg_mask_put_inner_sql(hg_out *out, const char *sql, size_t size,
					  const hg_mask_log_options *options)
{
	sql_scan	scan = {.text = sql, .size = size, .out = out, .options = &options->mask};

	/* Mostly it is the statement itself. */
	if (options->statement != NULL && !(size <= options->statement_size &&
										memcmp(sql, options->statement, size) == 0))
		scan.outer = options;
	scan_all(&scan);
}

size_t
hg_mask_inner_sql(const char *sql, size_t size, char *out, size_t out_size,
				  const hg_mask_log_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	hg_mask_put_inner_sql(&bounded, sql, size, options);
	return bounded.used;
}

size_t
hg_mask_sql(const char *sql, size_t size, char *out, size_t out_size,
			const hg_mask_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	hg_mask_put_sql(&bounded, sql, size, options);
	return bounded.used;
}

/* What the open token is, and where its reading goes on. */
static void
note_open(hg_sql_progress *progress, const char *sql, size_t size, const token *open)
{
	size_t		quote = open->start;
	bool		terminated;

	while (strchr("'\"$/", sql[quote]) == NULL)
		quote++;
	progress->kind = sql[quote] == '/' ? '*' : sql[quote];
	progress->open = quote;
	progress->at = size;
	progress->depth = 0;
	progress->escapes = (open->kind == TOKEN_LITERAL && !open->plain && sql[quote] == '\'');
	progress->tag_size = progress->kind == '$' ? size_of_tag(sql, size, quote) : 0;
	if (progress->kind == '*')
		(void) end_of_comment(sql, size, quote, &progress->depth, &terminated);
}

/* Goes on within the open token; returns whether it ends. */
static bool
read_open(hg_sql_progress *progress, const char *sql, size_t size)
{
	bool		terminated;
	size_t		tag = progress->tag_size;

	if (progress->kind == '*')
		progress->at = end_of_comment(sql, size, progress->at, &progress->depth, &terminated);
	else if (progress->kind == '$')
	{
		/* The tag that ends it may have begun before; it does not overlap the one that opens. */
		size_t		from = progress->at > progress->open + 2 * tag ? progress->at - tag :
			progress->open + tag;

		progress->at = end_of_dollar_quoted(sql, size, sql + progress->open, tag, from,
											&terminated);
	}
	else
		progress->at = end_within_quoted(sql, size, progress->at, progress->kind,
										 progress->escapes, &terminated);
	if (terminated)
		progress->kind = '\0';
	return terminated;
}

bool
hg_mask_sql_is_complete(hg_sql_progress *progress, const char *sql, size_t size)
{
	token		open;

	if (progress->kind != '\0' && !read_open(progress, sql, size))
		return false;
	if (!find_unterminated(sql, size, progress->at, false, &open))
	{
		progress->at = size;
		return true;
	}
	note_open(progress, sql, size, &open);
	return false;
}

bool
hg_mask_holds_word(const char *text, size_t size, const char *word, size_t word_size)
{
	for (size_t at = 0; at + word_size <= size; at++)
	{
		if ((text[at] | 0x20) != (word[0] | 0x20) ||
			strncasecmp(text + at, word, word_size) != 0 ||
			(at > 0 && is_letter_or_digit((unsigned char) text[at - 1]) &&
			 is_letter_or_digit((unsigned char) word[0])))
			continue;
		if (at + word_size == size || !is_letter_or_digit((unsigned char) text[at + word_size]) ||
			!is_letter_or_digit((unsigned char) word[word_size - 1]))
			return true;
	}
	return false;
}

/* Whether the body of a function or of DO begins here: code, though it stands in quotes. */
static bool
is_code(const token *first, const char *sql, const char *literal)
{
	return literal[0] == '$' && first->kind == TOKEN_WORD &&
		((first->end - first->start == 2 && strncasecmp(sql + first->start, "do", 2) == 0) ||
		 (first->end - first->start == 6 && strncasecmp(sql + first->start, "create", 6) == 0));
}

/* Whether a word is one with which a statement runs another, which came before, by its name. */
static bool
runs_another(const token *tok, bool first, const char *sql)
{
	/* Any query may FETCH FIRST some rows. */
	static const char *const words[] = {"execute", "fetch", "move", NULL};
	size_t		size = tok->end - tok->start;

	for (int i = 0; words[i] != NULL && (i == 0 || first); i++)
		if (strlen(words[i]) == size && strncasecmp(words[i], sql + tok->start, size) == 0)
			return true;
	return false;
}

/* Whether a literal may hold words that cannot be seen in it: 'sm\151th'. */
static bool
hides_words(const token *tok, const char *sql)
{
	const char *text = sql + tok->start;
	size_t		size = tok->end - tok->start;

	/* Bytes as drivers write them. */
	if (size >= 4 && tok->terminated && memcmp(text, "'\\x", 3) == 0 &&
		strspn(text + 3, "0123456789abcdefABCDEF") == size - 4)
		return false;
	return tok->kind == TOKEN_LITERAL && (tok->unicode || memchr(text, '\\', size) != NULL);
}

/* What is looked for, and how: whether a backslash in '...' escapes, and in code of what depth. */
typedef struct origin_search
{
	const char *word;
	size_t		word_size;
	bool		escapes;
	int			depth;
} origin_search;

static hg_sql_origin origin_in(const char *sql, size_t size, const origin_search *search);

/* Code in quotes, looked into up to this depth. */
#define CODE_DEPTH_MAX 4

/* The origin of a word in a token that holds it. */
static hg_sql_origin
origin_in_token(const char *sql, const token *tok, bool code, const origin_search *search)
{
	origin_search deeper = *search;
	size_t		tag = code ? size_of_tag(sql, tok->end, tok->start) : 0;
	size_t		begin = tok->start + tag;
	size_t		end = tok->terminated && tok->end >= begin + tag ? tok->end - tag : tok->end;

	if (tok->kind == TOKEN_WORD)
		return HG_ORIGIN_NAME;
	/* A name of several words is none of them. */
	if (tok->kind == TOKEN_QUOTED_NAME)
		return tok->end - tok->start == search->word_size + 2 ? HG_ORIGIN_NAME : HG_ORIGIN_VALUE;
	if (code && deeper.depth++ < CODE_DEPTH_MAX)
		return origin_in(sql + begin, end - begin, &deeper);
	return HG_ORIGIN_VALUE;
}

static hg_sql_origin
origin_in(const char *sql, size_t size, const origin_search *search)
{
	size_t		word_size = search->word_size;
	hg_sql_origin origin = HG_ORIGIN_NONE;
	token		first = {.kind = TOKEN_NONE};
	token		tok;

	for (size_t at = 0; at < size && word_size > 0; at = tok.end)
	{
		const char *text = sql + at;
		hg_sql_origin found;
		bool		holds;

		tok = read_token(sql, size, at, search->escapes);
		found = tok.kind == TOKEN_PARAMETER ? HG_ORIGIN_UNKNOWN : HG_ORIGIN_NONE;
		if (tok.kind == TOKEN_WORD && search->depth == 0 &&
			runs_another(&tok, first.kind == TOKEN_NONE, sql))
			found = HG_ORIGIN_ELSEWHERE;
		if (first.kind == TOKEN_NONE && tok.kind == TOKEN_WORD)
			first = tok;
		if (tok.kind == TOKEN_CHARACTER && *text == ';')
			first.kind = TOKEN_NONE;
		holds = tok.kind != TOKEN_SPACE && tok.kind != TOKEN_CHARACTER &&
			tok.end - at >= word_size &&
			hg_mask_holds_word(text, tok.end - at, search->word, word_size);
		if (holds)
			found = origin_in_token(sql, &tok, is_code(&first, sql, text), search);
		else if (hides_words(&tok, sql))
			found = HG_ORIGIN_ELSEWHERE;
		if (found == HG_ORIGIN_NAME)
			return found;
		if (found > origin)
			origin = found;
	}
	return origin;
}

hg_sql_origin
hg_mask_sql_origin(const char *sql, size_t size, const char *word, size_t word_size)
{
	origin_search search = {word, word_size, false, 0};
	hg_sql_origin origin = origin_in(sql, size, &search);

	/* A name under one reading of backslashes only may be a part of a value. */
	if (origin == HG_ORIGIN_NAME && memchr(sql, '\\', size) != NULL)
	{
		search.escapes = true;
		origin = origin_in(sql, size, &search);
	}
	return origin;
}
