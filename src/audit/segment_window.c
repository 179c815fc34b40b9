/*
 * segment_window.c
 *		Reads a segment frame by frame, a part of the file at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "audit/segment_window.h"

/* Reads more, behind what is not used yet; false at the end. */
static bool
more(hg_audit_window *w)
{
	size_t		room;
	ssize_t		got;

	w->size -= w->offset;
	w->base += w->offset;
	memmove(w->data, w->data + w->offset, w->size);
	w->offset = 0;
	room = HG_AUDIT_WINDOW_SIZE - w->size;
	got = *w->file < 0 ? 0 : pread(*w->file, w->data + w->size,
								   room < HG_AUDIT_WINDOW_READ ? room : HG_AUDIT_WINDOW_READ,
								   (off_t) (w->base + w->size));
	if (got < 0)
		w->error = errno;
	w->size += got > 0 ? (size_t) got : 0;
	return got > 0;
}

void
hg_audit_window_begin(hg_audit_window *window, const char *directory, const char *name)
{
	char		path[HG_AUDIT_PATH_SIZE];

	hg_audit_window_end(window);
	hg_audit_path(path, directory, name);
	*window->file = hg_audit_file_open(path);
#ifdef POSIX_FADV_SEQUENTIAL
	/* The kernel reads farther ahead then, in larger pieces. */
	if (*window->file >= 0)
		(void) posix_fadvise(*window->file, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
	window->base = 0;
	window->size = 0;
	window->offset = 0;
	window->error = *window->file < 0 ? errno : 0;
	(void) more(window);
}

void
hg_audit_window_end(hg_audit_window *window)
{
	if (*window->file >= 0)
		close(*window->file);
	*window->file = -1;
}

hg_audit_found
hg_audit_window_frame(hg_audit_window *window, bool thorough, const hg_audit_frame_header **frame)
{
	hg_audit_found found;

	do
		found = hg_audit_frame_at(window->data, window->size, window->offset, thorough, frame);
	while ((found == HG_AUDIT_FOUND_END || found == HG_AUDIT_FOUND_TORN) && more(window));
	return found;
}

void
hg_audit_window_search(hg_audit_window *window)
{
	size_t		at = window->offset + 8;

	for (;;)
	{
		window->offset = hg_audit_frame_find(window->data, window->size, at);
		if (window->offset < window->size)
			return;
		/* A frame that does not end in what was read may begin there. */
		if (window->size > at + HG_AUDIT_FRAME_SIZE_MAX)
			at = (window->size - HG_AUDIT_FRAME_SIZE_MAX + 7) & ~(size_t) 7;
		window->offset = at < window->size ? at : window->size;
		at = 0;
		if (!more(window))
		{
			window->offset = window->size;
			return;
		}
	}
}

uint64_t
hg_audit_window_at(const hg_audit_window *window)
{
	return window->base + window->offset;
}
