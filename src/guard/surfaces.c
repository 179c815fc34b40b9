/*
 * surfaces.c
 *		The tables behind surfaces.h.
 *
 * The keyword tables only decide what a finding is called and what does not
 * count there (a date in a bound); that each name and literal is looked at does
 * not depend on them.
 */
#include "guard/surfaces.h"

const hg_guard_surface hg_guard_surfaces[HG_AT_COUNT] = {
	[HG_AT_NONE] = {"text", HG_SURFACE_PROSE},
	[HG_AT_OBJECT_NAME] = {"object name", HG_SURFACE_NAME},
	[HG_AT_TABLE_NAME] = {"table name", HG_SURFACE_NAME},
	[HG_AT_COLUMN_NAME] = {"column name", HG_SURFACE_NAME},
	[HG_AT_INDEX_NAME] = {"index name", HG_SURFACE_NAME},
	[HG_AT_SEQUENCE_NAME] = {"sequence name", HG_SURFACE_NAME},
	[HG_AT_VIEW_NAME] = {"view name", HG_SURFACE_NAME},
	[HG_AT_CONSTRAINT_NAME] = {"constraint name", HG_SURFACE_NAME},
	[HG_AT_SCHEMA_NAME] = {"schema name", HG_SURFACE_NAME},
	[HG_AT_TYPE_NAME] = {"type name", HG_SURFACE_NAME},
	[HG_AT_FUNCTION_NAME] = {"function name", HG_SURFACE_NAME},
	[HG_AT_ARGUMENT_NAME] = {"argument name", HG_SURFACE_NAME},
	[HG_AT_TRIGGER_NAME] = {"trigger name", HG_SURFACE_NAME},
	[HG_AT_POLICY_NAME] = {"policy name", HG_SURFACE_NAME},
	[HG_AT_RULE_NAME] = {"rule name", HG_SURFACE_NAME},
	[HG_AT_PUBLICATION_NAME] = {"publication name", HG_SURFACE_NAME},
	[HG_AT_SUBSCRIPTION_NAME] = {"subscription name", HG_SURFACE_NAME},
	[HG_AT_SLOT_NAME] = {"replication slot name", HG_SURFACE_NAME},
	[HG_AT_ORIGIN_NAME] = {"replication origin name", HG_SURFACE_NAME},
	[HG_AT_SERVER_NAME] = {"server name", HG_SURFACE_NAME},
	[HG_AT_CATALOG_NAME] = {"extension, language or access method name", HG_SURFACE_CATALOG_NAME},
	[HG_AT_DATABASE_NAME] = {"database name", HG_SURFACE_CATALOG_NAME},
	[HG_AT_TABLESPACE_NAME] = {"tablespace name", HG_SURFACE_NAME},
	[HG_AT_ROLE_NAME] = {"role name", HG_SURFACE_ROLE_NAME},
	[HG_AT_SETTING_NAME] = {"setting name", HG_SURFACE_NAME},
	[HG_AT_OPTION_NAME] = {"option name", HG_SURFACE_NAME},
	[HG_AT_CURSOR_NAME] = {"cursor name", HG_SURFACE_NAME},
	[HG_AT_STATEMENT_NAME] = {"prepared statement name", HG_SURFACE_NAME},
	[HG_AT_SAVEPOINT_NAME] = {"savepoint name", HG_SURFACE_NAME},
	[HG_AT_TRANSACTION_ID] = {"prepared transaction identifier", HG_SURFACE_PROSE},
	[HG_AT_CHANNEL] = {"notification channel", HG_SURFACE_NAME},
	[HG_AT_PAYLOAD] = {"notification payload", HG_SURFACE_PROSE},
	[HG_AT_COMMENT] = {"comment", HG_SURFACE_PROSE},
	[HG_AT_LABEL] = {"security label", HG_SURFACE_PROSE},
	[HG_AT_ENUM_LABEL] = {"enum label", HG_SURFACE_PROSE},
	[HG_AT_DEFAULT] = {"column default", HG_SURFACE_BOUND},
	[HG_AT_CHECK] = {"check constraint", HG_SURFACE_BOUND},
	[HG_AT_BOUND] = {"partition bound", HG_SURFACE_BOUND},
	[HG_AT_EXPRESSION] = {"expression", HG_SURFACE_BOUND},
	[HG_AT_PREDICATE] = {"index predicate", HG_SURFACE_BOUND},
	[HG_AT_MISSING_VALUE] = {"default of an added column", HG_SURFACE_BOUND},
	[HG_AT_BODY] = {"function body", HG_SURFACE_PROSE},
	[HG_AT_ARGUMENT_DEFAULT] = {"argument default", HG_SURFACE_BOUND},
	[HG_AT_LIBRARY] = {"library name", HG_SURFACE_CONNECTION},
	[HG_AT_INITIAL_VALUE] = {"aggregate initial value", HG_SURFACE_BOUND},
	[HG_AT_VIEW_TEXT] = {"view definition", HG_SURFACE_PROSE},
	[HG_AT_RULE_TEXT] = {"rule definition", HG_SURFACE_PROSE},
	[HG_AT_POLICY_TEXT] = {"policy expression", HG_SURFACE_PROSE},
	[HG_AT_TRIGGER_TEXT] = {"trigger definition", HG_SURFACE_PROSE},
	[HG_AT_OPTION] = {"option", HG_SURFACE_PROSE},
	[HG_AT_SERVER_OPTION] = {"server option", HG_SURFACE_CONNECTION},
	[HG_AT_PARAMETER] = {"storage parameter", HG_SURFACE_PROSE},
	[HG_AT_CONNECTION] = {"connection string", HG_SURFACE_CONNECTION},
	[HG_AT_LOCATION] = {"tablespace location", HG_SURFACE_CONNECTION},
	[HG_AT_FILE] = {"file name", HG_SURFACE_CONNECTION},
	[HG_AT_SETTING] = {"setting value", HG_SURFACE_PROSE},
	[HG_AT_PASSWORD] = {"role option", HG_SURFACE_ROLE_NAME},
	[HG_AT_APPLICATION_NAME] = {"application name", HG_SURFACE_PROSE},
	[HG_AT_LOCALE] = {"locale", HG_SURFACE_PROSE},
	[HG_AT_WAL_MESSAGE] = {"message in the write-ahead log", HG_SURFACE_PROSE},
	[HG_AT_BACKUP_LABEL] = {"backup label or restore point", HG_SURFACE_PROSE},
	[HG_AT_CATALOG_ROW] = {"row of a system catalog", HG_SURFACE_PROSE},
	[HG_AT_LITERAL] = {"literal", HG_SURFACE_PROSE},
};

