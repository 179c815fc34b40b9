/*
 * constants.c
 *		Constants of queries that become metadata: arguments of functions, and
 *		rows of system catalogs.
 *
 * Only what the query itself says is seen: an argument that is computed from
 * columns or passed as a parameter is not.  What set_config() puts into a
 * setting is seen at the end of the transaction all the same (settings.c).
 */
#include "guard/constants.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/guc.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "guard/texts.h"
#include "guard/verdict.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

#define ARGUMENTS_MAX 3

/* What the arguments of a function become. HG_AT_NONE: nothing that stays. */
typedef struct function_row
{
	const char *name;
	hg_guard_at arguments[ARGUMENTS_MAX];
} function_row;

static const function_row functions[] = {
	{"set_config", {HG_AT_SETTING_NAME, HG_AT_SETTING}},
	{"pg_notify", {HG_AT_CHANNEL, HG_AT_PAYLOAD}},
	{"pg_create_physical_replication_slot", {HG_AT_SLOT_NAME}},
	{"pg_create_logical_replication_slot", {HG_AT_SLOT_NAME, HG_AT_LIBRARY}},
	{"pg_copy_physical_replication_slot", {HG_AT_NONE, HG_AT_SLOT_NAME}},
	{"pg_copy_logical_replication_slot", {HG_AT_NONE, HG_AT_SLOT_NAME}},
	{"pg_replication_origin_create", {HG_AT_ORIGIN_NAME}},
	{"pg_logical_emit_message", {HG_AT_NONE, HG_AT_WAL_MESSAGE, HG_AT_WAL_MESSAGE}},
	{"pg_create_restore_point", {HG_AT_BACKUP_LABEL}},
	{"pg_backup_start", {HG_AT_BACKUP_LABEL}},
	{"lo_import", {HG_AT_FILE}},
	{"lo_export", {HG_AT_NONE, HG_AT_FILE}},
};

/* The functions by OID, which is fixed for what initdb made. */
typedef struct function_oid
{
	Oid			oid;
	const function_row *row;
} function_oid;

#define OIDS_MAX 32
static function_oid oids[OIDS_MAX];
static int	oids_count = -1;

static void
look_up_functions(void)
{
	oids_count = 0;
	for (size_t i = 0; i < lengthof(functions); i++)
	{
		CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP,
											   CStringGetDatum(functions[i].name));

		for (int j = 0; j < list->n_members && oids_count < OIDS_MAX; j++)
		{
			Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(&list->members[j]->tuple);

			if (proc->pronamespace == PG_CATALOG_NAMESPACE && proc->oid < FirstNormalObjectId)
				oids[oids_count++] = (function_oid)
			{
				proc->oid, &functions[i]
			};
		}
		ReleaseSysCacheList(list);
	}
}

static const function_row *
function_of(Oid oid)
{
	if (oid >= FirstNormalObjectId)
		return NULL;
	for (int i = 0; i < oids_count; i++)
		if (oids[i].oid == oid)
			return oids[i].row;
	return NULL;
}

typedef struct query_state
{
	const hg_guard_judge *judge;
	hg_guard_at at;
} query_state;

static bool
check_constant(void *arg, const char *text, size_t size, bool is_name)
{
	query_state *q = arg;

	/* Names in a query are aliases and columns, which nothing stores. */
	if (!is_name)
		hg_guard_check_literal(q->judge, q->at, text, size);
	return false;
}

/* The setting that a call of set_config() names, when it does so by a constant. */
static hg_guard_at
setting_of(FuncExpr *call)
{
	Node	   *name = linitial(call->args);

	if (!IsA(name, Const) || ((Const *) name)->constisnull)
		return HG_AT_SETTING;
	return hg_guard_setting_of(TextDatumGetCString(((Const *) name)->constvalue));
}

static void
check_call(const hg_guard_judge *judge, FuncExpr *call, const function_row *row)
{
	for (int i = 0; i < ARGUMENTS_MAX && i < list_length(call->args); i++)
	{
		query_state q = {judge, row->arguments[i]};

		if (q.at == HG_AT_NONE)
			continue;
		if (q.at == HG_AT_SETTING)
			q.at = setting_of(call);
		hg_guard_each_constant(list_nth(call->args, i), check_constant, &q);
	}
}

static bool
walk(Node *node, const hg_guard_judge *judge)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr))
	{
		const function_row *row = function_of(((FuncExpr *) node)->funcid);

		if (row != NULL)
			check_call(judge, (FuncExpr *) node, row);
	}
	else if (IsA(node, Query))
		return query_tree_walker((Query *) node, walk, unconstify(hg_guard_judge *, judge), 0);
	return expression_tree_walker(node, walk, unconstify(hg_guard_judge *, judge));
}

/* Rows that a query writes into a catalog, or into a view over settings. */
static bool
writes_catalog(Query *query)
{
	RangeTblEntry *target;

	if (query->resultRelation == 0 || query->commandType == CMD_DELETE)
		return false;
	target = rt_fetch(query->resultRelation, query->rtable);
	return target->rtekind == RTE_RELATION && target->relid < FirstNormalObjectId &&
		target->relid != LargeObjectRelationId;
}

void
hg_guard_read_query(Query *query)
{
	hg_guard_judge judge;

	if (query->commandType == CMD_UTILITY)
		return;
	judge = hg_guard_appoint(false, "SELECT");
	if (judge.policy == HG_DDL_OFF)
		return;
	if (oids_count < 0)
		look_up_functions();
	if (writes_catalog(query))
	{
		query_state q = {&judge, HG_AT_CATALOG_ROW};

		judge.command = query->commandType == CMD_INSERT ? "INSERT" : "UPDATE";
		hg_guard_each_constant((Node *) query, check_constant, &q);
	}
	else
		walk((Node *) query, &judge);
}
