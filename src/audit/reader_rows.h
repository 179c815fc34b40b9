/*
 * reader_rows.h
 *		Events as rows of audit_log, filtered before a row is made.
 */
#ifndef HG_AUDIT_READER_ROWS_H
#define HG_AUDIT_READER_ROWS_H

#include "audit/reader.h"

/* The columns of audit_log, from 0, and two that only exports have. */
typedef enum hg_audit_log_column
{
	HG_LOG_SEQ,
	HG_LOG_RECORDED_AT,
	HG_LOG_CLASS,
	HG_LOG_COMMAND_TAG,
	HG_LOG_OUTCOME,
	HG_LOG_SQLSTATE,
	HG_LOG_ROWS,
	HG_LOG_DURATION,
	HG_LOG_OBJECT_TYPE,
	HG_LOG_SCHEMA,
	HG_LOG_OBJECT,
	HG_LOG_COLUMNS,
	HG_LOG_PHI,
	HG_LOG_SESSION_USER,
	HG_LOG_CURRENT_USER,
	HG_LOG_DATABASE,
	HG_LOG_ADDRESS,
	HG_LOG_APPLICATION,
	HG_LOG_SESSION,
	HG_LOG_QUERY,
	HG_LOG_STATEMENT,
	HG_LOG_DETAIL,
	HG_LOG_SYSTEM,
	HG_LOG_BOOT,
	HG_AUDIT_LOG_COLUMNS
} hg_audit_log_column;

#define HG_AUDIT_TEXT_FILTERS 8

/* A column of text that must be one of these. */
typedef struct hg_audit_text_filter
{
	hg_audit_log_column column;
	int			count;
	hg_audit_string *values;
} hg_audit_text_filter;

/* What an event must be like, as far as that is told before a row is made. */
typedef struct hg_audit_filters
{
	int64		since_us;
	int64		until_us;		/* exclusive */
	uint32		classes;		/* bits */
	uint32		outcomes;
	int			phi;			/* -1: either */
	int			texts_count;
	hg_audit_text_filter texts[HG_AUDIT_TEXT_FILTERS];
} hg_audit_filters;

extern void hg_audit_filters_init(hg_audit_filters *filters);

/* Only from here on, only before; NULL is no limit. */
extern void hg_audit_filters_since(hg_audit_filters *filters, Datum limit, bool is_null);
extern void hg_audit_filters_until(hg_audit_filters *filters, Datum limit, bool is_null);

/* Whether a column of text can be filtered. */
extern bool hg_audit_filters_can(hg_audit_log_column column);

/* The column is one of these strings; does nothing where there are too many filters. */
extern void hg_audit_filters_text(hg_audit_filters *filters, hg_audit_log_column column,
								  hg_audit_string *values, int count);

/* What is known of a text in its place, once a segment. */
typedef struct hg_audit_row_text hg_audit_row_text;

/* Where a column comes from: a string of one of an event's texts. */
typedef struct hg_audit_row_place
{
	int			text;
	int			string;
	hg_audit_log_column column;
} hg_audit_row_place;

typedef struct hg_audit_rows
{
	hg_audit_filters filters;
	uint32		needed;			/* bits of the columns that are filled in */
	uint32		made;			/* of those whose texts are taken apart: filtered ones as well */
	uint32		asked;			/* bits of the texts that say whether an event passes */
	uint32		shown;			/* of those that columns come from */
	int			places_count;
	hg_audit_row_place places[HG_AUDIT_LOG_COLUMNS];	/* of needed columns */
	const char *database;		/* whose events are shown; NULL: all */
	hg_audit_cursor cursor;
	MemoryContext context;		/* of the texts of a segment */
	hg_audit_row_text **texts[HG_AUDIT_TEXTS];
	uint32		texts_max;
	Datum		names[HG_AUDIT_CLASSES_MAX + 4];	/* of classes and outcomes */
	Datum		system;
	/* Values that are made for each row. */
	char		sqlstate[VARHDRSZ + 8];
	char		session[VARHDRSZ + 24];
	char	   *detail;
	size_t		detail_max;
} hg_audit_rows;

/* The database whose events the user sees; NULL: all. */
extern const char *hg_audit_rows_database(void);
extern bool hg_audit_database_visible(const char *shown, hg_audit_string database);

extern void hg_audit_rows_begin(hg_audit_rows *rows, const hg_audit_filters *filters,
								uint32 needed);

/*
 * The next event that passes.  Values are valid until the next call; those of
 * 64 bits are made in "context" where a Datum has no room for them.  Columns that
 * are not needed are left as they are, or filled in where that is easier.
 */
extern bool hg_audit_rows_next(hg_audit_rows *rows, MemoryContext context, Datum *values,
							   bool *nulls);
extern void hg_audit_rows_end(hg_audit_rows *rows);

/* For the other functions that show what is in the trail. */
extern Datum hg_audit_timestamp_datum(int64 us);
extern Datum hg_audit_text_datum(hg_audit_string string);

/* Takes the place of audit_read() in FROM; see reader_scan.c. */
extern void hg_audit_scan_init(void);

#endif							/* HG_AUDIT_READER_ROWS_H */
