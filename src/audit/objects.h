/*
 * objects.h
 *		Relations as events name them, kept between statements.
 */
#ifndef HG_AUDIT_OBJECTS_H
#define HG_AUDIT_OBJECTS_H

#include "audit/event.h"
#include "nodes/bitmapset.h"

typedef struct hg_audit_object
{
	hg_audit_words words;
	bool		skip;			/* a catalog that is not worth an event */
	bool		view;			/* named only where no table below it is */
	bool		phi;			/* labelled as PHI: the relation or one of the columns */
} hg_audit_object;

/* Changes when words that were handed out are not valid any more. */
extern uint64 hg_audit_objects_version;

/*
 * The relation with these columns (a set as the parser makes it), masked and
 * ready for the ring; partitions stand as their root.  With "build" false
 * nothing is read from the catalogs, and what is not known yet has no words.
 * The words are valid until hg_audit_objects_version changes.
 */
extern void hg_audit_object_get(Oid relation, const Bitmapset *columns, bool write, bool build,
								hg_audit_object *object);

extern void hg_audit_objects_init(void);

#endif							/* HG_AUDIT_OBJECTS_H */
