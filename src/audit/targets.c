/*
 * targets.c
 *		What a utility statement is about: the object that its tree names, or each
 *		of those that it lists.
 *
 * Most statements have one name in one place, so a table says where.  Takes the
 * locks of catalog look-ups only.
 */
#include "postgres.h"

#include "access/xact.h"
#include "audit/targets.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"

/* What DROP, COMMENT, GRANT and ALTER call an object. */
static const struct
{
	ObjectType	type;
	const char *name;
	bool		relation;		/* in pg_class */
}			object_types[] = {
	{OBJECT_TABLE, "table", true},
	{OBJECT_VIEW, "view", true},
	{OBJECT_MATVIEW, "materialized view", true},
	{OBJECT_INDEX, "index", true},
	{OBJECT_SEQUENCE, "sequence", true},
	{OBJECT_FOREIGN_TABLE, "foreign table", true},
	{OBJECT_SCHEMA, "schema", false},
	{OBJECT_FUNCTION, "function", false},
	{OBJECT_PROCEDURE, "procedure", false},
	{OBJECT_ROUTINE, "function", false},
	{OBJECT_AGGREGATE, "aggregate", false},
	{OBJECT_OPERATOR, "operator", false},
	{OBJECT_TYPE, "type", false},
	{OBJECT_DOMAIN, "domain", false},
	{OBJECT_COLLATION, "collation", false},
	{OBJECT_COLUMN, "column", false},
	{OBJECT_DATABASE, "database", false},
	{OBJECT_TABLESPACE, "tablespace", false},
	{OBJECT_ROLE, "role", false},
	{OBJECT_EXTENSION, "extension", false},
	{OBJECT_EVENT_TRIGGER, "event trigger", false},
	{OBJECT_TRIGGER, "trigger", false},
	{OBJECT_POLICY, "policy", false},
	{OBJECT_RULE, "rule", false},
	{OBJECT_PUBLICATION, "publication", false},
	{OBJECT_SUBSCRIPTION, "subscription", false},
	{OBJECT_STATISTIC_EXT, "statistics", false},
	{OBJECT_FDW, "foreign-data wrapper", false},
	{OBJECT_FOREIGN_SERVER, "server", false},
	{OBJECT_LANGUAGE, "language", false},
};

static int
object_type_find(ObjectType type)
{
	for (int i = 0; i < (int) lengthof(object_types); i++)
	{
		if (object_types[i].type == type)
			return i;
	}
	return -1;
}

static const char *
object_type_name(ObjectType type)
{
	int			at = object_type_find(type);

	return at < 0 ? NULL : object_types[at].name;
}

static bool
is_relation(ObjectType type)
{
	int			at = object_type_find(type);

	return at >= 0 && object_types[at].relation;
}

/* What belongs to a table and is named with it: it is told as the table's. */
static bool
is_of_table(ObjectType type)
{
	return type == OBJECT_TRIGGER || type == OBJECT_POLICY || type == OBJECT_RULE;
}

static void
target_range(hg_audit_target *t, const char *type, const RangeVar *range)
{
	t->type = type;
	if (range == NULL)
		return;
	t->schema = range->schemaname;
	t->name = range->relname;
	t->relation = true;
}

static void
target_created(hg_audit_target *t, const char *type, const RangeVar *range)
{
	target_range(t, type, range);
	t->created = range != NULL && range->relpersistence != RELPERSISTENCE_TEMP;
}

static void
target_names(hg_audit_target *t, const char *type, List *names)
{
	t->type = type;
	if (names == NIL)
		return;
	t->name = strVal(llast(names));
	if (list_length(names) > 1)
		t->schema = strVal(list_nth(names, list_length(names) - 2));
}

static void
target_role(hg_audit_target *t, const RoleSpec *role)
{
	t->type = "role";
	t->name = role == NULL ? NULL : role->rolename;
}

/* A column is told as its table's. */
static void
target_column(hg_audit_target *t, List *names)
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

/* The name of a DROP's, COMMENT's or GRANT's object: a list, a string or a tree of its own. */
static void
target_node(hg_audit_target *t, const char *type, Node *object)
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

