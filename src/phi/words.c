/*
 * words.c
 *		What the detector knows of words: folding, look-up, likeness to names.
 *
 * The lists are read-only data shared by all backends and cost nothing at
 * start: 40 bits of a word's hash, 16 of which choose a bucket of three or so
 * entries that lie side by side, so that a look-up touches two cache lines.
 */
#include <string.h>

#include "phi/detect.h"
#include "words.inc"

const uint32_t *const hg_phi_word_hints = words_hints;

_Static_assert(WORDS_HINT_BITS == HINT_BITS, "words.inc and detect.h are of the same making");

/*
 * The plain letter of a two-byte UTF-8 sequence that begins with C3, C4 or C5
 * (Latin-1 and Latin Extended-A), indexed by the second byte; a capital where
 * the letter is one.  A dot: no letter.
 */
static const char folds[3][65] = {
	"AAAAAAACEEEEIIIIDNOOOOO.OUUUUYTsaaaaaaaceeeeiiiidnooooo.ouuuuyty",
	"AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiJjJjKkkLlLlLlL",
	"lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs"
};

#define ASCII_LETTER (BYTE_UPPER | BYTE_LOWER)

/* One letter at a position: its plain form (0: not a letter we can fold), and its size in bytes. */
static char
letter_at(const text_view *text, size_t at, size_t limit, size_t *size)
{
	unsigned char c = text->at[at];

	*size = 1;
	if (c < 0x80)
		return (hg_phi_bytes[c] & BYTE_LETTER) ? (char) c : 0;
	if (c >= 0xC3 && c <= 0xC5 && at + 1 < limit && (text->at[at + 1] & 0xC0) == 0x80)
	{
		char		plain = folds[c - 0xC3][text->at[at + 1] & 0x3F];

		*size = 2;
		return plain == '.' ? 0 : plain;
	}
	if ((c == 0xCE || c == 0xD0) && at + 1 < limit && (text->at[at + 1] & 0xC0) == 0x80)
	{
		*size = 2;				/* Greek and Cyrillic: a capital or not is all we need */
		if (c == 0xCE)
			return (text->at[at + 1] >= 0x86 && text->at[at + 1] <= 0xA9) ? 'Q' : 'q';
		return text->at[at + 1] <= 0xAF ? 'Q' : 'q';
	}
	return 'q';
}

/*
 * Folds the word that begins at "start" and ends before "limit": letters, and
 * apostrophes between letters.  Returns its end; at most SPAN_REACH bytes are read.
 */
size_t
hg_phi_word_fold(const text_view *text, size_t start, size_t limit, folded_word *word)
{
	size_t		at = start;
	unsigned	count = 0,
				capitals = 0;

	memset(word, 0, sizeof(*word));
	if (limit > text->size)
		limit = text->size;
	if (limit - start > SPAN_REACH)
		limit = start + SPAN_REACH;
	/* Nearly every word is a capital or none, and small letters of ASCII. */
	while (at < limit && (hg_phi_bytes[text->at[at]] & (count == 0 ? ASCII_LETTER : BYTE_LOWER)))
	{
		if (count < WORDS_BUFFER - 1)
			word->letters[count] = (char) (text->at[at] | 0x20);
		count++;
		at++;
	}
	if (count > 0 && (hg_phi_bytes[text->at[start]] & BYTE_UPPER))
	{
		word->capital = true;
		capitals = 1;
	}
	while (at < limit)
	{
		size_t		size;
		char		c;

		if (text->at[at] == '\'' && at > start && byte_is(text, at + 1, BYTE_LETTER) &&
			!(byte_is(text, at + 2, BYTE_LETTER) == false && (text->at[at + 1] | 32) == 's'))
		{
			at++;				/* O'Brien, but not Maite's */
			continue;
		}
		if (!byte_is(text, at, BYTE_LETTER))
			break;
		c = letter_at(text, at, limit, &size);
		word->foreign |= text->at[at] >= 0x80;
		if (c >= 'A' && c <= 'Z')
		{
			if (count > capitals && word->inner_capital == 0)
				word->inner_capital = count;
			capitals++;
			if (count == 0)
				word->capital = true;
		}
		if (count < WORDS_BUFFER - 1)
			word->letters[count] = (char) (c ? c | 0x20 : 'q');
		count++;
		at += size;
	}
	if (at > limit)
		at = limit;
	word->shouted = count > 1 && capitals == count;
	word->letters_count = count < WORDS_BUFFER ? count : 0;
	return at;
}

static inline uint64_t
eight_letters(const char *letters)
{
	uint64_t	value = 0;

	if (LITTLE_ENDIAN_BYTES)
		memcpy(&value, letters, 8);
	else
		for (int i = 7; i >= 0; i--)
			value = value << 8 | (unsigned char) letters[i];
	return value;
}

/* 40 bits; the same as hash_of() in words/make_words. */
static uint64_t
word_hash(const char *letters)
{
	uint64_t	h = eight_letters(letters) * UINT64_C(0x9e3779b97f4a7c15);

	h ^= h >> 29;
	h = (h + eight_letters(letters + 8)) * UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 32;
	return (h * UINT64_C(0x94d049bb133111eb)) >> 24;
}

uint32_t
hg_phi_word_flags(const folded_word *word)
{
	uint64_t	h;
	uint32_t	i,
				end;

	if (word->letters_count < 2 || word->letters_count > WORDS_LONGEST)
		return 0;
	h = word_hash(word->letters);
	end = words_starts[(h >> 24) + 1];
	for (i = words_starts[h >> 24]; i < end; i++)
		if (words_entries[i] >> 8 == (h & 0xFFFFFF))
			return words_flags[words_entries[i] & 0xFF];
	return 0;
}

/*
 * How much the letters of a word look like those of a name rather than of an
 * English word: hundredths of a bit a letter, positive for a name.
 */
int
hg_phi_word_namelike(const folded_word *word)
{
	int			sum = 0,
				a = 26;

	if (word->letters_count < 3)
		return -100;
	for (unsigned i = 0; i < word->letters_count; i++)
	{
		int			b = word->letters[i] - 'a';
		int			c = i + 1 < word->letters_count ? word->letters[i + 1] - 'a' : 26;

		sum += words_letters[(a * 27 + b) * 27 + c];
		a = b;
	}
	return sum * 100 / 16 / (int) word->letters_count;
}
