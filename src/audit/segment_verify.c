/*
 * segment_verify.c
 *		Verifies an audit directory with a public key only.
 *
 * Each segment is checked by itself, by several threads where that is asked for;
 * then, in the order of their numbers, how each follows the one before.  The
 * first problem ends the verification: what follows a broken chain proves
 * nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/segment_verify.h"
#include "audit/segment_window.h"

/* What a thread needs for one segment after the other. */
typedef struct room
{
	hg_audit_window window;
	int			file;
	uint8_t    *leaves;			/* for a frame */
} room;

/* What the check of one segment by itself has found. */
typedef struct part
{
	hg_audit_verdict verdict;
	hg_audit_segment segment;	/* as it ends */
	bool		begun;			/* not when it is a tail that never got its first frame */
	bool		closed;			/* ends in a checkpoint */
	bool		named;			/* as its header says */
	bool		checkpoint_found;	/* the one kept elsewhere */
	bool		checkpoints;
	uint64_t	first_offset;	/* of the first checkpoint */
	uint8_t		first_previous[HG_AUDIT_HASH_SIZE];	/* what that says of the one before */
	uint8_t		previous[HG_AUDIT_HASH_SIZE];	/* of the latest one */
	uint64_t	problem_offset;
	bool		done;
} part;

/* Checks a segment, or puts the parts together. */
typedef struct verifier
{
	const hg_audit_verify_options *options;
	hg_audit_verdict *verdict;
	const char *directory;

	hg_audit_key *keys;			/* lines of the keys' file, in order */
	bool	   *keys_used;
	size_t		keys_count;
	hg_audit_purge purge;
	bool		purged;

	part	   *part;			/* the segment at hand */
	hg_audit_segment segment;	/* where it stands; putting together, the one before */
	bool		segment_closed;
	bool		segments_before;
	uint8_t		first_trail[HG_AUDIT_TRAIL_ID_SIZE];	/* of the first segment that is there */
	uint32_t	first_epoch;
	uint8_t		previous[HG_AUDIT_HASH_SIZE];	/* of the latest checkpoint */
	bool		previous_known;
	bool		checkpoint_found;
	bool		vouched;		/* by a checkpoint of the given key or of one that it endorses */
	uint32_t	texts;
	room	   *room;
	const char *name;			/* of the file at hand */
	uint64_t	offset;
} verifier;

/* The segments, for the threads that take one after the other. */
typedef struct work
{
	const verifier *common;		/* options and directory */
	const hg_audit_files *list;
	part	   *parts;
	size_t		next;
	bool		stop;
	pthread_mutex_t mutex;
	pthread_cond_t done;
} work;

/* Words with the place; always false. */
__attribute__((format(printf, 2, 3)))
static bool
problem(verifier *v, const char *format, ...)
{
	char		words[256];
	va_list		args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	if (v->name != NULL)
		snprintf(v->verdict->problem, sizeof(v->verdict->problem), "%s in %s at byte %" PRIu64,
				 words, v->name, v->offset);
	else
		snprintf(v->verdict->problem, sizeof(v->verdict->problem), "%s", words);
	v->verdict->ok = false;
	if (v->part != NULL)
		v->part->problem_offset = v->offset;
	return false;
}

static bool
same_trail(const uint8_t *left, const uint8_t *right)
{
	return memcmp(left, right, HG_AUDIT_TRAIL_ID_SIZE) == 0;
}

static const hg_audit_key *
key_find(const verifier *v, const uint8_t *trail_id, uint32_t epoch, size_t *at)
{
	for (size_t i = v->keys_count; i > 0; i--)
	{
		const hg_audit_key *key = &v->keys[i - 1];

		if (key->epoch == epoch && same_trail(key->trail_id, trail_id))
		{
			*at = i - 1;
			return key;
		}
	}
	return NULL;
}

