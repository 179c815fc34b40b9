/*
 * rules.c
 *		The table of rules as data, and what may be asked about it.
 */
#include "phi/detect.h"
#include "phi/validate.h"

const hg_phi_rule hg_phi_rules[RULES_COUNT] = {
#define RULE(id, category, name, shape, validator, cues, plain, cued, in_name, mask, groups, \
			 separated, valid) \
	[RULE_##id] = {{name, category, shape, validator, cues, plain, cued}, in_name, mask, groups, \
		separated, valid},
#include "rules.inc"
#undef RULE
};

static const char *const category_names[HG_PHI_CATEGORIES] = {
	[HG_PHI_SSN] = "ssn",
	[HG_PHI_ITIN] = "itin",
	[HG_PHI_PHONE] = "phone",
	[HG_PHI_FAX] = "fax",
	[HG_PHI_EMAIL] = "email",
	[HG_PHI_NPI] = "npi",
	[HG_PHI_MBI] = "mbi",
	[HG_PHI_HICN] = "hicn",
	[HG_PHI_DEA] = "dea",
	[HG_PHI_VIN] = "vin",
	[HG_PHI_CARD] = "card",
	[HG_PHI_ABA] = "aba",
	[HG_PHI_IBAN] = "iban",
	[HG_PHI_IP] = "ip",
	[HG_PHI_MAC] = "mac",
	[HG_PHI_DATE] = "date",
	[HG_PHI_AGE] = "age",
	[HG_PHI_ZIP] = "zip",
	[HG_PHI_ADDRESS] = "address",
	[HG_PHI_MRN] = "mrn",
	[HG_PHI_HEALTH_PLAN] = "health_plan",
	[HG_PHI_ACCOUNT] = "account",
	[HG_PHI_LICENSE] = "license",
	[HG_PHI_PASSPORT] = "passport",
	[HG_PHI_PLATE] = "plate",
	[HG_PHI_DEVICE] = "device",
	[HG_PHI_URL] = "url",
	[HG_PHI_NAME] = "name",
	[HG_PHI_CUSTOM] = "custom",
	[HG_PHI_KNOWN] = "known",
};

const char *
hg_phi_category_name(hg_phi_category category)
{
	if ((unsigned) category >= HG_PHI_CATEGORIES)
		return "unknown";
	return category_names[category];
}

const char *
hg_phi_rule_name(unsigned rule)
{
	return rule < RULES_COUNT ? hg_phi_rules[rule].info.name : "custom";
}

unsigned
hg_phi_rules_count(void)
{
	return RULES_COUNT;
}

bool
hg_phi_rule_describe(unsigned rule, hg_phi_rule_info *info)
{
	if (rule >= RULES_COUNT)
		return false;
	*info = hg_phi_rules[rule].info;
	return true;
}

/* Takes a finding into the offer if it is better: surer, or as sure and longer. */
void
hg_phi_offer(const text_view *text, offer *best, unsigned rule, size_t start, size_t end,
			 bool cued, float confidence)
{
	if (confidence <= 0.0f || start < text->floor || end <= start || end > text->size)
		return;
	if (confidence < best->confidence ||
		(confidence == best->confidence && end - start <= best->end - best->start))
		return;
	best->start = start;
	best->end = end;
	best->rule = rule;
	best->cued = cued;
	best->confidence = confidence;
}

/* The same with the confidence that the rule gives to these cues. */
void
hg_phi_offer_rule(const text_view *text, offer *best, unsigned rule, size_t start, size_t end,
				  uint32_t cues)
{
	const hg_phi_rule *row = &hg_phi_rules[rule];
	bool		cued = (cues & row->cue_mask) != 0;
	float		plain = text->identifier ? row->confidence_name : row->info.confidence;

	hg_phi_offer(text, best, rule, start, end, cued, cued ? row->info.confidence_cued : plain);
}
