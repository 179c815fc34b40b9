/*
 * audit.h
 *		The audit trail: events go into a ring, a worker writes them down.
 */
#ifndef HG_AUDIT_H
#define HG_AUDIT_H

#include "postgres.h"

typedef enum hg_audit_class
{
	HG_AUDIT_READ,
	HG_AUDIT_WRITE,
	HG_AUDIT_DDL,
	HG_AUDIT_ROLE,
	HG_AUDIT_FUNCTION,
	HG_AUDIT_AUTH,
	HG_AUDIT_COPY,
	HG_AUDIT_CONFIG,
	HG_AUDIT_MISC,
	HG_AUDIT_GUARD,
	HG_AUDIT_CLASSES
} hg_audit_class;

typedef enum hg_audit_outcome
{
	HG_AUDIT_SUCCESS,
	HG_AUDIT_FAILURE,
	HG_AUDIT_REFUSED
} hg_audit_outcome;

/* Tells guc.c what audit_classes means; before the settings are defined. */
extern void hg_audit_settings_init(void);

/*
 * Records one event of a room: a refusal, a change of the flag.  Never raises,
 * never blocks; what finds no room is counted as dropped.  The object's name
 * may be NULL and passes the detector; the detail is fixed words only.
 */
extern void hg_audit_record(hg_audit_class class, hg_audit_outcome outcome,
							const char *command_tag, const char *object_type,
							const char *object_name, int sqlstate, const char *detail);

extern void hg_audit_init(void);
extern Size hg_audit_shmem_size(void);
extern void hg_audit_shmem_startup(void);

#endif							/* HG_AUDIT_H */
