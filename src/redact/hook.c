/*
 * hook.c
 *		The log hook: masks every field of a message before any sink has it.
 *
 * Runs in every process and at the worst moments: out of memory, in a critical
 * section, in an aborted transaction, while a backend dies.  So it takes no
 * lock, reads no catalog, raises nothing, and works in static buffers; the one
 * allocation it makes may fail, and then the field becomes shorter instead.
 *
 * What does not come through here: messages below log_min_messages, the stderr
 * of child processes, and dumps of memory contexts (docs/log.md).
 */
#include "redact/redact.h"

#include <fcntl.h>
#include <libintl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/pg_type_d.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "redact/digest.h"
#include "redact/mask_out.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* The most of a field that is kept, and that is read; more is cut. */
#define FIELD_MAX (64 * 1024)
#define FIELD_READ_MAX (256 * 1024)

static emit_log_hook_type previous_hook = NULL;

/* One for whatever is masked now, one that debug_query_string may point to. */
static char work[FIELD_MAX];
static char statement[FIELD_MAX];

/* What debug_query_string was before it was made to point to the masked copy. */
static const char *raw_statement = NULL;

/* Rows of passages that a session remembers: it runs some dozens of statements. */
#define PASSAGE_ROWS 32

/*
 * What the scanners found nothing in, so that statements which come again are
 * compared, until the site's own identifiers or the threshold change.  While
 * the identifiers are being changed (an odd version), nothing is remembered.
 */
static void
remember(hg_mask_options *options)
{
	static hg_mask_memo memo;
	static hg_mask_passage rows[PASSAGE_ROWS][HG_PASSAGE_WAYS];
	static hg_mask_passages passages = {rows, PASSAGE_ROWS, 0};
	static uint32 known_version = 0;
	static float known_confidence = -1;
	uint32		version = hg_phi_custom_version();

	if (version % 2 != 0)
		return;
	if (known_confidence >= 0 &&
		(version != known_version || options->confidence != known_confidence))
	{
		memset(&memo, 0, sizeof(memo));
		memset(rows, 0, sizeof(rows));
	}
	known_version = version;
	known_confidence = options->confidence;
	options->memo = &memo;
	options->passages = &passages;
}

void
hg_redact_options(hg_mask_options *options)
{
	memset(options, 0, sizeof(*options));
	options->confidence = (float) hg_guc_redact_confidence;
	if (hg_state_cluster_flagged())
		options->confidence = Min(options->confidence, (float) HG_REDACT_CONFIDENCE_MAX);
	if (hg_guc_redaction_marker == HG_MARKER_HASH)
	{
		options->hash_key = hg_redact_key();
		options->digest = hg_digest_value;
	}
}

static const char *
translate_format(const char *domain, const char *format)
{
	return dgettext(domain, format);
}

/* Whether the server writes its messages in another language than the table's. */
static bool
messages_are_translated(void)
{
#ifdef ENABLE_NLS
	return locale_messages != NULL && strcmp(locale_messages, "C") != 0 &&
		strcmp(locale_messages, "POSIX") != 0 && strncmp(locale_messages, "en", 2) != 0 &&
		!in_error_recursion_trouble();
#else
	return false;
#endif
}

bool
hg_redact_is_wanted(void)
{
	return hg_guc_log_policy != HG_LOG_OFF || hg_state_cluster_flagged();
}

bool
hg_redact_log_options(hg_mask_log_options *options)
{
	bool		strict = hg_guc_log_policy == HG_LOG_STRICT || hg_state_cluster_flagged();

	if (!strict && hg_guc_log_policy == HG_LOG_OFF)
		return false;
	memset(options, 0, sizeof(*options));
	hg_redact_options(&options->mask);
	remember(&options->mask);
	options->strict = strict;
	options->withhold = (hg_guc_raise_policy == HG_RAISE_WITHHOLD);
	if (messages_are_translated())
		options->translate = translate_format;
	return true;
}

bool
hg_redact_statement_is_masked(void)
{
	return debug_query_string == statement;
}

void
hg_redact_close_side_doors(void)
{
	static bool done = false;
	struct rlimit limit;
	int			nowhere;

	if (done || !hg_state_cluster_flagged())
		return;
	done = true;
	if (getrlimit(RLIMIT_CORE, &limit) == 0)
	{
		limit.rlim_cur = 0;
		(void) setrlimit(RLIMIT_CORE, &limit);
	}
	/* A server alone at a terminal shows its results there. */
	nowhere = IsPostmasterEnvironment ? open("/dev/null", O_WRONLY) : -1;
	if (nowhere >= 0)
	{
		(void) dup2(nowhere, STDOUT_FILENO);
		(void) close(nowhere);
	}
}

