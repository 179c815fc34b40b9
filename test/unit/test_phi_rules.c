/*
 * Goal: every rule finds what it is for, and keeps still where it should.
 * Method: a table with an example of every built-in rule (a rule without one fails
 * the test), and a table of texts and names in which nothing may be found; then what the
 * table of rules itself promises: names, categories, confidences, surfaces.
 */
#include <string.h>

#include "phi/phi.h"
#include "tap.h"

/* All names, numbers and addresses are made up or are the issuers' own examples. */
static const struct example
{
	char		kind;			/* 'T': text, 'N': name of an object */
	const char *text;
	const char *rule;
	const char *found;
	bool		refused;
}			examples[] = {
	{'T', "ref 123-45-6789.", "ssn_separated", "123-45-6789", true},
	{'T', "7,123-45-6789,x", "ssn_separated", "123-45-6789", true},
	{'T', "7,4111111111111111,x", "card_bare", "4111111111111111", true},
	{'T', "312-515-2239/312-515-2240", "phone_nanp", "312-515-2239", true},
	{'T', "ssn 078-051120", "ssn_split", "078-051120", true},
	{'T', "x 07805-1120", "ssn_split_late", "07805-1120", true},
	{'T', "Social Security number: 123456789", "ssn_bare", "123456789", true},
	{'N', "old_123_45_6789_x", "ssn_separated", "123_45_6789", true},
	{'N', "ssn_123456789", "ssn_bare", "123456789", true},
	{'T', "itin 900-70-1234", "itin_separated", "900-70-1234", true},
	{'T', "tax id 900701234", "itin_bare", "900701234", true},
	{'T', "900701234", "itin_alone", "900701234", false},
	{'T', "(312) 515-2239 x12", "phone_nanp", "(312) 515-2239 x12", true},
	{'T', "(523)222-8888EXT623", "phone_nanp", "(523)222-8888EXT623", true},
	{'T', "1-312-515-2239", "phone_nanp_long", "1-312-515-2239", true},
	{'N', "x_312_515_2239", "phone_nanp", "312_515_2239", true},
	{'T', "001-432-815-4117", "phone_nanp_dialed", "001-432-815-4117", true},
	{'T', "call 312-5152239", "phone_split", "312-5152239", true},
	{'T', "phone 3125152239", "phone_bare", "3125152239", true},
	{'T', "mobile 13125152239", "phone_bare_long", "13125152239", true},
	{'N', "x_001_432_815_4117", "phone_nanp_dialed", "001_432_815_4117", true},
	{'T', "fax: 312-515-2239", "fax_nanp", "312-515-2239", true},
	{'T', "455-266-7899 fax", "fax_nanp", "455-266-7899", true},
	{'T', "at +44 20 7946 0018 now", "phone_international", "+44 20 7946 0018", false},
	{'T', "mobile 2.8236 44", "phone_local", "2.8236 44", false},
	{'T', "tel 555.2368", "phone_local", "555.2368", false},
	{'T', "455 6186 office", "phone_local", "455 6186", false},
	{'T', "4111 1111 1111 1111", "card_grouped", "4111 1111 1111 1111", true},
	{'T', "4000-0012-3456-7890-116", "card_grouped_long", "4000-0012-3456-7890-116", true},
	{'T', "3782-822463-10005", "card_amex", "3782-822463-10005", true},
	{'T', "3056-930902-5904", "card_diners", "3056-930902-5904", true},
	{'T', "x 4111111111111111 y", "card_bare", "4111111111111111", true},
	{'T', "x 4000001234567890116 y", "card_unusual", "4000001234567890116", false},
	{'T', "card 9999999999999995", "card_cued", "9999999999999995", true},
	{'T', "1234-567-893", "npi_grouped", "1234-567-893", true},
	{'T', "NPI 1234567893", "npi_bare", "1234567893", true},
	{'T', "1234567893", "npi_alone", "1234567893", false},
	{'T', "routing 021000021", "aba_bare", "021000021", true},
	{'T', "(01)00614141999996", "device_gtin", "00614141999996", true},
	{'T', "IMEI 490154203237518", "device_imei", "490154203237518", true},
	{'T', "1EG4-TE5-MK73", "mbi_dashed", "1EG4-TE5-MK73", true},
	{'T', "1EG4TE5MK73", "mbi_bare", "1EG4TE5MK73", true},
	{'N', "claim_1eg4_te5_mk73", "mbi_dashed", "1eg4_te5_mk73", true},
	{'T', "HICN 123456789A", "hicn", "123456789A", true},
	{'T', "DEA AP5836727", "dea", "AP5836727", true},
	{'T', "VIN 1M8GDM9AXKP042788", "vin", "1M8GDM9AXKP042788", true},
	{'T', "to GB29 NWBK 6016 1331 9268 19.", "iban", "GB29 NWBK 6016 1331 9268 19", true},
	{'T', "(MRN: #UCLA-12345)", "mrn_cued", "UCLA-12345", true},
	{'T', "patient id 98765AB", "mrn_cued", "98765AB", true},
	{'T', "PID|1||000010004^^^ST01A^MR||", "mrn_cued", "000010004", true},
	{'N', "mrn_4455667", "mrn_cued", "4455667", true},
	{'T', "insurance ID DEF-654321", "health_plan_cued", "DEF-654321", true},
	{'T', "account number BA-98765432", "account_cued", "BA-98765432", true},
	{'T', "driver's license LH329609", "license_cued", "LH329609", true},
	{'T', "passport 912803456", "passport_cued", "912803456", true},
	{'T', "license plate 7ABC123", "license_cued", "-", false},
	{'T', "plate 7ABC123", "plate_cued", "7ABC123", false},
	{'T', "serial number 8843217", "device_cued", "8843217", false},
	{'T', "seen 1970-01-02 08:11:32.5+01", "date", "1970-01-02 08:11:32.5+01", false},
	{'T', "born on 1/20/1976", "date", "1/20/1976", true},
	{'T', "DOB: January 8th, 1976", "date", "January 8th, 1976", true},
	{'T', "on 8 January 2023", "date", "8 January 2023", false},
	{'N', "dob_19760120", "date", "19760120", true},
	{'N', "visits_2023_11_14", "date", "2023_11_14", false},
	{'T', "a 93-year-old man", "age_over_89", "93", false},
	{'T', "aged 101", "age_over_89", "101", false},
	{'T', "in NY 45123", "zip_cued", "45123", false},
	{'T', "zip 94105-1234", "zip_cued", "94105-1234", false},
	{'T', "from 789 Elm St, Boston?", "address_street", "789 Elm St, Boston", true},
	{'T', "at 36 Rue de Normandie", "address_street", "36 Rue de Normandie", true},
	{'T', "12 Gralla 30 Suite 617", "address_street", "12 Gralla 30 Suite 617", true},
	{'N', "x_14_chatsworth_road", "address_street", "14_chatsworth_road", true},
	{'T', "send to P.O. Box 255 please", "address_box", "P.O. Box 255", true},
	{'T', "to jane.roe@mail.example.org.", "email", "jane.roe@mail.example.org", true},
	{'T', "to Jane Roe <jane@example.org>", "name_listed", "Jane Roe", true},
	{'N', "list jane.roe@acme.io", "email", "jane.roe@acme.io", true},
	{'N', "thomas_lee_gmail_com", "name_listed", "thomas_lee", true},
	{'N', "note_jdoe77_gmail_com", "email_name", "77_gmail_com", true},
	{'N', "tkuester_uwaterloo_ca", "email_name", "tkuester_uwaterloo_ca", true},
	{'N', "joe_solvvy_co_uk", "email_name", "joe_solvvy_co_uk", true},
	{'N', "dr_edward_m", "name_title", "dr_edward_m", true},
	{'N', "TypeShannonZblomqvist", "name_given", "ShannonZblomqvist", true},
	{'T', "BE31435411161155", "iban", "BE31435411161155", true},
	{'T', "and Mark Thompson, who", "name_listed", "Mark Thompson", true},
	{'T', "peer 195.206.132.199 gone", "ipv4", "195.206.132.199", false},
	{'T', "from fe80::204:61ff:fe9d:f156", "ipv6", "fe80::204:61ff:fe9d:f156", false},
	{'T', "bare AA-BB-CC-DD-EE-FF", "mac", "AA-BB-CC-DD-EE-FF", true},
	{'T', "nic 0102.0304.05ab", "mac", "0102.0304.05ab", true},
	{'T', "d05099a4f2a0", "mac_alone", "d05099a4f2a0", false},
	{'T', "see http://www.example.ch/~jane", "url", "http://www.example.ch/~jane", false},
	{'T', "www.bit.ly/aser", "url", "www.bit.ly/aser", false},
	{'T', "for Mary Johnson, seen", "name_listed", "Mary Johnson", true},
	{'T', "with Karin M. Baker Jr. here", "name_listed", "Karin M. Baker Jr.", true},
	{'N', "visitJohnSmith19700101", "name_listed", "JohnSmith", true},
	{'N', "smith_john", "name_listed", "smith_john", true},
	{'N', "michelle_p_martinez", "name_listed", "michelle_p_martinez", true},
	{'T', "by Jessica Zorbatelli", "name_given", "Jessica Zorbatelli", true},
	{'T', "by Przemkul W\303\263jtowiczky", "name_likely", "Przemkul W\303\263jtowiczky", true},
	{'T', "it was Xqtor Bzzkrit", "name_weak", "Xqtor Bzzkrit", false},
	{'T', "Dr. Nguyen", "name_title", "Dr. Nguyen", true},
	{'N', "dr_nguyen_followup", "name_title", "dr_nguyen", true},
	{'T', "patient Jessica K. was", "name_initial", "Jessica K", false},
	{'T', "user: tammy gyarmathy", "name_lower", "tammy gyarmathy", false},
	{'T', "PID|1||X||DOE^JANE^A|", "name_hl7", "DOE^JANE^A", true},
};

