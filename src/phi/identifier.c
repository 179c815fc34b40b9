/*
 * identifier.c
 *		The names of objects: words are split at '_', at changes of case and at
 *		digits, and looked at side by side.
 *
 * What may stand in a name of an object is narrow, and a false alarm stops
 * someone's migration, so a person's name counts only when both words are
 * outside the vocabulary of schemas (identifiers are full of "grace_period" and
 * "young_patients").  Bounded stack: words are read in batches that overlap by
 * as many as a recogniser looks ahead.
 */
#include <string.h>

#include "phi/detect.h"

#ifndef WORDS_MAX
#define WORDS_MAX 64
#endif
#define WORDS_AHEAD 8

typedef struct part
{
	size_t		start;
	size_t		end;
	folded_word word;
	uint32_t	flags;
	bool		digits;
} part;

typedef struct parts
{
	part		at[WORDS_MAX];
	unsigned	count;
	size_t		end;			/* where reading stopped */
} parts;

#define VOCABULARY (WORD_SCHEMA | WORD_ORG | WORD_PLACE | WORD_TITLE | WORD_PROPER)

/* The end of the part that begins at a position: digits, or letters up to a change of case. */
static size_t
part_end(const text_view *text, size_t at)
{
	size_t		end = at + 1;

	if (byte_is(text, at, BYTE_DIGIT))
	{
		while (byte_is(text, end, BYTE_DIGIT))
			end++;
		return end;
	}
	if (byte_is(text, at, BYTE_UPPER) && byte_is(text, end, BYTE_UPPER))
	{
		/* HTTPServer: the last capital belongs to what follows. */
		while (byte_is(text, end, BYTE_UPPER))
			end++;
		if (byte_is(text, end, BYTE_LOWER | BYTE_HIGH) && end > at + 1)
			end--;
		return end;
	}
	while (byte_is(text, end, BYTE_LOWER | BYTE_HIGH))
		end++;
	return end;
}

static void
read_parts(const text_view *text, size_t at, parts *p)
{
	p->count = 0;
	while (at < text->size && p->count < WORDS_MAX)
	{
		part	   *next = &p->at[p->count];

		if (!byte_is(text, at, BYTE_WORD))
		{
			at++;
			continue;
		}
		next->start = at;
		next->end = at = part_end(text, at);
		next->digits = byte_is(text, next->start, BYTE_DIGIT);
		if (next->digits)
			next->flags = 0;
		else
		{
			hg_phi_word_fold(text, next->start, next->end, &next->word);
			next->flags = hg_phi_word_flags(&next->word);
		}
		p->count++;
	}
	p->end = at;
}

/* A part of letters that stands right beside the one before: nothing or one separator between. */
static const part *
word_beside(const parts *p, unsigned i)
{
	if (i >= p->count || p->at[i].digits || p->at[i].start > p->at[i - 1].end + 1)
		return NULL;
	return &p->at[i];
}

static bool
is_text(const part *w, const char *text)
{
	return strcmp(w->word.letters, text) == 0;
}

static bool
may_be_given(const part *w)
{
	return (w->flags & WORD_GIVEN) && !(w->flags & (VOCABULARY | WORD_COMMON)) &&
		   w->word.letters_count > 2;
}

/*
 * Behind a given name that is common and no word, whatever is on no list is taken
 * for a surname: most surnames of the world are on none of ours, and such given
 * names hardly ever stand in schemas.
 */
static bool
may_be_surname(const part *w, bool strong)
{
	if (w->flags & VOCABULARY || w->word.letters_count < 3)
		return false;
	if (w->flags & (WORD_SURNAME | WORD_GIVEN))
		return strong || !(w->flags & WORD_COMMON);
	return strong && w->flags == 0 && w->word.letters_count > 3;
}

/* Very short words are parts of other languages' sentences more often than names. */
static bool
long_enough(const part *given, const part *surname)
{
	return surname->flags == 0 ? given->word.letters_count > 3 :
		given->word.letters_count + surname->word.letters_count > 6;
}

