/*
 * dml.c
 *		Direct changes of system catalogs, which superusers may make.
 *
 * Such a change passes every command that is checked, so a flagged database
 * refuses it whatever it writes.  Scripts of extensions may: some of
 * PostgreSQL's own do so in their updates.
 */
#include "guard/dml.h"

#include "base/compat.h"
#include "base/state.h"
#include "catalog/catalog.h"
#include "catalog/pg_largeobject.h"
#include "commands/extension.h"
#include "guard/verdict.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

#define CHANGES (ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE)

/* Rows of large objects are data. */
static bool
is_guarded_catalog(Oid relation)
{
	return OidIsValid(relation) && IsCatalogRelationOid(relation) &&
		relation != LargeObjectRelationId &&
		(IsSharedRelation(relation) ? hg_state_cluster_flagged() : hg_state_database_flagged());
}

static bool
is_exempt(void)
{
	return IsBinaryUpgrade || creating_extension;
}

void
hg_guard_check_permissions(List *permissions)
{
	ListCell   *cell;

	foreach(cell, permissions)
	{
		hg_permission *permission = lfirst(cell);

		if ((permission->requiredPerms & CHANGES) != 0 &&
			is_guarded_catalog(permission->relid) && !is_exempt())
			hg_guard_refuse_catalog_change("DML");
	}
}

void
hg_guard_check_truncate(Oid relation)
{
	if (is_guarded_catalog(relation) && !is_exempt())
		hg_guard_refuse_catalog_change("TRUNCATE");
}
