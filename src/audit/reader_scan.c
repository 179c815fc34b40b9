/*
 * reader_scan.c
 *		audit_read() in FROM, view audit_log with it, as a scan that knows its filters.
 *
 * A function's rows would all be made, kept, and then filtered.  So the planner
 * is offered a scan of our own: it hands out event after event, makes the
 * columns that are asked for, and looks at conditions on the time, and
 * at equality of class, role, object and the like, before that.  The
 * conditions are checked again by the executor: what is left out here only has
 * to be what they refuse.
 */
#include "postgres.h"

#include "audit/reader_rows.h"
#include "base/compat.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include HG_EXPLAIN_STATE_HEADER
#include HG_EXPLAIN_HEADER

/* A condition that is looked at early: its column, what it is, and where its value is. */
typedef enum early_kind
{
	EARLY_SINCE,				/* >= */
	EARLY_AFTER,				/* > */
	EARLY_UNTIL,				/* < */
	EARLY_UP_TO,				/* <= */
	EARLY_EQUAL,
	EARLY_ONE_OF,				/* = ANY (array) */
	EARLY_TRUE,
	EARLY_FALSE
} early_kind;

static const struct
{
	Oid			function;
	early_kind	kind;
	early_kind	commuted;
}			time_operators[] = {
	{F_TIMESTAMPTZ_GE, EARLY_SINCE, EARLY_UP_TO},
	{F_TIMESTAMPTZ_GT, EARLY_AFTER, EARLY_UNTIL},
	{F_TIMESTAMPTZ_LT, EARLY_UNTIL, EARLY_AFTER},
	{F_TIMESTAMPTZ_LE, EARLY_UP_TO, EARLY_SINCE},
};

typedef struct scan_state
{
	CustomScanState css;
	SetExprState *permissions;	/* of the function; it is not called */
	List	   *values;			/* ExprStates: since, until, then those of the conditions */
	List	   *kinds;
	List	   *columns;
	uint32		needed;
	bool		begun;
	hg_audit_rows rows;
} scan_state;

static set_rel_pathlist_hook_type previous_pathlist = NULL;

static bool
is_ours(const RangeTblEntry *rte)
{
	const RangeTblFunction *function;
	const FuncExpr *call;
	char	   *name;

	if (rte->rtekind != RTE_FUNCTION || rte->funcordinality || list_length(rte->functions) != 1)
		return false;
	function = (const RangeTblFunction *) linitial(rte->functions);
	if (!IsA(function->funcexpr, FuncExpr))
		return false;
	call = (const FuncExpr *) function->funcexpr;
	if (call->funcid < FirstNormalObjectId || list_length(call->args) != 2
		|| contain_subplans((Node *) call->args) || contain_var_clause((Node *) call->args))
		return false;
	name = get_func_name(call->funcid);
	if (name == NULL || (strcmp(name, "audit_read") != 0
						 && strcmp(name, "audit_export_read") != 0))
		return false;
	name = get_namespace_name(get_func_namespace(call->funcid));
	return name != NULL && strcmp(name, "hipaa_guard") == 0;
}

/* The column of a plain reference to the function's row, or -1. */
static int
column_of(const Node *node, Index relation)
{
	const Var  *var;

	while (node != NULL && IsA(node, RelabelType))
		node = (const Node *) ((const RelabelType *) node)->arg;
	if (node == NULL || !IsA(node, Var))
		return -1;
	var = (const Var *) node;
	if (var->varno != (int) relation || var->varlevelsup != 0 || var->varattno < 1
		|| var->varattno > HG_AUDIT_LOG_COLUMNS)
		return -1;
	return var->varattno - 1;
}

/* Whether a value can be had before the rows. */
static bool
is_early(Node *node)
{
	return !contain_var_clause(node) && !contain_subplans(node)
		&& !contain_volatile_functions(node);
}

typedef struct early_lists
{
	Index		relation;
	List	   *values;			/* expressions */
	List	   *kinds;
	List	   *columns;
} early_lists;

