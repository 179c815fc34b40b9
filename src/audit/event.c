/*
 * event.c
 *		An event on its way into the ring: who, what, on which object.
 *
 * Nothing here raises, but for the catalog look-ups of
 * hg_audit_session_refresh().  Takes no locks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "audit/event.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/state.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "common/ip.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "phi/phi.h"
#include "redact/redact.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

hg_audit_ring *hg_audit_ring_shared = NULL;
uint32		hg_audit_statement_number = 0;
uint64		hg_audit_transaction_number = 0;
uint64		hg_audit_session_version = 0;

/* The session as words, and what they were made of. */
static struct
{
	char		bundle[HG_AUDIT_BUNDLE_SIZE];
	hg_audit_words words;
	hg_audit_kept kept;
	Oid			session_user_id;
	Oid			current_user_id;
	char		session_user[NAMEDATALEN];
	char		current_user[NAMEDATALEN];
	char		database[NAMEDATALEN];
	char		application[NAMEDATALEN];
	char		address[NI_MAXHOST];
	bool		address_known;
} session;

/* A user's address as text, without a port; empty for a Unix socket. */
static void
address_refresh(void)
{
	session.address_known = true;
	session.address[0] = '\0';
	if (MyProcPort == NULL || MyProcPort->raddr.addr.ss_family == AF_UNIX)
		return;
	if (pg_getnameinfo_all(&MyProcPort->raddr.addr, MyProcPort->raddr.salen, session.address,
						   sizeof(session.address), NULL, 0, NI_NUMERICHOST) != 0)
		session.address[0] = '\0';
	/* A link-local address may carry a zone, which is no part of an inet. */
	session.address[strcspn(session.address, "%")] = '\0';
}

static size_t
bundle_string(char *bundle, size_t size, const char *string)
{
	if (string == NULL || string[0] == '\0')
		return hg_audit_bundle_add_null(bundle, size, HG_AUDIT_BUNDLE_SIZE);
	return hg_audit_bundle_add(bundle, size, HG_AUDIT_BUNDLE_SIZE, string, strlen(string));
}

void
hg_audit_words_finish(hg_audit_words *words, const char *bundle, size_t size)
{
	words->data = bundle;
	words->size = (uint32) size;
	words->kept = NULL;
}

static void
session_bundle(void)
{
	hg_mask_options options;
	char		application[NAMEDATALEN];
	size_t		size;

	if (!session.address_known)
		address_refresh();
	hg_redact_options(&options);
	size = hg_mask_text(session.application, strlen(session.application), application,
						sizeof(application) - 1, &options);
	application[size] = '\0';
	size = bundle_string(session.bundle, 0, session.session_user);
	size = bundle_string(session.bundle, size, session.current_user);
	size = bundle_string(session.bundle, size, session.database);
	size = bundle_string(session.bundle, size, session.address);
	size = bundle_string(session.bundle, size, application);
	hg_audit_words_finish(&session.words, session.bundle, size);
	session.kept.generation = 0;
	hg_audit_session_version++;
	session.words.kept = &session.kept;
}

static void
role_name(Oid role, char *name)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));

	if (!HeapTupleIsValid(tuple))
	{
		snprintf(name, NAMEDATALEN, "%u", role);
		return;
	}
	strlcpy(name, NameStr(((Form_pg_authid) GETSTRUCT(tuple))->rolname), NAMEDATALEN);
	ReleaseSysCache(tuple);
}

void
hg_audit_session_refresh(void)
{
	const char *application = application_name ? application_name : "";
	Oid			current;
	int			context;

	GetUserIdAndSecContext(&current, &context);
	if (session.words.data != NULL && session.current_user_id == current
		&& session.session_user_id == GetSessionUserId()
		&& strcmp(session.application, application) == 0)
		return;
	strlcpy(session.application, application, sizeof(session.application));
	if (session.session_user_id != GetSessionUserId() || session.session_user[0] == '\0')
		role_name(GetSessionUserId(), session.session_user);
	session.session_user_id = GetSessionUserId();
	if (session.current_user_id != current || session.current_user[0] == '\0')
		role_name(current, session.current_user);
	session.current_user_id = current;
	if (session.database[0] == '\0' && OidIsValid(MyDatabaseId))
	{
		char	   *name = get_database_name(MyDatabaseId);

		if (name != NULL)
			strlcpy(session.database, name, sizeof(session.database));
	}
	session_bundle();
}

