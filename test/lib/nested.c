/*
 * nested.c
 *		A library that a test preloads into a server, to make reports while
 *		another report is being made.
 *
 * From within masking: memchr(), which is asked for the end of each line, reports
 * a line that begins with "zqnested", as a signal handler might. From behind it:
 * a log hook, as another library has one, repeats what it sees, and fails.
 */
#define _GNU_SOURCE
#include "postgres.h"

#include <dlfcn.h>

/* A macro in some C libraries. */
#undef memchr

static bool inside = false;

void *
memchr(const void *text, int c, size_t size)
{
	const unsigned char *at = text;

	if (!inside && c == '\n' && size > 9 && strncmp(text, "zqnested ", 9) == 0)
	{
		inside = true;
		ereport(LOG,
				(errmsg("within a report: %.*s", (int) size, (const char *) text),
				 errdetail("within a report: %.*s", (int) size, (const char *) text),
				 errhint("within a report: %.*s", (int) size, (const char *) text)));
		inside = false;
	}
	for (; size > 0; at++, size--)
		if (*at == (unsigned char) c)
			return (void *) (uintptr_t) at;
	return NULL;
}

static void
repeat(ErrorData *edata)
{
	if (inside || edata->message == NULL)
		return;
	inside = true;
	if (strstr(edata->message, "is repeated") != NULL)
		ereport(LOG,
				(errmsg("another library saw: %s", edata->message),
				 errdetail("%s", edata->detail)));
	if (strstr(edata->message, "is failed at") != NULL)
	{
		inside = false;
		ereport(ERROR, (errmsg("another library fails: %s %s", edata->message, edata->detail)));
	}
	inside = false;
}

/* Other programs than the server have no such hook. */
__attribute__((constructor))
static void
begin(void)
{
	emit_log_hook_type *hook = dlsym(RTLD_DEFAULT, "emit_log_hook");

	if (hook != NULL)
		*hook = repeat;
}
