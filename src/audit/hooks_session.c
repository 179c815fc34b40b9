/*
 * hooks_session.c
 *		Sessions: logins, refusals, disconnects, and failures of statements that
 *		reach no other hook (syntax errors, unknown names, aborted transactions),
 *		commands of the replication protocol.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "audit/control.h"
#include "audit/hooks.h"
#include "base/errors.h"
#include "base/state.h"
#include "catalog/pg_shseclabel.h"
#include "libpq/auth.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "redact/redact.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/elog.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

static ClientAuthentication_hook_type previous_authentication = NULL;
static emit_log_hook_type previous_log = NULL;

static bool login_told = false;
static bool failure_told = false;	/* that of the login, which FATAL reports once more */
static int	failure_sqlstate = 0;	/* recorded for the error at hand; 0: none */

void
hg_audit_failure_recorded(int sqlstate)
{
	failure_sqlstate = sqlstate;
}

hg_audit_outcome
hg_audit_outcome_of(hg_audit_outcome outcome, int sqlstate)
{
	if (outcome == HG_AUDIT_FAILURE && (sqlstate & 0xFFF) == (HG_ERRCODE_PHI & 0xFFF))
		return HG_AUDIT_REFUSED;
	return outcome;
}

static void
session_record(const char *tag, hg_audit_outcome outcome, int sqlstate, int64 duration_us,
			   const char *detail)
{
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	hg_audit_words action;
	hg_audit_event event;

	if (!hg_audit_wanted_cluster(HG_AUDIT_AUTH))
		return;
	hg_audit_event_begin(&event, HG_AUDIT_AUTH, outcome);
	event.flags |= HG_AUDIT_EVENT_CLUSTER;
	event.sqlstate = sqlstate;
	event.duration_us = duration_us;
	event.transaction = 0;
	event.statement = 0;
	hg_audit_words_action(&action, bundle, tag, detail);
	hg_audit_put(&event, &action, NULL, NULL);
}

static void
session_ended(int code, Datum unused)
{
	(void) code;
	(void) unused;
	session_record("DISCONNECT", HG_AUDIT_SUCCESS, 0,
				   GetCurrentTimestamp() - MyStartTimestamp, NULL);
}

/*
 * The replication protocol passes no hook but that of the log, so its commands are always
 * reported; whether they show in the log stays the administrator's choice.
 */
static bool commands_shown = false;

static void
commands_report(void)
{
	commands_shown = log_replication_commands;
	if (hg_audit_wanted_cluster(HG_AUDIT_AUTH))
		SetConfigOption("log_replication_commands", "on", PGC_SUSET, PGC_S_OVERRIDE);
}

static const char *
login_detail(const Port *port)
{
	if (am_walsender)
		return port->ssl_in_use ? "replication, TLS" : "replication";
	return port->ssl_in_use ? "TLS" : NULL;
}

/* Runs after the server's verdict, and again for nothing: one login is one event. */
static void
authenticated(Port *port, int status)
{
	if (previous_authentication)
		previous_authentication(port, status);
	/* The client hung up to ask its user for a password: no attempt yet. */
	if (status == STATUS_EOF)
		return;
	hg_redact_show_client();
	hg_audit_session_early(port->user_name, port->database_name);
	if (status != STATUS_OK)
	{
		login_told = failure_told = true;
		session_record("LOGIN", HG_AUDIT_FAILURE, ERRCODE_INVALID_PASSWORD, HG_AUDIT_NONE,
					   "authentication failed");
		return;
	}
	login_told = true;
	session_record("LOGIN", HG_AUDIT_SUCCESS, 0, HG_AUDIT_NONE, login_detail(port));
	if (am_walsender)
		commands_report();
	before_shmem_exit(session_ended, (Datum) 0);
}

