/*
 * segment_receipt.c
 *		The signed line that says what an export held, or a report.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/segment_receipt.h"

static void
receipt_format(const hg_audit_receipt *r, char *line)
{
	char		id[2 * HG_AUDIT_TRAIL_ID_SIZE + 1];
	char		digest[2 * HG_AUDIT_HASH_SIZE + 1];

	hg_audit_hex_encode(r->trail_id, sizeof(r->trail_id), id);
	hg_audit_hex_encode(r->digest, sizeof(r->digest), digest);
	snprintf(line, HG_AUDIT_LINE_SIZE,
			 "hipaa_guard receipt 1 trail=%s system=%" PRIu64 " epoch=%" PRIu32
			 " database=%" PRIu32 " format=%s since=%" PRId64 " until=%" PRId64
			 " first=%" PRIu64 " last=%" PRIu64 " events=%" PRIu64 " lost=%" PRIu64
			 " time=%" PRId64 " sha256=%s",
			 id, r->system_id, r->epoch, r->database, r->format, r->since_us, r->until_us,
			 r->seq_first, r->seq_last, r->events, r->lost, r->time_us, digest);
}

static void
signature_append(const uint8_t *signature, char *line)
{
	size_t		size = strlen(line);
	char		hex[2 * HG_AUDIT_SIGNATURE_SIZE + 1];

	hg_audit_hex_encode(signature, HG_AUDIT_SIGNATURE_SIZE, hex);
	snprintf(line + size, HG_AUDIT_LINE_SIZE - size, " signature=%s", hex);
}

bool
hg_audit_receipt_sign(hg_audit_receipt *receipt, const uint8_t *private_key, char *line)
{
	receipt_format(receipt, line);
	if (!hg_audit_sign(private_key, line, strlen(line), receipt->signature))
		return false;
	signature_append(receipt->signature, line);
	return true;
}

static bool
hex_parse(const char *hex, uint8_t *out, size_t size)
{
	return strlen(hex) == 2 * size && hg_audit_hex_decode(hex, out, size);
}

bool
hg_audit_receipt_parse(const char *line, size_t size, hg_audit_receipt *r)
{
	char		text[HG_AUDIT_LINE_SIZE] = "";
	char		again[HG_AUDIT_LINE_SIZE];
	char		id[2 * HG_AUDIT_TRAIL_ID_SIZE + 1] = "";
	char		digest[2 * HG_AUDIT_HASH_SIZE + 1] = "";
	char		signature[2 * HG_AUDIT_SIGNATURE_SIZE + 1] = "";

	memset(r, 0, sizeof(*r));
	if (size >= sizeof(text) || memchr(line, '\0', size) != NULL)
		return false;
	memcpy(text, line, size);
	if (sscanf(text,
			   "hipaa_guard receipt 1 trail=%32s system=%" SCNu64 " epoch=%" SCNu32
			   " database=%" SCNu32 " format=%15[a-z] since=%" SCNd64 " until=%" SCNd64
			   " first=%" SCNu64 " last=%" SCNu64 " events=%" SCNu64 " lost=%" SCNu64
			   " time=%" SCNd64 " sha256=%64s signature=%128s",
			   id, &r->system_id, &r->epoch, &r->database, r->format, &r->since_us, &r->until_us,
			   &r->seq_first, &r->seq_last, &r->events, &r->lost, &r->time_us,
			   digest, signature) != 14
		|| !hex_parse(id, r->trail_id, sizeof(r->trail_id))
		|| !hex_parse(digest, r->digest, sizeof(r->digest))
		|| !hex_parse(signature, r->signature, sizeof(r->signature)))
		return false;
	receipt_format(r, again);
	signature_append(r->signature, again);
	return strcmp(again, text) == 0;
}

/* Nothing that could be read may follow the receipt, since nobody signed it. */
static bool
tail_is_empty(const char *tail, size_t size)
{
	static const char *const ends[] = {" -->", "\"}", ""};

	while (size > 0 && tail[size - 1] == '\n')
		size--;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
	{
		if (strlen(ends[i]) == size && memcmp(tail, ends[i], size) == 0)
			return true;
	}
	return false;
}

bool
hg_audit_receipt_find(const char *document, size_t size, hg_audit_receipt *receipt, size_t *about)
{
	static const char word[] = "hipaa_guard receipt 1 ";
	static const char sign[] = " signature=";

	for (size_t begin = size; begin-- > 0;)
	{
		size_t		end = begin;

		if (size - begin < sizeof(word) || memcmp(document + begin, word, sizeof(word) - 1) != 0)
			continue;
		while (end < size && document[end] != '\n'
			   && (size - end < sizeof(sign)
				   || memcmp(document + end, sign, sizeof(sign) - 1) != 0))
			end++;
		end += sizeof(sign) - 1 + 2 * HG_AUDIT_SIGNATURE_SIZE;
		*about = begin;
		return end <= size && hg_audit_receipt_parse(document + begin, end - begin, receipt)
			&& tail_is_empty(document + end, size - end);
	}
	return false;
}

bool
hg_audit_receipt_ok(const hg_audit_receipt *receipt, const uint8_t *public_key)
{
	char		line[HG_AUDIT_LINE_SIZE];

	receipt_format(receipt, line);
	return hg_audit_signature_ok(public_key, line, strlen(line), receipt->signature);
}
