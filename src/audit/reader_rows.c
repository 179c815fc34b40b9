/*
 * reader_rows.c
 *		Events as rows of audit_log, filtered before a row is made.
 *
 * What belongs to a text of the segment's dictionary is made once a segment, when
 * an event asks for it: its columns, and whether it passes the filters.  An event
 * then costs a look at its class, its time and its texts' verdicts.  What is an
 * event's own is made in the same memory row after row.  Takes no lock.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "audit/event.h"
#include "audit/reader_rows.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define EPOCH_DIFFERENCE_US ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
#define STRINGS_MAX 5
#define COLUMNS_READ 256
#define BIT(column) (UINT32_C(1) << (column))
#define DETAIL_NUMBERS_SIZE 160	/* what stands behind an event's own words, at most */

/* The columns that a text holds, in the order of its strings. */
static const struct
{
	int			count;
	hg_audit_log_column columns[STRINGS_MAX];
}			places[HG_AUDIT_TEXTS] = {
	[HG_AUDIT_TEXT_SESSION] = {5, {HG_LOG_SESSION_USER, HG_LOG_CURRENT_USER, HG_LOG_DATABASE,
	HG_LOG_ADDRESS, HG_LOG_APPLICATION}},
	[HG_AUDIT_TEXT_ACTION] = {2, {HG_LOG_COMMAND_TAG, HG_LOG_DETAIL}},
	[HG_AUDIT_TEXT_OBJECT] = {3, {HG_LOG_OBJECT_TYPE, HG_LOG_SCHEMA, HG_LOG_OBJECT}},
	[HG_AUDIT_TEXT_STATEMENT] = {1, {HG_LOG_STATEMENT}},
};

struct hg_audit_row_text
{
	bool		passes;
	bool		visible;		/* a session: its database is shown */
	hg_audit_string strings[STRINGS_MAX];
	Datum		values[STRINGS_MAX];
	bool		nulls[STRINGS_MAX];
	Datum		columns;		/* of an object, 0: none */
};

Datum
hg_audit_timestamp_datum(int64 us)
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

Datum
hg_audit_text_datum(hg_audit_string string)
{
	return string.data == NULL ? (Datum) 0 : CStringGetTextDatum(string_valid(string));
}

const char *
hg_audit_rows_database(void)
{
	return superuser() ? NULL : get_database_name(MyDatabaseId);
}

bool
hg_audit_database_visible(const char *shown, hg_audit_string database)
{
	return shown == NULL || database.data == NULL
		|| (database.size == strlen(shown) && memcmp(database.data, shown, database.size) == 0);
}

void
hg_audit_filters_init(hg_audit_filters *filters)
{
	memset(filters, 0, sizeof(*filters));
	filters->since_us = INT64_MIN;
	filters->until_us = INT64_MAX;
	filters->classes = filters->outcomes = UINT32_MAX;
	filters->phi = -1;
}

static int64
limit_us(Datum limit)
{
	TimestampTz at = DatumGetTimestampTz(limit);

	if (TIMESTAMP_NOT_FINITE(at))
		return TIMESTAMP_IS_NOBEGIN(at) ? INT64_MIN : INT64_MAX;
	return at + EPOCH_DIFFERENCE_US;
}

void
hg_audit_filters_since(hg_audit_filters *filters, Datum limit, bool is_null)
{
	if (!is_null)
		filters->since_us = Max(filters->since_us, limit_us(limit));
}

void
hg_audit_filters_until(hg_audit_filters *filters, Datum limit, bool is_null)
{
	if (!is_null)
		filters->until_us = Min(filters->until_us, limit_us(limit));
}

bool
hg_audit_filters_can(hg_audit_log_column column)
{
	if (column == HG_LOG_CLASS || column == HG_LOG_OUTCOME)
		return true;
	/* An address is no text, and a detail is put together. */
	if (column == HG_LOG_ADDRESS || column == HG_LOG_DETAIL)
		return false;
	for (int text = 0; text < HG_AUDIT_TEXTS; text++)
	{
		for (int i = 0; i < places[text].count; i++)
		{
			if (places[text].columns[i] == column)
				return true;
		}
	}
	return false;
}

