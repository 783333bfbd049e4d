#include "cpq_system.h"

#include <malloc.h>

void cpq_limit_allocator_slack(void) {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
}
