/*
 * writer.c
 *		The worker that drains the ring into the trail.
 *
 * Connects to no database, so that a stuck volume holds up nobody.  Takes no
 * locks but the status' spinlock.  What fails is told once, in the log and in
 * stat_audit, and tried again; the ring fills meanwhile, and drops and counts.
 *
 * The order that makes a restart replay exactly once: a frame tells how far the
 * ring was drained with it; it is written; then the ring's tail moves.  A crash
 * between the two is mended at the start, from the last frame.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <time.h>

#include "audit/control.h"
#include "audit/event.h"
#include "audit/segment_purge.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* Frames end there: what is damaged or cut by a crash is never more than one of them. */
#define FRAME_ENOUGH (32 * 1024)

#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 2000
#define SLEEP_MIN_MS 5

/* A record of the ring, as hg_audit_put() makes it. */
typedef struct ring_record
{
	uint64		position;
	uint64		next;
	unsigned	class;
	size_t		size;			/* 0: none at hand */
	hg_audit_event event;
	uint8		data[HG_AUDIT_RECORD_SIZE_MAX];
} ring_record;

static struct
{
	hg_audit_trail *trail;		/* NULL: not open */
	hg_audit_status status;

	/* What the frames at hand take from the ring, until they are written. */
	bool		uncommitted;
	uint64		positions[HG_AUDIT_SHARDS];
	uint64		drained[HG_AUDIT_SHARDS][HG_AUDIT_CLASSES_MAX];
	uint64		reported[2][HG_AUDIT_CLASSES_MAX];
	uint64		shed_reported[HG_AUDIT_SHED_PLACES];

	uint64		seq_lost;		/* numbers that the ring knows and the trail does not */
	ring_record records[HG_AUDIT_SHARDS];
	int64		drained_before_us;	/* when the ring was drained before */
	int64		synced_us;		/* these three by ticks_us() */
	int64		checkpoint_us;
	int64		looked_us;		/* when the segment's file was last looked for */
	bool		was_standby;
	int64		failed_us;		/* 0: all is well */
	hg_audit_gap_reason failed_reason;
	int			retry_ms;
	uint64		flush_seen;
	uint64		checkpoint_seen;
	int			size_level;		/* against audit_max_size: 0 fine, 1 warned, 2 full */

	uint32	   *text_numbers;	/* in the segment, of the ring's texts; 0: not known yet */
	uint64		text_segment;	/* that they are numbers of */
} writer;

static int64
now_us(void)
{
	return HG_AUDIT_US(GetCurrentTimestamp());
}

/* What intervals are measured with: the clock may be set back, and none may get longer by it. */
static int64
ticks_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64
sum(const uint64 *numbers)
{
	uint64		total = 0;

	for (int i = 0; i < HG_AUDIT_CLASSES_MAX; i++)
		total += numbers[i];
	return total;
}

static void
totals(uint64 *written, uint64 *dropped)
{
	hg_audit_ring_counts counts;

	hg_audit_ring_count(hg_audit_ring_shared, &counts);
	*written = sum(counts.drained);
	*dropped = sum(counts.dropped) + sum(counts.crashed);
}

/* Tells a failure once: in the log, and to those who look at stat_audit. */
static void
failure(const char *problem, int error)
{
	char		words[HG_AUDIT_ERROR_SIZE];

	if (error != 0)
		snprintf(words, sizeof(words), "%s: %s", problem, strerror(error));
	else
		strlcpy(words, problem, sizeof(words));
	if (writer.failed_us == 0 || strcmp(words, writer.status.last_error) != 0)
		ereport(LOG,
				(errmsg("hipaa_guard cannot write the audit trail: %s", words),
				 errdetail("Events stay in the ring; when it is full they are dropped and "
						   "counted."),
				 errhint("See to the directory \"%s\"; writing goes on by itself.",
						 hg_guc_audit_directory)));
	if (writer.failed_us == 0)
		writer.failed_us = now_us();
	writer.failed_reason = HG_AUDIT_GAP_DISK_FULL;
	strlcpy(writer.status.last_error, words, sizeof(writer.status.last_error));
	writer.retry_ms = Min(Max(writer.retry_ms * 2, RETRY_FIRST_MS), RETRY_MAX_MS);
	pg_atomic_fetch_add_u64(&hg_audit_shared->failures, 1);
	ConditionVariableBroadcast(&hg_audit_shared->flushed);
}

