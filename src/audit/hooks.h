/*
 * hooks.h
 *		What the files with the audit room's hooks share.
 */
#ifndef HG_AUDIT_HOOKS_H
#define HG_AUDIT_HOOKS_H

#include "audit/event.h"
#include "nodes/plannodes.h"

/* The statement that runs now, for those nested in it; 0: none. */
extern uint32 hg_audit_running;

/* The failure that was recorded last, so that the log hook does not record it again. */
extern void hg_audit_failure_recorded(int sqlstate);

/* Refused where the extension itself said no; else as given. */
extern hg_audit_outcome hg_audit_outcome_of(hg_audit_outcome outcome, int sqlstate);

/* Whether this statement was counted as writing, for the end of the transaction. */
extern bool hg_audit_transaction_wrote;

/* Gives a statement its number; returns the number of the one it is nested in. */
extern uint32 hg_audit_statement_begin(void);

/* What runs now ends with FATAL, which reaches no handler. */
extern void hg_audit_executor_stopped(int sqlstate);
extern void hg_audit_utility_stopped(int sqlstate);

extern void hg_audit_executor_init(void);
extern void hg_audit_utility_init(void);
extern void hg_audit_function_init(void);
extern void hg_audit_session_init(void);

#endif							/* HG_AUDIT_HOOKS_H */
