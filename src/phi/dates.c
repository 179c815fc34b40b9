/*
 * dates.c
 *		Dates with a day: Y-M-D, M/D/Y, D.M.Y, yyyymmdd, "January 8th, 2023",
 *		"8 January 2023", and the time of day behind them.
 */
#include <string.h>

#include "phi/detect.h"
#include "phi/validate.h"

typedef struct cursor
{
	const text_view *text;
	size_t		at;
} cursor;

/* Digits at the cursor, at most "most": their value, and how many; the cursor moves behind them. */
static unsigned
take_number(cursor *c, unsigned most, unsigned *count)
{
	unsigned	value = 0;

	*count = 0;
	while (*count < most && byte_is(c->text, c->at, BYTE_DIGIT))
	{
		value = value * 10 + (unsigned) (c->text->at[c->at++] - '0');
		(*count)++;
	}
	return value;
}

/* The month that a word names: its number, 0 for none. */
static unsigned
month_of(const folded_word *word)
{
	static const char *const months[12] = {
		"january", "february", "march", "april", "may", "june",
		"july", "august", "september", "october", "november", "december"
	};

	if (word->letters_count < 3)
		return 0;
	for (unsigned i = 0; i < 12; i++)
		if (memcmp(word->letters, months[i], 3) == 0 &&
			(word->letters_count == 3 || strcmp(word->letters, months[i]) == 0 ||
			 (i == 8 && strcmp(word->letters, "sept") == 0)))
			return i + 1;
	return 0;
}

/* Moves behind a time of day that follows a date: "T14:30:00.5Z", " 08:11:32", "_14_30_00". */
static size_t
time_end(const text_view *text, size_t end)
{
	cursor		c = {text, end + 1};
	unsigned	count,
				hour;
	unsigned char joint = byte_at(text, end);
	char		colon;

	if (joint != 'T' && joint != 't' && joint != ' ' && joint != '_')
		return end;
	hour = take_number(&c, 3, &count);
	colon = (char) byte_at(text, c.at);
	if (count != 2 || hour > 24 || (colon != ':' && !(colon == '_' && text->identifier)))
		return end;
	c.at++;
	if (take_number(&c, 3, &count) > 59 || count != 2)
		return end;
	end = c.at;
	if (byte_at(text, end) == (unsigned char) colon && byte_is(text, end + 1, BYTE_DIGIT))
	{
		c.at++;
		take_number(&c, 2, &count);
		end = c.at;
		if (byte_at(text, end) == '.' && byte_is(text, end + 1, BYTE_DIGIT))
		{
			c.at++;
			take_number(&c, 9, &count);
			end = c.at;
		}
	}
	if ((byte_at(text, end) | 32) == 'z' && !byte_is(text, end + 1, BYTE_WORD))
		return end + 1;
	if ((byte_at(text, end) == '+' || byte_at(text, end) == '-') &&
		byte_is(text, end + 1, BYTE_DIGIT))
	{
		c.at = end + 1;
		take_number(&c, 4, &count);
		end = c.at;
		if (byte_at(text, end) == ':' && byte_is(text, end + 1, BYTE_DIGIT))
		{
			c.at++;
			take_number(&c, 2, &count);
			end = c.at;
		}
	}
	return end;
}

/* Whether a word of birth or death stands right beside the date: within a few words, none of them
 * another thing. */
static uint32_t
birth_cue(const text_view *text, size_t start)
{
	return hg_phi_cues_before(text, start, text->identifier ? 10 : 24) & CUE_BIRTH;
}

/* A midnight of ISO 8601 and nothing else in the text: a bound, a default, a partition's key. */
static bool
is_bound(const text_view *text, size_t start, size_t day_end)
{
	if (start != 0 || text->identifier || day_end != 10 || text->at[4] != '-')
		return false;
	for (size_t i = day_end; i < text->size; i++)
		if (byte_is(text, i, BYTE_DIGIT) ? text->at[i] != '0' : byte_is(text, i, BYTE_LETTER) &&
			text->at[i] != 'T' && text->at[i] != 'Z')
			return false;
	return text->size < 30;
}

static void
offer_date(const text_view *text, size_t start, size_t end, offer *best)
{
	unsigned	beside = text->identifier ? BYTE_DIGIT : BYTE_WORD;
	size_t		day_end = end;

	end = time_end(text, end);
	if (byte_is(text, end, beside) || byte_before(text, start, beside) ||
		is_bound(text, start, day_end))
		return;
	hg_phi_offer_rule(text, best, RULE_DATE, start, end, birth_cue(text, start));
}

/* A year in two digits or four. */
static unsigned
full_year(unsigned year, unsigned count)
{
	if (count == 4)
		return year;
	return count == 2 ? (year < 50 ? 2000 + year : 1900 + year) : 0;
}

/* Skips what may stand between the words of a date; false if there is nothing. */
static bool
skip_between(cursor *c)
{
	size_t		start = c->at;

	while (c->at < start + 3 && c->at < c->text->size &&
		   (c->text->at[c->at] == ' ' || c->text->at[c->at] == ',' || c->text->at[c->at] == '.' ||
			c->text->at[c->at] == '_' || c->text->at[c->at] == '-'))
		c->at++;
	return c->at > start;
}

