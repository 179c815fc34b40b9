/*
 * Goal: whatever bytes come, masking neither reads nor writes outside its
 * buffers, never writes more than it was given, and masked SQL shows no byte
 * of a literal.
 * Method: libFuzzer with AddressSanitizer. Each input is masked in every way
 * there is, into buffers of several sizes; and as the content of a literal in
 * a statement, from which nothing of it may come out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "redact/mask_log.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const hg_mask_log_options options = {.mask = {0.4f, NULL, NULL}, .strict = true};

/* Exact sizes, so that one byte too far is seen. */
static char *
copy_of(const void *data, size_t size)
{
	char	   *copy = malloc(size);

	memcpy(copy, data, size);
	return copy;
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
			if (hg_mask_log_record((hg_line_kind) kind, text, size, scratch, out, room,
								   &options) > room)
				abort();
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
	free(text);
	return 0;
}
