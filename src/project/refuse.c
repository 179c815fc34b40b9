/*
 * refuse.c
 *		Refuses what would take the flag of a database away.
 *
 * Each refusal is an event of the audit trail, which is not transactional, so
 * it outlives the abort that follows.
 */
#include "project/refuse.h"

#include "audit/audit.h"
#include "base/errors.h"
#include "base/state.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/seclabel.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "project/flag.h"
#include "tcop/utility.h"

#define EXTENSION "hipaa_guard"

static object_access_hook_type previous_object_access = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

static void
refuse_drop_database(Oid database)
{
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_REFUSED, "DROP DATABASE", "database",
					get_database_name(database), HG_ERRCODE_FLAG, "flag");
	ereport(ERROR,
			(errcode(HG_ERRCODE_FLAG),
			 errmsg("a HIPAA project cannot be dropped without an approved request"),
			 errdetail("Its data and its part of the audit trail would be lost."),
			 errhint("Call hipaa_guard.request_deletion() in it, export the audit trail, and have "
					 "a member of the approver role call hipaa_guard.approve_deletion().")));
}

static void
refuse_drop_extension(void)
{
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_REFUSED, "DROP EXTENSION", "extension", EXTENSION,
					HG_ERRCODE_FLAG, "flag");
	ereport(ERROR,
			(errcode(HG_ERRCODE_FLAG),
			 errmsg("extension \"hipaa_guard\" cannot be dropped from a HIPAA project"),
			 errdetail("A database stays a HIPAA project until it is dropped."),
			 errhint("Drop the database, after hipaa_guard.request_deletion().")));
}

static void
at_drop(Oid class, Oid object)
{
	if (class == DatabaseRelationId)
	{
		if (hg_state_flag_of(object) != HG_FLAG_OFF)
			refuse_drop_database(object);
	}
	else if (class == ExtensionRelationId && hg_state_database_flagged() &&
			 object == get_extension_oid(EXTENSION, true))
		refuse_drop_extension();
}

static void
object_access(ObjectAccessType access, Oid class, Oid object, int sub_object, void *arg)
{
	if (previous_object_access)
		previous_object_access(access, class, object, sub_object, arg);
	if (IsBinaryUpgrade)
		return;
	if (access == OAT_DROP)
		at_drop(class, object);
}

/* pg_dump writes the label as it was; taken back, it is that of a database not sealed yet. */
static PlannedStmt *
begin_restore(PlannedStmt *planned)
{
	SecLabelStmt *stmt;
	const char *rest;

	planned = copyObject(planned);
	stmt = castNode(SecLabelStmt, planned->utilityStmt);
	rest = stmt->label + strlen(HG_LABEL_ON);
	stmt->label = psprintf("%s%s", HG_LABEL_RESTORING, rest);
	return planned;
}

static bool
is_flag_of_dump(const Node *node)
{
	const SecLabelStmt *stmt = (const SecLabelStmt *) node;

	return IsA(node, SecLabelStmt) && stmt->objtype == OBJECT_DATABASE && stmt->provider &&
		strcmp(stmt->provider, HG_PROVIDER) == 0 && stmt->label && !IsBinaryUpgrade &&
		strncmp(stmt->label, HG_LABEL_ON, strlen(HG_LABEL_ON)) == 0;
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
flag_copy(const CreatedbStmt *stmt, Oid source)
{
	char	   *label = OidIsValid(source) ? hg_label_of_database(source) : NULL;

	if (label == NULL && hg_state_flag_of(source) == HG_FLAG_OFF)
		return;
	hg_label_set_database(get_database_oid(stmt->dbname, false), label ? label : HG_LABEL_ON);
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "CREATE DATABASE", "database",
					stmt->dbname, 0, "copy of a flagged database");
}

static void
utility(PlannedStmt *planned, const char *query, bool read_only, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *node = planned->utilityStmt;
	ProcessUtility_hook_type next = previous_utility ? previous_utility : standard_ProcessUtility;
	Oid			source = InvalidOid;

	if (is_flag_of_dump(node))
		planned = begin_restore(planned);
	if (IsA(node, CreatedbStmt))
		source = template_of((CreatedbStmt *) node);
	next(planned, query, read_only, context, params, env, dest, qc);
	if (OidIsValid(source))
		flag_copy((CreatedbStmt *) node, source);
}

void
hg_refuse_init(void)
{
	previous_object_access = object_access_hook;
	object_access_hook = object_access;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
