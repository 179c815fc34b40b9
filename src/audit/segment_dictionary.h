/*
 * segment_dictionary.h
 *		The texts of the segment that is being written, by content.
 *
 * Pure C without postgres.h.
 */
#ifndef HG_AUDIT_SEGMENT_DICTIONARY_H
#define HG_AUDIT_SEGMENT_DICTIONARY_H

#include "audit/segment.h"

typedef struct hg_audit_dictionary hg_audit_dictionary;

extern hg_audit_dictionary *hg_audit_dictionary_create(void);
extern void hg_audit_dictionary_free(hg_audit_dictionary *dictionary);
extern void hg_audit_dictionary_clear(hg_audit_dictionary *dictionary);

/*
 * The number of a text, from 1.  *found tells whether it had one already.
 * Returns 0 when memory is short.
 */
extern uint32_t hg_audit_dictionary_number(hg_audit_dictionary *dictionary, const char *text,
										   size_t size, uint64_t hash, bool *found);

#endif							/* HG_AUDIT_SEGMENT_DICTIONARY_H */
