/*
 * names.c
 *		Persons' names in prose: two capitalised words side by side, one of them a
 *		given name, or both in no dictionary.
 *
 * A name is anchored at its second word, because two capitalised words in a row
 * are rare in logs and comments and one is not.  What the words are is asked of
 * the lists (words.c): the census and the SSA say what may be a name, the
 * English and the schema lists what is likely none.
 */
#include <string.h>

#include "phi/detect.h"

#define NAME_REACH 40
#define HL7_REACH 320
#define NOT_A_NAME (WORD_ENGLISH | WORD_SCHEMA | WORD_PROPER | WORD_PLACE | WORD_ORG | WORD_STREET)

typedef struct name_word
{
	size_t		start;
	size_t		end;
	folded_word word;
	uint32_t	flags;
} name_word;

/* Reads the word at a position, with the parts of a double name (Karger-Gatzow). */
static void
read_word(const text_view *text, size_t start, name_word *w)
{
	w->start = start;
	w->end = hg_phi_word_fold(text, start, text->size, &w->word);
	w->flags = hg_phi_word_flags(&w->word);
	if (byte_at(text, w->end) == '-' && byte_is(text, w->end + 1, BYTE_UPPER))
	{
		folded_word second;
		size_t		end = hg_phi_word_fold(text, w->end + 1, text->size, &second);

		if (!second.shouted && second.letters_count > 2)
			w->end = end;
	}
}

/* The word that ends before a position: its start, or the position itself if there is none. */
static size_t
word_before(const text_view *text, size_t end)
{
	const unsigned char *base = text->at;
	size_t		start = end,
				first = end > NAME_REACH ? end - NAME_REACH : 0;

	while (start > first &&
		   ((hg_phi_bytes[base[start - 1]] & BYTE_LETTER) ||
			(base[start - 1] == '\'' && start < end && byte_before(text, start - 1, BYTE_LETTER))))
		start--;
	return start;
}

/* A word with a capital inside (PostgreSQL) is a product, unless it is McGregor or DeRose. */
static bool
is_product(const folded_word *word)
{
	static const char *const heads[] = {
		"mc", "mac", "de", "la", "le", "di", "du", "van", "fitz", "o", "st"
	};

	if (word->inner_capital == 0)
		return false;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strlen(heads[i]) == word->inner_capital &&
			memcmp(heads[i], word->letters, word->inner_capital) == 0)
			return false;
	return true;
}

static bool
is_initial(const text_view *text, const name_word *w)
{
	return w->end - w->start == 1 && w->word.capital &&
		(byte_at(text, w->end) == '.' || byte_at(text, w->end) == ' ');
}

/* Words that stand between a given name and a surname in lower case. */
static bool
is_particle(const folded_word *word)
{
	static const char two[] = "dedidudalaelalzuaf";
	static const char three[] = "vanvonderdendosdelbinterten";
	unsigned	size = word->letters_count;
	const char *list = size == 2 ? two : three;

	if (size != 2 && size != 3)
		return false;
	for (; *list; list += size)
		if (memcmp(list, word->letters, size) == 0)
			return true;
	return false;
}

/* What may follow a name and belongs to it: Jr., III, PhD, MD. */
static bool
is_suffix(const folded_word *word)
{
	static const char *const suffixes[] = {
		"jr", "sr", "ii", "iii", "iv", "phd", "md", "dds", "rn", "esq", "dvm", "do"
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strcmp(word->letters, suffixes[i]) == 0)
			return true;
	return false;
}