/* By its first word: the class of a statement that was not parsed, or not to its end. */
static const struct
{
	const char *word;
	const char *tag;			/* NULL: the first word does not tell */
	hg_audit_class class;
}			first_words[] = {
	{"select", "SELECT", HG_AUDIT_READ},
	{"with", NULL, HG_AUDIT_READ},
	{"table", "SELECT", HG_AUDIT_READ},
	{"values", "SELECT", HG_AUDIT_READ},
	{"insert", "INSERT", HG_AUDIT_WRITE},
	{"update", "UPDATE", HG_AUDIT_WRITE},
	{"delete", "DELETE", HG_AUDIT_WRITE},
	{"merge", "MERGE", HG_AUDIT_WRITE},
	{"truncate", "TRUNCATE TABLE", HG_AUDIT_WRITE},
	{"copy", "COPY", HG_AUDIT_COPY},
	{"create", NULL, HG_AUDIT_DDL},
	{"alter", NULL, HG_AUDIT_DDL},
	{"drop", NULL, HG_AUDIT_DDL},
	{"comment", "COMMENT", HG_AUDIT_DDL},
	{"security", "SECURITY LABEL", HG_AUDIT_DDL},
	{"grant", "GRANT", HG_AUDIT_ROLE},
	{"revoke", "REVOKE", HG_AUDIT_ROLE},
	{"set", "SET", HG_AUDIT_CONFIG},
	{"reset", "RESET", HG_AUDIT_CONFIG},
	{"load", "LOAD", HG_AUDIT_CONFIG},
	{"do", "DO", HG_AUDIT_FUNCTION},
	{"call", "CALL", HG_AUDIT_FUNCTION},
	{"", NULL, HG_AUDIT_MISC},
};

/* Behind what may stand before it: white space, parentheses, comments. */
static const char *
first_word_find(const char *at)
{
	int			depth = 0;

	for (; *at != '\0'; at++)
	{
		if (at[0] == '/' && at[1] == '*')
		{
			depth++;
			at++;
		}
		else if (depth > 0 && at[0] == '*' && at[1] == '/')
		{
			depth--;
			at++;
		}
		else if (depth > 0)
			continue;
		else if (at[0] == '-' && at[1] == '-')
			at += strcspn(at, "\n") - 1;
		else if (strchr(" \t\r\n(", *at) == NULL)
			break;
	}
	return at;
}

static int
first_word_of(const char *statement)
{
	const char *at = first_word_find(statement);
	size_t		i = 0;

	while (first_words[i].word[0] != '\0')
	{
		size_t		size = strlen(first_words[i].word);

		if (pg_strncasecmp(at, first_words[i].word, size) == 0
			&& !isalnum((unsigned char) at[size]) && at[size] != '_')
			break;
		i++;
	}
	return (int) i;
}

/* An event of the statement at hand, which no other hook sees. */
static void
statement_put(hg_audit_class class, hg_audit_outcome outcome, int sqlstate, uint8 flags,
			  const char *tag)
{
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	hg_audit_words action;
	hg_audit_words statement;
	hg_audit_event event;
	bool		cut;

	hg_audit_statement_number++;
	hg_audit_event_begin(&event, class, outcome);
	event.sqlstate = sqlstate;
	event.flags |= flags;
	hg_audit_words_action(&action, bundle, tag, NULL);
	hg_audit_words_statement(&statement, debug_query_string, 0, 0, &cut);
	if (cut)
		event.flags |= HG_AUDIT_EVENT_CUT;
	hg_audit_put(&event, &action, NULL, &statement);
}

/* A failure that no other hook saw: the statement did not get as far. */
static void
failure_record(const ErrorData *error)
{
	int			word;

	if (debug_query_string == NULL)
		return;
	word = first_word_of(debug_query_string);
	if (hg_audit_wanted(first_words[word].class))
		statement_put(first_words[word].class,
					  hg_audit_outcome_of(HG_AUDIT_FAILURE, error->sqlerrcode),
					  error->sqlerrcode, 0, first_words[word].tag);
}