/* Nothing may be masked here, let alone refused. */
static const char *const clean_texts[] = {
	"", " ", "0", "000-12-3456", "666-12-3456", "123-00-6789", "123-45-0000", "987-69-4321",
	"222-22-2222", "411-111-111", "111-515-2239", "4111111111111112", "1111111113",
	"LOG:  checkpoint complete: wrote 3 buffers (0.0%); 0 WAL file(s) added, 0 removed",
	"process 9788 still waiting for ShareLock on transaction 1035 after 1000.123 ms",
	"0123456789abcdef0123456789abcdef", "A987FBC9-4BED-5078-AF07-9141BA07C9F3",
	"version 1.2.3.4", "mask 255.255.255.0", "0.0.0.0", "12:30:45", "2026-01-01",
	"2026-01-01 00:00:00+00", "ISBN 3-8362-2119-5", "978-3-16-148410-0", "$10123.45", "E11.9",
	"the grace period of a young patient", "Frank breech, Jackson-Pratt drain",
	"Stevens-Johnson syndrome", "SELECT count(*) FROM visit WHERE status = $1 ORDER BY id",
	"std::string Foo::Bar x::text", "https://www.postgresql.org/docs/current/",
	"git@github.com:a/b", "for 90 days", "CREATE TABLE Order Line", "Better Auth 1.6.23+",
	"New York", "San Francisco", "xmin 538040633", "1784000000123",
};

