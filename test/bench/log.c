/*
 * What masking costs: microseconds a message of about 200 bytes, and megabytes
 * of SQL and of log a second, on one core. "make bench-log" runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "redact/mask_log.h"

#define MESSAGES 50000
#define BLOCKS 200

static const hg_mask_log_options options = {.mask = {.confidence = 0.4f}, .strict = true};

static const char statement_id[] = "duration: %s ms  statement: %s";
static const char statement[] = "duration: 0.123 ms  statement: select p.id, p.name, v.visit_date "
"from patients p join visits v on v.patient_id = p.id where p.mrn = '84739201' and "
"v.visit_date > '2024-01-01' order by v.visit_date limit 20";
static const char error_id[] = "invalid input syntax for type %s: \"%s\"";
static const char error[] = "invalid input syntax for type integer: \"a value of some length that "
"somebody typed into the wrong column of a form, which a clinic uses when patients come in for "
"the first time, and so on until it has 200\"";
static const char detail[] = "Key (email)=(somebody@example.com) already exists.";
static const char context[] = "SQL statement \"insert into patients (id, name) values (1, 'x')\"\n"
"PL/pgSQL function add_patient(integer,text) line 12 at SQL statement";
static const char record[] = "2026-11-29 12:00:00.000 UTC [12] app@clinic LOG:  duration: 0.1 ms  "
"statement: select id, name from patients where mrn = '84739201' and status = $1 limit 20";

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
time_message(const char *name, const char *id, const char *text)
{
	char		out[2048];
	size_t		size = strlen(text);
	double		began = seconds();

	for (int i = 0; i < MESSAGES; i++)
		if (hg_mask_message(id, text, size, out, sizeof(out), &options) == 0)
			exit(1);
	printf("%-40s %6.2f us (%zu bytes)\n", name, (seconds() - began) / MESSAGES * 1e6, size);
}

static void
time_field(const char *name, hg_format_field field, const char *text)
{
	char		out[2048];
	size_t		size = strlen(text);
	double		began = seconds();

	for (int i = 0; i < MESSAGES; i++)
		if (hg_mask_field(field, text, size, out, sizeof(out), &options) == 0)
			exit(1);
	printf("%-40s %6.2f us (%zu bytes)\n", name, (seconds() - began) / MESSAGES * 1e6, size);
}

/* One record again and again: what the tool does with a log. */
static void
time_records(void)
{
	char		out[2048];
	char		scratch[2048];
	size_t		size = sizeof(record) - 1;
	double		began = seconds();
	double		took;

	for (int i = 0; i < MESSAGES; i++)
	{
		hg_log_line first = hg_mask_read_line(record, size);

		if (hg_mask_log_record(&first, record, size, scratch, out, sizeof(out), &options) == 0)
			exit(1);
	}
	took = seconds() - began;
	printf("%-40s %6.1f MB/s\n", "records of a log", (double) size * MESSAGES / took / 1e6);
}

static void
time_blocks(const char *name,
			size_t (*mask) (const char *, size_t, char *, size_t, const hg_mask_options *))
{
	static const char sql[] = "update account set balance = balance + $1, changed_at = now() where "
		"branch_id = $2 and account_id in (select account_id from owners where owner_id = $3);\n";
	static char block[64 * 1024];
	static char out[128 * 1024];
	size_t		size = 0;
	double		began;
	double		took;

	while (size + sizeof(sql) < sizeof(block))
	{
		memcpy(block + size, sql, sizeof(sql) - 1);
		size += sizeof(sql) - 1;
	}
	began = seconds();
	for (int i = 0; i < BLOCKS; i++)
		if (mask(block, size, out, sizeof(out), &options.mask) == 0)
			exit(1);
	took = seconds() - began;
	printf("%-40s %6.1f MB/s\n", name, (double) size * BLOCKS / took / 1e6);
}

int
main(void)
{
	time_message("a statement with its duration", statement_id, statement);
	time_message("an error with a value", error_id, error);
	time_message("an error without its format", NULL, error);
	time_field("a DETAIL", HG_FORMAT_DETAIL, detail);
	time_field("a CONTEXT of two lines", HG_FORMAT_CONTEXT, context);
	time_records();
	time_blocks("SQL without literals", hg_mask_sql);
	time_blocks("the same as text", hg_mask_text);
	return 0;
}
