/*
 * mask_format.h
 *		Masking of messages whose format is known, or can be found.
 *
 * Pure C: what mask.h says of the whole half is true here as well.
 */
#ifndef HG_MASK_FORMAT_H
#define HG_MASK_FORMAT_H

#include "redact/mask.h"

/* Which texts of the table a message is compared with. */
typedef enum hg_format_field
{
	HG_FORMAT_MESSAGE,
	HG_FORMAT_DETAIL,
	HG_FORMAT_HINT,
	HG_FORMAT_CONTEXT,
	HG_FORMAT_TEXT				/* pieces of which the server puts others together */
} hg_format_field;

/* So many parameters of a statement are known to a message that it caused. */
#define HG_PARAMETERS_MAX 16

/* Translates a format as the server did, or returns it as it is. */
typedef const char *(*hg_translate) (const char *domain, const char *format);

typedef struct hg_mask_log_options
{
	hg_mask_options mask;
	bool		strict;			/* every user value is masked, not findings only */
	bool		withhold;		/* messages without a format of their own go as a whole */
	const char *domain;			/* for translate */
	hg_translate translate;		/* NULL: the texts are in English */
	/* What the user sent and what it came to run; NULL if that is not known. */
	const char *statement;
	size_t		statement_size;
	const char *inner_statement;
	size_t		inner_statement_size;
	bool		statement_cut;	/* there is more of the statement */
	/* Its parameters, and whether these are all of them. */
	struct
	{
		const char *text;
		size_t		size;
	}			parameters[HG_PARAMETERS_MAX];
	int			parameters_count;
	bool		parameters_known;
} hg_mask_log_options;

/*
 * Masks a primary message. "id" is its untranslated format, NULL if it is not
 * known (the leader's copy of a parallel worker's error, a line of a log file).
 * Returns the size of the output.
 */
extern size_t hg_mask_message(const char *id, const char *text, size_t size, char *out,
							  size_t out_size, const hg_mask_log_options *options);

/* The same for a DETAIL, HINT or CONTEXT: none has an id. */
extern size_t hg_mask_field(hg_format_field field, const char *text, size_t size, char *out,
							size_t out_size, const hg_mask_log_options *options);

/* A statement: SQL in strict mode, findings only otherwise. */
extern size_t hg_mask_statement(const char *sql, size_t size, char *out, size_t out_size,
								const hg_mask_log_options *options);

/*
 * Masks a message of which only the format is known, not the classes of its
 * arguments: all of them are values, and in the format's own text findings are
 * masked.  Returns 0 if the format cannot have made the text.
 */
extern size_t hg_mask_raise(const char *format, const char *text, size_t size, char *out,
							size_t out_size, const hg_mask_log_options *options);

/*
 * Masks SQL that the run of the statement made: words that this one has as values
 * only are masked as well.
 */
extern size_t hg_mask_inner_sql(const char *sql, size_t size, char *out, size_t out_size,
								const hg_mask_log_options *options);

/* Where the statement has a word that a message shows, as far as text and parameters are known. */
extern hg_sql_origin hg_mask_origin(const char *word, size_t size,
									const hg_mask_log_options *options);

/*
 * Whether a name that a user typed may stay: an ordinary identifier in which
 * the detector finds nothing. An application's name may consist of several.
 */
extern bool hg_mask_name_is_ordinary(const char *name, size_t size,
									 const hg_mask_options *options);
extern bool hg_mask_application_is_ordinary(const char *name, size_t size,
											const hg_mask_options *options);

#endif							/* HG_MASK_FORMAT_H */
