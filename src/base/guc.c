/*
 * guc.c
 *		Every setting of the extension, in three tables by type.
 *
 * What weaker values a flagged database refuses is the project room's to say.
 */
#include "base/guc.h"

#include <limits.h>

#include "base/compat.h"
#include "utils/guc.h"

int			hg_guc_ddl_policy = HG_DDL_OFF;
int			hg_guc_log_policy = HG_LOG_OFF;
double		hg_guc_reject_confidence = HG_REJECT_CONFIDENCE_MAX;
double		hg_guc_redact_confidence = HG_REDACT_CONFIDENCE_MAX;
int			hg_guc_redaction_marker = HG_MARKER_CATEGORY;
int			hg_guc_raise_policy = HG_RAISE_MASK;
int			hg_guc_client_detail = HG_CLIENT_MASKED;

char	   *hg_guc_audit_classes;
uint32		hg_guc_audit_class_bits = 0;
char	   *hg_guc_audit_directory;
char	   *hg_guc_state_directory;
char	   *hg_guc_auditor_role;
bool		hg_guc_audit_unflagged = false;
int			hg_guc_audit_ring_size_kb;
int			hg_guc_audit_segment_size_kb;
int			hg_guc_audit_max_size_mb;
int			hg_guc_audit_flush_interval_ms;
int			hg_guc_audit_checkpoint_interval_s;
int			hg_guc_audit_on_overflow = HG_OVERFLOW_DROP;
int			hg_guc_audit_wait_timeout_ms;

bool		hg_guc_require_tls = true;
int			hg_guc_max_idle_session_s;
int			hg_guc_max_idle_in_transaction_s;
char	   *hg_guc_allowed_extensions;
int			hg_guc_publication_policy = HG_PUBLICATION_REJECT;
int			hg_guc_bulk_rows;
int			hg_guc_posture_interval_s;

static const struct config_enum_entry ddl_policies[] = {
	{"off", HG_DDL_OFF, false}, {"warn", HG_DDL_WARN, false},
	{"reject", HG_DDL_REJECT, false}, {NULL, 0, false}
};
static const struct config_enum_entry log_policies[] = {
	{"off", HG_LOG_OFF, false}, {"detect", HG_LOG_DETECT, false},
	{"strict", HG_LOG_STRICT, false}, {NULL, 0, false}
};
static const struct config_enum_entry markers[] = {
	{"category", HG_MARKER_CATEGORY, false}, {"hash", HG_MARKER_HASH, false}, {NULL, 0, false}
};
static const struct config_enum_entry raise_policies[] = {
	{"mask", HG_RAISE_MASK, false}, {"withhold", HG_RAISE_WITHHOLD, false}, {NULL, 0, false}
};
static const struct config_enum_entry client_details[] = {
	{"masked", HG_CLIENT_MASKED, false}, {"raw", HG_CLIENT_RAW, false}, {NULL, 0, false}
};
static const struct config_enum_entry overflows[] = {
	{"drop", HG_OVERFLOW_DROP, false}, {"wait", HG_OVERFLOW_WAIT, false}, {NULL, 0, false}
};
static const struct config_enum_entry publication_policies[] = {
	{"warn", HG_PUBLICATION_WARN, false}, {"reject", HG_PUBLICATION_REJECT, false}, {NULL, 0, false}
};

hg_guc_allowed_type hg_guc_allowed_hook = NULL;
hg_guc_classes_type hg_guc_classes_hook = NULL;

static bool
allowed(const char *name, const char *value, GucSource source)
{
	return hg_guc_allowed_hook == NULL || hg_guc_allowed_hook(name, value, source);
}

static const char *
option_name(const struct config_enum_entry *options, int value)
{
	while (options->name && options->val != value)
		options++;
	return options->name ? options->name : "";
}

static bool
check_ddl_policy(int *value, void **extra, GucSource source)
{
	(void) extra;
	return allowed("hipaa_guard.ddl_policy", option_name(ddl_policies, *value), source);
}

static bool
check_log_policy(int *value, void **extra, GucSource source)
{
	(void) extra;
	return allowed("hipaa_guard.log_policy", option_name(log_policies, *value), source);
}

static bool
check_reject_confidence(double *value, void **extra, GucSource source)
{
	(void) extra;
	return allowed("hipaa_guard.reject_confidence", psprintf("%.17g", *value), source);
}

