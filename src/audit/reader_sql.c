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
#include "audit/reader.h"
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

#define EPOCH_DIFFERENCE_US ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
#define LOG_COLUMNS 24			/* the last two for exports only */
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

static Datum
timestamp_datum(int64 us)
{
	return TimestampTzGetDatum(us - EPOCH_DIFFERENCE_US);
}

/* Texts come from sessions of any encoding; what is invalid here is not shown as it is. */
static char *
string_valid(hg_audit_string string)
{
	char	   *valid = pnstrdup(string.data, string.size);

	if (pg_verify_mbstr(GetDatabaseEncoding(), valid, (int) string.size, true))
		return valid;
	for (size_t i = 0; i < string.size; i++)
	{
		if (IS_HIGHBIT_SET(valid[i]))
			valid[i] = '?';
	}
	return valid;
}

static void
put_string(Datum *values, bool *nulls, int column, hg_audit_string string)
{
	nulls[column] = string.data == NULL;
	if (string.data != NULL)
		values[column] = CStringGetTextDatum(string_valid(string));
}

static void
put_number(Datum *values, bool *nulls, int column, int64 number, int64 none)
{
	nulls[column] = number == none;
	values[column] = Int64GetDatum(number);
}

static Datum
columns_datum(const hg_audit_row *row)
{
	Datum		elements[HG_AUDIT_COLUMNS_READ];
	int			count = 0;

	for (int i = 0; i < row->columns_count; i++)
	{
		if (row->columns[i].data != NULL)
			elements[count++] = CStringGetTextDatum(string_valid(row->columns[i]));
	}
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
put_address(Datum *values, bool *nulls, int column, hg_audit_string address)
{
	nulls[column] = address.data == NULL;
	if (address.data != NULL)
		values[column] = DirectFunctionCall1(inet_in, CStringGetDatum(string_valid(address)));
}

/* The event's own words, and how it belongs to others of its session. */
static void
put_detail(Datum *values, bool *nulls, int column, const hg_audit_row *row)
{
	const hg_audit_event *event = row->event;
	StringInfoData text;

	initStringInfo(&text);
	if (row->detail.data != NULL)
		appendStringInfoString(&text, string_valid(row->detail));
	if (event->transaction != 0)
		appendStringInfo(&text, "%stransaction " UINT64_FORMAT, text.len ? "; " : "",
						 event->transaction);
	if (event->statement != 0)
		appendStringInfo(&text, "%sstatement %u", text.len ? "; " : "", event->statement);
	if (event->parent != 0)
		appendStringInfo(&text, "; nested in statement %u", event->parent);
	if ((event->flags & HG_AUDIT_EVENT_CUT) != 0)
		appendStringInfo(&text, "%stext is cut", text.len ? "; " : "");
	nulls[column] = text.len == 0;
	values[column] = CStringGetTextDatum(text.data);
}

static void
put_sqlstate(Datum *values, bool *nulls, int column, int sqlstate)
{
	nulls[column] = sqlstate == 0;
	if (sqlstate != 0)
		values[column] = CStringGetTextDatum(unpack_sql_state(sqlstate));
}

static bool
row_visible(const row_sink *sink, const hg_audit_row *row)
{
	if (sink->database == NULL || row->database.data == NULL
		|| (row->event != NULL && (row->event->flags & HG_AUDIT_EVENT_CLUSTER) != 0))
		return true;
	return row->database.size == strlen(sink->database)
		&& memcmp(row->database.data, sink->database, row->database.size) == 0;
}

static void
row_put(void *state, const hg_audit_row *row)
{
	row_sink   *sink = state;
	const hg_audit_event *event = row->event;
	Datum		values[LOG_COLUMNS] = {0};
	bool		nulls[LOG_COLUMNS] = {0};
	MemoryContext before;

	if (!row_visible(sink, row))
		return;
	before = MemoryContextSwitchTo(sink->context);
	values[0] = Int64GetDatum((int64) row->seq);
	values[1] = timestamp_datum(event->recorded_us);
	values[2] = CStringGetTextDatum(hg_audit_class_name(event->class));
	put_string(values, nulls, 3, row->tag);
	values[4] = CStringGetTextDatum(hg_audit_outcome_name(event->outcome));
	put_sqlstate(values, nulls, 5, event->sqlstate);
	put_number(values, nulls, 6, event->rows, HG_AUDIT_NONE);
	nulls[7] = event->duration_us == HG_AUDIT_NONE;
	values[7] = Float8GetDatum(event->duration_us / 1000.0);
	put_string(values, nulls, 8, row->object_type);
	put_string(values, nulls, 9, row->schema);
	put_string(values, nulls, 10, row->name);
	nulls[11] = row->columns_count == 0;
	values[11] = columns_datum(row);
	values[12] = BoolGetDatum((event->flags & HG_AUDIT_EVENT_PHI) != 0);
	put_string(values, nulls, 13, row->session_user);
	put_string(values, nulls, 14, row->current_user);
	put_string(values, nulls, 15, row->database);
	put_address(values, nulls, 16, row->address);
	put_string(values, nulls, 17, row->application);
	values[18] = CStringGetTextDatum(psprintf("%lx.%x", (long) event->session_start,
											  event->process_id));
	put_number(values, nulls, 19, event->query_id, 0);
	put_string(values, nulls, 20, row->statement);
	put_detail(values, nulls, 21, row);
	values[22] = CStringGetTextDatum(psprintf(UINT64_FORMAT, row->segment->system_id));
	values[23] = Int64GetDatum(row->segment->boot);
	tuplestore_putvalues(sink->result->setResult, sink->result->setDesc, values, nulls);
	MemoryContextSwitchTo(before);
	MemoryContextReset(sink->context);
}

static int64
limit_us(Datum limit, bool is_null, int64 none)
{
	TimestampTz at = DatumGetTimestampTz(limit);

	if (is_null || TIMESTAMP_NOT_FINITE(at))
		return !is_null && TIMESTAMP_IS_NOBEGIN(at) ? INT64_MIN
			: !is_null && TIMESTAMP_IS_NOEND(at) ? INT64_MAX : none;
	return at + EPOCH_DIFFERENCE_US;
}

static void
sink_begin(row_sink *sink, FunctionCallInfo fcinfo)
{
	hg_audit_reader_check();
	InitMaterializedSRF(fcinfo, 0);
	sink->result = (ReturnSetInfo *) fcinfo->resultinfo;
	sink->context = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard audit row",
										  ALLOCSET_DEFAULT_SIZES);
	sink->database = superuser() ? NULL : get_database_name(MyDatabaseId);
}