/* The object of a DROP, COMMENT or ALTER that works on many types. */
static void
target_object(hg_audit_target *t, ObjectType type, Node *object)
{
	const char *name = object_type_name(type);

	if (is_of_table(type) && object != NULL && IsA(object, List))
	{
		List	   *table = list_copy((List *) object);

		target_names(t, name, list_truncate(table, list_length(table) - 1));
		t->relation = true;
		return;
	}
	if (type == OBJECT_COLUMN && object != NULL && IsA(object, List))
		target_column(t, (List *) object);
	else
	{
		target_node(t, name, object);
		t->relation = t->relation || is_relation(type);
	}
}

/* Statements with one object, and where their tree has it. */
typedef enum name_form
{
	NAME,						/* char * */
	NAMES,						/* List * of strings */
	RANGE,						/* RangeVar *, of what is there */
	CREATED,					/* RangeVar *, of what the statement makes */
	ROLE						/* RoleSpec * */
} name_form;

static const struct
{
	NodeTag		tag;
	name_form	form;
	size_t		offset;
	const char *type;
}			places[] = {
	{T_AlterDatabaseSetStmt, NAME, offsetof(AlterDatabaseSetStmt, dbname), "database"},
	{T_AlterDatabaseStmt, NAME, offsetof(AlterDatabaseStmt, dbname), "database"},
	{T_AlterDomainStmt, NAMES, offsetof(AlterDomainStmt, typeName), "domain"},
	{T_AlterEnumStmt, NAMES, offsetof(AlterEnumStmt, typeName), "type"},
	{T_AlterEventTrigStmt, NAME, offsetof(AlterEventTrigStmt, trigname), "event trigger"},
	{T_AlterExtensionContentsStmt, NAME, offsetof(AlterExtensionContentsStmt, extname),
	"extension"},
	{T_AlterExtensionStmt, NAME, offsetof(AlterExtensionStmt, extname), "extension"},
	{T_AlterForeignServerStmt, NAME, offsetof(AlterForeignServerStmt, servername), "server"},
	{T_AlterPolicyStmt, RANGE, offsetof(AlterPolicyStmt, table), "policy"},
	{T_AlterPublicationStmt, NAME, offsetof(AlterPublicationStmt, pubname), "publication"},
	{T_AlterRoleSetStmt, ROLE, offsetof(AlterRoleSetStmt, role), "role"},
	{T_AlterRoleStmt, ROLE, offsetof(AlterRoleStmt, role), "role"},
	{T_AlterSeqStmt, RANGE, offsetof(AlterSeqStmt, sequence), "sequence"},
	{T_AlterSubscriptionStmt, NAME, offsetof(AlterSubscriptionStmt, subname), "subscription"},
	{T_AlterTableSpaceOptionsStmt, NAME, offsetof(AlterTableSpaceOptionsStmt, tablespacename),
	"tablespace"},
	{T_AlterUserMappingStmt, NAME, offsetof(AlterUserMappingStmt, servername), "server"},
	{T_ClusterStmt, RANGE, offsetof(ClusterStmt, relation), "table"},
	{T_CompositeTypeStmt, CREATED, offsetof(CompositeTypeStmt, typevar), "type"},
	{T_CopyStmt, RANGE, offsetof(CopyStmt, relation), "table"},
	{T_CreateDomainStmt, NAMES, offsetof(CreateDomainStmt, domainname), "domain"},
	{T_CreateEnumStmt, NAMES, offsetof(CreateEnumStmt, typeName), "type"},
	{T_CreateEventTrigStmt, NAME, offsetof(CreateEventTrigStmt, trigname), "event trigger"},
	{T_CreateExtensionStmt, NAME, offsetof(CreateExtensionStmt, extname), "extension"},
	{T_CreateFdwStmt, NAME, offsetof(CreateFdwStmt, fdwname), "foreign-data wrapper"},
	{T_CreateForeignServerStmt, NAME, offsetof(CreateForeignServerStmt, servername), "server"},
	{T_CreateForeignTableStmt, CREATED, offsetof(CreateForeignTableStmt, base.relation),
	"foreign table"},
	{T_CreatePLangStmt, NAME, offsetof(CreatePLangStmt, plname), "language"},
	{T_CreatePolicyStmt, RANGE, offsetof(CreatePolicyStmt, table), "policy"},
	{T_CreatePublicationStmt, NAME, offsetof(CreatePublicationStmt, pubname), "publication"},
	{T_CreateRoleStmt, NAME, offsetof(CreateRoleStmt, role), "role"},
	{T_CreateRangeStmt, NAMES, offsetof(CreateRangeStmt, typeName), "type"},
	{T_CreateSchemaStmt, NAME, offsetof(CreateSchemaStmt, schemaname), "schema"},
	{T_CreateSeqStmt, CREATED, offsetof(CreateSeqStmt, sequence), "sequence"},
	{T_CreateStatsStmt, NAMES, offsetof(CreateStatsStmt, defnames), "statistics"},
	{T_CreateStmt, CREATED, offsetof(CreateStmt, relation), "table"},
	{T_CreateSubscriptionStmt, NAME, offsetof(CreateSubscriptionStmt, subname), "subscription"},
	{T_CreateTableSpaceStmt, NAME, offsetof(CreateTableSpaceStmt, tablespacename), "tablespace"},
	{T_CreateTrigStmt, RANGE, offsetof(CreateTrigStmt, relation), "trigger"},
	{T_CreateUserMappingStmt, NAME, offsetof(CreateUserMappingStmt, servername), "server"},
	{T_CreatedbStmt, NAME, offsetof(CreatedbStmt, dbname), "database"},
	{T_DropSubscriptionStmt, NAME, offsetof(DropSubscriptionStmt, subname), "subscription"},
	{T_DropTableSpaceStmt, NAME, offsetof(DropTableSpaceStmt, tablespacename), "tablespace"},
	{T_DropUserMappingStmt, NAME, offsetof(DropUserMappingStmt, servername), "server"},
	{T_DropdbStmt, NAME, offsetof(DropdbStmt, dbname), "database"},
	{T_IndexStmt, RANGE, offsetof(IndexStmt, relation), "index"},
	{T_RefreshMatViewStmt, RANGE, offsetof(RefreshMatViewStmt, relation), "materialized view"},
	{T_ReindexStmt, RANGE, offsetof(ReindexStmt, relation), "table"},
	{T_RuleStmt, RANGE, offsetof(RuleStmt, relation), "rule"},
	{T_VariableSetStmt, NAME, offsetof(VariableSetStmt, name), "setting"},
	{T_ViewStmt, CREATED, offsetof(ViewStmt, view), "view"},
};

