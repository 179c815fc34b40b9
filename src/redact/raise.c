/*
 * raise.c
 *		Which format a RAISE of PL/pgSQL has: its text is the function's, its
 *		arguments are values.
 *
 * PL/pgSQL makes the message itself and reports it as "%s", so the format is
 * taken when the statement begins, through the interface that PL/pgSQL has for
 * debuggers. Only one library can use that: if another one does, RAISE is
 * masked as free text. The latest formats are kept, each of them once, since a
 * message may be reported after others were raised and caught.
 */
#include "redact/redact.h"

#include "fmgr.h"
#include "plpgsql.h"

#define FORMATS_COUNT 32
#define FORMAT_MAX 512

/* The formats, and where they stand: the latest one first. */
static char formats[FORMATS_COUNT][FORMAT_MAX];
static uint8 places[FORMATS_COUNT];
static unsigned formats_count = 0;

/*
 * "%" becomes "%s", as in other formats; "%%" is the same in both. All behind
 * the beginning of a long format counts as an argument.
 */
static void
write_format(const char *format, char out[FORMAT_MAX])
{
	size_t		used = 0;

	while (*format != '\0')
	{
		bool		percent = *format == '%';

		/* Not within a character. */
		if (used + 9 > FORMAT_MAX && (*format & 0xC0) != 0x80)
		{
			percent = true;
			format = "%";
		}
		out[used++] = *format++;
		if (percent && *format == '%')
			out[used++] = *format++;
		else if (percent)
			out[used++] = 's';
	}
	out[used] = '\0';
}

static void
keep_format(const char *format)
{
	char		text[FORMAT_MAX];
	uint8		place;
	unsigned	at = 0;

	write_format(format, text);
	while (at < formats_count && strcmp(formats[places[at]], text) != 0)
		at++;
	if (at == formats_count && formats_count < FORMATS_COUNT)
		places[formats_count++] = (uint8) at;
	else if (at == formats_count)
		at--;
	place = places[at];
	memmove(places + 1, places, at);
	places[0] = place;
	strcpy(formats[place], text);
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

	/* PL/pgSQL's own complaints of RAISE have formats of their own. */
	if (!options->strict || options->withhold || edata->funcname == NULL ||
		strcmp(edata->funcname, "exec_stmt_raise") != 0 || edata->message_id == NULL ||
		strcmp(edata->message_id, "%s") != 0)
		return 0;
	for (unsigned i = 0; i < formats_count; i++)
	{
		size_t		used = hg_mask_raise(formats[places[i]], edata->message, size, out, out_size,
										 options);

		if (used > 0)
			return used;
	}
	return 0;
}
