/*
 * mask_format.c
 *		Masking of messages whose format is known, or can be found.
 *
 * A primary message comes with its format; DETAIL, HINT and CONTEXT are compared
 * with the table of formats, line by line.  Of what a format made, its own text
 * stays byte for byte and each argument is masked by its class.
 */
#include "redact/mask_format.h"

#include "redact/mask_align.h"
#include "redact/mask_argument.h"
#include "redact/mask_out.h"
#include "redact/mask_rows.h"

/* Ends of a text's first part that are tried, before the whole of it is. */
#define ENDS_MAX 64

static void
put_aligned(hg_out *out, const char *text, size_t size, const hg_alignment *alignment,
			const hg_mask_log_options *options)
{
	size_t		kept = 0;
	size_t		classes_count = alignment->classes == NULL ? 0 : strlen(alignment->classes);
	bool		data = false;

	for (int i = 0; i < alignment->count; i++)
	{
		const hg_argument *argument = &alignment->arguments[i];
		char		class = 'u';

		if (argument->number < classes_count)
			class = alignment->classes[argument->number];
		else if (argument->conversion == 'm')
			class = 'o';
		else if (argument->conversion != 's')
			class = 'n';
		/* Several in a row cannot be told apart: if one is data, all are. */
		data = class == 'd' || (data && argument->start == kept);
		hg_out_bytes(out, text + kept, argument->start - kept);
		hg_mask_put_argument(out, data ? 'd' : class, text, argument->start, argument->end,
							 options);
		kept = argument->end;
	}
	hg_out_bytes(out, text + kept, size - kept);
}

/* The opening quotes, and what closes each. */
static const struct
{
	const char *open;
	const char *close;
}			quotes[] = {
	{"\"", "\""}, {"'", "'"}, {"`", "`"},
	{"\xe2\x80\x9c", "\xe2\x80\x9d"}, {"\xe2\x80\x98", "\xe2\x80\x99"},
	{"\xc2\xab", "\xc2\xbb"}, {"\xc2\xbb", "\xc2\xab"}, {"\xe2\x80\x9e", "\xe2\x80\x9c"},
	/* In encodings of one byte; in UTF-8 these never stand behind an ASCII character. */
	{"\xab", "\xbb"}, {"\xbb", "\xab"},
};

static bool
is_alphanumeric(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* The quote that opens at a byte, -1 if none does. An apostrophe within a word opens nothing. */
static int
opening_quote(const char *text, size_t size, size_t at)
{
	unsigned char c = (unsigned char) text[at];

	/* Every quote begins with one of these. */
	if (c != '"' && c != '\'' && c != '`' && c != 0xe2 && c != 0xc2 && c != 0xab && c != 0xbb)
		return -1;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++)
	{
		size_t		open_size = strlen(quotes[i].open);

		if (at + open_size <= size && memcmp(text + at, quotes[i].open, open_size) == 0 &&
			(open_size > 1 || at == 0 || !is_alphanumeric((unsigned char) text[at - 1])))
			return (int) i;
	}
	return -1;
}

/* Where a quoted part ends; the end of the text if it is not closed. */
static size_t
closing_quote(const char *text, size_t size, size_t from, const char *close)
{
	size_t		close_size = strlen(close);

	for (size_t i = from; i + close_size <= size; i++)
		if (memcmp(text + i, close, close_size) == 0 &&
			(close_size > 1 || i + 1 == size || !is_alphanumeric((unsigned char) text[i + 1])))
			return i;
	return size;
}

/* So many words of a text are looked for in the statement; what follows them is masked. */
#define WORDS_MAX 64

/* Whether the user gave a word as a value, in the statement or as a parameter of it. */
static bool
word_is_given(const char *word, size_t size, const hg_mask_log_options *options)
{
	hg_sql_origin origin;

	if (size < 2)
		return false;
	origin = hg_mask_origin(word, size, options);
	return origin == HG_ORIGIN_ELSEWHERE || hg_mask_is_value(origin, word, size, options);
}

/* The end of the word at a byte; "at" if none begins there. */
static size_t
word_end(const char *text, size_t size, size_t at)
{
	while (at < size && (is_alphanumeric((unsigned char) text[at]) || text[at] == '_'))
		at++;
	return at;
}

/* Text outside of quotes: one marker for the words in a row that were given as values. */
static void
put_unquoted(hg_out *out, const char *text, size_t size, const hg_mask_log_options *options)
{
	size_t		kept = 0;
	size_t		given = 0;		/* where those words begin, if "given_end" is behind it */
	size_t		given_end = 0;
	int			words = 0;

	if (options->statement == NULL && options->parameters_count == 0)
	{
		hg_mask_put_text(out, text, size, &options->mask);
		return;
	}
	for (size_t at = 0, end; at < size; at = end)
	{
		end = word_end(text, size, at);
		if (end == at)
		{
			end++;
			continue;
		}
		if (++words > WORDS_MAX)
			end = size;
		if (words > WORDS_MAX || word_is_given(text + at, end - at, options))
		{
			given = given_end > given ? given : at;
			given_end = end;
		}
		else if (given_end > given)
		{
			hg_mask_put_text(out, text + kept, given - kept, &options->mask);
			hg_out_text(out, HG_REDACTED);
			kept = given = given_end;
		}
	}
	if (given_end > given)
	{
		hg_mask_put_text(out, text + kept, given - kept, &options->mask);
		hg_out_text(out, HG_REDACTED);
		kept = given_end;
	}
	hg_mask_put_text(out, text + kept, size - kept, &options->mask);
}

