/*
 * identifiers.c
 *		The site's own identifiers: in shared memory for every process, the log
 *		hook included, and in a file of the data directory, so that they are
 *		there from the first moment after a restart.
 *
 * The table hipaa_guard.identifier is what dump and restore carry.  A trigger
 * on it says that it changed; before the transaction commits its rows are read,
 * and when it has committed they replace those that this database had in the
 * cluster's one set.  The commit also invalidates pg_shseclabel: that makes the
 * keeper of a hot standby look, and have the table read there.  What a database
 * brought goes with the extension, or with the database.
 *
 * Writers hold the state's LWLock (base/state.h); readers take none, a sequence
 * count in the set tells them of a change (phi.h).
 */
#include "text/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_shseclabel.h"
#include "commands/extension.h"
#include "common/file_perm.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "postmaster/bgworker.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define FILE_NAME "hipaa_guard/identifiers"
#define FILE_MAGIC 0x48474944	/* "HGID" */
#define FILE_VERSION 1

typedef struct identifiers
{
	hg_phi_custom_set set;
	Oid			databases[HG_PHI_CUSTOM_MAX];	/* who brought each row */
} identifiers;

typedef struct identifiers_file
{
	uint32		magic;
	uint32		version;
	uint32		size;			/* of all of it */
	pg_crc32c	crc;			/* of the content */
	identifiers content;
} identifiers_file;

static identifiers *shared = NULL;

/* The running transaction changed the table. */
static bool changed = false;

/* What it will publish, read before its commit; NULL if nothing. */
static hg_phi_custom_set *pending = NULL;

/* The database that it drops: what that one brought goes with it. */
static Oid	dropped = InvalidOid;

static object_access_hook_type previous_object_access = NULL;

static pg_crc32c
crc_of(const identifiers *content)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, content, sizeof(*content));
	FIN_CRC32C(crc);
	return crc;
}

/* A missing, foreign, damaged or newer file leaves the set empty; the last three are told. */
static void
read_file(identifiers *content)
{
	identifiers_file file;
	int			fd = open(FILE_NAME, O_RDONLY | PG_BINARY);
	ssize_t		got;

	if (fd < 0)
		return;
	got = read(fd, &file, sizeof(file));
	close(fd);
	if (got == sizeof(file) && file.magic == FILE_MAGIC && file.version == FILE_VERSION &&
		file.size == sizeof(file) && file.crc == crc_of(&file.content) &&
		file.content.set.count <= HG_PHI_CUSTOM_MAX)
		*content = file.content;
	else
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("hipaa_guard cannot use its file of identifiers"),
				 errdetail("The file is damaged, or of another version."),
				 errhint("Call hipaa_guard.publish_identifiers() in each database that has "
						 "some.")));
}

/* Failing to write costs only that a restart begins without them, so it is told and no more. */
static void
write_file(const identifiers *content)
{
	identifiers_file file;
	int			fd;
	bool		written;

	memset(&file, 0, sizeof(file));
	file.magic = FILE_MAGIC;
	file.version = FILE_VERSION;
	file.size = sizeof(file);
	file.content = *content;
	file.content.set.version = 0;
	file.crc = crc_of(&file.content);
	(void) MakePGDirectory("hipaa_guard");
	fd = open(FILE_NAME ".new", O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, pg_file_create_mode);
	written = fd >= 0 && write(fd, &file, sizeof(file)) == sizeof(file);
	if (fd >= 0)
		close(fd);
	if (!written || durable_rename(FILE_NAME ".new", FILE_NAME, LOG) != 0)
		ereport(WARNING,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("hipaa_guard could not write its file of identifiers"),
				 errdetail("They are in force, and would be missing after a restart.")));
}

/* Rows of other databases stay; what finds no room any more is left out, and told. */
static void
merge(identifiers *content, Oid database, const hg_phi_custom_set *own)
{
	uint32		count = 0;

	for (uint32 i = 0; i < content->set.count; i++)
		if (content->databases[i] != database)
		{
			content->set.rows[count] = content->set.rows[i];
			content->databases[count++] = content->databases[i];
		}
	for (uint32 i = 0; i < own->count && count < HG_PHI_CUSTOM_MAX; i++)
	{
		content->set.rows[count] = own->rows[i];
		content->databases[count++] = database;
	}
	content->set.count = count;
}