/* One line of the keys' file. A key is signed by the one before it, the first by itself. */
static bool
keys_line(verifier *v, const char *line, size_t size)
{
	hg_audit_key key;
	hg_audit_purge purge;
	const hg_audit_key *signer;
	size_t		at;

	if (hg_audit_purge_parse(line, size, &purge))
	{
		signer = key_find(v, purge.trail_id, purge.epoch, &at);
		if (signer == NULL || !hg_audit_purge_ok(&purge, signer->public_key))
			return problem(v, "purge is not signed by a key of the trail");
		v->purge = purge;
		v->purged = true;
		return true;
	}
	if (!hg_audit_key_parse(line, size, &key))
		return problem(v, "line is malformed");
	signer = key.epoch == 1 ? &key : key_find(v, key.trail_id, key.epoch - 1, &at);
	if (signer == NULL || !hg_audit_key_ok(&key, signer->public_key))
		return problem(v, "key of epoch %" PRIu32 " is not endorsed by the one before", key.epoch);
	if (key_find(v, key.trail_id, key.epoch, &at) != NULL)
		return problem(v, "key of epoch %" PRIu32 " stands there twice", key.epoch);
	v->keys[v->keys_count++] = key;
	return true;
}

static bool
keys_load(verifier *v)
{
	char		path[HG_AUDIT_PATH_SIZE];
	uint8_t    *data;
	size_t		size;
	size_t		lines = 0;
	bool		ok = true;

	hg_audit_path(path, v->directory, HG_AUDIT_KEYS_FILE);
	v->name = HG_AUDIT_KEYS_FILE;
	if (!hg_audit_file_read(path, &data, &size))
		return errno == ENOENT ? true : problem(v, "cannot be read");
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	v->keys = calloc(lines + 1, sizeof(v->keys[0]));
	v->keys_used = calloc(lines + 1, sizeof(v->keys_used[0]));
	if (v->keys == NULL || v->keys_used == NULL)
		ok = problem(v, "out of memory");
	for (size_t start = 0; ok && start < size;)
	{
		const uint8_t *end = memchr(data + start, '\n', size - start);

		v->offset = start;
		if (end == NULL)
		{
			/* The writer cuts a half-written line at its next start. */
			v->verdict->torn_bytes += size - start;
			break;
		}
		ok = keys_line(v, (const char *) data + start, (size_t) (end - data) - start);
		start = (size_t) (end - data) + 1;
	}
	free(data);
	return ok;
}

/*
 * The epoch of the given key, 1 if none is given; 0 if it is none of this trail's.
 * It endorses the keys of later epochs.  Of earlier ones it says nothing: somebody
 * else could have made them and put it behind, but for the chain that its
 * checkpoints sign.
 */
static uint32_t
key_given_epoch(const verifier *v, const uint8_t *trail_id)
{
	uint32_t	epoch = 0;

	if (v->options->public_key == NULL)
		return 1;
	for (size_t i = 0; i < v->keys_count; i++)
	{
		if (same_trail(v->keys[i].trail_id, trail_id)
			&& memcmp(v->keys[i].public_key, v->options->public_key, HG_AUDIT_KEY_SIZE) == 0
			&& v->keys[i].epoch > epoch)
			epoch = v->keys[i].epoch;
	}
	return epoch;
}

