/*
 * plans.c
 *		What the events of a query say of its relations, kept between queries.
 *
 * The key is all that decides it: the relations, what is done with them and
 * with which columns.  A plan's address would not do, since plans come and go.
 * Takes the locks of catalog look-ups only, when a query is new.
 */
#include "postgres.h"

#include "audit/plans.h"
#include "base/compat.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

#define DEDUPLICATED_MAX 64
#define PLANS_KEPT 64
#define KEY_WORDS 48

typedef struct plan_key
{
	uint32		size;			/* in words */
	uint32		unused;
	uint64		words[KEY_WORDS];
} plan_key;

typedef struct kept_plan
{
	uint64		version;		/* of the objects; 0: free */
	plan_key	key;
	hg_audit_plan plan;
} kept_plan;

static kept_plan plans[PLANS_KEPT];

static uint64 serial_next = 1;

bool
hg_audit_plan_changes(const QueryDesc *desc)
{
	return desc->operation != CMD_SELECT || desc->plannedstmt->hasModifyingCTE;
}

static bool
is_told(const HG_PERMS *perms)
{
	return HG_PERMS_OF_RELATION(perms) && perms->requiredPerms != 0;
}

static bool
key_add(plan_key *key, const Bitmapset *set)
{
	int			count = set == NULL ? 0 : set->nwords;

	if (key->size + count + 1 > KEY_WORDS)
		return false;
	key->words[key->size++] = count;
	for (int i = 0; i < count; i++)
		key->words[key->size++] = set->words[i];
	return true;
}

/* False if there is too much of it. */
static bool
key_make(plan_key *key, const QueryDesc *desc)
{
	const List *list = HG_PERMS_LIST(desc->plannedstmt);

	key->size = 1;
	key->words[0] = (uint64) hg_audit_plan_changes(desc) << 1 | desc->plannedstmt->canSetTag;
	for (int i = 0; i < list_length(list); i++)
	{
		const HG_PERMS *perms = (const HG_PERMS *) list_nth(list, i);

		if (!is_told(perms))
			continue;
		if (key->size + 2 > KEY_WORDS)
			return false;
		key->words[key->size++] = perms->relid;
		key->words[key->size++] = perms->requiredPerms;
		if (!key_add(key, perms->selectedCols) || !key_add(key, perms->insertedCols)
			|| !key_add(key, perms->updatedCols))
			return false;
	}
	return true;
}

static kept_plan *
place_of(const plan_key *key)
{
	uint64		hash = 0;

	for (uint32 i = 0; i < key->size; i++)
		hash = (hash ^ key->words[i]) * UINT64CONST(0x9e3779b97f4a7c15);
	return &plans[hash >> 32 & (PLANS_KEPT - 1)];
}

static hg_audit_use
use_of(const QueryDesc *desc, const HG_PERMS *perms)
{
	if (!hg_audit_plan_changes(desc)
		|| (perms->requiredPerms & (ACL_INSERT | ACL_UPDATE | ACL_DELETE)) == 0)
		return HG_AUDIT_USE_READ;
	return perms->requiredPerms & ACL_DELETE ? HG_AUDIT_USE_DELETE : HG_AUDIT_USE_WRITE;
}

static bool
is_write(const QueryDesc *desc, const HG_PERMS *perms)
{
	return use_of(desc, perms) != HG_AUDIT_USE_READ;
}

/*
 * NEW and OLD of a rule are entries of its table, which since PostgreSQL 16 ask
 * for SELECT where the rule names no column of them.
 */
static bool
is_of_rule(const QueryDesc *desc, const HG_PERMS *own)
{
	const List *list = HG_PERMS_LIST(desc->plannedstmt);
	const ListCell *cell;

	if (desc->plannedstmt->canSetTag || own->selectedCols != NULL || is_write(desc, own))
		return false;
	foreach(cell, list)
	{
		const HG_PERMS *other = lfirst(cell);

		if (other->relid == own->relid && is_told(other) && is_write(desc, other))
			return true;
	}
	return false;
}

/*
 * A relation that is named several times counts once as read and once as
 * written; *columns is of all of these entries.  Mostly that is the one set of
 * one entry: nothing is copied then.
 */
