/*
 * mask_align.h
 *		Which format made a text, and where its arguments stand.
 *
 * Pure C; nothing allocates, and the work for one text is bounded.
 */
#ifndef HG_MASK_ALIGN_H
#define HG_MASK_ALIGN_H

#include "redact/mask_format.h"

#define HG_ARGUMENTS_MAX 24

typedef struct hg_argument
{
	size_t		start;
	size_t		end;
	uint8_t		number;			/* which argument of the call: translations may swap them */
	char		conversion;		/* 's', 'd' ... */
} hg_argument;

typedef struct hg_alignment
{
	int			count;
	hg_argument arguments[HG_ARGUMENTS_MAX];	/* in the order of the text */
	const char *classes;		/* one letter an argument of the call; may be too short */
	unsigned	bytes;			/* of the format's own text; set by hg_format_find() */
} hg_alignment;

/* Whether a format can have made all of a text; fills in where its arguments stand. */
extern bool hg_format_align(const char *format, const char *text, size_t size,
							hg_alignment *alignment);

/* The classes of a format's arguments, NULL if it is not in the table. memo may be NULL. */
extern const char *hg_format_classes(const char *format, hg_mask_memo *memo);

/* The end of a list of fields. */
#define HG_FIELDS_END ((hg_format_field) -1)

/*
 * Finds the format of some fields that fits a text best.  Those with hardly a
 * word of their own are left out, since they would fit anything; those that
 * begin with an argument come last.
 */
extern bool hg_format_find(const hg_format_field *fields, const char *text, size_t size,
						   hg_alignment *alignment, const hg_mask_log_options *options);

/* Whether a format of the table begins as the text does. */
extern bool hg_format_begins(hg_format_field field, const char *text, size_t size,
							 const hg_mask_log_options *options);

/* Whether a word is a key word of SQL or PL/pgSQL, in any case. */
extern bool hg_format_is_keyword(const char *word, size_t size);

#endif							/* HG_MASK_ALIGN_H */
