/*
 * validate.h
 *		One pure function for each kind of identifier: does the value hold by the
 *		rules of whoever issues it?  Values come compacted: digits (or letters and
 *		digits) without separators, not terminated.
 */
#ifndef HG_PHI_VALIDATE_H
#define HG_PHI_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern bool hg_phi_valid_ssn(const char *digits, size_t count);
extern bool hg_phi_valid_itin(const char *digits, size_t count);
extern bool hg_phi_valid_phone(const char *digits, size_t count);
extern bool hg_phi_valid_phone_long(const char *digits, size_t count);
extern bool hg_phi_valid_phone_dialed(const char *digits, size_t count);
extern bool hg_phi_valid_phone_local(const char *digits, size_t count);
extern bool hg_phi_valid_country_code(const char *digits, size_t count);
extern bool hg_phi_valid_luhn(const char *digits, size_t count);
extern bool hg_phi_valid_card(const char *digits, size_t count);
extern bool hg_phi_valid_card_usual(const char *digits, size_t count);
extern bool hg_phi_valid_card_any(const char *digits, size_t count);
extern bool hg_phi_valid_npi(const char *digits, size_t count);
extern bool hg_phi_valid_aba(const char *digits, size_t count);
extern bool hg_phi_valid_gtin(const char *digits, size_t count);
extern bool hg_phi_valid_mbi(const char *value, size_t count);
extern bool hg_phi_valid_dea(const char *value, size_t count);
extern bool hg_phi_valid_vin(const char *value, size_t count);
extern bool hg_phi_valid_iban(const char *value, size_t count);
extern bool hg_phi_valid_date(unsigned year, unsigned month, unsigned day);
extern bool hg_phi_valid_ipv4(const char *text, size_t count);
extern bool hg_phi_valid_ipv6(const char *text, size_t count);
extern bool hg_phi_valid_mod11(const char *digits, size_t count);
extern bool hg_phi_valid_mod97(const char *digits, size_t count);

/* The length of a country's IBAN, 0 for a country without. */
extern unsigned hg_phi_iban_size(const char *country);

#endif							/* HG_PHI_VALIDATE_H */
