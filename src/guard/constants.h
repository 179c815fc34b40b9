/*
 * constants.h
 *		Constants of queries that become metadata: arguments of functions, and
 *		rows of system catalogs.
 */
#ifndef HG_GUARD_CONSTANTS_H
#define HG_GUARD_CONSTANTS_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Judges the constants of an analyzed query. */
extern void hg_guard_read_query(Query *query);

#endif							/* HG_GUARD_CONSTANTS_H */
