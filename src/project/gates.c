/*
 * gates.c
 *		Features that take PHI out of data rows, or out of the server: one table
 *		of them, and how one is refused.
 */
#include "project/gates.h"

#include "base/errors.h"
#include "fmgr.h"
#include "funcapi.h"
#include "project/project.h"
#include "project/refuse.h"
#include "utils/builtins.h"

static const struct
{
	const char *name;
	const char *description;
}			features[] = {
	{HG_FEATURE_COPY_PROGRAM, "COPY with PROGRAM gives rows to a command of the server's user."},
	{HG_FEATURE_SERVER_FILES, "COPY, functions and large objects read and write files of the "
	"server."},
	{HG_FEATURE_FOREIGN_SERVER, "Foreign servers take rows elsewhere; postgres_fdw passes with "
	"sslmode verify-full and without password_required false."},
	{HG_FEATURE_DBLINK, "dblink connects to other servers."},
	{HG_FEATURE_UNTRUSTED_CODE, "C, internal functions and untrusted languages can do what the "
	"server's user can."},
	{HG_FEATURE_EXTENSION, "Extensions that are not known to keep data inside, nor named in "
	"hipaa_guard.allowed_extensions."},
	{HG_FEATURE_LOAD, "LOAD and preloading for a role or database bring in code that was not "
	"looked at."},
	{HG_FEATURE_PUBLICATION, "Publications that let labelled columns out."},
	{HG_FEATURE_UNLOGGED, "Unlogged tables with labelled columns are lost in a crash."},
	{HG_FEATURE_WAL_MESSAGE, "Logical messages put free text into the write-ahead log."},
	{HG_FEATURE_LOGICAL_SLOT, "Logical slots made by SQL may use a plugin that passes over the "
	"filters of publications."},
	{HG_FEATURE_DEBUG_PRINT, "Trees, statistics and parameters of queries go into the log."},
	{HG_FEATURE_SECURITY_DEFINER, "SECURITY DEFINER functions without a search_path of their own "
	"run what their callers put in their way."},
	{HG_FEATURE_EVENT_TRIGGER, "Event triggers run code at every command, and can undo it."},
	{HG_FEATURE_BULK_READ, "More rows with labelled columns than hipaa_guard.bulk_rows, to a "
	"client that has no disclosure open."},
	{HG_FEATURE_SERVICE, "Services that no agreement covers: Neon Auth, Data API."},
	{HG_FEATURE_IDLE_SESSION, "Sessions that stay idle longer than max_idle_session."},
	{HG_FEATURE_IDLE_IN_TRANSACTION, "Transactions that stay idle longer than "
	"max_idle_in_transaction."},
};

static const char *
description_of(const char *feature)
{
	for (size_t i = 0; i < lengthof(features); i++)
		if (strcmp(features[i].name, feature) == 0)
			return features[i].description;
	return NULL;
}

void
hg_gate(const char *feature, const char *scope, const char *command)
{
	if (hg_project_feature_open(feature, scope))
		return;
	hg_refuse(&(hg_refusal) {
		HG_ERRCODE_FEATURE, command, "feature", feature, "blocked feature",
		psprintf("feature \"%s\" is blocked in a HIPAA project", feature),
		description_of(feature),
		psprintf("hipaa_guard.exempt('%s', scope, reason, expires_at) opens it for a role, an "
				 "object or all (*) for a time.", feature)
	});
}

#define FEATURE_COLUMNS 2

PG_FUNCTION_INFO_V1(hg_feature_list);

Datum
hg_feature_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (size_t i = 0; i < lengthof(features); i++)
	{
		Datum		values[FEATURE_COLUMNS];
		bool		nulls[FEATURE_COLUMNS] = {false};

		values[0] = CStringGetTextDatum(features[i].name);
		values[1] = CStringGetTextDatum(features[i].description);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
