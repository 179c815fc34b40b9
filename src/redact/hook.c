/*
 * hook.c
 *		The log hook.
 */
#include "redact/redact.h"

#include "base/guc.h"
#include "base/state.h"

void
hg_redact_init(void)
{
}

void
hg_redact_install_hook(void)
{
}

void
hg_redact_options(hg_mask_options *options)
{
	memset(options, 0, sizeof(*options));
	options->confidence = (float) hg_guc_redact_confidence;
	if (hg_state_cluster_flagged())
		options->confidence = Min(options->confidence, (float) HG_REDACT_CONFIDENCE_MAX);
}
