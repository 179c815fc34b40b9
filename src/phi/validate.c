/*
 * validate.c
 *		The rules of those who issue identifiers.  See validate.h.
 */
#include "phi/validate.h"

#include <string.h>

static unsigned
number(const char *digits, size_t count)
{
	unsigned	value = 0;

	for (size_t i = 0; i < count; i++)
		value = value * 10 + (unsigned) (digits[i] - '0');
	return value;
}

static bool
all_the_same(const char *digits, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (digits[i] != digits[0])
			return false;
	return true;
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char) (c - 32) : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return upper(c) >= 'A' && upper(c) <= 'Z';
}

/* SSA POMS RM 10201.035: no area 000, 666 or 9xx, no group 00, no serial 0000. */
bool
hg_phi_valid_ssn(const char *digits, size_t count)
{
	unsigned	area;

	if (count != 9 || all_the_same(digits, 9))
		return false;
	area = number(digits, 3);
	return area != 0 && area != 666 && area < 900 &&
		number(digits + 3, 2) != 0 && number(digits + 5, 4) != 0;
}

/* IRS: 9xx, and a group of 50-65, 70-88, 90-92 or 94-99. */
bool
hg_phi_valid_itin(const char *digits, size_t count)
{
	unsigned	group;

	if (count != 9 || digits[0] != '9')
		return false;
	group = number(digits + 3, 2);
	return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
		(group >= 90 && group != 93);
}

/* NANP: NXX-NXX-XXXX, N 2-9, neither code of the form N11. */
bool
hg_phi_valid_phone(const char *digits, size_t count)
{
	if (count != 10 || all_the_same(digits, 10))
		return false;
	return digits[0] >= '2' && digits[3] >= '2' &&
		!(digits[1] == '1' && digits[2] == '1') &&
		!(digits[4] == '1' && digits[5] == '1');
}

/* The same behind the country code 1. */
bool
hg_phi_valid_phone_long(const char *digits, size_t count)
{
	return count == 11 && digits[0] == '1' && hg_phi_valid_phone(digits + 1, 10);
}

/* And as it is dialed from abroad. */
bool
hg_phi_valid_phone_dialed(const char *digits, size_t count)
{
	return count == 13 && memcmp(digits, "001", 3) == 0 && hg_phi_valid_phone(digits + 3, 10);
}

/* A telephone number we can say nothing about but its length (ITU E.164: at most 15). */
bool
hg_phi_valid_phone_local(const char *digits, size_t count)
{
	return count >= 7 && count <= 15 && !all_the_same(digits, count);
}

/* ITU E.164: the country codes that are assigned, without the zones in use throughout. */
bool
hg_phi_valid_country_code(const char *digits, size_t count)
{
	/* Two-digit codes; what is missing in zones 2 to 9 is the head of three-digit ones. */
	static const char two[] =
		"20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 "
		"60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ";
	static const char three[] =
		"21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99 ";

	if (count < 8 || count > 15)
		return false;
	if (digits[0] == '1' || digits[0] == '7')
		return true;
	for (const char *code = two; *code; code += 3)
		if (memcmp(code, digits, 2) == 0)
			return true;
	for (const char *code = three; *code; code += 3)
		if (memcmp(code, digits, 2) == 0)
			return memcmp(digits, "999", 3) != 0 && memcmp(digits, "997", 3) != 0;
	return false;
}

