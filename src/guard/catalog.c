/*
 * catalog.c
 *		What a command wrote into the catalogs, read after it ran: names that the
 *		server makes, copies by LIKE and INHERITS, folded expressions.
 *
 * Takes AccessShareLock on the catalogs it reads.  Compares with what stood
 * there before only when there is a finding, through a copy of the snapshot
 * that is set back to the command's beginning: no work in advance.
 */
#include "guard/catalog.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_description.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_type.h"
#include "guard/texts.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

typedef struct check_state
{
	const hg_guard_judge *judge;
	const hg_guard_catalog *catalog;
	const hg_guard_column *column;
	Relation	relation;
	HeapTuple	row;
	CommandId	began;
} check_state;

typedef struct same_state
{
	const char *text;
	size_t		size;
} same_state;

static bool
is_same(void *arg, const char *text, size_t size, bool is_name)
{
	same_state *wanted = arg;

	(void) is_name;
	return size == wanted->size && memcmp(text, wanted->text, size) == 0;
}

static bool
column_has(Relation relation, HeapTuple row, const hg_guard_column *column, same_state *wanted)
{
	AttrNumber	attribute = get_attnum(RelationGetRelid(relation), column->name);
	bool		is_null;
	Datum		value;

	if (attribute == InvalidAttrNumber)
		return false;
	value = heap_getattr(row, attribute, RelationGetDescr(relation), &is_null);
	return !is_null &&
		hg_guard_each_text(column->form, value,
						   TupleDescAttr(RelationGetDescr(relation), attribute - 1)->atttypid,
						   is_same, wanted);
}

/* Whether a text stood in this column, in the row or its like, before the command. */
static bool
stood_before(check_state *c, const char *text, size_t size)
{
	same_state	wanted = {text, size};
	Relation	relation = c->relation;
	AttrNumber	group = get_attnum(RelationGetRelid(relation), c->catalog->group);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	bool		is_null;
	bool		found = false;

	PushCopiedSnapshot(GetCatalogSnapshot(RelationGetRelid(relation)));
	GetActiveSnapshot()->curcid = c->began;
	ScanKeyInit(&key, group, BTEqualStrategyNumber, F_OIDEQ,
				heap_getattr(c->row, group, RelationGetDescr(relation), &is_null));
	scan = systable_beginscan(relation, InvalidOid, false, GetActiveSnapshot(), 1, &key);
	while (!found && HeapTupleIsValid(row = systable_getnext(scan)))
		found = column_has(relation, row, c->column, &wanted);
	systable_endscan(scan);
	PopActiveSnapshot();
	return found;
}

hg_guard_at
hg_guard_at_of(const hg_guard_catalog *catalog, const hg_guard_column *column, HeapTuple row)
{
	if (catalog->relation != RelationRelationId || column->at != HG_AT_TABLE_NAME)
		return column->at;
	switch (((Form_pg_class) GETSTRUCT(row))->relkind)
	{
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return HG_AT_INDEX_NAME;
		case RELKIND_SEQUENCE:
			return HG_AT_SEQUENCE_NAME;
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return HG_AT_VIEW_NAME;
		case RELKIND_COMPOSITE_TYPE:
			return HG_AT_TYPE_NAME;
	}
	return HG_AT_TABLE_NAME;
}

static bool
check_text(void *arg, const char *text, size_t size, bool is_name)
{
	check_state *c = arg;
	hg_guard_at at = hg_guard_at_of(c->catalog, c->column, c->row);
	hg_text_finding finding;

	if (!(is_name ? hg_guard_finds(c->judge, at, text, size, true, &finding) :
		  hg_guard_finds_in_literal(c->judge, at, text, size, &finding)))
		return false;
	if (!stood_before(c, text, size))
		hg_guard_sentence(c->judge, at, text, size, &finding);
	return false;
}

