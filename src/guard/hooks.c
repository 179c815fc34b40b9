/*
 * hooks.c
 *		The guard's hooks; they only dispatch.
 */
#include "guard/guard.h"

void
hg_guard_init(void)
{
}
