/*
 * connections.h
 *		Private to the room: who may connect to a flagged database, and how long
 *		a session may stay idle.
 */
#ifndef HG_PROJECT_CONNECTIONS_H
#define HG_PROJECT_CONNECTIONS_H

#include "postgres.h"

/* connections.c */
extern void hg_connections_init(void);

/* The provider's part for roles: their labels are the networks they may come from. */
extern void hg_connections_check_label(Oid role, const char *label);

/*
 * Before a statement: a session that was connecting while the flag was set is
 * looked at again. Ends the session (28000) if it may not be here.
 */
extern void hg_connections_before_statement(void);

/* idle.c */
extern void hg_idle_init(void);
extern void hg_idle_begin_session(void);	/* in the authentication hook */
extern void hg_idle_read_exemptions(void);	/* in a transaction, once; uses SPI */

#endif							/* HG_PROJECT_CONNECTIONS_H */
