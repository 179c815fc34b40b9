/*
 * segment_json.c
 *		Items of a segment as JSON Lines, for those who ship them elsewhere.
 *
 * Texts come from sessions of any encoding: what is no UTF-8 becomes U+FFFD.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/segment_json.h"

#define STRINGS_MAX 260			/* object type, schema, name and columns of an object */

static const char *const reasons[] = {"overflow", "disk_full", "crash"};

typedef struct json_string
{
	const char *data;			/* NULL: none */
	size_t		size;
} json_string;

static void
put(hg_audit_json *json, const char *data, size_t size)
{
	if (json->size + size > json->max && !json->failed)
	{
		size_t		max = (json->size + size) * 2 + 4096;
		char	   *more = realloc(json->line, max);

		json->failed = more == NULL;
		if (more != NULL)
		{
			json->line = more;
			json->max = max;
		}
	}
	if (json->failed)
		return;
	memcpy(json->line + json->size, data, size);
	json->size += size;
}

__attribute__((format(printf, 2, 3)))
static void
put_format(hg_audit_json *json, const char *format, ...)
{
	char		words[256];
	va_list		args;
	int			size;

	va_start(args, format);
	size = vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	put(json, words, (size_t) size < sizeof(words) ? (size_t) size : sizeof(words) - 1);
}

