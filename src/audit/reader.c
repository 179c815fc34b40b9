/*
 * reader.c
 *		Reading the trail from its files, record by record.
 *
 * Needs no writer and takes no lock: segments only grow, and what is not whole
 * yet is the end.  In memory are a segment's texts and a few frames.
 */
#include "postgres.h"

#include <unistd.h>

#include "audit/audit.h"
#include "audit/reader.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"

/* An event may have been made that much before it was told when the oldest one was made. */
#define STALL_MAX_US (INT64CONST(60) * 1000 * 1000)

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
text_keep(hg_audit_cursor *c, const hg_audit_item *item)
{
	const hg_audit_text_item *text = (const hg_audit_text_item *) item;
	hg_audit_string string;

	string.data = hg_audit_item_text(item, &string.size);
	/* Numbers ascend by one; another one could only be damage. */
	if (string.data == NULL || text->number != c->texts_count + 1)
		return;
	string.data = memcpy(MemoryContextAlloc(c->texts_context, string.size + 1), string.data,
						 string.size);
	if (c->texts_count + 1 >= c->texts_max)
	{
		c->texts_max = c->texts_max * 2 + 1024;
		c->texts = c->texts == NULL
			? MemoryContextAllocHuge(c->context, c->texts_max * sizeof(hg_audit_string))
			: repalloc_huge(c->texts, c->texts_max * sizeof(hg_audit_string));
	}
	c->texts[++c->texts_count] = string;
}

hg_audit_string
hg_audit_cursor_text(const hg_audit_cursor *cursor, uint32 number)
{
	if (number == 0 || number > cursor->texts_count)
		return (hg_audit_string) {NULL, 0};
	return cursor->texts[number];
}

int
hg_audit_bundle_split(hg_audit_string bundle, hg_audit_string *strings, int max)
{
	size_t		offset = 0;
	int			count = 0;

	memset(strings, 0, max * sizeof(strings[0]));
	while (bundle.data != NULL && count < max
		   && hg_audit_bundle_next(bundle.data, bundle.size, &offset, &strings[count].data,
								   &strings[count].size))
		count++;
	return count;
}

static void
damage(const hg_audit_cursor *c, const char *what)
{
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("audit segment \"%s\" is damaged at byte " UINT64_FORMAT ": %s", c->name,
					hg_audit_window_at(&c->window), what),
			 errdetail("What can be read behind it is shown."),
			 errhint("Call hipaa_guard.audit_verify(), and keep the file as evidence.")));
}

/* The header of a segment's file, or false; who reads it will say what is wrong with it. */
static bool
header_read(const hg_audit_file *file, hg_audit_segment_header *header)
{
	char		path[HG_AUDIT_PATH_SIZE];
	ssize_t		got = -1;
	int			fd;

	hg_audit_path(path, hg_guc_audit_directory, file->name);
	fd = hg_audit_file_open(path);
	if (fd >= 0)
	{
		got = read(fd, header, sizeof(*header));
		close(fd);
	}
	return got == sizeof(*header) && hg_audit_segment_header_problem(header, got) == NULL;
}

/*
 * Leaves out the files that have no event of the time.  A segment's name tells a
 * time that no event of those before is younger than; its header, how old its
 * own may be.
 */
static void
files_choose(hg_audit_cursor *c)
{
	size_t		kept = 0;

	for (size_t i = 0; i < c->files_count; i++)
	{
		hg_audit_segment_header header;

		if (i + 1 < c->files_count && c->files[i + 1].created_us < c->since_us)
			continue;
		if (c->files[i].created_us > c->until_us && header_read(&c->files[i], &header)
			&& header.oldest_us != 0 && header.oldest_us - STALL_MAX_US > c->until_us)
			continue;
		c->files[kept++] = c->files[i];
	}
	c->segments_passed = (uint32) (c->files_count - kept);
	c->files_count = kept;
}

/* With the context, also where an error ends the reading; the cursor is gone by then. */
static void
file_close(void *file)
{
	if (*(int *) file >= 0)
		close(*(int *) file);
}

static int *
file_place(MemoryContext context)
{
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(*callback));
	int		   *file = MemoryContextAlloc(context, sizeof(*file));

	*file = -1;
	callback->func = file_close;
	callback->arg = file;
	MemoryContextRegisterResetCallback(context, callback);
	return file;
}

