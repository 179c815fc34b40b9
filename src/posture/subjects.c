/*
 * subjects.c
 *		Records whose rows a statement reads: note_subject(), which the policy of
 *		a tracked table calls for each row (55_disclosures.sql).
 *
 * Subjects are keyed pseudonyms: HMAC-SHA-256 of the column's text.  They go to
 * the audit trail, many in one event, and not to a table, so that a ROLLBACK does
 * not take them back and a read-only transaction has them too.  All it remembers
 * belongs to one expression of one execution, whose memory context tells when
 * that ends, by an error too.  Takes no lock but those of reading the key.
 *
 * It never refuses a row and raises nothing but what the server itself raises
 * (out of memory, a query cancelled): what cannot be recorded is recorded as that.
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "access/heapam.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "audit/audit.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "posture/posture.h"
#include "rewrite/rowsecurity.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* The columns of pseudonym_key. */
#define Anum_inner_key 2
#define Anum_outer_key 3

#define DIGEST_SIZE 32
#define PSEUDONYM_SIZE 12		/* bytes of the digest that are told */
#define WORD_SIZE (2 + 2 * PSEUDONYM_SIZE)	/* "S-" and hexadecimal digits */
#define BATCH_MAX 30			/* pseudonyms an event, which has room for about 900 bytes */
#define SEEN_MAX 65536			/* then forgets, and may tell one again */

typedef struct subject_notes
{
	EVP_MD_CTX *inner;			/* after the key; NULL: there is none, nothing is recorded */
	EVP_MD_CTX *outer;
	EVP_MD_CTX *work;
	HTAB	   *seen;			/* by pseudonym */
	Oid			relation;
	char		name[2 * NAMEDATALEN + 8];	/* of the relation, with its schema */
	char		batch[BATCH_MAX * (WORD_SIZE + 1) + 1];
	size_t		batch_size;
	MemoryContextCallback at_end;
} subject_notes;

#define POLICY_ALL "hipaa_subject_all"

PG_FUNCTION_INFO_V1(hg_note_subject);
PG_FUNCTION_INFO_V1(hg_no_other_policy);

static void
flush(subject_notes *notes)
{
	if (notes->batch_size == 0)
		return;
	notes->batch[notes->batch_size - 1] = '\0';
	hg_audit_record(HG_AUDIT_READ, HG_AUDIT_SUCCESS, "READ SUBJECT", "table", notes->name, 0,
					notes->batch);
	notes->batch_size = 0;
}

static void
at_end(void *arg)
{
	subject_notes *notes = arg;

	flush(notes);
	EVP_MD_CTX_free(notes->inner);
	EVP_MD_CTX_free(notes->outer);
	EVP_MD_CTX_free(notes->work);
}

/* SHA-256 that has taken in a key of one block. */
static EVP_MD_CTX *
keyed(Datum value)
{
	bytea	   *key = DatumGetByteaPP(value);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1
		&& EVP_DigestUpdate(context, VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)) == 1)
		return context;
	EVP_MD_CTX_free(context);
	return NULL;
}

/*
 * Reads the key past rights, which the reader does not have, and past the
 * executor, for which this would be a statement of its own in the trail.
 */
static void
key_load(subject_notes *notes)
{
	Oid			schema = get_namespace_oid("hipaa_guard", true);
	Oid			table = get_relname_relid("pseudonym_key", schema);
	Relation	relation = OidIsValid(table) ? try_relation_open(table, AccessShareLock) : NULL;

	if (relation != NULL)
	{
		TableScanDesc scan = table_beginscan(relation, GetTransactionSnapshot(), 0, NULL);
		HeapTuple	row = heap_getnext(scan, ForwardScanDirection);
		bool		null;

		if (row != NULL)
		{
			TupleDesc	desc = RelationGetDescr(relation);

			notes->inner = keyed(heap_getattr(row, Anum_inner_key, desc, &null));
			notes->outer = keyed(heap_getattr(row, Anum_outer_key, desc, &null));
			notes->work = EVP_MD_CTX_new();
		}
		table_endscan(scan);
		relation_close(relation, AccessShareLock);
	}
	if (notes->inner == NULL || notes->outer == NULL || notes->work == NULL)
		hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_FAILURE, "SUBJECTS NOT RECORDED", "table",
						notes->name, 0, "no key");
}

