/*
 * ring_texts.c
 *		Texts in the ring that records refer to: those that repeat stand there once.
 *
 * There are two halves, filled in turn; a generation is one filling of one of
 * them.  A half is taken for the next generation only when no record refers to
 * it any more.  To know that, a producer reserves its slots first and then asks
 * whether its texts' generation is still the current one; the writer begins the
 * next generation first and then asks how far slots are reserved.  Both in one
 * order, so that what a shard's tail has passed is all that can refer to it.
 *
 * A half has a table of hashed numbers (open addressing), entries and bytes.
 */
#include <string.h>

#include "audit/ring_texts.h"

#define TEXTS_LEAST 64
#define BYTES_PER_TEXT 128
#define PROBES_MAX 16

typedef struct text_entry
{
	uint64_t	hash;
	uint32_t	offset;
	uint32_t	size;
} text_entry;

typedef struct half
{
	uint32_t   *table;			/* entry + 1; 0: free */
	text_entry *entries;
	uint8_t    *bytes;
} half;

static uint32_t
texts_max_of(uint64_t slots_size)
{
	uint32_t	max = TEXTS_LEAST;

	while ((uint64_t) max * BYTES_PER_TEXT * 16 < slots_size && max < 1 << 20)
		max *= 2;
	return max;
}

static uint64_t
half_size(uint32_t max)
{
	return (uint64_t) max * (2 * sizeof(uint32_t) + sizeof(text_entry) + BYTES_PER_TEXT);
}

uint64_t
hg_audit_ring_texts_size(uint64_t slots_size)
{
	return 2 * half_size(texts_max_of(slots_size));
}

void
hg_audit_ring_texts_format(hg_audit_ring_header *header, uint64_t slots_size)
{
	header->texts_max = texts_max_of(slots_size);
	header->texts_bytes = (uint64_t) header->texts_max * BYTES_PER_TEXT;
	header->texts_generation = 1;
}

static void
half_at(const hg_audit_ring *ring, unsigned which, half *h)
{
	uint32_t	max = ring->header->texts_max;
	uint8_t    *at = ring->texts + which * half_size(max);

	h->entries = (text_entry *) at;
	h->table = (uint32_t *) (at + max * sizeof(text_entry));
	h->bytes = (uint8_t *) (h->table + 2 * max);
}

static bool
entry_is(const half *h, const text_entry *entry, const char *text, size_t size, uint64_t hash)
{
	return entry->hash == hash && entry->size == size
		&& memcmp(h->bytes + entry->offset, text, size) == 0;
}

/* Puts the text behind the others: its entry + 1, or 0 when the half is full. */
static uint32_t
entry_make(const hg_audit_ring_header *header, hg_audit_texts_half *state, half *h,
		   const char *text, size_t size, uint64_t hash)
{
	uint32_t	at = __atomic_fetch_add(&state->count, 1, __ATOMIC_RELAXED);
	uint64_t	offset = __atomic_fetch_add(&state->used, size, __ATOMIC_RELAXED);

	if (at >= header->texts_max || offset + size > header->texts_bytes)
		return 0;
	memcpy(h->bytes + offset, text, size);
	h->entries[at].hash = hash;
	h->entries[at].offset = (uint32_t) offset;
	h->entries[at].size = (uint32_t) size;
	return at + 1;
}

static bool
is_full(const hg_audit_ring_header *header, const hg_audit_texts_half *state)
{
	return __atomic_load_n(&state->count, __ATOMIC_RELAXED) >= header->texts_max
		|| __atomic_load_n(&state->used, __ATOMIC_RELAXED) >= header->texts_bytes;
}

/* The entry + 1 of a text that is there already or is put there now; 0: no room. */
static uint32_t
find_or_make(const hg_audit_ring_header *header, hg_audit_texts_half *state, half *h,
			 const char *text, size_t size)
{
	uint64_t	hash = hg_audit_hash64(text, size);
	uint32_t	mask = 2 * header->texts_max - 1;
	uint32_t	made = 0;

	for (uint32_t probe = 0; probe < PROBES_MAX; probe++)
	{
		uint32_t   *place = &h->table[((uint32_t) hash + probe) & mask];
		uint32_t	there = __atomic_load_n(place, __ATOMIC_ACQUIRE);

		if (there == 0)
		{
			if (made == 0 && (is_full(header, state)
							  || (made = entry_make(header, state, h, text, size, hash)) == 0))
				return 0;
			if (__atomic_compare_exchange_n(place, &there, made, false, __ATOMIC_RELEASE,
											__ATOMIC_ACQUIRE))
				return made;
		}
		if (there <= header->texts_max
			&& entry_is(h, &h->entries[there - 1], text, size, hash))
			return there;
	}
	return 0;
}