static bool
is_one_of(hg_audit_string string, const hg_audit_string *values, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (string.size == values[i].size && memcmp(string.data, values[i].data, string.size) == 0)
			return true;
	}
	return false;
}

/* The names that are among the values, as bits. */
static uint32
bits_of(const char *(*name) (unsigned), int names, const hg_audit_string *values, int count)
{
	uint32		bits = 0;

	for (int i = 0; i < names; i++)
	{
		hg_audit_string string = {name(i), strlen(name(i))};

		bits |= is_one_of(string, values, count) ? BIT(i) : 0;
	}
	return bits;
}

void
hg_audit_filters_text(hg_audit_filters *filters, hg_audit_log_column column,
					  hg_audit_string *values, int count)
{
	if (column == HG_LOG_CLASS)
		filters->classes &= bits_of(hg_audit_class_name, HG_AUDIT_CLASSES, values, count);
	else if (column == HG_LOG_OUTCOME)
		filters->outcomes &= bits_of(hg_audit_outcome_name, HG_AUDIT_REFUSED + 1, values, count);
	else if (filters->texts_count < HG_AUDIT_TEXT_FILTERS)
		filters->texts[filters->texts_count++] = (hg_audit_text_filter) {column, count, values};
}

/* Which texts are looked at, and for which columns. */
static void
places_choose(hg_audit_rows *rows)
{
	uint32		filtered = rows->database != NULL ? BIT(HG_LOG_DATABASE) : 0;

	for (int f = 0; f < rows->filters.texts_count; f++)
		filtered |= BIT(rows->filters.texts[f].column);
	rows->made = rows->needed | filtered;
	for (int text = 0; text < HG_AUDIT_TEXTS; text++)
	{
		for (int i = 0; i < places[text].count; i++)
		{
			hg_audit_log_column column = places[text].columns[i];

			if ((filtered & BIT(column)) != 0)
				rows->asked |= BIT(text);
			if ((rows->needed & BIT(column)) != 0)
				rows->places[rows->places_count++] = (hg_audit_row_place) {text, i, column};
		}
	}
	for (int i = 0; i < rows->places_count; i++)
		rows->shown |= BIT(rows->places[i].text);
	if ((rows->needed & BIT(HG_LOG_COLUMNS)) != 0)
		rows->shown |= BIT(HG_AUDIT_TEXT_OBJECT);
}

void
hg_audit_rows_begin(hg_audit_rows *rows, const hg_audit_filters *filters, uint32 needed)
{
	memset(rows, 0, sizeof(*rows));
	rows->filters = *filters;
	rows->needed = needed;
	rows->database = hg_audit_rows_database();
	rows->context = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard audit rows",
										  ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < HG_AUDIT_CLASSES_MAX; i++)
		rows->names[i] = CStringGetTextDatum(hg_audit_class_name(i));
	for (int i = 0; i < 4; i++)
		rows->names[HG_AUDIT_CLASSES_MAX + i] = CStringGetTextDatum(hg_audit_outcome_name(i));
	places_choose(rows);
	hg_audit_cursor_begin(&rows->cursor, filters->since_us, filters->until_us, true);
}

void
hg_audit_rows_end(hg_audit_rows *rows)
{
	if (rows->cursor.context != NULL)
		hg_audit_cursor_end(&rows->cursor);
	if (rows->context != NULL)
		MemoryContextDelete(rows->context);
	rows->context = NULL;
}

