/*
 * hipaa_guard_redact.c
 *		Masks log files, dumps and texts before they leave the house.
 *
 *		hipaa_guard_redact [OPTION]... [FILE]...      (no FILE, or -: standard input)
 *
 * Each line tells by itself what it is: a record of stderr's format, csvlog or
 * jsonlog, a statement or a row of a dump, or text.  One record is read at a
 * time, so files of any size pass; of a record that is larger than
 * RECORD_MAX only the beginning is kept.  The code that masks is the server's.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "redact/mask.h"
#include "redact/mask_log.h"

#define BLOCK_SIZE (1024 * 1024)
#define RECORD_MAX (64 * 1024 * 1024)

/* Rows of passages that are remembered: a log has some hundred statements. */
#define PASSAGE_ROWS 256

/* Free text is masked in pieces of whole lines of about this size. */
#define TEXT_PIECE (256 * 1024)

/* What the lines that are being gathered belong to. */
typedef enum state
{
	STATE_NONE,
	STATE_LOG,					/* a record; lines that begin nothing continue it */
	STATE_CSV,					/* a row with an open quote */
	STATE_TEXT,
	STATE_SQL,					/* a statement of a dump */
	STATE_COPY					/* rows of a dump, up to "\." */
} state;

typedef enum input_format
{
	FORMAT_AUTO,
	FORMAT_LOG,
	FORMAT_TEXT,
	FORMAT_SQL
} input_format;

typedef struct buffer
{
	char	   *data;
	size_t		used;
	size_t		size;
} buffer;

typedef struct tool
{
	hg_mask_log_options options;
	input_format format;
	bool		check;			/* says only whether something was found */
	bool		progress;
	bool		found;
	bool		in_dump;		/* the file is a dump in SQL */
	state		state;
	hg_log_line first;			/* the first line of what is in "record" */
	buffer		record;			/* without its last newline */
	bool		newline;		/* the record had one */
	hg_sql_progress progress_sql;	/* how far the statement was looked through for its end */
	buffer		scratch;
	buffer		output;			/* not written yet */
	unsigned long long read_bytes;
	unsigned long long total_bytes;
	time_t		shown_at;
} tool;

static void
fail(const char *what, const char *name)
{
	fprintf(stderr, "hipaa_guard_redact: %s%s%s: %s\n", what, name ? " " : "", name ? name : "",
			strerror(errno));
	exit(2);
}

static void
reserve(buffer *buf, size_t size)
{
	if (size <= buf->size)
		return;
	buf->size = size < BLOCK_SIZE ? BLOCK_SIZE : size + size / 2;
	buf->data = realloc(buf->data, buf->size);
	if (buf->data == NULL)
		fail("out of memory", NULL);
}

static void
append(buffer *buf, const char *data, size_t size)
{
	if (buf->used + size > RECORD_MAX)
		size = buf->used < RECORD_MAX ? RECORD_MAX - buf->used : 0;
	reserve(buf, buf->used + size);
	memcpy(buf->data + buf->used, data, size);
	buf->used += size;
}

static void
flush_output(tool *self)
{
	size_t		done = 0;

	while (done < self->output.used)
	{
		ssize_t		count = write(STDOUT_FILENO, self->output.data + done,
								  self->output.used - done);

		if (count < 0 && errno != EINTR)
			fail("cannot write", NULL);
		done += count < 0 ? 0 : (size_t) count;
	}
	self->output.used = 0;
}

static void
put_out(tool *self, const char *data, size_t size)
{
	if (self->check)
		return;
	reserve(&self->output, self->output.used + size);
	memcpy(self->output.data + self->output.used, data, size);
	self->output.used += size;
}

/* Masks the record in one go; returns the size of the output, or out_size if it did not fit. */
static size_t
mask_record(tool *self, char *out, size_t out_size)
{
	const char *data = self->record.data;
	size_t		size = self->record.used;

	switch (self->state)
	{
		case STATE_SQL:
			return hg_mask_sql(data, size, out, out_size, &self->options.mask);
		case STATE_COPY:
			return hg_mask_copy_row(data, size, out, out_size, &self->options);
		default:
			reserve(&self->scratch, size + 1);
			return hg_mask_log_record(&self->first, data, size, self->scratch.data, out,
									  out_size, &self->options);
	}
}

