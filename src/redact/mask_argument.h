/*
 * mask_argument.h
 *		Masking of one argument of a message, by its class.
 */
#ifndef HG_MASK_ARGUMENT_H
#define HG_MASK_ARGUMENT_H

#include "redact/mask_format.h"
#include "redact/mask_out.h"

/*
 * The classes, as the table of formats has them:
 *
 *	n	number, OID, position, address in the WAL, size with its unit
 *	i	name of an object that exists, or its description, type, signature, key word
 *	u	name that the user typed
 *	s	value of a setting
 *	o	text of the operating system or the server's own: error, file name, time
 *	h	host or address
 *	a	application name
 *	d	data: always masked
 *	q	SQL, or a list of parameters: literals are masked
 *	g	operator with its types; or what the user typed in its place
 *	w	SQL from where it could not be read: its first word may be a value
 *	t	plan of a query
 *	r	row, "(a, b) = (1, 2)" or "(1, 2)"
 *	k	key, "(a, b)=(1, 2)"
 *	m	another message
 *	c	line of pgaudit
 */
extern void hg_mask_put_argument(hg_out *out, char class, const char *text, size_t from,
								 size_t to, const hg_mask_log_options *options);

/* SQL of a message: the statement itself, or what its run came to (hg_mask_inner_sql). */
extern void hg_mask_put_inner_sql(hg_out *out, const char *sql, size_t size,
								  const hg_mask_log_options *options);

/*
 * Whether the user gave a word, of which the origin is known, as a value that can
 * be seen, and not as a name as well.
 */
extern bool hg_mask_is_value(hg_sql_origin origin, const char *word, size_t size,
							 const hg_mask_log_options *options);

/* The same, or as one that cannot be seen in the statement. */
extern bool hg_mask_may_be_value(const char *word, size_t size,
								 const hg_mask_log_options *options);

/* A message that is no argument of another; see hg_mask_message(). */
extern void hg_mask_put_message(hg_out *out, const char *id, const char *text, size_t size,
								const hg_mask_log_options *options);

/* pgaudit's line behind "AUDIT: ". */
extern void hg_mask_put_audit_line(hg_out *out, const char *line, size_t size,
								   const hg_mask_log_options *options);

#endif							/* HG_MASK_ARGUMENT_H */