static bool
check_redact_confidence(double *value, void **extra, GucSource source)
{
	(void) extra;
	return allowed("hipaa_guard.redact_confidence", psprintf("%.17g", *value), source);
}

static bool
check_audit_classes(char **value, void **extra, GucSource source)
{
	const char *list = *value ? *value : "";
	uint32		classes;

	if (!hg_guc_classes_hook(list, &classes))
	{
		GUC_check_errdetail("Known are all, read, write, ddl, role, function, auth, copy, "
							"config, misc and guard; \"-\" before one leaves it out.");
		return false;
	}
	if (!allowed("hipaa_guard.audit_classes", list, source))
		return false;
	/* Nobody frees it where the value is refused. */
	*extra = HG_GUC_MALLOC(sizeof(classes));
	if (*extra == NULL)
		return false;
	memcpy(*extra, &classes, sizeof(classes));
	return true;
}

static void
assign_audit_classes(const char *value, void *extra)
{
	(void) value;
	hg_guc_audit_class_bits = *(const uint32 *) extra;
}

static const struct
{
	const char *name;
	const char *description;
	int		   *variable;
	int			boot;
	const struct config_enum_entry *options;
	GucContext	context;
	GucEnumCheckHook check;
}			enums[] = {
	{"ddl_policy", "What happens to PHI-like text in metadata of a database without the flag. "
		"A flagged database always rejects it.",
	&hg_guc_ddl_policy, HG_DDL_OFF, ddl_policies, PGC_SUSET, check_ddl_policy},
	{"log_policy", "What is masked in the log and in messages of a cluster without a flagged "
		"database: nothing, findings of the detector, or every user value. A flagged cluster is "
		"always strict.",
	&hg_guc_log_policy, HG_LOG_OFF, log_policies, PGC_SUSET, check_log_policy},
	{"redaction_marker", "Whether a marker names the category only, or a keyed digest beside it.",
	&hg_guc_redaction_marker, HG_MARKER_CATEGORY, markers, PGC_SIGHUP, NULL},
	{"raise_policy", "Whether the text of RAISE is masked, or withheld as a whole.",
	&hg_guc_raise_policy, HG_RAISE_MASK, raise_policies, PGC_SUSET, NULL},
	{"client_detail", "Whether DETAIL reaches the client masked or as it is; the log never gets "
		"it raw.",
	&hg_guc_client_detail, HG_CLIENT_MASKED, client_details, PGC_SUSET, NULL},
	{"audit_on_overflow", "Whether an event that finds no room is dropped and counted at once, or "
		"waits up to audit_wait_timeout first.",
	&hg_guc_audit_on_overflow, HG_OVERFLOW_DROP, overflows, PGC_SUSET, NULL},
	{"publication_policy", "What happens to a publication that lets labelled columns out.",
	&hg_guc_publication_policy, HG_PUBLICATION_REJECT, publication_policies, PGC_SUSET, NULL},
};

static const struct
{
	const char *name;
	const char *description;
	int		   *variable;
	int			boot;
	int			min;
	int			max;
	GucContext	context;
	int			flags;
}			integers[] = {
	{"audit_ring_size", "Size of the ring through which audit events pass.",
	&hg_guc_audit_ring_size_kb, 16 * 1024, 256, 4 * 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB},
	{"audit_segment_size", "Size at which a file of the audit trail is closed.",
	&hg_guc_audit_segment_size_kb, 64 * 1024, 64, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_KB},
	{"audit_max_size", "The most that the audit trail takes on disk.",
	&hg_guc_audit_max_size_mb, 16 * 1024, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MB},
	{"audit_flush_interval", "The most of the audit trail that a power failure can cost.",
	&hg_guc_audit_flush_interval_ms, 200, 10, 60 * 1000, PGC_SIGHUP, GUC_UNIT_MS},
	{"audit_checkpoint_interval", "Time after which a signed checkpoint is made at the latest.",
	&hg_guc_audit_checkpoint_interval_s, 300, 1, 24 * 3600, PGC_SIGHUP, GUC_UNIT_S},
	{"audit_wait_timeout", "The longest delay of a statement when audit_on_overflow is wait.",
	&hg_guc_audit_wait_timeout_ms, 1000, 1, 60 * 1000, PGC_SUSET, GUC_UNIT_MS},
	{"max_idle_session", "Time after which an idle session of a flagged database ends.",
	&hg_guc_max_idle_session_s, 15 * 60, 1, 24 * 3600, PGC_SIGHUP, GUC_UNIT_S},
	{"max_idle_in_transaction", "Time after which a session of a flagged database ends that is "
		"idle in a transaction.",
	&hg_guc_max_idle_in_transaction_s, 5 * 60, 1, 24 * 3600, PGC_SIGHUP, GUC_UNIT_S},
	{"bulk_rows", "The most rows with labelled columns that one query gives a client which has no "
		"disclosure open; 0: any number.",
	&hg_guc_bulk_rows, 0, 0, INT_MAX, PGC_SIGHUP, 0},
	{"posture_interval", "Time between two records of the posture; 0 turns them off.",
	&hg_guc_posture_interval_s, 24 * 3600, 0, 30 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S},
};

