/*
 * follow.c
 *		Labels follow the data: into the columns of tables, materialized views
 *		and views that are made from labelled ones, into children and copies of
 *		a table's form, and into generated columns.
 *
 * The source of a column is searched in the query as it was parsed, through
 * sub-selects, joins, set operations, common table expressions, and views that
 * are older than the label.  A column that comes from one category keeps it;
 * from several, it is labelled without one.  What a function reads inside is
 * not seen, nor what INSERT ... SELECT puts into a table that is there already.
 * Locks: AccessShareLock on catalogs and views.
 */
#include "project/columns.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/state.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/prepare.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "project/project.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

typedef struct search
{
	List	   *levels;			/* queries around the node, the innermost first */
	List	   *visited;		/* columns of recursive expressions that were looked at */
	List	   *views;			/* those we are inside of */
	char	   *label;			/* of what was found so far, NULL: nothing */
} search;

static void search_column(search *s, const Query *query, int column, List *outer);
static bool search_node(Node *node, void *context);

/* Two categories make none. */
static char *
merged(char *one, char *other)
{
	if (one == NULL || other == NULL)
		return one ? one : other;
	return strcmp(one, other) == 0 ? one : pstrdup(HG_LABEL_PHI);
}

static int
columns_count(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	int			count = 0;

	if (HeapTupleIsValid(tuple))
	{
		count = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
		ReleaseSysCache(tuple);
	}
	return count;
}

/* The query of a view, as the rewriter has it; NULL if the relation is none. */
static const Query *
query_of_view(Oid view)
{
	Relation	rel;
	const Query *query = NULL;

	if (get_rel_relkind(view) != RELKIND_VIEW)
		return NULL;
	rel = table_open(view, AccessShareLock);
	for (int i = 0; rel->rd_rules && i < rel->rd_rules->numLocks; i++)
		if (rel->rd_rules->rules[i]->event == CMD_SELECT)
			query = copyObject(linitial_node(Query, rel->rd_rules->rules[i]->actions));
	table_close(rel, NoLock);
	return query;
}

/* Column 0 is the whole row. A view may be older than the labels below it, or read itself. */
static void
search_relation(search *s, Oid relation, int column)
{
	const Query *view;

	if (column == 0)
	{
		int			count = columns_count(relation);

		for (column = 1; column <= count; column++)
			search_relation(s, relation, column);
		return;
	}
	if (hg_project_column_is_phi(relation, (AttrNumber) column))
		s->label = merged(s->label, hg_columns_label_of(relation, (AttrNumber) column));
	else if (!list_member_oid(s->views, relation) && (view = query_of_view(relation)) != NULL)
	{
		s->views = lappend_oid(s->views, relation);
		search_column(s, view, column, NIL);
		s->views = list_delete_last(s->views);
	}
}

static void
search_every_column(search *s, const Query *query, int column, List *outer)
{
	int			count = list_length(query->targetList);

	if (query->commandType != CMD_SELECT)
		count = list_length(query->returningList);
	if (column > 0)
		search_column(s, query, column, outer);
	for (int i = 1; column == 0 && i <= count; i++)
		search_column(s, query, i, outer);
}

/* A recursive expression reads itself: each of its columns is looked at once. */
static void
search_common(search *s, const RangeTblEntry *entry, int column, List *levels)
{
	const Query *home;
	ListCell   *cell;

	if ((int) entry->ctelevelsup >= list_length(levels))
		return;
	levels = list_copy_tail(levels, entry->ctelevelsup);
	home = linitial(levels);
	foreach(cell, home->cteList)
	{
		CommonTableExpr *common = lfirst_node(CommonTableExpr, cell);
		char	   *mark = psprintf("%p.%d", common, column);
		ListCell   *seen;
		bool		found = false;

		if (strcmp(common->ctename, entry->ctename) != 0)
			continue;
		foreach(seen, s->visited)
			found |= strcmp(lfirst(seen), mark) == 0;
		if (found)
			return;
		s->visited = lappend(s->visited, mark);
		search_every_column(s, castNode(Query, common->ctequery), column, levels);
		return;
	}
}

