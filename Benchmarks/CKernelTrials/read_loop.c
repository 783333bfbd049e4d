/* The most that one thread can read: independent streams of the widest loads, nothing done with what they bring. */
#include <string.h>

#include "trial.h"

typedef uint64_t wide __attribute__((vector_size(64), aligned(64)));

/* Eight loads in flight a step; the sum keeps them from being left out. `bytes` is a multiple of 512. */
static inline __attribute__((always_inline)) uint64_t read_all(const uint8_t *p, size_t bytes) {
  wide sum[8] = {{0}};
  for (size_t i = 0; i < bytes; i += sizeof sum)
    for (int j = 0; j < 8; j++) sum[j] ^= *(const wide *)(const void *)(p + i + 64 * j);
  for (int j = 1; j < 8; j++) sum[0] ^= sum[j];
  uint64_t total = 0;
  for (int lane = 0; lane < 8; lane++) total ^= sum[0][lane];
  return total;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static uint64_t read_512(const uint8_t *p, size_t bytes) { return read_all(p, bytes); }
__attribute__((target("avx2"))) static uint64_t read_256(const uint8_t *p, size_t bytes) { return read_all(p, bytes); }
#endif

static uint64_t read_plain(const uint8_t *p, size_t bytes) { return read_all(p, bytes); }

uint64_t trial_read(const trial *t) {
  size_t bytes = t->input_bytes / 512 * 512;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return read_512(t->input, bytes);
  if (__builtin_cpu_supports("avx2")) return read_256(t->input, bytes);
#endif
  return read_plain(t->input, bytes);
}
