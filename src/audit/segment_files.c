/*
 * segment_files.c
 *		The files of an audit directory: segments by number, and the keys.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment_files.h"

void
hg_audit_file_name(uint64_t number, int64_t created_us, char *name)
{
	snprintf(name, HG_AUDIT_FILE_NAME_SIZE, "%010" PRIu64 "-%016" PRIx64 ".hga", number,
			 (uint64_t) created_us);
}

static bool
file_name_parse(const char *name, hg_audit_file *file)
{
	char		again[HG_AUDIT_FILE_NAME_SIZE];
	uint64_t	created;

	if (strlen(name) >= sizeof(file->name)
		|| sscanf(name, "%10" SCNu64 "-%16" SCNx64 ".hga", &file->number, &created) != 2)
		return false;
	file->created_us = (int64_t) created;
	hg_audit_file_name(file->number, file->created_us, again);
	strcpy(file->name, again);
	return strcmp(again, name) == 0;
}

static int
file_compare(const void *left, const void *right)
{
	const hg_audit_file *a = left;
	const hg_audit_file *b = right;

	return a->number < b->number ? -1 : a->number > b->number ? 1 : strcmp(a->name, b->name);
}

bool
hg_audit_files_list(const char *directory, hg_audit_files *list)
{
	DIR		   *dir = opendir(directory);
	struct dirent *entry;
	size_t		max = 0;

	list->files = NULL;
	list->count = 0;
	if (dir == NULL)
		return errno == ENOENT;
	while (errno = 0, (entry = readdir(dir)) != NULL)
	{
		hg_audit_file file;

		if (!file_name_parse(entry->d_name, &file))
			continue;
		if (list->count == max)
		{
			void	   *more = realloc(list->files, (max = max * 2 + 64) * sizeof(file));

			if (more == NULL)
				break;
			list->files = more;
		}
		list->files[list->count++] = file;
	}
	if (errno != 0)
	{
		int			error = errno;

		closedir(dir);
		hg_audit_files_free(list);
		errno = error;
		return false;
	}
	closedir(dir);
	if (list->count > 1)
		qsort(list->files, list->count, sizeof(list->files[0]), file_compare);
	return true;
}

void
hg_audit_files_free(hg_audit_files *list)
{
	free(list->files);
	list->files = NULL;
	list->count = 0;
}

void
hg_audit_path(char *path, const char *directory, const char *name)
{
	snprintf(path, HG_AUDIT_PATH_SIZE, "%s/%s", directory, name);
}

int
hg_audit_file_open(const char *path)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	int			error = EINVAL;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) != 0)
		error = errno;
	else if (S_ISREG(status.st_mode))
		return fd;
	close(fd);
	errno = error;
	return -1;
}

bool
hg_audit_file_read(const char *path, uint8_t **data, size_t *size)
{
	int			fd = hg_audit_file_open(path);
	struct stat status;
	ssize_t		got = 0;

	*data = NULL;
	*size = 0;
	if (fd < 0)
		return false;
	if (fstat(fd, &status) != 0 || (*data = malloc((size_t) status.st_size + 1)) == NULL)
		got = -1;
	while (got >= 0 && *size < (size_t) status.st_size)
	{
		got = pread(fd, *data + *size, (size_t) status.st_size - *size, (off_t) *size);
		if (got == 0)
			break;
		if (got > 0)
			*size += (size_t) got;
		else if (errno == EINTR)
			got = 0;
	}
	if (got < 0)
	{
		int			error = errno;

		free(*data);
		*data = NULL;
		close(fd);
		errno = error;
		return false;
	}
	(*data)[*size] = 0;
	close(fd);
	return true;
}

bool
hg_audit_file_write(int fd, const void *data, size_t size, uint64_t offset, size_t *done)
{
	while (*done < size)
	{
		ssize_t		put = pwrite(fd, (const uint8_t *) data + *done, size - *done,
								 (off_t) (offset + *done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			errno = ENOSPC;
		if (put <= 0)
			return false;
		*done += (size_t) put;
	}
	return true;
}

bool
hg_audit_directory_make(const char *directory)
{
	char		path[HG_AUDIT_PATH_SIZE];
	struct stat status;

	if (stat(directory, &status) == 0)
	{
		errno = ENOTDIR;
		return S_ISDIR(status.st_mode);
	}
	snprintf(path, sizeof(path), "%s", directory);
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool
hg_audit_directory_sync(const char *directory)
{
	int			fd = open(directory, O_RDONLY | O_CLOEXEC);
	bool		ok;
	int			error;

	if (fd < 0)
		return false;
	ok = fsync(fd) == 0 || errno == EINVAL || errno == EBADF;
	error = errno;
	close(fd);
	errno = error;
	return ok;
}

bool
hg_audit_directory_lock(const char *directory, int *fd)
{
	char		path[HG_AUDIT_PATH_SIZE];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat ours;
	struct stat there;
	int			error;

	hg_audit_path(path, directory, HG_AUDIT_LOCK_FILE);
	if (*fd >= 0)
	{
		if (fstat(*fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino
			&& ours.st_dev == there.st_dev)
			return true;
		close(*fd);
	}
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	/* A file system without locks is one where nobody can be kept out. */
	if (*fd >= 0 && (fcntl(*fd, F_SETLK, &lock) == 0 || errno == ENOLCK || errno == EOPNOTSUPP))
		return true;
	error = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = error;
	return false;
}