static bool
perms_first(const QueryDesc *desc, int at, Bitmapset **columns, bool *owned)
{
	const List *list = HG_PERMS_LIST(desc->plannedstmt);
	HG_PERMS   *own = (HG_PERMS *) list_nth(list, at);
	int			count = list_length(list);

	*owned = count > 1 || own->insertedCols != NULL || own->updatedCols != NULL;
	*columns = own->selectedCols;
	if (!*owned)
		return true;
	*columns = bms_union(own->selectedCols, own->insertedCols);
	*columns = bms_add_members(*columns, own->updatedCols);
	if (count > DEDUPLICATED_MAX)
		return true;
	for (int i = 0; i < count; i++)
	{
		HG_PERMS   *other = (HG_PERMS *) list_nth(list, i);

		if (i == at || other->relid != own->relid || !is_told(other)
			|| is_write(desc, other) != is_write(desc, own))
			continue;
		if (i < at)
			return false;
		*columns = bms_add_members(*columns, other->selectedCols);
		*columns = bms_add_members(*columns, other->insertedCols);
		*columns = bms_add_members(*columns, other->updatedCols);
	}
	return true;
}

/* Tells the tables or the views; false if there is none of them. */
static bool
each(const QueryDesc *desc, bool views, bool build, hg_audit_plan_tell tell, void *state)
{
	const List *list = HG_PERMS_LIST(desc->plannedstmt);
	bool		told = false;

	for (int i = 0; i < list_length(list); i++)
	{
		const HG_PERMS *perms = (const HG_PERMS *) list_nth(list, i);
		hg_audit_use use = use_of(desc, perms);
		hg_audit_plan_object object;
		hg_audit_object found;
		Bitmapset  *columns;
		bool		owned;

		if (!is_told(perms) || is_of_rule(desc, perms)
			|| !perms_first(desc, i, &columns, &owned))
			continue;
		hg_audit_object_get(perms->relid, columns, use, build, &found);
		if (owned)
			bms_free(columns);
		if (found.skip || found.view != views)
			continue;
		object.words = found.words;
		object.class = use == HG_AUDIT_USE_READ ? HG_AUDIT_READ : HG_AUDIT_WRITE;
		object.phi = found.phi;
		tell(state, &object);
		told = true;
	}
	return told;
}

bool
hg_audit_plan_each(const QueryDesc *desc, bool build, hg_audit_plan_tell tell, void *state)
{
	return each(desc, false, build, tell, state) || each(desc, true, build, tell, state);
}

static void
plan_add(void *state, const hg_audit_plan_object *object)
{
	hg_audit_plan *plan = state;

	if (plan->count < HG_AUDIT_PLAN_OBJECTS)
		plan->objects[plan->count] = *object;
	plan->count++;
}

hg_audit_plan *
hg_audit_plan_get(const QueryDesc *desc, bool build)
{
	plan_key	key;
	kept_plan  *place;
	hg_audit_plan built;
	uint64		version = hg_audit_objects_version;

	if (!key_make(&key, desc))
		return NULL;
	place = place_of(&key);
	if (place->version == version && place->key.size == key.size
		&& memcmp(place->key.words, key.words, key.size * sizeof(key.words[0])) == 0)
		return &place->plan;
	if (!build)
		return NULL;
	built.statement_at = 0;
	built.count = 0;
	(void) hg_audit_plan_each(desc, true, plan_add, &built);
	/* Reading the catalogs may have brought an invalidation. */
	if (built.count > HG_AUDIT_PLAN_OBJECTS)
		return NULL;
	if (version != hg_audit_objects_version)
	{
		version = hg_audit_objects_version;
		built.count = 0;
		(void) hg_audit_plan_each(desc, true, plan_add, &built);
		if (built.count > HG_AUDIT_PLAN_OBJECTS || version != hg_audit_objects_version)
			return NULL;
	}
	built.serial = serial_next++;
	place->version = version;
	place->key = key;
	place->plan = built;
	return &place->plan;
}

hg_audit_plan_handle
hg_audit_plan_hold(hg_audit_plan *plan)
{
	return (hg_audit_plan_handle) {plan, plan->serial};
}

hg_audit_plan *
hg_audit_plan_again(const hg_audit_plan_handle *handle)
{
	const kept_plan *place;

	if (handle->plan == NULL || handle->plan->serial != handle->serial)
		return NULL;
	place = &plans[((const char *) handle->plan - (const char *) plans) / sizeof(kept_plan)];
	return place->version == hg_audit_objects_version ? handle->plan : NULL;
}
