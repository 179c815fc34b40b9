/*
 * segment.c
 *		The format of the trail on disk: segments of frames of items.
 *
 * The chain: each frame's hash covers the hash before it, the frame's header
 * and the leaf hashes of its items, and a segment's first one its header,
 * which holds the last hash of the segment before.
 */
#include <string.h>

#include "audit/segment.h"

_Static_assert(sizeof(hg_audit_segment_header) == 256, "on disk");
_Static_assert(sizeof(hg_audit_frame_header) == 144, "on disk");
_Static_assert(sizeof(hg_audit_item) == 24, "on disk");
_Static_assert(sizeof(hg_audit_event) == 64, "on disk and in the ring");
_Static_assert(sizeof(hg_audit_event_item) == 112, "on disk");
_Static_assert(sizeof(hg_audit_gap_item) == 456, "on disk");
_Static_assert(sizeof(hg_audit_count_item) == 72, "on disk");

static uint32_t
header_checksum(const hg_audit_segment_header *header)
{
	return hg_audit_checksum(header, offsetof(hg_audit_segment_header, checksum));
}

bool
hg_audit_segment_begin(hg_audit_segment *segment, const hg_audit_segment_header *header)
{
	hg_audit_part part = {&segment->header, sizeof(segment->header)};

	segment->header = *header;
	segment->header.magic = HG_AUDIT_SEGMENT_MAGIC;
	segment->header.version = HG_AUDIT_SEGMENT_VERSION;
	segment->header.size = sizeof(segment->header);
	segment->header.checksum = header_checksum(&segment->header);
	segment->size = sizeof(segment->header);
	segment->seq_next = header->seq_first;
	segment->texts = 0;
	hg_audit_merkle_init(&segment->tree);
	return hg_audit_sha256(&part, 1, segment->chain);
}

const char *
hg_audit_segment_header_problem(const void *data, size_t size)
{
	hg_audit_segment_header header;

	if (size < sizeof(header))
		return "header is cut";
	memcpy(&header, data, sizeof(header));
	if (header.magic != HG_AUDIT_SEGMENT_MAGIC)
		return "not a segment";
	if (header.version != HG_AUDIT_SEGMENT_VERSION)
		return "segment of another version";
	if (header.size != sizeof(header) || header.checksum != header_checksum(&header))
		return "header is damaged";
	return NULL;
}

void
hg_audit_frame_begin(hg_audit_frame *frame)
{
	frame->size = sizeof(hg_audit_frame_header);
	frame->items = 0;
}

bool
hg_audit_frame_has_room(const hg_audit_frame *frame, size_t item_size, size_t rest)
{
	return frame->size + item_size + rest + 8 <= HG_AUDIT_FRAME_SIZE_MAX
		&& frame->items < frame->leaves_max;
}

/* Salts are drawn in bulk: a call of the library for each costs more than all the hashing. */
static bool
salt_fill(uint8_t *salt)
{
	static uint8_t pool[256 * HG_AUDIT_SALT_SIZE];
	static size_t left = 0;

	if (left == 0)
	{
		if (!hg_audit_random(pool, sizeof(pool)))
			return false;
		left = sizeof(pool);
	}
	left -= HG_AUDIT_SALT_SIZE;
	memcpy(salt, pool + left, HG_AUDIT_SALT_SIZE);
	return true;
}

bool
hg_audit_frame_add(hg_audit_segment *segment, hg_audit_frame *frame, hg_audit_item_kind kind,
				   void *item, size_t item_size, const void *rest, size_t rest_size)
{
	hg_audit_item *head = item;
	uint8_t    *leaf = frame->leaves + (size_t) frame->items * HG_AUDIT_HASH_SIZE;
	uint8_t    *at = frame->data + frame->size;
	size_t		size = (item_size + rest_size + 7) & ~(size_t) 7;

	head->size = (uint32_t) size;
	head->kind = (uint16_t) kind;
	head->padding = (uint16_t) (size - item_size - rest_size);
	if (!salt_fill(head->salt))
		return false;
	memcpy(at, item, item_size);
	if (rest_size > 0)
		memcpy(at + item_size, rest, rest_size);
	memset(at + item_size + rest_size, 0, head->padding);
	if (!hg_audit_merkle_leaf(at, size, leaf) || !hg_audit_merkle_add(&segment->tree, leaf))
		return false;
	frame->size += size;
	frame->items++;
	return true;
}

