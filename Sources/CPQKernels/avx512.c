/* AVX-512 (F, BW, VL, DQ): one v16 is one register. CRC-32C by the SSE4.2 instruction. */
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c,sse4.2"))), \
                             apply_to = function)
#define POINTS 6
#define BLOCKS 2
#include "simd.inc.h"
#include "crc32c_sse42.inc.h"
#pragma clang attribute pop

const cpq_kernels cpq_avx512 = {
    .name = "avx512",
    .crc32c = crc32c,
    .l2_blocks = l2_blocks,
    .ip_blocks = ip_blocks,
    .nearest = nearest,
    .l2_rows = l2_rows,
    .ip_rows = ip_rows,
    .adc_frame = cpq_adc_frame,
};
#endif
