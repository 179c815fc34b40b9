/*
 * hooks_utility.c
 *		Utility statements: DDL, roles, COPY, settings, functions, the rest.
 *
 * Transactions begin and end without an event of their own statement; their
 * end is one event where something was written or a block was open.
 */
#include "postgres.h"

#include "access/xact.h"
#include "audit/hooks.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "access/parallel.h"

static ProcessUtility_hook_type previous_utility = NULL;

static bool in_block = false;

/* Statements whose class their tag tells; others are ddl or misc by their log level. */
static const struct
{
	NodeTag		tag;
	hg_audit_class class;
}			classes[] = {
	{T_CopyStmt, HG_AUDIT_COPY},
	{T_VariableSetStmt, HG_AUDIT_CONFIG},
	{T_AlterSystemStmt, HG_AUDIT_CONFIG},
	{T_LoadStmt, HG_AUDIT_CONFIG},
	{T_CreateRoleStmt, HG_AUDIT_ROLE},
	{T_AlterRoleStmt, HG_AUDIT_ROLE},
	{T_AlterRoleSetStmt, HG_AUDIT_ROLE},
	{T_DropRoleStmt, HG_AUDIT_ROLE},
	{T_GrantRoleStmt, HG_AUDIT_ROLE},
	{T_GrantStmt, HG_AUDIT_ROLE},
	{T_AlterDefaultPrivilegesStmt, HG_AUDIT_ROLE},
	{T_ReassignOwnedStmt, HG_AUDIT_ROLE},
	{T_DropOwnedStmt, HG_AUDIT_ROLE},
	{T_DoStmt, HG_AUDIT_FUNCTION},
	{T_CallStmt, HG_AUDIT_FUNCTION},
	{T_TruncateStmt, HG_AUDIT_WRITE},
};

/* Statements that concern the cluster rather than the database they run in. */
static const NodeTag cluster_statements[] = {
	T_AlterSystemStmt, T_CreateRoleStmt, T_AlterRoleStmt, T_AlterRoleSetStmt, T_DropRoleStmt,
	T_GrantRoleStmt, T_CreatedbStmt, T_DropdbStmt, T_AlterDatabaseStmt, T_AlterDatabaseSetStmt,
	T_CreateTableSpaceStmt, T_DropTableSpaceStmt, T_AlterTableSpaceOptionsStmt,
};

static hg_audit_class
class_of(Node *node)
{
	for (size_t i = 0; i < lengthof(classes); i++)
	{
		if (nodeTag(node) == classes[i].tag)
			return classes[i].class;
	}
	return GetCommandLogLevel(node) == LOGSTMT_DDL ? HG_AUDIT_DDL : HG_AUDIT_MISC;
}

static bool
is_of_cluster(Node *node)
{
	for (size_t i = 0; i < lengthof(cluster_statements); i++)
	{
		if (nodeTag(node) == cluster_statements[i])
			return true;
	}
	return false;
}

/* What a statement is about, as far as its tree tells. */
typedef struct target
{
	const char *type;
	const char *schema;
	const char *name;
	List	   *columns;		/* of strings */
	bool		relation;		/* in pg_class, so that its schema can be looked up */
	bool		created;		/* in the schema where new relations go */
} target;

static void
target_range(target *t, const char *type, const RangeVar *range)
{
	if (range == NULL)
		return;
	t->type = type;
	t->schema = range->schemaname;
	t->name = range->relname;
	t->relation = true;
}

static void
target_created(target *t, const char *type, const RangeVar *range)
{
	target_range(t, type, range);
	t->created = range != NULL && range->relpersistence != RELPERSISTENCE_TEMP;
}

static void
target_names(target *t, const char *type, List *names)
{
	t->type = type;
	if (names == NIL)
		return;
	t->name = strVal(llast(names));
	if (list_length(names) > 1)
		t->schema = strVal(list_nth(names, list_length(names) - 2));
}

