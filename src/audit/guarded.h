/*
 * guarded.h
 *		Whether the server ran without the library meanwhile.
 */
#ifndef HG_AUDIT_GUARDED_H
#define HG_AUDIT_GUARDED_H

#include "postgres.h"

/*
 * In the postmaster, at its start: compares the control file with what the
 * last clean stop left, and records an interval that nobody guarded.
 */
extern void hg_audit_guarded_check(void);

#endif							/* HG_AUDIT_GUARDED_H */
