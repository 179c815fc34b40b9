/*
 * mask_audit.c
 *		pgaudit's lines: values between commas, with SQL among them.
 */
#include "redact/mask_argument.h"

/* Behind this many bytes a quoted statement is masked as a whole. */
#define STATEMENT_MAX 8192

#define FIELD_STATEMENT 7

/* The end of a value, which may stand in double quotes. */
static size_t
end_of_value(const char *line, size_t size, size_t at)
{
	bool		quoted = at < size && line[at] == '"';

	if (quoted)
	{
		for (at++; at < size; at++)
		{
			if (line[at] != '"')
				continue;
			if (at + 1 < size && line[at + 1] == '"')
				at++;
			else
				break;
		}
	}
	while (at < size && line[at] != ',')
		at++;
	return at;
}

/* A statement in double quotes: its own ones are doubled. */
static void
put_quoted_statement(hg_out *out, const char *value, size_t size,
					 const hg_mask_log_options *options)
{
	char		statement[STATEMENT_MAX];
	char		masked[STATEMENT_MAX];
	size_t		used = 0;
	bool		closed = false;

	if (size > STATEMENT_MAX)
	{
		hg_out_text(out, HG_REDACTED);
		return;
	}
	for (size_t i = 1; i < size; i++)
	{
		if (value[i] == '"' && (i + 1 >= size || value[++i] != '"'))
		{
			closed = true;
			break;
		}
		statement[used++] = value[i];
	}
	used = hg_mask_sql(statement, used, masked, sizeof(masked), &options->mask);
	hg_out_byte(out, '"');
	for (size_t i = 0; i < used; i++)
	{
		if (masked[i] == '"')
			hg_out_byte(out, '"');
		hg_out_byte(out, masked[i]);
	}
	if (closed)
		hg_out_byte(out, '"');
}

static void
put_value(hg_out *out, int field, const char *line, size_t from, size_t to,
		  const hg_mask_log_options *options)
{
	bool		none = to - from >= 2 && line[from] == '<' && line[to - 1] == '>';
	bool		number = from < to;

	for (size_t i = from; i < to; i++)
		number = number && line[i] >= '0' && line[i] <= '9';
	if (none || (number && to - from <= 5))
		hg_out_bytes(out, line + from, to - from);
	else if (field < FIELD_STATEMENT)
		hg_mask_put_argument(out, 'i', line, from, to, options);
	else if (field > FIELD_STATEMENT)
		hg_mask_put_value(out, line, from, to, &options->mask);
	else if (from < to && line[from] == '"')
		put_quoted_statement(out, line + from, to - from, options);
	else
		hg_mask_put_sql(out, line + from, to - from, &options->mask);
}

void
hg_mask_put_audit_line(hg_out *out, const char *line, size_t size,
					   const hg_mask_log_options *options)
{
	size_t		at = 0;

	for (int field = 0;; field++)
	{
		size_t		end = end_of_value(line, size, at);

		put_value(out, field, line, at, end, options);
		if (end >= size)
			return;
		hg_out_byte(out, ',');
		at = end + 1;
	}
}