void
hg_mask_put_free_text(hg_out *out, const char *text, size_t size, bool quoted,
					  const hg_mask_log_options *options)
{
	size_t		kept = 0;
	size_t		at = quoted ? 0 : size;

	while (at < size)
	{
		int			quote = opening_quote(text, size, at);
		size_t		open_end;
		size_t		close;

		if (quote < 0)
		{
			at++;
			continue;
		}
		open_end = at + strlen(quotes[quote].open);
		close = closing_quote(text, size, open_end, quotes[quote].close);
		put_unquoted(out, text + kept, at - kept, options);
		hg_out_bytes(out, text + at, open_end - at);
		hg_mask_put_value(out, text, open_end, close, &options->mask);
		kept = close;
		at = close < size ? close + strlen(quotes[quote].close) : size;
		hg_out_bytes(out, text + kept, at - kept);
		kept = at;
	}
	put_unquoted(out, text + kept, size - kept, options);
}

static bool
begins_in(const hg_format_field *fields, const char *text, size_t size,
		  const hg_mask_log_options *options)
{
	for (; *fields != HG_FIELDS_END; fields++)
		if (hg_format_begins(*fields, text, size, options))
			return true;
	return false;
}

/* The end of the line that begins at or behind a byte. */
static size_t
line_end(const char *text, size_t size, size_t at)
{
	const char *newline = at < size ? memchr(text + at, '\n', size - at) : NULL;

	return newline == NULL ? size : (size_t) (newline - text);
}

/* Whether a part can end before "at": nothing follows, or something known does. */
static bool
ends_before(const hg_format_field *fields, const char *text, size_t size, size_t at,
			const hg_mask_log_options *options)
{
	hg_alignment alignment;

	if (at >= size)
		return true;
	at++;
	return begins_in(fields, text + at, size - at, options) ||
		hg_format_find(fields, text + at, line_end(text, size, at) - at, &alignment, options);
}

/* Whether the last byte of a text was made by the format, and not by its last argument. */
static bool
ends_in_own_text(const hg_alignment *alignment, size_t size)
{
	return alignment->count == 0 || alignment->arguments[alignment->count - 1].end < size;
}

/*
 * Finds the end of a text's first part, which is one line or more.  A part ends
 * where a format fits and another one follows: SQL in a message may have many
 * lines.  If there is no such place, a format that fits and ends in text of its
 * own will do.  0: nobody knows how the text begins.
 */
static size_t
end_of_part(const hg_format_field *fields, const char *text, size_t size,
			hg_alignment *alignment, const hg_mask_log_options *options)
{
	hg_alignment attempt;
	size_t		second_best = 0;
	size_t		end = line_end(text, size, 0);

	for (int i = 0;; i++)
	{
		if (hg_format_find(fields, text, end, &attempt, options))
		{
			bool		ends = ends_before(fields, text, size, end, options);

			if (ends || (second_best == 0 && ends_in_own_text(&attempt, end)))
			{
				*alignment = attempt;
				if (ends)
					return end;
				second_best = end;
			}
		}
		if (end == size)
			return second_best;
		end = i < ENDS_MAX ? line_end(text, size, end + 1) : size;
	}
}

/* What becomes of text that no format fits. */
typedef enum unknown_text
{
	UNKNOWN_REDACTED,			/* a marker in its place */
	UNKNOWN_FREE,				/* free text, without findings and what stands in quotes */
	UNKNOWN_FREE_LATER			/* the first part is redacted, what follows is free text */
} unknown_text;

/* Masks the first part of a text and returns its size. */
static size_t
put_part(hg_out *out, const hg_format_field *fields, const char *text, size_t size,
		 unknown_text unknown, const hg_mask_log_options *options)
{
	hg_alignment alignment;
	size_t		end = end_of_part(fields, text, size, &alignment, options);

	if (end > 0)
	{
		put_aligned(out, text, end, &alignment, options);
		return end;
	}
	/* Nobody knows it: up to where something known begins. */
	end = line_end(text, size, 0);
	while (end < size && !begins_in(fields, text + end + 1, size - end - 1, options))
		end = line_end(text, size, end + 1);
	if (unknown != UNKNOWN_REDACTED)
		hg_mask_put_unknown_text(out, text, end, true, options);
	else if (hg_mask_is_marker(text, end))
		hg_out_bytes(out, text, end);
	else
		hg_out_text(out, HG_REDACTED);
	return end;
}

