/*
 * mask_rows.c
 *		Masking of csvlog, jsonlog and COPY's rows: values with quotes or escapes.
 *
 * A value is taken out of its quotes, masked by its column, and put back.  What
 * stands in no column that is known is masked as free text.  Pure C.
 */
#include "redact/mask_rows.h"

#include "redact/mask_argument.h"
#include "redact/mask_log.h"

/* How a column or key is masked. */
typedef enum value_kind
{
	VALUE_KEPT,
	VALUE_NAME,
	VALUE_APPLICATION,
	VALUE_MESSAGE,
	VALUE_DETAIL,
	VALUE_HINT,
	VALUE_CONTEXT,
	VALUE_SQL
} value_kind;

/* csvlog's columns, in their order; jsonlog's keys. */
static const struct
{
	const char *key;
	value_kind	kind;
}			columns[] = {
	{"timestamp", VALUE_KEPT}, {"user", VALUE_NAME}, {"dbname", VALUE_NAME}, {"pid", VALUE_KEPT},
	{"remote_host", VALUE_KEPT}, {"session_id", VALUE_KEPT}, {"line_num", VALUE_KEPT},
	{"ps", VALUE_KEPT}, {"session_start", VALUE_KEPT}, {"vxid", VALUE_KEPT}, {"txid", VALUE_KEPT},
	{"error_severity", VALUE_KEPT}, {"state_code", VALUE_KEPT}, {"message", VALUE_MESSAGE},
	{"detail", VALUE_DETAIL}, {"hint", VALUE_HINT}, {"internal_query", VALUE_SQL},
	{"internal_position", VALUE_KEPT}, {"context", VALUE_CONTEXT}, {"statement", VALUE_SQL},
	{"cursor_position", VALUE_KEPT}, {"location", VALUE_KEPT},
	{"application_name", VALUE_APPLICATION}, {"backend_type", VALUE_KEPT},
	{"leader_pid", VALUE_KEPT}, {"query_id", VALUE_KEPT},
	/* of jsonlog only */
	{"remote_port", VALUE_KEPT}, {"func_name", VALUE_KEPT}, {"file_name", VALUE_KEPT},
	{"file_line_num", VALUE_KEPT}, {"backtrace", VALUE_KEPT},
};

#define COLUMNS_OF_CSV 26

static void
put_value(hg_out *out, value_kind kind, const char *value, size_t size,
		  const hg_mask_log_options *options)
{
	switch (kind)
	{
		case VALUE_KEPT:
			hg_out_bytes(out, value, size);
			break;
		case VALUE_NAME:
			hg_mask_put_argument(out, 'u', value, 0, size, options);
			break;
		case VALUE_APPLICATION:
			hg_mask_put_argument(out, 'a', value, 0, size, options);
			break;
		case VALUE_MESSAGE:
			hg_mask_put_message(out, NULL, value, size, options);
			break;
		case VALUE_DETAIL:
			hg_mask_put_field(out, HG_FORMAT_DETAIL, value, size, options);
			break;
		case VALUE_HINT:
			hg_mask_put_field(out, HG_FORMAT_HINT, value, size, options);
			break;
		case VALUE_CONTEXT:
			hg_mask_put_field(out, HG_FORMAT_CONTEXT, value, size, options);
			break;
		case VALUE_SQL:
			hg_mask_put_sql(out, value, size, &options->mask);
			break;
	}
}

/* Whether a byte cannot stand in a quoted value as it is: in JSON, or in a row of csvlog. */
static inline bool
needs_escape(unsigned char c, bool json)
{
	return c == '"' || (json && (c == '\\' || c < 0x20));
}

/*
 * Puts an escape in front of bytes of the output from "begin" on.  Written
 * backwards, since the output grows.
 */
static void
escape_output(hg_out *out, size_t begin, bool json, size_t (*escape) (char c, char *escaped))
{
	char		escaped[8];
	size_t		grown = 0;
	size_t		to;

	if (!json && memchr(out->data + begin, '"', out->used - begin) == NULL)
		return;
	for (size_t i = begin; i < out->used; i++)
		if (needs_escape((unsigned char) out->data[i], json))
			grown += escape(out->data[i], escaped) - 1;
	if (grown == 0)
		return;
	if (out->used + grown > out->size)
	{
		out->cut = true;
		out->used = begin;
		return;
	}
	to = out->used + grown;
	for (size_t i = out->used; i-- > begin;)
	{
		size_t		size = escape(out->data[i], escaped);

		to -= size;
		memcpy(out->data + to, escaped, size);
	}
	out->used += grown;
}