/* By the table; false if the statement is not there. */
static bool
target_placed(hg_audit_target *t, Node *node)
{
	const char *field;
	size_t		i = 0;

	while (i < lengthof(places) && places[i].tag != nodeTag(node))
		i++;
	if (i == lengthof(places))
		return false;
	field = (const char *) node + places[i].offset;
	t->type = places[i].type;
	switch (places[i].form)
	{
		case NAME:
			t->name = *(char *const *) field;
			break;
		case NAMES:
			target_names(t, t->type, *(List *const *) field);
			break;
		case RANGE:
			target_range(t, t->type, *(RangeVar *const *) field);
			break;
		case CREATED:
			target_created(t, t->type, *(RangeVar *const *) field);
			break;
		case ROLE:
			target_role(t, *(RoleSpec *const *) field);
			break;
	}
	return true;
}

static void
target_of_rename(hg_audit_target *t, const RenameStmt *rename)
{
	const char *type = object_type_name(rename->renameType);

	if (rename->relation != NULL)
		target_range(t, type, rename->relation);
	else if (rename->object != NULL)
		target_object(t, rename->renameType, rename->object);
	else
	{
		t->type = type;
		t->name = rename->subname;
	}
}

static void
target_of_index(hg_audit_target *t, const IndexStmt *index)
{
	if (index->idxname != NULL)
		t->name = index->idxname;
}

static void
target_of_reindex(hg_audit_target *t, const ReindexStmt *reindex)
{
	static const char *const types[] = {
		[REINDEX_OBJECT_INDEX] = "index", [REINDEX_OBJECT_TABLE] = "table",
		[REINDEX_OBJECT_SCHEMA] = "schema", [REINDEX_OBJECT_SYSTEM] = "database",
		[REINDEX_OBJECT_DATABASE] = "database",
	};

	t->type = types[reindex->kind];
	if (reindex->relation == NULL)
		t->name = reindex->name;
}

