/*
 * merkle.h
 *		The Merkle tree of RFC 6962, grown leaf by leaf.
 *
 * Pure C without postgres.h.  Memory is constant: only the roots of the
 * complete subtrees to the left are kept, as in the binary digits of the
 * number of leaves.
 */
#ifndef HG_AUDIT_MERKLE_H
#define HG_AUDIT_MERKLE_H

#include "audit/segment_crypto.h"

#define HG_AUDIT_MERKLE_DEPTH 64

typedef struct hg_audit_merkle
{
	uint64_t	leaves;
	uint8_t		subtrees[HG_AUDIT_MERKLE_DEPTH][HG_AUDIT_HASH_SIZE];
} hg_audit_merkle;

/* The hash of a leaf: SHA-256 of a byte 0 and the data. */
extern bool hg_audit_merkle_leaf(const void *data, size_t size, uint8_t out[HG_AUDIT_HASH_SIZE]);

extern void hg_audit_merkle_init(hg_audit_merkle *tree);
extern bool hg_audit_merkle_add(hg_audit_merkle *tree, const uint8_t leaf[HG_AUDIT_HASH_SIZE]);

/* The root of what is there so far; of an empty tree the hash of nothing. */
extern bool hg_audit_merkle_root(const hg_audit_merkle *tree, uint8_t out[HG_AUDIT_HASH_SIZE]);

#endif							/* HG_AUDIT_MERKLE_H */
