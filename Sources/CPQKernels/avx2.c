/* AVX2 + FMA + F16C: one v16 is two registers. CRC-32C by the SSE4.2 instruction. */
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,sse4.2"))), apply_to = function)
#define POINTS 5
#define BLOCKS 1
#define NARROW 1
#define WIDE 1
#include "simd.inc.h"
#include "accumulate.inc.h"

typedef int32_t half16 __attribute__((ext_vector_type(8), aligned(4)));

INLINE half16 products(half16 x, half16 y) { return (half16)_mm256_madd_epi16((__m256i)x, (__m256i)y); }

INLINE i16 dot2(i16 sum, i16 x, i16 y) {
  half16 low = products(x.lo, y.lo), high = products(x.hi, y.hi);
  return sum + __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
#include "assign.inc.h"
#include "crc32c_sse42.inc.h"
#pragma clang attribute pop

const cpq_kernels cpq_avx2 = {
    .name = "avx2",
    .crc32c = crc32c,
    .l2_blocks = l2_blocks,
    .ip_blocks = ip_blocks,
    .nearest = nearest,
    .assign = assign,
    .assign_scratch = assign_scratch,
    .accumulate = accumulate,
    .l2_rows = l2_rows,
    .ip_rows = ip_rows,
    .adc_frame = cpq_adc_frame,
};
#endif
