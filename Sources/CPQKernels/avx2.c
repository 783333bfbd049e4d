/* AVX2 + FMA + F16C: one v16 is two registers. */
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,sse4.2,pclmul"))), apply_to = function)
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

INLINE u64x4 sum_eights(bytes32 v) { return (u64x4)_mm256_sad_epu8((__m256i)v, _mm256_setzero_si256()); }
#include "assign.inc.h"

INLINE bytes32 narrow(i16 low, i16 high) {
  __m256i a = _mm256_packs_epi32((__m256i)low.lo, (__m256i)low.hi);
  __m256i b = _mm256_packs_epi32((__m256i)high.lo, (__m256i)high.hi);
  /* Packing stays within 128 bits. */
  return (bytes32)_mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
#include "bound.inc.h"
#define LIST_BYTES 0
#include "choose.inc.h"
#include "ids.inc.h"
#include "project.inc.h"
#include "rows8.inc.h"

#define LANES 32
#define COLUMNS 2
#define NIBBLE_COLUMNS 4
#define WIDE_CODES 0

typedef uint8_t vb __attribute__((vector_size(LANES), aligned(1)));
typedef uint16_t vw __attribute__((vector_size(LANES), aligned(1)));
typedef vb table16;

INLINE table16 load16(const uint8_t *p) { return (vb)_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p)); }
INLINE vb look16(table16 table, vb index) { return (vb)_mm256_shuffle_epi8((__m256i)table, (__m256i)index); }
INLINE vw mulhi16(vw a, vw b) { return (vw)_mm256_mulhi_epu16((__m256i)a, (__m256i)b); }
INLINE vw dot_bytes(vb x, vb c) { return (vw)_mm256_maddubs_epi16((__m256i)x, (__m256i)c); }
INLINE uint32_t first_lane(s16x16 lanes) { return (uint32_t)__builtin_ctz((unsigned)_mm256_movemask_epi8((__m256i)lanes)) / 2; }
INLINE u16x16 dot_bytes16(u16x16 x, u16x16 c) { return (u16x16)_mm256_maddubs_epi16((__m256i)x, (__m256i)c); }
INLINE uint64_t lane_bits(vb bytes) { return (uint32_t)_mm256_movemask_epi8((__m256i)bytes); }
INLINE vb load_lanes(const uint8_t *p, size_t n) {
  __m256i word = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (vb)_mm256_maskload_epi32((const int *)p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n / 4), word));
}

/* 256 entries are sixteen rows of 16. A look gives zero where the index has its top bit, so of two neighbouring rows one
 * gives zero, and nothing has to choose between them; bits 5 to 7 choose between pairs of rows. */
typedef const uint8_t *table256;

INLINE table256 load256(const uint8_t *p) { return p; }

/* A blend takes the top bit of a byte. */
INLINE vb choose(vb even, vb odd, vb bits) {
  return (vb)_mm256_blendv_epi8((__m256i)even, (__m256i)odd, (__m256i)bits);
}
INLINE vb look32(const uint8_t *rows, vb even, vb odd) {
  return look16(load16(rows), even) | look16(load16(rows + 16), odd);
}
INLINE vb look64(const uint8_t *rows, vb even, vb odd, vb bit5) {
  return choose(look32(rows, even, odd), look32(rows + 32, even, odd), bit5);
}
INLINE vb look128(const uint8_t *rows, vb even, vb odd, vb bit5, vb bit6) {
  return choose(look64(rows, even, odd, bit5), look64(rows + 64, even, odd, bit5), bit6);
}
INLINE vb look256(const table256 *table, vb code) {
  const uint8_t *rows = *table;
  __asm__("" : "+r"(rows) : "x"(code)); /* so that no row is kept for other codes: there are not so many registers */
  /* Bit 4 becomes the top one, the lower four stay. */
  vb even = (code & 0x1F) + 0x70, odd = even ^ 0x80;
  vb bit5 = (vb)_mm256_slli_epi16((__m256i)code, 2), bit6 = (vb)_mm256_slli_epi16((__m256i)code, 1);
  return choose(look128(rows, even, odd, bit5, bit6), look128(rows + 128, even, odd, bit5, bit6), code);
}

#define PARTS 64
#define LOADS_AHEAD 0
#define OWN_SHARE 4
INLINE vb look_part(const table16 *row, vb part, vb bit4, vb bit5) {
  return choose(choose(look16(row[0], part), look16(row[1], part), bit4),
                choose(look16(row[2], part), look16(row[3], part), bit4), bit5);
}

#define CHECKS 1
#include "crc32c_sse42.inc.h"
#include "crc32c_rider.inc.h"
#include "scan.inc.h"
#include "near.inc.h"
#pragma clang attribute pop

const cpq_kernels cpq_avx2 = {
    .name = "avx2",
    .crc32c = cpq_crc32c_streams,
    .l2_blocks = l2_blocks,
    .ip_blocks = ip_blocks,
    .l2_blocks_batch = l2_blocks_batch,
    .ip_blocks_batch = ip_blocks_batch,
    .list_components = LIST_COMPONENTS,
    .list_words = list_words,
    .round_lists = round_lists,
    .list_scores = list_scores,
    .list_limit = list_limit,
    .l2_numbered = l2_numbered,
    .project = project,
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
    .l2_rows = l2_rows_whole,
    .ip_rows = ip_rows,
    .rows_at = rows_at_whole,
    .quantize = quantize,
    .parts = PARTS,
    .own_share = OWN_SHARE,
    .part_minima = part_minima,
    .scan = scan,
    .sum_codes = sum_codes,
    .summed_within = summed_within,
    .scan_checked = scan_checked,
    .sum_codes_checked = sum_codes_checked,
    .adc_tables = cpq_adc_tables,
    .pair_tables = cpq_pair_tables,
    .adc_estimates = cpq_adc_estimates,
    .adc_residual = adc_residual,
};
#endif
