/*
 * segment_state.h
 *		The state of a trail outside of it: its id, its key, how often it began.
 *
 * Pure C without postgres.h.
 */
#ifndef HG_AUDIT_SEGMENT_STATE_H
#define HG_AUDIT_SEGMENT_STATE_H

#include "audit/segment_trail.h"

/*
 * *found: there is one, of this directory and this system.  False where that
 * cannot be read now.
 */
extern bool hg_audit_state_load(hg_audit_trail *trail, bool *found);

/*
 * Before a segment is begun: a new key, endorsed by the one before, whose
 * private part is destroyed; a trail of its own after a fork.  A key that no
 * segment used yet stays.
 */
extern bool hg_audit_state_advance(hg_audit_trail *trail);

#endif							/* HG_AUDIT_SEGMENT_STATE_H */
