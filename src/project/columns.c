/*
 * columns.c
 *		Labels on columns: 'phi' or 'phi:category'.
 *
 * A label may be set at any time by who may set labels, and follows the data
 * (follow.c).  It goes only by unprotect(), with a reason.  Partitions count as
 * labelled where their root is.  Locks: those of the catalogs that are read.
 */
#include "project/columns.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "audit/audit.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_seclabel.h"
#include "commands/seclabel.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "project/flag.h"
#include "project/gates.h"
#include "project/project.h"
#include "project/refuse.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#define LABEL_SIZE_MAX 72

/* unprotect() is taking labels away. */
static bool unprotecting = false;

/* ---- the cache: labelled columns of a relation ---- */

typedef struct cached_relation
{
	Oid			relation;		/* hash key */
	bool		whole;			/* the relation as such is labelled */
	Bitmapset  *columns;
} cached_relation;

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static uint64 invalidations = 0;

static void
forget(Datum arg, Oid relation)
{
	(void) arg;
	(void) relation;
	/* Labels change seldom and partitions follow their root, so all go at once. */
	cache = NULL;
	invalidations++;
}

/* Adds the columns of "relation" whose names are labelled in "labelled", itself or its root. */
static void
add_labelled(cached_relation *entry, Oid relation, Oid labelled)
{
	Relation	rel = table_open(SecLabelRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_seclabel_objoid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(labelled));
	ScanKeyInit(&keys[1], Anum_pg_seclabel_classoid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	scan = systable_beginscan(rel, SecLabelObjectIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		int			column = ((FormData_pg_seclabel *) GETSTRUCT(tuple))->objsubid;
		Datum		provider = heap_getattr(tuple, Anum_pg_seclabel_provider,
											RelationGetDescr(rel), &isnull);

		if (strcmp(TextDatumGetCString(provider), HG_PROVIDER) != 0)
			continue;
		if (column == 0)
			entry->whole = true;
		else if (relation != labelled)
		{
			char	   *name = get_attname(labelled, column, true);

			column = name ? get_attnum(relation, name) : 0;
		}
		if (column > 0)
			entry->columns = bms_add_member(entry->columns, column);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static Oid
root_of(Oid relation)
{
	List	   *ancestors = NIL;

	if (get_rel_relispartition(relation))
		ancestors = get_partition_ancestors(relation);
	return ancestors == NIL ? relation : llast_oid(ancestors);
}

static void
make_cache(void)
{
	HASHCTL		control = {0};

	if (cache_context == NULL)
	{
		cache_context = AllocSetContextCreate(CacheMemoryContext, "hipaa_guard labels",
											  ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	}
	MemoryContextReset(cache_context);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(cached_relation);
	control.hcxt = cache_context;
	cache = hash_create("hipaa_guard labelled columns", 64, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Found first and entered then, unless an invalidation came while the catalog was read. */
static cached_relation
labels_of(Oid relation)
{
	cached_relation found = {relation, false, NULL};
	cached_relation *entry;
	uint64		before = invalidations;
	Oid			root;

	if (cache == NULL)
		make_cache();
	entry = hash_search(cache, &relation, HASH_FIND, NULL);
	if (entry)
		return *entry;
	root = root_of(relation);
	add_labelled(&found, relation, relation);
	if (root != relation)
		add_labelled(&found, relation, root);
	if (before != invalidations)
		return found;
	entry = hash_search(cache, &relation, HASH_ENTER, NULL);
	*entry = found;
	if (found.columns)
	{
		MemoryContext caller = MemoryContextSwitchTo(cache_context);

		entry->columns = bms_copy(found.columns);
		MemoryContextSwitchTo(caller);
	}
	return *entry;
}

bool
hg_project_column_is_phi(Oid relation, AttrNumber column)
{
	cached_relation labels = labels_of(relation);

	return labels.whole || (column > 0 && bms_is_member(column, labels.columns)) ||
		(column == 0 && labels.columns != NULL);
}

static char *
stored_label(Oid relation, AttrNumber column)
{
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, relation, column);
	return GetSecurityLabel(&object, HG_PROVIDER);
}

/* The label that counts for a column: its own, its table's, or those of the root of a partition. */
char *
hg_columns_label_of(Oid relation, AttrNumber column)
{
	char	   *label = stored_label(relation, column);
	Oid			root = root_of(relation);

	if (label == NULL)
		label = stored_label(relation, 0);
	if (label == NULL && root != relation)
	{
		char	   *name = get_attname(relation, column, true);
		AttrNumber	same = name ? get_attnum(root, name) : 0;

		label = same > 0 ? stored_label(root, same) : NULL;
		if (label == NULL)
			label = stored_label(root, 0);
	}
	return label;
}

/* ---- the provider's part ---- */

static bool
is_label(const char *label)
{
	size_t		size = strlen(label);

	if (strncmp(label, HG_LABEL_PHI, 3) != 0 || size > LABEL_SIZE_MAX)
		return false;
	if (label[3] == '\0')
		return true;
	if (label[3] != ':' || label[4] == '\0')
		return false;
	for (const char *p = label + 4; *p; p++)
		if (!islower((unsigned char) *p) && *p != '_' && !isdigit((unsigned char) *p))
			return false;
	return true;
}

void
hg_columns_check_label(Oid relation, int column, const char *label)
{
	if (label == NULL && !unprotecting && hg_state_flag() == HG_FLAG_ON)
		hg_refuse(&(hg_refusal) {
			HG_ERRCODE_WEAKEN, "SECURITY LABEL", "column", get_rel_name(relation),
			"removal of a label",
			"the label of a PHI column is not removed without a reason",
			NULL,
			"Call hipaa_guard.unprotect(table, columns, reason)."
		});
	if (label && !is_label(label))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid label for a column"),
				 errhint("Labels are phi, or phi: and a category in lower case.")));
	if (label && hg_state_database_flagged() &&
		get_rel_persistence(relation) == RELPERSISTENCE_UNLOGGED)
		hg_gate(HG_FEATURE_UNLOGGED, get_rel_name(relation), "SECURITY LABEL");
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "SECURITY LABEL",
					column ? "column" : "table", get_rel_name(relation), 0,
					label ? "labelled as PHI" : "label removed");
	CacheInvalidateRelcacheByRelid(relation);
}

void
hg_columns_set_label(Oid relation, AttrNumber column, const char *label)
{
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, relation, column);
	hg_columns_check_label(relation, column, label);
	SetSecurityLabel(&object, HG_PROVIDER, label);
}

/* ---- publications ---- */

/* In a restore the extension may come later, or be an older one. */
static bool
can_check_publications(void)
{
	Oid			schema = hg_own_schema();

	return OidIsValid(schema) && OidIsValid(get_relname_relid("published_phi", schema));
}

/* Asked after the command, which an error takes back. */
static void
check_publication(const char *name, const char *command)
{
	Oid			types[] = {NAMEOID};
	Datum		values[1];
	NameData	publication;
	uint64		found;

	namestrcpy(&publication, name);
	values[0] = NameGetDatum(&publication);
	SPI_connect();
	if (SPI_execute_with_args("SELECT FROM hipaa_guard.published_phi p WHERE p.pubname = $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the publication");
	found = SPI_processed;
	SPI_finish();
	if (found == 0)
		return;
	if (hg_guc_publication_policy == HG_PUBLICATION_REJECT)
		hg_gate(HG_FEATURE_PUBLICATION, name, command);
	else
		ereport(WARNING,
				(errcode(HG_ERRCODE_FEATURE),
				 errmsg("the publication lets PHI columns out"),
				 errhint("Give it a column list without them.")));
}

static void
check_unlogged(const AlterTableStmt *stmt, const char *command)
{
	ListCell   *cell;

	foreach(cell, stmt->cmds)
		if (lfirst_node(AlterTableCmd, cell)->subtype == AT_SetUnLogged)
		{
			Oid			relation = RangeVarGetRelid(stmt->relation, NoLock, true);

			if (OidIsValid(relation) && hg_project_column_is_phi(relation, 0))
				hg_gate(HG_FEATURE_UNLOGGED, get_rel_name(relation), command);
		}
}

/* What the part after the command wants to know. */
List *
hg_columns_before_utility(Node *node, const char *command)
{
	if (IsA(node, AlterTableStmt))
		check_unlogged((AlterTableStmt *) node, command);
	return hg_columns_sources(node);
}

void
hg_columns_after_utility(Node *node, const char *command, const List *sources)
{
	hg_columns_follow(node, sources);
	switch (nodeTag(node))
	{
		case T_CreatePublicationStmt:
			if (can_check_publications())
				check_publication(((CreatePublicationStmt *) node)->pubname, command);
			break;
		case T_AlterPublicationStmt:
			if (can_check_publications())
				check_publication(((AlterPublicationStmt *) node)->pubname, command);
			break;
		default:
			break;
	}
}

/* ---- functions ---- */

static void
check_owner(Oid relation)
{
	if (!OidIsValid(relation) || get_rel_name(relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no such table")));
	if (!hg_is_owner(relation))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
}

PG_FUNCTION_INFO_V1(hg_set_column_label);

/* (relation, column, label or NULL); NULL takes the label away, which the caller has recorded. */
Datum
hg_set_column_label(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	AttrNumber	column;

	/* As SECURITY LABEL does, so that the column stays what it is until the commit. */
	LockRelationOid(relation, ShareUpdateExclusiveLock);
	check_owner(relation);
	column = get_attnum(relation, name);
	if (column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("there is no such column in the table")));
	unprotecting = true;
	PG_TRY();
	{
		hg_columns_set_label(relation, column, PG_ARGISNULL(2) ? NULL :
							 text_to_cstring(PG_GETARG_TEXT_PP(2)));
	}
	PG_FINALLY();
	{
		unprotecting = false;
	}
	PG_END_TRY();
	if (!PG_ARGISNULL(2))
		hg_columns_label_generated(relation);
	PG_RETURN_VOID();
}
