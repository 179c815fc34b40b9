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
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_description.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "guard/texts.h"
#include "nodes/nodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
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

/*
 * Columns of catalogs by name, looked up once: they stay for as long as the
 * server's version does.  A name is the constant of catalogs.c.
 */
typedef struct attribute_entry
{
	Oid			relation;
	const char *name;
	AttrNumber	attribute;
} attribute_entry;

#define ATTRIBUTES_MAX 512		/* a power of two, more than twice the columns named */
static attribute_entry attributes[ATTRIBUTES_MAX];

AttrNumber
hg_guard_attribute(const hg_guard_catalog *catalog, const char *name)
{
	uint32		place = (uint32) ((uintptr_t) name >> 2) * 31 + catalog->relation;

	for (;; place++)
	{
		attribute_entry *entry = &attributes[place % ATTRIBUTES_MAX];

		if (entry->relation == catalog->relation && entry->name == name)
			return entry->attribute;
		if (OidIsValid(entry->relation))
			continue;
		entry->attribute = get_attnum(catalog->relation, name);
		entry->name = name;
		entry->relation = catalog->relation;
		return entry->attribute;
	}
}

static bool
column_has(Relation relation, HeapTuple row, const hg_guard_catalog *catalog,
		   const hg_guard_column *column, same_state *wanted)
{
	AttrNumber	attribute = hg_guard_attribute(catalog, column->name);
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
	AttrNumber	group = hg_guard_attribute(c->catalog, c->catalog->group);
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
		found = column_has(relation, row, c->catalog, c->column, &wanted);
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
		attribute = hg_guard_attribute(c->catalog, c->column->name);
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

	c->relation = table_open(c->catalog->relation, AccessShareLock);
	ScanKeyInit(&keys[count++], hg_guard_attribute(c->catalog, c->catalog->key),
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object->oid));
	if (c->catalog->class_key != NULL)
		ScanKeyInit(&keys[count++], hg_guard_attribute(c->catalog, c->catalog->class_key),
					BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object->class));
	if (c->catalog->sub != NULL && object->sub != 0)
	{
		AttrNumber	sub = hg_guard_attribute(c->catalog, c->catalog->sub);
		bool		is_short = TupleDescAttr(RelationGetDescr(c->relation), sub - 1)->attlen == 2;

		/* objsubid is an int4, attnum and adnum are int2. */
		ScanKeyInit(&keys[count++], sub, BTEqualStrategyNumber, is_short ? F_INT2EQ : F_INT4EQ,
					is_short ? Int16GetDatum(object->sub) : Int32GetDatum(object->sub));
	}
	scan = systable_beginscan(c->relation, c->catalog->index, true, NULL, count, keys);
	while (HeapTupleIsValid(c->row = systable_getnext(scan)))
		check_row(c);
	systable_endscan(scan);
	table_close(c->relation, AccessShareLock);
}

/* Types whose names derive from another object's, which is looked at itself. */
static bool
is_derived_type(Oid oid)
{
	HeapTuple	row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(oid));
	bool		derived = false;

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
concerns(const hg_guard_catalog *catalog, const hg_guard_object *object, char relkind,
		 bool copies_comments)
{
	if (!OidIsValid(catalog->index))
		return false;
	if (catalog->relation == DescriptionRelationId)
		return copies_comments && object->created;
	if (catalog->class != object->class)
		return false;
	if (object->class == RelationRelationId && catalog->relkinds != NULL &&
		strchr(catalog->relkinds, relkind) == NULL)
		return false;
	return object->sub == 0 ? catalog->sub == NULL || object->created : catalog->sub != NULL;
}

/*
 * A new table or index as the server has just built it for itself: its names
 * and defaults, without a look into a catalog.
 */
typedef struct glance
{
	const hg_guard_judge *judge;
	hg_guard_at at;
} glance;

static bool
glance_finds(void *arg, const char *text, size_t size, bool is_name)
{
	const glance *g = arg;
	hg_text_finding finding;

	return is_name ? hg_guard_finds(g->judge, g->at, text, size, true, &finding) :
		hg_guard_finds_in_literal(g->judge, g->at, text, size, &finding);
}

static bool
glance_finds_name(glance *g, hg_guard_at at, const Name name)
{
	g->at = at;
	return glance_finds(g, NameStr(*name), strlen(NameStr(*name)), true);
}

