/*
 * segment_proof.h
 *		Proofs that one event stands in a trail, which disclose no other.
 *
 * Pure C without postgres.h.  A proof is a text: a signed checkpoint, the event
 * with its texts, and the hashes between them and the checkpoint's root.  The
 * salts of all other leaves stay unknown, so nothing can be guessed from these
 * hashes.
 */
#ifndef HG_AUDIT_SEGMENT_PROOF_H
#define HG_AUDIT_SEGMENT_PROOF_H

#include <stdio.h>

#include "audit/segment_checkpoint.h"
#include "audit/segment_files.h"

/* Writes the proof of an event; NULL, or why there is none. */
extern const char *hg_audit_prove(const char *directory, uint64_t seq, FILE *out);

#define HG_AUDIT_PROOF_ITEMS (1 + HG_AUDIT_TEXTS)

/* What a proof shows. */
typedef struct hg_audit_proven
{
	hg_audit_checkpoint checkpoint;
	hg_audit_event_item event;
	const char *texts[HG_AUDIT_TEXTS];	/* in the items; NULL: none */
	size_t		sizes[HG_AUDIT_TEXTS];
	const hg_audit_item *items[HG_AUDIT_PROOF_ITEMS];	/* allocated */
} hg_audit_proven;

/*
 * Checks a proof (a string of this size) against the key of its segment; NULL, or
 * what is wrong.  Free what it shows in either case.
 */
extern const char *hg_audit_proof_check(const char *text, size_t size, const uint8_t *public_key,
										hg_audit_proven *proven);
extern void hg_audit_proven_free(hg_audit_proven *proven);

#endif							/* HG_AUDIT_SEGMENT_PROOF_H */
