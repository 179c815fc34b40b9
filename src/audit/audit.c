/*
 * audit.c
 *		The audit room: its shared memory, its ring, its face to other rooms.
 *
 * The ring is mapped by the postmaster and inherited by fork.  The spinlock of
 * the status is held for a copy only; nothing else is locked.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/control.h"
#include "audit/event.h"
#include "audit/guarded.h"
#include "audit/reader_rows.h"
#include "audit/segment_files.h"
#include "base/errors.h"
#include "base/guc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define RING_FILE "ring"

hg_audit_control *hg_audit_shared = NULL;

static hg_audit_ring ring;

void
hg_audit_record(hg_audit_class class, hg_audit_outcome outcome, const char *command_tag,
				const char *object_type, const char *object_name, int sqlstate, const char *detail)
{
	char		action_bundle[HG_AUDIT_BUNDLE_SIZE];
	char		object_bundle[HG_AUDIT_BUNDLE_SIZE];
	hg_audit_words action;
	hg_audit_words object = {NULL, 0, NULL};
	hg_audit_event event;

	if (hg_audit_ring_shared == NULL || (unsigned) class >= HG_AUDIT_CLASSES)
		return;
	hg_audit_event_begin(&event, class, outcome);
	event.sqlstate = sqlstate;
	hg_audit_words_action(&action, action_bundle, command_tag, detail);
	if (object_type != NULL || object_name != NULL)
		hg_audit_words_object(&object, object_bundle, object_type, NULL, object_name);
	hg_audit_put(&event, &action, &object, NULL);
}

PG_FUNCTION_INFO_V1(hg_audit_record_event);

/* record_event(class, action, object_type, object_name, detail, refused) */
Datum
hg_audit_record_event(PG_FUNCTION_ARGS)
{
	char	   *texts[5];
	int			class = HG_AUDIT_GUARD;
	bool		refused = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);

	for (int i = 0; i < 5; i++)
		texts[i] = PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
	for (int i = 0; texts[0] != NULL && i < HG_AUDIT_CLASSES; i++)
	{
		if (strcmp(texts[0], hg_audit_class_name(i)) == 0)
			class = i;
	}
	hg_audit_session_refresh();
	hg_audit_record((hg_audit_class) class, refused ? HG_AUDIT_REFUSED : HG_AUDIT_SUCCESS,
					texts[1], texts[2], texts[3], 0, texts[4]);
	PG_RETURN_VOID();
}

void
hg_audit_status_get(hg_audit_status *status)
{
	SpinLockAcquire(&hg_audit_shared->mutex);
	*status = hg_audit_shared->status;
	SpinLockRelease(&hg_audit_shared->mutex);
}

void
hg_audit_status_set(const hg_audit_status *status)
{
	SpinLockAcquire(&hg_audit_shared->mutex);
	hg_audit_shared->status = *status;
	SpinLockRelease(&hg_audit_shared->mutex);
}

/* Memory that no file backs: events pass, but do not survive the end of all processes. */
static void *
ring_without_file(uint64 size)
{
	int			flags = MAP_SHARED | MAP_ANONYMOUS;
	void	   *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	uint64		ring_id;

	if (memory == MAP_FAILED)
		return NULL;
	(void) hg_audit_random(&ring_id, sizeof(ring_id));
	hg_audit_ring_format(memory, size, ring_id);
	return memory;
}

static void *
ring_map(int fd, uint64 size)
{
	void	   *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* Makes a ring file under another name, complete, and then renames it. NULL with errno if not. */
static void *
ring_create(const char *path, uint64 size)
{
	char		path_new[HG_AUDIT_PATH_SIZE + 4];
	void	   *memory = NULL;
	uint64		ring_id;
	int			fd;

	snprintf(path_new, sizeof(path_new), "%s.new", path);
	fd = open(path_new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	/* Not sparse: a page that finds no room on the disk would kill who writes to it. */
	errno = posix_fallocate(fd, 0, (off_t) size);
	if (errno == 0)
		memory = ring_map(fd, size);
	if (memory != NULL && hg_audit_random(&ring_id, sizeof(ring_id)))
	{
		hg_audit_ring_format(memory, size, ring_id);
		if (fsync(fd) != 0 || rename(path_new, path) != 0)
		{
			int			error = errno;

			munmap(memory, size);
			errno = error;
			memory = NULL;
		}
	}
	if (memory == NULL)
	{
		int			error = errno;

		unlink(path_new);
		errno = error;
	}
	close(fd);
	return memory;
}

/* What cannot be used stays as evidence under another name. */
static void
ring_set_aside(const char *path, const char *problem)
{
	char		aside[HG_AUDIT_PATH_SIZE + 48];

	snprintf(aside, sizeof(aside), "%s." INT64_FORMAT ".%d.aside", path, (int64) time(NULL),
			 (int) getpid());
	ereport(LOG,
			(errmsg("hipaa_guard cannot use its audit ring \"%s\": %s", path, problem),
			 errdetail("It is kept as \"%s\", and a new one is made.", aside)));
	if (rename(path, aside) != 0)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not rename file \"%s\" to \"%s\": %m", path, aside)));
}

