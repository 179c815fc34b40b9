/*
 * catalog.h
 *		What a command wrote into the catalogs, read after it ran.
 */
#ifndef HG_GUARD_CATALOG_H
#define HG_GUARD_CATALOG_H

#include "postgres.h"

#include "guard/catalogs.h"
#include "guard/verdict.h"

/* An object that a command made or changed. */
typedef struct hg_guard_object
{
	Oid			class;
	Oid			oid;
	int			sub;
	bool		created;
} hg_guard_object;

/*
 * Judges the texts of an object's rows, but for those that stood there when
 * the command began ("began": its command id).  The caller has made the
 * command's changes visible.
 */
extern void hg_guard_check_object(const hg_guard_judge *judge, const hg_guard_object *object,
								  CommandId began);

/* Whether any object of the database or the cluster has that name. Reads whole catalogs. */
extern bool hg_guard_name_exists(const char *name);

/* The surface of a column's text in a row: what a relation's name is depends on its kind. */
struct HeapTupleData;
extern hg_guard_at hg_guard_at_of(const hg_guard_catalog *catalog, const hg_guard_column *column,
								  struct HeapTupleData *row);

#endif							/* HG_GUARD_CATALOG_H */