static size_t
escape_csv(char c, char *escaped)
{
	escaped[0] = escaped[1] = c;
	return c == '"' ? 2 : 1;
}

bool
hg_mask_csv_is_complete(const char *row, size_t size)
{
	bool		open = false;

	for (const char *quote = row; (quote = memchr(quote, '"', size - (quote - row))); quote++)
		open = !open;
	return !open;
}

/*
 * Reads a value whose quote stands at "at": where it lies, which is in "scratch"
 * when it has doubled quotes in it.  Returns what follows its end.
 */
static size_t
read_csv_value(const char *row, size_t size, size_t at, char *scratch, const char **value,
			   size_t *used)
{
	size_t		start = ++at;

	*used = 0;
	for (;;)
	{
		const char *quote = memchr(row + at, '"', size - at);
		size_t		end = quote == NULL ? size : (size_t) (quote - row);
		bool		doubled = end + 1 < size && row[end + 1] == '"';

		/* Nothing was copied yet, and nothing has to be. */
		if (!doubled && *used == 0)
		{
			*value = row + start;
			*used = end - start;
			return end < size ? end + 1 : size;
		}
		memcpy(scratch + *used, row + at, end - at + doubled);
		*used += end - at + doubled;
		if (!doubled)
		{
			*value = scratch;
			return end < size ? end + 1 : size;
		}
		at = end + 2;
	}
}

void
hg_mask_put_csv_row(hg_out *out, const char *row, size_t size, char *scratch,
					const hg_mask_log_options *options)
{
	size_t		at = 0;

	for (size_t column = 0;; column++)
	{
		value_kind	kind = column < COLUMNS_OF_CSV ? columns[column].kind : VALUE_MESSAGE;
		const char *comma;
		size_t		end;

		if (at < size && row[at] == '"')
		{
			const char *value;
			size_t		used;
			size_t		begin;

			at = read_csv_value(row, size, at, scratch, &value, &used);
			hg_out_byte(out, '"');
			begin = out->used;
			put_value(out, kind, value, used, options);
			escape_output(out, begin, false, escape_csv);
			hg_out_byte(out, '"');
		}
		comma = memchr(row + at, ',', size - at);
		end = comma == NULL ? size : (size_t) (comma - row) + 1;
		hg_out_bytes(out, row + at, end - at);
		if (comma == NULL)
			return;
		at = end;
	}
}

static size_t
escape_json(char c, char *escaped)
{
	static const char hex[] = "0123456789abcdef";
	static const char plain[] = "\"\\\n\r\t\b\f";
	static const char letters[] = "\"\\nrtbf";
	const char *found = c == '\0' ? NULL : strchr(plain, c);

	if (found != NULL)
	{
		escaped[0] = '\\';
		escaped[1] = letters[found - plain];
		return 2;
	}
	if ((unsigned char) c < 0x20)
	{
		memcpy(escaped, "\\u00", 4);
		escaped[4] = hex[(unsigned char) c >> 4];
		escaped[5] = hex[(unsigned char) c & 15];
		return 6;
	}
	escaped[0] = c;
	return 1;
}

