/*
 * segment_trail.c
 *		A trail that is being written: its segments and their ends.
 *
 * Order of things on disk, so that a crash between any two of them is mended
 * by the next start: state with the new key, the key's line, the segment with
 * its header and a first frame.  Every segment has a key of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment_dictionary.h"
#include "audit/segment_state.h"

/* A segment whose dictionary got that large is closed early. */
#define TEXTS_MAX 100000

/* A clock that goes back so far was set back: time servers make smaller steps. */
#define CLOCK_STEP_US 1000000

#define FILE_PATH_SIZE (HG_AUDIT_PATH_SIZE + HG_AUDIT_FILE_NAME_SIZE)

static bool
fail(hg_audit_trail *trail, const char *problem)
{
	trail->problem = problem;
	trail->error = errno;
	return false;
}

static bool
fail_broken(hg_audit_trail *trail)
{
	trail->broken = true;
	errno = 0;
	return fail(trail, "hashing or signing failed");
}

static void
latest_raise(hg_audit_trail *trail, int64_t us)
{
	if (trail->latest_us < us)
		trail->latest_us = us;
}

/* Follows a checkpoint or gap of a segment that is read again. */
static void
found_item(hg_audit_trail *trail, const hg_audit_item *item)
{
	const hg_audit_gap_item *gap = (const hg_audit_gap_item *) item;
	size_t		size;
	const char *text;

	if (item->kind == HG_AUDIT_ITEM_COUNT)
	{
		const hg_audit_count_item *count = (const hg_audit_count_item *) item;

		if (count->place < HG_AUDIT_SHED_PLACES)
			trail->shed_found[count->place] = count->total;
	}
	if (item->kind == HG_AUDIT_ITEM_GAP)
		memcpy(trail->dropped_found, gap->totals, sizeof(trail->dropped_found));
	if (item->kind != HG_AUDIT_ITEM_CHECKPOINT)
		return;
	text = hg_audit_item_text(item, &size);
	if (text != NULL && size < sizeof(trail->checkpoint))
	{
		hg_audit_part part = {text, size};

		memcpy(trail->checkpoint, text, size);
		trail->checkpoint[size] = '\0';
		(void) hg_audit_sha256(&part, 1, trail->previous);
	}
}

static void
found_frame(hg_audit_trail *trail, const hg_audit_frame_header *frame)
{
	const hg_audit_item *item;
	size_t		offset = 0;

	trail->at_checkpoint = false;
	trail->segment.seq_next = frame->seq_next;
	latest_raise(trail, frame->written_us);
	if (frame->ring_id != trail->ring_id_found)
	{
		memset(trail->dropped_found, 0, sizeof(trail->dropped_found));
		memset(trail->shed_found, 0, sizeof(trail->shed_found));
	}
	trail->ring_id_found = frame->ring_id;
	memcpy(trail->positions_found, frame->positions, sizeof(frame->positions));
	while ((item = hg_audit_item_next(frame, &offset)) != NULL)
	{
		found_item(trail, item);
		trail->at_checkpoint = item->kind == HG_AUDIT_ITEM_CHECKPOINT;
	}
}

/*
 * Follows a segment from its header to the end of its last whole frame.  Where
 * whole frames stand behind damage this is no write cut short: then numbers
 * and positions go on from the last of them, and the file stays as it is.
 */
static bool
segment_follow(hg_audit_trail *trail, const uint8_t *data, size_t size)
{
	const hg_audit_frame_header *frame;
	hg_audit_segment_header header;
	const char *problem;
	size_t		offset = sizeof(header);

	memcpy(&header, data, sizeof(header));
	if (!hg_audit_segment_begin(&trail->segment, &header))
		return fail_broken(trail);
	while (hg_audit_frame_at(data, size, offset, true, &frame) == HG_AUDIT_FOUND_FRAME
		   && hg_audit_segment_follow(&trail->segment, frame, trail->frame.leaves, &problem))
	{
		offset += frame->size;
		found_frame(trail, frame);
	}
	while ((offset = hg_audit_frame_find(data, size, offset + 8)) < size)
	{
		frame = (const hg_audit_frame_header *) (data + offset);
		trail->damaged = true;
		memcpy(trail->segment.chain, frame->chain, sizeof(frame->chain));
		found_frame(trail, frame);
	}
	return true;
}

