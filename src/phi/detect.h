/*
 * detect.h
 *		What the files of the detector share among themselves: the view of a
 *		text, classes of bytes, words, cues, rules, recognisers.
 *
 * A recogniser looks at one position of a text and offers at most one span
 * around it.  It is a function of the text, the position and "floor" alone (the
 * end of the span before), looks a bounded number of bytes back and ahead, and
 * keeps nothing.  So a scan may stop and go on anywhere, and the pass that
 * picks the positions (scan.c) can be compared with one that tries them all.
 */
#ifndef HG_PHI_DETECT_H
#define HG_PHI_DETECT_H

#include "phi/phi.h"

/* How far a recogniser may look: bytes back for a cue, and the most a span may hold. */
#define CUE_REACH 40
#define SPAN_REACH 160

typedef struct text_view
{
	const unsigned char *at;
	size_t		size;
	size_t		floor;			/* no span may begin before this byte */
	bool		identifier;		/* the name of an object, not prose */
} text_view;

/* A finding on offer: the best so far at a position. */
typedef struct offer
{
	size_t		start;
	size_t		end;
	unsigned	rule;
	float		confidence;
	bool		cued;
} offer;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_BYTES 1
#else
#define LITTLE_ENDIAN_BYTES 0
#endif

/* ---- classes of bytes (bytes.c) ---- */

#define BYTE_DIGIT 0x01
#define BYTE_UPPER 0x02
#define BYTE_LOWER 0x04
#define BYTE_HIGH 0x08			/* part of a letter outside ASCII, we take it */
#define BYTE_HEX 0x10
#define BYTE_SPACE 0x20
#define BYTE_SEPARATOR 0x40		/* - _ . space: between groups of digits */
#define BYTE_LOCAL 0x80			/* in the local part of an address of mail */

#define BYTE_LETTER (BYTE_UPPER | BYTE_LOWER | BYTE_HIGH)
#define BYTE_WORD (BYTE_LETTER | BYTE_DIGIT)

extern const uint8_t hg_phi_bytes[256];

static inline bool
byte_is(const text_view *text, size_t at, unsigned mask)
{
	return at < text->size && (hg_phi_bytes[text->at[at]] & mask) != 0;
}

/* The byte at a position, 0 outside of the text. */
static inline unsigned char
byte_at(const text_view *text, size_t at)
{
	return at < text->size ? text->at[at] : 0;
}

/* Whether the byte before a position has one of the classes; false at the start. */
static inline bool
byte_before(const text_view *text, size_t at, unsigned mask)
{
	return at > 0 && byte_is(text, at - 1, mask);
}

/* ---- words (words.c) ---- */

#define WORDS_BUFFER 32

/* A word folded to a-z, padded with zeros; letters_count 0: it is none, or absurdly long. */
typedef struct folded_word
{
	char		letters[WORDS_BUFFER];
	unsigned	letters_count;
	bool		capital;		/* begins with a capital */
	bool		shouted;		/* two or more letters, all capitals */
	bool		foreign;		/* has letters outside ASCII */
	unsigned	inner_capital;	/* letters before a capital that follows a small one; 0: none */
} folded_word;

extern size_t hg_phi_word_fold(const text_view *text, size_t start, size_t limit,
							   folded_word *word);
extern uint32_t hg_phi_word_flags(const folded_word *word);
extern const uint32_t *const hg_phi_word_hints;

/* Whether eight letters (the first in the lowest byte) may begin a word worth a look in lower
 * case. */
#define HINT_BITS 16

static inline bool
hg_phi_word_hinted(uint64_t letters)
{
	uint64_t	bit = (letters * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - HINT_BITS);

	return (hg_phi_word_hints[bit >> 5] >> (bit & 31)) & 1;
}

extern int	hg_phi_word_namelike(const folded_word *word);

/* Flags of a word: see words.inc */
#define WORD_GIVEN 0x0001
#define WORD_GIVEN_STRONG 0x0002
#define WORD_SURNAME 0x0004
#define WORD_SURNAME_TOP 0x0008
#define WORD_BASIC 0x0010
#define WORD_COMMON 0x0020
#define WORD_ENGLISH 0x0040
#define WORD_PROPER 0x0080
#define WORD_SCHEMA 0x0100
#define WORD_TITLE 0x0200
#define WORD_STREET 0x0400
#define WORD_ORG 0x0800
#define WORD_PLACE 0x1000
#define WORD_MAIL 0x2000
#define WORD_GIVEN_USUAL 0x4000

/* ---- cues (cues.c) ---- */