static const char *
object_type_name(ObjectType type)
{
	switch (type)
	{
		case OBJECT_TABLE:
			return "table";
		case OBJECT_VIEW:
			return "view";
		case OBJECT_MATVIEW:
			return "materialized view";
		case OBJECT_INDEX:
			return "index";
		case OBJECT_SEQUENCE:
			return "sequence";
		case OBJECT_SCHEMA:
			return "schema";
		case OBJECT_FUNCTION:
			return "function";
		case OBJECT_PROCEDURE:
			return "procedure";
		case OBJECT_TYPE:
			return "type";
		case OBJECT_DOMAIN:
			return "domain";
		case OBJECT_COLUMN:
			return "column";
		case OBJECT_DATABASE:
			return "database";
		case OBJECT_ROLE:
			return "role";
		case OBJECT_EXTENSION:
			return "extension";
		case OBJECT_TRIGGER:
			return "trigger";
		case OBJECT_POLICY:
			return "policy";
		case OBJECT_FOREIGN_TABLE:
			return "foreign table";
		default:
			return NULL;
	}
}

/* A column is told as its table's. */
static void
target_column(target *t, List *names)
{
	int			count = list_length(names);

	t->type = "column";
	t->relation = true;
	t->columns = list_make1(llast(names));
	if (count > 1)
		t->name = strVal(list_nth(names, count - 2));
	if (count > 2)
		t->schema = strVal(list_nth(names, count - 3));
}

static bool
is_relation(ObjectType type)
{
	return type == OBJECT_TABLE || type == OBJECT_VIEW || type == OBJECT_MATVIEW
		|| type == OBJECT_INDEX || type == OBJECT_SEQUENCE || type == OBJECT_FOREIGN_TABLE;
}

/* The name of a DROP's, COMMENT's or GRANT's object: a list, a string or a tree of its own. */
static void
target_node(target *t, const char *type, Node *object)
{
	t->type = type;
	if (object == NULL)
		return;
	if (IsA(object, List))
	{
		ListCell   *cell;

		foreach(cell, (List *) object)
		{
			if (!IsA(lfirst(cell), String))
				return;
		}
		target_names(t, type, (List *) object);
	}
	else if (IsA(object, String))
		t->name = strVal(object);
	else if (IsA(object, RangeVar))
		target_range(t, type, (RangeVar *) object);
	else if (IsA(object, ObjectWithArgs))
		target_names(t, type, ((ObjectWithArgs *) object)->objname);
	else if (IsA(object, TypeName))
		target_names(t, type, ((TypeName *) object)->names);
}

static void
target_of_definition(target *t, Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
			target_created(t, IsA(node, CreateStmt) ? "table" : "foreign table",
						   ((CreateStmt *) node)->relation);
			break;
		case T_CreateTableAsStmt:
			target_created(t, object_type_name(((CreateTableAsStmt *) node)->objtype),
						   ((CreateTableAsStmt *) node)->into->rel);
			break;
		case T_ViewStmt:
			target_created(t, "view", ((ViewStmt *) node)->view);
			break;
		case T_IndexStmt:
			target_range(t, "index", ((IndexStmt *) node)->relation);
			t->name = ((IndexStmt *) node)->idxname ? ((IndexStmt *) node)->idxname : t->name;
			break;
		case T_CreateSeqStmt:
			target_created(t, "sequence", ((CreateSeqStmt *) node)->sequence);
			break;
		case T_CreateFunctionStmt:
			target_names(t, ((CreateFunctionStmt *) node)->is_procedure ? "procedure" : "function",
						 ((CreateFunctionStmt *) node)->funcname);
			break;
		case T_CreateSchemaStmt:
			t->type = "schema";
			t->name = ((CreateSchemaStmt *) node)->schemaname;
			break;
		case T_CreateExtensionStmt:
			t->type = "extension";
			t->name = ((CreateExtensionStmt *) node)->extname;
			break;
		case T_CreateEnumStmt:
			target_names(t, "type", ((CreateEnumStmt *) node)->typeName);
			break;
		case T_CreateDomainStmt:
			target_names(t, "domain", ((CreateDomainStmt *) node)->domainname);
			break;
		case T_CompositeTypeStmt:
			target_created(t, "type", ((CompositeTypeStmt *) node)->typevar);
			break;
		case T_CreateTrigStmt:
			target_range(t, "trigger", ((CreateTrigStmt *) node)->relation);
			break;
		case T_CreatePolicyStmt:
			target_range(t, "policy", ((CreatePolicyStmt *) node)->table);
			break;
		default:
			break;
	}
}

