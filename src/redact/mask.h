/*
 * mask.h
 *		Masking of text and of SQL: the pure half of the room.
 *
 * Pure C without postgres.h.  Nothing allocates, locks or fails, so all of it
 * may run inside an error report.  Output is never longer than out_size, is
 * never terminated, and never holds a byte of a value that was masked: what
 * does not fit is cut, at a whole character.
 */
#ifndef HG_MASK_H
#define HG_MASK_H

#include "phi/phi.h"

/*
 * Words in which nothing was found, so that each is looked at once.  The memory
 * is the caller's, zeroed, and his to clear when own identifiers change.
 */
#define HG_MEMO_ROWS 1024
#define HG_MEMO_WORD_MAX 30

#define HG_MEMO_FORMATS 64

typedef struct hg_mask_memo
{
	uint16_t	formats[HG_MEMO_FORMATS];	/* rows of the table of formats, from 1 on */
	struct
	{
		uint8_t		size;
		uint8_t		kind;
		char		word[HG_MEMO_WORD_MAX];
	}			rows[HG_MEMO_ROWS];
} hg_mask_memo;

/*
 * Passages of SQL between values, so that a statement seen before is compared,
 * not read.  The memory is the caller's, as for words.
 */
#define HG_PASSAGE_WAYS 4
#define HG_PASSAGE_MAX 248

typedef struct hg_mask_passage
{
	uint8_t		size;			/* 0: none */
	bool		whole;			/* the text ended here */
	uint8_t		last[3];		/* the last token in it: kind, start, end */
	uint8_t		before_last[3];
	char		text[HG_PASSAGE_MAX];
} hg_mask_passage;

typedef struct hg_mask_passages
{
	hg_mask_passage (*rows)[HG_PASSAGE_WAYS];
	unsigned	rows_count;
	unsigned	turn;			/* which one of a row is replaced next */
} hg_mask_passages;

typedef struct hg_mask_options
{
	float		confidence;		/* findings at or above it are masked */
	const uint8_t *hash_key;	/* 32 bytes: markers as [phi:ssn:1f3a9c02]; NULL: [phi:ssn] */
	/*
	 * Keyed digest of a value, HMAC-SHA-256 cut to 4 bytes: the one seam to a
	 * library.  May be NULL with hash_key NULL.
	 */
	bool		(*digest) (const uint8_t *key, const char *value, size_t size, uint8_t out[4]);
	hg_mask_memo *memo;			/* NULL: none */
	hg_mask_passages *passages; /* NULL: none */
} hg_mask_options;

/* Masks the findings of a text; the rest stays byte for byte. Returns the size of the output. */
extern size_t hg_mask_text(const char *text, size_t size, char *out, size_t out_size,
						   const hg_mask_options *options);

/*
 * Masks every literal and comment of SQL, and each quoted identifier that is
 * not a plain word or in which the detector finds something; the structure
 * stays, and valid SQL stays valid.  An unterminated literal reaches to the end.
 */
extern size_t hg_mask_sql(const char *sql, size_t size, char *out, size_t out_size,
						  const hg_mask_options *options);

/* How far SQL that grows line by line was read, and what is open there. Zeroed at the beginning. */
typedef struct hg_sql_progress
{
	size_t		at;
	size_t		open;			/* where the open token begins */
	size_t		tag_size;		/* of $tag$ */
	int			depth;			/* of comments in one another */
	char		kind;			/* ' or " or $ or *; 0: nothing is open */
	bool		escapes;
} hg_sql_progress;

/*
 * Whether no quote or comment is open at the end of SQL, so that it can be cut
 * there and both parts be masked on their own.  Reads only what is new, which
 * begins with the end of a line.
 */
extern bool hg_mask_sql_is_complete(hg_sql_progress *progress, const char *sql, size_t size);

/* Where a statement has a word that a message shows. */
typedef enum hg_sql_origin
{
	HG_ORIGIN_NONE,				/* nowhere: it is a function's, or the server's */
	HG_ORIGIN_UNKNOWN,			/* nowhere, but the statement has parameters */
	HG_ORIGIN_ELSEWHERE,		/* nowhere to be seen, but values are written with escapes, or
								 * stand in another statement, which this one runs */
	HG_ORIGIN_VALUE,			/* in literals, numbers, comments or parts of quoted names only */
	HG_ORIGIN_NAME				/* as a name, whatever else */
} hg_sql_origin;

/*
 * Code in quotes (DO, CREATE FUNCTION) is looked into. Of several origins of a
 * word the last one in the list counts.
 */
extern hg_sql_origin hg_mask_sql_origin(const char *sql, size_t size, const char *word,
										size_t word_size);

/* Whether a text holds a word, in any case, and not as a part of another. */
extern bool hg_mask_holds_word(const char *text, size_t size, const char *word, size_t word_size);

#endif							/* HG_MASK_H */
