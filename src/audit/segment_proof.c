/*
 * segment_proof.c
 *		Proofs that one event stands in a trail, which disclose no other.
 *
 * A proof is a checkpoint, the event with its texts, and what of the segment's
 * Merkle tree (RFC 6962) cannot be computed from those: the hashes of the largest
 * subtrees that hold none of them, from left to right.  Whoever makes it and
 * whoever checks it walk the tree in the same order.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/segment_proof.h"

#define TITLE "hipaa_guard proof 2\n"
#define HASHES_MAX (HG_AUDIT_PROOF_ITEMS * HG_AUDIT_MERKLE_DEPTH)

_Static_assert(sizeof(hg_audit_checkpoint) == 248, "a checkpoint stands in proofs as it is");

typedef uint8_t hash[HG_AUDIT_HASH_SIZE];

/* What a proof consists of. Its text is the only one that says the same. */
typedef struct proof
{
	hg_audit_checkpoint checkpoint;
	size_t		count;
	uint64_t	places[HG_AUDIT_PROOF_ITEMS];	/* among the leaves, ascending */
	const hg_audit_item *items[HG_AUDIT_PROOF_ITEMS];
	size_t		hash_count;
	hash		hashes[HASHES_MAX];
} proof;

/* The leaves of a segment up to the first checkpoint that signs the event. */
typedef struct leaf_list
{
	hash	   *hashes;
	const hg_audit_item **items;
	size_t		count;			/* without the checkpoint */
	size_t		max;
	const hg_audit_item *checkpoint;
	const hg_audit_event_item *event;
} leaf_list;

static bool
node(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
	static const uint8_t prefix = 1;
	hg_audit_part parts[] = {{&prefix, 1}, {left, sizeof(hash)}, {right, sizeof(hash)}};

	return hg_audit_sha256(parts, 3, out);
}

/* The largest power of two below a count that is more than one. */
static size_t
split(size_t count)
{
	size_t		left = 1;

	while (left * 2 < count)
		left *= 2;
	return left;
}

static bool
range_root(const hash *hashes, size_t count, uint8_t *out)
{
	hash		left;
	hash		right;

	if (count == 1)
	{
		memcpy(out, hashes[0], sizeof(hash));
		return true;
	}
	return range_root(hashes, split(count), left)
		&& range_root(hashes + split(count), count - split(count), right)
		&& node(left, right, out);
}

/* A walk over the tree; without "leaves" what is not known is taken from the proof. */
typedef struct walk
{
	proof	   *p;
	const hash *leaves;
	size_t		hashes_used;
} walk;

/* The hash of a subtree that holds none of the items. */
static bool
foreign_root(walk *w, uint64_t first, uint64_t count, uint8_t *out)
{
	size_t		at = w->hashes_used++;

	if (w->leaves != NULL)
	{
		if (at >= HASHES_MAX || !range_root(w->leaves + first, count, w->p->hashes[at]))
			return false;
		w->p->hash_count++;
	}
	if (at >= w->p->hash_count)
		return false;
	memcpy(out, w->p->hashes[at], sizeof(hash));
	return true;
}

/* The hash of a subtree, of whose leaves the proof has items [item, end). */
static bool
subtree_root(walk *w, uint64_t first, uint64_t count, size_t item, size_t end, uint8_t *out)
{
	hash		left;
	hash		right;
	uint64_t	half;
	size_t		middle = item;

	if (item == end)
		return foreign_root(w, first, count, out);
	if (count == 1)
		return hg_audit_merkle_leaf(w->p->items[item], w->p->items[item]->size, out);
	half = split(count);
	while (middle < end && w->p->places[middle] < first + half)
		middle++;
	return subtree_root(w, first, half, item, middle, left)
		&& subtree_root(w, first + half, count - half, middle, end, right)
		&& node(left, right, out);
}

/* Whether the items lead to the checkpoint's root; with leaves, the proof gets its hashes first. */
static bool
is_under_root(proof *p, const hash *leaves)
{
	walk		w = {p, leaves, 0};
	hash		root;

	for (size_t i = 0; i < p->count; i++)
	{
		if (p->places[i] >= p->checkpoint.items || (i > 0 && p->places[i] <= p->places[i - 1]))
			return false;
	}
	return p->count > 0 && p->checkpoint.items <= INT64_MAX
		&& subtree_root(&w, 0, p->checkpoint.items, 0, p->count, root)
		&& w.hashes_used == p->hash_count
		&& memcmp(root, p->checkpoint.root, sizeof(hash)) == 0;
}

static bool
base64_write(FILE *out, const void *data, size_t size)
{
	char	   *text = malloc(HG_AUDIT_BASE64_SIZE(size));

	if (text == NULL)
		return false;
	hg_audit_base64_encode(data, size, text);
	fprintf(out, "%s\n", text);
	free(text);
	return true;
}

