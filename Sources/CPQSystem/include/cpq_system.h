#ifndef CPQ_SYSTEM_H
#define CPQ_SYSTEM_H

#include <stddef.h>

/* renameat2(2) with RENAME_NOREPLACE: the C library's headers show it to Swift only with _GNU_SOURCE.
 * Returns 0, or -1 with errno set (EEXIST if `to` exists). */
int cpq_rename_noreplace(const char *from, const char *to);

/* open(2) with O_TMPFILE, which needs _GNU_SOURCE too: a file without a name in `folder`, for writing, which is gone
 * with the process unless linkat(2) names it. Returns a descriptor, or -1 with errno set (EOPNOTSUPP on file systems
 * that have no such files). */
int cpq_open_unnamed(const char *folder);

/* How many processors this thread may run on, as sched_setaffinity(2) or a cpuset has bound it; 1 where the kernel does not
 * say. Swift does not import the macros that count a cpu_set_t. */
int cpq_processors(void);

/* Writes what buffers of the C library hold. Returns 0, or -1 if that or any write to standard output before has failed: the
 * library drops what it could not write, and goes on. Swift may not name its `stdout`. */
int cpq_flush_output(void);

/* Lets this thread get a signal again: a parent that blocks it while it starts a process passes that on. */
int cpq_unblock_signal(int number);

/* Turns SIGBUS inside registered ranges of memory into zero pages and a mark: a mapped file that is cut, or whose
 * device fails, then ends a search with an error and not the process. The handler, installed with the first range and
 * kept, passes on every other SIGBUS to the handler that was there before it.
 *
 * Guards `count` bytes at `start`, the first byte of a page. Returns the range's slot, or -1 with errno set (ENOSPC
 * when CPQ_GUARD_RANGES are guarded already). */
#define CPQ_GUARD_RANGES 4096
int cpq_guard_add(const void *start, size_t count);

/* True once the range could not be read: its bytes are then zeros for good. */
int cpq_guard_failed(int slot);

/* Before the range is unmapped. */
void cpq_guard_remove(int slot);

/* mallopt(3), which Swift's headers lack: all threads share one arena, large blocks are mapped each by itself and given
 * back when they are freed, so that the process holds little more than it has allocated. */
void cpq_limit_allocator_slack(void);

#endif
