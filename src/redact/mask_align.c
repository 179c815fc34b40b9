/*
 * mask_align.c
 *		Which format made a text, and where its arguments stand.
 *
 * The beginnings of all formats form a tree, so that those which begin as a text
 * does are found in one walk.  It is made by formats/make_formats.
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
	uint8_t		tail;			/* bytes at the end that are the same in every text */
	uint16_t	size;
	uint16_t	bytes;			/* of its own text, whatever they are */
} format_row;

/*
 * A beginning that formats have in common, up to the first argument of some: a
 * node of a tree.  Its own rows are [low, high), those with most text first.
 */
typedef struct format_node
{
	uint8_t		first;			/* the byte by which its parent finds it */
	uint8_t		arguments;		/* whether a row of its own goes on with an argument */
	uint16_t	depth;			/* bytes from the beginning of the text */
	uint16_t	low;
	uint16_t	high;
	uint16_t	child;
	uint16_t	children;
} format_node;

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

static bool
is_of_number(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
		c == 'x' || c == '+' || c == '-' || c == '.';
}

static size_t
number_size(const char *text, size_t size)
{
	size_t		end = 0;

	while (end < size && is_of_number(text[end]))
		end++;
	return end;
}

static bool align_from(aligner *self, const char *format, size_t at);

/* One attempt to place the end of an argument; so many bytes behind it are known to fit. */
static bool
try_end(aligner *self, const char *format, size_t end, size_t fits, hg_argument *argument)
{
	if (--self->attempts < 0)
		return false;
	argument->end = end;
	return align_from(self, format + fits, end + fits);
}

/* Whether another string follows at once, so that nobody can tell where one ends. */
static bool
string_follows(const char *format)
{
	hg_argument next = {.conversion = '\0'};

	return *format == '%' && format[1] != '%' && read_conversion(format + 1, &next) != NULL &&
		(next.conversion == 's' || next.conversion == 'm');
}

/* The bytes of a format that stand as they are up to its next argument or "%%". */
static size_t
literal_size(const char *format)
{
	const char *percent = strchr(format, '%');

	return percent == NULL ? strlen(format) : (size_t) (percent - format);
}

/*
 * A string argument may end anywhere: tries the nearest ends first.  Of several
 * strings in a row the last one gets all, or else there were too many ways.
 */
