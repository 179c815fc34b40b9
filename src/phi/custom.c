/*
 * custom.c
 *		The site's own identifiers: masks such as MRN-99999999.
 *
 * The set is shared memory that another process may be changing, so a row is
 * copied out and used only if the version was even and did not change over it
 * (a sequence lock).  A reader never waits: while a change is under way it does
 * without the row, for a moment.
 */
#include <string.h>

#include "phi/detect.h"
#include "phi/validate.h"

static const hg_phi_custom_set *custom_set;

void
hg_phi_use_custom(const hg_phi_custom_set *set)
{
	custom_set = set;
}

bool
hg_phi_custom_any(void)
{
	return custom_set != NULL && custom_set->count > 0;
}

uint32_t
hg_phi_custom_version(void)
{
	return custom_set == NULL ? 0 : __atomic_load_n(&custom_set->version, __ATOMIC_ACQUIRE);
}

/* Why a mask cannot be used, NULL if it can. */
const char *
hg_phi_custom_problem(const char *mask, size_t mask_size)
{
	unsigned	open = 0;

	if (mask_size == 0)
		return "mask is empty";
	if (mask_size > HG_PHI_CUSTOM_MASK_SIZE)
		return "mask is longer than 64 bytes";
	for (size_t i = 0; i < mask_size; i++)
	{
		unsigned char c = (unsigned char) mask[i];

		if (c < 0x20 || c >= 0x7F)
			return "mask has a character that is not printable ASCII";
		open += c == '9' || c == 'A' || c == 'X';
	}
	if (open == 0)
		return "mask has no digit or letter position";
	if (open < 3)
		return "mask has fewer than three digit or letter positions and would match ordinary words";
	if (!(hg_phi_bytes[(unsigned char) mask[0]] & BYTE_WORD))
		return "mask does not begin with a digit or a letter";
	return NULL;
}

/* Copies a row; false if it is being changed. */
static bool
copy_row(const hg_phi_custom_set *set, uint32_t index, hg_phi_custom *row)
{
	uint32_t	before = __atomic_load_n(&set->version, __ATOMIC_ACQUIRE);

	if (before % 2 == 1 || index >= set->count)
		return false;
	memcpy(row, &set->rows[index], sizeof(*row));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&set->version, __ATOMIC_RELAXED) != before)
		return false;
	return row->mask_size > 0 && row->mask_size <= HG_PHI_CUSTOM_MASK_SIZE &&
		row->cue_size <= HG_PHI_CUSTOM_CUE_SIZE;
}

static bool
fits(char mask, unsigned char c, bool fold)
{
	unsigned	class = hg_phi_bytes[c];

	if (mask == '9')
		return (class & BYTE_DIGIT) != 0;
	if (mask == 'A')
		return (class & (BYTE_UPPER | BYTE_LOWER)) != 0;
	if (mask == 'X')
		return (class & (BYTE_UPPER | BYTE_LOWER | BYTE_DIGIT)) != 0;
	if ((unsigned char) mask == c)
		return true;
	/* In the name of an object '-' and space cannot stand, and letters are folded. */
	if (fold && (mask == '-' || mask == ' ' || mask == '.' || mask == '/'))
		return c == '_';
	return (hg_phi_bytes[c] & BYTE_LETTER) && ((unsigned char) mask ^ c) == 0x20;
}

static bool
checksum_holds(const hg_phi_custom *row, const unsigned char *value)
{
	char		digits[HG_PHI_CUSTOM_MASK_SIZE];
	size_t		count = 0;

	if (row->checksum == HG_PHI_CHECKSUM_NONE)
		return true;
	for (size_t i = 0; i < row->mask_size; i++)
		if (hg_phi_bytes[value[i]] & BYTE_DIGIT)
			if (row->mask[i] == '9' || row->mask[i] == 'X')
				digits[count++] = (char) value[i];
	switch (row->checksum)
	{
		case HG_PHI_CHECKSUM_LUHN:
			return hg_phi_valid_luhn(digits, count);
		case HG_PHI_CHECKSUM_MOD11:
			return hg_phi_valid_mod11(digits, count);
		case HG_PHI_CHECKSUM_MOD97:
			return hg_phi_valid_mod97(digits, count);
		default:
			return false;
	}
}

/* Whether the row's cue stands within CUE_REACH bytes before the value, whatever its case. */
static bool
cue_stands(const text_view *text, size_t at, const hg_phi_custom *row)
{
	size_t		first = at > CUE_REACH ? at - CUE_REACH : 0;

	if (row->cue_size == 0)
		return true;
	for (size_t start = first; start + row->cue_size <= at; start++)
	{
		size_t		i = 0;

		while (i < row->cue_size &&
			   (text->at[start + i] == (unsigned char) row->cue[i] ||
				((hg_phi_bytes[text->at[start + i]] & BYTE_LETTER) &&
				 (text->at[start + i] ^ (unsigned char) row->cue[i]) == 0x20)))
			i++;
		if (i == row->cue_size && !byte_before(text, start, BYTE_LETTER) &&
			!byte_is(text, start + i, BYTE_LETTER))
			return true;
	}
	return false;
}

/* Anchored where a run of letters and digits begins. */
void
hg_phi_find_custom(const text_view *text, size_t at, offer *best)
{
	const hg_phi_custom_set *set = custom_set;
	uint32_t	count;

	if (set == NULL)
		return;
	count = set->count < HG_PHI_CUSTOM_MAX ? set->count : HG_PHI_CUSTOM_MAX;
	for (uint32_t i = 0; i < count; i++)
	{
		hg_phi_custom row;
		size_t		size = 0;

		if (!fits(set->rows[i].mask[0], text->at[at], text->identifier) ||
			!copy_row(set, i, &row) || row.mask_size > text->size - at)
			continue;
		while (size < row.mask_size && fits(row.mask[size], text->at[at + size], text->identifier))
			size++;
		if (size < row.mask_size || byte_is(text, at + size, BYTE_WORD) ||
			!checksum_holds(&row, text->at + at) || !cue_stands(text, at, &row))
			continue;
		hg_phi_offer(text, best, RULES_COUNT + i, at, at + size, row.cue_size > 0, row.confidence);
	}
}
