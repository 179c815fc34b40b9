/*
 * Goal: a trail is mended after a crash at any byte without losing or doubling
 * an event, and the verifier finds whatever else was done to it.
 * Method: small trails in a folder of memory; each is cut, flipped, shuffled or
 * starved of disk space, opened again, and verified.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/segment_dictionary.h"
#include "audit/segment_proof.h"
#include "audit/segment_trail.h"
#include "audit/segment_verify.h"
#include "audit/segment_window.h"
#include "tap.h"

static char top[64];
static int	thread_differences = 0;	/* of a verdict, to that of one thread */
static char directory[128];
static char state[128];

static void
path_of(char *path, const char *name)
{
	snprintf(path, 256, "%s/%s", directory, name);
}

static void
clear(void)
{
	char		command[400];

	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", directory, state);
	if (system(command) != 0)
		exit(2);
}

static void
open_trail(hg_audit_trail *trail)
{
	memset(trail, 0, sizeof(*trail));
	strcpy(trail->directory, directory);
	strcpy(trail->state_directory, state);
	trail->system_id = 42;
	trail->segment_size_max = 1024 * 1024;
	if (!hg_audit_trail_open(trail))
	{
		printf("# cannot open: %s: %s\n", trail->problem, strerror(trail->error));
		exit(2);
	}
	trail->ring_id = 9;
}

static void
add_event(hg_audit_trail *trail, int number)
{
	hg_audit_event event;
	char		text[32];
	const char *texts[HG_AUDIT_TEXTS] = {"session", "action", NULL, text};
	uint32_t	numbers[HG_AUDIT_TEXTS];

	memset(&event, 0, sizeof(event));
	event.rows = number;
	snprintf(text, sizeof(text), "SELECT %d", number % 2);
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		if (!hg_audit_trail_text(trail, texts[i], texts[i] ? strlen(texts[i]) : 0, &numbers[i]))
			exit(2);
	}
	if (!hg_audit_trail_add_event(trail, &event, numbers))
		exit(2);
}

/* One frame of two events, as the writer makes it. */
static void
add_frame(hg_audit_trail *trail, int number)
{
	if (!hg_audit_trail_ready(trail, 1000 + number, 0, 0))
		exit(2);
	hg_audit_trail_begin(trail);
	add_event(trail, number);
	add_event(trail, number + 1);
	trail->positions[0] = (uint64_t) number + 2;
	if (!hg_audit_trail_end(trail, 1000 + number) || !hg_audit_trail_write(trail))
		exit(2);
}

static void
add_gap(hg_audit_trail *trail, uint64_t lost)
{
	hg_audit_gap_item gap;

	memset(&gap, 0, sizeof(gap));
	gap.lost = lost;
	gap.lost_by_class[0] = lost;
	hg_audit_trail_begin(trail);
	if (!hg_audit_trail_add_gap(trail, &gap) || !hg_audit_trail_end(trail, 5000)
		|| !hg_audit_trail_write(trail))
		exit(2);
}

static void
close_trail(hg_audit_trail *trail)
{
	if (!hg_audit_trail_checkpoint(trail, 9000, 1, 2) || !hg_audit_trail_sync(trail))
		exit(2);
	hg_audit_trail_free(trail);
}

static void
verify(hg_audit_verdict *verdict, const uint8_t *key, const char *checkpoint)
{
	hg_audit_verify_options options = {key, checkpoint, false, NULL, 0};
	hg_audit_verdict with_threads;
	static int	calls = 0;

	hg_audit_verify(directory, &options, verdict);
	if (++calls % 8 != 0)
		return;
	options.threads = 3;
	hg_audit_verify(directory, &options, &with_threads);
	if (memcmp(verdict, &with_threads, sizeof(with_threads)) != 0)
		thread_differences++;
}

static bool
is_ok(void)
{
	hg_audit_verdict verdict;

	verify(&verdict, NULL, NULL);
	return verdict.ok;
}

/* The file's name of a segment, and its content. */
static void
segment(size_t at, char *name, uint8_t **data, size_t *size)
{
	hg_audit_files list;
	char		path[256];

	if (!hg_audit_files_list(directory, &list) || list.count <= at)
		exit(2);
	strcpy(name, list.files[at].name);
	path_of(path, name);
	if (!hg_audit_file_read(path, data, size))
		exit(2);
	hg_audit_files_free(&list);
}

