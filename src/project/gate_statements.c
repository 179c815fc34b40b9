/*
 * gate_statements.c
 *		Which statement, function or extension is which blocked feature.
 *
 * Asked before a statement runs; of functions, when an expression is set up,
 * for which the gated ones are kept in a small table of this session.
 */
#include "project/gates.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "audit/audit.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "parser/parse_func.h"
#include "project/refuse.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

/* Known to keep data inside the database, or to bring in code of the distribution only. */
static const char *const safe_extensions[] = {
	"amcheck", "autoinc", "bloom", "btree_gin", "btree_gist", "citext", "cube", "debversion",
	"dict_int", "dict_xsyn", "earthdistance", "fuzzystrmatch", "hipaa_guard", "hll", "hstore",
	"hypopg", "icu_ext", "insert_username", "intagg", "intarray", "ip4r", "isn", "lo", "ltree",
	"moddatetime", "numeral", "old_snapshot", "orafce", "periods", "pg_buffercache", "pg_cron",
	"pg_freespacemap", "pg_hint_plan", "pg_logicalinspect", "pg_overexplain", "pg_partman",
	"pg_prewarm", "pg_qualstats", "pg_repack", "pg_similarity", "pg_stat_kcache",
	"pg_stat_statements", "pg_trgm", "pg_visibility", "pg_wait_sampling", "pgaudit",
	"pgauditlogtofile", "pgcrypto", "pgrouting", "pgrowlocks", "pgstattuple", "pgtap",
	"pldbgapi", "plperl", "plpgsql", "plpgsql_check", "pltcl", "postgis", "postgis_raster",
	"postgis_sfcgal", "postgis_tiger_geocoder", "postgis_topology", "postgres_fdw", "prefix",
	"q3c", "refint", "rum", "seg", "semver", "set_user", "sslinfo", "tablefunc", "tcn", "tdigest",
	"timescaledb", "tsm_system_rows", "tsm_system_time", "unaccent", "unit", "uuid-ossp",
	"vector", "xml2"
};

/* Schemas, roles and extensions of services that the vendors exclude. */
static const struct
{
	const char *name;
	const char *service;
}			services[] = {
	{"neon_auth", "neon_auth"},
	{"pg_session_jwt", "neon_auth"},
	{"authenticator", "data_api"},
	{"authenticated", "data_api"},
	{"anon", "data_api"},
	{"anonymous", "data_api"},
	{"pg_graphql", "data_api"},
	{"graphql_public", "data_api"},
};

static const struct
{
	const char *name;
	const char *feature;
}			functions[] = {
	{"pg_read_file", HG_FEATURE_SERVER_FILES},
	{"pg_read_file_old", HG_FEATURE_SERVER_FILES},
	{"pg_read_binary_file", HG_FEATURE_SERVER_FILES},
	{"pg_ls_dir", HG_FEATURE_SERVER_FILES},
	{"pg_stat_file", HG_FEATURE_SERVER_FILES},
	{"pg_file_read", HG_FEATURE_SERVER_FILES},
	{"pg_file_write", HG_FEATURE_SERVER_FILES},
	{"pg_file_rename", HG_FEATURE_SERVER_FILES},
	{"pg_file_unlink", HG_FEATURE_SERVER_FILES},
	{"pg_file_sync", HG_FEATURE_SERVER_FILES},
	{"pg_file_length", HG_FEATURE_SERVER_FILES},
	{"pg_logdir_ls", HG_FEATURE_SERVER_FILES},
	{"lo_import", HG_FEATURE_SERVER_FILES},
	{"lo_export", HG_FEATURE_SERVER_FILES},
	{"dblink", HG_FEATURE_DBLINK},
	{"dblink_connect", HG_FEATURE_DBLINK},
	{"dblink_connect_u", HG_FEATURE_DBLINK},
	{"dblink_exec", HG_FEATURE_DBLINK},
	{"dblink_open", HG_FEATURE_DBLINK},
	{"dblink_send_query", HG_FEATURE_DBLINK},
	{"pg_logical_emit_message", HG_FEATURE_WAL_MESSAGE},
	{"pg_create_logical_replication_slot", HG_FEATURE_LOGICAL_SLOT},
	{"pg_copy_logical_replication_slot", HG_FEATURE_LOGICAL_SLOT},
	/* Our own that others of ours call after their checks: no feature, and no exemption. */
	{"write_flag", NULL},
	{"mark_deletion", NULL},
	{"note_approvers", NULL},
	{"set_column_label", NULL},
	{"change_network", NULL},
	{"audit_remove_segments", NULL},
	{"audit_retention_write", NULL},
};

