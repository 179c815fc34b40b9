/*
 * segment.h
 *		The format of the trail on disk: segments of frames of items.
 *
 * Pure C without postgres.h, shared by the server and hipaa_guard_verify.
 * Everything is in the byte order of the machine; the header's version would
 * read wrong on another one, and so refuse it.
 *
 *	segment	header, then frames, appended and never changed
 *	frame	header and items that the writer drained together; carries the
 *			hash chain and how far the ring was drained, so that a restart
 *			replays exactly once
 *	item	an event, a text that events refer to, a gap, a count, a checkpoint;
 *			each begins with a random salt and is one leaf of the segment's
 *			Merkle tree
 */
#ifndef HG_AUDIT_SEGMENT_H
#define HG_AUDIT_SEGMENT_H

#include "audit/merkle.h"

#define HG_AUDIT_SEGMENT_MAGIC UINT64_C(0x31746d6773676768)
#define HG_AUDIT_SEGMENT_VERSION 3
#define HG_AUDIT_FRAME_MAGIC UINT32_C(0x6d726667)
#define HG_AUDIT_TRAIL_ID_SIZE 16
#define HG_AUDIT_SALT_SIZE 16
#define HG_AUDIT_SHARDS 8
#define HG_AUDIT_CLASSES_MAX 16
#define HG_AUDIT_FRAME_SIZE_MAX (1024 * 1024)
#define HG_AUDIT_NONE INT64_MIN		/* no such number: rows, duration */

typedef struct hg_audit_segment_header
{
	uint64_t	magic;
	uint32_t	version;
	uint32_t	size;			/* of this header: frames begin there */
	uint8_t		trail_id[HG_AUDIT_TRAIL_ID_SIZE];
	uint8_t		parent_id[HG_AUDIT_TRAIL_ID_SIZE];	/* the trail this one forked from, or zero */
	uint64_t	system_id;
	uint64_t	number;			/* from 1, ascending by 1 in a directory */
	uint64_t	seq_first;
	int64_t		created_us;		/* since 1970, but not before any event of the segments before */
	uint32_t	boot;			/* number of starts of this trail's server */
	uint32_t	epoch;			/* of the key that signs here */
	uint8_t		chain_before[HG_AUDIT_HASH_SIZE];	/* at the end of the segment before */
	uint8_t		public_key[HG_AUDIT_KEY_SIZE];
	int64_t		clock_us;		/* the clock then: before created_us if it was set back */
	int64_t		oldest_us;		/* no event here was made much before; 0: not known */
	uint8_t		reserved[84];
	uint32_t	checksum;
} hg_audit_segment_header;

typedef struct hg_audit_frame_header
{
	uint32_t	magic;
	uint32_t	size;			/* header and items */
	uint32_t	items;
	uint32_t	body_checksum;
	uint64_t	seq_next;		/* behind this frame */
	int64_t		written_us;		/* not before any event in it */
	uint64_t	ring_id;
	uint64_t	positions[HG_AUDIT_SHARDS]; /* drained up to there, in the ring's slots */
	uint8_t		chain[HG_AUDIT_HASH_SIZE];
	uint32_t	reserved;
	uint32_t	checksum;
} hg_audit_frame_header;

typedef enum hg_audit_item_kind
{
	HG_AUDIT_ITEM_EVENT = 1,
	HG_AUDIT_ITEM_TEXT,
	HG_AUDIT_ITEM_GAP,
	HG_AUDIT_ITEM_CHECKPOINT,
	HG_AUDIT_ITEM_COUNT
} hg_audit_item_kind;

typedef struct hg_audit_item
{
	uint32_t	size;			/* all of it, a multiple of 8 */
	uint16_t	kind;			/* hg_audit_item_kind */
	uint16_t	padding;		/* bytes at the end that mean nothing */
	uint8_t		salt[HG_AUDIT_SALT_SIZE];
} hg_audit_item;

