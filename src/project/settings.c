/*
 * settings.c
 *		Settings that must not become weaker where a database is flagged.
 *
 * One table says what is weaker.  It is asked for SET, ALTER SYSTEM, ALTER
 * ROLE and ALTER DATABASE ... SET and SET clauses of functions; and for those
 * that a session may change, by their check hooks too, so that set_config()
 * and start-up options are no way around.  What root writes
 * into configuration files cannot be refused; it shows in the audit trail, and
 * log_min_messages is held so that errors are heard.
 */
#include "project/refuse.h"

#include "access/xact.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "project/gates.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/varlena.h"

typedef enum weaker_rule
{
	AT_LEAST,					/* one of a list of words, in order of strength */
	AT_MOST,					/* a number in the setting's unit */
	MUST_BE_ON,
	MUST_BE_OFF,
	MUST_BE_EMPTY,
	MUST_LIST,					/* a list that has to hold all words of the limit */
	MUST_AUDIT					/* audit_classes: the words of the limit cannot be left out */
} weaker_rule;

static const struct rule
{
	const char *name;
	weaker_rule rule;
	const char *limit;			/* the weakest value that is let through */
	const char *words;			/* AT_LEAST: from weak to strong */
	double		number;			/* AT_MOST */
	bool		others_too;		/* ALTER SYSTEM may set it, since it is for unflagged databases */
	const char *feature;		/* of gates.h, where an exemption may open it */
}			rules[] = {
	{"shared_preload_libraries", MUST_LIST, "hipaa_guard", NULL, 0, false, NULL},
	{"hipaa_guard.ddl_policy", AT_LEAST, "reject", "off warn reject", 0, true, NULL},
	{"hipaa_guard.log_policy", AT_LEAST, "strict", "off detect strict", 0, false, NULL},
	{"hipaa_guard.reject_confidence", AT_MOST, "0.8", NULL, HG_REJECT_CONFIDENCE_MAX, false, NULL},
	{"hipaa_guard.redact_confidence", AT_MOST, "0.4", NULL, HG_REDACT_CONFIDENCE_MAX, false, NULL},
	{"hipaa_guard.audit_classes", MUST_AUDIT, "auth role ddl config guard", NULL, 0, false, NULL},
	{"hipaa_guard.require_tls", MUST_BE_ON, "on", NULL, 0, false, NULL},
	{"hipaa_guard.max_idle_session", AT_MOST, "15min", NULL, 15 * 60, false, NULL},
	{"hipaa_guard.max_idle_in_transaction", AT_MOST, "5min", NULL, 5 * 60, false, NULL},
	{"log_min_messages", AT_LEAST, "error", "panic fatal log error", 0, false, NULL},
	{"allow_system_table_mods", MUST_BE_OFF, "off", NULL, 0, false, NULL},
	{"ssl_min_protocol_version", AT_LEAST, "TLSv1.2", "TLSv1 TLSv1.1 TLSv1.2", 0, false, NULL},
	{"debug_print_parse", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"debug_print_rewritten", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"debug_print_plan", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"log_parser_stats", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"log_planner_stats", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"log_executor_stats", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"log_statement_stats", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"plpgsql.print_strict_params", MUST_BE_OFF, "off", NULL, 0, false, HG_FEATURE_DEBUG_PRINT},
	{"session_preload_libraries", MUST_BE_EMPTY, "", NULL, 0, false, HG_FEATURE_LOAD},
	{"local_preload_libraries", MUST_BE_EMPTY, "", NULL, 0, false, HG_FEATURE_LOAD},
};

/* ---- what is weaker ---- */