/* How a segment follows the one before it, or stands at the beginning. */
static bool
header_follows(verifier *v, const hg_audit_segment_header *header)
{
	static const uint8_t zero[HG_AUDIT_HASH_SIZE];
	const hg_audit_segment *before = &v->segment;
	bool		fork;

	if (!v->segments_before)
	{
		uint64_t	number = v->purged ? v->purge.segment + 1 : 1;
		const uint8_t *chain = v->purged ? v->purge.chain : zero;

		if (header->number != number)
			return problem(v, "segments before number %" PRIu64 " are missing", header->number);
		if (memcmp(header->chain_before, chain, HG_AUDIT_HASH_SIZE) != 0)
			return problem(v, "segment does not begin where the trail begins");
		return true;
	}
	fork = !same_trail(header->trail_id, before->header.trail_id);
	if (header->number != before->header.number + 1)
		return problem(v, "segment %" PRIu64 " is missing", before->header.number + 1);
	if (memcmp(header->chain_before, before->chain, HG_AUDIT_HASH_SIZE) != 0)
		return problem(v, "segment does not continue the one before");
	if (header->seq_first != before->seq_next)
		return problem(v, "sequence numbers do not continue");
	if (fork && !same_trail(header->parent_id, before->header.trail_id))
		return problem(v, "trail forked from another one");
	if (!fork && !v->segment_closed)
		return problem(v, "segment before this one was not closed by a checkpoint");
	if (!fork && header->epoch != before->header.epoch + 1)
		return problem(v, "key epoch does not follow the one before");
	if (fork)
		v->previous_known = false;
	return true;
}

/* How a segment that is whole by itself belongs to the trail. */
static bool
header_check(verifier *v, const hg_audit_segment_header *header)
{
	const hg_audit_key *key;
	size_t		at;

	if (!header_follows(v, header))
		return false;
	if (!v->segments_before)
	{
		memcpy(v->first_trail, header->trail_id, sizeof(v->first_trail));
		v->first_epoch = header->epoch;
	}
	key = key_find(v, header->trail_id, header->epoch, &at);
	if (key == NULL || memcmp(key->public_key, header->public_key, HG_AUDIT_KEY_SIZE) != 0)
		return problem(v, "key of the segment is not in the keys' file");
	if (v->keys_used[at])
		return problem(v, "key of epoch %" PRIu32 " is used twice", header->epoch);
	v->keys_used[at] = true;
	if (key_given_epoch(v, header->trail_id) == 0)
		return problem(v, "trail is not signed by the given key");
	return true;
}

static bool
header_begin(verifier *v, const uint8_t *data, size_t size, const hg_audit_file *file)
{
	hg_audit_segment_header header;
	const char *words = hg_audit_segment_header_problem(data, size);

	if (words != NULL)
		return problem(v, "%s", words);
	memcpy(&header, data, sizeof(header));
	if (!hg_audit_segment_begin(&v->segment, &header))
		return problem(v, "hashing failed");
	v->part->begun = true;
	v->part->named = file->number == header.number && file->created_us == header.created_us;
	v->verdict->segments++;
	return true;
}

/* A checkpoint against what was read before its frame. */
static bool
checkpoint_check(verifier *v, const hg_audit_item *item, const uint8_t *root, uint64_t items,
				 const uint8_t *chain)
{
	const hg_audit_segment_header *header = &v->segment.header;
	hg_audit_checkpoint c;
	hg_audit_part line;
	size_t		size;
	const char *text = hg_audit_item_text(item, &size);

	if (text == NULL || !hg_audit_checkpoint_parse(text, size, &c))
		return problem(v, "checkpoint is malformed");
	if (!same_trail(c.trail_id, header->trail_id) || c.system_id != header->system_id
		|| c.boot != header->boot || c.epoch != header->epoch || c.segment != header->number
		|| c.seq_first != header->seq_first || c.seq_next != v->segment.seq_next
		|| c.items != items || memcmp(c.root, root, sizeof(c.root)) != 0
		|| memcmp(c.chain, chain, sizeof(c.chain)) != 0)
		return problem(v, "checkpoint does not fit what it signs");
	if (!v->previous_known)
	{
		v->part->checkpoints = true;
		v->part->first_offset = v->offset;
		memcpy(v->part->first_previous, c.previous, sizeof(c.previous));
	}
	else if (memcmp(c.previous, v->previous, sizeof(c.previous)) != 0)
		return problem(v, "checkpoint does not follow the one before");
	if (!hg_audit_checkpoint_ok(&c, header->public_key))
		return problem(v, "signature of a checkpoint is wrong");
	line.data = text;
	line.size = size;
	if (!hg_audit_sha256(&line, 1, v->previous))
		return problem(v, "hashing failed");
	v->previous_known = true;
	v->verdict->checkpoints++;
	if (v->options->checkpoint != NULL && size == strlen(v->options->checkpoint)
		&& memcmp(text, v->options->checkpoint, size) == 0)
		v->part->checkpoint_found = true;
	return true;
}

