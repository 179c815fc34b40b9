/*
 * emergency.c
 *		Ways past a refusal, each on record: the broken glass of a session, and
 *		exemptions of features.
 *
 * Neither touches the flag, the trail, masking or deletion: hg_refuse() asks
 * for PH002 and PH005 only, and the guard for PH001.
 */
#include "project/emergency.h"

#include "access/xact.h"
#include "audit/audit.h"
#include "base/errors.h"
#include "base/state.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "project/project.h"
#include "project/refuse.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define GLASS_MINUTES_MAX 240

/* Until when the glass is broken in this session, and until when it will be at the commit. */
static TimestampTz glass_until = 0;
static TimestampTz glass_until_at_commit = 0;
static SubTransactionId glass_subtransaction = InvalidSubTransactionId;

bool
hg_project_glass_broken(void)
{
	return glass_until != 0 && GetCurrentTimestamp() < glass_until;
}

/* The entry has to be there before the effect is. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_COMMIT && glass_until_at_commit != 0)
		glass_until = glass_until_at_commit;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		glass_until_at_commit = 0;
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *arg)
{
	(void) arg;
	if (glass_until_at_commit == 0 || mine != glass_subtransaction)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		glass_subtransaction = parent;
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		glass_until_at_commit = 0;
}

/* ---- questions to the catalog ---- */

/*
 * A question of one row and column, asked as the bootstrap superuser, since
 * who is refused need not have rights on our tables.  False if there is no
 * answer, or the extension's tables are not there yet.
 */
static bool
ask(const char *question, const char *table, int count, const char *const *texts, Datum *answer)
{
	Oid			types[4];
	Datum		values[4];
	bool		isnull = true;
	Oid			user;
	int			security;
	Oid			schema = hg_own_schema();

	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid(table, schema)))
		return false;
	for (int i = 0; i < count; i++)
	{
		types[i] = TEXTOID;
		values[i] = CStringGetTextDatum(texts[i]);
	}
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args(question, count, types, values, NULL, false, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
		*answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	return !isnull;
}

TimestampTz
hg_emergency_exempt_until(const char *feature, const char *scope)
{
	const char *texts[] = {feature, scope ? scope : "*", GetUserNameFromId(GetUserId(), false),
	GetUserNameFromId(GetSessionUserId(), false)};
	Datum		answer = (Datum) 0;

	if (!ask("SELECT pg_catalog.max(e.expires_at) FROM hipaa_guard.exemption e "
			 "WHERE e.feature = $1 AND e.expires_at > pg_catalog.clock_timestamp() "
			 "AND e.scope IN ('*', $2, $3, $4)", "exemption", lengthof(texts), texts, &answer))
		return 0;
	return DatumGetTimestampTz(answer);
}

bool
hg_emergency_disclosure_open(void)
{
	Datum		answer;

	/* Not by view: pg_dump forbids its sessions to read any. */
	return ask("SELECT l.entry FROM hipaa_guard.ledger l WHERE l.kind = 'disclosure' "
			   "AND l.body ->> 'session_id' = hipaa_guard.session_id() "
			   "AND NOT EXISTS (SELECT FROM hipaa_guard.ledger e WHERE e.kind = 'disclosure' "
			   "AND e.key = l.key AND e.body ->> 'ended_at' IS NOT NULL)", "ledger", 0, NULL,
			   &answer);
}

bool
hg_project_feature_open(const char *feature, const char *scope)
{
	if (!hg_state_database_flagged())
		return true;
	if (hg_emergency_exempt_until(feature, scope) == 0)
		return false;
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "USE EXEMPTION", "feature", feature, 0,
					"exemption in force");
	return true;
}

/* ---- breaking the glass ---- */

static void
insert_entry(text *reason, int minutes, TimestampTz until)
{
	Oid			types[] = {TEXTOID, INT4OID, TIMESTAMPTZOID};
	Datum		values[] = {PointerGetDatum(reason), Int32GetDatum(minutes),
	TimestampTzGetDatum(until)};

	SPI_connect();
	if (SPI_execute_with_args("INSERT INTO hipaa_guard.emergency (reason, minutes, ends_at) "
							  "VALUES ($1, $2, $3)", 3, types, values, NULL, false, 0) !=
		SPI_OK_INSERT)
		elog(ERROR, "could not record the emergency");
	SPI_finish();
}

static bool
is_blank(text *value)
{
	const char *bytes = VARDATA_ANY(value);
	size_t		size = VARSIZE_ANY_EXHDR(value);

	for (size_t i = 0; i < size; i++)
		if (!isspace((unsigned char) bytes[i]))
			return false;
	return true;
}

PG_FUNCTION_INFO_V1(hg_break_glass);

/* For this session, from the commit on; the event is in the trail before. */
Datum
hg_break_glass(PG_FUNCTION_ARGS)
{
	int			minutes = PG_ARGISNULL(1) ? 60 : PG_GETARG_INT32(1);
	TimestampTz until;

	if (PG_ARGISNULL(0) || is_blank(PG_GETARG_TEXT_PP(0)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the reason of an emergency must not be null or empty")));
	if (minutes < 1 || minutes > GLASS_MINUTES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an emergency lasts from 1 to %d minutes", GLASS_MINUTES_MAX)));
	PreventCommandIfReadOnly("hipaa_guard.break_glass()");
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) minutes * 60 * 1000);
	hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_SUCCESS, "BREAK GLASS", "session", NULL, 0,
					"emergency access");
	insert_entry(PG_GETARG_TEXT_PP(0), minutes, until);
	glass_until_at_commit = until;
	glass_subtransaction = GetCurrentSubTransactionId();
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("the glass is broken for this session when the transaction commits"),
			 errdetail("Refusals of text, settings and features become warnings for %d minutes; "
					   "each is recorded.", minutes),
			 errhint("Somebody else has to call hipaa_guard.review_emergency() afterwards.")));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(hg_login_role);

/* Who logged in, whatever SET SESSION AUTHORIZATION says. */
Datum
hg_login_role(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_TEXT_P(cstring_to_text(GetUserNameFromId(GetAuthenticatedUserId(), false)));
}

void
hg_emergency_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}
