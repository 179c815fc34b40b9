/*
 * Goal: of the text of every message that PostgreSQL 15, 17 and 18 can make at
 * least 98 % of the bytes survive, and no value does.
 * Method: each row of the table of formats is made a message, with ordinary names
 * for names and words that stand nowhere else for values, and masked as the log
 * hook does; then the pieces of the format are looked for in the output.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "redact/mask_align.h"
#include "redact/mask_format.h"

#include "tap.h"

#define TABLE "src/redact/formats/formats.tsv"
#define FIELDS 5
#define PIECES_MAX 64

static const char *const names[FIELDS] = {"message", "detail", "hint", "context", "text"};

/* An argument of each class; "zqv" is part of what must not be left. */
static const struct
{
	char		class;
	const char *text;
}			arguments[] = {
	{'n', "42"}, {'i', "visit"}, {'u', "patient"}, {'s', "on"},
	{'o', "No such file or directory"}, {'h', "10.0.0.1"}, {'a', "psql"}, {'d', "zqvalue"},
	{'q', "SELECT a FROM visit WHERE b = 'zqvalue'"}, {'w', "SELECT"}, {'t', "Seq Scan on visit"},
	{'r', "(a, b) = (zqvalue, 7)"}, {'k', "(a, b)=(zqvalue, 7)"}, {'m', "division by zero"},
	{'c', "SESSION,1,1,READ,SELECT,TABLE,visit,SELECT 'zqvalue',<none>"},
};

/* A format as it was filled, and the pieces of its own text. */
typedef struct filled
{
	char		text[8192];
	size_t		size;
	char		pieces[PIECES_MAX][2048];
	int			count;
} filled;

static const char *
argument_of(char class, char conversion)
{
	if (conversion == 'm')
		return "No such file or directory";
	if (conversion == 'c')
		return "x";
	if (conversion != 's')
		return "42";
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		if (arguments[i].class == class)
			return arguments[i].text;
	return "patient";
}

/* Fills a format as it stands in C's source, its escapes too. */
static void
fill(const char *format, const char *classes, filled *out)
{
	char	   *piece = out->pieces[0];

	out->size = 0;
	out->count = 1;
	while (*format != '\0')
	{
		char		c = *format++;

		if (c == '\\')
		{
			c = *format++;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
		}
		else if (c == '%' && *format == '%')
			format++;
		else if (c == '%')
		{
			const char *text;

			format += strspn(format, "0123456789$-+ #.*hlqjzt");
			text = argument_of(*classes, *format++);
			classes += *classes != '\0';
			out->size += (size_t) sprintf(out->text + out->size, "%s", text);
			*piece = '\0';
			piece = out->pieces[out->count++];
			continue;
		}
		out->text[out->size++] = *piece++ = c;
	}
	*piece = '\0';
	out->text[out->size] = '\0';
}

/* How many bytes of the pieces stand in the output, in their order. */
static size_t
survivors(const filled *made, const char *out, size_t size)
{
	size_t		kept = 0;
	const char *at = out;

	for (int i = 0; i < made->count; i++)
	{
		size_t		piece = strlen(made->pieces[i]);
		const char *found = memmem(at, size - (size_t) (at - out), made->pieces[i], piece);

		if (found == NULL)
			continue;
		kept += piece;
		at = found + piece;
	}
	return kept;
}

static size_t
own_size(const filled *made)
{
	size_t		size = 0;

	for (int i = 0; i < made->count; i++)
		size += strlen(made->pieces[i]);
	return size;
}

/* The format as the server has it in memory: without the source's escapes. */
static void
unescape(const char *format, char *out)
{
	for (; *format != '\0'; format++)
	{
		if (*format == '\\')
			format++, *out++ = *format == 'n' ? '\n' : *format == 't' ? '\t' : *format;
		else
			*out++ = *format;
	}
	*out = '\0';
}

static size_t total[FIELDS];
static size_t kept[FIELDS];
static int	values_left;
static int	unknown;

static void
check_row(int field, const char *classes, const char *format)
{
	static const hg_mask_log_options options = {.mask = {.confidence = 0.4f}, .strict = true};
	static filled made;
	static char out[16384];
	static char id[4096];
	size_t		size;
	size_t		left;

	fill(format, classes, &made);
	unescape(format, id);
	/* Text without a word of its own is a value's. */
	if (strcspn(id, "%") == 0 && own_size(&made) < 3)
		return;
	if (field == HG_FORMAT_MESSAGE && hg_format_classes(id, NULL) == NULL)
	{
		unknown++;
		printf("# not found by its format: %s\n", format);
	}
	if (field == HG_FORMAT_MESSAGE)
		size = hg_mask_message(id, made.text, made.size, out, sizeof(out), &options);
	else if (field == HG_FORMAT_TEXT)
		size = hg_mask_message(NULL, made.text, made.size, out, sizeof(out), &options);
	else
		size = hg_mask_field((hg_format_field) field, made.text, made.size, out, sizeof(out),
							 &options);
	left = survivors(&made, out, size);
	total[field] += own_size(&made);
	kept[field] += left;
	if (memmem(out, size, "zqv", 3) != NULL)
	{
		values_left++;
		printf("# a value is left: %s: %.*s\n", names[field], (int) size, out);
	}
	if (left < own_size(&made) && getenv("HG_SHOW") != NULL)
		printf("# %s\t%s\t%s\n#\t%.*s\n", names[field], classes, format, (int) size, out);
}

static double
share_of_all(void)
{
	size_t		all = 0;
	size_t		left = 0;

	for (int field = 0; field < FIELDS; field++)
	{
		all += total[field];
		left += kept[field];
	}
	return (double) left / (double) all;
}

int
main(void)
{
	FILE	   *in = fopen(TABLE, "r");
	char		line[8192];
	int			rows = 0;

	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
	{
		char	   *classes = strchr(line, '\t');
		char	   *format;

		line[strcspn(line, "\n")] = '\0';
		classes = classes == NULL ? NULL : strchr(classes + 1, '\t');
		format = classes == NULL ? NULL : strchr(classes + 1, '\t');
		if (format == NULL)
			continue;
		*format++ = '\0';
		format[strcspn(format, "\t")] = '\0';
		for (int field = 0; field < FIELDS; field++)
		{
			if (strncmp(line, names[field], strcspn(line, "\t")) != 0)
				continue;
			check_row(field, classes + 1, format);
			rows++;
		}
	}
	ok(rows > 7000, "%d formats were read", rows);
	/* For make accuracy. */
	printf("# own text of the server's formats n=%d kept %.4f\n", rows, share_of_all());
	is_int(unknown, 0, "each message is found by its format");
	is_int(values_left, 0, "no value is left in any of them");
	for (int field = 0; field < FIELDS; field++)
	{
		double		share = 100.0 * (double) kept[field] / (double) total[field];

		ok(share >= 98, "%.2f %% of the server's own text survives in %s", share,
		   names[field]);
	}
	return done();
}
