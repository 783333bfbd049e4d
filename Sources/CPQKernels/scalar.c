/* Plain C: the oracle of every other set, and what runs where no other can. */
#include <math.h>
#include <string.h>

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

static double accumulate(const float *points, size_t stride, size_t count, size_t dim,
                         const uint32_t *assigned, const float *centers, double *sums) {
  double s[8] = {0};
  for (size_t i = 0; i < count; i++) {
    size_t center = assigned[i] * dim;
    for (size_t j = 0; j < dim; j++) {
      float x = points[i * stride + j], d = x - centers[center + j];
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

static void l2_rows(cpq_row_type type, const float *query, size_t dim, const void *data, size_t count, float offset,
                    float *out) {
  rows(1, type, query, dim, data, count, offset, out);
}

static void ip_rows(cpq_row_type type, const float *query, size_t dim, const void *data, size_t count, float offset,
                    float *out) {
  rows(0, type, query, dim, data, count, offset, out);
}

const cpq_kernels cpq_scalar = {
    .name = "scalar",
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