static void
target_of_one(hg_audit_target *t, Node *node)
{
	bool		placed = target_placed(t, node);

	switch (nodeTag(node))
	{
		case T_AlterSystemStmt:
			(void) target_placed(t, (Node *) ((AlterSystemStmt *) node)->setstmt);
			break;
		case T_AlterTableStmt:
			target_range(t, object_type_name(((AlterTableStmt *) node)->objtype),
						 ((AlterTableStmt *) node)->relation);
			break;
		case T_AlterFunctionStmt:
			target_object(t, ((AlterFunctionStmt *) node)->objtype,
						  (Node *) ((AlterFunctionStmt *) node)->func);
			break;
		case T_AlterOwnerStmt:
			target_object(t, ((AlterOwnerStmt *) node)->objectType,
						  ((AlterOwnerStmt *) node)->object);
			break;
		case T_AlterObjectSchemaStmt:
			if (((AlterObjectSchemaStmt *) node)->relation != NULL)
				target_range(t, object_type_name(((AlterObjectSchemaStmt *) node)->objectType),
							 ((AlterObjectSchemaStmt *) node)->relation);
			else
				target_object(t, ((AlterObjectSchemaStmt *) node)->objectType,
							  ((AlterObjectSchemaStmt *) node)->object);
			break;
		case T_CommentStmt:
			target_object(t, ((CommentStmt *) node)->objtype, ((CommentStmt *) node)->object);
			break;
		case T_CopyStmt:
			t->columns = ((CopyStmt *) node)->attlist;
			break;
		case T_CreateFunctionStmt:
			target_names(t, ((CreateFunctionStmt *) node)->is_procedure ? "procedure" : "function",
						 ((CreateFunctionStmt *) node)->funcname);
			break;
		case T_CreateTableAsStmt:
			target_created(t, object_type_name(((CreateTableAsStmt *) node)->objtype),
						   ((CreateTableAsStmt *) node)->into->rel);
			break;
		case T_DefineStmt:
			target_names(t, object_type_name(((DefineStmt *) node)->kind),
						 ((DefineStmt *) node)->defnames);
			break;
		case T_IndexStmt:
			target_of_index(t, (IndexStmt *) node);
			break;
		case T_ReindexStmt:
			target_of_reindex(t, (ReindexStmt *) node);
			break;
		case T_RenameStmt:
			target_of_rename(t, (RenameStmt *) node);
			break;
		case T_SecLabelStmt:
			target_object(t, ((SecLabelStmt *) node)->objtype, ((SecLabelStmt *) node)->object);
			break;
		default:
			/* A statement that names no relation is about none: VACUUM, COPY (SELECT ...). */
			break;
	}
	if (placed && t->name == NULL)
		t->type = NULL;
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
		case T_GrantRoleStmt:
			return ((GrantRoleStmt *) node)->granted_roles;
		case T_TruncateStmt:
			return ((TruncateStmt *) node)->relations;
		case T_LockStmt:
			return ((LockStmt *) node)->relations;
		case T_VacuumStmt:
			return ((VacuumStmt *) node)->rels;
		case T_DropRoleStmt:
			return ((DropRoleStmt *) node)->roles;
		default:
			return NIL;
	}
}

static void
target_of_listed(hg_audit_target *t, Node *node, Node *object)
{
	switch (nodeTag(node))
	{
		case T_DropStmt:
			target_object(t, ((DropStmt *) node)->removeType, object);
			break;
		case T_GrantStmt:
			if (((GrantStmt *) node)->targtype == ACL_TARGET_OBJECT)
				target_node(t, object_type_name(((GrantStmt *) node)->objtype), object);
			else
				target_node(t, "schema", object);
			break;
		case T_GrantRoleStmt:
			t->type = "role";
			t->name = ((AccessPriv *) object)->priv_name;
			break;
		case T_VacuumStmt:
			target_range(t, "table", ((VacuumRelation *) object)->relation);
			break;
		case T_TruncateStmt:
		case T_LockStmt:
			target_range(t, "table", (RangeVar *) object);
			break;
		default:
			target_role(t, (RoleSpec *) object);
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

int
hg_audit_targets_count(Node *node)
{
	return Max(list_length(listed(node)), 1);
}

void
hg_audit_target_of(hg_audit_target *t, Node *node, int at)
{
	List	   *list = listed(node);
	Oid			schema;

	memset(t, 0, sizeof(*t));
	if (list != NIL)
		target_of_listed(t, node, list_nth(list, at));
	else
		target_of_one(t, node);
	if (!t->relation || t->name == NULL || !IsTransactionState())
		return;
	if (t->schema != NULL)
		schema = get_namespace_oid(t->schema, true);
	else
	{
		schema = t->created ? creation_namespace() : found_namespace(t->name);
		t->schema = OidIsValid(schema) ? get_namespace_name(schema) : NULL;
	}
	if (OidIsValid(schema) && !t->created)
		t->oid = get_relname_relid(t->name, schema);
}
