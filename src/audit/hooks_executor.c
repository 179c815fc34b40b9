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
#include "audit/plans.h"
#include "base/compat.h"
#include "base/state.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"

#define QUERIES_MAX 64

typedef struct query
{
	const QueryDesc *desc;		/* NULL: free */
	uint32		statement;
	uint32		parent;
	SubTransactionId subtransaction;
	TimestampTz began;
	int64		rows;
	bool		told;			/* of a cursor: what was fetched so far is recorded */
	bool		flagged;		/* the database, when the query began */
	uint32		classes;		/* that were recorded then */
	uint64		session;		/* hg_audit_session_version then */
	hg_audit_plan_handle plan;
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

/*
 * The server has asked for the time when the client's message came; a second
 * query of the same message, or one that a query runs, asks anew.
 */
static TimestampTz
time_begun(void)
{
	static TimestampTz used = 0;
	TimestampTz message = GetCurrentStatementStartTimestamp();

	if (hg_audit_running != 0 || message == used)
		return GetCurrentTimestamp();
	used = message;
	return message;
}

static query *
query_begin(const QueryDesc *desc, const query *wanted)
{
	query	   *q = query_find(desc);

	if (q == NULL && queries_used < QUERIES_MAX)
		q = &queries[queries_used++];
	if (q == NULL)
		return NULL;
	*q = *wanted;
	q->desc = desc;
	q->parent = hg_audit_statement_begin();
	q->statement = hg_audit_statement_number;
	q->subtransaction = GetCurrentSubTransactionId();
	q->began = time_begun();
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
query_wanted(const QueryDesc *desc, int eflags, query *q)
{
	q->classes = hg_audit_classes_wanted(&q->flagged);
	return (q->flagged || (q->classes & (1 << HG_AUDIT_READ | 1 << HG_AUDIT_WRITE)) != 0)
		&& (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && !IsParallelWorker()
		&& desc->plannedstmt != NULL && !IsBootstrapProcessingMode();
}

/* The command tag as words, kept: there are not many. */
static const hg_audit_words *
action_of(const QueryDesc *desc)
{
	static struct
	{
		CommandTag	tag;
		hg_audit_words words;
		hg_audit_kept kept;
		char		bundle[HG_AUDIT_BUNDLE_SIZE];
	}			actions[8];
	CommandTag	tag = CreateCommandTag((Node *) desc->plannedstmt);
	int			at = (int) tag % (int) lengthof(actions);

	if (actions[at].words.data == NULL || actions[at].tag != tag)
	{
		actions[at].tag = tag;
		hg_audit_words_action(&actions[at].words, actions[at].bundle, GetCommandTagName(tag),
							  NULL);
		actions[at].kept.generation = 0;
		actions[at].words.kept = &actions[at].kept;
	}
	return &actions[at].words;
}

/* What one query's events have in common. */
typedef struct query_event
{
	hg_audit_event event;
	const hg_audit_words *action;
	hg_audit_words statement;
	uint32		classes;		/* that are recorded */
	bool		flagged;
} query_event;

static void
query_event_prepare(query_event *e, const QueryDesc *desc, const query *q,
					hg_audit_outcome outcome, int sqlstate, hg_audit_plan *plan)
{
	const PlannedStmt *planned = desc->plannedstmt;
	uint32		statement_at = 0;
	bool		cut;

	e->flagged = q ? q->flagged : false;
	e->classes = q ? q->classes : hg_audit_classes_wanted(&e->flagged);
	hg_audit_event_begin(&e->event, HG_AUDIT_READ, hg_audit_outcome_of(outcome, sqlstate));
	e->event.sqlstate = sqlstate;
	e->event.query_id = (int64) planned->queryId;
	if (q != NULL)
	{
		e->event.statement = q->statement;
		e->event.parent = q->parent;
		e->event.duration_us = e->event.recorded_us - HG_AUDIT_US(q->began);
		e->event.rows = outcome == HG_AUDIT_SUCCESS ? q->rows : HG_AUDIT_NONE;
	}
	e->action = action_of(desc);
	hg_audit_words_statement_at(&e->statement, desc->sourceText, planned->stmt_location,
								planned->stmt_len, &cut,
								plan ? &plan->statement_at : &statement_at);
	if (cut)
		e->event.flags |= HG_AUDIT_EVENT_CUT;
}

static void
relation_record(void *state, const hg_audit_plan_object *object)
{
	query_event *e = state;

	if (object->class == HG_AUDIT_WRITE)
		hg_audit_transaction_wrote = true;
	/* Who touched PHI is always told on a flagged database, whatever audit_classes says. */
	if ((e->classes & 1 << object->class) == 0 && !(object->phi && e->flagged))
		return;
	e->event.class = object->class;
	e->event.flags = (e->event.flags & ~HG_AUDIT_EVENT_PHI)
		| (object->phi ? HG_AUDIT_EVENT_PHI : 0);
	hg_audit_put(&e->event, e->action, &object->words, &e->statement);
}

/* "build": the catalogs can be read, so names that are not known yet are looked up. */
static void
query_record(const QueryDesc *desc, const query *q, hg_audit_outcome outcome, int sqlstate,
			 bool build)
{
	hg_audit_plan *plan = q ? hg_audit_plan_again(&q->plan) : NULL;
	query_event e;

	if (plan == NULL)
		plan = hg_audit_plan_get(desc, build);

	query_event_prepare(&e, desc, q, outcome, sqlstate, plan);
	if (plan != NULL && plan->count > 0)
	{
		for (uint32 i = 0; i < plan->count; i++)
			relation_record(&e, &plan->objects[i]);
		return;
	}
	/* Without memory no set of columns can be put together: one event then, and no object. */
	if (plan == NULL && sqlstate != ERRCODE_OUT_OF_MEMORY
		&& hg_audit_plan_each(desc, build, relation_record, &e))
		return;
	e.event.class = desc->operation == CMD_SELECT ? HG_AUDIT_READ : HG_AUDIT_WRITE;
	if ((e.classes & 1 << e.event.class) != 0)
		hg_audit_put(&e.event, e.action, NULL, &e.statement);
}

static void
relation_known(void *state, const hg_audit_plan_object *object)
{
	(void) state;
	(void) object;
}

/* Looks up all names while that can still be done: a failure cannot read the catalogs. */
static void
names_prepare(const QueryDesc *desc, query *q)
{
	hg_audit_plan *plan;

	hg_audit_session_refresh();
	q->session = hg_audit_session_version;
	plan = hg_audit_plan_get(desc, true);
	if (plan != NULL)
		q->plan = hg_audit_plan_hold(plan);
	else
		(void) hg_audit_plan_each(desc, true, relation_known, NULL);
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
	query		begun = {0};
	volatile bool wanted = query_wanted(desc, eflags, &begun);

	if (wanted)
	{
		names_prepare(desc, &begun);
		q = query_begin(desc, &begun);
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
finish(QueryDesc *desc)
{
	if (previous_finish)
		previous_finish(desc);
	else
		standard_ExecutorFinish(desc);
}

static void
executor_finish(QueryDesc *desc)
{
	query	   *q = query_find(desc);
	volatile uint32 outer = hg_audit_running;

	/* A query that only reads has no triggers, which are all that could fail here. */
	if (q == NULL || !hg_audit_plan_changes(desc))
	{
		finish(desc);
		return;
	}
	hg_audit_running = q->statement;
	PG_TRY();
	{
		finish(desc);
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
		/* What ran inside may have run as somebody else. */
		if (q->session != hg_audit_session_version)
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
