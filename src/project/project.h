/*
 * project.h
 *		The flag of a database, its life, and what it enforces on connections.
 */
#ifndef HG_PROJECT_H
#define HG_PROJECT_H

#include "postgres.h"

#include "access/attnum.h"

extern void hg_project_init(void);
extern Size hg_project_shmem_size(void);
extern void hg_project_shmem_startup(void);

/*
 * Whether this session has broken the glass: PH001, PH002 and PH005 are
 * recorded warnings then.
 */
extern bool hg_project_glass_broken(void);

/*
 * Whether a feature is open here: the database is not flagged, or an exemption
 * is in force for the scope (a role, an object or '*').  Reads the catalog.
 */
extern bool hg_project_feature_open(const char *feature, const char *scope);

/*
 * Whether a column is labelled as PHI, itself, by its table, or by the root of
 * a partition; column 0: whether any is. Reads catalogs, and keeps what it read.
 */
extern bool hg_project_column_is_phi(Oid relation, AttrNumber column);

#endif							/* HG_PROJECT_H */
