/*
 * digest.c
 *		The keyed digest that a marker may carry: the room's one use of OpenSSL.
 *
 * Without the key equal values can be told equal, and nothing more; so the key
 * must not be where the log goes.
 */
#include "redact/digest.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

bool
hg_digest_value(const uint8_t *key, const char *value, size_t size, uint8_t out[4])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_size = 0;

	if (HMAC(EVP_sha256(), key, HG_DIGEST_KEY_SIZE, (const unsigned char *) value, size,
			 digest, &digest_size) == NULL || digest_size < 4)
		return false;
	memcpy(out, digest, 4);
	return true;
}