static const struct
{
	const char *name;
	const char *description;
	char	  **variable;
	const char *boot;
	GucContext	context;
	int			flags;
	GucStringCheckHook check;
	GucStringAssignHook assign;
}			strings[] = {
	{"audit_classes", "Classes of events that are recorded: all, or a list; -class leaves one out.",
	&hg_guc_audit_classes, "all", PGC_SUSET, GUC_LIST_INPUT, check_audit_classes,
	assign_audit_classes},
	{"audit_directory", "Where the audit trail goes, relative to the data directory or absolute.",
	&hg_guc_audit_directory, "hipaa_guard/audit", PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL, NULL},
	{"state_directory", "Where the ring and the private key are kept, outside base backups.",
	&hg_guc_state_directory, "pgsql_tmp_hipaa_guard", PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL,
	NULL},
	{"auditor_role", "Role whose members may read the audit trail, besides superusers.",
	&hg_guc_auditor_role, "", PGC_SIGHUP, 0, NULL, NULL},
	{"allowed_extensions", "Extensions that may be created in a flagged database, besides those "
		"that are known to keep data inside; comma-separated.",
	&hg_guc_allowed_extensions, "", PGC_SIGHUP, GUC_LIST_INPUT, NULL, NULL},
};

/* The few that fit no table. */
static void
define_others(void)
{
	DefineCustomRealVariable("hipaa_guard.reject_confidence",
							 "Metadata text is refused at or above this confidence of a finding.",
							 NULL, &hg_guc_reject_confidence, HG_REJECT_CONFIDENCE_MAX, 0, 1,
							 PGC_SUSET, 0, check_reject_confidence, NULL, NULL);
	DefineCustomRealVariable("hipaa_guard.redact_confidence",
							 "Text is masked at or above this confidence of a finding.",
							 NULL, &hg_guc_redact_confidence, HG_REDACT_CONFIDENCE_MAX, 0, 1,
							 PGC_SUSET, 0, check_redact_confidence, NULL, NULL);
	DefineCustomBoolVariable("hipaa_guard.audit_unflagged",
							 "Whether databases without the flag are audited as well.",
							 NULL, &hg_guc_audit_unflagged, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("hipaa_guard.require_tls",
							 "Whether connections to a flagged database need TLS 1.2 or newer, "
							 "but for the Unix socket.",
							 NULL, &hg_guc_require_tls, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
}

static const char *
full_name(const char *name)
{
	return psprintf("hipaa_guard.%s", name);
}

void
hg_guc_init(void)
{
	for (size_t i = 0; i < lengthof(enums); i++)
		DefineCustomEnumVariable(full_name(enums[i].name), enums[i].description, NULL,
								 enums[i].variable, enums[i].boot, enums[i].options,
								 enums[i].context, 0, enums[i].check, NULL, NULL);
	for (size_t i = 0; i < lengthof(integers); i++)
		DefineCustomIntVariable(full_name(integers[i].name), integers[i].description, NULL,
								integers[i].variable, integers[i].boot, integers[i].min,
								integers[i].max, integers[i].context, integers[i].flags,
								NULL, NULL, NULL);
	for (size_t i = 0; i < lengthof(strings); i++)
		DefineCustomStringVariable(full_name(strings[i].name), strings[i].description, NULL,
								   strings[i].variable, strings[i].boot, strings[i].context,
								   strings[i].flags, strings[i].check, strings[i].assign, NULL);
	define_others();
	MarkGUCPrefixReserved("hipaa_guard");
}
