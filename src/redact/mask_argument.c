/*
 * mask_argument.c
 *		Masking of one argument of a message, by its class.
 *
 * Deny by default: a class says what an argument of its kind looks like, and
 * what looks otherwise is masked as a whole.
 */
#include "redact/mask_argument.h"

#include "redact/mask_align.h"

#include <strings.h>

/* Longer messages within others are masked as values. */
#define EMBEDDED_MAX 1024

static inline bool
is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static inline bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* Whether all bytes are letters, digits or one of a few others. */
static bool
consists_of(const char *text, size_t size, const char *others)
{
	for (size_t i = 0; i < size; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (!is_letter(c) && !is_digit(c) && (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return true;
}

/* The size of a plain word, with or without double quotes, at the beginning of a name. */
static size_t
word_size(const char *name, size_t size)
{
	size_t		quoted = size > 0 && name[0] == '"' ? 1 : 0;
	size_t		end = quoted;

	if (end >= size || !is_letter((unsigned char) name[end]))
		return 0;
	while (end < size && (is_letter((unsigned char) name[end]) ||
						  is_digit((unsigned char) name[end]) || name[end] == '$'))
		end++;
	if (end - quoted > 63 || (quoted && (end >= size || name[end] != '"')))
		return 0;
	return end + quoted;
}

/* Words of which the names of types with more than one consist. */
static bool
is_type_name(const char *name, size_t size)
{
	static const char *const words[] = {
		"double", "precision", "character", "varying", "bit", "time", "timestamp", "with",
		"without", "zone", "interval", "day", "hour", "minute", "second", "month", "year", "to",
		"text", "integer", "bigint", "smallint", "real", "numeric", "boolean", NULL
	};

	while (size > 0)
	{
		size_t		length = 0;
		bool		known = false;

		while (length < size && is_letter((unsigned char) name[length]))
			length++;
		for (int i = 0; words[i] != NULL && !known; i++)
			known = length > 0 && words[i][0] == name[0] && strlen(words[i]) == length &&
				strncmp(words[i], name, length) == 0;
		if (!known)
			return false;
		while (length < size && strchr("(), 0123456789[]", name[length]) != NULL &&
			   name[length] != '\0')
			length++;
		name += length;
		size -= length;
	}
	return true;
}

/* FOR UPDATE, WITHIN GROUP: nothing but key words, as the server writes them. */
static bool
is_keywords(const char *text, size_t size)
{
	while (size > 0)
	{
		size_t		length = 0;

		while (length < size && text[length] >= 'A' && text[length] <= 'Z')
			length++;
		if (length == 0 || !hg_format_is_keyword(text, length))
			return false;
		if (length < size && text[length++] != ' ')
			return false;
		text += length;
		size -= length;
	}
	return true;
}

/* The name of an operator. */
static bool
is_operator(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\0' || strchr("+-*/<>=~!@#%^&|`?", text[i]) == NULL)
			return false;
	return size > 0;
}

/* Words with dots between, and maybe a signature in parentheses. */
static bool
is_words(const char *name, size_t size)
{
	size_t		at = 0;

	for (;;)
	{
		size_t		word = word_size(name + at, size - at);

		if (word == 0)
			return false;
		at += word;
		if (at == size)
			return true;
		if (name[at] != '.' && name[at] != ',')
			break;
		at++;
		if (name[at - 1] == ',' && at < size && name[at] == ' ')
			at++;
	}
	if (name[at] == '[')
		return consists_of(name + at, size - at, "[]., ");
	return name[at] == '(' && name[size - 1] == ')' &&
		consists_of(name + at, size - at, "()[],. \"*");
}

/* An ordinary name, of whatever kind. */
static bool
is_name(const char *name, size_t size)
{
	return is_words(name, size) || is_type_name(name, size) || is_keywords(name, size) ||
		is_operator(name, size);
}

bool
hg_mask_name_is_ordinary(const char *name, size_t size, const hg_mask_options *options)
{
	return is_name(name, size) && hg_mask_is_clean(name, size, options);
}

bool
hg_mask_application_is_ordinary(const char *name, size_t size, const hg_mask_options *options)
{
	return consists_of(name, size, " .-:/()[]@,<>#+") && hg_mask_is_clean(name, size, options);
}

/* A number, a size with its unit, a position in the WAL. */
static bool
is_number(const char *text, size_t size)
{
	size_t		letters = 0;
	size_t		others = 0;

	for (size_t i = 0; i < size; i++)
	{
		unsigned char c = (unsigned char) text[i];

		letters += is_letter(c);
		others += is_letter(c) && (c == '\0' || strchr("abcdefABCDEFx", c) == NULL);
	}
	return size <= 40 && (letters <= 4 || others == 0) && consists_of(text, size, "+-./:% ");
}

/* Whether a text holds a quote that is no apostrophe within a word. */
static bool
has_quote(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\'' && (i == 0 || i + 1 == size ||
								!is_letter((unsigned char) text[i - 1]) ||
								!is_letter((unsigned char) text[i + 1])))
			return true;
	return false;
}

/* 2026-11-29 12:00:00.123 UTC, which the server made: no user value has class o. */
static bool
is_time(const char *text, size_t size)
{
	return size >= 19 && size <= 40 && is_digit((unsigned char) text[0]) && text[4] == '-' &&
		text[10] == ' ' && text[13] == ':' && consists_of(text, size, " .:+-/");
}

/* (a, b)=(1, 2) keeps the names; a row or key without names keeps its parentheses only. */
static void
put_row(hg_out *out, const char *text, size_t from, size_t to, const char *middle,
		const hg_mask_log_options *options)
{
	size_t		middle_size = strlen(middle);
	size_t		values = from;

	if (to - from < 2 || text[from] != '(' || text[to - 1] != ')')
	{
		hg_mask_put_value(out, text, from, to, &options->mask);
		return;
	}
	for (size_t i = from; i + middle_size < to; i++)
	{
		if (memcmp(text + i, middle, middle_size) == 0)
		{
			hg_out_byte(out, '(');
			hg_mask_put_argument(out, 'i', text, from + 1, i, options);
			hg_out_bytes(out, middle, middle_size - 1);
			values = i + middle_size - 1;
			break;
		}
	}
	hg_out_byte(out, '(');
	hg_mask_put_value(out, text, values + 1, to - 1, &options->mask);
	hg_out_byte(out, ')');
}

/* From where SQL could not be read: a key word or a sign stays, a word may be a value. */
static void
put_unread_sql(hg_out *out, const char *text, size_t from, size_t to,
			   const hg_mask_log_options *options)
{
	size_t		size = to - from;
	bool		letters = false;

	for (size_t i = from; i < to && !letters; i++)
		letters = is_letter((unsigned char) text[i]) || is_digit((unsigned char) text[i]);
	if (!letters || hg_format_is_keyword(text + from, size))
		hg_out_bytes(out, text + from, size);
	else if (strchr("'\"$", text[from]) != NULL)
		hg_mask_put_sql(out, text + from, size, &options->mask);
	else
		hg_mask_put_value(out, text, from, to, &options->mask);
}

/* A name of something that exists: expressions of indexes may hold literals. */
static void
put_name(hg_out *out, const char *text, size_t from, size_t to,
		 const hg_mask_log_options *options)
{
	const char *name = text + from;
	size_t		size = to - from;

	if (memchr(name, '\'', size) != NULL)
		hg_mask_put_sql(out, name, size, &options->mask);
	else if (consists_of(name, size, " .,()\"$[]{}:;=<>*+-/|&~^%@!#?`") &&
			 hg_mask_is_clean(name, size, &options->mask))
		hg_out_bytes(out, name, size);
	else
		hg_mask_put_value(out, text, from, to, &options->mask);
}

hg_sql_origin
hg_mask_origin(const char *word, size_t size, const hg_mask_log_options *options)
{
	hg_sql_origin origin;

	if (options->statement == NULL)
		return HG_ORIGIN_NONE;
	origin = hg_mask_sql_origin(options->statement, options->statement_size, word, size);
	if ((origin == HG_ORIGIN_NONE && options->statement_cut) ||
		(origin == HG_ORIGIN_UNKNOWN && !options->parameters_known))
		return HG_ORIGIN_ELSEWHERE;
	return origin;
}

bool
hg_mask_is_value(hg_sql_origin origin, const char *word, size_t size,
				 const hg_mask_log_options *options)
{
	for (int i = 0; origin != HG_ORIGIN_NAME && i < options->parameters_count; i++)
		if (hg_mask_holds_word(options->parameters[i].text, options->parameters[i].size, word,
							   size))
			return true;
	return origin == HG_ORIGIN_VALUE;
}

static bool
holds_value(const char *word, size_t size, const hg_mask_log_options *options)
{
	return hg_mask_is_value(hg_mask_origin(word, size, options), word, size, options);
}

bool
hg_mask_may_be_value(const char *word, size_t size, const hg_mask_log_options *options)
{
	hg_sql_origin origin = options->statement == NULL ? HG_ORIGIN_NONE :
		hg_mask_sql_origin(options->statement, options->statement_size, word, size);

	return origin == HG_ORIGIN_ELSEWHERE || hg_mask_is_value(origin, word, size, options);
}

/*
 * Whether the user gave a word as a value: the statement has it in a literal,
 * or does not show it and has parameters, and nowhere as a name.
 */
static bool
is_given_as_value(const char *word, size_t size, const hg_mask_log_options *options)
{
	hg_sql_origin origin = hg_mask_origin(word, size, options);

	if (origin == HG_ORIGIN_NONE || origin == HG_ORIGIN_NAME)
		return false;
	return hg_mask_may_be_value(word, size, options) || options->inner_statement == NULL ||
		hg_mask_sql_origin(options->inner_statement, options->inner_statement_size, word,
						   size) != HG_ORIGIN_NAME;
}

/* The same for each word of a name. */
static bool
name_is_given_as_value(const char *name, size_t size, const hg_mask_log_options *options)
{
	size_t		end;

	if (is_type_name(name, size) || is_keywords(name, size) || is_operator(name, size))
		return false;
	/* A signature holds types. */
	for (size_t at = 0; at < size && (name[at] != '(' || at == 0); at = end + 1)
	{
		end = at;
		while (end < size && (is_letter((unsigned char) name[end]) ||
							  is_digit((unsigned char) name[end]) || name[end] == '$'))
			end++;
		if (end > at && is_given_as_value(name + at, end - at, options))
			return true;
	}
	return false;
}

/* Whether the user gave a part of a path as a value: the server makes names of files of such. */
static bool
path_holds_value(const char *path, size_t size, const hg_mask_log_options *options)
{
	size_t		end;

	for (size_t at = 0; at < size; at = end + 1)
	{
		end = at;
		while (end < size && (is_letter((unsigned char) path[end]) ||
							  is_digit((unsigned char) path[end])))
			end++;
		if (end >= at + 4 && holds_value(path + at, end - at, options))
			return true;
	}
	return false;
}

/* A file below the data directory, as the server names it. */
static bool
is_data_path(const char *path, size_t size)
{
	static const char *const folders[] = {"base/", "global/", "pg_", NULL};

	for (int i = 0; folders[i] != NULL; i++)
		if (size > strlen(folders[i]) && memcmp(path, folders[i], strlen(folders[i])) == 0)
			return true;
	return false;
}

/*
 * Whether a text of the operating system, the server's own, or a path may stay:
 * what stands in quotes is a path.
 */
static bool
system_text_may_stay(const char *text, size_t size, bool quoted,
					 const hg_mask_log_options *options)
{
	if (is_time(text, size))
		return true;
	/* A path with a blank in it was hardly made by the server. */
	if (has_quote(text, size) ||
		((quoted || text[0] == '/') && memchr(text, ' ', size) != NULL) ||
		!hg_mask_is_clean(text, size, &options->mask))
		return false;
	if (size < 4 || options->statement == NULL)
		return true;
	if (quoted && !is_data_path(text, size) &&
		hg_mask_origin(text, size, options) == HG_ORIGIN_ELSEWHERE)
		return false;
	if (memchr(text, '/', size) != NULL)
		return !path_holds_value(text, size, options);
	return !holds_value(text, size, options);
}

/* Whether an argument of a class that may stay looks as its class should. */
static bool
may_stay(char class, const char *text, size_t size, bool quoted,
		 const hg_mask_log_options *options)
{
	const hg_mask_options *mask = &options->mask;

	switch (class)
	{
		case 'n':
			return is_number(text, size) &&
				(size < 6 || !is_given_as_value(text, size, options));
		case 'u':
			return hg_mask_name_is_ordinary(text, size, mask) &&
				!name_is_given_as_value(text, size, options);
		case 's':
			return (is_number(text, size) && size <= 12) ||
				hg_mask_name_is_ordinary(text, size, mask);
		case 'o':
			return system_text_may_stay(text, size, quoted, options);
		case 'h':
			return consists_of(text, size, ".:-%[] =");
		case 'a':
			return hg_mask_application_is_ordinary(text, size, mask);
		default:
			return false;
	}
}

/* Whether an argument stands in quotes, be it those of another language: << x >>. */
static bool
is_quoted(const char *text, size_t from)
{
	if (from > 1 && text[from - 1] == ' ')
		return (unsigned char) text[from - 2] >= 0x80;
	return from > 0 && (text[from - 1] == '"' || (unsigned char) text[from - 1] >= 0x80);
}

void
hg_mask_put_argument(hg_out *out, char class, const char *text, size_t from, size_t to,
					 const hg_mask_log_options *options)
{
	if (from == to)
		return;
	switch (class)
	{
		case 'i':
			put_name(out, text, from, to, options);
			break;
		case 'g':
			if (name_is_given_as_value(text + from, to - from, options))
				hg_mask_put_value(out, text, from, to, &options->mask);
			else
				put_name(out, text, from, to, options);
			break;
		case 'q':
			hg_mask_put_inner_sql(out, text + from, to - from, options);
			break;
		case 't':
			hg_mask_put_plan(out, text + from, to - from, &options->mask);
			break;
		case 'w':
			put_unread_sql(out, text, from, to, options);
			break;
		case 'r':
			put_row(out, text, from, to, ") = (", options);
			break;
		case 'k':
			put_row(out, text, from, to, ")=(", options);
			break;
		case 'm':
			/* A message may hold another one, and so on: the stack must bear it. */
			if (to - from <= EMBEDDED_MAX)
				hg_mask_put_message(out, NULL, text + from, to - from, options);
			else
				hg_mask_put_value(out, text, from, to, &options->mask);
			break;
		case 'c':
			hg_mask_put_audit_line(out, text + from, to - from, options);
			break;
		default:
			if (may_stay(class, text + from, to - from, is_quoted(text, from), options))
				hg_out_bytes(out, text + from, to - from);
			else
				hg_mask_put_value(out, text, from, to, &options->mask);
	}
}