/* Sorted by reading; the order within does not matter. */
static const hg_guard_statement statements[] = {
	/* They create, and name, what the catalogs keep. */
	{T_CreateStmt, HG_READ_SLICE, HG_AT_COLUMN_NAME, HG_AT_DEFAULT, false},
	{T_CreateForeignTableStmt, HG_READ_SLICE, HG_AT_COLUMN_NAME, HG_AT_OPTION, false},
	{T_AlterTableStmt, HG_READ_SLICE, HG_AT_COLUMN_NAME, HG_AT_DEFAULT, false},
	{T_IndexStmt, HG_READ_SLICE, HG_AT_COLUMN_NAME, HG_AT_EXPRESSION, false},
	{T_ViewStmt, HG_READ_SLICE, HG_AT_COLUMN_NAME, HG_AT_VIEW_TEXT, false},
	{T_CreateSeqStmt, HG_READ_SLICE, HG_AT_SEQUENCE_NAME, HG_AT_LITERAL, false},
	{T_AlterSeqStmt, HG_READ_SLICE, HG_AT_SEQUENCE_NAME, HG_AT_LITERAL, false},
	{T_CreateSchemaStmt, HG_READ_SLICE, HG_AT_SCHEMA_NAME, HG_AT_LITERAL, false},
	{T_CreateDomainStmt, HG_READ_SLICE, HG_AT_TYPE_NAME, HG_AT_DEFAULT, false},
	{T_AlterDomainStmt, HG_READ_SLICE, HG_AT_CONSTRAINT_NAME, HG_AT_DEFAULT, false},
	{T_CompositeTypeStmt, HG_READ_SLICE, HG_AT_COLUMN_NAME, HG_AT_LITERAL, false},
	{T_CreateEnumStmt, HG_READ_SLICE, HG_AT_TYPE_NAME, HG_AT_ENUM_LABEL, false},
	{T_CreateRangeStmt, HG_READ_SLICE, HG_AT_TYPE_NAME, HG_AT_LITERAL, false},
	{T_AlterTypeStmt, HG_READ_SLICE, HG_AT_TYPE_NAME, HG_AT_LITERAL, false},
	{T_DefineStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_OPTION, false},
	{T_CreateFunctionStmt, HG_READ_SLICE, HG_AT_ARGUMENT_NAME, HG_AT_BODY, false},
	{T_AlterFunctionStmt, HG_READ_SLICE, HG_AT_SETTING_NAME, HG_AT_SETTING, false},
	{T_RuleStmt, HG_READ_SLICE, HG_AT_RULE_NAME, HG_AT_RULE_TEXT, false},
	{T_CreateTrigStmt, HG_READ_SLICE, HG_AT_TRIGGER_NAME, HG_AT_TRIGGER_TEXT, false},
	{T_CreateEventTrigStmt, HG_READ_SLICE, HG_AT_TRIGGER_NAME, HG_AT_TRIGGER_TEXT, false},
	{T_CreatePolicyStmt, HG_READ_SLICE, HG_AT_POLICY_NAME, HG_AT_POLICY_TEXT, false},
	{T_AlterPolicyStmt, HG_READ_SLICE, HG_AT_POLICY_NAME, HG_AT_POLICY_TEXT, false},
	{T_CreateStatsStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_EXPRESSION, false},
	{T_AlterStatsStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_CreateFdwStmt, HG_READ_SLICE, HG_AT_SERVER_NAME, HG_AT_SERVER_OPTION, false},
	{T_AlterFdwStmt, HG_READ_SLICE, HG_AT_SERVER_NAME, HG_AT_SERVER_OPTION, false},
	{T_CreateForeignServerStmt, HG_READ_SLICE, HG_AT_SERVER_NAME, HG_AT_SERVER_OPTION, false},
	{T_AlterForeignServerStmt, HG_READ_SLICE, HG_AT_SERVER_NAME, HG_AT_SERVER_OPTION, false},
	{T_CreateUserMappingStmt, HG_READ_SLICE, HG_AT_ROLE_NAME, HG_AT_PASSWORD, false},
	{T_AlterUserMappingStmt, HG_READ_SLICE, HG_AT_ROLE_NAME, HG_AT_PASSWORD, false},
	{T_ImportForeignSchemaStmt, HG_READ_SLICE, HG_AT_TABLE_NAME, HG_AT_OPTION, false},
	{T_CreatePublicationStmt, HG_READ_SLICE, HG_AT_PUBLICATION_NAME, HG_AT_EXPRESSION, false},
	{T_AlterPublicationStmt, HG_READ_SLICE, HG_AT_PUBLICATION_NAME, HG_AT_EXPRESSION, false},
	{T_CreateSubscriptionStmt, HG_READ_SLICE, HG_AT_SUBSCRIPTION_NAME, HG_AT_CONNECTION, true},
	{T_AlterSubscriptionStmt, HG_READ_SLICE, HG_AT_SUBSCRIPTION_NAME, HG_AT_CONNECTION, true},
	{T_CreateConversionStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_CreateCastStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_CreateTransformStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_CreateOpClassStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_CreateOpFamilyStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_AlterOpFamilyStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_AlterOperatorStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_AlterTSDictionaryStmt, HG_READ_SLICE, HG_AT_OPTION_NAME, HG_AT_OPTION, false},
	{T_AlterTSConfigurationStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_OPTION, false},
	{T_AlterCollationStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_CreatePLangStmt, HG_READ_SLICE, HG_AT_CATALOG_NAME, HG_AT_LITERAL, false},
	{T_CreateAmStmt, HG_READ_SLICE, HG_AT_CATALOG_NAME, HG_AT_LITERAL, false},
	{T_CreateExtensionStmt, HG_READ_SLICE, HG_AT_CATALOG_NAME, HG_AT_OPTION, false},
	{T_AlterExtensionStmt, HG_READ_SLICE, HG_AT_CATALOG_NAME, HG_AT_OPTION, false},
	{T_AlterExtensionContentsStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_OPTION, false},
	{T_AlterObjectSchemaStmt, HG_READ_SLICE, HG_AT_SCHEMA_NAME, HG_AT_LITERAL, false},
	{T_AlterObjectDependsStmt, HG_READ_SLICE, HG_AT_CATALOG_NAME, HG_AT_LITERAL, false},
	{T_AlterOwnerStmt, HG_READ_SLICE, HG_AT_ROLE_NAME, HG_AT_LITERAL, false},
	{T_GrantStmt, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false},
	{T_AlterDefaultPrivilegesStmt, HG_READ_SLICE, HG_AT_ROLE_NAME, HG_AT_LITERAL, false},
	{T_LoadStmt, HG_READ_SLICE, HG_AT_LIBRARY, HG_AT_LIBRARY, false},

	/* What the cluster shares. */
	{T_GrantRoleStmt, HG_READ_SLICE, HG_AT_ROLE_NAME, HG_AT_LITERAL, true},
	{T_CreateRoleStmt, HG_READ_SLICE, HG_AT_ROLE_NAME, HG_AT_PASSWORD, true},
	{T_AlterRoleStmt, HG_READ_SLICE, HG_AT_ROLE_NAME, HG_AT_PASSWORD, true},
	{T_CreatedbStmt, HG_READ_SLICE, HG_AT_DATABASE_NAME, HG_AT_LOCALE, true},
	{T_AlterDatabaseStmt, HG_READ_SLICE, HG_AT_DATABASE_NAME, HG_AT_LITERAL, true},
	{T_CreateTableSpaceStmt, HG_READ_SLICE, HG_AT_TABLESPACE_NAME, HG_AT_LOCATION, true},
	{T_AlterTableSpaceOptionsStmt, HG_READ_SLICE, HG_AT_OPTION_NAME, HG_AT_PARAMETER, true},

	/* Their parse tree says which few texts are stored. */
	{T_RenameStmt, HG_READ_FIELDS, HG_AT_OBJECT_NAME, HG_AT_NONE, false},
	{T_CommentStmt, HG_READ_FIELDS, HG_AT_NONE, HG_AT_COMMENT, false},
	{T_SecLabelStmt, HG_READ_FIELDS, HG_AT_NONE, HG_AT_LABEL, false},
	{T_AlterEnumStmt, HG_READ_FIELDS, HG_AT_NONE, HG_AT_ENUM_LABEL, false},
	{T_CreateTableAsStmt, HG_READ_FIELDS, HG_AT_COLUMN_NAME, HG_AT_VIEW_TEXT, false},
	{T_VariableSetStmt, HG_READ_FIELDS, HG_AT_SETTING_NAME, HG_AT_SETTING, false},
	{T_AlterRoleSetStmt, HG_READ_FIELDS, HG_AT_SETTING_NAME, HG_AT_SETTING, true},
	{T_AlterDatabaseSetStmt, HG_READ_FIELDS, HG_AT_SETTING_NAME, HG_AT_SETTING, true},
	{T_AlterSystemStmt, HG_READ_FIELDS, HG_AT_SETTING_NAME, HG_AT_SETTING, true},
	{T_TransactionStmt, HG_READ_FIELDS, HG_AT_SAVEPOINT_NAME, HG_AT_TRANSACTION_ID, false},
	{T_PrepareStmt, HG_READ_FIELDS, HG_AT_STATEMENT_NAME, HG_AT_NONE, false},
	{T_DeclareCursorStmt, HG_READ_FIELDS, HG_AT_CURSOR_NAME, HG_AT_NONE, false},
	{T_NotifyStmt, HG_READ_FIELDS, HG_AT_CHANNEL, HG_AT_PAYLOAD, false},
	{T_ListenStmt, HG_READ_FIELDS, HG_AT_CHANNEL, HG_AT_NONE, false},
	{T_CopyStmt, HG_READ_FIELDS, HG_AT_NONE, HG_AT_FILE, false},

	/* EXPLAIN ANALYZE runs CREATE TABLE AS without another utility call. */
	{T_ExplainStmt, HG_READ_RESULT, HG_AT_NONE, HG_AT_NONE, false},

	{T_ExecuteStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DeallocateStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_ClosePortalStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_FetchStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_UnlistenStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_CallStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DoStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_ClusterStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_VacuumStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_ReindexStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_RefreshMatViewStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_TruncateStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_LockStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_ConstraintsSetStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_CheckPointStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DiscardStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_VariableShowStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DropStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DropdbStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DropRoleStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DropOwnedStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DropTableSpaceStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DropUserMappingStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_DropSubscriptionStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_ReassignOwnedStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_AlterEventTrigStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_AlterTableMoveAllStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
	{T_AlterDatabaseRefreshCollStmt, HG_READ_NOT, HG_AT_NONE, HG_AT_NONE, false},
};

static const hg_guard_statement unknown_statement = {
	T_Invalid, HG_READ_SLICE, HG_AT_OBJECT_NAME, HG_AT_LITERAL, false
};

/* Where a tag stands in the table, filled at its first use; 0: not looked up yet. */
#define TAGS_MAX 1024
static uint8 places[TAGS_MAX];

const hg_guard_statement *
hg_guard_statement_of(const Node *statement)
{
	NodeTag		tag = nodeTag(statement);
	uint8		place = (int) tag < TAGS_MAX ? places[tag] : 0;

	StaticAssertStmt(lengthof(statements) < UINT8_MAX, "places[] holds bytes");
	if (place > 0)
		return &statements[place - 1];
	for (size_t i = 0; i < lengthof(statements); i++)
		if (statements[i].tag == tag)
		{
			if ((int) tag < TAGS_MAX)
				places[tag] = (uint8) (i + 1);
			return &statements[i];
		}
	return &unknown_statement;
}

/* HG_AT_NONE: as before. What stands for one statement comes before what stands for any. */
static const hg_guard_keyword keywords[] = {
	{T_CreateStmt, "table", HG_AT_TABLE_NAME, HG_AT_NONE},
	{T_CreateStmt, "values", HG_AT_NONE, HG_AT_BOUND},
	{T_CreateStmt, "from", HG_AT_NONE, HG_AT_BOUND},
	{T_CreateStmt, "by", HG_AT_COLUMN_NAME, HG_AT_EXPRESSION},
	{T_CreateStmt, "generated", HG_AT_NONE, HG_AT_DEFAULT},
	{T_CreateStmt, "exclude", HG_AT_NONE, HG_AT_EXPRESSION},
	{T_CreateStmt, "with", HG_AT_OPTION_NAME, HG_AT_PARAMETER},
	{T_CreateForeignTableStmt, "table", HG_AT_TABLE_NAME, HG_AT_NONE},
	{T_CreateForeignTableStmt, "server", HG_AT_SERVER_NAME, HG_AT_NONE},
	{T_CreateForeignTableStmt, "values", HG_AT_NONE, HG_AT_BOUND},
	{T_CreateForeignTableStmt, "options", HG_AT_OPTION_NAME, HG_AT_SERVER_OPTION},
	{T_AlterTableStmt, "values", HG_AT_NONE, HG_AT_BOUND},
	{T_AlterTableStmt, "from", HG_AT_NONE, HG_AT_BOUND},
	{T_AlterTableStmt, "set", HG_AT_OPTION_NAME, HG_AT_PARAMETER},
	{T_AlterTableStmt, "using", HG_AT_NONE, HG_AT_LITERAL},
	{T_AlterTableStmt, "owner", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_AlterTableStmt, "options", HG_AT_OPTION_NAME, HG_AT_SERVER_OPTION},
	{T_IndexStmt, "index", HG_AT_INDEX_NAME, HG_AT_NONE},
	{T_IndexStmt, "concurrently", HG_AT_INDEX_NAME, HG_AT_NONE},
	{T_IndexStmt, "on", HG_AT_TABLE_NAME, HG_AT_EXPRESSION},
	{T_IndexStmt, "where", HG_AT_NONE, HG_AT_PREDICATE},
	{T_IndexStmt, "with", HG_AT_OPTION_NAME, HG_AT_PARAMETER},
	{T_ViewStmt, "view", HG_AT_VIEW_NAME, HG_AT_NONE},
	{T_CreateDomainStmt, "collate", HG_AT_OBJECT_NAME, HG_AT_NONE},
	{T_CompositeTypeStmt, "type", HG_AT_TYPE_NAME, HG_AT_NONE},
	{T_DefineStmt, "type", HG_AT_TYPE_NAME, HG_AT_NONE},
	{T_DefineStmt, "aggregate", HG_AT_FUNCTION_NAME, HG_AT_INITIAL_VALUE},
	{T_DefineStmt, "collation", HG_AT_OBJECT_NAME, HG_AT_LOCALE},
	{T_CreateFunctionStmt, "function", HG_AT_FUNCTION_NAME, HG_AT_NONE},
	{T_CreateFunctionStmt, "procedure", HG_AT_FUNCTION_NAME, HG_AT_NONE},
	{T_CreateFunctionStmt, "default", HG_AT_NONE, HG_AT_ARGUMENT_DEFAULT},
	{T_CreateFunctionStmt, "set", HG_AT_SETTING_NAME, HG_AT_SETTING},
	{T_CreateFunctionStmt, "as", HG_AT_NONE, HG_AT_BODY},
	{T_CreateFunctionStmt, "atomic", HG_AT_NONE, HG_AT_BODY},
	{T_CreateFunctionStmt, "return", HG_AT_NONE, HG_AT_BODY},
	{T_CreateTrigStmt, "on", HG_AT_TABLE_NAME, HG_AT_NONE},
	{T_CreatePolicyStmt, "on", HG_AT_TABLE_NAME, HG_AT_NONE},
	{T_CreatePolicyStmt, "to", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_AlterPolicyStmt, "to", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_RuleStmt, "to", HG_AT_TABLE_NAME, HG_AT_NONE},
	{T_CreateStatsStmt, "from", HG_AT_TABLE_NAME, HG_AT_NONE},
	{T_CreateForeignServerStmt, "options", HG_AT_OPTION_NAME, HG_AT_SERVER_OPTION},
	{T_AlterForeignServerStmt, "options", HG_AT_OPTION_NAME, HG_AT_SERVER_OPTION},
	{T_CreateFdwStmt, "options", HG_AT_OPTION_NAME, HG_AT_SERVER_OPTION},
	{T_AlterFdwStmt, "options", HG_AT_OPTION_NAME, HG_AT_SERVER_OPTION},
	{T_CreateUserMappingStmt, "server", HG_AT_SERVER_NAME, HG_AT_NONE},
	{T_CreateUserMappingStmt, "options", HG_AT_OPTION_NAME, HG_AT_PASSWORD},
	{T_AlterUserMappingStmt, "options", HG_AT_OPTION_NAME, HG_AT_PASSWORD},
	{T_CreateSubscriptionStmt, "publication", HG_AT_PUBLICATION_NAME, HG_AT_NONE},
	{T_CreateSubscriptionStmt, "with", HG_AT_OPTION_NAME, HG_AT_SLOT_NAME},
	{T_AlterSubscriptionStmt, "publication", HG_AT_PUBLICATION_NAME, HG_AT_NONE},
	{T_AlterSubscriptionStmt, "set", HG_AT_OPTION_NAME, HG_AT_SLOT_NAME},
	{T_GrantStmt, "to", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_GrantStmt, "from", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_GrantStmt, "parameter", HG_AT_SETTING_NAME, HG_AT_NONE},
	{T_CreatedbStmt, "owner", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_CreateTableSpaceStmt, "owner", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_CreateSchemaStmt, "authorization", HG_AT_ROLE_NAME, HG_AT_NONE},
	{T_CreateSchemaStmt, "table", HG_AT_TABLE_NAME, HG_AT_NONE},
	{T_CreateExtensionStmt, "schema", HG_AT_SCHEMA_NAME, HG_AT_NONE},

	{T_Invalid, "constraint", HG_AT_CONSTRAINT_NAME, HG_AT_NONE},
	{T_Invalid, "default", HG_AT_NONE, HG_AT_DEFAULT},
	{T_Invalid, "check", HG_AT_NONE, HG_AT_CHECK},
	{T_Invalid, "options", HG_AT_OPTION_NAME, HG_AT_OPTION},
	{T_Invalid, "collate", HG_AT_OBJECT_NAME, HG_AT_NONE},
	{T_Invalid, "tablespace", HG_AT_TABLESPACE_NAME, HG_AT_NONE},
};

/* The rows of words with one first letter and one length are chained, in their order. */
#define CHAINS 64
static int16 chain_first[CHAINS];	/* row plus 1, 0: none */
static int16 chain_next[lengthof(keywords)];

static size_t
chain_of(const char *word)
{
	return ((unsigned char) word[0] * 5 + strlen(word)) % CHAINS;
}

static void
make_chains(void)
{
	for (int i = (int) lengthof(keywords) - 1; i >= 0; i--)
	{
		size_t		chain = chain_of(keywords[i].word);

		chain_next[i] = chain_first[chain];
		chain_first[chain] = i + 1;
	}
}

const hg_guard_keyword *
hg_guard_keyword_of(NodeTag tag, const char *word)
{
	static bool made = false;

	if (!made)
		make_chains();
	made = true;
	for (int row = chain_first[chain_of(word)]; row > 0; row = chain_next[row - 1])
	{
		const hg_guard_keyword *keyword = &keywords[row - 1];

		if ((keyword->tag == tag || keyword->tag == T_Invalid) && strcmp(keyword->word, word) == 0)
			return keyword;
	}
	return NULL;
}

static const struct
{
	ObjectType	kind;
	hg_guard_at name;
	bool		shared;
}			kinds[] = {
	{OBJECT_TABLE, HG_AT_TABLE_NAME, false},
	{OBJECT_FOREIGN_TABLE, HG_AT_TABLE_NAME, false},
	{OBJECT_COLUMN, HG_AT_COLUMN_NAME, false},
	{OBJECT_ATTRIBUTE, HG_AT_COLUMN_NAME, false},
	{OBJECT_INDEX, HG_AT_INDEX_NAME, false},
	{OBJECT_SEQUENCE, HG_AT_SEQUENCE_NAME, false},
	{OBJECT_VIEW, HG_AT_VIEW_NAME, false},
	{OBJECT_MATVIEW, HG_AT_VIEW_NAME, false},
	{OBJECT_TABCONSTRAINT, HG_AT_CONSTRAINT_NAME, false},
	{OBJECT_DOMCONSTRAINT, HG_AT_CONSTRAINT_NAME, false},
	{OBJECT_SCHEMA, HG_AT_SCHEMA_NAME, false},
	{OBJECT_TYPE, HG_AT_TYPE_NAME, false},
	{OBJECT_DOMAIN, HG_AT_TYPE_NAME, false},
	{OBJECT_FUNCTION, HG_AT_FUNCTION_NAME, false},
	{OBJECT_PROCEDURE, HG_AT_FUNCTION_NAME, false},
	{OBJECT_ROUTINE, HG_AT_FUNCTION_NAME, false},
	{OBJECT_AGGREGATE, HG_AT_FUNCTION_NAME, false},
	{OBJECT_TRIGGER, HG_AT_TRIGGER_NAME, false},
	{OBJECT_EVENT_TRIGGER, HG_AT_TRIGGER_NAME, false},
	{OBJECT_POLICY, HG_AT_POLICY_NAME, false},
	{OBJECT_RULE, HG_AT_RULE_NAME, false},
	{OBJECT_PUBLICATION, HG_AT_PUBLICATION_NAME, false},
	{OBJECT_SUBSCRIPTION, HG_AT_SUBSCRIPTION_NAME, true},
	{OBJECT_FOREIGN_SERVER, HG_AT_SERVER_NAME, false},
	{OBJECT_FDW, HG_AT_SERVER_NAME, false},
	{OBJECT_EXTENSION, HG_AT_CATALOG_NAME, false},
	{OBJECT_LANGUAGE, HG_AT_CATALOG_NAME, false},
	{OBJECT_ACCESS_METHOD, HG_AT_CATALOG_NAME, false},
	{OBJECT_DATABASE, HG_AT_DATABASE_NAME, true},
	{OBJECT_TABLESPACE, HG_AT_TABLESPACE_NAME, true},
	{OBJECT_ROLE, HG_AT_ROLE_NAME, true},
};

hg_guard_at
hg_guard_name_of(ObjectType kind)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return HG_AT_OBJECT_NAME;
}

