/*
 * Goal: nothing that may begin a finding is passed over, whatever the text.
 * Method: the pass is compared with a twin that asks everywhere (twin.h), on
 * texts put together from pieces of what recognisers look for and then mutated,
 * from a fixed seed; names are compared with a reader that takes them whole.
 * Every byte value, cut UTF-8 and embedded zeros are among them.
 */
#include <stdlib.h>
#include <string.h>

#include "phi/phi.h"
#include "tap.h"
#include "twin.h"

/* The same reader of names with room for all of their words at once. */
#define hg_phi_scan_identifier whole_scan_identifier
#define WORDS_MAX 2048
#include "phi/identifier.c"
#undef hg_phi_scan_identifier
extern size_t hg_phi_scan_identifier(const char *name, size_t size, size_t from,
									 hg_phi_span *spans, size_t spans_max);

/* The anchors without SSE2, as on other processors. */
#define HG_PHI_PORTABLE
#define hg_phi_anchors portable_anchors
#include "phi/anchors.c"
#undef hg_phi_anchors
extern uint64_t hg_phi_anchors(const text_view *text, size_t at, bool custom);

#define TEXTS 250000
#define NAMES 30000
#define SIZE_MAX_TRIED 400

static const char *const pieces[] = {
	"123-45-6789", "ssn ", "900-70-1234", "(312) 515-2239", " x123", "+1-448-414-3381", "call ",
	"4111 1111 1111 1111", "4111111111111111", "1EG4-TE5-MK73", "2ag9Xc4Nn22",
	"GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19", "1M8GDM9AXKP042788", "BB1388568",
	"dea ", "MRN: UCLA-12345", "npi ", "1245319599", "mrn 22334455", "patient id ", "#98765AB",
	"000010004^^^ST01A^MR", "policy ", "1970-01-02", "1/20/1976", "January 8th, 2023",
	"8 Jan 2023", "20190820", "T14:30:00Z", " 08:11:32", "born ", "2023_11_14", "192.168.0.1",
	"version 1.2.3.4", "2001:db8:85a3::8a2e:192.168.0.1", "::1", "fe80::7:8%1",
	"AA-BB-CC-DD-EE-FF", "01:02:03:04:05:06", "0102.0304.05ab", "jane.roe@mail.example.org", "@",
	"git@github.com:x", "http://a.b.ch/x?y=1", "www.bit.ly/aser",
	"https://user:pw@host.example/", "John Smith", "Dr. Emily White", "Karin M. Beike",
	"Maika van de Noort", "Mikl\xC3\xB3s Hajdu", "\xC3\x85" "berg Natalie", "tammy gyarmathy",
	"benjamin a seiler", "Ronald Abbott Jr.", "Smith, John", "O'Brien Sean", "JOHN SMITH",
	"789 Elm St, Boston", "12 Gralla 30 Suite 617, HELSINKI, Barbados 00336",
	"36 Rue de Pologne", "P.O. Box 255", "Apt. 12", "NY 45123", "zip 94105", "93-year-old",
	"aged 101", "0.302 s", "1000.123 ms", "wrote 3 buffers", "(01)00614141999996",
	"PID|1||X^^^MR||DOE^JANE^A|", "PID|||||", "^", "imei 490154203237518", "aba 322070381", "$1",
	"'", "\"", "\\", "\n", "\t", " ", "  ", ".", ",", "-", "_", ":", "/", ";", "|", "^", "(",
	")", "#", "+", "\xC3", "\xE2\x80\x99", "\xFF", "0", "1", "9", "a", "A", "x", "Z",
};

static const char *const name_pieces[] = {
	"john", "smith", "Emily", "Nguyen", "dr", "mrn", "ssn", "dob", "born", "patient", "p", "M",
	"jr", "md", "gmail", "com", "uwaterloo", "zcwzzwc", "example", "org", "123", "45", "6789",
	"123456789", "312", "515", "2239", "1970", "01", "02", "19700102", "january", "8th", "2023",
	"4111111111111111", "1eg4", "te5", "mk73", "14", "chatsworth", "road", "rue", "du", "koweit",
	"_", "_", "_", "_", "-", ".", " ", "HTTP", "Server", "@",
	"jane.roe@acme.io", "\xC3\xB3", "\xFF", "x", "9",
};

static uint64_t random_state = 20260101;

static uint32_t
random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t) (random_state >> 32) % limit;
}

