/*
 * keeper.c
 *		The worker that keeps shared memory and the state file in step with the
 *		labels: after a start, after a restore, and on a hot standby, where
 *		labels come by replay.
 *
 * It connects to no database, so it holds up no DROP DATABASE.  A committing
 * session sets its latch; on a standby it looks for invalidations each second.
 */
#include "project/flag.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_shseclabel.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#define STANDBY_INTERVAL_MS 1000
#define PRIMARY_INTERVAL_MS 60000

PGDLLEXPORT void hg_keeper_main(Datum arg);

/* The labels are to be read again: set by their invalidation, and at the start. */
static volatile sig_atomic_t wanted = true;

static void
on_invalidation(Datum arg, Oid relation)
{
	(void) arg;
	if (relation == SharedSecLabelRelationId || !OidIsValid(relation))
		wanted = true;
}

static void
at_exit(int code, Datum arg)
{
	(void) code;
	(void) arg;
	hg_flag_keeper_is(NULL);
}

/* A transaction takes in what other processes have invalidated. */
static void
look(void)
{
	bool		primary = !RecoveryInProgress();

	/* What came by replay, up to its end. */
	if (primary && !hg_flag_settled())
		wanted = true;
	if (hg_flag_records_wanted() && hg_record_search())
		hg_flag_records_searched();
	hg_flag_keep_file();
	StartTransactionCommand();
	AcceptInvalidationMessages();
	if (wanted || hg_flag_file_behind())
	{
		wanted = false;
		hg_flag_reload();
		if (primary)
			hg_flag_settle();
	}
	CommitTransactionCommand();
	pgstat_report_stat(true);
}

void
hg_keeper_main(Datum arg)
{
	(void) arg;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	CacheRegisterRelcacheCallback(on_invalidation, (Datum) 0);
	before_shmem_exit(at_exit, (Datum) 0);
	hg_flag_keeper_is(MyLatch);

	while (!ShutdownRequestPending)
	{
		look();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 RecoveryInProgress() || hg_flag_records_wanted() ?
						 STANDBY_INTERVAL_MS : PRIMARY_INTERVAL_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	hg_flag_keep_file();
	/* Not 0, which would tell the postmaster not to start it again. */
	proc_exit(1);
}

void
hg_keeper_init(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "hipaa_guard", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hg_keeper_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "hipaa_guard keeper", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "hipaa_guard keeper", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
