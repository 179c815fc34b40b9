/*
 * export.c
 *		audit_export(): the trail as lines of a format, and a receipt for them.
 *
 * The formats are SQL functions (22_export.sql), read through a cursor; lines
 * go to a tuplestore, which spills to disk beyond work_mem, and through
 * SHA-256.  The receipt is signed with the trail's key as its state file has
 * it now.  Takes no lock but that of the receipts' table.
 *
 * A receipt says what was computed, not that the client got it: who stores
 * the lines compares the digest.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "audit/audit.h"
#include "audit/control.h"
#include "audit/event.h"
#include "audit/reader.h"
#include "audit/segment_receipt.h"
#include "audit/segment_state.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define EPOCH_DIFFERENCE_US ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
#define FETCH_ROWS 1000

/* Each is a function export_NAME(since, until) with rows (seq, line). */
static const char *const formats[] = {"jsonl", "csv", "ocsf", "fhir", "syslog"};

typedef struct export
{
	ReturnSetInfo *result;
	pg_cryptohash_ctx *hash;
	const char *format;
	Datum		limits[2];		/* since, until */
	char		nulls[2];
	hg_audit_receipt receipt;
} export;

static int64
now_us(void)
{
	return GetCurrentTimestamp() + EPOCH_DIFFERENCE_US;
}

static void
format_check(export *e, FunctionCallInfo fcinfo)
{
	char	   *name = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("format must not be null"),
				 errhint("Formats are jsonl, csv, ocsf, fhir and syslog.")));
	for (size_t i = 0; i < lengthof(formats); i++)
	{
		if (strcmp(name, formats[i]) == 0)
			e->format = formats[i];
	}
	if (e->format == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized format of an audit export"),
				 errhint("Formats are jsonl, csv, ocsf, fhir and syslog.")));
	strlcpy(e->receipt.format, e->format, sizeof(e->receipt.format));
}

/* A moment since 1970, held within what a receipt can say. */
static int64
limit_us(Datum limit, bool is_null, int64 begin, int64 end)
{
	TimestampTz at = DatumGetTimestampTz(limit);

	if (is_null || TIMESTAMP_IS_NOBEGIN(at) || TIMESTAMP_IS_NOEND(at))
		return !is_null && TIMESTAMP_IS_NOEND(at) ? end
			: !is_null && TIMESTAMP_IS_NOBEGIN(at) ? 0 : begin;
	return Min(Max(at + EPOCH_DIFFERENCE_US, 0), end);
}

/*
 * Brings to disk what was recorded up to now, and tells up to when the export
 * is complete.  A trail that cannot be written is exported as it is: the disk
 * may be full, and exporting the way to make room.
 */
static void
limits_find(export *e, FunctionCallInfo fcinfo)
{
	hg_audit_status status;
	int64		complete_us = now_us();

	for (int i = 0; i < 2; i++)
	{
		e->limits[i] = PG_GETARG_DATUM(1 + i);
		e->nulls[i] = PG_ARGISNULL(1 + i) ? 'n' : ' ';
	}
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2)
		&& DatumGetTimestampTz(e->limits[1]) < DatumGetTimestampTz(e->limits[0]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the export would end before it begins"),
				 errhint("The second argument is since, the third until.")));
	if (hg_audit_ring_shared != NULL && !hg_audit_flush_wait(&status))
	{
		complete_us = status.last_flush_us;
		ereport(WARNING,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("the audit trail cannot be written now, so its latest events are not "
						"exported"),
				 errdetail("%s", status.last_error)));
	}
	e->receipt.since_us = limit_us(e->limits[0], PG_ARGISNULL(1), 0, complete_us);
	e->receipt.until_us = limit_us(e->limits[1], PG_ARGISNULL(2), complete_us, complete_us);
}

static void
hash_checked(export *e, int status)
{
	if (status < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute the digest of an audit export: %s",
						pg_cryptohash_error(e->hash))));
}

static void
line_put(export *e, HeapTuple row, TupleDesc desc)
{
	bool		seq_null;
	bool		line_null;
	Datum		seq = SPI_getbinval(row, desc, 1, &seq_null);
	Datum		line = SPI_getbinval(row, desc, 2, &line_null);
	text	   *data;

	if (line_null)
		return;
	data = DatumGetTextPP(line);
	hash_checked(e, pg_cryptohash_update(e->hash, (const uint8 *) VARDATA_ANY(data),
										 VARSIZE_ANY_EXHDR(data)));
	hash_checked(e, pg_cryptohash_update(e->hash, (const uint8 *) "\n", 1));
	tuplestore_putvalues(e->result->setResult, e->result->setDesc, &line, &line_null);
	if (seq_null)
		return;
	e->receipt.events++;
	e->receipt.seq_first = e->receipt.seq_first == 0 ? (uint64) DatumGetInt64(seq)
		: Min(e->receipt.seq_first, (uint64) DatumGetInt64(seq));
	e->receipt.seq_last = Max(e->receipt.seq_last, (uint64) DatumGetInt64(seq));
}

