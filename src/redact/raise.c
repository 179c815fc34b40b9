/*
 * raise.c
 *		Which format a RAISE of PL/pgSQL has: its text is the function's, its
 *		arguments are values.
 *
 * PL/pgSQL makes the message itself and reports it as "%s", so the format is
 * taken when the statement begins, through the interface that PL/pgSQL has for
 * debuggers. Only one library can use that: if another one does, RAISE is
 * masked as free text. The latest few formats are kept, since a message may be
 * reported after others were raised and caught.
 */
#include "redact/redact.h"

#include "fmgr.h"
#include "plpgsql.h"

#define FORMATS_COUNT 4
#define FORMAT_MAX 512

static char formats[FORMATS_COUNT][FORMAT_MAX];
static unsigned formats_used = 0;

/* "%" becomes "%s", as in other formats; "%%" is the same in both. */
static void
keep_format(const char *format)
{
	char	   *out = formats[formats_used++ % FORMATS_COUNT];
	size_t		used = 0;

	for (; *format != '\0' && used + 3 < FORMAT_MAX; format++)
	{
		out[used++] = *format;
		if (*format != '%')
			continue;
		if (format[1] == '%')
			out[used++] = *++format;
		else
			out[used++] = 's';
	}
	/* A format that was cut fits no message. */
	out[*format == '\0' ? used : 0] = '\0';
}

static void
statement_begins(PLpgSQL_execstate *estate, PLpgSQL_stmt *stmt)
{
	hg_mask_log_options options;

	(void) estate;
	if (stmt->cmd_type == PLPGSQL_STMT_RAISE && ((PLpgSQL_stmt_raise *) stmt)->message != NULL &&
		hg_redact_log_options(&options))
		keep_format(((PLpgSQL_stmt_raise *) stmt)->message);
}

void
hg_redact_watch_raise(void)
{
	static PLpgSQL_plugin plugin = {.stmt_beg = statement_begins};
	PLpgSQL_plugin **place = (PLpgSQL_plugin **) find_rendezvous_variable("PLpgSQL_plugin");

	if (*place == NULL)
		*place = &plugin;
}

size_t
hg_redact_raise(const ErrorData *edata, char *out, size_t out_size,
				const hg_mask_log_options *options)
{
	size_t		size = strnlen(edata->message, 256 * 1024);

	if (!options->strict || options->withhold || edata->funcname == NULL ||
		strcmp(edata->funcname, "exec_stmt_raise") != 0 || edata->message_id == NULL)
		return 0;
	for (unsigned i = 1; i <= FORMATS_COUNT && i <= formats_used; i++)
	{
		const char *format = formats[(formats_used - i) % FORMATS_COUNT];
		size_t		used = hg_mask_raise(format, edata->message, size, out, out_size, options);

		if (used > 0)
			return used;
	}
	return 0;
}
