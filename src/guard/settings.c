/*
 * settings.c
 *		Settings of a session: application_name, the start-up packet, and what
 *		set_config() computed.
 *
 * Whether the arguments of set_config() are constants or not, its values stand
 * in the session's settings afterwards; they are read before the transaction
 * commits, and an error takes them back.
 */
#include "guard/settings.h"

#include "access/parallel.h"
#include "audit/audit.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "guard/verdict.h"
#include "project/project.h"
#include "utils/guc_tables.h"

static GucStringCheckHook check_application_name = NULL;
static bool settings_expected = false;

#define FINDINGS_MAX 64

/* Overwrites every finding in place, and the whole text if there is no end to them. */
static void
blot_out(const hg_guard_judge *judge, hg_guard_at at, char *text)
{
	hg_text_finding finding;

	for (int i = 0; i < FINDINGS_MAX; i++)
	{
		if (!hg_guard_finds_in_literal(judge, at, text, strlen(text), &finding))
			return;
		memset(text + finding.span.start, '*', finding.span.size);
	}
	memset(text, '*', strlen(text));
}

/*
 * A client that announces itself with a value is let in, its name blotted out:
 * many drivers set it without being asked.  A SET of the same is refused.
 */
static bool
check_name_of_application(char **value, void **extra, GucSource source)
{
	hg_guard_judge judge = hg_guard_appoint(true, "SET");
	hg_text_finding finding;

	/* A parallel worker gets what its leader has, and that was judged there. */
	if (judge.policy != HG_DDL_OFF && *value != NULL && !InitializingParallelWorker &&
		hg_guard_finds_in_literal(&judge, HG_AT_APPLICATION_NAME, *value, strlen(*value),
								  &finding))
	{
		if (source < PGC_S_INTERACTIVE && source != PGC_S_TEST)
			blot_out(&judge, HG_AT_APPLICATION_NAME, *value);
		else if (judge.policy == HG_DDL_REJECT && !hg_project_glass_broken())
		{
			hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_REFUSED, "SET", "application name", NULL,
							HG_ERRCODE_PHI, "refused");
			GUC_check_errcode(HG_ERRCODE_PHI);
			GUC_check_errmsg("PHI-like text in %s",
							 hg_guard_surfaces[HG_AT_APPLICATION_NAME].name);
			GUC_check_errdetail("Category %s, rule %s, at character %d, %d characters long.",
								hg_phi_category_name(finding.span.category),
								hg_phi_rule_name(finding.span.rule),
								finding.position, finding.length);
			GUC_check_errhint("Name the program, not whom it works on.");
			return false;
		}
		else
			hg_guard_sentence(&judge, HG_AT_APPLICATION_NAME, *value, strlen(*value), &finding);
	}
	return check_application_name == NULL || check_application_name(value, extra, source);
}

void
hg_guard_watch_application_name(void)
{
	int			count;
	struct config_generic **all = HG_ALL_SETTINGS(&count);

	for (int i = 0; i < count; i++)
		if (strcmp(all[i]->name, "application_name") == 0)
		{
			struct config_string *setting = (struct config_string *) all[i];

			check_application_name = setting->check_hook;
			setting->check_hook = check_name_of_application;
		}
}

static void
refuse_startup(const hg_guard_judge *judge, const hg_text_finding *finding)
{
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_REFUSED, judge->command, "start-up packet", NULL,
					HG_ERRCODE_PHI, "refused");
	ereport(FATAL,
			(errcode(HG_ERRCODE_PHI),
			 errmsg("PHI-like text in %s", "start-up packet"),
			 errdetail("Category %s, rule %s.", hg_phi_category_name(finding->span.category),
					   hg_phi_rule_name(finding->span.rule)),
			 errhint("Leave the value out of PGOPTIONS and the options of the connection.")));
}

void
hg_guard_read_startup(Port *port)
{
	hg_guard_judge judge = hg_guard_appoint(true, "CONNECT");
	hg_text_finding finding;
	ListCell   *cell;
	const char *name = NULL;

	if (judge.policy == HG_DDL_OFF)
		return;
	if (port->application_name != NULL)
		blot_out(&judge, HG_AT_APPLICATION_NAME, port->application_name);
	foreach(cell, port->guc_options)
	{
		char	   *text = lfirst(cell);

		/* Names and values alternate. */
		if (name != NULL && strcmp(name, "application_name") == 0)
			blot_out(&judge, HG_AT_APPLICATION_NAME, text);
		else if (hg_guard_finds_in_literal(&judge, name != NULL ? hg_guard_setting_of(name) :
										   HG_AT_SETTING_NAME, text, strlen(text), &finding) &&
				 judge.policy == HG_DDL_REJECT)
			refuse_startup(&judge, &finding);
		name = name == NULL ? text : NULL;
	}
	if (port->cmdline_options != NULL && judge.policy == HG_DDL_REJECT &&
		hg_guard_finds(&judge, HG_AT_SETTING, port->cmdline_options,
					   strlen(port->cmdline_options), false, &finding))
		refuse_startup(&judge, &finding);
}

void
hg_guard_expect_settings(void)
{
	settings_expected = true;
}

void
hg_guard_forget_settings(void)
{
	settings_expected = false;
}

void
hg_guard_check_settings(void)
{
	hg_guard_judge judge;
	struct config_generic **all;
	int			count;

	if (!settings_expected)
		return;
	settings_expected = false;
	judge = hg_guard_appoint(false, "SET");
	if (judge.policy == HG_DDL_OFF)
		return;
	hg_guard_new_statement();
	all = HG_ALL_SETTINGS(&count);
	for (int i = 0; i < count; i++)
	{
		char	   *value;

		/* A stack: changed by this transaction. */
		if (all[i]->vartype != PGC_STRING || all[i]->stack == NULL ||
			all[i]->source != PGC_S_SESSION)
			continue;
		value = *((struct config_string *) all[i])->variable;
		if (value != NULL)
			hg_guard_check_literal(&judge, hg_guard_setting_of(all[i]->name), value,
								   strlen(value));
	}
}