/* What stands behind the last whole frame is set aside in a file of its own, and then cut. */
static bool
tail_cut(hg_audit_trail *trail, const char *path, const uint8_t *data, size_t size)
{
	char		aside[FILE_PATH_SIZE + 8];
	size_t		done = 0;
	int			fd;
	bool		ok;

	trail->cut_bytes = size - trail->segment.size;
	if (trail->cut_bytes == 0)
		return true;
	snprintf(aside, sizeof(aside), "%s.cut", path);
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ok = fd >= 0 && hg_audit_file_write(fd, data + trail->segment.size, trail->cut_bytes, 0, &done)
		&& fsync(fd) == 0 && truncate(path, (off_t) trail->segment.size) == 0;
	if (fd >= 0)
		close(fd);
	return ok || fail(trail, "cutting a half-written tail failed");
}

/*
 * One that does not even have its first frame never began: it goes.  One that is
 * as large, but without a whole frame anywhere, is set aside: its size came to
 * disk before its content.
 */
static bool
segment_never_began(hg_audit_trail *trail, const char *path, const uint8_t *data, size_t size)
{
	char		aside[FILE_PATH_SIZE + 8];

	if (size < sizeof(hg_audit_segment_header) + sizeof(hg_audit_frame_header))
		return unlink(path) == 0 || fail(trail, "removing an empty segment failed");
	if (hg_audit_frame_find(data, size, sizeof(hg_audit_segment_header)) < size)
	{
		trail->damaged = true;
		return true;
	}
	snprintf(aside, sizeof(aside), "%s.cut", path);
	trail->cut_bytes = size;
	return rename(path, aside) == 0 || fail(trail, "setting a segment aside failed");
}

/* Reads a segment; *usable tells whether it is one to go on from. */
static bool
segment_load(hg_audit_trail *trail, const char *path, bool *usable)
{
	uint8_t    *data;
	size_t		size;
	bool		ok = true;

	*usable = false;
	if (!hg_audit_file_read(path, &data, &size))
		return fail(trail, "reading a segment failed");
	memset(&trail->segment, 0, sizeof(trail->segment));
	if (hg_audit_segment_header_problem(data, size) == NULL)
		ok = segment_follow(trail, data, size);
	*usable = ok && (trail->segment.size > sizeof(hg_audit_segment_header) || trail->damaged);
	if (*usable && memcmp(trail->segment.header.trail_id, trail->state.trail_id,
						  sizeof(trail->state.trail_id)) != 0)
		trail->forked = true;
	if (*usable && !trail->forked && !trail->damaged)
		ok = tail_cut(trail, path, data, size);
	if (ok && !*usable)
		ok = segment_never_began(trail, path, data, size);
	free(data);
	return ok;
}

/* Finds the end of the trail: in the last segment that has one. */
static bool
segments_load(hg_audit_trail *trail, const hg_audit_files *list)
{
	for (size_t i = list->count; i > 0; i--)
	{
		char		path[FILE_PATH_SIZE];
		bool		usable;

		snprintf(path, sizeof(path), "%s/%s", trail->directory, list->files[i - 1].name);
		if (!segment_load(trail, path, &usable))
			return false;
		if (!usable)
			continue;
		trail->seq_next = trail->segment.seq_next;
		memcpy(trail->chain, trail->segment.chain, sizeof(trail->chain));
		if (trail->at_checkpoint || trail->forked || trail->damaged)
			return true;
		memcpy(trail->path, path, sizeof(path));
		trail->fd = open(path, O_RDWR | O_CLOEXEC);
		trail->durable_size = trail->segment.size;
		return trail->fd >= 0 || fail(trail, "opening a segment failed");
	}
	return true;
}

static void
sizes_count(hg_audit_trail *trail, const hg_audit_files *list)
{
	trail->bytes_closed = 0;
	trail->segments = list->count;
	for (size_t i = 0; i < list->count; i++)
	{
		char		path[FILE_PATH_SIZE];
		struct stat status;

		snprintf(path, sizeof(path), "%s/%s", trail->directory, list->files[i].name);
		if (stat(path, &status) == 0)
			trail->bytes_closed += (uint64_t) status.st_size;
	}
	if (trail->fd >= 0)
		trail->bytes_closed -= trail->segment.size;
}

/* A copied configuration may lead two servers to one directory: the second one stays out. */
static bool
directory_lock(hg_audit_trail *trail)
{
	if (hg_audit_directory_lock(trail->directory, &trail->lock_fd))
		return true;
	if (errno != EAGAIN && errno != EACCES)
		return fail(trail, "locking the audit directory failed");
	errno = errno == EACCES ? EACCES : 0;
	return fail(trail, errno ? "locking the audit directory failed"
				: "another server writes to the audit directory");
}

