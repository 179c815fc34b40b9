/*
 * text.h
 *		The SQL face of the pure rooms: scanning and masking as functions, the
 *		site's own identifiers, and texts that were allowed.
 */
#ifndef HG_TEXT_H
#define HG_TEXT_H

#include "postgres.h"

#include "phi/phi.h"

extern void hg_text_init(void);
extern Size hg_text_shmem_size(void);
extern void hg_text_shmem_startup(void);

/* The name of a rule, the site's own included, which go by what the site called them. */
extern const char *hg_text_rule_name(unsigned rule);

/*
 * For the project room on a hot standby: has a short-lived worker read the
 * identifiers of a database, which came by replay.
 */
extern void hg_text_load_identifiers_of(Oid database);

/*
 * The worst finding of a text on a surface: what the guard asks about each
 * name, literal and comment.  Returns whether there is one at or above the
 * threshold.  Positions count characters, from 1.
 */
typedef struct hg_text_finding
{
	hg_phi_span span;
	int			position;
	int			length;
	float		confidence;		/* on that surface */
} hg_text_finding;

extern bool hg_text_find(const char *text, size_t size, bool is_name, hg_phi_surface surface,
						 double threshold, hg_text_finding *finding);

/*
 * Whether allow_text() let this text pass on this surface ("column name").
 * Uses SPI: only inside a transaction, with the extension there.
 */
extern bool hg_text_allowed(const char *text, size_t size, const char *surface);

#endif							/* HG_TEXT_H */
