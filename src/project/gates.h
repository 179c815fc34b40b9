/*
 * gates.h
 *		Private to the room: features that are blocked in a flagged database.
 */
#ifndef HG_PROJECT_GATES_H
#define HG_PROJECT_GATES_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

/* Rows of the table in gates.c; the names are what exempt() takes. */
#define HG_FEATURE_COPY_PROGRAM "copy_program"
#define HG_FEATURE_SERVER_FILES "server_files"
#define HG_FEATURE_FOREIGN_SERVER "foreign_server"
#define HG_FEATURE_DBLINK "dblink"
#define HG_FEATURE_UNTRUSTED_CODE "untrusted_code"
#define HG_FEATURE_EXTENSION "extension"
#define HG_FEATURE_LOAD "load"
#define HG_FEATURE_PUBLICATION "publication"
#define HG_FEATURE_UNLOGGED "unlogged"
#define HG_FEATURE_WAL_MESSAGE "wal_message"
#define HG_FEATURE_LOGICAL_SLOT "logical_slot"
#define HG_FEATURE_DEBUG_PRINT "debug_print"
#define HG_FEATURE_SECURITY_DEFINER "security_definer"
#define HG_FEATURE_EVENT_TRIGGER "event_trigger"
#define HG_FEATURE_BULK_READ "bulk_read"
#define HG_FEATURE_SERVICE "service"
#define HG_FEATURE_IDLE_SESSION "idle_session"
#define HG_FEATURE_IDLE_IN_TRANSACTION "idle_in_transaction"

/*
 * Refuses with PH005 unless an exemption is in force for the scope, which is
 * an object's name or NULL. Both pass and refusal are recorded.
 */
extern void hg_gate(const char *feature, const char *scope, const char *command);

/* gate_statements.c: which statements and functions are which feature. */
extern void hg_gates_init(void);
extern void hg_gates_before_utility(Node *stmt, const char *command);
extern void hg_gates_after_utility(Node *stmt, const char *command);
extern void hg_gates_function(Oid function);

/* bulk.c: more rows with labelled columns than hipaa_guard.bulk_rows, without a disclosure. */
extern void hg_bulk_init(void);
extern PlannedStmt *hg_bulk_before_utility(PlannedStmt *planned);

#endif							/* HG_PROJECT_GATES_H */
