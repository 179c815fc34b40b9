/*
 * text.c
 *		scan_text(), scan_identifier(), redact() and redact_sql(), and the one
 *		question that the guard asks about a text.
 */
#include "text/text.h"

#include "base/guc.h"
#include "base/state.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "redact/redact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define SPANS_AT_ONCE 64
#define SCAN_COLUMNS 5

typedef size_t (*scanner) (const char *text, size_t size, size_t from, hg_phi_span *spans,
						   size_t spans_max);

/* Bytes of the character that begins at text[from]; what forms no character counts as one byte. */
static size_t
character_size(const char *text, size_t from, size_t to)
{
	size_t		size = 1;

	if (IS_HIGHBIT_SET(text[from]) && from + 1 < to)
		size = (size_t) pg_encoding_mblen(GetDatabaseEncoding(), text + from);
	return Max(1, Min(size, to - from));
}

/* Characters of bytes [from, to). */
static int
characters(const char *text, size_t from, size_t to)
{
	int			count = 0;

	for (; from < to; count++)
		from += character_size(text, from, to);
	return count;
}

static void
put_rows(ReturnSetInfo *rsinfo, const char *text, size_t size, scanner scan)
{
	size_t		from = 0;
	size_t		counted = 0;
	int			position = 1;

	for (;;)
	{
		hg_phi_span spans[SPANS_AT_ONCE];
		size_t		count = scan(text, size, from, spans, SPANS_AT_ONCE);

		for (size_t i = 0; i < count; i++)
		{
			Datum		values[SCAN_COLUMNS];
			bool		nulls[SCAN_COLUMNS] = {false};
			size_t		end = (size_t) spans[i].start + spans[i].size;

			CHECK_FOR_INTERRUPTS();
			position += characters(text, counted, spans[i].start);
			counted = spans[i].start;
			values[0] = CStringGetTextDatum(hg_phi_category_name(spans[i].category));
			values[1] = Int32GetDatum(position);
			values[2] = Int32GetDatum(characters(text, counted, end));
			values[3] = CStringGetTextDatum(hg_text_rule_name(spans[i].rule));
			values[4] = Float4GetDatum(spans[i].confidence);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
			from = end;
		}
		if (count < SPANS_AT_ONCE)
			break;
	}
}

static Datum
scan_rows(FunctionCallInfo fcinfo, scanner scan)
{
	text	   *input = PG_GETARG_TEXT_PP(0);

	InitMaterializedSRF(fcinfo, 0);
	put_rows((ReturnSetInfo *) fcinfo->resultinfo, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input),
			 scan);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hg_scan_text);
PG_FUNCTION_INFO_V1(hg_scan_identifier);
PG_FUNCTION_INFO_V1(hg_redact);
PG_FUNCTION_INFO_V1(hg_redact_sql);

Datum
hg_scan_text(PG_FUNCTION_ARGS)
{
	return scan_rows(fcinfo, hg_phi_scan_text);
}

Datum
hg_scan_identifier(PG_FUNCTION_ARGS)
{
	return scan_rows(fcinfo, hg_phi_scan_identifier);
}

/* A marker is longer than the shortest value, so the output may grow: one marker a few bytes. */
#define MARKER_SIZE_MAX 32

static text *
masked(text *input, size_t (*mask) (const char *, size_t, char *, size_t, const hg_mask_options *))
{
	size_t		size = VARSIZE_ANY_EXHDR(input);
	size_t		room = size + MARKER_SIZE_MAX;
	hg_mask_options options;

	hg_redact_options(&options);
	for (;;)
	{
		text	   *result = (text *) palloc_extended(VARHDRSZ + room, MCXT_ALLOC_HUGE);
		size_t		used = mask(VARDATA_ANY(input), size, VARDATA(result), room, &options);

		/* Close to the end something may have been cut: again with more room. */
		if (used + MARKER_SIZE_MAX > room && room < MaxAllocSize - VARHDRSZ)
		{
			pfree(result);
			room = Min(room * 2, MaxAllocSize - VARHDRSZ);
			continue;
		}
		SET_VARSIZE(result, VARHDRSZ + used);
		return result;
	}
}

Datum
hg_redact(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(masked(PG_GETARG_TEXT_PP(0), hg_mask_text));
}

Datum
hg_redact_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(masked(PG_GETARG_TEXT_PP(0), hg_mask_sql));
}

bool
hg_text_find(const char *text, size_t size, bool is_name, hg_phi_surface surface,
			 double threshold, hg_text_finding *finding)
{
	hg_phi_span spans[SPANS_AT_ONCE];
	size_t		from = 0;
	size_t		count;

	finding->confidence = 0;
	do
	{
		count = hg_redact_scan(text, size, from, spans, SPANS_AT_ONCE, is_name);
		for (size_t i = 0; i < count; i++)
		{
			float		confidence = hg_phi_confidence_on(&spans[i], surface);

			if (confidence >= (float) threshold && confidence > finding->confidence)
			{
				finding->span = spans[i];
				finding->confidence = confidence;
			}
			from = (size_t) spans[i].start + spans[i].size;
		}
	} while (count == SPANS_AT_ONCE);

	if (finding->confidence <= 0)
		return false;
	finding->position = 1 + characters(text, 0, finding->span.start);
	finding->length = characters(text, finding->span.start,
								 (size_t) finding->span.start + finding->span.size);
	return true;
}