/* ---- functions ---- */

typedef struct gated
{
	Oid			function;		/* hash key */
	const char *feature;
	const char *name;
} gated;

/* The functions above that are there; NULL: to be found again. */
static HTAB *gated_functions = NULL;
static MemoryContext gated_context = NULL;

static void
forget_gated(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	gated_functions = NULL;
}

static void
find_gated_named(HTAB *table, const char *name, const char *feature)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));

	for (int i = 0; i < list->n_members; i++)
	{
		Oid			function = ((Form_pg_proc) GETSTRUCT(&list->members[i]->tuple))->oid;
		gated	   *entry = hash_search(table, &function, HASH_ENTER, NULL);

		entry->feature = feature;
		entry->name = name;
	}
	ReleaseCatCacheList(list);
}

static void
find_gated(void)
{
	HASHCTL		control = {0};
	HTAB	   *table;

	if (gated_context == NULL)
		gated_context = AllocSetContextCreate(CacheMemoryContext, "hipaa_guard gates",
											  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(gated_context);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(gated);
	control.hcxt = gated_context;
	table = hash_create("hipaa_guard gated functions", 64, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (size_t i = 0; i < lengthof(functions); i++)
		find_gated_named(table, functions[i].name, functions[i].feature);
	gated_functions = table;
}

void
hg_gates_function(Oid function)
{
	gated	   *entry;

	if (gated_functions == NULL)
		find_gated();
	entry = hash_search(gated_functions, &function, HASH_FIND, NULL);
	if (entry == NULL)
		return;
	if (entry->feature)
		hg_gate(entry->feature, entry->name, "EXECUTE");
	else
		hg_own_called(function);
}

/* ---- statements ---- */

static void
gate_copy(const CopyStmt *stmt, const char *command)
{
	if (stmt->is_program)
		hg_gate(HG_FEATURE_COPY_PROGRAM, NULL, command);
	else if (stmt->filename)
		hg_gate(HG_FEATURE_SERVER_FILES, stmt->filename, command);
}

static void
gate_service(const char *name, const char *command)
{
	for (size_t i = 0; i < lengthof(services); i++)
		if (name && strcmp(services[i].name, name) == 0)
			hg_gate(HG_FEATURE_SERVICE, services[i].service, command);
}

/* Asked of hipaa_guard.allowed_extensions, a list. */
static bool
is_allowed_extension(const char *name)
{
	List	   *list = NIL;
	ListCell   *cell;

	for (size_t i = 0; i < lengthof(safe_extensions); i++)
		if (strcmp(safe_extensions[i], name) == 0)
			return true;
	if (hg_guc_allowed_extensions &&
		SplitGUCList(pstrdup(hg_guc_allowed_extensions), ',', &list))
		foreach(cell, list)
			if (strcmp(lfirst(cell), name) == 0)
				return true;
	return false;
}

static void
gate_extension(const CreateExtensionStmt *stmt, const char *command)
{
	gate_service(stmt->extname, command);
	if (strcmp(stmt->extname, "dblink") == 0)
		hg_gate(HG_FEATURE_DBLINK, stmt->extname, command);
	else if (!is_allowed_extension(stmt->extname))
		hg_gate(HG_FEATURE_EXTENSION, stmt->extname, command);
}

/* Languages that are not there yet are left to the command itself. */
static void
gate_language(const char *language, const char *command)
{
	HeapTuple	tuple = SearchSysCache1(LANGNAME, CStringGetDatum(language));
	bool		trusted = true;

	if (HeapTupleIsValid(tuple))
	{
		trusted = ((Form_pg_language) GETSTRUCT(tuple))->lanpltrusted;
		ReleaseSysCache(tuple);
	}
	if (!trusted)
		hg_gate(HG_FEATURE_UNTRUSTED_CODE, language, command);
}

/* SQL is trusted, though a function without a LANGUAGE clause has a body of SQL. */
static void
gate_function(const List *options, const char *command)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "language") == 0)
			gate_language(strVal(option->arg), command);
	}
}

