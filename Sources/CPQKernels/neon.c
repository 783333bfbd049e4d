/* NEON (ARMv8): one v16 is four registers. */
#if defined(__aarch64__)
#include <arm_neon.h>
#define POINTS 2
#define BLOCKS 1
#include "simd.inc.h"
#include "accumulate.inc.h"
#include "assign_plain.inc.h"

INLINE bytes32 narrow(i16 low, i16 high) {
  b16 half[2] = {__builtin_convertvector(low, b16), __builtin_convertvector(high, b16)};
  return *(const bytes32 *)half;
}
#include "bound.inc.h"

INLINE u64x4 sum_eights(bytes32 v) {
  uint8x16_t half[2];
  memcpy(half, &v, sizeof half);
  uint64x2_t sums[2] = {vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(half[0]))), vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(half[1])))};
  return *(const u64x4 *)sums;
}
#include "ids.inc.h"

#define LANES 16
#define COLUMNS 4
#define NIBBLE_COLUMNS 4
#define WIDE_CODES 0

typedef uint8_t vb __attribute__((vector_size(LANES), aligned(1)));
typedef uint16_t vw __attribute__((vector_size(LANES), aligned(1)));
typedef vb table16;

INLINE table16 load16(const uint8_t *p) { return (vb)vld1q_u8(p); }
INLINE vb look16(table16 table, vb index) { return (vb)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)index); }
INLINE vw mulhi16(vw a, vw b) {
  uint16x4_t low = vshrn_n_u32(vmull_u16(vget_low_u16((uint16x8_t)a), vget_low_u16((uint16x8_t)b)), 16);
  return (vw)vshrn_high_n_u32(low, vmull_high_u16((uint16x8_t)a, (uint16x8_t)b), 16);
}
#define DOT_BYTES(unsigned_words, words, x, c)                                                                  \
  (unsigned_words)((words)((x)&0xFF) * ((words)((c) << 8) >> 8) + (words)((x) >> 8) * ((words)(c) >> 8))
INLINE vw dot_bytes(vb x, vb c) {
  typedef int16_t words __attribute__((vector_size(LANES), aligned(1)));
  return DOT_BYTES(vw, words, (vw)x, (vw)c);
}
INLINE uint32_t first_lane(s16x16 lanes) {
  s16x16 number = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return (uint32_t)__builtin_reduce_min(number | (~lanes & INT16_MAX));
}
INLINE u16x16 dot_bytes16(u16x16 x, u16x16 c) {
  typedef int16_t words __attribute__((ext_vector_type(16), aligned(2)));
  return DOT_BYTES(u16x16, words, x, c);
}
INLINE uint64_t lane_bits(vb bytes) {
  static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  uint8x16_t set = vandq_u8((uint8x16_t)bytes, vld1q_u8(weights));
  return vaddv_u8(vget_low_u8(set)) | (uint64_t)vaddv_u8(vget_high_u8(set)) << 8;
}
INLINE vb load_lanes(const uint8_t *p, size_t n) { /* 16, and no other number */
  (void)n;
  return (vb)vld1q_u8(p);
}

/* 256 entries are four tables of 64; an index outside of one leaves the lane to the others. */
typedef struct {
  uint8x16x4_t quarter[4];
} table256;

INLINE table256 load256(const uint8_t *p) {
  table256 table;
  for (int j = 0; j < 4; j++) table.quarter[j] = vld1q_u8_x4(p + 64 * j);
  return table;
}

INLINE vb look256(const table256 *table, vb code) {
  uint8x16_t index = (uint8x16_t)code, found = vqtbl4q_u8(table->quarter[0], index);
  for (int j = 1; j < 4; j++) found = vqtbx4q_u8(found, table->quarter[j], vsubq_u8(index, vdupq_n_u8((uint8_t)(64 * j))));
  return (vb)found;
}

#define PARTS 0
#define LOADS_AHEAD 0
#define CHECKS 0
#include "scan.inc.h"
#include "near.inc.h"

const cpq_kernels cpq_neon = {
    .name = "neon",
    .crc32c = cpq_crc32c_table,
    .l2_blocks = l2_blocks,
    .ip_blocks = ip_blocks,
    .l2_blocks_batch = l2_blocks_batch,
    .ip_blocks_batch = ip_blocks_batch,
    .subtract_lane = subtract_lane,
    .squared_length = squared_length,
    .group_minima = group_minima,
    .floats_within = floats_within,
    .float_kth = float_kth,
    .sum_minima = sum_minima,
    .sum_limit = sum_limit,
    .sums_within = sums_within,
    .ids_at = ids_at,
    .sort_words = sort_words,
    .are_finite = are_finite,
    .nearest = nearest,
    .assign = assign,
    .assign_scratch = assign_scratch,
    .assign_near = assign_near,
    .accumulate = accumulate,
    .l2_rows = l2_rows,
    .ip_rows = ip_rows,
    .rows_at = rows_at,
    .quantize = quantize,
    .scan = scan,
    .sum_codes = sum_codes,
    .summed_within = summed_within,
    .adc_tables = cpq_adc_tables,
    .pair_tables = cpq_pair_tables,
    .adc_estimates = cpq_adc_estimates,
    .adc_residual = adc_residual,
};
#endif
