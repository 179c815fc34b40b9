/*
 * segment_dictionary.c
 *		The texts of the segment that is being written, by content.
 *
 * Open addressing, at most half full.  Texts are compared byte by byte: the
 * hash can be aimed at, and an event must never show another one's statement.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/segment_dictionary.h"

typedef struct entry
{
	uint64_t	hash;
	char	   *text;			/* NULL: free */
	uint32_t	size;
	uint32_t	number;
} entry;

struct hg_audit_dictionary
{
	entry	   *entries;
	uint32_t	max;			/* a power of two */
	uint32_t	count;
};

hg_audit_dictionary *
hg_audit_dictionary_create(void)
{
	hg_audit_dictionary *dictionary = calloc(1, sizeof(*dictionary));

	if (dictionary == NULL)
		return NULL;
	dictionary->max = 1024;
	dictionary->entries = calloc(dictionary->max, sizeof(entry));
	if (dictionary->entries == NULL)
	{
		free(dictionary);
		return NULL;
	}
	return dictionary;
}

void
hg_audit_dictionary_clear(hg_audit_dictionary *dictionary)
{
	for (uint32_t i = 0; i < dictionary->max; i++)
	{
		free(dictionary->entries[i].text);
		dictionary->entries[i].text = NULL;
	}
	dictionary->count = 0;
}

void
hg_audit_dictionary_free(hg_audit_dictionary *dictionary)
{
	if (dictionary == NULL)
		return;
	hg_audit_dictionary_clear(dictionary);
	free(dictionary->entries);
	free(dictionary);
}

/* Where a text stands, or the free place for it. */
static entry *
find(entry *entries, uint32_t max, const char *text, size_t size, uint64_t hash)
{
	uint32_t	at = (uint32_t) hash & (max - 1);

	while (entries[at].text != NULL
		   && (entries[at].hash != hash || entries[at].size != size
			   || memcmp(entries[at].text, text, size) != 0))
		at = (at + 1) & (max - 1);
	return &entries[at];
}

static bool
grow(hg_audit_dictionary *dictionary)
{
	uint32_t	max = dictionary->max * 2;
	entry	   *entries = calloc(max, sizeof(entry));

	if (entries == NULL)
		return false;
	for (uint32_t i = 0; i < dictionary->max; i++)
	{
		const entry *old = &dictionary->entries[i];

		if (old->text != NULL)
			*find(entries, max, old->text, old->size, old->hash) = *old;
	}
	free(dictionary->entries);
	dictionary->entries = entries;
	dictionary->max = max;
	return true;
}

uint32_t
hg_audit_dictionary_number(hg_audit_dictionary *dictionary, const char *text, size_t size,
						   uint64_t hash, bool *found)
{
	entry	   *place = find(dictionary->entries, dictionary->max, text, size, hash);

	*found = place->text != NULL;
	if (*found)
		return place->number;
	if (dictionary->count >= dictionary->max / 2)
	{
		if (!grow(dictionary))
			return 0;
		place = find(dictionary->entries, dictionary->max, text, size, hash);
	}
	place->text = malloc(size + 1);
	if (place->text == NULL)
		return 0;
	memcpy(place->text, text, size);
	place->hash = hash;
	place->size = (uint32_t) size;
	place->number = ++dictionary->count;
	return place->number;
}
