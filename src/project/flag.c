/*
 * flag.c
 *		Which databases are flagged, kept coherent between the catalog (labels
 *		on databases), shared memory and the state file.
 *
 * A transaction that changes a label marks the database as touched.  Before
 * the commit the label is read again and the state file written, with the
 * change marked as pending: failing to write it fails the transaction, and a
 * crash right after the commit finds the flag.  At the commit shared memory
 * follows, and the keeper writes the file again without the mark.
 *
 * Where a start finds no usable file, but a trail, every database counts as
 * flagged until the keeper has read the labels and has asked each database for
 * its record (record.c), so that no two copies can be lost together.
 *
 * Lock: the state's LWLock for the list and the file.  The keeper reads the
 * catalog without it, and reads again if a commit came in between.
 */
#include "project/flag.h"

#include <dirent.h>
#include <signal.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/indexing.h"
#include "catalog/pg_database.h"
#include "catalog/pg_shseclabel.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "text/text.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define TOUCHED_MAX 16

/* A keeper that does not run by then cannot be started, and nobody waits for it. */
#define KEEPER_START_MS 5000

typedef struct flag_shared
{
	Latch *keeper;		/* NULL while it does not run */
	uint64		changes;		/* commits that changed the list */
	bool		file_behind;	/* the file is not what the list says */
	bool		file_missing;	/* there was none at the start */
	bool		settled;		/* the keeper has read the labels since recovery ended */
	uint32		records_asked;
	bool		records_wanted; /* the file was no help: databases are asked for their records */
	hg_flag_list list;
} flag_shared;

static flag_shared *shared = NULL;

/* What the running transaction has touched, and before its commit, has decided. */
static Oid	touched[TOUCHED_MAX];
static hg_flag decided[TOUCHED_MAX];
static int	touched_count = 0;
static bool changed = false;
static Oid	end_sessions_of = InvalidOid;

/* ---- the list ---- */

static hg_flag_entry *
find(Oid database)
{
	for (uint32 i = 0; i < shared->list.count; i++)
		if (shared->list.entries[i].oid == database)
			return &shared->list.entries[i];
	return NULL;
}

static void
forget(hg_flag_entry *entry)
{
	*entry = shared->list.entries[--shared->list.count];
}

/* Sets one database's entry; false if there is no room. */
static bool
put(Oid database, hg_flag flag, bool pending)
{
	hg_flag_entry *entry = find(database);

	if (entry == NULL)
	{
		if (flag == HG_FLAG_OFF)
			return true;
		if (shared->list.count >= HG_STATE_DATABASES_MAX)
			return false;
		entry = &shared->list.entries[shared->list.count++];
	}
	memset(entry, 0, sizeof(*entry));
	entry->oid = database;
	entry->flag = flag;
	entry->pending = pending;
	if (flag == HG_FLAG_OFF)
		forget(entry);
	return true;
}

/* Gives base/state.c what counts as flagged: all but what is about to be committed. */
static void
publish(void)
{
	static hg_state_database databases[HG_STATE_DATABASES_MAX];
	int			count = 0;

	for (uint32 i = 0; i < shared->list.count; i++)
	{
		const hg_flag_entry *entry = &shared->list.entries[i];

		if (entry->pending)
			continue;
		databases[count].oid = entry->oid;
		databases[count++].flag = entry->flag;
	}
	hg_state_publish(databases, count);
}

/* ---- a transaction ---- */

/*
 * Marks a database whose label this transaction has changed, and tells every
 * process of this cluster and of its standbys when it commits.
 */
void
hg_flag_touch(Oid database)
{
	CacheInvalidateRelcacheByRelid(SharedSecLabelRelationId);
	for (int i = 0; i < touched_count; i++)
		if (touched[i] == database)
			return;
	if (touched_count >= TOUCHED_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many labels on databases in one transaction"),
				 errdetail("At most %d can change.", TOUCHED_MAX),
				 errhint("Commit in between.")));
	touched[touched_count++] = database;
}

void
hg_flag_end_sessions_at_commit(Oid database)
{
	end_sessions_of = database;
}

