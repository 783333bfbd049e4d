#define _GNU_SOURCE
#include "cpq_system.h"

#include <sched.h>

int cpq_processors(void) {
  cpu_set_t sets[16]; /* room for 16,384 processors; kernels are built for 8,192 at most */
  return sched_getaffinity(0, sizeof sets, sets) == 0 ? CPU_COUNT_S(sizeof sets, sets) : 1;
}
