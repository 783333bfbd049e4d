/* The only file that looks at the CPU. */
#include "sets.h"

static const cpq_kernels *available[6];
static size_t available_count;
#if defined(__x86_64__)
static cpq_kernels avx2_clmul;
#endif

__attribute__((constructor)) static void detect(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
             __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni");
  if (avx512 && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("vpclmulqdq"))
    available[available_count++] = &cpq_avx512vbmi;
  if (avx512) available[available_count++] = &cpq_avx512;
  if (avx2 && __builtin_cpu_supports("vpclmulqdq")) {
    avx2_clmul = cpq_avx2;
    avx2_clmul.name = "avx2clmul";
    avx2_clmul.crc32c = cpq_crc32c_pairs;
    available[available_count++] = &avx2_clmul;
  }
  if (avx2) available[available_count++] = &cpq_avx2;
#elif defined(__aarch64__)
  available[available_count++] = &cpq_neon;
#endif
  available[available_count++] = &cpq_scalar;
}

size_t cpq_kernels_available(const cpq_kernels *const **sets) {
  *sets = available;
  return available_count;
}
