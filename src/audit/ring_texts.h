/*
 * ring_texts.h
 *		Texts in the ring that records refer to: those that repeat stand there once.
 *
 * Pure C without postgres.h.  Looking for a text and putting it there makes no
 * system call, takes no lock and does not wait, as a put does.  What finds no
 * room goes into its record instead.
 */
#ifndef HG_AUDIT_RING_TEXTS_H
#define HG_AUDIT_RING_TEXTS_H

#include "audit/ring.h"

/* Larger ones stay in their records. */
#define HG_AUDIT_RING_TEXT_MAX 4096

/*
 * The number of a text, from 1, and the generation that it is of; 0 if there is
 * no room, or the generation ends just now.
 */
extern uint32_t hg_audit_ring_text_put(hg_audit_ring *ring, const char *text, size_t size,
									   uint64_t *generation);

/* The text of a number that a record refers to; NULL if it makes no sense. */
extern const char *hg_audit_ring_text_get(const hg_audit_ring *ring, uint32_t number,
										  size_t *size);

/* Numbers are not above this. */
extern uint32_t hg_audit_ring_texts_max(const hg_audit_ring *ring);

/*
 * For the writer: begins the next generation where this one is full and
 * nothing refers any more to the one before, whose place it takes.  Then
 * *first to *last are numbers of other texts than before.
 */
extern bool hg_audit_ring_texts_turn(hg_audit_ring *ring, uint32_t *first, uint32_t *last);

/* For ring.c. */
extern uint64_t hg_audit_ring_texts_size(uint64_t slots_size);
extern void hg_audit_ring_texts_format(hg_audit_ring_header *header, uint64_t slots_size);
extern void hg_audit_ring_texts_recover(hg_audit_ring *ring);

#endif							/* HG_AUDIT_RING_TEXTS_H */