static void
rewrite(const char *name, const void *data, size_t size)
{
	char		path[256];
	FILE	   *file;

	path_of(path, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
		exit(2);
}

/* Two segments: events, a gap, a restart, more events; cleanly closed. */
static void
make_two(hg_audit_trail *trail)
{
	clear();
	open_trail(trail);
	add_frame(trail, 0);
	add_gap(trail, 5);
	close_trail(trail);
	open_trail(trail);
	add_frame(trail, 2);
}

static void
test_whole(void)
{
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	uint8_t		key[HG_AUDIT_KEY_SIZE];
	char		checkpoint[HG_AUDIT_LINE_SIZE];

	make_two(&trail);
	ok(!trail.fresh && !trail.forked && !trail.missing && trail.cut_bytes == 0,
	   "whole: a clean stop is continued");
	memcpy(key, trail.state.public_key, sizeof(key));
	if (!hg_audit_trail_checkpoint(&trail, 9000, 1, 2) || !hg_audit_trail_sync(&trail))
		exit(2);
	strcpy(checkpoint, trail.checkpoint);
	hg_audit_trail_free(&trail);
	verify(&verdict, key, checkpoint);
	is_str(verdict.problem, "", "whole: no problem");
	is_int(verdict.events, 4, "whole: events are counted");
	is_int(verdict.lost, 5, "whole: lost events are counted");
	is_int(verdict.seq_last, 9, "whole: a gap consumes numbers");
	is_int(verdict.segments, 2, "whole: a start begins a segment");
	key[0] ^= 1;
	verify(&verdict, key, NULL);
	ok(!verdict.ok, "whole: another key is refused: %s", verdict.problem);
	checkpoint[100] ^= 1;
	verify(&verdict, NULL, checkpoint);
	ok(!verdict.ok, "whole: another checkpoint is refused: %s", verdict.problem);
}

static void
flip_all(const char *name, const uint8_t *original, size_t size)
{
	size_t		missed = 0;
	char		path[256];
	int			fd;

	path_of(path, name);
	fd = open(path, O_WRONLY);
	for (size_t bit = 0; bit < size * 8; bit++)
	{
		uint8_t		flipped = original[bit / 8] ^ (uint8_t) (1 << bit % 8);

		if (pwrite(fd, &flipped, 1, (off_t) (bit / 8)) != 1)
			exit(2);
		if (is_ok() && missed++ < 5)
			printf("# bit %zu of byte %zu of %s is not noticed\n", bit % 8, bit / 8, name);
		if (pwrite(fd, &original[bit / 8], 1, (off_t) (bit / 8)) != 1)
			exit(2);
	}
	close(fd);
	is_int(missed, 0, "flips: each of %zu bits of %s is noticed", size * 8, name);
}

static void
test_flips(void)
{
	hg_audit_trail trail;
	hg_audit_files list;
	uint8_t    *data;
	size_t		size;
	char		path[256];

	make_two(&trail);
	close_trail(&trail);
	path_of(path, HG_AUDIT_KEYS_FILE);
	if (!hg_audit_file_read(path, &data, &size) || !hg_audit_files_list(directory, &list))
		exit(2);
	flip_all(HG_AUDIT_KEYS_FILE, data, size);
	free(data);
	for (size_t i = 0; i < list.count; i++)
	{
		char		name[HG_AUDIT_FILE_NAME_SIZE];

		segment(i, name, &data, &size);
		flip_all(name, data, size);
		free(data);
	}
	hg_audit_files_free(&list);
	ok(is_ok(), "flips: the trail is whole again afterwards");
}

/* Removes, doubles and swaps each frame of a segment. */
static void
test_frames(void)
{
	hg_audit_trail trail;
	const hg_audit_frame_header *frame;
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	uint8_t    *data;
	uint8_t    *changed;
	size_t		size;
	size_t		missed = 0;
	size_t		frames = 0;

	make_two(&trail);
	close_trail(&trail);
	segment(0, name, &data, &size);
	changed = malloc(size * 2);
	for (size_t at = sizeof(hg_audit_segment_header); at < size; at += frame->size, frames++)
	{
		const hg_audit_frame_header *next;
		size_t		end;

		if (hg_audit_frame_at(data, size, at, true, &frame) != HG_AUDIT_FOUND_FRAME)
			exit(2);
		end = at + frame->size;
		memcpy(changed, data, at);
		memcpy(changed + at, data + end, size - end);
		rewrite(name, changed, size - frame->size);
		missed += is_ok();
		memcpy(changed, data, end);
		memcpy(changed + end, data + at, size - at);
		rewrite(name, changed, size + frame->size);
		missed += is_ok();
		if (hg_audit_frame_at(data, size, end, true, &next) != HG_AUDIT_FOUND_FRAME)
			continue;
		memcpy(changed, data, size);
		memcpy(changed + at, next, next->size);
		memcpy(changed + at + next->size, frame, frame->size);
		rewrite(name, changed, size);
		missed += is_ok();
	}
	rewrite(name, data, size);
	is_int(missed, 0, "frames: removed, doubled and swapped ones of %zu are noticed", frames);
	ok(is_ok(), "frames: the trail is whole again afterwards");
	free(data);
	free(changed);
}

static void
test_segments(void)
{
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	char		names[2][HG_AUDIT_FILE_NAME_SIZE];
	uint8_t    *data[2];
	size_t		sizes[2];
	char		path[256];

	make_two(&trail);
	close_trail(&trail);
	for (size_t i = 0; i < 2; i++)
		segment(i, names[i], &data[i], &sizes[i]);
	for (size_t i = 0; i < 2; i++)
	{
		path_of(path, names[i]);
		unlink(path);
		verify(&verdict, NULL, NULL);
		ok(!verdict.ok, "segments: number %zu removed: %s", i + 1, verdict.problem);
		rewrite(names[i], data[i], sizes[i]);
	}
	rewrite(names[0], data[1], sizes[1]);
	rewrite(names[1], data[0], sizes[0]);
	verify(&verdict, NULL, NULL);
	ok(!verdict.ok, "segments: swapped: %s", verdict.problem);
	rewrite(names[0], data[0], sizes[0]);
	rewrite(names[1], data[0], sizes[0]);
	verify(&verdict, NULL, NULL);
	ok(!verdict.ok, "segments: repeated: %s", verdict.problem);
	free(data[0]);
	free(data[1]);
}

/* A tail that is cut whole frames deep: only a checkpoint kept elsewhere tells. */
static void
test_tail(void)
{
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	char		checkpoint[HG_AUDIT_LINE_SIZE];
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	uint8_t    *data;
	size_t		size;
	size_t		before;

	make_two(&trail);
	before = trail.segment.size;
	if (!hg_audit_trail_checkpoint(&trail, 9000, 1, 2) || !hg_audit_trail_sync(&trail))
		exit(2);
	strcpy(checkpoint, trail.checkpoint);
	hg_audit_trail_free(&trail);
	verify(&verdict, NULL, checkpoint);
	ok(verdict.ok, "tail: the checkpoint is found");
	segment(1, name, &data, &size);
	rewrite(name, data, before);
	ok(is_ok(), "tail: nothing local tells that it was cut");
	verify(&verdict, NULL, checkpoint);
	ok(!verdict.ok, "tail: with the checkpoint it is noticed: %s", verdict.problem);
	free(data);
}

/*
 * The last segment cut at each byte, or zeros from there on, as a file system leaves it whose
 * size came to disk before its data: the next start mends it, and every whole frame stays.
 */
static void
test_crashes(bool zeros)
{
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	size_t		failures = 0;
	size_t		length = 0;
	size_t		size;

	do
	{
		size_t		ends[4];
		size_t		whole = length;
		int			frames = 0;
		uint64_t	want;
		uint8_t    *data;
		char		name[HG_AUDIT_FILE_NAME_SIZE];
		char		path[256];

		make_two(&trail);
		ends[0] = trail.segment.size;
		add_frame(&trail, 4);
		ends[1] = trail.segment.size;
		hg_audit_trail_free(&trail);
		segment(1, name, &data, &size);
		path_of(path, name);
		/* Where there were zeros, none are lost. */
		while (zeros && whole < size && data[whole] == 0)
			whole++;
		free(data);
		if (truncate(path, (off_t) length) != 0
			|| (zeros && truncate(path, (off_t) size) != 0))
			exit(2);
		for (int i = 0; i < 2; i++)
			frames += whole >= ends[i];
		open_trail(&trail);
		want = 2 + 2 * (uint64_t) frames;
		if (trail.forked || trail.missing || trail.damaged
			|| trail.positions_found[0] != 2 * (uint64_t) (frames + 1))
			failures++;
		add_frame(&trail, 6);
		close_trail(&trail);
		verify(&verdict, NULL, NULL);
		if (!verdict.ok || verdict.events != want + 2)
			failures++;
		if (failures > 0 && failures < 3)
			printf("# cut at %zu: %s, %d events\n", length, verdict.problem, (int) verdict.events);
		length++;
	} while (length <= size);
	is_int(failures, 0, zeros ? "crashes: zeros from each of %zu bytes on are mended"
		   : "crashes: a tail cut at each of %zu bytes is mended", size);
}

/* A key's line that was cut, before its segment was there. */
static void
test_keys(void)
{
	hg_audit_trail trail;
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	char		path[256];
	uint8_t    *data;
	size_t		size;
	size_t		failures = 0;
	size_t		line = 0;

	for (size_t cut = 1; cut == 1 || cut <= line; cut += 13)
	{
		make_two(&trail);
		hg_audit_trail_free(&trail);
		segment(1, name, &data, &size);
		free(data);
		path_of(path, name);
		unlink(path);
		path_of(path, HG_AUDIT_KEYS_FILE);
		if (!hg_audit_file_read(path, &data, &size))
			exit(2);
		line = size - (size_t) ((uint8_t *) strchr((char *) data, '\n') + 1 - data);
		rewrite(HG_AUDIT_KEYS_FILE, data, size - cut);
		free(data);
		open_trail(&trail);
		add_frame(&trail, 2);
		close_trail(&trail);
		failures += !is_ok();
	}
	is_int(failures, 0, "keys: a line that was cut is written anew");
}

/* Damage with whole frames behind it is no crash: nothing is cut, numbers go on behind it. */
static void
test_damage(void)
{
	hg_audit_trail trail;
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	uint8_t    *data;
	uint8_t    *again;
	size_t		size;
	size_t		size_again;
	size_t		at;

	make_two(&trail);
	at = trail.segment.size - 20;
	add_frame(&trail, 4);
	hg_audit_trail_free(&trail);
	segment(1, name, &data, &size);
	data[at] ^= 16;
	rewrite(name, data, size);
	open_trail(&trail);
	ok(trail.damaged, "damage: is told apart from a write that was cut");
	is_int(trail.seq_next, 12, "damage: numbers go on behind it");
	add_frame(&trail, 6);
	close_trail(&trail);
	segment(1, name, &again, &size_again);
	ok(size == size_again && memcmp(data, again, size) == 0, "damage: the file stays as evidence");
	ok(!is_ok(), "damage: the verifier says so");
	free(data);
	free(again);
}

/* A data directory that was copied without, or with, its state is another trail. */
static void
test_fork(void)
{
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	uint8_t		key[HG_AUDIT_KEY_SIZE];
	uint8_t		id[HG_AUDIT_TRAIL_ID_SIZE];
	char		command[800];

	make_two(&trail);
	memcpy(key, trail.state.public_key, sizeof(key));
	memcpy(id, trail.state.trail_id, sizeof(id));
	hg_audit_trail_free(&trail);
	snprintf(command, sizeof(command), "cp -a '%s' '%s.copy' && rm -rf '%s' && mv '%s.copy' '%s'",
			 state, state, state, state, state);
	if (system(command) != 0)
		exit(2);
	open_trail(&trail);
	ok(trail.forked, "fork: a copied state is no licence to go on");
	ok(memcmp(trail.parent_id, id, sizeof(id)) == 0, "fork: its parent is known");
	add_frame(&trail, 9);
	ok(memcmp(trail.state.trail_id, id, sizeof(id)) != 0, "fork: it has an id of its own");
	close_trail(&trail);
	verify(&verdict, NULL, NULL);
	is_str(verdict.problem, "", "fork: both verify, one behind the other");
	is_int(verdict.seq_last, 11, "fork: numbers go on");
	verify(&verdict, key, NULL);
	ok(!verdict.ok, "fork: the parent's key does not vouch for it: %s", verdict.problem);
	make_two(&trail);
	hg_audit_trail_free(&trail);
	snprintf(command, sizeof(command), "rm -rf '%s'", state);
	if (system(command) != 0)
		exit(2);
	open_trail(&trail);
	ok(trail.forked, "fork: so is one without its state");
	hg_audit_trail_free(&trail);
}

static void
shell(const char *format, ...)
{
	char		command[1600];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command) != 0)
		exit(2);
}

