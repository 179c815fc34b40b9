/*
 * allow.c
 *		Whether a text that the detector finds fault with was allowed.
 *
 * The table holds a salted digest: who may read it learns nothing, and the
 * text itself stands in the catalog anyway once it is used.
 */
#include "text/text.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"

bool
hg_text_allowed(const char *text, size_t size, const char *surface)
{
	static const char *const question =
		"SELECT hipaa_guard.use_allowed($1, $2)";
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];
	bool		allowed = false;
	Oid			user;
	int			security;

	/* Without the extension, or while it is being made or dropped, nothing is allowed. */
	if (!OidIsValid(LookupFuncName(list_make2(makeString("hipaa_guard"), makeString("use_allowed")),
								   lengthof(types), types, true)))
		return false;
	/* Who issues DDL need not have rights on our tables; the bootstrap superuser asks. */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	values[0] = PointerGetDatum(cstring_to_text_with_len(text, size));
	values[1] = CStringGetTextDatum(surface);
	if (SPI_execute_with_args(question, 2, types, values, NULL, false, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
	{
		bool		isnull;
		Datum		answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
										   &isnull);

		allowed = !isnull && DatumGetBool(answer);
	}
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	return allowed;
}
