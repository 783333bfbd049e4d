/* NEON (ARMv8): one v16 is four registers. */
#if defined(__aarch64__)
#define POINTS 2
#define BLOCKS 1
#include "simd.inc.h"
#include "accumulate.inc.h"
#include "assign_plain.inc.h"

const cpq_kernels cpq_neon = {
    .name = "neon",
    .crc32c = cpq_crc32c_table,
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