/* given_surname, given_m_surname, surname_given, dr_surname. */
static void
find_person(const text_view *text, const parts *p, unsigned i, offer *best)
{
	const part *a = &p->at[i],
			   *b = word_beside(p, i + 1);
	unsigned	last = i + 1;
	bool		strong;
	unsigned	rule = RULE_NAME_LISTED;

	if (a->digits || b == NULL)
		return;
	if (b->end - b->start == 1 && word_beside(p, i + 2) != NULL)
		b = word_beside(p, ++last);
	if (a->flags & WORD_TITLE && a->word.letters_count <= 4 && !(a->flags & WORD_ENGLISH) &&
		last == i + 1)
	{
		if ((b->flags & (WORD_SURNAME | WORD_GIVEN)) && !(b->flags & (VOCABULARY | WORD_COMMON)))
		{
			/* dr_edward_m */
			if (word_beside(p, last + 1) != NULL &&
				p->at[last + 1].end - p->at[last + 1].start == 1)
				last++;
			hg_phi_offer_rule(text, best, RULE_NAME_TITLE, a->start, p->at[last].end, 0);
		}
		return;
	}
	/* An initial between the two makes up for a rare given name. */
	strong = (a->flags & (WORD_GIVEN_STRONG | (last > i + 1 ? WORD_GIVEN : 0))) &&
		!(a->flags & WORD_ENGLISH);
	if (!long_enough(a, b))
		return;
	if (may_be_given(a) && may_be_surname(b, strong))
		rule = b->flags == 0 ? RULE_NAME_GIVEN : RULE_NAME_LISTED;
	else if (!((a->flags & WORD_SURNAME) && !(a->flags & (VOCABULARY | WORD_COMMON)) &&
			   may_be_given(b) && (b->flags & WORD_GIVEN_STRONG)))
		return;
	while (word_beside(p, last + 1) != NULL && last < i + 4 &&
		   (is_text(&p->at[last + 1], "jr") || is_text(&p->at[last + 1], "sr") ||
			is_text(&p->at[last + 1], "md") || is_text(&p->at[last + 1], "phd") ||
			is_text(&p->at[last + 1], "iii")))
		last++;
	hg_phi_offer_rule(text, best, rule, a->start, p->at[last].end, 0);
}

static bool
is_domain_ending(const part *w, bool known)
{
	static const char sure[] = " com net org edu gov ";
	static const char countries[] = " us uk ca de fr es it nl se ch at au nz br pl dk fi ";
	char		key[8] = " ";

	if (w->digits || w->word.letters_count < 2 || w->word.letters_count > 3)
		return false;
	memcpy(key + 1, w->word.letters, w->word.letters_count);
	key[w->word.letters_count + 1] = ' ';
	key[w->word.letters_count + 2] = 0;
	return strstr(sure, key) != NULL || (strstr(countries, key) != NULL && known);
}

/* john_smith_gmail_com, JaneDoeExampleOrg: anchored at the part before the domain. */
static void
find_mail_name(const text_view *text, const parts *p, unsigned i, offer *best)
{
	const part *local = &p->at[i],
			   *domain = word_beside(p, i + 1),
			   *ending = domain ? word_beside(p, i + 2) : NULL;
	const uint32_t words =
		WORD_ENGLISH | WORD_SCHEMA | WORD_ORG | WORD_PLACE | WORD_PROPER | WORD_STREET;
	bool		known;

	if (ending == NULL)
		return;
	known = (domain->flags & WORD_MAIL) != 0;
	if (word_beside(p, i + 3) != NULL && is_text(ending, "co") && is_text(&p->at[i + 3], "uk"))
	{
		if (!known && (domain->flags & words))
			return;
		ending = &p->at[i + 3];
	}
	else if (known)
	{
		/* "email" and "test" are domains too, but email_org_id is a column. */
		if (domain->flags & (WORD_COMMON | WORD_SCHEMA) && !is_text(domain, "example") ?
			!is_text(ending, "com") : !is_domain_ending(ending, true))
			return;
	}
	else if (is_text(ending, "com") && !local->digits && local->word.letters_count > 2 &&
			 domain->word.letters_count > 3 && !(domain->flags & (WORD_COMMON | WORD_SCHEMA)))
		;						/* nothing else ends so behind a rare word */
	else if (local->digits || (local->flags & words) || (domain->flags & words) ||
			 local->word.letters_count + domain->word.letters_count < 9 ||
			 !is_domain_ending(ending, word_beside(p, i + 3) == NULL &&
							   local->word.letters_count > 4 && domain->word.letters_count > 4))
		return;
	hg_phi_offer_rule(text, best, RULE_EMAIL_NAME, local->start, ending->end, 0);
}

