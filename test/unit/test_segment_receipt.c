/*
 * test_segment_receipt.c
 *		Goal: a receipt says what was signed and nothing else, and a shipped line
 *		is JSON whatever bytes a session sent.
 *		Method: every bit of a receipt flipped once; items made by hand with
 *		control characters, broken UTF-8, texts that are not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/segment_json.h"
#include "audit/segment_receipt.h"
#include "tap.h"

static void
test_receipt(void)
{
	uint8_t		private_key[HG_AUDIT_KEY_SIZE];
	uint8_t		public_key[HG_AUDIT_KEY_SIZE];
	uint8_t		other[HG_AUDIT_KEY_SIZE];
	char		line[HG_AUDIT_LINE_SIZE];
	hg_audit_receipt receipt;
	hg_audit_receipt again;
	int			believed = 0;

	memset(&receipt, 0, sizeof(receipt));
	strcpy(receipt.format, "jsonl");
	receipt.system_id = UINT64_MAX;
	receipt.until_us = INT64_MAX;
	receipt.seq_last = receipt.events = 17;
	memset(receipt.digest, 0xAB, sizeof(receipt.digest));
	ok(hg_audit_key_create(private_key, public_key)
	   && hg_audit_receipt_sign(&receipt, private_key, line), "a receipt is signed");
	ok(hg_audit_receipt_parse(line, strlen(line), &again)
	   && memcmp(&again, &receipt, sizeof(receipt)) == 0, "its line says the same");
	ok(hg_audit_receipt_ok(&again, public_key), "its key signed it");
	ok(hg_audit_key_create(private_key, other) && !hg_audit_receipt_ok(&again, other),
	   "another one did not");
	for (size_t bit = 0; bit < strlen(line) * 8; bit++)
	{
		line[bit / 8] ^= (char) (1 << (bit % 8));
		if (hg_audit_receipt_parse(line, strlen(line), &again)
			&& hg_audit_receipt_ok(&again, public_key))
			believed++;
		line[bit / 8] ^= (char) (1 << (bit % 8));
	}
	ok(believed == 0, "no flipped bit is believed");
	for (size_t size = 0; size < strlen(line); size++)
		believed += hg_audit_receipt_parse(line, size, &again);
	ok(believed == 0, "no shorter line is one");
}

static bool
found(const char *before, const char *line, const char *after, size_t *about)
{
	char		document[2 * HG_AUDIT_LINE_SIZE];
	hg_audit_receipt receipt;

	snprintf(document, sizeof(document), "%s%s%s", before, line, after);
	return hg_audit_receipt_find(document, strlen(document), &receipt, about);
}

static void
test_document(void)
{
	uint8_t		private_key[HG_AUDIT_KEY_SIZE];
	uint8_t		public_key[HG_AUDIT_KEY_SIZE];
	char		line[HG_AUDIT_LINE_SIZE];
	char		half[HG_AUDIT_LINE_SIZE];
	hg_audit_receipt receipt;
	size_t		about = 0;

	memset(&receipt, 0, sizeof(receipt));
	strcpy(receipt.format, "report");
	ok(hg_audit_key_create(private_key, public_key)
	   && hg_audit_receipt_sign(&receipt, private_key, line), "a report is signed");
	ok(found("<html></html>\n<!-- ", line, " -->\n", &about) && about == 19,
	   "at the end of a page");
	ok(found("{\"receipt\" : \"", line, "\"}", &about) && about == 14, "at the end of JSON");
	ok(found("", line, "\n", &about) && about == 0, "alone");
	ok(found("hipaa_guard receipt 1 of old, ", line, " -->", &about) && about == 30,
	   "the last one counts");
	ok(!found("<!-- ", line, " --><script>x</script>", &about), "nothing may follow");
	ok(!found("<!-- ", line, " -->\n-->", &about), "not even signs");
	ok(!found("<!-- ", line, "0 -->", &about), "no longer signature");
	memcpy(half, line, sizeof(half));
	half[strlen(half) - 1] = '\0';
	ok(!found("<!-- ", half, " -->", &about), "no shorter one");
	ok(!found("", "", "", &about) && !found("hipaa_guard receipt 1 ", "", "", &about),
	   "none is none");
}

/* A text item with these bytes; free it. */
static hg_audit_item *
text_item(uint32_t number, const char *data, size_t size)
{
	size_t		whole = (sizeof(hg_audit_text_item) + size + 7) / 8 * 8;
	hg_audit_text_item *item = calloc(1, whole);

	item->item.kind = HG_AUDIT_ITEM_TEXT;
	item->item.size = (uint32_t) whole;
	item->number = number;
	item->size = (uint32_t) size;
	memcpy(item + 1, data, size);
	return &item->item;
}

/* The line of an event whose statement has these bytes, as a string. */
static char *
line_of(const char *statement, size_t size)
{
	static char line[8192];
	hg_audit_segment_header header;
	hg_audit_event_item event;
	hg_audit_json json;
	hg_audit_item *text = text_item(1, statement, size);

	memset(&header, 0, sizeof(header));
	memset(&event, 0, sizeof(event));
	memset(&json, 0, sizeof(json));
	header.system_id = 7;
	header.boot = 3;
	event.item.kind = HG_AUDIT_ITEM_EVENT;
	event.item.size = sizeof(event);
	event.seq = 42;
	event.event.rows = event.event.duration_us = HG_AUDIT_NONE;
	event.event.class = 99;
	event.texts[HG_AUDIT_TEXT_STATEMENT] = 1;
	event.texts[HG_AUDIT_TEXT_SESSION] = 9;
	hg_audit_json_begin(&json, &header);
	line[0] = '\0';
	if (!hg_audit_json_item(&json, text) && hg_audit_json_item(&json, &event.item)
		&& json.size < sizeof(line))
	{
		memcpy(line, json.line, json.size);
		line[json.size] = '\0';
	}
	hg_audit_json_free(&json);
	free(text);
	return line;
}

static bool
statement_is(const char *statement, size_t size, const char *expected)
{
	char		wanted[256];

	snprintf(wanted, sizeof(wanted), ",\"statement\":\"%s\",", expected);
	return strstr(line_of(statement, size), wanted) != NULL;
}

static void
test_json(void)
{
	const char *begin = "{\"system_identifier\":\"7\",\"boot\":3,\"seq\":42,"
		"\"recorded_at\":\"1970-01-01T00:00:00.000000Z\",\"class\":\"unknown\",";
	const char *line = line_of("x", 1);

	ok(strncmp(line, begin, strlen(begin)) == 0,
	   "a line begins with what makes it unique; an unknown class is told");
	ok(strstr(line, ",\"session_user_name\":null,") != NULL, "a text that is not there is null");
	ok(line[strlen(line) - 1] == '\n' && line[strlen(line) - 2] == '}', "a line ends");
	ok(statement_is("a\"b\\c\n\r\t\b\f\001\177", 12, "a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\177"),
	   "quotes, backslashes and control characters");
	ok(statement_is("\0", 1, "\\u0000"), "a zero byte");
	ok(statement_is("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9,
					"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), "UTF-8 stays as it is");
	ok(statement_is("\xE9", 1, "\xEF\xBF\xBD"), "Latin-1 is replaced");
	ok(statement_is("\xC0\xAF", 2, "\xEF\xBF\xBD\xEF\xBF\xBD"), "so is an overlong one");
	ok(statement_is("\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"), "a surrogate");
	ok(statement_is("a\xE2\x82", 3, "a\xEF\xBF\xBD\xEF\xBF\xBD"), "and one that is cut");
}

int
main(void)
{
	test_receipt();
	test_document();
	test_json();
	return done();
}
