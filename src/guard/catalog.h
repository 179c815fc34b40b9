/*
 * catalog.h
 *		What a command wrote into the catalogs, read after it ran.
 */
#ifndef HG_GUARD_CATALOG_H
#define HG_GUARD_CATALOG_H

#include "postgres.h"

#include "access/attnum.h"
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

/* The command that did it. */
typedef struct hg_guard_command
{
	CommandId	began;
	bool		copies_comments;	/* LIKE ... INCLUDING COMMENTS, perhaps */
	bool		states_defaults;	/* its text has all defaults: none comes from another table */
} hg_guard_command;

/* The number of a catalog's column on this server, InvalidAttrNumber if it has none. */
extern AttrNumber hg_guard_attribute(const hg_guard_catalog *catalog, const char *name);

/*
 * Judges the texts of an object's rows, but for those that stood there when
 * the command began.  The caller has made the
 * command's changes visible.  Comments are read only if the command may have
 * copied some: a command that states them is judged by its text.
 */
extern void hg_guard_check_object(const hg_guard_judge *judge, const hg_guard_object *object,
								  const hg_guard_command *command);

/* Whether any object of the database or the cluster has that name. Reads whole catalogs. */
extern bool hg_guard_name_exists(const char *name);

/* The surface of a column's text in a row: what a relation's name is depends on its kind. */
struct HeapTupleData;
extern hg_guard_at hg_guard_at_of(const hg_guard_catalog *catalog, const hg_guard_column *column,
								  struct HeapTupleData *row);

#endif							/* HG_GUARD_CATALOG_H */
