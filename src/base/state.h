/*
 * state.h
 *		Which databases are flagged, for every process at any moment.
 *
 * The project room decides and publishes; all rooms ask.  Asking reads shared
 * memory only: no lock, no catalog, no failure, so the log hook may do it.
 */
#ifndef HG_STATE_H
#define HG_STATE_H

#include "postgres.h"

#define HG_STATE_DATABASES_MAX 4096

typedef enum hg_flag
{
	HG_FLAG_OFF,				/* no project */
	HG_FLAG_RESTORING,			/* labelled, not sealed yet */
	HG_FLAG_ON
} hg_flag;

typedef struct hg_state_database
{
	Oid			oid;
	uint32		flag;			/* hg_flag */
} hg_state_database;

/* The flag of a database, of the own one, and whether any of the cluster has one. */
extern hg_flag hg_state_flag_of(Oid database);
extern hg_flag hg_state_flag(void);
extern bool hg_state_cluster_flagged(void);

/*
 * What log_min_messages may be: where a database of the cluster is flagged, no
 * level that keeps errors from the log's hook, which masks and records them.
 */
extern int	hg_state_log_level(int level);

/* The own database is flagged, restoring included. */
static inline bool
hg_state_database_flagged(void)
{
	return hg_state_flag() != HG_FLAG_OFF;
}

/*
 * For the project room: replaces the list. Must not be called by two processes
 * at once (the caller holds hg_state_lock()).
 */
extern void hg_state_publish(const hg_state_database *databases, int count);

/*
 * For the project room: as long as the flags have not been read after a start,
 * every database counts as flagged.
 */
extern void hg_state_assume_flagged(bool assume);

/* Orders those who publish. */
struct LWLock;
extern struct LWLock *hg_state_lock(void);

/* True once shared memory is there for this process. */
extern bool hg_state_ready(void);

extern Size hg_state_shmem_size(void);
extern void hg_state_shmem_request(void);
extern void hg_state_shmem_startup(void);

#endif							/* HG_STATE_H */
