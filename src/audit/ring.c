/*
 * ring.c
 *		The ring between those who make events and the writer.
 *
 * A producer reserves slots of its shard by compare-and-swap on the head, with
 * the check for room inside, copies, and publishes by storing the first slot's
 * stamp with release order.  The one reader sees a record by its stamp.  When
 * the own shard is full the others are tried, so that one busy session may use
 * the whole ring.
 */
#include <string.h>

#include "audit/ring_texts.h"

_Static_assert(sizeof(hg_audit_slot) == HG_AUDIT_SLOT_SIZE, "in a file");
_Static_assert(sizeof(hg_audit_shard) % HG_AUDIT_LINE == 0, "shards share no line");

/* In a record's first slot, before the data. */
typedef struct record_head
{
	uint32_t	size;
	uint16_t	slots;
	uint16_t	class;
} record_head;

#define FIRST_DATA (sizeof(((hg_audit_slot *) 0)->data) - sizeof(record_head))
#define NEXT_DATA sizeof(((hg_audit_slot *) 0)->data)
#define STAMP_FIRST(position) ((position) * 4 + 1)
#define STAMP_NEXT(position) ((position) * 4 + 2)

/* Instead of a class: slots that were reserved in vain, and that the writer passes over. */
#define CLASS_NOTHING UINT16_MAX

/*
 * How full, in hundredths, a shard may be for a class: misc is shed first, then
 * read, write (and copy), function; the rest of the room is kept for auth, role,
 * ddl, config and guard.  In the order of hg_audit_class; later ones as the last.
 */
static const uint8_t room_hundredths[HG_AUDIT_CLASSES_MAX] = {
	70, 78, 100, 100, 86, 100, 78, 100, 60, 100, 100, 100, 100, 100, 100, 100
};

static uint32_t
header_checksum(const hg_audit_ring_header *header)
{
	return hg_audit_checksum(header, offsetof(hg_audit_ring_header, checksum));
}

static uint64_t
load(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static uint64_t
slots_size_of(uint64_t slots_count)
{
	return slots_count * HG_AUDIT_SHARDS * HG_AUDIT_SLOT_SIZE;
}

static uint64_t
page_of(uint64_t offset)
{
	return (offset + 4095) & ~UINT64_C(4095);
}

/* Slots begin at a page, so that none of them straddles two. */
static uint64_t
slots_offset(uint64_t slots_count)
{
	return page_of(page_of(sizeof(hg_audit_ring_header))
				   + hg_audit_ring_texts_size(slots_size_of(slots_count)));
}

uint64_t
hg_audit_ring_size(uint64_t slots_size)
{
	uint64_t	slots_count = 64;

	while (slots_size_of(slots_count * 2) <= slots_size)
		slots_count *= 2;
	return slots_offset(slots_count) + slots_size_of(slots_count);
}

void
hg_audit_ring_format(void *memory, uint64_t size, uint64_t ring_id)
{
	hg_audit_ring_header *header = memory;

	header->magic = HG_AUDIT_RING_MAGIC;
	header->version = HG_AUDIT_RING_VERSION;
	header->shards_count = HG_AUDIT_SHARDS;
	header->size = size;
	header->slots_count = 64;
	while (slots_offset(header->slots_count * 2) + slots_size_of(header->slots_count * 2) <= size)
		header->slots_count *= 2;
	header->ring_id = ring_id;
	hg_audit_ring_texts_format(header, slots_size_of(header->slots_count));
	header->checksum = header_checksum(header);
}

const char *
hg_audit_ring_attach(hg_audit_ring *ring, void *memory, uint64_t size)
{
	hg_audit_ring_header *header = memory;

	if (size < slots_offset(1))
		return "it is cut";
	if (header->magic != HG_AUDIT_RING_MAGIC)
		return "it is no ring";
	if (header->version != HG_AUDIT_RING_VERSION)
		return "it is of another version";
	if (header->checksum != header_checksum(header) || header->shards_count != HG_AUDIT_SHARDS
		|| header->slots_count == 0 || (header->slots_count & (header->slots_count - 1)) != 0)
		return "its header is damaged";
	if (header->size != size
		|| slots_offset(header->slots_count) + slots_size_of(header->slots_count) != size)
		return "its size is not what its header says";
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		const hg_audit_shard *shard = &header->shards[i];

		if (shard->head < shard->tail || shard->head - shard->tail > header->slots_count)
			return "its positions are impossible";
	}
	ring->header = header;
	ring->texts = (uint8_t *) memory + page_of(sizeof(*header));
	ring->slots = (hg_audit_slot *) ((uint8_t *) memory + slots_offset(header->slots_count));
	return NULL;
}

