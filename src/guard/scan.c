/*
 * scan.c
 *		What stands in the catalogs today: the C half of scan_catalog().
 *
 * Reads the same table of catalogs as the check after a command, whole.  Takes
 * AccessShareLock on one catalog at a time.  An object's identity is looked up
 * for findings only, and comes out masked.
 */
#include "guard/catalog.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_largeobject.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "funcapi.h"
#include "guard/texts.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define SCAN_COLUMNS 7
#define PROGRESS_INTERVAL_MS 5000

typedef struct scan_state
{
	ReturnSetInfo *result;
	hg_guard_judge judge;
	const hg_guard_catalog *catalog;
	const hg_guard_column *column;
	TupleDesc	descriptor;
	HeapTuple	row;
	MemoryContext row_memory;
	uint64		rows_count;
	TimestampTz reported_at;
} scan_state;

/* The columns of one catalog, resolved once. */
typedef struct column_place
{
	const hg_guard_column *column;
	AttrNumber	attribute;
} column_place;

static void
append_part(StringInfo result, const hg_guard_judge *judge, const char *part)
{
	hg_text_finding finding;

	if (result->len > 0)
		appendStringInfoChar(result, '.');
	if (hg_guard_finds(judge, HG_AT_OBJECT_NAME, part, strlen(part), true, &finding) ||
		hg_guard_finds(judge, HG_AT_OBJECT_NAME, part, strlen(part), false, &finding))
		appendStringInfo(result, "[phi:%s]", hg_phi_category_name(finding.span.category));
	else
		appendStringInfoString(result, quote_identifier(part));
}

static Datum
attribute_of(scan_state *s, const char *name)
{
	bool		is_null;
	AttrNumber	attribute = hg_guard_attribute(s->catalog, name);
	Datum		value = heap_getattr(s->row, attribute, s->descriptor, &is_null);

	return is_null ? (Datum) 0 : value;
}

static ObjectAddress
address_of(scan_state *s)
{
	ObjectAddress address = {.classId = s->catalog->class,.objectSubId = 0};

	address.objectId = DatumGetObjectId(attribute_of(s, s->catalog->key));
	/* A setting of a role in all databases. */
	if (s->catalog->relation == DbRoleSettingRelationId && !OidIsValid(address.objectId))
	{
		address.classId = AuthIdRelationId;
		address.objectId = DatumGetObjectId(attribute_of(s, s->catalog->group));
	}
	if (s->catalog->class_key != NULL)
		address.classId = DatumGetObjectId(attribute_of(s, s->catalog->class_key));
	if (s->catalog->sub != NULL)
	{
		AttrNumber	attribute = hg_guard_attribute(s->catalog, s->catalog->sub);
		Datum		value = attribute_of(s, s->catalog->sub);

		address.objectSubId = TupleDescAttr(s->descriptor, attribute - 1)->attlen == 2 ?
			DatumGetInt16(value) : DatumGetInt32(value);
	}
	return address;
}

/* Whether the server can describe such objects; large objects go by the catalog of their data. */
static bool
is_describable(Oid class)
{
	return class == LargeObjectRelationId || is_objectclass_supported(class);
}

/* The identity's parts, each masked if there is a finding in it. */
static char *
masked_identity(const hg_guard_judge *judge, const ObjectAddress *address)
{
	StringInfoData result;
	List	   *names = NIL;
	List	   *arguments = NIL;
	ListCell   *cell;

	initStringInfo(&result);
	if (is_describable(address->classId) &&
		getObjectIdentityParts(address, &names, &arguments, true) != NULL)
	{
		foreach(cell, names)
			append_part(&result, judge, lfirst(cell));
		foreach(cell, arguments)
			append_part(&result, judge, lfirst(cell));
	}
	if (result.len == 0)
		appendStringInfo(&result, "%u", address->objectId);
	return result.data;
}

static char *
type_of(const ObjectAddress *address)
{
	char	   *type = NULL;

	if (is_describable(address->classId))
		type = getObjectTypeDescription(address, true);
	if (type == NULL)
		type = get_rel_name(address->classId);
	return type != NULL ? type : pstrdup("object");
}

/* What initdb made: its expressions are not parsed again, its words (languages) no names. */
static bool
is_builtin(scan_state *s)
{
	return DatumGetObjectId(attribute_of(s, s->catalog->key)) < FirstNormalObjectId &&
		!IsSharedRelation(s->catalog->relation);
}

/* Our own functions and comments came with the package. */
static bool
is_ours(const ObjectAddress *address)
{
	Oid			extension = get_extension_oid("hipaa_guard", true);

	return OidIsValid(extension) &&
		getExtensionOfObject(address->classId, address->objectId) == extension;
}

