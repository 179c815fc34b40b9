/*
 * catalogs.h
 *		Which columns of which system catalogs hold text, as data: for the check
 *		after a command, for scan_catalog(), and for the names that exist.
 */
#ifndef HG_GUARD_CATALOGS_H
#define HG_GUARD_CATALOGS_H

#include "postgres.h"

#include "guard/surfaces.h"

typedef enum hg_guard_form
{
	HG_FORM_NAME,				/* name, or text that is a name */
	HG_FORM_TEXT,				/* text */
	HG_FORM_NAMES,				/* text[] of names */
	HG_FORM_OPTIONS,			/* text[] of name=value */
	HG_FORM_NODES,				/* pg_node_tree */
	HG_FORM_PIECES,				/* bytea of texts, each with a zero byte behind it */
	HG_FORM_VALUES				/* anyarray */
} hg_guard_form;

typedef struct hg_guard_column
{
	const char *name;
	hg_guard_form form;
	hg_guard_at at;
} hg_guard_column;

#define HG_GUARD_COLUMNS_MAX 8

/*
 * A catalog.  Columns are named, not numbered: what a server's version does not
 * have is skipped.  "key" leads an index that finds the rows of an object;
 * "group" holds the rows among which a text is looked for that stood there
 * before, since a command may replace a row by a new one (ALTER COLUMN TYPE
 * makes the constraints anew).
 */
typedef struct hg_guard_catalog
{
	Oid			relation;
	Oid			index;			/* InvalidOid: read by scan_catalog() only */
	Oid			class;			/* of the object that the rows belong to */
	const char *key;
	const char *sub;			/* column with the object's number within it, or NULL */
	const char *class_key;		/* column with the class instead, or NULL */
	const char *group;
	const char *relkinds;		/* kinds of relations that have rows there, NULL: all */
	hg_guard_column columns[HG_GUARD_COLUMNS_MAX];
} hg_guard_catalog;

extern const hg_guard_catalog hg_guard_catalogs[];
extern const int hg_guard_catalogs_count;

#endif							/* HG_GUARD_CATALOGS_H */