static bool
proof_write(const proof *p, FILE *out)
{
	bool		ok;

	fputs(TITLE "checkpoint ", out);
	ok = base64_write(out, &p->checkpoint, sizeof(p->checkpoint));
	for (size_t i = 0; ok && i < p->count; i++)
	{
		fprintf(out, "item %" PRIu64 " ", p->places[i]);
		ok = base64_write(out, p->items[i], p->items[i]->size);
	}
	fputs("path ", out);
	return ok && base64_write(out, p->hashes, p->hash_count * sizeof(hash));
}

/* Takes an item; false if there is no memory. */
static bool
leaf_add(leaf_list *l, const hg_audit_item *item, uint64_t seq)
{
	const hg_audit_event_item *event = (const hg_audit_event_item *) item;

	if (item->kind == HG_AUDIT_ITEM_CHECKPOINT && l->event != NULL)
	{
		l->checkpoint = item;
		return true;
	}
	if (item->kind == HG_AUDIT_ITEM_EVENT && event->seq == seq)
		l->event = event;
	if (l->count == l->max)
	{
		l->max = l->max * 2 + 1024;
		l->hashes = realloc(l->hashes, l->max * sizeof(hash));
		l->items = realloc(l->items, l->max * sizeof(l->items[0]));
		if (l->hashes == NULL || l->items == NULL)
			return false;
	}
	l->items[l->count] = item;
	return hg_audit_merkle_leaf(item, item->size, l->hashes[l->count++]);
}

static bool
leaves_read(leaf_list *l, const uint8_t *data, size_t size, uint64_t seq)
{
	const hg_audit_frame_header *frame;
	size_t		offset = sizeof(hg_audit_segment_header);

	for (; hg_audit_frame_at(data, size, offset, true, &frame) == HG_AUDIT_FOUND_FRAME;
		 offset += frame->size)
	{
		const hg_audit_item *item;
		size_t		at = 0;

		while (l->checkpoint == NULL && (item = hg_audit_item_next(frame, &at)) != NULL)
		{
			if (!leaf_add(l, item, seq))
				return false;
		}
	}
	return true;
}

/* Whether an item is the event or one of its texts. */
static bool
belongs(const hg_audit_item *item, const hg_audit_event_item *event)
{
	const hg_audit_text_item *text = (const hg_audit_text_item *) item;
	bool		wanted = item == &event->item;

	if (item->kind != HG_AUDIT_ITEM_TEXT || item->size < sizeof(*text))
		return wanted;
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
		wanted |= event->texts[i] == text->number;
	return wanted;
}

static const char *
leaves_prove(const leaf_list *l, FILE *out)
{
	static proof p;
	const char *line;
	size_t		size;

	if (l->event == NULL)
		return "there is no such event: its number may be in a gap";
	if (l->checkpoint == NULL)
		return "no checkpoint signs the event yet";
	memset(&p, 0, sizeof(p));
	line = hg_audit_item_text(l->checkpoint, &size);
	if (line == NULL || !hg_audit_checkpoint_parse(line, size, &p.checkpoint))
		return "the checkpoint is malformed";
	for (size_t i = 0; i < l->count; i++)
	{
		if (!belongs(l->items[i], l->event))
			continue;
		if (p.count == HG_AUDIT_PROOF_ITEMS)
			return "the segment is damaged: a text is there twice";
		p.places[p.count] = i;
		p.items[p.count++] = l->items[i];
	}
	if (p.checkpoint.items != l->count || !is_under_root(&p, (const hash *) l->hashes))
		return "the segment is damaged: it is not what its checkpoint signs";
	return proof_write(&p, out) ? NULL : "out of memory";
}

const char *
hg_audit_prove(const char *directory, uint64_t seq, FILE *out)
{
	const char *problem = "there is no such event";
	hg_audit_files list;

	if (!hg_audit_files_list(directory, &list))
		return "the audit directory cannot be read";
	for (size_t i = list.count; i > 0; i--)
	{
		char		path[HG_AUDIT_PATH_SIZE + HG_AUDIT_FILE_NAME_SIZE];
		leaf_list	l = {NULL, NULL, 0, 0, NULL, NULL};
		uint8_t    *data;
		size_t		size;
		bool		ours;

		snprintf(path, sizeof(path), "%s/%s", directory, list.files[i - 1].name);
		if (!hg_audit_file_read(path, &data, &size))
			continue;
		ours = hg_audit_segment_header_problem(data, size) == NULL
			&& ((const hg_audit_segment_header *) data)->seq_first <= seq;
		if (ours)
			problem = leaves_read(&l, data, size, seq) ? leaves_prove(&l, out) : "out of memory";
		free(l.hashes);
		free(l.items);
		free(data);
		if (ours)
			break;
	}
	hg_audit_files_free(&list);
	return problem;
}