/* The four texts of an event; a session and an object are bundles of strings. */
typedef enum hg_audit_text
{
	HG_AUDIT_TEXT_SESSION,		/* session user, current user, database, address, application */
	HG_AUDIT_TEXT_ACTION,		/* command tag, detail */
	HG_AUDIT_TEXT_OBJECT,		/* type, schema, name, columns ... */
	HG_AUDIT_TEXT_STATEMENT,	/* the masked statement */
	HG_AUDIT_TEXTS
} hg_audit_text;

/* What an event is, but for its texts; the same in the ring and in a segment. */
typedef struct hg_audit_event
{
	int64_t		recorded_us;	/* since 1970 */
	int64_t		duration_us;	/* or HG_AUDIT_NONE */
	int64_t		rows;			/* or HG_AUDIT_NONE */
	int64_t		query_id;		/* 0: none */
	uint64_t	transaction;	/* of the session, from 1; 0: none */
	uint32_t	session_start;	/* seconds since 1970; with the process, the session's id */
	uint32_t	process_id;
	uint32_t	statement;		/* of the session, from 1; 0: none */
	uint32_t	parent;			/* the statement this one is nested in; 0: none */
	int32_t		sqlstate;		/* as MAKE_SQLSTATE makes it; 0: none */
	uint8_t		class;
	uint8_t		outcome;
	uint8_t		flags;			/* HG_AUDIT_EVENT_* */
	uint8_t		reserved;
} hg_audit_event;

#define HG_AUDIT_EVENT_PHI 1	/* touches what is labelled as PHI */
#define HG_AUDIT_EVENT_CUT 2	/* the statement is a prefix */
#define HG_AUDIT_EVENT_CLUSTER 4	/* concerns the cluster, not one database */

typedef struct hg_audit_event_item
{
	hg_audit_item item;
	uint64_t	seq;
	hg_audit_event event;
	uint32_t	texts[HG_AUDIT_TEXTS];	/* numbers in this segment's dictionary; 0: none */
} hg_audit_event_item;

typedef struct hg_audit_text_item
{
	hg_audit_item item;
	uint32_t	number;			/* from 1, ascending by 1 in a segment */
	uint32_t	size;
	/* the bytes follow */
} hg_audit_text_item;

typedef enum hg_audit_gap_reason
{
	HG_AUDIT_GAP_OVERFLOW,
	HG_AUDIT_GAP_DISK_FULL,
	HG_AUDIT_GAP_CRASH
} hg_audit_gap_reason;

typedef struct hg_audit_gap_item
{
	hg_audit_item item;
	uint64_t	seq_first;		/* the numbers it consumes: lost of them */
	uint64_t	lost;
	uint64_t	lost_bytes;
	int64_t		began_us;
	int64_t		ended_us;
	uint32_t	reason;
	uint32_t	reserved;
	uint64_t	lost_by_class[HG_AUDIT_CLASSES_MAX];
	/* Of this ring up to here, by overflow and by crash, so that a restart counts once. */
	uint64_t	totals[2][HG_AUDIT_CLASSES_MAX];
} hg_audit_gap_item;

/* The ring's table of what was dropped; behind it a place for each class, for the rest. */
#define HG_AUDIT_SHED_MAX 256
#define HG_AUDIT_SHED_PLACES (HG_AUDIT_SHED_MAX + HG_AUDIT_CLASSES_MAX)

/* What was dropped is still counted: who touched which relation how often. */
typedef struct hg_audit_count_item
{
	hg_audit_item item;
	int64_t		began_us;
	int64_t		ended_us;
	uint64_t	count;
	uint64_t	total;			/* of this place of the ring's table up to here */
	uint32_t	class;
	uint32_t	place;
	uint32_t	texts[2];		/* session (roles and database), object; 0: not known any more */
} hg_audit_count_item;

typedef struct hg_audit_checkpoint_item
{
	hg_audit_item item;
	uint32_t	size;
	uint32_t	reserved;
	/* the text follows */
} hg_audit_checkpoint_item;

/* A segment that is being written or verified: where the hashes stand. */
typedef struct hg_audit_segment
{
	hg_audit_segment_header header;
	uint8_t		chain[HG_AUDIT_HASH_SIZE];
	hg_audit_merkle tree;
	uint64_t	size;			/* bytes so far */
	uint64_t	seq_next;
	uint32_t	texts;			/* numbers given out */
} hg_audit_segment;

