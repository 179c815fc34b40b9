/*
 * ring.h
 *		The ring between those who make events and the writer.
 *
 * Pure C without postgres.h.  A file, mapped by all, so that what is in it
 * survives the death of every process.  Shards keep producers off each other's
 * cache lines.  Slots of 128 bytes carry their own position, which tells a
 * finished record from a reserved one and from one of an earlier lap.  Texts
 * that repeat stand in the ring once (ring_texts.h); records refer to them.
 *
 * hg_audit_ring_put makes no system call, takes no lock, allocates nothing and
 * may be called from anywhere, a signal handler included.
 */
#ifndef HG_AUDIT_RING_H
#define HG_AUDIT_RING_H

#include "audit/segment.h"

#define HG_AUDIT_RING_MAGIC UINT64_C(0x31676e6972676768)
#define HG_AUDIT_RING_VERSION 2
#define HG_AUDIT_SLOT_SIZE 128
#define HG_AUDIT_LINE 128		/* two cache lines: they are fetched in pairs */
#define HG_AUDIT_RECORD_SIZE_MAX 7680

typedef struct hg_audit_slot
{
	uint64_t	stamp;			/* position * 4 + 1 (first) or 2 (continued) */
	uint8_t		data[HG_AUDIT_SLOT_SIZE - 8];
} hg_audit_slot;

typedef struct hg_audit_shard
{
	_Alignas(HG_AUDIT_LINE) uint64_t head;	/* reserved up to here: producers */
	_Alignas(HG_AUDIT_LINE) uint64_t tail;	/* drained up to here: the writer */
	uint64_t	hole_limit;		/* below it what is not finished never will be */
	uint64_t	drained[HG_AUDIT_CLASSES_MAX];
	_Alignas(HG_AUDIT_LINE) uint64_t generated[HG_AUDIT_CLASSES_MAX];	/* producers */
	_Alignas(HG_AUDIT_LINE) uint64_t dropped[HG_AUDIT_CLASSES_MAX];
	uint64_t	dropped_bytes;
	int64_t		dropped_first_us;	/* since the writer last asked; 0: none */
	int64_t		dropped_last_us;
} hg_audit_shard;

#define HG_AUDIT_SHED_TEXT_SIZE 208
#define HG_AUDIT_SHED_LOCKED UINT32_C(0x80000000)

/* Who touched what, and how often that was dropped. */
typedef struct hg_audit_shed
{
	uint64_t	key;			/* hash of session, object and class; 0: free */
	uint64_t	count;			/* goes on when the place gets another key */
	uint64_t	reported;		/* of these in the trail: the writer's */
	uint32_t	users;			/* producers at it, or HG_AUDIT_SHED_LOCKED */
	uint32_t	ready;			/* the texts are in place */
	uint32_t	class;
	uint32_t	sizes[2];
	uint32_t	unused;
	char		texts[2][HG_AUDIT_SHED_TEXT_SIZE];	/* beginnings of the bundles */
} hg_audit_shed;

/* One of the two halves of what holds texts; see ring_texts.c. */
typedef struct hg_audit_texts_half
{
	uint64_t	used;			/* bytes given out; more than there are: it is full */
	uint32_t	count;			/* texts, likewise */
	uint32_t	users;			/* producers that are putting one there */
	uint64_t	left[HG_AUDIT_SHARDS];	/* behind these positions nothing refers to it */
} hg_audit_texts_half;

typedef struct hg_audit_ring_header
{
	uint64_t	magic;
	uint32_t	version;
	uint32_t	shards_count;
	uint64_t	size;			/* of the file */
	uint64_t	slots_count;	/* of a shard, a power of two */
	uint64_t	ring_id;
	uint64_t	texts_bytes;	/* of a half */
	uint32_t	texts_max;		/* of a half, a power of two */
	uint32_t	checksum;		/* of what stands above */

	/* The writer's. */
	_Alignas(HG_AUDIT_LINE) uint64_t seq_next;	/* of the trail, after the latest write */
	uint64_t	bytes_reported;
	uint64_t	reported[2][HG_AUDIT_CLASSES_MAX];	/* in gap records: dropped, crashed */
	uint64_t	crashed[HG_AUDIT_CLASSES_MAX];	/* lost with the process that made them */
	uint64_t	trail_full;		/* not 0: only classes that the reserve is for find room */

	_Alignas(HG_AUDIT_LINE) uint64_t texts_generation;	/* from 1; its lowest bit is the half */
	_Alignas(HG_AUDIT_LINE) hg_audit_texts_half texts[2];

	hg_audit_shard shards[HG_AUDIT_SHARDS];

	hg_audit_shed shed[HG_AUDIT_SHED_PLACES];
} hg_audit_ring_header;