void
hg_audit_session_early(const char *user, const char *database)
{
	const char *application = MyProcPort ? MyProcPort->application_name : NULL;

	strlcpy(session.session_user, user ? user : "", sizeof(session.session_user));
	strlcpy(session.current_user, user ? user : "", sizeof(session.current_user));
	strlcpy(session.database, database ? database : "", sizeof(session.database));
	strlcpy(session.application, application ? application : "", sizeof(session.application));
	session_bundle();
}

#define CLASSES_ALL ((1 << HG_AUDIT_CLASSES) - 1)

/* One word of audit_classes as bits, 0 if it is none. */
static uint32
class_bits(const char *word, size_t size)
{
	if (size == 3 && pg_strncasecmp(word, "all", 3) == 0)
		return CLASSES_ALL;
	for (int i = 0; i < HG_AUDIT_CLASSES; i++)
	{
		const char *name = hg_audit_class_name(i);

		if (size == strlen(name) && pg_strncasecmp(word, name, size) == 0)
			return 1 << i;
	}
	return 0;
}

/* The value of audit_classes; false if a word is none, which would silently record nothing. */
static bool
read_classes(const char *list, uint32 *classes)
{
	static const char separators[] = ", \t\"";

	*classes = 0;
	for (const char *at = list; *at != '\0';)
	{
		bool		without;
		size_t		size;
		uint32		bits;

		at += strspn(at, separators);
		without = *at == '-';
		at += without;
		size = strcspn(at, separators);
		if (size == 0)
			continue;
		bits = class_bits(at, size);
		if (bits == 0)
			return false;
		/* A list that only leaves out begins with all. */
		if (without && *classes == 0)
			*classes = CLASSES_ALL;
		*classes = without ? *classes & ~bits : *classes | bits;
		at += size;
	}
	return true;
}

void
hg_audit_settings_init(void)
{
	hg_guc_classes_hook = read_classes;
}

/* What a flagged database cannot leave out; reads and writes of PHI neither, query by query. */
#define CLASSES_FORCED (1 << HG_AUDIT_AUTH | 1 << HG_AUDIT_ROLE | 1 << HG_AUDIT_DDL \
						| 1 << HG_AUDIT_CONFIG | 1 << HG_AUDIT_COPY | 1 << HG_AUDIT_GUARD)

static bool
class_enabled(hg_audit_class class, bool flagged)
{
	return ((hg_guc_audit_class_bits | (flagged ? CLASSES_FORCED : 0)) & 1 << class) != 0;
}

uint32
hg_audit_classes_wanted(bool *flagged)
{
	*flagged = false;
	if (hg_audit_ring_shared == NULL || !hg_state_ready())
		return 0;
	*flagged = hg_state_database_flagged();
	if (!*flagged && !hg_guc_audit_unflagged)
		return 0;
	return hg_guc_audit_class_bits | (*flagged ? CLASSES_FORCED : 0);
}

bool
hg_audit_wanted(hg_audit_class class)
{
	bool		flagged;

	if (hg_audit_ring_shared == NULL || !hg_state_ready())
		return false;
	flagged = hg_state_database_flagged();
	return (flagged || hg_guc_audit_unflagged) && class_enabled(class, flagged);
}

bool
hg_audit_wanted_cluster(hg_audit_class class)
{
	bool		flagged;

	if (hg_audit_ring_shared == NULL || !hg_state_ready())
		return false;
	flagged = hg_state_cluster_flagged();
	return (flagged || hg_guc_audit_unflagged) && class_enabled(class, flagged);
}

void
hg_audit_event_begin(hg_audit_event *event, hg_audit_class class, hg_audit_outcome outcome)
{
	memset(event, 0, sizeof(*event));
	event->recorded_us = HG_AUDIT_US(GetCurrentTimestamp());
	event->duration_us = HG_AUDIT_NONE;
	event->rows = HG_AUDIT_NONE;
	event->session_start = (uint32) MyStartTime;
	event->process_id = (uint32) MyProcPid;
	event->transaction = OidIsValid(MyDatabaseId) ? hg_audit_transaction_number : 0;
	event->statement = hg_audit_statement_number;
	event->class = (uint8) class;
	event->outcome = (uint8) outcome;
}

void
hg_audit_words_action(hg_audit_words *words, char *bundle, const char *tag, const char *detail)
{
	size_t		size = bundle_string(bundle, 0, tag);

	hg_audit_words_finish(words, bundle, bundle_string(bundle, size, detail));
}

