/*
 * digest.h
 *		The keyed digest that a marker may carry.
 */
#ifndef HG_DIGEST_H
#define HG_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_DIGEST_KEY_SIZE 32

/* HMAC-SHA-256, cut to 4 bytes. False if the library fails, for want of memory say. */
extern bool hg_digest_value(const uint8_t *key, const char *value, size_t size, uint8_t out[4]);

#endif							/* HG_DIGEST_H */