void
hg_audit_cursor_begin(hg_audit_cursor *cursor, int64 since_us, int64 until_us, bool events_only)
{
	hg_audit_files list;

	memset(cursor, 0, sizeof(*cursor));
	cursor->context = AllocSetContextCreate(CurrentMemoryContext, "hipaa_guard audit segment",
											ALLOCSET_DEFAULT_SIZES);
	cursor->texts_context = AllocSetContextCreate(cursor->context, "hipaa_guard audit texts",
												  ALLOCSET_DEFAULT_SIZES);
	cursor->window.data = MemoryContextAlloc(cursor->context, HG_AUDIT_WINDOW_SIZE);
	cursor->window.file = file_place(cursor->context);
	cursor->since_us = since_us;
	cursor->until_us = until_us;
	if (!hg_audit_files_list(hg_guc_audit_directory, &list))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read audit directory \"%s\": %m", hg_guc_audit_directory)));
	cursor->files_count = list.count;
	cursor->files = MemoryContextAllocExtended(cursor->context,
											   (list.count + 1) * sizeof(list.files[0]),
											   MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	if (cursor->files != NULL && list.count > 0)
		memcpy(cursor->files, list.files, list.count * sizeof(list.files[0]));
	if (list.count > 0)
		cursor->name_last = MemoryContextStrdup(cursor->context, list.files[list.count - 1].name);
	hg_audit_files_free(&list);
	if (cursor->files == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (events_only)
		files_choose(cursor);
}

/* Tells what could not be read, once. */
static void
unreadable(hg_audit_cursor *c)
{
	errno = c->window.error;
	c->window.error = 0;
	if (errno != 0)
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not read audit segment \"%s\": %m", c->name)));
}

/* Goes to the next segment that can be read. */
static bool
segment_next(hg_audit_cursor *c)
{
	hg_audit_window *window = &c->window;
	const char *problem;

	while (c->file_next < c->files_count)
	{
		c->name = c->files[c->file_next++].name;
		c->last = strcmp(c->name, c->name_last) == 0;
		c->segments_read++;
		c->texts_count = 0;
		MemoryContextReset(c->texts_context);
		hg_audit_window_begin(window, hg_guc_audit_directory, c->name);
		unreadable(c);
		if (window->size == 0)
			continue;
		problem = hg_audit_segment_header_problem(window->data, window->size);
		if (problem != NULL && !(c->last && window->size < sizeof(c->header)))
			damage(c, problem);
		if (window->size <= sizeof(c->header))
			continue;
		memcpy(&c->header, window->data, sizeof(c->header));
		window->offset = sizeof(c->header);
		return true;
	}
	c->name = NULL;
	return false;
}

/* Goes to the next frame of the segment; false at its end. */
static bool
frame_next(hg_audit_cursor *c)
{
	hg_audit_found found;

	while ((found = hg_audit_window_frame(&c->window, true, &c->frame)) != HG_AUDIT_FOUND_END)
	{
		CHECK_FOR_INTERRUPTS();
		unreadable(c);
		if (found == HG_AUDIT_FOUND_FRAME)
		{
			c->window.offset += c->frame->size;
			c->item_offset = 0;
			return true;
		}
		if (found == HG_AUDIT_FOUND_TORN && c->last)
			break;
		damage(c, "frame cannot be read");
		hg_audit_window_search(&c->window);
	}
	unreadable(c);
	c->frame = NULL;
	return false;
}

const hg_audit_item *
hg_audit_cursor_next(hg_audit_cursor *c, bool *segment)
{
	*segment = false;
	for (;;)
	{
		const hg_audit_item *item = c->frame == NULL ? NULL
			: hg_audit_item_next(c->frame, &c->item_offset);

		if (item != NULL)
		{
			if (item->kind != HG_AUDIT_ITEM_TEXT)
				return item;
			text_keep(c, item);
		}
		else if (c->name == NULL || !frame_next(c))
		{
			if (!segment_next(c))
				return NULL;
			*segment = true;
		}
	}
}

void
hg_audit_cursor_end(hg_audit_cursor *cursor)
{
	MemoryContextDelete(cursor->context);
	cursor->context = NULL;
}