static void
success(void)
{
	if (writer.failed_us != 0)
		ereport(LOG, (errmsg("hipaa_guard writes the audit trail again")));
	writer.failed_us = 0;
	writer.retry_ms = 0;
}

/* Fails with the trail's words; a trail whose hashes broke is opened anew by the next process. */
static bool
trail_failed(void)
{
	failure(writer.trail->problem, writer.trail->error);
	if (writer.trail->broken)
		proc_exit(1);
	return false;
}

static void
ring_record_read(int shard)
{
	ring_record *record = &writer.records[shard];

	record->position = writer.positions[shard];
	record->size = hg_audit_ring_peek(hg_audit_ring_shared, shard, &record->position,
									  &record->next, &record->class, record->data);
	/* Holes are skipped even where nothing follows them. */
	writer.positions[shard] = record->position;
	if (record->size >= sizeof(record->event))
		memcpy(&record->event, record->data, sizeof(record->event));
}

/*
 * The numbers of the ring's texts in the segment at hand; 0: not known yet.  A
 * generation of texts or a segment that ends takes its numbers along.
 */
static bool
text_numbers_ready(void)
{
	uint32		first;
	uint32		last;

	if (writer.text_numbers == NULL)
		writer.text_numbers = calloc(hg_audit_ring_texts_max(hg_audit_ring_shared) + 1,
									 sizeof(uint32));
	if (writer.text_numbers == NULL)
	{
		failure("out of memory", 0);
		return false;
	}
	if (writer.text_segment != writer.trail->state.segment)
		memset(writer.text_numbers, 0, (hg_audit_ring_texts_max(hg_audit_ring_shared) + 1)
			   * sizeof(uint32));
	writer.text_segment = writer.trail->state.segment;
	if (hg_audit_ring_texts_turn(hg_audit_ring_shared, &first, &last))
		memset(writer.text_numbers + first, 0, (last - first + 1) * sizeof(uint32));
	return true;
}

/* The segment's number of a text that stands in the ring. */
static bool
kept_number(uint32 kept, uint32 *number)
{
	size_t		size = 0;
	const char *text;

	*number = 0;
	if (kept > hg_audit_ring_texts_max(hg_audit_ring_shared))
		return true;
	*number = writer.text_numbers[kept];
	if (*number != 0)
		return true;
	text = hg_audit_ring_text_get(hg_audit_ring_shared, kept, &size);
	if (!hg_audit_trail_text(writer.trail, text, size, number))
		return false;
	writer.text_numbers[kept] = *number;
	return true;
}

/* An event of the ring into the frame. One that makes no sense is told, not believed. */
static bool
ring_record_add(ring_record *record)
{
	hg_audit_heads heads = {{0}};
	uint32		numbers[HG_AUDIT_TEXTS] = {0};
	size_t		offset = sizeof(record->event) + sizeof(heads);

	if (record->size >= offset)
		memcpy(&heads, record->data + sizeof(record->event), sizeof(heads));
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		uint32		head = heads.texts[i];
		bool		ok = true;

		if ((head & HG_AUDIT_TEXT_KEPT) != 0)
			ok = kept_number(head & ~HG_AUDIT_TEXT_KEPT, &numbers[i]);
		else if (head != 0 && head - 1 <= record->size - offset)
		{
			ok = hg_audit_trail_text(writer.trail, (const char *) record->data + offset,
									 head - 1, &numbers[i]);
			offset += head - 1;
		}
		if (!ok)
			return false;
	}
	record->event.class = (uint8) record->class;
	return hg_audit_trail_add_event(writer.trail, &record->event, numbers);
}