/* "st", "nd", "rd", "th" behind a day. */
static void
skip_ordinal(cursor *c)
{
	static const char endings[] = "stndrdth";
	char		a = (char) (byte_at(c->text, c->at) | 32),
				b = (char) (byte_at(c->text, c->at + 1) | 32);

	for (const char *e = endings; *e; e += 2)
		if (e[0] == a && e[1] == b && !byte_is(c->text, c->at + 2, BYTE_WORD))
		{
			c->at += 2;
			return;
		}
}

/* The month whose name ends before a day ("January 8"): its number and where it begins. */
static unsigned
month_before(const text_view *text, size_t day, size_t *start)
{
	size_t		end = day - 1;
	folded_word word;

	if (day < 4 || (text->at[end] != ' ' && text->at[end] != '_' && text->at[end] != '-'))
		return 0;
	if (text->at[end - 1] == '.')
		end--;
	*start = end;
	while (*start > 0 && end - *start < 10 && byte_before(text, *start, BYTE_UPPER | BYTE_LOWER))
		(*start)--;
	if (end - *start < 3 || byte_before(text, *start, text->identifier ? 0 : BYTE_WORD))
		return 0;
	hg_phi_word_fold(text, *start, end, &word);
	return month_of(&word);
}

/* A day at a position, and the name of a month before or behind it. */
static void
find_named_month(const text_view *text, size_t at, offer *best)
{
	cursor		c = {text, at};
	unsigned	count,
				day,
				month,
				year;
	size_t		start = at;
	folded_word word;

	day = take_number(&c, 3, &count);
	if (count > 2 || day == 0 || day > 31)
		return;
	skip_ordinal(&c);
	if (!skip_between(&c))
		return;
	/* What follows tells which of the two it is: the year, or a month's name. */
	if (byte_is(text, c.at, BYTE_DIGIT))
		month = month_before(text, at, &start);
	else
	{
		if ((byte_at(text, c.at) | 32) == 'o' && (byte_at(text, c.at + 1) | 32) == 'f' &&
			byte_at(text, c.at + 2) == ' ')
			c.at += 3;
		if (!byte_is(text, c.at, BYTE_LETTER) ||
			memchr("jfmasond", byte_at(text, c.at) | 32, 8) == NULL)
			return;
		c.at = hg_phi_word_fold(text, c.at, c.at + 12, &word);
		month = month_of(&word);
		if (!skip_between(&c))
			return;
	}
	if (month == 0)
		return;
	year = take_number(&c, 5, &count);
	if (count == 4 && hg_phi_valid_date(year, month, day))
		offer_date(text, start, c.at, best);
}

/* yyyymmdd, with hhmmss perhaps. */
static void
find_compact(const text_view *text, size_t at, offer *best)
{
	cursor		c = {text, at};
	unsigned	count,
				year,
				month,
				day;

	year = take_number(&c, 4, &count);
	if (count != 4 || year < 1900 || year > 2040)
		return;
	month = take_number(&c, 2, &count);
	if (count != 2)
		return;
	day = take_number(&c, 2, &count);
	if (count != 2 || !hg_phi_valid_date(year, month, day))
		return;
	if (take_number(&c, 7, &count) > 240000 || (count != 0 && count != 6 && count != 4))
		return;
	offer_date(text, at, c.at, best);
}

/* Three numbers with the same separator of - / . _ between them. */
void
hg_phi_find_date(const text_view *text, size_t at, offer *best)
{
	cursor		c = {text, at};
	unsigned	count[3],
				value[3];
	char		joint;
	bool		valid;

	value[0] = take_number(&c, 5, &count[0]);
	if (count[0] > 4)
	{
		find_compact(text, at, best);
		return;
	}
	joint = (char) byte_at(text, c.at);
	if ((joint != '-' && joint != '/' && joint != '.' && joint != '_') ||
		!byte_is(text, c.at + 1, BYTE_DIGIT) || count[0] == 3)
	{
		if (count[0] <= 2)
			find_named_month(text, at, best);
		return;
	}
	if (at > 1 && byte_is(text, at - 2, BYTE_DIGIT) && text->at[at - 1] == (unsigned char) joint)
		return;
	c.at++;
	value[1] = take_number(&c, 3, &count[1]);
	if (byte_at(text, c.at) != (unsigned char) joint || !byte_is(text, c.at + 1, BYTE_DIGIT))
	{
		if (count[0] <= 2)
			find_named_month(text, at, best);
		return;
	}
	c.at++;
	value[2] = take_number(&c, 5, &count[2]);
	if (count[0] == 4)
		valid = count[1] <= 2 && count[2] <= 2 && hg_phi_valid_date(value[0], value[1], value[2]);
	else
	{
		unsigned	year = full_year(value[2], count[2]);

		/* Two digits of a year only with / or -, or alone: 1.2.15 is a version. */
		valid =
			count[1] <= 2 &&
			(count[2] == 4 || joint == '/' || joint == '-' || (at == 0 && c.at == text->size)) &&
			(hg_phi_valid_date(year, value[0], value[1]) ||
			 hg_phi_valid_date(year, value[1], value[0]));
	}
	if (valid && !(byte_at(text, c.at) == (unsigned char) joint &&
				   byte_is(text, c.at + 1, BYTE_DIGIT) && joint != '_'))
		offer_date(text, at, c.at, best);
}