static void
lines_put(export *e)
{
	Oid			types[2] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	char	   *query = psprintf("SELECT seq, line FROM hipaa_guard.export_%s($1, $2)", e->format);
	Portal		cursor = SPI_cursor_open_with_args(NULL, query, 2, types, e->limits, e->nulls,
												   true, CURSOR_OPT_NO_SCROLL);

	do
	{
		SPI_cursor_fetch(cursor, true, FETCH_ROWS);
		for (uint64 i = 0; i < SPI_processed; i++)
			line_put(e, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(cursor);
	hash_checked(e, pg_cryptohash_final(e->hash, e->receipt.digest, sizeof(e->receipt.digest)));
}

/* Gaps are told after the time they are of, so all segments are asked. */
static void
gaps_count(hg_audit_receipt *receipt)
{
	hg_audit_cursor cursor;
	const hg_audit_item *item;
	bool		segment;

	hg_audit_cursor_begin(&cursor, receipt->since_us, receipt->until_us, false);
	while ((item = hg_audit_cursor_next(&cursor, &segment)) != NULL)
	{
		const hg_audit_gap_item *gap = (const hg_audit_gap_item *) item;

		if (item->kind == HG_AUDIT_ITEM_GAP && gap->ended_us >= receipt->since_us
			&& gap->began_us < receipt->until_us)
			receipt->lost += gap->lost;
	}
	hg_audit_cursor_end(&cursor);
}

/* Signs the receipt; false if the trail has no key yet. */
static bool
receipt_sign(hg_audit_receipt *receipt, char *line)
{
	hg_audit_trail *trail = palloc0(sizeof(*trail));
	bool		found;
	bool		ok;

	strlcpy(trail->directory, hg_guc_audit_directory, sizeof(trail->directory));
	strlcpy(trail->state_directory, hg_guc_state_directory, sizeof(trail->state_directory));
	trail->system_id = receipt->system_id = GetSystemIdentifier();
	ok = hg_audit_state_load(trail, &found) && found;
	memcpy(receipt->trail_id, trail->state.trail_id, sizeof(receipt->trail_id));
	receipt->epoch = trail->state.epoch;
	ok = ok && hg_audit_receipt_sign(receipt, trail->state.private_key, line);
	hg_audit_wipe(trail, sizeof(*trail));
	pfree(trail);
	return ok;
}

/* Into the table; nobody but the extension writes there. */
static void
receipt_keep(const char *line)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(line)};
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_execute_with_args("INSERT INTO hipaa_guard.export_receipt (receipt) VALUES ($1)",
							  1, types, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "receipt was not kept");
	SetUserIdAndSecContext(user, context);
}

static void
receipt_make(export *e)
{
	char		line[HG_AUDIT_LINE_SIZE];

	gaps_count(&e->receipt);
	e->receipt.database = superuser() ? 0 : MyDatabaseId;
	e->receipt.time_us = now_us();
	if (XactReadOnly || RecoveryInProgress())
		ereport(WARNING,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("no receipt is kept of this audit export"),
				 errdetail("The transaction is read-only.")));
	else if (!receipt_sign(&e->receipt, line))
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no receipt is kept of this audit export"),
				 errdetail("There is no audit trail with a key yet.")));
	else
		receipt_keep(line);
}

PG_FUNCTION_INFO_V1(hg_report_receipt);

/* report_receipt(document, since, until): NULL if there is no trail with a key. */
Datum
hg_report_receipt(PG_FUNCTION_ARGS)
{
	bytea	   *document = PG_GETARG_BYTEA_PP(0);
	char		line[HG_AUDIT_LINE_SIZE];
	char		digest[2 * HG_AUDIT_HASH_SIZE + 1];
	hg_audit_receipt receipt;
	hg_audit_status status;

	memset(&receipt, 0, sizeof(receipt));
	strlcpy(receipt.format, "report", sizeof(receipt.format));
	receipt.since_us = PG_GETARG_TIMESTAMPTZ(1) + EPOCH_DIFFERENCE_US;
	receipt.until_us = PG_GETARG_TIMESTAMPTZ(2) + EPOCH_DIFFERENCE_US;
	receipt.database = MyDatabaseId;
	receipt.time_us = now_us();
	if (!hg_audit_sha256(&(hg_audit_part) {VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document)}, 1,
						 receipt.digest))
		PG_RETURN_NULL();
	/* Here and not in SQL, and before, so that nothing is signed without an event. */
	hg_audit_hex_encode(receipt.digest, sizeof(receipt.digest), digest);
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "SIGN REPORT", "report", NULL, 0,
					psprintf("sha256 %s", digest));
	/* The writer makes the key with the first events, which may still be in the ring. */
	if (!receipt_sign(&receipt, line)
		&& (hg_audit_ring_shared == NULL || !hg_audit_flush_wait(&status)
			|| !receipt_sign(&receipt, line)))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(line));
}

