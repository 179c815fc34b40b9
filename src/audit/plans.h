/*
 * plans.h
 *		What the events of a query say of its relations, kept between queries.
 */
#ifndef HG_AUDIT_PLANS_H
#define HG_AUDIT_PLANS_H

#include "audit/objects.h"
#include "executor/execdesc.h"

/* Queries with more relations are put together each time. */
#define HG_AUDIT_PLAN_OBJECTS 8

typedef struct hg_audit_plan_object
{
	hg_audit_words words;
	uint8		class;			/* hg_audit_class */
	bool		phi;
} hg_audit_plan_object;

/* One event each; none: the query is told by one event without an object. */
typedef struct hg_audit_plan
{
	uint64		serial;			/* another one for each */
	uint32		statement_at;	/* where its text was found, for hg_audit_words_statement_at() */
	uint32		count;
	hg_audit_plan_object objects[HG_AUDIT_PLAN_OBJECTS];
} hg_audit_plan;

/*
 * The query's relations, from those that are kept, or looked up now; NULL if
 * there are too many, or "build" is false and they are not known.  Valid until
 * the next call.  With "build" the catalogs are read, which may raise.
 */
extern hg_audit_plan *hg_audit_plan_get(const QueryDesc *desc, bool build);

/* A plan to come back to, which is another one by then or still the same. */
typedef struct hg_audit_plan_handle
{
	hg_audit_plan *plan;		/* NULL: none */
	uint64		serial;
} hg_audit_plan_handle;

extern hg_audit_plan_handle hg_audit_plan_hold(hg_audit_plan *plan);
extern hg_audit_plan *hg_audit_plan_again(const hg_audit_plan_handle *handle);

/* Whether the query can change data. */
extern bool hg_audit_plan_changes(const QueryDesc *desc);

/* What is told of each relation: the tables, or where there is none, the views. */
typedef void (*hg_audit_plan_tell) (void *state, const hg_audit_plan_object *object);

/* For any number of relations. False if none was told. */
extern bool hg_audit_plan_each(const QueryDesc *desc, bool build, hg_audit_plan_tell tell,
							   void *state);

#endif							/* HG_AUDIT_PLANS_H */