/* Bytes of the UTF-8 character there, or 0: overlong, surrogate, cut, or none at all. */
static size_t
character_size(const unsigned char *s, size_t left)
{
	size_t		size = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3
		: s[0] < 0xF5 ? 4 : 0;

	if (size == 0 || size > left)
		return 0;
	for (size_t i = 1; i < size; i++)
	{
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)
		|| (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return size;
}

/* The inside of a JSON string. */
static void
put_escaped(hg_audit_json *json, const char *data, size_t size)
{
	static const char *const escapes[32] = {
		['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"
	};

	for (size_t i = 0; i < size;)
	{
		unsigned char c = (unsigned char) data[i];
		size_t		character = character_size((const unsigned char *) data + i, size - i);

		if (c == '"' || c == '\\')
			put_format(json, "\\%c", c);
		else if (c < 32 && escapes[c] != NULL)
			put_format(json, "%s", escapes[c]);
		else if (c < 32)
			put_format(json, "\\u%04x", c);
		else if (character == 0)
			put(json, "\xEF\xBF\xBD", 3);
		else
			put(json, data + i, character);
		i += character == 0 ? 1 : character;
	}
}

static void
put_string(hg_audit_json *json, const char *key, json_string string)
{
	put_format(json, ",\"%s\":", key);
	if (string.data == NULL)
	{
		put(json, "null", 4);
		return;
	}
	put(json, "\"", 1);
	put_escaped(json, string.data, string.size);
	put(json, "\"", 1);
}

static void
put_name(hg_audit_json *json, const char *key, const char *name)
{
	put_string(json, key, (json_string) {name, strlen(name)});
}

static void
put_number(hg_audit_json *json, const char *key, int64_t number, int64_t none)
{
	if (number == none)
		put_format(json, ",\"%s\":null", key);
	else
		put_format(json, ",\"%s\":%" PRId64, key, number);
}

/* In UTC with six digits, as ISO 8601 has it. */
static void
put_time(hg_audit_json *json, const char *key, int64_t us)
{
	int64_t		rest = us % 1000000;
	time_t		seconds = (time_t) (us / 1000000 - (rest < 0));
	struct tm	at;
	char		text[64];

	memset(&at, 0, sizeof(at));
	gmtime_r(&seconds, &at);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &at);
	put_format(json, ",\"%s\":\"%s.%06dZ\"", key, text, (int) (rest < 0 ? rest + 1000000 : rest));
}

/* Milliseconds with as many digits as there are microseconds. */
static void
put_duration(hg_audit_json *json, int64_t us)
{
	char		text[32];
	size_t		size;

	if (us == HG_AUDIT_NONE)
	{
		put_format(json, ",\"duration_ms\":null");
		return;
	}
	size = (size_t) snprintf(text, sizeof(text), "%s%" PRId64 ".%03d", us < 0 ? "-" : "",
							 us < 0 ? -(us / 1000) : us / 1000, abs((int) (us % 1000)));
	while (text[size - 1] == '0')
		size--;
	if (text[size - 1] == '.')
		size--;
	put_format(json, ",\"duration_ms\":%.*s", (int) size, text);
}

static void
put_sqlstate(hg_audit_json *json, int32_t sqlstate)
{
	char		text[6];

	for (int i = 0; i < 5; i++)
		text[i] = (char) (((sqlstate >> (6 * i)) & 0x3F) + '0');
	text[5] = '\0';
	put_string(json, "sqlstate", (json_string) {sqlstate ? text : NULL, 5});
}

/* The event's own words, and how it belongs to others of its session. */
static void
put_detail(hg_audit_json *json, const hg_audit_event *event, json_string own)
{
	const char *between = own.data != NULL ? "; " : "";

	if (own.data == NULL && event->transaction == 0 && event->statement == 0
		&& event->parent == 0 && (event->flags & HG_AUDIT_EVENT_CUT) == 0)
	{
		put_string(json, "detail", own);
		return;
	}
	put_format(json, ",\"detail\":\"");
	put_escaped(json, own.data ? own.data : "", own.size);
	if (event->transaction != 0)
	{
		put_format(json, "%stransaction %" PRIu64, between, event->transaction);
		between = "; ";
	}
	if (event->statement != 0)
	{
		put_format(json, "%sstatement %" PRIu32, between, event->statement);
		between = "; ";
	}
	if (event->parent != 0)
	{
		put_format(json, "; nested in statement %" PRIu32, event->parent);
		between = "; ";
	}
	if ((event->flags & HG_AUDIT_EVENT_CUT) != 0)
		put_format(json, "%stext is cut", between);
	put(json, "\"", 1);
}

/* The strings of a bundle; what is not there is NULL. Returns how many there are. */
static int
text_split(const hg_audit_json *json, uint32_t number, json_string *strings, int max)
{
	size_t		offset = 0;
	int			count = 0;

	memset(strings, 0, (size_t) max * sizeof(strings[0]));
	if (number == 0 || number > json->texts_count)
		return 0;
	while (count < max && hg_audit_bundle_next(json->texts[number].data, json->texts[number].size,
											   &offset, &strings[count].data,
											   &strings[count].size))
		count++;
	return count;
}

static void
put_columns(hg_audit_json *json, const json_string *columns, int count)
{
	const char *between = "";

	if (count <= 0)
	{
		put_format(json, ",\"columns\":null");
		return;
	}
	put_format(json, ",\"columns\":[");
	for (int i = 0; i < count; i++)
	{
		if (columns[i].data == NULL)
			continue;
		put_format(json, "%s\"", between);
		put_escaped(json, columns[i].data, columns[i].size);
		put(json, "\"", 1);
		between = ",";
	}
	put(json, "]", 1);
}

/* What every line begins with: it makes an event or a gap unique. */
static void
line_begin(hg_audit_json *json)
{
	json->size = 0;
	put_format(json, "{\"system_identifier\":\"%" PRIu64 "\",\"boot\":%" PRIu32, json->system_id,
			   json->boot);
}

static bool
line_end(hg_audit_json *json)
{
	put(json, "}\n", 2);
	return !json->failed;
}

static void
put_texts(hg_audit_json *json, const hg_audit_event_item *item)
{
	const hg_audit_event *event = &item->event;
	json_string session[5];
	json_string object[STRINGS_MAX];
	int			count = text_split(json, item->texts[HG_AUDIT_TEXT_OBJECT], object, STRINGS_MAX);

	text_split(json, item->texts[HG_AUDIT_TEXT_SESSION], session, 5);
	put_string(json, "object_type", object[0]);
	put_string(json, "schema_name", object[1]);
	put_string(json, "object_name", object[2]);
	put_columns(json, object + 3, count - 3);
	put_format(json, ",\"phi\":%s", event->flags & HG_AUDIT_EVENT_PHI ? "true" : "false");
	put_string(json, "session_user_name", session[0]);
	put_string(json, "current_user_name", session[1]);
	put_string(json, "database_name", session[2]);
	put_string(json, "client_addr", session[3]);
	put_string(json, "application_name", session[4]);
}

static bool
event_line(hg_audit_json *json, const hg_audit_event_item *item)
{
	const hg_audit_event *event = &item->event;
	uint32_t	number = item->texts[HG_AUDIT_TEXT_STATEMENT];
	json_string action[2];
	json_string statement = {NULL, 0};

	if (number > 0 && number <= json->texts_count)
		statement = (json_string) {json->texts[number].data, json->texts[number].size};
	text_split(json, item->texts[HG_AUDIT_TEXT_ACTION], action, 2);
	line_begin(json);
	put_format(json, ",\"seq\":%" PRIu64, item->seq);
	put_time(json, "recorded_at", event->recorded_us);
	put_name(json, "class", hg_audit_class_name(event->class));
	put_string(json, "command_tag", action[0]);
	put_name(json, "outcome", hg_audit_outcome_name(event->outcome));
	put_sqlstate(json, event->sqlstate);
	put_number(json, "rows", event->rows, HG_AUDIT_NONE);
	put_duration(json, event->duration_us);
	put_texts(json, item);
	put_format(json, ",\"session_id\":\"%" PRIx64 ".%" PRIx32 "\"",
			   (uint64_t) event->session_start, event->process_id);
	if (event->query_id == 0)
		put_format(json, ",\"query_id\":null");
	else
		put_format(json, ",\"query_id\":\"%" PRId64 "\"", event->query_id);
	put_string(json, "statement", statement);
	put_detail(json, event, action[1]);
	return line_end(json);
}

static bool
gap_line(hg_audit_json *json, const hg_audit_gap_item *gap)
{
	const char *between = "";

	line_begin(json);
	put_format(json, ",\"gap\":{\"first_seq\":%" PRIu64 ",\"last_seq\":%" PRIu64
			   ",\"lost\":%" PRIu64, gap->seq_first, gap->seq_first + gap->lost - 1, gap->lost);
	put_name(json, "reason", gap->reason < 3 ? reasons[gap->reason] : "unknown");
	put_time(json, "began_at", gap->began_us);
	put_time(json, "ended_at", gap->ended_us);
	put_format(json, ",\"lost_by_class\":{");
	for (unsigned i = 0; i < HG_AUDIT_CLASSES_MAX; i++)
	{
		if (gap->lost_by_class[i] == 0)
			continue;
		put_format(json, "%s\"%s\":%" PRIu64, between, hg_audit_class_name(i),
				   gap->lost_by_class[i]);
		between = ",";
	}
	put(json, "}}", 2);
	return line_end(json);
}

/* What was dropped, by who, database and object: the total of a place tells two of them apart. */
static bool
count_line(hg_audit_json *json, const hg_audit_count_item *count)
{
	json_string session[5];
	json_string object[3];

	text_split(json, count->texts[0], session, 5);
	text_split(json, count->texts[1], object, 3);
	line_begin(json);
	put_format(json, ",\"dropped\":{\"place\":%" PRIu32 ",\"total\":%" PRIu64
			   ",\"count\":%" PRIu64, count->place, count->total, count->count);
	put_name(json, "class", hg_audit_class_name(count->class));
	put_time(json, "began_at", count->began_us);
	put_time(json, "ended_at", count->ended_us);
	put_string(json, "session_user_name", session[0]);
	put_string(json, "current_user_name", session[1]);
	put_string(json, "database_name", session[2]);
	put_string(json, "object_type", object[0]);
	put_string(json, "schema_name", object[1]);
	put_string(json, "object_name", object[2]);
	put(json, "}", 1);
	return line_end(json);
}

static bool
checkpoint_line(hg_audit_json *json, const hg_audit_item *item)
{
	json_string text;

	text.data = hg_audit_item_text(item, &text.size);
	line_begin(json);
	put_string(json, "checkpoint", text);
	return line_end(json);
}

static void
text_keep(hg_audit_json *json, const hg_audit_item *item)
{
	hg_audit_json_text text = {NULL, 0};
	const char *data = hg_audit_item_text(item, &text.size);

	/* Numbers ascend by one; another one could only be damage. */
	if (data == NULL || ((const hg_audit_text_item *) item)->number != json->texts_count + 1)
		return;
	if (json->texts_count + 2 > json->texts_max)
	{
		uint32_t	max = json->texts_max * 2 + 1024;
		hg_audit_json_text *more = realloc(json->texts, max * sizeof(more[0]));

		if (more == NULL)
		{
			json->failed = true;
			return;
		}
		json->texts = more;
		json->texts_max = max;
	}
	text.data = malloc(text.size + 1);
	if (text.data == NULL)
	{
		json->failed = true;
		return;
	}
	memcpy(text.data, data, text.size);
	json->texts[++json->texts_count] = text;
}

static void
texts_forget(hg_audit_json *json)
{
	for (uint32_t i = 1; i <= json->texts_count; i++)
		free(json->texts[i].data);
	json->texts_count = 0;
}

void
hg_audit_json_begin(hg_audit_json *json, const hg_audit_segment_header *header)
{
	texts_forget(json);
	json->system_id = header->system_id;
	json->boot = header->boot;
	json->size = 0;
	json->failed = false;
}

void
hg_audit_json_free(hg_audit_json *json)
{
	texts_forget(json);
	free(json->texts);
	free(json->line);
	memset(json, 0, sizeof(*json));
}

bool
hg_audit_json_item(hg_audit_json *json, const hg_audit_item *item)
{
	if (json->failed)
		return false;
	switch (item->kind)
	{
		case HG_AUDIT_ITEM_TEXT:
			text_keep(json, item);
			return false;
		case HG_AUDIT_ITEM_EVENT:
			return event_line(json, (const hg_audit_event_item *) item);
		case HG_AUDIT_ITEM_GAP:
			return gap_line(json, (const hg_audit_gap_item *) item);
		case HG_AUDIT_ITEM_COUNT:
			return count_line(json, (const hg_audit_count_item *) item);
		case HG_AUDIT_ITEM_CHECKPOINT:
			return checkpoint_line(json, item);
		default:
			return false;
	}
}
