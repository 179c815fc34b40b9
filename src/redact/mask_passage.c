/*
 * mask_passage.c
 *		Passages of SQL that stayed as they are, remembered.
 *
 * A passage is found by its first bytes and compared as a whole, so that
 * nothing is taken for another.  It ends at the end of the text, or with a byte
 * that no token goes on with; so what follows is read as it was.
 */
#include "redact/mask_passage.h"

#include <string.h>

/* So many bytes say where a passage is looked for; shorter ones are as fast to read. */
#define HEAD_SIZE 12

static hg_mask_passage *
row_of(const hg_mask_passages *passages, const char *text)
{
	uint64_t	head;
	uint32_t	rest;

	memcpy(&head, text, sizeof(head));
	memcpy(&rest, text + sizeof(head), sizeof(rest));
	head = (head ^ ((uint64_t) rest << 17)) * UINT64_C(0x9e3779b97f4a7c15);
	return passages->rows[(head >> 40) % passages->rows_count];
}

/* Whether a token ends behind this byte, whatever follows. */
static bool
ends_token(char c)
{
	return c != '\0' && strchr(" \n\t(),;=<>[]+", c) != NULL;
}

size_t
hg_mask_passage_skip(const hg_mask_passages *passages, const char *text, size_t size, size_t at,
					 hg_mask_reader *reader)
{
	const hg_mask_passage *row;
	size_t		left = size - at;

	if (left < HEAD_SIZE)
		return at;
	row = row_of(passages, text + at);
	for (const hg_mask_passage *end = row + HG_PASSAGE_WAYS; row < end; row++)
	{
		if (row->size == 0 || row->size > left ||
			(row->whole && row->size != left) || memcmp(row->text, text + at, row->size) != 0)
			continue;
		*reader = (hg_mask_reader) {
			{row->last[0], (uint32_t) at + row->last[1], (uint32_t) at + row->last[2]},
			{row->before_last[0], (uint32_t) at + row->before_last[1],
			(uint32_t) at + row->before_last[2]}, false
		};
		return at + row->size;
	}
	return at;
}

static void
keep_place(uint8_t kept[3], const hg_mask_place *place, size_t from)
{
	kept[0] = (uint8_t) place->kind;
	kept[1] = (uint8_t) (place->start - from);
	kept[2] = (uint8_t) (place->end - from);
}

void
hg_mask_passage_add(hg_mask_passages *passages, const char *text, size_t size, size_t from,
					size_t to, const hg_mask_reader *reader)
{
	hg_mask_passage *row;

	/* Two tokens of its own are what the reader knows at its end. */
	if (to - from < HEAD_SIZE || to - from > HG_PASSAGE_MAX || reader->type_modifier ||
		reader->before_last.start < from || (to < size && !ends_token(text[to - 1])))
		return;
	row = row_of(passages, text + from) + passages->turn;
	passages->turn = (passages->turn + 1) % HG_PASSAGE_WAYS;
	row->size = (uint8_t) (to - from);
	row->whole = to == size;
	keep_place(row->last, &reader->last, from);
	keep_place(row->before_last, &reader->before_last, from);
	memcpy(row->text, text + from, to - from);
}
