/*
 * segment_proof.h
 *		Proofs that one event stands in a trail, which disclose no other.
 *
 * Pure C without postgres.h.  A proof is a text: a signed checkpoint, and the
 * event with its texts, each with its path in the Merkle tree under the
 * checkpoint's root.  The salts of all other leaves stay unknown, so nothing can
 * be guessed from the hashes on the path.
 */
#ifndef HG_AUDIT_SEGMENT_PROOF_H
#define HG_AUDIT_SEGMENT_PROOF_H

#include <stdio.h>

#include "audit/segment_checkpoint.h"
#include "audit/segment_files.h"

/* Writes the proof of an event; NULL, or why there is none. */
extern const char *hg_audit_prove(const char *directory, uint64_t seq, FILE *out);

/* What a proof shows. Texts are as in the file and belong to the caller's copy of the proof. */
typedef struct hg_audit_proven
{
	hg_audit_checkpoint checkpoint;
	hg_audit_event_item event;
	const char *texts[HG_AUDIT_TEXTS];	/* allocated; NULL: none */
	size_t		sizes[HG_AUDIT_TEXTS];
} hg_audit_proven;

/* Checks a proof (a terminated string) against the key of its segment; NULL, or what is wrong. */
extern const char *hg_audit_proof_check(const char *proof, const uint8_t *public_key,
										hg_audit_proven *proven);

#endif							/* HG_AUDIT_SEGMENT_PROOF_H */
