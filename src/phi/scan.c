/*
 * scan.c
 *		The pass over prose: finds the positions worth looking at, and asks the
 *		recognisers there.
 *
 * Why hand-written.  Nearly all of a log is clean, so what counts is how fast
 * clean text is passed over, and only numbers, '@', "://", capitals in pairs and
 * a few given names can begin anything.  Sixty-four bytes at a time are turned
 * into bit masks of their classes (SSE2 where the compiler has it, which every
 * x86-64 does; a table otherwise), the masks into one mask of anchors, and only
 * the anchors are looked at.  A generated DFA reads each byte through a table
 * with a dependent load (about 400 MB/s at best) and can neither count digits
 * for a checksum nor ask a dictionary, so the recognisers would have been needed
 * besides; a library of regular expressions would add a dependency and is
 * slower (docs/detector.md has the figures).
 *
 * The masks only have to hold every anchor, not only anchors: hg_phi_find_at()
 * checks again. So the pass can be compared with one that asks everywhere, and
 * test/unit does.  No allocation, no lock, no state; bounded stack; linear time,
 * because an anchor is looked at once and a recogniser reads a bounded number of
 * bytes.
 */
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "phi/detect.h"

#define BLOCK 64

/* One bit a byte of a block. */
typedef struct block_masks
{
	uint64_t	digit;
	uint64_t	upper;			/* A-Z */
	uint64_t	letter;			/* with bytes of 0x80 and above */
	uint64_t	high;
	uint64_t	hex;
	uint64_t	space;			/* the space alone */
	uint64_t	at;				/* @ */
	uint64_t	colon;
	uint64_t	dash;
	uint64_t	caret;			/* ^ */
} block_masks;

#if defined(__SSE2__)

/* Bits of the bytes that lie in [first, first + count). */
static inline unsigned
in_range(__m128i bytes, char first, char count)
{
	__m128i		from_zero = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
	__m128i inside =
		_mm_cmpeq_epi8(_mm_min_epu8(from_zero, _mm_set1_epi8((char) (count - 1))), from_zero);

	return (unsigned) _mm_movemask_epi8(inside);
}

static inline unsigned
equal_to(__m128i bytes, char value)
{
	return (unsigned) _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(value)));
}

static inline void
classify(const unsigned char *block, block_masks *masks)
{
	memset(masks, 0, sizeof(*masks));
	for (int i = 0; i < BLOCK; i += 16)
	{
		__m128i		bytes = _mm_loadu_si128((const __m128i *) (block + i));
		__m128i		folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
		uint64_t	digit = in_range(bytes, '0', 10);
		uint64_t	high = (unsigned) _mm_movemask_epi8(bytes);

		masks->digit |= digit << i;
		masks->high |= high << i;
		masks->upper |= (uint64_t) in_range(bytes, 'A', 26) << i;
		masks->letter |= ((uint64_t) in_range(folded, 'a', 26) | high) << i;
		masks->hex |= ((uint64_t) in_range(folded, 'a', 6) | digit) << i;
		masks->space |= (uint64_t) equal_to(bytes, ' ') << i;
		masks->at |= (uint64_t) equal_to(bytes, '@') << i;
		masks->colon |= (uint64_t) equal_to(bytes, ':') << i;
		masks->dash |= (uint64_t) equal_to(bytes, '-') << i;
		masks->caret |= (uint64_t) equal_to(bytes, '^') << i;
	}
}

#else

static inline void
classify(const unsigned char *block, block_masks *masks)
{
	memset(masks, 0, sizeof(*masks));
	for (int i = 0; i < BLOCK; i++)
	{
		unsigned char c = block[i];
		unsigned	class = hg_phi_bytes[c];

		masks->digit |= (uint64_t) ((class & BYTE_DIGIT) != 0) << i;
		masks->upper |= (uint64_t) ((class & BYTE_UPPER) != 0) << i;
		masks->letter |= (uint64_t) ((class & BYTE_LETTER) != 0) << i;
		masks->high |= (uint64_t) ((class & BYTE_HIGH) != 0) << i;
		masks->hex |= (uint64_t) ((class & BYTE_HEX) != 0) << i;
		masks->space |= (uint64_t) (c == ' ') << i;
		masks->at |= (uint64_t) (c == '@') << i;
		masks->colon |= (uint64_t) (c == ':') << i;
		masks->dash |= (uint64_t) (c == '-') << i;
		masks->caret |= (uint64_t) (c == '^') << i;
	}
}