PG_FUNCTION_INFO_V1(hg_audit_read);

/* audit_read(since, until): NULL is no limit. */
Datum
hg_audit_read(PG_FUNCTION_ARGS)
{
	row_sink	sink;
	hg_audit_reader reader = {row_put, NULL, NULL, &sink, 0, 0};

	sink_begin(&sink, fcinfo);
	reader.since_us = limit_us(PG_GETARG_DATUM(0), PG_ARGISNULL(0), INT64_MIN);
	reader.until_us = limit_us(PG_GETARG_DATUM(1), PG_ARGISNULL(1), INT64_MAX);
	hg_audit_read_files(&reader);
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
gap_put(void *state, const hg_audit_gap_item *gap)
{
	static const char *const reasons[] = {"overflow", "disk_full", "crash"};
	row_sink   *sink = state;
	Datum		values[GAP_COLUMNS];
	bool		nulls[GAP_COLUMNS] = {0};
	MemoryContext before = MemoryContextSwitchTo(sink->context);

	values[0] = Int64GetDatum((int64) gap->seq_first);
	values[1] = Int64GetDatum((int64) (gap->seq_first + gap->lost - 1));
	values[2] = Int64GetDatum((int64) gap->lost);
	values[3] = by_class_datum(gap->lost_by_class);
	values[4] = timestamp_datum(gap->began_us);
	values[5] = timestamp_datum(gap->ended_us);
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
	hg_audit_reader reader = {NULL, gap_put, NULL, &sink, INT64_MIN, INT64_MAX};

	sink_begin(&sink, fcinfo);
	hg_audit_read_files(&reader);
	return (Datum) 0;
}

static void
count_put(void *state, const hg_audit_count_item *count, const hg_audit_row *row)
{
	row_sink   *sink = state;
	Datum		values[COUNT_COLUMNS];
	bool		nulls[COUNT_COLUMNS] = {0};
	MemoryContext before;

	if (!row_visible(sink, row))
		return;
	before = MemoryContextSwitchTo(sink->context);
	values[0] = timestamp_datum(count->began_us);
	values[1] = timestamp_datum(count->ended_us);
	values[2] = CStringGetTextDatum(hg_audit_class_name(count->class));
	put_string(values, nulls, 3, row->session_user);
	put_string(values, nulls, 4, row->current_user);
	put_string(values, nulls, 5, row->database);
	put_string(values, nulls, 6, row->object_type);
	put_string(values, nulls, 7, row->schema);
	put_string(values, nulls, 8, row->name);
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
	hg_audit_reader reader = {NULL, NULL, count_put, &sink, INT64_MIN, INT64_MAX};

	sink_begin(&sink, fcinfo);
	hg_audit_read_files(&reader);
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
	values[column] = timestamp_datum(us);
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
	hg_audit_verify_options options = {NULL, NULL, true, interrupted};
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
	put_number(values, nulls, 2, (int64) verdict.seq_first, 0);
	put_number(values, nulls, 3, (int64) verdict.seq_last, 0);
	values[4] = Int64GetDatum((int64) verdict.gaps);
	values[5] = Int64GetDatum((int64) verdict.lost);
	nulls[6] = verdict.problem[0] == '\0';
	values[6] = CStringGetTextDatum(verdict.problem);
	return record_datum(fcinfo, values, nulls);
}
