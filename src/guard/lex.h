/*
 * lex.h
 *		Reads a statement's own text: its names and literals.
 */
#ifndef HG_GUARD_LEX_H
#define HG_GUARD_LEX_H

#include "postgres.h"

#include "guard/verdict.h"

/*
 * Judges every name and literal of a statement before anything is locked.  A
 * name that an object of the database has already is left to the check after
 * the command, which sees whether the statement adds it.
 */
extern void hg_guard_read_slice(const hg_guard_judge *judge, const hg_guard_statement *kind,
								NodeTag tag, const char *sql, size_t size);

#endif							/* HG_GUARD_LEX_H */
