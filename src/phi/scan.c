/*
 * scan.c
 *		The pass over prose: asks the recognisers at the positions worth a look.
 *
 * Nearly all of a log is clean, so what counts is how fast clean text is passed
 * over: anchors.c finds the few positions at which anything may begin, and only
 * they are looked at.  The anchors only have to hold every position that
 * matters, not only those: hg_phi_find_at() decides.  So the pass can be
 * compared with one that asks everywhere, and test/unit does.
 *
 * No allocation, no lock, no state; bounded stack; linear time, because an anchor
 * is looked at once and a recogniser reads a bounded number of bytes.
 */
#include <string.h>
#include "phi/detect.h"

/* A word in small letters: worth a look only if its first letters are those of a name on the list.
 */
static void
find_lower(const text_view *text, size_t at, offer *best)
{
	uint64_t	eight = 0;

	if (byte_before(text, at, BYTE_WORD))
		return;
	if (text->at[at] == 'w' && byte_at(text, at + 1) == 'w')
		hg_phi_find_url(text, at, best);
	for (unsigned i = 0; i < 8 && byte_is(text, at + i, BYTE_UPPER | BYTE_LOWER); i++)
		eight |= (uint64_t) (text->at[at + i] | 0x20) << (8 * i);
	if (hg_phi_word_hinted(eight))
		hg_phi_find_lower_name(text, at, best);
}

/* Whether two letters begin the name of a month, or "of". */
static inline bool
begins_month(unsigned char a, unsigned char b)
{
	switch ((a | 32) << 8 | (b | 32))
	{
		case 'j' << 8 | 'a':
		case 'f' << 8 | 'e':
		case 'm' << 8 | 'a':
		case 'a' << 8 | 'p':
		case 'j' << 8 | 'u':
		case 'a' << 8 | 'u':
		case 's' << 8 | 'e':
		case 'o' << 8 | 'c':
		case 'n' << 8 | 'o':
		case 'd' << 8 | 'e':
		case 'o' << 8 | 'f':
			return true;
		default:
			return false;
	}
}

/* Whether a day of a date with a month in words may end before a position: "8th of", "8, 2023", "8
 * Jan". */
static inline bool
may_end_day(const text_view *text, size_t end)
{
	unsigned char next = byte_at(text, end);

	if (next == ' ' || next == '-' || next == '_')
		return byte_is(text, end + 1, BYTE_DIGIT | BYTE_SPACE | BYTE_SEPARATOR) ||
			byte_at(text, end + 1) == ',' ||
			begins_month(byte_at(text, end + 1), byte_at(text, end + 2));
	return next == ',' || next == '.' || ((next | 32) >= 'n' && (next | 32) <= 't');
}

/* What may stand between two groups of digits. */
static inline bool
is_joint(unsigned char c)
{
	return c == '-' || c == '.' || c == ' ' || c == '/' || c == '_' || c == ')';
}

/* 0.015, 1000.123: two groups of which the second is short, as logs are full of. */
static inline bool
is_decimal(const text_view *text, size_t at, size_t point)
{
	size_t		end = point + 1;

	while (end < point + 5 && byte_is(text, end, BYTE_DIGIT))
		end++;
	return end - point <= 4 && point - at <= 6 && !byte_is(text, end, BYTE_WORD) &&
		!(is_joint(byte_at(text, end)) && byte_is(text, end + 1, BYTE_DIGIT)) &&
		byte_at(text, end) != ')' && byte_at(text, end) != '@';
}

/* Whether what stands beside a number is what stands beside a house's number, or a box's. */
static inline bool
may_begin_address(const text_view *text, size_t at, size_t end)
{
	if (at > 3 && (text->at[at - 2] | 32) == 'x' && text->at[at - 1] == ' ')
		return true;
	if (byte_is(text, end, BYTE_LETTER))
		end++;
	if (byte_at(text, end) != ' ' || end + 2 >= text->size)
		return false;
	if (!(hg_phi_bytes[text->at[end + 1]] & BYTE_LOWER))
		return (hg_phi_bytes[text->at[end + 1]] & BYTE_WORD) != 0;
	/* rue, via, calle, avenue, piazza ...: see is_leading_type() */
	switch (text->at[end + 1] << 8 | text->at[end + 2])
	{
		case 'r' << 8 | 'u':
		case 'r' << 8 | 0xC3:
		case 'v' << 8 | 'i':
		case 'c' << 8 | 'a':
		case 'c' << 8 | 'h':
		case 'c' << 8 | 'o':
		case 'a' << 8 | 'v':
		case 'a' << 8 | 'l':
		case 'p' << 8 | 'i':
		case 'p' << 8 | 'a':
		case 'p' << 8 | 'l':
		case 's' << 8 | 't':
		case 'b' << 8 | 'o':
		case 'u' << 8 | 'l':
		case 'i' << 8 | 'm':
		case 'q' << 8 | 'u':
			return true;
		default:
			return false;
	}
}

/*
 * Where a run of digits begins.  The conditions spare the recognisers those
 * numbers that they would turn down for their size or neighbours anyway; that
 * they spare nothing else is tested.
 */