/* Every other session of the database ends; what is in the midst of connecting is checked later. */
static void
end_sessions(Oid database)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		int			pid = proc->pid;

		if (pid != 0 && pid != MyProcPid && proc->databaseId == database &&
			BackendPidGetProc(pid) == proc)
			(void) kill(pid, SIGTERM);
	}
}

static int
count_sessions(Oid database)
{
	int			count = 0;

	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		int			pid = proc->pid;

		count += pid != 0 && pid != MyProcPid && proc->databaseId == database &&
			BackendPidGetProc(pid) == proc;
	}
	return count;
}

#define SESSIONS_WAITS_MAX 1000
#define SESSIONS_WAIT_US 10000

/*
 * What other sessions have committed since enable() looked, and what they have
 * still open, must not get in unseen: they end first, and then the catalogs are
 * looked at once more.  Who connects in the moment that is left ends after the
 * commit.
 */
static void
check_once_more(Oid database)
{
	uint64		findings = 0;

	for (int i = 0; i < SESSIONS_WAITS_MAX && count_sessions(database) > 0; i++)
	{
		CHECK_FOR_INTERRUPTS();
		end_sessions(database);
		pg_usleep(SESSIONS_WAIT_US);
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute("SELECT FROM hipaa_guard.new_catalog_findings()", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look at the catalogs");
	findings = SPI_processed;
	SPI_finish();
	PopActiveSnapshot();
	if (findings > 0)
		ereport(ERROR,
				(errcode(HG_ERRCODE_NOT_READY),
				 errmsg("metadata with PHI-like text came in while HIPAA was being enabled"),
				 errhint("Look at hipaa_guard.scan_catalog(), and try again.")));
}

/* Reads the labels as they will be, and has the file say so before the commit. */
static void
before_commit(void)
{
	bool		room = true;

	CommandCounterIncrement();
	for (int i = 0; i < touched_count; i++)
	{
		char	   *label = hg_label_of_database(touched[i]);

		decided[i] = label ? hg_label_flag(label) : HG_FLAG_OFF;
		changed |= decided[i] != hg_state_flag_of(touched[i]) || hg_flag_label_missing(touched[i]);
	}
	if (!changed)
		return;
	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	for (int i = 0; i < touched_count; i++)
		if (decided[i] != HG_FLAG_OFF && find(touched[i]) == NULL)
			room &= put(touched[i], decided[i], true);
	shared->changes++;
	if (room)
		(void) hg_statefile_write(&shared->list, ERROR);
	LWLockRelease(hg_state_lock());
	if (!room)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many flagged databases in this cluster"),
				 errdetail("At most %d can be.", HG_STATE_DATABASES_MAX)));
	/* The last that can fail, so that no session ends in vain. */
	if (OidIsValid(end_sessions_of))
		check_once_more(end_sessions_of);
}

/* Runs after the commit, so it must not fail: no allocation, no file. */
static void
after_commit(void)
{
	if (!changed)
		return;
	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	for (int i = 0; i < touched_count; i++)
		(void) put(touched[i], decided[i], false);
	shared->changes++;
	shared->file_behind = true;
	publish();
	LWLockRelease(hg_state_lock());
	if (OidIsValid(end_sessions_of))
		end_sessions(end_sessions_of);
	hg_flag_nudge_keeper();
}

static void
after_abort(void)
{
	if (!changed)
		return;
	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	for (int i = 0; i < touched_count; i++)
	{
		hg_flag_entry *entry = find(touched[i]);

		if (entry && entry->pending)
			forget(entry);
	}
	shared->changes++;
	shared->file_behind = true;
	LWLockRelease(hg_state_lock());
	hg_flag_nudge_keeper();
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (touched_count == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			before_commit();
			return;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot prepare a transaction that has changed a HIPAA flag"),
					 errhint("Use COMMIT.")));
		case XACT_EVENT_COMMIT:
			after_commit();
			break;
		case XACT_EVENT_ABORT:
			after_abort();
			break;
		default:
			return;
	}
	touched_count = 0;
	changed = false;
	end_sessions_of = InvalidOid;
}

/* ---- the keeper's part ---- */

void
hg_flag_keeper_is(Latch *latch)
{
	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	shared->keeper = latch;
	LWLockRelease(hg_state_lock());
}

