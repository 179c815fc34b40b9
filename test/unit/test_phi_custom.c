/*
 * Goal: the site's own identifiers are found by mask, cue and checksum, and a set
 * that is being changed is never read half.
 * Method: a set in this program's memory, as shared memory would be; rows are put in, and the
 * version is held odd as a writer does.
 */
#include <string.h>

#include "phi/phi.h"
#include "tap.h"

static hg_phi_custom_set set;

static void
put(const char *mask, const char *cue, hg_phi_checksum checksum)
{
	hg_phi_custom *row = &set.rows[set.count];

	memset(row, 0, sizeof(*row));
	strcpy(row->name, "own");
	memcpy(row->mask, mask, strlen(mask));
	memcpy(row->cue, cue, strlen(cue));
	row->mask_size = (uint8_t) strlen(mask);
	row->cue_size = (uint8_t) strlen(cue);
	row->checksum = (uint8_t) checksum;
	row->confidence = 0.9f;
	set.count++;
	set.version += 2;
}

static void
take_all(void)
{
	set.count = 0;
	set.version += 2;
}

/* The custom finding of a text, "-" if there is none. */
static const char *
found_in(size_t (*scan) (const char *, size_t, size_t, hg_phi_span *, size_t), const char *text)
{
	static char found[128];
	hg_phi_span spans[8];
	size_t		count = scan(text, strlen(text), 0, spans, 8);

	for (size_t i = 0; i < count; i++)
		if (spans[i].category == HG_PHI_CUSTOM)
		{
			snprintf(found, sizeof(found), "%u:%.*s", spans[i].rule - hg_phi_rules_count(),
					 (int) spans[i].size, text + spans[i].start);
			return found;
		}
	return "-";
}

static void
check_masks(void)
{
	put("ZQ-99999999", "", HG_PHI_CHECKSUM_NONE);
	is_str(found_in(hg_phi_scan_text, "see ZQ-12345678."), "0:ZQ-12345678", "a mask is found");
	is_str(found_in(hg_phi_scan_text, "see zq-12345678."), "0:zq-12345678",
		   "in small letters, too");
	is_str(found_in(hg_phi_scan_identifier, "old_zq_12345678_x"), "0:zq_12345678",
		   "in a name '_' stands for '-'");
	is_str(found_in(hg_phi_scan_text, "see ZQ-1234567."), "-", "a digit short is nothing");
	is_str(found_in(hg_phi_scan_text, "see ZQ-123456789."), "-", "nor is a digit long");
	is_str(found_in(hg_phi_scan_text, "see AZQ-12345678."), "-", "nor a letter before");
	is_str(found_in(hg_phi_scan_text, "ZQ-1234567"), "-", "nor the end of the text");
	is_str(found_in(hg_phi_scan_text, "ZQ-12345678"), "0:ZQ-12345678", "alone it is found");
	put("XX9AA", "", HG_PHI_CHECKSUM_NONE);
	is_str(found_in(hg_phi_scan_text, "k 7q5zz k"), "1:7q5zz",
		   "X is either, A a letter, 9 a digit");
	is_str(found_in(hg_phi_scan_text, "k 7qazz k"), "-", "a letter is no digit");
	take_all();
	is_str(found_in(hg_phi_scan_text, "see ZQ-12345678."), "-", "what is dropped is not found");
}

static void
check_cues(void)
{
	put("999999", "wristband no", HG_PHI_CHECKSUM_NONE);
	is_str(found_in(hg_phi_scan_text, "Wristband No: 123456"), "0:123456",
		   "a cue, whatever its case");
	is_str(found_in(hg_phi_scan_text, "123456"), "-", "without it, nothing");
	is_str(found_in(hg_phi_scan_text, "wristband nothing 123456"), "-", "half a word is no cue");
	is_str(found_in(hg_phi_scan_text, "wristband no, and after much more of other things: 123456"),
		   "-", "nor is one far away");
	take_all();
}

static void
check_checksums(void)
{
	put("K99999999999", "", HG_PHI_CHECKSUM_LUHN);
	put("L9999999999", "", HG_PHI_CHECKSUM_MOD11);
	put("N99999", "", HG_PHI_CHECKSUM_MOD97);
	is_str(found_in(hg_phi_scan_text, "K79927398713"), "0:K79927398713", "luhn holds");
	is_str(found_in(hg_phi_scan_text, "K79927398714"), "-", "luhn does not");
	is_str(found_in(hg_phi_scan_text, "L0306406152"), "1:L0306406152", "mod 11 holds");
	is_str(found_in(hg_phi_scan_text, "L0306406153"), "-", "mod 11 does not");
	is_str(found_in(hg_phi_scan_text, "N79444"), "2:N79444", "mod 97 holds");
	is_str(found_in(hg_phi_scan_text, "N79445"), "-", "mod 97 does not");
	take_all();
}

static void
check_changes(void)
{
	put("ZQ-99999999", "", HG_PHI_CHECKSUM_NONE);
	set.version++;
	is_str(found_in(hg_phi_scan_text, "ZQ-12345678"), "-",
		   "while a writer is at it, rows are left alone");
	set.version++;
	is_str(found_in(hg_phi_scan_text, "ZQ-12345678"), "0:ZQ-12345678", "and read again after");
	set.rows[0].mask_size = 255;
	is_str(found_in(hg_phi_scan_text, "ZQ-12345678"), "-", "a row that cannot be is not followed");
	set.count = 100000;
	is_str(found_in(hg_phi_scan_text, "ZQ-12345678"), "-", "nor is a count that cannot be");
	take_all();
	for (int i = 0; i < HG_PHI_CUSTOM_MAX; i++)
	{
		char		mask[16];

		snprintf(mask, sizeof(mask), "Q%c%c-9999", 'B' + i / 8, 'B' + i % 8);
		put(mask, "", HG_PHI_CHECKSUM_NONE);
	}
	is_str(found_in(hg_phi_scan_text, "x QII-1234"), "63:QII-1234", "the last of 64 rows is found");
	hg_phi_use_custom(NULL);
	is_str(found_in(hg_phi_scan_text, "x QII-1234"), "-", "without a set, nothing");
}

static const char *
problem_of(const char *mask)
{
	const char *problem = hg_phi_custom_problem(mask, strlen(mask));

	return problem ? problem : "none";
}

static void
check_problems(void)
{
	char		longest[HG_PHI_CUSTOM_MASK_SIZE + 2];

	memset(longest, '9', sizeof(longest));
	longest[HG_PHI_CUSTOM_MASK_SIZE + 1] = 0;
	is_str(problem_of("MRN-99999999"), "none", "a good mask");
	ok(strcmp(problem_of(""), "none") != 0, "an empty mask");
	ok(strcmp(problem_of("mrn-"), "none") != 0, "a mask without a position");
	ok(strcmp(problem_of("AA"), "none") != 0, "a mask that any two letters fit");
	ok(strcmp(problem_of("MRN\n999999"), "none") != 0, "a mask with a line's end");
	ok(strcmp(problem_of("M\303\244-9999"), "none") != 0, "a mask outside ASCII");
	ok(strcmp(problem_of("-9999999"), "none") != 0, "a mask that begins with a sign");
	ok(strcmp(problem_of(longest), "none") != 0, "a mask of 65 bytes");
	longest[HG_PHI_CUSTOM_MASK_SIZE] = 0;
	is_str(problem_of(longest), "none", "a mask of 64 bytes");
}

int
main(void)
{
	hg_phi_use_custom(&set);
	check_masks();
	check_cues();
	check_checksums();
	check_changes();
	check_problems();
	return done();
}
