/*
 * own.c
 *		Keeps the extension's own objects as they are in a flagged database, and
 *		the catalogs that hold the flag.
 *
 * Its tables change by its own functions only: the function manager's hook
 * counts how deep we are inside them.  Its objects change by its own update
 * scripts only.  Everything here is asked for flagged databases alone.
 */
#include "project/refuse.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "audit/audit.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/state.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_database.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_shseclabel.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "project/connections.h"
#include "project/project.h"
#include "replication/logicalworker.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/*
 * The catalogs that hold the flag; those of the cluster are guarded from its
 * other databases too.  The guard room refuses changes of any catalog (PH002);
 * those by which the guard could be blinded stay out of reach with the glass
 * broken as well.
 */
static const struct
{
	Oid			catalog;
	bool		shared;
	bool		behind_glass;
}			guarded_catalogs[] = {
	{SharedSecLabelRelationId, true, false},
	{SecLabelRelationId, false, false},
	{ExtensionRelationId, false, false},
	{ProcedureRelationId, false, false},
	{DatabaseRelationId, true, true},
	{NamespaceRelationId, false, true},
	{RelationRelationId, false, true},
	{AttributeRelationId, false, true},
	{TriggerRelationId, false, true},
	{RewriteRelationId, false, true},
	{DependRelationId, false, true},
	{LanguageRelationId, false, true},
};

/* Objects that belong to a relation and have no schema of their own. */
static const struct
{
	Oid			class;
	Oid			oid_index;
	AttrNumber	oid_column;
	AttrNumber	relation_column;
}			parts[] = {
	{TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, Anum_pg_trigger_tgrelid},
	{RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, Anum_pg_rewrite_ev_class},
	{PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, Anum_pg_policy_polrelid},
};

static ExecutorCheckPerms_hook_type previous_check_perms = NULL;
static fmgr_hook_type previous_fmgr = NULL;
static needs_fmgr_hook_type previous_needs_fmgr = NULL;

#define OWN_FRAMES_MAX 64

/*
 * How deep we are in functions that the manager calls, and at which depths
 * one of ours is: at the end of a function nothing can be looked up any more.
 */
static int	depth = 0;
static int	own_frames[OWN_FRAMES_MAX];
static int	own_depth = 0;

/* A function of a user that ours came to call, by a cast or an operator, is not one of ours. */
static bool
inside_own(void)
{
	return own_depth > 0 && own_frames[own_depth - 1] == depth;
}

/* Whether the last function asked about is ours; forgotten when functions or schemas change. */
static Oid	asked_function = InvalidOid;
static bool asked_is_own = false;

Oid
hg_own_schema(void)
{
	return get_namespace_oid(HG_EXTENSION, true);
}

/* A dump makes our schema before the extension, and sets its owner. */
static bool
is_installed(void)
{
	return OidIsValid(get_extension_oid(HG_EXTENSION, true));
}

bool
hg_own_relation(Oid relation)
{
	Oid			schema = get_rel_namespace(relation);

	return OidIsValid(schema) && schema == hg_own_schema() && is_installed();
}

/* An update script of ours is running. */
static bool
updating(void)
{
	return creating_extension && CurrentExtensionObject == get_extension_oid(HG_EXTENSION, true);
}

static void
refuse(const char *command, const char *object_type, const char *object_name)
{
	hg_refuse(&(hg_refusal) {
		HG_ERRCODE_FLAG, command, object_type, object_name, "own object",
		"the objects of hipaa_guard cannot be changed in a HIPAA project",
		"They hold the flag of this database, or enforce what follows from it.",
		"Use the functions of hipaa_guard; a newer version comes by ALTER EXTENSION ... UPDATE."
	});
}

/* ---- what is ours ---- */

