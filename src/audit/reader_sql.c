/*
 * reader_sql.c
 *		The trail's SQL functions: rows, gaps, figures, flush, checkpoint, verify.
 *
 * Takes no lock but the status' spinlock.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "audit/control.h"
#include "audit/event.h"
#include "audit/reader_rows.h"
#include "audit/segment_verify.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define GAP_COLUMNS 7
#define COUNT_COLUMNS 10
#define STAT_COLUMNS 12
#define VERIFY_COLUMNS 7

/* Reads rows into a function's result. */
typedef struct row_sink
{
	ReturnSetInfo *result;
	MemoryContext context;		/* for one row */
	const char *database;		/* whose rows are shown; NULL: all */
} row_sink;

static void
sink_begin(row_sink *sink, FunctionCallInfo fcinfo)
{
	hg_audit_reader_check();
	InitMaterializedSRF(fcinfo, 0);
	sink->result = (ReturnSetInfo *) fcinfo->resultinfo;
	sink->context = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard audit row",
										  ALLOCSET_DEFAULT_SIZES);
	sink->database = hg_audit_rows_database();
}

PG_FUNCTION_INFO_V1(hg_audit_read);

/*
 * audit_read(since, until): NULL is no limit.  In FROM the planner puts the
 * scan of reader_scan.c in its place; here it stands elsewhere.
 */
Datum
hg_audit_read(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	row_sink	sink;
	hg_audit_rows rows;
	hg_audit_filters filters;
	Datum		values[HG_AUDIT_LOG_COLUMNS];
	bool		nulls[HG_AUDIT_LOG_COLUMNS];

	sink_begin(&sink, fcinfo);
	result = sink.result;
	hg_audit_filters_init(&filters);
	hg_audit_filters_since(&filters, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
	hg_audit_filters_until(&filters, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	hg_audit_rows_begin(&rows, &filters, UINT32_MAX);
	while (hg_audit_rows_next(&rows, sink.context, values, nulls))
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(sink.context);
	}
	hg_audit_rows_end(&rows);
	return (Datum) 0;
}

static Datum
by_class_datum(const uint64 *numbers)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int i = 0; i < HG_AUDIT_CLASSES; i++)
	{
		if (numbers[i] != 0)
			appendStringInfo(&text, "%s\"%s\": " UINT64_FORMAT, text.len > 1 ? ", " : "",
							 hg_audit_class_name(i), numbers[i]);
	}
	appendStringInfoChar(&text, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

static void
gap_put(row_sink *sink, const hg_audit_gap_item *gap)
{
	static const char *const reasons[] = {"overflow", "disk_full", "crash"};
	Datum		values[GAP_COLUMNS];
	bool		nulls[GAP_COLUMNS] = {0};
	MemoryContext before = MemoryContextSwitchTo(sink->context);

	values[0] = Int64GetDatum((int64) gap->seq_first);
	values[1] = Int64GetDatum((int64) (gap->seq_first + gap->lost - 1));
	values[2] = Int64GetDatum((int64) gap->lost);
	values[3] = by_class_datum(gap->lost_by_class);
	values[4] = hg_audit_timestamp_datum(gap->began_us);
	values[5] = hg_audit_timestamp_datum(gap->ended_us);
	values[6] = CStringGetTextDatum(gap->reason < lengthof(reasons) ? reasons[gap->reason]
									: "unknown");
	tuplestore_putvalues(sink->result->setResult, sink->result->setDesc, values, nulls);
	MemoryContextSwitchTo(before);
	MemoryContextReset(sink->context);
}

PG_FUNCTION_INFO_V1(hg_audit_gaps);

Datum
hg_audit_gaps(PG_FUNCTION_ARGS)
{
	row_sink	sink;
	hg_audit_cursor cursor;
	const hg_audit_item *item;
	bool		segment;

	sink_begin(&sink, fcinfo);
	hg_audit_cursor_begin(&cursor, INT64_MIN, INT64_MAX, false);
	while ((item = hg_audit_cursor_next(&cursor, &segment)) != NULL)
	{
		if (item->kind == HG_AUDIT_ITEM_GAP)
			gap_put(&sink, (const hg_audit_gap_item *) item);
	}
	hg_audit_cursor_end(&cursor);
	return (Datum) 0;
}

static void
put_string(Datum *values, bool *nulls, int column, hg_audit_string string)
{
	nulls[column] = string.data == NULL;
	values[column] = hg_audit_text_datum(string);
}

static void
count_put(row_sink *sink, const hg_audit_cursor *cursor, const hg_audit_count_item *count)
{
	hg_audit_string session[3];
	hg_audit_string object[3];
	Datum		values[COUNT_COLUMNS];
	bool		nulls[COUNT_COLUMNS] = {0};
	MemoryContext before;

	hg_audit_bundle_split(hg_audit_cursor_text(cursor, count->texts[0]), session, 3);
	hg_audit_bundle_split(hg_audit_cursor_text(cursor, count->texts[1]), object, 3);
	if (!hg_audit_database_visible(sink->database, session[2]))
		return;
	before = MemoryContextSwitchTo(sink->context);
	values[0] = hg_audit_timestamp_datum(count->began_us);
	values[1] = hg_audit_timestamp_datum(count->ended_us);
	values[2] = CStringGetTextDatum(hg_audit_class_name(count->class));
	put_string(values, nulls, 3, session[0]);
	put_string(values, nulls, 4, session[1]);
	put_string(values, nulls, 5, session[2]);
	put_string(values, nulls, 6, object[0]);
	put_string(values, nulls, 7, object[1]);
	put_string(values, nulls, 8, object[2]);
	values[9] = Int64GetDatum((int64) count->count);
	tuplestore_putvalues(sink->result->setResult, sink->result->setDesc, values, nulls);
	MemoryContextSwitchTo(before);
	MemoryContextReset(sink->context);
}

PG_FUNCTION_INFO_V1(hg_audit_dropped);

Datum
hg_audit_dropped(PG_FUNCTION_ARGS)
{
	row_sink	sink;
	hg_audit_cursor cursor;
	const hg_audit_item *item;
	bool		segment;

	sink_begin(&sink, fcinfo);
	hg_audit_cursor_begin(&cursor, INT64_MIN, INT64_MAX, false);
	while ((item = hg_audit_cursor_next(&cursor, &segment)) != NULL)
	{
		if (item->kind == HG_AUDIT_ITEM_COUNT)
			count_put(&sink, &cursor, (const hg_audit_count_item *) item);
	}
	hg_audit_cursor_end(&cursor);
	return (Datum) 0;
}

static Datum
record_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static void
put_time(Datum *values, bool *nulls, int column, int64 us)
{
	nulls[column] = us == 0;
	values[column] = hg_audit_timestamp_datum(us);
}

static void
require_ring(void)
{
	if (hg_audit_ring_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no audit ring"),
				 errhint("See the server log for why it could not be made.")));
}

