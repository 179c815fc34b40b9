/*
 * dml.h
 *		Direct changes of system catalogs, which superusers may make.
 */
#ifndef HG_GUARD_DML_H
#define HG_GUARD_DML_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* "permissions": what the executor is about to ask for, one a relation. */
extern void hg_guard_check_permissions(List *permissions);

/* TRUNCATE of a relation. */
extern void hg_guard_check_truncate(Oid relation);

#endif							/* HG_GUARD_DML_H */
