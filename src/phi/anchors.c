/*
 * anchors.c
 *		Finds the positions of a text at which anything may begin.
 *
 * Why hand-written.  Only numbers, '@', "://", '^' of HL7, capitals behind a
 * space and a few given names can begin a finding, and comparing sixteen bytes
 * at a time with those is what SSE2 does best (every x86-64 has it; elsewhere a
 * table does the same).  A generated DFA reads each byte through a table with a
 * dependent load, about 400 MB/s at best, and can neither count digits for a
 * checksum nor ask a dictionary, so the recognisers would have been needed
 * besides; a library of regular expressions would be one more dependency and is
 * slower.  docs/detector.md has the figures.
 *
 * A block is 64 bytes, one bit each.  The comparisons look one byte back and
 * three ahead, so a block is read where it lies only if the text goes on on both
 * sides, and from a copy with zeros around it otherwise.
 */
#include <string.h>
#if defined(__SSE2__) && !defined(HG_PHI_PORTABLE)
#define USE_SSE2
#include <emmintrin.h>
#endif

#include "phi/detect.h"

#define BEFORE 1				/* bytes read before a block ... */
#define BEHIND 16				/* ... and behind it */

typedef struct block_bits
{
	uint64_t	anchors;		/* all but words in small letters */
	uint64_t	letters;		/* a-z and A-Z */
	uint64_t	letters_behind; /* the same of the 16 bytes behind the block */
} block_bits;

#if defined(USE_SSE2)

/* Bytes in [first, first + count): shifted so that one signed comparison does. */
static inline __m128i
in_range(__m128i bytes, int first, int count)
{
	return _mm_cmplt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8((char) (0x80 - first))),
						  _mm_set1_epi8((char) (count - 0x80)));
}

static inline __m128i
equals(__m128i bytes, char value)
{
	return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(value));
}

static inline __m128i
load(const unsigned char *bytes)
{
	return _mm_loadu_si128((const __m128i *) bytes);
}

/* Sixteen bytes; a set high bit in a byte of the result is an anchor. */
static inline __m128i
anchors_of(const unsigned char *bytes)
{
	__m128i		here = load(bytes),
				before = load(bytes - 1);
	__m128i		digits = _mm_andnot_si128(in_range(before, '0', 10), in_range(here, '0', 10));
	__m128i		capitals =
		_mm_and_si128(equals(before, ' '), _mm_or_si128(here, in_range(here, 'A', 26)));
	__m128i		colons =
		_mm_and_si128(equals(here, ':'), _mm_cmpgt_epi8(load(bytes + 1), _mm_set1_epi8(' ')));
	__m128i		dashes = _mm_and_si128(equals(here, '-'), equals(load(bytes + 3), '-'));
	__m128i signs = _mm_or_si128(_mm_or_si128(equals(here, '@'), equals(here, '^')),
								 _mm_and_si128(equals(here, 'w'), equals(load(bytes + 1), 'w')));

	return _mm_or_si128(_mm_or_si128(_mm_or_si128(digits, capitals), _mm_or_si128(colons, dashes)),
						signs);
}

static inline uint64_t
bits_of(__m128i bytes)
{
	return (unsigned) _mm_movemask_epi8(bytes);
}

static inline uint64_t
letters_of(const unsigned char *bytes)
{
	return bits_of(in_range(_mm_or_si128(load(bytes), _mm_set1_epi8(0x20)), 'a', 26));
}

/* Reads the first "size" bytes of a block: a literal mostly fits the first sixteen. */
static inline block_bits
read_block(const unsigned char *block, unsigned size)
{
	block_bits	bits = {0, 0, 0};

	for (unsigned i = 0; i < size; i += 16)
	{
		bits.anchors |= bits_of(anchors_of(block + i)) << i;
		bits.letters |= letters_of(block + i) << i;
	}
	if (size == ANCHORS_BLOCK)
		bits.letters_behind = letters_of(block + ANCHORS_BLOCK);
	return bits;
}

#else

static inline block_bits
read_block(const unsigned char *block, unsigned size)
{
	block_bits	bits = {0, 0, 0};

	for (int i = 0; size == ANCHORS_BLOCK && i < BEHIND; i++)
	{
		unsigned	class = hg_phi_bytes[block[ANCHORS_BLOCK + i]];

		bits.letters_behind |= (uint64_t) ((class & (BYTE_UPPER | BYTE_LOWER)) != 0) << i;
	}
	for (unsigned i = 0; i < size; i++)
	{
		const unsigned char *c = block + i;
		unsigned	class = hg_phi_bytes[*c];
		bool anchor = *c == '@' || *c == '^' || (*c == ':' && c[1] > ' ' && c[1] < 0x80) ||
					  (*c == '-' && c[3] == '-') || (*c == 'w' && c[1] == 'w') ||
					  (c[-1] == ' ' && (class & (BYTE_UPPER | BYTE_HIGH))) ||
					  ((class & BYTE_DIGIT) && !(hg_phi_bytes[c[-1]] & BYTE_DIGIT));

		bits.anchors |= (uint64_t) anchor << i;
		bits.letters |= (uint64_t) ((class & (BYTE_UPPER | BYTE_LOWER)) != 0) << i;
	}
	return bits;
}

