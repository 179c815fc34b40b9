/*
 * surfaces.c
 *		Which category counts on which surface: one table.
 */
#include "phi/detect.h"

#define BIT(category) (UINT32_C(1) << (category))

/* Categories that do not count on a surface at all. */
static const uint32_t ignored[HG_SURFACES] = {
	/* Workforce users must be identifiable, 164.312(a)(2)(i): their names are no patient's. */
	[HG_SURFACE_ROLE_NAME] = BIT(HG_PHI_NAME) | BIT(HG_PHI_ADDRESS) | BIT(HG_PHI_EMAIL),
	/* Addresses of machines are what such settings are for. */
	[HG_SURFACE_CONNECTION] = BIT(HG_PHI_IP) | BIT(HG_PHI_MAC) | BIT(HG_PHI_URL),
	[HG_SURFACE_CATALOG_NAME] = BIT(HG_PHI_NAME) | BIT(HG_PHI_ADDRESS),
};

/* Categories that count there only beside a cue. */
static const uint32_t cue_wanted[HG_SURFACES] = {
	/* A partition of a day is no one's birthday. */
	[HG_SURFACE_BOUND] = BIT(HG_PHI_DATE) | BIT(HG_PHI_VIN),
};

/* A number in one piece without a word that says what it is: bounds are full of them. */
static bool
is_bare_number(const hg_phi_span *span)
{
	const hg_phi_rule *rule;

	if (span->rule >= RULES_COUNT)
		return false;
	rule = &hg_phi_rules[span->rule];
	return rule->groups != GROUPS_NONE && rule->separated == SEPARATED_NOT &&
		(!span->cued || rule->cue_mask == CUE_WHOLE);
}

float
hg_phi_confidence_on(const hg_phi_span *span, hg_phi_surface surface)
{
	uint32_t	bit = BIT(span->category);

	if ((unsigned) surface >= HG_SURFACES || span->category >= HG_PHI_CATEGORIES)
		return span->confidence;
	if ((ignored[surface] & bit) || ((cue_wanted[surface] & bit) && !span->cued))
		return 0.0f;
	if (surface == HG_SURFACE_BOUND && is_bare_number(span))
		return 0.0f;
	return span->confidence;
}