bool
hg_guard_is_shared(ObjectType kind)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].shared;
	return false;
}

/* Settings that hold hosts, addresses, files or roles rather than prose. */
static const struct
{
	const char *name;
	hg_guard_at at;
}			settings[] = {
	{"application_name", HG_AT_APPLICATION_NAME},
	{"archive_cleanup_command", HG_AT_CONNECTION},
	{"archive_command", HG_AT_CONNECTION},
	{"archive_library", HG_AT_LIBRARY},
	{"config_file", HG_AT_FILE},
	{"data_directory", HG_AT_FILE},
	{"dynamic_library_path", HG_AT_LIBRARY},
	{"external_pid_file", HG_AT_FILE},
	{"hba_file", HG_AT_FILE},
	{"ident_file", HG_AT_FILE},
	{"listen_addresses", HG_AT_CONNECTION},
	{"local_preload_libraries", HG_AT_LIBRARY},
	{"log_directory", HG_AT_FILE},
	{"log_filename", HG_AT_FILE},
	{"primary_conninfo", HG_AT_CONNECTION},
	{"recovery_end_command", HG_AT_CONNECTION},
	{"restore_command", HG_AT_CONNECTION},
	{"role", HG_AT_ROLE_NAME},
	{"search_path", HG_AT_SCHEMA_NAME},
	{"session_authorization", HG_AT_ROLE_NAME},
	{"session_preload_libraries", HG_AT_LIBRARY},
	{"shared_preload_libraries", HG_AT_LIBRARY},
	{"unix_socket_directories", HG_AT_CONNECTION},
};

hg_guard_at
hg_guard_setting_of(const char *name)
{
	for (size_t i = 0; i < lengthof(settings); i++)
		if (pg_strcasecmp(settings[i].name, name) == 0)
			return settings[i].at;
	return HG_AT_SETTING;
}