/* A volume that is set back has the same inodes: only a checkpoint kept elsewhere tells. */
static void
test_snapshot(void)
{
	const char *file = HG_AUDIT_STATE_FILE;
	char		kept[HG_AUDIT_LINE_SIZE];
	hg_audit_trail trail;
	hg_audit_verdict verdict;

	for (int removed = 0; removed < 2; removed++)
	{
		make_two(&trail);
		hg_audit_trail_free(&trail);
		shell("cp -a '%s' '%s.snap' && cp '%s/%s' '%s.was' && ln '%s/%s' '%s.inode'", directory,
			  directory, state, file, state, state, file, state);
		open_trail(&trail);
		add_frame(&trail, 4);
		if (!hg_audit_trail_checkpoint(&trail, 9000, 1, 2))
			exit(2);
		strcpy(kept, trail.checkpoint);
		close_trail(&trail);
		shell("rm -r '%s' && mv '%s.snap' '%s' && cat '%s.was' >'%s.inode' && rm '%s.was' && "
			  "mv -f '%s.inode' '%s/%s'", directory, directory, directory, state, state, state,
			  state, state, file);
		if (removed)
			shell("rm -r '%s'", state);
		open_trail(&trail);
		is_int(trail.forked, removed, removed ? "snapshot: without its state it is a fork"
			   : "snapshot: with its state it goes on as if nothing had been");
		add_frame(&trail, 6);
		close_trail(&trail);
		ok(is_ok(), "snapshot: nothing local tells");
		verify(&verdict, NULL, kept);
		ok(!verdict.ok, "snapshot: a checkpoint kept elsewhere does: %s", verdict.problem);
	}
}

