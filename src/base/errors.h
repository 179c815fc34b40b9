/*
 * errors.h
 *		The extension's own SQLSTATEs; their meaning stands in docs/errors.md.
 */
#ifndef HG_ERRORS_H
#define HG_ERRORS_H

#include "postgres.h"

/*
 * The domain of ereport() in every file that includes this.  It tells the log
 * hook that an error is ours: its DETAIL and HINT never hold a value, so they
 * need not be withheld.
 */
#define HG_TEXTDOMAIN "hipaa_guard"
#undef TEXTDOMAIN
#define TEXTDOMAIN HG_TEXTDOMAIN

#define HG_ERRCODE_PHI			MAKE_SQLSTATE('P', 'H', '0', '0', '1')	/* PHI-like text */
#define HG_ERRCODE_WEAKEN		MAKE_SQLSTATE('P', 'H', '0', '0', '2')	/* weakens the guard */
#define HG_ERRCODE_FLAG			MAKE_SQLSTATE('P', 'H', '0', '0', '3')	/* the flag stays */
#define HG_ERRCODE_NOT_READY	MAKE_SQLSTATE('P', 'H', '0', '0', '4')	/* BAA, findings */
#define HG_ERRCODE_FEATURE		MAKE_SQLSTATE('P', 'H', '0', '0', '5')	/* blocked feature */

#endif							/* HG_ERRORS_H */