/*
 * Puts the first "size" bytes of a buffer in a field's place: in its own memory
 * if it fits there, else in new memory, else the marker or nothing at all.
 */
static void
replace_field(char **field, const char *buffer, size_t size)
{
	size_t		old_size = strlen(*field);
	char	   *copy;

	if (size == old_size && memcmp(*field, buffer, size) == 0)
		return;
	if (size > old_size)
	{
		copy = MemoryContextAllocExtended(ErrorContext, size + 1, MCXT_ALLOC_NO_OOM);
		if (copy != NULL)
		{
			/* errfinish() would free it in the same way. */
			pfree(*field);
			*field = copy;
		}
		else
		{
			size = old_size >= strlen(HG_REDACTED) ? strlen(HG_REDACTED) : 0;
			buffer = HG_REDACTED;
		}
	}
	memcpy(*field, buffer, size);
	(*field)[size] = '\0';
}

static void
mask_field(char **field, hg_format_field which, const hg_mask_log_options *options)
{
	if (*field != NULL)
		replace_field(field, work, hg_mask_field(which, *field, strnlen(*field, FIELD_READ_MAX),
												 work, sizeof(work), options));
}

/*
 * An object's name in the message; it goes to the client and to verbose logs.
 * RAISE can set it to anything.
 */
static void
mask_name(char **field, const ErrorData *edata, const hg_mask_log_options *options)
{
	hg_phi_span finding;
	size_t		size;
	bool		keep;
	bool		raised = edata->funcname != NULL && strcmp(edata->funcname, "exec_stmt_raise") == 0;

	if (*field == NULL)
		return;
	size = strlen(*field);
	keep = !hg_mask_find(*field, 0, size, &finding, &options->mask) &&
		!hg_mask_find_in_name(*field, size, &finding, options->mask.confidence, NULL);
	if (keep && options->strict)
	{
		hg_sql_origin origin = hg_mask_origin(*field, size, options);

		keep = origin != HG_ORIGIN_VALUE &&
			!(raised && (origin == HG_ORIGIN_UNKNOWN || origin == HG_ORIGIN_ELSEWHERE));
	}
	if (keep && options->strict && raised)
		keep = hg_mask_name_is_ordinary(*field, size, &options->mask);
	if (!keep)
		replace_field(field, HG_REDACTED, strlen(HG_REDACTED));
}

static void
mask_inner_query(ErrorData *edata, const hg_mask_log_options *options)
{
	const char *sql = edata->internalquery;
	size_t		size;

	if (sql == NULL)
		return;
	if (options->strict)
		size = hg_mask_inner_sql(sql, strnlen(sql, FIELD_READ_MAX), work, sizeof(work), options);
	else
		size = hg_mask_text(sql, strnlen(sql, FIELD_READ_MAX), work, sizeof(work), &options->mask);
	replace_field(&edata->internalquery, work, size);
}

/* Whether a message of a level is one that a setting asks for; as elog.c has it. */
static bool
level_is_output(int level, int minimum)
{
	if (level == LOG || level == LOG_SERVER_ONLY)
		return minimum == LOG || minimum <= ERROR;
	if (minimum == LOG)
		return level >= FATAL;
	return level >= minimum;
}

/* Makes debug_query_string point to a masked copy. */
static void
swap_statement(size_t raw_size, const hg_mask_log_options *options)
{
	size_t		size = hg_mask_statement(debug_query_string, Min(raw_size, FIELD_READ_MAX),
										 statement, sizeof(statement) - 1, options);

	statement[size] = '\0';
	raw_statement = debug_query_string;
	debug_query_string = statement;
}

/*
 * The statement is read from debug_query_string after this hook.  From ERROR on
 * nobody reads that again.  Below it the swap lasts to the end of the
 * statement, and code that measured the raw text may copy as many bytes: so the
 * copy must be at least as large, and otherwise the statement is not shown.
 */