/* The objects that a statement lists, for those that list any. */
static List *
listed(Node *node)
{
	switch (nodeTag(node))
	{
		case T_DropStmt:
			return ((DropStmt *) node)->objects;
		case T_GrantStmt:
			return ((GrantStmt *) node)->objects;
		case T_TruncateStmt:
			return ((TruncateStmt *) node)->relations;
		case T_DropRoleStmt:
			return ((DropRoleStmt *) node)->roles;
		default:
			return NIL;
	}
}

static void
target_of_listed(target *t, Node *node, Node *object)
{
	switch (nodeTag(node))
	{
		case T_DropStmt:
			target_node(t, object_type_name(((DropStmt *) node)->removeType), object);
			t->relation = is_relation(((DropStmt *) node)->removeType);
			break;
		case T_GrantStmt:
			target_node(t, object_type_name(((GrantStmt *) node)->objtype), object);
			break;
		case T_TruncateStmt:
			target_range(t, "table", (RangeVar *) object);
			break;
		default:
			t->type = "role";
			t->name = ((RoleSpec *) object)->rolename;
			break;
	}
}

static void
target_of_change(target *t, Node *node)
{
	switch (nodeTag(node))
	{
		case T_AlterTableStmt:
			target_range(t, object_type_name(((AlterTableStmt *) node)->objtype),
						 ((AlterTableStmt *) node)->relation);
			break;
		case T_RenameStmt:
			target_range(t, object_type_name(((RenameStmt *) node)->renameType),
						 ((RenameStmt *) node)->relation);
			if (t->name == NULL)
				target_node(t, t->type, ((RenameStmt *) node)->object);
			break;
		case T_CommentStmt:
			if (((CommentStmt *) node)->objtype == OBJECT_COLUMN)
				target_column(t, castNode(List, ((CommentStmt *) node)->object));
			else
				target_node(t, object_type_name(((CommentStmt *) node)->objtype),
							((CommentStmt *) node)->object);
			break;
		case T_SecLabelStmt:
			target_node(t, object_type_name(((SecLabelStmt *) node)->objtype),
						((SecLabelStmt *) node)->object);
			break;
		case T_RefreshMatViewStmt:
			target_range(t, "materialized view", ((RefreshMatViewStmt *) node)->relation);
			break;
		case T_CopyStmt:
			target_range(t, "table", ((CopyStmt *) node)->relation);
			t->columns = ((CopyStmt *) node)->attlist;
			break;
		default:
			target_of_definition(t, node);
			break;
	}
}

