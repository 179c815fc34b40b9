/*
 * segment_purge.h
 *		Removing the oldest segments of a trail, so that it can be told from tampering.
 *
 * Pure C without postgres.h.  Whether a segment may go is not decided here.
 */
#ifndef HG_AUDIT_SEGMENT_PURGE_H
#define HG_AUDIT_SEGMENT_PURGE_H

#include "audit/segment_trail.h"

/* The header of a segment, if the file has a good one; else false. */
extern bool hg_audit_header_read(const char *directory, const char *name,
								 hg_audit_segment_header *header);

/*
 * Removes all segments up to this one, which must be closed and followed by
 * another.  First a signed line in the keys' file says where the trail begins
 * now; a removal that is cut short between the two is finished by the next
 * hg_audit_trail_purge_finish().
 */
extern bool hg_audit_trail_purge(hg_audit_trail *trail, uint64_t up_to);

/* After opening: removes what the last signed line says is gone. */
extern bool hg_audit_trail_purge_finish(hg_audit_trail *trail);

#endif							/* HG_AUDIT_SEGMENT_PURGE_H */