static subject_notes *
notes_begin(FmgrInfo *function, Oid relation)
{
	MemoryContext before = MemoryContextSwitchTo(function->fn_mcxt);
	subject_notes *notes = palloc0(sizeof(*notes));
	HASHCTL		control = {.keysize = PSEUDONYM_SIZE, .entrysize = PSEUDONYM_SIZE,
	.hcxt = function->fn_mcxt};
	char	   *name = get_rel_name(relation);
	char	   *schema = name ? get_namespace_name(get_rel_namespace(relation)) : NULL;

	notes->relation = relation;
	snprintf(notes->name, sizeof(notes->name), "%s",
			 schema ? quote_qualified_identifier(schema, name) : "?");
	notes->seen = hash_create("subjects", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	notes->at_end.func = at_end;
	notes->at_end.arg = notes;
	MemoryContextRegisterResetCallback(function->fn_mcxt, &notes->at_end);
	function->fn_extra = notes;
	key_load(notes);
	MemoryContextSwitchTo(before);
	return notes;
}

static bool
finish(EVP_MD_CTX *work, const EVP_MD_CTX *keyed_context, const void *data, size_t size, uint8 *out)
{
	return EVP_MD_CTX_copy_ex(work, keyed_context) == 1
		&& EVP_DigestUpdate(work, data, size) == 1
		&& EVP_DigestFinal_ex(work, out, NULL) == 1;
}

static void
note(subject_notes *notes, const text *subject)
{
	uint8		digest[DIGEST_SIZE];
	bool		known;

	if (!finish(notes->work, notes->inner, VARDATA_ANY(subject), VARSIZE_ANY_EXHDR(subject), digest)
		|| !finish(notes->work, notes->outer, digest, sizeof(digest), digest))
	{
		hg_audit_record(HG_AUDIT_GUARD, HG_AUDIT_FAILURE, "SUBJECTS NOT RECORDED", "table",
						notes->name, 0, "no digest");
		return;
	}
	if (hash_get_num_entries(notes->seen) >= SEEN_MAX)
	{
		HASH_SEQ_STATUS scan;
		void	   *entry;

		hash_seq_init(&scan, notes->seen);
		while ((entry = hash_seq_search(&scan)) != NULL)
			(void) hash_search(notes->seen, entry, HASH_REMOVE, NULL);
	}
	(void) hash_search(notes->seen, digest, HASH_ENTER, &known);
	if (known)
		return;
	memcpy(notes->batch + notes->batch_size, "S-", 2);
	(void) hex_encode((const char *) digest, PSEUDONYM_SIZE, notes->batch + notes->batch_size + 2);
	notes->batch_size += WORD_SIZE;
	notes->batch[notes->batch_size++] = ' ';
	if (notes->batch_size >= BATCH_MAX * (WORD_SIZE + 1))
		flush(notes);
}

/* note_subject(relation, subject): always true.  NULL: nobody's row. */
Datum
hg_note_subject(PG_FUNCTION_ARGS)
{
	subject_notes *notes = fcinfo->flinfo->fn_extra;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_BOOL(true);
	if (notes == NULL || notes->relation != PG_GETARG_OID(0))
		notes = notes_begin(fcinfo->flinfo, PG_GETARG_OID(0));
	if (notes->inner != NULL && notes->outer != NULL && notes->work != NULL)
		note(notes, PG_GETARG_TEXT_PP(1));
	PG_RETURN_BOOL(true);
}

/* Whether no permissive policy but ours is in force for a relation. */
static bool
no_other_policy(Oid id)
{
	Relation	relation = try_relation_open(id, AccessShareLock);
	bool		found = false;
	ListCell   *cell;

	if (relation == NULL)
		return true;
	foreach(cell, relation->rd_rsdesc ? relation->rd_rsdesc->policies : NIL)
	{
		RowSecurityPolicy *policy = lfirst(cell);

		if (policy->permissive && strcmp(policy->policy_name, POLICY_ALL) != 0)
			found = true;
	}
	relation_close(relation, AccessShareLock);
	return !found;
}

/*
 * no_other_policy(relation), which a policy asks of each row: looks once an
 * execution, since whoever changes policies waits for those that use them.
 */
Datum
hg_no_other_policy(PG_FUNCTION_ARGS)
{
	bool	   *known = fcinfo->flinfo->fn_extra;

	if (known == NULL || !get_fn_expr_arg_stable(fcinfo->flinfo, 0))
	{
		known = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(*known));
		*known = no_other_policy(PG_GETARG_OID(0));
		fcinfo->flinfo->fn_extra = known;
	}
	PG_RETURN_BOOL(*known);
}
