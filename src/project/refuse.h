/*
 * refuse.h
 *		Private to the room: how something is refused, and what is.
 */
#ifndef HG_PROJECT_REFUSE_H
#define HG_PROJECT_REFUSE_H

#include "postgres.h"

/* refuse.c: hooks that refuse what would take the flag or its enforcement away. */
extern void hg_refuse_init(void);

#endif							/* HG_PROJECT_REFUSE_H */