static void
find_digits(const text_view *text, size_t at, offer *best)
{
	size_t		end = at + 1,
				size;
	unsigned char next;
	bool		grouped;

	while (end < text->size && (hg_phi_bytes[text->at[end]] & BYTE_DIGIT) && end < at + 40)
		end++;
	size = end - at;
	next = byte_at(text, end);
	grouped = byte_is(text, end + 1, BYTE_DIGIT) && is_joint(next);
	if (grouped && next == '.' && is_decimal(text, at, end) && !(at > 0 && text->at[at - 1] == '+'))
		return;
	if (size >= 7 || grouped || next == ')')
		hg_phi_find_number(text, at, best);
	if (size >= 8 || (grouped && size != 3) || (size <= 2 && may_end_day(text, end)))
		hg_phi_find_date(text, at, best);
	if (grouped && next == '.')
		hg_phi_find_ipv4(text, at, best);
	if (byte_at(text, at + 4) == '.')
		hg_phi_find_mac_dotted(text, at, best);
	if (size >= 4 || next == '-' || next == '/' || (size >= 2 && grouped) ||
		byte_is(text, end, BYTE_LETTER) || byte_before(text, at, BYTE_LETTER) ||
		(at > 0 && text->at[at - 1] == '-'))
		hg_phi_find_code(text, at, best);
	else if ((size == 2 && text->at[at] == '9') || (size == 3 && text->at[at] == '1'))
		hg_phi_find_code(text, at, best);
	if (may_begin_address(text, at, end))
		hg_phi_find_address(text, at, best);
}

/*
 * Everything that is anchored at a position.  The conditions here are the
 * definition of an anchor; anchors.c may let more through, never less.
 */
void
hg_phi_find_at(const text_view *text, size_t at, bool custom, offer *best)
{
	unsigned char c = text->at[at];
	unsigned	class = hg_phi_bytes[c];

	if (class & BYTE_DIGIT)
	{
		if (!byte_before(text, at, BYTE_DIGIT))
			find_digits(text, at, best);
	}
	else if (c == '@')
		hg_phi_find_mail(text, at, best);
	else if (c == '^')
		hg_phi_find_hl7_name(text, at, best);
	else if (c == ':')
	{
		if (byte_at(text, at + 1) == '/')
			hg_phi_find_url(text, at, best);
		else if (byte_at(text, at + 1) == ':' || byte_is(text, at + 1, BYTE_HEX))
			hg_phi_find_ipv6_or_mac(text, at, best);
	}
	else if (c == '-')
	{
		if (byte_is(text, at + 1, BYTE_HEX) && byte_before(text, at, BYTE_HEX))
			hg_phi_find_ipv6_or_mac(text, at, best);
	}
	else if ((class & BYTE_LETTER) && !byte_before(text, at, BYTE_LETTER))
	{
		if ((class & (BYTE_UPPER | BYTE_HIGH)) && at > 1 && text->at[at - 1] == ' ' &&
			(byte_is(text, at - 2, BYTE_LETTER) || text->at[at - 2] == '.' ||
			 text->at[at - 2] == ','))
			hg_phi_find_name(text, at, best);
		else if ((class & BYTE_LOWER) && byte_is(text, at + 1, BYTE_LETTER) &&
				 byte_is(text, at + 2, BYTE_LETTER))
			find_lower(text, at, best);
	}
	if (custom && (class & BYTE_WORD) && !byte_before(text, at, BYTE_WORD))
		hg_phi_find_custom(text, at, best);
	if (at == 0)
		hg_phi_find_mac_alone(text, at, best);
}

void
hg_phi_span_of(const offer *best, hg_phi_span *span)
{
	span->start = (uint32_t) best->start;
	span->size = (uint32_t) (best->end - best->start);
	span->rule = (uint16_t) best->rule;
	span->category = best->rule < RULES_COUNT ? (uint8_t) hg_phi_rules[best->rule].info.category
											  : HG_PHI_CUSTOM;
	span->cued = best->cued;
	span->confidence = best->confidence;
}

size_t
hg_phi_scan_text(const char *text, size_t size, size_t from, hg_phi_span *spans, size_t spans_max)
{
	text_view	view = {(const unsigned char *) text, size, from, false};
	bool		custom = hg_phi_custom_any();
	size_t		count = 0;

	for (size_t block = from; block < size && count < spans_max; block += ANCHORS_BLOCK)
	{
		uint64_t	anchors = hg_phi_anchors(&view, block, custom);

		while (anchors != 0)
		{
			size_t		at = block + (size_t) __builtin_ctzll(anchors);
			offer		best = {0, 0, 0, 0.0f, false};

			anchors &= anchors - 1;
			if (at < view.floor || at >= size)
				continue;
			hg_phi_find_at(&view, at, custom, &best);
			if (best.confidence <= 0.0f)
				continue;
			hg_phi_span_of(&best, &spans[count++]);
			view.floor = best.end > at ? best.end : at + 1;
			if (count == spans_max)
				break;
		}
		if (view.floor > block + ANCHORS_BLOCK)
			block = view.floor - ANCHORS_BLOCK; /* the loop adds it again */
	}
	return count;
}