static void
target_of_one(target *t, Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateRoleStmt:
			t->type = "role";
			t->name = ((CreateRoleStmt *) node)->role;
			break;
		case T_AlterRoleStmt:
			t->type = "role";
			t->name = ((AlterRoleStmt *) node)->role->rolename;
			break;
		case T_AlterRoleSetStmt:
			t->type = "role";
			t->name = ((AlterRoleSetStmt *) node)->role
				? ((AlterRoleSetStmt *) node)->role->rolename : NULL;
			break;
		case T_CreatedbStmt:
			t->type = "database";
			t->name = ((CreatedbStmt *) node)->dbname;
			break;
		case T_DropdbStmt:
			t->type = "database";
			t->name = ((DropdbStmt *) node)->dbname;
			break;
		case T_AlterDatabaseStmt:
			t->type = "database";
			t->name = ((AlterDatabaseStmt *) node)->dbname;
			break;
		case T_AlterDatabaseSetStmt:
			t->type = "database";
			t->name = ((AlterDatabaseSetStmt *) node)->dbname;
			break;
		case T_VariableSetStmt:
			t->type = "setting";
			t->name = ((VariableSetStmt *) node)->name;
			break;
		case T_AlterSystemStmt:
			t->type = "setting";
			t->name = ((AlterSystemStmt *) node)->setstmt->name;
			break;
		default:
			target_of_change(t, node);
			break;
	}
}

/* Where a relation without a schema is made; InvalidOid: there is none. */
static Oid
creation_namespace(void)
{
	List	   *path = fetch_search_path(false);
	Oid			first = path == NIL ? InvalidOid : linitial_oid(path);

	list_free(path);
	return first;
}

/* Where a statement finds a relation without a schema; InvalidOid: nowhere. */
static Oid
found_namespace(const char *name)
{
	List	   *path = fetch_search_path(true);
	Oid			found = InvalidOid;
	ListCell   *cell;

	foreach(cell, path)
	{
		if (OidIsValid(get_relname_relid(name, lfirst_oid(cell))))
		{
			found = lfirst_oid(cell);
			break;
		}
	}
	list_free(path);
	return found;
}

/* What a statement is about: the object at a place of its list, or the only one. */
static void
target_of(target *t, Node *node, int at)
{
	List	   *list = listed(node);

	memset(t, 0, sizeof(*t));
	if (list != NIL)
		target_of_listed(t, node, list_nth(list, at));
	else
		target_of_one(t, node);
	/* A name without a schema is looked up as the statement does it, where that is possible. */
	if (t->relation && t->name != NULL && t->schema == NULL && IsTransactionState())
	{
		Oid			schema = t->created ? creation_namespace() : found_namespace(t->name);

		t->schema = OidIsValid(schema) ? get_namespace_name(schema) : NULL;
	}
}

/* One utility statement on its way. */
typedef struct utility
{
	hg_audit_event event;
	struct utility *outer;		/* that this one is nested in */
	Node	   *node;
	hg_audit_words action;
	hg_audit_words *objects;	/* allocated, and so is their data */
	int			objects_count;
	bool		resolved;		/* each has its schema, or can have none */
	hg_audit_words statement;
	int64		began_us;
	char		action_bundle[HG_AUDIT_BUNDLE_SIZE];
	char		statement_text[HG_AUDIT_STATEMENT_SIZE];
} utility;

static utility *running = NULL;

/* Names what the statement is about; again afterwards for what it has created. */
static void
objects_prepare(utility *u)
{
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	int			count = Max(list_length(listed(u->node)), 1);

	u->objects = palloc(count * sizeof(u->objects[0]));
	u->objects_count = 0;
	u->resolved = true;
	for (int i = 0; i < count; i++)
	{
		hg_audit_words *words = &u->objects[u->objects_count];
		ListCell   *cell;
		target		t;
		size_t		size;

		target_of(&t, u->node, i);
		if (t.type == NULL && t.name == NULL)
			continue;
		if (t.relation && t.schema == NULL)
			u->resolved = false;
		hg_audit_words_object(words, bundle, t.type, t.schema, t.name);
		size = words->size;
		foreach(cell, t.columns)
			size = hg_audit_bundle_name(bundle, size, strVal(lfirst(cell)));
		hg_audit_words_finish(words, memcpy(palloc(size), bundle, size), size);
		u->objects_count++;
	}
}

/* The server calls a transaction's end and the way back to a savepoint the same. */
static const char *
tag_of(Node *node)
{
	if (IsA(node, TransactionStmt) && ((TransactionStmt *) node)->kind == TRANS_STMT_ROLLBACK_TO)
		return "ROLLBACK TO SAVEPOINT";
	return GetCommandTagName(CreateCommandTag(node));
}