/* Two servers with one directory: the second one stays out until the first is gone. */
static void
test_lock(void)
{
	hg_audit_trail trail;
	pid_t		child;
	int			status = 0;

	make_two(&trail);
	for (int gone = 0; gone < 2; gone++)
	{
		child = fork();
		if (child == 0)
		{
			hg_audit_trail other;

			memset(&other, 0, sizeof(other));
			strcpy(other.directory, directory);
			strcpy(other.state_directory, state);
			other.system_id = 42;
			if (hg_audit_trail_open(&other))
				_exit(0);
			_exit(strncmp(other.problem, "another server writes", 21) == 0 ? 1 : 2);
		}
		waitpid(child, &status, 0);
		is_int(WEXITSTATUS(status), 1 - gone, gone ? "lock: who comes later may go on"
			   : "lock: a second server is kept out");
		if (!gone)
			close_trail(&trail);
	}
}

/* Where in a folder's files some bytes stand, as a number of files. */
static int
files_with(const char *folder, const uint8_t *bytes, size_t count)
{
	char		command[300];
	char		path[512];
	FILE	   *list;
	int			found = 0;

	snprintf(command, sizeof(command), "find '%s' -type f", folder);
	list = popen(command, "r");
	while (list != NULL && fgets(path, sizeof(path), list) != NULL)
	{
		uint8_t    *data;
		size_t		size;

		path[strcspn(path, "\n")] = '\0';
		if (!hg_audit_file_read(path, &data, &size))
			exit(2);
		found += memmem(data, size, bytes, count) != NULL;
		free(data);
	}
	pclose(list);
	return found;
}

/* Segment 1 as somebody would like it to have been, signed by a key. */
static void
forge(const hg_audit_segment_header *original, const char *name, const uint8_t *private_key,
	  const uint8_t *public_key)
{
	static hg_audit_trail forged;
	char		path[256];

	memset(&forged, 0, sizeof(forged));
	forged.frame.leaves_max = 1000;
	forged.frame.data = malloc(HG_AUDIT_FRAME_SIZE_MAX);
	forged.frame.leaves = malloc(1000 * HG_AUDIT_HASH_SIZE);
	forged.pending = malloc(HG_AUDIT_PENDING_MAX);
	forged.dictionary = hg_audit_dictionary_create();
	forged.lock_fd = -1;
	forged.segment.header = *original;
	memcpy(forged.state.trail_id, original->trail_id, sizeof(original->trail_id));
	memcpy(forged.state.private_key, private_key, HG_AUDIT_KEY_SIZE);
	memcpy(forged.segment.header.public_key, public_key, HG_AUDIT_KEY_SIZE);
	path_of(path, name);
	forged.fd = open(path, O_RDWR | O_TRUNC);
	if (forged.fd < 0 || !hg_audit_segment_begin(&forged.segment, &forged.segment.header))
		exit(2);
	memcpy(forged.pending, &forged.segment.header, sizeof(forged.segment.header));
	forged.pending_size = sizeof(forged.segment.header);
	hg_audit_trail_begin(&forged);
	add_event(&forged, 100);
	add_event(&forged, 101);
	if (!hg_audit_trail_end(&forged, 1000))
		exit(2);
	add_gap(&forged, 5);
	close_trail(&forged);
}