PG_FUNCTION_INFO_V1(hg_audit_stat);

Datum
hg_audit_stat(PG_FUNCTION_ARGS)
{
	Datum		values[STAT_COLUMNS] = {0};
	bool		nulls[STAT_COLUMNS] = {0};
	uint64		generated = 0;
	uint64		written = 0;
	uint64		dropped = 0;
	hg_audit_ring_counts counts;
	hg_audit_status status;
	hg_audit_files list;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		hg_audit_reader_check();
	require_ring();
	hg_audit_ring_count(hg_audit_ring_shared, &counts);
	hg_audit_status_get(&status);
	for (int i = 0; i < HG_AUDIT_CLASSES_MAX; i++)
	{
		counts.dropped[i] += counts.crashed[i];
		generated += counts.generated[i];
		written += counts.drained[i];
		dropped += counts.dropped[i];
	}
	nulls[0] = status.writer_pid == 0;
	values[0] = Int32GetDatum(status.writer_pid);
	values[1] = Int64GetDatum((int64) generated);
	values[2] = Int64GetDatum((int64) written);
	values[3] = Int64GetDatum((int64) dropped);
	values[4] = Int64GetDatum((int64) (generated - written - dropped));
	values[5] = by_class_datum(counts.dropped);
	values[6] = Int64GetDatum((int64) status.segments);
	values[7] = Int64GetDatum((int64) status.bytes);
	if (hg_audit_files_list(hg_guc_audit_directory, &list) && list.count > 0)
		status.oldest_us = list.files[0].created_us;
	hg_audit_files_free(&list);
	put_time(values, nulls, 8, status.oldest_us);
	put_time(values, nulls, 9, status.last_flush_us);
	put_time(values, nulls, 10, status.last_checkpoint_us);
	nulls[11] = status.last_error[0] == '\0';
	values[11] = CStringGetTextDatum(status.last_error);
	return record_datum(fcinfo, values, nulls);
}

