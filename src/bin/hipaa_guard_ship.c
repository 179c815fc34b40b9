/*
 * hipaa_guard_ship.c
 *		Writes the audit trail as JSON Lines into a spool, for rsyslog and the like.
 *
 *		hipaa_guard_ship [--follow] AUDIT-DIRECTORY SPOOL-DIRECTORY
 *
 * Reads the segments' files only; needs no server, no key and no connection,
 * and can hold up neither.  A segment becomes one file of the spool with the
 * same name and .jsonl at its end.  Lines are a function of the segment, so
 * the spool is its own state: a start goes on behind the last byte of its
 * latest file, in the middle of a line if need be.  Nothing is written twice,
 * nothing left out, whenever it is killed.  Files of the spool are never
 * changed but at their end, and never removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/segment_files.h"
#include "audit/segment_json.h"

#define READ_SIZE (4 * HG_AUDIT_FRAME_SIZE_MAX)
#define POLL_MS 200
#define RETRY_MS 2000
#define PATH_SIZE (HG_AUDIT_PATH_SIZE + HG_AUDIT_FILE_NAME_SIZE + 8)

static struct
{
	const char *audit;
	const char *spool;
	bool		follow;

	/* The segment at hand. */
	uint64_t	number;			/* 0: none */
	char		name[HG_AUDIT_FILE_NAME_SIZE];
	int			in;
	int			out;
	uint64_t	offset;			/* read up to there */
	uint64_t	skip;			/* bytes of lines that the spool's file has already */
	hg_audit_json json;
	uint8_t    *data;

	/* Lines that are to be written. */
	char	   *lines;
	size_t		lines_size;
	size_t		lines_max;
	char		told[256];		/* the last complaint: each is made once */
} ship = {.in = -1, .out = -1};

/* A complaint to standard error, unless it was the last one. Always false. */
static bool
complain(const char *what, const char *name, int error)
{
	char		words[sizeof(ship.told)];

	snprintf(words, sizeof(words), "%s%s%s%s%s", what, name[0] ? " " : "", name,
			 error ? ": " : "", error ? strerror(error) : "");
	if (strcmp(words, ship.told) != 0)
		fprintf(stderr, "hipaa_guard_ship: %s\n", words);
	snprintf(ship.told, sizeof(ship.told), "%s", words);
	return false;
}

static void
segment_leave(void)
{
	if (ship.in >= 0)
		close(ship.in);
	if (ship.out >= 0)
		close(ship.out);
	ship.in = ship.out = -1;
	ship.number = 0;
	ship.lines_size = 0;
}

static void
spool_path(char *path, const char *name)
{
	snprintf(path, PATH_SIZE, "%s/%.*s.jsonl", ship.spool, (int) strcspn(name, "."), name);
}

/* Opens a segment and its file of the spool. */
static bool
segment_enter(const hg_audit_file *file)
{
	hg_audit_segment_header header;
	char		path[PATH_SIZE];
	struct stat status;

	segment_leave();
	snprintf(path, sizeof(path), "%s/%s", ship.audit, file->name);
	ship.in = hg_audit_file_open(path);
	if (ship.in < 0)
		return complain("cannot open segment", file->name, errno);
	if (pread(ship.in, &header, sizeof(header), 0) != (ssize_t) sizeof(header)
		|| hg_audit_segment_header_problem(&header, sizeof(header)) != NULL)
		return complain("cannot read the header of segment", file->name, 0);
	spool_path(path, file->name);
	ship.out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (ship.out < 0 || fstat(ship.out, &status) != 0)
		return complain("cannot open the spool's file", path, errno);
	ship.number = file->number;
	snprintf(ship.name, sizeof(ship.name), "%s", file->name);
	ship.offset = sizeof(header);
	ship.skip = (uint64_t) status.st_size;
	hg_audit_json_begin(&ship.json, &header);
	return true;
}

/* A line is to be written, but for what is there already. */
static bool
line_take(void)
{
	size_t		skip = ship.skip < ship.json.size ? (size_t) ship.skip : ship.json.size;
	size_t		size = ship.json.size - skip;

	ship.skip -= skip;
	if (ship.lines_size + size > ship.lines_max)
	{
		size_t		max = (ship.lines_size + size) * 2;
		char	   *more = realloc(ship.lines, max);

		if (more == NULL)
			return complain("out of memory", "", 0);
		ship.lines = more;
		ship.lines_max = max;
	}
	memcpy(ship.lines + ship.lines_size, ship.json.line + skip, size);
	ship.lines_size += size;
	return true;
}

static bool
lines_write(void)
{
	size_t		done = 0;

	while (done < ship.lines_size)
	{
		ssize_t		put = write(ship.out, ship.lines + done, ship.lines_size - done);

		if (put < 0 && errno != EINTR)
			return complain("cannot write the lines of segment", ship.name, errno);
		done += put > 0 ? (size_t) put : 0;
	}
	if (done > 0 && fdatasync(ship.out) != 0)
		return complain("cannot sync the lines of segment", ship.name, errno);
	ship.lines_size = 0;
	return true;
}

