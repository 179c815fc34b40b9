/*
 * segment_proof.c
 *		Proofs that one event stands in a trail, which disclose no other.
 *
 * The paths are those of RFC 6962, 2.1.1: the hashes of the siblings, from the
 * leaf up.  The event's stands there whole, its texts' up to where they meet it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/segment_proof.h"

#define TITLE "hipaa_guard proof 1\n"
#define PATH_MAX_HASHES 64

typedef uint8_t hash[HG_AUDIT_HASH_SIZE];

/* The leaves of a segment, and where the event and its texts are among them. */
typedef struct leaves
{
	hash	   *hashes;
	const hg_audit_item **items;
	size_t		count;
	size_t		under_root;		/* of them, under the last checkpoint */
	const hg_audit_item *checkpoint;
	size_t		event;			/* SIZE_MAX: not there */
} leaves;

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

/* The siblings on the way from a leaf to the root, from the leaf up; their number, or -1. */
static int
path_of(const hash *hashes, size_t count, size_t index, hash *path)
{
	size_t		left = count > 1 ? split(count) : 0;
	int			length;

	if (count <= 1)
		return 0;
	if (index < left)
	{
		length = path_of(hashes, left, index, path);
		return length < 0 || !range_root(hashes + left, count - left, path[length])
			? -1 : length + 1;
	}
	length = path_of(hashes + left, count - left, index - left, path);
	return length < 0 || !range_root(hashes, left, path[length]) ? -1 : length + 1;
}

/* How long the path of a leaf is. */
static int
path_length(size_t count, size_t index)
{
	int			length = 0;

	for (; count > 1; length++)
	{
		size_t		left = split(count);
		bool		on_left = index < left;

		index -= on_left ? 0 : left;
		count = on_left ? left : count - left;
	}
	return length;
}

/* The root that a leaf and its path lead to; the twin of path_of(). */
static bool
path_root(const hash leaf, size_t count, size_t index, const hash *path, int length, uint8_t *out)
{
	size_t		left = count > 1 ? split(count) : 0;
	hash		below;

	if (count <= 1)
	{
		memcpy(out, leaf, sizeof(hash));
		return length == 0;
	}
	if (length == 0)
		return false;
	if (index < left)
		return path_root(leaf, left, index, path, length - 1, below)
			&& node(below, path[length - 1], out);
	return path_root(leaf, count - left, index - left, path, length - 1, below)
		&& node(path[length - 1], below, out);
}

static bool
leaf_add(leaves *l, const hg_audit_item *item, size_t *max, uint64_t seq)
{
	const hg_audit_event_item *event = (const hg_audit_event_item *) item;

	if (l->count == *max)
	{
		*max = *max * 2 + 1024;
		l->hashes = realloc(l->hashes, *max * sizeof(hash));
		l->items = realloc(l->items, *max * sizeof(l->items[0]));
		if (l->hashes == NULL || l->items == NULL)
			return false;
	}
	if (item->kind == HG_AUDIT_ITEM_EVENT && event->seq == seq)
		l->event = l->count;
	if (item->kind == HG_AUDIT_ITEM_CHECKPOINT)
	{
		l->checkpoint = item;
		l->under_root = l->count;
	}
	l->items[l->count] = item;
	return hg_audit_merkle_leaf(item, item->size, l->hashes[l->count++]);
}

static bool
leaves_read(leaves *l, const uint8_t *data, size_t size, uint64_t seq)
{
	const hg_audit_frame_header *frame;
	size_t		offset = sizeof(hg_audit_segment_header);
	size_t		max = 0;

	l->event = SIZE_MAX;
	for (; hg_audit_frame_at(data, size, offset, true, &frame) == HG_AUDIT_FOUND_FRAME;
		 offset += frame->size)
	{
		const hg_audit_item *item;
		size_t		at = 0;

		while ((item = hg_audit_item_next(frame, &at)) != NULL)
		{
			if (!leaf_add(l, item, &max, seq))
				return false;
		}
	}
	return true;
}

