/*
 * columns.h
 *		Private to the room: labels on columns.
 */
#ifndef HG_PROJECT_COLUMNS_H
#define HG_PROJECT_COLUMNS_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* The provider's part for columns, and for tables as a whole (column 0). */
extern void hg_columns_check_label(Oid relation, int column, const char *label);

/* In a flagged database: what would take labelled columns out; labels that follow. */
extern void hg_columns_before_utility(Node *stmt, const char *command);
extern void hg_columns_after_utility(Node *stmt, const char *command);

#endif							/* HG_PROJECT_COLUMNS_H */