static Datum
columns_datum(hg_audit_string bundle)
{
	hg_audit_string *strings = palloc(sizeof(*strings) * (COLUMNS_READ + 3));
	Datum	   *elements = palloc(sizeof(Datum) * COLUMNS_READ);
	int			found = hg_audit_bundle_split(bundle, strings, COLUMNS_READ + 3);
	int			count = 0;

	if (found <= 3)
		return (Datum) 0;
	for (int i = 3; i < found; i++)
	{
		if (strings[i].data != NULL)
			elements[count++] = hg_audit_text_datum(strings[i]);
	}
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
value_of(hg_audit_log_column column, hg_audit_string string)
{
	if (column == HG_LOG_ADDRESS)
		return DirectFunctionCall1(inet_in, CStringGetDatum(string_valid(string)));
	return hg_audit_text_datum(string);
}

static bool
text_passes(const hg_audit_rows *rows, int which, const hg_audit_row_text *text)
{
	for (int f = 0; f < rows->filters.texts_count; f++)
	{
		const hg_audit_text_filter *filter = &rows->filters.texts[f];

		for (int i = 0; i < places[which].count; i++)
		{
			if (places[which].columns[i] == filter->column
				&& (text->nulls[i] || !is_one_of(text->strings[i], filter->values, filter->count)))
				return false;
		}
	}
	return true;
}

/* A text in its place, taken apart; number 0 is none. */
static hg_audit_row_text *
text_make(hg_audit_rows *rows, int which, uint32 number)
{
	hg_audit_string whole = hg_audit_cursor_text(&rows->cursor, number);
	MemoryContext before = MemoryContextSwitchTo(rows->context);
	hg_audit_row_text *text = palloc0(sizeof(*text));

	if (which == HG_AUDIT_TEXT_STATEMENT)
		text->strings[0] = whole;
	else
		hg_audit_bundle_split(whole, text->strings, places[which].count);
	for (int i = 0; i < places[which].count; i++)
	{
		text->nulls[i] = text->strings[i].data == NULL
			|| (rows->made & BIT(places[which].columns[i])) == 0;
		if (text->nulls[i])
			continue;
		text->values[i] = value_of(places[which].columns[i], text->strings[i]);
		/* Compared is what is shown. */
		if (places[which].columns[i] != HG_LOG_ADDRESS)
			text->strings[i] = (hg_audit_string) {VARDATA_ANY(DatumGetPointer(text->values[i])),
			VARSIZE_ANY_EXHDR(DatumGetPointer(text->values[i]))};
	}
	if (which == HG_AUDIT_TEXT_OBJECT && (rows->needed & BIT(HG_LOG_COLUMNS)) != 0)
		text->columns = columns_datum(whole);
	text->passes = text_passes(rows, which, text);
	text->visible = which != HG_AUDIT_TEXT_SESSION
		|| hg_audit_database_visible(rows->database, text->strings[2]);
	MemoryContextSwitchTo(before);
	return text;
}

/* Room for what is known of the texts; more come while a segment is read. */
static void
texts_grow(hg_audit_rows *rows, uint32 number)
{
	uint32		max = Max(rows->texts_max * 2, number + 1024);

	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		hg_audit_row_text **more = MemoryContextAllocExtended(rows->context,
															  max * sizeof(*more),
															  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		if (rows->texts_max > 0)
			memcpy(more, rows->texts[i], rows->texts_max * sizeof(*more));
		rows->texts[i] = more;
	}
	rows->texts_max = max;
}

static inline hg_audit_row_text *
text_get(hg_audit_rows *rows, int which, uint32 number)
{
	/* What is not there is none; only damage refers to it. */
	if (unlikely(number > rows->cursor.texts_count))
		number = 0;
	if (unlikely(number >= rows->texts_max))
		texts_grow(rows, number);
	if (unlikely(rows->texts[which][number] == NULL))
		rows->texts[which][number] = text_make(rows, which, number);
	return rows->texts[which][number];
}

static bool
event_passes(hg_audit_rows *rows, const hg_audit_event_item *item)
{
	const hg_audit_event *event = &item->event;
	const hg_audit_filters *filters = &rows->filters;

	if (event->recorded_us < filters->since_us || event->recorded_us >= filters->until_us
		|| (event->class < 32 && (filters->classes & BIT(event->class)) == 0)
		|| (event->outcome < 32 && (filters->outcomes & BIT(event->outcome)) == 0)
		|| (filters->phi >= 0 && ((event->flags & HG_AUDIT_EVENT_PHI) != 0) != filters->phi))
		return false;
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		const hg_audit_row_text *text;

		if ((rows->asked & BIT(i)) == 0)
			continue;
		text = text_get(rows, i, item->texts[i]);
		if (!text->passes
			|| (!text->visible && (event->flags & HG_AUDIT_EVENT_CLUSTER) == 0))
			return false;
	}
	return true;
}