/* How sure two words side by side are a given name and a surname, and by which rule. */
static float
judge_pair(const name_word *a, const name_word *b, unsigned *rule)
{
	bool		a_word = (a->flags & NOT_A_NAME) != 0,
				b_word = (b->flags & NOT_A_NAME) != 0;
	bool		b_surname = (b->flags & (WORD_SURNAME | WORD_GIVEN)) != 0;
	bool b_sure =
		b_surname && (!b_word || ((b->flags & WORD_SURNAME_TOP) && !(b->flags & WORD_PLACE)));
	int			like = hg_phi_word_namelike(&b->word);

	*rule = RULE_NAME_LISTED;
	if (b->flags == 0 && b->word.letters_count < 3)
		return 0.0f;
	if (b->flags & (WORD_ORG | WORD_STREET) && !(b->flags & WORD_SURNAME_TOP))
		return 0.0f;
	if ((a->flags & WORD_GIVEN_STRONG) && !(a->flags & (WORD_COMMON | WORD_SCHEMA | WORD_PLACE)))
	{
		if (b_sure)
			return 0.90f;
		*rule = RULE_NAME_GIVEN;
		if (b->flags == 0)
			return 0.85f;
		*rule = RULE_NAME_WEAK;
		return b->flags & (WORD_BASIC | WORD_SCHEMA | WORD_PLACE | WORD_PROPER) ? 0.0f : 0.50f;
	}
	if (a->flags & WORD_GIVEN)
	{
		bool		sure = b_surname && !b_word;

		if (a_word)
		{
			if (sure || ((b->flags & WORD_SURNAME_TOP) &&
						 !(b->flags & (WORD_COMMON | WORD_PLACE)) && !(a->flags & WORD_BASIC)))
				/* Mark Thompson; Will Zorba may be the beginning of a sentence. */
				return !(a->flags & WORD_BASIC)		 ? 0.85f
					   : b->flags & WORD_SURNAME_TOP ? 0.82f
													 : 0.60f;
			*rule = RULE_NAME_WEAK;
			if (b->flags == 0 && like > 0 && !(a->flags & WORD_BASIC))
				return 0.50f;
			return (a->flags & WORD_GIVEN_STRONG) && (b->flags & WORD_SURNAME_TOP) &&
				!(a->flags & (WORD_BASIC | WORD_PLACE)) && !(b->flags & WORD_BASIC) ? 0.50f : 0.0f;
		}
		if (b_sure)
			return 0.88f;
		*rule = RULE_NAME_GIVEN;
		if (b->flags == 0)
			return b->word.foreign || like > 0 ? 0.82f : 0.55f;
		return 0.0f;
	}
	if (a_word || b_word || (a->flags == 0 && b->flags == 0 && a->word.letters_count < 3))
		return 0.0f;
	*rule = RULE_NAME_LIKELY;
	if (a->word.foreign || b->word.foreign || hg_phi_word_namelike(&a->word) + like > 60)
		return 0.80f;
	*rule = RULE_NAME_WEAK;
	return 0.50f;
}

/* Moves the end of a name behind further words of it, and behind "Jr." and the like. */
static size_t
name_end(const text_view *text, size_t end)
{
	for (int more = 0; more < 3; more++)
	{
		size_t		at = end;
		name_word	w;

		if (byte_at(text, at) == '.' && byte_at(text, at + 1) == ' ' &&
			byte_is(text, at - 2, BYTE_SPACE))
			at++;				/* behind an initial */
		if (byte_at(text, at) == ',' && byte_at(text, at + 1) == ' ')
			at++;
		if (byte_at(text, at) != ' ' || !byte_is(text, at + 1, BYTE_UPPER | BYTE_HIGH))
			break;
		read_word(text, at + 1, &w);
		if (is_suffix(&w.word))
			return w.end + (byte_at(text, w.end) == '.' && w.word.letters[1] == 'r');
		if (text->at[at - 1] == ',' || !w.word.capital || w.word.letters_count == 0 ||
			((w.flags & NOT_A_NAME) && !(w.flags & WORD_SURNAME_TOP)) || is_product(&w.word))
			break;
		end = w.end;
	}
	return end;
}

/* The first word of the name whose second begins at "at"; false if none stands there. */
static bool
first_word(const text_view *text, size_t at, name_word *first, bool *title, bool *comma)
{
	size_t		end = at - 1;

	*title = *comma = false;
	for (int steps = 0; steps < 4; steps++)
	{
		size_t		stop = end;

		if (stop > 0 && (text->at[stop - 1] == '.' || text->at[stop - 1] == ','))
		{
			*comma = text->at[stop - 1] == ',';
			stop--;
		}
		first->start = word_before(text, stop);
		if (first->start == stop || at - first->start > NAME_REACH)
			return false;
		/* In small letters it must be a title or a particle: "dr", "van" after a space. */
		if (byte_is(text, first->start, BYTE_LOWER) &&
			(stop - first->start > 3 || stop - first->start < 2 || first->start == 0 ||
			 !byte_before(text, first->start, BYTE_SPACE)))
			return false;
		/* IS NULL, ORDER BY: no one shouts a name of two letters. */
		if (stop - first->start == 2 && byte_is(text, stop - 1, BYTE_UPPER))
			return false;
		hg_phi_word_fold(text, first->start, stop, &first->word);
		first->end = stop;
		first->flags = hg_phi_word_flags(&first->word);
		if ((first->flags & WORD_TITLE) && !*comma)
		{
			*title = true;
			return first->word.capital;
		}
		if (first->word.capital && first->end - first->start > 1)
			return text->at[stop] != '.';
		if (*comma ||
			!(is_particle(&first->word) ||
			  (first->end - first->start == 1 && first->word.capital)) ||
			first->start == 0 || text->at[first->start - 1] != ' ')
			return false;
		end = first->start - 1;
	}
	return false;
}

