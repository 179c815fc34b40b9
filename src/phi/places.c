/*
 * places.c
 *		Postal addresses: a number, a street, and what follows of flat, town and
 *		postcode; post-office boxes.
 *
 * Anchored at the first number.  The head must look like a street; the rest is
 * taken as far as it goes on in capitals, and over a line's end only if a
 * postcode or a country closes it.
 */
#include <string.h>

#include "phi/detect.h"

typedef struct place_word
{
	size_t		end;
	folded_word word;
	bool		number;			/* begins with a digit: 12, 184th, 12A */
	char		last;			/* its last byte, if it is a number */
} place_word;

static void
read_place_word(const text_view *text, size_t at, place_word *w)
{
	memset(w, 0, sizeof(*w));
	w->number = byte_is(text, at, BYTE_DIGIT);
	if (w->number)
	{
		size_t		limit = at + 8;

		while (at < limit && byte_is(text, at, BYTE_WORD))
			w->last = (char) text->at[at++];
		w->end = at;
		return;
	}
	w->end = hg_phi_word_fold(text, at, text->size, &w->word);
}

/* Asked only where it decides something, because a look at the lists may miss the cache. */
static bool
is_listed(const place_word *w, uint32_t flag)
{
	return !w->number && (hg_phi_word_flags(&w->word) & flag) != 0;
}

/* Streets that are one word in their language: Hausergasse, Koskikatu, Nassaustraat. */
static bool
has_street_ending(const folded_word *word)
{
	static const char *const endings[] = {
		"strasse", "straat", "gasse", "gatan", "gata", "vagen", "veien", "vegen", "gade", "katu",
		"laan", "straeti", "strati", "braut", "platz", "singel", "dreef", "weg", "utca", "allee",
		"plein"
	};
	size_t		size = word->letters_count;

	if (size < 6)
		return false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		size_t		ending = strlen(endings[i]);

		if (endings[i][ending - 1] == word->letters[size - 1] && size >= ending + 3 &&
			memcmp(word->letters + size - ending, endings[i], ending) == 0)
			return true;
	}
	return false;
}

/* "Apt. 333", "Suite 414", "# 12" at a position: its end, or the position if there is none. */
static size_t
unit_end(const text_view *text, size_t at)
{
	static const char *const units[] = {
		"apt", "apartment", "suite", "ste", "unit", "floor", "room", "flat", "box"
	};
	place_word	w;
	size_t		end;

	if (byte_at(text, at) == '#')
		end = at + 1;
	else
	{
		bool		found = false;

		if (!byte_is(text, at, BYTE_LETTER) || memchr("asufrb", text->at[at] | 32, 6) == NULL)
			return at;
		w.end = hg_phi_word_fold(text, at, text->size, &w.word);
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && !found; i++)
			found = strcmp(w.word.letters, units[i]) == 0;
		if (!found)
			return at;
		end = w.end;
	}
	if (byte_at(text, end) == '.')
		end++;
	if (byte_at(text, end) == ' ')
		end++;
	if (byte_at(text, end) == '#')
		end++;
	if (!byte_is(text, end, BYTE_DIGIT))
		return at;
	while (byte_is(text, end, BYTE_WORD) && end < at + 24)
		end++;
	return end;
}

/* Skips spaces, commas and at most one end of line; tells whether one was skipped. */
static size_t
skip_joint(const text_view *text, size_t at, bool *new_line)
{
	size_t		limit = at + 6;

	while (at < limit && at < text->size)
	{
		unsigned char c = text->at[at];

		if (c == '\n' || c == '\r')
			*new_line = true;
		else if (c != ' ' && c != ',' && c != '\t' && c != '^' && c != '>')
			break;
		at++;
	}
	return at;
}

/* Behind a street: flats, towns, states, countries, postcodes, as far as they go. */
static size_t
rest_end(const text_view *text, size_t street_end, bool unit_seen)
{
	size_t		end = street_end,
				at = street_end;
	bool		new_line = false;

	for (int steps = 0; steps < 14 && at < street_end + SPAN_REACH; steps++)
	{
		place_word	w;
		size_t		next,
					unit;

		if (byte_at(text, at) == '.' && at == street_end)
			at++;				/* St. */
		next = skip_joint(text, at, &new_line);
		if (next == at && at != street_end)
			break;
		unit = unit_end(text, next);
		if (unit > next)
		{
			end = at = unit;
			unit_seen = true;
			continue;
		}
		if (!byte_is(text, next, BYTE_WORD))
			break;
		read_place_word(text, next, &w);
		if (w.number)
		{
			if (w.end - next > 6 || byte_is(text, w.end, BYTE_WORD))
				break;
			end = at = w.end;
			if (w.end - next >= 4)
				break;			/* a postcode closes the address */
			continue;
		}
		if (!w.word.capital)
		{
			/* "nan 02614": a region in small letters counts only before a postcode. */
			size_t		code = skip_joint(text, w.end, &new_line);

			if (w.end - next > 4 || code == w.end || !byte_is(text, code, BYTE_DIGIT) ||
				!byte_is(text, code + 3, BYTE_DIGIT))
				break;
		}
		at = w.end;
		if (w.word.capital && (!new_line || is_listed(&w, WORD_PLACE) || unit_seen))
			end = at;
	}
	return end;
}