#endif

/* What the block before ended with: one bit each, at bit 0. */
typedef struct block_carry
{
	uint64_t	digit;
	uint64_t	letter;
	uint64_t	space;
	uint64_t	word;
} block_carry;

static inline block_carry
carry_at(const unsigned char *text, size_t at)
{
	block_carry carry = {0, 0, 0, 0};

	if (at > 0)
	{
		unsigned	class = hg_phi_bytes[text[at - 1]];

		carry.digit = (class & BYTE_DIGIT) != 0;
		carry.letter = (class & BYTE_LETTER) != 0;
		carry.space = text[at - 1] == ' ';
		carry.word = (class & BYTE_WORD) != 0;
	}
	return carry;
}

/*
 * Of the words of a whole block, those whose first letters are those of a name
 * on the list.  Near the end of the block, where letters are missing, all are kept.
 */
static inline uint64_t
hinted_words(const unsigned char *block, const block_masks *m, uint64_t words)
{
	uint64_t	hinted = words & UINT64_C(0xFF00000000000000);
	uint64_t	others = ~(m->letter & ~m->high);

	if (!LITTLE_ENDIAN_BYTES)
		return words;
	for (words &= ~hinted; words != 0; words &= words - 1)
	{
		unsigned	at = (unsigned) __builtin_ctzll(words);
		unsigned	letters = (unsigned) __builtin_ctzll((others >> at) | UINT64_C(0x100));
		uint64_t	eight;

		memcpy(&eight, block + at, 8);
		eight = (eight | UINT64_C(0x2020202020202020)) & (~UINT64_C(0) >> (64 - 8 * letters));
		hinted |= (uint64_t) hg_phi_word_hinted(eight) << at;
	}
	return hinted;
}

/*
 * The anchors of a block: where a run of digits begins; '@'; ':' and '-' with a
 * hex digit, ':' or '/' on both sides that matter; a capital behind a space; a
 * word in lower case of three letters or more that may be on the list.  What lies
 * beyond the block is taken for whatever makes an anchor.
 */
static inline uint64_t
anchors_of(const unsigned char *block, const block_masks *m, const block_carry *carry, bool custom)
{
	uint64_t	digits_begin = m->digit & ~(m->digit << 1 | carry->digit);
	uint64_t	letters_begin = m->letter & ~(m->letter << 1 | carry->letter);
	uint64_t	behind_space = m->space << 1 | carry->space;
	uint64_t	top = UINT64_C(1) << 63;
	uint64_t	hex_ahead = m->hex >> 1 | top;
	uint64_t	hex_behind = m->hex << 1 | 1;
	uint64_t	colons = m->colon & ~(m->space >> 1);
	uint64_t	dashes = m->dash & hex_ahead & hex_behind;
	uint64_t	capitals = letters_begin & (m->upper | m->high) & behind_space;
	uint64_t	words = letters_begin & ~m->upper & ~m->high & (m->letter >> 1 | top) &
		(m->letter >> 2 | top >> 1 | top);
	uint64_t	anchors = digits_begin | m->at | m->caret | colons | dashes | capitals |
		hinted_words(block, m, words);

	if (custom)
		anchors |= (m->letter | m->digit) & ~((m->letter | m->digit) << 1 | carry->word);
	return anchors;
}

