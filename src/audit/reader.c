/*
 * reader.c
 *		Reading the trail from its files, record by record.
 *
 * Needs no writer and takes no lock: segments only grow, and what is not whole
 * yet is the end.  One segment at a time is in memory.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/reader.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/memutils.h"

/* An event may come to disk that much later than it was made. */
#define DELAY_MAX_US (INT64CONST(3600) * 1000 * 1000)

/* The segment at hand: its header and its dictionary. */
typedef struct texts
{
	const hg_audit_segment_header *header;
	hg_audit_string *strings;	/* by number, from 1 */
	uint32		count;
	uint32		max;
} texts;

const char *
hg_audit_class_name(unsigned class)
{
	static const char *const names[HG_AUDIT_CLASSES] = {
		"read", "write", "ddl", "role", "function", "auth", "copy", "config", "misc", "guard"
	};

	return class < HG_AUDIT_CLASSES ? names[class] : "unknown";
}

const char *
hg_audit_outcome_name(unsigned outcome)
{
	static const char *const names[] = {"success", "failure", "refused"};

	return outcome < lengthof(names) ? names[outcome] : "unknown";
}

void
hg_audit_reader_check(void)
{
	const char *role = hg_guc_auditor_role;
	Oid			auditor = role && role[0] ? get_role_oid(role, true) : InvalidOid;

	if (superuser() || (OidIsValid(auditor) && has_privs_of_role(GetUserId(), auditor)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to read the audit trail"),
			 errdetail("Only superusers and members of the role named by "
					   "hipaa_guard.auditor_role may read it.")));
}

static void
text_keep(texts *t, const hg_audit_item *item)
{
	const hg_audit_text_item *text = (const hg_audit_text_item *) item;
	hg_audit_string string;

	string.data = hg_audit_item_text(item, &string.size);
	/* Numbers ascend by one; another one could only be damage. */
	if (string.data == NULL || text->number != t->count + 1)
		return;
	if (t->count + 1 >= t->max)
	{
		t->max = t->max * 2 + 1024;
		t->strings = t->strings == NULL ? palloc_array(hg_audit_string, t->max)
			: repalloc_array(t->strings, hg_audit_string, t->max);
	}
	t->strings[++t->count] = string;
}

static hg_audit_string
text_find(const texts *t, uint32 number)
{
	if (number == 0 || number > t->count)
		return (hg_audit_string) {NULL, 0};
	return t->strings[number];
}

/* Takes up to max strings out of a bundle. */
static int
bundle_split(hg_audit_string bundle, hg_audit_string **strings, int max)
{
	size_t		offset = 0;
	int			count = 0;

	while (bundle.data != NULL && count < max
		   && hg_audit_bundle_next(bundle.data, bundle.size, &offset, &strings[count]->data,
								   &strings[count]->size))
		count++;
	return count;
}

static void
event_read(const hg_audit_reader *reader, const texts *t, const hg_audit_event_item *item)
{
	static hg_audit_row row;
	hg_audit_string *session[] = {&row.session_user, &row.current_user, &row.database,
	&row.address, &row.application};
	hg_audit_string *action[] = {&row.tag, &row.detail};
	hg_audit_string *object[3 + HG_AUDIT_COLUMNS_READ] = {&row.object_type, &row.schema,
	&row.name};

	if (item->event.recorded_us < reader->since_us || item->event.recorded_us >= reader->until_us)
		return;
	memset(&row, 0, offsetof(hg_audit_row, columns));
	for (int i = 0; i < HG_AUDIT_COLUMNS_READ; i++)
		object[3 + i] = &row.columns[i];
	row.seq = item->seq;
	row.event = &item->event;
	row.segment = t->header;
	bundle_split(text_find(t, item->texts[HG_AUDIT_TEXT_SESSION]), session, lengthof(session));
	bundle_split(text_find(t, item->texts[HG_AUDIT_TEXT_ACTION]), action, lengthof(action));
	row.columns_count = bundle_split(text_find(t, item->texts[HG_AUDIT_TEXT_OBJECT]), object,
									 lengthof(object)) - 3;
	row.columns_count = Max(row.columns_count, 0);
	row.statement = text_find(t, item->texts[HG_AUDIT_TEXT_STATEMENT]);
	reader->event(reader->state, &row);
}

/* Of the row only session and object are filled in. */
static void
count_read(const hg_audit_reader *reader, const texts *t, const hg_audit_count_item *item)
{
	static hg_audit_row row;
	hg_audit_string *session[] = {&row.session_user, &row.current_user, &row.database};
	hg_audit_string *object[] = {&row.object_type, &row.schema, &row.name};

	memset(&row, 0, offsetof(hg_audit_row, columns));
	bundle_split(text_find(t, item->texts[0]), session, lengthof(session));
	bundle_split(text_find(t, item->texts[1]), object, lengthof(object));
	reader->count(reader->state, item, &row);
}

