/*
 * segment_names.c
 *		The words for classes and outcomes of events, in the order of audit.h.
 */
#include "audit/segment.h"

static const char *const classes[] = {
	"read", "write", "ddl", "role", "function", "auth", "copy", "config", "misc", "guard"
};
static const char *const outcomes[] = {"success", "failure", "refused"};

const char *
hg_audit_class_name(unsigned class)
{
	return class < sizeof(classes) / sizeof(classes[0]) ? classes[class] : "unknown";
}

const char *
hg_audit_outcome_name(unsigned outcome)
{
	return outcome < sizeof(outcomes) / sizeof(outcomes[0]) ? outcomes[outcome] : "unknown";
}
