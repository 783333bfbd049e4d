/* The only file that looks at the CPU. */
#include "sets.h"

#if defined(__x86_64__)
enum {
  AVX2 = CPQ_AVX2 | CPQ_FMA | CPQ_F16C | CPQ_SSE42 | CPQ_PCLMUL,
  AVX512 = AVX2 | CPQ_AVX512F | CPQ_AVX512BW | CPQ_AVX512VL | CPQ_AVX512DQ | CPQ_AVX512VNNI,
};
static cpq_kernels avx2_clmul;
#endif

static const struct {
  unsigned needs;
  const cpq_kernels *kernels;
} sets[] = {
#if defined(__x86_64__)
    {AVX512 | CPQ_AVX512VBMI | CPQ_VPCLMULQDQ, &cpq_avx512vbmi},
    {AVX512, &cpq_avx512},
    {AVX2 | CPQ_VPCLMULQDQ, &avx2_clmul},
    {AVX2, &cpq_avx2},
#elif defined(__aarch64__)
    {0, &cpq_neon},
#endif
    {0, &cpq_scalar},
};

size_t cpq_kernels_for(unsigned features, const cpq_kernels **out) {
  size_t count = 0;
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
    if ((features & sets[i].needs) == sets[i].needs) out[count++] = sets[i].kernels;
  return count;
}

static unsigned features_of_this_cpu(void) {
#if defined(__x86_64__)
#define FEATURE(bit, name) ((__builtin_cpu_supports(name) != 0) * (unsigned)(bit))
  __builtin_cpu_init();
  unsigned found =
      FEATURE(CPQ_AVX2, "avx2") | FEATURE(CPQ_FMA, "fma") | FEATURE(CPQ_F16C, "f16c") | FEATURE(CPQ_SSE42, "sse4.2") |
      FEATURE(CPQ_PCLMUL, "pclmul") | FEATURE(CPQ_VPCLMULQDQ, "vpclmulqdq") | FEATURE(CPQ_AVX512F, "avx512f") |
      FEATURE(CPQ_AVX512BW, "avx512bw") | FEATURE(CPQ_AVX512VL, "avx512vl") | FEATURE(CPQ_AVX512DQ, "avx512dq") |
      FEATURE(CPQ_AVX512VNNI, "avx512vnni") | FEATURE(CPQ_AVX512VBMI, "avx512vbmi");
#ifdef CPQ_EMULATE_512
  if ((found & AVX2) == AVX2) found |= AVX512 | CPQ_AVX512VBMI;
#endif
  return found;
#else
  return 0;
#endif
}

static const cpq_kernels *available[CPQ_MOST_SETS];
static size_t available_count;

__attribute__((constructor)) static void detect(void) {
#if defined(__x86_64__)
  avx2_clmul = cpq_avx2;
  avx2_clmul.name = "avx2clmul";
  avx2_clmul.crc32c = cpq_crc32c_pairs;
#endif
  available_count = cpq_kernels_for(features_of_this_cpu(), available);
}

size_t cpq_kernels_available(const cpq_kernels *const **all) {
  *all = available;
  return available_count;
}