/* After the commit, so nothing here may fail. */
static void
publish(Oid database, const hg_phi_custom_set *own)
{
	static identifiers content; /* 12 kB: not on the stack */

	LWLockAcquire(hg_state_lock(), LW_EXCLUSIVE);
	content = *shared;
	merge(&content, database, own);
	shared->set.version++;
	pg_write_barrier();
	shared->set.count = content.set.count;
	memcpy(shared->set.rows, content.set.rows, sizeof(content.set.rows));
	memcpy(shared->databases, content.databases, sizeof(content.databases));
	pg_write_barrier();
	shared->set.version++;
	LWLockRelease(hg_state_lock());
	write_file(&content);
}

/* How many rows other databases hold. */
static uint32
others_count(void)
{
	uint32		count = 0;

	LWLockAcquire(hg_state_lock(), LW_SHARED);
	for (uint32 i = 0; i < shared->set.count; i++)
		count += shared->databases[i] != MyDatabaseId;
	LWLockRelease(hg_state_lock());
	return count;
}

static void
copy_cell(char *out, size_t out_size, HeapTuple tuple, TupleDesc desc, int column)
{
	char	   *value = SPI_getvalue(tuple, desc, column);

	strlcpy(out, value ? value : "", out_size);
}

static hg_phi_checksum
checksum_of(const char *name)
{
	static const char *const names[] = {"none", "luhn", "mod11", "mod97"};

	for (size_t i = 0; i < lengthof(names); i++)
		if (strcmp(names[i], name) == 0)
			return (hg_phi_checksum) i;
	return HG_PHI_CHECKSUM_NONE;
}

static void
read_row(hg_phi_custom *row, HeapTuple tuple, TupleDesc desc)
{
	char		cell[32];

	copy_cell(row->name, sizeof(row->name), tuple, desc, 1);
	copy_cell(row->mask, sizeof(row->mask), tuple, desc, 2);
	copy_cell(row->cue, sizeof(row->cue), tuple, desc, 3);
	row->mask_size = strlen(row->mask);
	row->cue_size = strlen(row->cue);
	copy_cell(cell, sizeof(cell), tuple, desc, 4);
	row->checksum = checksum_of(cell);
	copy_cell(cell, sizeof(cell), tuple, desc, 5);
	row->confidence = strtof(cell, NULL);
}

