/*
 * mask_out.h
 *		The bounded output that all masking writes into.
 *
 * Pure C.  Nothing is written behind the end; what does not fit is cut at a
 * whole character, and after the first cut nothing more is taken, so that a
 * short later piece cannot slip in behind a gap.
 */
#ifndef HG_MASK_OUT_H
#define HG_MASK_OUT_H

#include <string.h>

#include "redact/mask.h"

typedef struct hg_out
{
	char	   *data;
	size_t		size;
	size_t		used;
	bool		cut;
} hg_out;

static inline void
hg_out_bytes(hg_out *out, const char *bytes, size_t size)
{
	size_t		room = out->size - out->used;

	if (out->cut)
		return;
	if (size > room)
	{
		/* UTF-8 continuation bytes belong to the character before them. */
		size = room;
		while (size > 0 && ((unsigned char) bytes[size] & 0xC0) == 0x80)
			size--;
		out->cut = true;
	}
	memcpy(out->data + out->used, bytes, size);
	out->used += size;
}

static inline void
hg_out_byte(hg_out *out, char byte)
{
	hg_out_bytes(out, &byte, 1);
}

static inline void
hg_out_text(hg_out *out, const char *text)
{
	hg_out_bytes(out, text, strlen(text));
}

/* What a value is replaced by when the detector has no name for it. */
#define HG_REDACTED "[redacted]"

/* The pieces below are shared by the pure files of this room. */

/* Whether a text is one marker, "[redacted]" or "[phi:ssn]", and nothing else. */
extern bool hg_mask_is_marker(const char *text, size_t size);

/* Writes the marker of a finding; "finding" may be NULL for "[redacted]". */
extern void hg_mask_put_marker(hg_out *out, const char *text, const hg_phi_span *finding,
							   const hg_mask_options *options);

/*
 * The first finding in bytes [from, to) of a text that counts in a log, false
 * if there is none.  What stands before is seen as context.
 */
extern bool hg_mask_find(const char *text, size_t from, size_t to, hg_phi_span *finding,
						 const hg_mask_options *options);

/* The same for a name, at a confidence of the caller's; memo may be NULL. */
extern bool hg_mask_find_in_name(const char *name, size_t size, hg_phi_span *finding,
								 float confidence, hg_mask_memo *memo);

/* Whether a short text is as good as a name: nothing is found in it in either way. */
extern bool hg_mask_is_clean(const char *text, size_t size, const hg_mask_options *options);

/* One marker for a whole value: bytes [from, to). An empty value stays empty. */
extern void hg_mask_put_value(hg_out *out, const char *text, size_t from, size_t to,
							  const hg_mask_options *options);

extern void hg_mask_put_text(hg_out *out, const char *text, size_t size,
							 const hg_mask_options *options);
extern void hg_mask_put_sql(hg_out *out, const char *sql, size_t size,
							const hg_mask_options *options);
extern void hg_mask_put_plan(hg_out *out, const char *plan, size_t size,
							 const hg_mask_options *options);

#endif							/* HG_MASK_OUT_H */
