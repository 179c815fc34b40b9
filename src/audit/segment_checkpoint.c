/*
 * segment_checkpoint.c
 *		The signed lines: checkpoints, keys and purges, each in one spelling.
 *
 * A line is what is signed, a space and "signature=" with the signature.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/segment_checkpoint.h"

#define HASH_HEX_SIZE (2 * HG_AUDIT_HASH_SIZE + 1)
#define ID_HEX_SIZE (2 * HG_AUDIT_TRAIL_ID_SIZE + 1)
#define SIGNATURE_HEX_SIZE (2 * HG_AUDIT_SIGNATURE_SIZE + 1)

static void
checkpoint_format(const hg_audit_checkpoint *c, char *line)
{
	char		id[ID_HEX_SIZE];
	char		root[HASH_HEX_SIZE];
	char		chain[HASH_HEX_SIZE];
	char		previous[HASH_HEX_SIZE];

	hg_audit_hex_encode(c->trail_id, sizeof(c->trail_id), id);
	hg_audit_hex_encode(c->root, sizeof(c->root), root);
	hg_audit_hex_encode(c->chain, sizeof(c->chain), chain);
	hg_audit_hex_encode(c->previous, sizeof(c->previous), previous);
	snprintf(line, HG_AUDIT_LINE_SIZE,
			 "hipaa_guard checkpoint 1 trail=%s system=%" PRIu64 " boot=%" PRIu32
			 " epoch=%" PRIu32 " segment=%" PRIu64 " items=%" PRIu64 " first=%" PRIu64
			 " next=%" PRIu64 " written=%" PRIu64 " dropped=%" PRIu64 " time=%" PRId64
			 " root=%s chain=%s previous=%s",
			 id, c->system_id, c->boot, c->epoch, c->segment, c->items, c->seq_first,
			 c->seq_next, c->written, c->dropped, c->time_us, root, chain, previous);
}

static void
key_format(const hg_audit_key *key, char *line)
{
	char		id[ID_HEX_SIZE];
	char		public_key[HASH_HEX_SIZE];

	hg_audit_hex_encode(key->trail_id, sizeof(key->trail_id), id);
	hg_audit_hex_encode(key->public_key, sizeof(key->public_key), public_key);
	snprintf(line, HG_AUDIT_LINE_SIZE, "hipaa_guard key 1 trail=%s epoch=%" PRIu32 " public=%s",
			 id, key->epoch, public_key);
}

static void
purge_format(const hg_audit_purge *purge, char *line)
{
	char		id[ID_HEX_SIZE];
	char		chain[HASH_HEX_SIZE];

	hg_audit_hex_encode(purge->trail_id, sizeof(purge->trail_id), id);
	hg_audit_hex_encode(purge->chain, sizeof(purge->chain), chain);
	snprintf(line, HG_AUDIT_LINE_SIZE,
			 "hipaa_guard purge 1 trail=%s epoch=%" PRIu32 " segment=%" PRIu64
			 " next=%" PRIu64 " chain=%s",
			 id, purge->epoch, purge->segment, purge->seq_next, chain);
}

static void
signature_append(const uint8_t *signature, char *line)
{
	size_t		size = strlen(line);
	char		hex[SIGNATURE_HEX_SIZE];

	hg_audit_hex_encode(signature, HG_AUDIT_SIGNATURE_SIZE, hex);
	snprintf(line + size, HG_AUDIT_LINE_SIZE - size, " signature=%s", hex);
}

void
hg_audit_checkpoint_format(const hg_audit_checkpoint *checkpoint, char *line)
{
	checkpoint_format(checkpoint, line);
	signature_append(checkpoint->signature, line);
}

static bool
line_sign(char *line, const uint8_t *private_key, uint8_t *signature)
{
	if (!hg_audit_sign(private_key, line, strlen(line), signature))
		return false;
	signature_append(signature, line);
	return true;
}

bool
hg_audit_checkpoint_sign(hg_audit_checkpoint *checkpoint, const uint8_t *private_key, char *line)
{
	checkpoint_format(checkpoint, line);
	return line_sign(line, private_key, checkpoint->signature);
}

bool
hg_audit_key_sign(hg_audit_key *key, const uint8_t *private_key, char *line)
{
	key_format(key, line);
	return line_sign(line, private_key, key->signature);
}

bool
hg_audit_purge_sign(hg_audit_purge *purge, const uint8_t *private_key, char *line)
{
	purge_format(purge, line);
	return line_sign(line, private_key, purge->signature);
}

/* The line as a string, and the hexadecimal values that sscanf fills in. */
typedef struct line_parser
{
	char		line[HG_AUDIT_LINE_SIZE];
	char		id[ID_HEX_SIZE];
	char		hash[3][HASH_HEX_SIZE];
	char		signature[SIGNATURE_HEX_SIZE];
} line_parser;

