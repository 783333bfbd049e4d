/* Plain C: the oracle of every other set, and what runs where no other can. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "codes.h"
#include "sets.h"

/* No contraction: each fmaf below is one, and nothing else becomes one. */
#pragma STDC FP_CONTRACT OFF

static const float *lane_of(const float *blocks, size_t dim, size_t j) {
  return blocks + j / CPQ_LANES * dim * CPQ_LANES + j % CPQ_LANES;
}

static float l2_lane(const float *query, size_t dim, const float *lane) {
  float sum = 0;
  for (size_t i = 0; i < dim; i++) {
    float d = query[i] - lane[i * CPQ_LANES];
    sum = fmaf(d, d, sum);
  }
  return sum;
}

static void l2_blocks(const float *query, size_t dim, const float *blocks, size_t count, float *out) {
  for (size_t j = 0; j < count; j++) out[j] = l2_lane(query, dim, lane_of(blocks, dim, j));
}

static void ip_blocks(const float *query, size_t dim, const float *blocks, size_t count, float *out) {
  for (size_t j = 0; j < count; j++) {
    const float *lane = lane_of(blocks, dim, j);
    float sum = 0;
    for (size_t i = 0; i < dim; i++) sum = fmaf(query[i], lane[i * CPQ_LANES], sum);
    out[j] = sum;
  }
}

static void l2_blocks_batch(const float *queries, size_t n, size_t dim, const float *blocks, size_t count, float *out,
                            size_t out_stride) {
  for (size_t i = 0; i < n; i++) l2_blocks(queries + i * dim, dim, blocks, count, out + i * out_stride);
}

static void ip_blocks_batch(const float *queries, size_t n, size_t dim, const float *blocks, size_t count, float *out,
                            size_t out_stride) {
  for (size_t i = 0; i < n; i++) ip_blocks(queries + i * dim, dim, blocks, count, out + i * out_stride);
}

static void subtract_lane(const float *query, size_t dim, const float *lane, float *out) {
  for (size_t i = 0; i < dim; i++) out[i] = query[i] - lane[i * CPQ_LANES];
}

static double squared_length(const float *row, size_t dim) {
  double s[8] = {0};
  for (size_t i = 0; i < dim; i++) s[i % 8] += (double)row[i] * (double)row[i];
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static size_t group_minima(const float *values, size_t count, size_t depth, float *out) {
  size_t group = CPQ_LANES * depth, groups = (count + group - 1) / group * CPQ_LANES;
  for (size_t g = 0; g < groups; g++) out[g] = INFINITY;
  for (size_t i = 0; i < count; i++) {
    float *low = &out[i / group * CPQ_LANES + i % CPQ_LANES];
    *low = values[i] < *low ? values[i] : *low;
  }
  return groups;
}

static size_t floats_within(const float *values, size_t count, float low, float high, uint32_t *out) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    if (values[i] >= low && values[i] <= high) out[found++] = (uint32_t)i;
  return found;
}

/* The number at a place in the order of all floats from -INFINITY on. */
static float float_at(uint32_t place) {
  const uint32_t negative = 0x7F800001; /* of -INFINITY to -0 */
  uint32_t bits = place < negative ? 0xFF800000 - place : place - negative;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The least number that k values do not exceed; infinite if there are fewer values that are numbers. */
static float float_kth(const float *values, size_t count, size_t k) {
  uint32_t low = 0, high = 0x7F800001u + 0x7F800000u; /* INFINITY */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    float limit = float_at(middle);
    size_t within = 0;
    for (size_t i = 0; i < count; i++) within += values[i] <= limit;
    if (within >= k) high = middle;
    else low = middle + 1;
  }
  return float_at(low);
}

static size_t sum_minima(const uint16_t *sums, size_t count, uint16_t *out) {
  size_t groups = count / (CPQ_SUM_GROUPS / 32);
  for (size_t g = 0; g < groups; g++) {
    const uint16_t *group = sums + g / 32 * CPQ_SUM_GROUPS + g % 32;
    out[g] = group[0];
    for (size_t j = 32; j < CPQ_SUM_GROUPS; j += 32) out[g] = group[j] < out[g] ? group[j] : out[g];
  }
  return groups;
}

