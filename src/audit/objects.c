/*
 * objects.c
 *		Relations as events name them, kept between statements.
 *
 * The cache is emptied of what an invalidation names, so a renamed table shows
 * under its new name from the next statement on.  Takes the locks of catalog
 * look-ups only.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "audit/objects.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "commands/seclabel.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#define OBJECTS_MAX 2048
#define COLUMNS_TOLD 200

typedef struct object_key
{
	Oid			relation;
	uint32		use;			/* hg_audit_use */
	uint64		columns;		/* hash of the set */
} object_key;

typedef struct object_entry
{
	object_key	key;
	Oid			root;
	bool		skip;
	bool		view;
	bool		phi;
	uint32		size;
	char	   *bundle;
	hg_audit_kept kept;
} object_entry;

uint64		hg_audit_objects_version = 1;

static HTAB *objects = NULL;
static MemoryContext objects_context = NULL;

/* Catalogs that show data or secrets; every other one is not worth an event. */
static const char *const side_doors[] = {
	"pg_stats", "pg_statistic", "pg_stats_ext", "pg_stats_ext_exprs", "pg_statistic_ext_data",
	"pg_authid", "pg_shadow", "pg_user_mapping", "pg_user_mappings", "pg_stat_activity",
	"pg_stat_replication", "pg_stat_subscription", "pg_subscription", "pg_largeobject",
	"pg_hba_file_rules", "pg_ident_file_mappings", "pg_file_settings", "pg_prepared_statements",
	"pg_cursors", NULL
};

/* Which relations may be in the cache, as bits of their OIDs: DDL invalidates many that are not. */
static uint64 in_cache[8];

static uint64 *
in_cache_word(Oid relation)
{
	return &in_cache[(relation >> 6) % lengthof(in_cache)];
}

static uint64
in_cache_bit(Oid relation)
{
	return UINT64CONST(1) << (relation & 63);
}

static void
objects_empty(void)
{
	objects = NULL;
	memset(in_cache, 0, sizeof(in_cache));
	hg_audit_objects_version++;
	if (objects_context != NULL)
		MemoryContextReset(objects_context);
}

static void
relation_invalid(Datum unused, Oid relation)
{
	HASH_SEQ_STATUS status;
	object_entry *entry;

	(void) unused;
	if (objects == NULL)
		return;
	if (!OidIsValid(relation))
	{
		objects_empty();
		return;
	}
	if ((*in_cache_word(relation) & in_cache_bit(relation)) == 0)
		return;
	hash_seq_init(&status, objects);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->key.relation != relation && entry->root != relation)
			continue;
		hg_audit_objects_version++;
		if (entry->bundle != NULL)
			pfree(entry->bundle);
		hash_search(objects, &entry->key, HASH_REMOVE, NULL);
	}
}

static void
namespace_invalid(Datum unused, int cache, uint32 hash)
{
	(void) unused;
	(void) cache;
	(void) hash;
	objects_empty();
}