/*
 * The shard whose next record is the oldest, or -1; *until is when the next
 * oldest of another shard was made: up to there no other one has its turn.
 */
static int
shard_oldest(int64 *until)
{
	int			oldest = -1;

	*until = PG_INT64_MAX;
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		int64		at = writer.records[i].event.recorded_us;

		if (writer.records[i].size == 0)
			continue;
		if (oldest < 0 || at < writer.records[oldest].event.recorded_us)
		{
			if (oldest >= 0)
				*until = Min(*until, writer.records[oldest].event.recorded_us);
			oldest = i;
		}
		else
			*until = Min(*until, at);
	}
	return oldest;
}

/* When and how much was lost since the writer last asked; the shards forget it. */
static void
gap_times(hg_audit_gap_item *gap)
{
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		hg_audit_shard *shard = &hg_audit_ring_shared->header->shards[i];
		int64		first = __atomic_exchange_n(&shard->dropped_first_us, 0, __ATOMIC_RELAXED);
		int64		last = __atomic_load_n(&shard->dropped_last_us, __ATOMIC_RELAXED);

		if (first == 0)
			continue;
		gap->began_us = gap->began_us == 0 ? first : Min(gap->began_us, first);
		gap->ended_us = Max(gap->ended_us, last);
	}
	if (gap->began_us == 0)
		gap->began_us = writer.drained_before_us;
	if (gap->ended_us < gap->began_us)
		gap->ended_us = Max(now_us(), gap->began_us);
}

/* A gap record for what was lost and is not reported yet: which 0 dropped, 1 crashed. */
static bool
gap_add(int which, const uint64 *lost_total, uint64 bytes_total)
{
	hg_audit_gap_item gap;
	uint64		reported[HG_AUDIT_CLASSES_MAX];

	memset(&gap, 0, sizeof(gap));
	memcpy(reported, writer.reported[which], sizeof(reported));
	for (int i = 0; i < HG_AUDIT_CLASSES_MAX; i++)
	{
		gap.lost_by_class[i] = lost_total[i] - reported[i];
		gap.lost += gap.lost_by_class[i];
		writer.reported[which][i] = lost_total[i];
	}
	if (gap.lost == 0)
		return true;
	gap.reason = which == 1 ? HG_AUDIT_GAP_CRASH
		: writer.size_level == 2 ? HG_AUDIT_GAP_DISK_FULL : writer.failed_reason;
	if (which == 0)
	{
		gap.lost_bytes = bytes_total - hg_audit_ring_shared->header->bytes_reported;
		hg_audit_ring_shared->header->bytes_reported = bytes_total;
		gap_times(&gap);
	}
	else
	{
		gap.began_us = writer.drained_before_us;
		gap.ended_us = Max(now_us(), gap.began_us);
	}
	memcpy(gap.totals, writer.reported, sizeof(gap.totals));
	return hg_audit_trail_add_gap(writer.trail, &gap);
}

