/*
 * worker.c
 *		Records the posture of each flagged database every
 *		hipaa_guard.posture_interval, by calling take_posture_snapshot() there.
 *
 * The clock is a worker that is connected to no database.  For each database it
 * starts another one that connects, takes the snapshot and ends, so that no
 * DROP DATABASE is held up for longer than a snapshot takes.  No lock but those
 * of the statement.  On a standby it does not run: nothing can be written there.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/pg_database.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "posture/posture.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define IDLE_MS 60000
#define RESTART_S 60
#define FIRST_S 600

PGDLLEXPORT void hg_posture_clock_main(Datum arg);
PGDLLEXPORT void hg_posture_snapshot_main(Datum arg);

static void
name_worker(BackgroundWorker *worker, const char *function, const char *name)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	strlcpy(worker->bgw_library_name, "hipaa_guard", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, function, sizeof(worker->bgw_function_name));
	strlcpy(worker->bgw_name, name, sizeof(worker->bgw_name));
	strlcpy(worker->bgw_type, name, sizeof(worker->bgw_type));
}

/* Databases that are flagged and take connections, in the caller's memory. */
static List *
flagged_databases(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *databases = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (database->datallowconn && hg_state_flag_of(database->oid) != HG_FLAG_OFF)
		{
			MemoryContext inside = MemoryContextSwitchTo(caller);

			databases = lappend_oid(databases, database->oid);
			MemoryContextSwitchTo(inside);
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return databases;
}

/* Starts a worker for one database and waits for its end, so that one at most runs. */
static void
snapshot_of(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	name_worker(&worker, "hg_posture_snapshot_main", "hipaa_guard posture");
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		ereport(LOG,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not start a worker to record the posture of a database"),
				 errhint("You might need to increase max_worker_processes.")));
		return;
	}
	(void) WaitForBackgroundWorkerShutdown(handle);
}

static void
snapshot_of_all(void)
{
	ListCell   *cell;

	foreach(cell, flagged_databases())
	{
		CHECK_FOR_INTERRUPTS();
		if (ShutdownRequestPending)
			return;
		snapshot_of(lfirst_oid(cell));
	}
}

/* Milliseconds to the next snapshot; 0: it is due, -1: they are turned off. */
static long
time_to_wait(TimestampTz last)
{
	TimestampTz due;

	if (hg_guc_posture_interval_s == 0)
		return -1;
	due = TimestampTzPlusMilliseconds(last, hg_guc_posture_interval_s * INT64CONST(1000));
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);
}

void
hg_posture_clock_main(Datum arg)
{
	/* The first one ten minutes after the start at the latest, when clients have come back. */
	TimestampTz last = GetCurrentTimestamp() -
		Max(hg_guc_posture_interval_s - FIRST_S, 0) * INT64CONST(1000000);
	MemoryContext round = AllocSetContextCreate(TopMemoryContext, "hipaa_guard posture",
												ALLOCSET_DEFAULT_SIZES);

	(void) arg;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	while (!ShutdownRequestPending)
	{
		long		wait_ms = time_to_wait(last);

		if (wait_ms == 0)
		{
			MemoryContextSwitchTo(round);
			snapshot_of_all();
			MemoryContextReset(round);
			last = GetCurrentTimestamp();
			continue;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 wait_ms < 0 ? IDLE_MS : Min(wait_ms, IDLE_MS), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	/* Not 0, which would tell the postmaster not to start it again. */
	proc_exit(1);
}

/* One statement in one transaction; an error ends the worker and stands in the log. */
void
hg_posture_snapshot_main(Datum arg)
{
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "recording the posture");
	/* The extension's objects may be gone, not restored yet, or older than the library. */
	(void) SPI_execute("SELECT FROM pg_catalog.pg_proc WHERE oid OPERATOR(pg_catalog.=) "
					   "pg_catalog.to_regprocedure('hipaa_guard.take_posture_snapshot()')",
					   true, 1);
	if (SPI_processed == 1)
		(void) SPI_execute("SELECT hipaa_guard.take_posture_snapshot()", false, 0);
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	proc_exit(0);
}

void
hg_posture_init(void)
{
	BackgroundWorker worker;

	name_worker(&worker, "hg_posture_clock_main", "hipaa_guard posture clock");
	worker.bgw_restart_time = RESTART_S;
	RegisterBackgroundWorker(&worker);
}
