/*
 * segment_json.h
 *		Items of a segment as JSON Lines, for those who ship them elsewhere.
 *
 * Pure C without postgres.h.  A segment's lines are a function of its bytes
 * alone, so that who wrote some of them knows how to go on.  The line of an
 * event is that of audit_export('jsonl', ...), byte for byte.
 */
#ifndef HG_AUDIT_SEGMENT_JSON_H
#define HG_AUDIT_SEGMENT_JSON_H

#include "audit/segment.h"

typedef struct hg_audit_json_text
{
	char	   *data;
	size_t		size;
} hg_audit_json_text;

/* One segment's lines: zero it before the first use. */
typedef struct hg_audit_json
{
	uint64_t	system_id;
	uint32_t	boot;
	hg_audit_json_text *texts;	/* by number, from 1 */
	uint32_t	texts_count;
	uint32_t	texts_max;
	char	   *line;
	size_t		size;			/* of the line; not terminated */
	size_t		max;
	bool		failed;			/* memory was short; hg_audit_json_begin() anew */
} hg_audit_json;

extern void hg_audit_json_begin(hg_audit_json *json, const hg_audit_segment_header *header);
extern void hg_audit_json_free(hg_audit_json *json);

/*
 * Takes the items of the segment one by one, all of them.  True if there is a
 * line in json->line now, with a newline at its end: for an event, a gap, a
 * count of what was dropped or a checkpoint.
 */
extern bool hg_audit_json_item(hg_audit_json *json, const hg_audit_item *item);

#endif							/* HG_AUDIT_SEGMENT_JSON_H */
