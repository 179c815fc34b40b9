/*
 * clock.c
 *		A clock that a test sets forward for all processes of a server, by
 *		LD_PRELOAD; and an OpenSSL that says it is in FIPS mode.
 *
 * CLOCK_FILE names a file of eight bytes, the seconds to add.  Intervals are
 * measured as ever.  CLOCK_FIPS, when set, is for machines without a FIPS
 * provider, which Debian 12 does not have.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *seconds;

__attribute__((constructor)) static void
begin(void)
{
	const char *name = getenv("CLOCK_FILE");
	int			fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void	   *memory = fd < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);

	if (memory != MAP_FAILED)
		seconds = memory;
	if (fd >= 0)
		close(fd);
}

int
clock_gettime(clockid_t clock, struct timespec *at)
{
	int			result = (int) syscall(SYS_clock_gettime, clock, at);

	if (result == 0 && clock == CLOCK_REALTIME && seconds != NULL)
		at->tv_sec += *seconds;
	return result;
}

int
gettimeofday(struct timeval *at, void *zone)
{
	struct timespec now;

	(void) zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *at)
{
	struct timespec now = {0};

	(void) clock_gettime(CLOCK_REALTIME, &now);
	if (at != NULL)
		*at = now.tv_sec;
	return now.tv_sec;
}

int			EVP_default_properties_is_fips_enabled(void *context);

int
EVP_default_properties_is_fips_enabled(void *context)
{
	(void) context;
	return getenv("CLOCK_FIPS") != NULL;
}