/* The ring that is there, if it can be used: an empty one of another size is made anew. */
static void *
ring_open(const char *path, uint64 size_wanted)
{
	int			fd = open(path, O_RDWR | O_CLOEXEC);
	hg_audit_ring found;
	struct stat status;
	const char *problem;
	void	   *memory;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) != 0 || status.st_size == 0
		|| (memory = ring_map(fd, (uint64) status.st_size)) == NULL)
	{
		close(fd);
		ring_set_aside(path, "it cannot be mapped");
		return NULL;
	}
	close(fd);
	problem = hg_audit_ring_attach(&found, memory, (uint64) status.st_size);
	if (problem != NULL)
		ring_set_aside(path, problem);
	else if ((uint64) status.st_size == size_wanted || hg_audit_ring_recover(&found) > 0)
		return memory;
	munmap(memory, (size_t) status.st_size);
	return NULL;
}

static void
ring_prepare(void)
{
	char		path[HG_AUDIT_PATH_SIZE];
	uint64		size = hg_audit_ring_size((uint64) hg_guc_audit_ring_size_kb * 1024);
	void	   *memory;

	hg_audit_path(path, hg_guc_state_directory, RING_FILE);
	if (!hg_audit_directory_make(hg_guc_state_directory))
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", hg_guc_state_directory)));
	memory = ring_open(path, size);
	if (memory == NULL && (memory = ring_create(path, size)) == NULL)
	{
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not create the audit ring \"%s\": %m", path),
				 errdetail("Events that are not on disk yet will not survive a crash."),
				 errhint("See to hipaa_guard.state_directory and restart the server.")));
		memory = ring_without_file(size);
	}
	if (memory != NULL
		&& hg_audit_ring_attach(&ring, memory, ((hg_audit_ring_header *) memory)->size) == NULL)
		hg_audit_ring_shared = &ring;
}

/*
 * Runs again after the crash of a backend: the ring keeps its content then, and
 * no producer lives.
 */
void
hg_audit_shmem_startup(void)
{
	bool		found;

	hg_audit_shared = ShmemInitStruct("hipaa_guard audit", sizeof(hg_audit_control), &found);
	if (found)
		return;
	memset(hg_audit_shared, 0, sizeof(*hg_audit_shared));
	pg_atomic_init_u64(&hg_audit_shared->flush_wanted, 0);
	pg_atomic_init_u64(&hg_audit_shared->flush_done, 0);
	pg_atomic_init_u64(&hg_audit_shared->checkpoint_wanted, 0);
	pg_atomic_init_u64(&hg_audit_shared->purge_wanted, 0);
	pg_atomic_init_u64(&hg_audit_shared->failures, 0);
	ConditionVariableInit(&hg_audit_shared->flushed);
	SpinLockInit(&hg_audit_shared->mutex);
	if (hg_audit_ring_shared != NULL)
	{
		hg_audit_ring_recover(hg_audit_ring_shared);
		return;
	}
	ring_prepare();
	if (hg_audit_ring_shared != NULL)
		hg_audit_ring_recover(hg_audit_ring_shared);
	hg_audit_guarded_check();
}

Size
hg_audit_shmem_size(void)
{
	return MAXALIGN(sizeof(hg_audit_control));
}

void
hg_audit_init(void)
{
	hg_audit_hooks_init();
	hg_audit_scan_init();
	hg_audit_writer_register();
}
