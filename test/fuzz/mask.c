/*
 * Goal: whatever bytes come, masking neither reads nor writes outside its
 * buffers, never writes more than it was given, and masked SQL shows no byte
 * of a literal.  Passages that are remembered change nothing.
 * Method: libFuzzer with AddressSanitizer. Each input, in memory of exactly its
 * size, is masked in every way there is, into memory of exactly the size that
 * is told; as the content of a literal in a statement, from which nothing of it
 * may come out; and as SQL around literals and comments of every kind, of
 * which no byte may be left, with and without a memory of passages.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redact/mask_log.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const hg_mask_log_options options = {.mask = {.confidence = 0.4f}, .strict = true};

/* The same with a memory, which all inputs fill. */
static hg_mask_passage rows[16][HG_PASSAGE_WAYS];
static hg_mask_passages passages = {rows, 16, 0};
static const hg_mask_options remembering = {.confidence = 0.4f, .passages = &passages};

/* Exact sizes, so that one byte too far is seen. */
static char *
copy_of(const void *data, size_t size)
{
	char	   *copy = malloc(size);

	memcpy(copy, data, size);
	return copy;
}

static size_t
first_line(const char *text, size_t size)
{
	const char *newline = memchr(text, '\n', size);

	return newline == NULL ? size : (size_t) (newline - text);
}

static void
check_sizes(const char *text, size_t size)
{
	static const size_t rooms[] = {0, 9, 4096};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
	{
		size_t		room = rooms[i];
		char	   *out = malloc(room);
		char	   *scratch = malloc(size + 1);

		if (hg_mask_text(text, size, out, room, &options.mask) > room ||
			hg_mask_sql(text, size, out, room, &options.mask) > room ||
			hg_mask_copy_row(text, size, out, room, &options) > room ||
			hg_mask_message(NULL, text, size, out, room, &options) > room)
			abort();
		for (int field = HG_FORMAT_MESSAGE; field <= HG_FORMAT_TEXT; field++)
			if (hg_mask_field((hg_format_field) field, text, size, out, room, &options) > room)
				abort();
		for (int kind = HG_LINE_RECORD; kind <= HG_LINE_OTHER; kind++)
		{
			hg_log_line first = hg_mask_read_line(text, first_line(text, size));

			if (first.kind != HG_LINE_RECORD && kind == HG_LINE_RECORD)
				continue;
			first.kind = (hg_line_kind) kind;
			if (hg_mask_log_record(&first, text, size, scratch, out, room, &options) > room)
				abort();
		}
		free(scratch);
		free(out);
	}
}

/* The input as a literal: quotes doubled, and no backslash, since that is read in two ways. */
static void
check_literal(const uint8_t *data, size_t size)
{
	static const char before[] = "select '";
	static const char after[] = "' from t where zqz = 1";
	static const char expected[] = "select '[redacted]' from t where zqz = '[redacted]'";
	char	   *sql = malloc(size * 2 + sizeof(before) + sizeof(after));
	char		out[256];
	size_t		used = sizeof(before) - 1;
	size_t		content;

	memcpy(sql, before, used);
	for (size_t i = 0; i < size; i++)
	{
		if (data[i] == '\\')
			continue;
		if (data[i] == '\'')
			sql[used++] = '\'';
		sql[used++] = (char) data[i];
	}
	content = used - (sizeof(before) - 1);
	/* An empty literal stays, and a marker of ours as well. */
	if (content > 0 && memchr(sql + sizeof(before) - 1, '[', content) == NULL)
	{
		memcpy(sql + used, after, sizeof(after) - 1);
		used += sizeof(after) - 1;
		used = hg_mask_sql(sql, used, out, sizeof(out), &options.mask);
		/* The detector may name the value, but nothing else may be there. */
		if (used < 8 || memcmp(out, before, 8) != 0 || out[8] != '[')
			abort();
		if (memcmp(out + 8, "[red", 4) == 0 &&
			(used != sizeof(expected) - 1 || memcmp(out, expected, used) != 0))
			abort();
	}
	free(sql);
}