static char *
bytes_put(char *at, const char *bytes, size_t size)
{
	memcpy(at, bytes, size);
	return at + size;
}

/* Words that begin with a separator, which is left out at the beginning; and a number, if any. */
static char *
words_put(char *at, const char *begin, const char *words, uint64 number)
{
	if (at == begin)
		words += strlen("; ");
	at = bytes_put(at, words, strlen(words));
	return number == 0 ? at : at + pg_ulltoa_n(number, at);
}

/* The event's own words, and how it belongs to others of its session. */
static void
put_detail(hg_audit_rows *rows, const hg_audit_event *event, const hg_audit_row_text *action,
		   Datum *values, bool *nulls)
{
	size_t		most = VARHDRSZ + action->strings[1].size + DETAIL_NUMBERS_SIZE;
	char	   *begin;
	char	   *at;

	if (most > rows->detail_max)
	{
		rows->detail = rows->detail == NULL ? MemoryContextAlloc(rows->cursor.context, 2 * most)
			: repalloc(rows->detail, 2 * most);
		rows->detail_max = 2 * most;
	}
	at = begin = VARDATA(rows->detail);
	if (!action->nulls[1])
		at = bytes_put(at, action->strings[1].data, action->strings[1].size);
	if (event->transaction != 0)
		at = words_put(at, begin, "; transaction ", event->transaction);
	if (event->statement != 0)
		at = words_put(at, begin, "; statement ", event->statement);
	if (event->parent != 0)
		at = words_put(at, begin, "; nested in statement ", event->parent);
	if ((event->flags & HG_AUDIT_EVENT_CUT) != 0)
		at = words_put(at, begin, "; text is cut", 0);
	SET_VARSIZE(rows->detail, at - rows->detail);
	nulls[HG_LOG_DETAIL] = at == begin;
	values[HG_LOG_DETAIL] = PointerGetDatum(rows->detail);
}

static void
put_sqlstate(hg_audit_rows *rows, const hg_audit_event *event, Datum *values, bool *nulls)
{
	int			state = event->sqlstate;

	for (int i = 0; i < 5; i++, state >>= 6)
		VARDATA(rows->sqlstate)[i] = PGUNSIXBIT(state);
	SET_VARSIZE(rows->sqlstate, VARHDRSZ + 5);
	nulls[HG_LOG_SQLSTATE] = event->sqlstate == 0;
	values[HG_LOG_SQLSTATE] = PointerGetDatum(rows->sqlstate);
}

static char *
hex_put(char *at, uint32 number)
{
	static const char digits[] = "0123456789abcdef";
	int			shift = 28;

	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*at++ = digits[number >> shift & 15];
	return at;
}

/* As %c of log_line_prefix. */
static void
put_session(hg_audit_rows *rows, const hg_audit_event *event, Datum *values, bool *nulls)
{
	char	   *at = hex_put(VARDATA(rows->session), event->session_start);

	*at++ = '.';
	at = hex_put(at, event->process_id);
	SET_VARSIZE(rows->session, at - rows->session);
	nulls[HG_LOG_SESSION] = false;
	values[HG_LOG_SESSION] = PointerGetDatum(rows->session);
}

/* Columns for which something has to be made. */
static void
put_made(hg_audit_rows *rows, const hg_audit_event_item *item, Datum *values, bool *nulls)
{
	uint32		needed = rows->needed;

	if ((needed & BIT(HG_LOG_SQLSTATE)) != 0)
		put_sqlstate(rows, &item->event, values, nulls);
	if ((needed & BIT(HG_LOG_SESSION)) != 0)
		put_session(rows, &item->event, values, nulls);
	if ((needed & BIT(HG_LOG_DETAIL)) != 0)
		put_detail(rows, &item->event,
				   text_get(rows, HG_AUDIT_TEXT_ACTION, item->texts[HG_AUDIT_TEXT_ACTION]),
				   values, nulls);
	if ((needed & (BIT(HG_LOG_SYSTEM) | BIT(HG_LOG_BOOT))) != 0)
	{
		nulls[HG_LOG_SYSTEM] = nulls[HG_LOG_BOOT] = false;
		values[HG_LOG_SYSTEM] = rows->system;
		values[HG_LOG_BOOT] = Int64GetDatum(rows->cursor.header.boot);
	}
}