void
hg_audit_objects_init(void)
{
	static bool registered = false;
	HASHCTL		control = {0};

	if (objects_context == NULL)
		objects_context = AllocSetContextCreate(CacheMemoryContext, "hipaa_guard audit objects",
												ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(object_key);
	control.entrysize = sizeof(object_entry);
	control.hcxt = objects_context;
	objects = hash_create("hipaa_guard audit objects", 64, &control,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (registered)
		return;
	CacheRegisterRelcacheCallback(relation_invalid, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_invalid, (Datum) 0);
	registered = true;
}

static const char *
kind_name(char kind)
{
	switch (kind)
	{
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		case RELKIND_SEQUENCE:
			return "sequence";
		default:
			return "table";
	}
}

static bool
is_side_door(const char *name)
{
	for (int i = 0; side_doors[i] != NULL; i++)
	{
		if (strcmp(name, side_doors[i]) == 0)
			return true;
	}
	return false;
}

/* Catalogs are noise, but for those that matter. */
static bool
is_skipped(Form_pg_class class, const char *schema, hg_audit_use use)
{
	if (class->relnamespace == PG_CATALOG_NAMESPACE)
		return use == HG_AUDIT_USE_READ && !is_side_door(NameStr(class->relname));
	return strcmp(schema, "information_schema") == 0;
}

static bool
is_labelled(Oid relation, int column)
{
	ObjectAddress address = {RelationRelationId, relation, column};

	return GetSecurityLabel(&address, "hipaa_guard") != NULL;
}

/* Its name has the table's OID, which says so in turn. */
static Oid
toast_owner(Oid relation, const char *name)
{
	Oid			owner = InvalidOid;
	HeapTuple	tuple;

	if (strncmp(name, "pg_toast_", 9) != 0)
		return relation;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum((Oid) strtoul(name + 9, NULL, 10)));
	if (!HeapTupleIsValid(tuple))
		return relation;
	if (((Form_pg_class) GETSTRUCT(tuple))->reltoastrelid == relation)
		owner = ((Form_pg_class) GETSTRUCT(tuple))->oid;
	ReleaseSysCache(tuple);
	return OidIsValid(owner) ? hg_audit_relation_root(owner) : relation;
}

Oid
hg_audit_relation_root(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			root = relation;
	Form_pg_class class;
	List	   *ancestors;

	if (!HeapTupleIsValid(tuple))
		return relation;
	class = (Form_pg_class) GETSTRUCT(tuple);
	if (class->relnamespace == PG_TOAST_NAMESPACE)
		root = toast_owner(relation, NameStr(class->relname));
	else if (class->relispartition)
	{
		/* None, if it is being detached concurrently. */
		ancestors = get_partition_ancestors(relation);
		root = ancestors == NIL ? relation : llast_oid(ancestors);
	}
	ReleaseSysCache(tuple);
	return root;
}

/* By its own label or that of the root's column of this name. */
static bool
column_is_labelled(Oid relation, Oid root, AttrNumber column)
{
	char	   *name;

	if (is_labelled(relation, column))
		return true;
	name = relation == root ? NULL : get_attname(relation, column, true);
	return name != NULL && is_labelled(root, get_attnum(root, name));
}

static bool
any_is_labelled(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	AttrNumber	columns = -1;
	bool		labelled = false;

	if (HeapTupleIsValid(tuple))
	{
		columns = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
		ReleaseSysCache(tuple);
	}
	for (AttrNumber column = 0; column <= columns && !labelled; column++)
		labelled = is_labelled(relation, column);
	return labelled;
}

bool
hg_audit_relation_phi(Oid relation, const List *columns)
{
	Oid			root = hg_audit_relation_root(relation);
	const ListCell *cell;

	if (is_labelled(relation, 0) || is_labelled(root, 0))
		return true;
	if (columns == NIL)
		return any_is_labelled(relation) || any_is_labelled(root);
	foreach(cell, columns)
	{
		AttrNumber	column = get_attnum(relation, strVal(lfirst(cell)));

		if (column > 0 && column_is_labelled(relation, root, column))
			return true;
	}
	return false;
}

void
hg_audit_relation_words(hg_audit_words *words, char *bundle, Oid relation)
{
	hg_audit_words_object(words, bundle, kind_name(get_rel_relkind(relation)),
						  get_namespace_name(get_rel_namespace(relation)),
						  get_rel_name(relation));
}

/* The columns' names behind the relation's; also looks at their labels. */
static size_t
columns_add(char *bundle, size_t size, Oid relation, Oid root, const Bitmapset *columns,
			bool *phi)
{
	int			member = -1;
	int			told = 0;

	while ((member = bms_next_member(columns, member)) >= 0 && told < COLUMNS_TOLD)
	{
		AttrNumber	column = member + FirstLowInvalidHeapAttributeNumber;
		char	   *name;

		if (column == 0)
		{
			size = hg_audit_bundle_add(bundle, size, HG_AUDIT_BUNDLE_SIZE, "*", 1);
			*phi = *phi || hg_audit_relation_phi(relation, NIL);
			continue;
		}
		name = column < 0 ? NULL : get_attname(relation, column, true);
		if (name == NULL)
			continue;
		/* Cut between names, never inside one. */
		if (size + strlen(name) + 2 * sizeof(uint16) > HG_AUDIT_BUNDLE_SIZE)
			break;
		size = hg_audit_bundle_name(bundle, size, name);
		told++;
		if (!*phi)
			*phi = column_is_labelled(relation, root, column);
	}
	return size;
}

static void
object_build(object_entry *entry, const Bitmapset *columns)
{
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(entry->key.relation));
	Form_pg_class class;
	char	   *schema;
	char	   *name;
	size_t		size;

	entry->root = entry->key.relation;
	entry->skip = true;
	entry->phi = false;
	entry->view = false;
	if (!HeapTupleIsValid(tuple))
		return;
	class = (Form_pg_class) GETSTRUCT(tuple);
	schema = get_namespace_name(class->relnamespace);
	entry->skip = schema == NULL || is_skipped(class, schema, entry->key.use);
	if (!entry->skip)
	{
		entry->root = hg_audit_relation_root(entry->key.relation);
		entry->view = class->relkind == RELKIND_VIEW
			&& class->relnamespace != PG_CATALOG_NAMESPACE;
		if (entry->root != entry->key.relation)
			schema = get_namespace_name(get_rel_namespace(entry->root));
		name = get_rel_name(entry->root);
		size = hg_audit_bundle_add(bundle, 0, sizeof(bundle), kind_name(class->relkind),
								   strlen(kind_name(class->relkind)));
		size = hg_audit_bundle_name(bundle, size, schema);
		size = hg_audit_bundle_name(bundle, size, name);
		entry->phi = is_labelled(entry->root, 0) || is_labelled(entry->key.relation, 0);
		if (entry->key.use == HG_AUDIT_USE_DELETE || class->relnamespace == PG_TOAST_NAMESPACE)
			entry->phi = hg_audit_relation_phi(entry->key.relation, NIL);
		size = columns_add(bundle, size, entry->key.relation, entry->root, columns, &entry->phi);
		entry->bundle = MemoryContextAlloc(objects_context, size);
		memcpy(entry->bundle, bundle, size);
		entry->size = (uint32) size;
	}
	ReleaseSysCache(tuple);
}

