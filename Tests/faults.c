/* Faults of the operating system, for a program that it is preloaded into (LD_PRELOAD): the calls of one group are
 * counted, and one of them, or all from one on, fail.
 *
 *   PQX_FAULT        GROUP:NUMBER:ERRNO[:on]  call NUMBER (from 1) of GROUP fails with ERRNO; with "on" all later too.
 *                    ERRNO 0: a write takes half of its bytes; -1: the process is killed before the call.
 *   PQX_FAULT_COUNT  a file that gets the number of calls of each group, a line each, when the process ends.
 *
 * Groups: write (write, pwrite, ftruncate), read (read, pread), sync (fsync, fdatasync), open, name (rename, renameat2,
 * linkat, mkdir), other (fchmod, flock, mmap of a file). Descriptors 0 to 2 do not count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WRITE, READ, SYNC, OPEN, NAME, OTHER, GROUPS };
static const char *const names[GROUPS] = {"write", "read", "sync", "open", "name", "other"};
static atomic_long counts[GROUPS];
static int group = -1, fault, persists;
static long number;

__attribute__((constructor)) static void configure(void) {
  const char *text = getenv("PQX_FAULT");
  char name[16], mode[8] = "";
  if (!text || sscanf(text, "%15[^:]:%ld:%d:%7s", name, &number, &fault, mode) < 3) return;
  persists = strcmp(mode, "on") == 0;
  for (int i = 0; i < GROUPS; i++)
    if (strcmp(name, names[i]) == 0) group = i;
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("PQX_FAULT_COUNT");
  if (!path) return;
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  for (int i = 0; i < GROUPS; i++) {
    char line[64];
    int size = snprintf(line, sizeof line, "%s %ld\n", names[i], atomic_load(&counts[i]));
    if (syscall(SYS_write, file, line, size) != size) abort();
  }
  syscall(SYS_close, file);
}

/* Whether this call of the group is to fail: sets errno. */
static int fails(int of) {
  long now = atomic_fetch_add(&counts[of], 1) + 1;
  if (of != group || (persists ? now < number : now != number)) return 0;
  if (fault < 0) kill(getpid(), SIGKILL);
  return errno = fault, 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITES(name, parameters, arguments, half)                                                                      \
  ssize_t name parameters {                                                                                            \
    if (file > 2 && fails(WRITE)) {                                                                                    \
      if (fault != 0) return -1;                                                                                       \
      count = half;                                                                                                    \
    }                                                                                                                  \
    return NEXT(name) arguments;                                                                                       \
  }
WRITES(write, (int file, const void *bytes, size_t count), (file, bytes, count), (count + 1) / 2)
WRITES(pwrite, (int file, const void *bytes, size_t count, off_t at), (file, bytes, count, at), (count + 1) / 2)
WRITES(pwrite64, (int file, const void *bytes, size_t count, off64_t at), (file, bytes, count, at), (count + 1) / 2)

#define CALL(group, result, name, parameters, arguments, counted)                                                      \
  result name parameters { return counted && fails(group) ? (result)-1 : NEXT(name) arguments; }
CALL(WRITE, int, ftruncate, (int file, off_t size), (file, size), 1)
CALL(WRITE, int, ftruncate64, (int file, off64_t size), (file, size), 1)
CALL(READ, ssize_t, read, (int file, void *bytes, size_t count), (file, bytes, count), file > 2)
CALL(READ, ssize_t, pread, (int file, void *bytes, size_t count, off_t at), (file, bytes, count, at), 1)
CALL(READ, ssize_t, pread64, (int file, void *bytes, size_t count, off64_t at), (file, bytes, count, at), 1)
CALL(SYNC, int, fsync, (int file), (file), 1)
CALL(SYNC, int, fdatasync, (int file), (file), 1)
CALL(NAME, int, rename, (const char *from, const char *to), (from, to), 1)
CALL(NAME, int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), 1)
CALL(NAME, int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), 1)
CALL(NAME, int, mkdir, (const char *path, mode_t mode), (path, mode), 1)
CALL(OTHER, int, fchmod, (int file, mode_t mode), (file, mode), 1)
CALL(OTHER, int, flock, (int file, int operation), (file, operation), 1)
CALL(OTHER, void *, mmap, (void *at, size_t size, int access, int flags, int file, off_t offset),
     (at, size, access, flags, file, offset), file > 2)
CALL(OTHER, void *, mmap64, (void *at, size_t size, int access, int flags, int file, off64_t offset),
     (at, size, access, flags, file, offset), file > 2)

#define OPENS(name, parameters, arguments)                                                                             \
  int name parameters {                                                                                                \
    va_list list;                                                                                                      \
    va_start(list, flags);                                                                                             \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;                                            \
    va_end(list);                                                                                                      \
    return fails(OPEN) ? -1 : NEXT(name) arguments;                                                                    \
  }
OPENS(open, (const char *path, int flags, ...), (path, flags, mode))
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENS(openat, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))
OPENS(openat64, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))
