/*
 * twin.h
 *		The naive twin of the detector's pass: asks every recogniser at every
 *		position, with no masks, no anchors, no early way out. Slow and obviously
 *		complete; what it finds is what hg_phi_scan_text() must find.
 */
#ifndef HG_TWIN_H
#define HG_TWIN_H

#include <string.h>

#include "phi/detect.h"

static void
twin_find_at(const text_view *text, size_t at, offer *best)
{
	unsigned	class = hg_phi_bytes[text->at[at]];
	unsigned	before = at > 0 ? hg_phi_bytes[text->at[at - 1]] : 0;

	if ((class & BYTE_DIGIT) && !(before & BYTE_DIGIT))
	{
		hg_phi_find_number(text, at, best);
		hg_phi_find_date(text, at, best);
		hg_phi_find_ipv4(text, at, best);
		hg_phi_find_mac_dotted(text, at, best);
		hg_phi_find_code(text, at, best);
		hg_phi_find_address(text, at, best);
	}
	if (text->at[at] == '@')
		hg_phi_find_mail(text, at, best);
	if (text->at[at] == '^')
		hg_phi_find_hl7_name(text, at, best);
	if (text->at[at] == ':' || text->at[at] == '-')
		hg_phi_find_ipv6_or_mac(text, at, best);
	if (text->at[at] == ':' || (text->at[at] == 'w' && !(before & BYTE_LETTER)))
		hg_phi_find_url(text, at, best);
	if ((class & (BYTE_UPPER | BYTE_HIGH)) && !(before & BYTE_LETTER))
		hg_phi_find_name(text, at, best);
	if ((class & BYTE_LOWER) && !(before & BYTE_LETTER))
		hg_phi_find_lower_name(text, at, best);
	if ((class & BYTE_WORD) && !(before & BYTE_WORD))
		hg_phi_find_custom(text, at, best);
	hg_phi_find_mac_alone(text, at, best);
}

static inline size_t
twin_scan_text(const char *text, size_t size, size_t from, hg_phi_span *spans, size_t spans_max)
{
	text_view	view = {(const unsigned char *) text, size, from, false};
	size_t		count = 0;

	for (size_t at = from; at < size && count < spans_max; at++)
	{
		offer		best = {0, 0, 0, 0.0f, false};

		if (at < view.floor)
			continue;
		twin_find_at(&view, at, &best);
		if (best.confidence <= 0.0f)
			continue;
		hg_phi_span_of(&best, &spans[count++]);
		view.floor = best.end > at ? best.end : at + 1;
	}
	return count;
}

static inline bool
twin_same(const hg_phi_span *a, const hg_phi_span *b)
{
	return a->start == b->start && a->size == b->size && a->rule == b->rule &&
		a->category == b->category && a->cued == b->cued && a->confidence == b->confidence;
}

/*
 * Whether the pass finds in a text what the twin does, at once and one finding a
 * call, in order and inside of the text. The first disagreement's number, -1 if
 * there is none.
 */
static inline int
twin_disagrees(const char *text, size_t size)
{
	enum
	{
		MOST = 256
	};
	hg_phi_span want[MOST],
				got[MOST],
				one;
	size_t		wanted = twin_scan_text(text, size, 0, want, MOST);
	size_t		found = hg_phi_scan_text(text, size, 0, got, MOST);
	size_t		from = 0;

	for (size_t i = 0; i < wanted || i < found; i++)
	{
		if (i >= wanted || i >= found || !twin_same(&want[i], &got[i]))
			return (int) i;
		if (got[i].size == 0 || got[i].start + (size_t) got[i].size > size ||
			(i > 0 && got[i].start < got[i - 1].start + got[i - 1].size))
			return (int) i;
		if (hg_phi_scan_text(text, size, from, &one, 1) != 1 || !twin_same(&one, &got[i]))
			return (int) i;
		from = one.start + one.size;
	}
	return -1;
}

#endif							/* HG_TWIN_H */
