/*
 * guarded.c
 *		Whether the server ran without the library meanwhile.
 *
 * When the postmaster ends, after the last checkpoint, it writes the place of
 * that checkpoint into a file of the state directory; the next start compares
 * and removes it.  A server that ran without the library left another
 * checkpoint, or an unclean stop where a clean one was noted, or a clean one
 * where none was.  Takes no locks.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlogdefs.h"
#include "audit/audit.h"
#include "audit/guarded.h"
#include "audit/segment_trail.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "storage/ipc.h"

#define GUARDED_FILE "guarded"

static bool
control_read(XLogRecPtr *checkpoint, bool *clean)
{
	bool		checksum_ok;
	ControlFileData *control = get_controlfile(DataDir, &checksum_ok);

	*checkpoint = control->checkPoint;
	*clean = control->state == DB_SHUTDOWNED || control->state == DB_SHUTDOWNED_IN_RECOVERY;
	pfree(control);
	return checksum_ok;
}

static void
guarded_path(char *path, const char *name)
{
	hg_audit_path(path, hg_guc_state_directory, name);
}

/* Nothing else runs any more. A file that cannot be written costs a false alarm only. */
static void
note_stop(int code, Datum unused)
{
	char		path[HG_AUDIT_PATH_SIZE];
	XLogRecPtr	checkpoint;
	bool		clean;
	FILE	   *file;

	(void) code;
	(void) unused;
	if (MyProcPid != PostmasterPid || !control_read(&checkpoint, &clean) || !clean)
		return;
	guarded_path(path, GUARDED_FILE);
	file = fopen(path, "w");
	if (file == NULL)
		return;
	fprintf(file, "%X/%X\n", LSN_FORMAT_ARGS(checkpoint));
	if (fflush(file) == 0)
		(void) fsync(fileno(file));
	fclose(file);
}

/* What the last stop noted; false if there is no note. */
static bool
note_read(XLogRecPtr *checkpoint)
{
	char		path[HG_AUDIT_PATH_SIZE];
	FILE	   *file;
	uint32		high = 0;
	uint32		low = 0;

	guarded_path(path, GUARDED_FILE);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	if (fscanf(file, "%X/%X", &high, &low) != 2)
		high = low = 0;
	fclose(file);
	*checkpoint = (uint64) high << 32 | low;
	return true;
}

void
hg_audit_guarded_check(void)
{
	char		path[HG_AUDIT_PATH_SIZE];
	char		detail[128];
	XLogRecPtr	noted = InvalidXLogRecPtr;
	XLogRecPtr	found;
	bool		clean;
	bool		note;

	if (!IsPostmasterEnvironment || IsUnderPostmaster || !control_read(&found, &clean))
		return;
	on_proc_exit(note_stop, (Datum) 0);
	note = note_read(&noted);
	guarded_path(path, HG_AUDIT_STATE_FILE);
	if (access(path, F_OK) == 0 && (clean != note || (clean && noted != found)))
	{
		snprintf(detail, sizeof(detail), "the server ran without hipaa_guard: last stop at %X/%X, "
				 "now at %X/%X", LSN_FORMAT_ARGS(noted), LSN_FORMAT_ARGS(found));
		hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "unguarded interval", NULL, NULL, 0,
						detail);
		ereport(LOG, (errmsg("hipaa_guard was not loaded while the server ran: %s", detail)));
	}
	guarded_path(path, GUARDED_FILE);
	(void) unlink(path);
}
