/*
 * refuse.c
 *		The room's hooks on utility statements and objects, and the one way in
 *		which it refuses.
 *
 * Each refusal is an event of the audit trail, which is not transactional, so
 * it outlives the abort that follows.  The hooks only dispatch.
 */
#include "project/refuse.h"

#include "audit/audit.h"
#include "base/errors.h"
#include "base/state.h"
#include "catalog/dependency.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "project/columns.h"
#include "project/connections.h"
#include "project/flag.h"
#include "project/gates.h"
#include "project/project.h"
#include "tcop/utility.h"

static object_access_hook_type previous_object_access = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

void
hg_refuse(const hg_refusal *refusal)
{
	bool		may_pass = refusal->sqlstate == HG_ERRCODE_WEAKEN ||
		refusal->sqlstate == HG_ERRCODE_FEATURE;
	bool		passes = may_pass &&
		(hg_project_glass_broken() || hg_state_flag() == HG_FLAG_RESTORING);

	hg_audit_record(HG_AUDIT_GUARD, passes ? HG_AUDIT_SUCCESS : HG_AUDIT_REFUSED,
					refusal->command, refusal->object_type, refusal->object_name,
					refusal->sqlstate, refusal->what);
	ereport(passes ? WARNING : ERROR,
			(errcode(refusal->sqlstate),
			 errmsg("%s", refusal->message),
			 refusal->detail ? errdetail("%s", refusal->detail) : 0,
			 errhint("%s", refusal->hint)));
}

/* ---- objects ---- */

static void
drop_database(Oid database)
{
	char	   *label;

	if (hg_state_flag_of(database) == HG_FLAG_OFF)
		return;
	label = hg_label_of_database(database);
	if (label == NULL || !hg_label_deletion_approved(label))
		hg_refuse(&(hg_refusal) {
			HG_ERRCODE_FLAG, "DROP DATABASE", "database", get_database_name(database), "flag",
			"a HIPAA project cannot be dropped without an approved request",
			"Its data and its part of the audit trail would be lost.",
			"Call hipaa_guard.request_deletion() in it, export the audit trail, and have a member "
			"of the approver role call hipaa_guard.approve_deletion()."
		});
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "DROP DATABASE", "database",
					get_database_name(database), 0, "approved deletion");
	hg_flag_touch(database);
}

static void
object_access(ObjectAccessType access, Oid class, Oid object, int sub_object, void *arg)
{
	if (previous_object_access)
		previous_object_access(access, class, object, sub_object, arg);
	if (IsBinaryUpgrade || !hg_state_cluster_flagged())
		return;
	if (access == OAT_DROP && class == DatabaseRelationId)
		drop_database(object);
	if (access == OAT_DROP && class == AuthIdRelationId)
		hg_membership_at_drop(object);
	if (!hg_state_database_flagged())
		return;
	switch (access)
	{
		case OAT_DROP:
			hg_own_at_drop(class, object, ((ObjectAccessDrop *) arg)->dropflags);
			break;
		case OAT_POST_CREATE:
			hg_own_at_create(class, object, arg && ((ObjectAccessPostCreate *) arg)->is_internal);
			break;
		case OAT_POST_ALTER:
			hg_own_at_alter(class, object, arg && ((ObjectAccessPostAlter *) arg)->is_internal);
			break;
		case OAT_TRUNCATE:
			hg_own_at_truncate(object);
			break;
		case OAT_FUNCTION_EXECUTE:
			hg_gates_function(object);
			break;
		default:
			break;
	}
}

/* ---- utility statements ---- */

/* pg_dump writes the label as it was; taken back, it is that of a database not sealed yet. */
static PlannedStmt *
begin_restore(PlannedStmt *planned)
{
	planned = copyObject(planned);
	castNode(SecLabelStmt, planned->utilityStmt)->label = HG_LABEL_RESTORING;
	return planned;
}

static bool
is_flag_of_dump(const Node *node)
{
	const SecLabelStmt *stmt = (const SecLabelStmt *) node;

	return IsA(node, SecLabelStmt) && stmt->objtype == OBJECT_DATABASE && stmt->provider &&
		strcmp(stmt->provider, HG_PROVIDER) == 0 && stmt->label && !IsBinaryUpgrade &&
		(strncmp(stmt->label, HG_LABEL_ON, strlen(HG_LABEL_ON)) == 0 ||
		 strncmp(stmt->label, HG_LABEL_RESTORING, strlen(HG_LABEL_RESTORING)) == 0);
}

static Oid
template_of(const CreatedbStmt *stmt)
{
	const char *name = "template1";
	ListCell   *cell;

	foreach(cell, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "template") == 0 && option->arg)
			name = defGetString(option);
	}
	return get_database_oid(name, true);
}

/* The copy of a flagged database has everything but the label, which is in a shared catalog. */
static void
flag_copy(const char *name, Oid source)
{
	hg_flag		flag = hg_state_flag_of(source);

	if (flag == HG_FLAG_OFF)
		return;
	hg_label_set_database(get_database_oid(name, false), hg_label_text(flag));
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "CREATE DATABASE", "database", name, 0,
					"copy of a flagged database");
}

/* What the part after the command wants to know of columns. */
static List *
before_utility(Node *node, const char *command)
{
	if (IsBinaryUpgrade || !hg_state_cluster_flagged())
		return NIL;
	hg_settings_before_utility(node, command);
	if (!hg_state_database_flagged())
		return NIL;
	hg_connections_before_statement();
	/* Other statements might have to be the first of their transaction. */
	if (IsA(node, ListenStmt))
		hg_idle_read_exemptions();
	hg_own_before_utility(node, command);
	hg_gates_before_utility(node, command);
	return hg_columns_before_utility(node, command);
}

static void
utility(PlannedStmt *planned, const char *query, bool read_only, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *node = planned->utilityStmt;
	ProcessUtility_hook_type next = previous_utility ? previous_utility : standard_ProcessUtility;
	Oid			source = InvalidOid;
	char	   *version = NULL;
	hg_memberships *memberships = NULL;
	List	   *sources;
	const char *command = GetCommandTagName(CreateCommandTag(node));

	if (is_flag_of_dump(node))
		planned = begin_restore(planned);
	else if (IsA(node, CreatedbStmt))
		source = template_of((CreatedbStmt *) node);
	else if (IsA(node, AlterExtensionStmt))
		version = hg_own_version();
	sources = before_utility(node, command);
	if (!IsBinaryUpgrade && hg_state_cluster_flagged())
	{
		memberships = hg_membership_before_utility(node);
		planned = hg_bulk_before_utility(planned);
	}
	next(planned, query, read_only, context, params, env, dest, qc);
	if (OidIsValid(source))
		flag_copy(((CreatedbStmt *) node)->dbname, source);
	if (memberships)
		hg_membership_after_utility(memberships);
	if (version)
		hg_own_after_utility(node, version);
	if (!IsBinaryUpgrade && hg_state_database_flagged())
		hg_columns_after_utility(node, command, sources);
	if (!IsBinaryUpgrade && hg_state_cluster_flagged())
		hg_gates_after_utility(node, command);
}

void
hg_refuse_init(void)
{
	hg_own_init();
	hg_settings_init();
	hg_gates_init();
	hg_bulk_init();
	previous_object_access = object_access_hook;
	object_access_hook = object_access;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