/* Who becomes root later finds no key that could have signed what was before. */
static void
test_past(void)
{
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	hg_audit_segment_header header;
	hg_audit_key key;
	uint8_t		first_key[HG_AUDIT_KEY_SIZE];
	uint8_t		first_private[HG_AUDIT_KEY_SIZE];
	uint8_t		own_private[HG_AUDIT_KEY_SIZE];
	static const uint8_t zeros[sizeof(hg_audit_state)];
	uint8_t		found[sizeof(hg_audit_state)];
	char		line[HG_AUDIT_LINE_SIZE];
	char		path[256];
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	uint8_t    *data;
	size_t		size;
	int			fd;

	clear();
	open_trail(&trail);
	add_frame(&trail, 0);
	add_gap(&trail, 5);
	memcpy(first_key, trail.state.public_key, sizeof(first_key));
	memcpy(first_private, trail.state.private_key, sizeof(first_private));
	close_trail(&trail);
	is_int(files_with(top, first_private, sizeof(first_private)), 1, "past: a key is in one file");
	snprintf(path, sizeof(path), "%s/%s", state, HG_AUDIT_STATE_FILE);
	fd = open(path, O_RDONLY);
	open_trail(&trail);
	add_frame(&trail, 2);
	is_int(files_with(top, first_private, sizeof(first_private)), 0,
		   "past: and in none when the next one begins");
	ok(pread(fd, found, sizeof(found), 0) == (ssize_t) sizeof(found)
	   && memcmp(found, zeros, sizeof(found)) == 0, "past: the old file's blocks are overwritten");
	close(fd);
	segment(0, name, &data, &size);
	memcpy(&header, data, sizeof(header));
	forge(&header, name, trail.state.private_key, first_key);
	verify(&verdict, first_key, NULL);
	ok(strstr(verdict.problem, "signature of a checkpoint is wrong") != NULL,
	   "past: the key of now does not sign for then: %s", verdict.problem);
	memset(&key, 0, sizeof(key));
	memcpy(key.trail_id, header.trail_id, sizeof(key.trail_id));
	key.epoch = 1;
	if (!hg_audit_key_create(own_private, key.public_key)
		|| !hg_audit_key_sign(&key, own_private, line))
		exit(2);
	strcat(line, "\n");
	rewrite(HG_AUDIT_KEYS_FILE, line, strlen(line));
	forge(&header, name, own_private, key.public_key);
	verify(&verdict, first_key, NULL);
	ok(strstr(verdict.problem, "trail is not signed by the given key") != NULL,
	   "past: nor does another one: %s", verdict.problem);
	rewrite(name, data, size);
	free(data);
	hg_audit_trail_free(&trail);
}

/*
 * A trail of somebody's own that lists the key that was kept as its next one, with a segment
 * that names it.  Nothing there is signed by that key, nor by one that it endorses.
 */
static void
test_impostor(void)
{
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	hg_audit_segment segment_last;
	hg_audit_key key;
	uint8_t		own_private[HG_AUDIT_KEY_SIZE];
	uint8_t		kept_private[HG_AUDIT_KEY_SIZE];
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	char		first_line[HG_AUDIT_LINE_SIZE];
	char		lines[2 * HG_AUDIT_LINE_SIZE + 2];
	char		line[HG_AUDIT_LINE_SIZE];
	uint8_t		content[sizeof(hg_audit_segment_header) + sizeof(hg_audit_frame_header) + 8];
	const hg_audit_frame_header *first;
	hg_audit_verify_options options = {NULL, NULL, false, NULL, 0};
	hg_audit_receipt receipt;
	uint8_t    *data;
	size_t		size;

	clear();
	open_trail(&trail);
	add_frame(&trail, 0);
	add_gap(&trail, 5);
	memcpy(own_private, trail.state.private_key, sizeof(own_private));
	strcpy(first_line, trail.state.key_line);
	close_trail(&trail);
	open_trail(&trail);
	add_frame(&trail, 2);
	hg_audit_trail_free(&trail);

	memset(&key, 0, sizeof(key));
	segment(1, name, &data, &size);
	memcpy(&segment_last.header, data, sizeof(segment_last.header));
	/* The first frame is small and whole, the second one is half-written. */
	first = (const hg_audit_frame_header *) (data + sizeof(segment_last.header));
	memcpy(content + sizeof(segment_last.header), (const uint8_t *) first + first->size,
		   sizeof(*first) + 8);
	free(data);
	memcpy(key.trail_id, segment_last.header.trail_id, sizeof(key.trail_id));
	key.epoch = 2;
	if (!hg_audit_key_create(kept_private, key.public_key)
		|| !hg_audit_key_sign(&key, own_private, line))
		exit(2);
	snprintf(lines, sizeof(lines), "%s\n%s\n", first_line, line);
	rewrite(HG_AUDIT_KEYS_FILE, lines, strlen(lines));
	memcpy(segment_last.header.public_key, key.public_key, sizeof(key.public_key));
	if (!hg_audit_segment_begin(&segment_last, &segment_last.header))
		exit(2);
	memcpy(content, &segment_last.header, sizeof(segment_last.header));
	rewrite(name, content, sizeof(content));
	verify(&verdict, NULL, NULL);
	is_str(verdict.problem, "", "impostor: by itself the trail looks whole");
	verify(&verdict, key.public_key, NULL);
	is_str(verdict.problem,
		   "no checkpoint is signed by the given key or by one that it endorses",
		   "impostor: who kept the key finds out");
	memset(&receipt, 0, sizeof(receipt));
	strcpy(receipt.format, "report");
	memcpy(receipt.trail_id, key.trail_id, sizeof(receipt.trail_id));
	receipt.epoch = 1;
	if (!hg_audit_receipt_sign(&receipt, own_private, line))
		exit(2);
	hg_audit_verify_receipt(directory, &options, &receipt, &verdict);
	ok(verdict.ok, "impostor: a receipt of that trail holds by itself");
	options.public_key = key.public_key;
	hg_audit_verify_receipt(directory, &options, &receipt, &verdict);
	ok(!verdict.ok, "impostor: but not for who kept the key: %s", verdict.problem);
}

/* What is put in the place of a file: nothing hangs, and nothing else is believed. */
static void
test_odd_files(void)
{
	static const char *const commands[] = {
		"mkfifo", "mkdir", "ln -s /dev/zero", "ln -s /dev/full", "ln -s .", ": >", NULL
	};
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	char		command[400];
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	int			wrong = 0;

	alarm(60);
	for (int i = 0; commands[i] != NULL; i++)
	{
		for (int file = 0; file < 3; file++)
		{
			uint8_t    *data;
			size_t		size;
			uint8_t		key[HG_AUDIT_KEY_SIZE];

			make_two(&trail);
			memcpy(key, trail.state.public_key, sizeof(key));
			close_trail(&trail);
			segment(file == 2, name, &data, &size);
			free(data);
			if (file == 1)
				strcpy(name, HG_AUDIT_KEYS_FILE);
			snprintf(command, sizeof(command), "cd '%s' && rm '%s' && %s '%s'", directory, name,
					 commands[i], name);
			if (system(command) != 0)
				exit(2);
			verify(&verdict, key, NULL);
			if (verdict.ok)
				printf("# %s %s\n", commands[i], name);
			wrong += verdict.ok;
		}
	}
	alarm(0);
	is_int(wrong, 0, "odd files: none is taken for a segment or the keys");
}

