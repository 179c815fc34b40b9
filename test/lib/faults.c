/*
 * faults.c
 *		A library that a test preloads into a server, to make the disk fail and
 *		to set the clock.
 *
 * HG_FAULTS names a file that the test writes while the server runs (Faults.pm):
 * how far the clock is shifted, and for each function the errno that it shall
 * fail with.  Only files in a folder named ...hipaa_guard are touched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* In the order of Faults.pm. */
enum {FAULT_WRITE, FAULT_SYNC, FAULT_OPEN, FAULT_RENAME, FAULT_READ, FAULTS};

typedef struct control
{
	int64_t		clock_shift_us;
	int32_t		errnos[FAULTS];
} control;

static const control none;
static const volatile control *faults = &none;

__attribute__((constructor))
static void
begin(void)
{
	const char *path = getenv("HG_FAULTS");
	int			fd = path ? (int) syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
	void	   *memory = fd < 0 ? MAP_FAILED
		: mmap(NULL, sizeof(control), PROT_READ, MAP_SHARED, fd, 0);

	if (memory != MAP_FAILED)
		faults = memory;
}

static int
fails_path(int fault, const char *path)
{
	int			error = faults->errnos[fault];

	if (error == 0 || strstr(path, "hipaa_guard/") == NULL)
		return 0;
	errno = error;
	return 1;
}

static int
fails_fd(int fault, int fd)
{
	char		link[64];
	char		path[4096];
	ssize_t		size;

	if (faults->errnos[fault] == 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path) - 1);
	if (size < 0)
		return 0;
	path[size] = '\0';
	return fails_path(fault, path);
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return fails_fd(FAULT_WRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite(fd, data, size, offset);
}

ssize_t
pread(int fd, void *data, size_t size, off_t offset)
{
	return fails_fd(FAULT_READ, fd) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

ssize_t
pread64(int fd, void *data, size_t size, off_t offset)
{
	return pread(fd, data, size, offset);
}

int
fsync(int fd)
{
	return fails_fd(FAULT_SYNC, fd) ? -1 : (int) syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return fails_fd(FAULT_SYNC, fd) ? -1 : (int) syscall(SYS_fdatasync, fd);
}

/* Files that are made; what is there already can be opened. */
int
open(const char *path, int flags, ...)
{
	mode_t		mode = 0;
	va_list		args;

	va_start(args, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(args, mode_t);
	va_end(args);
	if ((flags & O_CREAT) && fails_path(FAULT_OPEN, path))
		return -1;
	return (int) syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	mode_t		mode;
	va_list		args;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open(path, flags, mode);
}

int
rename(const char *from, const char *to)
{
	return fails_path(FAULT_RENAME, to) ? -1
		: (int) syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int
clock_gettime(clockid_t id, struct timespec *at)
{
	int			status = (int) syscall(SYS_clock_gettime, id, at);
	int64_t		shift_us = faults->clock_shift_us;

	if (id != CLOCK_REALTIME || shift_us == 0)
		return status;
	at->tv_sec += shift_us / 1000000;
	return status;
}

int
gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec now;

	(void) zone;
	clock_gettime(CLOCK_REALTIME, &now);
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *at)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (at)
		*at = now.tv_sec;
	return now.tv_sec;
}