static hg_audit_slot *
slot_at(const hg_audit_ring *ring, unsigned shard, uint64_t position)
{
	uint64_t	count = ring->header->slots_count;

	return &ring->slots[shard * count + (position & (count - 1))];
}

/* Copies parts into slots, one behind the other. */
typedef struct cursor
{
	const hg_audit_ring *ring;
	unsigned	shard;
	uint64_t	position;
	uint8_t    *at;
	size_t		room;
} cursor;

static void
cursor_write(cursor *c, const uint8_t *data, size_t size)
{
	while (size > 0)
	{
		size_t		piece;

		if (c->room == 0)
		{
			hg_audit_slot *slot = slot_at(c->ring, c->shard, ++c->position);

			slot->stamp = STAMP_NEXT(c->position);
			c->at = slot->data;
			c->room = sizeof(slot->data);
		}
		piece = size < c->room ? size : c->room;
		memcpy(c->at, data, piece);
		c->at += piece;
		c->room -= piece;
		data += piece;
		size -= piece;
	}
}

static unsigned
slots_needed(size_t size)
{
	return size <= FIRST_DATA ? 1
		: (unsigned) (1 + (size - FIRST_DATA + NEXT_DATA - 1) / NEXT_DATA);
}

/* Reserves slots in a shard if this class may use them. */
static bool
reserve(hg_audit_ring *ring, unsigned shard, unsigned class, unsigned slots, uint64_t *position)
{
	hg_audit_shard *s = &ring->header->shards[shard];
	uint64_t	most = ring->header->slots_count * room_hundredths[class] / 100;
	uint64_t	head = load(&s->head);

	if (room_hundredths[class] < 100 && load(&ring->header->trail_full) != 0)
		return false;
	for (;;)
	{
		uint64_t	used = head - __atomic_load_n(&s->tail, __ATOMIC_ACQUIRE);

		if (used + slots > most)
			return false;
		/* In one order with the generation of texts: see texts_turn(). */
		if (__atomic_compare_exchange_n(&s->head, &head, head + slots, true,
										__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		{
			*position = head;
			return true;
		}
	}
}

/* The record in its slots, and then its stamp, which publishes it. */
static void
slots_fill(hg_audit_ring *ring, unsigned shard, uint64_t position, const record_head *head,
		   const hg_audit_part *parts, size_t count)
{
	hg_audit_slot *first = slot_at(ring, shard, position);
	cursor		c = {ring, shard, position, first->data + sizeof(*head), FIRST_DATA};

	memcpy(first->data, head, sizeof(*head));
	for (size_t part = 0; part < count; part++)
		cursor_write(&c, parts[part].data, parts[part].size);
	__atomic_store_n(&first->stamp, STAMP_FIRST(position), __ATOMIC_RELEASE);
}

static void
count_dropped(hg_audit_shard *shard, unsigned class, int64_t now_us, size_t size)
{
	int64_t		none = 0;

	__atomic_fetch_add(&shard->dropped_bytes, size, __ATOMIC_RELAXED);
	__atomic_compare_exchange_n(&shard->dropped_first_us, &none, now_us, false,
								__ATOMIC_RELAXED, __ATOMIC_RELAXED);
	__atomic_store_n(&shard->dropped_last_us, now_us, __ATOMIC_RELAXED);
	/* Last, so that who sees the count sees the times. */
	__atomic_fetch_add(&shard->dropped[class], 1, __ATOMIC_RELEASE);
}

hg_audit_ring_result
hg_audit_ring_put(hg_audit_ring *ring, unsigned hint, unsigned class, int64_t now_us,
				  uint64_t generation, const hg_audit_part *parts, size_t count)
{
	hg_audit_shard *own = &ring->header->shards[hint % HG_AUDIT_SHARDS];
	record_head head = {0, 0, (uint16_t) class};

	for (size_t i = 0; i < count; i++)
		head.size += (uint32_t) parts[i].size;
	head.slots = (uint16_t) slots_needed(head.size);
	__atomic_fetch_add(&own->generated[class], 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < HG_AUDIT_SHARDS && head.size <= HG_AUDIT_RECORD_SIZE_MAX; i++)
	{
		unsigned	shard = (hint + i) % HG_AUDIT_SHARDS;
		uint64_t	position;

		if (!reserve(ring, shard, class, head.slots, &position))
			continue;
		/* Only what is reserved holds the texts of its generation where they are. */
		if (generation != 0
			&& __atomic_load_n(&ring->header->texts_generation, __ATOMIC_SEQ_CST) != generation)
		{
			head.class = CLASS_NOTHING;
			slots_fill(ring, shard, position, &head, NULL, 0);
			__atomic_fetch_sub(&own->generated[class], 1, __ATOMIC_RELEASE);
			return HG_AUDIT_PUT_STALE;
		}
		slots_fill(ring, shard, position, &head, parts, count);
		return HG_AUDIT_PUT_DONE;
	}
	count_dropped(own, class, now_us, head.size);
	return HG_AUDIT_PUT_NO_ROOM;
}

/* The first three strings of a bundle: a session's roles and database, an object's name. */
static size_t
beginning(const hg_audit_part *bundle)
{
	const char *string;
	size_t		string_size;
	size_t		offset = 0;
	size_t		fits = 0;

	for (int i = 0; i < 3 && bundle->data != NULL; i++)
	{
		if (!hg_audit_bundle_next(bundle->data, bundle->size, &offset, &string, &string_size)
			|| offset > HG_AUDIT_SHED_TEXT_SIZE)
			break;
		fits = offset;
	}
	return fits;
}

/* The place of a key, taken if it is new; the class's common one when there is none left. */
static hg_audit_shed *
shed_place(hg_audit_ring_header *header, uint64_t key, unsigned class, bool *fresh)
{
	*fresh = false;
	for (unsigned i = 0; i < HG_AUDIT_SHED_MAX; i++)
	{
		hg_audit_shed *place = &header->shed[(key + i) % HG_AUDIT_SHED_MAX];
		uint64_t	there = load(&place->key);

		if (there == 0)
			*fresh = __atomic_compare_exchange_n(&place->key, &there, key, false,
												 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
		if (*fresh || there == key)
			return place;
	}
	return &header->shed[HG_AUDIT_SHED_MAX + class];
}

void
hg_audit_ring_shed(hg_audit_ring *ring, unsigned class, const hg_audit_part *session,
				   const hg_audit_part *object)
{
	const hg_audit_part *parts[2] = {session, object};
	uint64_t	key = class + 1;
	size_t		sizes[2];
	hg_audit_shed *place;
	bool		fresh;

	for (int i = 0; i < 2; i++)
	{
		sizes[i] = beginning(parts[i]);
		key = key * UINT64_C(0x9e3779b97f4a7c15) + hg_audit_hash64(parts[i]->data, sizes[i]);
	}
	key = key == 0 ? 1 : key;
	place = shed_place(ring->header, key, class, &fresh);
	/* The writer may be taking the place away from this key: then the common one counts. */
	if ((__atomic_fetch_add(&place->users, 1, __ATOMIC_ACQ_REL) & HG_AUDIT_SHED_LOCKED) != 0
		|| (place->key != key && place < &ring->header->shed[HG_AUDIT_SHED_MAX]))
	{
		__atomic_fetch_sub(&place->users, 1, __ATOMIC_RELEASE);
		place = &ring->header->shed[HG_AUDIT_SHED_MAX + class];
		__atomic_fetch_add(&place->users, 1, __ATOMIC_ACQ_REL);
		fresh = false;
	}
	if (fresh)
	{
		for (int i = 0; i < 2; i++)
		{
			place->sizes[i] = (uint32_t) sizes[i];
			memcpy(place->texts[i], parts[i]->data ? parts[i]->data : "", sizes[i]);
		}
		place->class = class;
		__atomic_store_n(&place->ready, 1, __ATOMIC_RELEASE);
	}
	__atomic_fetch_add(&place->count, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&place->users, 1, __ATOMIC_RELEASE);
}

void
hg_audit_ring_shed_free(hg_audit_ring *ring, unsigned place_number)
{
	hg_audit_shed *place = &ring->header->shed[place_number];
	uint32_t	none = 0;

	if (place->ready == 0 || load(&place->count) != place->reported
		|| !__atomic_compare_exchange_n(&place->users, &none, HG_AUDIT_SHED_LOCKED, false,
										__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	if (load(&place->count) == place->reported)
	{
		place->ready = 0;
		__atomic_store_n(&place->key, 0, __ATOMIC_RELEASE);
	}
	__atomic_fetch_sub(&place->users, HG_AUDIT_SHED_LOCKED, __ATOMIC_RELEASE);
}

bool
hg_audit_ring_full(const hg_audit_ring *ring, unsigned hint, unsigned class)
{
	uint64_t	most = ring->header->slots_count * room_hundredths[class] / 100;

	for (unsigned i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		const hg_audit_shard *s = &ring->header->shards[(hint + i) % HG_AUDIT_SHARDS];

		if (load(&s->head) - load(&s->tail) + slots_needed(HG_AUDIT_RECORD_SIZE_MAX) <= most)
			return false;
	}
	return true;
}

/* The whole record that begins at a position, or nothing with its head; else false. */
static bool
record_at(const hg_audit_ring *ring, unsigned shard, uint64_t position, uint64_t head_position,
		  record_head *head)
{
	const hg_audit_slot *first = slot_at(ring, shard, position);

	if (__atomic_load_n(&first->stamp, __ATOMIC_ACQUIRE) != STAMP_FIRST(position))
		return false;
	memcpy(head, first->data, sizeof(*head));
	if (head->class == CLASS_NOTHING)
		return head->slots > 0 && head->slots <= head_position - position;
	if (head->size > HG_AUDIT_RECORD_SIZE_MAX || head->class >= HG_AUDIT_CLASSES_MAX
		|| head->slots != slots_needed(head->size) || head->slots > head_position - position)
		return false;
	for (unsigned i = 1; i < head->slots; i++)
	{
		if (slot_at(ring, shard, position + i)->stamp != STAMP_NEXT(position + i))
			return false;
	}
	return true;
}

size_t
hg_audit_ring_peek(const hg_audit_ring *ring, unsigned shard, uint64_t *position, uint64_t *next,
				   unsigned *class, uint8_t *record)
{
	const hg_audit_shard *s = &ring->header->shards[shard];
	uint64_t	head_position = __atomic_load_n(&s->head, __ATOMIC_ACQUIRE);
	record_head head;
	size_t		done;

	for (;;)
	{
		if (*position >= head_position)
			return 0;
		if (record_at(ring, shard, *position, head_position, &head))
		{
			if (head.class != CLASS_NOTHING)
				break;
			*position += head.slots;
		}
		else if (*position < s->hole_limit)
			++*position;
		else
			return 0;
	}
	done = head.size < FIRST_DATA ? head.size : FIRST_DATA;
	memcpy(record, slot_at(ring, shard, *position)->data + sizeof(head), done);
	for (unsigned i = 1; i < head.slots; i++)
	{
		size_t		piece = head.size - done < NEXT_DATA ? head.size - done : NEXT_DATA;

		memcpy(record + done, slot_at(ring, shard, *position + i)->data, piece);
		done += piece;
	}
	*class = head.class;
	*next = *position + head.slots;
	return head.size;
}

void
hg_audit_ring_advance(hg_audit_ring *ring, unsigned shard, uint64_t position)
{
	__atomic_store_n(&ring->header->shards[shard].tail, position, __ATOMIC_RELEASE);
}

void
hg_audit_ring_count(const hg_audit_ring *ring, hg_audit_ring_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	/* Generated last: what is counted elsewhere was counted there before. */
	for (int class = 0; class < HG_AUDIT_CLASSES_MAX; class++)
	{
		counts->crashed[class] = load(&ring->header->crashed[class]);
		for (int i = 0; i < HG_AUDIT_SHARDS; i++)
			counts->drained[class] += __atomic_load_n(&ring->header->shards[i].drained[class],
													  __ATOMIC_ACQUIRE);
		for (int i = 0; i < HG_AUDIT_SHARDS; i++)
			counts->dropped[class] += __atomic_load_n(&ring->header->shards[i].dropped[class],
													  __ATOMIC_ACQUIRE);
		for (int i = 0; i < HG_AUDIT_SHARDS; i++)
			counts->generated[class] += load(&ring->header->shards[i].generated[class]);
	}
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
		counts->dropped_bytes += load(&ring->header->shards[i].dropped_bytes);
}

uint64_t
hg_audit_ring_recover(hg_audit_ring *ring)
{
	static uint8_t record[HG_AUDIT_RECORD_SIZE_MAX];
	hg_audit_ring_counts counts;
	uint64_t	found[HG_AUDIT_CLASSES_MAX] = {0};
	uint64_t	records = 0;

	for (unsigned shard = 0; shard < HG_AUDIT_SHARDS; shard++)
	{
		hg_audit_shard *s = &ring->header->shards[shard];
		uint64_t	position = s->tail;
		uint64_t	next;
		unsigned	class;

		s->hole_limit = s->head;
		while (hg_audit_ring_peek(ring, shard, &position, &next, &class, record) > 0)
		{
			found[class]++;
			records++;
			position = next;
		}
	}
	/* Who was at a place of the table is dead, perhaps before its texts were there. */
	for (int i = 0; i < HG_AUDIT_SHED_PLACES; i++)
	{
		hg_audit_shed *place = &ring->header->shed[i];

		place->users = 0;
		if (place->key != 0 && place->ready == 0)
			place->sizes[0] = place->sizes[1] = 0;
		place->ready = place->key != 0;
	}
	hg_audit_ring_texts_recover(ring);
	hg_audit_ring_count(ring, &counts);
	for (int class = 0; class < HG_AUDIT_CLASSES_MAX; class++)
	{
		uint64_t	known = counts.drained[class] + counts.dropped[class]
			+ counts.crashed[class] + found[class];

		if (counts.generated[class] > known)
			ring->header->crashed[class] += counts.generated[class] - known;
	}
	return records;
}