/* What literals and comments there are; the value stands between. */
static const struct
{
	const char *open;
	const char *close;
}			forms[] = {
	{"'", "'"}, {"e'", "'"}, {"E'\\'", "'"}, {"$$", "$$"}, {"$a1$", "$a1$"}, {"U&'", "'"},
	{"b'", "'"}, {"X'", "'"}, {"n'", "'"}, {"/*", "*/"}, {"/*/*", "*/*/"}, {"--", "\n"},
	{"'", "''"}, {"'''", "'"}, {"e'", ""}, {"$$", ""}, {"/*", ""}, {"'a'\n'", "'"},
	{"\"a b ", "\""}, {"U&\" ", "\""}, {"1e", "'"}, {"(7", ")"}, {"=", ""},
};

/* No text that a fuzzer makes holds it, and it is a number as well. */
#define VALUE "70717273747576777879"

/* The input, cut in two, stands around a literal: the part before it leaves nothing open. */
static void
check_around(const uint8_t *data, size_t size)
{
	hg_sql_progress progress = {0};
	size_t		cut = size == 0 ? 0 : (data[0] * size) / 256;
	size_t		room = (size + 64) * 14;
	char	   *sql = malloc(size + 64);
	char	   *out = malloc(room);
	char	   *again = malloc(room);
	size_t		out_size;

	if (memchr(data, '\\', cut) != NULL || (size > 0 && memmem(data, size, "7071", 4) != NULL) ||
		!hg_mask_sql_is_complete(&progress, (const char *) data, cut))
		goto done;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		size_t		used = cut;

		memcpy(sql, data, cut);
		/* A new line ends a comment, and a comma keeps what LIMIT and the like want away. */
		used += (size_t) sprintf(sql + used, "\n, %s" VALUE "%s", forms[i].open, forms[i].close);
		memcpy(sql + used, data + cut, size - cut);
		used += size - cut;
		out_size = hg_mask_sql(sql, used, out, room, &options.mask);
		if (memmem(out, out_size, "7071", 4) != NULL ||
			hg_mask_sql(sql, used, again, used / 2, &remembering) > used / 2 ||
			hg_mask_sql(sql, used, again, room, &remembering) != out_size ||
			memcmp(out, again, out_size) != 0)
			abort();
	}
done:
	free(again);
	free(out);
	free(sql);
}

/* SQL that grows by lines is as complete as the whole of it. */
static void
check_progress(const char *text, size_t size)
{
	hg_sql_progress grown = {0};

	for (size_t end = 0; end <= size; end++)
	{
		hg_sql_progress whole = {0};

		if (end < size && text[end] != '\n')
			continue;
		if (hg_mask_sql_is_complete(&grown, text, end) !=
			hg_mask_sql_is_complete(&whole, text, end))
			abort();
	}
}

/* Words that were looked at before change nothing. */
static void
check_memo(const char *text, size_t size)
{
	static hg_mask_memo memo;
	hg_mask_options remembering = options.mask;
	char		first[512];
	char		second[512];
	size_t		used = hg_mask_sql(text, size, first, sizeof(first), &options.mask);

	remembering.memo = &memo;
	for (int i = 0; i < 2; i++)
		if (hg_mask_sql(text, size, second, sizeof(second), &remembering) != used ||
			memcmp(first, second, used) != 0)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text;

	if (size > 4096)
		return 0;
	text = copy_of(data, size);
	check_sizes(text, size);
	(void) hg_mask_sql_origin(text, size, "name", 4);
	(void) hg_mask_raise("patient %s of %s", text, size, (char[64]) {0}, 64, &options);
	(void) hg_mask_csv_is_complete(text, size);
	check_literal(data, size);
	check_around(data, size);
	check_memo(text, size);
	if (size < 512)
		check_progress(text, size);
	free(text);
	return 0;
}