/* A clock that is set back: names and frames go on, and the header has the clock's time. */
static void
test_clock(void)
{
	hg_audit_trail trail;
	hg_audit_files list;
	const int64_t hour_us = INT64_C(3600) * 1000000;

	clear();
	open_trail(&trail);
	for (int i = 0; i < 3; i++)
	{
		if (!hg_audit_trail_ready(&trail, i == 0 ? 10 * hour_us : 9 * hour_us + i, 0, 0))
			exit(2);
		hg_audit_trail_begin(&trail);
		add_event(&trail, i);
		if (!hg_audit_trail_end(&trail, 9 * hour_us + i) || !hg_audit_trail_write(&trail))
			exit(2);
		is_int(trail.clock_back, i > 0, "clock: frame %d", i);
	}
	is_int(trail.segment.header.clock_us, 9 * hour_us + 1, "clock: the header has its time");
	close_trail(&trail);
	if (!hg_audit_files_list(directory, &list))
		exit(2);
	is_int(list.count, 2, "clock: set back, it begins a segment, once");
	ok(list.files[1].created_us >= 10 * hour_us, "clock: whose name is not before the others");
	hg_audit_files_free(&list);
	ok(is_ok(), "clock: the trail is whole");
}

/* No room on the disk: what was begun is finished later, byte by byte the same. */
static void
test_full(void)
{
	struct rlimit limit = {0, RLIM_INFINITY};
	hg_audit_trail trail;
	hg_audit_verdict verdict;
	size_t		refused = 0;
	size_t		failures = 0;

	signal(SIGXFSZ, SIG_IGN);
	for (size_t room = 0; room < 700; room += 50)
	{
		make_two(&trail);
		hg_audit_trail_begin(&trail);
		add_event(&trail, 4);
		if (!hg_audit_trail_end(&trail, 2000))
			exit(2);
		limit.rlim_cur = trail.segment.size - trail.frame.size + room;
		setrlimit(RLIMIT_FSIZE, &limit);
		refused += !hg_audit_trail_write(&trail);
		failures += !hg_audit_trail_sync(&trail) != (room < trail.frame.size);
		limit.rlim_cur = RLIM_INFINITY;
		setrlimit(RLIMIT_FSIZE, &limit);
		failures += !hg_audit_trail_sync(&trail);
		close_trail(&trail);
		verify(&verdict, NULL, NULL);
		failures += !verdict.ok || verdict.events != 5;
	}
	ok(refused > 5, "full: writes fail");
	is_int(failures, 0, "full: and are finished when there is room again");
}

/* The proof of an event as a string; NULL if there is none. */
static char *
proof_of(uint64_t seq, size_t *size)
{
	char	   *proof = NULL;
	FILE	   *out = open_memstream(&proof, size);
	const char *problem = hg_audit_prove(directory, seq, out);

	fclose(out);
	if (problem == NULL)
		return proof;
	free(proof);
	return NULL;
}

static bool
proof_holds(const char *proof, size_t size, const uint8_t *key, hg_audit_proven *proven)
{
	bool		holds = hg_audit_proof_check(proof, size, key, proven) == NULL;

	hg_audit_proven_free(proven);
	return holds;
}

/* Every bit flipped, every byte removed or doubled, every end cut off, something put behind. */
static void
change_proof(const char *proof, size_t size, const uint8_t *key)
{
	hg_audit_proven proven;
	char	   *changed = calloc(1, size + 2);
	size_t		believed = 0;

	memcpy(changed, proof, size);
	for (size_t bit = 0; bit < size * 8; bit++)
	{
		changed[bit / 8] ^= (char) (1 << bit % 8);
		believed += proof_holds(changed, size, key, &proven);
		changed[bit / 8] ^= (char) (1 << bit % 8);
	}
	is_int(believed, 0, "proof: no bit of %zu bytes can be changed", size);
	for (size_t i = 0; i < size; i++)
	{
		memcpy(changed, proof, size + 1);
		memmove(changed + i, changed + i + 1, size - i);
		believed += proof_holds(changed, size - 1, key, &proven);
		memcpy(changed + i + 1, proof + i, size + 1 - i);
		memcpy(changed, proof, i + 1);
		believed += proof_holds(changed, size + 1, key, &proven);
		memcpy(changed, proof, size + 1);
		changed[i] = '\0';
		believed += proof_holds(changed, i, key, &proven);
		believed += proof_holds(changed, size, key, &proven);
	}
	memcpy(changed, proof, size + 1);
	believed += proof_holds(changed, size + 1, key, &proven);
	is_int(believed, 0, "proof: no byte of it can be missing or there twice");
	free(changed);
}

/* Without one of its lines a proof is none, and the lines of two do not mix. */
static void
mix_proofs(const char *proof, const char *other, const uint8_t *key)
{
	hg_audit_proven proven;
	size_t		believed = 0;
	char	   *mixed = calloc(1, strlen(proof) + strlen(other) + 1);

	for (const char *line = proof; *line != '\0'; line += strcspn(line, "\n") + 1)
	{
		size_t		length = strcspn(line, "\n") + 1;

		sprintf(mixed, "%.*s%s", (int) (line - proof), proof, line + length);
		believed += proof_holds(mixed, strlen(mixed), key, &proven);
		for (const char *with = other; *with != '\0'; with += strcspn(with, "\n") + 1)
		{
			size_t		with_length = strcspn(with, "\n") + 1;

			if (with_length == length && strncmp(with, line, length) == 0)
				continue;
			sprintf(mixed, "%.*s%.*s%s", (int) (line - proof), proof, (int) with_length, with,
					line + length);
			believed += proof_holds(mixed, strlen(mixed), key, &proven);
			sprintf(mixed, "%.*s%.*s%s", (int) (line - proof), proof, (int) with_length, with,
					line);
			believed += proof_holds(mixed, strlen(mixed), key, &proven);
		}
	}
	is_int(believed, 0, "proof: the lines of two do not mix");
	free(mixed);
}