/* The chain's next value: covers all of the header but the chain and the checksum of it. */
static bool
chain_next(const uint8_t *chain, const hg_audit_frame_header *header, const uint8_t *leaves,
		   uint8_t *out)
{
	hg_audit_part parts[] = {
		{chain, HG_AUDIT_HASH_SIZE},
		{header, offsetof(hg_audit_frame_header, chain)},
		{&header->reserved, sizeof(header->reserved)},
		{leaves, (size_t) header->items * HG_AUDIT_HASH_SIZE},
	};

	return hg_audit_sha256(parts, sizeof(parts) / sizeof(parts[0]), out);
}

bool
hg_audit_frame_end(hg_audit_segment *segment, hg_audit_frame *frame, int64_t written_us,
				   uint64_t ring_id, const uint64_t *positions)
{
	hg_audit_frame_header header;

	memset(&header, 0, sizeof(header));
	header.magic = HG_AUDIT_FRAME_MAGIC;
	header.size = (uint32_t) frame->size;
	header.items = frame->items;
	header.body_checksum = hg_audit_checksum_long(frame->data + sizeof(header),
												  frame->size - sizeof(header));
	header.seq_next = segment->seq_next;
	header.written_us = written_us;
	header.ring_id = ring_id;
	memcpy(header.positions, positions, sizeof(header.positions));
	if (!chain_next(segment->chain, &header, frame->leaves, segment->chain))
		return false;
	memcpy(header.chain, segment->chain, sizeof(header.chain));
	header.checksum = hg_audit_checksum(&header, offsetof(hg_audit_frame_header, checksum));
	memcpy(frame->data, &header, sizeof(header));
	segment->size += frame->size;
	return true;
}

hg_audit_found
hg_audit_frame_at(const uint8_t *data, size_t size, size_t offset, bool thorough,
				  const hg_audit_frame_header **frame)
{
	const hg_audit_frame_header *header = (const hg_audit_frame_header *) (data + offset);

	*frame = header;
	if (offset == size)
		return HG_AUDIT_FOUND_END;
	if (size - offset < sizeof(*header))
		return HG_AUDIT_FOUND_TORN;
	if (header->magic != HG_AUDIT_FRAME_MAGIC || header->size % 8 != 0
		|| header->size < sizeof(*header) || header->size > HG_AUDIT_FRAME_SIZE_MAX
		|| header->checksum != hg_audit_checksum(header, offsetof(hg_audit_frame_header, checksum)))
		return HG_AUDIT_FOUND_DAMAGED;
	if (size - offset < header->size)
		return HG_AUDIT_FOUND_TORN;
	if (thorough && header->body_checksum
		!= hg_audit_checksum_long(header + 1, header->size - sizeof(*header)))
		return HG_AUDIT_FOUND_DAMAGED;
	return HG_AUDIT_FOUND_FRAME;
}

size_t
hg_audit_frame_find(const uint8_t *data, size_t size, size_t offset)
{
	const hg_audit_frame_header *frame;

	for (offset = (offset + 7) & ~(size_t) 7; offset + sizeof(*frame) <= size; offset += 8)
	{
		if (hg_audit_frame_at(data, size, offset, true, &frame) == HG_AUDIT_FOUND_FRAME)
			return offset;
	}
	return size;
}

/* The size of an item's struct, 0 for kinds that do not exist. */
static size_t
item_size_least(uint16_t kind)
{
	switch (kind)
	{
		case HG_AUDIT_ITEM_EVENT:
			return sizeof(hg_audit_event_item);
		case HG_AUDIT_ITEM_TEXT:
			return sizeof(hg_audit_text_item);
		case HG_AUDIT_ITEM_GAP:
			return sizeof(hg_audit_gap_item);
		case HG_AUDIT_ITEM_CHECKPOINT:
			return sizeof(hg_audit_checkpoint_item);
		case HG_AUDIT_ITEM_COUNT:
			return sizeof(hg_audit_count_item);
		default:
			return 0;
	}
}

