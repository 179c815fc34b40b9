/*
 * read.c
 *		Makes the trail that `make bench-read` reads: read DIRECTORY STATE SYSTEM EVENTS HOURS.
 *
 * Goal: a trail as a server of a clinic leaves it, of any size, in minutes.
 * Method: the writer's own code puts events into frames and segments, signs and
 * chains them; only the clock is ours: it goes through the HOURS before now,
 * and the ring is drained every 200 ms of it.  Sessions, tables, statements and
 * classes are drawn with a fixed seed from a table of weights, so that the same
 * EVENTS and HOURS give the same events.  One of 500 has a statement of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/segment_trail.h"

#define DRAIN_US 200000
#define FRAME_ENOUGH (32 * 1024)	/* as the writer */
#define SESSIONS 60
#define TABLES 40
#define STATEMENTS 8			/* of a table and kind */
#define OWN_STATEMENT 500
#define BUNDLE_SIZE 512

/* Kinds of events by how many of 1000 there are; the number of the class is that of audit.h. */
static const struct
{
	unsigned	weight;
	uint8_t		class;
	const char *tag;
	bool		object;
	const char *statement;		/* with a table and a number */
}			kinds[] = {
	{700, 0, "SELECT", true, "SELECT name FROM clinic.%s WHERE id = $? AND ward = $? /* %d */"},
	{120, 1, "UPDATE", true, "UPDATE clinic.%s SET note = $? WHERE id = $? /* %d */"},
	{80, 1, "INSERT", true, "INSERT INTO clinic.%s VALUES ($?, $?, $?, $?) /* %d */"},
	{60, 1, "COMMIT", false, NULL},
	{20, 4, "EXECUTE", true, "SELECT clinic.admit_%s($?, $?) /* %d */"},
	{10, 8, "SHOW", false, "SHOW search_path"},
	{5, 7, "SET", false, "SET application_name = $?"},
	{4, 5, "DISCONNECT", false, NULL},
	{1, 2, "ALTER TABLE", true, "ALTER TABLE clinic.%s ALTER COLUMN note SET NOT NULL /* %d */"},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static hg_audit_trail trail;

static uint64_t
draw(uint64_t below)
{
	static uint64_t state = UINT64_C(88172645463325252);

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static void
need(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", trail.problem ? trail.problem : "failed", strerror(trail.error));
	exit(1);
}

/* The number of a bundle of strings, an empty one being none. */
static uint32_t
bundle(const char *const *strings, size_t count)
{
	char		bytes[BUNDLE_SIZE];
	size_t		size = 0;
	uint32_t	number;

	for (size_t i = 0; i < count; i++)
		size = strings[i][0] == '\0' ? hg_audit_bundle_add_null(bytes, size, sizeof(bytes))
			: hg_audit_bundle_add(bytes, size, sizeof(bytes), strings[i], strlen(strings[i]));
	need(hg_audit_trail_text(&trail, bytes, size, &number));
	return number;
}

static uint32_t
session_number(unsigned session)
{
	char		user[32];
	char		address[32];

	snprintf(user, sizeof(user), "user_%02u", session % 25);
	snprintf(address, sizeof(address), "10.1.%u.%u", session % 4, session);
	return bundle((const char *const[]) {user, session % 5 ? user : "app", "clinic", address,
				  session % 3 ? "ward terminal" : ""}, 5);
}

static uint32_t
object_number(const char *table, unsigned which)
{
	return bundle((const char *const[]) {"table", "clinic", table, "id", "name", "born", "note"},
				  3 + which % 5);
}

static uint32_t
statement_number(const char *format, const char *table)
{
	char		text[BUNDLE_SIZE];
	int			which = draw(OWN_STATEMENT) == 0 ? STATEMENTS + (int) draw(1000000000)
		: (int) draw(STATEMENTS);
	uint32_t	number;

	if (format == NULL)
		return 0;
	snprintf(text, sizeof(text), format, table, which);
	need(hg_audit_trail_text(&trail, text, strlen(text), &number));
	return number;
}

static void
event_add(int64_t now_us)
{
	unsigned	session = (unsigned) draw(SESSIONS);
	unsigned	table = (unsigned) (draw(TABLES) * draw(TABLES) / TABLES);
	uint64_t	at = draw(1000);
	uint32_t	numbers[HG_AUDIT_TEXTS] = {0};
	hg_audit_event event;
	char		name[32];
	size_t		kind = 0;

	while (at >= kinds[kind].weight && kind + 1 < KINDS)
		at -= kinds[kind++].weight;
	snprintf(name, sizeof(name), "table_%02u", table);
	memset(&event, 0, sizeof(event));
	event.class = kinds[kind].class;
	event.outcome = draw(200) == 0;
	event.sqlstate = event.outcome ? 0x4000082 : 0;	/* 22012 */
	event.flags = kinds[kind].object && table % 4 == 0 ? 1 : 0;
	event.recorded_us = now_us;
	event.duration_us = 20 + (int64_t) draw(3000);
	event.rows = kinds[kind].object ? (int64_t) draw(20) : HG_AUDIT_NONE;
	event.query_id = kinds[kind].statement ? 1 + (int64_t) (table * 100 + kind) : 0;
	event.process_id = 1000 + session;
	event.session_start = (uint32_t) (now_us / 1000000 / 3600 * 3600);
	event.statement = 1 + (uint32_t) (trail.segment.seq_next / SESSIONS);
	event.transaction = event.statement / 4;
	numbers[HG_AUDIT_TEXT_SESSION] = session_number(session);
	numbers[HG_AUDIT_TEXT_ACTION] = bundle((const char *const[]) {kinds[kind].tag, ""}, 2);
	if (kinds[kind].object)
		numbers[HG_AUDIT_TEXT_OBJECT] = object_number(name, table);
	numbers[HG_AUDIT_TEXT_STATEMENT] = statement_number(kinds[kind].statement, name);
	need(hg_audit_trail_add_event(&trail, &event, numbers));
}

/* One frame of the events up to a time; how many there are then. */
static uint64_t
frame_add(uint64_t done, uint64_t events, int64_t begin_us, int64_t span_us, int64_t *now_us)
{
	int64_t		until = *now_us + DRAIN_US;
	int64_t		at = begin_us + (int64_t) ((double) span_us * ((double) done / (double) events));

	trail.oldest_us = at;
	need(hg_audit_trail_ready(&trail, at > *now_us ? at : *now_us, done, 0));
	if (!hg_audit_trail_has_room(&trail))
		need(hg_audit_trail_sync(&trail));
	hg_audit_trail_begin(&trail);
	while (done < events && at <= until && trail.frame.size < FRAME_ENOUGH)
	{
		event_add(at);
		trail.positions[0]++;
		done++;
		at = begin_us + (int64_t) ((double) span_us * ((double) done / (double) events));
	}
	*now_us = at < until ? at : until;
	need(hg_audit_trail_end(&trail, *now_us) && hg_audit_trail_write(&trail));
	return done;
}

int
main(int argc, char **argv)
{
	uint64_t	events;
	uint64_t	done = 0;
	int64_t		span_us;
	int64_t		now_us;

	if (argc != 6)
		return 2;
	snprintf(trail.directory, sizeof(trail.directory), "%s", argv[1]);
	snprintf(trail.state_directory, sizeof(trail.state_directory), "%s", argv[2]);
	trail.system_id = strtoull(argv[3], NULL, 10);
	trail.segment_size_max = 64 * 1024 * 1024;
	events = strtoull(argv[4], NULL, 10);
	span_us = (int64_t) (strtod(argv[5], NULL) * 3600e6);
	now_us = (int64_t) time(NULL) * 1000000 - span_us;
	need(hg_audit_trail_open(&trail));
	for (int64_t begin_us = now_us; done < events;)
		done = frame_add(done, events, begin_us, span_us, &now_us);
	need(hg_audit_trail_checkpoint(&trail, now_us, done, 0) && hg_audit_trail_sync(&trail));
	printf("%" PRIu64 " events in %" PRIu64 " segments of %" PRIu64 " MB\n", events, trail.segments,
		   (trail.bytes_closed + trail.segment.size) / 1000000);
	hg_audit_trail_free(&trail);
	return 0;
}
