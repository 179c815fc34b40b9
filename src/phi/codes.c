/*
 * codes.c
 *		Codes of letters and digits: MBI, DEA, VIN, IBAN, and the values that only
 *		a cue word tells from any other number (record numbers, policies ...).
 *
 * Called at the first digit of a run of letters and digits, so that each run is
 * looked at once.
 */
#include <string.h>

#include "phi/detect.h"
#include "phi/validate.h"

#define ASCII_WORD (BYTE_UPPER | BYTE_LOWER | BYTE_DIGIT)
#define CODE_MAX 40

/* What the cued values are made of; the first row whose cue is there wins. */
static const struct cued_code
{
	uint32_t	cue;
	uint16_t	rule;
	uint8_t		digits_min;
	uint8_t		size_max;
}			cued_codes[] = {
	{CUE_MRN, RULE_MRN_CUED, 4, 24},
	{CUE_PASSPORT, RULE_PASSPORT_CUED, 6, 10},
	{CUE_LICENSE, RULE_LICENSE_CUED, 5, 18},
	{CUE_PLAN, RULE_HEALTH_PLAN_CUED, 5, 20},
	{CUE_ACCOUNT, RULE_ACCOUNT_CUED, 5, 20},
	{CUE_DEVICE, RULE_DEVICE_CUED, 6, 24},
	{CUE_PLATE, RULE_PLATE_CUED, 2, 9},
};

/* Whether a decimal point and digits follow: such a number counts something, it names no one. */
static bool
is_fraction(const text_view *text, size_t end)
{
	return byte_at(text, end) == '.' && byte_is(text, end + 1, BYTE_DIGIT);
}

/* The run of letters and digits around a position. */
static void
run_around(const text_view *text, size_t at, size_t *start, size_t *end)
{
	*start = at;
	while (*start > 0 && at - *start < CODE_MAX &&
		   byte_is(text, *start - 1, BYTE_UPPER | BYTE_LOWER))
		(*start)--;
	*end = at;
	while (*end - at < CODE_MAX && byte_is(text, *end, ASCII_WORD))
		(*end)++;
}

static void
find_mbi(const text_view *text, size_t start, size_t end, offer *best)
{
	const char *value = (const char *) text->at + start;
	char		compact[11];
	unsigned char joint = byte_at(text, start + 4);
	bool		shouted = true;

	if (end - start == 11 && hg_phi_valid_mbi(value, 11))
	{
		for (size_t i = 0; i < 11; i++)
			shouted &= !byte_is(text, start + i, BYTE_LOWER);
		if (shouted || text->identifier)
			hg_phi_offer_rule(text, best, RULE_MBI_BARE, start, end,
							  hg_phi_cues_before(text, start, CUE_REACH));
	}
	if (end - start != 4 || start + 13 > text->size || joint != byte_at(text, start + 8) ||
		(joint != '-' && joint != '_' && joint != ' ') || byte_is(text, start + 13, ASCII_WORD))
		return;
	memcpy(compact, value, 4);
	memcpy(compact + 4, value + 5, 3);
	memcpy(compact + 7, value + 9, 4);
	if (hg_phi_valid_mbi(compact, 11))
		hg_phi_offer_rule(text, best, RULE_MBI_DASHED, start, start + 13,
						  hg_phi_cues_before(text, start, CUE_REACH));
}

/* An IBAN may be written in groups of four. */
static void
find_iban(const text_view *text, size_t start, offer *best)
{
	char		compact[34];
	unsigned	size = hg_phi_iban_size((const char *) text->at + start),
				count = 0;
	size_t		at = start;

	if (size == 0 || !byte_is(text, start + 3, BYTE_DIGIT))
		return;
	while (count < size)
	{
		if (byte_is(text, at, ASCII_WORD))
			compact[count++] = (char) text->at[at++];
		else if ((byte_at(text, at) == ' ' || byte_at(text, at) == '-') &&
				 byte_is(text, at + 1, ASCII_WORD))
			at++;
		else
			return;
	}
	if (!byte_is(text, at, BYTE_WORD) && hg_phi_valid_iban(compact, size))
		hg_phi_offer_rule(text, best, RULE_IBAN, start, at, 0);
}

/* An SSN and a letter that says how its holder is related. */
static bool
is_hicn(const text_view *text, size_t start)
{
	for (size_t i = 0; i < 9; i++)
		if (!byte_is(text, start + i, BYTE_DIGIT))
			return false;
	return byte_is(text, start + 9, BYTE_UPPER) &&
		   hg_phi_valid_ssn((const char *) text->at + start, 9);
}