/* One OID column of a row that may be as new as this command. */
static Oid
column_of(Oid class, Oid index, AttrNumber oid_column, Oid object, AttrNumber wanted)
{
	Relation	rel = table_open(class, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;
	bool		isnull;

	ScanKeyInit(&key, oid_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(rel, index, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = DatumGetObjectId(heap_getattr(tuple, wanted, RelationGetDescr(rel), &isnull));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static Oid
relation_of_part(Oid class, Oid object)
{
	for (size_t i = 0; i < lengthof(parts); i++)
		if (parts[i].class == class)
			return column_of(class, parts[i].oid_index, parts[i].oid_column, object,
							 parts[i].relation_column);
	return InvalidOid;
}

/* A relation that is being made or dropped is known by what the server has open. */
static bool
is_foreign_relation(Oid object, Oid schema)
{
	Relation	relation = RelationIdGetRelation(object);
	bool		foreign = RelationIsValid(relation) && RelationGetNamespace(relation) != schema;

	if (RelationIsValid(relation))
		RelationClose(relation);
	return foreign;
}

/*
 * In our schema, or a part of a relation of it.  "member": or taken out of our
 * schema by the command that runs.  Other kinds of objects we have none of, or
 * PostgreSQL's own dependencies hold them.
 */
static bool
is_own(Oid class, Oid object, bool member)
{
	Oid			schema = hg_own_schema();
	Oid			relation;

	if (!OidIsValid(schema))
		return false;
	if (class == NamespaceRelationId)
		return object == schema && is_installed();
	if (class == RelationRelationId && !member && is_foreign_relation(object, schema))
		return false;
	if (class == RelationRelationId || class == ProcedureRelationId)
	{
		if (column_of(class, get_object_oid_index(class), get_object_attnum_oid(class), object,
					  get_object_attnum_namespace(class)) == schema)
			return is_installed();
		return member && is_installed() &&
			getExtensionOfObject(class, object) == get_extension_oid(HG_EXTENSION, true);
	}
	relation = relation_of_part(class, object);
	return OidIsValid(relation) && hg_own_relation(relation);
}

static const char *
name_of(Oid class, Oid object)
{
	return class == RelationRelationId ? get_rel_name(object) :
		class == ProcedureRelationId ? get_func_name(object) : NULL;
}

/* ---- object access ---- */

void
hg_own_at_drop(Oid class, Oid object, int drop_flags)
{
	if (updating())
		return;
	if (class == ExtensionRelationId && object == get_extension_oid(HG_EXTENSION, true))
		hg_refuse(&(hg_refusal) {
			HG_ERRCODE_FLAG, "DROP EXTENSION", "extension", HG_EXTENSION, "flag",
			"extension \"hipaa_guard\" cannot be dropped from a HIPAA project",
			"A database stays a HIPAA project until it is dropped.",
			"Drop the database, after hipaa_guard.request_deletion()."
		});
	if ((drop_flags & PERFORM_DELETION_INTERNAL) == 0 && is_own(class, object, false))
		refuse("DROP", "object", name_of(class, object));
}

/*
 * Ours call the server's functions and operators by name: one that fits the
 * arguments better would run inside them, with their rights.
 */
static void
check_called_by_name(const char *command, Oid class, Oid object)
{
	if ((class != ProcedureRelationId && class != OperatorRelationId) || creating_extension ||
		column_of(class, get_object_oid_index(class), get_object_attnum_oid(class), object,
				  get_object_attnum_namespace(class)) != PG_CATALOG_NAMESPACE)
		return;
	hg_refuse(&(hg_refusal) {
		HG_ERRCODE_FLAG, command, "function", name_of(class, object), "schema pg_catalog",
		"functions and operators of pg_catalog cannot be changed in a HIPAA project",
		"The functions of hipaa_guard call them by name, and would run what stands there.",
		"Use another schema; extensions may add to pg_catalog."
	});
}

void
hg_own_at_create(Oid class, Oid object, bool internal)
{
	if (internal || updating())
		return;
	if (is_own(class, object, false))
		refuse("CREATE", "object", name_of(class, object));
	check_called_by_name("CREATE", class, object);
}

void
hg_own_at_alter(Oid class, Oid object, bool internal)
{
	if (internal || updating())
		return;
	if (is_own(class, object, true))
		refuse("ALTER", "object", name_of(class, object));
	check_called_by_name("ALTER", class, object);
}

void
hg_own_at_truncate(Oid relation)
{
	for (size_t i = 0; i < lengthof(guarded_catalogs); i++)
		if (relation == guarded_catalogs[i].catalog)
			refuse("TRUNCATE", "system catalog", get_rel_name(relation));
	if (!inside_own() && !updating() && hg_own_relation(relation))
		refuse("TRUNCATE", "table", get_rel_name(relation));
}

/* Inside one of ours it is fine. */
void
hg_own_called(Oid function)
{
	if (!inside_own() && get_func_namespace(function) == hg_own_schema())
		refuse("EXECUTE", "function", get_func_name(function));
}

/* ---- data ---- */

/* While a restore goes on, rows arrive; nothing else changes them. */
static bool
may_change(AclMode rights)
{
	return inside_own() || updating() ||
		(hg_state_flag() == HG_FLAG_RESTORING && (rights & (ACL_UPDATE | ACL_DELETE)) == 0);
}

static const char *
verb_of(AclMode rights)
{
	return rights & ACL_DELETE ? "DELETE" : rights & ACL_UPDATE ? "UPDATE" : "INSERT";
}

static void
check_relation(Oid relation, AclMode rights)
{
	bool		flagged = hg_state_database_flagged();

	for (size_t i = 0; i < lengthof(guarded_catalogs); i++)
		if (relation == guarded_catalogs[i].catalog && !updating() &&
			(flagged || guarded_catalogs[i].shared) &&
			(!guarded_catalogs[i].behind_glass ||
			 (hg_project_glass_broken() && !creating_extension)))
			hg_refuse(&(hg_refusal) {
				HG_ERRCODE_FLAG, verb_of(rights), "system catalog", get_rel_name(relation),
				"direct change of a catalog",
				"the catalogs that hold the HIPAA flag cannot be changed directly",
				"Labels, extensions and functions of a project change by their commands only.",
				"Use the command that changes the object."
			});
	if (flagged && hg_own_relation(relation) && !may_change(rights))
		refuse(verb_of(rights), "table", get_rel_name(relation));
}

static bool
check_perms(HG_CHECK_PERMS_ARGS)
{
	if (!IsBinaryUpgrade && hg_state_cluster_flagged())
	{
		ListCell   *cell;

		if (hg_state_database_flagged() && !IsParallelWorker())
		{
			hg_connections_before_statement();
			hg_idle_read_exemptions();
		}
		foreach(cell, HG_CHECK_PERMS_LIST)
		{
			hg_permission *needed = (hg_permission *) lfirst(cell);
			AclMode		rights = needed->requiredPerms & (ACL_INSERT | ACL_UPDATE | ACL_DELETE);

			if (rights != 0 && OidIsValid(needed->relid))
				check_relation(needed->relid, rights);
		}
	}
	return previous_check_perms == NULL || previous_check_perms(HG_CHECK_PERMS_PASS);
}

PG_FUNCTION_INFO_V1(hg_not_by_replication);

/*
 * Trigger on each table of ours.  The worker that applies what a publisher sent
 * asks no hook.  It leaves the row out and goes on, since a publication FOR ALL
 * TABLES of another project has our tables in it; a TRUNCATE cannot be left out.
 */
Datum
hg_not_by_replication(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *table;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "hipaa_guard.not_by_replication() is a trigger function");
	if (IsLogicalWorker() && !IsBinaryUpgrade && hg_state_database_flagged())
	{
		table = RelationGetRelationName(trigger->tg_relation);
		if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
			refuse("TRUNCATE", "table", table);
		hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_REFUSED, "REPLICATION", "table", table,
						HG_ERRCODE_FLAG, "row left out");
		PG_RETURN_POINTER(NULL);
	}
	PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple :
					  trigger->tg_trigtuple);
}

static bool
is_own_function(Oid function)
{
	if (function != asked_function)
	{
		/* Only what may write counts: the others may run code of users. */
		asked_is_own = func_volatile(function) == PROVOLATILE_VOLATILE &&
			get_func_namespace(function) == hg_own_schema() &&
			getExtensionOfObject(ProcedureRelationId, function) ==
			get_extension_oid(HG_EXTENSION, true);
		asked_function = function;
	}
	return asked_is_own;
}

static void
forget_asked(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	asked_function = InvalidOid;
}

/* What ours look up is counted as well. */
static bool
needs_counting(Oid function)
{
	return (own_depth > 0 && function >= FirstNormalObjectId) ||
		(previous_needs_fmgr != NULL && previous_needs_fmgr(function));
}

/* Called for functions with a SET clause, which all of ours have, and where counting is needed. */
static void
function_manager(FmgrHookEventType event, FmgrInfo *info, Datum *arg)
{
	if (event == FHET_START)
	{
		depth++;
		if (own_depth < OWN_FRAMES_MAX && info->fn_oid >= FirstNormalObjectId &&
			is_own_function(info->fn_oid))
			own_frames[own_depth++] = depth;
	}
	else
	{
		if (own_depth > 0 && own_frames[own_depth - 1] == depth)
			own_depth--;
		depth = Max(0, depth - 1);
	}
	if (previous_fmgr)
		previous_fmgr(event, info, arg);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT)
		depth = own_depth = 0;
}

