/*
 * segment_checkpoint.h
 *		The signed lines: checkpoints, keys and purges, each in one spelling.
 *
 * Pure C without postgres.h.  A line parses only if formatting it again gives
 * the same bytes, so that no flipped bit goes unnoticed in what is not signed.
 */
#ifndef HG_AUDIT_SEGMENT_CHECKPOINT_H
#define HG_AUDIT_SEGMENT_CHECKPOINT_H

#include "audit/segment.h"

#define HG_AUDIT_LINE_SIZE 1024

/* Where the trail stood at a moment, signed by the epoch's key. */
typedef struct hg_audit_checkpoint
{
	uint8_t		trail_id[HG_AUDIT_TRAIL_ID_SIZE];
	uint64_t	system_id;
	uint32_t	boot;
	uint32_t	epoch;
	uint64_t	segment;
	uint64_t	items;			/* leaves under the root */
	uint64_t	seq_first;		/* of the segment */
	uint64_t	seq_next;
	uint64_t	written;		/* counters of the ring */
	uint64_t	dropped;
	int64_t		time_us;
	uint8_t		root[HG_AUDIT_HASH_SIZE];
	uint8_t		chain[HG_AUDIT_HASH_SIZE];
	uint8_t		previous[HG_AUDIT_HASH_SIZE];	/* SHA-256 of the checkpoint before */
	uint8_t		signature[HG_AUDIT_SIGNATURE_SIZE];
} hg_audit_checkpoint;

/* A key, endorsed by the epoch's before; the first of a trail by itself. */
typedef struct hg_audit_key
{
	uint8_t		trail_id[HG_AUDIT_TRAIL_ID_SIZE];
	uint32_t	epoch;
	uint8_t		public_key[HG_AUDIT_KEY_SIZE];
	uint8_t		signature[HG_AUDIT_SIGNATURE_SIZE];
} hg_audit_key;

/* Segments up to this one were purged, as the holder of this epoch's key says. */
typedef struct hg_audit_purge
{
	uint8_t		trail_id[HG_AUDIT_TRAIL_ID_SIZE];
	uint32_t	epoch;
	uint64_t	segment;
	uint64_t	seq_next;		/* the first number that is still there */
	uint8_t		chain[HG_AUDIT_HASH_SIZE];	/* at the end of that segment */
	uint8_t		signature[HG_AUDIT_SIGNATURE_SIZE];
} hg_audit_purge;

/* Each signs and formats (HG_AUDIT_LINE_SIZE bytes); false if the library fails. */
extern bool hg_audit_checkpoint_sign(hg_audit_checkpoint *checkpoint, const uint8_t *private_key,
									 char *line);
extern bool hg_audit_key_sign(hg_audit_key *key, const uint8_t *private_key, char *line);
extern bool hg_audit_purge_sign(hg_audit_purge *purge, const uint8_t *private_key, char *line);

/* The line of a checkpoint that is signed (HG_AUDIT_LINE_SIZE bytes). */
extern void hg_audit_checkpoint_format(const hg_audit_checkpoint *checkpoint, char *line);

/* Each parses a line of so many bytes without a newline; false if it is none. */
extern bool hg_audit_checkpoint_parse(const char *line, size_t size,
									  hg_audit_checkpoint *checkpoint);
extern bool hg_audit_key_parse(const char *line, size_t size, hg_audit_key *key);
extern bool hg_audit_purge_parse(const char *line, size_t size, hg_audit_purge *purge);

extern bool hg_audit_checkpoint_ok(const hg_audit_checkpoint *checkpoint,
								   const uint8_t *public_key);
extern bool hg_audit_key_ok(const hg_audit_key *key, const uint8_t *public_key);
extern bool hg_audit_purge_ok(const hg_audit_purge *purge, const uint8_t *public_key);

#endif							/* HG_AUDIT_SEGMENT_CHECKPOINT_H */