static bool
event_check(verifier *v, const hg_audit_event_item *event)
{
	if (event->seq != v->segment.seq_next)
		return problem(v, "sequence number is wrong");
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		if (event->texts[i] > v->texts)
			return problem(v, "event refers to a text that is not there");
	}
	v->segment.seq_next++;
	v->verdict->events++;
	if (v->verdict->seq_first == 0)
		v->verdict->seq_first = event->seq;
	v->verdict->seq_last = event->seq;
	return true;
}

static bool
item_check(verifier *v, const hg_audit_item *item)
{
	const hg_audit_gap_item *gap = (const hg_audit_gap_item *) item;
	const hg_audit_text_item *text = (const hg_audit_text_item *) item;
	size_t		size;

	switch (item->kind)
	{
		case HG_AUDIT_ITEM_EVENT:
			return event_check(v, (const hg_audit_event_item *) item);
		case HG_AUDIT_ITEM_TEXT:
			if (text->number != ++v->texts || hg_audit_item_text(item, &size) == NULL)
				return problem(v, "text is malformed");
			return true;
		case HG_AUDIT_ITEM_GAP:
			if (gap->seq_first != v->segment.seq_next)
				return problem(v, "sequence number is wrong");
			v->segment.seq_next += gap->lost;
			v->verdict->gaps++;
			v->verdict->lost += gap->lost;
			if (v->verdict->seq_first == 0)
				v->verdict->seq_first = gap->seq_first;
			v->verdict->seq_last = v->segment.seq_next - 1;
			return true;
		default:
			return true;
	}
}

static bool
frame_check(verifier *v, const hg_audit_frame_header *frame)
{
	const hg_audit_item *item;
	const char *words;
	uint8_t		root[HG_AUDIT_HASH_SIZE];
	uint8_t		chain[HG_AUDIT_HASH_SIZE];
	uint64_t	items = v->segment.tree.leaves;
	size_t		offset = 0;

	memcpy(chain, v->segment.chain, sizeof(chain));
	item = hg_audit_item_next(frame, &offset);
	if (item != NULL && item->kind == HG_AUDIT_ITEM_CHECKPOINT
		&& !hg_audit_merkle_root(&v->segment.tree, root))
		return problem(v, "hashing failed");
	if (!hg_audit_segment_follow(&v->segment, frame, v->room->leaves, &words))
		return problem(v, "%s", words);
	v->segment_closed = false;
	for (; item != NULL; item = hg_audit_item_next(frame, &offset))
	{
		if (!item_check(v, item))
			return false;
		if (item->kind != HG_AUDIT_ITEM_CHECKPOINT)
			continue;
		if (frame->items != 1)
			return problem(v, "checkpoint is not alone in its frame");
		if (!checkpoint_check(v, item, root, items, chain))
			return false;
		v->segment_closed = true;
	}
	if (frame->seq_next != v->segment.seq_next)
		return problem(v, "sequence numbers do not continue");
	return true;
}

/* A cut tail is no damage in the last segment, nor before a fork: a copy may end anywhere. */
static bool
tail_check(verifier *v, size_t size, bool tail_allowed)
{
	if (size > 0 && !tail_allowed)
		return problem(v, "frame is cut");
	v->verdict->torn_bytes += size;
	return true;
}