/* A proof as somebody would make it who knows how: its last line is this path. */
static void
path_set(char *proof, const uint8_t *path, size_t size)
{
	hg_audit_base64_encode(path, size, strstr(proof, "\npath ") + 6);
	strcat(proof, "\n");
}

static const char *
problem_of(const char *proof, const uint8_t *key)
{
	hg_audit_proven proven;
	const char *problem = hg_audit_proof_check(proof, strlen(proof), key, &proven);

	hg_audit_proven_free(&proven);
	return problem ? problem : "none";
}

/* The items hash to the root, but they are not the event with its texts, or more is given. */
static void
forge_proof(const char *proof, const char *other, const uint8_t *key)
{
	char	   *forged = calloc(1, strlen(proof) + strlen(other) + 100);
	uint8_t		path[2048];
	uint8_t		item[2048];
	const char *line;
	size_t		size;
	size_t		length;

	line = strstr(proof, "\npath ") + 6;
	if (!hg_audit_base64_decode(line, strcspn(line, "\n"), path, &size))
		exit(2);
	strcpy(forged, proof);
	path_set(forged, path, size + HG_AUDIT_HASH_SIZE);
	is_str(problem_of(forged, key), "a record is not under the checkpoint's root",
		   "proof: no hash may be there that is not used");
	/* The event beside this one, whose hash is the last of the path. */
	line = strstr(other, "\nitem 6 ") + 1;
	length = (size_t) (strstr(proof, "\nitem 7 ") + 1 - proof);
	sprintf(forged, "%.*s%.*s%s", (int) length, proof, (int) strcspn(line, "\n") + 1, line,
			proof + length);
	path_set(forged, path, size - HG_AUDIT_HASH_SIZE);
	is_str(problem_of(forged, key), "there is a record that does not belong to the event",
		   "proof: no other event may be there");
	/* The session's text is the first leaf. */
	line = strstr(proof, "\nitem 0 ") + 1;
	length = strcspn(line, "\n") + 1;
	sprintf(forged, "%.*s%s", (int) (line - proof), proof, line + length);
	if (!hg_audit_base64_decode(line + 7, length - 8, item, &length))
		exit(2);
	memmove(path + HG_AUDIT_HASH_SIZE, path, size);
	if (!hg_audit_merkle_leaf(item, length, path))
		exit(2);
	path_set(forged, path, size + HG_AUDIT_HASH_SIZE);
	is_str(problem_of(forged, key), "a text of the event is not there",
		   "proof: no text may be left out");
	free(forged);
}

/* A proof shows its event and no other, and holds for no other key, number or text. */
static void
test_proof(void)
{
	hg_audit_trail trail;
	hg_audit_proven proven;
	uint8_t		key[HG_AUDIT_KEY_SIZE];
	size_t		size;
	size_t		other_size;
	char	   *proof;
	char	   *other;

	make_two(&trail);
	add_frame(&trail, 4);
	memcpy(key, trail.state.public_key, sizeof(key));
	close_trail(&trail);
	proof = proof_of(9, &size);
	ok(proof != NULL && hg_audit_proof_check(proof, size, key, &proven) == NULL, "proof: holds");
	is_int(proven.event.seq, 9, "proof: of this event");
	is_int(proven.event.event.rows, 3, "proof: with its content");
	ok(proven.texts[HG_AUDIT_TEXT_STATEMENT] != NULL
	   && memcmp(proven.texts[HG_AUDIT_TEXT_STATEMENT], "SELECT 1", 8) == 0,
	   "proof: and its statement");
	hg_audit_proven_free(&proven);
	change_proof(proof, size, key);
	other = proof_of(10, &other_size);
	ok(other != NULL && proof_holds(other, other_size, key, &proven), "proof: another one");
	mix_proofs(proof, other, key);
	mix_proofs(other, proof, key);
	free(proof);
	proof = proof_of(11, &size);
	forge_proof(proof, other, key);
	key[3] ^= 1;
	ok(!proof_holds(proof, size, key, &proven), "proof: not with another key");
	ok(proof_of(5, &other_size) == NULL, "proof: there is none of what was lost");
	free(proof);
	free(other);
}

/* The bytes of a proof that are not the event and its texts. */
static size_t
overhead(const char *proof)
{
	size_t		bytes = 0;

	for (; *proof != '\0'; proof += strcspn(proof, "\n") + 1)
		bytes += strncmp(proof, "item ", 5) == 0 ? 0 : strcspn(proof, "\n") + 1;
	return bytes;
}

/* A segment as large as they are: every event has a proof, and none is longer than it has to be. */
static void
test_proof_sizes(void)
{
	hg_audit_trail trail;
	hg_audit_proven proven;
	uint8_t		key[HG_AUDIT_KEY_SIZE];
	const int	frames = 16000;
	size_t		failures = 0;
	size_t		most = 0;

	clear();
	open_trail(&trail);
	trail.segment_size_max = 64 * 1024 * 1024;
	for (int i = 0; i < frames; i++)
	{
		add_frame(&trail, 2 * i);
		if (i % 1000 == 0 && !hg_audit_trail_sync(&trail))
			exit(2);
	}
	memcpy(key, trail.state.public_key, sizeof(key));
	close_trail(&trail);
	for (uint64_t seq = 1; seq <= 2 * (uint64_t) frames; seq += seq < 5 ? 1 : 3999)
	{
		size_t		size = 0;
		char	   *proof = proof_of(seq, &size);

		failures += proof == NULL || !proof_holds(proof, size, key, &proven)
			|| proven.event.seq != seq;
		if (proof != NULL && overhead(proof) > most)
			most = overhead(proof);
		free(proof);
	}
	is_int(failures, 0, "proof: holds wherever in %d events", 2 * frames);
	ok(most < 2048, "proof: %zu bytes beside the event and its texts", most);
}

