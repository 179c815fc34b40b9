/*
 * surfaces.h
 *		Where text becomes metadata, as data: the surfaces with their names, the
 *		statements that write them, and the keywords that tell them apart.
 */
#ifndef HG_GUARD_SURFACES_H
#define HG_GUARD_SURFACES_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "phi/phi.h"

/* Each is a row of the table in surfaces.c: its name is what errors and allow_text() call it. */
typedef enum hg_guard_at
{
	HG_AT_NONE,					/* not looked at */
	HG_AT_OBJECT_NAME,
	HG_AT_TABLE_NAME,
	HG_AT_COLUMN_NAME,
	HG_AT_INDEX_NAME,
	HG_AT_SEQUENCE_NAME,
	HG_AT_VIEW_NAME,
	HG_AT_CONSTRAINT_NAME,
	HG_AT_SCHEMA_NAME,
	HG_AT_TYPE_NAME,
	HG_AT_FUNCTION_NAME,
	HG_AT_ARGUMENT_NAME,
	HG_AT_TRIGGER_NAME,
	HG_AT_POLICY_NAME,
	HG_AT_RULE_NAME,
	HG_AT_PUBLICATION_NAME,
	HG_AT_SUBSCRIPTION_NAME,
	HG_AT_SLOT_NAME,
	HG_AT_ORIGIN_NAME,
	HG_AT_SERVER_NAME,
	HG_AT_CATALOG_NAME,
	HG_AT_DATABASE_NAME,
	HG_AT_TABLESPACE_NAME,
	HG_AT_ROLE_NAME,
	HG_AT_SETTING_NAME,
	HG_AT_OPTION_NAME,
	HG_AT_CURSOR_NAME,
	HG_AT_STATEMENT_NAME,
	HG_AT_SAVEPOINT_NAME,
	HG_AT_TRANSACTION_ID,
	HG_AT_CHANNEL,
	HG_AT_PAYLOAD,
	HG_AT_COMMENT,
	HG_AT_LABEL,
	HG_AT_ENUM_LABEL,
	HG_AT_DEFAULT,
	HG_AT_CHECK,
	HG_AT_BOUND,
	HG_AT_EXPRESSION,
	HG_AT_PREDICATE,
	HG_AT_MISSING_VALUE,
	HG_AT_BODY,
	HG_AT_ARGUMENT_DEFAULT,
	HG_AT_LIBRARY,
	HG_AT_INITIAL_VALUE,
	HG_AT_VIEW_TEXT,
	HG_AT_RULE_TEXT,
	HG_AT_POLICY_TEXT,
	HG_AT_TRIGGER_TEXT,
	HG_AT_OPTION,
	HG_AT_SERVER_OPTION,
	HG_AT_PARAMETER,
	HG_AT_CONNECTION,
	HG_AT_LOCATION,
	HG_AT_FILE,
	HG_AT_SETTING,
	HG_AT_PASSWORD,
	HG_AT_APPLICATION_NAME,
	HG_AT_LOCALE,
	HG_AT_WAL_MESSAGE,
	HG_AT_BACKUP_LABEL,
	HG_AT_CATALOG_ROW,
	HG_AT_LITERAL,
	HG_AT_COUNT
} hg_guard_at;

typedef struct hg_guard_surface
{
	const char *name;
	hg_phi_surface phi;
} hg_guard_surface;

extern const hg_guard_surface hg_guard_surfaces[HG_AT_COUNT];

/* How a statement's own text is read. */
typedef enum hg_guard_reading
{
	HG_READ_NOT,				/* nothing of it is stored: it only reads, drops or moves data */
	HG_READ_RESULT,				/* not its text, but what it may create (EXPLAIN of CREATE) */
	HG_READ_SLICE,				/* every name and literal of it */
	HG_READ_FIELDS				/* the fields of its parse tree that are stored */
} hg_guard_reading;

/* What a statement writes: names and literals for which no keyword says otherwise. */
typedef struct hg_guard_statement
{
	NodeTag		tag;
	hg_guard_reading reading;
	hg_guard_at name;
	hg_guard_at literal;
	bool		cluster;		/* writes what the whole cluster shares */
} hg_guard_statement;

/* Never NULL; unknown tags of newer servers are read whole. */
extern const hg_guard_statement *hg_guard_statement_of(const Node *statement);

/*
 * What a keyword says about the text that follows it.  A name is meant until
 * one was read; a literal until the next keyword of the table.
 */
typedef struct hg_guard_keyword
{
	NodeTag		tag;			/* T_Invalid: any statement */
	const char *word;
	hg_guard_at next_name;
	hg_guard_at literal;
} hg_guard_keyword;

extern const hg_guard_keyword *hg_guard_keyword_of(NodeTag tag, const char *word);

/* The surface of an object's name, by the kind that COMMENT and RENAME state. */
extern hg_guard_at hg_guard_name_of(ObjectType kind);

/* Whether the cluster shares objects of that kind. */
extern bool hg_guard_is_shared(ObjectType kind);

/* The surface of a setting's value, by its name. */
extern hg_guard_at hg_guard_setting_of(const char *name);

#endif							/* HG_GUARD_SURFACES_H */