/* Whether nothing beside the words makes them a path, a call, an address or part of a longer
 * token. */
static bool
name_stands_alone(const text_view *text, size_t start, size_t end)
{
	unsigned char before = start > 0 ? text->at[start - 1] : ' ',
				after = byte_at(text, end);

	if (byte_before(text, start, BYTE_WORD) || strchr("_@#$/\\-", before) != NULL)
		return false;
	return !byte_is(text, end, BYTE_DIGIT) && after != '_' && after != '(' && after != '@' &&
		after != '/' && !(after == ':' && byte_at(text, end + 1) == ':');
}

/* The word behind a pair that turns it into an institution, a disease, a street. */
static bool
is_institution(const text_view *text, size_t end)
{
	name_word	w;
	size_t		at = end;

	if (byte_at(text, at) == '\'' && byte_at(text, at + 1) == 's')
		at += 2;
	if (byte_at(text, at) != ' ' || !byte_is(text, at + 1, BYTE_LETTER))
		return false;
	read_word(text, at + 1, &w);
	return (w.flags & (WORD_ORG | WORD_STREET)) != 0 &&
		   !(w.flags & WORD_SURNAME_TOP && w.word.capital);
}

/* Anchored at a capital behind a space. */
void
hg_phi_find_name(const text_view *text, size_t at, offer *best)
{
	name_word	a,
				b;
	bool		title,
				comma;
	unsigned	rule;
	float		confidence;
	size_t		end;

	if (at < 3 || text->at[at - 1] != ' ' || !first_word(text, at, &a, &title, &comma))
		return;
	if (!title && (a.flags & (WORD_BASIC | WORD_SCHEMA)) && !(a.flags & WORD_GIVEN))
		return;
	read_word(text, at, &b);
	end = b.end;
	if (is_initial(text, &b) && !title)
	{
		size_t		next = b.end + (byte_at(text, b.end) == '.') + 1;

		if (byte_at(text, next - 1) == ' ' && byte_is(text, next, BYTE_UPPER | BYTE_HIGH))
		{
			read_word(text, next, &b);
			end = b.end;
		}
	}
	if (is_product(&a.word) || is_product(&b.word) || !name_stands_alone(text, a.start, end))
		return;
	if (end - b.start == 1)
	{
		if ((a.flags & WORD_GIVEN_STRONG) && !(a.flags & (WORD_BASIC | WORD_SCHEMA)) && !comma &&
			(byte_at(text, end) == '.' || !(a.flags & WORD_COMMON)) && !title)
			hg_phi_offer_rule(text, best, RULE_NAME_INITIAL, a.start, end, 0);
		if (!title)
			return;
	}
	if (b.word.letters_count == 0)
		return;
	if (title)
	{
		bool		certain = (a.flags & WORD_ENGLISH) == 0 || a.word.letters_count <= 4;

		if (b.flags & (WORD_BASIC | WORD_SCHEMA | WORD_STREET | WORD_ORG) &&
			!(b.flags & WORD_SURNAME_TOP))
			return;
		if (!certain && (b.flags & NOT_A_NAME))
			return;
		hg_phi_offer(text, best, RULE_NAME_TITLE, a.start, name_end(text, end), false,
					 certain ? 0.85f : 0.60f);
		return;
	}
	if (comma)
	{
		/* "Smith, John": the other way round, and sure only if both are listed as nothing else. */
		if ((b.flags & WORD_GIVEN_STRONG) && !(b.flags & WORD_COMMON) && (a.flags & WORD_SURNAME) &&
			!(a.flags & (NOT_A_NAME | WORD_GIVEN)))
			hg_phi_offer(text, best, RULE_NAME_LISTED, a.start, end, false, 0.70f);
		return;
	}
	confidence = judge_pair(&a, &b, &rule);
	if ((a.word.shouted || b.word.shouted) && confidence > 0.0f)
		confidence = rule == RULE_NAME_LISTED && a.word.shouted == b.word.shouted ? 0.70f :
			rule == RULE_NAME_WEAK || rule == RULE_NAME_LIKELY ? 0.0f : 0.50f;
	if (confidence > 0.0f && is_institution(text, end))
		confidence = confidence > 0.85f ? 0.50f : 0.0f;
	hg_phi_offer(text, best, rule, a.start, name_end(text, end), false, confidence);
}

