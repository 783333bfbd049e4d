/* AVX-512 (F, BW, VL, DQ, VNNI): one v16 is one register. CRC-32C by the SSE4.2 instruction. */
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c,sse4.2"))), \
                             apply_to = function)
#define POINTS 6
#define BLOCKS 2
#define NARROW 2
#define WIDE 4
#include "simd.inc.h"
#include "accumulate.inc.h"

/* By name: from the intrinsic the compiler makes two instructions, a product and a sum, to shorten chains that are not
 * what these loops wait for. */
INLINE i16 dot2(i16 sum, i16 x, i16 y) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
  return sum;
}
#include "assign.inc.h"
#include "crc32c_sse42.inc.h"
#pragma clang attribute pop

const cpq_kernels cpq_avx512 = {
    .name = "avx512",
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