/* Waits until the writer has answered a ticket; false where it says that it cannot. */
bool
hg_audit_flush_wait(hg_audit_status *status)
{
	uint64		failures = pg_atomic_read_u64(&hg_audit_shared->failures);
	uint64		ticket = pg_atomic_add_fetch_u64(&hg_audit_shared->flush_wanted, 1);
	bool		ok = IsUnderPostmaster;

	strlcpy(status->last_error, "there is no writer in single-user mode",
			sizeof(status->last_error));
	ConditionVariablePrepareToSleep(&hg_audit_shared->flushed);
	while (ok && pg_atomic_read_u64(&hg_audit_shared->flush_done) < ticket)
	{
		hg_audit_status_get(status);
		ok = pg_atomic_read_u64(&hg_audit_shared->failures) == failures;
		if (status->writer_latch != NULL)
			SetLatch(status->writer_latch);
		if (ok)
			(void) ConditionVariableTimedSleep(&hg_audit_shared->flushed, 100,
											   PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return ok;
}

static void
flush_wait(void)
{
	hg_audit_status status;

	if (!hg_audit_flush_wait(&status))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("the audit trail cannot be written now"),
				 errdetail("%s", status.last_error),
				 errhint("Events stay in the ring until it can; see hipaa_guard.stat_audit.")));
}

PG_FUNCTION_INFO_V1(hg_audit_flush);

Datum
hg_audit_flush(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	require_ring();
	flush_wait();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(hg_audit_checkpoint_sql);

Datum
hg_audit_checkpoint_sql(PG_FUNCTION_ARGS)
{
	hg_audit_status status;

	hg_audit_reader_check();
	require_ring();
	pg_atomic_fetch_add_u64(&hg_audit_shared->checkpoint_wanted, 1);
	flush_wait();
	hg_audit_status_get(&status);
	if (status.checkpoint[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(status.checkpoint));
}

static bool
interrupted(void)
{
	return InterruptPending != 0;
}

PG_FUNCTION_INFO_V1(hg_audit_verify_sql);

/* audit_verify(public_key): a key in hexadecimal; NULL is the own one, as the keys' file has it. */
Datum
hg_audit_verify_sql(PG_FUNCTION_ARGS)
{
	hg_audit_verify_options options = {NULL, NULL, true, interrupted, 0};
	uint8		key[HG_AUDIT_KEY_SIZE];
	hg_audit_verdict verdict;
	Datum		values[VERIFY_COLUMNS] = {0};
	bool		nulls[VERIFY_COLUMNS] = {0};

	hg_audit_reader_check();
	if (!PG_ARGISNULL(0))
	{
		char	   *hex = text_to_cstring(PG_GETARG_TEXT_PP(0));

		if (strlen(hex) != 2 * sizeof(key) || !hg_audit_hex_decode(hex, key, sizeof(key)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("public key must be %zu lower-case hexadecimal digits",
							2 * sizeof(key))));
		options.public_key = key;
	}
	hg_audit_verify(hg_guc_audit_directory, &options, &verdict);
	CHECK_FOR_INTERRUPTS();
	values[0] = BoolGetDatum(verdict.ok);
	values[1] = Int64GetDatum((int64) verdict.events);
	nulls[2] = verdict.seq_first == 0;
	values[2] = Int64GetDatum((int64) verdict.seq_first);
	nulls[3] = verdict.seq_last == 0;
	values[3] = Int64GetDatum((int64) verdict.seq_last);
	values[4] = Int64GetDatum((int64) verdict.gaps);
	values[5] = Int64GetDatum((int64) verdict.lost);
	nulls[6] = verdict.problem[0] == '\0';
	values[6] = CStringGetTextDatum(verdict.problem);
	return record_datum(fcinfo, values, nulls);
}
