/*
 * ring.c
 *		How long a put into the audit ring takes: `make bench-ring`.
 *
 * Goal: the figures of docs/audit.md, on any machine.
 * Method: puts of an event whose texts stand in the ring, one producer and then
 * two, into a ring of 16 MB that a reader drains; the best of several rounds on
 * the CPU clock, so that a busy machine does less harm.  Then each put is timed
 * by the wall clock while another process writes to the disk and syncs without
 * end, with the ring's file, pre-touched, in each of the folders given: the
 * share of puts above 100 us and the longest.  A machine with other work to do
 * shows its scheduling there, so beside it stands the same loop without a put.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit/ring_texts.h"

#define PUTS 100000
#define ROUNDS 15
#define TIMED_PUTS 1000000
#define BINS 100000				/* of 10 ns */

static hg_audit_ring ring;

static double
nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static void
ring_make(const char *directory)
{
	char		path[1024];
	uint64_t	size = hg_audit_ring_size(16 * 1024 * 1024);
	int			flags = MAP_SHARED | MAP_POPULATE;
	void	   *memory;
	int			fd;

	snprintf(path, sizeof(path), "%s/bench_ring.%d", directory, (int) getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, (off_t) size) != 0)
	{
		perror(path);
		exit(2);
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	unlink(path);
	close(fd);
	if (memory == MAP_FAILED)
		exit(2);
	memset(memory, 0, size);
	hg_audit_ring_format(memory, size, 1);
	if (hg_audit_ring_attach(&ring, memory, size) != NULL)
		exit(2);
}

/* As the session does it: the event, the numbers of its four texts. */
static bool
put(unsigned hint)
{
	static hg_audit_event event;
	static uint32_t heads[HG_AUDIT_TEXTS];
	static uint64_t generation;
	hg_audit_part parts[2] = {{&event, sizeof(event)}, {heads, sizeof(heads)}};

	if (generation == 0)
	{
		for (uint32_t i = 0; i < HG_AUDIT_TEXTS; i++)
			heads[i] = hg_audit_ring_text_put(&ring, (const char *) &i, sizeof(i), &generation);
	}
	event.recorded_us++;
	return hg_audit_ring_put(&ring, hint, 0, event.recorded_us, generation, parts, 2)
		== HG_AUDIT_PUT_DONE;
}

static void
drain(void)
{
	for (unsigned shard = 0; shard < HG_AUDIT_SHARDS; shard++)
		hg_audit_ring_advance(&ring, shard,
							  __atomic_load_n(&ring.header->shards[shard].head, __ATOMIC_ACQUIRE));
}

/* Nanoseconds of CPU a put; the ring is emptied before it is full, as the writer does. */
static double
round_of(unsigned hint)
{
	double		began = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);

	for (int i = 0; i < PUTS; i++)
	{
		if (i % 4096 == 0)
			hg_audit_ring_advance(&ring, hint % HG_AUDIT_SHARDS,
								  ring.header->shards[hint % HG_AUDIT_SHARDS].head);
		if (!put(hint))
			exit(3);
	}
	return (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - began) / PUTS;
}

static double
best_of(unsigned hint)
{
	double		best = 1e9;

	for (int round = 0; round < ROUNDS; round++)
	{
		double		took = round_of(hint);

		best = took < best ? took : best;
	}
	return best;
}

static void
measure_put(void)
{
	pid_t		other;

	printf("%-46s %6.0f ns\n", "a put, one producer", best_of(0));
	other = fork();
	if (other == 0)
	{
		for (;;)
			round_of(1);
	}
	printf("%-46s %6.0f ns\n", "a put beside another producer", best_of(2));
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

/* Writes 4 MB and syncs, again and again. */
static pid_t
disk_busy(const char *directory)
{
	static char block[1 << 20];
	char		path[1024];
	pid_t		child = fork();
	int			fd;

	if (child != 0)
		return child;
	snprintf(path, sizeof(path), "%s/bench_busy.%d", directory, (int) getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	unlink(path);
	for (off_t at = 0; fd >= 0; at = (at + (4 << 20)) % (64 << 20))
	{
		memset(block, (int) at, sizeof(block));
		for (off_t i = 0; i < 4; i++)
		{
			if (pwrite(fd, block, sizeof(block), at + i * (off_t) sizeof(block)) < 0)
				_exit(1);
		}
		(void) fsync(fd);
	}
	_exit(1);
}

/* How long what "with_put" says takes by the wall clock: bins, and the longest. */
static void
measure_longest(const char *what, bool with_put)
{
	static uint32_t bins[BINS + 1];
	double		before = nanoseconds(CLOCK_MONOTONIC);
	double		longest = 0;
	uint64_t	seen = 0;
	uint64_t	above = 0;
	double		share = 0;

	memset(bins, 0, sizeof(bins));
	for (int i = 0; i < TIMED_PUTS; i++)
	{
		double		after;
		double		took;

		if (i % 4096 == 0)
		{
			drain();
			before = nanoseconds(CLOCK_MONOTONIC);
		}
		if (with_put && !put(0))
			exit(3);
		after = nanoseconds(CLOCK_MONOTONIC);
		took = after - before;
		before = after;
		longest = took > longest ? took : longest;
		above += took > 100000;
		bins[took / 10 < BINS ? (int) (took / 10) : BINS]++;
	}
	for (int i = 0; i <= BINS && share == 0; i++)
	{
		seen += bins[i];
		if (seen >= (uint64_t) (TIMED_PUTS * 0.9999))
			share = i * 10 / 1000.0;
	}
	printf("%-46s 99.99 %% within %6.1f us, above 100 us %llu of %d, longest %6.0f us\n", what,
		   share, (unsigned long long) above, TIMED_PUTS, longest / 1000);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	ring_make(argv[1]);
	measure_put();
	for (int i = 1; i < argc; i++)
	{
		char		what[256];
		pid_t		busy = disk_busy(argv[1]);

		ring_make(argv[i]);
		snprintf(what, sizeof(what), "disk busy, no put, beside %s", argv[i]);
		measure_longest(what, false);
		snprintf(what, sizeof(what), "disk busy, ring in %s", argv[i]);
		measure_longest(what, true);
		kill(busy, SIGKILL);
		waitpid(busy, NULL, 0);
	}
	return 0;
}