/* Anchored at a word in lower case that may be a given name. */
void
hg_phi_find_lower_name(const text_view *text, size_t at, offer *best)
{
	name_word	a,
				b;
	size_t		next;

	if (byte_before(text, at, BYTE_WORD) || !byte_is(text, at, BYTE_LOWER))
		return;
	for (a.end = at; byte_is(text, a.end, BYTE_LETTER) && a.end - at < NAME_REACH; a.end++)
		;
	if (byte_at(text, a.end) != ' ' || !byte_is(text, a.end + 1, BYTE_LOWER | BYTE_HIGH))
		return;
	read_word(text, at, &a);
	/* The same words that make_words hints at. */
	if (!(a.flags & WORD_GIVEN_USUAL) || (a.flags & (WORD_COMMON | WORD_SCHEMA | WORD_PLACE)) ||
		a.word.letters_count < 4 || a.end - at != a.word.letters_count)
		return;
	next = a.end + 1;
	if (byte_is(text, next, BYTE_LETTER) && byte_at(text, next + 1) == '.' &&
		byte_at(text, next + 2) == ' ')
		next += 3;
	else if (byte_is(text, next, BYTE_LETTER) && byte_at(text, next + 1) == ' ')
		next += 2;
	if (!byte_is(text, next, BYTE_LOWER | BYTE_HIGH))
		return;
	read_word(text, next, &b);
	if (b.word.letters_count < 3 || (b.flags & NOT_A_NAME) ||
		!name_stands_alone(text, a.start, b.end))
		return;
	if ((b.flags & (WORD_SURNAME | WORD_GIVEN)) || hg_phi_word_namelike(&b.word) > 0 ||
		b.word.foreign)
		hg_phi_offer_rule(text, best, RULE_NAME_LOWER, a.start, b.end, 0);
}

/*
 * A person's name in an HL7 v2 segment, such as PID|1||...||Doe^Jane^A|: the
 * fields that hold names are PID-5, 6 and 9, NK1-2 and GT1-3.  Anchored at the
 * first '^' of a field that begins with a letter.
 */
void
hg_phi_find_hl7_name(const text_view *text, size_t at, offer *best)
{
	size_t		start = at,
				end = at,
				head;
	unsigned	field = 0;
	const char *segment;

	while (start > 0 && at - start < NAME_REACH &&
		   byte_before(text, start, BYTE_WORD | BYTE_SEPARATOR))
		start--;
	if (start == at || start == 0 || text->at[start - 1] != '|' ||
		!byte_is(text, start, BYTE_LETTER) || !byte_is(text, at + 1, BYTE_LETTER))
		return;
	for (head = start; head > 0 && start - head < HL7_REACH && text->at[head - 1] >= ' '; head--)
		field += text->at[head - 1] == '|';
	segment = (const char *) text->at + head;
	if (start - head < 5 ||
		!((memcmp(segment, "PID|", 4) == 0 && (field == 5 || field == 6 || field == 9)) ||
		  (memcmp(segment, "NK1|", 4) == 0 && field == 2) ||
		  (memcmp(segment, "GT1|", 4) == 0 && field == 3)))
		return;
	while (end < text->size && end - start < NAME_REACH * 2 && text->at[end] != '|' &&
		   text->at[end] >= ' ')
		end++;
	while (end > at && !byte_before(text, end, BYTE_WORD))
		end--;
	hg_phi_offer_rule(text, best, RULE_NAME_HL7, start, end, 0);
}
