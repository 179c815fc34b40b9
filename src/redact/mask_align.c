/*
 * mask_align.c
 *		Which format made a text, and where its arguments stand.
 *
 * The table is sorted, so that the formats which begin as a text does are found
 * by narrowing a range byte by byte.  It is made by formats/make_formats.
 */
#include "redact/mask_align.h"

#include <string.h>
#include <strings.h>

typedef struct format_row
{
	const char *format;
	const char *classes;
	uint8_t		letters;		/* of its own text */
	uint8_t		last;			/* the byte that ends its text, 0 if an argument does */
	uint16_t	bytes;			/* of its own text, whatever they are */
} format_row;

#include "formats.inc"

/* Fewer letters than these tell nothing about who made a text. */
#define LETTERS_MIN 5

/* Attempts to place an argument, for one text and format. */
#define ATTEMPTS_MAX 20000

typedef struct aligner
{
	const char *text;
	size_t		size;
	int			attempts;
	hg_alignment *alignment;
} aligner;

/* Reads "%5.2lld" behind its '%'; returns what follows, NULL if it is none. */
static const char *
read_conversion(const char *format, hg_argument *argument)
{
	const char *digits = format;
	unsigned	number = 0;

	while (*digits >= '0' && *digits <= '9')
		number = number * 10 + (unsigned) (*digits++ - '0');
	if (*digits == '$' && number > 0 && number <= HG_ARGUMENTS_MAX)
	{
		argument->number = (uint8_t) (number - 1);
		format = digits + 1;
	}
	while ((*format >= '0' && *format <= '9') ||
		   (*format != '\0' && *format != 's' && *format != 'd' &&
			strchr("-+ #.*hlqjzt", *format) != NULL))
		format++;
	if (*format == '\0')
		return NULL;
	argument->conversion = *format;
	return format + 1;
}

static size_t
number_size(const char *text, size_t size)
{
	size_t		end = 0;

	while (end < size && text[end] != '\0' && strchr("0123456789abcdefABCDEFx+-.", text[end]))
		end++;
	return end;
}

static bool align_from(aligner *self, const char *format, size_t at);

/* One attempt to place the end of an argument. */
static bool
try_end(aligner *self, const char *format, size_t end, hg_argument *argument)
{
	if (--self->attempts < 0)
		return false;
	argument->end = end;
	return align_from(self, format, end);
}

/* Whether another string follows at once, so that nobody can tell where one ends. */
static bool
string_follows(const char *format)
{
	hg_argument next = {.conversion = '\0'};

	return *format == '%' && format[1] != '%' && read_conversion(format + 1, &next) != NULL &&
		(next.conversion == 's' || next.conversion == 'm');
}

/*
 * A string argument may end anywhere: tries the nearest ends first.  Of several
 * strings in a row the last one gets all, or else there were too many ways.
 */
static bool
align_string(aligner *self, const char *format, size_t at, hg_argument *argument)
{
	if (*format == '\0')
		return try_end(self, format, self->size, argument);
	if (string_follows(format))
		return try_end(self, format, at, argument);
	for (size_t end = at; end <= self->size; end++)
	{
		if (*format != '%')
		{
			const char *next = memchr(self->text + end, *format, self->size - end);

			if (next == NULL)
				return false;
			end = (size_t) (next - self->text);
		}
		if (try_end(self, format, end, argument))
			return true;
		if (self->attempts < 0)
			return false;
	}
	return false;
}

/* A number takes as much as it can. */
static bool
align_argument(aligner *self, const char *format, size_t at, hg_argument *argument)
{
	if (argument->conversion == 's' || argument->conversion == 'm')
		return align_string(self, format, at, argument);
	if (argument->conversion == 'c')
		return at < self->size && try_end(self, format, at + 1, argument);
	for (size_t end = at + number_size(self->text + at, self->size - at); end > at; end--)
		if (try_end(self, format, end, argument))
			return true;
	return false;
}

static bool
align_from(aligner *self, const char *format, size_t at)
{
	hg_alignment *alignment = self->alignment;
	hg_argument *argument;
	int			count = alignment->count;

	for (;; format++)
	{
		if (*format == '%' && format[1] == '%')
			format++;
		else if (*format == '%')
			break;
		if (*format == '\0')
			return at == self->size;
		if (at >= self->size || self->text[at] != *format)
			return false;
		at++;
	}
	if (count == HG_ARGUMENTS_MAX)
		return false;
	argument = &alignment->arguments[count];
	argument->start = at;
	argument->number = (uint8_t) count;
	format = read_conversion(format + 1, argument);
	alignment->count = count + 1;
	if (format != NULL && align_argument(self, format, at, argument))
		return true;
	alignment->count = count;
	return false;
}

bool
hg_format_align(const char *format, const char *text, size_t size, hg_alignment *alignment)
{
	aligner		self = {text, size, ATTEMPTS_MAX, alignment};

	alignment->count = 0;
	return align_from(&self, format, 0);
}

