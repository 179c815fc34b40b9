/*
 * compat.h
 *		What differs between PostgreSQL versions; no other file asks for one.
 */
#ifndef HG_COMPAT_H
#define HG_COMPAT_H

#include "postgres.h"

#include "utils/guc.h"
#include "utils/guc_tables.h"

#if PG_VERSION_NUM < 150000
#error "hipaa_guard needs PostgreSQL 15 or newer"
#endif

/* Name and version show in pg_get_loaded_modules() from 18 on. */
#if PG_VERSION_NUM >= 180000
#define HG_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "hipaa_guard", .version = HG_VERSION)
#else
#define HG_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* What prints for EXPLAIN moved out of explain.h in 18. */
#if PG_VERSION_NUM >= 180000
#define HG_EXPLAIN_HEADER "commands/explain_format.h"
#define HG_EXPLAIN_STATE_HEADER "commands/explain_state.h"
#else
#define HG_EXPLAIN_HEADER "commands/explain.h"
#define HG_EXPLAIN_STATE_HEADER "commands/explain.h"
#endif

/* utils/pg_locale.h asks for ICU's headers, which nothing else here needs. */
extern PGDLLIMPORT char *locale_messages;

/*
 * ExecutorCheckPerms_hook has the permission infos as an argument of its own since 16; either
 * list's members have relid and requiredPerms.
 */
#if PG_VERSION_NUM >= 160000
#define HG_CHECK_PERMS_ARGS List *range_table, List *perminfos, bool ereport_on_violation
#define HG_CHECK_PERMS_PASS range_table, perminfos, ereport_on_violation
#define HG_CHECK_PERMS_LIST perminfos
#define hg_permission RTEPermissionInfo
#else
#define HG_CHECK_PERMS_ARGS List *range_table, bool ereport_on_violation
#define HG_CHECK_PERMS_PASS range_table, ereport_on_violation
#define HG_CHECK_PERMS_LIST range_table
#define hg_permission RangeTblEntry
#endif

/* ExecutorRun_hook lost execute_once in 18. */
#if PG_VERSION_NUM >= 180000
#define HG_EXECUTOR_RUN_ARGS QueryDesc *query_desc, ScanDirection direction, uint64 count
#define HG_EXECUTOR_RUN_PASS query_desc, direction, count
#else
#define HG_EXECUTOR_RUN_ARGS \
	QueryDesc *query_desc, ScanDirection direction, uint64 count, bool execute_once
#define HG_EXECUTOR_RUN_PASS query_desc, direction, count, execute_once
#endif

/* What a statement needs of a relation moved from the range table to a list of its own in 16. */
#if PG_VERSION_NUM >= 160000
#define HG_PERMS RTEPermissionInfo
#define HG_PERMS_LIST(statement) ((statement)->permInfos)
#define HG_PERMS_OF_RELATION(perms) OidIsValid((perms)->relid)
#else
#define HG_PERMS RangeTblEntry
#define HG_PERMS_LIST(statement) ((statement)->rtable)
#define HG_PERMS_OF_RELATION(perms) ((perms)->rtekind == RTE_RELATION)
#endif

/* A setting by its name, NULL if there is none. find_option() can be called since 16. */
static inline struct config_generic *
hg_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	struct config_generic **all = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
#endif
}

/* Ownership of a relation: one function for all classes since 16. */
#if PG_VERSION_NUM >= 160000
#define hg_is_owner(relation) object_ownercheck(RelationRelationId, relation, GetUserId())
#else
#define hg_is_owner(relation) pg_class_ownercheck(relation, GetUserId())
#endif

/* The number of a process among the server's: MyBackendId became MyProcNumber in 17. */
#if PG_VERSION_NUM >= 170000
#define HG_MY_PROC_NUMBER ((int) MyProcNumber)
#else
#define HG_MY_PROC_NUMBER (MyBackendId - 1)
#endif

/* One level for each type of process since 19. */
#if PG_VERSION_NUM >= 190000
#define HG_LOG_MIN_MESSAGES log_min_messages[MyBackendType]
#else
#define HG_LOG_MIN_MESSAGES log_min_messages
#endif

/* Since 18 grouped expressions are a range table entry of their own. */
#if PG_VERSION_NUM >= 180000
#define HG_RTE_GROUP_EXPRS(entry) ((entry)->rtekind == RTE_GROUP ? (entry)->groupexprs : NIL)
#else
#define HG_RTE_GROUP_EXPRS(entry) NIL
#endif

/* All settings, for those who include utils/guc_tables.h: an array of pointers. */
#if PG_VERSION_NUM >= 160000
#define HG_ALL_SETTINGS(count) get_guc_variables(count)
#else
#define HG_ALL_SETTINGS(count) (*(count) = GetNumConfigOptions(), get_guc_variables())
#endif

/* What a check hook hands to its assign hook is freed by guc.c, in its own way since 16. */
#if PG_VERSION_NUM >= 160000
#define HG_GUC_MALLOC(size) guc_malloc(LOG, size)
#else
#define HG_GUC_MALLOC(size) malloc(size)
#endif

#endif							/* HG_COMPAT_H */
