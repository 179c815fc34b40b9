/*
 * utility.c
 *		A utility statement from the guard's view: its text before it runs, what
 *		it wrote into the catalogs afterwards.
 *
 * Statements nest (a function that creates tables), each with a level of its
 * own.  The parts that PostgreSQL makes of one statement (SUBCOMMAND) belong to
 * it: their text is part of the whole, and their objects are looked at when the
 * whole is done.
 */
#include "guard/utility.h"

#include "access/xact.h"
#include "base/guc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "guard/catalog.h"
#include "guard/fields.h"
#include "guard/lex.h"
#include "utils/memutils.h"

typedef struct level
{
	struct level *outer;
	hg_guard_command command;
	bool		derives_types;	/* makes no types but those of its relations */
	bool		transaction_ended;	/* CREATE INDEX CONCURRENTLY and the like commit inside */
	hg_guard_object *objects;	/* in TopTransactionContext */
	int			count;
	int			room;
} level;

static level *current = NULL;

/* A new relation's defaults come one by one behind it, and are read with it. */
#define REMEMBERED_RECENTLY 64

static bool
is_remembered(const level *l, Oid class, Oid object, int sub)
{
	for (int i = l->count - 1; i >= 0 && i >= l->count - REMEMBERED_RECENTLY; i--)
		if (l->objects[i].oid == object && l->objects[i].class == class)
			return l->objects[i].sub == sub || (l->objects[i].sub == 0 && l->objects[i].created);
	return false;
}

void
hg_guard_remember(Oid class, Oid object, int sub, bool created)
{
	level	   *l = current;

	if (l == NULL || (class == TypeRelationId && l->derives_types))
		return;
	/* These two hooks name the relation, not a row. */
	if (class == AttrDefaultRelationId || class == InheritsRelationId)
		class = RelationRelationId;
	if (is_remembered(l, class, object, sub))
		return;
	if (l->count == l->room)
	{
		l->room = l->room == 0 ? 32 : l->room * 2;
		if (l->objects == NULL)
			l->objects = MemoryContextAlloc(TopTransactionContext,
											l->room * sizeof(hg_guard_object));
		else
			l->objects = repalloc_huge(l->objects, l->room * sizeof(hg_guard_object));
	}
	l->objects[l->count++] = (hg_guard_object)
	{
		class, object, sub, created
	};
}

void
hg_guard_forget(void)
{
	hg_guard_new_statement();
	for (level *l = current; l != NULL; l = l->outer)
	{
		l->transaction_ended = true;
		l->objects = NULL;
		l->count = l->room = 0;
	}
}

static void
read_before(const hg_guard_judge *judge, const hg_guard_statement *kind, PlannedStmt *planned,
			const char *query_string)
{
	const char *sql = query_string + Max(planned->stmt_location, 0);
	size_t		size;

	/* Not the length of all that follows, which may be a long script. */
	if (planned->stmt_location >= 0 && planned->stmt_len > 0)
		size = strnlen(sql, planned->stmt_len);
	else
		size = strlen(sql);
	if (kind->reading == HG_READ_SLICE)
		hg_guard_read_slice(judge, kind, nodeTag(planned->utilityStmt), sql, size);
	else if (kind->reading == HG_READ_FIELDS)
		hg_guard_read_fields(judge, kind, planned->utilityStmt, sql, size);
}

static void
read_after(const hg_guard_judge *judge, level *l)
{
	if (l->count == 0 || l->transaction_ended)
		return;
	CommandCounterIncrement();
	for (int i = 0; i < l->count; i++)
		hg_guard_check_object(judge, &l->objects[i], &l->command);
}

/* Whether a statement may write names or texts that its own text does not show. */
static bool
may_write_more(const hg_guard_statement *kind)
{
	return kind->reading == HG_READ_SLICE || kind->reading == HG_READ_RESULT ||
		kind->tag == T_CreateTableAsStmt;
}

/* Names of row types and their arrays follow from the relation's, which is looked at itself. */
static bool
derives_types(Node *statement)
{
	return IsA(statement, CreateStmt) || IsA(statement, CreateTableAsStmt) ||
		IsA(statement, ViewStmt) || IsA(statement, CreateForeignTableStmt);
}

static bool
may_copy_comments(Node *statement)
{
	ListCell   *cell;

	if (IsA(statement, CreateStmt))
		foreach(cell, ((CreateStmt *) statement)->tableElts)
			if (IsA(lfirst(cell), TableLikeClause))
				return true;
	return IsA(statement, CreateSchemaStmt);
}

/* A table that takes nothing over from others has only the defaults that its statement states. */
static bool
states_defaults(Node *statement)
{
	return IsA(statement, CreateStmt) && ((CreateStmt *) statement)->inhRelations == NIL &&
		((CreateStmt *) statement)->ofTypename == NULL && !may_copy_comments(statement);
}

/* The extension's own script: it came with the package that the library came with. */
static bool
is_our_script(void)
{
	return creating_extension && CurrentExtensionObject == get_extension_oid("hipaa_guard", true);
}

/* Runs a statement while its objects are remembered in a level, or, without one, nowhere. */
static void
run_in_level(level *l, const hg_guard_judge *judge, ProcessUtility_hook_type next,
			 PlannedStmt *planned, const char *query_string, bool read_only_tree,
			 ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
			 DestReceiver *receiver, QueryCompletion *completion)
{
	level	   *outer = current;

	current = l;
	PG_TRY();
	{
		next(planned, query_string, read_only_tree, context, params, environment, receiver,
			 completion);
		if (l != NULL)
			read_after(judge, l);
	}
	PG_FINALLY();
	{
		current = outer;
	}
	PG_END_TRY();
	/* After an error the end of the transaction does it. */
	if (l != NULL && l->objects != NULL)
		pfree(l->objects);
}

void
hg_guard_run_utility(ProcessUtility_hook_type next, PlannedStmt *planned,
					 const char *query_string, bool read_only_tree,
					 ProcessUtilityContext context, ParamListInfo params,
					 QueryEnvironment *environment, DestReceiver *receiver,
					 QueryCompletion *completion)
{
	const hg_guard_statement *kind = hg_guard_statement_of(planned->utilityStmt);
	hg_guard_judge judge = {HG_DDL_OFF, 1, NULL};
	level		l = {.outer = current};

	if (kind->reading != HG_READ_NOT && context != PROCESS_UTILITY_SUBCOMMAND)
		judge = hg_guard_appoint(hg_guard_writes_shared(kind, planned->utilityStmt),
								 CreateCommandName(planned->utilityStmt));
	if (judge.policy != HG_DDL_OFF && is_our_script())
	{
		run_in_level(NULL, &judge, next, planned, query_string, read_only_tree, context, params,
					 environment, receiver, completion);
		return;
	}
	if (judge.policy != HG_DDL_OFF)
	{
		hg_guard_new_statement();
		read_before(&judge, kind, planned, query_string);
	}
	if (judge.policy == HG_DDL_OFF || !may_write_more(kind))
	{
		next(planned, query_string, read_only_tree, context, params, environment, receiver,
			 completion);
		return;
	}
	l.command.began = GetCurrentCommandId(false);
	l.derives_types = derives_types(planned->utilityStmt);
	l.command.copies_comments = may_copy_comments(planned->utilityStmt);
	l.command.states_defaults = states_defaults(planned->utilityStmt);
	run_in_level(&l, &judge, next, planned, query_string, read_only_tree, context, params,
				 environment, receiver, completion);
}