static void
check_row(check_state *c)
{
	TupleDesc	descriptor = RelationGetDescr(c->relation);

	for (int i = 0; i < HG_GUARD_COLUMNS_MAX && c->catalog->columns[i].name != NULL; i++)
	{
		AttrNumber	attribute;
		bool		is_null;
		Datum		value;

		c->column = &c->catalog->columns[i];
		attribute = get_attnum(c->catalog->relation, c->column->name);
		if (attribute == InvalidAttrNumber)
			continue;
		value = heap_getattr(c->row, attribute, descriptor, &is_null);
		if (!is_null)
			hg_guard_each_text(c->column->form, value,
							   TupleDescAttr(descriptor, attribute - 1)->atttypid, check_text, c);
	}
}

static void
check_rows(check_state *c, const hg_guard_object *object)
{
	ScanKeyData keys[3];
	SysScanDesc scan;
	int			count = 0;
	Oid			catalog = c->catalog->relation;

	ScanKeyInit(&keys[count++], get_attnum(catalog, c->catalog->key),
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object->oid));
	if (c->catalog->class_key != NULL)
		ScanKeyInit(&keys[count++], get_attnum(catalog, c->catalog->class_key),
					BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object->class));
	if (c->catalog->sub != NULL && object->sub != 0)
	{
		AttrNumber	sub = get_attnum(catalog, c->catalog->sub);

		/* objsubid is an int4, attnum and adnum are int2. */
		ScanKeyInit(&keys[count++], sub, BTEqualStrategyNumber,
					get_atttype(catalog, sub) == INT2OID ? F_INT2EQ : F_INT4EQ,
					get_atttype(catalog, sub) == INT2OID ? Int16GetDatum(object->sub) :
					Int32GetDatum(object->sub));
	}
	c->relation = table_open(catalog, AccessShareLock);
	scan = systable_beginscan(c->relation, c->catalog->index, true, NULL, count, keys);
	while (HeapTupleIsValid(c->row = systable_getnext(scan)))
		check_row(c);
	systable_endscan(scan);
	table_close(c->relation, AccessShareLock);
}

/* Objects whose texts derive from another's, which is looked at itself. */
static bool
is_derived(const hg_guard_object *object)
{
	bool		derived = false;
	HeapTuple	row;

	if (object->class == RelationRelationId)
		return get_rel_namespace(object->oid) == PG_TOAST_NAMESPACE;
	if (object->class != TypeRelationId)
		return false;
	row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(object->oid));
	if (HeapTupleIsValid(row))
	{
		Form_pg_type type = (Form_pg_type) GETSTRUCT(row);

		derived = OidIsValid(type->typrelid) || IsTrueArrayType(type);
		ReleaseSysCache(row);
	}
	return derived;
}

/* Whether a catalog has rows of an object that a command may have written. */
static bool
concerns(const hg_guard_catalog *catalog, const hg_guard_object *object)
{
	if (!OidIsValid(catalog->index))
		return false;
	if (catalog->relation == DescriptionRelationId)
		return object->created &&
			(object->class == RelationRelationId || object->class == ConstraintRelationId ||
			 object->class == StatisticExtRelationId);
	if (catalog->class != object->class)
		return false;
	return catalog->sub == NULL || object->created || object->sub != 0;
}

void
hg_guard_check_object(const hg_guard_judge *judge, const hg_guard_object *object, CommandId began)
{
	if (is_derived(object))
		return;
	for (int i = 0; i < hg_guard_catalogs_count; i++)
	{
		check_state c = {.judge = judge,.catalog = &hg_guard_catalogs[i],.began = began};

		if (concerns(c.catalog, object))
			check_rows(&c, object);
	}
}

static bool
column_holds_name(Oid catalog, const hg_guard_column *column, const char *name)
{
	same_state	wanted = {name, strlen(name)};
	Relation	relation = table_open(catalog, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	row;
	bool		found = false;

	while (!found && HeapTupleIsValid(row = systable_getnext(scan)))
		found = column_has(relation, row, column, &wanted);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

bool
hg_guard_name_exists(const char *name)
{
	for (int i = 0; i < hg_guard_catalogs_count; i++)
		for (int j = 0; j < HG_GUARD_COLUMNS_MAX; j++)
		{
			const hg_guard_column *column = &hg_guard_catalogs[i].columns[j];

			if (column->name != NULL && column->form == HG_FORM_NAME &&
				column_holds_name(hg_guard_catalogs[i].relation, column, name))
				return true;
		}
	return false;
}
