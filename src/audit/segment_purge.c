/*
 * segment_purge.c
 *		Removing the oldest segments of a trail, so that it can be told from tampering.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment_purge.h"

#define FILE_PATH_SIZE (HG_AUDIT_PATH_SIZE + HG_AUDIT_FILE_NAME_SIZE)

static bool
fail(hg_audit_trail *trail, const char *problem, int error)
{
	trail->problem = problem;
	trail->error = error;
	return false;
}

bool
hg_audit_header_read(const char *directory, const char *name, hg_audit_segment_header *header)
{
	char		path[FILE_PATH_SIZE];
	bool		ok;
	int			fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = hg_audit_file_open(path);
	if (fd < 0)
		return false;
	ok = read(fd, header, sizeof(*header)) == (ssize_t) sizeof(*header)
		&& hg_audit_segment_header_problem(header, sizeof(*header)) == NULL;
	close(fd);
	return ok;
}

static bool
segments_list(hg_audit_trail *trail, hg_audit_files *list)
{
	return hg_audit_files_list(trail->directory, list)
		|| fail(trail, "reading the audit directory failed", errno);
}

/* Appends a line to the keys' file; one cut short before goes. */
static bool
line_append(hg_audit_trail *trail, const char *line)
{
	char		text[HG_AUDIT_LINE_SIZE + 1];
	char		path[HG_AUDIT_PATH_SIZE];
	size_t		text_size = (size_t) snprintf(text, sizeof(text), "%s\n", line);
	uint8_t    *data;
	size_t		size;
	size_t		done = 0;
	bool		ok;
	int			fd;

	hg_audit_path(path, trail->directory, HG_AUDIT_KEYS_FILE);
	if (!hg_audit_file_read(path, &data, &size))
		return fail(trail, "reading the keys' file failed", errno);
	while (size > 0 && data[size - 1] != '\n')
		size--;
	free(data);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	ok = fd >= 0 && ftruncate(fd, (off_t) size) == 0
		&& hg_audit_file_write(fd, text, text_size, size, &done) && fsync(fd) == 0;
	if (!ok)
		fail(trail, "writing the keys' file failed", errno);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Removes the files, the oldest first, and counts what stays. */
static bool
files_remove(hg_audit_trail *trail, uint64_t up_to)
{
	hg_audit_files list;
	bool		ok = true;

	if (!segments_list(trail, &list))
		return false;
	for (size_t i = 0; ok && i < list.count && list.files[i].number <= up_to; i++)
	{
		char		path[FILE_PATH_SIZE];
		struct stat status;

		snprintf(path, sizeof(path), "%s/%s", trail->directory, list.files[i].name);
		if (stat(path, &status) != 0 || unlink(path) != 0)
			ok = fail(trail, "removing a segment failed", errno);
		else
		{
			trail->segments--;
			trail->bytes_closed -= (uint64_t) status.st_size;
		}
	}
	hg_audit_files_free(&list);
	return ok && (hg_audit_directory_sync(trail->directory)
				  || fail(trail, "syncing the audit directory failed", errno));
}

/* The header of the segment that will be the first. */
static bool
next_find(hg_audit_trail *trail, uint64_t up_to, hg_audit_segment_header *header)
{
	hg_audit_files list;
	bool		ok = false;

	if (!segments_list(trail, &list))
		return false;
	for (size_t i = 0; !ok && i < list.count; i++)
	{
		if (list.files[i].number == up_to + 1)
			ok = hg_audit_header_read(trail->directory, list.files[i].name, header);
	}
	hg_audit_files_free(&list);
	return ok || fail(trail, "the segment that would be the first cannot be read", 0);
}

bool
hg_audit_trail_purge(hg_audit_trail *trail, uint64_t up_to)
{
	hg_audit_segment_header next;
	hg_audit_purge purge;
	char		line[HG_AUDIT_LINE_SIZE];

	if (!next_find(trail, up_to, &next))
		return false;
	memset(&purge, 0, sizeof(purge));
	memcpy(purge.trail_id, trail->state.trail_id, sizeof(purge.trail_id));
	purge.epoch = trail->state.epoch;
	purge.segment = up_to;
	purge.seq_next = next.seq_first;
	memcpy(purge.chain, next.chain_before, sizeof(purge.chain));
	if (!hg_audit_purge_sign(&purge, trail->state.private_key, line))
		return fail(trail, "signing failed", 0);
	return line_append(trail, line) && files_remove(trail, up_to);
}

/* Whether a key of the lines before signed it. */
static bool
purge_signed(const char *data, const char *end, const hg_audit_purge *purge)
{
	hg_audit_key key;

	for (const char *line = data, *stop; line < end && (stop = strchr(line, '\n')); line = stop + 1)
	{
		if (hg_audit_key_parse(line, (size_t) (stop - line), &key) && key.epoch == purge->epoch
			&& memcmp(key.trail_id, purge->trail_id, sizeof(key.trail_id)) == 0)
			return hg_audit_purge_ok(purge, key.public_key);
	}
	return false;
}

bool
hg_audit_trail_purge_finish(hg_audit_trail *trail)
{
	char		path[HG_AUDIT_PATH_SIZE];
	uint8_t    *data;
	size_t		size;
	uint64_t	up_to = 0;

	hg_audit_path(path, trail->directory, HG_AUDIT_KEYS_FILE);
	if (!hg_audit_file_read(path, &data, &size))
		return errno == ENOENT || fail(trail, "reading the keys' file failed", errno);
	for (char *line = (char *) data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
	{
		hg_audit_purge purge;

		if (hg_audit_purge_parse(line, (size_t) (end - line), &purge)
			&& purge_signed((char *) data, line, &purge))
			up_to = purge.segment;
	}
	free(data);
	return up_to == 0 || files_remove(trail, up_to);
}
