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

/*
 * Puts an escape in front of bytes of the output from "begin" on.  Written
 * backwards, since the output grows.
 */
static void
escape_output(hg_out *out, size_t begin, size_t (*escape) (char c, char *escaped))
{
	char		escaped[8];
	size_t		grown = 0;
	size_t		to;

	for (size_t i = begin; i < out->used; i++)
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

void
hg_mask_put_csv_row(hg_out *out, const char *row, size_t size, char *scratch,
					const hg_mask_log_options *options)
{
	size_t		at = 0;

	for (size_t column = 0;; column++)
	{
		value_kind	kind = column < COLUMNS_OF_CSV ? columns[column].kind : VALUE_MESSAGE;
		size_t		used = 0;

		if (at < size && row[at] == '"')
		{
			size_t		begin;

			for (at++; at < size; at++)
			{
				if (row[at] == '"' && (at + 1 >= size || row[++at] != '"'))
					break;
				scratch[used++] = row[at];
			}
			hg_out_byte(out, '"');
			begin = out->used;
			put_value(out, kind, scratch, used, options);
			escape_output(out, begin, escape_csv);
			hg_out_byte(out, '"');
		}
		while (at < size && row[at] != ',')
			hg_out_byte(out, row[at++]);
		if (at >= size)
			return;
		hg_out_byte(out, row[at++]);
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

/* Reads a JSON string whose quote stands at "at"; returns what follows its end. */
static size_t
read_json_string(const char *line, size_t size, size_t at, char *value, size_t *used)
{
	static const char plain[] = "\"\\\n\r\t\b\f";
	static const char letters[] = "\"\\nrtbf";

	*used = 0;
	for (at++; at < size && line[at] != '"'; at++)
	{
		const char *found;

		if (line[at] != '\\' || at + 1 >= size)
		{
			value[(*used)++] = line[at];
			continue;
		}
		at++;
		found = line[at] == '\0' ? NULL : strchr(letters, line[at]);
		if (found != NULL)
			value[(*used)++] = plain[found - letters];
		else if (line[at] == 'u' && at + 4 < size)
		{
			/* jsonlog writes control characters only in this way. */
			unsigned	code = hex_value(line + at + 1);

			value[(*used)++] = code < 0x80 ? (char) code : '?';
			at += 4;
		}
		else
			value[(*used)++] = line[at];
	}
	return at < size ? at + 1 : size;
}

static value_kind
kind_of_key(const char *key, size_t size)
{
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (strlen(columns[i].key) == size && memcmp(columns[i].key, key, size) == 0)
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
		size_t		used;
		size_t		begin;

		if (line[at] != '"')
		{
			is_key = line[at] == ',' || line[at] == '{' || (is_key && line[at] != ':');
			hg_out_byte(out, line[at++]);
			continue;
		}
		at = read_json_string(line, size, at, scratch, &used);
		if (is_key)
			kind = kind_of_key(scratch, used);
		if (is_key || kind == VALUE_KEPT)
		{
			hg_out_bytes(out, line + start, at - start);
			continue;
		}
		hg_out_byte(out, '"');
		begin = out->used;
		put_value(out, kind, scratch, used, options);
		escape_output(out, begin, escape_json);
		hg_out_byte(out, '"');
	}
}

void
hg_mask_put_copy_row(hg_out *out, const char *row, size_t size,
					 const hg_mask_log_options *options)
{
	size_t		at = 0;

	for (;;)
	{
		const char *tab = memchr(row + at, '\t', size - at);
		size_t		end = tab == NULL ? size : (size_t) (tab - row);

		if (end - at == 2 && memcmp(row + at, "\\N", 2) == 0)
			hg_out_bytes(out, row + at, 2);
		else
			hg_mask_put_value(out, row, at, end, &options->mask);
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