/* Count records for what was dropped and is not told yet: by whom, on which object. */
static bool
counts_add(void)
{
	for (uint32 i = 0; i < HG_AUDIT_SHED_PLACES; i++)
	{
		const hg_audit_shed *place = &hg_audit_ring_shared->header->shed[i];
		uint64		total = __atomic_load_n(&place->count, __ATOMIC_RELAXED);
		bool		common = i >= HG_AUDIT_SHED_MAX;
		const char *texts[2] = {NULL, NULL};
		size_t		sizes[2] = {0, 0};
		hg_audit_count_item count;

		if (total == writer.shed_reported[i]
			|| (!common && __atomic_load_n(&place->ready, __ATOMIC_ACQUIRE) == 0))
			continue;
		if (!hg_audit_trail_fits(writer.trail, 4 * HG_AUDIT_SHED_TEXT_SIZE))
			return true;
		for (int text = 0; text < 2; text++)
		{
			sizes[text] = Min(place->sizes[text], HG_AUDIT_SHED_TEXT_SIZE);
			texts[text] = sizes[text] > 0 ? place->texts[text] : NULL;
		}
		memset(&count, 0, sizeof(count));
		count.began_us = writer.drained_before_us;
		count.ended_us = Max(now_us(), count.began_us);
		count.count = total - writer.shed_reported[i];
		count.total = total;
		count.class = common ? i - HG_AUDIT_SHED_MAX : place->class;
		count.place = i;
		if (!hg_audit_trail_add_count(writer.trail, &count, texts, sizes))
			return false;
		writer.shed_reported[i] = total;
	}
	return true;
}

/* Numbers that were given out and are gone: the disk lost them, or somebody took them away. */
static bool
gap_add_missing(void)
{
	hg_audit_gap_item gap;

	if (writer.seq_lost == 0)
		return true;
	memset(&gap, 0, sizeof(gap));
	gap.lost = writer.seq_lost;
	gap.reason = HG_AUDIT_GAP_CRASH;
	gap.began_us = gap.ended_us = now_us();
	memcpy(gap.totals, writer.reported, sizeof(gap.totals));
	writer.seq_lost = 0;
	return hg_audit_trail_add_gap(writer.trail, &gap);
}

static bool
gaps_add(void)
{
	hg_audit_ring_counts counts;

	hg_audit_ring_count(hg_audit_ring_shared, &counts);
	return gap_add(1, counts.crashed, 0) && gap_add(0, counts.dropped, counts.dropped_bytes)
		&& counts_add();
}

static bool
gaps_wanted(void)
{
	hg_audit_ring_counts counts;

	hg_audit_ring_count(hg_audit_ring_shared, &counts);
	return sum(counts.dropped) != sum(writer.reported[0])
		|| sum(counts.crashed) != sum(writer.reported[1]);
}

/* The ring as it is once the frames at hand are written. */
static void
commit(void)
{
	hg_audit_ring_header *header = hg_audit_ring_shared->header;

	if (!writer.uncommitted)
		return;
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		for (int class = 0; class < HG_AUDIT_CLASSES_MAX; class++)
			header->shards[i].drained[class] += writer.drained[i][class];
		hg_audit_ring_advance(hg_audit_ring_shared, i, writer.positions[i]);
	}
	memcpy(header->reported, writer.reported, sizeof(header->reported));
	for (unsigned i = 0; i < HG_AUDIT_SHED_PLACES; i++)
	{
		header->shed[i].reported = writer.shed_reported[i];
		if (i < HG_AUDIT_SHED_MAX && header->shed[i].ready != 0)
			hg_audit_ring_shed_free(hg_audit_ring_shared, i);
	}
	if (writer.trail->segment_open)
		header->seq_next = Max(header->seq_next, writer.trail->segment.seq_next);
	memset(writer.drained, 0, sizeof(writer.drained));
	writer.uncommitted = false;
}

/* Writes what is pending; then the ring may forget it. */
static bool
write_pending(void)
{
	if (writer.trail->pending_size > writer.trail->pending_written
		&& !hg_audit_trail_write(writer.trail))
		return trail_failed();
	commit();
	return true;
}

static void
positions_read(void)
{
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		writer.positions[i] = hg_audit_ring_shared->header->shards[i].tail;
		ring_record_read(i);
	}
}

static uint64
bytes_on_disk(void)
{
	return writer.trail->bytes_closed
		+ (writer.trail->segment_open ? writer.trail->segment.size : 0);
}

static bool
frame_has_room(void)
{
	return writer.trail->frame.size < FRAME_ENOUGH
		&& hg_audit_trail_fits(writer.trail, 4 * HG_AUDIT_RECORD_SIZE_MAX);
}

