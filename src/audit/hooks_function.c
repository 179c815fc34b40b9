/*
 * hooks_function.c
 *		Functions that a statement calls: users' own, and the server's that reach
 *		beyond its tables.
 *
 * The hook runs once for each function of a plan, before it is called, so what
 * set_config() changes is told before it takes effect.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "audit/hooks.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#define FUNCTIONS_MAX 1024

/* Functions of pg_catalog that are told; by the beginning of their names. */
static const struct
{
	const char *prefix;
	hg_audit_class class;
}			side_doors[] = {
	{"lo_", HG_AUDIT_FUNCTION},
	{"lowrite", HG_AUDIT_FUNCTION},
	{"loread", HG_AUDIT_FUNCTION},
	{"pg_read_", HG_AUDIT_FUNCTION},
	{"pg_ls_", HG_AUDIT_FUNCTION},
	{"pg_stat_file", HG_AUDIT_FUNCTION},
	{"pg_file_", HG_AUDIT_FUNCTION},
	{"pg_logical_", HG_AUDIT_FUNCTION},
	{"pg_create_", HG_AUDIT_FUNCTION},
	{"pg_replication_", HG_AUDIT_FUNCTION},
	{"pg_drop_", HG_AUDIT_FUNCTION},
	{"pg_copy_", HG_AUDIT_FUNCTION},
	{"pg_switch_wal", HG_AUDIT_FUNCTION},
	{"pg_wal_replay_", HG_AUDIT_FUNCTION},
	{"pg_export_snapshot", HG_AUDIT_FUNCTION},
	{"pg_notify", HG_AUDIT_FUNCTION},
	{"pg_log_backend_", HG_AUDIT_FUNCTION},
	/* What the views of the same doors are made of. */
	{"pg_stat_get_activity", HG_AUDIT_FUNCTION},
	{"pg_stat_get_backend_activity", HG_AUDIT_FUNCTION},
	{"pg_hba_file_rules", HG_AUDIT_FUNCTION},
	{"pg_ident_file_mappings", HG_AUDIT_FUNCTION},
	{"pg_show_all_file_settings", HG_AUDIT_FUNCTION},
	{"pg_prepared_statement", HG_AUDIT_FUNCTION},
	{"pg_cursor", HG_AUDIT_FUNCTION},
	{"pg_backup_", HG_AUDIT_FUNCTION},
	{"pg_terminate_", HG_AUDIT_FUNCTION},
	{"pg_cancel_", HG_AUDIT_FUNCTION},
	{"pg_promote", HG_AUDIT_FUNCTION},
	{"query_to_xml", HG_AUDIT_FUNCTION},
	{"cursor_to_xml", HG_AUDIT_FUNCTION},
	{"table_to_xml", HG_AUDIT_FUNCTION},
	{"schema_to_xml", HG_AUDIT_FUNCTION},
	{"database_to_xml", HG_AUDIT_FUNCTION},
	{"set_config", HG_AUDIT_CONFIG},
	{"pg_reload_conf", HG_AUDIT_CONFIG},
	{"pg_rotate_logfile", HG_AUDIT_CONFIG},
	{"pg_stat_reset", HG_AUDIT_CONFIG},
};

typedef struct function_entry
{
	Oid			function;		/* the key */
	bool		told;
	uint8		class;
	uint32		size;
	char	   *bundle;
	hg_audit_kept kept;
} function_entry;

/* Functions that are not told, by their oid, so that a query's operators cost next to nothing. */
#define UNTOLD_MAX 256

static Oid	untold[UNTOLD_MAX];

static HTAB *functions = NULL;
static MemoryContext functions_context = NULL;
static object_access_hook_type previous_access = NULL;

static void
functions_invalid(Datum unused, int cache, uint32 hash)
{
	(void) unused;
	(void) cache;
	(void) hash;
	functions = NULL;
	memset(untold, 0, sizeof(untold));
	if (functions_context != NULL)
		MemoryContextReset(functions_context);
}

static void
functions_prepare(void)
{
	static bool registered = false;
	HASHCTL		control = {0};

	if (functions_context == NULL)
		functions_context = AllocSetContextCreate(CacheMemoryContext,
												  "hipaa_guard audit functions",
												  ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(function_entry);
	control.hcxt = functions_context;
	functions = hash_create("hipaa_guard audit functions", 64, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (registered)
		return;
	CacheRegisterSyscacheCallback(PROCOID, functions_invalid, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, functions_invalid, (Datum) 0);
	registered = true;
}

static bool
is_told(Oid schema, const char *name, uint8 *class)
{
	*class = HG_AUDIT_FUNCTION;
	if (schema != PG_CATALOG_NAMESPACE)
		return true;
	for (size_t i = 0; i < lengthof(side_doors); i++)
	{
		if (strncmp(name, side_doors[i].prefix, strlen(side_doors[i].prefix)) == 0)
		{
			*class = (uint8) side_doors[i].class;
			return true;
		}
	}
	return false;
}

static function_entry *
function_enter(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	function_entry built = {function, false, HG_AUDIT_FUNCTION, 0, NULL, {0, 0}};
	function_entry *entry;
	hg_audit_words words;
	bool		found;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
		char	   *schema = NULL;

		built.told = is_told(form->pronamespace, NameStr(form->proname), &built.class);
		if (built.told)
			schema = get_namespace_name(form->pronamespace);
		hg_audit_words_object(&words, bundle,
							  form->prokind == PROKIND_PROCEDURE ? "procedure" : "function",
							  schema, NameStr(form->proname));
		built.size = words.size;
		ReleaseSysCache(tuple);
		if (schema != NULL)
			pfree(schema);
	}
	if (functions == NULL || hash_get_num_entries(functions) >= FUNCTIONS_MAX)
	{
		functions_invalid((Datum) 0, 0, 0);
		functions_prepare();
	}
	if (built.told)
		built.bundle = memcpy(MemoryContextAlloc(functions_context, built.size), bundle,
							  built.size);
	entry = hash_search(functions, &function, HASH_ENTER, &found);
	*entry = built;
	return entry;
}

static void
function_record(Oid function)
{
	function_entry *entry = functions == NULL ? NULL
		: hash_search(functions, &function, HASH_FIND, NULL);
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	hg_audit_words action;
	hg_audit_words object;
	hg_audit_event event;

	if (entry == NULL)
		entry = function_enter(function);
	if (!entry->told)
		untold[function % UNTOLD_MAX] = function;
	if (!entry->told || !hg_audit_wanted((hg_audit_class) entry->class))
		return;
	hg_audit_session_refresh();
	hg_audit_event_begin(&event, (hg_audit_class) entry->class, HG_AUDIT_SUCCESS);
	event.parent = hg_audit_running != 0 ? hg_audit_running : event.statement;
	event.statement = 0;
	hg_audit_words_action(&action, bundle, "EXECUTE", NULL);
	object.data = entry->bundle;
	object.size = entry->size;
	object.kept = &entry->kept;
	hg_audit_put(&event, &action, &object, NULL);
}

static void
object_access(ObjectAccessType access, Oid class, Oid object, int sub, void *argument)
{
	if (previous_access)
		previous_access(access, class, object, sub, argument);
	if (access == OAT_FUNCTION_EXECUTE && class == ProcedureRelationId
		&& untold[object % UNTOLD_MAX] != object && !IsParallelWorker() && IsTransactionState()
		&& (hg_audit_wanted(HG_AUDIT_FUNCTION) || hg_audit_wanted(HG_AUDIT_CONFIG)))
		function_record(object);
}

void
hg_audit_function_init(void)
{
	previous_access = object_access_hook;
	object_access_hook = object_access;
}