static bool
segment_check(verifier *v, const hg_audit_file *file, bool tail_allowed)
{
	hg_audit_window *window = &v->room->window;
	const hg_audit_frame_header *frame;
	hg_audit_found found;

	/* A segment that was being begun when the server died. */
	if (tail_allowed && window->size < sizeof(hg_audit_segment_header) + sizeof(*frame))
		return tail_check(v, window->size, true);
	if (!header_begin(v, window->data, window->size, file))
		return false;
	for (window->offset = sizeof(hg_audit_segment_header);; window->offset += frame->size)
	{
		if (v->options->interrupted != NULL && v->options->interrupted())
			return problem(v, "verification was interrupted");
		found = hg_audit_window_frame(window, false, &frame);
		v->offset = hg_audit_window_at(window);
		if (window->error != 0)
			return problem(v, "cannot be read");
		switch (found)
		{
			case HG_AUDIT_FOUND_FRAME:
				if (!frame_check(v, frame))
					return false;
				if (frame->body_checksum
					!= hg_audit_checksum_long(frame + 1, frame->size - sizeof(*frame)))
					return problem(v, "checksum is wrong");
				break;
			case HG_AUDIT_FOUND_DAMAGED:
				return problem(v, "frame is damaged");
			case HG_AUDIT_FOUND_END:
			case HG_AUDIT_FOUND_TORN:
				return tail_check(v, window->size - window->offset, tail_allowed);
		}
	}
}

/* Whether the next file begins another trail than this segment's; its own check comes later. */
static bool
fork_next(const verifier *v, const uint8_t *data, size_t size, const hg_audit_file *next)
{
	char		path[HG_AUDIT_PATH_SIZE];
	const hg_audit_segment_header *own = (const hg_audit_segment_header *) data;
	hg_audit_segment_header header;
	ssize_t		got;
	int			fd;

	hg_audit_path(path, v->directory, next->name);
	fd = hg_audit_file_open(path);
	if (fd < 0)
		return false;
	got = pread(fd, &header, sizeof(header), 0);
	close(fd);
	return got == (ssize_t) sizeof(header)
		&& hg_audit_segment_header_problem(&header, sizeof(header)) == NULL
		&& hg_audit_segment_header_problem(data, size) == NULL
		&& !same_trail(header.trail_id, own->trail_id)
		&& same_trail(header.parent_id, own->trail_id);
}

/* Checks one segment by itself. */
static void
part_make(const verifier *common, const hg_audit_files *list, size_t at, part *p, room *r)
{
	const hg_audit_file *file = &list->files[at];
	bool		last = at + 1 == list->count;
	verifier	v;

	memset(&v, 0, sizeof(v));
	v.options = common->options;
	v.directory = common->directory;
	v.verdict = &p->verdict;
	v.part = p;
	v.room = r;
	v.name = file->name;
	p->verdict.ok = true;
	hg_audit_window_begin(&r->window, v.directory, v.name);
	if (r->window.error != 0)
	{
		problem(&v, "cannot be read");
		return;
	}
	(void) segment_check(&v, file, last || fork_next(&v, r->window.data, r->window.size,
													 &list->files[at + 1]));
	p->segment = v.segment;
	p->closed = v.segment_closed;
	memcpy(p->previous, v.previous, sizeof(p->previous));
}

static void
counts_add(hg_audit_verdict *sum, const hg_audit_verdict *more)
{
	sum->events += more->events;
	sum->gaps += more->gaps;
	sum->lost += more->lost;
	sum->segments += more->segments;
	sum->checkpoints += more->checkpoints;
	sum->torn_bytes += more->torn_bytes;
	if (sum->seq_first == 0)
		sum->seq_first = more->seq_first;
	if (more->seq_last != 0)
		sum->seq_last = more->seq_last;
}

