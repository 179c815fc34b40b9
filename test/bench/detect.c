/*
 * detect.c
 *		How fast the detector is: `make bench-detect`.
 *
 * Goal: the figures of docs/detector.md, on any machine.
 * Method: the best of several rounds over the same memory on one core, so that
 * a busy machine does harm to the figure only if it is busy all the time.
 * Texts: made-up lines of a server's log with nothing to find; the lines of a
 * file given as the first argument (fields end at a tab; skipped when there is
 * none), one call a line; names of 24 bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "phi/phi.h"

#ifndef ROUNDS
#define ROUNDS 15
#endif
#ifndef CLEAN_SIZE
#define CLEAN_SIZE (4 << 20)
#endif

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Lines as a server writes them all day. */
static const char *const clean_lines[] = {
	"checkpoint starting: time",
	"checkpoint complete: wrote 3 buffers (0.0%); 0 WAL file(s) added, 0 removed, 0 recycled; "
	"write=0.302 s, sync=0.015 s, total=0.353 s; sync files=2, longest=0.015 s, average=0.008 s",
	"could not receive data from client: Connection reset by peer",
	"automatic vacuum of table \"clinic.public.visit\": index scans: 0",
	"canceling statement due to lock timeout",
	"duplicate key value violates unique constraint \"visit_pkey\"",
	"relation \"appointment_slots\" does not exist at character 15",
	"null value in column \"department\" of relation \"visit\" violates not-null constraint",
	"process 9788 still waiting for ShareLock on transaction 1035 after 1000.123 ms",
	"recovery stopping before commit of transaction 771, time unknown",
	"SELECT v.id, v.status, d.title FROM visit v JOIN department d ON d.id = v.department_id "
	"WHERE v.status = $1 AND v.deleted IS NULL ORDER BY v.id LIMIT $2",
	"remaining connection slots are reserved for non-replication superuser connections",
};

typedef struct lines
{
	char	   *text;
	size_t		size;
	size_t	   *starts;			/* count + 1 of them */
	size_t		count;
} lines;

static void
add_line(lines *all, const char *line, size_t size)
{
	all->text = realloc(all->text, all->size + size + 1);
	all->starts = realloc(all->starts, (all->count + 2) * sizeof(size_t));
	memcpy(all->text + all->size, line, size);
	all->starts[all->count] = all->size;
	all->size += size;
	all->starts[++all->count] = all->size;
}

/* Scans every line once; the findings of the last round are counted. */
static size_t
scan_lines(const lines *all, bool names)
{
	size_t		found = 0;

	for (size_t i = 0; i < all->count; i++)
	{
		const char *line = all->text + all->starts[i];
		size_t		size = all->starts[i + 1] - all->starts[i];
		hg_phi_span spans[16];

		found += names ? hg_phi_scan_identifier(line, size, 0, spans, 16) :
			hg_phi_scan_text(line, size, 0, spans, 16);
	}
	return found;
}

static void
measure(const char *what, const lines *all, bool names)
{
	double		best = 1e9;
	size_t		found = 0,
				repeat = all->size < (1 << 18) ? ((1 << 20) / (all->size + 1) + 1) : 1;

	for (int round = 0; round < ROUNDS; round++)
	{
		double		start = seconds(),
					took;

		for (size_t i = 0; i < repeat; i++)
			found = scan_lines(all, names);
		took = (seconds() - start) / (double) repeat;
		best = took < best ? took : best;
	}
	printf("%-34s %8.0f MB/s %8.0f ns a line of %.0f bytes, %zu findings in %zu lines\n", what,
		   (double) all->size / best / 1e6, best * 1e9 / (double) all->count,
		   (double) all->size / (double) all->count, found, all->count);
}

static void
print_machine(void)
{
	char		line[256];
	FILE	   *info = fopen("/proc/cpuinfo", "r");

	while (info && fgets(line, sizeof(line), info))
		if (strncmp(line, "model name", 10) == 0)
		{
			printf("machine: %s", strchr(line, ':') + 2);
			break;
		}
	if (info)
		fclose(info);
#if defined(__VERSION__)
	printf("compiler: %s\n", __VERSION__);
#endif
}

static void
measure_file(const char *path)
{
	lines		all = {NULL, 0, NULL, 0};
	char	   *line = NULL;
	size_t		capacity = 0;
	ssize_t		size;
	FILE	   *file = fopen(path, "r");

	if (file == NULL)
	{
		printf("skipped: no file %s\n", path);
		return;
	}
	while ((size = getline(&line, &capacity, file)) > 0)
		add_line(&all, line, strcspn(line, "\t\n"));
	fclose(file);
	measure("lines of the file", &all, false);
	free(line);
	free(all.text);
	free(all.starts);
}

int
main(int argc, char **argv)
{
	static const char *const names[] = {
		"patient_visit_started_at", "index_orders_on_status_k", "fk_department_head_staff",
		"lab_result_code_and_unit", "scheduledAppointmentSlot", "encounter_p2026_03_31_ix",
	};
	lines		clean = {NULL, 0, NULL, 0},
				short_names = {NULL, 0, NULL, 0},
				whole = {NULL, 0, NULL, 0};
	unsigned	seed = 1;

	print_machine();
	while (clean.size < CLEAN_SIZE)
	{
		const char *line = clean_lines[(seed = seed * 1103515245 + 12345) >> 16 & 7];

		if (seed >> 24 & 1)
			line = clean_lines[8 + (seed >> 26 & 3)];
		add_line(&clean, line, strlen(line));
	}
	for (size_t i = 0; i < 6000; i++)
		add_line(&short_names, names[i % 6], 24);
	add_line(&whole, clean.text, clean.size);
	measure("clean log text, a call a line", &clean, false);
	measure("clean log text, in one call", &whole, false);
	if (argc > 1)
		measure_file(argv[1]);
	else
		printf("skipped: no file of log lines was named\n");
	measure("names of 24 bytes", &short_names, true);
	free(clean.text);
	free(clean.starts);
	free(whole.text);
	free(whole.starts);
	free(short_names.text);
	free(short_names.starts);
	return 0;
}
