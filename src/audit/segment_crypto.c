/*
 * segment_crypto.c
 *		The audit room's seam to OpenSSL: SHA-256, Ed25519, randomness.
 *
 * One context that has begun a SHA-256 and one to work in are kept for the life
 * of the thread: fetching the digest anew costs as much as hashing 256 bytes,
 * beginning it anew a tenth of an event's hash more than a copy of what has begun.
 */
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "audit/segment_crypto.h"

static _Thread_local EVP_MD_CTX *digest_context;
static _Thread_local EVP_MD_CTX *digest_begun;

static bool
digest_prepare(void)
{
	EVP_MD	   *sha256;

	if (digest_context != NULL)
		return true;
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	digest_context = EVP_MD_CTX_new();
	digest_begun = EVP_MD_CTX_new();
	if (sha256 == NULL || digest_context == NULL || digest_begun == NULL
		|| EVP_DigestInit_ex2(digest_begun, sha256, NULL) != 1)
		hg_audit_crypto_end();
	/* The contexts hold it. */
	EVP_MD_free(sha256);
	return digest_context != NULL;
}

void
hg_audit_crypto_end(void)
{
	EVP_MD_CTX_free(digest_context);
	EVP_MD_CTX_free(digest_begun);
	digest_context = NULL;
	digest_begun = NULL;
}

bool
hg_audit_sha256(const hg_audit_part *parts, size_t count, uint8_t out[HG_AUDIT_HASH_SIZE])
{
	if (!digest_prepare() || EVP_MD_CTX_copy_ex(digest_context, digest_begun) != 1)
		return false;
	for (size_t i = 0; i < count; i++)
	{
		if (EVP_DigestUpdate(digest_context, parts[i].data, parts[i].size) != 1)
			return false;
	}
	return EVP_DigestFinal_ex(digest_context, out, NULL) == 1;
}

bool
hg_audit_random(void *out, size_t size)
{
	return RAND_bytes(out, (int) size) == 1;
}

bool
hg_audit_key_create(uint8_t private_key[HG_AUDIT_KEY_SIZE], uint8_t public_key[HG_AUDIT_KEY_SIZE])
{
	size_t		size = HG_AUDIT_KEY_SIZE;
	EVP_PKEY   *key;
	bool		ok;

	if (!hg_audit_random(private_key, HG_AUDIT_KEY_SIZE))
		return false;
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, HG_AUDIT_KEY_SIZE);
	if (key == NULL)
		return false;
	ok = EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1 && size == HG_AUDIT_KEY_SIZE;
	EVP_PKEY_free(key);
	return ok;
}

bool
hg_audit_sign(const uint8_t private_key[HG_AUDIT_KEY_SIZE], const void *data, size_t size,
			  uint8_t signature[HG_AUDIT_SIGNATURE_SIZE])
{
	size_t		signature_size = HG_AUDIT_SIGNATURE_SIZE;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY   *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key,
												   HG_AUDIT_KEY_SIZE);
	bool		ok;

	ok = context != NULL && key != NULL
		&& EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1
		&& EVP_DigestSign(context, signature, &signature_size, data, size) == 1
		&& signature_size == HG_AUDIT_SIGNATURE_SIZE;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return ok;
}

bool
hg_audit_signature_ok(const uint8_t public_key[HG_AUDIT_KEY_SIZE], const void *data, size_t size,
					  const uint8_t signature[HG_AUDIT_SIGNATURE_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY   *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
												  HG_AUDIT_KEY_SIZE);
	bool		ok;

	ok = context != NULL && key != NULL
		&& EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1
		&& EVP_DigestVerify(context, signature, HG_AUDIT_SIGNATURE_SIZE, data, size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return ok;
}

void
hg_audit_wipe(void *data, size_t size)
{
	OPENSSL_cleanse(data, size);
}

void
hg_audit_hex_encode(const uint8_t *data, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++)
	{
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * size] = '\0';
}

static int
hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	/* Upper case is refused: a text has one spelling, so that a flipped bit shows. */
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

bool
hg_audit_hex_decode(const char *hex, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		int			high = hex_digit(hex[2 * i]);
		int			low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

void
hg_audit_base64_encode(const void *data, size_t size, char *out)
{
	out[0] = '\0';
	EVP_EncodeBlock((unsigned char *) out, data, (int) size);
}

bool
hg_audit_base64_decode(const char *text, size_t length, uint8_t *out, size_t *size)
{
	int			decoded = length > INT_MAX ? -1
		: EVP_DecodeBlock(out, (const unsigned char *) text, (int) length);

	/* The library counts what the padding stands for, too. */
	for (size_t i = length; decoded > 0 && i > 0 && i + 2 > length && text[i - 1] == '='; i--)
		decoded--;
	*size = decoded > 0 ? (size_t) decoded : 0;
	return decoded >= 0;
}

/* The multiplication and fold of wyhash: eight bytes a step. */
static uint64_t
mix(uint64_t state, uint64_t word)
{
	state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return state ^ (state >> 29);
}

uint64_t
hg_audit_hash64(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint64_t	state = mix(UINT64_C(0xa0761d6478bd642f), size);
	uint64_t	word;

	for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word))
	{
		memcpy(&word, at, sizeof(word));
		state = mix(state, word);
	}
	word = 0;
	if (size > 0)
		memcpy(&word, at, size);
	state = mix(mix(state, word), UINT64_C(0xe7037ed1a0b428db));
	return state == 0 ? 1 : state;
}

uint32_t
hg_audit_checksum(const void *data, size_t size)
{
	uint64_t	hash = hg_audit_hash64(data, size);

	return (uint32_t) (hash ^ (hash >> 32));
}

/* Each step of a lane waits for the one before, so four lanes take the time of one. */
uint32_t
hg_audit_checksum_long(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint64_t	lanes[] = {size, 1, 2, 3, 0};
	uint64_t	word;

	for (; size >= 4 * sizeof(word); size -= 4 * sizeof(word))
	{
		for (int i = 0; i < 4; i++, at += sizeof(word))
		{
			memcpy(&word, at, sizeof(word));
			lanes[i] = mix(lanes[i], word);
		}
	}
	lanes[4] = hg_audit_hash64(at, size);
	return hg_audit_checksum(lanes, sizeof(lanes));
}
