/*
 * verdict.c
 *		Decides what happens to a text with a finding: pass, warn, refuse.
 *
 * Takes no locks of its own.  Reading the allowed texts uses SPI and happens
 * only when there is a finding.  The audit record is made before the error is
 * raised and is not part of the transaction, so that it survives the abort.
 */
#include "guard/verdict.h"

#include <limits.h>

#include "access/xact.h"
#include "audit/audit.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "project/project.h"
#include "utils/snapmgr.h"

/* Texts of this statement that were judged already: warned about, or allowed. */
#define JUDGED_MAX 32
static uint64 judged[JUDGED_MAX];
static int	judged_count = 0;

void
hg_guard_new_statement(void)
{
	judged_count = 0;
}

static bool
judge_once(const char *text, size_t size)
{
	uint64		hash = DatumGetUInt64(hash_any_extended((const unsigned char *) text,
														(int) Min(size, INT_MAX), 0));

	for (int i = 0; i < Min(judged_count, JUDGED_MAX); i++)
		if (judged[i] == hash)
			return false;
	judged[judged_count++ % JUDGED_MAX] = hash;
	return true;
}

hg_guard_judge
hg_guard_appoint(bool cluster, const char *command)
{
	hg_guard_judge judge = {hg_guc_ddl_policy, hg_guc_reject_confidence, command};
	hg_flag		flag = hg_state_flag();

	/* pg_upgrade restores what stood in the old cluster; that was judged there. */
	if (IsBinaryUpgrade)
	{
		judge.policy = HG_DDL_OFF;
		return judge;
	}
	if (flag == HG_FLAG_RESTORING)
		judge.policy = HG_DDL_WARN;
	else if (flag == HG_FLAG_ON || (cluster && hg_state_cluster_flagged()))
		judge.policy = HG_DDL_REJECT;
	else
		return judge;
	judge.threshold = Min(judge.threshold, HG_REJECT_CONFIDENCE_MAX);
	return judge;
}

bool
hg_guard_finds(const hg_guard_judge *judge, hg_guard_at at, const char *text, size_t size,
			   bool is_name, hg_text_finding *finding)
{
	return hg_text_find(text, size, is_name, hg_guard_surfaces[at].phi, judge->threshold, finding);
}

static bool
looks_like_a_name(const char *text, size_t size)
{
	if (size >= NAMEDATALEN)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char) text[i]) && text[i] != '_' && !IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

bool
hg_guard_finds_in_literal(const hg_guard_judge *judge, hg_guard_at at, const char *text,
						  size_t size, hg_text_finding *finding)
{
	return hg_guard_finds(judge, at, text, size, false, finding) ||
		(looks_like_a_name(text, size) && hg_guard_finds(judge, at, text, size, true, finding));
}

/*
 * Raises, or warns.  The callbacks that would add CONTEXT or QUERY are left
 * out, since they would quote the text; STATEMENT is hidden from the log.
 */
static void
report(int level, hg_guard_at at, const hg_text_finding *finding)
{
	ErrorContextCallback *callbacks = error_context_stack;
	const char *surface = hg_guard_surfaces[at].name;

	error_context_stack = NULL;
	ereport(level,
			(errcode(HG_ERRCODE_PHI),
			 errmsg("PHI-like text in %s", surface),
			 errdetail("Category %s, rule %s, at character %d, %d characters long.",
					   hg_phi_category_name(finding->span.category),
					   hg_phi_rule_name(finding->span.rule),
					   finding->position, finding->length),
			 errhint("Keep the value in a data row. A false alarm is let through by "
					 "hipaa_guard.allow_text(text, '%s', reason).", surface),
			 errhidestmt(true),
			 errhidecontext(true)));
	error_context_stack = callbacks;
}

/* The end of a transaction and commands without one have no snapshot to read with. */
static bool
is_allowed(const char *text, size_t size, const char *surface)
{
	bool		pushed = false;
	bool		allowed;

	if (!IsTransactionState())
		return false;
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}
	allowed = hg_text_allowed(text, size, surface);
	if (pushed)
		PopActiveSnapshot();
	return allowed;
}

void
hg_guard_sentence(const hg_guard_judge *judge, hg_guard_at at, const char *text, size_t size,
				  const hg_text_finding *finding)
{
	const char *surface = hg_guard_surfaces[at].name;
	bool		refuse = judge->policy == HG_DDL_REJECT && !hg_project_glass_broken();
	char		detail[128];

	if (!judge_once(text, size) || is_allowed(text, size, surface))
		return;
	snprintf(detail, sizeof(detail), "%s: category %s, rule %s", refuse ? "refused" : "warning",
			 hg_phi_category_name(finding->span.category), hg_phi_rule_name(finding->span.rule));
	hg_audit_record(HG_AUDIT_GUARD, refuse ? HG_AUDIT_REFUSED : HG_AUDIT_SUCCESS,
					judge->command, surface, NULL, HG_ERRCODE_PHI, detail);
	report(refuse ? ERROR : WARNING, at, finding);
}

void
hg_guard_check(const hg_guard_judge *judge, hg_guard_at at, const char *text, size_t size,
			   bool is_name)
{
	hg_text_finding finding;

	if (hg_guard_finds(judge, at, text, size, is_name, &finding))
		hg_guard_sentence(judge, at, text, size, &finding);
}

void
hg_guard_check_literal(const hg_guard_judge *judge, hg_guard_at at, const char *text, size_t size)
{
	hg_text_finding finding;

	if (hg_guard_finds_in_literal(judge, at, text, size, &finding))
		hg_guard_sentence(judge, at, text, size, &finding);
}

void
hg_guard_refuse_catalog_change(const char *command)
{
	bool		refuse = !hg_project_glass_broken();
	ErrorContextCallback *callbacks = error_context_stack;

	error_context_stack = NULL; /* as in report() */
	hg_audit_record(HG_AUDIT_GUARD, refuse ? HG_AUDIT_REFUSED : HG_AUDIT_SUCCESS, command,
					"system catalog", NULL, HG_ERRCODE_WEAKEN, "direct change of a catalog");
	ereport(refuse ? ERROR : WARNING,
			(errcode(HG_ERRCODE_WEAKEN),
			 errmsg("direct change of a system catalog of a flagged database"),
			 errdetail("Text that gets into a catalog past the commands for it is not checked."),
			 errhint("Use the command that changes the object. In an emergency call "
					 "hipaa_guard.break_glass(reason) first."),
			 errhidestmt(true),
			 errhidecontext(true)));
	error_context_stack = callbacks;
}
