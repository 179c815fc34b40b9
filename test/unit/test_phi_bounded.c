/*
 * Goal: time is linear whatever the input.
 * Method: the pass looks at each position once, so it is enough that a look reads a
 * bounded number of bytes. A text of 256 MB is laid out of which only two pages can be
 * read; every recogniser is asked in the middle of them, for texts made of what
 * recognisers go on reading, and one that reads farther than a page dies. No clock is
 * asked. Then the pass is run over long texts of the same kinds, and its findings are
 * in order, inside of the text, and as many as the pieces.
 */
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "phi/phi.h"
#include "tap.h"
#include "twin.h"

#define RESERVED ((size_t) 256 << 20)
#define PAGE ((size_t) 4096)

/* What a recogniser may read on and on: repeated without end. */
static const char *const patterns[] = {
	"1", "12 ", "1-", "1.", "1 1 ", "12:", "a:", ":", "::", "-", "AA-", "0", "9", "@", "a@",
	"a.", ".", "a@a.", "A", "Aa ", "Aaaa Bbbb ", "John ", "John S. ", "van ", "Dr. ", "a",
	"http://", "http://a.", "www.", "www.a", "://", "'", "\"", "O'", "Jean-", "1 Main ",
	"1 Main St, ", "1 Main Street, Boston, ", "Apt. 1 ", "Box 1 ", "P.O. Box 1", "1 Rue ",
	"Suite 1\n", "MRN ", "mrn1", "mrn-1", "1^", "A^", "|A^A", "PID|", "PID|||||A^", "ssn ",
	"Jan 1, ", "8 Jan ", "20200101", "T00:00:00", "GB29 ", "1A", "\xC3\xA9", "\xC3", "\xFF",
	"\x80", "_", "/", "#1", "(1)", "+1 ", "x1", " ", "\n", "john ", "john.", "jessica ",
	"jessica x ", "<", "A <a@b.c> ",
};

#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static void
fill(char *to, size_t size, const char *pattern, size_t phase)
{
	size_t		length = strlen(pattern);

	for (size_t i = 0; i < size; i++)
		to[i] = pattern[(i + phase) % length];
}

/* Ends the program by a signal if anything reads farther than a page; otherwise with 0. */
static int
look_around(char *middle)
{
	text_view	view = {(const unsigned char *) middle - RESERVED / 2, RESERVED, 0, false};

	for (size_t i = 0; i < PATTERNS; i++)
		for (size_t phase = 0; phase < strlen(patterns[i]); phase++)
		{
			offer		best = {0, 0, 0, 0.0f, false};

			fill(middle - PAGE, 2 * PAGE, patterns[i], phase);
			twin_find_at(&view, RESERVED / 2, &best);
			hg_phi_find_at(&view, RESERVED / 2, true, &best);
			(void) hg_phi_anchors(&view, RESERVED / 2, true);
		}
	return 0;
}

static void
check_reach(void)
{
	char *reserved =
		mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char	   *middle;
	pid_t		child;
	int			status = -1;

	if (reserved == MAP_FAILED)
	{
		ok(0, "256 MB of addresses can be reserved");
		return;
	}
	middle = reserved + RESERVED / 2;
	ok(mprotect(middle - PAGE, 2 * PAGE, PROT_READ | PROT_WRITE) == 0,
	   "two pages of them can be read");
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(look_around(middle));
	ok(child > 0 && waitpid(child, &status, 0) == child && status == 0,
	   "no recogniser reads farther than a page (%s %d)", WIFSIGNALED(status) ? "signal" : "status",
	   WIFSIGNALED(status) ? WTERMSIG(status) : status);
	munmap(reserved, RESERVED);
}

/* Findings in order and inside of the text; the number of them. */
static long
findings(size_t (*scan) (const char *, size_t, size_t, hg_phi_span *, size_t), const char *text,
		 size_t size)
{
	hg_phi_span spans[64];
	size_t		from = 0,
				count;
	long		all = 0;

	do
	{
		count = scan(text, size, from, spans, 64);
		for (size_t i = 0; i < count; i++)
		{
			if (spans[i].start < from || spans[i].size == 0 ||
				spans[i].start + (size_t) spans[i].size > size)
				return -1;
			from = spans[i].start + spans[i].size;
		}
		all += (long) count;
	} while (count == 64);
	return all;
}

static void
check_long_texts(void)
{
	size_t		size = 256 << 10;
	char	   *text = malloc(size);
	unsigned	wrong = 0;

	for (size_t i = 0; i < PATTERNS; i++)
	{
		fill(text, size, patterns[i], 0);
		wrong += findings(hg_phi_scan_text, text, size) < 0;
		wrong += findings(hg_phi_scan_identifier, text, size) < 0;
	}
	is_int(wrong, 0, "long texts of one kind have their findings in order");
	fill(text, size, "x 123-45-6789, ", 0);
	is_int(findings(hg_phi_scan_text, text, size), (long) (size / 15), "and none is missed");
	fill(text, size, "x_123_45_6789_y_", 0);
	is_int(findings(hg_phi_scan_identifier, text, size), (long) (size / 16),
		   "in a name without end, neither");
	memset(text, 0, size);
	memcpy(text + size / 2, "\0123-45-6789", 11);
	is_int(findings(hg_phi_scan_text, text, size), 0, "zeros are no end of a text");
	memcpy(text + size / 2, "\000123-45-6789", 12);
	is_int(findings(hg_phi_scan_text, text, size), 1, "and what stands behind them is found");
	free(text);
}

int
main(void)
{
	check_reach();
	check_long_texts();
	return done();
}
