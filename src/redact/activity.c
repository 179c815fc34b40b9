/*
 * activity.c
 *		pg_stat_activity shows statements with their literals masked.
 *
 * The server reports the raw text itself when a statement arrives, and again
 * when a prepared one is bound and executed; it is replaced when the statement has
 * been parsed, before it runs, and before the client gets an answer, since not
 * every message leads to the first two.  For the microseconds between, the raw
 * text stands there, for the eyes of superusers and pg_read_all_stats.
 */
#include "redact/redact.h"

#include "base/compat.h"
#include "executor/executor.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/backend_status.h"
#include "utils/guc.h"

/* More than any track_activity_query_size that makes sense; the rest is not shown. */
#define ACTIVITY_MAX 8192

static post_parse_analyze_hook_type previous_post_parse_analyze = NULL;
static ExecutorRun_hook_type previous_executor_run = NULL;
static ProcessUtility_hook_type previous_process_utility = NULL;
static const PQcommMethods *previous_methods = NULL;

/* A prepared statement comes many times with one text: up to this size it is masked once. */
#define REMEMBERED_MAX 2048

/* What was shown last, and in strict mode, what it was made from and how. */
static char masked[ACTIVITY_MAX];
static char remembered[REMEMBERED_MAX];
static hg_mask_log_options remembered_options;

/* Whether that is what is shown now: another look at a statement is not needed then. */
static bool
is_shown_masked(void)
{
	size_t		size = strlen(masked);

	if (MyBEEntry == NULL || size == 0)
		return false;
	size = Min(size, (size_t) pgstat_track_activity_query_size - 1);
	return strncmp(MyBEEntry->st_activity_raw, masked, size) == 0 &&
		MyBEEntry->st_activity_raw[size] == '\0';
}

static void
mask(const char *sql, const hg_mask_log_options *options)
{
	size_t		sql_size = strnlen(sql, 4 * ACTIVITY_MAX);
	size_t		size;

	if (remembered[0] != '\0' && strcmp(remembered, sql) == 0 &&
		memcmp(&remembered_options, options, sizeof(*options)) == 0)
		return;
	size = hg_mask_statement(sql, sql_size, masked, sizeof(masked) - 1, options);
	masked[size] = '\0';
	remembered[0] = '\0';
	if (options->strict && sql_size < sizeof(remembered))
		memcpy(remembered, sql, sql_size + 1);
	memcpy(&remembered_options, options, sizeof(*options));
}

void
hg_redact_report_activity(const char *sql)
{
	hg_mask_log_options options;

	if (!pgstat_track_activities || MyBEEntry == NULL || !hg_redact_log_options(&options))
		return;
	mask(sql, &options);
	pgstat_report_activity(STATE_RUNNING, masked);
}

const char *
hg_redact_reported_activity(const char *statement, size_t size, size_t *masked_size)
{
	hg_mask_options options;
	size_t		rest;
	size_t		shown = strlen(masked);

	if (remembered[0] == '\0' || strncmp(remembered, statement, size) != 0)
		return NULL;
	hg_redact_options(&options);
	if (options.confidence != remembered_options.mask.confidence ||
		options.hash_key != remembered_options.mask.hash_key || shown > ACTIVITY_MAX / 2)
		return NULL;
	/* Masking leaves a semicolon and space behind the statement as they are. */
	rest = strlen(remembered) - size;
	if (strspn(remembered + size, "; \t\r\n") != rest || shown < rest ||
		strcmp(masked + shown - rest, remembered + size) != 0)
		return NULL;
	*masked_size = shown - rest;
	return masked;
}

/*
 * Only what the client sent is shown there; statements of functions are not.
 * An executed portal has a copy of its text, so pointers are not enough.
 */
static void
report_if_top_level(const char *sql)
{
	if (!hg_redact_is_wanted())
		return;
	hg_redact_close_side_doors();
	if (sql != NULL && debug_query_string != NULL && !is_shown_masked() &&
		(sql == debug_query_string || hg_redact_statement_is_masked() ||
		 strcmp(sql, debug_query_string) == 0))
		hg_redact_report_activity(debug_query_string);
}

static void
post_parse_analyze(ParseState *pstate, Query *query, JumbleState *jstate)
{
	if (previous_post_parse_analyze)
		previous_post_parse_analyze(pstate, query, jstate);
	report_if_top_level(pstate->p_sourcetext);
}

static void
executor_run(HG_EXECUTOR_RUN_ARGS)
{
	report_if_top_level(query_desc->sourceText);
	if (previous_executor_run)
		previous_executor_run(HG_EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(HG_EXECUTOR_RUN_PASS);
}

/*
 * An empty statement, one that is bound and not executed, and a portal whose
 * rows were ready before run through no hook, but the client gets an answer.
 * Rows and notices are many: the first one for a statement is enough.
 */
static void
report_before_answer(char type)
{
	static TimestampTz looked_at = 0;

	if (MyBackendType == B_BACKEND && MyBEEntry != NULL && debug_query_string != NULL &&
		(strchr("12I", type) != NULL || MyBEEntry->st_activity_start_timestamp != looked_at))
	{
		report_if_top_level(debug_query_string);
		looked_at = MyBEEntry->st_activity_start_timestamp;
	}
}

static int
put_message(char type, const char *body, size_t size)
{
	if (hg_redact_is_wanted())
		report_before_answer(type);
	return previous_methods->putmessage(type, body, size);
}

/*
 * Workers that build an index or vacuum show the statement that the leader gave
 * them, as it is, and no hook is called there.
 */
static bool
may_build_indexes(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
		case T_ReindexStmt:
		case T_VacuumStmt:
		case T_ClusterStmt:
		case T_AlterTableStmt:
		case T_RefreshMatViewStmt:
			return true;
		default:
			return false;
	}
}

static void
process_utility(PlannedStmt *statement, const char *sql, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
				DestReceiver *dest, QueryCompletion *completion)
{
	if (context == PROCESS_UTILITY_TOPLEVEL)
		report_if_top_level(sql);
	if (may_build_indexes(statement->utilityStmt))
		hg_redact_hide_statement();
	if (previous_process_utility)
		previous_process_utility(statement, sql, read_only_tree, context, params, environment,
								 dest, completion);
	else
		standard_ProcessUtility(statement, sql, read_only_tree, context, params, environment,
								dest, completion);
}

void
hg_redact_install_activity_hooks(void)
{
	static PQcommMethods methods;

	previous_methods = PqCommMethods;
	methods = *PqCommMethods;
	methods.putmessage = put_message;
	PqCommMethods = &methods;
	previous_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = post_parse_analyze;
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}

const char *
hg_redact_statements_problem(void)
{
	if (GetConfigOption("pg_stat_statements.max", true, false) == NULL)
		return NULL;
	return "pg_stat_statements keeps the literals of utility statements and all comments";
}
