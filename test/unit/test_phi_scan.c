/*
 * Goal: the detector finds what identifiers look like and keeps still where
 * nothing is, in prose and in the names of objects.
 * Method: one example a rule, and the near misses that the rule was built
 * against; a finding is compared as category, text and confidence's band.
 */
#include <string.h>

#include "phi/phi.h"
#include "tap.h"

/* The first finding as "category:text", or "-". */
static const char *
first_of(size_t (*scan) (const char *, size_t, size_t, hg_phi_span *, size_t), const char *text)
{
	static char found[256];
	hg_phi_span span;

	if (scan(text, strlen(text), 0, &span, 1) == 0 || span.confidence < 0.4f)
		return "-";
	snprintf(found, sizeof(found), "%s:%.*s%s", hg_phi_category_name(span.category),
			 (int) span.size, text + span.start, span.confidence >= 0.8f ? "!" : "");
	return found;
}

/* A '!' at the end of what is wanted: sure enough to be refused. */
static void
prose(const char *text, const char *want)
{
	is_str(first_of(hg_phi_scan_text, text), want, "prose: %s", text);
}

static void
name(const char *text, const char *want)
{
	is_str(first_of(hg_phi_scan_identifier, text), want, "name: %s", text);
}

int
main(void)
{
	prose("ref 123-45-6789.", "ssn:123-45-6789!");
	prose("ref 000-45-6789.", "-");
	prose("ssn 123456789", "ssn:123456789!");
	prose("xmin 123456789", "-");
	prose("call (312) 515-2239 x12", "phone:(312) 515-2239 x12!");
	prose("mail jane.roe@mail.example.org now", "email:jane.roe@mail.example.org!");
	prose("card 4111111111111111 ok", "card:4111111111111111!");
	prose("id 4111111111111112 ok", "-");
	prose("MRN: UCLA-12345", "mrn:UCLA-12345!");
	prose("born 1970-01-02", "date:1970-01-02!");
	prose("since 1970-01-02 08:00:00", "date:1970-01-02 08:00:00");
	prose("seen by John Smith today", "name:John Smith!");
	prose("the grace period", "-");
	prose("LOG:  checkpoint complete: wrote 3 buffers (0.0%)", "-");
	name("visitJohnSmith19700101", "name:JohnSmith!");
	name("dr_nguyen_followup", "name:dr_nguyen!");
	name("smith_john", "name:smith_john!");
	name("michelle_p_martinez", "name:michelle_p_martinez!");
	name("fk_rails_2539663124", "-");
	name("young_patients", "-");
	name("grace_period", "-");
	name("x_123_45_6789", "ssn:123_45_6789!");
	return done();
}