bool
hg_audit_trail_open(hg_audit_trail *trail)
{
	hg_audit_files list;
	uint64_t	last;
	bool		state_ok;
	bool		ok;

	trail->fd = trail->lock_fd = -1;
	trail->seq_next = 1;
	trail->frame.leaves_max = HG_AUDIT_FRAME_SIZE_MAX / sizeof(hg_audit_text_item);
	trail->frame.data = malloc(HG_AUDIT_FRAME_SIZE_MAX);
	trail->frame.leaves = malloc((size_t) trail->frame.leaves_max * HG_AUDIT_HASH_SIZE);
	trail->pending = malloc(HG_AUDIT_PENDING_MAX);
	trail->dictionary = hg_audit_dictionary_create();
	if (!trail->frame.data || !trail->frame.leaves || !trail->pending || !trail->dictionary)
		return fail(trail, "out of memory");
	if (!hg_audit_directory_make(trail->directory))
		return fail(trail, "making the audit directory failed");
	if (!hg_audit_directory_make(trail->state_directory))
		return fail(trail, "making the state directory failed");
	if (!directory_lock(trail))
		return false;
	if (!hg_audit_state_load(trail, &state_ok))
		return false;
	if (!hg_audit_files_list(trail->directory, &list))
		return fail(trail, "reading the audit directory failed");
	trail->fresh = !state_ok && list.count == 0;
	trail->forked = !state_ok && list.count > 0;
	memcpy(trail->previous, trail->state.previous, sizeof(trail->previous));
	ok = segments_load(trail, &list);
	sizes_count(trail, &list);
	last = list.count > 0 ? list.files[list.count - 1].number : 0;
	if (last > 0)
		latest_raise(trail, list.files[list.count - 1].created_us);
	trail->missing = state_ok && last + 1 < trail->state.segment;
	if (last > trail->state.segment)
		trail->state.segment = last;
	trail->state.boot++;
	trail->ring_id = trail->ring_id_found;
	memcpy(trail->positions, trail->positions_found, sizeof(trail->positions));
	hg_audit_files_free(&list);
	if (ok && trail->forked)
	{
		memcpy(trail->parent_id, trail->segment.header.trail_id, sizeof(trail->parent_id));
		memset(trail->previous, 0, sizeof(trail->previous));
		trail->checkpoint[0] = '\0';
	}
	return ok;
}

void
hg_audit_trail_free(hg_audit_trail *trail)
{
	if (trail->fd >= 0)
		close(trail->fd);
	if (trail->lock_fd >= 0)
		close(trail->lock_fd);
	trail->fd = trail->lock_fd = -1;
	free(trail->frame.data);
	free(trail->frame.leaves);
	free(trail->pending);
	hg_audit_dictionary_free(trail->dictionary);
	hg_audit_wipe(&trail->state, sizeof(trail->state));
}

