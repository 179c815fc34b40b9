/*
 * utility.h
 *		A utility statement from the guard's view: its text before it runs, what
 *		it wrote into the catalogs afterwards.
 */
#ifndef HG_GUARD_UTILITY_H
#define HG_GUARD_UTILITY_H

#include "postgres.h"

#include "tcop/utility.h"

/* Runs one, with "next" as the rest of the chain of hooks. */
extern void hg_guard_run_utility(ProcessUtility_hook_type next, PlannedStmt *planned,
								 const char *query_string, bool read_only_tree,
								 ProcessUtilityContext context, ParamListInfo params,
								 QueryEnvironment *environment, DestReceiver *receiver,
								 QueryCompletion *completion);

/* Remembers an object that the statement that runs now made or changed. */
extern void hg_guard_remember(Oid class, Oid object, int sub, bool created);

/* The transaction ends: what was remembered is gone with its memory. */
extern void hg_guard_forget(void);

#endif							/* HG_GUARD_UTILITY_H */
