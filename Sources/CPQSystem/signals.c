#include "cpq_system.h"

#include <pthread.h>
#include <signal.h>

int cpq_unblock_signal(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  return pthread_sigmask(SIG_UNBLOCK, &set, 0);
}