/* 14_chatsworth_road, 109XanthouStreet, 110_rue_du_koweit: anchored at the number. */
static void
find_address_name(const text_view *text, const parts *p, unsigned i, offer *best)
{
	bool		rare = false;

	if (!p->at[i].digits || p->at[i].end - p->at[i].start > 5)
		return;
	/* i18n_close: behind a letter only if a capital follows, as in Value109XanthouStreet. */
	if (byte_before(text, p->at[i].start, BYTE_LETTER) && !byte_is(text, p->at[i].end, BYTE_UPPER))
		return;
	for (unsigned k = i + 1; k < i + 5; k++)
	{
		const part *w = word_beside(p, k);

		if (w == NULL)
			return;
		if (k == i + 1 && (w->flags & WORD_STREET) && !(w->flags & (WORD_COMMON | WORD_SCHEMA)) &&
			w->word.letters_count > 2 && word_beside(p, k + 1) != NULL)
		{
			hg_phi_offer_rule(text, best, RULE_ADDRESS_STREET, p->at[i].start, p->at[k + 1].end, 0);
			return;
		}
		if (k > i + 1 && (w->flags & WORD_STREET) && rare)
		{
			hg_phi_offer_rule(text, best, RULE_ADDRESS_STREET, p->at[i].start, w->end, 0);
			return;
		}
		rare = rare || !(w->flags & (WORD_COMMON | WORD_SCHEMA));
	}
}

/* mrn_12345678: the word right before the digits. */
static void
find_record(const text_view *text, const part *value, offer *best)
{
	size_t		end = value->start,
				start;
	folded_word word;

	if (end > 0 && text->at[end - 1] == '_')
		end--;
	for (start = end; start > 0 && end - start < 8 && byte_before(text, start, BYTE_LETTER);
		 start--)
		;
	if (start == end || byte_before(text, start, BYTE_LETTER) || value->end - value->start < 5)
		return;
	hg_phi_word_fold(text, start, end, &word);
	if (hg_phi_cue_of_word(&word) & CUE_MRN)
		hg_phi_offer_rule(text, best, RULE_MRN_CUED, value->start, value->end, CUE_MRN);
}

/* A quoted name may hold what it likes, jane.roe@example.org too: anchored at its first part. */
static void
find_quoted_mail(const text_view *text, const parts *p, unsigned i, offer *best)
{
	for (unsigned last = i; last < i + 4 && last < p->count; last++)
	{
		if (last > i && p->at[last].start > p->at[last - 1].end + 1)
			return;
		if (byte_at(text, p->at[last].end) == '@')
		{
			hg_phi_find_mail(text, p->at[last].end, best);
			return;
		}
	}
}

static void
find_in_name(const text_view *text, const parts *p, unsigned i, bool custom, offer *best)
{
	size_t		at = p->at[i].start;

	if (p->at[i].digits)
	{
		hg_phi_find_number(text, at, best);
		hg_phi_find_date(text, at, best);
		hg_phi_find_ipv4(text, at, best);
		hg_phi_find_code(text, at, best);
		find_address_name(text, p, i, best);
		find_record(text, &p->at[i], best);
	}
	else
		find_person(text, p, i, best);
	find_mail_name(text, p, i, best);
	find_quoted_mail(text, p, i, best);
	if (custom)
		hg_phi_find_custom(text, at, best);
}

size_t
hg_phi_scan_identifier(const char *name, size_t size, size_t from, hg_phi_span *spans,
					   size_t spans_max)
{
	text_view	text = {(const unsigned char *) name, size, from, true};
	bool		custom = hg_phi_custom_any();
	size_t		count = 0,
				at = from;
	parts		p;

	while (at < size && count < spans_max)
	{
		unsigned	until;

		read_parts(&text, at, &p);
		until = p.end < size && p.count > WORDS_AHEAD ? p.count - WORDS_AHEAD : p.count;
		for (unsigned i = 0; i < until && count < spans_max; i++)
		{
			offer		best = {0, 0, 0, 0.0f, false};

			if (p.at[i].start < text.floor)
				continue;
			find_in_name(&text, &p, i, custom, &best);
			if (best.confidence <= 0.0f)
				continue;
			hg_phi_span_of(&best, &spans[count++]);
			text.floor = best.end > p.at[i].start ? best.end : p.at[i].end;
		}
		at = until < p.count ? p.at[until].start : p.end;
	}
	return count;
}
