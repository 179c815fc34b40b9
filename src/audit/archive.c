/*
 * archive.c
 *		What SQL needs to know and do about the trail's files: their ranges and
 *		digests, how long they are to be kept, and their removal by the writer.
 *
 * Policy stands in 23_archive.sql; nothing here decides whether a segment may
 * go.  Removal is the writer's, who alone changes the directory.  Takes no lock.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/control.h"
#include "audit/event.h"
#include "audit/reader.h"
#include "audit/segment_purge.h"
#include "base/errors.h"
#include "base/guc.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define EPOCH_DIFFERENCE_US ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
#define SEGMENT_COLUMNS 8
#define STORAGE_COLUMNS 4
#define READ_SIZE (128 * 1024)

/* What the audit directory keeps beside the trail; the content is SQL's. */
#define RETENTION_FILE "retention.file"
#define RETENTION_HEAD "hipaa_guard retention 1 sha256="

/* The segments' files; free them. */
static void
segments_list(hg_audit_files *list)
{
	if (!hg_audit_files_list(hg_guc_audit_directory, list))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read audit directory \"%s\": %m", hg_guc_audit_directory)));
}

static Datum
timestamp_datum(int64 us)
{
	return TimestampTzGetDatum(us - EPOCH_DIFFERENCE_US);
}

static uint64
file_size(const char *name)
{
	char		path[HG_AUDIT_PATH_SIZE];
	struct stat status;

	hg_audit_path(path, hg_guc_audit_directory, name);
	return stat(path, &status) == 0 ? (uint64) status.st_size : 0;
}

/* One row; what stands behind its end comes from the next one's header. NULL: it is unreadable. */
static void
segment_put(ReturnSetInfo *result, const hg_audit_file *file,
			const hg_audit_segment_header *header, const hg_audit_segment_header *next)
{
	Datum		values[SEGMENT_COLUMNS] = {0};
	bool		nulls[SEGMENT_COLUMNS] = {0};

	values[0] = Int64GetDatum((int64) file->number);
	values[1] = CStringGetTextDatum(file->name);
	nulls[2] = header == NULL;
	values[2] = header ? Int64GetDatum((int64) header->seq_first) : 0;
	nulls[3] = next == NULL;
	values[3] = next ? Int64GetDatum((int64) next->seq_first - 1) : 0;
	values[4] = timestamp_datum(file->created_us);
	nulls[5] = next == NULL;
	values[5] = next ? timestamp_datum(next->created_us) : 0;
	values[6] = Int64GetDatum((int64) file_size(file->name));
	nulls[7] = header == NULL;
	values[7] = header ? Int64GetDatum(header->boot) : 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(hg_audit_segments);

Datum
hg_audit_segments(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	hg_audit_segment_header *headers;
	hg_audit_file *files;
	hg_audit_files list;
	size_t		count;
	bool	   *readable;

	InitMaterializedSRF(fcinfo, 0);
	segments_list(&list);
	count = list.count;
	files = palloc((count + 1) * sizeof(files[0]));
	if (count > 0)
		memcpy(files, list.files, count * sizeof(files[0]));
	hg_audit_files_free(&list);
	headers = palloc0((count + 1) * sizeof(headers[0]));
	readable = palloc0((count + 1) * sizeof(readable[0]));
	for (size_t i = 0; i < count; i++)
		readable[i] = hg_audit_header_read(hg_guc_audit_directory, files[i].name, &headers[i]);
	for (size_t i = 0; i < count; i++)
		segment_put(result, &files[i], readable[i] ? &headers[i] : NULL,
					readable[i + 1] ? &headers[i + 1] : NULL);
	return (Datum) 0;
}

/* SHA-256 of a file of the audit directory, in hexadecimal; NULL if it cannot be read. */
static char *
file_digest(const char *name)
{
	char		path[HG_AUDIT_PATH_SIZE];
	char	   *hex = palloc(2 * PG_SHA256_DIGEST_LENGTH + 1);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	uint8	   *buffer = palloc(READ_SIZE);
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	ssize_t		got = -1;
	bool		ok;
	int			fd;

	hg_audit_path(path, hg_guc_audit_directory, name);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	ok = hash != NULL && fd >= 0 && pg_cryptohash_init(hash) >= 0;
	while (ok && (got = read(fd, buffer, READ_SIZE)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		ok = pg_cryptohash_update(hash, buffer, (size_t) got) >= 0;
	}
	ok = ok && got == 0 && pg_cryptohash_final(hash, digest, sizeof(digest)) >= 0;
	if (fd >= 0)
		CloseTransientFile(fd);
	pg_cryptohash_free(hash);
	hg_audit_hex_encode(digest, sizeof(digest), hex);
	return ok ? hex : NULL;
}

PG_FUNCTION_INFO_V1(hg_audit_segment_digest);

/* audit_segment_digest(segment) */
Datum
hg_audit_segment_digest(PG_FUNCTION_ARGS)
{
	uint64		number = (uint64) PG_GETARG_INT64(0);
	char		name[HG_AUDIT_FILE_NAME_SIZE] = "";
	char	   *digest;
	hg_audit_files list;

	segments_list(&list);
	for (size_t i = 0; i < list.count; i++)
	{
		if (list.files[i].number == number)
			strlcpy(name, list.files[i].name, sizeof(name));
	}
	hg_audit_files_free(&list);
	if (name[0] == '\0')
		PG_RETURN_NULL();
	digest = file_digest(name);
	if (digest == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read audit segment \"%s\": %m", name)));
	PG_RETURN_TEXT_P(cstring_to_text(digest));
}

