/*
 * segment_verify.h
 *		Verifies an audit directory with a public key only.
 *
 * Pure C without postgres.h, shared by audit_verify() and hipaa_guard_verify.
 */
#ifndef HG_AUDIT_SEGMENT_VERIFY_H
#define HG_AUDIT_SEGMENT_VERIFY_H

#include "audit/segment_checkpoint.h"
#include "audit/segment_files.h"
#include "audit/segment_receipt.h"

#define HG_AUDIT_VERIFY_THREADS_MAX 64

typedef struct hg_audit_verify_options
{
	const uint8_t *public_key;	/* of an epoch that has made a checkpoint, the first one best;
								 * NULL: the keys' file is believed */
	const char *checkpoint;		/* one kept elsewhere, or NULL */
	bool		live;			/* the trail may be written meanwhile */
	bool		(*interrupted) (void);	/* asked now and then whether to stop; or NULL */
	unsigned	threads;		/* that check segments; 0 or 1: none beside the caller's */
} hg_audit_verify_options;

typedef struct hg_audit_verdict
{
	bool		ok;
	uint64_t	events;
	uint64_t	seq_first;		/* 0: there is none */
	uint64_t	seq_last;
	uint64_t	gaps;
	uint64_t	lost;
	uint64_t	segments;
	uint64_t	checkpoints;
	uint64_t	torn_bytes;		/* of a half-written tail, which is no damage */
	char		problem[512];	/* the first one, with its place; empty if ok */
} hg_audit_verdict;

extern void hg_audit_verify(const char *directory, const hg_audit_verify_options *options,
							hg_audit_verdict *verdict);

/* Whether the key of the epoch that a receipt names has signed it; the verdict has the problem. */
extern void hg_audit_verify_receipt(const char *directory,
									const hg_audit_verify_options *options,
									const hg_audit_receipt *receipt, hg_audit_verdict *verdict);

#endif							/* HG_AUDIT_SEGMENT_VERIFY_H */
