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
#include "audit/objects.h"
#include "audit/targets.h"
#include "base/compat.h"
#include "base/state.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "access/parallel.h"

static ProcessUtility_hook_type previous_utility = NULL;
static object_access_hook_type previous_access = NULL;

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

/* The type of the object, of statements for all types. */
static ObjectType
object_type_of(Node *node)
{
	switch (nodeTag(node))
	{
		case T_RenameStmt:
			return ((RenameStmt *) node)->renameType;
		case T_CommentStmt:
			return ((CommentStmt *) node)->objtype;
		case T_SecLabelStmt:
			return ((SecLabelStmt *) node)->objtype;
		case T_AlterOwnerStmt:
			return ((AlterOwnerStmt *) node)->objectType;
		case T_GrantStmt:
			return ((GrantStmt *) node)->objtype;
		default:
			return OBJECT_TABLE;
	}
}

static bool
changes_owner(Node *node)
{
	ListCell   *cell;

	if (!IsA(node, AlterTableStmt))
		return IsA(node, AlterOwnerStmt);
	foreach(cell, ((AlterTableStmt *) node)->cmds)
	{
		if (((AlterTableCmd *) lfirst(cell))->subtype == AT_ChangeOwner)
			return true;
	}
	return false;
}

static hg_audit_class
class_of(Node *node)
{
	if (object_type_of(node) == OBJECT_ROLE || changes_owner(node))
		return HG_AUDIT_ROLE;
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
	ObjectType	type = object_type_of(node);

	if (type == OBJECT_ROLE || type == OBJECT_DATABASE || type == OBJECT_TABLESPACE)
		return true;
	for (size_t i = 0; i < lengthof(cluster_statements); i++)
	{
		if (nodeTag(node) == cluster_statements[i])
			return true;
	}
	return false;
}

typedef struct object
{
	hg_audit_words words;
	bool		phi;
} object;

/* One utility statement on its way. */
typedef struct utility
{
	hg_audit_event event;
	struct utility *outer;		/* that this one is nested in */
	Node	   *node;
	hg_audit_words action;
	object	   *objects;		/* allocated, and so is their words' data */
	int			objects_count;
	int			objects_room;
	bool		touched;		/* more than it lists */
	bool		wanted;			/* whatever it is about; else only what is labelled */
	bool		resolved;		/* each has its schema, or can have none */
	hg_audit_words statement;
	int64		began_us;
	char		action_bundle[HG_AUDIT_BUNDLE_SIZE];
	char		statement_text[HG_AUDIT_STATEMENT_SIZE];
} utility;

static utility *running = NULL;

static void
object_add(utility *u, const char *bundle, size_t size, bool phi)
{
	MemoryContext context = GetMemoryChunkContext(u);
	object	   *added;

	if (u->objects_count == u->objects_room)
	{
		u->objects_room = Max(4, 2 * u->objects_room);
		u->objects = u->objects == NULL
			? MemoryContextAlloc(context, u->objects_room * sizeof(object))
			: repalloc(u->objects, u->objects_room * sizeof(object));
	}
	added = &u->objects[u->objects_count++];
	added->phi = phi;
	hg_audit_words_finish(&added->words, memcpy(MemoryContextAlloc(context, size), bundle, size),
						  size);
}

/* Data that leaves, or goes, by other ways than a query; rows of a partition are its root's. */
static bool
takes_data(Node *node)
{
	return IsA(node, CopyStmt) || IsA(node, TruncateStmt);
}

