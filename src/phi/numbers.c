/*
 * numbers.c
 *		Numbers: groups of digits with separators, matched against the table.
 *
 * Called where a run of digits begins.  The groups are read once; a rule is a
 * comparison of their sizes, then its validator, and only then a look back for
 * cue words, which is what costs.
 */
#include <string.h>

#include "phi/detect.h"
#include "phi/validate.h"

#define GROUPS_MAX 6
#define DIGITS_MAX 34

/* No row of the table asks for a group that is alone and shorter; numbers in SQL mostly are. */
#define ALONE_MIN 9

typedef struct number
{
	size_t		start[GROUPS_MAX];	/* of each group */
	size_t		end[GROUPS_MAX];
	unsigned	digits_until[GROUPS_MAX];	/* digits up to and with a group */
	uint64_t	code[GROUPS_MAX];	/* sizes of the groups so far, as in the table */
	char		separator[GROUPS_MAX];	/* behind a group; 0: none */
	unsigned	groups_count;
	char		digits[DIGITS_MAX];
	uint32_t	cues;			/* valid once looked up */
	bool		cues_known;
} number;

/* The separator at a position that joins two groups, and its size: one of - _ . space, or ") " and
 * ")-". */
static char
separator_at(const text_view *text, size_t at, size_t *size)
{
	char		c = (char) byte_at(text, at);

	*size = 1;
	if (c == ')' && (byte_at(text, at + 1) == ' ' || byte_at(text, at + 1) == '-'))
		*size = 2;
	if (c == '-' || c == '_' || c == '.' || c == ' ' || c == ')' || c == '/')
		return byte_is(text, at + *size, BYTE_DIGIT) ? c : 0;
	return 0;
}

/* Reads the groups that begin at a position. */
static void
read_number(const text_view *text, size_t at, number *n)
{
	unsigned	digits = 0;
	uint64_t	code = 0;

	memset(n, 0, offsetof(number, digits));
	n->cues = 0;
	n->cues_known = false;
	while (n->groups_count < GROUPS_MAX)
	{
		unsigned	group = n->groups_count;
		size_t		size;

		n->start[group] = at;
		while (byte_is(text, at, BYTE_DIGIT) && digits < DIGITS_MAX)
			n->digits[digits++] = (char) text->at[at++];
		if (byte_is(text, at, BYTE_DIGIT))
			break;				/* too long to be anything */
		n->end[group] = at;
		n->digits_until[group] = digits;
		code = code << 8 | (at - n->start[group]);
		n->code[group] = code;
		n->groups_count++;
		n->separator[group] = separator_at(text, at, &size);
		if (n->separator[group] == 0)
			break;
		at += size;
	}
}

static uint32_t
cues_of(const text_view *text, number *n, size_t end)
{
	if (!n->cues_known)
	{
		n->cues = hg_phi_cues_before(text, n->start[0], CUE_REACH);
		n->cues_known = true;
	}
	if ((n->cues & CUE_WHOLE) && (end == text->size || end + 1 == text->size))
		return n->cues | hg_phi_cues_after(text, end);
	return (n->cues & ~(uint32_t) CUE_WHOLE) | hg_phi_cues_after(text, end);
}

