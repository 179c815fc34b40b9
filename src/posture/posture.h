/*
 * posture.h
 *		The posture of a database: what it is checked for is data and SQL; here
 *		is the worker that records it at intervals.
 */
#ifndef HG_POSTURE_H
#define HG_POSTURE_H

#include "postgres.h"

extern void hg_posture_init(void);

#endif							/* HG_POSTURE_H */
