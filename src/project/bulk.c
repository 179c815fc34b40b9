/*
 * bulk.c
 *		Bulk reads: a query that gives a client more rows with labelled columns
 *		than hipaa_guard.bulk_rows ends there, unless its session has a disclosure
 *		open or an exemption is in force.
 *
 * Rows are counted on their way to the client, fetch by fetch for a cursor.
 * COPY of a table reads past the executor, so it is made a COPY of a query.
 * What a function reads row by row, and then returns, is not counted.
 * Costs one comparison a query where the setting is 0.
 */
#include "project/gates.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "project/emergency.h"
#include "project/project.h"
#include "tcop/dest.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define CURSORS_MAX 16

/* How many rows a query has given that is not at its end yet. */
typedef struct row_count
{
	const QueryDesc *query;
	uint64		rows;
} row_count;

/* In front of the receiver of a query's rows. */
typedef struct counter
{
	DestReceiver receiver;
	DestReceiver *next;
	row_count  *rows;
	bool		open;			/* no more need to ask */
} counter;

static row_count counts[CURSORS_MAX];
static int	next_count = 0;
static ExecutorRun_hook_type previous_run = NULL;

static bool
selects_phi(const HG_PERMS *perms)
{
	int			member = -1;

	while ((member = bms_next_member(perms->selectedCols, member)) >= 0)
	{
		int			column = member + FirstLowInvalidHeapAttributeNumber;

		if (column >= 0 && hg_project_column_is_phi(perms->relid, (AttrNumber) column))
			return true;
	}
	return false;
}

static bool
reads_phi(const PlannedStmt *plan)
{
	ListCell   *cell;

	foreach(cell, HG_PERMS_LIST(plan))
	{
		HG_PERMS   *perms = (HG_PERMS *) lfirst(cell);

		if (HG_PERMS_OF_RELATION(perms) && perms->selectedCols && selects_phi(perms))
			return true;
	}
	return false;
}

static bool
goes_to_client(const QueryDesc *query)
{
	switch (query->dest->mydest)
	{
		case DestRemote:
		case DestRemoteExecute:
		case DestRemoteSimple:
		case DestCopyOut:
			/* A FETCH keeps its rows first, and so does a function that returns a query. */
		case DestTuplestore:
			return true;
		default:
			return false;
	}
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	counter    *mine = (counter *) self;

	if (++mine->rows->rows > (uint64) hg_guc_bulk_rows && !mine->open)
	{
		if (!hg_emergency_disclosure_open())
			hg_gate(HG_FEATURE_BULK_READ, NULL, "SELECT");
		mine->open = true;
	}
	return mine->next->receiveSlot(slot, mine->next);
}

static void
start(DestReceiver *self, int operation, TupleDesc type)
{
	counter    *mine = (counter *) self;

	mine->next->rStartup(mine->next, operation, type);
}

static void
stop(DestReceiver *self)
{
	counter    *mine = (counter *) self;

	mine->next->rShutdown(mine->next);
}

static void
do_nothing(DestReceiver *self)
{
	(void) self;
}

/* The place of a query; one that begins anew begins at zero. */
static row_count *
count_of(const QueryDesc *query)
{
	row_count  *found = NULL;

	for (int i = 0; i < CURSORS_MAX && found == NULL; i++)
		if (counts[i].query == query)
			found = &counts[i];
	if (found == NULL)
	{
		found = &counts[next_count++ % CURSORS_MAX];
		found->rows = 0;
		found->query = query;
	}
	if (!query->already_executed)
		found->rows = 0;
	return found;
}

static void
run_next(HG_EXECUTOR_RUN_ARGS)
{
	if (previous_run)
		previous_run(HG_EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(HG_EXECUTOR_RUN_PASS);
}

static void
run(HG_EXECUTOR_RUN_ARGS)
{
	DestReceiver *dest = query_desc->dest;
	counter		mine = {{receive, start, stop, do_nothing, DestNone}, dest, NULL, false};

	if (hg_guc_bulk_rows == 0 || !hg_state_database_flagged() || IsParallelWorker() ||
		dest == NULL || !goes_to_client(query_desc) || !reads_phi(query_desc->plannedstmt))
	{
		run_next(HG_EXECUTOR_RUN_PASS);
		return;
	}
	mine.receiver.mydest = dest->mydest;
	mine.rows = count_of(query_desc);
	query_desc->dest = &mine.receiver;
	PG_TRY();
	{
		run_next(HG_EXECUTOR_RUN_PASS);
	}
	PG_FINALLY();
	{
		query_desc->dest = dest;
	}
	PG_END_TRY();
}

/* ---- COPY ---- */

static List *
columns_of(Oid relation, const List *named)
{
	List	   *targets = NIL;
	List	   *names = list_copy(named);
	Relation	rel = table_open(relation, AccessShareLock);
	ListCell   *cell;

	for (int i = 0; named == NIL && i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), i);

		if (!column->attisdropped && column->attgenerated == '\0')
			names = lappend(names, makeString(pstrdup(NameStr(column->attname))));
	}
	table_close(rel, NoLock);
	foreach(cell, names)
	{
		ColumnRef  *reference = makeNode(ColumnRef);
		ResTarget  *target = makeNode(ResTarget);

		reference->fields = list_make1(lfirst(cell));
		reference->location = -1;
		target->val = (Node *) reference;
		target->location = -1;
		targets = lappend(targets, target);
	}
	return targets;
}

PlannedStmt *
hg_bulk_before_utility(PlannedStmt *planned)
{
	CopyStmt   *copy = (CopyStmt *) planned->utilityStmt;
	SelectStmt *select;
	Oid			relation;

	if (hg_guc_bulk_rows == 0 || !IsA(copy, CopyStmt) || copy->is_from || copy->relation == NULL ||
		!hg_state_database_flagged())
		return planned;
	relation = RangeVarGetRelid(copy->relation, AccessShareLock, true);
	if (!OidIsValid(relation) || get_rel_relkind(relation) != RELKIND_RELATION ||
		!hg_project_column_is_phi(relation, 0))
		return planned;
	planned = copyObject(planned);
	copy = (CopyStmt *) planned->utilityStmt;
	select = makeNode(SelectStmt);
	select->targetList = columns_of(relation, copy->attlist);
	select->fromClause = list_make1(makeRangeVar(get_namespace_name(get_rel_namespace(relation)),
												 get_rel_name(relation), -1));
	linitial_node(RangeVar, select->fromClause)->inh = false;
	copy->relation = NULL;
	copy->attlist = NIL;
	copy->query = (Node *) select;
	return planned;
}

void
hg_bulk_init(void)
{
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = run;
}