/* ---- utility statements ---- */

/* The relation a statement is about, if there is one, is looked up without a lock. */
static bool
is_own_range(const RangeVar *range)
{
	Oid			relation = range ? RangeVarGetRelid(range, NoLock, true) : InvalidOid;

	return OidIsValid(relation) && hg_own_relation(relation);
}

static bool
names_own(ObjectType kind, RangeVar *of, Node *object)
{
	Relation	rel = NULL;
	ObjectAddress address = of ?
		get_object_address_rv(kind, of, (List *) object, &rel, AccessShareLock, true) :
		get_object_address(kind, object, &rel, AccessShareLock, true);

	if (rel)
		table_close(rel, NoLock);
	return OidIsValid(address.objectId) &&
		(address.classId == ExtensionRelationId ?
		 address.objectId == get_extension_oid(HG_EXTENSION, true) :
		 is_own(address.classId, address.objectId, true));
}

/* What a drop names: refused here, since PostgreSQL's own refusal would leave no record. */
static bool
drops_own(const DropStmt *stmt)
{
	ListCell   *cell;

	foreach(cell, stmt->objects)
		if (names_own(stmt->removeType, NULL, lfirst(cell)))
			return true;
	return false;
}

static bool
inherits_own(const List *parents)
{
	ListCell   *cell;

	foreach(cell, parents)
		if (is_own_range(lfirst_node(RangeVar, cell)))
			return true;
	return false;
}