static void
search_join(search *s, const RangeTblEntry *entry, int column)
{
	if (column == 0)
		(void) search_node((Node *) entry->joinaliasvars, s);
	else
		(void) search_node(list_nth(entry->joinaliasvars, column - 1), s);
}

static void
search_var(search *s, const Var *var)
{
	List	   *levels = list_copy_tail(s->levels, var->varlevelsup);
	List	   *callers = s->levels;
	const Query *query = levels == NIL ? NULL : linitial(levels);
	RangeTblEntry *entry;

	if (query == NULL || var->varattno < 0 || (int) var->varno > list_length(query->rtable))
		return;
	entry = rt_fetch(var->varno, query->rtable);
	s->levels = levels;
	switch (entry->rtekind)
	{
		case RTE_RELATION:
			search_relation(s, entry->relid, var->varattno);
			break;
		case RTE_SUBQUERY:
			search_every_column(s, entry->subquery, var->varattno, levels);
			break;
		case RTE_JOIN:
			search_join(s, entry, var->varattno);
			break;
		case RTE_CTE:
			search_common(s, entry, var->varattno, levels);
			break;
		case RTE_FUNCTION:
			(void) search_node((Node *) entry->functions, s);
			break;
		case RTE_TABLEFUNC:
			(void) search_node((Node *) entry->tablefunc, s);
			break;
		case RTE_VALUES:
			(void) search_node((Node *) entry->values_lists, s);
			break;
		default:
			if (HG_RTE_GROUP_EXPRS(entry) != NIL)
				(void) search_node(list_nth(HG_RTE_GROUP_EXPRS(entry), var->varattno - 1), s);
			break;
	}
	s->levels = callers;
}

/* Of a sub-select all of it counts but what it reads from and does not use. */
static bool
search_node(Node *node, void *context)
{
	search	   *s = context;

	check_stack_depth();
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		const Query *query = (Query *) node;
		List	   *callers = s->levels;
		int			count = query->setOperations ? list_length(query->targetList) : 0;

		for (int i = 1; i <= count; i++)
			search_column(s, query, i, callers);
		s->levels = lcons(node, list_copy(callers));
		(void) query_tree_walker((Query *) node, search_node, s, QTW_IGNORE_RANGE_TABLE |
								 QTW_IGNORE_CTE_SUBQUERIES);
		s->levels = callers;
		return false;
	}
	if (IsA(node, Var))
		search_var(s, (Var *) node);
	return expression_tree_walker(node, search_node, context);
}

/* All branches of a set operation give its column. */
static void
search_branches(search *s, const Query *query, Node *operation, int column, List *levels)
{
	if (IsA(operation, SetOperationStmt))
	{
		search_branches(s, query, ((SetOperationStmt *) operation)->larg, column, levels);
		search_branches(s, query, ((SetOperationStmt *) operation)->rarg, column, levels);
	}
	else if (IsA(operation, RangeTblRef))
	{
		RangeTblEntry *entry = rt_fetch(((RangeTblRef *) operation)->rtindex, query->rtable);

		if (entry->rtekind == RTE_SUBQUERY)
			search_column(s, entry->subquery, column, levels);
	}
}

/* One column of a query's result; "outer" are the queries around it. */
static void
search_column(search *s, const Query *query, int column, List *outer)
{
	List	   *callers = s->levels;
	List	   *targets = query->commandType == CMD_SELECT ? query->targetList :
		query->returningList;
	TargetEntry *target = get_tle_by_resno(targets, (AttrNumber) column);

	check_stack_depth();
	s->levels = lcons(unconstify(Query *, query), list_copy(outer));
	if (query->setOperations)
		search_branches(s, query, query->setOperations, column, s->levels);
	else if (target)
		(void) search_node((Node *) target->expr, s);
	s->levels = callers;
}