/* Puts one frame together from what is in the ring. *more: there is more. */
static bool
frame_make(bool *more)
{
	int64		until;
	int			shard;

	hg_audit_trail_begin(writer.trail);
	if (!gap_add_missing())
		return trail_failed();
	while ((shard = shard_oldest(&until)) >= 0 && frame_has_room())
	{
		ring_record *record = &writer.records[shard];

		do
		{
			if (!ring_record_add(record))
				return trail_failed();
			writer.drained[shard][record->class]++;
			writer.positions[shard] = record->next;
			ring_record_read(shard);
		} while (record->size > 0 && record->event.recorded_us <= until && frame_has_room());
	}
	*more = shard >= 0;
	if (!*more && !gaps_add())
		return trail_failed();
	writer.uncommitted = true;
	memcpy(writer.trail->positions, writer.positions, sizeof(writer.positions));
	if (!hg_audit_trail_end(writer.trail, now_us()))
		return trail_failed();
	return true;
}

static bool
ring_empty(void)
{
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		const hg_audit_shard *shard = &hg_audit_ring_shared->header->shards[i];

		if (__atomic_load_n(&shard->head, __ATOMIC_ACQUIRE) != shard->tail)
			return false;
	}
	return true;
}

static void
checkpoint_tell(void)
{
	if (strcmp(writer.status.checkpoint, writer.trail->checkpoint) == 0)
		return;
	strlcpy(writer.status.checkpoint, writer.trail->checkpoint,
			sizeof(writer.status.checkpoint));
	writer.status.last_checkpoint_us = now_us();
	writer.checkpoint_us = ticks_us();
	ereport(LOG, (errmsg_internal("%s", writer.trail->checkpoint), errhidestmt(true),
				  errhidecontext(true)));
}

/* An event of the writer itself: it passes the ring as all do. */
static void
tell(const char *action, const char *detail)
{
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, action, NULL, NULL, 0, detail);
}

/* Times of the trail do not ascend from here on; numbers do. */
static void
clock_tell(void)
{
	writer.trail->clock_back = false;
	ereport(LOG,
			(errmsg("hipaa_guard found the clock set back"),
			 errdetail("The audit trail goes on in another segment.")));
	tell("clock set back", "times before and after overlap; sequence numbers do not");
}

/* Takes all that is in the ring now. */
static bool
drain(void)
{
	bool		more = true;
	uint64		written;
	uint64		dropped;
	int64		until;
	int			shard;

	while (more)
	{
		if (!write_pending())
			return false;
		positions_read();
		shard = shard_oldest(&until);
		if (shard < 0 && !gaps_wanted())
			break;
		writer.trail->oldest_us = shard < 0 ? now_us()
			: Min(now_us(), writer.records[shard].event.recorded_us);
		/* Only now, so that no segment is begun for nothing. */
		totals(&written, &dropped);
		if (!hg_audit_trail_ready(writer.trail, now_us(), written, dropped))
			return trail_failed();
		checkpoint_tell();
		if (writer.trail->clock_back)
			clock_tell();
		if (writer.trail->remade)
			tell("segments missing", "the directory of the trail was gone");
		writer.trail->remade = false;
		if (!hg_audit_trail_has_room(writer.trail) && !hg_audit_trail_sync(writer.trail))
			return trail_failed();
		if (!text_numbers_ready() || !frame_make(&more) || !write_pending())
			return false;
	}
	writer.drained_before_us = now_us();
	if (writer.failed_us == 0)
		writer.failed_reason = HG_AUDIT_GAP_OVERFLOW;
	return true;
}

static bool
sync_trail(void)
{
	if (writer.trail->pending_size > 0)
	{
		if (!hg_audit_trail_sync(writer.trail))
			return trail_failed();
		commit();
		writer.status.last_flush_us = now_us();
	}
	writer.synced_us = ticks_us();
	return true;
}