/* Columns that are strings of texts. */
static void
put_texts(hg_audit_rows *rows, const hg_audit_event_item *item, Datum *values, bool *nulls)
{
	const hg_audit_row_text *texts[HG_AUDIT_TEXTS];

	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		if ((rows->shown & BIT(i)) != 0)
			texts[i] = text_get(rows, i, item->texts[i]);
	}
	for (int i = 0; i < rows->places_count; i++)
	{
		const hg_audit_row_place *place = &rows->places[i];

		values[place->column] = texts[place->text]->values[place->string];
		nulls[place->column] = texts[place->text]->nulls[place->string];
	}
	if ((rows->needed & BIT(HG_LOG_COLUMNS)) != 0)
	{
		values[HG_LOG_COLUMNS] = texts[HG_AUDIT_TEXT_OBJECT]->columns;
		nulls[HG_LOG_COLUMNS] = values[HG_LOG_COLUMNS] == (Datum) 0;
	}
}

static void
put_numbers(hg_audit_rows *rows, const hg_audit_event_item *item, Datum *values, bool *nulls)
{
	const hg_audit_event *event = &item->event;

	values[HG_LOG_SEQ] = Int64GetDatum((int64) item->seq);
	values[HG_LOG_RECORDED_AT] = hg_audit_timestamp_datum(event->recorded_us);
	values[HG_LOG_CLASS] = rows->names[Min(event->class, HG_AUDIT_CLASSES_MAX - 1)];
	values[HG_LOG_OUTCOME] = rows->names[HG_AUDIT_CLASSES_MAX + Min(event->outcome, 3)];
	values[HG_LOG_ROWS] = Int64GetDatum(event->rows);
	values[HG_LOG_DURATION] = Float8GetDatum(event->duration_us / 1000.0);
	values[HG_LOG_PHI] = BoolGetDatum((event->flags & HG_AUDIT_EVENT_PHI) != 0);
	values[HG_LOG_QUERY] = Int64GetDatum(event->query_id);
	nulls[HG_LOG_SEQ] = nulls[HG_LOG_RECORDED_AT] = nulls[HG_LOG_CLASS] = false;
	nulls[HG_LOG_OUTCOME] = nulls[HG_LOG_PHI] = false;
	nulls[HG_LOG_ROWS] = event->rows == HG_AUDIT_NONE;
	nulls[HG_LOG_DURATION] = event->duration_us == HG_AUDIT_NONE;
	nulls[HG_LOG_QUERY] = event->query_id == 0;
}

static void
segment_begin(hg_audit_rows *rows)
{
	char		number[24];
	MemoryContext before;

	MemoryContextReset(rows->context);
	rows->texts_max = 0;
	before = MemoryContextSwitchTo(rows->context);
	snprintf(number, sizeof(number), UINT64_FORMAT, rows->cursor.header.system_id);
	rows->system = CStringGetTextDatum(number);
	MemoryContextSwitchTo(before);
}

bool
hg_audit_rows_next(hg_audit_rows *rows, MemoryContext context, Datum *values, bool *nulls)
{
	const hg_audit_item *item;
	bool		segment;

	while ((item = hg_audit_cursor_next(&rows->cursor, &segment)) != NULL)
	{
		const hg_audit_event_item *event = (const hg_audit_event_item *) item;
		MemoryContext before;

		if (segment)
			segment_begin(rows);
		if (item->kind != HG_AUDIT_ITEM_EVENT || !event_passes(rows, event))
			continue;
		before = MemoryContextSwitchTo(context);
		put_numbers(rows, event, values, nulls);
		put_texts(rows, event, values, nulls);
		put_made(rows, event, values, nulls);
		MemoryContextSwitchTo(before);
		return true;
	}
	return false;
}
