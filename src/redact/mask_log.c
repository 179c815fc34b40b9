/*
 * mask_log.c
 *		Masking of records of stderr's format: where a field begins, and which.
 *
 * The part before the severity is log_line_prefix: times and addresses stay
 * there, since they are the server's own.  Pure C, nothing allocates.
 */
#include "redact/mask_log.h"

#include "redact/mask_align.h"
#include "redact/mask_argument.h"
#include "redact/mask_out.h"
#include "redact/mask_rows.h"

typedef enum field_kind
{
	FIELD_MESSAGE,
	FIELD_DETAIL,
	FIELD_HINT,
	FIELD_CONTEXT,
	FIELD_SQL,
	FIELD_KEPT
} field_kind;

static const struct
{
	const char *word;
	field_kind	kind;
}			severities[] = {
	{"LOG", FIELD_MESSAGE}, {"ERROR", FIELD_MESSAGE}, {"STATEMENT", FIELD_SQL},
	{"DETAIL", FIELD_DETAIL}, {"HINT", FIELD_HINT}, {"CONTEXT", FIELD_CONTEXT},
	{"QUERY", FIELD_SQL}, {"WARNING", FIELD_MESSAGE}, {"NOTICE", FIELD_MESSAGE},
	{"INFO", FIELD_MESSAGE}, {"FATAL", FIELD_MESSAGE}, {"PANIC", FIELD_MESSAGE},
	{"DEBUG", FIELD_MESSAGE}, {"DEBUG1", FIELD_MESSAGE}, {"DEBUG2", FIELD_MESSAGE},
	{"DEBUG3", FIELD_MESSAGE}, {"DEBUG4", FIELD_MESSAGE}, {"DEBUG5", FIELD_MESSAGE},
	{"LOCATION", FIELD_KEPT}, {"BACKTRACE", FIELD_KEPT},
};

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Finds "ERROR:  " in a line: where the word begins, where the text does. */
static bool
find_severity(const char *line, size_t size, size_t *word, size_t *body, field_kind *kind)
{
	for (const char *colon = line; (colon = memchr(colon, ':', size - (colon - line))); colon++)
	{
		size_t		end = (size_t) (colon - line);
		size_t		start = end;

		if (end + 1 >= size || line[end + 1] != ' ')
			continue;
		while (start > 0 && (is_upper(line[start - 1]) || is_digit(line[start - 1])))
			start--;
		if (start == end || (start > 0 && line[start - 1] != ' ' && line[start - 1] != '\t'))
			continue;
		for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		{
			if (severities[i].word[0] != line[start] ||
				strlen(severities[i].word) != end - start ||
				memcmp(severities[i].word, line + start, end - start) != 0)
				continue;
			*word = start;
			*kind = severities[i].kind;
			for (*body = end + 1; *body < size && line[*body] == ' ';)
				(*body)++;
			return true;
		}
	}
	return false;
}

/* A row of csvlog begins with its time, and a comma right behind the zone. */
static bool
begins_csv(const char *line, size_t size)
{
	const char *comma;

	if (size < 30 || !is_digit(line[0]) || line[4] != '-' || line[10] != ' ')
		return false;
	comma = memchr(line, ',', size);
	return comma != NULL && comma - line < 40 && (comma[1] == '"' || comma[1] == ',');
}

hg_line_kind
hg_mask_line_kind(const char *line, size_t size)
{
	size_t		word;
	size_t		body;
	field_kind	kind;

	if (size > 12 && memcmp(line, "{\"timestamp\"", 12) == 0)
		return HG_LINE_JSON;
	if (begins_csv(line, size))
		return HG_LINE_CSV;
	if (size > 0 && line[0] != '\t' && find_severity(line, size, &word, &body, &kind))
		return HG_LINE_RECORD;
	return HG_LINE_OTHER;
}

/* The size of the time with which a prefix begins in most logs, and of the process behind it. */
static size_t
time_size(const char *prefix, size_t size)
{
	static const char form[] = "0000-00-00 00:00:00";
	size_t		at = 0;

	for (; form[at] != '\0'; at++)
		if (at >= size || (form[at] == '0' ? !is_digit(prefix[at]) : prefix[at] != form[at]))
			return 0;
	while (at < size && (is_digit(prefix[at]) || prefix[at] == '.'))
		at++;
	if (at < size && prefix[at] == ' ')
		at++;
	while (at < size && is_upper(prefix[at]))
		at++;
	if (at + 1 >= size || prefix[at] != ' ' || prefix[at + 1] != '[')
		return at;
	for (size_t end = at + 2; end < size; end++)
		if (prefix[end] == ']')
			return end + 1;
		else if (!is_digit(prefix[end]))
			break;
	return at;
}

