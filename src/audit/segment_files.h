/*
 * segment_files.h
 *		The files of an audit directory: segments by number, and the keys.
 *
 * Pure C without postgres.h.  Functions that return false leave the reason in
 * errno.
 */
#ifndef HG_AUDIT_SEGMENT_FILES_H
#define HG_AUDIT_SEGMENT_FILES_H

#include "audit/segment.h"

#define HG_AUDIT_PATH_SIZE 1088
#define HG_AUDIT_FILE_NAME_SIZE 48
#define HG_AUDIT_KEYS_FILE "keys.file"
#define HG_AUDIT_LOCK_FILE "lock"

typedef struct hg_audit_file
{
	uint64_t	number;
	int64_t		created_us;
	char		name[HG_AUDIT_FILE_NAME_SIZE];
} hg_audit_file;

typedef struct hg_audit_files
{
	hg_audit_file *files;		/* by number */
	size_t		count;
} hg_audit_files;

/* The name tells number and time, so that a reader opens only what it needs. */
extern void hg_audit_file_name(uint64_t number, int64_t created_us, char *name);

/* A directory that is not there has no files. */
extern bool hg_audit_files_list(const char *directory, hg_audit_files *list);
extern void hg_audit_files_free(hg_audit_files *list);

/* "directory/name", cut to HG_AUDIT_PATH_SIZE. */
extern void hg_audit_path(char *path, const char *directory, const char *name);

/* Opens to read; only a regular file, so that nothing waits for a FIFO's other end. */
extern int	hg_audit_file_open(const char *path);

/* Reads a whole file; *data is to be freed and has a zero behind its end. */
extern bool hg_audit_file_read(const char *path, uint8_t **data, size_t *size);

/* write(2) all of it at an offset; *done counts also what a failure left written. */
extern bool hg_audit_file_write(int fd, const void *data, size_t size, uint64_t offset,
								size_t *done);

/* Makes a directory (mode 0700) and those above it; fine if it is there. */
extern bool hg_audit_directory_make(const char *directory);
extern bool hg_audit_directory_sync(const char *directory);

/*
 * Keeps other processes out of a directory, until this one ends or closes *fd
 * (-1: not held yet).  Takes the lock anew where the directory was replaced.
 */
extern bool hg_audit_directory_lock(const char *directory, int *fd);

#endif							/* HG_AUDIT_SEGMENT_FILES_H */
