/*
 * audit.c
 *		The audit trail's face to the other rooms.
 */
#include "audit/audit.h"

#include "fmgr.h"

void
hg_audit_record(hg_audit_class class, hg_audit_outcome outcome, const char *command_tag,
				const char *object_type, const char *object_name, int sqlstate, const char *detail)
{
	(void) class;
	(void) outcome;
	(void) command_tag;
	(void) object_type;
	(void) object_name;
	(void) sqlstate;
	(void) detail;
}

void
hg_audit_init(void)
{
}

Size
hg_audit_shmem_size(void)
{
	return 0;
}

void
hg_audit_shmem_startup(void)
{
}

PG_FUNCTION_INFO_V1(hg_audit_record_event);

Datum
hg_audit_record_event(PG_FUNCTION_ARGS)
{
	PG_RETURN_VOID();
}
