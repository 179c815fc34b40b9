/*
 * record.c
 *		Asks every database for its record of the flag, the row of
 *		hipaa_guard.flag, by a short-lived worker in each.
 *
 * Done by the keeper after a start without a usable state file, where there is
 * a trail: somebody may have taken label and file away together.  A database
 * that gives no answer is asked again a second later; until then all count as
 * flagged.  Takes AccessShareLock on pg_database, and on the table.
 */
#include "project/flag.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_database.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PGDLLEXPORT void hg_record_main(Datum database);

/* datconnlimit of what an interrupted DROP DATABASE left: nobody can connect, nor it answer. */
#define INVALID_DATABASE (-2)

static bool
has_record(void)
{
	Oid			schema = get_namespace_oid("hipaa_guard", true);
	bool		found = false;

	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid("flag", schema)))
		return false;
	SPI_connect();
	if (SPI_execute("SELECT FROM hipaa_guard.flag", true, 1) == SPI_OK_SELECT)
		found = SPI_processed > 0;
	SPI_finish();
	return found;
}

void
hg_record_main(Datum database)
{
	bool		found;

	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	found = has_record();
	PopActiveSnapshot();
	CommitTransactionCommand();
	hg_flag_record_is(DatumGetObjectId(database), found);
	proc_exit(0);
}

static bool
ask(Oid database)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;
	uint32		asked = hg_flag_records_asked();

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "hipaa_guard", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hg_record_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "hipaa_guard record", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "hipaa_guard record", sizeof(worker.bgw_type));
	return RegisterDynamicBackgroundWorker(&worker, &handle) &&
		WaitForBackgroundWorkerShutdown(handle) == BGWH_STOPPED &&
		hg_flag_records_asked() != asked;
}

/* What initdb made cannot be flagged; all others are asked, whoever may connect to them. */
static List *
databases(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *list = NIL;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		Oid			database = form->oid;
		MemoryContext mine = MemoryContextSwitchTo(caller);

		if (database >= FirstNormalObjectId && form->datconnlimit != INVALID_DATABASE)
			list = lappend_oid(list, database);
		MemoryContextSwitchTo(mine);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return list;
}

/* Whether all have answered. Outside of a transaction. */
bool
hg_record_search(void)
{
	List	   *list = databases();
	ListCell   *cell;
	bool		all = true;

	foreach(cell, list)
		all &= ask(lfirst_oid(cell));
	list_free(list);
	return all;
}
