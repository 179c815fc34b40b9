/*
 * emergency.h
 *		Private to the room: exemptions and the broken glass.
 */
#ifndef HG_PROJECT_EMERGENCY_H
#define HG_PROJECT_EMERGENCY_H

#include "postgres.h"

#include "datatype/timestamp.h"

extern void hg_emergency_init(void);

/*
 * Until when an exemption of a feature is in force for a scope (an object) or
 * for the current or session user or for all; 0 if none is. Uses SPI.
 */
extern TimestampTz hg_emergency_exempt_until(const char *feature, const char *scope);

/* Whether this session has a disclosure open. Uses SPI. */
extern bool hg_emergency_disclosure_open(void);

#endif							/* HG_PROJECT_EMERGENCY_H */
