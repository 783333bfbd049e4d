/* AVX-512 with VNNI and VBMI: as avx512.c, and one instruction looks up 64 bytes in 128 entries. */
#if defined(__x86_64__)
#include <immintrin.h>
#ifdef CPQ_EMULATE_512 /* Tests/emulate.sh */
#include "../../Tests/emulate512.h"
#else
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi,fma,f16c,sse4.2"))), \
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

/* Four tiles a table: more share its four registers, but lists are short (measured on Zen 5: 6.5 G vectors/s at m = 16
 * from L2; 3.6 with one tile). */
#define COLUMNS 4
#define NIBBLE_COLUMNS 4
#define WIDE_CODES 1

typedef struct {
  __m512i quarter[4];
} table256;

INLINE table256 load256(const uint8_t *p) {
  return (table256){{_mm512_loadu_si512(p), _mm512_loadu_si512(p + 64), _mm512_loadu_si512(p + 128),
                     _mm512_loadu_si512(p + 192)}};
}

/* The lower seven bits look into both halves, the top one chooses. */
INLINE vb look256(const table256 *table, vb code) {
  __m512i low = _mm512_permutex2var_epi8(table->quarter[0], (__m512i)code, table->quarter[1]);
  __m512i high = _mm512_permutex2var_epi8(table->quarter[2], (__m512i)code, table->quarter[3]);
  return (vb)_mm512_mask_blend_epi8(_mm512_movepi8_mask((__m512i)code), low, high);
}

#define PARTS 128
/* On Zen 4 scan-rate has minima of codes in memory at 90 % of the rate at which they are read so, instead of 76 %. Strips of more
 * than 8 KiB, lookups of all entries, which take longer, and codes from a cache are slower so. */
#define LOADS_AHEAD 1
#define OWN_SHARE 32
INLINE vb look128(vb low, vb high, vb part) {
  return (vb)_mm512_permutex2var_epi8((__m512i)low, (__m512i)part, (__m512i)high);
}

#define CHECKS 0
#include "scan.inc.h"
#include "near.inc.h"
#pragma clang attribute pop

const cpq_kernels cpq_avx512vbmi = {
    .name = "avx512vbmi",
    .crc32c = cpq_crc32c_wide,
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