/* The checksum of a frame's items depends on each bit, wherever it stands. */
static void
test_checksum(void)
{
	uint8_t		data[104];
	int			missed = 0;

	memset(data, 7, sizeof(data));
	for (size_t size = 0; size <= sizeof(data); size++)
	{
		uint32_t	before = hg_audit_checksum_long(data, size);

		for (size_t bit = 0; bit < size * 8; bit++)
		{
			data[bit / 8] ^= (uint8_t) (1 << bit % 8);
			missed += hg_audit_checksum_long(data, size) == before;
			data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		}
	}
	is_int(missed, 0, "checksum: each bit counts");
}

#define LONG_FRAMES 40

/* A segment of frames of very different sizes, up to nearly the largest; its content. */
static void
make_long(char *name, uint8_t **data, size_t *size)
{
	hg_audit_trail trail;
	char	   *text = calloc(1, HG_AUDIT_FRAME_SIZE_MAX);
	uint32_t	number;

	clear();
	open_trail(&trail);
	trail.segment_size_max = UINT64_C(1) << 40;
	for (int i = 0; i < LONG_FRAMES; i++)
	{
		if (!hg_audit_trail_ready(&trail, 1000 + i, 0, 0))
			exit(2);
		hg_audit_trail_begin(&trail);
		text[i] = 1;
		add_event(&trail, i);
		if (!hg_audit_trail_text(&trail, text, i % 8 == 0 ? HG_AUDIT_FRAME_SIZE_MAX - 1000
								 : (size_t) i * 5003 % 150000 + LONG_FRAMES, &number)
			|| !hg_audit_trail_end(&trail, 1000 + i) || !hg_audit_trail_sync(&trail))
			exit(2);
	}
	close_trail(&trail);
	segment(0, name, data, size);
	free(text);
}

/* Where the whole frames of a segment's file are, as the window finds them. */
static int
window_walk(const char *name, uint64_t *at, hg_audit_found *end, size_t *rest)
{
	static _Alignas(8) uint8_t data[HG_AUDIT_WINDOW_SIZE];
	int			file = -1;
	hg_audit_window window = {.data = data, .file = &file};
	const hg_audit_frame_header *frame;
	int			count = 0;

	hg_audit_window_begin(&window, directory, name);
	window.offset = sizeof(hg_audit_segment_header);
	for (;;)
	{
		*end = hg_audit_window_frame(&window, true, &frame);
		*rest = window.size - window.offset;
		if (*end == HG_AUDIT_FOUND_FRAME && count < LONG_FRAMES + 2)
		{
			at[count++] = hg_audit_window_at(&window);
			window.offset += frame->size;
		}
		else if (*end == HG_AUDIT_FOUND_DAMAGED)
			hg_audit_window_search(&window);
		else
			break;
	}
	hg_audit_window_end(&window);
	return count;
}

/* Reading part by part finds what stands in the file, wherever the parts end and damage is. */
static void
test_window(void)
{
	uint64_t	want[LONG_FRAMES + 2];
	uint64_t	got[LONG_FRAMES + 2];
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	hg_audit_verdict verdict;
	hg_audit_found end;
	uint8_t    *data;
	size_t		size;
	size_t		rest;
	int			count;
	int			failures = 0;

	make_long(name, &data, &size);
	count = window_walk(name, want, &end, &rest);
	/* Those, the empty one that a segment begins with, and its checkpoint. */
	is_int(count, LONG_FRAMES + 2, "window: every frame of %zu bytes is found", size);
	ok(end == HG_AUDIT_FOUND_END && rest == 0, "window: up to the end");
	verify(&verdict, NULL, NULL);
	ok(verdict.ok && verdict.events == LONG_FRAMES && verdict.torn_bytes == 0,
	   "window: the verifier reads it too");
	for (int i = 0; i < count; i++)
	{
		/* In the header; then in what it checks. */
		for (size_t byte = 8; byte <= sizeof(hg_audit_frame_header) + 8;
			 byte += sizeof(hg_audit_frame_header))
		{
			/* The first frame is empty: what stands behind its header is the next one's. */
			size_t		hit = i == 0 && byte > 8 ? 1 : (size_t) i;

			data[want[i] + byte] ^= 4;
			rewrite(name, data, size);
			data[want[i] + byte] ^= 4;
			failures += window_walk(name, got, &end, &rest) != count - 1
				|| end != HG_AUDIT_FOUND_END
				|| memcmp(got, want, hit * sizeof(want[0])) != 0
				|| memcmp(got + hit, want + hit + 1,
						  ((size_t) count - 1 - hit) * sizeof(want[0])) != 0;
			failures += is_ok();
		}
		rewrite(name, data, want[i] + 100);
		failures += window_walk(name, got, &end, &rest) != i || end != HG_AUDIT_FOUND_TORN
			|| rest != 100;
	}
	is_int(failures, 0, "window: a damaged or cut frame is told, all others are found");
	free(data);
}

int
main(void)
{
	snprintf(top, sizeof(top), "%s/hg_trail.XXXXXX",
			 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(top) == NULL)
		return 2;
	snprintf(directory, sizeof(directory), "%s/audit", top);
	snprintf(state, sizeof(state), "%s/state", top);
	test_whole();
	test_flips();
	test_frames();
	test_segments();
	test_tail();
	test_crashes(false);
	test_crashes(true);
	test_keys();
	test_damage();
	test_fork();
	test_snapshot();
	test_lock();
	test_past();
	test_impostor();
	test_odd_files();
	test_clock();
	test_full();
	test_proof();
	test_proof_sizes();
	test_checksum();
	test_window();
	is_int(thread_differences, 0, "threads: the verdict is that of one thread");
	clear();
	rmdir(top);
	return done();
}
