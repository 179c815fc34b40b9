/*
 * fields.h
 *		Statements of which only a few fields are stored, read from their tree.
 */
#ifndef HG_GUARD_FIELDS_H
#define HG_GUARD_FIELDS_H

#include "postgres.h"

#include "guard/verdict.h"

/* Judges what a statement with reading HG_READ_FIELDS stores. "sql" is its own text. */
extern void hg_guard_read_fields(const hg_guard_judge *judge, const hg_guard_statement *kind,
								 Node *statement, const char *sql, size_t size);

/* Whether it writes what the whole cluster shares. */
extern bool hg_guard_writes_shared(const hg_guard_statement *kind, const Node *statement);

#endif							/* HG_GUARD_FIELDS_H */