static const struct rule *
rule_of(const char *name)
{
	for (size_t i = 0; i < lengthof(rules); i++)
		if (pg_strcasecmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

/* The place of a word in a list, -1 if it is not there. */
static int
place_of(const char *word, const char *words)
{
	size_t		size = strlen(word);
	int			place = 0;

	for (;; place++)
	{
		size_t		length = strcspn(words, " ");

		if (length == size && pg_strncasecmp(words, word, size) == 0)
			return place;
		if (words[length] == '\0')
			return -1;
		words += length + 1;
	}
}

/* The elements of a list setting, without blanks around them; NIL if it is none. */
static List *
elements_of(const char *value)
{
	List	   *list = NIL;

	if (!SplitGUCList(pstrdup(value), ',', &list))
		return NIL;
	return list;
}

/* A library may be named with its directory and suffix. */
static bool
names_library(const char *element, const char *library)
{
	const char *base = strrchr(element, '/');
	size_t		size = strlen(library);

	base = base ? base + 1 : element;
	return strncmp(base, library, size) == 0 &&
		(base[size] == '\0' || strcmp(base + size, DLSUFFIX) == 0);
}

static bool
lists_library(const char *value, const char *library)
{
	ListCell   *cell;

	foreach(cell, elements_of(value))
		if (names_library((const char *) lfirst(cell), library))
			return true;
	return false;
}

/* Whether a list of classes has all of another one; what is no list is left to the setting. */
static bool
audits(const char *value, const char *words)
{
	uint32		classes;
	uint32		wanted;

	return !hg_guc_classes_hook(value, &classes) || !hg_guc_classes_hook(words, &wanted) ||
		(classes & wanted) == wanted;
}

static bool
is_more(const char *name, const char *value, double limit)
{
	double		number;
	int			flags = strstr(name, "max_idle") ? GUC_UNIT_S : 0;

	return !parse_real(value, &number, flags, NULL) || number > limit;
}

/* Values that the setting itself does not take are left to it. */
static bool
is_weaker(const struct rule *rule, const char *value)
{
	bool		on;
	int			place;

	switch (rule->rule)
	{
		case AT_LEAST:
			place = place_of(value, rule->words);
			return place >= 0 && place < place_of(rule->limit, rule->words);
		case AT_MOST:
			return is_more(rule->name, value, rule->number);
		case MUST_BE_ON:
			return parse_bool(value, &on) && !on;
		case MUST_BE_OFF:
			return parse_bool(value, &on) && on;
		case MUST_BE_EMPTY:
			return *value != '\0';
		case MUST_LIST:
			return !lists_library(value, rule->limit);
		case MUST_AUDIT:
			return !audits(value, rule->limit);
	}
	return true;
}

/* ---- statements ---- */

static void
refuse(const struct rule *rule, const char *command)
{
	if (rule->feature)
	{
		/* Outside flagged databases there are no exemptions to ask for. */
		if (hg_state_database_flagged())
			hg_gate(rule->feature, NULL, command);
		return;
	}
	hg_refuse(&(hg_refusal) {
		HG_ERRCODE_WEAKEN, command, "setting", rule->name, "weaker setting",
		psprintf("setting \"%s\" cannot become weaker where a database is a HIPAA project",
				 rule->name),
		psprintf("The weakest value let through is: %s.", rule->limit),
		"In an emergency call hipaa_guard.break_glass(reason) first."
	});
}

/* Whether ALTER SYSTEM has written the libraries: then RESET ALL may unload ours. */
static bool
libraries_by_alter_system(void)
{
	bool		found = false;

	if (SPI_connect() == SPI_OK_CONNECT &&
		SPI_execute("SELECT FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries' "
					"AND sourcefile ~ 'postgresql\\.auto\\.conf$'", false, 1) == SPI_OK_SELECT)
		found = SPI_processed > 0;
	SPI_finish();
	return found;
}

static void
check(const VariableSetStmt *stmt, const char *command, bool system)
{
	const struct rule *rule;
	char	   *value;

	if (stmt->kind == VAR_RESET_ALL && system && libraries_by_alter_system())
		refuse(rule_of("shared_preload_libraries"), command);
	rule = stmt->name ? rule_of(stmt->name) : NULL;
	if (rule == NULL || (system && rule->others_too))
		return;
	switch (stmt->kind)
	{
		case VAR_SET_VALUE:
			value = ExtractSetVariableArgs(unconstify(VariableSetStmt *, stmt));
			if (value && is_weaker(rule, value))
				refuse(rule, command);
			return;
		case VAR_SET_DEFAULT:
		case VAR_RESET:
			if (rule->rule == MUST_LIST)
				refuse(rule, command);
			return;
		default:
			return;
	}
}

/* SET clauses of a function. */
static void
check_clauses(const List *options, const char *command)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "set") == 0)
			check(castNode(VariableSetStmt, option->arg), command, false);
	}
}

static bool
concerns_flagged(const char *database)
{
	return database == NULL ||
		hg_state_flag_of(get_database_oid(database, true)) != HG_FLAG_OFF;
}

void
hg_settings_before_utility(Node *node, const char *command)
{
	bool		flagged = hg_state_database_flagged();

	switch (nodeTag(node))
	{
		case T_VariableSetStmt:
			if (flagged)
				check((VariableSetStmt *) node, command, false);
			break;
		case T_AlterSystemStmt:
			check(((AlterSystemStmt *) node)->setstmt, command, true);
			break;
		case T_AlterDatabaseSetStmt:
			if (concerns_flagged(((AlterDatabaseSetStmt *) node)->dbname))
				check(((AlterDatabaseSetStmt *) node)->setstmt, command, false);
			break;
		case T_AlterRoleSetStmt:
			if (concerns_flagged(((AlterRoleSetStmt *) node)->database))
				check(((AlterRoleSetStmt *) node)->setstmt, command, false);
			break;
		case T_CreateFunctionStmt:
			if (flagged)
				check_clauses(((CreateFunctionStmt *) node)->options, command);
			break;
		case T_AlterFunctionStmt:
			if (flagged)
				check_clauses(((AlterFunctionStmt *) node)->actions, command);
			break;
		default:
			break;
	}
}