/* The header and a first, empty frame, written as one. */
static bool
segment_create(hg_audit_trail *trail, int64_t now_us)
{
	hg_audit_segment_header header;
	char		name[HG_AUDIT_FILE_NAME_SIZE];

	memset(&header, 0, sizeof(header));
	memcpy(header.trail_id, trail->state.trail_id, sizeof(header.trail_id));
	memcpy(header.parent_id, trail->parent_id, sizeof(header.parent_id));
	header.system_id = trail->system_id;
	header.number = trail->state.segment;
	header.seq_first = trail->seq_next;
	latest_raise(trail, now_us);
	header.created_us = trail->latest_us;
	header.clock_us = now_us;
	header.oldest_us = trail->oldest_us;
	header.boot = trail->state.boot;
	header.epoch = trail->state.epoch;
	memcpy(header.chain_before, trail->chain, sizeof(header.chain_before));
	memcpy(header.public_key, trail->state.public_key, sizeof(header.public_key));
	hg_audit_file_name(header.number, header.created_us, name);
	snprintf(trail->path, sizeof(trail->path), "%s/%s", trail->directory, name);
	trail->fd = open(trail->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (trail->fd < 0)
		return fail(trail, "creating a segment failed");
	if (!hg_audit_segment_begin(&trail->segment, &header))
		return fail_broken(trail);
	hg_audit_dictionary_clear(trail->dictionary);
	memcpy(trail->pending, &trail->segment.header, sizeof(header));
	trail->pending_size = sizeof(header);
	trail->pending_written = 0;
	trail->durable_size = 0;
	trail->segments++;
	trail->segment_open = true;
	hg_audit_trail_begin(trail);
	if (!hg_audit_trail_end(trail, now_us))
		return false;
	trail->directory_dirty = true;
	return hg_audit_trail_sync(trail);
}

/* A checkpoint ends a segment; what is pending must be on disk before the next one. */
static bool
segment_close(hg_audit_trail *trail, int64_t now_us, uint64_t written, uint64_t dropped)
{
	if (trail->pending_size > 0 && !hg_audit_trail_sync(trail))
		return false;
	if (!trail->at_checkpoint && !hg_audit_trail_checkpoint(trail, now_us, written, dropped))
		return false;
	if (!hg_audit_trail_sync(trail))
		return false;
	close(trail->fd);
	trail->fd = -1;
	trail->segment_open = false;
	trail->seq_next = trail->segment.seq_next;
	trail->bytes_closed += trail->segment.size;
	memcpy(trail->chain, trail->segment.chain, sizeof(trail->chain));
	return true;
}

bool
hg_audit_trail_ready(hg_audit_trail *trail, int64_t now_us, uint64_t written, uint64_t dropped)
{
	struct stat there;

	/* So that no segment holds times from before and after. */
	if (now_us < trail->clock_us - CLOCK_STEP_US)
		trail->rotate = trail->clock_back = true;
	trail->clock_us = now_us;
	if (trail->segment_open && trail->segment.size < trail->segment_size_max
		&& trail->segment.texts < TEXTS_MAX && !trail->rotate)
		return true;
	if (trail->fd >= 0 && !segment_close(trail, now_us, written, dropped))
		return false;
	/* A segment that was closed has gone with it; one that was open is missed already. */
	if (stat(trail->directory, &there) != 0 && errno == ENOENT && !trail->missing)
		trail->remade = true;
	if (!hg_audit_directory_make(trail->directory))
		return fail(trail, "making the audit directory failed");
	if (!directory_lock(trail) || !hg_audit_state_advance(trail))
		return false;
	trail->rotate = false;
	return segment_create(trail, now_us);
}

bool
hg_audit_trail_lost(hg_audit_trail *trail)
{
	struct stat ours;
	struct stat there;

	if (!trail->segment_open || fstat(trail->fd, &ours) != 0)
		return false;
	if (stat(trail->path, &there) == 0)
	{
		if (there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
			return false;
	}
	else if (errno != ENOENT && errno != ENOTDIR)
		return false;
	close(trail->fd);
	trail->fd = -1;
	trail->segment_open = false;
	trail->missing = true;
	trail->seq_next = trail->segment.seq_next;
	memcpy(trail->chain, trail->segment.chain, sizeof(trail->chain));
	trail->pending_size = 0;
	trail->pending_written = 0;
	return true;
}

bool
hg_audit_trail_has_room(const hg_audit_trail *trail)
{
	return trail->pending_size + 2 * HG_AUDIT_FRAME_SIZE_MAX <= HG_AUDIT_PENDING_MAX;
}

void
hg_audit_trail_begin(hg_audit_trail *trail)
{
	hg_audit_frame_begin(&trail->frame);
}

bool
hg_audit_trail_fits(const hg_audit_trail *trail, size_t bytes)
{
	return hg_audit_frame_has_room(&trail->frame, 0, bytes)
		&& trail->frame.items + 8 < trail->frame.leaves_max;
}

bool
hg_audit_trail_text(hg_audit_trail *trail, const char *text, size_t size, uint32_t *number)
{
	hg_audit_text_item item;
	bool		found;

	*number = 0;
	if (text == NULL)
		return true;
	*number = hg_audit_dictionary_number(trail->dictionary, text, size,
										 hg_audit_hash64(text, size), &found);
	if (found)
		return true;
	if (*number == 0)
		return fail_broken(trail);
	memset(&item, 0, sizeof(item));
	item.number = *number;
	item.size = (uint32_t) size;
	trail->segment.texts = *number;
	return hg_audit_frame_add(&trail->segment, &trail->frame, HG_AUDIT_ITEM_TEXT, &item,
							  sizeof(item), text, size) || fail_broken(trail);
}

bool
hg_audit_trail_add_event(hg_audit_trail *trail, const hg_audit_event *event,
						 const uint32_t *texts)
{
	hg_audit_event_item item;

	latest_raise(trail, event->recorded_us);
	item.seq = trail->segment.seq_next;
	item.event = *event;
	memcpy(item.texts, texts, sizeof(item.texts));
	if (!hg_audit_frame_add(&trail->segment, &trail->frame, HG_AUDIT_ITEM_EVENT, &item,
							sizeof(item), NULL, 0))
		return fail_broken(trail);
	trail->segment.seq_next++;
	return true;
}

bool
hg_audit_trail_add_gap(hg_audit_trail *trail, hg_audit_gap_item *gap)
{
	gap->seq_first = trail->segment.seq_next;
	if (!hg_audit_frame_add(&trail->segment, &trail->frame, HG_AUDIT_ITEM_GAP, gap, sizeof(*gap),
							NULL, 0))
		return fail_broken(trail);
	trail->segment.seq_next += gap->lost;
	return true;
}

bool
hg_audit_trail_add_count(hg_audit_trail *trail, hg_audit_count_item *count,
						 const char *const *texts, const size_t *sizes)
{
	for (int i = 0; i < 2; i++)
	{
		if (!hg_audit_trail_text(trail, texts[i], sizes[i], &count->texts[i]))
			return false;
	}
	return hg_audit_frame_add(&trail->segment, &trail->frame, HG_AUDIT_ITEM_COUNT, count,
							  sizeof(*count), NULL, 0) || fail_broken(trail);
}

bool
hg_audit_trail_end(hg_audit_trail *trail, int64_t now_us)
{
	latest_raise(trail, now_us);
	if (!hg_audit_frame_end(&trail->segment, &trail->frame, trail->latest_us, trail->ring_id,
							trail->positions))
		return fail_broken(trail);
	trail->at_checkpoint = false;
	memcpy(trail->pending + trail->pending_size, trail->frame.data, trail->frame.size);
	trail->pending_size += trail->frame.size;
	return true;
}

bool
hg_audit_trail_checkpoint(hg_audit_trail *trail, int64_t now_us, uint64_t written,
						  uint64_t dropped)
{
	hg_audit_checkpoint_item item;
	hg_audit_checkpoint c;
	hg_audit_part part = {trail->checkpoint, 0};

	memset(&c, 0, sizeof(c));
	memcpy(c.trail_id, trail->state.trail_id, sizeof(c.trail_id));
	c.system_id = trail->segment.header.system_id;
	c.boot = trail->segment.header.boot;
	c.epoch = trail->segment.header.epoch;
	c.segment = trail->segment.header.number;
	c.items = trail->segment.tree.leaves;
	c.seq_first = trail->segment.header.seq_first;
	c.seq_next = trail->segment.seq_next;
	c.written = written;
	c.dropped = dropped;
	c.time_us = now_us;
	memcpy(c.chain, trail->segment.chain, sizeof(c.chain));
	memcpy(c.previous, trail->previous, sizeof(c.previous));
	if (!hg_audit_merkle_root(&trail->segment.tree, c.root)
		|| !hg_audit_checkpoint_sign(&c, trail->state.private_key, trail->checkpoint))
		return fail_broken(trail);
	part.size = strlen(trail->checkpoint);
	memset(&item, 0, sizeof(item));
	item.size = (uint32_t) part.size;
	hg_audit_trail_begin(trail);
	if (!hg_audit_sha256(&part, 1, trail->previous)
		|| !hg_audit_frame_add(&trail->segment, &trail->frame, HG_AUDIT_ITEM_CHECKPOINT, &item,
							   sizeof(item), trail->checkpoint, part.size))
		return fail_broken(trail);
	if (!hg_audit_trail_end(trail, now_us))
		return false;
	trail->at_checkpoint = true;
	return true;
}

bool
hg_audit_trail_write(hg_audit_trail *trail)
{
	return hg_audit_file_write(trail->fd, trail->pending, trail->pending_size,
							   trail->durable_size, &trail->pending_written)
		|| fail(trail, "writing a segment failed");
}

bool
hg_audit_trail_sync(hg_audit_trail *trail)
{
	if (!hg_audit_trail_write(trail))
		return false;
	if (fdatasync(trail->fd) != 0)
	{
		/* The kernel may have dropped the pages as clean: they are written anew the next time. */
		trail->pending_written = 0;
		return fail(trail, "syncing a segment failed");
	}
	if (trail->directory_dirty && !hg_audit_directory_sync(trail->directory))
		return fail(trail, "syncing the audit directory failed");
	trail->directory_dirty = false;
	trail->durable_size += trail->pending_size;
	trail->pending_size = 0;
	trail->pending_written = 0;
	return true;
}