static void
offer_address(const text_view *text, size_t start, size_t street_end, bool unit_seen,
			  float confidence, offer *best)
{
	hg_phi_offer(text, best, RULE_ADDRESS_STREET, start, rest_end(text, street_end, unit_seen),
				 false, confidence);
}

/* Where the "P.O. " before "Box" begins; the position itself if there is none. */
static size_t
box_start(const text_view *text, size_t box)
{
	static const char letters[] = "op";
	size_t		at = box;

	for (int i = 0; i < 2; i++)
	{
		while (at > 0 && box - at < 6 && (text->at[at - 1] == ' ' || text->at[at - 1] == '.'))
			at--;
		if (at == 0 || (text->at[at - 1] | 32) != letters[i])
			return box;
		at--;
	}
	return byte_before(text, at, BYTE_WORD) ? box : at;
}

/* "P.O. Box 255", "PO BOX 12": from the number back. */
static void
find_box(const text_view *text, size_t at, offer *best)
{
	size_t		start = at,
				end = at;

	if (at < 4 || text->at[at - 1] != ' ' || (text->at[at - 4] | 32) != 'b' ||
		(text->at[at - 3] | 32) != 'o' || (text->at[at - 2] | 32) != 'x')
		return;
	start = box_start(text, at - 4);
	if (start == at - 4)
		return;
	while (end < at + 8 && byte_is(text, end, BYTE_DIGIT))
		end++;
	if (byte_is(text, end, BYTE_DIGIT) ||
		(byte_at(text, end) == '.' && byte_is(text, end + 1, BYTE_DIGIT)))
		return;
	end = rest_end(text, end, true);
	if (start > 2 && text->at[start - 1] == ' ' && byte_is(text, start - 2, BYTE_DIGIT))
		for (start--; start > 0 && at - start < 18 && byte_before(text, start, BYTE_DIGIT);)
			start--;
	hg_phi_offer_rule(text, best, RULE_ADDRESS_BOX, start, end, 0);
}

/* Behind a number that may be a house's (12, 12a): its end, or the position itself if it is none.
 */
static size_t
house_end(const text_view *text, size_t at)
{
	size_t		end = at;

	while (end < at + 6 && byte_is(text, end, BYTE_DIGIT))
		end++;
	if (end - at > 5 || byte_before(text, at, BYTE_WORD) ||
		(at > 0 && strchr(".-/:$#+", text->at[at - 1]) != NULL))
		return at;
	if (byte_is(text, end, BYTE_LETTER) && !byte_is(text, end + 1, BYTE_WORD))
		end++;
	return byte_at(text, end) == ' ' ? end : at;
}

/*
 * Types of street that stand before its name in their language.  Asked of every
 * "3 buffers" of a log, so without the lists.
 */
static bool
is_leading_type(const text_view *text, size_t at)
{
	static const char *const types[] = {
		"rue ", "rua ", "via ", "calle ", "avenue ", "avenida ", "viale ", "piazza ", "strada ",
		"boulevard ", "ulica ", "impasse ", "chemin ", "allee ", "paseo ", "carrera ", "corso ",
		"plaza ", "place ", "camino ", "quai ", "r\303\272a ",
	};

	if (text->size - at < 5 || memchr("rvcapsbuiq", text->at[at] | 32, 10) == NULL)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		size_t		k = 0;

		if (types[i][1] != (char) text->at[at + 1])
			continue;
		while (types[i][k] != 0 && at + k < text->size &&
			   (types[i][k] == (char) text->at[at + k] ||
				types[i][k] == (char) (text->at[at + k] | 32)))
			k++;
		if (types[i][k] == 0)
			return byte_is(text, at + k, BYTE_LETTER);
	}
	return false;
}

