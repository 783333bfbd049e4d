#define _GNU_SOURCE
#include "cpq_system.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

/* A range belongs to its slot from the store of `start`, the last one of cpq_guard_add, to that of 0. */
static struct {
  _Atomic uintptr_t start;
  _Atomic size_t count;
  atomic_int failed;
} ranges[CPQ_GUARD_RANGES];

static struct sigaction previous;
static pthread_once_t installed = PTHREAD_ONCE_INIT;

/* Puts zero pages in the place of the whole range that `address` is in; 0 if it is in none. One mapping for all of a
 * range, so that no number of faults exhausts the process's mappings. mmap is a bare system call here: it may be made
 * in a signal handler. */
static int replace(uintptr_t address) {
  for (int i = 0; i < CPQ_GUARD_RANGES; i++) {
    uintptr_t start = atomic_load(&ranges[i].start);
    size_t count = atomic_load(&ranges[i].count);
    /* A count that was read while the slot changed hands is another range's. */
    int same = start == atomic_load(&ranges[i].start);
    if (!((start != 0) & same & (address - start < count))) continue;
    atomic_store(&ranges[i].failed, 1);
    return mmap((void *)start, count, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
  }
  return 0;
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
  int error = errno;
  int was_sent = info->si_code <= 0; /* by a process, and not caused by a load */
  if (!was_sent && replace((uintptr_t)info->si_addr)) { /* the load is tried again, and finds a zero */
    errno = error;
    return;
  }
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else if (!was_sent || previous.sa_handler == SIG_DFL) {
    /* The load is tried again, or the signal sent again, and now ends the process as it would have without the guard. */
    sigaction(number, &previous, 0);
    if (was_sent) raise(number);
  }
  errno = error;
}

static void install(void) {
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous); /* fails for wrong arguments only */
}

int cpq_guard_add(const void *start, size_t count) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_once(&installed, install);
  pthread_mutex_lock(&lock);
  int slot = 0;
  while (slot < CPQ_GUARD_RANGES && atomic_load(&ranges[slot].start)) slot++;
  if (slot < CPQ_GUARD_RANGES) {
    atomic_store(&ranges[slot].failed, 0);
    atomic_store(&ranges[slot].count, count);
    atomic_store(&ranges[slot].start, (uintptr_t)start);
  }
  pthread_mutex_unlock(&lock);
  return slot < CPQ_GUARD_RANGES ? slot : (errno = ENOSPC, -1);
}

int cpq_guard_failed(int slot) { return atomic_load(&ranges[slot].failed); }

void cpq_guard_remove(int slot) { atomic_store(&ranges[slot].start, 0); }
