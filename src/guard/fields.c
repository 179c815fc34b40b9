/*
 * fields.c
 *		Statements of which only a few fields are stored, read from their tree.
 *
 * What else stands in them is a reference, the old name of something, or data:
 * a rename that removes a finding passes, and so does the query of a cursor.
 */
#include "guard/fields.h"

#include "guard/lex.h"
#include "nodes/primnodes.h"
#include "nodes/value.h"
#include "utils/guc.h"

static void
check_name(const hg_guard_judge *judge, hg_guard_at at, const char *name)
{
	if (name != NULL)
		hg_guard_check(judge, at, name, strlen(name), true);
}

static void
check_literal(const hg_guard_judge *judge, hg_guard_at at, const char *text)
{
	if (text != NULL)
		hg_guard_check_literal(judge, at, text, strlen(text));
}

/* The values of WITH (...) and the like. */
static void
check_options(const hg_guard_judge *judge, hg_guard_at at, List *options)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		check_name(judge, HG_AT_OPTION_NAME, option->defname);
		if (option->arg != NULL && IsA(option->arg, String))
			check_literal(judge, at, strVal(option->arg));
	}
}

static void
check_setting(const hg_guard_judge *judge, VariableSetStmt *set)
{
	ListCell   *cell;

	/* What set_config() computed may be on its way into a catalog, and be gone at the commit. */
	if (set->kind == VAR_SET_CURRENT)
		check_literal(judge, hg_guard_setting_of(set->name),
					  GetConfigOption(set->name, true, false));
	/* RESET takes text away, and SET ... TO DEFAULT brings none. */
	if (set->kind != VAR_SET_VALUE && set->kind != VAR_SET_MULTI)
		return;
	check_name(judge, HG_AT_SETTING_NAME, set->name);
	foreach(cell, set->args)
	{
		Node	   *value = lfirst(cell);

		if (IsA(value, TypeCast))
			value = ((TypeCast *) value)->arg;
		if (IsA(value, A_Const) && !((A_Const *) value)->isnull &&
			nodeTag(&((A_Const *) value)->val) == T_String)
			check_literal(judge, hg_guard_setting_of(set->name), strVal(&((A_Const *) value)->val));
	}
}

/* The names of CREATE TABLE AS; of a materialized view the query is stored too. */
static void
check_create_as(const hg_guard_judge *judge, const hg_guard_statement *kind,
				CreateTableAsStmt *create, const char *sql, size_t size)
{
	ListCell   *cell;
	Query	   *query = (Query *) create->query;

	check_name(judge, create->objtype == OBJECT_MATVIEW ? HG_AT_VIEW_NAME : HG_AT_TABLE_NAME,
			   create->into->rel->relname);
	foreach(cell, create->into->colNames)
		check_name(judge, HG_AT_COLUMN_NAME, strVal(lfirst(cell)));
	check_options(judge, HG_AT_PARAMETER, create->into->options);
	if (IsA(query, Query) && query->commandType == CMD_SELECT)
		foreach(cell, query->targetList)
			check_name(judge, HG_AT_COLUMN_NAME, lfirst_node(TargetEntry, cell)->resname);
	if (create->objtype == OBJECT_MATVIEW)
		hg_guard_read_slice(judge, kind, T_CreateTableAsStmt, sql, size);
}

static void
check_transaction(const hg_guard_judge *judge, TransactionStmt *transaction)
{
	if (transaction->kind == TRANS_STMT_SAVEPOINT)
		check_name(judge, HG_AT_SAVEPOINT_NAME, transaction->savepoint_name);
	else if (transaction->kind == TRANS_STMT_PREPARE)
		check_literal(judge, HG_AT_TRANSACTION_ID, transaction->gid);
}

void
hg_guard_read_fields(const hg_guard_judge *judge, const hg_guard_statement *kind,
					 Node *statement, const char *sql, size_t size)
{
	switch (nodeTag(statement))
	{
		case T_RenameStmt:
			check_name(judge, hg_guard_name_of(((RenameStmt *) statement)->renameType),
					   ((RenameStmt *) statement)->newname);
			break;
		case T_CommentStmt:
			check_literal(judge, HG_AT_COMMENT, ((CommentStmt *) statement)->comment);
			break;
		case T_SecLabelStmt:
			check_literal(judge, HG_AT_LABEL, ((SecLabelStmt *) statement)->label);
			break;
		case T_AlterEnumStmt:
			check_literal(judge, HG_AT_ENUM_LABEL, ((AlterEnumStmt *) statement)->newVal);
			break;
		case T_CreateTableAsStmt:
			check_create_as(judge, kind, (CreateTableAsStmt *) statement, sql, size);
			break;
		case T_VariableSetStmt:
			check_setting(judge, (VariableSetStmt *) statement);
			break;
		case T_AlterRoleSetStmt:
			check_setting(judge, ((AlterRoleSetStmt *) statement)->setstmt);
			break;
		case T_AlterDatabaseSetStmt:
			check_setting(judge, ((AlterDatabaseSetStmt *) statement)->setstmt);
			break;
		case T_AlterSystemStmt:
			check_setting(judge, ((AlterSystemStmt *) statement)->setstmt);
			break;
		case T_TransactionStmt:
			check_transaction(judge, (TransactionStmt *) statement);
			break;
		case T_PrepareStmt:
			check_name(judge, HG_AT_STATEMENT_NAME, ((PrepareStmt *) statement)->name);
			break;
		case T_DeclareCursorStmt:
			check_name(judge, HG_AT_CURSOR_NAME, ((DeclareCursorStmt *) statement)->portalname);
			break;
		case T_NotifyStmt:
			check_name(judge, HG_AT_CHANNEL, ((NotifyStmt *) statement)->conditionname);
			check_literal(judge, HG_AT_PAYLOAD, ((NotifyStmt *) statement)->payload);
			break;
		case T_ListenStmt:
			check_name(judge, HG_AT_CHANNEL, ((ListenStmt *) statement)->conditionname);
			break;
		case T_CopyStmt:
			check_literal(judge, HG_AT_FILE, ((CopyStmt *) statement)->filename);
			check_options(judge, HG_AT_OPTION, ((CopyStmt *) statement)->options);
			break;
		default:
			Assert(false);
			break;
	}
}

bool
hg_guard_writes_shared(const hg_guard_statement *kind, const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_RenameStmt:
			return hg_guard_is_shared(((const RenameStmt *) statement)->renameType);
		case T_CommentStmt:
			return hg_guard_is_shared(((const CommentStmt *) statement)->objtype);
		case T_SecLabelStmt:
			return hg_guard_is_shared(((const SecLabelStmt *) statement)->objtype);
		default:
			return kind->cluster;
	}
}
