/*
 * segment_receipt.h
 *		The signed line that says what an export held.
 *
 * Pure C without postgres.h.  As all signed lines it has one spelling: it
 * parses only if formatting it again gives the same bytes.
 */
#ifndef HG_AUDIT_SEGMENT_RECEIPT_H
#define HG_AUDIT_SEGMENT_RECEIPT_H

#include "audit/segment_checkpoint.h"

#define HG_AUDIT_FORMAT_SIZE 16

typedef struct hg_audit_receipt
{
	uint8_t		trail_id[HG_AUDIT_TRAIL_ID_SIZE];
	uint64_t	system_id;
	uint32_t	epoch;			/* of the key that signs */
	uint32_t	database;		/* whose events and the cluster's; 0: all */
	char		format[HG_AUDIT_FORMAT_SIZE];	/* lower-case letters */
	int64_t		since_us;		/* since 1970; 0: from the beginning */
	int64_t		until_us;
	uint64_t	seq_first;		/* 0: no event */
	uint64_t	seq_last;
	uint64_t	events;
	uint64_t	lost;			/* in gaps of that time */
	int64_t		time_us;
	uint8_t		digest[HG_AUDIT_HASH_SIZE]; /* SHA-256 of the lines, each with a newline,
											 * or of a document before the receipt */
	uint8_t		signature[HG_AUDIT_SIGNATURE_SIZE];
} hg_audit_receipt;

/* Signs and formats (HG_AUDIT_LINE_SIZE bytes); false if the library fails. */
extern bool hg_audit_receipt_sign(hg_audit_receipt *receipt, const uint8_t *private_key,
								  char *line);

/* Parses a line of so many bytes without a newline; false if it is none. */
extern bool hg_audit_receipt_parse(const char *line, size_t size, hg_audit_receipt *receipt);

/*
 * The receipt that a document ends in, as a report does: how many bytes stand
 * before it, which are what it is about.  False if there is none, or if anything
 * but the end of a comment or of a JSON object follows it.
 */
extern bool hg_audit_receipt_find(const char *document, size_t size, hg_audit_receipt *receipt,
								  size_t *about);

extern bool hg_audit_receipt_ok(const hg_audit_receipt *receipt, const uint8_t *public_key);

#endif							/* HG_AUDIT_SEGMENT_RECEIPT_H */
