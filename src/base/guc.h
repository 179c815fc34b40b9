/*
 * guc.h
 *		Every setting of the extension, as a variable.
 */
#ifndef HG_GUC_H
#define HG_GUC_H

#include "postgres.h"

#include "utils/guc.h"

typedef enum hg_policy_ddl
{
	HG_DDL_OFF, HG_DDL_WARN, HG_DDL_REJECT
} hg_policy_ddl;

typedef enum hg_policy_log
{
	HG_LOG_OFF, HG_LOG_DETECT, HG_LOG_STRICT
} hg_policy_log;

typedef enum hg_marker
{
	HG_MARKER_CATEGORY, HG_MARKER_HASH
} hg_marker;

typedef enum hg_client_detail
{
	HG_CLIENT_MASKED, HG_CLIENT_RAW
} hg_client_detail;

typedef enum hg_raise_policy
{
	HG_RAISE_MASK, HG_RAISE_WITHHOLD
} hg_raise_policy;

typedef enum hg_overflow
{
	HG_OVERFLOW_DROP, HG_OVERFLOW_WAIT
} hg_overflow;

typedef enum hg_publication_policy
{
	HG_PUBLICATION_WARN, HG_PUBLICATION_REJECT
} hg_publication_policy;

/* What a flagged database may at most be set to. */
#define HG_REJECT_CONFIDENCE_MAX 0.8
#define HG_REDACT_CONFIDENCE_MAX 0.4

extern int	hg_guc_ddl_policy;
extern int	hg_guc_log_policy;
extern double hg_guc_reject_confidence;
extern double hg_guc_redact_confidence;
extern int	hg_guc_redaction_marker;
extern int	hg_guc_raise_policy;
extern int	hg_guc_client_detail;

extern char *hg_guc_audit_classes;
extern uint32 hg_guc_audit_class_bits;	/* the same as bits */
extern char *hg_guc_audit_directory;
extern char *hg_guc_state_directory;
extern char *hg_guc_auditor_role;
extern bool hg_guc_audit_unflagged;
extern int	hg_guc_audit_ring_size_kb;
extern int	hg_guc_audit_segment_size_kb;
extern int	hg_guc_audit_max_size_mb;
extern int	hg_guc_audit_flush_interval_ms;
extern int	hg_guc_audit_checkpoint_interval_s;
extern int	hg_guc_audit_on_overflow;
extern int	hg_guc_audit_wait_timeout_ms;

extern bool hg_guc_require_tls;
extern int	hg_guc_max_idle_session_s;
extern int	hg_guc_max_idle_in_transaction_s;
extern char *hg_guc_allowed_extensions;
extern int	hg_guc_publication_policy;
extern int	hg_guc_bulk_rows;
extern int	hg_guc_posture_interval_s;

/*
 * Asked before a new value of a setting that a flagged database forces is
 * taken; the project room answers, raises, or leaves an error for the caller.
 */
typedef bool (*hg_guc_allowed_type) (const char *name, const char *value, GucSource source);
extern hg_guc_allowed_type hg_guc_allowed_hook;

/*
 * Reads the value of audit_classes into bits, 1 << hg_audit_class; false if a
 * word is none.  The audit room sets it before the settings are defined.
 */
typedef bool (*hg_guc_classes_type) (const char *list, uint32 *classes);
extern hg_guc_classes_type hg_guc_classes_hook;

/* Defines all settings. Called once, from _PG_init. */
extern void hg_guc_init(void);

#endif							/* HG_GUC_H */
