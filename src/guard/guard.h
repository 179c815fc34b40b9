/*
 * guard.h
 *		The DDL guard: PHI-like text does not become metadata.
 */
#ifndef HG_GUARD_H
#define HG_GUARD_H

#include "postgres.h"

/* Installs the hooks; called once, from _PG_init. */
extern void hg_guard_init(void);

#endif							/* HG_GUARD_H */
