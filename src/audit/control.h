/*
 * control.h
 *		What the writer and the others tell each other, in shared memory.
 *
 * Numbers are atomic; the texts are written by the writer alone under the
 * spinlock, which is held for a copy of at most a kilobyte.
 */
#ifndef HG_AUDIT_CONTROL_H
#define HG_AUDIT_CONTROL_H

#include "postgres.h"

#include "audit/segment_checkpoint.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/spin.h"

#define HG_AUDIT_ERROR_SIZE 256
#define HG_AUDIT_WARN_PERCENT 80	/* of audit_max_size */

typedef struct hg_audit_status
{
	pid_t		writer_pid;		/* 0: none */
	Latch	   *writer_latch;
	uint64		segments;
	uint64		bytes;
	int64		oldest_us;		/* since 1970, 0: none; as all times here */
	int64		last_flush_us;
	int64		last_checkpoint_us;
	char		last_error[HG_AUDIT_ERROR_SIZE];
	char		checkpoint[HG_AUDIT_LINE_SIZE];
	uint8		public_key[HG_AUDIT_KEY_SIZE];
} hg_audit_status;

typedef struct hg_audit_control
{
	pg_atomic_uint64 flush_wanted;	/* tickets */
	pg_atomic_uint64 flush_done;
	pg_atomic_uint64 checkpoint_wanted;
	pg_atomic_uint64 purge_wanted;	/* up to this segment; 0: none */
	pg_atomic_uint64 failures;	/* of the writer, so that who waits learns of one */
	ConditionVariable flushed;
	slock_t		mutex;
	hg_audit_status status;
} hg_audit_control;

extern hg_audit_control *hg_audit_shared;

/* A copy of the status. */
extern void hg_audit_status_get(hg_audit_status *status);

/* For the writer: puts the status in place; the process and latch stay. */
extern void hg_audit_status_set(const hg_audit_status *status);

/*
 * Waits until all that is in the ring now is on disk; false, with the reason
 * in the status, where the writer says that it cannot.
 */
extern bool hg_audit_flush_wait(hg_audit_status *status);

/* The writer's registration and its main function. */
extern void hg_audit_writer_register(void);
extern PGDLLEXPORT void hg_audit_writer_main(Datum unused);

extern void hg_audit_hooks_init(void);

#endif							/* HG_AUDIT_CONTROL_H */
