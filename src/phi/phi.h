/*
 * phi.h
 *		The detector's public face: text in, spans of PHI-like values out.
 *
 * Pure C without postgres.h: nothing here allocates, takes a lock, fails or
 * keeps state of its own, and time is linear in the size of the text.  So it
 * may be called anywhere, an error report of a dying process included, and
 * from the command-line tools.  Texts are bytes with a size; they need not be
 * terminated nor valid in any encoding.
 */
#ifndef HG_PHI_H
#define HG_PHI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The categories of 45 CFR 164.514(b)(2), as far as a text can show them. */
typedef enum hg_phi_category
{
	HG_PHI_SSN,
	HG_PHI_ITIN,
	HG_PHI_PHONE,
	HG_PHI_FAX,
	HG_PHI_EMAIL,
	HG_PHI_NPI,
	HG_PHI_MBI,
	HG_PHI_HICN,
	HG_PHI_DEA,
	HG_PHI_VIN,
	HG_PHI_CARD,
	HG_PHI_ABA,
	HG_PHI_IBAN,
	HG_PHI_IP,
	HG_PHI_MAC,
	HG_PHI_DATE,
	HG_PHI_AGE,
	HG_PHI_ZIP,
	HG_PHI_ADDRESS,
	HG_PHI_MRN,
	HG_PHI_HEALTH_PLAN,
	HG_PHI_ACCOUNT,
	HG_PHI_LICENSE,
	HG_PHI_PASSPORT,
	HG_PHI_PLATE,
	HG_PHI_DEVICE,
	HG_PHI_URL,
	HG_PHI_NAME,
	HG_PHI_CUSTOM,
	HG_PHI_KNOWN,
	HG_PHI_CATEGORIES
} hg_phi_category;

/*
 * Where a text stands.  What does not count there is one table in surfaces.c:
 * the names of workforce users never count on a role, a bare date never on a
 * bound, and so on.
 */
typedef enum hg_phi_surface
{
	HG_SURFACE_NAME,			/* name of an object: table, column, index ... */
	HG_SURFACE_ROLE_NAME,		/* roles, user mappings */
	HG_SURFACE_CATALOG_NAME,	/* databases, extensions, languages, access methods */
	HG_SURFACE_PROSE,			/* comments, labels, enum labels, settings, bodies */
	HG_SURFACE_CONNECTION,		/* connection strings, hosts, locations, libraries */
	HG_SURFACE_BOUND,			/* partition bounds, defaults, checks, predicates */
	HG_SURFACE_LOG,				/* log and error text */
	HG_SURFACES
} hg_phi_surface;

/* A finding: bytes [start, start + size) of the text. */
typedef struct hg_phi_span
{
	uint32_t	start;
	uint32_t	size;
	uint16_t	rule;			/* hg_phi_rule_name() */
	uint8_t		category;		/* hg_phi_category */
	uint8_t		cued;			/* a cue word stood beside the value */
	float		confidence;		/* 0 to 1 */
} hg_phi_span;

/*
 * Scans prose: a comment, a literal, a line of a log.  Spans come in order and
 * do not overlap.  Scanning begins at byte "from" (what stands before it is
 * still seen as context).  Returns the number of spans; when that equals
 * spans_max there may be more: call again from the end of the last one.
 */
extern size_t hg_phi_scan_text(const char *text, size_t size, size_t from,
							   hg_phi_span *spans, size_t spans_max);

/*
 * The same for the name of an object, which is split into words at '_', at
 * changes of case and at digits.
 */
extern size_t hg_phi_scan_identifier(const char *name, size_t size, size_t from,
									 hg_phi_span *spans, size_t spans_max);

/* Whether a finding counts on a surface: the confidence that is left of it, 0 if it does not. */
extern float hg_phi_confidence_on(const hg_phi_span *span, hg_phi_surface surface);

/* "ssn", "phone" ...: what scan_text() and markers call a category. */
extern const char *hg_phi_category_name(hg_phi_category category);

/* The name of a rule, such as "ssn_separated". Never NULL. */
extern const char *hg_phi_rule_name(unsigned rule);

/* The number of built-in rules; own identifiers are numbered from there. */
extern unsigned hg_phi_rules_count(void);

/*
 * One row of the table of built-in rules, for the view "identifiers": name,
 * category, shape in words, validator, confidences with and without a cue.
 * Returns false behind the last one.
 */
typedef struct hg_phi_rule_info
{
	const char *name;
	hg_phi_category category;
	const char *shape;
	const char *validator;
	const char *cues;
	float		confidence;
	float		confidence_cued;
} hg_phi_rule_info;

extern bool hg_phi_rule_describe(unsigned rule, hg_phi_rule_info *info);

/*
 * The site's own identifiers.  The set lies wherever the caller keeps it
 * (shared memory in the server); the detector only reads it.  A writer makes
 * "version" odd while it changes the rows, as a sequence lock, and even after.
 */
#define HG_PHI_CUSTOM_MAX 64
#define HG_PHI_CUSTOM_NAME_SIZE 64
#define HG_PHI_CUSTOM_MASK_SIZE 64
#define HG_PHI_CUSTOM_CUE_SIZE 64

typedef enum hg_phi_checksum
{
	HG_PHI_CHECKSUM_NONE,
	HG_PHI_CHECKSUM_LUHN,
	HG_PHI_CHECKSUM_MOD11,
	HG_PHI_CHECKSUM_MOD97
} hg_phi_checksum;

typedef struct hg_phi_custom
{
	char		name[HG_PHI_CUSTOM_NAME_SIZE];
	char		mask[HG_PHI_CUSTOM_MASK_SIZE];	/* 9 digit, A letter, X either, else itself */
	char		cue[HG_PHI_CUSTOM_CUE_SIZE];	/* empty: none needed */
	uint8_t		mask_size;
	uint8_t		cue_size;
	uint8_t		checksum;		/* hg_phi_checksum */
	uint8_t		unused;
	float		confidence;
} hg_phi_custom;

typedef struct hg_phi_custom_set
{
	volatile uint32_t version;
	uint32_t	count;
	hg_phi_custom rows[HG_PHI_CUSTOM_MAX];
} hg_phi_custom_set;

/* Tells the detector where the set lies; NULL: there is none. */
extern void hg_phi_use_custom(const hg_phi_custom_set *set);

/* The set's version; 0: there is none. */
extern uint32_t hg_phi_custom_version(void);

/* Why a mask cannot be used ("mask has no digit or letter position"), NULL if it can. */
extern const char *hg_phi_custom_problem(const char *mask, size_t mask_size);

#endif							/* HG_PHI_H */
