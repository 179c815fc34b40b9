/*
 * Goal: the Merkle tree is RFC 6962's, so that others can check our proofs.
 * Method: the roots that Certificate Transparency's own tests publish for eight
 * leaves, and a naive recursive tree as a twin for larger ones.
 */
#include <stdlib.h>

#include "audit/merkle.h"
#include "tap.h"

static const char *const leaves[] = {
	"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
	"606162636465666768696a6b6c6d6e6f"
};
static const char *const roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
};

static void
root_is(const hg_audit_merkle *tree, const char *want, const char *what, size_t number)
{
	uint8_t		root[HG_AUDIT_HASH_SIZE];
	char		hex[2 * HG_AUDIT_HASH_SIZE + 1] = "";

	if (hg_audit_merkle_root(tree, root))
		hg_audit_hex_encode(root, sizeof(root), hex);
	is_str(hex, want, "%s %zu", what, number);
}

/* The definition, word by word: split at the largest power of two below the size. */
static void
naive_root(const uint8_t (*hashes)[HG_AUDIT_HASH_SIZE], size_t count, uint8_t *out)
{
	uint8_t		node[1 + 2 * HG_AUDIT_HASH_SIZE] = {1};
	hg_audit_part part = {node, sizeof(node)};
	size_t		left = 1;

	if (count == 1)
	{
		memcpy(out, hashes[0], HG_AUDIT_HASH_SIZE);
		return;
	}
	while (left * 2 < count)
		left *= 2;
	naive_root(hashes, left, node + 1);
	naive_root(hashes + left, count - left, node + 1 + HG_AUDIT_HASH_SIZE);
	hg_audit_sha256(&part, 1, out);
}

int
main(void)
{
	static uint8_t hashes[200][HG_AUDIT_HASH_SIZE];
	hg_audit_merkle tree;
	int			same = 0;

	hg_audit_merkle_init(&tree);
	root_is(&tree, roots[0], "root of leaves", 0);
	for (size_t i = 0; i < 8; i++)
	{
		uint8_t		data[16];
		uint8_t		leaf[HG_AUDIT_HASH_SIZE];
		size_t		size = strlen(leaves[i]) / 2;

		ok(hg_audit_hex_decode(leaves[i], data, size), "leaf %zu is hexadecimal", i);
		hg_audit_merkle_leaf(data, size, leaf);
		hg_audit_merkle_add(&tree, leaf);
		root_is(&tree, roots[i + 1], "root of leaves", i + 1);
	}

	hg_audit_merkle_init(&tree);
	for (size_t i = 0; i < 200; i++)
	{
		uint8_t		root[HG_AUDIT_HASH_SIZE];
		uint8_t		naive[HG_AUDIT_HASH_SIZE];

		hg_audit_merkle_leaf(&i, sizeof(i), hashes[i]);
		hg_audit_merkle_add(&tree, hashes[i]);
		hg_audit_merkle_root(&tree, root);
		naive_root((const uint8_t (*)[HG_AUDIT_HASH_SIZE]) hashes, i + 1, naive);
		same += memcmp(root, naive, sizeof(root)) == 0;
	}
	is_int(same, 200, "trees of 1 to 200 leaves are as the definition says");
	return done();
}
