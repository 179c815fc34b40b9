/*
 * statefile.c
 *		The copy of the flags in the data directory, so that flagged databases
 *		count as flagged from the first moment after a start, when no catalog
 *		can be read yet.
 *
 * Written under the state's LWLock, to a new file that is then renamed, both
 * fsynced.  Anything but a whole file of this version is unusable, and the
 * caller takes every database as flagged until the catalog was read.
 */
#include "project/flag.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/errors.h"
#include "common/file_perm.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#define FILE_NAME "hipaa_guard/state"
#define FILE_MAGIC 0x48475354	/* "HGST" */
#define FILE_VERSION 1

typedef struct statefile_header
{
	uint32		magic;
	uint32		version;
	uint32		size;			/* of all of it, the header included */
	uint32		count;
	pg_crc32c	crc;			/* of what stands before it, and of the entries */
} statefile_header;

StaticAssertDecl(sizeof(statefile_header) == 20, "the header has no padding");
StaticAssertDecl(sizeof(hg_flag_entry) == 8, "an entry has no padding");

static pg_crc32c
crc_of(const statefile_header *header, const hg_flag_entry *entries)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, header, offsetof(statefile_header, crc));
	COMP_CRC32C(crc, entries, header->count * sizeof(hg_flag_entry));
	FIN_CRC32C(crc);
	return crc;
}

static bool
read_whole(int fd, hg_flag_list *list)
{
	statefile_header header;
	size_t		size;

	if (read(fd, &header, sizeof(header)) != sizeof(header) || header.magic != FILE_MAGIC ||
		header.version != FILE_VERSION || header.count > HG_STATE_DATABASES_MAX)
		return false;
	size = header.count * sizeof(hg_flag_entry);
	if (header.size != sizeof(header) + size ||
		read(fd, list->entries, size) != (ssize_t) size ||
		header.crc != crc_of(&header, list->entries))
		return false;
	list->count = header.count;
	return true;
}

/* Called in the postmaster too; never raises. */
hg_statefile_status
hg_statefile_read(hg_flag_list *list)
{
	int			fd = open(FILE_NAME, O_RDONLY | PG_BINARY);
	bool		whole;

	list->count = 0;
	if (fd < 0)
		return errno == ENOENT ? HG_STATEFILE_MISSING : HG_STATEFILE_UNUSABLE;
	whole = read_whole(fd, list);
	close(fd);
	if (whole)
		return HG_STATEFILE_READ;
	list->count = 0;
	return HG_STATEFILE_UNUSABLE;
}

static bool
write_whole(int fd, const statefile_header *header, const hg_flag_list *list)
{
	size_t		size = list->count * sizeof(hg_flag_entry);

	errno = ENOSPC;				/* what a short write means */
	return write(fd, header, sizeof(*header)) == sizeof(*header) &&
		write(fd, list->entries, size) == (ssize_t) size && pg_fsync(fd) == 0;
}

/* Whether it was written; at the level ERROR it raises instead. */
bool
hg_statefile_write(const hg_flag_list *list, int elevel)
{
	statefile_header header = {0};
	int			fd;

	header.magic = FILE_MAGIC;
	header.version = FILE_VERSION;
	header.size = sizeof(header) + list->count * sizeof(hg_flag_entry);
	header.count = list->count;
	header.crc = crc_of(&header, list->entries);
	(void) MakePGDirectory("hipaa_guard");
	fd = OpenTransientFile(FILE_NAME ".new", O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY);
	if (fd >= 0 && !write_whole(fd, &header, list))
	{
		int			saved_errno = errno;

		(void) CloseTransientFile(fd);
		errno = saved_errno;
		fd = -1;
	}
	if (fd < 0 || CloseTransientFile(fd) != 0)
	{
		int			saved_errno = errno;

		(void) unlink(FILE_NAME ".new");
		errno = saved_errno;
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not write the file of hipaa_guard's flags: %m"),
				 errhint("Make room in the data directory, or give its owner the right to write "
						 "below hipaa_guard/.")));
		return false;
	}
	return durable_rename(FILE_NAME ".new", FILE_NAME, elevel) == 0;
}
