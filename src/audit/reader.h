/*
 * reader.h
 *		Reading the trail from its files, record by record.
 */
#ifndef HG_AUDIT_READER_H
#define HG_AUDIT_READER_H

#include "postgres.h"

#include "audit/segment_window.h"

/* A string of a bundle, not terminated; data NULL: none. */
typedef struct hg_audit_string
{
	const char *data;
	size_t		size;
} hg_audit_string;

/* Reading record by record; see hg_audit_cursor_begin(). */
typedef struct hg_audit_cursor
{
	int64		since_us;		/* only segments that may have events of that time are read; */
	int64		until_us;		/* exclusive; INT64_MIN and INT64_MAX: no limit */
	MemoryContext context;		/* of what is here */

	hg_audit_file *files;
	size_t		files_count;
	size_t		file_next;

	/* the segment at hand */
	const char *name;			/* NULL: none */
	const char *name_last;		/* of the trail's last one: it may end in the midst of a frame */
	bool		last;
	hg_audit_segment_header header;
	hg_audit_window window;		/* its offset is that of the next frame */
	const hg_audit_frame_header *frame; /* NULL: none */
	size_t		item_offset;
	MemoryContext texts_context;
	hg_audit_string *texts;		/* by number, from 1 */
	uint32		texts_count;
	uint32		texts_max;

	uint32		segments_read;
	uint32		segments_passed;	/* that have nothing of the time */
} hg_audit_cursor;

/*
 * Begins with the segments that are there now.  With "events_only" segments are
 * passed over that have no event of the time; gaps and counts may be told long
 * afterwards.  Damage on the way is a WARNING with its place.
 */
extern void hg_audit_cursor_begin(hg_audit_cursor *cursor, int64 since_us, int64 until_us,
								  bool events_only);

/*
 * The next record that is no text, or NULL; valid until the next call.
 * *segment tells whether it is the first one of another segment, which makes
 * texts of before invalid.
 */
extern const hg_audit_item *hg_audit_cursor_next(hg_audit_cursor *cursor, bool *segment);
extern void hg_audit_cursor_end(hg_audit_cursor *cursor);

/* A text of the segment at hand. */
extern hg_audit_string hg_audit_cursor_text(const hg_audit_cursor *cursor, uint32 number);

/* Takes up to max strings out of a bundle; those it has not are NULL. Returns how many it has. */
extern int	hg_audit_bundle_split(hg_audit_string bundle, hg_audit_string *strings, int max);

/* Raises unless the user may read the trail. */
extern void hg_audit_reader_check(void);


#endif							/* HG_AUDIT_READER_H */