const char *
hg_format_classes(const char *format)
{
	size_t		low = format_starts[HG_FORMAT_MESSAGE];
	size_t		high = format_starts[HG_FORMAT_MESSAGE + 1];

	while (low < high)
	{
		size_t		middle = (low + high) / 2;
		int			order = strcmp(formats[middle].format, format);

		if (order == 0)
			return formats[middle].classes;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A range of rows that agree in their first bytes. */
typedef struct range
{
	size_t		low;
	size_t		high;
} range;

static size_t
first_not_below(range rows, size_t depth, unsigned c)
{
	while (rows.low < rows.high)
	{
		size_t		middle = (rows.low + rows.high) / 2;

		if ((unsigned char) formats[middle].format[depth] < c)
			rows.low = middle + 1;
		else
			rows.high = middle;
	}
	return rows.low;
}

/* Those rows of a range that have a byte at a depth. */
static range
narrow(range rows, size_t depth, unsigned char c)
{
	range		narrowed = {first_not_below(rows, depth, c), 0};

	narrowed.high = first_not_below(rows, depth, c + 1u);
	return narrowed;
}

/* The row of a range that fits a text and has most bytes of its own. */
static const format_row *
best_fit(range rows, const char *text, size_t size, hg_alignment *alignment)
{
	const format_row *best = NULL;
	hg_alignment attempt;

	for (size_t i = rows.low; i < rows.high; i++)
	{
		const format_row *row = &formats[i];

		if (row->letters < LETTERS_MIN || (best != NULL && best->bytes >= row->bytes) ||
			(row->last != 0 && size > 0 && row->last != (unsigned char) text[size - 1]) ||
			!hg_format_align(row->format, text, size, &attempt))
			continue;
		best = row;
		*alignment = attempt;
		alignment->classes = row->classes;
		alignment->bytes = row->bytes;
	}
	return best;
}

/* In another language every format has to be translated before it can be compared. */
static bool
find_translated(hg_format_field field, const char *text, size_t size, hg_alignment *alignment,
				const hg_mask_log_options *options)
{
	hg_alignment attempt;
	unsigned	bytes = 0;

	for (size_t i = format_starts[field]; i < format_starts[field + 1]; i++)
	{
		const format_row *row = &formats[i];
		const char *translated;

		if (row->letters < LETTERS_MIN || row->bytes <= bytes)
			continue;
		translated = options->translate(options->domain, row->format);
		if (translated == row->format ||
			(*translated != '%' && (size == 0 || *translated != *text)) ||
			!hg_format_align(translated, text, size, &attempt))
			continue;
		bytes = row->bytes;
		*alignment = attempt;
		alignment->classes = row->classes;
		alignment->bytes = row->bytes;
	}
	return bytes > 0;
}

/* Longer beginnings than this are all of one format. */
#define DEPTH_MAX 160

bool
hg_format_find(hg_format_field field, const char *text, size_t size, hg_alignment *alignment,
			   const hg_mask_log_options *options)
{
	range		rows = {format_starts[field], format_starts[field + 1]};
	range		fitting[DEPTH_MAX + 1];
	size_t		count = 0;

	for (size_t depth = 0; depth < DEPTH_MAX && rows.low < rows.high; depth++)
	{
		range		ended = narrow(rows, depth, depth < size ? '%' : '\0');

		if (ended.low < ended.high)
			fitting[count++] = ended;
		/* One row is left: its own comparison is quicker than going on. */
		if (depth >= size)
			break;
		if (text[depth] == '\0')
			break;
		rows = narrow(rows, depth, (unsigned char) text[depth]);
		if (rows.high - rows.low == 1)
		{
			fitting[count++] = rows;
			break;
		}
	}
	while (count-- > 0)
		if (best_fit(fitting[count], text, size, alignment) != NULL)
			return true;
	return options->translate != NULL &&
		find_translated(field, text, size, alignment, options);
}

bool
hg_format_begins(hg_format_field field, const char *text, size_t size,
				 const hg_mask_log_options *options)
{
	range		rows = {format_starts[field], format_starts[field + 1]};
	size_t		depth;

	/* Where lines end cannot be told in other languages: each counts as a whole. */
	if (options->translate != NULL)
		return true;
	for (depth = 0; depth < size && text[depth] != '\0'; depth++)
	{
		if (depth >= LETTERS_MIN)
		{
			range		ended = narrow(rows, depth, '%');

			if (ended.low < ended.high)
				return true;
		}
		rows = narrow(rows, depth, (unsigned char) text[depth]);
		if (rows.low >= rows.high)
			return false;
	}
	return depth == size && size >= LETTERS_MIN && formats[rows.low].format[size] == '\0';
}

bool
hg_format_is_keyword(const char *word, size_t size)
{
	size_t		low = 0;
	size_t		high = sizeof(keywords) / sizeof(keywords[0]);

	while (low < high)
	{
		size_t		middle = (low + high) / 2;
		int			order = strncasecmp(keywords[middle], word, size);

		if (order == 0 && keywords[middle][size] != '\0')
			order = 1;
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
