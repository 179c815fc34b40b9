/*
 * catalogs.c
 *		The table behind catalogs.h.
 */
#include "guard/catalogs.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_description.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_index.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_parameter_acl.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_replication_origin.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_shdescription.h"
#include "catalog/pg_shseclabel.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"

/* A catalog whose rows are objects with an OID of their own. */
#define OBJECTS(relation, index, group) relation, index, relation, "oid", NULL, NULL, group, NULL

/* One with further rows of another class's objects. */
#define PARTS(relation, index, class, key, sub, group) \
	relation, index, class, key, sub, NULL, group, NULL

/* One with further rows of relations of some kinds. */
#define RELATION_PARTS(relation, index, key, sub, group, relkinds) \
	relation, index, RelationRelationId, key, sub, NULL, group, relkinds

const hg_guard_catalog hg_guard_catalogs[] = {
	/* Relations; the first row decides whether the others are read. */
	{OBJECTS(RelationRelationId, ClassOidIndexId, "relnamespace"), {
			{"relname", HG_FORM_NAME, HG_AT_TABLE_NAME},
			{"reloptions", HG_FORM_OPTIONS, HG_AT_PARAMETER},
			{"relpartbound", HG_FORM_NODES, HG_AT_BOUND}}},
	{RELATION_PARTS(AttributeRelationId, AttributeRelidNumIndexId, "attrelid", "attnum", "attrelid",
					"rpvmcfiI"), {
			{"attname", HG_FORM_NAME, HG_AT_COLUMN_NAME},
			{"attoptions", HG_FORM_OPTIONS, HG_AT_PARAMETER},
			{"attfdwoptions", HG_FORM_OPTIONS, HG_AT_SERVER_OPTION},
			{"attmissingval", HG_FORM_VALUES, HG_AT_MISSING_VALUE}}},
	{RELATION_PARTS(AttrDefaultRelationId, AttrDefaultIndexId, "adrelid", "adnum", "adrelid",
					"rpvf"), {
			{"adbin", HG_FORM_NODES, HG_AT_DEFAULT}}},
	{RELATION_PARTS(IndexRelationId, IndexRelidIndexId, "indexrelid", NULL, "indrelid", "iI"), {
			{"indexprs", HG_FORM_NODES, HG_AT_EXPRESSION},
			{"indpred", HG_FORM_NODES, HG_AT_PREDICATE}}},
	{RELATION_PARTS(PartitionedRelationId, PartitionedRelidIndexId, "partrelid", NULL, "partrelid",
					"p"), {
			{"partexprs", HG_FORM_NODES, HG_AT_EXPRESSION}}},
	{RELATION_PARTS(ForeignTableRelationId, ForeignTableRelidIndexId, "ftrelid", NULL, "ftrelid",
					"f"), {
			{"ftoptions", HG_FORM_OPTIONS, HG_AT_SERVER_OPTION}}},
	{DescriptionRelationId, DescriptionObjIndexId, InvalidOid, "objoid", "objsubid", "classoid",
		"objoid", NULL, {
			{"description", HG_FORM_TEXT, HG_AT_COMMENT}}},
	{OBJECTS(ConstraintRelationId, ConstraintOidIndexId, "conrelid"), {
			{"conname", HG_FORM_NAME, HG_AT_CONSTRAINT_NAME},
			{"conbin", HG_FORM_NODES, HG_AT_CHECK}}},
	{OBJECTS(RewriteRelationId, RewriteOidIndexId, "ev_class"), {
			{"rulename", HG_FORM_NAME, HG_AT_RULE_NAME},
			{"ev_qual", HG_FORM_NODES, HG_AT_RULE_TEXT},
			{"ev_action", HG_FORM_NODES, HG_AT_VIEW_TEXT}}},
	{OBJECTS(TriggerRelationId, TriggerOidIndexId, "tgrelid"), {
			{"tgname", HG_FORM_NAME, HG_AT_TRIGGER_NAME},
			{"tgargs", HG_FORM_PIECES, HG_AT_TRIGGER_TEXT},
			{"tgqual", HG_FORM_NODES, HG_AT_TRIGGER_TEXT}}},
	{OBJECTS(PolicyRelationId, PolicyOidIndexId, "polrelid"), {
			{"polname", HG_FORM_NAME, HG_AT_POLICY_NAME},
			{"polqual", HG_FORM_NODES, HG_AT_POLICY_TEXT},
			{"polwithcheck", HG_FORM_NODES, HG_AT_POLICY_TEXT}}},
	{OBJECTS(StatisticExtRelationId, StatisticExtOidIndexId, "stxrelid"), {
			{"stxname", HG_FORM_NAME, HG_AT_OBJECT_NAME},
			{"stxexprs", HG_FORM_NODES, HG_AT_EXPRESSION}}},

	/* Types. */
	{OBJECTS(TypeRelationId, TypeOidIndexId, "typnamespace"), {
			{"typname", HG_FORM_NAME, HG_AT_TYPE_NAME},
			{"typdefault", HG_FORM_TEXT, HG_AT_DEFAULT},
			{"typdefaultbin", HG_FORM_NODES, HG_AT_DEFAULT}}},
	{PARTS(EnumRelationId, EnumTypIdLabelIndexId, TypeRelationId, "enumtypid", NULL, "enumtypid"), {
			{"enumlabel", HG_FORM_TEXT, HG_AT_ENUM_LABEL}}},

	/* Functions. */
	{OBJECTS(ProcedureRelationId, ProcedureOidIndexId, "oid"), {
			{"proname", HG_FORM_NAME, HG_AT_FUNCTION_NAME},
			{"proargnames", HG_FORM_NAMES, HG_AT_ARGUMENT_NAME},
			{"proargdefaults", HG_FORM_NODES, HG_AT_ARGUMENT_DEFAULT},
			{"prosrc", HG_FORM_TEXT, HG_AT_BODY},
			{"probin", HG_FORM_TEXT, HG_AT_LIBRARY},
			{"prosqlbody", HG_FORM_NODES, HG_AT_BODY},
			{"proconfig", HG_FORM_OPTIONS, HG_AT_SETTING}}},
	{PARTS(AggregateRelationId, AggregateFnoidIndexId, ProcedureRelationId, "aggfnoid", NULL,
		   "aggfnoid"), {
			{"agginitval", HG_FORM_TEXT, HG_AT_INITIAL_VALUE},
			{"aggminitval", HG_FORM_TEXT, HG_AT_INITIAL_VALUE}}},

	/* Everything else of a database. */
	{OBJECTS(NamespaceRelationId, NamespaceOidIndexId, "oid"), {
			{"nspname", HG_FORM_NAME, HG_AT_SCHEMA_NAME}}},
	{OBJECTS(CollationRelationId, CollationOidIndexId, "oid"), {
			{"collname", HG_FORM_NAME, HG_AT_OBJECT_NAME},
			{"collcollate", HG_FORM_TEXT, HG_AT_LOCALE},
			{"collctype", HG_FORM_TEXT, HG_AT_LOCALE},
			{"colliculocale", HG_FORM_TEXT, HG_AT_LOCALE},
			{"colllocale", HG_FORM_TEXT, HG_AT_LOCALE},
			{"collicurules", HG_FORM_TEXT, HG_AT_LOCALE}}},
	{OBJECTS(ConversionRelationId, ConversionOidIndexId, "oid"), {
			{"conname", HG_FORM_NAME, HG_AT_OBJECT_NAME}}},
	{OBJECTS(OperatorClassRelationId, OpclassOidIndexId, "oid"), {
			{"opcname", HG_FORM_NAME, HG_AT_OBJECT_NAME}}},
	{OBJECTS(OperatorFamilyRelationId, OpfamilyOidIndexId, "oid"), {
			{"opfname", HG_FORM_NAME, HG_AT_OBJECT_NAME}}},
	{OBJECTS(LanguageRelationId, LanguageOidIndexId, "oid"), {
			{"lanname", HG_FORM_NAME, HG_AT_CATALOG_NAME}}},
	{OBJECTS(AccessMethodRelationId, AmOidIndexId, "oid"), {
			{"amname", HG_FORM_NAME, HG_AT_CATALOG_NAME}}},
	{OBJECTS(ExtensionRelationId, ExtensionOidIndexId, "oid"), {
			{"extname", HG_FORM_NAME, HG_AT_CATALOG_NAME},
			{"extversion", HG_FORM_TEXT, HG_AT_OPTION}}},
	{OBJECTS(TSConfigRelationId, TSConfigOidIndexId, "oid"), {
			{"cfgname", HG_FORM_NAME, HG_AT_OBJECT_NAME}}},
	{OBJECTS(TSDictionaryRelationId, TSDictionaryOidIndexId, "oid"), {
			{"dictname", HG_FORM_NAME, HG_AT_OBJECT_NAME},
			{"dictinitoption", HG_FORM_TEXT, HG_AT_OPTION}}},
	{OBJECTS(TSParserRelationId, TSParserOidIndexId, "oid"), {
			{"prsname", HG_FORM_NAME, HG_AT_OBJECT_NAME}}},
	{OBJECTS(TSTemplateRelationId, TSTemplateOidIndexId, "oid"), {
			{"tmplname", HG_FORM_NAME, HG_AT_OBJECT_NAME}}},
	{OBJECTS(EventTriggerRelationId, EventTriggerOidIndexId, "oid"), {
			{"evtname", HG_FORM_NAME, HG_AT_TRIGGER_NAME},
			{"evttags", HG_FORM_NAMES, HG_AT_TRIGGER_TEXT}}},
	{OBJECTS(ForeignDataWrapperRelationId, ForeignDataWrapperOidIndexId, "oid"), {
			{"fdwname", HG_FORM_NAME, HG_AT_SERVER_NAME},
			{"fdwoptions", HG_FORM_OPTIONS, HG_AT_SERVER_OPTION}}},
	{OBJECTS(ForeignServerRelationId, ForeignServerOidIndexId, "oid"), {
			{"srvname", HG_FORM_NAME, HG_AT_SERVER_NAME},
			{"srvtype", HG_FORM_TEXT, HG_AT_SERVER_OPTION},
			{"srvversion", HG_FORM_TEXT, HG_AT_SERVER_OPTION},
			{"srvoptions", HG_FORM_OPTIONS, HG_AT_SERVER_OPTION}}},
	{OBJECTS(UserMappingRelationId, UserMappingOidIndexId, "oid"), {
			{"umoptions", HG_FORM_OPTIONS, HG_AT_PASSWORD}}},
	{OBJECTS(PublicationRelationId, PublicationObjectIndexId, "oid"), {
			{"pubname", HG_FORM_NAME, HG_AT_PUBLICATION_NAME}}},
	{OBJECTS(PublicationRelRelationId, PublicationRelObjectIndexId, "oid"), {
			{"prqual", HG_FORM_NODES, HG_AT_EXPRESSION}}},
	{PARTS(PublicationRelRelationId, PublicationRelPrpubidIndexId, PublicationRelationId,
		   "prpubid", NULL, "prpubid"), {
			{"prqual", HG_FORM_NODES, HG_AT_EXPRESSION}}},
	{SecLabelRelationId, InvalidOid, InvalidOid, "objoid", "objsubid", "classoid", "objoid",
		NULL, {
			{"label", HG_FORM_TEXT, HG_AT_LABEL}}},

	/* What the cluster shares. */
	{OBJECTS(SubscriptionRelationId, SubscriptionObjectIndexId, "oid"), {
			{"subname", HG_FORM_NAME, HG_AT_SUBSCRIPTION_NAME},
			{"subconninfo", HG_FORM_TEXT, HG_AT_CONNECTION},
			{"subslotname", HG_FORM_NAME, HG_AT_SLOT_NAME},
			{"subpublications", HG_FORM_NAMES, HG_AT_PUBLICATION_NAME}}},
	{OBJECTS(AuthIdRelationId, AuthIdOidIndexId, "oid"), {
			{"rolname", HG_FORM_NAME, HG_AT_ROLE_NAME}}},
	{OBJECTS(DatabaseRelationId, DatabaseOidIndexId, "oid"), {
			{"datname", HG_FORM_NAME, HG_AT_DATABASE_NAME}}},
	{OBJECTS(TableSpaceRelationId, TablespaceOidIndexId, "oid"), {
			{"spcname", HG_FORM_NAME, HG_AT_TABLESPACE_NAME},
			{"spcoptions", HG_FORM_OPTIONS, HG_AT_PARAMETER}}},
	{OBJECTS(ParameterAclRelationId, ParameterAclOidIndexId, "oid"), {
			{"parname", HG_FORM_NAME, HG_AT_SETTING_NAME}}},
	{PARTS(DbRoleSettingRelationId, InvalidOid, DatabaseRelationId, "setdatabase", NULL,
		   "setrole"), {
			{"setconfig", HG_FORM_OPTIONS, HG_AT_SETTING}}},
	{PARTS(ReplicationOriginRelationId, InvalidOid, ReplicationOriginRelationId, "roident", NULL,
		   "roident"), {
			{"roname", HG_FORM_NAME, HG_AT_ORIGIN_NAME}}},
	{SharedDescriptionRelationId, InvalidOid, InvalidOid, "objoid", NULL, "classoid", "objoid",
		NULL, {
			{"description", HG_FORM_TEXT, HG_AT_COMMENT}}},
	{SharedSecLabelRelationId, InvalidOid, InvalidOid, "objoid", NULL, "classoid", "objoid",
		NULL, {
			{"label", HG_FORM_TEXT, HG_AT_LABEL}}},
};

const int	hg_guard_catalogs_count = lengthof(hg_guard_catalogs);