/* A checkpoint is one line in the server's log as well: who collects it is a witness. */
static bool
checkpoint(void)
{
	uint64		written;
	uint64		dropped;

	if (!writer.trail->segment_open)
		return true;
	totals(&written, &dropped);
	if (!hg_audit_trail_checkpoint(writer.trail, now_us(), written, dropped))
		return trail_failed();
	return sync_trail();
}

/*
 * The ring against the trail's end: what a frame took is not taken again, what
 * a gap told is not told again.  Anything else that does not fit is told.
 */
static void
reconcile(void)
{
	hg_audit_ring_header *header = hg_audit_ring_shared->header;
	const hg_audit_trail *trail = writer.trail;

	writer.trail->ring_id = header->ring_id;
	memcpy(writer.reported, header->reported, sizeof(writer.reported));
	for (int i = 0; i < HG_AUDIT_SHED_PLACES; i++)
		writer.shed_reported[i] = header->shed[i].reported;
	positions_read();
	if (trail->ring_id_found == header->ring_id)
	{
		for (int i = 0; i < HG_AUDIT_SHARDS; i++)
		{
			ring_record *record = &writer.records[i];

			while (record->size > 0 && record->next <= trail->positions_found[i])
			{
				writer.drained[i][record->class]++;
				writer.positions[i] = record->next;
				ring_record_read(i);
			}
		}
		for (int i = 0; i < HG_AUDIT_SHED_PLACES; i++)
			writer.shed_reported[i] = Max(writer.shed_reported[i], trail->shed_found[i]);
		for (int which = 0; which < 2; which++)
			for (int class = 0; class < HG_AUDIT_CLASSES_MAX; class++)
				writer.reported[which][class] = Max(writer.reported[which][class],
													trail->dropped_found[which][class]);
	}
	if (header->seq_next > trail->seq_next)
	{
		writer.trail->missing = true;
		writer.seq_lost = header->seq_next - trail->seq_next;
	}
	memcpy(writer.trail->positions, writer.positions, sizeof(writer.positions));
	writer.uncommitted = true;
	commit();
}

static void
trail_tell(const hg_audit_trail *trail)
{
	char		detail[128];
	char		parent[2 * HG_AUDIT_TRAIL_ID_SIZE + 1];

	if (trail->forked)
	{
		hg_audit_hex_encode(trail->parent_id, sizeof(trail->parent_id), parent);
		snprintf(detail, sizeof(detail), "copied or restored data directory: a new trail begins, "
				 "its parent is %s", parent);
		tell("fork", detail);
	}
	if (trail->latest_us > now_us() + 1000000)
		tell("clock set back", "times before and after overlap; sequence numbers do not");
	if (trail->missing)
		tell("segments missing", "segments of the trail that were written are not there");
	if (trail->damaged)
		tell("segment damaged", "the last segment has damage before its end");
	if (trail->cut_bytes > 0)
		tell("tail cut", "a half-written tail was set aside");
	tell("start", trail->fresh ? "a trail begins" : "the trail goes on");
}

static bool
trail_open(void)
{
	hg_audit_trail *trail = calloc(1, sizeof(*trail));

	if (trail == NULL)
	{
		failure("out of memory", 0);
		return false;
	}
	strlcpy(trail->directory, hg_guc_audit_directory, sizeof(trail->directory));
	strlcpy(trail->state_directory, hg_guc_state_directory, sizeof(trail->state_directory));
	trail->system_id = GetSystemIdentifier();
	trail->segment_size_max = (uint64) hg_guc_audit_segment_size_kb * 1024;
	if (!hg_audit_trail_open(trail))
	{
		bool		broken = trail->broken;

		failure(trail->problem, trail->error);
		hg_audit_trail_free(trail);
		free(trail);
		if (broken)
			proc_exit(1);
		return false;
	}
	writer.trail = trail;
	/* This one was told when it was made. */
	strlcpy(writer.status.checkpoint, trail->checkpoint, sizeof(writer.status.checkpoint));
	reconcile();
	trail_tell(trail);
	(void) hg_audit_trail_purge_finish(trail);
	writer.checkpoint_us = ticks_us();
	return true;
}