/* Codes with a shape of their own. */
static void
find_shaped(const text_view *text, size_t start, size_t end, size_t first_digit, offer *best)
{
	const char *value = (const char *) text->at + start;
	size_t		size = end - start;

	if (first_digit == start && (size == 11 || size == 4))
		find_mbi(text, start, end, best);
	if (!text->identifier && first_digit == start + 2 && start + 15 <= text->size &&
		!byte_before(text, start, BYTE_WORD))
		find_iban(text, start, best);
	if (text->identifier || byte_before(text, start, BYTE_WORD) || byte_is(text, end, BYTE_HIGH))
		return;
	if (size == 9 && first_digit <= start + 2 && hg_phi_valid_dea(value, 9))
		hg_phi_offer_rule(text, best, RULE_DEA, start, end,
						  hg_phi_cues_before(text, start, CUE_REACH));
	if (size == 17 && hg_phi_valid_vin(value, 17) && byte_at(text, end) != '-' &&
		!(start > 0 && text->at[start - 1] == '-'))
		hg_phi_offer_rule(text, best, RULE_VIN, start, end,
						  hg_phi_cues_before(text, start, CUE_REACH));
	if ((size == 10 || size == 11) && is_hicn(text, start))
		hg_phi_offer_rule(text, best, RULE_HICN, start, end,
						  hg_phi_cues_before(text, start, CUE_REACH));
}

/* The whole of a value such as UCLA-12345, 789-45-123 or #98765AB around its first digit. */
static unsigned
cued_value(const text_view *text, size_t bare_end, size_t *start, size_t *end)
{
	size_t		at = *start,
				first = at > 12 ? at - 12 : 0;
	unsigned	digits = 0;

	if (!byte_before(text, at, ASCII_WORD) && !(at > 0 && text->at[at - 1] == '-') &&
		!byte_is(text, bare_end, ASCII_WORD) && byte_at(text, bare_end) != '-' &&
		byte_at(text, bare_end) != '/')
	{
		*end = bare_end;		/* nothing but digits, as most are */
		return (unsigned) (bare_end - at);
	}
	if (at > first + 1 && text->at[at - 1] == '-' && byte_is(text, at - 2, BYTE_UPPER | BYTE_LOWER))
		at--;
	while (at > first && byte_is(text, at - 1, ASCII_WORD))
		at--;
	*start = at;
	for (at = *start; at < *start + CODE_MAX && at < text->size; at++)
	{
		if (byte_is(text, at, BYTE_DIGIT))
			digits++;
		else if (!byte_is(text, at, BYTE_UPPER | BYTE_LOWER) &&
				 !((text->at[at] == '-' || text->at[at] == '/') &&
				   byte_is(text, at + 1, ASCII_WORD)))
			break;
	}
	*end = at;
	return digits;
}

static void
find_cued(const text_view *text, size_t at, size_t bare_end, offer *best)
{
	size_t		start = at,
				end;
	unsigned	digits = cued_value(text, bare_end, &start, &end);
	uint32_t	cues;

	if (digits < 2 || byte_before(text, start, BYTE_WORD) || byte_is(text, end, BYTE_WORD) ||
		is_fraction(text, end) || (digits < 4 && digits == end - start))
		return;					/* two or three bare digits are no one's number */
	cues = hg_phi_cues_before(text, start, 24);
	if (byte_at(text, end) == '^')
		cues |= hg_phi_cues_after(text, end);
	for (size_t i = 0; i < sizeof(cued_codes) / sizeof(cued_codes[0]); i++)
	{
		const struct cued_code *row = &cued_codes[i];

		if ((cues & row->cue) == 0)
			continue;
		if (digits >= row->digits_min &&
			end - start <= row->size_max + (row->cue == CUE_MRN ? 16u : 0u))
			hg_phi_offer_rule(text, best, row->rule, start, end, cues);
		return;
	}
}

