/*
 * flag.h
 *		Private to the room: the label, what follows from it, and its copies.
 */
#ifndef HG_PROJECT_FLAG_H
#define HG_PROJECT_FLAG_H

#include "postgres.h"

#include "base/state.h"
#include "catalog/objectaddress.h"
#include "storage/latch.h"

#define HG_PROVIDER "hipaa_guard"

/* A label that begins so says flagged, but not sealed since it was restored. */
#define HG_LABEL_RESTORING "hipaa restoring"
#define HG_LABEL_ON "hipaa on"
/* Follows in the label of a database whose deletion was approved. */
#define HG_LABEL_DELETION ", deletion approved "

/* What one database's flag is, and where that is known from. */
typedef struct hg_flag_entry
{
	Oid			oid;
	uint8		flag;			/* hg_flag */
	bool		pending;		/* a transaction is about to commit it */
	bool		unsure;			/* was pending at a crash: the catalog tells */
	bool		label_missing;	/* the state file has it, the catalog does not */
} hg_flag_entry;

typedef struct hg_flag_list
{
	uint32		count;
	hg_flag_entry entries[HG_STATE_DATABASES_MAX];
} hg_flag_list;

/* label.c: the provider of labels, and the label of a database. */
extern void hg_label_init(void);
extern hg_flag hg_label_flag(const char *label);
extern char *hg_label_text(hg_flag flag);
extern bool hg_label_deletion_approved(const char *label);
extern char *hg_label_of_database(Oid database);
extern void hg_label_set_database(Oid database, const char *label);

/* flag.c: shared memory, kept coherent with the catalog. */
extern void hg_flag_init(void);
extern Size hg_flag_shmem_size(void);
extern void hg_flag_shmem_startup(void);
extern void hg_flag_touch(Oid database);	/* look again when the transaction commits */
extern void hg_flag_end_sessions_at_commit(Oid database);
extern void hg_flag_reload(void);	/* the keeper's */
extern void hg_flag_nudge_keeper(void);
extern void hg_flag_keep_file(void);	/* the keeper's */
extern void hg_flag_keeper_is(Latch *latch);
extern bool hg_flag_settled(void);	/* the keeper has read the labels since recovery ended */
extern void hg_flag_settle(void);	/* the keeper's */
extern bool hg_flag_keeper_is_late(void);	/* it has not, but will in a moment */
extern bool hg_flag_label_missing(Oid database);
extern bool hg_flag_file_differs(void);
extern bool hg_flag_file_behind(void);

/* statefile.c: the fsynced copy in the data directory. */
typedef enum hg_statefile_status
{
	HG_STATEFILE_MISSING,
	HG_STATEFILE_READ,
	HG_STATEFILE_UNUSABLE		/* damaged, foreign or newer */
} hg_statefile_status;

extern hg_statefile_status hg_statefile_read(hg_flag_list *list);
extern bool hg_statefile_write(const hg_flag_list *list, int elevel);

/* A database that no label names and whose record says flagged, found by a search. */
extern void hg_flag_record_is(Oid database, bool found);
extern uint32 hg_flag_records_asked(void);
extern bool hg_flag_records_wanted(void);
extern void hg_flag_records_searched(void);

/* record.c: looks into the databases, where label and state file may both be lost. */
extern bool hg_record_search(void);

/* keeper.c: the worker that loads the flags. */
extern void hg_keeper_init(void);

#endif							/* HG_PROJECT_FLAG_H */