static bool
parser_begin(line_parser *parser, const char *line, size_t size)
{
	memset(parser, 0, sizeof(*parser));
	if (size >= sizeof(parser->line) || memchr(line, '\0', size) != NULL)
		return false;
	memcpy(parser->line, line, size);
	return true;
}

static bool
hash_parse(const char *hex, uint8_t *out)
{
	return strlen(hex) == HASH_HEX_SIZE - 1 && hg_audit_hex_decode(hex, out, HG_AUDIT_HASH_SIZE);
}

static bool
parser_end(const line_parser *parser, uint8_t *trail_id, uint8_t *signature)
{
	return strlen(parser->id) == ID_HEX_SIZE - 1
		&& hg_audit_hex_decode(parser->id, trail_id, HG_AUDIT_TRAIL_ID_SIZE)
		&& strlen(parser->signature) == SIGNATURE_HEX_SIZE - 1
		&& hg_audit_hex_decode(parser->signature, signature, HG_AUDIT_SIGNATURE_SIZE);
}

bool
hg_audit_checkpoint_parse(const char *line, size_t size, hg_audit_checkpoint *c)
{
	line_parser parser;
	char		again[HG_AUDIT_LINE_SIZE];

	if (!parser_begin(&parser, line, size)
		|| sscanf(parser.line,
				  "hipaa_guard checkpoint 1 trail=%32s system=%" SCNu64 " boot=%" SCNu32
				  " epoch=%" SCNu32 " segment=%" SCNu64 " items=%" SCNu64 " first=%" SCNu64
				  " next=%" SCNu64 " written=%" SCNu64 " dropped=%" SCNu64 " time=%" SCNd64
				  " root=%64s chain=%64s previous=%64s signature=%128s",
				  parser.id, &c->system_id, &c->boot, &c->epoch, &c->segment, &c->items,
				  &c->seq_first, &c->seq_next, &c->written, &c->dropped, &c->time_us,
				  parser.hash[0], parser.hash[1], parser.hash[2], parser.signature) != 15
		|| !parser_end(&parser, c->trail_id, c->signature)
		|| !hash_parse(parser.hash[0], c->root) || !hash_parse(parser.hash[1], c->chain)
		|| !hash_parse(parser.hash[2], c->previous))
		return false;
	hg_audit_checkpoint_format(c, again);
	return strcmp(again, parser.line) == 0;
}

bool
hg_audit_key_parse(const char *line, size_t size, hg_audit_key *key)
{
	line_parser parser;
	char		again[HG_AUDIT_LINE_SIZE];

	if (!parser_begin(&parser, line, size)
		|| sscanf(parser.line, "hipaa_guard key 1 trail=%32s epoch=%" SCNu32
				  " public=%64s signature=%128s",
				  parser.id, &key->epoch, parser.hash[0], parser.signature) != 4
		|| !parser_end(&parser, key->trail_id, key->signature)
		|| !hash_parse(parser.hash[0], key->public_key))
		return false;
	key_format(key, again);
	signature_append(key->signature, again);
	return strcmp(again, parser.line) == 0;
}

bool
hg_audit_purge_parse(const char *line, size_t size, hg_audit_purge *purge)
{
	line_parser parser;
	char		again[HG_AUDIT_LINE_SIZE];

	if (!parser_begin(&parser, line, size)
		|| sscanf(parser.line, "hipaa_guard purge 1 trail=%32s epoch=%" SCNu32
				  " segment=%" SCNu64 " next=%" SCNu64 " chain=%64s signature=%128s",
				  parser.id, &purge->epoch, &purge->segment, &purge->seq_next,
				  parser.hash[0], parser.signature) != 6
		|| !parser_end(&parser, purge->trail_id, purge->signature)
		|| !hash_parse(parser.hash[0], purge->chain))
		return false;
	purge_format(purge, again);
	signature_append(purge->signature, again);
	return strcmp(again, parser.line) == 0;
}

bool
hg_audit_checkpoint_ok(const hg_audit_checkpoint *checkpoint, const uint8_t *public_key)
{
	char		line[HG_AUDIT_LINE_SIZE];

	checkpoint_format(checkpoint, line);
	return hg_audit_signature_ok(public_key, line, strlen(line), checkpoint->signature);
}

bool
hg_audit_key_ok(const hg_audit_key *key, const uint8_t *public_key)
{
	char		line[HG_AUDIT_LINE_SIZE];

	key_format(key, line);
	return hg_audit_signature_ok(public_key, line, strlen(line), key->signature);
}

bool
hg_audit_purge_ok(const hg_audit_purge *purge, const uint8_t *public_key)
{
	char		line[HG_AUDIT_LINE_SIZE];

	purge_format(purge, line);
	return hg_audit_signature_ok(public_key, line, strlen(line), purge->signature);
}
