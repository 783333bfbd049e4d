#define _GNU_SOURCE
#include "cpq_system.h"

#include <sched.h>

int cpq_processors(void) {
  cpu_set_t sets[16]; /* of 1,024 processors each, more than a kernel is built for */
  return sched_getaffinity(0, sizeof sets, sets) == 0 ? CPU_COUNT_S(sizeof sets, sets) : 1;
}