static bool
align_string(aligner *self, const char *format, size_t at, hg_argument *argument)
{
	size_t		literal = literal_size(format);

	/* What no argument follows is the end of the text. */
	if (format[literal] == '\0')
		return literal <= self->size - at &&
			try_end(self, format, self->size - literal, 0, argument);
	if (string_follows(format))
		return try_end(self, format, at, 0, argument);
	for (size_t end = at; end + literal <= self->size; end++)
	{
		if (literal > 0)
		{
			const char *next = memchr(self->text + end, *format, self->size - literal + 1 - end);

			if (next == NULL)
				return false;
			end = (size_t) (next - self->text);
			if (memcmp(next, format, literal) != 0)
				continue;
		}
		if (try_end(self, format, end, literal, argument))
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
		return at < self->size && try_end(self, format, at + 1, 0, argument);
	for (size_t end = at + number_size(self->text + at, self->size - at); end > at; end--)
		if (try_end(self, format, end, 0, argument))
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

/* The same where the first bytes, which hold no argument, are known to fit. */
static bool
align_behind(const char *format, size_t fits, const char *text, size_t size,
			 hg_alignment *alignment)
{
	aligner		self = {text, size, ATTEMPTS_MAX, alignment};

	alignment->count = 0;
	return align_from(&self, format + fits, fits);
}

bool
hg_format_align(const char *format, const char *text, size_t size, hg_alignment *alignment)
{
	return align_behind(format, 0, text, size, alignment);
}

/* The next byte of a format, with each integer as "%d". */
static unsigned char
normal_byte(const char **format, bool *in_conversion)
{
	unsigned char c = (unsigned char) *(*format)++;

	if (*in_conversion)
	{
		while (c != '\0' && strchr("hlqjzt", c) != NULL)
			c = (unsigned char) *(*format)++;
		if (c == 'u' || c == 'i')
			c = 'd';
		*in_conversion = c != '%' && (c < 'A' || c > 'z');
	}
	else
		*in_conversion = c == '%';
	return c;
}

/*
 * Compares formats as make_formats sorts them: PRIu64 is "lu" here and "llu"
 * there, and the table has one of them.
 */
static int
compare_formats(const char *a, const char *b)
{
	bool		in_a = false;
	bool		in_b = false;

	for (;;)
	{
		unsigned char x = normal_byte(&a, &in_a);
		unsigned char y = normal_byte(&b, &in_b);

		if (x != y || x == '\0')
			return (int) x - (int) y;
	}
}

/* The row of a format by halving the table; its size if it has none. */
static size_t
row_of_format(const char *format)
{
	size_t		low = 0;
	size_t		high = sizeof(message_order) / sizeof(message_order[0]);

	while (low < high)
	{
		size_t		middle = (low + high) / 2;
		int			order = compare_formats(formats[message_order[middle]].format, format);

		if (order == 0)
			return message_order[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return sizeof(formats) / sizeof(formats[0]);
}

const char *
hg_format_classes(const char *format, hg_mask_memo *memo)
{
	/* A format mostly is a constant of the server, so its address says where to look first. */
	uint64_t	hash = (uint64_t) (uintptr_t) format * UINT64_C(0x9e3779b97f4a7c15);
	size_t		place = (hash >> 32) % HG_MEMO_FORMATS;
	size_t		row = memo != NULL ? memo->formats[place] : 0;

	if (row > 0 && strcmp(formats[row - 1].format, format) == 0)
		return formats[row - 1].classes;
	row = row_of_format(format);
	if (row == sizeof(formats) / sizeof(formats[0]))
		return NULL;
	if (memo != NULL)
		memo->formats[place] = (uint16_t) (row + 1);
	return formats[row].classes;
}

/* The child of a node that a text goes on with, NULL if there is none. */
static const format_node *
descend(const format_node *node, const char *text, size_t size)
{
	size_t		low = node->child;
	size_t		high = low + node->children;

	if (node->depth >= size)
		return NULL;
	while (low < high)
	{
		size_t		middle = (low + high) / 2;
		const format_node *child = &nodes[middle];

		if (child->first == (unsigned char) text[node->depth])
			return child->depth <= size &&
				memcmp(text + node->depth, formats[child->low].format + node->depth,
					   child->depth - node->depth) == 0 ? child : NULL;
		if (child->first < (unsigned char) text[node->depth])
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Whether a text ends as all texts of a row do. */
static bool
ends_alike(const format_row *row, const char *text, size_t size)
{
	return row->last == 0 ||
		(size >= row->tail && row->last == (unsigned char) text[size - 1] &&
		 memcmp(text + size - row->tail, row->format + row->size - row->tail, row->tail) == 0);
}

/* The first of a node's rows that fits a text: it has most text of its own. */
static bool
first_fit(const format_node *node, const char *text, size_t size, hg_alignment *alignment)
{
	for (size_t i = node->low; i < node->high; i++)
	{
		const format_row *row = &formats[i];

		if (row->letters < LETTERS_MIN || !ends_alike(row, text, size) ||
			!align_behind(row->format, node->depth, text, size, alignment))
			continue;
		alignment->classes = row->classes;
		alignment->bytes = row->bytes;
		return true;
	}
	return false;
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

/* The same for all nodes that a text leads to, the one with the longest beginning first. */
static bool
find_on_path(const format_node *root, const char *text, size_t size, hg_alignment *alignment)
{
	const format_node *path[NODES_DEEP_MAX];
	size_t		count = 0;

	for (const format_node *node = descend(root, text, size); node != NULL;
		 node = descend(node, text, size))
		path[count++] = node;
	while (count-- > 0)
		if (first_fit(path[count], text, size, alignment))
			return true;
	return false;
}

bool
hg_format_find(const hg_format_field *fields, const char *text, size_t size,
			   hg_alignment *alignment, const hg_mask_log_options *options)
{
	for (const hg_format_field *field = fields; *field != HG_FIELDS_END; field++)
		if (find_on_path(&nodes[roots[*field]], text, size, alignment))
			return true;
	for (const hg_format_field *field = fields; *field != HG_FIELDS_END; field++)
		if (first_fit(&nodes[roots[*field]], text, size, alignment))
			return true;
	for (; options->translate != NULL && *fields != HG_FIELDS_END; fields++)
		if (find_translated(*fields, text, size, alignment, options))
			return true;
	return false;
}

bool
hg_format_begins(hg_format_field field, const char *text, size_t size,
				 const hg_mask_log_options *options)
{
	/* Where lines end cannot be told in other languages: each counts as a whole. */
	if (options->translate != NULL)
		return true;
	for (const format_node *node = &nodes[roots[field]]; node != NULL;
		 node = descend(node, text, size))
		if (node->depth >= LETTERS_MIN &&
			(node->arguments || (node->depth == size && node->low < node->high)))
			return true;
	return false;
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