static void
early_add(early_lists *early, int column, early_kind kind, Node *value)
{
	early->values = lappend(early->values, value);
	early->kinds = lappend_int(early->kinds, kind);
	early->columns = lappend_int(early->columns, column);
}

static bool
is_text_filter(int column, Oid function, Oid collation)
{
	return column >= 0 && function == F_TEXTEQ && OidIsValid(collation)
		&& get_collation_isdeterministic(collation)
		&& hg_audit_filters_can((hg_audit_log_column) column);
}

static void
early_operator(early_lists *early, OpExpr *op)
{
	Node	   *left = linitial(op->args);
	Node	   *right = list_length(op->args) == 2 ? lsecond(op->args) : NULL;
	int			column = column_of(left, early->relation);
	bool		commuted = column < 0;

	if (right == NULL)
		return;
	if (commuted)
		column = column_of(right, early->relation);
	if (column < 0 || !is_early(commuted ? left : right))
		return;
	set_opfuncid(op);
	if (is_text_filter(column, op->opfuncid, op->inputcollid))
		early_add(early, column, EARLY_EQUAL, commuted ? left : right);
	for (size_t i = 0; column == HG_LOG_RECORDED_AT && i < lengthof(time_operators); i++)
	{
		if (time_operators[i].function == op->opfuncid)
			early_add(early, column, commuted ? time_operators[i].commuted
					  : time_operators[i].kind, commuted ? left : right);
	}
}

static void
early_array(early_lists *early, ScalarArrayOpExpr *op)
{
	int			column = column_of(linitial(op->args), early->relation);

	set_sa_opfuncid(op);
	if (op->useOr && is_text_filter(column, op->opfuncid, op->inputcollid)
		&& is_early(lsecond(op->args)))
		early_add(early, column, EARLY_ONE_OF, lsecond(op->args));
}

static void
early_condition(early_lists *early, Node *clause)
{
	Node	   *constant = (Node *) makeBoolConst(true, false);

	if (IsA(clause, OpExpr))
		early_operator(early, (OpExpr *) clause);
	else if (IsA(clause, ScalarArrayOpExpr))
		early_array(early, (ScalarArrayOpExpr *) clause);
	else if (column_of(clause, early->relation) == HG_LOG_PHI)
		early_add(early, HG_LOG_PHI, EARLY_TRUE, constant);
	else if (is_notclause(clause)
			 && column_of((Node *) get_notclausearg(clause), early->relation) == HG_LOG_PHI)
		early_add(early, HG_LOG_PHI, EARLY_FALSE, constant);
}

static Node *scan_state_create(CustomScan *plan);
static Plan *scan_plan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist,
					   List *clauses, List *plans);
static void scan_begin(CustomScanState *css, EState *estate, int flags);
static TupleTableSlot *scan_next(CustomScanState *css);
static void scan_end(CustomScanState *css);
static void scan_again(CustomScanState *css);
static void scan_explain(CustomScanState *css, List *ancestors, ExplainState *es);

#define SCAN_NAME "hipaa_guard audit trail"

static const CustomPathMethods path_methods = {
	.CustomName = SCAN_NAME,
	.PlanCustomPath = scan_plan,
};

static const CustomScanMethods scan_methods = {
	.CustomName = SCAN_NAME,
	.CreateCustomScanState = scan_state_create,
};

static const CustomExecMethods exec_methods = {
	.CustomName = SCAN_NAME,
	.BeginCustomScan = scan_begin,
	.ExecCustomScan = scan_next,
	.EndCustomScan = scan_end,
	.ReScanCustomScan = scan_again,
	.ExplainCustomScan = scan_explain,
};

static void
pathlist(PlannerInfo *root, RelOptInfo *rel, Index index, RangeTblEntry *rte)
{
	CustomPath *path;

	if (previous_pathlist)
		previous_pathlist(root, rel, index, rte);
	if (!is_ours(rte) || !bms_is_empty(rel->lateral_relids))
		return;
	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.rows = rel->rows;
	/* Never dearer than the function's own scan, which makes all rows first. */
	path->path.total_cost = rel->rows * cpu_tuple_cost;
	path->methods = &path_methods;
	add_path(rel, &path->path);
}

