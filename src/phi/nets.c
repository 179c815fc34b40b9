/*
 * nets.c
 *		Addresses of mail, pages and machines.
 */
#include <string.h>

#include "phi/detect.h"
#include "phi/validate.h"

#define ASCII_WORD (BYTE_UPPER | BYTE_LOWER | BYTE_DIGIT)
#define LOCAL_MAX 64
#define HOST_MAX 128
#define URL_MAX 1024

/* Moves behind a host name: labels of letters, digits and dashes with dots between. */
static size_t
host_end(const text_view *text, size_t at, size_t *last_label, unsigned *dots)
{
	size_t		start = at;

	*last_label = at;
	*dots = 0;
	while (at < start + HOST_MAX)
	{
		if (byte_is(text, at, BYTE_WORD) || (byte_at(text, at) == '-' && at > *last_label))
			at++;
		else if (byte_at(text, at) == '.' && at > *last_label && byte_is(text, at + 1, BYTE_WORD))
		{
			*last_label = ++at;
			(*dots)++;
		}
		else
			break;
	}
	return at;
}

/* "Bob Stone <bob@example.org>": takes the name before the bracket into the address. */
static size_t
display_name(const text_view *text, size_t start)
{
	size_t		at = start - 1,
				name = start;

	if (start == 0 || text->at[at] != '<')
		return start;
	if (byte_before(text, at, BYTE_SPACE))
		at--;
	for (int words = 0; words < 4; words++)
	{
		size_t		end = at;

		while (at > text->floor && end - at < 24 &&
			   (byte_before(text, at, BYTE_LETTER) || text->at[at - 1] == '.' ||
				text->at[at - 1] == '-' || text->at[at - 1] == '\''))
			at--;
		if (at == end || !byte_is(text, at, BYTE_UPPER | BYTE_HIGH))
			break;
		name = at;
		if (!byte_before(text, at, BYTE_SPACE))
			break;
		at--;
	}
	return name;
}

/* Anchored at '@'. */
void
hg_phi_find_mail(const text_view *text, size_t at, offer *best)
{
	size_t		start = at,
				end,
				label;
	unsigned	dots;

	while (start > text->floor && at - start < LOCAL_MAX && byte_before(text, start, BYTE_LOCAL))
		start--;
	while (start < at && !byte_is(text, start, BYTE_WORD))
		start++;
	if (start == at || byte_before(text, start, BYTE_WORD))
		return;
	end = host_end(text, at + 1, &label, &dots);
	while (end > label && text->at[end - 1] == '-')
		end--;
	if (dots == 0 || end - label < 2)
		return;
	for (size_t i = label; i < end; i++)
		if (byte_is(text, i, BYTE_DIGIT) || text->at[i] == '-')
			return;
	if (at - start == 3 && memcmp(text->at + start, "git", 3) == 0)
		return;
	hg_phi_offer_rule(text, best, RULE_EMAIL, display_name(text, start), end, 0);
}

/* Hosts whose pages are about machines and standards, never about a patient. */
static bool
is_public_host(const text_view *text, size_t start, size_t end)
{
	static const char *const hosts[] = {
		"github.com", "postgresql.org", "w3.org", "ietf.org", "hl7.org", "json-schema.org",
		"schema.org", "stackoverflow.com", "wikipedia.org", "rfc-editor.org", "loinc.org",
		"snomed.org", "iana.org", "docs.", "developer.", "mozilla.org", "fhir.org", "hhs.gov",
		"cms.gov", "nih.gov", "cdc.gov"
	};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
	{
		size_t		size = strlen(hosts[i]);

		if (hosts[i][size - 1] == '.')
		{
			if (end - start > size && memcmp(text->at + start, hosts[i], size) == 0)
				return true;
		}
		else if (end - start >= size && memcmp(text->at + end - size, hosts[i], size) == 0)
			return true;
	}
	return false;
}

static void
offer_url(const text_view *text, size_t start, size_t host, offer *best)
{
	size_t		label,
				end,
				at = host;
	unsigned	dots;

	/* user:password@ */
	while (at < host + LOCAL_MAX && byte_is(text, at, BYTE_LOCAL | BYTE_WORD) &&
		   byte_at(text, at) != '/')
		at++;
	if (byte_at(text, at) == ':' || byte_at(text, at) == '@')
	{
		size_t		sign = at;

		while (sign < at + LOCAL_MAX && sign < text->size && text->at[sign] > ' ' &&
			   text->at[sign] != '@' && text->at[sign] != '/')
			sign++;
		if (byte_at(text, sign) == '@')
			host = sign + 1;
	}
	end = host_end(text, host, &label, &dots);
	if (end == host || (dots == 0 && host == start) || is_public_host(text, host, end))
		return;
	if (dots == 0 && end - host < 4)
		return;
	at = end;
	while (at < start + URL_MAX && at < text->size && text->at[at] > ' ' && text->at[at] != '"' &&
		   text->at[at] != '<' && text->at[at] != '>' && text->at[at] != '\\' &&
		   text->at[at] != '\'' && text->at[at] != ')' && text->at[at] != '|' &&
		   text->at[at] != '^')
		at++;
	while (at > end && strchr(".,;:!?", text->at[at - 1]) != NULL)
		at--;
	hg_phi_offer_rule(text, best, RULE_URL, start, at, 0);
}