/* Reads the table, which may be gone by now with the whole extension. */
static void
read_table(hg_phi_custom_set *set)
{
	memset(set, 0, sizeof(*set));
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (OidIsValid(get_relname_relid("identifier", get_namespace_oid("hipaa_guard", true))))
	{
		if (SPI_execute("SELECT name, mask, cue, checksum, confidence "
						"FROM hipaa_guard.identifier ORDER BY name", true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not read hipaa_guard.identifier");
		if (SPI_processed + others_count() > HG_PHI_CUSTOM_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many identifiers of the site"),
					 errdetail("At most %d can be in force in a cluster.", HG_PHI_CUSTOM_MAX),
					 errhint("Drop one with hipaa_guard.drop_identifier().")));
		for (uint64 i = 0; i < SPI_processed; i++)
			read_row(&set->rows[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		set->count = (uint32) SPI_processed;
	}
	SPI_finish();
	PopActiveSnapshot();
}

static void
before_commit(XactEvent event)
{
	hg_phi_custom_set *set;

	if (event == XACT_EVENT_PRE_PREPARE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has changed identifiers of the site"),
				 errhint("Change them in a transaction of its own.")));
	CacheInvalidateRelcacheByRelid(SharedSecLabelRelationId);
	set = MemoryContextAlloc(TopMemoryContext, sizeof(*set));
	pending = set;
	read_table(set);
}

/* A DROP DATABASE cannot be rolled back once it has begun to remove files. */
static void
forget_dropped(XactEvent event)
{
	static const hg_phi_custom_set none;

	if (OidIsValid(dropped) && event == XACT_EVENT_COMMIT)
		publish(dropped, &none);
	dropped = InvalidOid;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (changed && (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE))
		before_commit(event);
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	changed = false;
	if (OidIsValid(dropped))
		forget_dropped(event);
	if (pending == NULL)
		return;
	if (event == XACT_EVENT_COMMIT)
		publish(MyDatabaseId, pending);
	pfree(pending);
	pending = NULL;
}

static bool
has_identifiers(Oid database)
{
	bool		found = false;

	LWLockAcquire(hg_state_lock(), LW_SHARED);
	for (uint32 i = 0; i < shared->set.count; i++)
		found |= shared->databases[i] == database;
	LWLockRelease(hg_state_lock());
	return found;
}

/* No trigger fires when the extension goes, nor when the database does. */
static void
object_access(ObjectAccessType access, Oid class, Oid object, int sub_object, void *arg)
{
	if (previous_object_access)
		previous_object_access(access, class, object, sub_object, arg);
	if (access != OAT_DROP || shared == NULL || shared->set.count == 0)
		return;
	if (class == DatabaseRelationId && has_identifiers(object))
		dropped = object;
	else if (class == ExtensionRelationId && has_identifiers(MyDatabaseId) &&
			 object == get_extension_oid("hipaa_guard", true))
		changed = true;
}

PGDLLEXPORT void hg_identifiers_main(Datum database);

void
hg_identifiers_main(Datum database)
{
	static hg_phi_custom_set set;

	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	StartTransactionCommand();
	read_table(&set);
	CommitTransactionCommand();
	publish(MyDatabaseId, &set);
	proc_exit(0);
}

/* Where no worker is free the next invalidation, or the next start, finds them. */
void
hg_text_load_identifiers_of(Oid database)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	strlcpy(worker.bgw_library_name, "hipaa_guard", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hg_identifiers_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "hipaa_guard identifiers", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "hipaa_guard identifiers", sizeof(worker.bgw_type));
	(void) RegisterDynamicBackgroundWorker(&worker, NULL);
}

/* A row that changes just now may give a name of both; it is a name of the site in any case. */
const char *
hg_text_rule_name(unsigned rule)
{
	static char name[HG_PHI_CUSTOM_NAME_SIZE];
	unsigned	row = rule - hg_phi_rules_count();

	if (rule < hg_phi_rules_count() || row >= HG_PHI_CUSTOM_MAX)
		return hg_phi_rule_name(rule);
	strlcpy(name, shared->set.rows[row].name, sizeof(name));
	return name;
}

PG_FUNCTION_INFO_V1(hg_publish_identifiers);
PG_FUNCTION_INFO_V1(hg_identifier_problem);
PG_FUNCTION_INFO_V1(hg_builtin_identifiers);

/* At the commit, the table's rows come into force. */
Datum
hg_publish_identifiers(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	changed = true;
	PG_RETURN_VOID();
}

/* Why a mask cannot be used, as text; NULL if it can. */
Datum
hg_identifier_problem(PG_FUNCTION_ARGS)
{
	text	   *mask = PG_GETARG_TEXT_PP(0);
	const char *problem = hg_phi_custom_problem(VARDATA_ANY(mask), VARSIZE_ANY_EXHDR(mask));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

#define BUILTIN_COLUMNS 7

Datum
hg_builtin_identifiers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	hg_phi_rule_info info;

	InitMaterializedSRF(fcinfo, 0);
	for (unsigned rule = 0; hg_phi_rule_describe(rule, &info); rule++)
	{
		const char *texts[] = {info.name, hg_phi_category_name(info.category), info.shape,
		info.validator, info.cues};
		Datum		values[BUILTIN_COLUMNS];
		bool		nulls[BUILTIN_COLUMNS] = {false};

		for (size_t i = 0; i < lengthof(texts); i++)
		{
			nulls[i] = texts[i] == NULL || texts[i][0] == '\0';
			values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
		}
		values[5] = Float4GetDatum(info.confidence);
		values[6] = Float4GetDatum(info.confidence_cued);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

void
hg_text_init(void)
{
	previous_object_access = object_access_hook;
	object_access_hook = object_access;
	RegisterXactCallback(at_transaction_end, NULL);
}

Size
hg_text_shmem_size(void)
{
	return MAXALIGN(sizeof(identifiers));
}

void
hg_text_shmem_startup(void)
{
	bool		found;

	shared = ShmemInitStruct("hipaa_guard identifiers", sizeof(*shared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(*shared));
		read_file(shared);
		shared->set.version = 0;
	}
	hg_phi_use_custom(&shared->set);
}
