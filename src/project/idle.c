/*
 * idle.c
 *		Ends sessions of a flagged database that are idle for too long, by a
 *		timer of our own, which no setting of the user's can lengthen.
 *
 * The timer ticks; a tick that finds the session idle since the one before
 * adds up.  What ends it is the server's own interrupt for idle sessions, with
 * its SQLSTATE (57P05, 25P03).  Every error disables all timers, so the timer
 * is set again at the end of each transaction and at each error.
 */
#include "project/connections.h"

#include "access/xact.h"
#include "base/guc.h"
#include "base/state.h"
#include "miscadmin.h"
#include "project/emergency.h"
#include "project/gates.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/elog.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#define TICK_MS_MIN 100
#define TICK_MS_MAX 30000

static TimeoutId timer;
static bool registered = false;
static emit_log_hook_type previous_emit_log = NULL;

/* Since when it is idle, as far as the ticks tell, and the statement that was last then. */
static TimestampTz idle_since = 0;
static TimestampTz last_statement = 0;

static TimestampTz session_exempt_until = 0;
static TimestampTz transaction_exempt_until = 0;
static bool exemptions_read = false;

static void
end_session(bool in_transaction)
{
	/* The interrupt is taken for serious only if the setting is on. */
	if (in_transaction)
	{
		IdleInTransactionSessionTimeout = Max(IdleInTransactionSessionTimeout, 1);
		IdleInTransactionSessionTimeoutPending = true;
	}
	else
	{
		IdleSessionTimeout = Max(IdleSessionTimeout, 1);
		IdleSessionTimeoutPending = true;
	}
	InterruptPending = true;
	SetLatch(MyLatch);
}

/* In a signal handler. A statement is running as long as there is its text. */
static void
tick(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		in_transaction = IsTransactionOrTransactionBlock();
	int			limit_s = in_transaction ? hg_guc_max_idle_in_transaction_s :
		hg_guc_max_idle_session_s;
	TimestampTz exempt_until = in_transaction ? transaction_exempt_until : session_exempt_until;

	if (debug_query_string != NULL || idle_since == 0 ||
		last_statement != GetCurrentStatementStartTimestamp())
	{
		idle_since = now;
		last_statement = GetCurrentStatementStartTimestamp();
		return;
	}
	if (now >= exempt_until && now - idle_since >= (TimestampTz) limit_s * USECS_PER_SEC)
		end_session(in_transaction);
}

static void
set_timer(void)
{
	int64		limit_ms;
	int			tick_ms;

	if (!registered || proc_exit_inprogress || !hg_state_database_flagged() ||
		get_timeout_active(timer))
		return;
	limit_ms = (int64) Min(hg_guc_max_idle_session_s, hg_guc_max_idle_in_transaction_s) * 1000;
	tick_ms = (int) Max(TICK_MS_MIN, Min(TICK_MS_MAX, limit_ms / 10));
	enable_timeout_every(timer, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), tick_ms),
						 tick_ms);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		set_timer();
}

/* An error in a transaction that had failed before ends no transaction. */
static void
at_error(ErrorData *edata)
{
	if (edata->elevel == ERROR)
		set_timer();
	if (previous_emit_log)
		previous_emit_log(edata);
}

void
hg_idle_begin_session(void)
{
	if (registered || am_walsender)
		return;
	timer = RegisterTimeout(USER_TIMEOUT, tick);
	registered = true;
}

void
hg_idle_read_exemptions(void)
{
	if (exemptions_read || !registered || !hg_state_database_flagged())
		return;
	exemptions_read = true;
	session_exempt_until = hg_emergency_exempt_until(HG_FEATURE_IDLE_SESSION, NULL);
	transaction_exempt_until = hg_emergency_exempt_until(HG_FEATURE_IDLE_IN_TRANSACTION, NULL);
}

void
hg_idle_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	previous_emit_log = emit_log_hook;
	emit_log_hook = at_error;
}
