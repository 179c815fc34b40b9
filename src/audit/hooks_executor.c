/*
 * hooks_executor.c
 *		Queries: one event a relation touched, when the query ends or fails.
 *
 * What runs is kept in a small table by its QueryDesc, since portals end in any
 * order.  A query that finds no place there is recorded without a duration.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "audit/hooks.h"
#include "audit/objects.h"
#include "base/compat.h"
#include "base/state.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_relation.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"

#define QUERIES_MAX 64
#define DEDUPLICATED_MAX 64

typedef struct query
{
	const QueryDesc *desc;		/* NULL: free */
	uint32		statement;
	uint32		parent;
	SubTransactionId subtransaction;
	TimestampTz began;
	int64		rows;
	bool		told;			/* of a cursor: what was fetched so far is recorded */
} query;

static query queries[QUERIES_MAX];
static int	queries_used = 0;

uint32		hg_audit_running = 0;
bool		hg_audit_transaction_wrote = false;

static ExecutorStart_hook_type previous_start = NULL;
static ExecutorRun_hook_type previous_run = NULL;
static ExecutorFinish_hook_type previous_finish = NULL;
static ExecutorEnd_hook_type previous_end = NULL;

uint32
hg_audit_statement_begin(void)
{
	hg_audit_statement_number++;
	if (hg_audit_running == 0)
		hg_audit_failure_recorded(0);
	return hg_audit_running;
}

static query *
query_find(const QueryDesc *desc)
{
	for (int i = queries_used - 1; i >= 0; i--)
	{
		if (queries[i].desc == desc)
			return &queries[i];
	}
	return NULL;
}

static query *
query_begin(const QueryDesc *desc)
{
	query	   *q = query_find(desc);

	if (q == NULL && queries_used < QUERIES_MAX)
		q = &queries[queries_used++];
	if (q == NULL)
		return NULL;
	q->desc = desc;
	q->parent = hg_audit_statement_begin();
	q->statement = hg_audit_statement_number;
	q->subtransaction = GetCurrentSubTransactionId();
	q->began = GetCurrentTimestamp();
	q->rows = 0;
	q->told = false;
	return q;
}

static void
query_end(query *q)
{
	if (q == NULL)
		return;
	*q = queries[--queries_used];
	queries[queries_used].desc = NULL;
}