/* The number of the oldest segment; 0 if there is none. */
static uint64
oldest_segment(void)
{
	hg_audit_files list;
	uint64		number;

	segments_list(&list);
	number = list.count > 0 ? list.files[0].number : 0;
	hg_audit_files_free(&list);
	return number;
}

PG_FUNCTION_INFO_V1(hg_audit_remove_segments);

/* audit_remove_segments(up_to): asks the writer, and looks whether it is done. */
Datum
hg_audit_remove_segments(PG_FUNCTION_ARGS)
{
	uint64		up_to = (uint64) PG_GETARG_INT64(0);
	hg_audit_status status;

	if (hg_audit_ring_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no audit ring")));
	pg_atomic_write_u64(&hg_audit_shared->purge_wanted, up_to);
	(void) hg_audit_flush_wait(&status);
	if (oldest_segment() <= up_to)
	{
		hg_audit_status_get(&status);
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("the audit trail could not be purged"),
				 errdetail("%s", status.last_error)));
	}
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(hg_audit_storage);

/* audit_storage(): what the trail takes on disk and what it may. */
Datum
hg_audit_storage(PG_FUNCTION_ARGS)
{
	Datum		values[STORAGE_COLUMNS];
	bool		nulls[STORAGE_COLUMNS] = {0};
	hg_audit_files list;
	uint64		bytes = 0;
	uint64		most = (uint64) hg_guc_audit_max_size_mb * 1024 * 1024;
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	segments_list(&list);
	for (size_t i = 0; i < list.count; i++)
		bytes += file_size(list.files[i].name);
	hg_audit_files_free(&list);
	values[0] = Int64GetDatum((int64) bytes);
	values[1] = Int64GetDatum((int64) most);
	values[2] = Int32GetDatum((int32) Min(bytes * 100 / most, INT_MAX));
	values[3] = CStringGetTextDatum(bytes >= most ? "full"
									: bytes >= most / 100 * HG_AUDIT_WARN_PERCENT ? "warning"
									: "ok");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static void
text_digest(const char *text, char *hex)
{
	hg_audit_part part = {text, strlen(text)};
	uint8		digest[HG_AUDIT_HASH_SIZE];

	if (!hg_audit_sha256(&part, 1, digest))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a digest")));
	hg_audit_hex_encode(digest, sizeof(digest), hex);
}

PG_FUNCTION_INFO_V1(hg_audit_retention_read);

/* What the directory's file says of retention; NULL if there is none. */
Datum
hg_audit_retention_read(PG_FUNCTION_ARGS)
{
	char		path[HG_AUDIT_PATH_SIZE];
	char		hex[2 * HG_AUDIT_HASH_SIZE + 1];
	const size_t head = strlen(RETENTION_HEAD);
	uint8	   *data;
	size_t		size;
	text	   *content = NULL;

	(void) fcinfo;
	hg_audit_path(path, hg_guc_audit_directory, RETENTION_FILE);
	if (!hg_audit_file_read(path, &data, &size))
	{
		if (errno == ENOENT)
			PG_RETURN_NULL();
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", path)));
	}
	if (size > head + sizeof(hex) && memcmp(data, RETENTION_HEAD, head) == 0
		&& data[head + sizeof(hex) - 1] == '\n')
	{
		content = cstring_to_text((char *) data + head + sizeof(hex));
		text_digest((char *) data + head + sizeof(hex), hex);
		if (memcmp(data + head, hex, sizeof(hex) - 1) != 0)
			content = NULL;
	}
	free(data);
	if (content == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s\" is damaged", path),
				 errdetail("It says how long the audit trail is to be kept."),
				 errhint("Remove it, then call hipaa_guard.publish_retention() in every database "
						 "that has an agreement on record.")));
	PG_RETURN_TEXT_P(content);
}

PG_FUNCTION_INFO_V1(hg_audit_retention_write);

/* Replaces the file by rename, so that it is there whole or not at all. */
Datum
hg_audit_retention_write(PG_FUNCTION_ARGS)
{
	char	   *content = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char		hex[2 * HG_AUDIT_HASH_SIZE + 1];
	char		path[HG_AUDIT_PATH_SIZE];
	char		path_new[HG_AUDIT_PATH_SIZE];
	char	   *all;
	size_t		done = 0;
	bool		ok;
	int			fd;

	text_digest(content, hex);
	all = psprintf("%s%s\n%s", RETENTION_HEAD, hex, content);
	hg_audit_path(path, hg_guc_audit_directory, RETENTION_FILE);
	hg_audit_path(path_new, hg_guc_audit_directory, RETENTION_FILE ".new");
	if (!hg_audit_directory_make(hg_guc_audit_directory))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", hg_guc_audit_directory)));
	fd = OpenTransientFilePerm(path_new, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, 0600);
	ok = fd >= 0 && hg_audit_file_write(fd, all, strlen(all), 0, &done) && pg_fsync(fd) == 0;
	if (fd >= 0)
		ok = CloseTransientFile(fd) == 0 && ok;
	if (!ok)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", path_new)));
	(void) durable_rename(path_new, path, ERROR);
	PG_RETURN_VOID();
}
