/*
 * redact.h
 *		The log hook: no user value leaves the server through a message.
 */
#ifndef HG_REDACT_H
#define HG_REDACT_H

#include "postgres.h"

#include "redact/mask.h"

extern void hg_redact_init(void);

/* Installs emit_log_hook; called in shmem_request_hook, after every library's _PG_init. */
extern void hg_redact_install_hook(void);

/* How to mask, by the settings as they are now: threshold and kind of marker. */
extern void hg_redact_options(hg_mask_options *options);

#endif							/* HG_REDACT_H */
