/*
 * project.c
 *		The project room's face.
 */
#include "project/project.h"

#include <unistd.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "audit/audit.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "project/connections.h"
#include "project/emergency.h"
#include "project/flag.h"
#include "project/refuse.h"
#include "redact/redact.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

void
hg_project_init(void)
{
	hg_label_init();
	hg_flag_init();
	hg_keeper_init();
	hg_emergency_init();
	hg_refuse_init();
	hg_connections_init();
	hg_idle_init();
}

Size
hg_project_shmem_size(void)
{
	return hg_flag_shmem_size();
}

void
hg_project_shmem_startup(void)
{
	hg_flag_shmem_startup();
}

/*
 * Every database would be copied from a flagged template, and the one that all
 * tools connect to by default would lock them out; neither should hold data.
 */
static void
refuse_system_database(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	Form_pg_database database;
	bool		refused;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	database = (Form_pg_database) GETSTRUCT(tuple);
	refused = database->datistemplate || strcmp(NameStr(database->datname), "postgres") == 0;
	ReleaseSysCache(tuple);
	if (refused)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a template database or database \"postgres\" cannot be a HIPAA project"),
				 errdetail("Databases are copied from the one, and tools connect to the other."),
				 errhint("Create a database for the data and enable HIPAA there.")));
}

PG_FUNCTION_INFO_V1(hg_begin_flag);
PG_FUNCTION_INFO_V1(hg_write_flag);
PG_FUNCTION_INFO_V1(hg_project_state);

/*
 * Whether the flag is on.  Refuses where none can be; then this transaction
 * alone can set the flag until it ends.
 */
Datum
hg_begin_flag(PG_FUNCTION_ARGS)
{
	char	   *label;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to make a database a HIPAA project")));
	PreventCommandDuringRecovery("hipaa_guard.enable()");
	refuse_system_database();
	LockSharedObject(DatabaseRelationId, MyDatabaseId, 0, ShareUpdateExclusiveLock);
	label = hg_label_of_database(MyDatabaseId);
	PG_RETURN_BOOL(label && hg_label_flag(label) == HG_FLAG_ON);
}

/* Writes the label of the current database: on, or restoring. */
Datum
hg_write_flag(PG_FUNCTION_ARGS)
{
	bool		on = PG_GETARG_BOOL(0);
	bool		end_sessions = PG_GETARG_BOOL(1);
	char	   *label;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to make a database a HIPAA project")));
	label = hg_label_of_database(MyDatabaseId);
	/* What is on stays on. */
	if (!on && label && hg_label_flag(label) == HG_FLAG_ON)
		PG_RETURN_VOID();
	hg_label_set_database(MyDatabaseId, hg_label_text(on ? HG_FLAG_ON : HG_FLAG_RESTORING));
	if (end_sessions)
		hg_flag_end_sessions_at_commit(MyDatabaseId);
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, on ? "ENABLE HIPAA" : "BEGIN RESTORE",
					"database", get_database_name(MyDatabaseId), 0, on ? "on" : "restoring");
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(hg_mark_deletion);
PG_FUNCTION_INFO_V1(hg_preflight_facts);

/* Where DROP DATABASE, which is called in another database, finds it. */
Datum
hg_mark_deletion(PG_FUNCTION_ARGS)
{
	bool		approved = PG_GETARG_BOOL(0);
	char	   *label = hg_label_of_database(MyDatabaseId);
	char	   *mark;

	if (label == NULL)
		label = hg_label_text(hg_state_flag());
	mark = strstr(label, HG_LABEL_DELETION);
	if (mark)
		*mark = '\0';
	if (approved)
		label = psprintf("%s%s%s", label, HG_LABEL_DELETION,
						 timestamptz_to_str(GetCurrentTimestamp()));
	hg_label_set_database(MyDatabaseId, label);
	PG_RETURN_VOID();
}

/* The directory, or the nearest one above it that is there, since it is made when needed. */
static bool
can_be_written(const char *directory)
{
	char		path[MAXPGPATH];

	strlcpy(path, directory, sizeof(path));
	while (access(path, W_OK | X_OK) != 0)
	{
		if (errno != ENOENT || path[0] == '\0' || strcmp(path, "/") == 0)
			return false;
		get_parent_directory(path);
		if (path[0] == '\0')
			strlcpy(path, ".", sizeof(path));
	}
	return true;
}

#define FACTS_COLUMNS 2

Datum
hg_preflight_facts(PG_FUNCTION_ARGS)
{
	const char *problem = hg_redact_statements_problem();
	TupleDesc	desc;
	Datum		values[FACTS_COLUMNS];
	bool		nulls[FACTS_COLUMNS] = {false, problem == NULL};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = BoolGetDatum(can_be_written(hg_guc_audit_directory));
	values[1] = problem ? CStringGetTextDatum(problem) : (Datum) 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static const char *
integrity_of(hg_flag flag)
{
	if (flag == HG_FLAG_OFF)
		return "ok";
	if (hg_flag_label_missing(MyDatabaseId))
		return "the label is missing";
	if (hg_flag_file_differs())
		return "the state file is missing or differs";
	return "ok";
}

#define STATE_COLUMNS 2

/* One row: state and integrity. */
Datum
hg_project_state(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"off", "restoring", "on"};
	hg_flag		flag = hg_state_flag();
	TupleDesc	desc;
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(names[flag]);
	values[1] = CStringGetTextDatum(integrity_of(flag));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