typedef struct hg_audit_ring
{
	hg_audit_ring_header *header;
	uint8_t    *texts;
	hg_audit_slot *slots;
} hg_audit_ring;

/* Bytes of a ring file for about so many bytes of slots. */
extern uint64_t hg_audit_ring_size(uint64_t slots_size);

/* Formats zeroed memory of hg_audit_ring_size(). */
extern void hg_audit_ring_format(void *memory, uint64_t size, uint64_t ring_id);

/* Uses memory that holds a ring; what is wrong with it, or NULL. */
extern const char *hg_audit_ring_attach(hg_audit_ring *ring, void *memory, uint64_t size);

/*
 * When no producer lives: finds what was reserved and never finished, and
 * counts it as crashed.  Returns the number of records that are there.
 */
extern uint64_t hg_audit_ring_recover(hg_audit_ring *ring);

typedef enum hg_audit_ring_result
{
	HG_AUDIT_PUT_DONE,
	HG_AUDIT_PUT_NO_ROOM,		/* it is counted as dropped */
	HG_AUDIT_PUT_STALE			/* not put, not counted: its texts are of a generation before */
} hg_audit_ring_result;

/*
 * Puts a record of the parts.  "hint" spreads the producers.  "generation" is
 * that of the texts that the record refers to, 0 if it refers to none; then
 * the result is never stale.
 */
extern hg_audit_ring_result hg_audit_ring_put(hg_audit_ring *ring, unsigned hint, unsigned class,
											  int64_t now_us, uint64_t generation,
											  const hg_audit_part *parts, size_t count);

/*
 * After a put that found no room: counts it by session, object and class.  The
 * texts are bundles, or NULL; their first three strings tell.
 */
extern void hg_audit_ring_shed(hg_audit_ring *ring, unsigned class, const hg_audit_part *session,
							   const hg_audit_part *object);

/*
 * For the writer: gives a place back whose count is in the trail, so that
 * another key finds one.  Leaves it alone while a producer is at it.
 */
extern void hg_audit_ring_shed_free(hg_audit_ring *ring, unsigned place);

/* Whether a put of this class would find no room now. */
extern bool hg_audit_ring_full(const hg_audit_ring *ring, unsigned hint, unsigned class);

/*
 * Reads the record at a position of a shard without taking it: its size, or 0
 * if there is none yet.  Skips holes: *position is where the record begins,
 * *next where it ends.  "record" has HG_AUDIT_RECORD_SIZE_MAX bytes.
 */
extern size_t hg_audit_ring_peek(const hg_audit_ring *ring, unsigned shard, uint64_t *position,
								 uint64_t *next, unsigned *class, uint8_t *record);

/* Frees what lies before a position. */
extern void hg_audit_ring_advance(hg_audit_ring *ring, unsigned shard, uint64_t position);

/* Sums over the shards. generated = drained + dropped + crashed + in ring. */
typedef struct hg_audit_ring_counts
{
	uint64_t	generated[HG_AUDIT_CLASSES_MAX];
	uint64_t	drained[HG_AUDIT_CLASSES_MAX];
	uint64_t	dropped[HG_AUDIT_CLASSES_MAX];
	uint64_t	crashed[HG_AUDIT_CLASSES_MAX];
	uint64_t	dropped_bytes;
} hg_audit_ring_counts;

extern void hg_audit_ring_count(const hg_audit_ring *ring, hg_audit_ring_counts *counts);

#endif							/* HG_AUDIT_RING_H */
