/*
 * segment_crypto.h
 *		The audit room's seam to OpenSSL: SHA-256, Ed25519, randomness.
 *
 * Pure C without postgres.h.  Every function returns false where the library
 * fails (out of memory, a provider that is missing); none of them raises.
 * Not for use in hooks: the library allocates.
 */
#ifndef HG_AUDIT_SEGMENT_CRYPTO_H
#define HG_AUDIT_SEGMENT_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_AUDIT_HASH_SIZE 32
#define HG_AUDIT_KEY_SIZE 32	/* Ed25519, private seed and public key alike */
#define HG_AUDIT_SIGNATURE_SIZE 64

typedef struct hg_audit_part
{
	const void *data;
	size_t		size;
} hg_audit_part;

/* SHA-256 of the parts, one behind the other. */
extern bool hg_audit_sha256(const hg_audit_part *parts, size_t count,
							uint8_t out[HG_AUDIT_HASH_SIZE]);

/* Frees what this thread keeps for hashing. */
extern void hg_audit_crypto_end(void);

extern bool hg_audit_random(void *out, size_t size);

extern bool hg_audit_key_create(uint8_t private_key[HG_AUDIT_KEY_SIZE],
								uint8_t public_key[HG_AUDIT_KEY_SIZE]);
extern bool hg_audit_sign(const uint8_t private_key[HG_AUDIT_KEY_SIZE], const void *data,
						  size_t size, uint8_t signature[HG_AUDIT_SIGNATURE_SIZE]);
extern bool hg_audit_signature_ok(const uint8_t public_key[HG_AUDIT_KEY_SIZE],
								  const void *data, size_t size,
								  const uint8_t signature[HG_AUDIT_SIGNATURE_SIZE]);

/* Overwrites in a way the compiler does not leave out. */
extern void hg_audit_wipe(void *data, size_t size);

/* Lower-case hexadecimal; out has 2 * size + 1 bytes. */
extern void hg_audit_hex_encode(const uint8_t *data, size_t size, char *out);

/* Takes exactly 2 * size lower-case digits. */
extern bool hg_audit_hex_decode(const char *hex, uint8_t *out, size_t size);

/* Base64 of one line with padding; the text has this size with its terminating zero. */
#define HG_AUDIT_BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)
extern void hg_audit_base64_encode(const void *data, size_t size, char *out);

/* Out has "length" bytes.  Takes more than one spelling: whoever cares encodes again. */
extern bool hg_audit_base64_decode(const char *text, size_t length, uint8_t *out, size_t *size);

/*
 * A fast 32-bit checksum against accidents (torn pages, foreign files).  It
 * is no protection against anybody: that is what the hash chain is for.
 */
extern uint32_t hg_audit_checksum(const void *data, size_t size);

/* Another one of the same kind, faster for many bytes. */
extern uint32_t hg_audit_checksum_long(const void *data, size_t size);

/* A 64-bit hash of the same kind, for dictionaries. Never 0. */
extern uint64_t hg_audit_hash64(const void *data, size_t size);

#endif							/* HG_AUDIT_SEGMENT_CRYPTO_H */
