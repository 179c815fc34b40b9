/*
 * event.h
 *		An event on its way into the ring: who, what, on which object.
 *
 * Texts that repeat are put together once: a session's when its user or its
 * application name changes, a statement's by the statements' cache, an
 * object's by the objects' cache.
 */
#ifndef HG_AUDIT_EVENT_H
#define HG_AUDIT_EVENT_H

#include "audit/audit.h"
#include "audit/ring_texts.h"
#include "datatype/timestamp.h"

/* Where a text stands in the ring, kept by whoever keeps the text. */
typedef struct hg_audit_kept
{
	uint32		number;
	uint64		generation;		/* 0: it was not put there yet */
} hg_audit_kept;

/* A text, ready for the ring. */
typedef struct hg_audit_words
{
	const char *data;			/* NULL: none */
	uint32		size;
	hg_audit_kept *kept;		/* NULL: it goes into the event's own record */
} hg_audit_words;

/* The texts of an event in its record: sizes plus 1 of those in it, or numbers in the ring. */
#define HG_AUDIT_TEXT_KEPT UINT32_C(0x80000000)

typedef struct hg_audit_heads
{
	uint32		texts[HG_AUDIT_TEXTS];
} hg_audit_heads;

#define HG_AUDIT_BUNDLE_SIZE 1024
#define HG_AUDIT_STATEMENT_SIZE 4096

/* The ring, mapped before processes fork; NULL: there is none, nothing is recorded. */
extern hg_audit_ring *hg_audit_ring_shared;

/* Microseconds since 1970, as the trail counts them. */
#define HG_AUDIT_US(timestamp) \
	((timestamp) + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* The session's counters, for the events' references to each other. */
extern uint32 hg_audit_statement_number;
extern uint64 hg_audit_transaction_number;

/* Whether events of a class are recorded for this session now. */
extern bool hg_audit_wanted(hg_audit_class class);

/* A bit for each class that is; *flagged tells whether the database is a project. */
extern uint32 hg_audit_classes_wanted(bool *flagged);

/* For events of the cluster: roles, databases, settings, logins. */
extern bool hg_audit_wanted_cluster(hg_audit_class class);

/* Another one whenever the session's texts are. */
extern uint64 hg_audit_session_version;

/* Brings the session's texts up to date; only where catalogs can be read. */
extern void hg_audit_session_refresh(void);

/* The session's texts before it has a database: at authentication. */
extern void hg_audit_session_early(const char *user, const char *database);

/* Fills in what every event has: time, session, transaction, statement. */
extern void hg_audit_event_begin(hg_audit_event *event, hg_audit_class class,
								 hg_audit_outcome outcome);

/* Command tag and detail as words; "bundle" has HG_AUDIT_BUNDLE_SIZE bytes. */
extern void hg_audit_words_action(hg_audit_words *words, char *bundle, const char *tag,
								  const char *detail);

/* Object type, schema and name, which pass the detector. */
extern void hg_audit_words_object(hg_audit_words *words, char *bundle, const char *type,
								  const char *schema, const char *name);

/* One more string of a bundle, through the detector if it is a name that users choose. */
extern size_t hg_audit_bundle_name(char *bundle, size_t size, const char *name);
extern void hg_audit_words_finish(hg_audit_words *words, const char *bundle, size_t size);

/*
 * The statement's masked text, from the cache or masked now. *cut: it is a
 * prefix.  Valid until the next call; a copy must not keep its place in the ring.
 */
extern void hg_audit_words_statement(hg_audit_words *words, const char *text, int location,
									 int size, bool *cut);

/*
 * The same, and *at remembers where in the cache that was (begin with 0): asked
 * again for the same text, it is found without a hash.
 */
extern void hg_audit_words_statement_at(hg_audit_words *words, const char *text, int location,
										int size, bool *cut, uint32 *at);

/* Into the ring. Any of the words may be NULL. Waits first where audit_on_overflow says so. */
extern void hg_audit_put(const hg_audit_event *event, const hg_audit_words *action,
						 const hg_audit_words *object, const hg_audit_words *statement);

#endif							/* HG_AUDIT_EVENT_H */
