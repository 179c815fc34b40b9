/*
 * Fuzzes the detector: the pass against its twin on prose, names at once and one
 * finding a call; every finding lies inside of the text, behind the one before.
 * With AddressSanitizer and UndefinedBehaviorSanitizer: `make check SUITES=fuzz`.
 */
#include <stdlib.h>
#include <string.h>

#include "phi/phi.h"
#include "../unit/twin.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const char *name, size_t size)
{
	hg_phi_span spans[64],
				one;
	size_t		found = hg_phi_scan_identifier(name, size, 0, spans, 64),
				from = 0;

	for (size_t i = 0; i < found; i++)
	{
		if (spans[i].start < from || spans[i].size == 0 ||
			spans[i].start + (size_t) spans[i].size > size)
			abort();
		if (hg_phi_scan_identifier(name, size, from, &one, 1) != 1 || !twin_same(&one, &spans[i]))
			abort();
		from = one.start + one.size;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static hg_phi_custom_set set = {.count = 1,
		.rows = {{.mask = "MRN-99999", .mask_size = 9, .confidence = 0.9f}}};

	hg_phi_use_custom(size % 2 == 0 ? &set : NULL);
	if (twin_disagrees((const char *) data, size) >= 0)
		abort();
	check_name((const char *) data, size);
	return 0;
}
