/*
 * cues.c
 *		The words that say what a number beside them is.
 *
 * One table; a word may carry several meanings.  "id", "number" and the like
 * mean something only together with another: patient id, policy number.
 */
#include <string.h>

#include "phi/detect.h"

#define CUE_SIZE 12

typedef struct cue_row
{
	char		word[CUE_SIZE];
	uint32_t	cues;
} cue_row;

/* By their first letter, so that a word is compared with a handful of rows. */
static const cue_row cues_a[] = {
	{"aba", CUE_ABA},
	{"account", CUE_ACCOUNT},
	{"acct", CUE_ACCOUNT},
	{"age", CUE_AGE},
	{"aged", CUE_AGE},
	{"amex", CUE_CARD},
	{"", 0}
};
static const cue_row cues_b[] = {
	{"beneficiary", CUE_PLAN},
	{"birth", CUE_BIRTH},
	{"birthdate", CUE_BIRTH},
	{"birthday", CUE_BIRTH},
	{"born", CUE_BIRTH},
	{"build", CUE_VERSION},
	{"", 0}
};
static const cue_row cues_c[] = {
	{"call", CUE_PHONE},
	{"callback", CUE_PHONE},
	{"card", CUE_CARD},
	{"cc", CUE_CARD},
	{"cell", CUE_PHONE},
	{"chart", CUE_MRN},
	{"code", CUE_NUMBER},
	{"contact", CUE_PHONE},
	{"credit", CUE_CARD},
	{"", 0}
};
static const cue_row cues_d[] = {
	{"dea", CUE_DEA},
	{"death", CUE_BIRTH},
	{"deceased", CUE_BIRTH},
	{"device", CUE_DEVICE},
	{"died", CUE_BIRTH},
	{"dob", CUE_BIRTH},
	{"dod", CUE_BIRTH},
	{"driver", CUE_LICENSE},
	{"drivers", CUE_LICENSE},
	{"", 0}
};
static const cue_row cues_e[] = {
	{"ein", CUE_TAX},
	{"emr", CUE_MRN},
	{"", 0}
};
static const cue_row cues_f[] = {
	{"fax", CUE_FAX | CUE_PHONE},
	{"", 0}
};
static const cue_row cues_h[] = {
	{"hicn", CUE_MBI | CUE_SSN},
	{"home", CUE_PHONE},
	{"hospital", CUE_MEDICAL},
	{"", 0}
};
static const cue_row cues_i[] = {
	{"id", CUE_NUMBER},
	{"identifier", CUE_NUMBER},
	{"imei", CUE_DEVICE},
	{"implant", CUE_DEVICE},
	{"insurance", CUE_PLAN},
	{"insured", CUE_PLAN},
	{"ip", CUE_IP},
	{"itin", CUE_TAX},
	{"", 0}
};
static const cue_row cues_l[] = {
	{"licence", CUE_LICENSE},
	{"license", CUE_LICENSE},
	{"", 0}
};
static const cue_row cues_m[] = {
	{"mastercard", CUE_CARD},
	{"mbi", CUE_MBI},
	{"medicaid", CUE_PLAN},
	{"medical", CUE_MEDICAL},
	{"medicare", CUE_MBI | CUE_PLAN},
	{"member", CUE_PLAN},
	{"mobile", CUE_PHONE},
	{"mr", CUE_RECORD},
	{"mrn", CUE_MRN},
	{"mrns", CUE_MRN},
	{"", 0}
};
static const cue_row cues_n[] = {
	{"no", CUE_NUMBER},
	{"npi", CUE_NPI},
	{"num", CUE_NUMBER},
	{"number", CUE_NUMBER},
	{"", 0}
};
static const cue_row cues_o[] = {
	{"office", CUE_PHONE},
	{"", 0}
};
static const cue_row cues_p[] = {
	{"pager", CUE_PHONE},
	{"passport", CUE_PASSPORT},
	{"patient", CUE_PATIENT},
	{"ph", CUE_PHONE},
	{"phone", CUE_PHONE},
	{"phones", CUE_PHONE},
	{"plate", CUE_PLATE},
	{"plates", CUE_PLATE},
	{"policy", CUE_PLAN},
	{"postal", CUE_ZIP},
	{"postcode", CUE_ZIP},
	{"prescriber", CUE_NPI},
	{"provider", CUE_NPI},
	{"pt", CUE_PATIENT},
	{"", 0}
};
static const cue_row cues_r[] = {
	{"record", CUE_RECORD},
	{"release", CUE_VERSION},
	{"routing", CUE_ABA},
	{"", 0}
};
static const cue_row cues_s[] = {
	{"security", CUE_SSN},
	{"serial", CUE_DEVICE},
	{"social", CUE_SSN},
	{"ss", CUE_SSN},
	{"ssn", CUE_SSN},
	{"ssns", CUE_SSN},
	{"subscriber", CUE_PLAN},
	{"", 0}
};
static const cue_row cues_t[] = {
	{"tax", CUE_TAX},
	{"taxpayer", CUE_TAX},
	{"tel", CUE_PHONE},
	{"telephone", CUE_PHONE},
	{"tin", CUE_TAX},
	{"tty", CUE_PHONE},
	{"", 0}
};
static const cue_row cues_u[] = {
	{"udi", CUE_DEVICE},
	{"", 0}
};
static const cue_row cues_v[] = {
	{"v", CUE_VERSION},
	{"vehicle", CUE_VIN | CUE_PLATE},
	{"ver", CUE_VERSION},
	{"version", CUE_VERSION},
	{"vin", CUE_VIN},
	{"visa", CUE_CARD},
	{"voicemail", CUE_PHONE},
	{"", 0}
};
static const cue_row cues_z[] = {
	{"zip", CUE_ZIP},
	{"zipcode", CUE_ZIP},
	{"", 0}
};

