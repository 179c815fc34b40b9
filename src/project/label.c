/*
 * label.c
 *		The provider of security labels.
 *
 * On a database a label is the flag: only hipaa_guard.enable() and seal()
 * write it, nothing takes it away.  A dump carries it: SECURITY LABEL as
 * pg_dump writes it is taken as the begin of a restore (see the utility hook),
 * because the database may lack everything that enable() had checked.
 */
#include "project/flag.h"

#include "access/xact.h"
#include "audit/audit.h"
#include "base/errors.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/seclabel.h"
#include "miscadmin.h"
#include "project/columns.h"
#include "project/connections.h"
#include "utils/timestamp.h"


hg_flag
hg_label_flag(const char *label)
{
	if (strncmp(label, HG_LABEL_RESTORING, strlen(HG_LABEL_RESTORING)) == 0)
		return HG_FLAG_RESTORING;
	return HG_FLAG_ON;
}

/* The label as it is written, without anything that was approved. */
char *
hg_label_text(hg_flag flag)
{
	return psprintf("%s since %s", flag == HG_FLAG_ON ? HG_LABEL_ON : HG_LABEL_RESTORING,
					timestamptz_to_str(GetCurrentTimestamp()));
}

bool
hg_label_deletion_approved(const char *label)
{
	return strstr(label, HG_LABEL_DELETION) != NULL;
}

/* NULL if there is none. In a transaction. */
char *
hg_label_of_database(Oid database)
{
	ObjectAddress object;

	ObjectAddressSet(object, DatabaseRelationId, database);
	return GetSecurityLabel(&object, HG_PROVIDER);
}

/* Writes the flag; every check is the caller's. */
void
hg_label_set_database(Oid database, const char *label)
{
	ObjectAddress object;

	ObjectAddressSet(object, DatabaseRelationId, database);
	hg_flag_touch(database);
	SetSecurityLabel(&object, HG_PROVIDER, label);
	CommandCounterIncrement();
}

static void
refuse_flag(Oid database, const char *message)
{
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_REFUSED, "SECURITY LABEL", "database",
					get_database_name(database), HG_ERRCODE_FLAG, "flag");
	ereport(ERROR,
			(errcode(HG_ERRCODE_FLAG),
			 errmsg("%s", message),
			 errdetail("A database stays a HIPAA project until it is dropped."),
			 errhint("Only hipaa_guard.enable() sets the flag.")));
}

/* Somebody labels a database: taken only as pg_dump's words at the begin of a restore. */
static void
check_database(Oid database, const char *label)
{
	if (label == NULL)
	{
		if (hg_state_flag_of(database) != HG_FLAG_OFF)
			refuse_flag(database, "the HIPAA flag of a database cannot be removed");
		return;
	}
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to set the HIPAA flag of a database")));
	if (hg_state_flag_of(database) == HG_FLAG_ON)
		refuse_flag(database, "the HIPAA flag of a database cannot be changed");
	if (!IsBinaryUpgrade && strcmp(label, HG_LABEL_RESTORING) != 0)
		refuse_flag(database, "the HIPAA flag of a database is set by hipaa_guard.enable() only");
	if (strncmp(label, "hipaa ", 6) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid label for a database"),
				 errhint("Call hipaa_guard.enable() in the database.")));
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "SECURITY LABEL", "database",
					get_database_name(database), 0, "restoring");
	hg_flag_touch(database);
}

static void
check_label(const ObjectAddress *object, const char *label)
{
	switch (object->classId)
	{
		case DatabaseRelationId:
			check_database(object->objectId, label);
			return;
		case AuthIdRelationId:
			hg_connections_check_label(object->objectId, label);
			return;
		case RelationRelationId:
			hg_columns_check_label(object->objectId, object->objectSubId, label);
			return;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("hipaa_guard has no labels for objects of this kind"),
					 errhint("It labels columns, and databases by hipaa_guard.enable().")));
	}
}

void
hg_label_init(void)
{
	register_label_provider(HG_PROVIDER, check_label);
}