/* ---- into new relations ---- */

/* Whether what a command is to make is there. What is wrong with its name, the command says. */
static bool
is_there(const RangeVar *range)
{
	RangeVar	named = *range;

	if (named.schemaname != NULL)
		named.relpersistence = RELPERSISTENCE_PERMANENT;
	return OidIsValid(RangeVarGetRelid(&named, NoLock, true));
}

static void
label_unless_labelled(Oid relation, AttrNumber column, const char *label)
{
	if (label && !hg_project_column_is_phi(relation, column))
	{
		hg_columns_set_label(relation, column, label);
		CommandCounterIncrement();
	}
}

/* A label, or "", for each column of a query's result. */
static List *
labels_of_query(const Query *query)
{
	List	   *labels = NIL;
	ListCell   *cell;

	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		search		s = {0};

		if (entry->resjunk)
			continue;
		search_column(&s, query, entry->resno, NIL);
		labels = lappend(labels, s.label ? s.label : "");
	}
	return labels;
}

static void
put_labels(Oid relation, const List *labels)
{
	AttrNumber	column = 0;
	ListCell   *cell;

	foreach(cell, labels)
	{
		const char *label = lfirst(cell);

		column++;
		label_unless_labelled(relation, column, *label ? label : NULL);
	}
}

/* CREATE TABLE ... AS EXECUTE has its query in the prepared statement. */
static List *
labels_for_table(const CreateTableAsStmt *stmt)
{
	Query	   *query = (Query *) stmt->query;

	/* IF NOT EXISTS would make nothing. */
	if (!IsA(query, Query) || is_there(stmt->into->rel))
		return NIL;
	if (query->commandType == CMD_UTILITY && IsA(query->utilityStmt, ExecuteStmt))
	{
		PreparedStatement *prepared =
			FetchPreparedStatement(((ExecuteStmt *) query->utilityStmt)->name, false);

		query = prepared && prepared->plansource->query_list != NIL ?
			linitial_node(Query, prepared->plansource->query_list) : NULL;
	}
	return query && query->commandType == CMD_SELECT ? labels_of_query(query) : NIL;
}

static void
follow_view(const ViewStmt *stmt)
{
	Oid			view = RangeVarGetRelid(stmt->view, NoLock, true);
	const Query *query = OidIsValid(view) ? query_of_view(view) : NULL;

	if (query)
		put_labels(view, labels_of_query(query));
}

/* ---- into children and copies ---- */

static void
label_from_relation(Oid relation, const RangeVar *range)
{
	Oid			source = RangeVarGetRelid(range, NoLock, true);
	int			count = OidIsValid(source) ? columns_count(source) : 0;

	for (AttrNumber column = 1; column <= count; column++)
	{
		char	   *name;
		AttrNumber	same;

		if (!hg_project_column_is_phi(source, column))
			continue;
		name = get_attname(source, column, true);
		same = name ? get_attnum(relation, name) : 0;
		if (same > 0)
			label_unless_labelled(relation, same, hg_columns_label_of(source, column));
	}
}

/* Partitions count as labelled where their root is, and need no labels of their own. */
static List *
sources_of_table(const CreateStmt *stmt)
{
	List	   *sources = NIL;
	ListCell   *cell;

	if (stmt->partbound || is_there(stmt->relation))
		return NIL;
	sources = list_copy(stmt->inhRelations);
	foreach(cell, stmt->tableElts)
		if (IsA(lfirst(cell), TableLikeClause))
			sources = lappend(sources, lfirst_node(TableLikeClause, cell)->relation);
	return sources;
}

static void
follow_created(const CreateStmt *stmt, const List *sources)
{
	Oid			relation = RangeVarGetRelid(stmt->relation, NoLock, true);
	ListCell   *cell;

	foreach(cell, sources)
		if (OidIsValid(relation))
			label_from_relation(relation, lfirst_node(RangeVar, cell));
}