static void
mask_statement(ErrorData *edata, const hg_mask_log_options *options)
{
	size_t		raw_size;

	if (debug_query_string == NULL)
		return;
	if (edata->elevel == ERROR)
		hg_redact_report_activity(debug_query_string);
	if (debug_query_string == statement || edata->hide_stmt ||
		!level_is_output(edata->elevel, log_min_error_statement))
		return;
	raw_size = strlen(debug_query_string);
	if (edata->elevel < ERROR && raw_size >= sizeof(statement))
	{
		edata->hide_stmt = true;
		return;
	}
	swap_statement(raw_size, options);
}

void
hg_redact_hide_statement(void)
{
	hg_mask_log_options options;

	if (debug_query_string != NULL && debug_query_string != statement &&
		hg_redact_log_options(&options))
		swap_statement(strlen(debug_query_string), &options);
}

/* Overwrites a string where it lies: others hold pointers to it. */
static void
overwrite(char *string)
{
	size_t		size = strlen(string);

	memset(string, '*', size);
	if (size >= strlen(HG_REDACTED))
		strcpy(string, HG_REDACTED);
}

/*
 * Which of a client's names can be replaced while it connects: whoever comes
 * to use them has taken a pointer to them before.
 */
typedef enum client_names
{
	NAMES_USED,					/* both are still asked for */
	NAMES_USER_USED,			/* pg_hba.conf has been read, and a user map comes */
	NAMES_FREE
} client_names;

static client_names
client_names_in_use(const ErrorData *edata)
{
	const char *name = edata->funcname == NULL ? "" : edata->funcname;

	/* "connection authorized"; and "authenticated" where no method was asked. */
	if (!ClientAuthInProgress || strcmp(name, "PerformAuthentication") == 0 ||
		strcmp(name, "ClientAuthentication") == 0)
		return NAMES_FREE;
	return strcmp(name, "set_authn_id") == 0 ? NAMES_USER_USED : NAMES_USED;
}

static char redacted_name[] = HG_REDACTED;

/* The client's own names while that stands in their place, which is for a line of the log. */
static char *hidden_user = NULL;
static char *hidden_database = NULL;

void
hg_redact_show_client(void)
{
	if (MyProcPort != NULL && hidden_user != NULL)
		MyProcPort->user_name = hidden_user;
	if (MyProcPort != NULL && hidden_database != NULL)
		MyProcPort->database_name = hidden_database;
	hidden_user = hidden_database = NULL;
}

static void
hide_name(char **name, char **hidden)
{
	*hidden = *name;
	*name = redacted_name;
}

static bool
client_name_may_stay(const char *name, const hg_mask_options *mask)
{
	return name == NULL || name == redacted_name ||
		hg_mask_name_is_ordinary(name, strlen(name), mask);
}

/*
 * Until there is such a role and database, a client may call itself anything.
 * What is still asked for cannot be replaced: the log does without the line.
 */
static void
mask_connecting(ErrorData *edata, Port *port, const hg_mask_options *mask)
{
	client_names use = client_names_in_use(edata);

	if (use != NAMES_USED && !client_name_may_stay(port->database_name, mask))
		hide_name(&port->database_name, &hidden_database);
	if (use == NAMES_FREE && !client_name_may_stay(port->user_name, mask))
		hide_name(&port->user_name, &hidden_user);
	if (!client_name_may_stay(port->database_name, mask) ||
		!client_name_may_stay(port->user_name, mask))
		edata->output_to_server = false;
}

/* application_name and what else of the client log_line_prefix, csvlog and jsonlog show. */
static void
mask_client(ErrorData *edata, const hg_mask_log_options *options)
{
	static char checked[NAMEDATALEN];
	const hg_mask_options *mask = &options->mask;
	Port	   *port = MyProcPort;

	if (application_name != NULL && strncmp(checked, application_name, sizeof(checked)) != 0)
	{
		if (!hg_mask_application_is_ordinary(application_name, strlen(application_name), mask))
			overwrite(application_name);
		strlcpy(checked, application_name, sizeof(checked));
	}
	hg_redact_show_client();
	/* By then there are such a role and such a database, and who acts must be told. */
	if (port == NULL || (!ClientAuthInProgress && OidIsValid(MyDatabaseId)))
		return;
	if (edata->elevel < FATAL)
	{
		mask_connecting(edata, port, mask);
		return;
	}
	/* The end of it. */
	if (!client_name_may_stay(port->user_name, mask))
		overwrite(port->user_name);
	if (!client_name_may_stay(port->database_name, mask))
		overwrite(port->database_name);
	if (port->application_name != NULL &&
		!hg_mask_application_is_ordinary(port->application_name,
										 strlen(port->application_name), mask))
		overwrite(port->application_name);
}

