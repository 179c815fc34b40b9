/*
 * hooks.c
 *		The guard's hooks; they only dispatch.
 */
#include "guard/guard.h"

#include "access/xact.h"
#include "base/compat.h"
#include "catalog/objectaccess.h"
#include "executor/executor.h"
#include "guard/constants.h"
#include "guard/dml.h"
#include "guard/settings.h"
#include "guard/utility.h"
#include "libpq/auth.h"
#include "parser/analyze.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"

static ProcessUtility_hook_type previous_utility = NULL;
static object_access_hook_type previous_object_access = NULL;
static post_parse_analyze_hook_type previous_post_parse = NULL;
static ExecutorCheckPerms_hook_type previous_check_perms = NULL;
static ClientAuthentication_hook_type previous_authentication = NULL;

static void
on_utility(PlannedStmt *planned, const char *query_string, bool read_only_tree,
		   ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
		   DestReceiver *receiver, QueryCompletion *completion)
{
	hg_guard_run_utility(previous_utility != NULL ? previous_utility : standard_ProcessUtility,
						 planned, query_string, read_only_tree, context, params, environment,
						 receiver, completion);
}

static void
on_object_access(ObjectAccessType access, Oid class, Oid object, int sub, void *arg)
{
	if (previous_object_access)
		previous_object_access(access, class, object, sub, arg);
	switch (access)
	{
		case OAT_POST_CREATE:
		case OAT_POST_ALTER:
			hg_guard_remember(class, object, sub, access == OAT_POST_CREATE);
			break;
		case OAT_FUNCTION_EXECUTE:
			if (object == F_SET_CONFIG)
				hg_guard_expect_settings();
			break;
		case OAT_TRUNCATE:
			hg_guard_check_truncate(object);
			break;
		default:
			break;
	}
}

static void
on_post_parse(ParseState *pstate, Query *query, JumbleState *jumble)
{
	if (previous_post_parse)
		previous_post_parse(pstate, query, jumble);
	hg_guard_read_query(query);
}

static bool
on_check_perms(HG_CHECK_PERMS_ARGS)
{
	if (previous_check_perms && !previous_check_perms(HG_CHECK_PERMS_PASS))
		return false;
	hg_guard_check_permissions(HG_CHECK_PERMS_LIST);
	return true;
}

static void
on_authentication(Port *port, int status)
{
	if (previous_authentication)
		previous_authentication(port, status);
	hg_guard_read_startup(port);
}

static void
on_transaction(XactEvent event, void *arg)
{
	(void) arg;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			hg_guard_check_settings();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			hg_guard_forget_settings();
			hg_guard_forget();
			break;
		default:
			break;
	}
}

void
hg_guard_init(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_utility;
	previous_object_access = object_access_hook;
	object_access_hook = on_object_access;
	previous_post_parse = post_parse_analyze_hook;
	post_parse_analyze_hook = on_post_parse;
	previous_check_perms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = on_check_perms;
	previous_authentication = ClientAuthentication_hook;
	ClientAuthentication_hook = on_authentication;
	RegisterXactCallback(on_transaction, NULL);
	hg_guard_watch_application_name();
}