/* Built aside first: what the catalogs raise leaves no half entry behind. */
static object_entry *
object_enter(const object_key *key, const Bitmapset *columns)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard audit",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	object_entry built;
	object_entry *entry;
	bool		found;

	memset(&built, 0, sizeof(built));
	built.key = *key;
	if (objects == NULL || hash_get_num_entries(objects) >= OBJECTS_MAX)
	{
		objects_empty();
		hg_audit_objects_init();
	}
	object_build(&built, columns);
	/* Reading the catalogs may have brought an invalidation. */
	if (objects == NULL)
		hg_audit_objects_init();
	entry = hash_search(objects, key, HASH_ENTER, &found);
	*entry = built;
	*in_cache_word(built.key.relation) |= in_cache_bit(built.key.relation);
	*in_cache_word(built.root) |= in_cache_bit(built.root);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
	return entry;
}

void
hg_audit_object_get(Oid relation, const Bitmapset *columns, hg_audit_use use, bool build,
					hg_audit_object *object)
{
	object_key	key;
	object_entry *entry = NULL;

	memset(&key, 0, sizeof(key));
	memset(object, 0, sizeof(*object));
	key.relation = relation;
	key.use = use;
	if (columns != NULL)
		key.columns = hg_audit_hash64(columns->words, columns->nwords * sizeof(columns->words[0]));
	if (objects != NULL)
		entry = hash_search(objects, &key, HASH_FIND, NULL);
	if (entry == NULL && build)
		entry = object_enter(&key, columns);
	if (entry == NULL)
		return;
	object->skip = entry->skip;
	object->view = entry->view;
	object->phi = entry->phi;
	if (!entry->skip)
	{
		object->words.data = entry->bundle;
		object->words.size = entry->size;
		object->words.kept = &entry->kept;
	}
}