static void
hex_write(FILE *out, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%02x", ((const uint8_t *) data)[i]);
}

/* The path of the event, which those of its texts end in. */
typedef struct common_path
{
	hash		hashes[PATH_MAX_HASHES];
	int			length;
} common_path;

/* "item INDEX ITEM PATH": the path without what it has in common with the event's. */
static bool
item_write(const leaves *l, size_t index, common_path *common, FILE *out)
{
	hash		path[PATH_MAX_HASHES];
	int			length = path_of((const hash *) l->hashes, l->under_root, index, path);
	int			shared = common->length;

	if (length < 0)
		return false;
	if (common->length == 0)
		memcpy(common->hashes, path, (size_t) (common->length = length) * sizeof(hash));
	for (; shared > 0 && length > 0
		 && memcmp(path[length - 1], common->hashes[shared - 1], sizeof(hash)) == 0; shared--)
		length--;
	fprintf(out, "item %zu ", index);
	hex_write(out, l->items[index], l->items[index]->size);
	fputc(' ', out);
	hex_write(out, path, (size_t) length * sizeof(hash));
	fputc('\n', out);
	return true;
}

static const char *
proof_write(const leaves *l, FILE *out)
{
	const hg_audit_event_item *event;
	common_path common = {.length = 0};
	const char *line;
	size_t		size;

	if (l->event == SIZE_MAX)
		return "there is no such event: its number may be in a gap";
	if (l->checkpoint == NULL || l->event >= l->under_root)
		return "no checkpoint signs the event yet";
	line = hg_audit_item_text(l->checkpoint, &size);
	event = (const hg_audit_event_item *) l->items[l->event];
	if (line == NULL)
		return "the checkpoint is malformed";
	fprintf(out, TITLE "%.*s\n", (int) size, line);
	if (!item_write(l, l->event, &common, out))
		return "hashing failed";
	for (size_t i = 0; i < l->under_root; i++)
	{
		const hg_audit_text_item *text = (const hg_audit_text_item *) l->items[i];
		bool		wanted = false;

		for (int t = 0; t < HG_AUDIT_TEXTS; t++)
			wanted |= l->items[i]->kind == HG_AUDIT_ITEM_TEXT && event->texts[t] == text->number;
		if (wanted && !item_write(l, i, &common, out))
			return "hashing failed";
	}
	return NULL;
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
		leaves		l = {NULL, NULL, 0, 0, NULL, SIZE_MAX};
		uint8_t    *data;
		size_t		size;
		bool		ours;

		snprintf(path, sizeof(path), "%s/%s", directory, list.files[i - 1].name);
		if (!hg_audit_file_read(path, &data, &size))
			continue;
		ours = hg_audit_segment_header_problem(data, size) == NULL
			&& ((const hg_audit_segment_header *) data)->seq_first <= seq;
		if (ours)
			problem = leaves_read(&l, data, size, seq) ? proof_write(&l, out) : "out of memory";
		free(l.hashes);
		free(l.items);
		free(data);
		if (ours)
			break;
	}
	hg_audit_files_free(&list);
	return problem;
}

/* Reads hexadecimal digits up to a blank or the end of the line; allocated, *size in bytes. */
static uint8_t *
hex_read(const char **at, size_t *size)
{
	size_t		digits = strspn(*at, "0123456789abcdef");
	uint8_t    *data = malloc(digits / 2 + 8);

	*size = digits / 2;
	if (data == NULL || digits % 2 != 0 || !hg_audit_hex_decode(*at, data, *size))
	{
		free(data);
		return NULL;
	}
	*at += digits;
	return data;
}