/* Reads base64 up to the end of the line and beyond it; allocated, NULL if it is none. */
static uint8_t *
base64_read(const char **at, size_t *size)
{
	size_t		length = strcspn(*at, "\n");
	uint8_t    *data = malloc(length + 1);

	if (data == NULL || (*at)[length] == '\0' || !hg_audit_base64_decode(*at, length, data, size))
	{
		free(data);
		return NULL;
	}
	*at += length + 1;
	return data;
}

/* The same into a structure that has room for so many bytes. */
static bool
base64_read_into(const char **at, void *to, size_t room, size_t *size)
{
	uint8_t    *data = base64_read(at, size);
	bool		ok = data != NULL && *size <= room;

	if (ok)
		memcpy(to, data, *size);
	free(data);
	return ok;
}

/* The words of a proof, loosely: whether they are spelled as they must be is found out later. */
static bool
proof_parse(const char *text, proof *p)
{
	const char *at = text + strlen(TITLE);
	uint64_t	place;
	size_t		size;
	int			read = 0;

	if (strncmp(text, TITLE, strlen(TITLE)) != 0 || strncmp(at, "checkpoint ", 11) != 0)
		return false;
	at += 11;
	if (!base64_read_into(&at, &p->checkpoint, sizeof(p->checkpoint), &size)
		|| size != sizeof(p->checkpoint))
		return false;
	while (sscanf(at, "item %" SCNu64 " %n", &place, &read) == 1)
	{
		at += read;
		if (p->count == HG_AUDIT_PROOF_ITEMS)
			return false;
		p->places[p->count] = place;
		p->items[p->count] = (const hg_audit_item *) base64_read(&at, &size);
		if (p->items[p->count++] == NULL || size < sizeof(hg_audit_item)
			|| p->items[p->count - 1]->size != size)
			return false;
	}
	if (strncmp(at, "path ", 5) != 0)
		return false;
	at += 5;
	if (!base64_read_into(&at, p->hashes, sizeof(p->hashes), &size) || size % sizeof(hash) != 0)
		return false;
	p->hash_count = size / sizeof(hash);
	return true;
}

/* Whether the proof's text is the one that it would be written with. */
static bool
is_spelled(const proof *p, const char *text, size_t size)
{
	char	   *again = NULL;
	size_t		again_size = 0;
	FILE	   *out = open_memstream(&again, &again_size);
	bool		ok = out != NULL && proof_write(p, out);

	if (out != NULL && fclose(out) != 0)
		ok = false;
	ok = ok && again_size == size && memcmp(again, text, size) == 0;
	free(again);
	return ok;
}

/* The event, and each of its texts once; nothing else. */
static const char *
items_take(const proof *p, hg_audit_proven *proven)
{
	const hg_audit_event_item *event = NULL;

	for (size_t i = 0; i < p->count; i++)
	{
		if (p->items[i]->kind == HG_AUDIT_ITEM_EVENT && event == NULL
			&& p->items[i]->size >= sizeof(*event))
			event = (const hg_audit_event_item *) p->items[i];
	}
	if (event == NULL)
		return "there is no event";
	memcpy(&proven->event, event, sizeof(proven->event));
	for (size_t i = 0; i < p->count; i++)
	{
		const hg_audit_text_item *text = (const hg_audit_text_item *) p->items[i];

		if (!belongs(p->items[i], event))
			return "there is a record that does not belong to the event";
		for (int t = 0; p->items[i] != &event->item && t < HG_AUDIT_TEXTS; t++)
		{
			if (event->texts[t] == text->number)
				proven->texts[t] = hg_audit_item_text(p->items[i], &proven->sizes[t]);
		}
	}
	for (int t = 0; t < HG_AUDIT_TEXTS; t++)
	{
		if (event->texts[t] != 0 && proven->texts[t] == NULL)
			return "a text of the event is not there";
	}
	return NULL;
}

const char *
hg_audit_proof_check(const char *text, size_t size, const uint8_t *public_key,
					 hg_audit_proven *proven)
{
	static proof p;
	bool		parsed;

	memset(&p, 0, sizeof(p));
	memset(proven, 0, sizeof(*proven));
	parsed = proof_parse(text, &p);
	memcpy(proven->items, p.items, sizeof(p.items));
	proven->checkpoint = p.checkpoint;
	if (!parsed || !is_spelled(&p, text, size))
		return "this is no proof, or it was changed";
	if (!hg_audit_checkpoint_ok(&p.checkpoint, public_key))
		return "the checkpoint is not signed by this key";
	if (!is_under_root(&p, NULL))
		return "a record is not under the checkpoint's root";
	return items_take(&p, proven);
}

void
hg_audit_proven_free(hg_audit_proven *proven)
{
	for (size_t i = 0; i < HG_AUDIT_PROOF_ITEMS; i++)
		free((void *) proven->items[i]);
}