static uint16_t sum_limit(const uint16_t *sums, size_t count, size_t k) {
  uint32_t low = 0, high = UINT16_MAX;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) found += sums[i] <= middle;
    if (found >= k) high = middle;
    else low = middle + 1;
  }
  return (uint16_t)low;
}

static size_t sums_within(const uint16_t *sums, const uint16_t *positions, size_t count, uint16_t low, uint16_t high,
                          uint16_t *sums_out, uint16_t *positions_out) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    if (sums[i] >= low && sums[i] <= high) {
      positions_out[found] = positions[i];
      sums_out[found++] = sums[i];
    }
  return found;
}

static void ids_at(const uint8_t *frame, size_t planes, size_t count, uint64_t first, uint64_t *numbers, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint64_t id = first;
    for (size_t p = 0; p < planes; p++)
      for (size_t j = 0; j <= numbers[i]; j++) id += (uint64_t)frame[p * count + j] << (8 * p);
    numbers[i] = id;
  }
}

static int are_finite(const uint32_t *bits, size_t count) {
  uint32_t any = 0; /* only the largest exponent carries into the sign */
  for (size_t i = 0; i < count; i++) any |= (bits[i] & 0x7F800000) + 0x800000;
  return any >> 31 == 0;
}

static void nearest(const float *points, size_t stride, size_t count, size_t dim, const float *blocks,
                    size_t centroids, cpq_nearest *out) {
  for (size_t i = 0; i < count; i++) {
    cpq_nearest best = {0, INFINITY};
    for (size_t j = 0; j < centroids; j++) {
      float distance = l2_lane(points + i * stride, dim, lane_of(blocks, dim, j));
      if (distance < best.distance) best = (cpq_nearest){(uint32_t)j, distance};
    }
    out[i] = best;
  }
}

#include "assign_plain.inc.h"
#include "near_plain.inc.h"
#include "sort_plain.inc.h"