/* Puts a checked segment behind those before it. */
static bool
part_add(verifier *v, const hg_audit_file *file, const part *p)
{
	bool		problem_first = !p->verdict.ok
		&& (!p->checkpoints || p->problem_offset < p->first_offset);

	v->name = file->name;
	v->offset = 0;
	if (p->begun && !header_check(v, &p->segment.header))
		return false;
	counts_add(v->verdict, &p->verdict);
	v->offset = p->first_offset;
	if (!problem_first && p->checkpoints && v->previous_known
		&& memcmp(p->first_previous, v->previous, sizeof(v->previous)) != 0)
		return problem(v, "checkpoint does not follow the one before");
	if (!p->verdict.ok)
	{
		memcpy(v->verdict->problem, p->verdict.problem, sizeof(p->verdict.problem));
		return v->verdict->ok = false;
	}
	v->checkpoint_found |= p->checkpoint_found;
	if (!p->begun)
		return true;
	v->offset = 0;
	if (!p->named)
		return problem(v, "file name and header differ");
	v->segments_before = true;
	v->vouched |= p->checkpoints
		&& p->segment.header.epoch >= key_given_epoch(v, p->segment.header.trail_id);
	v->segment = p->segment;
	v->segment_closed = p->closed;
	if (p->checkpoints)
		memcpy(v->previous, p->previous, sizeof(v->previous));
	v->previous_known |= p->checkpoints;
	return true;
}

#define LEAVES_SIZE \
	((size_t) (HG_AUDIT_FRAME_SIZE_MAX / sizeof(hg_audit_text_item) + 1) * HG_AUDIT_HASH_SIZE)

static bool
room_make(room *r)
{
	r->window.data = malloc(HG_AUDIT_WINDOW_SIZE);
	r->window.file = &r->file;
	r->file = -1;
	r->leaves = malloc(LEAVES_SIZE);
	return r->window.data != NULL && r->leaves != NULL;
}

static void
room_free(room *r)
{
	hg_audit_window_end(&r->window);
	free(r->window.data);
	free(r->leaves);
}

/* A thread: takes segments until there are none. */
static void *
work_do(void *argument)
{
	work	   *w = argument;
	room		r;
	bool		ok = room_make(&r);

	pthread_mutex_lock(&w->mutex);
	while (!w->stop && w->next < w->list->count)
	{
		size_t		at = w->next++;
		part	   *p = &w->parts[at];

		pthread_mutex_unlock(&w->mutex);
		if (ok)
			part_make(w->common, w->list, at, p, &r);
		else
			snprintf(p->verdict.problem, sizeof(p->verdict.problem), "out of memory");
		pthread_mutex_lock(&w->mutex);
		p->done = true;
		pthread_cond_signal(&w->done);
	}
	pthread_mutex_unlock(&w->mutex);
	room_free(&r);
	hg_audit_crypto_end();
	return NULL;
}

/* In this process alone: one segment after the other. */
static bool
segments_check_alone(verifier *v, const hg_audit_files *list, part *parts)
{
	room		r;
	bool		ok = room_make(&r) || problem(v, "out of memory");

	for (size_t i = 0; ok && i < list->count; i++)
	{
		part_make(v, list, i, &parts[i], &r);
		ok = part_add(v, &list->files[i], &parts[i]);
	}
	room_free(&r);
	return ok;
}

static bool
segments_check_threads(verifier *v, const hg_audit_files *list, part *parts, unsigned count)
{
	/* A copy: what the threads read does not change while this one adds up. */
	const verifier common = *v;
	work		w = {&common, list, parts, 0, false, PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_COND_INITIALIZER};
	pthread_t	threads[HG_AUDIT_VERIFY_THREADS_MAX];
	unsigned	started = 0;
	bool		ok = true;

	while (started < count && pthread_create(&threads[started], NULL, work_do, &w) == 0)
		started++;
	if (started == 0)
		return segments_check_alone(v, list, parts);
	pthread_mutex_lock(&w.mutex);
	for (size_t i = 0; ok && i < list->count; i++)
	{
		while (!parts[i].done)
			pthread_cond_wait(&w.done, &w.mutex);
		ok = part_add(v, &list->files[i], &parts[i]);
	}
	w.stop = true;
	pthread_mutex_unlock(&w.mutex);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	return ok;
}