/* Whether an item stands at a place under the checkpoint's root. "path" is what the line has. */
static bool
item_proven(const hg_audit_checkpoint *checkpoint, const uint8_t *item, size_t item_size,
			uint64_t index, const uint8_t *path, size_t path_size, common_path *common)
{
	hash		whole[PATH_MAX_HASHES];
	hash		leaf;
	hash		root;
	int			given = (int) (path_size / sizeof(hash));
	int			length;

	if (item_size < sizeof(hg_audit_item) || ((const hg_audit_item *) item)->size != item_size
		|| index >= checkpoint->items || path_size % sizeof(hash) != 0)
		return false;
	length = path_length(checkpoint->items, index);
	if (path_size > sizeof(whole) || length > PATH_MAX_HASHES || given > length
		|| length - given > common->length)
		return false;
	memcpy(whole, path, path_size);
	memcpy(whole + given, common->hashes + common->length - (length - given),
		   (size_t) (length - given) * sizeof(hash));
	if (common->length == 0)
		memcpy(common->hashes, whole, (size_t) (common->length = length) * sizeof(hash));
	return hg_audit_merkle_leaf(item, item_size, leaf)
		&& path_root(leaf, checkpoint->items, index, (const hash *) whole, length, root)
		&& memcmp(root, checkpoint->root, sizeof(hash)) == 0;
}

/* One "item" line; *item is allocated. The line's end is behind it. */
static const char *
item_read(const char **at, const hg_audit_checkpoint *checkpoint, common_path *common,
		  hg_audit_item **item)
{
	uint64_t	index;
	int			read = 0;
	uint8_t    *data = NULL;
	uint8_t    *path = NULL;
	size_t		size = 0;
	size_t		path_size = 0;
	bool		ok;

	if (sscanf(*at, "item %" SCNu64 " %n", &index, &read) != 1 || read == 0)
		return "line is malformed";
	*at += read;
	data = hex_read(at, &size);
	if (data != NULL && **at == ' ')
	{
		(*at)++;
		path = hex_read(at, &path_size);
	}
	ok = path != NULL && *(*at)++ == '\n'
		&& item_proven(checkpoint, data, size, index, path, path_size, common);
	free(path);
	if (!ok)
	{
		free(data);
		return "a record is not under the checkpoint's root";
	}
	*item = (hg_audit_item *) data;
	return NULL;
}

static void
text_take(hg_audit_proven *proven, const hg_audit_item *item)
{
	const hg_audit_text_item *text = (const hg_audit_text_item *) item;

	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		if (proven->event.texts[i] == text->number)
			proven->texts[i] = hg_audit_item_text(item, &proven->sizes[i]);
	}
}

const char *
hg_audit_proof_check(const char *proof, const uint8_t *public_key, hg_audit_proven *proven)
{
	const char *at = proof + strlen(TITLE);
	common_path common = {.length = 0};
	size_t		line;

	memset(proven, 0, sizeof(*proven));
	if (strncmp(proof, TITLE, strlen(TITLE)) != 0)
		return "this is no proof";
	line = strcspn(at, "\n");
	if (!hg_audit_checkpoint_parse(at, line, &proven->checkpoint) || at[line] == '\0')
		return "the checkpoint is malformed";
	if (!hg_audit_checkpoint_ok(&proven->checkpoint, public_key))
		return "the checkpoint is not signed by this key";
	for (at += line + 1; *at != '\0';)
	{
		hg_audit_item *item;
		const char *problem = item_read(&at, &proven->checkpoint, &common, &item);

		if (problem != NULL)
			return problem;
		/* What the texts point to lives as long as the process: a tool's. */
		if (item->kind == HG_AUDIT_ITEM_EVENT && item->size >= sizeof(proven->event)
			&& proven->event.seq == 0)
			memcpy(&proven->event, item, sizeof(proven->event));
		else if (item->kind == HG_AUDIT_ITEM_TEXT && item->size >= sizeof(hg_audit_text_item)
				 && proven->event.seq != 0)
			text_take(proven, item);
		else
			return "there is a record that does not belong to the event";
	}
	for (int i = 0; i < HG_AUDIT_TEXTS; i++)
	{
		if (proven->event.texts[i] != 0 && proven->texts[i] == NULL)
			return "a text of the event is not there";
	}
	return proven->event.seq == 0 ? "there is no event" : NULL;
}
