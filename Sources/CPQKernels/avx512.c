/* AVX-512 (F, BW, VL, DQ, VNNI): one v16 is one register. */
#if defined(__x86_64__)
#include <immintrin.h>
#ifdef CPQ_EMULATE_512 /* Tests/emulate.sh */
#include "../../Tests/emulate512.h"
#else
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c,sse4.2"))), \
                             apply_to = function)
#endif
#define POINTS 6
#define BLOCKS 2
#define NARROW 2
#define WIDE 4
#include "simd.inc.h"
#include "x86_512.inc.h"
#include "accumulate.inc.h"
#include "assign.inc.h"
#include "bound.inc.h"
#define LIST_BYTES 1
#include "choose.inc.h"
#include "ids.inc.h"
#include "project.inc.h"
#include "rows8.inc.h"

#define COLUMNS 2
#define NIBBLE_COLUMNS 2
#define WIDE_CODES 0

/* 256 entries are sixteen rows of 16: the low nibble looks into each, the bits of the high one choose. */
typedef const uint8_t *table256;

INLINE table256 load256(const uint8_t *p) { return p; }

INLINE vb look256(const table256 *table, vb code) {
  __m512i low = (__m512i)(code & 15), row[8];
  __mmask64 bit4 = _mm512_movepi8_mask(_mm512_slli_epi16((__m512i)code, 3));
  __mmask64 bit5 = _mm512_movepi8_mask(_mm512_slli_epi16((__m512i)code, 2));
  __mmask64 bit6 = _mm512_movepi8_mask(_mm512_slli_epi16((__m512i)code, 1));
  __mmask64 bit7 = _mm512_movepi8_mask((__m512i)code);
  for (int j = 0; j < 8; j++) {
    row[j] = _mm512_shuffle_epi8((__m512i)load16(*table + 32 * j), low);
    row[j] = _mm512_mask_shuffle_epi8(row[j], bit4, (__m512i)load16(*table + 32 * j + 16), low);
  }
  for (int j = 0; j < 4; j++) row[j] = _mm512_mask_blend_epi8(bit5, row[2 * j], row[2 * j + 1]);
  for (int j = 0; j < 2; j++) row[j] = _mm512_mask_blend_epi8(bit6, row[2 * j], row[2 * j + 1]);
  return (vb)_mm512_mask_blend_epi8(bit7, row[0], row[1]);
}

#define PARTS 64
#define LOADS_AHEAD 0
#define OWN_SHARE 4
INLINE vb look_part(const table16 *row, vb part, vb bit4, vb bit5) {
  __mmask64 odd = _mm512_movepi8_mask((__m512i)bit4), upper = _mm512_movepi8_mask((__m512i)bit5);
  __m512i low = _mm512_shuffle_epi8((__m512i)row[0], (__m512i)part);
  __m512i high = _mm512_shuffle_epi8((__m512i)row[2], (__m512i)part);
  low = _mm512_mask_shuffle_epi8(low, odd, (__m512i)row[1], (__m512i)part);
  high = _mm512_mask_shuffle_epi8(high, odd, (__m512i)row[3], (__m512i)part);
  return (vb)_mm512_mask_blend_epi8(upper, low, high);
}

#define CHECKS 0
#include "scan.inc.h"
#include "near.inc.h"
#pragma clang attribute pop

const cpq_kernels cpq_avx512 = {
    .name = "avx512",
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
    .adc_tables = cpq_adc_tables,
    .pair_tables = cpq_pair_tables,
    .adc_estimates = cpq_adc_estimates,
    .adc_residual = adc_residual,
};
#endif
