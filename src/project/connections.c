/*
 * connections.c
 *		Who may connect to a flagged database: by TLS 1.2 or newer, or the Unix
 *		socket, and from the networks that are allowed for the role.
 *
 * A role's networks are its label, in a shared catalog, since nothing else can
 * be read before a database is chosen; dumps of the cluster and standbys have
 * them too.  Takes the locks of catalog look-ups only.
 */
#include "project/connections.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "audit/audit.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_shseclabel.h"
#include "commands/seclabel.h"
#include "common/ip.h"
#include "fmgr.h"
#include "libpq/auth.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "project/flag.h"
#include "project/refuse.h"
#include "replication/walsender.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#define NETWORKS "networks"
#define LABEL_SIZE_MAX 1500		/* stays in its row, where it can be read before a database is */

static ClientAuthentication_hook_type previous_authentication = NULL;

/* This session was looked at while its database was flagged. */
static bool looked_at = false;

/* ---- shared catalogs, before a database is chosen ---- */

static Oid
database_named(const char *name)
{
	Relation	rel = table_open(DatabaseRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			database = InvalidOid;

	ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan = systable_beginscan(rel, DatabaseNameIndexId, criticalSharedRelcachesBuilt, NULL, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		database = ((Form_pg_database) GETSTRUCT(tuple))->oid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return database;
}

/* The label of a role or database, NULL if it has none. */
static char *
label_of(Oid class, Oid object)
{
	Relation	rel = table_open(SharedSecLabelRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *label = NULL;

	ScanKeyInit(&keys[0], Anum_pg_shseclabel_objoid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object));
	ScanKeyInit(&keys[1], Anum_pg_shseclabel_classoid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(class));
	scan = systable_beginscan(rel, SharedSecLabelObjectIndexId, criticalSharedRelcachesBuilt,
							  NULL, 2, keys);
	while (label == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		provider = heap_getattr(tuple, Anum_pg_shseclabel_provider,
											RelationGetDescr(rel), &isnull);

		if (strcmp(TextDatumGetCString(provider), HG_PROVIDER) == 0)
			label = TextDatumGetCString(heap_getattr(tuple, Anum_pg_shseclabel_label,
													 RelationGetDescr(rel), &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return label;
}

/* ---- the rules ---- */

static bool
by_socket(const Port *port)
{
	return port->raddr.addr.ss_family == AF_UNIX;
}

static bool
by_tls(Port *port)
{
#ifdef USE_SSL
	const char *version = port->ssl_in_use ? be_tls_get_version(port) : NULL;

	return version && strncmp(version, "TLSv1.", 6) == 0 && version[6] >= '2';
#else
	return false;
#endif
}

/* The client's address; an IPv6 scope is of no concern. */
static Datum
address_of(const Port *port)
{
	char		host[NI_MAXHOST];

	if (pg_getnameinfo_all(&port->raddr.addr, port->raddr.salen, host, sizeof(host), NULL, 0,
						   NI_NUMERICHOST) != 0)
		strlcpy(host, "::", sizeof(host));
	host[strcspn(host, "%")] = '\0';
	return DirectFunctionCall1(inet_in, CStringGetDatum(host));
}

/* No label, or none of these words: any network. */
static bool
from_allowed_network(const Port *port, Oid role)
{
	char	   *label = OidIsValid(role) ? label_of(AuthIdRelationId, role) : NULL;
	char	   *rest = NULL;
	char	   *word = label ? strtok_r(label, " ", &rest) : NULL;
	Datum		address;

	if (word == NULL || strcmp(word, NETWORKS) != 0)
		return true;
	address = address_of(port);
	while ((word = strtok_r(NULL, " ", &rest)) != NULL)
		if (DatumGetBool(DirectFunctionCall2(network_subeq, address,
											 DirectFunctionCall1(inet_in,
																 CStringGetDatum(word)))))
			return true;
	return false;
}

/* Ends the connection attempt, or the session. */
static void
admit(Port *port, Oid role)
{
	const char *database = port->database_name && *port->database_name ? port->database_name :
		"replication";

	if (by_socket(port))
		return;
	if (hg_guc_require_tls && !by_tls(port))
	{
		hg_audit_record(HG_AUDIT_AUTH, HG_AUDIT_REFUSED, "CONNECT", "database", database,
						ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "no TLS 1.2 or newer");
		ereport(FATAL,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("connections to a HIPAA project need TLS 1.2 or newer"),
				 errhint("Connect with sslmode=verify-full; the server needs ssl = on.")));
	}
	if (!from_allowed_network(port, role))
	{
		hg_audit_record(HG_AUDIT_AUTH, HG_AUDIT_REFUSED, "CONNECT", "database", database,
						ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "network not allowed");
		ereport(FATAL,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("this role may not connect to a HIPAA project from this network"),
				 errhint("An administrator allows a network by hipaa_guard.allow_network().")));
	}
}

#define WAITS_MAX 500
#define WAIT_US 10000

/*
 * A label may have come by replay a moment ago, and recovery may have ended
 * since: the keeper takes it over before the session begins.
 */
static bool
awaits_keeper(Oid database)
{
	if (!RecoveryInProgress())
		return hg_flag_keeper_is_late();
	/* A copy has no state file at first: until the databases were asked all count as flagged. */
	if (hg_flag_records_wanted())
		return true;
	return OidIsValid(database) && hg_state_flag_of(database) == HG_FLAG_OFF &&
		label_of(DatabaseRelationId, database) != NULL;
}

static void
wait_for_keeper(Oid database)
{
	for (int i = 0; i < WAITS_MAX && awaits_keeper(database); i++)
	{
		hg_flag_nudge_keeper();
		pg_usleep(WAIT_US);
	}
}

/* A walsender without a database sends the whole cluster. */
static void
authenticate(Port *port, int status)
{
	bool		whole = am_walsender && !am_db_walsender;

	if (status == STATUS_OK &&
		(hg_state_cluster_flagged() || RecoveryInProgress() || !hg_flag_settled()))
	{
		Oid			database = whole ? InvalidOid : database_named(port->database_name);

		wait_for_keeper(database);
		if (whole ? hg_state_cluster_flagged() : hg_state_flag_of(database) != HG_FLAG_OFF)
		{
			admit(port, get_role_oid(port->user_name, true));
			looked_at = true;
		}
	}
	if (previous_authentication)
		previous_authentication(port, status);
	if (status == STATUS_OK)
		hg_idle_begin_session();
}

void
hg_connections_before_statement(void)
{
	if (looked_at || MyProcPort == NULL || !hg_state_database_flagged() ||
		!IsTransactionState() || IsParallelWorker())
		return;
	looked_at = true;
	admit(MyProcPort, GetSessionUserId());
}

/* ---- the networks of a role ---- */


static void
check_networks(const char *label)
{
	char	   *copy = pstrdup(label);
	char	   *rest = NULL;
	char	   *word = strtok_r(copy, " ", &rest);

	if (word == NULL || strcmp(word, NETWORKS) != 0 || strlen(label) > LABEL_SIZE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid label for a role"),
				 errdetail("A role's label is a list of networks of at most %d bytes.",
						   LABEL_SIZE_MAX),
				 errhint("Call hipaa_guard.allow_network().")));
	while ((word = strtok_r(NULL, " ", &rest)) != NULL)
		(void) DirectFunctionCall1(cidr_in, CStringGetDatum(word));
}

/* A dump of the cluster may bring a role's networks where it has none. */
void
hg_connections_check_label(Oid role, const char *label)
{
	char	   *before;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to set the networks of a role")));
	before = label_of(AuthIdRelationId, role);
	if (label)
		check_networks(label);
	if (before && hg_state_cluster_flagged() && (label == NULL || strcmp(label, before) != 0))
		hg_refuse(&(hg_refusal) {
			HG_ERRCODE_WEAKEN, "SECURITY LABEL", "role", GetUserNameFromId(role, true),
			"networks of a role",
			"the networks of a role are not changed by SECURITY LABEL",
			NULL,
			"Call hipaa_guard.allow_network() or hipaa_guard.disallow_network()."
		});
}

/* The label without one network, NULL if nothing is left or it was not there. */
static char *
without(const char *label, const char *network, bool *found)
{
	char	   *copy = pstrdup(label);
	char	   *rest = NULL;
	char	   *result = pstrdup(NETWORKS);
	int			left = 0;

	*found = false;
	(void) strtok_r(copy, " ", &rest);
	for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;)
		if (strcmp(word, network) == 0)
			*found = true;
		else
		{
			result = psprintf("%s %s", result, word);
			left++;
		}
	return left > 0 ? result : NULL;
}

PG_FUNCTION_INFO_V1(hg_change_network);

/* (role, network, allow): true if that changed anything. */
Datum
hg_change_network(PG_FUNCTION_ARGS)
{
	Oid			role = PG_GETARG_OID(0);
	char	   *network = DatumGetCString(DirectFunctionCall1(cidr_out, PG_GETARG_DATUM(1)));
	bool		allow = PG_GETARG_BOOL(2);
	ObjectAddress object;
	char	   *before;
	char	   *label;
	bool		found = false;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to set the networks of a role")));
	(void) GetUserNameFromId(role, false);
	before = label_of(AuthIdRelationId, role);
	label = before ? without(before, network, &found) : NULL;
	if (found == allow)
		PG_RETURN_BOOL(false);
	if (allow)
		label = psprintf("%s %s", before ? before : NETWORKS, network);
	if (label)
		check_networks(label);
	ObjectAddressSet(object, AuthIdRelationId, role);
	SetSecurityLabel(&object, HG_PROVIDER, label);
	PG_RETURN_BOOL(true);
}

void
hg_connections_init(void)
{
	previous_authentication = ClientAuthentication_hook;
	ClientAuthentication_hook = authenticate;
}