static void
utility_prepare(utility *u, PlannedStmt *plan, const char *text, hg_audit_class class)
{
	Node	   *node = plan->utilityStmt;
	uint32		parent = hg_audit_statement_begin();
	bool		cut;

	hg_audit_event_begin(&u->event, class, HG_AUDIT_SUCCESS);
	u->began_us = u->event.recorded_us;
	u->event.parent = parent;
	u->event.query_id = (int64) plan->queryId;
	if (is_of_cluster(node))
		u->event.flags |= HG_AUDIT_EVENT_CLUSTER;
	hg_audit_words_action(&u->action, u->action_bundle, tag_of(node), NULL);
	u->node = node;
	objects_prepare(u);
	/* A copy: nested statements use the cache meanwhile. */
	hg_audit_words_statement(&u->statement, text, plan->stmt_location, plan->stmt_len, &cut);
	if (u->statement.data != NULL)
	{
		memcpy(u->statement_text, u->statement.data, u->statement.size);
		u->statement.data = u->statement_text;
		u->statement.kept = NULL;
	}
	if (cut)
		u->event.flags |= HG_AUDIT_EVENT_CUT;
}

static void
utility_record(utility *u, hg_audit_outcome outcome, int sqlstate, int64 rows)
{
	u->event.outcome = (uint8) hg_audit_outcome_of(outcome, sqlstate);
	u->event.sqlstate = sqlstate;
	u->event.rows = rows;
	u->event.recorded_us = HG_AUDIT_US(GetCurrentTimestamp());
	u->event.duration_us = u->event.recorded_us - u->began_us;
	if (u->event.class != HG_AUDIT_MISC && u->event.class != HG_AUDIT_CONFIG)
		hg_audit_transaction_wrote = true;
	for (int i = 0; i < u->objects_count; i++)
		hg_audit_put(&u->event, &u->action, &u->objects[i], &u->statement);
	if (u->objects_count == 0)
		hg_audit_put(&u->event, &u->action, NULL, &u->statement);
}

/* Settings that decide what is recorded are told before they take effect. */
static bool
is_told_before(Node *node)
{
	const VariableSetStmt *set = NULL;

	if (IsA(node, VariableSetStmt))
		set = (VariableSetStmt *) node;
	else if (IsA(node, AlterSystemStmt))
		set = ((AlterSystemStmt *) node)->setstmt;
	if (set == NULL)
		return false;
	return set->name == NULL || pg_strncasecmp(set->name, "hipaa_guard.", 12) == 0
		|| pg_strncasecmp(set->name, "log_", 4) == 0
		|| pg_strcasecmp(set->name, "session_replication_role") == 0
		|| pg_strcasecmp(set->name, "shared_preload_libraries") == 0;
}

static bool
utility_wanted(Node *node, volatile hg_audit_class *class)
{
	if (IsParallelWorker())
		return false;
	*class = class_of(node);
	if (IsA(node, TransactionStmt))
	{
		switch (((TransactionStmt *) node)->kind)
		{
			case TRANS_STMT_PREPARE:
			case TRANS_STMT_COMMIT_PREPARED:
			case TRANS_STMT_ROLLBACK_PREPARED:
			case TRANS_STMT_SAVEPOINT:
			case TRANS_STMT_RELEASE:
			case TRANS_STMT_ROLLBACK_TO:
				break;
			case TRANS_STMT_BEGIN:
			case TRANS_STMT_START:
				in_block = true;
				return false;
			default:
				return false;
		}
	}
	return is_of_cluster(node) ? hg_audit_wanted_cluster(*class) : hg_audit_wanted(*class);
}

