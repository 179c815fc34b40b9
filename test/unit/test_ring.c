/*
 * Goal: nothing that went into the ring is lost or seen twice, what found no
 * room is counted by class, and a producer that dies anywhere costs its own
 * record only.
 * Method: real processes on shared memory, one of them killed again and again;
 * each record says who wrote it, its number and a pattern over its whole size.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/ring.h"
#include "tap.h"

#define CLASS_READ 0
#define CLASS_DDL 2
#define CLASS_MISC 8

typedef struct record
{
	uint32_t	producer;
	uint32_t	number;
	uint32_t	size;
	uint8_t		pattern[4000];
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

static bool
put(hg_audit_ring *ring, uint32_t producer, uint32_t number, unsigned class)
{
	static record r;
	hg_audit_part parts[2];

	r.producer = producer;
	r.number = number;
	r.size = (number * 37 + producer) % sizeof(r.pattern);
	memset(r.pattern, (int) (number & 255), r.size);
	parts[0] = (hg_audit_part) {&r, offsetof(record, pattern)};
	parts[1] = (hg_audit_part) {r.pattern, r.size};
	return hg_audit_ring_put(ring, producer, class, 1000 + number, 0, parts, 2)
		== HG_AUDIT_PUT_DONE;
}

/* Takes one record of a shard; checks all of its bytes. */
static bool
take(hg_audit_ring *ring, unsigned shard, record *out, unsigned *class, int *bad)
{
	static uint8_t data[HG_AUDIT_RECORD_SIZE_MAX];
	hg_audit_shard *s = &ring->header->shards[shard];
	uint64_t	position = s->tail;
	uint64_t	next;
	size_t		size = hg_audit_ring_peek(ring, shard, &position, &next, class, data);

	if (size == 0)
	{
		hg_audit_ring_advance(ring, shard, position);
		return false;
	}
	memcpy(out, data, size < sizeof(*out) ? size : sizeof(*out));
	if (size != offsetof(record, pattern) + out->size)
		(*bad)++;
	for (uint32_t i = 0; i < out->size && i < sizeof(out->pattern); i++)
		*bad += out->pattern[i] != (uint8_t) out->number;
	s->drained[*class]++;
	hg_audit_ring_advance(ring, shard, next);
	return true;
}

static uint64_t
balance(const hg_audit_ring *ring)
{
	hg_audit_ring_counts counts;
	uint64_t	rest = 0;

	hg_audit_ring_count(ring, &counts);
	for (int i = 0; i < HG_AUDIT_CLASSES_MAX; i++)
		rest += counts.generated[i] - counts.drained[i] - counts.dropped[i] - counts.crashed[i];
	return rest;
}