PG_FUNCTION_INFO_V1(hg_audit_export);

/* audit_export(format, since, until): since and until may be NULL for no limit. */
Datum
hg_audit_export(PG_FUNCTION_ARGS)
{
	export		e;

	memset(&e, 0, sizeof(e));
	hg_audit_reader_check();
	format_check(&e, fcinfo);
	limits_find(&e, fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	e.result = (ReturnSetInfo *) fcinfo->resultinfo;
	e.hash = pg_cryptohash_create(PG_SHA256);
	if (e.hash == NULL || pg_cryptohash_init(e.hash) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	lines_put(&e);
	receipt_make(&e);
	SPI_finish();
	pg_cryptohash_free(e.hash);
	hg_audit_session_refresh();
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "EXPORT AUDIT", "audit_trail", e.format, 0,
					psprintf(UINT64_FORMAT " events", e.receipt.events));
	return (Datum) 0;
}

/* The key of an epoch, as the keys' file has it. */
static bool
key_find(const hg_audit_receipt *receipt, hg_audit_key *key)
{
	char		path[HG_AUDIT_PATH_SIZE];
	uint8	   *data;
	size_t		size;
	bool		found = false;

	hg_audit_path(path, hg_guc_audit_directory, HG_AUDIT_KEYS_FILE);
	if (!hg_audit_file_read(path, &data, &size))
		return false;
	for (char *line = (char *) data, *end; !found && (end = strchr(line, '\n')); line = end + 1)
		found = hg_audit_key_parse(line, (size_t) (end - line), key)
			&& key->epoch == receipt->epoch
			&& memcmp(key->trail_id, receipt->trail_id, sizeof(key->trail_id)) == 0;
	free(data);
	return found;
}

PG_FUNCTION_INFO_V1(hg_export_receipt_ok);

/* export_receipt_ok(receipt): whether a key of this trail signed it. */
Datum
hg_export_receipt_ok(PG_FUNCTION_ARGS)
{
	char	   *line = text_to_cstring(PG_GETARG_TEXT_PP(0));
	hg_audit_receipt receipt;
	hg_audit_key key;

	PG_RETURN_BOOL(hg_audit_receipt_parse(line, strlen(line), &receipt)
				   && key_find(&receipt, &key)
				   && hg_audit_receipt_ok(&receipt, key.public_key));
}

static Datum
moment_datum(int64 us)
{
	if (us == 0)
		PG_RETURN_TIMESTAMPTZ(DT_NOBEGIN);
	PG_RETURN_TIMESTAMPTZ(us - EPOCH_DIFFERENCE_US);
}

#define RECEIPT_COLUMNS 10

PG_FUNCTION_INFO_V1(hg_export_receipt_read);

/* export_receipt_read(receipt): what the signed line says, as columns. */
Datum
hg_export_receipt_read(PG_FUNCTION_ARGS)
{
	char	   *line = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char		digest[2 * HG_AUDIT_HASH_SIZE + 1];
	hg_audit_receipt r;
	Datum		values[RECEIPT_COLUMNS];
	bool		nulls[RECEIPT_COLUMNS] = {0};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!hg_audit_receipt_parse(line, strlen(line), &r))
		PG_RETURN_NULL();
	hg_audit_hex_encode(r.digest, sizeof(r.digest), digest);
	values[0] = CStringGetTextDatum(r.format);
	values[1] = moment_datum(r.since_us);
	values[2] = moment_datum(r.until_us);
	values[3] = Int64GetDatum((int64) r.seq_first);
	values[4] = Int64GetDatum((int64) r.seq_last);
	nulls[3] = nulls[4] = r.seq_first == 0;
	values[5] = Int64GetDatum((int64) r.events);
	values[6] = Int64GetDatum((int64) r.lost);
	values[7] = CStringGetTextDatum(digest);
	values[8] = ObjectIdGetDatum(r.database);
	nulls[8] = r.database == 0;
	values[9] = moment_datum(r.time_us);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