/* The value of four hexadecimal digits; of what is none, something that is no character. */
static unsigned
hex_value(const char *digits)
{
	unsigned	value = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = digits[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (unsigned) (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + (unsigned) ((c | 0x20) - 'a') + 10;
		else
			return 0xFFFF;
	}
	return value;
}

/*
 * Reads a JSON string whose quote stands at "at": where its value lies, which is
 * in "scratch" when it has escapes.  Returns what follows its end.
 */
static size_t
read_json_string(const char *line, size_t size, size_t at, char *scratch, const char **value,
				 size_t *used)
{
	static const char plain[] = "\"\\\n\r\t\b\f";
	static const char letters[] = "\"\\nrtbf";
	const char *quote = memchr(line + at + 1, '"', size - at - 1);
	size_t		start = ++at;
	size_t		end = quote == NULL ? size : (size_t) (quote - line);

	*value = line + start;
	*used = end - start;
	if (memchr(line + start, '\\', end - start) == NULL)
		return end < size ? end + 1 : size;
	*value = scratch;
	*used = 0;
	for (; at < size && line[at] != '"'; at++)
	{
		const char *found;

		if (line[at] != '\\' || at + 1 >= size)
		{
			scratch[(*used)++] = line[at];
			continue;
		}
		at++;
		found = line[at] == '\0' ? NULL : strchr(letters, line[at]);
		if (found != NULL)
			scratch[(*used)++] = plain[found - letters];
		else if (line[at] == 'u' && at + 4 < size)
		{
			/* jsonlog writes control characters only in this way. */
			unsigned	code = hex_value(line + at + 1);

			scratch[(*used)++] = code < 0x80 ? (char) code : '?';
			at += 4;
		}
		else
			scratch[(*used)++] = line[at];
	}
	return at < size ? at + 1 : size;
}

static value_kind
kind_of_key(const char *key, size_t size)
{
	if (size == 0)
		return VALUE_MESSAGE;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (columns[i].key[0] == key[0] && strlen(columns[i].key) == size &&
			memcmp(columns[i].key, key, size) == 0)
			return columns[i].kind;
	return VALUE_MESSAGE;
}

void
hg_mask_put_json_line(hg_out *out, const char *line, size_t size, char *scratch,
					  const hg_mask_log_options *options)
{
	value_kind	kind = VALUE_MESSAGE;
	bool		is_key = true;
	size_t		at = 0;

	while (at < size)
	{
		size_t		start = at;
		const char *value;
		size_t		used;
		size_t		begin;

		if (line[at] != '"')
		{
			is_key = line[at] == ',' || line[at] == '{' || (is_key && line[at] != ':');
			hg_out_byte(out, line[at++]);
			continue;
		}
		at = read_json_string(line, size, at, scratch, &value, &used);
		if (is_key)
			kind = kind_of_key(value, used);
		if (is_key || kind == VALUE_KEPT)
		{
			hg_out_bytes(out, line + start, at - start);
			continue;
		}
		hg_out_byte(out, '"');
		begin = out->used;
		put_value(out, kind, value, used, options);
		escape_output(out, begin, true, escape_json);
		hg_out_byte(out, '"');
	}
}

/* Rows up to this size are shown to the detector in one go, which is quicker than by value. */
#define ROW_LOOK_MAX (16 * 1024)

#define SPANS_BATCH 32

/* The findings of a row, one batch after the other. */
typedef struct row_findings
{
	hg_phi_span spans[SPANS_BATCH];
	size_t		count;
	size_t		next;
} row_findings;

/* The first finding that counts and begins in bytes [from, to), NULL if there is none. */
static const hg_phi_span *
finding_in(row_findings *found, const char *row, size_t size, size_t from, size_t to,
		   const hg_mask_options *options)
{
	for (;;)
	{
		const hg_phi_span *span;

		if (found->next == SPANS_BATCH)
		{
			span = &found->spans[SPANS_BATCH - 1];
			found->count = hg_phi_scan_text(row, size, (size_t) span->start + span->size,
											found->spans, SPANS_BATCH);
			found->next = 0;
		}
		if (found->next == found->count || found->spans[found->next].start >= to)
			return NULL;
		span = &found->spans[found->next++];
		if (span->start >= from &&
			hg_phi_confidence_on(span, HG_SURFACE_LOG) >= options->confidence)
			return span;
	}
}

void
hg_mask_put_copy_row(hg_out *out, const char *row, size_t size,
					 const hg_mask_log_options *options)
{
	row_findings found = {.count = 0, .next = 0};
	size_t		at = 0;

	if (size <= ROW_LOOK_MAX)
		found.count = hg_phi_scan_text(row, size, 0, found.spans, SPANS_BATCH);
	for (;;)
	{
		const char *tab = memchr(row + at, '\t', size - at);
		size_t		end = tab == NULL ? size : (size_t) (tab - row);

		if ((end - at == 2 && memcmp(row + at, "\\N", 2) == 0) ||
			hg_mask_is_marker(row + at, end - at))
			hg_out_bytes(out, row + at, end - at);
		else if (size > ROW_LOOK_MAX)
			hg_mask_put_value(out, row, at, end, &options->mask);
		else if (end > at)
		{
			const hg_phi_span *finding = finding_in(&found, row, size, at, end, &options->mask);

			hg_mask_put_marker(out, row, finding, &options->mask);
		}
		if (tab == NULL)
			return;
		hg_out_byte(out, '\t');
		at = end + 1;
	}
}

size_t
hg_mask_copy_row(const char *row, size_t size, char *out, size_t out_size,
				 const hg_mask_log_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	hg_mask_put_copy_row(&bounded, row, size, options);
	return bounded.cut ? out_size : bounded.used;
}