/* A frame that is being put together in memory. */
typedef struct hg_audit_frame
{
	uint8_t    *data;			/* HG_AUDIT_FRAME_SIZE_MAX bytes */
	size_t		size;
	uint32_t	items;
	uint8_t    *leaves;			/* 32 bytes an item */
	uint32_t	leaves_max;
} hg_audit_frame;

/* Completes the header (magic, version, size, checksum) and starts the hashes. */
extern bool hg_audit_segment_begin(hg_audit_segment *segment,
								   const hg_audit_segment_header *header);

/* NULL if it is one; else what is wrong with it. */
extern const char *hg_audit_segment_header_problem(const void *data, size_t size);

extern void hg_audit_frame_begin(hg_audit_frame *frame);

/* Whether an item with so many bytes behind its struct still fits. */
extern bool hg_audit_frame_has_room(const hg_audit_frame *frame, size_t item_size, size_t rest);

/*
 * Appends an item: a struct that begins with hg_audit_item, and the bytes
 * behind it.  Fills in size, kind and salt, and hashes it.
 */
extern bool hg_audit_frame_add(hg_audit_segment *segment, hg_audit_frame *frame,
							   hg_audit_item_kind kind, void *item, size_t item_size,
							   const void *rest, size_t rest_size);

/* Completes the frame: data[0 .. size) is to be appended to the segment. */
extern bool hg_audit_frame_end(hg_audit_segment *segment, hg_audit_frame *frame,
							   int64_t written_us, uint64_t ring_id, const uint64_t *positions);

typedef enum hg_audit_found
{
	HG_AUDIT_FOUND_FRAME,
	HG_AUDIT_FOUND_END,			/* nothing behind the last frame */
	HG_AUDIT_FOUND_TORN,		/* less than a frame: a write that was cut short */
	HG_AUDIT_FOUND_DAMAGED
} hg_audit_found;

/* Looks at what stands at an offset.  "thorough" checks the items' checksum as well. */
extern hg_audit_found hg_audit_frame_at(const uint8_t *data, size_t size, size_t offset,
										bool thorough, const hg_audit_frame_header **frame);

/*
 * Behind damage: the offset of the next whole frame at or after this one, or
 * size if there is none.
 */
extern size_t hg_audit_frame_find(const uint8_t *data, size_t size, size_t offset);

/*
 * The items of a frame, one by one: begin with *offset 0; NULL behind the
 * last one, or where an item is malformed (then *offset is not the frame's
 * size).
 */
extern const hg_audit_item *hg_audit_item_next(const hg_audit_frame_header *frame, size_t *offset);

/*
 * Follows a frame with the hashes; false with a reason where they do not fit.
 * "leaves" has room for those of the largest frame, as a frame's own has.
 */
extern bool hg_audit_segment_follow(hg_audit_segment *segment, const hg_audit_frame_header *frame,
									uint8_t *leaves, const char **problem);

/* The text of a text or checkpoint item; NULL where sizes do not fit. */
extern const char *hg_audit_item_text(const hg_audit_item *item, size_t *size);

/*
 * Bundles: strings one behind the other, each with a size; NULL is told from
 * the empty string.  Appending cuts what does not fit.
 */
extern size_t hg_audit_bundle_add(char *bundle, size_t size, size_t max, const char *string,
								  size_t string_size);
extern size_t hg_audit_bundle_add_null(char *bundle, size_t size, size_t max);

/* The next string; false at the end.  *string is NULL for a NULL. */
extern bool hg_audit_bundle_next(const char *bundle, size_t size, size_t *offset,
								 const char **string, size_t *string_size);

/* Words for an hg_audit_class and an hg_audit_outcome; "unknown" for what a newer server wrote. */
extern const char *hg_audit_class_name(unsigned class);
extern const char *hg_audit_outcome_name(unsigned outcome);

#endif							/* HG_AUDIT_SEGMENT_H */