bool
hg_flag_settled(void)
{
	return shared->settled;
}

void
hg_flag_settle(void)
{
	shared->settled = true;
}

bool
hg_flag_keeper_is_late(void)
{
	return !shared->settled &&
		(shared->keeper != NULL ||
		 !TimestampDifferenceExceeds(PgStartTime, GetCurrentTimestamp(), KEEPER_START_MS));
}

/* Safe at any moment: a latch set in vain is looked at and forgotten. */
void
hg_flag_nudge_keeper(void)
{
	Latch *keeper = shared ? shared->keeper : NULL;

	if (keeper)
		SetLatch(keeper);
}

/* All labels on databases. */
static void
read_labels(hg_flag_list *list)
{
	Relation	rel = table_open(SharedSecLabelRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	list->count = 0;
	ScanKeyInit(&key, Anum_pg_shseclabel_classoid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(DatabaseRelationId));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)) &&
		   list->count < HG_STATE_DATABASES_MAX)
	{
		Form_pg_shseclabel form = (Form_pg_shseclabel) GETSTRUCT(tuple);
		bool		isnull;
		Datum		label = heap_getattr(tuple, Anum_pg_shseclabel_label, RelationGetDescr(rel),
										 &isnull);
		Datum		provider = heap_getattr(tuple, Anum_pg_shseclabel_provider,
											RelationGetDescr(rel), &isnull);
		hg_flag_entry *entry = &list->entries[list->count];

		if (strcmp(TextDatumGetCString(provider), HG_PROVIDER) != 0)
			continue;
		memset(entry, 0, sizeof(*entry));
		entry->oid = form->objoid;
		entry->flag = hg_label_flag(TextDatumGetCString(label));
		list->count++;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/*
 * What the file lists and no label does stays flagged, as long as the database
 * exists; what another transaction is about to commit stays as it is.
 */
static void
add_unlabelled(hg_flag_list *labels, const hg_flag_list *known)
{
	uint32		labelled = labels->count;

	for (uint32 i = 0; i < known->count; i++)
	{
		const hg_flag_entry *entry = &known->entries[i];
		bool		found = entry->unsure;

		for (uint32 j = 0; j < labelled && !found; j++)
			found = labels->entries[j].oid == entry->oid;
		if (found || labels->count >= HG_STATE_DATABASES_MAX ||
			!SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(entry->oid)))
			continue;
		labels->entries[labels->count] = *entry;
		labels->entries[labels->count++].label_missing = !entry->pending;
	}
}

/* Whether two lists say the same, in whatever order. */
static bool
same(const hg_flag_list *a, const hg_flag_list *b)
{
	uint32		found = 0;

	for (uint32 i = 0; i < a->count; i++)
		for (uint32 j = 0; j < b->count; j++)
			found += memcmp(&a->entries[i], &b->entries[j], sizeof(hg_flag_entry)) == 0;
	return a->count == b->count && found == a->count;
}

bool
hg_flag_records_wanted(void)
{
	return shared->records_wanted;
}

/* The keeper's next look takes it for one whose label is missing. */
void
hg_flag_record_is(Oid database, bool found)
{
	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	shared->records_asked++;
	if (found && find(database) == NULL)
		(void) put(database, HG_FLAG_ON, false);
	LWLockRelease(hg_state_lock());
}

/* How many answers there were: a worker that fails gives none. */
uint32
hg_flag_records_asked(void)
{
	return shared->records_asked;
}

/* From now on there is a file, so that the next start has to search no more. */
void
hg_flag_records_searched(void)
{
	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	shared->records_wanted = false;
	shared->file_behind = true;
	LWLockRelease(hg_state_lock());
}

/* Takes over what was read, unless a commit came in between; then false. */
static bool
take_over(const hg_flag_list *list, uint64 changes)
{
	bool		current;

	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	current = shared->changes == changes;
	if (current)
	{
		if (!same(&shared->list, list))
			shared->file_behind = true;
		shared->list = *list;
		publish();
		hg_state_assume_flagged(shared->records_wanted);
		if (shared->file_behind)
			shared->file_behind = !hg_statefile_write(&shared->list, LOG);
	}
	LWLockRelease(hg_state_lock());
	return current;
}