static bool
put_finding(void *arg, const char *text, size_t size, bool is_name)
{
	scan_state *s = arg;
	hg_guard_at at = hg_guard_at_of(s->catalog, s->column, s->row);
	hg_text_finding finding;
	ObjectAddress address;
	Datum		values[SCAN_COLUMNS];
	bool		nulls[SCAN_COLUMNS] = {false};

	if (!(is_name ? hg_guard_finds(&s->judge, at, text, size, true, &finding) :
		  hg_guard_finds_in_literal(&s->judge, at, text, size, &finding)))
		return false;
	address = address_of(s);
	if (is_ours(&address) || (finding.span.category == HG_PHI_NAME && is_builtin(s)))
		return false;
	values[0] = CStringGetTextDatum(type_of(&address));
	values[1] = CStringGetTextDatum(masked_identity(&s->judge, &address));
	values[2] = CStringGetTextDatum(hg_guard_surfaces[at].name);
	values[3] = CStringGetTextDatum(hg_phi_category_name(finding.span.category));
	values[4] = CStringGetTextDatum(hg_phi_rule_name(finding.span.rule));
	values[5] = Float4GetDatum(finding.confidence);
	values[6] = PointerGetDatum(cstring_to_text_with_len(text, size));
	tuplestore_putvalues(s->result->setResult, s->result->setDesc, values, nulls);
	return false;
}

static void
report_progress(scan_state *s)
{
	TimestampTz now;

	CHECK_FOR_INTERRUPTS();
	if (++s->rows_count % 1000 != 0)
		return;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(s->reported_at, now, PROGRESS_INTERVAL_MS))
		return;
	s->reported_at = now;
	ereport(NOTICE,
			(errmsg("scan_catalog: %llu rows of system catalogs read",
					(unsigned long long) s->rows_count)));
}

static void
scan_row(scan_state *s, const column_place *places, int count)
{
	MemoryContext callers = MemoryContextSwitchTo(s->row_memory);

	for (int i = 0; i < count; i++)
	{
		bool		is_null;
		Datum		value = heap_getattr(s->row, places[i].attribute, s->descriptor, &is_null);

		s->column = places[i].column;
		if (!is_null && !(s->column->form == HG_FORM_NODES && is_builtin(s)))
			hg_guard_each_text(s->column->form, value,
							   TupleDescAttr(s->descriptor, places[i].attribute - 1)->atttypid,
							   put_finding, s);
	}
	MemoryContextSwitchTo(callers);
	MemoryContextReset(s->row_memory);
	report_progress(s);
}

static void
scan_whole(scan_state *s)
{
	Relation	relation = table_open(s->catalog->relation, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	column_place places[HG_GUARD_COLUMNS_MAX];
	int			count = 0;

	s->descriptor = RelationGetDescr(relation);
	for (int i = 0; i < HG_GUARD_COLUMNS_MAX && s->catalog->columns[i].name != NULL; i++)
	{
		places[count].column = &s->catalog->columns[i];
		places[count].attribute = hg_guard_attribute(s->catalog,
													s->catalog->columns[i].name);
		if (places[count].attribute != InvalidAttrNumber)
			count++;
	}
	while (HeapTupleIsValid(s->row = systable_getnext(scan)))
		scan_row(s, places, count);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

/* The same catalog may stand twice in the table, under two keys. */
static bool
is_repeated(int catalog)
{
	for (int i = 0; i < catalog; i++)
		if (hg_guard_catalogs[i].relation == hg_guard_catalogs[catalog].relation)
			return true;
	return false;
}

/* Findings count as they would if the text came in today, with the guard on. */
static hg_guard_judge
scanner_judge(void)
{
	hg_guard_judge judge = {HG_DDL_REJECT, 0, "SCAN CATALOG"};

	judge.threshold = Min(hg_guc_reject_confidence, HG_REJECT_CONFIDENCE_MAX);
	return judge;
}

PG_FUNCTION_INFO_V1(hg_catalog_texts);
PG_FUNCTION_INFO_V1(hg_text_finding_on);

Datum
hg_catalog_texts(PG_FUNCTION_ARGS)
{
	scan_state	s = {.reported_at = GetCurrentTimestamp(),.judge = scanner_judge()};

	InitMaterializedSRF(fcinfo, 0);
	s.result = (ReturnSetInfo *) fcinfo->resultinfo;
	s.row_memory = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard scan",
										 ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < hg_guard_catalogs_count; i++)
	{
		s.catalog = &hg_guard_catalogs[i];
		if (!is_repeated(i))
			scan_whole(&s);
	}
	MemoryContextDelete(s.row_memory);
	return (Datum) 0;
}

static hg_guard_at
surface_by_name(const char *name)
{
	for (int i = 0; i < HG_AT_COUNT; i++)
		if (strcmp(hg_guard_surfaces[i].name, name) == 0)
			return (hg_guard_at) i;
	return HG_AT_LITERAL;
}

/* The worst finding of one text on a surface, for what is no catalog; no row: none. */
Datum
hg_text_finding_on(PG_FUNCTION_ARGS)
{
	text	   *input = PG_GETARG_TEXT_PP(0);
	hg_guard_at at = surface_by_name(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	hg_guard_judge judge = scanner_judge();
	hg_text_finding finding;

	InitMaterializedSRF(fcinfo, 0);
	if (hg_guard_finds_in_literal(&judge, at, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input),
								  &finding))
	{
		ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = CStringGetTextDatum(hg_phi_category_name(finding.span.category));
		values[1] = CStringGetTextDatum(hg_phi_rule_name(finding.span.rule));
		values[2] = Float4GetDatum(finding.confidence);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