/* Anchored at "://" or at "www.". */
void
hg_phi_find_url(const text_view *text, size_t at, offer *best)
{
	size_t		start = at;

	if (byte_at(text, at) != ':')
	{
		if (text->size - at > 6 && memcmp(text->at + at, "www.", 4) == 0 &&
			!byte_before(text, at, BYTE_WORD))
			offer_url(text, at, at, best);
		return;
	}
	if (byte_at(text, at + 1) != '/' || byte_at(text, at + 2) != '/')
		return;
	while (start > 0 && at - start < 12 &&
		   (byte_before(text, start, ASCII_WORD) || text->at[start - 1] == '+'))
		start--;
	if (start < at)
		offer_url(text, start, at + 3, best);
}

/* Anchored at the first digit. */
void
hg_phi_find_ipv4(const text_view *text, size_t at, offer *best)
{
	size_t		end = at;
	unsigned	dots = 0;
	unsigned char joint = text->identifier ? '_' : '.';
	uint32_t	cues;

	if (byte_before(text, at, BYTE_WORD) ||
		(at > 1 && text->at[at - 1] == joint && byte_is(text, at - 2, BYTE_WORD)))
		return;
	while (end < at + 15)
	{
		if (byte_at(text, end) == joint && byte_is(text, end + 1, BYTE_DIGIT))
		{
			if (++dots == 4)
				break;
		}
		else if (!byte_is(text, end, BYTE_DIGIT))
			break;
		end++;
	}
	if (dots < 3 || byte_is(text, end, BYTE_WORD) ||
		!hg_phi_valid_ipv4((const char *) text->at + at, end - at))
		return;
	cues = hg_phi_cues_before(text, at, 16);
	if (cues & CUE_VERSION)
		return;
	if (text->identifier && !(cues & CUE_IP))
		return;
	if (!text->identifier && byte_at(text, end) == '/' && byte_is(text, end + 1, BYTE_DIGIT))
		end += 2 + byte_is(text, end + 2, BYTE_DIGIT);
	hg_phi_offer_rule(text, best, RULE_IPV4, at, end, cues);
}

/* Six or eight pairs of hex digits with the separator that stands at "at". */
static bool
find_mac(const text_view *text, size_t at, offer *best)
{
	size_t		start = at - 2,
				end = at;
	unsigned	pairs = 1;
	unsigned char joint = text->at[at];

	if (at < 2 || !byte_is(text, start, BYTE_HEX) || !byte_is(text, start + 1, BYTE_HEX) ||
		byte_before(text, start, BYTE_WORD) || (start > 0 && text->at[start - 1] == joint))
		return false;
	while (pairs < 9 && byte_at(text, end) == joint && byte_is(text, end + 1, BYTE_HEX) &&
		   byte_is(text, end + 2, BYTE_HEX) && !byte_is(text, end + 3, BYTE_WORD))
	{
		pairs++;
		end += 3;
	}
	if ((pairs != 6 && pairs != 8) || byte_at(text, end) == joint)
		return false;
	hg_phi_offer_rule(text, best, RULE_MAC, start, end, 0);
	return true;
}

/* Anchored at a ':' or '-' with a hex digit or ':' beside it. */
void
hg_phi_find_ipv6_or_mac(const text_view *text, size_t at, offer *best)
{
	size_t		start = at,
				end = at,
				limit;

	if (find_mac(text, at, best) || text->at[at] != ':')
		return;
	while (start > 0 && at - start < 5 && byte_before(text, start, BYTE_HEX))
		start--;
	if (start == at && byte_at(text, at + 1) != ':')
		return;
	if (byte_before(text, start, BYTE_WORD) ||
		(start > 0 && (text->at[start - 1] == ':' || text->at[start - 1] == '.')))
		return;
	limit = start + 46;
	while (end < limit && (byte_is(text, end, BYTE_HEX) || byte_at(text, end) == ':' ||
						   (byte_at(text, end) == '.' && byte_is(text, end + 1, BYTE_DIGIT))))
		end++;
	while (end > at + 1 && text->at[end - 1] == ':' && text->at[end - 2] != ':')
		end--;
	if (byte_is(text, end, BYTE_WORD) ||
		!hg_phi_valid_ipv6((const char *) text->at + start, end - start))
		return;
	if (byte_at(text, end) == '%')
	{
		limit = end + 17;
		for (end++; end < limit && byte_is(text, end, ASCII_WORD); end++)
			;
	}
	hg_phi_offer_rule(text, best, RULE_IPV6, start, end, hg_phi_cues_before(text, start, 16));
}

/* 0102.0304.05ab, anchored at its first digit. */
void
hg_phi_find_mac_dotted(const text_view *text, size_t at, offer *best)
{
	if (at + 14 > text->size || byte_before(text, at, BYTE_WORD) ||
		byte_is(text, at + 14, BYTE_WORD) || text->at[at + 4] != '.' || text->at[at + 9] != '.' ||
		byte_at(text, at + 14) == '.')
		return;
	for (size_t i = 0; i < 14; i++)
		if (i != 4 && i != 9 && !byte_is(text, at + i, BYTE_HEX))
			return;
	hg_phi_offer_rule(text, best, RULE_MAC, at, at + 14, 0);
}