static bool
query_wanted(const QueryDesc *desc, int eflags)
{
	return (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && !IsParallelWorker()
		&& desc->plannedstmt != NULL && !IsBootstrapProcessingMode()
		&& (hg_audit_wanted(HG_AUDIT_READ) || hg_audit_wanted(HG_AUDIT_WRITE)
			|| (hg_audit_ring_shared != NULL && hg_state_database_flagged()));
}

/*
 * A relation that is named several times counts once; *columns is of all of
 * its entries.  Mostly that is the one set of one entry: nothing is copied then.
 */
static bool
perms_first(List *list, int at, Bitmapset **columns, bool *owned)
{
	HG_PERMS   *own = (HG_PERMS *) list_nth(list, at);
	int			count = list_length(list);

	*owned = count > 1 || own->insertedCols != NULL || own->updatedCols != NULL;
	*columns = own->selectedCols;
	if (!*owned)
		return true;
	*columns = bms_union(own->selectedCols, own->insertedCols);
	*columns = bms_add_members(*columns, own->updatedCols);
	if (count > DEDUPLICATED_MAX)
		return true;
	for (int i = 0; i < count; i++)
	{
		HG_PERMS   *other = (HG_PERMS *) list_nth(list, i);

		if (i == at || !HG_PERMS_OF_RELATION(other) || other->relid != own->relid
			|| other->requiredPerms == 0)
			continue;
		if (i < at)
			return false;
		*columns = bms_add_members(*columns, other->selectedCols);
		*columns = bms_add_members(*columns, other->insertedCols);
		*columns = bms_add_members(*columns, other->updatedCols);
	}
	return true;
}

/* What one query's events have in common. */
typedef struct query_event
{
	hg_audit_event event;
	hg_audit_words action;
	hg_audit_words statement;
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
} query_event;

static void
query_event_prepare(query_event *e, const QueryDesc *desc, const query *q,
					hg_audit_outcome outcome, int sqlstate)
{
	const PlannedStmt *plan = desc->plannedstmt;
	bool		cut;

	hg_audit_event_begin(&e->event, HG_AUDIT_READ, hg_audit_outcome_of(outcome, sqlstate));
	e->event.sqlstate = sqlstate;
	e->event.query_id = (int64) plan->queryId;
	if (q != NULL)
	{
		e->event.statement = q->statement;
		e->event.parent = q->parent;
		e->event.duration_us = e->event.recorded_us - HG_AUDIT_US(q->began);
		e->event.rows = outcome == HG_AUDIT_SUCCESS ? q->rows : HG_AUDIT_NONE;
	}
	hg_audit_words_action(&e->action, e->bundle,
						  GetCommandTagName(CreateCommandTag((Node *) plan)), NULL);
	hg_audit_words_statement(&e->statement, desc->sourceText, plan->stmt_location,
							 plan->stmt_len, &cut);
	if (cut)
		e->event.flags |= HG_AUDIT_EVENT_CUT;
}

/* One event for a relation, unless it is one that events do not name. */
static bool
relation_record(query_event *e, const HG_PERMS *perms, const Bitmapset *columns, bool changes,
				bool views, bool build)
{
	const AclMode changing = ACL_INSERT | ACL_UPDATE | ACL_DELETE;
	bool		write = changes && (perms->requiredPerms & changing) != 0;
	hg_audit_class class = write ? HG_AUDIT_WRITE : HG_AUDIT_READ;
	hg_audit_object object;

	hg_audit_object_get(perms->relid, columns, write, build, &object);
	if (object.skip || object.view != views)
		return false;
	if (write)
		hg_audit_transaction_wrote = true;
	/* Who touched PHI is always told on a flagged database, whatever audit_classes says. */
	if (!hg_audit_wanted(class) && !(object.phi && hg_state_database_flagged()))
		return true;
	e->event.class = (uint8) class;
	e->event.flags = (e->event.flags & ~HG_AUDIT_EVENT_PHI) | (object.phi ? HG_AUDIT_EVENT_PHI : 0);
	hg_audit_put(&e->event, &e->action, &object.words, &e->statement);
	return true;
}

/* An event for each of the relations: the tables, or else the views. */
static bool
relations_record(query_event *e, const QueryDesc *desc, bool views, bool build)
{
	List	   *list = HG_PERMS_LIST(desc->plannedstmt);
	bool		changes = desc->operation != CMD_SELECT || desc->plannedstmt->hasModifyingCTE;
	bool		named = false;

	for (int i = 0; i < list_length(list); i++)
	{
		HG_PERMS   *perms = (HG_PERMS *) list_nth(list, i);
		Bitmapset  *columns;
		bool		owned;

		if (!HG_PERMS_OF_RELATION(perms) || perms->requiredPerms == 0
			|| !perms_first(list, i, &columns, &owned))
			continue;
		named |= relation_record(e, perms, columns, changes, views, build);
		if (owned)
			bms_free(columns);
	}
	return named;
}

/* "build": the catalogs can be read, so names that are not known yet are looked up. */
static void
query_record(const QueryDesc *desc, const query *q, hg_audit_outcome outcome, int sqlstate,
			 bool build)
{
	query_event e;

	query_event_prepare(&e, desc, q, outcome, sqlstate);
	/* Without memory no set of columns can be put together: one event then, and no object. */
	if (sqlstate != ERRCODE_OUT_OF_MEMORY
		&& (relations_record(&e, desc, false, build) || relations_record(&e, desc, true, build)))
		return;
	e.event.class = desc->operation == CMD_SELECT ? HG_AUDIT_READ : HG_AUDIT_WRITE;
	e.event.flags &= ~HG_AUDIT_EVENT_PHI;
	if (hg_audit_wanted((hg_audit_class) e.event.class))
		hg_audit_put(&e.event, &e.action, NULL, &e.statement);
}

/* Looks up all names while that can still be done: a failure cannot read the catalogs. */
static void
names_prepare(const QueryDesc *desc)
{
	List	   *list = HG_PERMS_LIST(desc->plannedstmt);
	bool		changes = desc->operation != CMD_SELECT || desc->plannedstmt->hasModifyingCTE;

	hg_audit_session_refresh();
	for (int i = 0; i < list_length(list); i++)
	{
		HG_PERMS   *perms = (HG_PERMS *) list_nth(list, i);
		hg_audit_object object;
		Bitmapset  *columns;
		bool		owned;

		if (!HG_PERMS_OF_RELATION(perms) || perms->requiredPerms == 0
			|| !perms_first(list, i, &columns, &owned))
			continue;
		hg_audit_object_get(perms->relid, columns, changes
							&& (perms->requiredPerms & (ACL_INSERT | ACL_UPDATE | ACL_DELETE)) != 0,
							true, &object);
		if (owned)
			bms_free(columns);
	}
}

static void
query_failed(const QueryDesc *desc, query *q)
{
	int			sqlstate = geterrcode();

	query_record(desc, q, HG_AUDIT_FAILURE, sqlstate, false);
	hg_audit_failure_recorded(sqlstate);
	query_end(q);
}

static void
executor_start(QueryDesc *desc, int eflags)
{
	query	   *volatile q = NULL;
	volatile bool wanted = query_wanted(desc, eflags);

	if (wanted)
	{
		names_prepare(desc);
		q = query_begin(desc);
	}
	PG_TRY();
	{
		if (previous_start)
			previous_start(desc, eflags);
		else
			standard_ExecutorStart(desc, eflags);
	}
	PG_CATCH();
	{
		if (wanted)
			query_failed(desc, q);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static void
executor_run(HG_EXECUTOR_RUN_ARGS)
{
	query	   *q = query_find(query_desc);
	volatile uint32 outer = hg_audit_running;

	if (q != NULL)
		hg_audit_running = q->statement;
	PG_TRY();
	{
		if (previous_run)
			previous_run(HG_EXECUTOR_RUN_PASS);
		else
			standard_ExecutorRun(HG_EXECUTOR_RUN_PASS);
	}
	PG_CATCH();
	{
		hg_audit_running = outer;
		q = query_find(query_desc);
		if (q != NULL)
			query_failed(query_desc, q);
		PG_RE_THROW();
	}
	PG_END_TRY();
	hg_audit_running = outer;
	q = query_find(query_desc);
	if (q == NULL || query_desc->estate == NULL)
		return;
	q->rows += query_desc->estate->es_processed;
	/* A cursor is told fetch by fetch: what the client has is recorded even if it never ends. */
	if (count > 0 && (outer == 0 || outer != q->parent))
	{
		query_record(query_desc, q, HG_AUDIT_SUCCESS, 0, true);
		q->rows = 0;
		q->told = true;
	}
}

static void
executor_finish(QueryDesc *desc)
{
	query	   *q = query_find(desc);
	volatile uint32 outer = hg_audit_running;

	if (q != NULL)
		hg_audit_running = q->statement;
	PG_TRY();
	{
		if (previous_finish)
			previous_finish(desc);
		else
			standard_ExecutorFinish(desc);
	}
	PG_CATCH();
	{
		hg_audit_running = outer;
		q = query_find(desc);
		if (q != NULL)
			query_failed(desc, q);
		PG_RE_THROW();
	}
	PG_END_TRY();
	hg_audit_running = outer;
}

static void
executor_end(QueryDesc *desc)
{
	query	   *q = query_find(desc);

	if (q != NULL)
	{
		hg_audit_session_refresh();
		if (!q->told || q->rows > 0)
			query_record(desc, q, HG_AUDIT_SUCCESS, 0, true);
		query_end(q);
	}
	if (previous_end)
		previous_end(desc);
	else
		standard_ExecutorEnd(desc);
}

/* Nothing runs any more: whatever an error left behind is forgotten. */
static void
transaction_ended(XactEvent event, void *unused)
{
	(void) unused;
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE
		&& event != XACT_EVENT_PARALLEL_COMMIT && event != XACT_EVENT_PARALLEL_ABORT)
		return;
	/* Procedures commit while they run: their own statement goes on. */
	if (hg_audit_running == 0 || event == XACT_EVENT_ABORT)
		queries_used = 0;
	if (event == XACT_EVENT_ABORT)
		hg_audit_running = 0;
}

/* Queries of a subtransaction that is rolled back are gone, and their descriptors with them. */
static void
subtransaction_ended(SubXactEvent event, SubTransactionId own, SubTransactionId parent,
					 void *unused)
{
	(void) parent;
	(void) unused;
	for (int i = queries_used - 1; event == SUBXACT_EVENT_ABORT_SUB && i >= 0; i--)
	{
		if (queries[i].subtransaction >= own)
			query_end(&queries[i]);
	}
}

void
hg_audit_executor_init(void)
{
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
	previous_end = ExecutorEnd_hook;
	ExecutorEnd_hook = executor_end;
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}