/* All columns of the function's row, as the scan's slot has them. */
static List *
slot_columns(const RangeTblFunction *function, Index index)
{
	TupleDesc	desc;
	List	   *columns = NIL;

	if (get_expr_result_type(function->funcexpr, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "audit_read() must return a row type");
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Var		   *var = makeVar((int) index, (AttrNumber) (i + 1), column->atttypid,
								  column->atttypmod, column->attcollation, 0);

		columns = lappend(columns, makeTargetEntry((Expr *) var, (AttrNumber) (i + 1),
												   pstrdup(NameStr(column->attname)), false));
	}
	return columns;
}

static Plan *
scan_plan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses,
		  List *plans)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	RangeTblFunction *function = (RangeTblFunction *) linitial(rte->functions);
	CustomScan *scan = makeNode(CustomScan);
	early_lists early = {rel->relid, NIL, NIL, NIL};
	Bitmapset  *used = NULL;
	List	   *needed = NIL;
	int			member = -1;
	ListCell   *cell;

	(void) plans;
	clauses = extract_actual_clauses(clauses, false);
	early.values = list_copy(((FuncExpr *) function->funcexpr)->args);
	foreach(cell, clauses)
		early_condition(&early, lfirst(cell));
	pull_varattnos((Node *) tlist, rel->relid, &used);
	pull_varattnos((Node *) clauses, rel->relid, &used);
	while ((member = bms_next_member(used, member)) >= 0)
		needed = lappend_int(needed, member + FirstLowInvalidHeapAttributeNumber - 1);
	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = clauses;
	scan->scan.scanrelid = 0;
	scan->flags = path->flags;
	scan->custom_scan_tlist = slot_columns(function, rel->relid);
	scan->custom_exprs = early.values;
	scan->custom_private = list_make4(copyObject(function->funcexpr), early.kinds, early.columns,
									  needed);
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

