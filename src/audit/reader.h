/*
 * reader.h
 *		Reading the trail from its files, record by record.
 */
#ifndef HG_AUDIT_READER_H
#define HG_AUDIT_READER_H

#include "postgres.h"

#include "audit/segment_files.h"

/* A string of a bundle, not terminated; data NULL: none. */
typedef struct hg_audit_string
{
	const char *data;
	size_t		size;
} hg_audit_string;

#define HG_AUDIT_COLUMNS_READ 256

/* An event with its texts taken apart. */
typedef struct hg_audit_row
{
	uint64		seq;
	const hg_audit_event *event;
	const hg_audit_segment_header *segment;	/* where it stands */
	hg_audit_string session_user;
	hg_audit_string current_user;
	hg_audit_string database;
	hg_audit_string address;
	hg_audit_string application;
	hg_audit_string tag;
	hg_audit_string detail;
	hg_audit_string object_type;
	hg_audit_string schema;
	hg_audit_string name;
	hg_audit_string columns[HG_AUDIT_COLUMNS_READ];
	int			columns_count;
	hg_audit_string statement;
} hg_audit_row;

/* Each may be NULL.  What they get is valid during the call only. */
typedef struct hg_audit_reader
{
	void		(*event) (void *state, const hg_audit_row *row);
	void		(*gap) (void *state, const hg_audit_gap_item *gap);
	void		(*count) (void *state, const hg_audit_count_item *count, const hg_audit_row *row);
	void	   *state;
	int64		since_us;		/* INT64_MIN and INT64_MAX: no limit */
	int64		until_us;		/* exclusive */
} hg_audit_reader;

/* Reads what there is of that time; damage is a WARNING with its place. */
extern void hg_audit_read_files(const hg_audit_reader *reader);

/* Raises unless the user may read the trail. */
extern void hg_audit_reader_check(void);

extern const char *hg_audit_class_name(unsigned class);
extern const char *hg_audit_outcome_name(unsigned outcome);

#endif							/* HG_AUDIT_READER_H */
