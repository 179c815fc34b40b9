/*
 * segment_trail.h
 *		A trail that is being written: its state, its segments, its keys.
 *
 * Pure C without postgres.h, so that the unit tests can crash it at every
 * byte.  One process writes a trail at a time: a lock in its directory.
 *
 * Functions that return false leave words in trail->problem and an errno in
 * trail->error; nothing is lost then and the call may be repeated later, but
 * for trail->broken: hashing failed, and only opening anew helps.
 */
#ifndef HG_AUDIT_SEGMENT_TRAIL_H
#define HG_AUDIT_SEGMENT_TRAIL_H

#include "audit/segment_checkpoint.h"
#include "audit/segment_files.h"

#define HG_AUDIT_STATE_FILE "trail.state"
#define HG_AUDIT_STATE_MAGIC UINT64_C(0x3174732d6773676c)
#define HG_AUDIT_STATE_VERSION 1

/* What is known of the trail outside of it; holds the private key (mode 0600). */
typedef struct hg_audit_state
{
	uint64_t	magic;
	uint32_t	version;
	uint32_t	size;
	uint8_t		trail_id[HG_AUDIT_TRAIL_ID_SIZE];
	uint64_t	system_id;
	uint64_t	inode;			/* of this file: in a copied directory it differs */
	uint64_t	segment;		/* the latest that was begun */
	uint32_t	boot;
	uint32_t	epoch;
	uint8_t		private_key[HG_AUDIT_KEY_SIZE];
	uint8_t		public_key[HG_AUDIT_KEY_SIZE];
	uint8_t		previous[HG_AUDIT_HASH_SIZE];	/* SHA-256 of the latest checkpoint at that time */
	char		key_line[HG_AUDIT_LINE_SIZE];	/* as it must stand in the keys' file */
	uint32_t	reserved;
	uint32_t	checksum;
} hg_audit_state;

struct hg_audit_dictionary;

typedef struct hg_audit_trail
{
	/* given by the caller */
	char		directory[HG_AUDIT_PATH_SIZE];
	char		state_directory[HG_AUDIT_PATH_SIZE];
	uint64_t	system_id;
	uint64_t	segment_size_max;
	int64_t		oldest_us;		/* of the events to come, before hg_audit_trail_ready() */

	/* what opening found */
	bool		forked;			/* a copy: parent_id is the trail it was copied from */
	bool		fresh;			/* there was none */
	bool		missing;		/* segments that were begun are not there */
	bool		damaged;		/* the last segment has whole frames behind a damaged one */
	uint64_t	cut_bytes;		/* of a half-written tail */
	uint64_t	positions_found[HG_AUDIT_SHARDS];
	uint64_t	ring_id_found;	/* the ring of those positions, 0: none */
	uint64_t	dropped_found[2][HG_AUDIT_CLASSES_MAX];	/* of that ring, by the latest gap */

	uint64_t	shed_found[HG_AUDIT_SHED_PLACES];	/* of that ring, by the last frame */

	/* where it stands */
	hg_audit_state state;
	uint8_t		parent_id[HG_AUDIT_TRAIL_ID_SIZE];
	hg_audit_segment segment;
	bool		segment_open;
	uint8_t		chain[HG_AUDIT_HASH_SIZE];	/* at the end of the segment before */
	uint64_t	seq_next;
	uint64_t	segments;
	uint64_t	bytes_closed;	/* of segments before this one */
	int			fd;
	char		path[HG_AUDIT_PATH_SIZE + HG_AUDIT_FILE_NAME_SIZE];	/* of the segment */
	bool		rotate;			/* begin another segment as soon as there is time */
	bool		clock_back;		/* the clock was set back since; the caller's to take away */
	bool		remade;			/* the directory was gone, and made again; likewise */
	int64_t		clock_us;		/* when it was last asked for room; 0: not yet */
	int64_t		latest_us;		/* no event so far is younger */
	int			lock_fd;
	bool		directory_dirty;	/* the segment's name may not be on disk */
	struct hg_audit_dictionary *dictionary;
	uint64_t	ring_id;
	uint64_t	positions[HG_AUDIT_SHARDS];
	uint8_t		previous[HG_AUDIT_HASH_SIZE];
	char		checkpoint[HG_AUDIT_LINE_SIZE];	/* the latest, or empty */
	bool		at_checkpoint;	/* nothing was added since */

	/* what is not known to be on disk: the last bytes of the segment */
	hg_audit_frame frame;
	uint8_t    *pending;
	size_t		pending_size;
	size_t		pending_written;
	uint64_t	durable_size;	/* of the segment, before pending */

	bool		broken;
	const char *problem;
	int			error;
} hg_audit_trail;

#define HG_AUDIT_PENDING_MAX (8 * HG_AUDIT_FRAME_SIZE_MAX)

/*
 * Opens a trail whose directories and system_id are filled in: reads the
 * state, finds the end of the last segment and cuts a half-written tail.
 * Begins no segment.
 */
extern bool hg_audit_trail_open(hg_audit_trail *trail);
extern void hg_audit_trail_free(hg_audit_trail *trail);

/*
 * Sees to it that there is a segment with room: closes the one that opening
 * found or that is full, changes the key, begins the next one.
 */
extern bool hg_audit_trail_ready(hg_audit_trail *trail, int64_t now_us, uint64_t written,
								 uint64_t dropped);

/*
 * Whether the segment's file was removed or replaced under us.  Then it is
 * given up: the next one begins, and trail->missing tells.
 */
extern bool hg_audit_trail_lost(hg_audit_trail *trail);

/* Whether another frame can be put together: there is room for it in memory. */
extern bool hg_audit_trail_has_room(const hg_audit_trail *trail);

/* A frame: begin, add what fits, end; then write. */
extern void hg_audit_trail_begin(hg_audit_trail *trail);
extern bool hg_audit_trail_fits(const hg_audit_trail *trail, size_t bytes);

/* The number of a text in this segment, 0 for NULL; the first time it goes into the frame. */
extern bool hg_audit_trail_text(hg_audit_trail *trail, const char *text, size_t size,
								uint32_t *number);
extern bool hg_audit_trail_add_event(hg_audit_trail *trail, const hg_audit_event *event,
									 const uint32_t *texts);
extern bool hg_audit_trail_add_gap(hg_audit_trail *trail, hg_audit_gap_item *gap);
extern bool hg_audit_trail_add_count(hg_audit_trail *trail, hg_audit_count_item *count,
									 const char *const *texts, const size_t *sizes);
extern bool hg_audit_trail_end(hg_audit_trail *trail, int64_t now_us);

/* Adds a frame with a checkpoint; the line is in trail->checkpoint. */
extern bool hg_audit_trail_checkpoint(hg_audit_trail *trail, int64_t now_us, uint64_t written,
									  uint64_t dropped);

/* write(2) of what is pending, and fsync(2) with writing anew after a failure. */
extern bool hg_audit_trail_write(hg_audit_trail *trail);
extern bool hg_audit_trail_sync(hg_audit_trail *trail);

#endif							/* HG_AUDIT_SEGMENT_TRAIL_H */