static bool
frame_take(const hg_audit_frame_header *frame)
{
	const hg_audit_item *item;
	size_t		offset = 0;

	while ((item = hg_audit_item_next(frame, &offset)) != NULL)
	{
		if (hg_audit_json_item(&ship.json, item) && !line_take())
			return false;
	}
	return !ship.json.failed || complain("out of memory", "", 0);
}

/*
 * Reads on in the segment at hand; *more: there was something.  What cannot be
 * read at the end of a segment that is still written may be whole the next
 * time; in a closed one it is told and passed over.
 */
static bool
segment_read(bool closed, bool *more)
{
	const hg_audit_frame_header *frame;
	hg_audit_found found;
	size_t		at = 0;
	ssize_t		got = pread(ship.in, ship.data, READ_SIZE, (off_t) ship.offset);

	if (got < 0)
		return complain("cannot read segment", ship.name, errno);
	while ((found = hg_audit_frame_at(ship.data, (size_t) got, at, true, &frame))
		   == HG_AUDIT_FOUND_FRAME)
	{
		if (!frame_take(frame))
			return false;
		at += frame->size;
	}
	if (at == 0 && closed && (found == HG_AUDIT_FOUND_DAMAGED || found == HG_AUDIT_FOUND_TORN))
	{
		complain("there is damage, and the rest is read, in segment", ship.name, 0);
		at = hg_audit_frame_find(ship.data, (size_t) got, 8);
		if (at == READ_SIZE)
			at -= HG_AUDIT_FRAME_SIZE_MAX;	/* the next frame may begin in there */
	}
	ship.offset += at;
	*more = at > 0;
	return lines_write();
}

/* Whether the spool has a file of this segment. */
static bool
spooled(const hg_audit_file *file)
{
	char		path[PATH_SIZE];
	struct stat status;

	spool_path(path, file->name);
	return stat(path, &status) == 0;
}

/* The segment to go on with: the last one in the spool, else the first there is. */
static bool
segment_choose(const hg_audit_files *list)
{
	size_t		at = 0;

	for (size_t i = 0; i < list->count; i++)
	{
		if (spooled(&list->files[i]))
			at = i;
	}
	return list->count == 0 || segment_enter(&list->files[at]);
}

/* Takes all that is there now; false after a complaint: then again from the spool's state. */
static bool
round_make(const hg_audit_files *list)
{
	if (ship.number == 0 && !segment_choose(list))
		return false;
	for (size_t i = 0; i < list->count && ship.number != 0; i++)
	{
		bool		more = true;
		bool		closed = i + 1 < list->count;

		if (list->files[i].number < ship.number)
			continue;
		if (list->files[i].number > ship.number && !segment_enter(&list->files[i]))
			return false;
		while (more)
		{
			if (!segment_read(closed, &more))
				return false;
		}
	}
	return true;
}

static void
nap(int ms)
{
	struct timespec time = {ms / 1000, (long) (ms % 1000) * 1000000};

	nanosleep(&time, NULL);
}

static bool
work(void)
{
	hg_audit_files list;
	bool		ok;

	do
	{
		ok = hg_audit_files_list(ship.audit, &list)
			|| complain("cannot read", ship.audit, errno);
		ok = ok && round_make(&list);
		hg_audit_files_free(&list);
		if (!ok)
			segment_leave();
		if (ship.follow)
			nap(ok ? POLL_MS : RETRY_MS);
	} while (ship.follow);
	return ok;
}

/* One at a time writes a spool. */
static bool
spool_lock(void)
{
	char		path[PATH_SIZE];
	int			fd;

	snprintf(path, sizeof(path), "%s/lock", ship.spool);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return complain("cannot open", path, errno);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return complain("another process writes this spool", "", 0);
	return true;
}

static void
usage(FILE *out)
{
	fprintf(out, "hipaa_guard_ship writes the audit trail as JSON Lines into a spool.\n\n"
			"Usage: hipaa_guard_ship [--follow] AUDIT-DIRECTORY SPOOL-DIRECTORY\n\n"
			"  -f, --follow  go on for ever; else what is there is written\n"
			"  -h, --help    this text\n\n"
			"It goes on where the spool ends.\n"
			"Exit status: 0 all was written, 1 not all, 2 usage.\n");
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"follow", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}
	};
	int			option;

	while ((option = getopt_long(argc, argv, "fh", options, NULL)) != -1)
	{
		if (option != 'f')
		{
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
		ship.follow = true;
	}
	if (argc - optind != 2)
	{
		usage(stderr);
		return 2;
	}
	ship.audit = argv[optind];
	ship.spool = argv[optind + 1];
	ship.data = malloc(READ_SIZE);
	if (ship.data == NULL)
	{
		complain("out of memory", "", 0);
		return 1;
	}
	if (!hg_audit_directory_make(ship.spool))
	{
		complain("cannot make", ship.spool, errno);
		return 1;
	}
	return spool_lock() && work() ? 0 : 1;
}
