/*
 * mask_loose.c
 *		Masking of lines that are no record of a log: what drivers, frameworks and
 *		people make of the server's messages.
 *
 * A message is looked for where one may begin; what else stands in quotes on a
 * line that shows SQL or a message is masked, and in prose the findings of the
 * detector only.  Pure C.
 */
#include "redact/mask_rows.h"

#include "redact/mask_align.h"
#include "redact/mask_argument.h"

/* What says that a line holds SQL, a plan or a message, so that its quotes hold values. */
static const char *const signs[] = {
	"SELECT ", "INSERT ", "UPDATE ", "DELETE ", "COPY ", "VALUES", "WHERE ", "Filter: ",
	"Cond: ", "::", "= '", "select ", "insert ", "update ", "delete ", "values", "where ",
	"Key (", "Failing row", "invalid input", "ERROR", "duplicate key", "parameters: "
};

/* Where a word stands in a text, NULL if it does not. */
static const char *
find_word(const char *text, size_t size, const char *word)
{
	size_t		word_size = strlen(word);
	const char *end = text + size;

	while ((size_t) (end - text) >= word_size &&
		   (text = memchr(text, word[0], (size_t) (end - text) - word_size + 1)) != NULL)
	{
		if (memcmp(text, word, word_size) == 0)
			return text;
		text++;
	}
	return NULL;
}

static bool
shows_sql(const char *text, size_t size)
{
	if (memchr(text, '\'', size) == NULL && memchr(text, '"', size) == NULL)
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (find_word(text, size, signs[i]) != NULL)
			return true;
	return false;
}

/* psql's "LINE 1: select ..."; when its beginning was cut, nobody knows what is a literal. */
static bool
put_psql_line(hg_out *out, const char *text, size_t size, const hg_mask_log_options *options)
{
	size_t		at = 5;
	size_t		end = size;

	if (size < 8 || memcmp(text, "LINE ", 5) != 0)
		return false;
	while (at < size && text[at] >= '0' && text[at] <= '9')
		at++;
	if (at + 1 >= size || text[at] != ':' || text[at + 1] != ' ')
		return false;
	at += 2;
	hg_out_bytes(out, text, at);
	if (at + 3 <= size && memcmp(text + at, "...", 3) == 0)
	{
		hg_out_text(out, "..." HG_REDACTED);
		return true;
	}
	if (size - at > 3 && memcmp(text + size - 3, "...", 3) == 0)
		end = size - 3;
	/* What was cut at the end is no whole word: who knows what it is. */
	while (end < size && end > at && text[end - 1] != ' ' && text[end - 1] != '\'')
		end--;
	hg_mask_put_sql(out, text + at, end - at, &options->mask);
	if (end < size)
		hg_out_text(out, end + 3 < size ? HG_REDACTED "..." : "...");
	return true;
}

/* Ends of a message that are tried. */
#define ATTEMPTS_MAX 32

/* A message or field of one that stands somewhere in a line. */
typedef struct embedded
{
	size_t		start;
	size_t		end;
	hg_format_field field;
} embedded;

/* Where a message may begin: behind ": ", a quote, or an opening bracket. */
static bool
may_begin(const char *text, size_t at)
{
	if (at == 0 || strchr("'\"`", text[at - 1]) != NULL)
		return true;
	return text[at - 1] == ' ' && at >= 2 && (text[at - 2] == ':' || text[at - 2] == ']');
}

/*
 * Whether a message begins at a byte, and where it ends: at the end of the line,
 * or at a quote or a full stop before it, where the format with most text of
 * its own fits.
 */
static bool
begins_at(const char *text, size_t size, size_t at, embedded *found,
		  const hg_mask_log_options *options)
{
	static const hg_format_field fields[] = {HG_FORMAT_DETAIL, HG_FORMAT_MESSAGE};
	unsigned	bytes = 0;
	int			attempts = 0;
	hg_alignment alignment;

	for (int i = 0; i < 2; i++)
	{
		const hg_format_field field[] = {fields[i], HG_FIELDS_END};

		if (!hg_format_begins(fields[i], text + at, size - at, options))
			continue;
		for (size_t end = size; end > at && attempts < ATTEMPTS_MAX; end--)
		{
			if (end < size && strchr("'\"`.", text[end]) == NULL &&
				strchr("\".", text[end - 1]) == NULL)
				continue;
			attempts++;
			if (!hg_format_find(field, text + at, end - at, &alignment, options) ||
				alignment.bytes <= bytes)
				continue;
			bytes = alignment.bytes;
			*found = (embedded) {at, end, fields[i]};
		}
	}
	return bytes > 0;
}

static bool
find_message(const char *text, size_t size, embedded *found, const hg_mask_log_options *options)
{
	for (size_t at = 0; at < size; at++)
		if (may_begin(text, at) && begins_at(text, size, at, found, options))
			return true;
	return false;
}

/* Key (a)=(b) may stand anywhere, followed by anything: its value ends at the last bracket. */
static bool
put_key(hg_out *out, const char *text, size_t size, bool quoted,
		const hg_mask_log_options *options)
{
	const char *key = find_word(text, size, "Key (");
	const char *middle = key == NULL ? NULL : find_word(key, size - (size_t) (key - text), ")=(");
	size_t		start;
	size_t		end = size;

	if (middle == NULL)
		return false;
	start = (size_t) (middle - text) + 3;
	while (end > start && text[end - 1] != ')')
		end--;
	if (end > start)
		end--;
	else
		end = size;
	hg_mask_put_free_text(out, text, (size_t) (key - text), quoted, options);
	hg_out_bytes(out, key, 5);
	hg_mask_put_argument(out, 'i', text, (size_t) (key - text) + 5, start - 3, options);
	hg_out_text(out, ")=(");
	hg_mask_put_value(out, text, start, end, &options->mask);
	hg_mask_put_free_text(out, text + end, size - end, quoted, options);
	return true;
}

void
hg_mask_put_unknown_text(hg_out *out, const char *text, size_t size, bool quoted,
						 const hg_mask_log_options *options)
{
	embedded	found;

	while (size > 0 && !out->cut && find_message(text, size, &found, options))
	{
		hg_mask_put_free_text(out, text, found.start, quoted, options);
		hg_mask_put_field(out, found.field, text + found.start, found.end - found.start, options);
		/* The quote that the message stood in opens nothing. */
		if (found.start > 0 && found.end < size && text[found.end] == text[found.start - 1])
			hg_out_byte(out, text[found.end++]);
		text += found.end;
		size -= found.end;
	}
	if (!put_key(out, text, size, quoted, options))
		hg_mask_put_free_text(out, text, size, quoted, options);
}

static void
put_line(hg_out *out, const char *text, size_t size, const hg_mask_log_options *options)
{
	bool		sql = shows_sql(text, size);

	if (!sql && find_word(text, size, ": ") == NULL && find_word(text, size, ")=(") == NULL)
		hg_mask_put_text(out, text, size, &options->mask);
	else if (!put_psql_line(out, text, size, options))
		hg_mask_put_unknown_text(out, text, size, sql, options);
}

void
hg_mask_put_loose_text(hg_out *out, const char *text, size_t size,
					   const hg_mask_log_options *options)
{
	if (!options->strict)
	{
		hg_mask_put_text(out, text, size, &options->mask);
		return;
	}
	for (size_t at = 0; at < size;)
	{
		const char *newline = memchr(text + at, '\n', size - at);
		size_t		end = newline == NULL ? size : (size_t) (newline - text);

		put_line(out, text + at, end - at, options);
		if (newline != NULL)
			hg_out_byte(out, '\n');
		at = end + 1;
	}
}
