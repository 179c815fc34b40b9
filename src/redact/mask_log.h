/*
 * mask_log.h
 *		Masking of log files, records as the server writes them.
 *
 * Pure C, for the command-line tool.  One call takes one record: a line of
 * stderr's format with the lines that continue it, a row of csvlog, a line of
 * jsonlog.  Masking what was masked changes nothing.
 */
#ifndef HG_MASK_LOG_H
#define HG_MASK_LOG_H

#include "redact/mask_format.h"

/* What a line begins. */
typedef enum hg_line_kind
{
	HG_LINE_RECORD,				/* has a severity: "... ERROR:  " */
	HG_LINE_CSV,				/* a row of csvlog */
	HG_LINE_JSON,				/* a line of jsonlog */
	HG_LINE_OTHER				/* continues the record before it, or is free text */
} hg_line_kind;

/* A line as it was read: what it begins, and of a record where its parts stand. */
typedef struct hg_log_line
{
	hg_line_kind kind;
	unsigned	severity;		/* a row of the table of severities */
	size_t		begin;			/* behind the time and process of the prefix */
	size_t		word;			/* "ERROR:  " begins here, ... */
	size_t		body;			/* ... the text here */
} hg_log_line;

extern hg_log_line hg_mask_read_line(const char *line, size_t size);

/* Whether the quotes of a row of csvlog are closed: otherwise it goes on in the next line. */
extern bool hg_mask_csv_is_complete(const char *row, size_t size);

/*
 * Masks one record without its last newline; "first" is its first line as read.
 * "scratch" has at least the size of the record.  Returns the size of the
 * output; when that is out_size, it may have been cut.
 */
extern size_t hg_mask_log_record(const hg_log_line *first, const char *record, size_t size,
								 char *scratch, char *out, size_t out_size,
								 const hg_mask_log_options *options);

/* Masks a row of COPY's text format: each value becomes a marker, \N stays. */
extern size_t hg_mask_copy_row(const char *row, size_t size, char *out, size_t out_size,
							   const hg_mask_log_options *options);

#endif							/* HG_MASK_LOG_H */
