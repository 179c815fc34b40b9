/*
 * settings.h
 *		Settings of a session: application_name, the start-up packet, and what
 *		set_config() computed.
 */
#ifndef HG_GUARD_SETTINGS_H
#define HG_GUARD_SETTINGS_H

#include "postgres.h"

#include "libpq/libpq-be.h"

/* Puts our check before application_name's own; called once, from _PG_init. */
extern void hg_guard_watch_application_name(void);

/* Cleans or refuses what a client sent at its start. */
extern void hg_guard_read_startup(Port *port);

/* set_config() runs: its value is looked at before the transaction commits. */
extern void hg_guard_expect_settings(void);
extern void hg_guard_check_settings(void);
extern void hg_guard_forget_settings(void);

#endif							/* HG_GUARD_SETTINGS_H */
