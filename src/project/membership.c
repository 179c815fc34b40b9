/*
 * membership.c
 *		Since when who is a member of a role: each membership that a flagged
 *		cluster sees arrive is put down with its time.
 *
 * PostgreSQL keeps no time with a membership, and who may approve a deletion
 * depends on it.  The times are labels of ours in pg_shseclabel, under the class
 * of memberships and the member's OID, so that they commit with the GRANT, reach
 * standbys and are in base backups; dumps do not carry them, since OIDs of
 * another cluster would mean others.  Takes RowExclusiveLock on pg_shseclabel.
 */
#include "project/refuse.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_auth_members.h"
#include "commands/seclabel.h"
#include "lib/stringinfo.h"
#include "project/flag.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define WORDS_OF "of %u since %s"

struct hg_memberships
{
	uint64	   *edges;			/* role and member, in order */
	int			count;
	int			room;
};

static uint64
edge_of(Oid role, Oid member)
{
	return ((uint64) role << 32) | member;
}

static int
compare(const void *a, const void *b)
{
	uint64		one = *(const uint64 *) a;
	uint64		other = *(const uint64 *) b;

	return one < other ? -1 : one > other;
}

static bool
may_change_memberships(const Node *node)
{
	return IsA(node, GrantRoleStmt) || IsA(node, CreateRoleStmt) || IsA(node, AlterRoleStmt);
}

static hg_memberships *
read_all(void)
{
	hg_memberships *all = palloc0(sizeof(*all));
	Relation	rel = table_open(AuthMemRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	all->room = 64;
	all->edges = palloc(all->room * sizeof(uint64));
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_auth_members form = (Form_pg_auth_members) GETSTRUCT(tuple);

		if (all->count == all->room)
			all->edges = repalloc(all->edges, (all->room *= 2) * sizeof(uint64));
		all->edges[all->count++] = edge_of(form->roleid, form->member);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	qsort(all->edges, all->count, sizeof(uint64), compare);
	return all;
}

/* The label without the words for one role, so that a new time can take their place. */
static void
append_others(StringInfo out, const char *label, Oid role)
{
	char	   *copy = pstrdup(label);
	char	   *rest = NULL;

	for (char *one = strtok_r(copy, ";", &rest); one; one = strtok_r(NULL, ";", &rest))
	{
		Oid			named = InvalidOid;

		one += strspn(one, " ");
		if (sscanf(one, "of %u since", &named) == 1 && named != role)
			appendStringInfo(out, "%s; ", one);
	}
}

static void
note(Oid role, Oid member)
{
	ObjectAddress object;
	StringInfoData label;
	char	   *before;

	ObjectAddressSet(object, AuthMemRelationId, member);
	before = GetSecurityLabel(&object, HG_PROVIDER);
	initStringInfo(&label);
	if (before)
		append_others(&label, before, role);
	appendStringInfo(&label, WORDS_OF, role, timestamptz_to_str(GetCurrentTimestamp()));
	SetSecurityLabel(&object, HG_PROVIDER, label.data);
	CommandCounterIncrement();
}

/* The memberships before a command that may bring some, NULL for others. */
hg_memberships *
hg_membership_before_utility(const Node *node)
{
	return may_change_memberships(node) ? read_all() : NULL;
}

void
hg_membership_after_utility(const hg_memberships *before)
{
	hg_memberships *after;
	uint64		last = 0;

	CommandCounterIncrement();
	after = read_all();
	for (int i = 0; i < after->count; i++)
	{
		uint64		edge = after->edges[i];

		/* Since 16 there may be several rows, one a grantor. */
		if (edge != last &&
			bsearch(&edge, before->edges, before->count, sizeof(uint64), compare) == NULL)
			note((Oid) (edge >> 32), (Oid) edge);
		last = edge;
	}
}

/* PostgreSQL takes away a role's own labels only. */
void
hg_membership_at_drop(Oid role)
{
	ObjectAddress object;

	ObjectAddressSet(object, AuthMemRelationId, role);
	SetSecurityLabel(&object, HG_PROVIDER, NULL);
}
