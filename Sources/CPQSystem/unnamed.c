#define _GNU_SOURCE
#include "cpq_system.h"

#include <fcntl.h>

int cpq_open_unnamed(const char *folder) { return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666); }
