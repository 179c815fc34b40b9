/*
 * verdict.h
 *		The one place that decides what happens to a text.
 */
#ifndef HG_GUARD_VERDICT_H
#define HG_GUARD_VERDICT_H

#include "postgres.h"

#include "guard/surfaces.h"
#include "text/text.h"

/* How a statement is judged: found once at its beginning. */
typedef struct hg_guard_judge
{
	int			policy;			/* hg_policy_ddl */
	double		threshold;		/* findings below it do not count */
	const char *command;		/* its tag, for the audit trail */
} hg_guard_judge;

/*
 * The judge for a statement of this database, or for one that writes what the
 * whole cluster shares.  With policy HG_DDL_OFF nothing need be looked at.
 */
extern hg_guard_judge hg_guard_appoint(bool cluster, const char *command);

/* Whether the detector finds fault with a text there. Reads no catalog. */
extern bool hg_guard_finds(const hg_guard_judge *judge, hg_guard_at at, const char *text,
						   size_t size, bool is_name, hg_text_finding *finding);

/*
 * What follows from a finding: nothing when the text is allowed, a WARNING, or
 * an error; each is recorded first.  A text is judged once per statement.
 */
extern void hg_guard_sentence(const hg_guard_judge *judge, hg_guard_at at, const char *text,
							  size_t size, const hg_text_finding *finding);

/* Both of them. */
extern void hg_guard_check(const hg_guard_judge *judge, hg_guard_at at, const char *text,
						   size_t size, bool is_name);

/* The same for a literal, which is read as a name too when it has the shape of one. */
extern void hg_guard_check_literal(const hg_guard_judge *judge, hg_guard_at at, const char *text,
								   size_t size);
extern bool hg_guard_finds_in_literal(const hg_guard_judge *judge, hg_guard_at at,
									  const char *text, size_t size, hg_text_finding *finding);

/* A statement begins or a transaction ends: what was judged before counts no more. */
extern void hg_guard_new_statement(void);

/* PH002: a change of a system catalog past the commands that are checked. */
extern void hg_guard_refuse_catalog_change(const char *command);

#endif							/* HG_GUARD_VERDICT_H */