/* ---- check hooks ---- */

/*
 * Statements were checked before, so that what comes here is set_config(), a
 * start-up option, or what a role or database was given before it was flagged;
 * that is left out with a warning, since an error would lock the role out.
 */
static bool
allowed(const char *name, const char *value, GucSource source)
{
	const struct rule *rule = rule_of(name);

	if (rule == NULL || source < PGC_S_GLOBAL || source == PGC_S_TEST ||
		!hg_state_database_flagged() || !is_weaker(rule, value))
		return true;
	if (source >= PGC_S_CLIENT && IsTransactionState())
	{
		refuse(rule, "SET");
		return true;
	}
	GUC_check_errcode(HG_ERRCODE_WEAKEN);
	GUC_check_errmsg("setting \"%s\" cannot become weaker in a HIPAA project", name);
	GUC_check_errdetail("The weakest value let through is: %s.", rule->limit);
	return false;
}

/* The server's own settings get a check hook of ours in front of theirs. */
#define WRAP_BOOL(setting) \
static GucBoolCheckHook previous_##setting = NULL; \
static bool \
check_##setting(bool *value, void **extra, GucSource source) \
{ \
	return allowed(#setting, *value ? "on" : "off", source) && \
		(previous_##setting == NULL || previous_##setting(value, extra, source)); \
}
WRAP_BOOL(allow_system_table_mods)
WRAP_BOOL(debug_print_parse)
WRAP_BOOL(debug_print_rewritten)
WRAP_BOOL(debug_print_plan)
WRAP_BOOL(log_parser_stats)
WRAP_BOOL(log_planner_stats)
WRAP_BOOL(log_executor_stats)
WRAP_BOOL(log_statement_stats)

static const struct
{
	const char *name;
	GucBoolCheckHook hook;
	GucBoolCheckHook *previous;
}			wrapped[] = {
	{"allow_system_table_mods", check_allow_system_table_mods, &previous_allow_system_table_mods},
	{"debug_print_parse", check_debug_print_parse, &previous_debug_print_parse},
	{"debug_print_rewritten", check_debug_print_rewritten, &previous_debug_print_rewritten},
	{"debug_print_plan", check_debug_print_plan, &previous_debug_print_plan},
	{"log_parser_stats", check_log_parser_stats, &previous_log_parser_stats},
	{"log_planner_stats", check_log_planner_stats, &previous_log_planner_stats},
	{"log_executor_stats", check_log_executor_stats, &previous_log_executor_stats},
	{"log_statement_stats", check_log_statement_stats, &previous_log_statement_stats},
};

static GucEnumCheckHook previous_log_min_messages = NULL;
static struct config_enum *log_min_messages_setting = NULL;

/*
 * A configuration file, or a session of another database, is not refused; but no
 * reload may let the next error of a session escape.
 */
static bool
check_log_min_messages(int *value, void **extra, GucSource source)
{
	if (!allowed("log_min_messages",
				 config_enum_lookup_by_value(log_min_messages_setting, *value), source))
		return false;
	*value = hg_state_log_level(*value);
	return previous_log_min_messages == NULL || previous_log_min_messages(value, extra, source);
}

static void
wrap_bool(const char *name, GucBoolCheckHook hook, GucBoolCheckHook *previous)
{
	struct config_generic *found = hg_find_setting(name);

	if (found == NULL || found->vartype != PGC_BOOL)
		elog(ERROR, "there is no setting \"%s\"", name);
	*previous = ((struct config_bool *) found)->check_hook;
	((struct config_bool *) found)->check_hook = hook;
}

void
hg_settings_init(void)
{
	struct config_generic *found = hg_find_setting("log_min_messages");

	hg_guc_allowed_hook = allowed;
	for (size_t i = 0; i < lengthof(wrapped); i++)
		wrap_bool(wrapped[i].name, wrapped[i].hook, wrapped[i].previous);
	if (found == NULL || found->vartype != PGC_ENUM)
		elog(ERROR, "there is no setting \"%s\"", "log_min_messages");
	log_min_messages_setting = (struct config_enum *) found;
	previous_log_min_messages = log_min_messages_setting->check_hook;
	log_min_messages_setting->check_hook = check_log_min_messages;
}
