/*
 * Goal: each validator holds to the rule of whoever issues the identifier.
 * Method: the issuers' own examples (the source beside each; "common" marks those
 * that are quoted everywhere and were written down from memory), and for each the values that
 * differ from a good one in just the thing that is checked.
 */
#include <string.h>

#include "phi/validate.h"
#include "tap.h"

typedef bool (*validator) (const char *value, size_t count);

static const struct
{
	const char *what;
	validator	valid;
	const char *value;
	bool		want;
} cases[] = {
	/* SSA POMS RM 10201.035; 078-05-1120 is the SSA's own story of the card in the wallet. */
	{"ssn", hg_phi_valid_ssn, "078051120", true},
	{"ssn, area 899", hg_phi_valid_ssn, "899051120", true},
	{"ssn, area 000", hg_phi_valid_ssn, "000051120", false},
	{"ssn, area 666", hg_phi_valid_ssn, "666051120", false},
	{"ssn, area 900", hg_phi_valid_ssn, "900051120", false},
	{"ssn, group 00", hg_phi_valid_ssn, "078001120", false},
	{"ssn, serial 0000", hg_phi_valid_ssn, "078050000", false},
	{"ssn, one digit nine times", hg_phi_valid_ssn, "333333333", false},
	{"ssn, eight digits", hg_phi_valid_ssn, "07805112", false},
	/* IRS, Publication 1915: the groups in use. */
	{"itin, group 50", hg_phi_valid_itin, "900501234", true},
	{"itin, group 65", hg_phi_valid_itin, "900651234", true},
	{"itin, group 66", hg_phi_valid_itin, "900661234", false},
	{"itin, group 88", hg_phi_valid_itin, "900881234", true},
	{"itin, group 89", hg_phi_valid_itin, "900891234", false},
	{"itin, group 92", hg_phi_valid_itin, "900921234", true},
	{"itin, group 93", hg_phi_valid_itin, "900931234", false},
	{"itin, group 99", hg_phi_valid_itin, "900991234", true},
	{"itin, area 8xx", hg_phi_valid_itin, "800701234", false},
	/* NANPA: NXX NXX XXXX; 555-01xx is kept for fiction. */
	{"phone", hg_phi_valid_phone, "2125550123", true},
	{"phone, area 1xx", hg_phi_valid_phone, "1125550123", false},
	{"phone, area N11", hg_phi_valid_phone, "9115550123", false},
	{"phone, exchange 0xx", hg_phi_valid_phone, "2120550123", false},
	{"phone, exchange N11", hg_phi_valid_phone, "2129110123", false},
	{"phone behind 1", hg_phi_valid_phone_long, "12125550123", true},
	{"phone behind 2", hg_phi_valid_phone_long, "22125550123", false},
	{"country code 44", hg_phi_valid_country_code, "442079460018", true},
	{"country code 999", hg_phi_valid_country_code, "99912345678", false},
	/* ISO/IEC 7812-1's algorithm; the cards are the networks' test numbers (common). */
	{"luhn", hg_phi_valid_luhn, "79927398713", true},
	{"luhn, a digit off", hg_phi_valid_luhn, "79927398714", false},
	{"card, Visa", hg_phi_valid_card, "4111111111111111", true},
	{"card, Mastercard", hg_phi_valid_card, "5555555555554444", true},
	{"card, Mastercard of 2017", hg_phi_valid_card, "2223003122003222", true},
	{"card, American Express", hg_phi_valid_card, "378282246310005", true},
	{"card, Diners Club", hg_phi_valid_card, "30569309025904", true},
	{"card, Discover", hg_phi_valid_card, "6011111111111117", true},
	{"card, JCB", hg_phi_valid_card, "3530111333300000", true},
	{"card, Luhn off", hg_phi_valid_card, "4111111111111112", false},
	{"card, no issuer", hg_phi_valid_card, "9999999999999995", false},
	{"card, Visa of 15 digits", hg_phi_valid_card, "490154203237518", false},
	/* CMS, "Requirements for National Provider Identifier and NPI Check Digit". */
	{"npi", hg_phi_valid_npi, "1234567893", true},
	{"npi, a digit off", hg_phi_valid_npi, "1234567894", false},
	{"npi, begins with 3", hg_phi_valid_npi, "3234567893", false},
	/* CMS, "Understanding the Medicare Beneficiary Identifier (MBI) Format". */
	{"mbi", hg_phi_valid_mbi, "1EG4TE5MK73", true},
	{"mbi in small letters", hg_phi_valid_mbi, "1eg4te5mk73", true},
	{"mbi of CMS's test data", hg_phi_valid_mbi, "1SG4TE5MK73", true},
	{"mbi, begins with 0", hg_phi_valid_mbi, "0EG4TE5MK73", false},
	{"mbi, a letter that is left out", hg_phi_valid_mbi, "1EG4TE5MO73", false},
	{"mbi, a letter for a digit", hg_phi_valid_mbi, "1EG4TE5MK7A", false},
	{"mbi, twelve characters", hg_phi_valid_mbi, "1EG4TE5MK734", false},
	/* DEA Diversion Control's check digit (common). */
	{"dea", hg_phi_valid_dea, "AP5836727", true},
	{"dea of an institution", hg_phi_valid_dea, "A95836727", true},
	{"dea, a digit off", hg_phi_valid_dea, "AP5836728", false},
	{"dea, no such registrant", hg_phi_valid_dea, "QP5836727", false},
	/* 49 CFR 565.15 (the value is common). */
	{"vin", hg_phi_valid_vin, "1M8GDM9AXKP042788", true},
	{"vin, check off", hg_phi_valid_vin, "1M8GDM9A1KP042788", false},
	{"vin with an O", hg_phi_valid_vin, "1M8GDM9AXKPO42788", false},
	{"vin, digits only", hg_phi_valid_vin, "11111111111111111", false},
	/* American Bankers Association; routing numbers of the Federal Reserve Bank and of a bank in
	   New York (common). */
	{"aba", hg_phi_valid_aba, "011000015", true},
	{"aba", hg_phi_valid_aba, "021000021", true},
	{"aba, a digit off", hg_phi_valid_aba, "021000022", false},
	{"aba, prefix 50", hg_phi_valid_aba, "501000020", false},
	/* SWIFT, IBAN registry: the registry's examples. */
	{"iban GB", hg_phi_valid_iban, "GB29NWBK60161331926819", true},
	{"iban DE", hg_phi_valid_iban, "DE89370400440532013000", true},
	{"iban in small letters", hg_phi_valid_iban, "gb29nwbk60161331926819", true},
	{"iban, digits swapped", hg_phi_valid_iban, "GB29NWBK60161331926891", false},
	{"iban, a digit short", hg_phi_valid_iban, "GB29NWBK6016133192681", false},
	{"iban, no such country", hg_phi_valid_iban, "XX29NWBK60161331926819", false},
	/* GS1, General Specifications. */
	{"gtin", hg_phi_valid_gtin, "00614141999996", true},
	{"gtin, a digit off", hg_phi_valid_gtin, "00614141999997", false},
	/* ISO 7064: 794 gets 44; and an ISBN-10, whose scheme is mod 11. */
	{"mod 97", hg_phi_valid_mod97, "79444", true},
	{"mod 97, off", hg_phi_valid_mod97, "79445", false},
	{"mod 11", hg_phi_valid_mod11, "0306406152", true},
	{"mod 11, off", hg_phi_valid_mod11, "0306406153", false},
	/* RFC 791, and what is no one's address. */
	{"ipv4", hg_phi_valid_ipv4, "195.206.132.199", true},
	{"ipv4, octet 256", hg_phi_valid_ipv4, "26.0.0.256", false},
	{"ipv4, three octets", hg_phi_valid_ipv4, "192.168.1", false},
	{"ipv4, leading zero", hg_phi_valid_ipv4, "1.02.3.4", false},
	{"ipv4, a netmask", hg_phi_valid_ipv4, "255.255.240.0", false},
	{"ipv4, nowhere", hg_phi_valid_ipv4, "0.0.0.0", false},
	/* RFC 4291, section 2.2. */
	{"ipv6", hg_phi_valid_ipv6, "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", true},
	{"ipv6", hg_phi_valid_ipv6, "2001:DB8:0:0:8:800:200C:417A", true},
	{"ipv6", hg_phi_valid_ipv6, "2001:DB8::8:800:200C:417A", true},
	{"ipv6", hg_phi_valid_ipv6, "FF01::101", true},
	{"ipv6, loopback", hg_phi_valid_ipv6, "::1", true},
	{"ipv6 with ipv4", hg_phi_valid_ipv6, "::FFFF:129.144.52.38", true},
	{"ipv6 with ipv4", hg_phi_valid_ipv6, "0:0:0:0:0:0:13.1.68.3", true},
	{"ipv6, two gaps", hg_phi_valid_ipv6, "1::2::3", false},
	{"ipv6, nine groups", hg_phi_valid_ipv6, "1:2:3:4:5:6:7:8:9", false},
	{"ipv6, seven groups", hg_phi_valid_ipv6, "1:2:3:4:5:6:7", false},
	{"ipv6, five digits", hg_phi_valid_ipv6, "12345::1", false},
	{"ipv6, a time", hg_phi_valid_ipv6, "12:30:45", false},
	{"ipv6, no digit", hg_phi_valid_ipv6, "::dec", false},
};