/* With a bit for each length that occurs, so that most words are turned down unread. */
static const struct
{
	const cue_row *rows;
	uint32_t	lengths;
}			cues_by_letter[26] = {
	['a' - 'a'] = {cues_a, 0x0098},
	['b' - 'a'] = {cues_b, 0x0b30},
	['c' - 'a'] = {cues_c, 0x01f4},
	['d' - 'a'] = {cues_d, 0x01f8},
	['e' - 'a'] = {cues_e, 0x0008},
	['f' - 'a'] = {cues_f, 0x0008},
	['h' - 'a'] = {cues_h, 0x0110},
	['i' - 'a'] = {cues_i, 0x0694},
	['l' - 'a'] = {cues_l, 0x0080},
	['m' - 'a'] = {cues_m, 0x05dc},
	['n' - 'a'] = {cues_n, 0x004c},
	['o' - 'a'] = {cues_o, 0x0040},
	['p' - 'a'] = {cues_p, 0x05e4},
	['r' - 'a'] = {cues_r, 0x10c0},
	['s' - 'a'] = {cues_s, 0x055c},
	['t' - 'a'] = {cues_t, 0x0308},
	['u' - 'a'] = {cues_u, 0x0008},
	['v' - 'a'] = {cues_v, 0x029a},
	['z' - 'a'] = {cues_z, 0x0088},
};

/* The cues of a word in small letters, padded with zeros. */
static uint32_t
cues_of_letters(const char *letters)
{
	const cue_row *row = cues_by_letter[letters[0] - 'a'].rows;
	uint64_t	first,
				row_first;

	if (row == NULL)
		return 0;
	memcpy(&first, letters, sizeof(first));
	for (; row->word[0] != 0; row++)
	{
		memcpy(&row_first, row->word, sizeof(row_first));
		if (first == row_first && memcmp(row->word, letters, CUE_SIZE) == 0)
			return row->cues;
	}
	return 0;
}

uint32_t
hg_phi_cue_of_word(const folded_word *word)
{
	if (word->letters_count == 0 || word->letters_count >= CUE_SIZE)
		return 0;
	return cues_of_letters(word->letters);
}

/* Whether any cue begins with this letter and has this length. */
static bool
may_be_cue(unsigned char first, size_t size)
{
	unsigned	letter = (first | 0x20u) - 'a';

	return letter < 26 && size < CUE_SIZE && (cues_by_letter[letter].lengths >> size & 1) != 0;
}

/* What several words mean together that none of them means alone. */
static uint32_t
combine(uint32_t cues)
{
	if ((cues & CUE_PATIENT) && (cues & CUE_NUMBER))
		cues |= CUE_MRN;
	if ((cues & CUE_MEDICAL) && (cues & (CUE_NUMBER | CUE_RECORD)))
		cues |= CUE_MRN;
	return cues;
}

/* Whether there is nothing in the text but what stands from a position on. */
static bool
begins_text(const text_view *text, size_t at)
{
	return at == 0 || (at == 1 && !(hg_phi_bytes[text->at[0]] & BYTE_WORD));
}

/*
 * The cues that stand before a position, "reach" bytes back at most.  The
 * nearest word that means something on its own ends the search, so that a
 * number is not taken for what the number before it was.
 */
uint32_t
hg_phi_cues_before(const text_view *text, size_t at, size_t reach)
{
	const unsigned char *base = text->at;
	size_t		first = at > reach ? at - reach : 0;
	uint32_t	cues = begins_text(text, at) ? CUE_WHOLE : 0;

	while (at > first)
	{
		size_t		end;
		char		letters[CUE_SIZE] = {0};
		uint32_t	found;

		if (!(hg_phi_bytes[base[at - 1]] & BYTE_LETTER))
		{
			if (base[--at] == ';' || base[at] == '|')
				break;
			continue;
		}
		end = at;
		do
			at--;
		while (at > first && (hg_phi_bytes[base[at - 1]] & BYTE_LETTER));
		if (!may_be_cue(base[at], end - at))
			continue;
		if (at == first && byte_before(text, at, BYTE_LETTER))
			break;				/* it begins farther back than we look */
		for (size_t i = at; i < end; i++)
			letters[i - at] = (char) (base[i] | 0x20);
		found = cues_of_letters(letters);
		cues |= found;
		if (found & ~(uint32_t) (CUE_NUMBER | CUE_RECORD | CUE_MEDICAL | CUE_PATIENT))
			break;
	}
	return combine(cues);
}

/* Cues that stand right behind a value: "555-1234 (fax)", "...-Office", HL7's "^^^MR". */
uint32_t
hg_phi_cues_after(const text_view *text, size_t at)
{
	folded_word word;
	size_t		last = at + 3;

	if (byte_at(text, at) == '^')
	{
		for (size_t i = at; i < at + 24 && i + 2 < text->size; i++)
		{
			if (text->at[i] == '|' || text->at[i] == '~' || text->at[i] == '\n')
				break;
			if (text->at[i] == '^' && text->at[i + 1] == 'S' && text->at[i + 2] == 'S')
				return CUE_SSN;
			if (text->at[i] == '^' && (text->at[i + 1] == 'M' || text->at[i + 1] == 'P') &&
				(text->at[i + 2] == 'R' || text->at[i + 2] == 'I'))
				return CUE_MRN;
		}
		return 0;
	}
	while (at < last && at < text->size && !byte_is(text, at, BYTE_WORD))
		at++;
	if (!byte_is(text, at, BYTE_LETTER))
		return 0;
	hg_phi_word_fold(text, at, at + 14, &word);
	return hg_phi_cue_of_word(&word) & (CUE_PHONE | CUE_FAX);
}