/* With client_detail = raw the log has a DETAIL of its own. */
static void
mask_detail(ErrorData *edata, const hg_mask_log_options *options)
{
	if (hg_guc_client_detail == HG_CLIENT_RAW && edata->detail != NULL &&
		edata->detail_log == NULL)
	{
		edata->detail_log = MemoryContextAllocExtended(ErrorContext, strlen(edata->detail) + 1,
													   MCXT_ALLOC_NO_OOM);
		if (edata->detail_log != NULL)
			strcpy(edata->detail_log, edata->detail);
	}
	mask_field(&edata->detail_log, HG_FORMAT_DETAIL, options);
	if (hg_guc_client_detail != HG_CLIENT_RAW || edata->detail_log == NULL)
		mask_field(&edata->detail, HG_FORMAT_DETAIL, options);
}

static void
mask_message(ErrorData *edata, const hg_mask_log_options *options)
{
	size_t		size;

	if (edata->message == NULL)
		return;
	size = hg_redact_raise(edata, work, sizeof(work), options);
	if (size == 0)
		size = hg_mask_message(edata->message_id, edata->message,
							   strnlen(edata->message, FIELD_READ_MAX), work, sizeof(work),
							   options);
	replace_field(&edata->message, work, size);
}

/*
 * A parameter as messages show it; false if nobody can tell without its type's
 * output function.  Numbers are written to "digits".
 */
static bool
read_parameter(const ParamExternData *parameter, char digits[24],
			   const char **text, size_t *size)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(parameter->value);

	*text = digits;
	switch (parameter->ptype)
	{
		case INT2OID:
			*size = (size_t) pg_itoa(DatumGetInt16(parameter->value), digits);
			return true;
		case INT4OID:
			*size = (size_t) pg_ltoa(DatumGetInt32(parameter->value), digits);
			return true;
		case INT8OID:
			*size = (size_t) pg_lltoa(DatumGetInt64(parameter->value), digits);
			return true;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			if (value == NULL || (VARATT_IS_EXTENDED(value) && !VARATT_IS_SHORT(value)))
				return false;
			*text = VARDATA_ANY(value);
			*size = VARSIZE_ANY_EXHDR(value);
			return *size <= FIELD_MAX;
		default:
			return false;
	}
}

/*
 * Parameters of the statement.  An ERROR is reported when its portal runs no
 * longer, but before it is gone; drivers use the unnamed one, unless they fetch
 * in parts.
 */
static void
know_parameters(hg_mask_log_options *options)
{
	static char digits[HG_PARAMETERS_MAX][24];
	Portal		portal = ActivePortal;
	ParamListInfo parameters;

	if (portal == NULL && MyBackendType == B_BACKEND && debug_query_string != NULL)
		portal = GetPortalByName("");
	parameters = portal == NULL ? NULL : portal->portalParams;
	if (parameters == NULL || parameters->paramFetch != NULL)
		return;
	options->parameters_known = parameters->numParams <= HG_PARAMETERS_MAX;
	for (int i = 0; i < parameters->numParams && i < HG_PARAMETERS_MAX; i++)
	{
		const ParamExternData *parameter = &parameters->params[i];
		const char *text;
		size_t		size;

		if (parameter->isnull)
			continue;
		if (read_parameter(parameter, digits[i], &text, &size))
		{
			options->parameters[options->parameters_count].text = text;
			options->parameters[options->parameters_count++].size = size;
		}
		else
			options->parameters_known = false;
	}
}

/* What the user sent tells whether a word of a message was given as a name or as a value. */
static void
know_statements(const ErrorData *edata, hg_mask_log_options *options)
{
	if (debug_query_string != NULL)
	{
		options->statement = debug_query_string == statement ? raw_statement : debug_query_string;
		options->statement_size = strnlen(options->statement, FIELD_READ_MAX);
		options->statement_cut = options->statement[options->statement_size] != '\0';
	}
	if (edata->internalquery != NULL)
	{
		options->inner_statement = edata->internalquery;
		options->inner_statement_size = strnlen(edata->internalquery, FIELD_MAX);
	}
	know_parameters(options);
}

/*
 * Errors of our own C code, by their domain, and of our PL/pgSQL functions, by
 * the line of the context that the raising function has put there: RAISE cannot
 * set it, and nobody else can make a function in our schema in a project.
 */