/* A trail begins with its first event, so that clusters without a project have none. */
static bool
trail_wanted(void)
{
	char		path[HG_AUDIT_PATH_SIZE];
	struct stat status;

	if (writer.trail != NULL || !ring_empty())
		return true;
	hg_audit_path(path, hg_guc_state_directory, HG_AUDIT_STATE_FILE);
	return stat(path, &status) == 0;
}

static void
status_publish(void)
{
	const hg_audit_trail *trail = writer.trail;

	if (trail != NULL)
	{
		writer.status.segments = trail->segments;
		writer.status.bytes = bytes_on_disk();
		memcpy(writer.status.public_key, trail->state.public_key, HG_AUDIT_KEY_SIZE);
	}
	hg_audit_status_set(&writer.status);
}

/* Removes what SQL found that may go. */
static bool
purge(void)
{
	uint64		up_to = pg_atomic_exchange_u64(&hg_audit_shared->purge_wanted, 0);

	if (up_to == 0 || hg_audit_trail_purge(writer.trail, up_to))
		return true;
	return trail_failed();
}

/*
 * Tells once when the trail nears audit_max_size, and once when it is full:
 * then only the classes that the ring's reserve is for are still written, the
 * others dropped and counted.
 */
static void
size_watch(void)
{
	uint64		most = (uint64) hg_guc_audit_max_size_mb * 1024 * 1024;
	int			level = writer.status.bytes >= most ? 2
		: writer.status.bytes >= most / 100 * HG_AUDIT_WARN_PERCENT;

	hg_audit_ring_shared->header->trail_full = level == 2;
	if (level == writer.size_level)
		return;
	if (level == 2)
		tell("audit storage full", "events of other classes than auth, role, ddl, config and "
			 "guard are dropped and counted");
	else if (level > writer.size_level)
		tell("audit storage warning", "the trail takes 80 percent of audit_max_size");
	if (level > 0)
		ereport(LOG,
				(errmsg(level == 2 ? "hipaa_guard's audit trail is full"
						: "hipaa_guard's audit trail takes more than %d percent of "
						"hipaa_guard.audit_max_size", HG_AUDIT_WARN_PERCENT),
				 errdetail("It has " UINT64_FORMAT " bytes of " UINT64_FORMAT ".",
						   writer.status.bytes, most),
				 errhint("Have an archive acknowledge segments and call "
						 "hipaa_guard.purge_audit(), or raise the setting.")));
	writer.size_level = level;
}

/* Things that happen to a trail from outside: its files go, its server is promoted. */
static void
surroundings_look(void)
{
	bool		standby = GetRecoveryState() == RECOVERY_STATE_ARCHIVE;

	/* A server that only starts, or recovers from a crash, was no standby. */
	if (writer.was_standby && !standby)
	{
		tell("promotion", "the standby became a primary");
		writer.trail->rotate = true;
	}
	writer.was_standby = standby;
	if (ticks_us() - writer.looked_us < 1000000)
		return;
	writer.looked_us = ticks_us();
	if (hg_audit_trail_lost(writer.trail))
	{
		ereport(LOG,
				(errmsg("a segment of the hipaa_guard audit trail was removed while it was "
						"written"),
				 errdetail("Another one is begun.")));
		tell("segments missing", "a segment was removed while it was written");
	}
}

