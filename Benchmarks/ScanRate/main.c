/* The rate of the integer scan of 16 codes of 8 bits, alone, with brackets, and by minima, as codes without lists are scanned:
 * from the L2 cache and from memory, beside the rate at which the machine reads the same memory. In turn in one run, one thread,
 * medians of the rounds. Prints JSON.
 * PQX_KERNELS chooses the set. Exit code 1: the scan's answer is not the scalar set's. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel_trials.h"

enum { ROUNDS = 7, M = 16, CACHED = 32 << 10, STREAMED = 16 << 20 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static volatile uint64_t sink;

/* Seconds of one run, over as many as take a tenth of a second. */
static double seconds(trial *t, bool reading) {
  size_t runs = 0;
  double begun = now(), taken;
  do {
    sink = reading ? trial_read(t) : trial_run(t);
    runs++;
  } while ((taken = now() - begun) < 0.1);
  return taken / (double)runs;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values) {
  qsort(values, ROUNDS, sizeof *values, ascending);
  return values[ROUNDS / 2];
}

int main(void) {
  size_t set = trial_chosen_set();
  printf("{\"kernels\": \"%s\", \"m\": %d, \"rounds\": %d, \"trials\": [", trial_set_name(set), M, ROUNDS);
  for (int kind = 0; kind < (trial_has_minima(set) ? 3 : 2); kind++) {
    bool bracket = kind == 1, minima = kind == 2;
    trial *cached = trial_scan(set, 8, M, bracket, minima, CACHED),
          *streamed = trial_scan(set, 8, M, bracket, minima, STREAMED);
    if (!cached || !streamed) {
      fprintf(stderr, "scan-rate: no memory for %zu bytes of codes\n", (size_t)STREAMED * (M + 1));
      return 71;
    }
    if (!trial_is_right(cached) || !trial_is_right(streamed)) {
      fprintf(stderr, "scan-rate: %s finds other vectors than scalar\n", trial_set_name(set));
      return 1;
    }
    double in_cache[ROUNDS], in_memory[ROUNDS], read[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      in_cache[round] = seconds(cached, false);
      in_memory[round] = seconds(streamed, false);
      read[round] = seconds(streamed, true);
    }
    double bytes = (double)trial_bytes(streamed), scan = median(in_memory), reading = median(read);
    printf("%s\n {\"bracket\": %s, \"minima\": %s, \"l2_vectors_per_second\": %.4g, \"l2_bytes\": %zu, \"memory_vectors_per_second\": %.4g, "
           "\"memory_bytes\": %.0f, \"memory_bytes_per_second\": %.4g, \"read_bytes_per_second\": %.4g, "
           "\"share_of_bandwidth\": %.3f}",
           kind ? "," : "", bracket ? "true" : "false", minima ? "true" : "false", CACHED / median(in_cache), trial_bytes(cached),
           STREAMED / scan, bytes, bytes / scan, bytes / reading, reading / scan);
    trial_free(cached);
    trial_free(streamed);
  }
  printf("\n]}\n");
  return 0;
}