/* Puts pieces together, then changes a few bytes into any others. Returns the size. */
static size_t
make_text(char *text, const char *const *from, uint32_t from_count, uint32_t pieces_most)
{
	size_t		size = 0;
	uint32_t	count = 1 + random_below(pieces_most);

	for (uint32_t i = 0; i < count; i++)
	{
		const char *piece = from[random_below(from_count)];
		size_t		piece_size = strlen(piece);

		if (size + piece_size + 1 >= SIZE_MAX_TRIED)
			break;
		memcpy(text + size, piece, piece_size);
		size += piece_size;
		if (random_below(3) == 0)
			text[size++] = ' ';
	}
	for (uint32_t changes = random_below(4); changes > 0 && size > 0; changes--)
		text[random_below((uint32_t) size)] = (char) random_below(256);
	if (size > 0 && random_below(8) == 0)
		size -= random_below((uint32_t) (size < 4 ? size : 4));
	return size;
}

static void
show(const char *text, size_t size)
{
	printf("# size %zu: ", size);
	for (size_t i = 0; i < size; i++)
		if (text[i] >= ' ' && text[i] < 127)
			putchar(text[i]);
		else
			printf("\\x%02X", (unsigned char) text[i]);
	putchar('\n');
}

static void
compare_texts(void)
{
	unsigned	wrong = 0;

	for (unsigned i = 0; i < TEXTS && wrong < 5; i++)
	{
		char		padded[SIZE_MAX_TRIED];
		size_t		size = make_text(padded, pieces, sizeof(pieces) / sizeof(pieces[0]), 12);
		char	   *text = malloc(size ? size : 1);	/* so that a read behind it is noticed */

		memcpy(text, padded, size);
		if (twin_disagrees(text, size) >= 0)
		{
			wrong++;
			show(text, size);
		}
		free(text);
	}
	is_int(wrong, 0, "the pass and its twin agree on %d texts", TEXTS);
}

static void
compare_names(void)
{
	unsigned	wrong = 0;

	for (unsigned i = 0; i < NAMES && wrong < 5; i++)
	{
		char		name[SIZE_MAX_TRIED];
		size_t size = make_text(name, name_pieces, sizeof(name_pieces) / sizeof(name_pieces[0]),
								i % 10 == 0 ? 200 : 12);
		hg_phi_span want[200],
					got[200],
					one;
		size_t		wanted = whole_scan_identifier(name, size, 0, want, 200),
					found = hg_phi_scan_identifier(name, size, 0, got, 200),
					from = 0;
		bool		same = wanted == found;

		for (size_t k = 0; same && k < found; k++)
		{
			same = twin_same(&want[k], &got[k]) &&
				hg_phi_scan_identifier(name, size, from, &one, 1) == 1 && twin_same(&one, &got[k]);
			from = one.start + one.size;
		}
		if (!same)
		{
			wrong++;
			show(name, size);
		}
	}
	is_int(wrong, 0, "names read in batches and whole agree on %d names", NAMES);
}

/* Every byte value before, inside and behind things that are found. */
static void
compare_bytes(void)
{
	unsigned	wrong = 0;

	for (unsigned byte = 0; byte < 256; byte++)
		for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		{
			char		text[SIZE_MAX_TRIED];
			size_t		size = strlen(pieces[i]);

			memset(text, (int) byte, sizeof(text));
			memcpy(text + 70, pieces[i], size);
			wrong += twin_disagrees(text, 140 + size) >= 0;
			text[70 + size / 2] = (char) byte;
			wrong += twin_disagrees(text, 140 + size) >= 0;
			wrong += twin_disagrees(text + 70, size) >= 0;
		}
	is_int(wrong, 0, "the pass and its twin agree beside every byte value");
}

/* Both ways of finding anchors find the same, at every position of texts and of noise. */
static void
compare_anchors(void)
{
	unsigned	wrong = 0;

	for (unsigned i = 0; i < 3000; i++)
	{
		char		text[SIZE_MAX_TRIED];
		text_view	view = {(const unsigned char *) text, 0, 0, false};

		view.size = make_text(text, pieces, sizeof(pieces) / sizeof(pieces[0]), 30);
		if (i % 3 == 0)
			for (size_t k = 0; k < view.size; k++)
				text[k] = (char) random_below(256);
		for (size_t at = 0; at < view.size; at++)
			wrong +=
				hg_phi_anchors(&view, at, i % 2 == 0) != portable_anchors(&view, at, i % 2 == 0);
	}
	is_int(wrong, 0, "anchors are the same with and without SSE2");
}

int
main(void)
{
	static hg_phi_custom_set set = {.count = 3};

	compare_anchors();
	compare_texts();
	compare_bytes();
	strcpy(set.rows[0].mask, "MRN-99999");
	strcpy(set.rows[1].mask, "AA9999");
	strcpy(set.rows[2].mask, "XXX-9999");
	for (unsigned i = 0; i < set.count; i++)
	{
		set.rows[i].mask_size = (uint8_t) strlen(set.rows[i].mask);
		set.rows[i].confidence = 0.9f;
	}
	hg_phi_use_custom(&set);
	compare_texts();
	compare_names();
	return done();
}