static void
check_dates(void)
{
	ok(hg_phi_valid_date(2024, 2, 29), "2024 is a leap year");
	ok(!hg_phi_valid_date(2023, 2, 29), "2023 is none");
	ok(hg_phi_valid_date(2000, 2, 29) && !hg_phi_valid_date(1900, 2, 29),
	   "2000 is one and 1900 is none");
	ok(!hg_phi_valid_date(2024, 4, 31) && !hg_phi_valid_date(2024, 13, 1) &&
	   !hg_phi_valid_date(2024, 0, 1) && !hg_phi_valid_date(2024, 1, 0), "months have their days");
	ok(!hg_phi_valid_date(1789, 7, 14) && !hg_phi_valid_date(2400, 1, 1), "no one's date");
}

/* What a validator cannot be asked for, it turns down: other lengths, and nothing at all. */
static void
check_lengths(void)
{
	static const validator fixed[] = {
		hg_phi_valid_ssn, hg_phi_valid_itin, hg_phi_valid_phone, hg_phi_valid_card,
		hg_phi_valid_npi, hg_phi_valid_mbi,	 hg_phi_valid_dea,	 hg_phi_valid_vin,
		hg_phi_valid_aba, hg_phi_valid_gtin, hg_phi_valid_ipv4,	 hg_phi_valid_ipv6,
	};
	static const char zeros[] = "0000000000000000000000000000000000000000";
	unsigned	wrong = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		for (size_t count = 0; count < 40; count++)
			wrong += fixed[i] (zeros, count);
	is_int(wrong, 0, "zeros of whatever length are nobody's");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(cases[i].valid(cases[i].value, strlen(cases[i].value)) == cases[i].want, "%s: %s is %s",
		   cases[i].what, cases[i].value, cases[i].want ? "valid" : "not valid");
	check_dates();
	check_lengths();
	return done();
}