static double accumulate(const float *points, size_t stride, size_t count, size_t dim,
                         const uint32_t *assigned, const float *centers, double *sums) {
  double s[8] = {0};
  for (size_t i = 0; i < count; i++) {
    size_t center = assigned[i] * dim;
    for (size_t j = 0; j < dim; j++) {
      float x = points[i * stride + j], d = centers ? x - centers[center + j] : 0;
      s[j % 8] += (double)d * (double)d;
      sums[center + j] += (double)x;
    }
  }
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Exact: every binary16 value is a binary32 value. */
static float half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF, bits;
  if (exponent == 0) {
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) bits = sign | 0x7F800000 | fraction << 13;
  else bits = sign | (exponent + 112) << 23 | fraction << 13;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static float component(cpq_row_type type, const void *row, size_t i, float offset) {
  float value;
  uint16_t half;
  switch (type) {
  case CPQ_ROW_F32: memcpy(&value, (const char *)row + 4 * i, 4); return value;
  case CPQ_ROW_F16: memcpy(&half, (const char *)row + 2 * i, 2); return half_to_float(half);
  default: return (float)((const uint8_t *)row)[i] + offset;
  }
}

static float tree_sum(float *chain) {
  for (size_t width = CPQ_LANES / 2; width > 0; width /= 2)
    for (size_t j = 0; j < width; j++) chain[j] += chain[j + width];
  return chain[0];
}

static void rows(int squared, cpq_row_type type, const float *query, size_t dim, const void *data, size_t count,
                 float offset, float *out) {
  size_t row_bytes = dim * (type == CPQ_ROW_F32 ? 4 : type == CPQ_ROW_F16 ? 2 : 1);
  for (size_t r = 0; r < count; r++) {
    const char *row = (const char *)data + r * row_bytes;
    float chain[CPQ_LANES] = {0};
    for (size_t i = 0; i < dim; i++) {
      float x = component(type, row, i, offset), d = query[i] - x;
      float *c = &chain[i % CPQ_LANES];
      *c = squared ? fmaf(d, d, *c) : fmaf(query[i], x, *c);
    }
    out[r] = tree_sum(chain);
  }
}

static void rows_at(int squared, cpq_row_type type, const float *query, size_t dim, const void *data,
                    const uint64_t *offsets, size_t count, float offset, float *out) {
  for (size_t i = 0; i < count; i++)
    rows(squared, type, query, dim, (const char *)data + offsets[i], 1, offset, out + i);
}

static void l2_rows(cpq_row_type type, const float *query, size_t dim, const void *data, size_t count, float offset,
                    float *out) {
  rows(1, type, query, dim, data, count, offset, out);
}

static void ip_rows(cpq_row_type type, const float *query, size_t dim, const void *data, size_t count, float offset,
                    float *out) {
  rows(0, type, query, dim, data, count, offset, out);
}

static cpq_range quantize(const float *tables, size_t m, size_t table_size, size_t entries, float factor,
                          unsigned limit, float *lowest, uint8_t *out) {
  size_t stride = cpq_table_floats(entries);
  cpq_range range = {0, 0, 0};
  float width = 0, widest = 0;
  int finite = 1;
  for (size_t s = 0; s < m; s++) {
    float min = INFINITY, max = -INFINITY;
    for (size_t j = 0; j < entries; j++) {
      float t = tables[s * stride + j] * factor;
      min = t < min ? t : min;
      max = t > max ? t : max;
      finite &= t - t == 0;
    }
    lowest[s] = min;
    /* Two tables of 16 entries share a byte of codes. */
    width = max - min + (s % 2 && table_size == 16 ? width : 0);
    widest = width > widest ? width : widest;
    range.minimum += min;
    range.magnitude += -min > max ? -min : max;
  }
  memset(out, 0, m * table_size);
  if (!finite || !(widest <= FLT_MAX)) return (cpq_range){-INFINITY, INFINITY, 0};
  /* A little less than limit/widest, so that rounding never lifts an entry over the limit. */
  float scale = widest > 0 ? (float)limit / widest * (1 - 0x1p-20f) : 0;
  if (!(scale <= FLT_MAX)) scale = 0;
  for (size_t s = 0; s < m; s++) {
    for (size_t j = 0; j < entries; j++) {
      float t = (tables[s * stride + j] * factor - lowest[s]) * scale;
      out[s * table_size + j] = (uint8_t)t;
    }
  }
  range.step = scale > 0 ? 1 / scale : 0;
  return range;
}

static void adc_residual(const cpq_codes *codes, const float *residual, const float *codebooks, int blocked, size_t sub,
                         const uint16_t *positions, size_t n, float *out) {
  unsigned width = cpq_code_width(codes->nbits);
  size_t book = cpq_book_floats(codes->nbits, blocked, sub), step = blocked ? CPQ_LANES : 1;
  for (size_t v = 0; v < n; v++) {
    cpq_place at = cpq_place_of(codes, positions[v]);
    float sum = 0;
    for (size_t s = 0; s < codes->m; s++) {
      size_t code = cpq_bounded(cpq_code(width, codes->m, at.tile, at.lanes, at.lane, s), codes->nbits);
      const float *x = residual + s * sub, *r = codebooks + s * book + cpq_codeword(code, blocked, sub);
      float chain = 0;
      for (size_t i = 0; i < sub; i++) {
        float d = x[i] - r[i * step];
        chain = fmaf(d, d, chain);
      }
      sum += chain;
    }
    out[v] = sum;
  }
}

const cpq_kernels cpq_scalar = {
    .name = "scalar",
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
    .scan = cpq_scan_generic,
    .sum_codes = cpq_sum_generic,
    .summed_within = cpq_summed_within_generic,
    .adc_tables = cpq_adc_tables,
    .pair_tables = cpq_pair_tables,
    .adc_estimates = cpq_adc_estimates,
    .adc_residual = adc_residual,
};
