/*
 * segment_state.c
 *		The state of a trail outside of it: its id, its key, how often it began.
 *
 * The file is replaced by rename, and the old one's private key overwritten
 * through a descriptor that was opened before: root who comes later finds no
 * key to sign the past with.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment_state.h"

_Static_assert(sizeof(hg_audit_state) == 1192, "on disk");

static bool
fail(hg_audit_trail *trail, const char *problem)
{
	trail->problem = problem;
	trail->error = errno;
	return false;
}

static uint32_t
state_checksum(const hg_audit_state *state)
{
	return hg_audit_checksum(state, offsetof(hg_audit_state, checksum));
}

bool
hg_audit_state_load(hg_audit_trail *trail, bool *found)
{
	char		path[HG_AUDIT_PATH_SIZE];
	hg_audit_state *state = &trail->state;
	struct stat status;
	uint8_t    *data;
	size_t		size;
	bool		ok;

	hg_audit_path(path, trail->state_directory, HG_AUDIT_STATE_FILE);
	memset(state, 0, sizeof(*state));
	*found = false;
	/* A disk that cannot be read now is no reason to begin another trail. */
	if (!hg_audit_file_read(path, &data, &size))
		return errno == ENOENT || fail(trail, "reading the state file failed");
	ok = size == sizeof(*state) && stat(path, &status) == 0;
	if (ok)
		memcpy(state, data, sizeof(*state));
	hg_audit_wipe(data, size);
	free(data);
	ok = ok && state->magic == HG_AUDIT_STATE_MAGIC && state->version == HG_AUDIT_STATE_VERSION
		&& state->size == sizeof(*state) && state->checksum == state_checksum(state)
		&& state->system_id == trail->system_id && state->inode == (uint64_t) status.st_ino;
	if (!ok)
		hg_audit_wipe(state, sizeof(*state));
	*found = ok;
	return true;
}

/* Overwrites what an open descriptor still reaches. */
static void
old_destroy(int fd)
{
	static const uint8_t zeros[sizeof(hg_audit_state)];
	size_t		done = 0;

	if (hg_audit_file_write(fd, zeros, sizeof(zeros), 0, &done))
		(void) fsync(fd);
	close(fd);
}

static bool
state_save(hg_audit_trail *trail, hg_audit_state *state)
{
	char		path[HG_AUDIT_PATH_SIZE];
	char		path_new[HG_AUDIT_PATH_SIZE];
	struct stat status;
	size_t		done = 0;
	int			old;
	int			fd;
	bool		ok;

	hg_audit_path(path, trail->state_directory, HG_AUDIT_STATE_FILE);
	hg_audit_path(path_new, trail->state_directory, HG_AUDIT_STATE_FILE ".new");
	fd = open(path_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &status) != 0)
	{
		if (fd >= 0)
			close(fd);
		return fail(trail, "creating the state file failed");
	}
	state->magic = HG_AUDIT_STATE_MAGIC;
	state->version = HG_AUDIT_STATE_VERSION;
	state->size = sizeof(*state);
	state->inode = (uint64_t) status.st_ino;
	state->checksum = state_checksum(state);
	ok = hg_audit_file_write(fd, state, sizeof(*state), 0, &done) && fsync(fd) == 0;
	if (!ok)
		fail(trail, "writing the state file failed");
	close(fd);
	old = open(path, O_WRONLY | O_CLOEXEC);
	if (ok && rename(path_new, path) != 0)
		ok = fail(trail, "renaming the state file failed");
	if (ok && old >= 0)
		old_destroy(old);
	else if (old >= 0)
		close(old);
	return ok && (hg_audit_directory_sync(trail->state_directory)
				  || fail(trail, "syncing the state directory failed"));
}

/* Appends the key's line unless it is the last one there; a line cut short goes first. */
static bool
key_publish(hg_audit_trail *trail)
{
	const char *line = trail->state.key_line;
	char		text[HG_AUDIT_LINE_SIZE + 1];
	char		path[HG_AUDIT_PATH_SIZE];
	size_t		line_size = (size_t) snprintf(text, sizeof(text), "%s\n", line);
	uint8_t    *data = NULL;
	size_t		size = 0;
	size_t		done = 0;
	bool		there;
	bool		ok;
	int			fd;

	hg_audit_path(path, trail->directory, HG_AUDIT_KEYS_FILE);
	if (!hg_audit_file_read(path, &data, &size) && errno != ENOENT)
		return fail(trail, "reading the keys' file failed");
	while (size > 0 && data[size - 1] != '\n')
		size--;
	there = data != NULL && strstr((const char *) data, text) != NULL;
	free(data);
	if (there)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	ok = fd >= 0 && ftruncate(fd, (off_t) size) == 0
		&& hg_audit_file_write(fd, text, line_size, size, &done) && fsync(fd) == 0;
	if (!ok)
		fail(trail, "writing the keys' file failed");
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
hg_audit_state_advance(hg_audit_trail *trail)
{
	hg_audit_state next = trail->state;
	hg_audit_key key;
	bool		first = trail->fresh || trail->forked;
	bool		used = trail->segment.header.epoch == trail->state.epoch
		&& memcmp(trail->segment.header.public_key, trail->state.public_key,
				  sizeof(trail->state.public_key)) == 0;
	bool		ok;

	if (!first && !used && !trail->missing)
		return key_publish(trail);
	memset(&key, 0, sizeof(key));
	if (first && !hg_audit_random(next.trail_id, sizeof(next.trail_id)))
		return fail(trail, "making a trail's id failed");
	next.system_id = trail->system_id;
	next.boot = first ? 1 : next.boot;
	next.epoch = first ? 1 : next.epoch + 1;
	next.segment = trail->state.segment + 1;
	memcpy(next.previous, trail->previous, sizeof(next.previous));
	if (!hg_audit_key_create(next.private_key, next.public_key))
		return fail(trail, "making a key failed");
	memcpy(key.trail_id, next.trail_id, sizeof(key.trail_id));
	memcpy(key.public_key, next.public_key, sizeof(key.public_key));
	key.epoch = next.epoch;
	ok = hg_audit_key_sign(&key, first ? next.private_key : trail->state.private_key,
						   next.key_line)
		&& state_save(trail, &next);
	if (ok)
	{
		trail->state = next;
		trail->fresh = false;
		trail->forked = false;
		trail->missing = false;
	}
	hg_audit_wipe(&next, sizeof(next));
	return ok && key_publish(trail);
}
