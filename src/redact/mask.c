/*
 * mask.c
 *		Masking of free text: findings become markers.
 *
 * Pure C without postgres.h: no allocation, no lock, no failure, no state.
 * What counts as a finding is the detector's business (phi/phi.h); this file
 * only decides what is written in its place.
 */
#include "redact/mask_out.h"

/* Findings are fetched in batches that fit on any stack. */
#define SPANS_BATCH 32

/* The most of a value that the detector is shown. */
#define VALUE_LOOK_MAX 4096

/* Whether a finding counts in a log. */
static bool
counts(const hg_phi_span *span, const hg_mask_options *options)
{
	return hg_phi_confidence_on(span, HG_SURFACE_LOG) >= options->confidence;
}

bool
hg_mask_find(const char *text, size_t from, size_t to, hg_phi_span *finding,
			 const hg_mask_options *options)
{
	hg_phi_span spans[SPANS_BATCH];

	/* All of it is masked anyway: a longer look would only tell the category. */
	if (to - from > VALUE_LOOK_MAX)
		to = from + VALUE_LOOK_MAX;
	while (from < to)
	{
		size_t		count = hg_phi_scan_text(text, to, from, spans, SPANS_BATCH);

		for (size_t i = 0; i < count; i++)
		{
			if (counts(&spans[i], options))
			{
				*finding = spans[i];
				return true;
			}
		}
		if (count < SPANS_BATCH)
			return false;
		from = (size_t) spans[count - 1].start + spans[count - 1].size;
	}
	return false;
}

/* What a row of the memo says of its word. */
#define MEMO_NAME 1				/* no finding as a name, at any confidence */
#define MEMO_CLEAN 2			/* nor as text, at the caller's */

static size_t
memo_row(const char *word, size_t size, uint8_t kind)
{
	uint64_t	head = 0;
	uint64_t	tail = 0;
	size_t		part = size < 8 ? size : 8;

	memcpy(&head, word, part);
	memcpy(&tail, word + size - part, part);
	head = (head ^ (tail * UINT64_C(0x9e3779b97f4a7c15)) ^ size ^ (uint64_t) kind << 8);
	return (size_t) ((head * UINT64_C(0xff51afd7ed558ccd)) >> 32) % HG_MEMO_ROWS;
}

static bool
memo_holds(const hg_mask_memo *memo, const char *word, size_t size, uint8_t kind)
{
	size_t		row;

	if (memo == NULL || size == 0 || size > HG_MEMO_WORD_MAX)
		return false;
	row = memo_row(word, size, kind);
	return memo->rows[row].size == size && memo->rows[row].kind == kind &&
		memcmp(memo->rows[row].word, word, size) == 0;
}

static void
memo_add(hg_mask_memo *memo, const char *word, size_t size, uint8_t kind)
{
	size_t		row;

	if (memo == NULL || size == 0 || size > HG_MEMO_WORD_MAX)
		return;
	row = memo_row(word, size, kind);
	memo->rows[row].size = (uint8_t) size;
	memo->rows[row].kind = kind;
	memcpy(memo->rows[row].word, word, size);
}

bool
hg_mask_find_in_name(const char *name, size_t size, hg_phi_span *finding, float confidence,
					 hg_mask_memo *memo)
{
	hg_phi_span spans[SPANS_BATCH];
	size_t		count;

	if (memo_holds(memo, name, size, MEMO_NAME))
		return false;
	count = hg_phi_scan_identifier(name, size, 0, spans, SPANS_BATCH);
	if (count == 0)
		memo_add(memo, name, size, MEMO_NAME);
	for (size_t i = 0; i < count; i++)
	{
		if (hg_phi_confidence_on(&spans[i], HG_SURFACE_NAME) >= confidence)
		{
			*finding = spans[i];
			return true;
		}
	}
	return false;
}

/* Nothing that stays is as long as what the detector is shown of a value. */
#define CLEAN_MAX (VALUE_LOOK_MAX / 2)

bool
hg_mask_is_clean(const char *text, size_t size, const hg_mask_options *options)
{
	hg_phi_span finding;

	if (memo_holds(options->memo, text, size, MEMO_CLEAN))
		return true;
	if (size > CLEAN_MAX || hg_mask_find(text, 0, size, &finding, options) ||
		hg_mask_find_in_name(text, size, &finding, options->confidence, options->memo))
		return false;
	memo_add(options->memo, text, size, MEMO_CLEAN);
	return true;
}

void
hg_mask_put_value(hg_out *out, const char *text, size_t from, size_t to,
				  const hg_mask_options *options)
{
	hg_phi_span finding;

	if (from == to)
		return;
	if (hg_mask_is_marker(text + from, to - from))
		hg_out_bytes(out, text + from, to - from);
	else if (hg_mask_find(text, from, to, &finding, options))
		hg_mask_put_marker(out, text, &finding, options);
	else
		hg_mask_put_marker(out, text, NULL, options);
}

void
hg_mask_put_text(hg_out *out, const char *text, size_t size, const hg_mask_options *options)
{
	hg_phi_span spans[SPANS_BATCH];
	size_t		kept = 0;
	size_t		from = 0;

	/* Once the output is full the rest of a long text is not worth reading. */
	while (from < size && !out->cut)
	{
		size_t		count = hg_phi_scan_text(text, size, from, spans, SPANS_BATCH);

		for (size_t i = 0; i < count; i++)
		{
			if (!counts(&spans[i], options) || spans[i].start < kept)
				continue;
			hg_out_bytes(out, text + kept, spans[i].start - kept);
			hg_mask_put_marker(out, text, &spans[i], options);
			kept = (size_t) spans[i].start + spans[i].size;
		}
		if (count < SPANS_BATCH)
			break;
		from = (size_t) spans[count - 1].start + spans[count - 1].size;
	}
	hg_out_bytes(out, text + kept, size - kept);
}

size_t
hg_mask_text(const char *text, size_t size, char *out, size_t out_size,
			 const hg_mask_options *options)
{
	hg_out		bounded = {out, out_size, 0, false};

	hg_mask_put_text(&bounded, text, size, options);
	return bounded.used;
}