/* Commands that take data out or make a way for it; the others are misc. */
static const struct
{
	const char *tag;
	hg_audit_class class;
}			commands[] = {
	{"BASE_BACKUP", HG_AUDIT_COPY},
	{"START_REPLICATION", HG_AUDIT_COPY},
	{"CREATE_REPLICATION_SLOT", HG_AUDIT_FUNCTION},
	{"ALTER_REPLICATION_SLOT", HG_AUDIT_FUNCTION},
	{"DROP_REPLICATION_SLOT", HG_AUDIT_FUNCTION},
	{"UPLOAD_MANIFEST", HG_AUDIT_FUNCTION},
	{NULL, HG_AUDIT_MISC},
};

static void
command_record(ErrorData *error)
{
	const char *word = first_word_find(debug_query_string);
	int			i = 0;

	if (!commands_shown)
		error->output_to_server = false;
	while (commands[i].tag != NULL
		   && pg_strncasecmp(word, commands[i].tag, strlen(commands[i].tag)) != 0)
		i++;
	if (hg_audit_wanted_cluster(commands[i].class))
		statement_put(commands[i].class, HG_AUDIT_SUCCESS, 0, HG_AUDIT_EVENT_CLUSTER,
					  commands[i].tag ? commands[i].tag : "REPLICATION");
}

static bool
is_command(const ErrorData *error)
{
	return am_walsender && error->elevel == LOG && debug_query_string != NULL
		&& error->message_id != NULL
		&& strcmp(error->message_id, "received replication command: %s") == 0;
}

/* A connection that was refused before it was asked for a password, or after it passed. */
static void
refusal_record(const ErrorData *error)
{
	if (failure_told)
		return;
	if (!login_told)
		hg_audit_session_early(MyProcPort->user_name, MyProcPort->database_name);
	login_told = true;
	session_record("LOGIN", HG_AUDIT_REFUSED, error->sqlerrcode, HG_AUDIT_NONE,
				   "connection refused");
}

static void
log_seen(ErrorData *error)
{
	static bool inside = false;

	if (!inside && (error->elevel >= ERROR || is_command(error)) && hg_audit_ring_shared != NULL
		&& MyProcPort != NULL && MyProc != NULL && !IsParallelWorker())
	{
		inside = true;
		if (error->elevel == LOG)
			command_record(error);
		else if (error->elevel == FATAL && !IsNormalProcessingMode())
			refusal_record(error);
		else if (error->elevel == FATAL)
		{
			hg_audit_executor_stopped(error->sqlerrcode);
			hg_audit_utility_stopped(error->sqlerrcode);
		}
		else if (error->elevel == ERROR && failure_sqlstate != error->sqlerrcode)
			failure_record(error);
		failure_sqlstate = 0;
		inside = false;
	}
	if (previous_log)
		previous_log(error);
}

/*
 * Errors below log_min_messages reach neither this room's hook nor the one that
 * masks them.  The setting's check hook sees to that; this is for values of a time
 * before the cluster's first database was flagged.
 */
static void
errors_hold(XactEvent event, void *unused)
{
	(void) event;
	(void) unused;
	log_min_messages = hg_state_log_level(log_min_messages);
}

/*
 * A database's label was changed, and what that means is published already.  A
 * session learns of it when its next transaction begins, before its statement is
 * parsed: so not even the first error of one that was idle escapes.
 */
static void
labels_changed(Datum unused, Oid relation)
{
	(void) unused;
	if (relation == SharedSecLabelRelationId || !OidIsValid(relation))
		log_min_messages = hg_state_log_level(log_min_messages);
}

void
hg_audit_session_init(void)
{
	RegisterXactCallback(errors_hold, NULL);
	CacheRegisterRelcacheCallback(labels_changed, (Datum) 0);
	previous_authentication = ClientAuthentication_hook;
	ClientAuthentication_hook = authenticated;
	previous_log = emit_log_hook;
	emit_log_hook = log_seen;
}

void
hg_audit_hooks_init(void)
{
	/* At the end of a transaction the last one is the first. */
	hg_audit_utility_init();
	hg_audit_executor_init();
	hg_audit_function_init();
	hg_audit_session_init();
}