/* One round: drain; sync, checkpoint and answer who waits, as far as it is time. */
static bool
round_make(bool stopping)
{
	uint64		flush = pg_atomic_read_u64(&hg_audit_shared->flush_wanted);
	uint64		checkpoint_asked = pg_atomic_read_u64(&hg_audit_shared->checkpoint_wanted);
	bool		flush_asked = flush != writer.flush_seen;
	bool		checkpoint_due;

	if (writer.trail == NULL && !trail_open())
		return false;
	writer.trail->segment_size_max = (uint64) hg_guc_audit_segment_size_kb * 1024;
	surroundings_look();
	if (!drain())
		return false;
	checkpoint_due = stopping || checkpoint_asked != writer.checkpoint_seen
		|| ticks_us() - writer.checkpoint_us
		>= (int64) hg_guc_audit_checkpoint_interval_s * 1000000;
	if (checkpoint_due && !writer.trail->at_checkpoint && !checkpoint())
		return false;
	if (checkpoint_due)
		writer.checkpoint_us = ticks_us();
	if ((flush_asked || stopping
		 || ticks_us() - writer.synced_us >= (int64) hg_guc_audit_flush_interval_ms * 1000)
		&& !sync_trail())
		return false;
	checkpoint_tell();
	writer.checkpoint_seen = checkpoint_asked;
	if (!purge())
		return false;
	success();
	status_publish();
	size_watch();
	if (flush_asked)
	{
		writer.flush_seen = flush;
		pg_atomic_write_u64(&hg_audit_shared->flush_done, flush);
		ConditionVariableBroadcast(&hg_audit_shared->flushed);
	}
	return true;
}

/*
 * How long to sleep: shorter the fuller the ring was, so that it is drained
 * long before it is full, and nobody has to wake the writer.
 */
static long
sleep_ms(uint64 used_hundredths)
{
	long		most = Min(hg_guc_audit_flush_interval_ms, 200);

	if (writer.failed_us != 0)
		return writer.retry_ms;
	if (used_hundredths >= 20)
		return SLEEP_MIN_MS;
	return used_hundredths >= 5 ? Min(most, 20) : used_hundredths >= 1 ? Min(most, 50) : most;
}

static uint64
ring_used_hundredths(void)
{
	uint64		most = 0;

	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		const hg_audit_shard *shard = &hg_audit_ring_shared->header->shards[i];

		most = Max(most, __atomic_load_n(&shard->head, __ATOMIC_RELAXED) - shard->tail);
	}
	return most * 100 / hg_audit_ring_shared->header->slots_count;
}

static void
writer_exit(int code, Datum unused)
{
	(void) code;
	(void) unused;
	writer.status.writer_pid = 0;
	writer.status.writer_latch = NULL;
	hg_audit_status_set(&writer.status);
	ConditionVariableBroadcast(&hg_audit_shared->flushed);
}

static void
writer_begin(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	hg_audit_status_get(&writer.status);
	writer.status.writer_pid = MyProcPid;
	writer.status.writer_latch = MyLatch;
	hg_audit_status_set(&writer.status);
	before_shmem_exit(writer_exit, (Datum) 0);
	writer.drained_before_us = now_us();
	writer.failed_reason = HG_AUDIT_GAP_OVERFLOW;
}

void
hg_audit_writer_main(Datum unused)
{
	bool		stopping = false;

	(void) unused;
	writer_begin();
	if (hg_audit_ring_shared == NULL)
		proc_exit(0);
	while (!stopping)
	{
		uint64		used = ring_used_hundredths();

		stopping = ShutdownRequestPending;
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (trail_wanted() && !round_make(stopping))
			status_publish();
		else if (!trail_wanted())
			pg_atomic_write_u64(&hg_audit_shared->flush_done,
								pg_atomic_read_u64(&hg_audit_shared->flush_wanted));
		if (stopping)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 sleep_ms(used), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	proc_exit(0);
}

void
hg_audit_writer_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, "hipaa_guard audit writer", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "hipaa_guard audit writer", sizeof(worker.bgw_type));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_PostmasterStart;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "hipaa_guard", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hg_audit_writer_main", sizeof(worker.bgw_function_name));
	RegisterBackgroundWorker(&worker);
}