/* "93-year-old", "aged 101", "age: 92". */
static void
find_age(const text_view *text, size_t at, offer *best)
{
	static const char *const behind[] = {
		"year-old", "-year-old", "yo", "y/o", "year old", "years old", "yr old"
	};
	size_t		end = at,
				next;
	unsigned	value = 0;
	bool		cued = false;

	while (end < at + 4 && byte_is(text, end, BYTE_DIGIT))
		value = value * 10 + (unsigned) (text->at[end++] - '0');
	if (value < 90 || value > 125 || text->at[at] == '0' || byte_before(text, at, BYTE_WORD) ||
		(at > 0 && (text->at[at - 1] == '.' || text->at[at - 1] == '-' || text->at[at - 1] == '/')))
		return;
	next = end + (byte_at(text, end) == ' ');
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]) && !cued; i++)
		cued = text->size - next >= strlen(behind[i]) &&
			memcmp(text->at + next, behind[i], strlen(behind[i])) == 0;
	if (!cued && !byte_is(text, end, BYTE_WORD) && byte_at(text, end) != '.' &&
		byte_at(text, end) != '%' && !byte_is(text, end + 1, BYTE_LETTER))
		cued = (hg_phi_cues_before(text, at, 10) & CUE_AGE) != 0;
	if (cued)
		hg_phi_offer_rule(text, best, RULE_AGE_OVER_89, at, end, CUE_AGE);
}

/* Whether two capitals at a position are a state of the USA. */
static bool
is_state(const text_view *text, size_t at)
{
	static const char states[] =
		"AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT "
		"NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR AE AP AA ";

	if (byte_before(text, at, BYTE_WORD) || byte_is(text, at + 2, BYTE_WORD))
		return false;
	for (const char *s = states; *s; s += 3)
		if (text->at[at] == (unsigned char) s[0] && text->at[at + 1] == (unsigned char) s[1])
			return true;
	return false;
}

/* ddddd, ddddd-dddd behind a state or a cue. */
static void
find_zip(const text_view *text, size_t at, offer *best)
{
	size_t		end = at + 5;
	uint32_t	cues;

	if (byte_before(text, at, BYTE_WORD) || byte_is(text, end, BYTE_WORD))
		return;
	if (byte_at(text, end) == '-' && byte_is(text, end + 1, BYTE_DIGIT))
	{
		size_t		plus = end + 1;

		while (plus < end + 6 && byte_is(text, plus, BYTE_DIGIT))
			plus++;
		if (plus != end + 5 || byte_is(text, plus, BYTE_WORD))
			return;
		end = plus;
	}
	if (at >= 3 && (text->at[at - 1] == ' ' || text->at[at - 1] == '^') && is_state(text, at - 3))
		cues = CUE_ZIP;
	else
		cues = hg_phi_cues_before(text, at, 16);
	if (!is_fraction(text, end))
		hg_phi_offer_rule(text, best, RULE_ZIP_CUED, at, end, cues & CUE_ZIP);
}

/* Twelve hex digits that are all there is. */
void
hg_phi_find_mac_alone(const text_view *text, size_t at, offer *best)
{
	size_t		end = text->size;

	if (at != 0 || text->identifier || (end != 12 && end != 16))
		return;
	for (size_t i = 0; i < end; i++)
		if (!byte_is(text, i, BYTE_HEX))
			return;
	for (size_t i = 0; i < end; i++)
		if (!byte_is(text, i, BYTE_DIGIT) && !hg_phi_valid_iban((const char *) text->at, end))
		{
			hg_phi_offer_rule(text, best, RULE_MAC_ALONE, 0, end, 0);
			return;
		}
}

void
hg_phi_find_code(const text_view *text, size_t at, offer *best)
{
	size_t		start = at,
				end = at,
				bare_end = at;

	while (bare_end < text->size && bare_end < at + CODE_MAX &&
		   (hg_phi_bytes[text->at[bare_end]] & BYTE_DIGIT))
		bare_end++;
	if (!text->identifier)
	{
		if (bare_end == at + 2 || bare_end == at + 3)
			find_age(text, at, best);
		if (bare_end == at + 5)
			find_zip(text, at, best);
	}
	if (byte_before(text, at, ASCII_WORD) || byte_is(text, bare_end, ASCII_WORD))
		run_around(text, at, &start, &end);
	else
		end = bare_end;
	if (byte_before(text, start, BYTE_DIGIT))
		return;					/* not the first digit of its run */
	if (end != bare_end || start != at || byte_at(text, end) == ' ')
		find_shaped(text, start, end, at, best);
	/* A day of the calendar beside "account" is when it was opened, not its number. */
	if (!text->identifier && best->confidence < 0.90f &&
		!(best->confidence > 0.0f && best->rule == RULE_DATE) && (start == at || end - at >= 2) &&
		!(start > 0 && text->at[start - 1] == '-' && byte_is(text, start - 2, BYTE_DIGIT)))
		find_cued(text, at, bare_end, best);
}
