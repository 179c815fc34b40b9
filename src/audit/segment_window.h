/*
 * segment_window.h
 *		Reads a segment frame by frame, a part of the file at a time.
 *
 * Pure C without postgres.h.  A part is small enough to stay in the processor's
 * cache, where it is checked and used, and its memory serves for all parts of
 * all segments.  The file is not kept open: who reads in a server may do
 * something else between two frames, in a transaction that ends.
 */
#ifndef HG_AUDIT_SEGMENT_WINDOW_H
#define HG_AUDIT_SEGMENT_WINDOW_H

#include "audit/segment_files.h"

#define HG_AUDIT_WINDOW_READ (256 * 1024)

/* Has room for the largest frame behind what is left of a part. */
#define HG_AUDIT_WINDOW_SIZE (2 * HG_AUDIT_FRAME_SIZE_MAX)

typedef struct hg_audit_window
{
	uint8_t    *data;			/* HG_AUDIT_WINDOW_SIZE bytes, the caller's; aligned */
	int		   *file;			/* the caller's place for the descriptor, -1: none.  It stays open,
								 * so that a segment which is purged meanwhile is read on */
	uint64_t	base;			/* where in the file the data begin */
	size_t		size;			/* of what was read */
	size_t		offset;			/* of the frame at hand */
	int			error;			/* errno of what could not be read; then that is the end */
} hg_audit_window;

/* Begins with a segment: reads its first part. Its header is to be looked at there. */
extern void hg_audit_window_begin(hg_audit_window *window, const char *directory,
								  const char *name);

/* Closes the file; fine if there is none. */
extern void hg_audit_window_end(hg_audit_window *window);

/* What stands at the offset. At the end or a cut frame all that is left is in the window. */
extern hg_audit_found hg_audit_window_frame(hg_audit_window *window, bool thorough,
											const hg_audit_frame_header **frame);

/* Behind damage: moves the offset to the next whole frame, or to the end. */
extern void hg_audit_window_search(hg_audit_window *window);

/* Where in the file the offset is. */
extern uint64_t hg_audit_window_at(const hg_audit_window *window);

#endif							/* HG_AUDIT_SEGMENT_WINDOW_H */
