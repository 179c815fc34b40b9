/*
 * Goal: a record that refers to a text in the ring is never read with another
 * text, however often the room for texts is used again, and costs no record.
 * Method: by hand, step by step; then real processes that put records with
 * more texts than there is room for, while the reader drains and turns; each
 * record says itself which text it means.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/ring_texts.h"
#include "tap.h"

#define CLASS_READ 0

typedef struct record
{
	uint32_t	number;			/* in the ring; 0: the text stands behind */
	uint32_t	meant;
} record;

static void *
shared(size_t size)
{
	int			flags = MAP_SHARED | MAP_ANONYMOUS;
	void	   *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (memory == MAP_FAILED)
		exit(2);
	return memory;
}

static void
ring_make(hg_audit_ring *ring, uint64_t slots_size)
{
	uint64_t	size = hg_audit_ring_size(slots_size);
	void	   *memory = shared(size);

	hg_audit_ring_format(memory, size, 7);
	if (hg_audit_ring_attach(ring, memory, size) != NULL)
		exit(2);
}

static size_t
text_of(uint32_t meant, char *text)
{
	return (size_t) snprintf(text, 200, "SELECT %u FROM t%u WHERE %.*s", meant, meant % 7,
							 (int) (meant % 90), "a very long condition that goes on and on "
							 "until nobody reads it any more, and then a bit further");
}

static hg_audit_ring_result
put(hg_audit_ring *ring, unsigned hint, record r, uint64_t generation)
{
	char		text[200];
	hg_audit_part parts[2] = {{&r, sizeof(r)}, {text, 0}};

	if (r.number == 0)
		parts[1].size = text_of(r.meant, text);
	return hg_audit_ring_put(ring, hint, CLASS_READ, 1, generation, parts, 2);
}

/* Takes one record; whether there was one. Counts those with another text than they mean. */
static bool
take(hg_audit_ring *ring, unsigned shard, uint64_t *by_number, int *bad)
{
	static uint8_t data[HG_AUDIT_RECORD_SIZE_MAX];
	hg_audit_shard *s = &ring->header->shards[shard];
	uint64_t	position = s->tail;
	uint64_t	next;
	unsigned	class;
	char		expected[200];
	const char *text = (const char *) data + sizeof(record);
	size_t		text_size;
	record		r;
	size_t		size = hg_audit_ring_peek(ring, shard, &position, &next, &class, data);

	if (size == 0)
	{
		hg_audit_ring_advance(ring, shard, position);
		return false;
	}
	memcpy(&r, data, sizeof(r));
	text_size = size - sizeof(r);
	if (r.number != 0)
		text = hg_audit_ring_text_get(ring, r.number, &text_size);
	*by_number += r.number != 0;
	if (text == NULL || text_size != text_of(r.meant, expected)
		|| memcmp(text, expected, text_size) != 0)
		(*bad)++;
	s->drained[class]++;
	hg_audit_ring_advance(ring, shard, next);
	return true;
}

static uint64_t
balance(const hg_audit_ring *ring)
{
	hg_audit_ring_counts counts;

	hg_audit_ring_count(ring, &counts);
	return counts.generated[CLASS_READ] - counts.drained[CLASS_READ] - counts.dropped[CLASS_READ];
}

static uint32_t
keep(hg_audit_ring *ring, uint32_t meant, uint64_t *generation)
{
	char		text[200];
	size_t		size = text_of(meant, text);

	return hg_audit_ring_text_put(ring, text, size, generation);
}

/* Until there is no room; how many found some. */
static uint32_t
fill(hg_audit_ring *ring, uint32_t from)
{
	uint32_t	count = 0;
	uint64_t	generation;

	while (keep(ring, from + count, &generation) != 0)
		count++;
	return count;
}

