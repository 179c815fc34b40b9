/*
 * hooks_executor.c
 *		Queries: one event a relation touched, as soon as its rows are out.
 *
 * What runs is kept in a table by its QueryDesc, since portals end in any order.
 * A query that finds no place there is recorded when it begins.  One that only
 * reads is told when it stops running, since nothing need come after that: its
 * portal is dropped with the transaction, or the client is gone.
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
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct left_behind left_behind;

typedef struct query
{
	const QueryDesc *desc;		/* NULL: free */
	uint32		statement;
	uint32		parent;
	SubTransactionId subtransaction;
	TimestampTz began;
	int64		rows;			/* that are not told yet */
	bool		told;			/* what was fetched so far is recorded */
	bool		running;
	left_behind *left;			/* what to tell if it stops between two runs; NULL: nothing */
	bool		flagged;		/* the database, when the query began */
	uint32		classes;		/* that were recorded then */
	uint64		session;		/* hg_audit_session_version then */
	hg_audit_plan_handle plan;
} query;

static query *queries = NULL;
static int	queries_used = 0;
static int	queries_room = 0;

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
query_place(void)
{
	if (queries_used == queries_room)
	{
		int			room = Max(64, 2 * queries_room);
		query	   *more = realloc(queries, room * sizeof(query));

		if (more == NULL)
			return NULL;
		queries = more;
		queries_room = room;
	}
	return &queries[queries_used++];
}

static query *
query_begin(const QueryDesc *desc, const query *wanted)
{
	query	   *q = query_find(desc);

	if (q == NULL)
		q = query_place();
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
	bool		reading;		/* so that its rows are none of what else it changes */
} query_event;

/*
 * What a query left behind: the caller of a cursor failed, say, while it held some of the
 * rows.  By then neither the plan nor the catalogs can be read, so all is copied before.
 */
struct left_behind
{
	MemoryContext context;		/* all of this */
	query_event event;
	hg_audit_words action;
	List	   *objects;		/* of hg_audit_plan_object */
};

/* The rows that were returned or changed. What a rule changes beside is counted by nobody. */
static int64
rows_of(const QueryDesc *desc, const query *q, hg_audit_outcome outcome)
{
	if (!desc->plannedstmt->canSetTag && desc->operation != CMD_SELECT)
		return HG_AUDIT_NONE;
	if (outcome == HG_AUDIT_SUCCESS)
		return q->rows;
	/* A failure takes back what was changed, not what was delivered. */
	return q->running && desc->operation == CMD_SELECT ? q->rows : HG_AUDIT_NONE;
}

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
		e->event.rows = rows_of(desc, q, outcome);
	}
	e->reading = desc->operation == CMD_SELECT;
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
	int64		rows = e->event.rows;

	if (object->class == HG_AUDIT_WRITE)
		hg_audit_transaction_wrote = true;
	/* Who touched PHI is always told on a flagged database, whatever audit_classes says. */
	if ((e->classes & 1 << object->class) == 0 && !(object->phi && e->flagged))
		return;
	e->event.class = object->class;
	e->event.flags = (e->event.flags & ~HG_AUDIT_EVENT_PHI)
		| (object->phi ? HG_AUDIT_EVENT_PHI : 0);
	if (e->reading && object->class == HG_AUDIT_WRITE)
		e->event.rows = HG_AUDIT_NONE;
	hg_audit_put(&e->event, e->action, &object->words, &e->statement);
	e->event.rows = rows;
}

/* One event an object; without any, one event. */
static void
query_event_finish(query_event *e, hg_audit_class class, bool told)
{
	if (told)
		return;
	e->event.class = class;
	if ((e->classes & 1 << class) != 0)
		hg_audit_put(&e->event, e->action, NULL, &e->statement);
}

static hg_audit_words
words_copy(const hg_audit_words *words)
{
	hg_audit_words copy = {NULL, words->size, NULL};

	if (words->data != NULL)
		copy.data = memcpy(palloc(words->size), words->data, words->size);
	return copy;
}

static void
left_add(void *state, const hg_audit_plan_object *object)
{
	left_behind *left = state;
	hg_audit_plan_object *copy = palloc(sizeof(*copy));

	*copy = *object;
	copy->words = words_copy(&object->words);
	left->objects = lappend(left->objects, copy);
}

