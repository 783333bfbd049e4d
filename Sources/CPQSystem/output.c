#include "cpq_system.h"

#include <stdio.h>

int cpq_flush_output(void) {
  int rest = fflush(NULL);
  return rest == 0 && !ferror(stdout) ? 0 : -1;
}
