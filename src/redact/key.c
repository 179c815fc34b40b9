/*
 * key.c
 *		The key of digests in markers: made once, kept in the state directory.
 *
 * Read in the postmaster, so that every process inherits it and none has to
 * open a file inside an error report.
 */
#include "redact/redact.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/guc.h"
#include "common/file_perm.h"
#include "miscadmin.h"
#include "redact/digest.h"
#include "storage/fd.h"

#define KEY_FILE "redact.key"

static uint8_t key[HG_DIGEST_KEY_SIZE];
static bool key_known = false;

const uint8_t *
hg_redact_key(void)
{
	return key_known ? key : NULL;
}

/* The file is not there yet: makes it, under a name of its own first, since a crash may come. */
static bool
make_key(const char *path)
{
	char		draft[MAXPGPATH];
	int			fd;

	snprintf(draft, sizeof(draft), "%s.new", path);
	if ((MakePGDirectory(hg_guc_state_directory) < 0 && errno != EEXIST) ||
		!pg_strong_random(key, sizeof(key)))
		return false;
	fd = OpenTransientFile(draft, O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);
	if (fd < 0)
		return false;
	if (write(fd, key, sizeof(key)) != sizeof(key) || pg_fsync(fd) != 0)
	{
		CloseTransientFile(fd);
		return false;
	}
	return CloseTransientFile(fd) == 0 && durable_rename(draft, path, LOG) == 0;
}

void
hg_redact_load_key(void)
{
	char		path[MAXPGPATH];
	int			fd;

	snprintf(path, sizeof(path), "%s/%s", hg_guc_state_directory, KEY_FILE);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd >= 0)
	{
		key_known = (read(fd, key, sizeof(key)) == sizeof(key));
		CloseTransientFile(fd);
	}
	else if (errno == ENOENT)
		key_known = make_key(path);
	if (!key_known)
		ereport(LOG,
				(errmsg("could not read or make the key of digests in markers"),
				 errdetail("Markers name the category only."),
				 errhint("Check hipaa_guard.state_directory.")));
}