uint32_t
hg_audit_ring_text_put(hg_audit_ring *ring, const char *text, size_t size, uint64_t *generation)
{
	hg_audit_ring_header *header = ring->header;
	unsigned	which;
	hg_audit_texts_half *state;
	uint32_t	number = 0;
	half		h;

	*generation = __atomic_load_n(&header->texts_generation, __ATOMIC_SEQ_CST);
	which = *generation & 1;
	state = &header->texts[which];
	if (size > HG_AUDIT_RING_TEXT_MAX || size > header->texts_bytes / 4)
		return 0;
	/* As long as there are users the half is nobody else's; one that comes too late leaves. */
	__atomic_fetch_add(&state->users, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&header->texts_generation, __ATOMIC_SEQ_CST) == *generation)
	{
		half_at(ring, which, &h);
		number = find_or_make(header, state, &h, text, size);
	}
	__atomic_fetch_sub(&state->users, 1, __ATOMIC_RELEASE);
	return number == 0 ? 0 : number + which * header->texts_max;
}

const char *
hg_audit_ring_text_get(const hg_audit_ring *ring, uint32_t number, size_t *size)
{
	const hg_audit_ring_header *header = ring->header;
	const text_entry *entry;
	half		h;

	if (number == 0 || number > 2 * header->texts_max)
		return NULL;
	half_at(ring, (number - 1) / header->texts_max, &h);
	entry = &h.entries[(number - 1) % header->texts_max];
	/* After a power failure parts of the file may be older than others. */
	if (entry->size > HG_AUDIT_RING_TEXT_MAX || entry->offset > header->texts_bytes
		|| entry->size > header->texts_bytes - entry->offset
		|| entry->hash != hg_audit_hash64(h.bytes + entry->offset, entry->size))
		return NULL;
	*size = entry->size;
	return (const char *) h.bytes + entry->offset;
}

uint32_t
hg_audit_ring_texts_max(const hg_audit_ring *ring)
{
	return 2 * ring->header->texts_max;
}

/* How far slots are reserved: behind that nothing will refer to a half that was left. */
static void
left_here(hg_audit_ring *ring, hg_audit_texts_half *state)
{
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
		state->left[i] = __atomic_load_n(&ring->header->shards[i].head, __ATOMIC_SEQ_CST);
}

static bool
is_quiet(const hg_audit_ring *ring, const hg_audit_texts_half *state)
{
	if (__atomic_load_n(&state->users, __ATOMIC_SEQ_CST) != 0)
		return false;
	for (int i = 0; i < HG_AUDIT_SHARDS; i++)
	{
		if (ring->header->shards[i].tail < state->left[i])
			return false;
	}
	return true;
}

bool
hg_audit_ring_texts_turn(hg_audit_ring *ring, uint32_t *first, uint32_t *last)
{
	hg_audit_ring_header *header = ring->header;
	unsigned	which = header->texts_generation & 1;
	hg_audit_texts_half *before = &header->texts[which];
	hg_audit_texts_half *next = &header->texts[1 - which];
	half		h;

	if (next->left[0] == UINT64_MAX)
		left_here(ring, next);
	if (!is_full(header, before) || !is_quiet(ring, next))
		return false;
	half_at(ring, 1 - which, &h);
	memset(h.table, 0, 2 * header->texts_max * sizeof(h.table[0]));
	next->used = 0;
	next->count = 0;
	/* Not known yet, should the writer die between here and there. */
	memset(before->left, 0xFF, sizeof(before->left));
	__atomic_store_n(&header->texts_generation, header->texts_generation + 1, __ATOMIC_SEQ_CST);
	left_here(ring, before);
	*first = 1 + (1 - which) * header->texts_max;
	*last = *first + header->texts_max - 1;
	return true;
}

/* No producer lives. */
void
hg_audit_ring_texts_recover(hg_audit_ring *ring)
{
	hg_audit_ring_header *header = ring->header;

	header->texts[0].users = header->texts[1].users = 0;
	left_here(ring, &header->texts[1 - (header->texts_generation & 1)]);
}