/* Four producers, one reader at the same time: every record once, in its producer's order. */
static void
test_concurrent(void)
{
	enum {PRODUCERS = 4, RECORDS = 20000};
	hg_audit_ring ring;
	uint64_t   *dropped = shared(sizeof(*dropped) * PRODUCERS);
	int		   *finished = shared(sizeof(*finished));
	uint64_t	taken = 0;
	uint64_t	sum = 0;
	static uint8_t seen[PRODUCERS][RECORDS];
	int			bad = 0;
	int			twice = 0;

	ring_make(&ring, 1024 * 1024);
	for (uint32_t p = 0; p < PRODUCERS; p++)
	{
		if (fork() == 0)
		{
			for (uint32_t i = 0; i < RECORDS; i++)
				dropped[p] += !put(&ring, p, i, CLASS_READ);
			__atomic_fetch_add(finished, 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	}
	for (bool more = true; more;)
	{
		more = __atomic_load_n(finished, __ATOMIC_SEQ_CST) < PRODUCERS;
		for (unsigned shard = 0; shard < HG_AUDIT_SHARDS; shard++)
		{
			record		r;
			unsigned	class;

			while (take(&ring, shard, &r, &class, &bad))
			{
				taken++;
				more = true;
				twice += seen[r.producer % PRODUCERS][r.number % RECORDS]++;
			}
		}
	}
	while (wait(NULL) > 0)
		;
	for (int p = 0; p < PRODUCERS; p++)
		sum += dropped[p];
	is_int(bad, 0, "concurrent: every byte of every record is right");
	is_int(twice, 0, "concurrent: no record is seen twice");
	is_int(taken + sum, PRODUCERS * RECORDS, "concurrent: taken and dropped are all");
	is_int(balance(&ring), 0, "concurrent: the counters balance");
}

/* A producer killed at any moment: what it published is there, its counters balance. */
static void
test_killed(void)
{
	enum {ROUNDS = 60};
	hg_audit_ring ring;
	uint32_t   *published = shared(sizeof(*published));
	int			lost = 0;
	int			bad = 0;
	uint64_t	rest = 0;

	ring_make(&ring, 4 * 1024 * 1024);
	for (int round = 0; round < ROUNDS; round++)
	{
		uint32_t	before = *published;
		uint32_t	count = 0;
		pid_t		child = fork();

		if (child == 0)
		{
			for (uint32_t i = before; put(&ring, 3, i, CLASS_DDL); i++)
				__atomic_store_n(published, i + 1, __ATOMIC_SEQ_CST);
			for (;;)
				pause();
		}
		while (__atomic_load_n(published, __ATOMIC_SEQ_CST) < before + 50 + round)
			;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		hg_audit_ring_recover(&ring);
		for (unsigned shard = 0; shard < HG_AUDIT_SHARDS; shard++)
		{
			record		r;
			unsigned	class;

			while (take(&ring, shard, &r, &class, &bad))
				count += r.number >= before;
		}
		/* One more may be there: it was put, and not told yet. */
		lost += count < *published - before;
		rest += balance(&ring);
	}
	is_int(bad, 0, "killed: no half record is believed");
	is_int(lost, 0, "killed: what was published is there");
	is_int(rest, 0, "killed: generated = drained + dropped + crashed, by class, each time");
}

/* When it fills, misc goes first, then read; what must not be missed still finds room. */
static void
test_shedding(void)
{
	hg_audit_ring ring;
	hg_audit_ring_counts counts;
	uint64_t	misc = 0;
	uint64_t	read = 0;
	uint64_t	ddl = 0;

	ring_make(&ring, 256 * 1024);
	while (put(&ring, 0, 0, CLASS_MISC))
		misc++;
	while (put(&ring, 0, 0, CLASS_READ))
		read++;
	while (put(&ring, 0, 0, CLASS_DDL))
		ddl++;
	ok(misc > 0 && read > 0 && ddl > 0, "shedding: each class has more room than the one before");
	ok(!put(&ring, 0, 0, CLASS_READ), "shedding: read finds none when ddl filled it");
	hg_audit_ring_count(&ring, &counts);
	is_int(counts.dropped[CLASS_MISC], 1, "shedding: misc dropped are counted");
	is_int(counts.dropped[CLASS_READ], 2, "shedding: read dropped are counted");
	is_int(counts.dropped[CLASS_DDL], 1, "shedding: ddl dropped are counted");
	is_int(balance(&ring), misc + read + ddl, "shedding: the rest is in the ring");
}

/* How many records of each class find room in an empty ring: that is the order they are shed in. */
static void
test_order(void)
{
	/* misc, read, write, copy, function, and what is kept: auth, role, ddl, config, guard. */
	static const unsigned order[] = {8, 0, 1, 6, 4, 5, 3, 2, 7, 9};
	static const int rank[] = {0, 1, 2, 2, 3, 4, 4, 4, 4, 4};
	uint64_t	room[10];
	int			wrong = 0;
	hg_audit_ring ring;

	for (int i = 0; i < 10; i++)
	{
		ring_make(&ring, 256 * 1024);
		for (room[i] = 0; put(&ring, 0, 0, order[i]); room[i]++)
			;
		if (i > 0)
			wrong += rank[i] == rank[i - 1] ? room[i] != room[i - 1] : room[i] <= room[i - 1];
	}
	is_int(wrong, 0, "order: misc, read, write and copy, function, and a reserve");
	ring.header->trail_full = 1;
	ok(!put(&ring, 0, 0, 4), "order: a full trail takes no function");
	ring_make(&ring, 256 * 1024);
	ring.header->trail_full = 1;
	ok(put(&ring, 0, 0, 9) && put(&ring, 0, 0, 5), "order: but guard and auth");
}

/* A ring that is cut, foreign, newer or damaged is refused with a reason. */
static void
test_foreign(void)
{
	uint64_t	size = hg_audit_ring_size(256 * 1024);
	hg_audit_ring_header *header = shared(size);
	hg_audit_ring ring;

	ok(hg_audit_ring_attach(&ring, header, size) != NULL, "foreign: zeros are no ring");
	hg_audit_ring_format(header, size, 1);
	ok(hg_audit_ring_attach(&ring, header, size) == NULL, "foreign: a ring is one");
	ok(hg_audit_ring_attach(&ring, header, size - 4096) != NULL, "foreign: a cut one is refused");
	ok(hg_audit_ring_attach(&ring, header, 100) != NULL, "foreign: a stub is refused");
	header->version++;
	ok(hg_audit_ring_attach(&ring, header, size) != NULL, "foreign: a newer one is refused");
	header->version--;
	header->slots_count = 3;
	ok(hg_audit_ring_attach(&ring, header, size) != NULL, "foreign: a damaged one is refused");
	hg_audit_ring_format(header, size, 1);
	header->shards[2].head = header->slots_count + 1;
	ok(hg_audit_ring_attach(&ring, header, size) != NULL, "foreign: positions are checked");
}

int
main(void)
{
	test_concurrent();
	test_killed();
	test_shedding();
	test_order();
	test_foreign();
	return done();
}