static void
utility_call(PlannedStmt *plan, const char *text, bool read_only, ProcessUtilityContext context,
			 ParamListInfo params, QueryEnvironment *environment, DestReceiver *dest,
			 QueryCompletion *completion)
{
	if (previous_utility)
		previous_utility(plan, text, read_only, context, params, environment, dest, completion);
	else
		standard_ProcessUtility(plan, text, read_only, context, params, environment, dest,
								completion);
}

static void
process_utility(PlannedStmt *plan, const char *text, bool read_only,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *dest, QueryCompletion *completion)
{
	volatile uint32 outer = hg_audit_running;
	volatile hg_audit_class class = HG_AUDIT_MISC;
	QueryCompletion own = {CMDTAG_UNKNOWN, 0};
	QueryCompletion *done = completion ? completion : &own;
	utility    *volatile u = NULL;

	if (!utility_wanted(plan->utilityStmt, &class))
	{
		utility_call(plan, text, read_only, context, params, environment, dest, completion);
		return;
	}
	if (IsTransactionState())
		hg_audit_session_refresh();
	u = palloc(sizeof(utility));
	utility_prepare(u, plan, text, class);
	if (is_told_before(plan->utilityStmt))
	{
		utility_record(u, HG_AUDIT_SUCCESS, 0, HG_AUDIT_NONE);
		u->event.class = HG_AUDIT_CLASSES;
	}
	hg_audit_running = u->event.statement;
	u->outer = running;
	running = u;
	PG_TRY();
	{
		utility_call(plan, text, read_only, context, params, environment, dest, done);
	}
	PG_CATCH();
	{
		hg_audit_running = outer;
		running = u->outer;
		u->event.class = (uint8) class;
		utility_record(u, HG_AUDIT_FAILURE, geterrcode(), HG_AUDIT_NONE);
		hg_audit_failure_recorded(geterrcode());
		PG_RE_THROW();
	}
	PG_END_TRY();
	hg_audit_running = outer;
	running = u->outer;
	if (!u->resolved && IsTransactionState())
		objects_prepare(u);
	if (u->event.class != HG_AUDIT_CLASSES)
		utility_record(u, HG_AUDIT_SUCCESS, 0,
					   class == HG_AUDIT_COPY || done->commandTag == CMDTAG_SELECT
					   ? (int64) done->nprocessed : HG_AUDIT_NONE);
}

void
hg_audit_utility_stopped(int sqlstate)
{
	for (; running != NULL; running = running->outer)
	{
		if (running->event.class != HG_AUDIT_CLASSES)
			utility_record(running, HG_AUDIT_FAILURE, sqlstate, HG_AUDIT_NONE);
	}
}

/* The end of a transaction, where an earlier event could depend on it. */
static void
transaction_record(const char *tag, hg_audit_outcome outcome)
{
	hg_audit_class class = hg_audit_transaction_wrote ? HG_AUDIT_WRITE : HG_AUDIT_MISC;
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	hg_audit_words action;
	hg_audit_event event;

	if (!hg_audit_wanted(class))
		return;
	hg_audit_event_begin(&event, class, outcome);
	event.statement = 0;
	hg_audit_words_action(&action, bundle, tag, NULL);
	hg_audit_put(&event, &action, NULL, NULL);
}

static void
transaction_ended(XactEvent what, void *unused)
{
	(void) unused;
	switch (what)
	{
		case XACT_EVENT_COMMIT:
			if (in_block && !IsParallelWorker())
				transaction_record("COMMIT", HG_AUDIT_SUCCESS);
			break;
		case XACT_EVENT_ABORT:
			if ((in_block || hg_audit_transaction_wrote) && !IsParallelWorker())
				transaction_record("ROLLBACK", HG_AUDIT_SUCCESS);
			break;
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	in_block = false;
	hg_audit_transaction_wrote = false;
	hg_audit_failure_recorded(0);
	hg_audit_transaction_number++;
}

void
hg_audit_utility_init(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(transaction_ended, NULL);
	hg_audit_transaction_number = 1;
}
