/*
 * targets.h
 *		What a utility statement is about.
 */
#ifndef HG_AUDIT_TARGETS_H
#define HG_AUDIT_TARGETS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "nodes/nodes.h"

typedef struct hg_audit_target
{
	const char *type;			/* NULL: nothing is known, nor a name */
	const char *schema;
	const char *name;
	List	   *columns;		/* of strings */
	Oid			oid;			/* of a relation that is there; InvalidOid: none */
	bool		relation;		/* in pg_class, so that its schema can be looked up */
	bool		created;		/* in the schema where new relations go */
} hg_audit_target;

/* How many objects a statement lists; at least 1. */
extern int	hg_audit_targets_count(Node *node);

/*
 * The object at a place of the statement's list, or the only one, as far as its
 * tree tells; what has no schema is looked up as the statement does it, within
 * a transaction.
 */
extern void hg_audit_target_of(hg_audit_target *target, Node *node, int at);

#endif							/* HG_AUDIT_TARGETS_H */