/* With a search_path of its own, a caller cannot put other objects in the function's way. */
static void
gate_definer(const CreateFunctionStmt *stmt, const char *command)
{
	bool		definer = false;
	bool		has_path = false;
	ListCell   *cell;

	foreach(cell, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "security") == 0)
			definer = boolVal(option->arg);
		else if (strcmp(option->defname, "set") == 0)
		{
			VariableSetStmt *set = castNode(VariableSetStmt, option->arg);

			has_path |= set->name && strcmp(set->name, "search_path") == 0 &&
				(set->kind == VAR_SET_VALUE || set->kind == VAR_SET_CURRENT);
		}
	}
	if (definer && !has_path)
		hg_gate(HG_FEATURE_SECURITY_DEFINER, strVal(llast(stmt->funcname)), command);
}

static bool
has_search_path(Datum settings)
{
	Datum	   *elements;
	int			count;
	bool		found = false;

	deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  NULL, &count);
	for (int i = 0; i < count; i++)
		found |= strncmp(TextDatumGetCString(elements[i]), "search_path=", 12) == 0;
	return found;
}

/* What an ALTER has made of a function; an error takes it back. */
static void
gate_altered_function(const AlterFunctionStmt *stmt, const char *command)
{
	Oid			function = LookupFuncWithArgs(stmt->objtype, stmt->func, true);
	HeapTuple	tuple;
	Datum		settings;
	bool		isnull;
	bool		open;

	CommandCounterIncrement();
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return;
	settings = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &isnull);
	open = ((Form_pg_proc) GETSTRUCT(tuple))->prosecdef && (isnull || !has_search_path(settings));
	ReleaseSysCache(tuple);
	if (open)
		hg_gate(HG_FEATURE_SECURITY_DEFINER, get_func_name(function), command);
}

/* Passes, and whoever reads the log or the trail sees it. */
static void
warn_of_role(const List *options, const char *role, const char *command)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if ((strcmp(option->defname, "superuser") != 0 &&
			 strcmp(option->defname, "bypassrls") != 0) || !boolVal(option->arg))
			continue;
		hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, command, "role", role, 0,
						"role that passes over row security");
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("the role will pass over row-level security in HIPAA projects"),
				 errhint("Give SUPERUSER and BYPASSRLS to nobody who does not need them.")));
		return;
	}
}

static const char *
option_of(const List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && option->arg)
			return defGetString(option);
	}
	return NULL;
}

static bool
is_postgres_fdw(const char *server)
{
	ForeignServer *found = GetForeignServerByName(server, true);

	return found && strcmp(GetForeignDataWrapper(found->fdwid)->fdwname, "postgres_fdw") == 0;
}

static void
gate_new_server(const CreateForeignServerStmt *stmt, const char *command)
{
	const char *sslmode = option_of(stmt->options, "sslmode");

	if (strcmp(stmt->fdwname, "postgres_fdw") != 0 || sslmode == NULL ||
		strcmp(sslmode, "verify-full") != 0)
		hg_gate(HG_FEATURE_FOREIGN_SERVER, stmt->servername, command);
}

/* An option that is not named stays as it is. */
static void
gate_changed_server(const AlterForeignServerStmt *stmt, const char *command)
{
	ListCell   *cell;

	foreach(cell, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "sslmode") == 0 &&
			(option->defaction == DEFELEM_DROP || option->arg == NULL ||
			 strcmp(defGetString(option), "verify-full") != 0))
			hg_gate(HG_FEATURE_FOREIGN_SERVER, stmt->servername, command);
	}
}