static const char *const clean_names[] = {
	"index_statuses_20190820_k", "fk_rails_2539663124", "young_patients", "grace_period",
	"FK1799509C20E33E1C", "ssn", "date_of_birth", "patient_name", "last_name_first_name",
	"email_com_id", "contact_us", "order_line_2", "membership_invitations_email_org_id_key",
	"measurement_y2006m02", "t_p3000000000", "will_call", "may_day", "victoria_metrics",
	"jasper_report", "mark_read", "bill_of_lading", "street_1", "x1_2_3", "",
};

static void
check_example(const struct example *e)
{
	hg_phi_span span;
	size_t		size = strlen(e->text);
	size_t		found = e->kind == 'T' ? hg_phi_scan_text(e->text, size, 0, &span, 1) :
		hg_phi_scan_identifier(e->text, size, 0, &span, 1);
	char		got[200] = "nothing",
				want[200];

	if (strcmp(e->found, "-") == 0)
		return;
	snprintf(want, sizeof(want), "%s '%s' %s", e->rule, e->found,
			 e->refused ? "refused" : "masked");
	if (found == 1)
		snprintf(got, sizeof(got), "%s '%.*s' %s", hg_phi_rule_name(span.rule), (int) span.size,
				 e->text + span.start, span.confidence >= 0.8f ? "refused" :
				 span.confidence >= 0.4f ? "masked" : "left");
	is_str(got, want, "%c %s", e->kind, e->text);
}