/* Whether a relation has texts that its descriptor does not show: options, bounds, expressions. */
static bool
has_more_texts(Relation relation)
{
	Form_pg_class class = relation->rd_rel;

	if (relation->rd_options != NULL || class->relispartition ||
		(RelationGetDescr(relation)->constr != NULL &&
		 RelationGetDescr(relation)->constr->missing != NULL))
		return true;
	if (class->relkind == RELKIND_RELATION)
		return class->reloftype != InvalidOid;
	return class->relkind != RELKIND_INDEX || relation->rd_indextuple == NULL ||
		!heap_attisnull(relation->rd_indextuple, Anum_pg_index_indexprs, NULL) ||
		!heap_attisnull(relation->rd_indextuple, Anum_pg_index_indpred, NULL);
}

/*
 * One literal that the column stores as it was written has been judged in the
 * statement's text; of other types, a literal may become another text (a date).
 */
static bool
is_as_stated(Form_pg_attribute column, const AttrDefault *value)
{
	return (column->atttypid == TEXTOID || column->atttypid == VARCHAROID ||
			column->atttypid == BOOLOID) &&
		strncmp(value->adbin, "{CONST ", 7) == 0;
}

static bool
shows_finding(const hg_guard_judge *judge, Relation relation, bool states_defaults)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	glance		g = {judge, HG_AT_NONE};
	bool		is_index = relation->rd_rel->relkind == RELKIND_INDEX;

	if (glance_finds_name(&g, is_index ? HG_AT_INDEX_NAME : HG_AT_TABLE_NAME,
						  &relation->rd_rel->relname))
		return true;
	for (int i = 0; i < descriptor->natts; i++)
		if (!TupleDescAttr(descriptor, i)->attisdropped &&
			glance_finds_name(&g, HG_AT_COLUMN_NAME, &TupleDescAttr(descriptor, i)->attname))
			return true;
	g.at = HG_AT_DEFAULT;
	for (int i = 0; descriptor->constr != NULL && i < descriptor->constr->num_defval; i++)
	{
		const AttrDefault *value = &descriptor->constr->defval[i];

		if (states_defaults && is_as_stated(TupleDescAttr(descriptor, value->adnum - 1), value))
			continue;
		if (hg_guard_each_constant(stringToNode(value->adbin), glance_finds, &g))
			return true;
	}
	return false;
}

static bool
is_clean_at_a_glance(const hg_guard_judge *judge, const hg_guard_object *object,
					 bool states_defaults)
{
	Relation	relation;
	bool		clean;

	if (!object->created || object->sub != 0)
		return false;
	relation = RelationIdGetRelation(object->oid);
	if (!RelationIsValid(relation))
		return false;
	clean = IsToastNamespace(RelationGetNamespace(relation)) ||
		(!has_more_texts(relation) && !shows_finding(judge, relation, states_defaults));
	RelationClose(relation);
	return clean;
}

void
hg_guard_check_object(const hg_guard_judge *judge, const hg_guard_object *object,
					  const hg_guard_command *command)
{
	char		relkind = '\0';

	if (object->class == TypeRelationId && is_derived_type(object->oid))
		return;
	if (object->class == RelationRelationId)
	{
		if (!command->copies_comments &&
			is_clean_at_a_glance(judge, object, command->states_defaults))
			return;
		/* The names of toast tables and their indexes are numbers. */
		if (get_rel_namespace(object->oid) == PG_TOAST_NAMESPACE)
			return;
		relkind = get_rel_relkind(object->oid);
		if (relkind == '\0')
			return;
	}
	for (int i = 0; i < hg_guard_catalogs_count; i++)
	{
		check_state c = {.judge = judge,.catalog = &hg_guard_catalogs[i],.began = command->began};

		if (concerns(c.catalog, object, relkind, command->copies_comments))
			check_rows(&c, object);
	}
}

static bool
column_holds_name(const hg_guard_catalog *catalog, const hg_guard_column *column,
				  const char *name)
{
	same_state	wanted = {name, strlen(name)};
	Relation	relation = table_open(catalog->relation, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	row;
	bool		found = false;

	while (!found && HeapTupleIsValid(row = systable_getnext(scan)))
		found = column_has(relation, row, catalog, column, &wanted);
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
				column_holds_name(&hg_guard_catalogs[i], column, name))
				return true;
		}
	return false;
}
