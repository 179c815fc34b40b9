/*
 * mask_passage.h
 *		Passages of SQL that stayed as they are, remembered.
 *
 * A log shows the same statements again and again with other values.  What
 * stands between two values is the same bytes each time, so what was read once
 * is compared instead of read.  Pure C; the memory is the caller's.
 */
#ifndef HG_MASK_PASSAGE_H
#define HG_MASK_PASSAGE_H

#include "redact/mask.h"

/* What is remembered of a token that went by. */
typedef struct hg_mask_place
{
	uint32_t	kind;
	uint32_t	start;
	uint32_t	end;
} hg_mask_place;

/* What a reader of SQL knows where it stands: all that the meaning of what follows depends on. */
typedef struct hg_mask_reader
{
	hg_mask_place last;			/* the last two tokens that are no space or comment */
	hg_mask_place before_last;
	bool		type_modifier;	/* inside varchar( or numeric( */
} hg_mask_reader;

/*
 * Looks for a passage that the text goes on with at "at".  Returns where it ends,
 * and what the reader knows there; "at" if there is none.
 */
extern size_t hg_mask_passage_skip(const hg_mask_passages *passages, const char *text,
								   size_t size, size_t at, hg_mask_reader *reader);

/* Remembers the bytes [from, to) of a text, if nothing that follows could change their reading. */
extern void hg_mask_passage_add(hg_mask_passages *passages, const char *text, size_t size,
								size_t from, size_t to, const hg_mask_reader *reader);

#endif							/* HG_MASK_PASSAGE_H */
