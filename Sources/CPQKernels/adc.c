/* Canonical ADC distances of single vectors of a frame of code tiles (Formats/pqx-v1.md, "Distances"). */
#include <math.h>

#include "codes.h"
#include "sets.h"

#pragma STDC FP_CONTRACT OFF

/* Inlined with a constant `width`, so that each gets its own loop without branches inside. */
static inline __attribute__((always_inline)) void by_tables(unsigned width, const cpq_codes *codes,
                                                            const float *tables, float base,
                                                            const uint16_t *positions, size_t n, float *out) {
  size_t table_size = cpq_table_floats((size_t)1 << codes->nbits);
  for (size_t i = 0; i < n; i++) {
    cpq_place at = cpq_place_of(codes, positions[i]);
    float sum = base;
    for (size_t s = 0; s < codes->m; s++)
      sum += tables[s * table_size + cpq_bounded(cpq_code(width, codes->m, at.tile, at.lanes, at.lane, s), codes->nbits)];
    out[i] = sum;
  }
}

void cpq_adc_tables(const cpq_codes *codes, const float *tables, float base, const uint16_t *positions, size_t n,
                    float *out) {
  switch (cpq_code_width(codes->nbits)) {
  case 4: by_tables(4, codes, tables, base, positions, n, out); return;
  case 8: by_tables(8, codes, tables, base, positions, n, out); return;
  case 12: by_tables(12, codes, tables, base, positions, n, out); return;
  default: by_tables(16, codes, tables, base, positions, n, out); return;
  }
}

/* Has entries added from where they are: four of them brought into one vector take longer. */
#if defined(__x86_64__)
#define ADDED_ALONE(sum) __asm__("" : "+x"(sum))
#else
#define ADDED_ALONE(sum)
#endif

/* The sum of a vector's entries, whose codes are bytes `lanes` apart, in four chains, since no order is asked for and one would
 * wait for itself. */
static inline __attribute__((always_inline)) float sum_bytes(const uint8_t *code, size_t lanes, size_t m, const float *table,
                                                             size_t table_size) {
#define ENTRY(c) table[(c) * table_size + (code[(c) * lanes] & (table_size - 1))]
  float sums[4] = {0};
  for (size_t fours = m / 4; fours > 0; fours--, code += 4 * lanes, table += 4 * table_size)
    for (size_t c = 0; c < 4; c++) {
      sums[c] += ENTRY(c);
      ADDED_ALONE(sums[c]);
    }
  if (m % 4 > 0) sums[0] += ENTRY(0);
  if (m % 4 > 1) sums[1] += ENTRY(1);
  if (m % 4 > 2) sums[2] += ENTRY(2);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
#undef ENTRY
}

/* The same of codes of more than a byte. */
static inline __attribute__((always_inline)) float sum_wide(unsigned width, cpq_place at, size_t m, const float *table,
                                                            size_t table_size) {
#define ENTRY(s) table[(s) * table_size + (cpq_code(width, m, at.tile, at.lanes, at.lane, s) & (table_size - 1))]
  float sums[4] = {0};
  size_t s = 0;
  for (; s + 4 <= m; s += 4)
    for (size_t c = 0; c < 4; c++) sums[c] += ENTRY(s + c);
  for (; s < m; s++) sums[0] += ENTRY(s);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
#undef ENTRY
}

static inline __attribute__((always_inline)) void estimates(unsigned width, const cpq_codes *codes, size_t m,
                                                            size_t table_size, const float *tables, float base,
                                                            float factor, float step, const uint16_t *positions,
                                                            size_t n, float *out) {
  for (size_t i = 0; i < n; i++) {
    cpq_place at = cpq_place_of(codes, positions[i]);
    const uint8_t *code = at.tile + at.lane;
    float sum = width > 8 ? sum_wide(width, at, m, tables, table_size)
                : at.lanes == CPQ_TILE ? sum_bytes(code, CPQ_TILE, m, tables, table_size)
                                       : sum_bytes(code, at.lanes, m, tables, table_size);
    float bracket = code[(codes->planes - 1) * at.lanes];
    out[i] = base + factor * sum + step * bracket;
  }
}

void cpq_adc_estimates(const cpq_codes *codes, const float *tables, float base, float factor, float step,
                       const uint16_t *positions, size_t n, float *out) {
  size_t m = codes->m, size = cpq_table_floats((size_t)1 << codes->nbits);
  switch (cpq_code_width(codes->nbits)) {
  case 4: estimates(8, codes, (m + 1) / 2, CPQ_PAIRS, tables, base, factor, step, positions, n, out); return;
  case 8: estimates(8, codes, m, size, tables, base, factor, step, positions, n, out); return;
  case 12: estimates(12, codes, m, size, tables, base, factor, step, positions, n, out); return;
  default: estimates(16, codes, m, size, tables, base, factor, step, positions, n, out); return;
  }
}

void cpq_pair_tables(const float *tables, size_t m, float *restrict out) {
  static const float none[CPQ_LANES];
  for (size_t s = 0; s < m; s += 2, out += CPQ_PAIRS) {
    const float *low = tables + s * CPQ_LANES, *high = s + 1 < m ? low + CPQ_LANES : none;
    for (size_t h = 0; h < CPQ_LANES; h++)
      for (size_t l = 0; l < CPQ_LANES; l++) out[h * CPQ_LANES + l] = low[l] + high[h];
  }
}
