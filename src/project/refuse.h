/*
 * refuse.h
 *		Private to the room: how something is refused, and what is.
 */
#ifndef HG_PROJECT_REFUSE_H
#define HG_PROJECT_REFUSE_H

#include "postgres.h"

#include "catalog/objectaccess.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

#define HG_EXTENSION "hipaa_guard"

/* Why something is refused. Texts are fixed words, and names that the trail may hold. */
typedef struct hg_refusal
{
	int			sqlstate;		/* of base/errors.h */
	const char *command;		/* command tag */
	const char *object_type;
	const char *object_name;	/* may be NULL; passes the detector on its way to the trail */
	const char *what;			/* fixed words for the trail */
	const char *message;
	const char *detail;			/* may be NULL */
	const char *hint;
} hg_refusal;

/*
 * Records and raises. With the glass broken, and in a database that is being
 * restored, PH002 and PH005 are recorded warnings, and the call returns.
 */
extern void hg_refuse(const hg_refusal *refusal);

/* own.c: the extension's own objects and the catalogs that hold the flag. */
extern void hg_own_init(void);
extern Oid	hg_own_schema(void);
extern bool hg_own_relation(Oid relation);
extern void hg_own_at_drop(Oid class, Oid object, int drop_flags);
extern void hg_own_at_create(Oid class, Oid object, bool internal);
extern void hg_own_at_alter(Oid class, Oid object, bool internal);
extern void hg_own_called(Oid function);	/* an internal one is about to be called */
extern void hg_own_at_truncate(Oid relation);
extern void hg_own_before_utility(Node *stmt, const char *command);
extern void hg_own_after_utility(Node *stmt, const char *version_before);
extern char *hg_own_version(void);

/* membership.c: since when who is a member of a role. */
typedef struct hg_memberships hg_memberships;
extern hg_memberships *hg_membership_before_utility(const Node *stmt);
extern void hg_membership_after_utility(const hg_memberships *before);
extern void hg_membership_at_drop(Oid role);

/* settings.c: settings that must not become weaker. */
extern void hg_settings_init(void);
extern void hg_settings_before_utility(Node *stmt, const char *command);

/* refuse.c: the hooks. */
extern void hg_refuse_init(void);

#endif							/* HG_PROJECT_REFUSE_H */
