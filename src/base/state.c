/*
 * state.c
 *		Which databases are flagged, in shared memory.
 *
 * Writers hold an LWLock of ours; readers take none: a version that is odd
 * during a change tells them to read again, and after a bounded number of
 * attempts the database counts as flagged, which is the safe answer.
 */
#include "base/state.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/pg_shmem.h"
#include "storage/shmem.h"

#define TRANCHE "hipaa_guard"
#define READS_MAX 1000

typedef struct state_shared
{
	LWLock	   *lock;
	pg_atomic_uint32 version;	/* odd while the list changes */
	pg_atomic_uint32 flagged;	/* number of flagged databases */
	pg_atomic_uint32 assumed;	/* flags not read yet: all count as flagged */
	uint32		count;
	hg_state_database databases[HG_STATE_DATABASES_MAX];
} state_shared;

static state_shared *shared = NULL;

/* The own database's flag, as of one version; spares the hot paths the search. */
static uint32 cached_version = 1;	/* never equals a version that is at rest */
static Oid	cached_database = InvalidOid;
static hg_flag cached_flag = HG_FLAG_OFF;

/*
 * The log collector and a postmaster about to end have no shared memory: they
 * keep what was true when they last had it.
 */
static bool flagged_at_start = false;

bool
hg_state_ready(void)
{
	return shared != NULL && UsedShmemSegAddr != NULL && MyBackendType != B_LOGGER;
}

/* The postmaster still logs after its memory is gone, at its end and before a crash restart. */
static void
forget_shared(int code, Datum arg)
{
	(void) code;
	(void) arg;
	flagged_at_start = hg_state_cluster_flagged();
	shared = NULL;
}

bool
hg_state_cluster_flagged(void)
{
	if (!hg_state_ready())
		return flagged_at_start;
	return pg_atomic_read_u32(&shared->assumed) != 0 || pg_atomic_read_u32(&shared->flagged) != 0;
}

int
hg_state_log_level(int level)
{
	/* "log" keeps errors back as well: as a level of the server's log it is above them. */
	if ((level > ERROR || level == LOG) && hg_state_ready() && hg_state_cluster_flagged())
		return ERROR;
	return level;
}

static hg_flag
search(Oid database)
{
	for (uint32 i = 0; i < shared->count && i < HG_STATE_DATABASES_MAX; i++)
		if (shared->databases[i].oid == database)
			return (hg_flag) shared->databases[i].flag;
	return HG_FLAG_OFF;
}

hg_flag
hg_state_flag_of(Oid database)
{
	if (!hg_state_ready())
		return flagged_at_start ? HG_FLAG_ON : HG_FLAG_OFF;
	if (pg_atomic_read_u32(&shared->assumed) != 0)
		return HG_FLAG_ON;
	for (int i = 0; i < READS_MAX; i++)
	{
		uint32		version = pg_atomic_read_u32(&shared->version);
		hg_flag		flag;

		pg_read_barrier();
		flag = search(database);
		pg_read_barrier();
		if ((version & 1) == 0 && version == pg_atomic_read_u32(&shared->version))
			return flag;
	}
	return HG_FLAG_ON;
}

hg_flag
hg_state_flag(void)
{
	uint32		version;

	if (!OidIsValid(MyDatabaseId))
		return HG_FLAG_OFF;
	if (!hg_state_ready() || pg_atomic_read_u32(&shared->assumed) != 0)
		return hg_state_flag_of(MyDatabaseId);
	version = pg_atomic_read_u32(&shared->version);
	if (version != cached_version || (version & 1) != 0 || cached_database != MyDatabaseId)
	{
		pg_read_barrier();
		cached_flag = hg_state_flag_of(MyDatabaseId);
		cached_version = version;
		cached_database = MyDatabaseId;
	}
	return cached_flag;
}

void
hg_state_publish(const hg_state_database *databases, int count)
{
	count = Min(count, HG_STATE_DATABASES_MAX);
	pg_atomic_fetch_add_u32(&shared->version, 1);
	pg_write_barrier();
	memcpy(shared->databases, databases, count * sizeof(*databases));
	shared->count = count;
	pg_write_barrier();
	pg_atomic_fetch_add_u32(&shared->version, 1);
	pg_atomic_write_u32(&shared->flagged, count);
	flagged_at_start = hg_state_cluster_flagged();
}

void
hg_state_assume_flagged(bool assume)
{
	pg_atomic_write_u32(&shared->assumed, assume ? 1 : 0);
	flagged_at_start = hg_state_cluster_flagged();
}

LWLock *
hg_state_lock(void)
{
	return shared->lock;
}

Size
hg_state_shmem_size(void)
{
	return MAXALIGN(sizeof(state_shared));
}

void
hg_state_shmem_request(void)
{
	RequestNamedLWLockTranche(TRANCHE, 1);
}

/* Runs again after a crash of a backend: memory is new then, and the project room reloads. */
void
hg_state_shmem_startup(void)
{
	bool		found;

	shared = ShmemInitStruct("hipaa_guard state", sizeof(state_shared), &found);
	on_shmem_exit(forget_shared, (Datum) 0);
	if (found)
		return;
	memset(shared, 0, sizeof(*shared));
	shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
	pg_atomic_init_u32(&shared->version, 0);
	pg_atomic_init_u32(&shared->flagged, 0);
	pg_atomic_init_u32(&shared->assumed, 0);
}
