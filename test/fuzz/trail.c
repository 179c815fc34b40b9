/*
 * Goal: whoever checks what somebody else hands over (a proof, a receipt, a
 * checkpoint, a key, a piece of a segment) is in no danger: nothing is read
 * outside of it, and what is shown lies within it.
 * Method: libFuzzer with AddressSanitizer. Each input, in memory of exactly its
 * size, is read as each of these; what a proof or an item says is touched
 * byte by byte.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/segment_proof.h"
#include "audit/segment_receipt.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned touched;

static void
touch(const char *text, size_t size)
{
	for (size_t i = 0; text != NULL && i < size; i++)
		touched += (unsigned char) text[i];
}

static void
lines(const char *text, size_t size)
{
	hg_audit_checkpoint checkpoint;
	hg_audit_key key;
	hg_audit_purge purge;
	hg_audit_receipt receipt;
	size_t		about;

	if (hg_audit_checkpoint_parse(text, size, &checkpoint))
		touched += hg_audit_checkpoint_ok(&checkpoint, checkpoint.root);
	if (hg_audit_key_parse(text, size, &key))
		touched += hg_audit_key_ok(&key, key.public_key);
	if (hg_audit_purge_parse(text, size, &purge))
		touched += hg_audit_purge_ok(&purge, purge.chain);
	if (hg_audit_receipt_parse(text, size, &receipt)
		|| hg_audit_receipt_find(text, size, &receipt, &about))
		touch(receipt.format, strlen(receipt.format));
}

/* What readers take from an item without asking again. */
static void
item_touch(const hg_audit_item *item)
{
	size_t		size;
	const char *text;

	switch (item->kind)
	{
		case HG_AUDIT_ITEM_EVENT:
			touch((const char *) item, sizeof(hg_audit_event_item));
			break;
		case HG_AUDIT_ITEM_GAP:
			touch((const char *) item, sizeof(hg_audit_gap_item));
			break;
		case HG_AUDIT_ITEM_COUNT:
			touch((const char *) item, sizeof(hg_audit_count_item));
			break;
		default:
			text = hg_audit_item_text(item, &size);
			touch(text, size);
			break;
	}
}

/* As a frame whose head and checksums somebody has made to fit. */
static void
frame(uint8_t *data, size_t size)
{
	const hg_audit_frame_header *found;
	const hg_audit_item *item;
	hg_audit_frame_header header;
	size_t		offset = 0;

	touched += hg_audit_segment_header_problem(data, size) != NULL;
	touched += hg_audit_frame_find(data, size, 0) < size;
	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	header.magic = HG_AUDIT_FRAME_MAGIC;
	header.size = (uint32_t) (size & ~(size_t) 7);
	header.body_checksum = hg_audit_checksum_long(data + sizeof(header),
												  header.size - sizeof(header));
	header.checksum = hg_audit_checksum(&header, offsetof(hg_audit_frame_header, checksum));
	memcpy(data, &header, sizeof(header));
	if (hg_audit_frame_at(data, size, 0, true, &found) != HG_AUDIT_FOUND_FRAME)
		abort();
	while ((item = hg_audit_item_next(found, &offset)) != NULL)
		item_touch(item);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[HG_AUDIT_KEY_SIZE] = {1};
	hg_audit_proven proven;
	const char *string;
	size_t		string_size;
	size_t		offset = 0;
	char	   *copy = malloc(size + 1);

	/* A file is read with a zero behind its end. */
	memcpy(copy, data, size);
	copy[size] = '\0';
	if (hg_audit_proof_check(copy, size, key, &proven) == NULL)
		abort();
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
		touch(proven.texts[i], proven.sizes[i]);
	hg_audit_proven_free(&proven);
	free(copy);

	copy = malloc(size);
	memcpy(copy, data, size);
	lines(copy, size);
	while (hg_audit_bundle_next(copy, size, &offset, &string, &string_size))
		touch(string, string_size);
	frame((uint8_t *) copy, size);
	free(copy);
	return 0;
}