/*
 * Whether a word makes a street of what has been read so far: it is a type of
 * street (behind a name, or before one as in Rue de Normandie), or ends in one.
 * The confidence, 0 if it does not.
 */
static float
street_word(const text_view *text, size_t at, const place_word *w, int words)
{
	if (w->number)
		return 0.0f;
	if (has_street_ending(&w->word))
		return 0.82f;
	if (words == 0)
		return !is_leading_type(text, at) ? 0.0f : w->word.capital ? 0.82f : 0.50f;
	/* Wesselenyi u. 94 */
	if (w->word.letters_count <= 2 && w->word.letters[0] == 'u' && byte_at(text, w->end) == '.' &&
		byte_is(text, w->end + 2, BYTE_DIGIT))
		return 0.82f;
	if (!is_listed(w, WORD_STREET))
		return 0.0f;
	if (w->word.capital)
		return 0.82f;
	if (w->word.letters_count >= 4 &&
		strstr("street avenue road boulevard lane", w->word.letters) != NULL)
		return 0.50f;
	return 0.0f;
}

/* WHEN 3 THEN ROW (1, 2): words of SQL, where "row" and "drive" are no streets. */
static bool
is_word_of_sql(const place_word *w)
{
	static const char *const sql[] = {"then", "else", "when", "select"};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
		if (strcmp(w->word.letters, sql[i]) == 0)
			return true;
	return false;
}

/* Whether a word may stand between a house's number and the type of the street. */
static bool
may_name_street(const place_word *w, int words)
{
	if (is_word_of_sql(w))
		return false;
	if (words == 0)
		return w->number ? (hg_phi_bytes[(unsigned char) w->last] & BYTE_LETTER) != 0 :
			w->word.capital;
	return w->number || w->word.capital || w->word.letters_count <= 3 ||
		is_listed(w, WORD_STREET);
}

/* The name behind a leading type ("de la Nouvelle Delhi"): capitals, or one word if all is small.
 */
static size_t
leading_name_end(const text_view *text, size_t type_end, bool capital)
{
	size_t		end = type_end,
				at = type_end;

	for (int words = 0; words < 5; words++)
	{
		place_word	w;

		if (byte_at(text, at) != ' ' || !byte_is(text, at + 1, BYTE_LETTER))
			break;
		read_place_word(text, at + 1, &w);
		at = w.end;
		if (w.word.capital)
			end = at;
		else if (w.word.letters_count > 3)
		{
			if (!capital && end == type_end)
				end = at;
			break;
		}
	}
	return end;
}

/* Behind the house's number: reads on until a street is complete. */
static void
find_street(const text_view *text, size_t start, size_t next, offer *best)
{
	for (int words = 0; words < 6; words++)
	{
		place_word	w;
		float		confidence;
		bool		new_line = false;
		size_t		joint,
					unit;

		if (!byte_is(text, next, BYTE_WORD))
			return;
		read_place_word(text, next, &w);
		confidence = street_word(text, next, &w, words);
		if (confidence > 0.0f)
		{
			size_t		house;

			if (words == 0 && !has_street_ending(&w.word))
				w.end = leading_name_end(text, w.end, w.word.capital);
			house = w.end + (byte_at(text, w.end) == '.') + 1;

			if (byte_at(text, house - 1) == ' ' && byte_is(text, house, BYTE_DIGIT))
				read_place_word(text, house, &w);
			offer_address(text, start, w.end, false, confidence, best);
			return;
		}
		if (!may_name_street(&w, words))
			return;
		joint = skip_joint(text, w.end, &new_line);
		unit = unit_end(text, joint);
		if (unit > joint)
		{
			offer_address(text, start, unit, true, 0.80f, best);
			return;
		}
		if (byte_at(text, w.end) == '.' && byte_at(text, w.end + 1) == ' ')
			w.end++;
		if (byte_at(text, w.end) != ' ')
			return;
		next = w.end + 1;
	}
}

/* Anchored at the first digit of a number that may be a house's; a second may follow it. */
void
hg_phi_find_address(const text_view *text, size_t at, offer *best)
{
	size_t		next = house_end(text, at) + 1;

	find_box(text, at, best);
	if (next == at + 1)
		return;
	if (byte_is(text, next, BYTE_DIGIT))
	{
		size_t		second = house_end(text, next) + 1;

		if (second > next + 1)
			next = second;
	}
	if (byte_is(text, next, BYTE_UPPER | BYTE_HIGH | BYTE_DIGIT) || is_leading_type(text, next))
		find_street(text, at, next, best);
}