/* ISO/IEC 7812-1 annex B. */
bool
hg_phi_valid_luhn(const char *digits, size_t count)
{
	unsigned	sum = 0;

	for (size_t i = 0; i < count; i++)
	{
		unsigned	digit = (unsigned) (digits[count - 1 - i] - '0');

		if (i % 2 == 1)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return count > 1 && sum % 10 == 0;
}

/* Payment cards: the issuer ranges in use, their lengths, and Luhn. */
bool
hg_phi_valid_card(const char *digits, size_t count)
{
	static const struct
	{
		uint16_t	from,
					to;
		uint8_t		shortest,
					longest;
	}			issuers[] = {
		{4000, 4999, 16, 16}, {4000, 4999, 13, 13}, {4000, 4999, 19, 19},	/* Visa */
		{5100, 5599, 16, 16}, {2221, 2720, 16, 16}, /* Mastercard */
		{3400, 3499, 15, 15}, {3700, 3799, 15, 15}, /* American Express */
		{3000, 3059, 14, 19}, {3095, 3095, 14, 19}, /* Diners Club */
		{3600, 3699, 14, 19}, {3800, 3999, 14, 19},
		{6011, 6011, 16, 19}, {6440, 6599, 16, 19}, /* Discover */
		{3528, 3589, 16, 19}, {2131, 2131, 15, 15}, {1800, 1800, 15, 15},	/* JCB */
		{6200, 6299, 16, 19}, {8110, 8171, 16, 19}, /* UnionPay */
		{5018, 5018, 13, 19}, {5020, 5020, 13, 19}, {5038, 5038, 13, 19},	/* Maestro */
		{5893, 5893, 13, 19}, {6304, 6304, 13, 19}, {6759, 6763, 13, 19},
	};
	unsigned	head;

	if (count < 13 || count > 19 || all_the_same(digits, count))
		return false;
	head = number(digits, 4);
	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
		if (head >= issuers[i].from && head <= issuers[i].to &&
			count >= issuers[i].shortest && count <= issuers[i].longest)
			return hg_phi_valid_luhn(digits, count);
	return false;
}

/* Whatever the issuer: of the length of a card, and Luhn. */
bool
hg_phi_valid_card_any(const char *digits, size_t count)
{
	return count >= 13 && count <= 19 && !all_the_same(digits, count) &&
		hg_phi_valid_luhn(digits, count);
}

/* Cards of the lengths that are printed on most: shorter and longer ones are taken for counters. */
bool
hg_phi_valid_card_usual(const char *digits, size_t count)
{
	return count >= 14 && count <= 16 && digits[0] != '1' && hg_phi_valid_card(digits, count);
}

/* CMS: 10 digits that begin with 1 or 2 and pass Luhn behind the prefix 80840. */
bool
hg_phi_valid_npi(const char *digits, size_t count)
{
	char		whole[15] = "80840";

	if (count != 10 || (digits[0] != '1' && digits[0] != '2'))
		return false;
	memcpy(whole + 5, digits, 10);
	return hg_phi_valid_luhn(whole, 15);
}

/* American Bankers Association: weights 3, 7, 1; a prefix that is assigned. */
bool
hg_phi_valid_aba(const char *digits, size_t count)
{
	unsigned	sum = 0,
				prefix;

	if (count != 9)
		return false;
	prefix = number(digits, 2);
	if (!(prefix <= 12 || (prefix >= 21 && prefix <= 32) || (prefix >= 61 && prefix <= 72) ||
		  prefix == 80))
		return false;
	for (size_t i = 0; i < 9; i++)
		sum += (unsigned) (digits[i] - '0') * (i % 3 == 0 ? 3 : i % 3 == 1 ? 7 : 1);
	return sum % 10 == 0 && sum != 0;
}

/* GS1: weights 3 and 1 from the right. */
bool
hg_phi_valid_gtin(const char *digits, size_t count)
{
	unsigned	sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (unsigned) (digits[count - 1 - i] - '0') * (i % 2 == 1 ? 3 : 1);
	return count == 14 && sum % 10 == 0 && !all_the_same(digits, count);
}

/* CMS: C A AN N A AN N A A N N, without the letters S L O I B Z; S at 2 is CMS's test data. */
bool
hg_phi_valid_mbi(const char *value, size_t count)
{
	static const char shape[] = "CAXNAXNAANN";

	if (count != 11)
		return false;
	for (size_t i = 0; i < 11; i++)
	{
		char		c = upper(value[i]);
		bool		letter = is_letter(c) && (strchr("SLOIBZ", c) == NULL || (i == 1 && c == 'S'));

		if (!((shape[i] == 'C' && c >= '1' && c <= '9') || (shape[i] == 'N' && is_digit(c)) ||
			  (shape[i] == 'A' && letter) || (shape[i] == 'X' && (letter || is_digit(c)))))
			return false;
	}
	return true;
}

/* DEA: a registrant's letter, a letter or 9, seven digits of which the last checks. */
bool
hg_phi_valid_dea(const char *value, size_t count)
{
	unsigned	d[7];

	if (count != 9 || !is_letter(value[0]) || !(is_letter(value[1]) || value[1] == '9') ||
		strchr("INOQVWYZ", upper(value[0])) != NULL)
		return false;
	for (size_t i = 0; i < 7; i++)
	{
		if (!is_digit(value[i + 2]))
			return false;
		d[i] = (unsigned) (value[i + 2] - '0');
	}
	return (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6];
}

/* 49 CFR 565.15: values of letters, weights, the check digit at position 9; a serial of digits. */
bool
hg_phi_valid_vin(const char *value, size_t count)
{
	static const char letters[] = "ABCDEFGHJKLMNPRSTUVWXYZ";
	static const char values[] = "12345678123457923456789";
	static const uint8_t weights[17] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
	unsigned	sum = 0,
				alphas = 0;
	char		check;

	if (count != 17)
		return false;
	for (size_t i = 0; i < 17; i++)
	{
		char		c = upper(value[i]);
		const char *letter = is_letter(c) ? strchr(letters, c) : NULL;

		if (!is_digit(c) && letter == NULL)
			return false;
		if (i >= 13 && !is_digit(c))
			return false;
		alphas += letter != NULL;
		sum += weights[i] * (unsigned) ((letter ? values[letter - letters] : c) - '0');
	}
	check = upper(value[8]);
	return alphas >= 3 && (sum % 11 == 10 ? check == 'X' : check == (char) ('0' + sum % 11));
}

/* The IBAN registry (SWIFT, release 96 and the countries it lists as partial). */
unsigned
hg_phi_iban_size(const char *country)
{
	static const char sizes[] =
		"AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
		"DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 "
		"IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 "
		"MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 "
		"SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 ";

	for (const char *row = sizes; *row; row += 5)
		if (row[0] == upper(country[0]) && row[1] == upper(country[1]))
			return (unsigned) ((row[2] - '0') * 10 + row[3] - '0');
	return 0;
}

/* ISO 13616: the country's length, and mod 97 = 1 with the first four moved to the end. */
bool
hg_phi_valid_iban(const char *value, size_t count)
{
	unsigned	rest = 0;

	if (count < 15 || count > 34 || hg_phi_iban_size(value) != count ||
		!is_digit(value[2]) || !is_digit(value[3]))
		return false;
	for (size_t i = 0; i < count; i++)
	{
		char		c = upper(value[(i + 4) % count]);

		if (is_digit(c))
			rest = (rest * 10 + (unsigned) (c - '0')) % 97;
		else if (is_letter(c))
			rest = (rest * 100 + (unsigned) (c - 'A') + 10) % 97;
		else
			return false;
	}
	return rest == 1;
}

/* A day of the Gregorian calendar that a living or remembered person may have. */
bool
hg_phi_valid_date(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1850 || year > 2099 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day != 29 || leap;
}

/* Four octets without leading zeros. */
static bool
four_octets(const char *text, size_t count, uint32_t *address)
{
	size_t		at = 0;

	*address = 0;

	for (int octet = 0; octet < 4; octet++)
	{
		unsigned	value = 0;
		size_t		start = at;

		while (at < count && is_digit(text[at]) && at - start < 3)
			value = value * 10 + (unsigned) (text[at++] - '0');
		if (at == start || value > 255 || (at - start > 1 && text[start] == '0'))
			return false;
		*address = *address << 8 | value;
		if (octet < 3 && (at >= count || (text[at] != '.' && text[at] != '_')))
			return false;
		at += octet < 3;
	}
	return at == count;
}

/* An address of a machine: not 0.0.0.0, not a netmask, not the clouds' metadata service. */
bool
hg_phi_valid_ipv4(const char *text, size_t count)
{
	uint32_t	address;

	if (!four_octets(text, count, &address) || address == 0 || address == 0xA9FEA9FE)
		return false;
	return address < 0xFF000000 || (~address & (~address + 1)) != 0;
}

/* RFC 4291: at most eight groups of hex digits, one "::", an IPv4 address at the end. */
bool
hg_phi_valid_ipv6(const char *text, size_t count)
{
	unsigned	groups = 0,
				digits = 0;
	uint32_t	address;
	bool		gap = false;
	size_t		at = 0;

	while (at < count)
	{
		size_t		start = at;

		while (at < count &&
			   (is_digit(text[at]) || (upper(text[at]) >= 'A' && upper(text[at]) <= 'F')))
			digits += is_digit(text[at++]);
		if (at < count && text[at] == '.')
			return groups + 2 <= 8 && (gap || groups == 6) &&
				four_octets(text + start, count - start, &address);
		if (at - start > 4)
			return false;
		groups += at > start;
		if (at == count)
			break;
		if (text[at] != ':' || (at == start && at != 0 && text[at - 1] != ':'))
			return false;
		if (at + 1 < count && text[at + 1] == ':')
		{
			if (gap)
				return false;
			gap = true;
			at += 2;
		}
		else if (at + 1 == count || at == start)
			return false;
		else
			at++;
	}
	return digits > 0 && groups > 0 && (gap ? groups <= 8 : groups == 8);
}

/* ISO 7064 in its common form: weights 2, 3, 4 ... from the right, the last digit checks. */
bool
hg_phi_valid_mod11(const char *digits, size_t count)
{
	unsigned	sum = 0,
				check;

	if (count < 2)
		return false;
	for (size_t i = 1; i < count; i++)
		sum += (unsigned) (digits[count - 1 - i] - '0') * (unsigned) (i + 1);
	check = (11 - sum % 11) % 11;
	return check < 10 && check == (unsigned) (digits[count - 1] - '0');
}

/* ISO 7064 MOD 97-10: the whole number leaves 1. */
bool
hg_phi_valid_mod97(const char *digits, size_t count)
{
	unsigned	rest = 0;

	for (size_t i = 0; i < count; i++)
		rest = (rest * 10 + (unsigned) (digits[i] - '0')) % 97;
	return count > 2 && rest == 1;
}