static bool
is_ours(const ErrorData *edata)
{
	static const char raised[] = "PL/pgSQL function hipaa_guard.";

	if (edata->domain != NULL && strcmp(edata->domain, HG_TEXTDOMAIN) == 0)
		return true;
	return edata->funcname != NULL && strcmp(edata->funcname, "exec_stmt_raise") == 0 &&
		edata->context != NULL && strncmp(edata->context, raised, sizeof(raised) - 1) == 0;
}

/* What we say ourselves holds no value: it is masked like any text, not withheld. */
static void
mask_advice(ErrorData *edata, const hg_mask_log_options *options)
{
	hg_mask_log_options advice = *options;

	if (is_ours(edata))
		advice.strict = false;
	mask_detail(edata, &advice);
	mask_field(&edata->hint, HG_FORMAT_HINT, &advice);
}

/*
 * log_statement's message, as it comes for each statement of the simple protocol:
 * the statement is masked once, for the log and for pg_stat_activity.  False if
 * the message is another one, or has more to be masked.
 */
static bool
mask_logged_statement(ErrorData *edata, const hg_mask_log_options *options)
{
	static const char format[] = "statement: %s";
	const size_t prefix = sizeof(format) - sizeof("%s");
	const char *masked;
	size_t		size;

	if (!options->strict || edata->elevel != LOG || debug_query_string == NULL ||
		edata->message == NULL || edata->message_id == NULL || edata->detail != NULL ||
		edata->context != NULL || strcmp(edata->message_id, format) != 0 ||
		strncmp(edata->message, format, prefix) != 0 ||
		strcmp(edata->message + prefix, debug_query_string) != 0)
		return false;
	hg_redact_report_activity(debug_query_string);
	masked = hg_redact_reported_activity(debug_query_string, strlen(debug_query_string), &size);
	if (masked == NULL || prefix + size > sizeof(work))
		return false;
	memcpy(work, format, prefix);
	memcpy(work + prefix, masked, size);
	replace_field(&edata->message, work, prefix + size);
	return true;
}

static void
mask_all(ErrorData *edata, hg_mask_log_options *options)
{
	if (mask_logged_statement(edata, options))
	{
		mask_statement(edata, options);
		mask_client(edata, options);
		return;
	}
	options->domain = edata->domain;
	know_statements(edata, options);
	mask_message(edata, options);
	mask_advice(edata, options);
	if (edata->context_domain != NULL)
		options->domain = edata->context_domain;
	mask_field(&edata->context, HG_FORMAT_CONTEXT, options);
	mask_inner_query(edata, options);
	mask_name(&edata->schema_name, edata, options);
	mask_name(&edata->table_name, edata, options);
	mask_name(&edata->column_name, edata, options);
	mask_name(&edata->datatype_name, edata, options);
	mask_name(&edata->constraint_name, edata, options);
	mask_statement(edata, options);
	mask_client(edata, options);
}

/* Nothing of a report but its kind. */
static void
withhold_all(ErrorData *edata)
{
	char	  **fields[] = {&edata->message, &edata->detail, &edata->detail_log, &edata->hint,
		&edata->context, &edata->internalquery, &edata->schema_name, &edata->table_name,
	&edata->column_name, &edata->datatype_name, &edata->constraint_name};

	for (size_t i = 0; i < lengthof(fields); i++)
		if (*fields[i] != NULL)
			replace_field(fields[i], HG_REDACTED, strlen(HG_REDACTED));
	edata->hide_stmt = true;
}

static void
emit_log(ErrorData *edata)
{
	/* A signal handler may report while another report is in our buffers. */
	static volatile sig_atomic_t masking = false;
	hg_mask_log_options options;

	/* The site's own identifiers are in shared memory, which is gone in the log collector. */
	if (!hg_state_ready())
		hg_phi_use_custom(NULL);
	if (hg_redact_log_options(&options))
	{
		hg_redact_close_side_doors();
		if (masking)
			withhold_all(edata);
		else
		{
			masking = true;
			mask_all(edata, &options);
			masking = false;
		}
	}
	if (previous_hook)
		previous_hook(edata);
}

void
hg_redact_init(void)
{
	hg_redact_install_activity_hooks();
	hg_redact_watch_raise();
}

void
hg_redact_install_hook(void)
{
	hg_redact_load_key();
	previous_hook = emit_log_hook;
	emit_log_hook = emit_log;
}