static void
left_prepare(query *q, const QueryDesc *desc)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "hipaa_guard audit query",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	left_behind *left = palloc0(sizeof(left_behind));

	left->context = context;
	query_event_prepare(&left->event, desc, q, HG_AUDIT_SUCCESS, 0, NULL);
	left->action = words_copy(left->event.action);
	left->event.action = &left->action;
	left->event.statement = words_copy(&left->event.statement);
	(void) hg_audit_plan_each(desc, true, left_add, left);
	MemoryContextSwitchTo(before);
	q->left = left;
}

static void
left_record(query *q)
{
	query_event *e = &q->left->event;
	ListCell   *cell;

	e->event.recorded_us = HG_AUDIT_US(GetCurrentTimestamp());
	e->event.duration_us = e->event.recorded_us - HG_AUDIT_US(q->began);
	e->event.rows = q->rows;
	foreach(cell, q->left->objects)
		relation_record(e, lfirst(cell));
	query_event_finish(e, HG_AUDIT_READ, q->left->objects != NIL);
}

static void
query_end(query *q)
{
	if (q == NULL)
		return;
	if (q->left != NULL)
		MemoryContextDelete(q->left->context);
	*q = queries[--queries_used];
	queries[queries_used].desc = NULL;
}

static void
query_abandon(query *q)
{
	if (q->left != NULL && q->rows > 0)
		left_record(q);
	query_end(q);
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
	query_event_finish(&e, e.reading ? HG_AUDIT_READ : HG_AUDIT_WRITE,
					   plan == NULL && sqlstate != ERRCODE_OUT_OF_MEMORY
					   && hg_audit_plan_each(desc, build, relation_record, &e));
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
query_failed(const QueryDesc *desc, int sqlstate)
{
	query	   *q = query_find(desc);

	if (q != NULL && q->running && desc->estate != NULL)
		q->rows += (int64) desc->estate->es_processed;
	query_record(desc, q, HG_AUDIT_FAILURE, sqlstate, false);
	hg_audit_failure_recorded(sqlstate);
	query_end(q);
}

/* FATAL unwinds nothing, so what runs is told before it is torn down. */
void
hg_audit_executor_stopped(int sqlstate)
{
	for (int i = queries_used - 1; i >= 0; i--)
	{
		if (queries[i].running)
			query_failed(queries[i].desc, sqlstate);
	}
}

static void
executor_start(QueryDesc *desc, int eflags)
{
	query		begun = {0};
	volatile bool wanted = query_wanted(desc, eflags, &begun);

	if (wanted)
	{
		names_prepare(desc, &begun);
		if (query_begin(desc, &begun) == NULL)
			query_record(desc, NULL, HG_AUDIT_SUCCESS, 0, true);
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
			query_failed(desc, geterrcode());
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* A run that ended well: what the client or the caller has of it now is not forgotten. */
static void
query_paused(const QueryDesc *desc, bool to_the_end, uint32 outer)
{
	query	   *q = query_find(desc);

	if (q == NULL || desc->estate == NULL)
		return;
	q->running = false;
	q->rows += (int64) desc->estate->es_processed;
	/* What changes data comes to its end at once. */
	if (hg_audit_plan_changes(desc))
		return;
	/* A function's cursor is told when it ends, others fetch by fetch. */
	if (to_the_end || outer == 0 || outer != q->parent)
	{
		query_record(desc, q, HG_AUDIT_SUCCESS, 0, true);
		q->rows = 0;
		q->told = true;
	}
	else if (q->left == NULL)
		left_prepare(q, desc);
}

static void
executor_run(HG_EXECUTOR_RUN_ARGS)
{
	query	   *q = query_find(query_desc);
	volatile uint32 outer = hg_audit_running;

	if (q != NULL)
	{
		hg_audit_running = q->statement;
		q->running = true;
	}
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
		if (query_find(query_desc) != NULL)
			query_failed(query_desc, geterrcode());
		PG_RE_THROW();
	}
	PG_END_TRY();
	hg_audit_running = outer;
	query_paused(query_desc, count == 0, outer);
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
		if (query_find(desc) != NULL)
			query_failed(desc, geterrcode());
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
	while (queries_used > 0 && (hg_audit_running == 0 || event == XACT_EVENT_ABORT))
		query_abandon(&queries[queries_used - 1]);
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
	/* Whoever rolls back to here has caught the error. */
	if (event == SUBXACT_EVENT_ABORT_SUB)
		hg_audit_failure_recorded(0);
	for (int i = queries_used - 1; event == SUBXACT_EVENT_ABORT_SUB && i >= 0; i--)
	{
		if (queries[i].subtransaction >= own)
			query_abandon(&queries[i]);
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