/* Made a child of one, or one made a child: rights to the rows are asked of the parent alone. */
static bool
attaches_own(const AlterTableStmt *stmt)
{
	ListCell   *cell;

	foreach(cell, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, cell);

		if ((cmd->subtype == AT_AddInherit && is_own_range(castNode(RangeVar, cmd->def))) ||
			(cmd->subtype == AT_AttachPartition &&
			 is_own_range(castNode(PartitionCmd, cmd->def)->name)))
			return true;
	}
	return false;
}

void
hg_own_before_utility(Node *node, const char *command)
{
	bool		own = false;

	switch (nodeTag(node))
	{
		case T_DropStmt:
			own = drops_own((DropStmt *) node);
			break;
		case T_CreateStmt:
			own = inherits_own(((CreateStmt *) node)->inhRelations);
			break;
		case T_AlterTableStmt:
			own = is_own_range(((AlterTableStmt *) node)->relation) ||
				attaches_own((AlterTableStmt *) node);
			break;
		case T_RuleStmt:
			own = is_own_range(((RuleStmt *) node)->relation);
			break;
		case T_AlterObjectDependsStmt:
			own = names_own(((AlterObjectDependsStmt *) node)->objectType,
							((AlterObjectDependsStmt *) node)->relation,
							((AlterObjectDependsStmt *) node)->object);
			break;
		case T_AlterExtensionContentsStmt:
			own = strcmp(((AlterExtensionContentsStmt *) node)->extname, HG_EXTENSION) == 0;
			break;
		default:
			break;
	}
	if (own && !updating())
		refuse(command, "object", NULL);
}

/* ---- ALTER EXTENSION UPDATE ---- */

/* The version of the extension's SQL objects, NULL if it is not there. */
char *
hg_own_version(void)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	if (!hg_state_database_flagged())
		return NULL;
	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(HG_EXTENSION));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		datum = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(rel), &isnull);

		if (!isnull)
			version = TextDatumGetCString(datum);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

/* Numbers between dots, compared one by one: 1.10 is newer than 1.9. */
static bool
is_older(const char *version, const char *than)
{
	for (;;)
	{
		long		a = strtol(version, (char **) &version, 10);
		long		b = strtol(than, (char **) &than, 10);

		if (a != b)
			return a < b;
		if (*version != '.' || *than != '.')
			return strcmp(version, than) < 0;
		version++;
		than++;
	}
}

void
hg_own_after_utility(Node *node, const char *version_before)
{
	char	   *version;

	if (strcmp(castNode(AlterExtensionStmt, node)->extname, HG_EXTENSION) != 0)
		return;
	CommandCounterIncrement();
	version = hg_own_version();
	if (version && is_older(version, version_before))
		hg_refuse(&(hg_refusal) {
			HG_ERRCODE_FLAG, "ALTER EXTENSION", "extension", HG_EXTENSION, "older version",
			"extension \"hipaa_guard\" cannot go back to an older version in a HIPAA project",
			"What the newer version enforces would be lost.",
			"Update to a newer version only."
		});
}

void
hg_own_init(void)
{
	previous_check_perms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = check_perms;
	previous_fmgr = fmgr_hook;
	fmgr_hook = function_manager;
	previous_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = needs_counting;
	RegisterXactCallback(at_transaction_end, NULL);
	CacheRegisterSyscacheCallback(PROCOID, forget_asked, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_asked, (Datum) 0);
}