/* Findings in a prefix, but for times and addresses, which the server put there. */
static void
put_prefix(hg_out *out, const char *prefix, size_t size, const hg_mask_options *options)
{
	hg_phi_span spans[16];
	size_t		count = hg_phi_scan_text(prefix, size, time_size(prefix, size), spans, 16);
	size_t		kept = 0;

	for (size_t i = 0; i < count; i++)
	{
		if (spans[i].category == HG_PHI_DATE || spans[i].category == HG_PHI_IP ||
			hg_phi_confidence_on(&spans[i], HG_SURFACE_LOG) < options->confidence)
			continue;
		hg_out_bytes(out, prefix + kept, spans[i].start - kept);
		hg_mask_put_marker(out, prefix, &spans[i], options);
		kept = (size_t) spans[i].start + spans[i].size;
	}
	hg_out_bytes(out, prefix + kept, size - kept);
}

/* The size of " at character 17" at the end of a message, 0 if there is none. */
static size_t
position_size(const char *text, size_t size)
{
	static const char words[] = " at character ";
	size_t		words_size = sizeof(words) - 1;
	size_t		digits = size;

	while (digits > 0 && is_digit(text[digits - 1]))
		digits--;
	if (digits == size || digits < words_size ||
		memcmp(text + digits - words_size, words, words_size) != 0)
		return 0;
	return size - digits + words_size;
}

/* A message may begin with its SQLSTATE and end with a position. */
static void
put_message(hg_out *out, const char *text, size_t size, const hg_mask_log_options *options)
{
	size_t		state = 0;
	size_t		digits = 0;
	size_t		position = position_size(text, size);

	for (; state < 5 && state < size && (is_digit(text[state]) || is_upper(text[state])); state++)
		digits += is_digit(text[state]);
	if (state == 5 && digits > 0 && size > 7 && text[5] == ':' && text[6] == ' ')
	{
		hg_out_bytes(out, text, 7);
		text += 7;
		size -= 7;
	}
	hg_mask_put_message(out, NULL, text, size - position, options);
	hg_out_bytes(out, text + size - position, position);
}

static void
put_field(hg_out *out, field_kind kind, const char *text, size_t size,
		  const hg_mask_log_options *options)
{
	switch (kind)
	{
		case FIELD_MESSAGE:
			put_message(out, text, size, options);
			break;
		case FIELD_DETAIL:
			hg_mask_put_field_and_rest(out, HG_FORMAT_DETAIL, text, size, options);
			break;
		case FIELD_HINT:
			hg_mask_put_field_and_rest(out, HG_FORMAT_HINT, text, size, options);
			break;
		case FIELD_CONTEXT:
			hg_mask_put_field_and_rest(out, HG_FORMAT_CONTEXT, text, size, options);
			break;
		case FIELD_SQL:
			hg_mask_put_sql(out, text, size, &options->mask);
			break;
		case FIELD_KEPT:
			hg_out_bytes(out, text, size);
			break;
	}
}

/* Takes away the tab that the server puts in front of a continued line; returns the size. */
static size_t
without_tabs(const char *text, size_t size, char *lines)
{
	size_t		used = 0;
	size_t		at = 0;

	while (at < size)
	{
		const char *newline = memchr(text + at, '\n', size - at);
		size_t		end = newline == NULL ? size : (size_t) (newline - text) + 1;

		memcpy(lines + used, text + at, end - at);
		used += end - at;
		at = end < size && text[end] == '\t' ? end + 1 : end;
	}
	return used;
}

/* Puts the tabs back, from the end, so that each byte moves once. */
static void
put_tabs(hg_out *out, size_t begin)
{
	size_t		count = 0;

	for (size_t i = begin; i < out->used; i++)
		count += out->data[i] == '\n';
	if (out->used + count > out->size)
	{
		out->cut = true;
		return;
	}
	for (size_t i = out->used, to = out->used + count; i-- > begin;)
	{
		if (out->data[i] == '\n')
			out->data[--to] = '\t';
		out->data[--to] = out->data[i];
	}
	out->used += count;
}

static void
put_record(hg_out *out, const char *record, size_t size, char *scratch,
		   const hg_mask_log_options *options)
{
	const char *newline = memchr(record, '\n', size);
	size_t		first = newline == NULL ? size : (size_t) (newline - record);
	bool		tabs = newline != NULL && first + 1 < size && record[first + 1] == '\t';
	size_t		word;
	size_t		body;
	size_t		begin;
	field_kind	kind;

	if (!find_severity(record, first, &word, &body, &kind))
		return;
	put_prefix(out, record, word, &options->mask);
	hg_out_bytes(out, record + word, body - word);
	begin = out->used;
	if (!tabs)
		put_field(out, kind, record + body, size - body, options);
	else
	{
		put_field(out, kind, scratch, without_tabs(record + body, size - body, scratch), options);
		put_tabs(out, begin);
	}
}

size_t
hg_mask_log_record(hg_line_kind kind, const char *record, size_t size, char *scratch, char *out,
				   size_t out_size, const hg_mask_log_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	if (kind == HG_LINE_JSON)
		hg_mask_put_json_line(&bounded, record, size, scratch, options);
	else if (kind == HG_LINE_CSV)
		hg_mask_put_csv_row(&bounded, record, size, scratch, options);
	else if (kind == HG_LINE_RECORD)
		put_record(&bounded, record, size, scratch, options);
	else
		hg_mask_put_loose_text(&bounded, record, size, options);
	return bounded.cut ? out_size : bounded.used;
}