/* Masks what was gathered, behind what else is to be written. */
static void
flush_record(tool *self)
{
	size_t		used = self->record.used;
	size_t		room = used + 4096;
	size_t		size;
	char	   *out;

	if (self->state == STATE_NONE)
		return;
	for (;;)
	{
		reserve(&self->output, self->output.used + room);
		out = self->output.data + self->output.used;
		size = mask_record(self, out, room);
		if (size < room)
			break;
		room *= 2;
	}
	if (size != used || memcmp(out, self->record.data, size) != 0)
		self->found = true;
	if (!self->check)
	{
		self->output.used += size;
		if (self->newline)
			put_out(self, "\n", 1);
		if (self->output.used >= BLOCK_SIZE)
			flush_output(self);
	}
	self->record.used = 0;
	self->newline = false;
	memset(&self->progress_sql, 0, sizeof(self->progress_sql));
	if (self->state != STATE_COPY)
		self->state = STATE_NONE;
}

static void
add_line(tool *self, const char *line, size_t size, bool newline)
{
	if (self->newline)
		append(&self->record, "\n", 1);
	append(&self->record, line, size);
	self->newline = newline;
}

static bool
starts_with(const char *line, size_t size, const char *word)
{
	return size >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static bool
ends_with(const char *line, size_t size, const char *word)
{
	return size >= strlen(word) && memcmp(line + size - strlen(word), word, strlen(word)) == 0;
}

/* A line of a dump: a row, or a piece of a statement that ends with its semicolon. */
static void
take_dump_line(tool *self, const char *line, size_t size, bool newline)
{
	if (self->state == STATE_COPY)
	{
		self->newline = newline;
		if (size == 2 && memcmp(line, "\\.", 2) == 0)
		{
			self->state = STATE_NONE;
			put_out(self, "\\.\n", newline ? 3 : 2);
			self->newline = false;
			return;
		}
		append(&self->record, line, size);
		flush_record(self);
		return;
	}
	self->state = STATE_SQL;
	add_line(self, line, size, newline);
	if (!ends_with(line, size, ";") && !(size == 0 && self->record.used <= 1))
		return;
	if (!hg_mask_sql_is_complete(&self->progress_sql, self->record.data, self->record.used))
		return;
	if (ends_with(line, size, "FROM stdin;"))
	{
		flush_record(self);
		self->state = STATE_COPY;
	}
	else
		flush_record(self);
}

/* Its first line, or the head of rows where only a piece was cut out of one. */
static bool
begins_dump(const tool *self, const char *line, size_t size)
{
	return starts_with(line, size, "-- PostgreSQL database") ||
		(self->state != STATE_LOG && starts_with(line, size, "COPY ") &&
		 ends_with(line, size, " FROM stdin;"));
}

static void
take_line(tool *self, const char *line, size_t size, bool newline)
{
	hg_log_line read = {.kind = HG_LINE_OTHER};

	if (self->in_dump || self->format == FORMAT_SQL)
	{
		take_dump_line(self, line, size, newline);
		return;
	}
	if (self->state == STATE_CSV)
	{
		add_line(self, line, size, newline);
		if (hg_mask_csv_is_complete(self->record.data, self->record.used))
			flush_record(self);
		return;
	}
	if (self->format == FORMAT_AUTO && begins_dump(self, line, size))
	{
		flush_record(self);
		self->in_dump = true;
		take_dump_line(self, line, size, newline);
		return;
	}
	if (self->format != FORMAT_TEXT)
		read = hg_mask_read_line(line, size);
	if (read.kind == HG_LINE_OTHER &&
		(self->state == STATE_LOG || (self->state == STATE_TEXT && self->record.used < TEXT_PIECE)))
	{
		add_line(self, line, size, newline);
		return;
	}
	flush_record(self);
	self->first = read;
	self->state = read.kind == HG_LINE_RECORD ? STATE_LOG : STATE_TEXT;
	add_line(self, line, size, newline);
	if (read.kind == HG_LINE_JSON)
		flush_record(self);
	if (read.kind == HG_LINE_CSV)
	{
		self->state = STATE_CSV;
		if (hg_mask_csv_is_complete(self->record.data, self->record.used))
			flush_record(self);
	}
}

static void
show_progress(tool *self, bool last)
{
	time_t		now = time(NULL);

	if (!self->progress || (!last && now == self->shown_at))
		return;
	self->shown_at = now;
	if (self->total_bytes > 0)
		fprintf(stderr, "\r%llu of %llu MB (%d %%)%s", self->read_bytes >> 20,
				self->total_bytes >> 20, (int) (self->read_bytes * 100 / self->total_bytes),
				last ? "\n" : "");
	else
		fprintf(stderr, "\r%llu MB%s", self->read_bytes >> 20, last ? "\n" : "");
	fflush(stderr);
}

/* Reads blocks, and gives on what they hold line by line. */
static void
mask_file(tool *self, int fd, const char *name)
{
	buffer		block = {NULL, 0, 0};
	ssize_t		count;

	self->in_dump = false;
	for (;;)
	{
		size_t		at = 0;
		char	   *newline;

		reserve(&block, block.used + BLOCK_SIZE);
		count = read(fd, block.data + block.used, BLOCK_SIZE);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			fail("cannot read", name);
		if (count == 0)
			break;
		self->read_bytes += (unsigned long long) count;
		block.used += (size_t) count;
		while ((newline = memchr(block.data + at, '\n', block.used - at)) != NULL)
		{
			take_line(self, block.data + at, (size_t) (newline - block.data) - at, true);
			at = (size_t) (newline - block.data) + 1;
		}
		memmove(block.data, block.data + at, block.used - at);
		block.used -= at;
		/* Nothing more was there to be read: who waits for the output gets it. */
		if (count < BLOCK_SIZE)
			flush_output(self);
		/* A line without an end must not fill the memory. */
		if (block.used > RECORD_MAX)
			block.used = RECORD_MAX;
		show_progress(self, false);
	}
	if (block.used > 0)
		take_line(self, block.data, block.used, false);
	flush_record(self);
	self->state = STATE_NONE;
	free(block.data);
}

static void
usage(FILE *to)
{
	fputs("hipaa_guard_redact masks values of patients in log files, dumps and texts.\n\n"
		  "Usage: hipaa_guard_redact [OPTION]... [FILE]...\n"
		  "Reads standard input without FILE or for -; writes standard output.\n\n"
		  "  -c, --check            write nothing; exit status 1 if something would be masked\n"
		  "  -d, --detect           mask only what looks like a patient's value; by default every\n"
		  "                         user value of a log or dump is masked\n"
		  "  -f, --format=FORMAT    auto (default: each line tells), log, text, sql\n"
		  "  -t, --threshold=X      confidence from which a finding is masked (default 0.4)\n"
		  "  -q, --quiet            no progress line\n"
		  "  -h, --help             show this help\n"
		  "  -V, --version          show the version\n\n"
		  "Exit status: 0 done, 1 something was found (with --check), 2 an error.\n", to);
}

static input_format
read_format(const char *name)
{
	static const char *const names[] = {"auto", "log", "text", "sql"};

	for (int i = 0; i < 4; i++)
		if (strcmp(names[i], name) == 0)
			return (input_format) i;
	fprintf(stderr, "hipaa_guard_redact: there is no format \"%s\"\n", name);
	exit(2);
}

static float
read_threshold(const char *text)
{
	char	   *end;
	float		value = strtof(text, &end);

	if (*text != '\0' && *end == '\0' && value >= 0 && value <= 1)
		return value;
	fprintf(stderr, "hipaa_guard_redact: the threshold must be a number from 0 to 1\n");
	exit(2);
}

static void
read_options(tool *self, int argc, char **argv)
{
	static const struct option options[] = {
		{"check", no_argument, NULL, 'c'}, {"detect", no_argument, NULL, 'd'},
		{"format", required_argument, NULL, 'f'}, {"threshold", required_argument, NULL, 't'},
		{"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}
	};
	int			option;

	while ((option = getopt_long(argc, argv, "cdf:t:qhV", options, NULL)) != -1)
	{
		switch (option)
		{
			case 'c':
				self->check = true;
				break;
			case 'd':
				self->options.strict = false;
				break;
			case 'f':
				self->format = read_format(optarg);
				break;
			case 't':
				self->options.mask.confidence = read_threshold(optarg);
				break;
			case 'q':
				self->progress = false;
				break;
			case 'h':
				usage(stdout);
				exit(0);
			case 'V':
				puts("hipaa_guard_redact 1.0");
				exit(0);
			default:
				usage(stderr);
				exit(2);
		}
	}
}

static void
mask_named(tool *self, const char *name)
{
	int			fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY);

	if (fd < 0)
		fail("cannot open", name);
	mask_file(self, fd, name);
	if (fd != STDIN_FILENO)
		close(fd);
}

int
main(int argc, char **argv)
{
	static hg_mask_memo memo;
	static hg_mask_passage rows[PASSAGE_ROWS][HG_PASSAGE_WAYS];
	hg_mask_passages passages = {rows, PASSAGE_ROWS, 0};
	tool		self = {
		.options = {
			.mask = {.confidence = 0.4f, .memo = &memo, .passages = &passages}, .strict = true
		}
	};

	self.progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	read_options(&self, argc, argv);
	for (int i = optind; i < argc; i++)
	{
		struct stat info;

		if (stat(argv[i], &info) == 0 && S_ISREG(info.st_mode))
			self.total_bytes += (unsigned long long) info.st_size;
	}
	if (optind == argc)
		mask_named(&self, "-");
	for (int i = optind; i < argc; i++)
		mask_named(&self, argv[i]);
	show_progress(&self, true);
	flush_output(&self);
	return self.check && self.found ? 1 : 0;
}