typedef enum cue
{
	CUE_SSN = 1 << 0,
	CUE_TAX = 1 << 1,
	CUE_PHONE = 1 << 2,
	CUE_FAX = 1 << 3,
	CUE_NPI = 1 << 4,
	CUE_MBI = 1 << 5,
	CUE_DEA = 1 << 6,
	CUE_VIN = 1 << 7,
	CUE_CARD = 1 << 8,
	CUE_ABA = 1 << 9,
	CUE_MRN = 1 << 10,
	CUE_PLAN = 1 << 11,
	CUE_ACCOUNT = 1 << 12,
	CUE_LICENSE = 1 << 13,
	CUE_PASSPORT = 1 << 14,
	CUE_PLATE = 1 << 15,
	CUE_DEVICE = 1 << 16,
	CUE_BIRTH = 1 << 17,
	CUE_ZIP = 1 << 18,
	CUE_AGE = 1 << 19,
	CUE_IP = 1 << 20,
	CUE_NUMBER = 1 << 22,		/* id, number, no: only together with one of these: */
	CUE_PATIENT = 1 << 23,
	CUE_RECORD = 1 << 24,
	CUE_MEDICAL = 1 << 25,
	CUE_VERSION = 1 << 26,		/* speaks against */
	CUE_WHOLE = 1 << 27			/* the value is all there is in the text */
} cue;

extern uint32_t hg_phi_cues_before(const text_view *text, size_t at, size_t reach);
extern uint32_t hg_phi_cues_after(const text_view *text, size_t at);
extern uint32_t hg_phi_cue_of_word(const folded_word *word);

/* ---- rules (rules.c) ---- */

/* The groups of a number, for the table: how many digits each has. */
#define GROUPS_NONE UINT64_C(0)
#define GROUPS_ONE_ANY UINT64_C(0xFF)
#define GROUPS_1(a) ((uint64_t) (a))
#define GROUPS_2(a, b) (GROUPS_1(a) << 8 | (b))
#define GROUPS_3(a, b, c) (GROUPS_2(a, b) << 8 | (c))
#define GROUPS_4(a, b, c, d) (GROUPS_3(a, b, c) << 8 | (d))
#define GROUPS_5(a, b, c, d, e) (GROUPS_4(a, b, c, d) << 8 | (e))

/* Which separators may stand between the groups of a number. */
#define SEPARATED_NOT 0			/* one group */
#define SEPARATED_SAME 1		/* one of - _ . space, the same throughout */
#define SEPARATED_ANY 2			/* any of them, also "(", ") " of phone numbers */
#define SEPARATED_DASH 3		/* - or _ only */

typedef struct hg_phi_rule
{
	hg_phi_rule_info info;
	float		confidence_name;	/* in the name of an object, without a cue */
	uint32_t	cue_mask;		/* any of these makes it cued */
	uint64_t	groups;			/* digits of each group, eight bits a group; 0: not a number */
	uint8_t		separated;
	bool		(*valid) (const char *digits, size_t count);
} hg_phi_rule;

enum hg_phi_rules
{
#define RULE(id, ...) RULE_##id,
#include "rules.inc"
#undef RULE
	RULES_COUNT
};

extern const hg_phi_rule hg_phi_rules[RULES_COUNT];

/* ---- the positions worth a look (anchors.c) ---- */

#define ANCHORS_BLOCK 64

/* One bit for each of the 64 bytes from a position on; bits behind the text are 0. */
extern uint64_t hg_phi_anchors(const text_view *text, size_t at, bool custom);

/* ---- recognisers: each offers a span at a position, or leaves the offer as it is ---- */

extern void hg_phi_offer(const text_view *text, offer *best, unsigned rule, size_t start,
						 size_t end, bool cued, float confidence);
extern void hg_phi_offer_rule(const text_view *text, offer *best, unsigned rule, size_t start,
							  size_t end, uint32_t cues);

extern void hg_phi_find_number(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_date(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_code(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_mail(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_url(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_ipv4(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_ipv6_or_mac(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_mac_alone(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_mac_dotted(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_address(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_name(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_lower_name(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_hl7_name(const text_view *text, size_t at, offer *best);
extern void hg_phi_find_custom(const text_view *text, size_t at, offer *best);
extern bool hg_phi_custom_any(void);

/* Everything that begins or is anchored at a position of prose; for scan.c and its twin. */
extern void hg_phi_span_of(const offer *best, hg_phi_span *span);
extern void hg_phi_find_at(const text_view *text, size_t at, bool custom, offer *best);

#endif							/* HG_PHI_DETECT_H */