#endif

/* The words of four letters or more whose first eight are those of a name on the list. */
static inline uint64_t
hinted_words(const unsigned char *block, uint64_t letters, uint64_t behind)
{
	uint64_t	begin = letters & ~(letters << 1);
	uint64_t	words = begin & (letters >> 1 | behind << 63) & (letters >> 2 | behind << 62) &
		(letters >> 3 | behind << 61);
	uint64_t	hinted = 0;

	for (; words != 0; words &= words - 1)
	{
		unsigned	at = (unsigned) __builtin_ctzll(words);
		uint64_t	rest = letters >> at | behind << 1 << (63 - at);
		unsigned	count = (unsigned) __builtin_ctzll(~rest | UINT64_C(0x100));
		uint64_t	eight = 0;

		if (LITTLE_ENDIAN_BYTES)
			memcpy(&eight, block + at, 8);
		else
			for (int i = 7; i >= 0; i--)
				eight = eight << 8 | block[at + (unsigned) i];
		eight = (eight | UINT64_C(0x2020202020202020)) & (~UINT64_C(0) >> (64 - 8 * count));
		hinted |= (uint64_t) hg_phi_word_hinted(eight) << at;
	}
	return hinted;
}

/* Where a run of letters and digits begins, for the site's own masks; slower, and only if there
 * are any. */
static uint64_t
runs_of(const unsigned char *block, unsigned size)
{
	uint64_t	bits = 0;

	for (int i = 0; i < (int) size; i++)
		if ((hg_phi_bytes[block[i]] & BYTE_WORD) && !(hg_phi_bytes[block[i - 1]] & BYTE_WORD))
			bits |= UINT64_C(1) << i;
	return bits;
}

static inline uint64_t
anchors_in(const unsigned char *block, unsigned size, bool custom)
{
	block_bits	bits = read_block(block, size);
	uint64_t	anchors = bits.anchors | hinted_words(block, bits.letters, bits.letters_behind);

	return custom ? anchors | runs_of(block, size) : anchors;
}

/*
 * Copies a few bytes, in steps of a fixed size: a call or "rep movs" would cost
 * more than they do.  The last step overlaps the one before.
 */
static inline void
copy_bytes(unsigned char *to, const unsigned char *from, size_t count)
{
	size_t		done = 0;

	for (; done + 8 <= count; done += 8)
		memcpy(to + done, from + done, 8);
	if (count >= 8)
		memcpy(to + count - 8, from + count - 8, 8);
	else
		for (; done < count; done++)
			to[done] = from[done];
}

/* The anchors of a text's end, or beginning, from a copy of its "size" bytes at most. */
static inline uint64_t
anchors_in_copy(const text_view *text, size_t at, unsigned size, bool custom)
{
	unsigned char copy[BEFORE + ANCHORS_BLOCK + BEHIND + 7];
	size_t		left = text->size - at;
	uint64_t	anchors;

	for (size_t i = 0; i < BEFORE + size + BEHIND; i += 8)
		memcpy(copy + i, "\0\0\0\0\0\0\0", 8);
	if (at > 0)
		copy[0] = text->at[at - 1];
	copy_bytes(copy + BEFORE, text->at + at, left < size + BEHIND ? left : size + BEHIND);
	anchors = anchors_in(copy + BEFORE, size, custom);
	return left < ANCHORS_BLOCK ? anchors & ~(~UINT64_C(0) << left) : anchors;
}

uint64_t
hg_phi_anchors(const text_view *text, size_t at, bool custom)
{
	size_t		left = text->size - at;
	uint64_t	anchors;

	if (at >= BEFORE && left >= ANCHORS_BLOCK + BEHIND)
		return anchors_in(text->at + at, ANCHORS_BLOCK, custom);
	anchors = left <= 16 ? anchors_in_copy(text, at, 16, custom)
						 : anchors_in_copy(text, at, ANCHORS_BLOCK, custom);
	/* What is all there is in a text begins with it. */
	return at == 0 && (left == 12 || left == 16) ? anchors | 1 : anchors;
}