static void
follow_labelled(const SecLabelStmt *stmt)
{
	List	   *table;
	Oid			relation;

	if (stmt->objtype != OBJECT_COLUMN || stmt->label == NULL)
		return;
	table = list_copy(castNode(List, stmt->object));
	table = list_truncate(table, list_length(table) - 1);
	relation = RangeVarGetRelid(makeRangeVarFromNameList(table), NoLock, true);
	if (OidIsValid(relation))
		hg_columns_label_generated(relation);
}

static void
follow_altered(const AlterTableStmt *stmt)
{
	Oid			relation = RangeVarGetRelid(stmt->relation, NoLock, true);
	ListCell   *cell;

	if (!OidIsValid(relation))
		return;
	foreach(cell, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, cell);

		if (cmd->subtype == AT_AddInherit)
			label_from_relation(relation, castNode(RangeVar, cmd->def));
	}
	hg_columns_label_generated(relation);
}

/* ---- into generated columns ---- */

/* The label that a generated column gets from those it is computed from. */
static char *
label_of_expression(Oid relation, Node *expression)
{
	Bitmapset  *columns = NULL;
	char	   *label = NULL;
	int			member = -1;

	pull_varattnos(expression, 1, &columns);
	while ((member = bms_next_member(columns, member)) >= 0)
	{
		AttrNumber	column = (AttrNumber) (member + FirstLowInvalidHeapAttributeNumber);

		if (column > 0 && hg_project_column_is_phi(relation, column))
			label = merged(label, hg_columns_label_of(relation, column));
	}
	return label;
}

static bool
has_generated(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attgenerated != '\0')
			return true;
	return false;
}

void
hg_columns_label_generated(Oid relation)
{
	Relation	rel;
	TupleDesc	desc = NULL;

	if (!hg_state_database_flagged() ||
		(get_rel_relkind(relation) != RELKIND_RELATION &&
		 get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE))
		return;
	CommandCounterIncrement();
	rel = table_open(relation, AccessShareLock);
	if (has_generated(RelationGetDescr(rel)))
		desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	table_close(rel, NoLock);
	for (int i = 0; desc && desc->constr && i < desc->constr->num_defval; i++)
	{
		AttrNumber	column = desc->constr->defval[i].adnum;

		if (TupleDescAttr(desc, column - 1)->attgenerated != '\0')
			label_unless_labelled(relation, column,
								  label_of_expression(relation,
													  stringToNode(desc->constr->defval[i].adbin)));
	}
}

/* ---- a command ---- */

/* What is to be known of a command before it runs, since it changes its own tree. */
List *
hg_columns_sources(Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateTableAsStmt:
			return labels_for_table((CreateTableAsStmt *) node);
		case T_CreateStmt:
			return sources_of_table((CreateStmt *) node);
		default:
			return NIL;
	}
}

/* "sources" is what hg_columns_sources() has given. */
void
hg_columns_follow(Node *node, const List *sources)
{
	switch (nodeTag(node))
	{
		case T_CreateTableAsStmt:
			if (sources == NIL)
				return;
			CommandCounterIncrement();
			put_labels(RangeVarGetRelid(((CreateTableAsStmt *) node)->into->rel, NoLock, false),
					   sources);
			break;
		case T_ViewStmt:
			CommandCounterIncrement();
			follow_view((ViewStmt *) node);
			break;
		case T_CreateStmt:
			if (sources == NIL)
				return;
			CommandCounterIncrement();
			follow_created((CreateStmt *) node, sources);
			break;
		case T_AlterTableStmt:
			CommandCounterIncrement();
			follow_altered((AlterTableStmt *) node);
			break;
		case T_SecLabelStmt:
			follow_labelled((SecLabelStmt *) node);
			break;
		default:
			break;
	}
}