size_t
hg_audit_bundle_name(char *bundle, size_t size, const char *name)
{
	char		marker[64];
	hg_phi_span span;
	size_t		name_size = name ? strlen(name) : 0;
	hg_mask_options options;
	float		confidence;

	if (name_size == 0)
		return hg_audit_bundle_add_null(bundle, size, HG_AUDIT_BUNDLE_SIZE);
	hg_redact_options(&options);
	for (size_t from = 0; from < name_size; from = span.start + Max(span.size, 1))
	{
		if (hg_redact_scan(name, name_size, from, &span, 1, true) == 0)
			break;
		confidence = hg_phi_confidence_on(&span, HG_SURFACE_NAME);
		if (confidence < options.confidence)
			continue;
		/* The name as a whole goes: its other words may name the patient, too. */
		snprintf(marker, sizeof(marker), "[phi:%s]", hg_phi_category_name(span.category));
		return hg_audit_bundle_add(bundle, size, HG_AUDIT_BUNDLE_SIZE, marker, strlen(marker));
	}
	return hg_audit_bundle_add(bundle, size, HG_AUDIT_BUNDLE_SIZE, name, name_size);
}

void
hg_audit_words_object(hg_audit_words *words, char *bundle, const char *type, const char *schema,
					  const char *name)
{
	size_t		size = bundle_string(bundle, 0, type);

	size = hg_audit_bundle_name(bundle, size, schema);
	/* Who was acted upon must be told as well as who acted. */
	if (type != NULL && strcmp(type, "role") == 0)
		size = bundle_string(bundle, size, name);
	else
		size = hg_audit_bundle_name(bundle, size, name);
	hg_audit_words_finish(words, bundle, size);
}

/* Bounded, and only where a statement may wait: not while it holds spinlocks or is dying. */
static void
wait_for_room(unsigned hint, unsigned class)
{
	int64		waited_us = 0;

	if (hg_guc_audit_on_overflow != HG_OVERFLOW_WAIT || CritSectionCount > 0
		|| InterruptHoldoffCount > 0 || proc_exit_inprogress)
		return;
	while (hg_audit_ring_full(hg_audit_ring_shared, hint, class)
		   && waited_us < (int64) hg_guc_audit_wait_timeout_ms * 1000)
	{
		pg_usleep(1000);
		waited_us += 1000;
	}
}

/* Whether the text stands in the ring, in the current generation; puts it there if it can. */
static bool
is_kept(hg_audit_kept *kept)
{
	return kept->generation == hg_audit_ring_shared->header->texts_generation
		&& kept->number != 0;
}

static bool
keep(const hg_audit_words *words)
{
	hg_audit_kept *kept = words->kept;

	/* One for which there was no room is not tried again before the next generation. */
	if (kept->generation != hg_audit_ring_shared->header->texts_generation)
		kept->number = hg_audit_ring_text_put(hg_audit_ring_shared, words->data, words->size,
											  &kept->generation);
	return is_kept(kept);
}

/*
 * Puts the event with its texts: by their numbers where they are kept in the
 * ring, unless the generation has changed meanwhile.
 */
static hg_audit_ring_result
put(const hg_audit_event *event, const hg_audit_words *const *words, unsigned hint, bool by_number)
{
	hg_audit_heads heads = {{0}};
	hg_audit_part parts[2 + HG_AUDIT_TEXTS];
	size_t		count = 2;
	uint64		generation = 0;

	parts[0] = (hg_audit_part) {event, sizeof(*event)};
	parts[1] = (hg_audit_part) {&heads, sizeof(heads)};
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		const hg_audit_words *w = words[i];

		if (w == NULL || w->data == NULL)
			continue;
		if (by_number && w->kept != NULL && keep(w)
			&& (generation == 0 || generation == w->kept->generation))
		{
			generation = w->kept->generation;
			heads.texts[i] = w->kept->number | HG_AUDIT_TEXT_KEPT;
			continue;
		}
		heads.texts[i] = w->size + 1;
		parts[count++] = (hg_audit_part) {w->data, w->size};
	}
	return hg_audit_ring_put(hg_audit_ring_shared, hint, event->class, event->recorded_us,
							 generation, parts, count);
}

void
hg_audit_put(const hg_audit_event *event, const hg_audit_words *action,
			 const hg_audit_words *object, const hg_audit_words *statement)
{
	const hg_audit_words *words[HG_AUDIT_TEXTS] = {&session.words, action, object, statement};
	unsigned	hint = (unsigned) HG_MY_PROC_NUMBER;
	hg_audit_ring_result result;

	if (hg_audit_ring_shared == NULL)
		return;
	if (hg_guc_audit_on_overflow == HG_OVERFLOW_WAIT)
		wait_for_room(hint, event->class);
	result = put(event, words, hint, true);
	if (result == HG_AUDIT_PUT_STALE)
		result = put(event, words, hint, false);
	if (result == HG_AUDIT_PUT_NO_ROOM)
	{
		hg_audit_part session_part = {session.words.data, session.words.size};
		hg_audit_part object_part = {object ? object->data : NULL, object ? object->size : 0};

		hg_audit_ring_shed(hg_audit_ring_shared, event->class, &session_part, &object_part);
	}
}

