/*
 * mask_rows.h
 *		Masking of csvlog, jsonlog, COPY's rows, and text of no known form.
 *
 * Pure C.
 */
#ifndef HG_MASK_ROWS_H
#define HG_MASK_ROWS_H

#include "redact/mask_format.h"
#include "redact/mask_out.h"

extern void hg_mask_put_csv_row(hg_out *out, const char *row, size_t size, char *scratch,
								const hg_mask_log_options *options);
extern void hg_mask_put_json_line(hg_out *out, const char *line, size_t size, char *scratch,
								  const hg_mask_log_options *options);
extern void hg_mask_put_copy_row(hg_out *out, const char *row, size_t size,
								 const hg_mask_log_options *options);

/* A line of no known form: what other programs make of the server's messages, or prose. */
extern void hg_mask_put_loose_text(hg_out *out, const char *text, size_t size,
								   const hg_mask_log_options *options);

/*
 * Text of which nobody knows what made it: a message or DETAIL within it is masked
 * as such, and the rest as free text.
 */
extern void hg_mask_put_unknown_text(hg_out *out, const char *text, size_t size, bool quoted,
									 const hg_mask_log_options *options);

/*
 * Text without a format: findings are masked, words that the statement has as
 * values, and all that stands in quotes if that is wanted.
 */
extern void hg_mask_put_free_text(hg_out *out, const char *text, size_t size, bool quoted,
								  const hg_mask_log_options *options);

/* A field of a message as the hook masks it. */
extern void hg_mask_put_field(hg_out *out, hg_format_field field, const char *text, size_t size,
							  const hg_mask_log_options *options);

/* The same when lines may follow that belong to something else, as in a pasted log. */
extern void hg_mask_put_field_and_rest(hg_out *out, hg_format_field field, const char *text,
									   size_t size, const hg_mask_log_options *options);

#endif							/* HG_MASK_ROWS_H */