static bool
masks_nothing(size_t (*scan)(const char *, size_t, size_t, hg_phi_span *, size_t),
			  const char *text, float from)
{
	hg_phi_span spans[32];
	size_t		found = scan(text, strlen(text), 0, spans, 32);

	for (size_t i = 0; i < found; i++)
		if (spans[i].confidence >= from)
		{
			printf("# %s '%.*s' %.2f\n", hg_phi_rule_name(spans[i].rule), (int) spans[i].size,
				   text + spans[i].start, (double) spans[i].confidence);
			return false;
		}
	return true;
}

static void
check_table(void)
{
	hg_phi_rule_info info;

	for (unsigned rule = 0; rule < hg_phi_rules_count(); rule++)
	{
		bool		shown = false,
					alone = true;

		if (!hg_phi_rule_describe(rule, &info))
			info.name = "";
		for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
			shown |=
				strcmp(examples[i].rule, info.name) == 0 && strcmp(examples[i].found, "-") != 0;
		for (unsigned other = 0; other < rule; other++)
			alone &= strcmp(hg_phi_rule_name(other), info.name) != 0;
		ok(shown && alone && info.shape[0] != 0 && (unsigned) info.category < HG_PHI_CATEGORIES &&
		   info.confidence >= 0 && info.confidence_cued <= 1,
		   "rule %s has an example, a name of its own and a shape", info.name);
	}
	ok(!hg_phi_rule_describe(hg_phi_rules_count(), &info), "there is no rule behind the last");
	is_str(hg_phi_rule_name(hg_phi_rules_count() + 3), "custom",
		   "rules behind it are the site's own");
	is_str(hg_phi_category_name(HG_PHI_HEALTH_PLAN), "health_plan", "categories have names");
	is_str(hg_phi_category_name(HG_PHI_CATEGORIES), "unknown", "and what is none, too");
}

/* What is left of the first finding of a text on a surface. */
static float
on_surface(const char *text, hg_phi_surface surface)
{
	hg_phi_span span;

	if (hg_phi_scan_text(text, strlen(text), 0, &span, 1) != 1)
		return -1.0f;
	return hg_phi_confidence_on(&span, surface);
}

static void
check_surfaces(void)
{
	ok(on_surface("Mary Johnson", HG_SURFACE_PROSE) >= 0.8f, "a person counts in a comment");
	ok(on_surface("Mary Johnson", HG_SURFACE_ROLE_NAME) == 0, "but not as a role");
	ok(on_surface("Mary Johnson", HG_SURFACE_CATALOG_NAME) == 0, "nor as a database");
	ok(on_surface("a@example.org", HG_SURFACE_ROLE_NAME) == 0, "nor does a role's address of mail");
	ok(on_surface("123-45-6789", HG_SURFACE_ROLE_NAME) >= 0.8f, "an SSN does");
	ok(on_surface("10.1.2.3 ", HG_SURFACE_CONNECTION) == 0,
	   "machines may be addressed in a connection");
	ok(on_surface("10.1.2.3 ", HG_SURFACE_LOG) >= 0.4f, "in the log they are masked");
	ok(on_surface("x 2026-01-02 y", HG_SURFACE_BOUND) == 0, "a bound is a bare date");
	ok(on_surface("born 2026-01-02", HG_SURFACE_BOUND) >= 0.8f, "unless it is a day of birth");
	ok(on_surface("4111111111111111", HG_SURFACE_BOUND) == 0, "or a bare number");
	ok(on_surface("4111 1111 1111 1111", HG_SURFACE_BOUND) >= 0.8f, "but no card in groups");
	ok(on_surface("900701234", HG_SURFACE_BOUND) == 0, "nine digits alone are a bound, too");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		check_example(&examples[i]);
	for (size_t i = 0; i < sizeof(clean_texts) / sizeof(clean_texts[0]); i++)
		ok(masks_nothing(hg_phi_scan_text, clean_texts[i], 0.4f), "nothing in: %s", clean_texts[i]);
	for (size_t i = 0; i < sizeof(clean_names) / sizeof(clean_names[0]); i++)
		ok(masks_nothing(hg_phi_scan_identifier, clean_names[i], 0.8f), "passes: %s",
		   clean_names[i]);
	check_table();
	check_surfaces();
	return done();
}
