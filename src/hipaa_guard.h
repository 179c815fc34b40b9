/*
 * hipaa_guard.h
 *		The version of the library; everything else is a room's own.
 */
#ifndef HIPAA_GUARD_H
#define HIPAA_GUARD_H

#define HG_VERSION "1.0"

#endif							/* HIPAA_GUARD_H */
