/*
 * scan.c
 *		The detector.
 */
#include "phi/phi.h"

size_t
hg_phi_scan_text(const char *text, size_t size, size_t from, hg_phi_span *spans, size_t spans_max)
{
	(void) text;
	(void) size;
	(void) from;
	(void) spans;
	(void) spans_max;
	return 0;
}

size_t
hg_phi_scan_identifier(const char *name, size_t size, size_t from, hg_phi_span *spans,
					   size_t spans_max)
{
	return hg_phi_scan_text(name, size, from, spans, spans_max);
}

float
hg_phi_confidence_on(const hg_phi_span *span, hg_phi_surface surface)
{
	(void) surface;
	return span->confidence;
}

const char *
hg_phi_category_name(hg_phi_category category)
{
	(void) category;
	return "phi";
}

const char *
hg_phi_rule_name(unsigned rule)
{
	(void) rule;
	return "rule";
}

unsigned
hg_phi_rules_count(void)
{
	return 0;
}

bool
hg_phi_rule_describe(unsigned rule, hg_phi_rule_info *info)
{
	(void) rule;
	(void) info;
	return false;
}

void
hg_phi_use_custom(const hg_phi_custom_set *set)
{
	(void) set;
}

const char *
hg_phi_custom_problem(const char *mask, size_t mask_size)
{
	(void) mask;
	return mask_size == 0 ? "mask is empty" : NULL;
}