static void
test_turns(void)
{
	hg_audit_ring ring;
	char		huge[HG_AUDIT_RING_TEXT_MAX + 1] = {0};
	uint32_t	first;
	uint32_t	last;
	uint64_t	generation;
	uint64_t	by_number = 0;
	int			bad = 0;
	uint32_t	number;
	uint32_t	other;

	ring_make(&ring, 256 * 1024);
	number = keep(&ring, 1, &generation);
	other = keep(&ring, 2, &generation);
	ok(number != 0 && other != 0 && number != other, "two texts have two numbers");
	is_int(keep(&ring, 1, &generation), number, "the same text has the same number");
	is_int(hg_audit_ring_text_put(&ring, huge, sizeof(huge), &generation), 0,
		   "a huge text stays outside");
	ok(!hg_audit_ring_texts_turn(&ring, &first, &last), "no turn while there is room");
	is_int(put(&ring, 0, (record) {number, 1}, generation), HG_AUDIT_PUT_DONE, "a record refers");
	ok(fill(&ring, 10) > 50, "the room for texts ends");
	ok(hg_audit_ring_texts_turn(&ring, &first, &last), "then it is the other half's turn");
	ok(number < first || number > last, "what the record refers to is not in that half");
	is_int(put(&ring, 0, (record) {number, 1}, generation), HG_AUDIT_PUT_STALE,
		   "a record for the half that was left is refused");
	is_int(balance(&ring), 1, "and not counted");
	ok(fill(&ring, 5000) > 50, "the other half is filled");
	ok(!hg_audit_ring_texts_turn(&ring, &first, &last),
	   "no turn while a record refers to the half whose turn it is");
	while (take(&ring, 0, &by_number, &bad))
		;
	is_int(bad, 0, "that record is read with its text");
	is_int(by_number, 1, "which stands in the ring");
	ok(hg_audit_ring_texts_turn(&ring, &first, &last) && first <= number && number <= last,
	   "when the record is drained its half is used again");
	is_int(balance(&ring), 0, "what was refused left nothing behind");
	ok(hg_audit_ring_text_get(&ring, UINT32_MAX, &(size_t) {0}) == NULL
	   && hg_audit_ring_text_get(&ring, 0, &(size_t) {0}) == NULL, "foreign numbers are no text");
}

static void
test_recovery(void)
{
	hg_audit_ring ring;
	uint64_t	generation;
	uint64_t	by_number = 0;
	uint32_t	first;
	uint32_t	last;
	int			bad = 0;

	ring_make(&ring, 256 * 1024);
	put(&ring, 3, (record) {keep(&ring, 77, &generation), 77}, generation);
	fill(&ring, 100);
	hg_audit_ring_texts_turn(&ring, &first, &last);
	fill(&ring, 9000);
	/* One died while it was putting a text there, and the writer while it turned. */
	ring.header->texts[1 - (ring.header->texts_generation & 1)].users = 1;
	memset(ring.header->texts[1 - (ring.header->texts_generation & 1)].left, 0xFF,
		   sizeof(ring.header->texts[0].left));
	is_int(hg_audit_ring_recover(&ring), 1, "recovery: the record is there");
	ok(!hg_audit_ring_texts_turn(&ring, &first, &last), "recovery: and holds its text");
	while (take(&ring, 3, &by_number, &bad))
		;
	is_int(bad, 0, "recovery: which is the right one");
	ok(hg_audit_ring_texts_turn(&ring, &first, &last), "recovery: then it goes on");
}

/* Four producers whose texts change all the time, one reader that turns as often as it can. */
static void
test_concurrent(void)
{
	enum {PRODUCERS = 4, RECORDS = 20000, TEXTS = 3000};
	hg_audit_ring ring;
	int		   *finished = shared(sizeof(*finished));
	uint64_t	by_number = 0;
	uint64_t	taken = 0;
	int			turns = 0;
	int			bad = 0;

	ring_make(&ring, 256 * 1024);
	for (uint32_t p = 0; p < PRODUCERS; p++)
	{
		if (fork() == 0)
		{
			for (uint32_t i = 0; i < RECORDS; i++)
			{
				uint64_t	generation = 0;
				record		r = {0, (i / 16 * 31 + p) % TEXTS};

				while (hg_audit_ring_full(&ring, p, CLASS_READ))
					sched_yield();
				r.number = keep(&ring, r.meant, &generation);
				if (put(&ring, p, r, r.number ? generation : 0) == HG_AUDIT_PUT_STALE)
					put(&ring, p, (record) {0, r.meant}, 0);
			}
			__atomic_fetch_add(finished, 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	}
	for (bool more = true; more;)
	{
		uint32_t	first;
		uint32_t	last;

		more = __atomic_load_n(finished, __ATOMIC_SEQ_CST) < PRODUCERS;
		turns += hg_audit_ring_texts_turn(&ring, &first, &last);
		for (unsigned shard = 0; shard < HG_AUDIT_SHARDS; shard++)
		{
			for (int i = 0; i < 100 && take(&ring, shard, &by_number, &bad); i++)
			{
				taken++;
				more = true;
			}
		}
	}
	while (wait(NULL) > 0)
		;
	is_int(bad, 0, "concurrent: every record is read with the text it means");
	is_int(balance(&ring), 0, "concurrent: the counters balance");
	ok(turns > 2, "concurrent: the room was used again %d times", turns);
	ok(by_number > taken / 10, "concurrent: %llu of %llu records referred to their text",
	   (unsigned long long) by_number, (unsigned long long) taken);
}

int
main(void)
{
	test_turns();
	test_recovery();
	test_concurrent();
	return done();
}
