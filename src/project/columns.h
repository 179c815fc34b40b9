/*
 * columns.h
 *		Private to the room: labels on columns.
 */
#ifndef HG_PROJECT_COLUMNS_H
#define HG_PROJECT_COLUMNS_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/parsenodes.h"

#define HG_LABEL_PHI "phi"

/* The provider's part for columns, and for tables as a whole (column 0). */
extern void hg_columns_check_label(Oid relation, int column, const char *label);

/* In a flagged database: what would take labelled columns out; labels that follow. */
extern List *hg_columns_before_utility(Node *stmt, const char *command);
extern void hg_columns_after_utility(Node *stmt, const char *command, const List *sources);

/* The label that counts for a column, NULL if there is none; and setting one, for an owner. */
extern char *hg_columns_label_of(Oid relation, AttrNumber column);
extern void hg_columns_set_label(Oid relation, AttrNumber column, const char *label);

/* follow.c: labels follow the data after a command, and into generated columns. */
extern List *hg_columns_sources(Node *stmt);
extern void hg_columns_follow(Node *stmt, const List *sources);
extern void hg_columns_label_generated(Oid relation);

#endif							/* HG_PROJECT_COLUMNS_H */