static void
put_lines(hg_out *out, const hg_format_field *fields, const char *text, size_t size,
		  unknown_text unknown, const hg_mask_log_options *options)
{
	size_t		at = 0;

	while (at < size && !out->cut)
	{
		/* An empty line stays one. */
		if (text[at] != '\n')
			at += put_part(out, fields, text + at, size - at,
						   unknown == UNKNOWN_FREE_LATER && at == 0 ? UNKNOWN_REDACTED : unknown,
						   options);
		if (at < size)
			hg_out_byte(out, text[at++]);
	}
}

/* Whether a format has text of its own: "%s" says nothing about its argument. */
static bool
says_something(const char *id)
{
	for (; *id != '\0'; id++)
		if (*id == '%' && id[1] != '\0')
			id++;
		else if (is_alphanumeric((unsigned char) *id))
			return true;
	return false;
}

static bool
align_with_id(const char *id, const char *text, size_t size, hg_alignment *alignment,
			  const hg_mask_log_options *options)
{
	static const char audit[] = "AUDIT: %s";
	const char *translated;

	/* pgaudit's line is read by its commas, however its format cuts it. */
	if (strncmp(id, audit, sizeof(audit) - 3) == 0)
		id = audit;
	translated = id;
	alignment->classes = hg_format_classes(id, options->mask.memo);
	if (options->translate != NULL)
		translated = options->translate(options->domain, id);
	return hg_format_align(translated, text, size, alignment) ||
		(translated != id && hg_format_align(id, text, size, alignment));
}

void
hg_mask_put_message(hg_out *out, const char *id, const char *text, size_t size,
					const hg_mask_log_options *options)
{
	static const hg_format_field fields[] = {HG_FORMAT_MESSAGE, HG_FORMAT_TEXT, HG_FIELDS_END};
	hg_alignment alignment;

	if (!options->strict)
		hg_mask_put_text(out, text, size, &options->mask);
	else if (hg_mask_is_marker(text, size))
		hg_out_bytes(out, text, size);
	else if (id != NULL &&
			 (says_something(id) || hg_format_classes(id, options->mask.memo) != NULL) &&
			 align_with_id(id, text, size, &alignment, options))
		put_aligned(out, text, size, &alignment, options);
	else if (options->withhold)
		hg_out_text(out, HG_REDACTED);
	else
		put_lines(out, fields, text, size, UNKNOWN_FREE, options);
}

size_t
hg_mask_message(const char *id, const char *text, size_t size, char *out, size_t out_size,
				const hg_mask_log_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	hg_mask_put_message(&bounded, id, text, size, options);
	return bounded.used;
}

void
hg_mask_put_field(hg_out *out, hg_format_field field, const char *text, size_t size,
				  const hg_mask_log_options *options)
{
	hg_format_field fields[] = {field, HG_FORMAT_TEXT, HG_FIELDS_END};

	if (!options->strict)
		hg_mask_put_text(out, text, size, &options->mask);
	else
		put_lines(out, fields, text, size, UNKNOWN_REDACTED, options);
}

void
hg_mask_put_field_and_rest(hg_out *out, hg_format_field field, const char *text, size_t size,
						   const hg_mask_log_options *options)
{
	hg_format_field fields[] = {field, HG_FORMAT_TEXT, HG_FIELDS_END};

	if (!options->strict)
		hg_mask_put_text(out, text, size, &options->mask);
	else
		put_lines(out, fields, text, size, UNKNOWN_FREE_LATER, options);
}

size_t
hg_mask_field(hg_format_field field, const char *text, size_t size, char *out, size_t out_size,
			  const hg_mask_log_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	hg_mask_put_field(&bounded, field, text, size, options);
	return bounded.used;
}

size_t
hg_mask_raise(const char *format, const char *text, size_t size, char *out, size_t out_size,
			  const hg_mask_log_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};
	hg_alignment alignment;
	size_t		kept = 0;

	if (*format == '\0' || !hg_format_align(format, text, size, &alignment))
		return 0;
	for (int i = 0; i < alignment.count; i++)
	{
		const hg_argument *argument = &alignment.arguments[i];

		hg_mask_put_text(&bounded, text + kept, argument->start - kept, &options->mask);
		/* PL/pgSQL's word for a NULL says nothing. */
		if (argument->end - argument->start == 6 &&
			memcmp(text + argument->start, "<NULL>", 6) == 0)
			hg_out_text(&bounded, "<NULL>");
		else
			hg_mask_put_value(&bounded, text, argument->start, argument->end, &options->mask);
		kept = argument->end;
	}
	hg_mask_put_text(&bounded, text + kept, size - kept, &options->mask);
	return bounded.used;
}

size_t
hg_mask_statement(const char *sql, size_t size, char *out, size_t out_size,
				  const hg_mask_log_options *options)
{
	if (!options->strict)
		return hg_mask_text(sql, size, out, out_size, &options->mask);
	return hg_mask_sql(sql, size, out, out_size, &options->mask);
}
