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

/* The size of the time with which a prefix begins in most logs, and of the process behind it. */
static size_t
time_size(const char *prefix, size_t size)
{
	/* From here on, so many bytes may stand at each place: a digit, or just this one. */
	static const char from[] = "0000-00-00 00:00:00";
	static const char count[] = "\12\12\12\12\1\12\12\1\12\12\1\12\12\1\12\12\1\12\12";
	size_t		at = sizeof(from) - 1;
	bool		fits = size >= at;

	for (size_t i = 0; i < at && fits; i++)
		fits = (unsigned char) (prefix[i] - from[i]) < count[i];
	if (!fits)
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

/* Finds "ERROR:  " in a line, from where on it may stand. */
static bool
find_severity(const char *text, size_t size, hg_log_line *line)
{
	const char *colon = text + line->begin;

	for (; (colon = memchr(colon, ':', size - (size_t) (colon - text))) != NULL; colon++)
	{
		size_t		end = (size_t) (colon - text);
		size_t		start = end;

		if (end + 1 >= size || text[end + 1] != ' ')
			continue;
		while (start > 0 && (is_upper(text[start - 1]) || is_digit(text[start - 1])))
			start--;
		if (start == end || (start > 0 && text[start - 1] != ' ' && text[start - 1] != '\t'))
			continue;
		for (unsigned i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		{
			if (severities[i].word[0] != text[start] ||
				strlen(severities[i].word) != end - start ||
				memcmp(severities[i].word, text + start, end - start) != 0)
				continue;
			line->severity = i;
			line->word = start;
			for (line->body = end + 1; line->body < size && text[line->body] == ' ';)
				line->body++;
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
	comma = memchr(line, ',', size < 40 ? size - 1 : 40);
	return comma != NULL && (comma[1] == '"' || comma[1] == ',');
}

hg_log_line
hg_mask_read_line(const char *text, size_t size)
{
	hg_log_line line = {.kind = HG_LINE_OTHER};

	if (size > 12 && memcmp(text, "{\"timestamp\"", 12) == 0)
		line.kind = HG_LINE_JSON;
	else if (begins_csv(text, size))
		line.kind = HG_LINE_CSV;
	else if (size > 0 && text[0] != '\t')
	{
		line.begin = time_size(text, size);
		if (find_severity(text, size, &line))
			line.kind = HG_LINE_RECORD;
	}
	return line;
}

/* Findings in a prefix behind its time, but for times and addresses, which the server put there. */
static void
put_prefix(hg_out *out, const char *prefix, size_t begin, size_t size,
		   const hg_mask_options *options)
{
	hg_phi_span spans[16];
	size_t		count = 0;
	size_t		kept = 0;

	/* Users and databases are few: what was found clean once is not looked at again. */
	if (!hg_mask_is_clean(prefix + begin, size - begin, options))
		count = hg_phi_scan_text(prefix, size, begin, spans, 16);
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
put_record(hg_out *out, const hg_log_line *first, const char *record, size_t size, char *scratch,
		   const hg_mask_log_options *options)
{
	const char *newline = memchr(record, '\n', size);
	size_t		end = newline == NULL ? size : (size_t) (newline - record);
	bool		tabs = newline != NULL && end + 1 < size && record[end + 1] == '\t';
	field_kind	kind = severities[first->severity].kind;
	size_t		word = first->word;
	size_t		body = first->body;
	size_t		begin;

	put_prefix(out, record, first->begin, word, &options->mask);
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
hg_mask_log_record(const hg_log_line *first, const char *record, size_t size, char *scratch,
				   char *out, size_t out_size, const hg_mask_log_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	if (first->kind == HG_LINE_JSON)
		hg_mask_put_json_line(&bounded, record, size, scratch, options);
	else if (first->kind == HG_LINE_CSV)
		hg_mask_put_csv_row(&bounded, record, size, scratch, options);
	else if (first->kind == HG_LINE_RECORD)
		put_record(&bounded, first, record, size, scratch, options);
	else
		hg_mask_put_loose_text(&bounded, record, size, options);
	return bounded.cut ? out_size : bounded.used;
}
