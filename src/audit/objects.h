/*
 * objects.h
 *		Relations as events name them, kept between statements.
 */
#ifndef HG_AUDIT_OBJECTS_H
#define HG_AUDIT_OBJECTS_H

#include "audit/event.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

typedef struct hg_audit_object
{
	hg_audit_words words;
	bool		skip;			/* a catalog that is not worth an event */
	bool		view;			/* named only where no table below it is */
	bool		phi;			/* labelled as PHI: the relation or one of the columns */
} hg_audit_object;

/* What is done with a relation; deleting a row concerns every column. */
typedef enum hg_audit_use
{
	HG_AUDIT_USE_READ,
	HG_AUDIT_USE_WRITE,
	HG_AUDIT_USE_DELETE
} hg_audit_use;

/* Changes when words that were handed out are not valid any more. */
extern uint64 hg_audit_objects_version;

/*
 * The relation with these columns (a set as the parser makes it), masked and
 * ready for the ring; partitions stand as their root.  With "build" false
 * nothing is read from the catalogs, and what is not known yet has no words.
 * The words are valid until hg_audit_objects_version changes.
 */
extern void hg_audit_object_get(Oid relation, const Bitmapset *columns, hg_audit_use use,
								bool build, hg_audit_object *object);

/* What stands for a relation in the trail: a partition's root, a TOAST table's owner, itself. */
extern Oid	hg_audit_relation_root(Oid relation);

/* Whether the relation or one of these columns (names of its own; NIL: any) is labelled as PHI. */
extern bool hg_audit_relation_phi(Oid relation, const List *columns);

/* The words of a relation as a whole, as hg_audit_words_object() makes them. */
extern void hg_audit_relation_words(hg_audit_words *words, char *bundle, Oid relation);

extern void hg_audit_objects_init(void);

#endif							/* HG_AUDIT_OBJECTS_H */