static bool
separators_fit(const number *n, unsigned groups, unsigned wanted)
{
	for (unsigned i = 0; i + 1 < groups; i++)
	{
		char		c = n->separator[i];

		if (c == '/' || (c == ')' && wanted != SEPARATED_ANY))
			return false;
		if (wanted == SEPARATED_SAME && c != n->separator[0])
			return false;
		if (wanted == SEPARATED_DASH && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* Takes "+1 (" in front of a telephone number into its span, and "x123", "ext. 12" behind it. */
static size_t
phone_start(const text_view *text, size_t at)
{
	size_t		start = at;

	if (start > text->floor && text->at[start - 1] == '(')
		start--;
	if (start > text->floor && text->at[start] == '(' && text->at[start - 1] == '1' &&
		!(start > 1 && byte_is(text, start - 2, BYTE_WORD)))
		start--;
	else if (start >= text->floor + 2 && text->at[start - 2] == '1' &&
		!byte_is(text, start - 1, BYTE_WORD) &&
		(start < text->floor + 3 || !byte_is(text, start - 3, BYTE_WORD)))
		start -= 2;
	if (start > text->floor && text->at[start - 1] == '+')
		start--;
	return start;
}

static size_t
phone_end(const text_view *text, size_t at)
{
	size_t		end = at,
				limit = at + 8;
	folded_word word;

	if (byte_at(text, end) == ' ')
		end++;
	if (byte_is(text, end, BYTE_LETTER))
	{
		end = hg_phi_word_fold(text, end, end + 10, &word);
		if (strcmp(word.letters, "x") != 0 && strcmp(word.letters, "ext") != 0 &&
			strcmp(word.letters, "extension") != 0)
			return at;
	}
	else if (byte_at(text, end) == '#')
		end++;
	else
		return at;
	while (end < limit + 6 && !byte_is(text, end, BYTE_DIGIT) && end < text->size &&
		   (text->at[end] == '.' || text->at[end] == ' ' || text->at[end] == ':'))
		end++;
	if (!byte_is(text, end, BYTE_DIGIT))
		return at;
	limit = end + 6;
	while (end < limit && byte_is(text, end, BYTE_DIGIT))
		end++;
	return end;
}

/*
 * Whether the digits that end before "at" are the end of a word ("phi0_", "ward3-"),
 * and so no group of a longer number.  Versions ("v1.2.3") are such numbers.
 */
static bool
ends_word(const text_view *text, size_t at)
{
	size_t		from = at > DIGITS_MAX ? at - DIGITS_MAX : 0;

	if (text->at[at] == '.')
		return false;
	while (at > from && byte_is(text, at - 1, BYTE_DIGIT))
		at--;
	return at > 0 && byte_is(text, at - 1, BYTE_LETTER);
}

/*
 * Whether groups 0 to last stand alone.  Beside them no letter or digit (in the
 * name of an object a letter is as good a boundary as any), and no further
 * group that is joined in the same way.
 */
static bool
stands_alone(const text_view *text, const number *n, unsigned last, bool phone)
{
	size_t		start = n->start[0],
				end = n->end[last];
	unsigned	beside = text->identifier ? BYTE_DIGIT : BYTE_WORD;
	char		joint = last > 0 ? n->separator[last - 1] : '.';
	char		before = start > 0 ? (char) text->at[start - 1] : 0;

	if (byte_before(text, start, beside))
		return false;
	/* A list of values goes on with ',' or '/', a number in one piece with '/' only. */
	if (before == '.' || before == '-' || before == '_' || (before == '/' && last == 0))
		if (start > 1 && byte_is(text, start - 2, BYTE_DIGIT) && !(phone && before != joint) &&
			!ends_word(text, start - 1))
			return false;
	if (before == ' ' && joint == ' ' && start > 1 && byte_is(text, start - 2, BYTE_DIGIT) &&
		!ends_word(text, start - 1))
		return false;
	if (byte_is(text, end, BYTE_WORD) && !(text->identifier && !byte_is(text, end, BYTE_DIGIT)))
		return phone && phone_end(text, end) > end;
	if (byte_at(text, end) == '@')
		return false;
	if (n->separator[last] != 0 && n->separator[last] != ' ' &&
		!(n->separator[last] == '/' && last > 0))
		return false;
	return !(n->separator[last] == ' ' && joint == ' ' && last > 0);
}

/* +CC and groups of digits, eight to fifteen in all. */
static void
find_international(const text_view *text, number *n, offer *best)
{
	size_t		start = n->start[0];
	unsigned	last = n->groups_count;

	if (start == 0 || text->at[start - 1] != '+' || text->identifier)
		return;
	if (start > 1 && byte_is(text, start - 2, BYTE_WORD))
		return;
	while (last-- > 0)
	{
		unsigned	count = n->digits_until[last];
		size_t		end = n->end[last];

		if (count > 15 || !hg_phi_valid_country_code(n->digits, count) ||
			byte_is(text, end, BYTE_LETTER) || !separators_fit(n, last + 1, SEPARATED_ANY))
			continue;
		hg_phi_offer_rule(text, best, RULE_PHONE_INTERNATIONAL, start - 1, phone_end(text, end),
						  cues_of(text, n, end));
		return;
	}
}

/* Seven to thirteen digits in whatever groups, if a cue says that it is a telephone. */
static void
find_local_phone(const text_view *text, number *n, offer *best)
{
	unsigned	last = n->groups_count;
	size_t		start = n->start[0];

	if (text->identifier || byte_before(text, start, BYTE_WORD))
		return;
	if (start > 1 && byte_is(text, start - 2, BYTE_DIGIT) && !byte_is(text, start - 1, BYTE_SPACE))
		return;
	while (last-- > 0)
	{
		unsigned	count = n->digits_until[last];
		size_t		end = n->end[last];

		if (count < 7 || count > 13 || byte_is(text, end, BYTE_LETTER | BYTE_DIGIT) ||
			!separators_fit(n, last + 1, SEPARATED_ANY) ||
			(last == 1 && n->separator[0] == '.' && count - n->digits_until[0] <= 3) ||
			!hg_phi_valid_phone_local(n->digits, count))
			continue;			/* 1000.123 is no telephone */
		if (cues_of(text, n, end) & CUE_PHONE)
			hg_phi_offer_rule(text, best, RULE_PHONE_LOCAL, phone_start(text, start),
							  phone_end(text, end), CUE_PHONE);
		return;
	}
}

/* One row of the table against the number. */
static void
try_rule(const text_view *text, unsigned rule, number *n, offer *best)
{
	const hg_phi_rule *row = &hg_phi_rules[rule];
	bool		phone = row->info.category == HG_PHI_PHONE || row->info.category == HG_PHI_FAX;
	unsigned	last = 0;
	size_t		start = n->start[0],
				end;

	if (row->groups != GROUPS_ONE_ANY)
	{
		last = (unsigned) (63 - __builtin_clzll(row->groups)) / 8;
		if (last >= n->groups_count || n->code[last] != row->groups)
			return;
	}
	if (!separators_fit(n, last + 1, row->separated) ||
		!row->valid(n->digits, n->digits_until[last]) || !stands_alone(text, n, last, phone))
		return;
	end = n->end[last];
	if (phone)
	{
		if (!text->identifier)
			start = phone_start(text, start);
		end = phone_end(text, end);
	}
	hg_phi_offer_rule(text, best, rule, start, end, cues_of(text, n, n->end[last]));
}

/* "(01)" before 14 digits is as good as a cue: a UDI by GS1. */
static void
find_udi(const text_view *text, const number *n, offer *best)
{
	size_t		start = n->start[0];

	if (start >= 4 && n->digits_until[0] == 14 && memcmp(text->at + start - 4, "(01)", 4) == 0 &&
		hg_phi_valid_gtin(n->digits, 14))
		hg_phi_offer_rule(text, best, RULE_GTIN_BARE, start, n->end[0], CUE_DEVICE);
}

void
hg_phi_find_number(const text_view *text, size_t at, offer *best)
{
	number		n;

	read_number(text, at, &n);
	if (n.groups_count == 0 || n.digits_until[n.groups_count - 1] < 7)
		return;
	if (n.groups_count > 1 || n.digits_until[0] >= ALONE_MIN)
		for (unsigned rule = 0; hg_phi_rules[rule].groups != GROUPS_NONE; rule++)
			try_rule(text, rule, &n, best);
	find_udi(text, &n, best);
	find_international(text, &n, best);
	if (best->confidence < 0.75f)
		find_local_phone(text, &n, best);
}