static void
frame_read(const hg_audit_reader *reader, texts *t, const hg_audit_frame_header *frame)
{
	const hg_audit_item *item;
	size_t		offset = 0;
	bool		late = frame->written_us < reader->since_us;

	while ((item = hg_audit_item_next(frame, &offset)) != NULL)
	{
		if (item->kind == HG_AUDIT_ITEM_TEXT)
			text_keep(t, item);
		else if (item->kind == HG_AUDIT_ITEM_EVENT && reader->event != NULL && !late)
			event_read(reader, t, (const hg_audit_event_item *) item);
		else if (item->kind == HG_AUDIT_ITEM_COUNT && reader->count != NULL)
			count_read(reader, t, (const hg_audit_count_item *) item);
		else if (item->kind == HG_AUDIT_ITEM_GAP && reader->gap != NULL)
			reader->gap(reader->state, (const hg_audit_gap_item *) item);
	}
}

static void
damage(const char *name, size_t offset, const char *what)
{
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("audit segment \"%s\" is damaged at byte %zu: %s", name, offset, what),
			 errdetail("What can be read behind it is shown."),
			 errhint("Call hipaa_guard.audit_verify(), and keep the file as evidence.")));
}

/* Reads a whole segment into memory of the current context. NULL if it went away meanwhile. */
static uint8 *
segment_load(const char *name, size_t *size)
{
	char		path[HG_AUDIT_PATH_SIZE];
	struct stat status;
	uint8	   *data;
	ssize_t		got = 1;
	int			fd;

	hg_audit_path(path, hg_guc_audit_directory, name);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0 || fstat(fd, &status) != 0)
	{
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not read audit segment \"%s\": %m", name)));
		if (fd >= 0)
			CloseTransientFile(fd);
		return NULL;
	}
	data = MemoryContextAllocHuge(CurrentMemoryContext, (Size) status.st_size + 1);
	for (*size = 0; got > 0 && *size < (size_t) status.st_size; *size += Max(got, 0))
		got = read(fd, data + *size, (size_t) status.st_size - *size);
	CloseTransientFile(fd);
	return data;
}

static void
segment_read(const hg_audit_reader *reader, const char *name, bool last)
{
	const hg_audit_frame_header *frame;
	size_t		size;
	uint8	   *data = segment_load(name, &size);
	texts		t = {(const hg_audit_segment_header *) data, NULL, 0, 0};
	size_t		offset = sizeof(hg_audit_segment_header);
	const char *problem;

	if (data == NULL)
		return;
	problem = hg_audit_segment_header_problem(data, size);
	if (problem != NULL && !(last && size < offset))
		damage(name, 0, problem);
	while (offset < size)
	{
		hg_audit_found found = hg_audit_frame_at(data, size, offset, true, &frame);

		CHECK_FOR_INTERRUPTS();
		if (found == HG_AUDIT_FOUND_FRAME)
		{
			frame_read(reader, &t, frame);
			offset += frame->size;
			continue;
		}
		if (found == HG_AUDIT_FOUND_TORN && last)
			break;
		damage(name, offset, "frame cannot be read");
		offset = hg_audit_frame_find(data, size, offset + 8);
	}
}

/* Whether a segment of so late a name began while the clock showed an earlier time. */
static bool
clock_was_back(const char *name, int64 until_us)
{
	char		path[HG_AUDIT_PATH_SIZE];
	hg_audit_segment_header header;
	ssize_t		got;
	int			fd;

	hg_audit_path(path, hg_guc_audit_directory, name);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return true;
	got = read(fd, &header, sizeof(header));
	CloseTransientFile(fd);
	return got != (ssize_t) sizeof(header)
		|| hg_audit_segment_header_problem(&header, sizeof(header)) != NULL
		|| header.clock_us <= until_us;
}

void
hg_audit_read_files(const hg_audit_reader *reader)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard audit segment",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	hg_audit_files list;
	hg_audit_file *files;
	size_t		count;

	if (!hg_audit_files_list(hg_guc_audit_directory, &list))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read audit directory \"%s\": %m", hg_guc_audit_directory)));
	count = list.count;
	files = MemoryContextAlloc(before, (count + 1) * sizeof(files[0]));
	if (count > 0)
		memcpy(files, list.files, count * sizeof(files[0]));
	hg_audit_files_free(&list);
	for (size_t i = 0; i < count; i++)
	{
		bool		last = i + 1 == count;

		if (!last && files[i + 1].created_us < reader->since_us)
			continue;
		if (reader->until_us < INT64_MAX - DELAY_MAX_US
			&& files[i].created_us > reader->until_us + DELAY_MAX_US
			&& !clock_was_back(files[i].name, reader->until_us + DELAY_MAX_US))
			continue;
		segment_read(reader, files[i].name, last);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(before);
	pfree(files);
	MemoryContextDelete(context);
}
