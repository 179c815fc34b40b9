/*
 * mask_out.c
 *		The markers that stand in the place of values.
 *
 * Pure C; nothing allocates or fails.
 */
#include "redact/mask_out.h"

bool
hg_mask_is_marker(const char *text, size_t size)
{
	if (size == sizeof(HG_REDACTED) - 1 && memcmp(text, HG_REDACTED, size) == 0)
		return true;
	if (size < 7 || memcmp(text, "[phi:", 5) != 0 || text[size - 1] != ']')
		return false;
	for (int category = 0; category < HG_PHI_CATEGORIES; category++)
	{
		const char *name = hg_phi_category_name((hg_phi_category) category);
		size_t		name_size = strlen(name);
		const char *digest = text + 5 + name_size;

		if (size < name_size + 6 || memcmp(text + 5, name, name_size) != 0)
			continue;
		if (size == name_size + 6)
			return true;
		if (size == name_size + 15 && digest[0] == ':' &&
			strspn(digest + 1, "0123456789abcdef") == 8)
			return true;
	}
	return false;
}

void
hg_mask_put_marker(hg_out *out, const char *text, const hg_phi_span *finding,
				   const hg_mask_options *options)
{
	uint8_t		digest[4];
	static const char hex[] = "0123456789abcdef";

	if (finding == NULL)
	{
		hg_out_text(out, HG_REDACTED);
		return;
	}
	hg_out_text(out, "[phi:");
	hg_out_text(out, hg_phi_category_name((hg_phi_category) finding->category));
	if (options->hash_key != NULL && options->digest != NULL &&
		options->digest(options->hash_key, text + finding->start, finding->size, digest))
	{
		hg_out_byte(out, ':');
		for (int i = 0; i < 4; i++)
		{
			hg_out_byte(out, hex[digest[i] >> 4]);
			hg_out_byte(out, hex[digest[i] & 15]);
		}
	}
	hg_out_byte(out, ']');
}
