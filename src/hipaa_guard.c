/*
 * hipaa_guard.c
 *		Loads the library: refuses to load late, and starts the rooms in order.
 *
 * A room gives what it needs in one row of the table below.  Hooks are
 * installed by a room's init, the log hook alone in shmem_request_hook: that
 * runs after every library's _PG_init, so that we see a message first whatever
 * the order of shared_preload_libraries.
 */
#include "postgres.h"

#include "base/errors.h"
#include "hipaa_guard.h"

#include "audit/audit.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/state.h"
#include "fmgr.h"
#include "guard/guard.h"
#include "miscadmin.h"
#include "posture/posture.h"
#include "project/project.h"
#include "redact/redact.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "text/text.h"
#include "utils/builtins.h"

HG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* What a room brings; each member may be NULL. */
typedef struct room
{
	void		(*init) (void); /* in _PG_init */
	Size		(*shmem_size) (void);
	void		(*shmem_request) (void);
	void		(*shmem_startup) (void);	/* again after each crash restart */
} room;

static const room rooms[] = {
	{hg_audit_settings_init, NULL, NULL, NULL},
	{hg_guc_init, NULL, NULL, NULL},
	{NULL, hg_state_shmem_size, hg_state_shmem_request, hg_state_shmem_startup},
	{hg_redact_init, NULL, hg_redact_install_hook, NULL},
	{hg_audit_init, hg_audit_shmem_size, NULL, hg_audit_shmem_startup},
	{hg_text_init, hg_text_shmem_size, NULL, hg_text_shmem_startup},
	{hg_project_init, hg_project_shmem_size, NULL, hg_project_shmem_startup},
	{hg_guard_init, NULL, NULL, NULL},
	{hg_posture_init, NULL, NULL, NULL},
};

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

static void
request_shmem(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	for (size_t i = 0; i < lengthof(rooms); i++)
	{
		if (rooms[i].shmem_size)
			RequestAddinShmemSpace(rooms[i].shmem_size());
		if (rooms[i].shmem_request)
			rooms[i].shmem_request();
	}
}

static void
start_shmem(void)
{
	if (previous_shmem_startup)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (size_t i = 0; i < lengthof(rooms); i++)
		if (rooms[i].shmem_startup)
			rooms[i].shmem_startup();
	LWLockRelease(AddinShmemInitLock);
}

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("hipaa_guard must be loaded via shared_preload_libraries"),
				 errhint("Add hipaa_guard to shared_preload_libraries in postgresql.conf and "
						 "restart the server.")));

	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_shmem;
	for (size_t i = 0; i < lengthof(rooms); i++)
		if (rooms[i].init)
			rooms[i].init();
}

PG_FUNCTION_INFO_V1(hg_library_version);

/* The version of the loaded library, which may be newer than the extension's. */
Datum
hg_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(HG_VERSION));
}