static void
gate_mapping(const char *server, const List *options, const char *command)
{
	const char *required = option_of(options, "password_required");
	bool		on = true;

	if (required && is_postgres_fdw(server) && parse_bool(required, &on) && !on)
		hg_gate(HG_FEATURE_FOREIGN_SERVER, server, command);
}

/* $libdir/plugins is where an administrator puts what users may load. */
static void
gate_load(const LoadStmt *stmt, const char *command)
{
	if (strncmp(stmt->filename, "$libdir/plugins/", strlen("$libdir/plugins/")) != 0)
		hg_gate(HG_FEATURE_LOAD, stmt->filename, command);
}

static void
gate_do(const DoStmt *stmt, const char *command)
{
	gate_function(stmt->args, command);
}

void
hg_gates_before_utility(Node *node, const char *command)
{
	/* What an extension does is decided with the extension. */
	if (creating_extension)
		return;
	switch (nodeTag(node))
	{
		case T_CopyStmt:
			gate_copy((CopyStmt *) node, command);
			break;
		case T_CreateExtensionStmt:
			gate_extension((CreateExtensionStmt *) node, command);
			break;
		case T_CreateSchemaStmt:
			gate_service(((CreateSchemaStmt *) node)->schemaname, command);
			break;
		case T_CreateRoleStmt:
			gate_service(((CreateRoleStmt *) node)->role, command);
			break;
		case T_CreateFunctionStmt:
			gate_function(((CreateFunctionStmt *) node)->options, command);
			gate_definer((CreateFunctionStmt *) node, command);
			break;
		case T_CreateEventTrigStmt:
			hg_gate(HG_FEATURE_EVENT_TRIGGER, ((CreateEventTrigStmt *) node)->trigname, command);
			break;
		case T_AlterEventTrigStmt:
			hg_gate(HG_FEATURE_EVENT_TRIGGER, ((AlterEventTrigStmt *) node)->trigname, command);
			break;
		case T_DoStmt:
			gate_do((DoStmt *) node, command);
			break;
		case T_CreatePLangStmt:
			if (!((CreatePLangStmt *) node)->pltrusted)
				hg_gate(HG_FEATURE_UNTRUSTED_CODE, ((CreatePLangStmt *) node)->plname, command);
			break;
		case T_CreateForeignServerStmt:
			gate_new_server((CreateForeignServerStmt *) node, command);
			break;
		case T_AlterForeignServerStmt:
			gate_changed_server((AlterForeignServerStmt *) node, command);
			break;
		case T_CreateUserMappingStmt:
			gate_mapping(((CreateUserMappingStmt *) node)->servername,
						 ((CreateUserMappingStmt *) node)->options, command);
			break;
		case T_AlterUserMappingStmt:
			gate_mapping(((AlterUserMappingStmt *) node)->servername,
						 ((AlterUserMappingStmt *) node)->options, command);
			break;
		case T_LoadStmt:
			gate_load((LoadStmt *) node, command);
			break;
		default:
			break;
	}
}

void
hg_gates_after_utility(Node *node, const char *command)
{
	if (creating_extension)
		return;
	if (IsA(node, AlterFunctionStmt) && hg_state_database_flagged())
		gate_altered_function((AlterFunctionStmt *) node, command);
	else if (IsA(node, CreateRoleStmt))
		warn_of_role(((CreateRoleStmt *) node)->options, ((CreateRoleStmt *) node)->role, command);
	else if (IsA(node, AlterRoleStmt))
		warn_of_role(((AlterRoleStmt *) node)->options,
					 get_rolespec_name(((AlterRoleStmt *) node)->role), command);
}

PG_FUNCTION_INFO_V1(hg_safe_extensions);

Datum
hg_safe_extensions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (size_t i = 0; i < lengthof(safe_extensions); i++)
	{
		Datum		values[] = {CStringGetTextDatum(safe_extensions[i])};
		bool		nulls[] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

void
hg_gates_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget_gated, (Datum) 0);
}
