/*
 * merkle.c
 *		The Merkle tree of RFC 6962, grown leaf by leaf.
 */
#include <string.h>

#include "audit/merkle.h"

/* Leaves and inner nodes differ in their first byte, so that neither passes for the other. */
static const uint8_t leaf_prefix = 0;
static const uint8_t node_prefix = 1;

static bool
node_hash(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
	uint8_t		node[1 + 2 * HG_AUDIT_HASH_SIZE];
	hg_audit_part part = {node, sizeof(node)};

	node[0] = node_prefix;
	memcpy(node + 1, left, HG_AUDIT_HASH_SIZE);
	memcpy(node + 1 + HG_AUDIT_HASH_SIZE, right, HG_AUDIT_HASH_SIZE);
	return hg_audit_sha256(&part, 1, out);
}

bool
hg_audit_merkle_leaf(const void *data, size_t size, uint8_t out[HG_AUDIT_HASH_SIZE])
{
	hg_audit_part parts[] = {{&leaf_prefix, 1}, {data, size}};
	uint8_t		whole[128];
	hg_audit_part part = {whole, 1 + size};

	if (size >= sizeof(whole))
		return hg_audit_sha256(parts, 2, out);
	/* In one piece: each call of the library costs as much as hashing 20 bytes. */
	whole[0] = leaf_prefix;
	memcpy(whole + 1, data, size);
	return hg_audit_sha256(&part, 1, out);
}

void
hg_audit_merkle_init(hg_audit_merkle *tree)
{
	tree->leaves = 0;
}

bool
hg_audit_merkle_add(hg_audit_merkle *tree, const uint8_t leaf[HG_AUDIT_HASH_SIZE])
{
	uint8_t		hash[HG_AUDIT_HASH_SIZE];
	int			level = 0;

	memcpy(hash, leaf, sizeof(hash));
	for (uint64_t rest = tree->leaves; rest & 1; rest >>= 1, level++)
	{
		if (!node_hash(tree->subtrees[level], hash, hash))
			return false;
	}
	memcpy(tree->subtrees[level], hash, sizeof(hash));
	tree->leaves++;
	return true;
}

bool
hg_audit_merkle_root(const hg_audit_merkle *tree, uint8_t out[HG_AUDIT_HASH_SIZE])
{
	bool		first = true;

	if (tree->leaves == 0)
		return hg_audit_sha256(NULL, 0, out);
	for (int level = 0; level < HG_AUDIT_MERKLE_DEPTH; level++)
	{
		if ((tree->leaves >> level & 1) == 0)
			continue;
		if (first)
			memcpy(out, tree->subtrees[level], HG_AUDIT_HASH_SIZE);
		else if (!node_hash(tree->subtrees[level], out, out))
			return false;
		first = false;
	}
	return true;
}