static Node *
scan_state_create(CustomScan *plan)
{
	scan_state *state = palloc0(sizeof(scan_state));

	(void) plan;
	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

static void
scan_begin(CustomScanState *css, EState *estate, int flags)
{
	scan_state *state = (scan_state *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	ListCell   *cell;

	(void) estate;
	state->kinds = lsecond(plan->custom_private);
	state->columns = lthird(plan->custom_private);
	foreach(cell, (List *) lfourth(plan->custom_private))
	{
		/* A whole row needs all columns. */
		state->needed |= lfirst_int(cell) < 0 ? UINT32_MAX : UINT32_C(1) << lfirst_int(cell);
	}
	/* But no more than the function has. */
	state->needed &= (UINT32_C(1) << list_length(plan->custom_scan_tlist)) - 1;
	state->values = ExecInitExprList(plan->custom_exprs, &css->ss.ps);
	if ((flags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		return;
	/* May the function be called; tells the hooks that it is. */
	state->permissions = ExecInitTableFunctionResult(linitial(plan->custom_private),
													 css->ss.ps.ps_ExprContext, &css->ss.ps);
	hg_audit_reader_check();
}

/* The strings of a text or of an array of texts. */
static hg_audit_string *
strings_of(Datum value, bool array, int *count)
{
	hg_audit_string *strings;
	Datum	   *elements = &value;
	bool	   *nulls = NULL;
	int			found = 0;

	*count = 1;
	if (array)
		deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements,
						  &nulls, count);
	strings = palloc(sizeof(*strings) * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		text	   *string;

		if (nulls != NULL && nulls[i])
			continue;
		string = DatumGetTextPP(elements[i]);
		strings[found++] = (hg_audit_string) {VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)};
	}
	*count = found;
	return strings;
}

static void
filter_add(hg_audit_filters *filters, early_kind kind, hg_audit_log_column column, Datum value)
{
	hg_audit_string *strings;
	int			count;

	switch (kind)
	{
		case EARLY_SINCE:
		case EARLY_AFTER:
			hg_audit_filters_since(filters, value, false);
			break;
		case EARLY_UNTIL:
			hg_audit_filters_until(filters, value, false);
			break;
		case EARLY_UP_TO:
			/* One microsecond more; infinity stays. */
			if (!TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(value)))
				value = TimestampTzGetDatum(DatumGetTimestampTz(value) + 1);
			hg_audit_filters_until(filters, value, false);
			break;
		case EARLY_EQUAL:
		case EARLY_ONE_OF:
			strings = strings_of(value, kind == EARLY_ONE_OF, &count);
			hg_audit_filters_text(filters, column, strings, count);
			break;
		case EARLY_TRUE:
		case EARLY_FALSE:
			filters->phi = kind == EARLY_TRUE;
			break;
	}
}

/* Reads the values and begins; what is compared with NULL lets nothing pass. */
static void
rows_begin(scan_state *state)
{
	ExprContext *context = state->css.ss.ps.ps_ExprContext;
	MemoryContext before = MemoryContextSwitchTo(state->css.ss.ps.state->es_query_cxt);
	hg_audit_filters filters;
	ListCell   *cell;
	int			at = 0;

	hg_audit_filters_init(&filters);
	foreach(cell, state->values)
	{
		bool		is_null;
		Datum		value = ExecEvalExpr((ExprState *) lfirst(cell), context, &is_null);

		if (at == 0)
			hg_audit_filters_since(&filters, value, is_null);
		else if (at == 1)
			hg_audit_filters_until(&filters, value, is_null);
		else if (is_null)
			filters.classes = 0;
		else
			filter_add(&filters, (early_kind) list_nth_int(state->kinds, at - 2),
					   (hg_audit_log_column) list_nth_int(state->columns, at - 2), value);
		at++;
	}
	hg_audit_rows_begin(&state->rows, &filters, state->needed);
	state->begun = true;
	MemoryContextSwitchTo(before);
}

static TupleTableSlot *
row_next(ScanState *ss)
{
	scan_state *state = (scan_state *) ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (!state->begun)
	{
		rows_begin(state);
		/* What is not needed stays NULL. */
		memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	}
	if (!hg_audit_rows_next(&state->rows, ss->ps.ps_ExprContext->ecxt_per_tuple_memory,
							slot->tts_values, slot->tts_isnull))
		return NULL;
	return ExecStoreVirtualTuple(slot);
}

static bool
row_recheck(ScanState *ss, TupleTableSlot *slot)
{
	(void) ss;
	(void) slot;
	return true;
}

static TupleTableSlot *
scan_next(CustomScanState *css)
{
	return ExecScan(&css->ss, row_next, row_recheck);
}

static void
scan_end(CustomScanState *css)
{
	scan_state *state = (scan_state *) css;

	if (state->begun)
		hg_audit_rows_end(&state->rows);
}

static void
scan_again(CustomScanState *css)
{
	scan_end(css);
	((scan_state *) css)->begun = false;
	ExecScanReScan(&css->ss);
}

/* Which columns are looked at early, and with ANALYZE, how many segments were read. */
static void
scan_explain(CustomScanState *css, List *ancestors, ExplainState *es)
{
	scan_state *state = (scan_state *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	List	   *names = NIL;
	ListCell   *cell;

	(void) ancestors;
	foreach(cell, state->columns)
	{
		TargetEntry *column = list_nth(plan->custom_scan_tlist, lfirst_int(cell));

		names = list_append_unique(names, makeString(column->resname));
	}
	if (names != NIL)
	{
		List	   *words = NIL;

		foreach(cell, names)
			words = lappend(words, strVal(lfirst(cell)));
		ExplainPropertyList("Filtered Early", words, es);
	}
	if (!es->analyze || !state->begun)
		return;
	ExplainPropertyInteger("Segments Read", NULL, state->rows.cursor.segments_read, es);
	ExplainPropertyInteger("Segments Passed Over", NULL, state->rows.cursor.segments_passed, es);
}

void
hg_audit_scan_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	previous_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = pathlist;
}