/*
 * The cache of masked statements: the raw text decides, byte by byte.  Slots
 * are found by hash and replaced; memory is bounded by their number.
 */
#define STATEMENTS_CACHED 128

typedef struct cached_statement
{
	uint64		hash;
	uint32		raw_size;
	uint32		masked_size;
	char	   *raw;			/* and the masked text behind it */
	size_t		allocated;
	bool		again;			/* asked for more than once */
	hg_audit_kept kept;
} cached_statement;

static cached_statement statements[STATEMENTS_CACHED];

/* A prefix at a whole character, so that masking sees no half one. */
static size_t
prefix_size(const char *text, size_t size, size_t max)
{
	if (size <= max)
		return size;
	for (size = max; size > max - 4 && (text[size] & 0xC0) == 0x80;)
		size--;
	return size;
}

static bool
statement_room(cached_statement *slot, size_t size)
{
	if (slot->allocated >= size)
		return true;
	free(slot->raw);
	slot->allocated = 0;
	slot->raw = malloc(size);
	if (slot->raw == NULL)
		return false;
	slot->allocated = size;
	return true;
}

/* Usually just masked for pg_stat_activity. */
static uint32
mask_statement(const char *text, size_t size, char *out)
{
	hg_mask_options options;
	size_t		masked_size;
	const char *masked = hg_redact_reported_activity(text, size, &masked_size);

	if (masked != NULL && masked_size <= HG_AUDIT_STATEMENT_SIZE)
	{
		memcpy(out, masked, masked_size);
		return (uint32) masked_size;
	}
	hg_redact_options(&options);
	return (uint32) hg_mask_sql(text, size, out, HG_AUDIT_STATEMENT_SIZE, &options);
}

/* The slot that holds this text already, or one that is filled with it now; NULL: no memory. */
static cached_statement *
statement_slot(const char *text, size_t size)
{
	uint64		hash = hg_audit_hash64(text, size);
	cached_statement *slot = &statements[hash % STATEMENTS_CACHED];

	if (slot->raw != NULL && slot->hash == hash && slot->raw_size == size
		&& memcmp(slot->raw, text, size) == 0)
		return slot;
	slot->hash = 0;
	slot->raw_size = 0;
	if (!statement_room(slot, size + HG_AUDIT_STATEMENT_SIZE))
		return NULL;
	memcpy(slot->raw, text, size);
	slot->masked_size = mask_statement(text, size, slot->raw + size);
	slot->kept.generation = 0;
	slot->again = false;
	slot->hash = hash;
	slot->raw_size = (uint32) size;
	return slot;
}

void
hg_audit_words_statement_at(hg_audit_words *words, const char *text, int location, int size,
							bool *cut, uint32 *at)
{
	cached_statement *slot = &statements[*at % STATEMENTS_CACHED];
	size_t		text_size;

	words->data = NULL;
	*cut = false;
	if (text == NULL)
		return;
	if (location > 0)
		text += location;
	text_size = size > 0 && location >= 0 ? strnlen(text, size) : strlen(text);
	for (; text_size > 0 && isspace((unsigned char) text[0]); text++)
		text_size--;
	for (; text_size > 0 && isspace((unsigned char) text[text_size - 1]);)
		text_size--;
	*cut = text_size > HG_AUDIT_STATEMENT_SIZE;
	text_size = prefix_size(text, text_size, HG_AUDIT_STATEMENT_SIZE);
	if (text_size == 0)
		return;
	if (slot->raw_size != text_size || memcmp(slot->raw, text, text_size) != 0)
	{
		slot = statement_slot(text, text_size);
		if (slot == NULL)
			return;
		*at = (uint32) (slot - statements);
	}
	words->data = slot->raw + slot->raw_size;
	words->size = slot->masked_size;
	/* The ring's room for texts is for those that come again. */
	words->kept = slot->again ? &slot->kept : NULL;
	slot->again = true;
}

void
hg_audit_words_statement(hg_audit_words *words, const char *text, int location, int size,
						 bool *cut)
{
	uint32		at = 0;

	hg_audit_words_statement_at(words, text, location, size, cut, &at);
}