/* Names what the statement is about; again afterwards for what it has created. */
static void
objects_prepare(utility *u)
{
	char		bundle[HG_AUDIT_BUNDLE_SIZE];

	u->objects_count = 0;
	u->resolved = true;
	for (int i = 0; i < hg_audit_targets_count(u->node); i++)
	{
		hg_audit_words words;
		hg_audit_target t;
		ListCell   *cell;
		size_t		size;
		bool		phi;

		hg_audit_target_of(&t, u->node, i);
		if (t.type == NULL && t.name == NULL)
			continue;
		if (t.relation && t.schema == NULL)
			u->resolved = false;
		phi = OidIsValid(t.oid) && (takes_data(u->node) || IsA(u->node, DropStmt))
			&& hg_audit_relation_phi(t.oid, t.columns);
		if (OidIsValid(t.oid) && takes_data(u->node))
			hg_audit_relation_words(&words, bundle, hg_audit_relation_root(t.oid));
		else
			hg_audit_words_object(&words, bundle, t.type, t.schema, t.name);
		size = words.size;
		foreach(cell, t.columns)
			size = hg_audit_bundle_name(bundle, size, strVal(lfirst(cell)));
		object_add(u, bundle, size, phi);
	}
}

/* A table that a statement empties or drops, whether it names it or not: CASCADE, OWNED BY. */
static void
object_touched(utility *u, Oid relation)
{
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	char		kind = get_rel_relkind(relation);
	hg_audit_words words;

	if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX || kind == RELKIND_TOASTVALUE
		|| kind == RELKIND_COMPOSITE_TYPE || kind == '\0')
		return;
	hg_audit_relation_words(&words, bundle, IsA(u->node, TruncateStmt)
							? hg_audit_relation_root(relation) : relation);
	for (int i = 0; i < u->objects_count; i++)
	{
		if (u->objects[i].words.size == words.size
			&& memcmp(u->objects[i].words.data, words.data, words.size) == 0)
			return;
	}
	object_add(u, words.data, words.size, hg_audit_relation_phi(relation, NIL));
	u->touched = true;
}

static void
object_access(ObjectAccessType access, Oid class, Oid id, int sub, void *argument)
{
	if (previous_access)
		previous_access(access, class, id, sub, argument);
	if (running == NULL || IsParallelWorker() || class != RelationRelationId || sub != 0)
		return;
	/* What the server makes and drops for itself, to rewrite a table say, is none. */
	if (access == OAT_TRUNCATE
		|| (access == OAT_DROP
			&& (((ObjectAccessDrop *) argument)->dropflags & PERFORM_DELETION_INTERNAL) == 0))
		object_touched(running, id);
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
	{
		u->event.flags = (u->event.flags & ~HG_AUDIT_EVENT_PHI)
			| (u->objects[i].phi ? HG_AUDIT_EVENT_PHI : 0);
		if (u->wanted || u->objects[i].phi)
			hg_audit_put(&u->event, &u->action, &u->objects[i].words, &u->statement);
	}
	if (u->objects_count == 0 && u->wanted)
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
class_wanted(Node *node, hg_audit_class class)
{
	return is_of_cluster(node) ? hg_audit_wanted_cluster(class) : hg_audit_wanted(class);
}

/* "whole": whatever it is about. */
static bool
utility_wanted(Node *node, volatile hg_audit_class *class, volatile bool *whole)
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
	*whole = class_wanted(node, *class);
	/* Who emptied what is labelled is always told in a flagged database. */
	return *whole
		|| (IsA(node, TruncateStmt) && hg_audit_ring_shared != NULL && hg_state_ready()
			&& hg_state_database_flagged());
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
	volatile bool whole = false;
	QueryCompletion own = {CMDTAG_UNKNOWN, 0};
	QueryCompletion *done = completion ? completion : &own;
	utility    *volatile u = NULL;

	if (!utility_wanted(plan->utilityStmt, &class, &whole))
	{
		utility_call(plan, text, read_only, context, params, environment, dest, completion);
		return;
	}
	if (IsTransactionState())
		hg_audit_session_refresh();
	/* Not its bundles, which are most of it. */
	u = memset(palloc(sizeof(utility)), 0, offsetof(utility, action_bundle));
	u->wanted = whole;
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
	if (!u->resolved && !u->touched && IsTransactionState())
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
	previous_access = object_access_hook;
	object_access_hook = object_access;
	RegisterXactCallback(transaction_ended, NULL);
	hg_audit_transaction_number = 1;
}