static bool
segments_check(verifier *v, const hg_audit_files *list)
{
	part	   *parts = calloc(list->count + 1, sizeof(*parts));
	unsigned	threads = v->options->threads;
	bool		ok;

	if (parts == NULL)
		return problem(v, "out of memory");
	if (threads > HG_AUDIT_VERIFY_THREADS_MAX)
		threads = HG_AUDIT_VERIFY_THREADS_MAX;
	ok = threads > 1 && list->count > 1 ? segments_check_threads(v, list, parts, threads)
		: segments_check_alone(v, list, parts);
	free(parts);
	return ok;
}

/* Whether the key's segment is one of those that were purged: before the first that is there. */
static bool
is_purged(const verifier *v, const hg_audit_key *key)
{
	return v->purged && same_trail(key->trail_id, v->purge.trail_id)
		&& (!same_trail(key->trail_id, v->first_trail) || key->epoch < v->first_epoch);
}

/* What the keys and the checkpoint say that must be there. */
static bool
end_check(verifier *v)
{
	v->name = NULL;
	for (size_t i = 0; i < v->keys_count; i++)
	{
		if (!v->keys_used[i] && !is_purged(v, &v->keys[i]) && !v->options->live)
			return problem(v, "segment of key epoch %" PRIu32 " is missing", v->keys[i].epoch);
	}
	if (v->options->public_key != NULL && v->verdict->segments == 0)
		return problem(v, "there is no segment");
	if (v->options->public_key != NULL && !v->vouched)
		return problem(v, "no checkpoint is signed by the given key or by one that it endorses");
	if (v->options->checkpoint != NULL && !v->checkpoint_found)
		return problem(v, "the given checkpoint is not in the trail: its tail was cut or replaced");
	return true;
}

static void
verifier_begin(verifier *v, const char *directory, const hg_audit_verify_options *options,
			   hg_audit_verdict *verdict)
{
	memset(v, 0, sizeof(*v));
	memset(verdict, 0, sizeof(*verdict));
	v->options = options;
	v->verdict = verdict;
	v->directory = directory;
	verdict->ok = true;
}

void
hg_audit_verify(const char *directory, const hg_audit_verify_options *options,
				hg_audit_verdict *verdict)
{
	verifier	v;
	hg_audit_files list;

	verifier_begin(&v, directory, options, verdict);
	if (!hg_audit_files_list(directory, &list))
		problem(&v, "audit directory cannot be read");
	else if (keys_load(&v) && segments_check(&v, &list))
		end_check(&v);
	hg_audit_files_free(&list);
	free(v.keys);
	free(v.keys_used);
}

void
hg_audit_verify_receipt(const char *directory, const hg_audit_verify_options *options,
						const hg_audit_receipt *receipt, hg_audit_verdict *verdict)
{
	const hg_audit_key *key;
	verifier	v;
	size_t		at;

	verifier_begin(&v, directory, options, verdict);
	if (keys_load(&v))
	{
		v.name = NULL;
		key = key_find(&v, receipt->trail_id, receipt->epoch, &at);
		if (key == NULL)
			problem(&v, "the keys' file has no key of the trail and epoch that the receipt names");
		else if (key_given_epoch(&v, receipt->trail_id) == 0)
			problem(&v, "the given key is none of the trail that the receipt names");
		else if (key_given_epoch(&v, receipt->trail_id) > receipt->epoch)
			problem(&v, "the given key does not endorse the one that signed the receipt: give "
					"the first one of the trail");
		else if (!hg_audit_receipt_ok(receipt, key->public_key))
			problem(&v, "the signature of the receipt does not fit");
	}
	free(v.keys);
	free(v.keys_used);
}