/* A word in lower case: worth a look only if its first letters are those of a name on the list. */
static void
find_lower(const text_view *text, size_t at, offer *best)
{
	uint64_t	eight = 0;

	if (byte_before(text, at, BYTE_WORD))
		return;
	for (unsigned i = 0; i < 8 && byte_is(text, at + i, BYTE_UPPER | BYTE_LOWER); i++)
		eight |= (uint64_t) (text->at[at + i] | 0x20) << (8 * i);
	if (!hg_phi_word_hinted(eight))
		return;
	if (byte_at(text, at + 3) == '.')
		hg_phi_find_url(text, at, best);
	else
		hg_phi_find_lower_name(text, at, best);
}

/* Whether a day of a date with a month in words may end before a position: "8th of", "8, 2023", "8
 * Jan". */
static inline bool
may_end_day(const text_view *text, size_t end)
{
	unsigned char next = byte_at(text, end);
	unsigned	second = byte_at(text, end + 1) | 32u;

	if (next == ' ' || next == '-' || next == '_' || next == '.')
		return byte_is(text, end + 1, BYTE_DIGIT) || next == '.' ||
			(second >= 'a' && second <= 's' && memchr("jfmasond", (int) second, 8) != NULL);
	return next == ',' || ((next | 32) >= 'n' && (next | 32) <= 't');
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
	bool		grouped,
				decimal = false;

	while (byte_is(text, end, BYTE_DIGIT) && end < at + 40)
		end++;
	size = end - at;
	next = byte_at(text, end);
	grouped = byte_is(text, end + 1, BYTE_DIGIT) &&
		(next == '-' || next == '.' || next == ' ' || next == '/' || next == '_' || next == ')');
	if (grouped && next == '.')
	{
		size_t		fraction = end + 1;

		/* 1000.123: two groups that are too few digits for anything, as logs are full of. */
		while (byte_is(text, fraction, BYTE_DIGIT) && fraction < end + 7)
			fraction++;
		decimal = fraction - at < 8 && !byte_is(text, fraction, BYTE_WORD | BYTE_SEPARATOR);
	}
	if (decimal)
		return;
	if (size >= 7 || grouped || next == ')')
		hg_phi_find_number(text, at, best);
	if (size >= 8 || (grouped && size != 3) || (size <= 2 && may_end_day(text, end)))
		hg_phi_find_date(text, at, best);
	if (grouped && next == '.')
		hg_phi_find_ipv4(text, at, best);
	if (byte_at(text, at + 4) == '.')
		hg_phi_find_mac_dotted(text, at, best);
	if (size >= 4 || byte_is(text, end, BYTE_LETTER) || byte_before(text, at, BYTE_LETTER) ||
		next == '-' || next == '/' ||
		(size >= 2 && (grouped || text->at[at] == '9' || size == 3)) ||
		(at > 0 && text->at[at - 1] == '-'))
		hg_phi_find_code(text, at, best);
	hg_phi_find_address(text, at, best);
}

/*
 * Everything that is anchored at a position.  The conditions here are the
 * definition of an anchor; anchors_of() may let more through, never less.
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

/* The anchors of the block at a position; the block may end before 64 bytes do. */
static uint64_t
block_anchors(const text_view *text, size_t at, bool custom)
{
	block_masks masks;
	block_carry carry = carry_at(text->at, at);
	uint64_t	anchors;

	if (text->size - at >= BLOCK)
	{
		classify(text->at + at, &masks);
		anchors = anchors_of(text->at + at, &masks, &carry, custom);
	}
	else
	{
		unsigned char padded[BLOCK] = {0};

		memcpy(padded, text->at + at, text->size - at);
		classify(padded, &masks);
		anchors = anchors_of(padded, &masks, &carry, custom);
	}
	return at == 0 ? anchors | 1 : anchors;
}

size_t
hg_phi_scan_text(const char *text, size_t size, size_t from, hg_phi_span *spans, size_t spans_max)
{
	text_view	view = {(const unsigned char *) text, size, from, false};
	bool		custom = hg_phi_custom_any();
	size_t		count = 0;

	for (size_t block = from; block < size && count < spans_max; block += BLOCK)
	{
		uint64_t	anchors = block_anchors(&view, block, custom);

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
		if (view.floor > block + BLOCK)
			block = view.floor - BLOCK; /* the loop adds it again */
	}
	return count;
}