const hg_audit_item *
hg_audit_item_next(const hg_audit_frame_header *frame, size_t *offset)
{
	const uint8_t *data = (const uint8_t *) frame;
	const hg_audit_item *item;
	size_t		least;

	if (*offset == 0)
		*offset = sizeof(*frame);
	if (frame->size - *offset < sizeof(*item))
		return NULL;
	item = (const hg_audit_item *) (data + *offset);
	least = item_size_least(item->kind);
	if (least == 0 || item->size < least || item->size > frame->size - *offset
		|| item->size % 8 != 0)
		return NULL;
	*offset += item->size;
	return item;
}

bool
hg_audit_segment_follow(hg_audit_segment *segment, const hg_audit_frame_header *frame,
						uint8_t *leaves, const char **problem)
{
	const hg_audit_item *item;
	uint8_t		chain[HG_AUDIT_HASH_SIZE];
	uint32_t	items = 0;
	size_t		offset = 0;

	*problem = "hashing failed";
	while ((item = hg_audit_item_next(frame, &offset)) != NULL)
	{
		uint8_t    *leaf = leaves + (size_t) items++ * HG_AUDIT_HASH_SIZE;

		if (!hg_audit_merkle_leaf(item, item->size, leaf)
			|| !hg_audit_merkle_add(&segment->tree, leaf))
			return false;
	}
	if (offset != frame->size || items != frame->items)
	{
		*problem = "records are malformed";
		return false;
	}
	if (!chain_next(segment->chain, frame, leaves, chain))
		return false;
	if (memcmp(chain, frame->chain, sizeof(chain)) != 0)
	{
		*problem = "hash chain is broken";
		return false;
	}
	memcpy(segment->chain, chain, sizeof(chain));
	segment->size += frame->size;
	return true;
}

const char *
hg_audit_item_text(const hg_audit_item *item, size_t *size)
{
	const hg_audit_text_item *text = (const hg_audit_text_item *) item;
	const hg_audit_checkpoint_item *checkpoint = (const hg_audit_checkpoint_item *) item;

	*size = item->kind == HG_AUDIT_ITEM_TEXT ? text->size : checkpoint->size;
	if (*size > item->size - sizeof(*text))
		return NULL;
	return (const char *) (text + 1);
}

/* A string's size is kept plus 1, so that 0 can stand for NULL. */
typedef uint16_t bundle_size;

size_t
hg_audit_bundle_add(char *bundle, size_t size, size_t max, const char *string, size_t string_size)
{
	bundle_size kept;

	if (size + sizeof(kept) > max)
		return size;
	if (string_size > max - size - sizeof(kept))
		string_size = max - size - sizeof(kept);
	if (string_size > UINT16_MAX - 1)
		string_size = UINT16_MAX - 1;
	kept = (bundle_size) (string_size + 1);
	memcpy(bundle + size, &kept, sizeof(kept));
	memcpy(bundle + size + sizeof(kept), string, string_size);
	return size + sizeof(kept) + string_size;
}

size_t
hg_audit_bundle_add_null(char *bundle, size_t size, size_t max)
{
	bundle_size kept = 0;

	if (size + sizeof(kept) > max)
		return size;
	memcpy(bundle + size, &kept, sizeof(kept));
	return size + sizeof(kept);
}

bool
hg_audit_bundle_next(const char *bundle, size_t size, size_t *offset, const char **string,
					 size_t *string_size)
{
	bundle_size kept;

	*string = NULL;
	*string_size = 0;
	if (*offset + sizeof(kept) > size)
		return false;
	memcpy(&kept, bundle + *offset, sizeof(kept));
	*offset += sizeof(kept);
	if (kept == 0)
		return true;
	if ((size_t) (kept - 1) > size - *offset)
		return false;
	*string = bundle + *offset;
	*string_size = (size_t) (kept - 1);
	*offset += *string_size;
	return true;
}
