/*
 * texts.h
 *		Takes a value of a catalog's column apart into the texts it holds.
 */
#ifndef HG_GUARD_TEXTS_H
#define HG_GUARD_TEXTS_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "guard/catalogs.h"
#include "nodes/nodes.h"

/* Called for each text; returns true to stop. */
typedef bool (*hg_guard_visitor) (void *arg, const char *text, size_t size, bool is_name);

/* Visits the texts of a value that is not null. Returns whether the visitor stopped. */
extern bool hg_guard_each_text(hg_guard_form form, Datum value, Oid type,
							   hg_guard_visitor visit, void *arg);

/* The same for an expression or a query: constants, what || makes of them, and new names. */
extern bool hg_guard_each_constant(Node *node, hg_guard_visitor visit, void *arg);

#endif							/* HG_GUARD_TEXTS_H */