/* On a standby the flag comes by replay, and ends the sessions that were there before it. */
static void
end_sessions_of_new(const hg_flag_list *list, const bool *is_new)
{
	for (uint32 i = 0; i < list->count; i++)
		if (is_new[i])
			end_sessions(list->entries[i].oid);
}

/* In a transaction. The file is rewritten only when it is behind. */
void
hg_flag_reload(void)
{
	static bool is_new[HG_STATE_DATABASES_MAX];
	static hg_flag_list list;
	static hg_flag_list known;
	uint64		changes;

	do
	{
		CHECK_FOR_INTERRUPTS();
		LWLockAcquire(hg_state_lock(), LW_SHARED);
		changes = shared->changes;
		known = shared->list;
		LWLockRelease(hg_state_lock());
		InvalidateCatalogSnapshot();
		read_labels(&list);
		add_unlabelled(&list, &known);
		for (uint32 i = 0; i < list.count; i++)
			is_new[i] = !list.entries[i].pending &&
				hg_state_flag_of(list.entries[i].oid) == HG_FLAG_OFF;
	} while (!take_over(&list, changes));
	if (!RecoveryInProgress())
		return;
	end_sessions_of_new(&list, is_new);
	/* The same invalidation tells of the site's own identifiers. */
	for (uint32 i = 0; i < list.count; i++)
		if (!list.entries[i].pending)
			hg_text_load_identifiers_of(list.entries[i].oid);
}

bool
hg_flag_label_missing(Oid database)
{
	hg_flag_entry *entry;
	bool		missing;

	LWLockAcquire(hg_state_lock(), LW_SHARED);
	entry = find(database);
	missing = entry != NULL && entry->label_missing;
	LWLockRelease(hg_state_lock());
	return missing;
}

bool
hg_flag_file_behind(void)
{
	return shared->file_behind;
}

/* Whether the file as it is on disk is not what shared memory says. */
bool
hg_flag_file_differs(void)
{
	static hg_flag_list list;
	bool		differs;

	LWLockAcquire(hg_state_lock(), LW_SHARED);
	differs = !shared->file_behind && shared->list.count > 0 &&
		(hg_statefile_read(&list) != HG_STATEFILE_READ || !same(&list, &shared->list));
	LWLockRelease(hg_state_lock());
	return differs;
}

/* ---- start ---- */

/* Whether there is an audit trail: a cluster that has one has, or had, a flag. */
static bool
trail_exists(void)
{
	DIR		   *dir = opendir(hg_guc_audit_directory);
	struct dirent *file;
	bool		found = false;

	if (dir == NULL)
		return false;
	while (!found && (file = readdir(dir)) != NULL)
		found = file->d_name[0] != '.';
	closedir(dir);
	return found;
}

/*
 * A cluster that has a trail, though no flag, gets a file that says so, or its
 * next start would take every database for flagged.  Raises nothing.
 */
void
hg_flag_keep_file(void)
{
	if (!shared->file_missing || !trail_exists() || RecoveryInProgress())
		return;
	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	shared->file_missing = !hg_statefile_write(&shared->list, LOG);
	LWLockRelease(hg_state_lock());
}

Size
hg_flag_shmem_size(void)
{
	return MAXALIGN(sizeof(flag_shared));
}

/*
 * Until the keeper has read the catalog, what the file lists counts as
 * flagged; without a usable file, but with a trail, every database does.
 */
void
hg_flag_shmem_startup(void)
{
	bool		found;
	hg_statefile_status status;

	shared = ShmemInitStruct("hipaa_guard flags", sizeof(*shared), &found);
	if (found)
		return;
	memset(shared, 0, sizeof(*shared));
	status = hg_statefile_read(&shared->list);
	for (uint32 i = 0; i < shared->list.count; i++)
	{
		shared->list.entries[i].unsure |= shared->list.entries[i].pending;
		shared->list.entries[i].pending = false;
	}
	publish();
	shared->file_missing = status == HG_STATEFILE_MISSING;
	shared->records_wanted = status == HG_STATEFILE_UNUSABLE ||
		(status == HG_STATEFILE_MISSING && trail_exists());
	hg_state_assume_flagged(shared->records_wanted);
}

void
hg_flag_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
}
