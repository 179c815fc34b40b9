/*
 * redact.h
 *		The log hook: no user value leaves the server through a message.
 *
 * What the project room has to hold on a flagged cluster, since nothing here
 * can: a message that is not logged does not reach the hook and goes to the
 * client as it is, so log_min_messages may be error or lower only, also for a
 * role or database (PH002 otherwise); and hg_redact_statements_problem() must
 * be NULL.
 */
#ifndef HG_REDACT_H
#define HG_REDACT_H

#include "postgres.h"

#include "redact/mask.h"
#include "redact/mask_format.h"

extern void hg_redact_init(void);

/* Installs emit_log_hook; called in shmem_request_hook, after every library's _PG_init. */
extern void hg_redact_install_hook(void);

/* How to mask, by the settings as they are now: threshold and kind of marker. */
extern void hg_redact_options(hg_mask_options *options);

/*
 * The detector's scan of a name or a text, which remembers short ones without a
 * finding. Never fails; not for signal handlers.
 */
extern size_t hg_redact_scan(const char *text, size_t size, size_t from, hg_phi_span *spans,
							 size_t spans_max, bool is_name);

/*
 * Whether messages are masked now, and how: false when neither a flag nor a
 * setting asks for it.  Never fails, so it may be called inside error reports.
 */
extern bool hg_redact_log_options(hg_mask_log_options *options);

/* The same question without the answer to how, for hot paths. */
extern bool hg_redact_is_wanted(void);

/*
 * Shows a statement in pg_stat_activity with its literals masked, in place of
 * the raw text. Does nothing when messages are not masked.
 */
extern void hg_redact_report_activity(const char *statement);

/*
 * The masked form of a statement, without what stands behind it, if it is what
 * was masked last for pg_stat_activity, and as a whole; NULL otherwise. Stays
 * until another statement is reported.
 */
extern const char *hg_redact_reported_activity(const char *statement, size_t size,
											   size_t *masked_size);

/*
 * Replaces debug_query_string by its masked copy, before anybody reads it: not
 * for places where somebody may have measured it. Does nothing when messages
 * are not masked.
 */
extern void hg_redact_hide_statement(void);

/* Whether debug_query_string has been replaced by its masked copy. */
extern bool hg_redact_statement_is_masked(void);

/* Installs the hooks that call it. */
extern void hg_redact_install_activity_hooks(void);

/*
 * No core dumps of this process and its children from now on, and nothing to
 * standard output, if the cluster is flagged.
 */
extern void hg_redact_close_side_doors(void);

/* Puts the client's names back that were hidden from the last line of the log. */
extern void hg_redact_show_client(void);

/*
 * Why pg_stat_statements must not be beside a flagged database; NULL if it is
 * not loaded. It keeps literals of utility statements and all comments.
 */
extern const char *hg_redact_statements_problem(void);

/*
 * Follows the formats of RAISE; and masks a message by the one that made it, 0
 * if none did.
 */
extern void hg_redact_watch_raise(void);
extern size_t hg_redact_raise(const ErrorData *edata, char *out, size_t out_size,
							  const hg_mask_log_options *options);

/* The key of digests in markers, NULL if there is none; read at the start of the server. */
extern const uint8_t *hg_redact_key(void);
extern void hg_redact_load_key(void);

#endif							/* HG_REDACT_H */
