/* The vector kernels, once, in clang's portable vectors of 16 floats. An including file selects the instruction set
 * (which decides how many registers one v16 takes), defines POINTS and BLOCKS, the register tile of `nearest`, and
 * gets the same results as every other: lanes never exchange values except in the two fixed reductions below. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "codes.h"
#include "sets.h"

#pragma STDC FP_CONTRACT OFF
/* No v16 crosses a call: all that pass one are inlined, so no calling convention is at stake. */
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v16 __attribute__((ext_vector_type(16), aligned(4)));
typedef int32_t i16 __attribute__((ext_vector_type(16), aligned(4)));
typedef int16_t s16x16 __attribute__((ext_vector_type(16), aligned(2)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16), aligned(2)));
typedef uint8_t b16 __attribute__((vector_size(16), aligned(1)));
typedef uint8_t bytes32 __attribute__((vector_size(32), aligned(1)));
typedef uint64_t u64x4 __attribute__((ext_vector_type(4), aligned(8)));
typedef double d4 __attribute__((ext_vector_type(4)));
typedef double d8 __attribute__((ext_vector_type(8)));
typedef _Float16 h16 __attribute__((vector_size(32), aligned(2)));

#define INLINE static inline __attribute__((always_inline))

INLINE v16 load(const float *p) { return *(const v16 *)p; }
INLINE v16 splat(float x) { return (v16)x; }
INLINE v16 fma16(v16 a, v16 b, v16 c) { return __builtin_elementwise_fma(a, b, c); }

/* Lanes of `a` where those of `mask` are -1, of `b` where they are 0: compiled to one selection or minimum, as `?:` would
 * be, which reports of coverage take for a branch. */
#define PICK(mask, a, b) ((__typeof__(b))(((mask) & (__typeof__(mask))(a)) | (~(mask) & (__typeof__(mask))(b))))
#define LESSER(a, b) PICK((a) < (b), a, b)
#define GREATER(a, b) PICK((a) > (b), a, b)

/* The least and the greatest of sixteen floats that are numbers: halves against halves, without the care for NaN that
 * makes the compiler's own reductions a chain of sixteen. */
typedef float v8 __attribute__((ext_vector_type(8), aligned(4)));
typedef int32_t i8v __attribute__((ext_vector_type(8), aligned(4)));
typedef float v4 __attribute__((ext_vector_type(4), aligned(4)));

INLINE float least(v16 v) {
  v8 a = LESSER(v.lo, v.hi);
  v4 b = LESSER(a.lo, a.hi);
  float x = b[0] < b[1] ? b[0] : b[1], y = b[2] < b[3] ? b[2] : b[3];
  return x < y ? x : y;
}

INLINE float greatest(v16 v) {
  v8 a = GREATER(v.lo, v.hi);
  v4 b = GREATER(a.lo, a.hi);
  float x = b[0] > b[1] ? b[0] : b[1], y = b[2] > b[3] ? b[2] : b[3];
  return x > y ? x : y;
}

/* Eight components of a row, from `i` on; zeros after the last one. */
INLINE v8 row_eight(const float *row, size_t i, size_t dim) {
  if (i + 8 <= dim) return *(const v8 *)(row + i);
  float rest[8] = {0};
  memcpy(rest, row + i, (dim - i) * sizeof(float));
  return *(const v8 *)rest;
}

/* One query against lane blocks: chains in components, a lane per centroid. Four blocks hide the fma's latency. */
INLINE void blocks_tile(int squared, const float *query, size_t dim, const float *block, int n, v16 *sum) {
  size_t step = dim * CPQ_LANES;
  for (int b = 0; b < n; b++) sum[b] = splat(0);
  for (size_t i = 0; i < dim; i++) {
    v16 q = splat(query[i]);
    for (int b = 0; b < n; b++) {
      v16 c = load(block + b * step + i * CPQ_LANES), d = q - c;
      sum[b] = squared ? fma16(d, d, sum[b]) : fma16(q, c, sum[b]);
    }
  }
}

INLINE void blocks(int squared, const float *query, size_t dim, const float *data, size_t count, float *out) {
  size_t step = dim * CPQ_LANES, j = 0;
  for (; j + 4 * CPQ_LANES <= count; j += 4 * CPQ_LANES, data += 4 * step) {
    v16 sum[4];
    blocks_tile(squared, query, dim, data, 4, sum);
    memcpy(out + j, sum, sizeof sum);
  }
  for (; j < count; j += CPQ_LANES, data += step) {
    v16 sum[1];
    blocks_tile(squared, query, dim, data, 1, sum);
    size_t n = count - j < CPQ_LANES ? count - j : CPQ_LANES;
    memcpy(out + j, sum, n * sizeof(float));
  }
}

static void l2_blocks(const float *query, size_t dim, const float *data, size_t count, float *out) {
  blocks(1, query, dim, data, count, out);
}

static void ip_blocks(const float *query, size_t dim, const float *data, size_t count, float *out) {
  blocks(0, query, dim, data, count, out);
}

/* A tile of queries and blocks of centroids: each load of a centroid serves all queries. */
INLINE void batch_tile(int squared, int queries, int n, const float *query, size_t dim, const float *block,
                       size_t lanes, float *out, size_t out_stride) {
  size_t step = dim * CPQ_LANES;
  v16 sum[POINTS * BLOCKS];
  for (int t = 0; t < queries * n; t++) sum[t] = splat(0);
  for (size_t i = 0; i < dim; i++) {
    v16 c[BLOCKS];
    for (int b = 0; b < n; b++) c[b] = load(block + b * step + i * CPQ_LANES);
    for (int p = 0; p < queries; p++) {
      v16 q = splat(query[p * dim + i]);
      for (int b = 0; b < n; b++) {
        v16 d = q - c[b];
        sum[p * n + b] = squared ? fma16(d, d, sum[p * n + b]) : fma16(q, c[b], sum[p * n + b]);
      }
    }
  }
  for (int p = 0; p < queries; p++)
    for (int b = 0; b < n; b++)
      memcpy(out + p * out_stride + b * CPQ_LANES, &sum[p * n + b],
             (lanes - b * CPQ_LANES < CPQ_LANES ? lanes - b * CPQ_LANES : CPQ_LANES) * sizeof(float));
}

INLINE void batch_blocks(int squared, int blocks, const float *queries, size_t n, size_t dim, const float *block,
                         size_t lanes, float *out, size_t out_stride) {
  size_t i = 0;
  for (; i + POINTS <= n; i += POINTS)
    batch_tile(squared, POINTS, blocks, queries + i * dim, dim, block, lanes, out + i * out_stride, out_stride);
  for (; i < n; i++) batch_tile(squared, 1, blocks, queries + i * dim, dim, block, lanes, out + i * out_stride, out_stride);
}

INLINE void blocks_batch(int squared, const float *queries, size_t n, size_t dim, const float *data, size_t count,
                         float *out, size_t out_stride) {
  enum { LANES_AT_ONCE = BLOCKS * CPQ_LANES };
  size_t j = 0;
  for (; j + LANES_AT_ONCE <= count; j += LANES_AT_ONCE)
    batch_blocks(squared, BLOCKS, queries, n, dim, data + j * dim, LANES_AT_ONCE, out + j, out_stride);
  for (; j < count; j += CPQ_LANES)
    batch_blocks(squared, 1, queries, n, dim, data + j * dim, count - j, out + j, out_stride);
}

static void l2_blocks_batch(const float *queries, size_t n, size_t dim, const float *data, size_t count, float *out,
                            size_t out_stride) {
  blocks_batch(1, queries, n, dim, data, count, out, out_stride);
}

static void ip_blocks_batch(const float *queries, size_t n, size_t dim, const float *data, size_t count, float *out,
                            size_t out_stride) {
  blocks_batch(0, queries, n, dim, data, count, out, out_stride);
}

static double squared_length(const float *row, size_t dim) {
  d8 sum = 0;
  for (size_t i = 0; i < dim; i += 8) {
    d8 x = __builtin_convertvector(row_eight(row, i, dim), d8);
    sum += x * x;
  }
  d4 half = sum.lo + sum.hi;
  return (half[0] + half[1]) + (half[2] + half[3]);
}

static void subtract_lane(const float *query, size_t dim, const float *lane, float *out) {
  for (size_t i = 0; i < dim; i++) out[i] = query[i] - lane[i * CPQ_LANES];
}

/* A panel of centroids stays in L2 while all points pass over it; each lane keeps its own best, so that the matrix of
 * distances is never written and lanes meet once per panel. */
enum { PANEL_BYTES = 256 * 1024 };

INLINE void nearest_tile(int points, int n, const float *point, size_t stride, size_t dim, const float *block,
                         size_t block_index, size_t centroids, v16 *best, i16 *where) {
  size_t step = dim * CPQ_LANES;
  v16 sum[POINTS * BLOCKS];
  for (int t = 0; t < points * n; t++) sum[t] = splat(0);
  for (size_t i = 0; i < dim; i++) {
    v16 c[BLOCKS];
    for (int b = 0; b < n; b++) c[b] = load(block + b * step + i * CPQ_LANES);
    for (int p = 0; p < points; p++) {
      v16 x = splat(point[p * stride + i]);
      for (int b = 0; b < n; b++) {
        v16 d = x - c[b];
        sum[p * n + b] = fma16(d, d, sum[p * n + b]);
      }
    }
  }
  for (int b = 0; b < n; b++) {
    i16 at = (i16)(int32_t)(block_index + b);
    size_t first = (block_index + b) * CPQ_LANES;
    if (first + CPQ_LANES > centroids) { /* the padding of the last block wins nothing */
      i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      i16 real = lane < (i16)(int32_t)(centroids - first);
      for (int p = 0; p < points; p++) sum[p * n + b] = PICK(real, sum[p * n + b], splat(INFINITY));
    }
    for (int p = 0; p < points; p++) {
      i16 closer = sum[p * n + b] < best[p]; /* strict: the earlier block keeps a tie */
      best[p] = PICK(closer, sum[p * n + b], best[p]);
      where[p] = PICK(closer, at, where[p]);
    }
  }
}

INLINE void nearest_panel(int points, const float *point, size_t stride, size_t dim, const float *blocks,
                          size_t from, size_t to, size_t centroids, cpq_nearest *out) {
  v16 best[POINTS];
  i16 where[POINTS];
  for (int p = 0; p < points; p++) best[p] = splat(INFINITY), where[p] = (i16)0;
  size_t step = dim * CPQ_LANES, b = from;
  for (; b + BLOCKS <= to; b += BLOCKS)
    nearest_tile(points, BLOCKS, point, stride, dim, blocks + b * step, b, centroids, best, where);
#if BLOCKS > 1
  for (; b < to; b++) nearest_tile(points, 1, point, stride, dim, blocks + b * step, b, centroids, best, where);
#endif
  i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int p = 0; p < points; p++) {
    float distance = least(best[p]);
    if (!(distance < out[p].distance)) continue; /* an earlier panel keeps a tie */
    i16 tied = PICK(best[p] == (v16)distance, where[p] * CPQ_LANES + lane, (i16)INT32_MAX);
    out[p] = (cpq_nearest){(uint32_t)__builtin_reduce_min(tied), distance};
  }
}

static void nearest(const float *points, size_t stride, size_t count, size_t dim, const float *blocks,
                    size_t centroids, cpq_nearest *out) {
  size_t block_count = (centroids + CPQ_LANES - 1) / CPQ_LANES;
  size_t panel = PANEL_BYTES / (dim * CPQ_LANES * sizeof(float)) / BLOCKS * BLOCKS;
  if (panel == 0) panel = BLOCKS;
  for (size_t i = 0; i < count; i++) out[i] = (cpq_nearest){0, INFINITY};
  for (size_t from = 0; from < block_count; from += panel) {
    size_t to = from + panel < block_count ? from + panel : block_count, i = 0;
    for (; i + POINTS <= count; i += POINTS)
      nearest_panel(POINTS, points + i * stride, stride, dim, blocks, from, to, centroids, out + i);
    for (; i < count; i++) nearest_panel(1, points + i * stride, stride, dim, blocks, from, to, centroids, out + i);
  }
}

/* Sixteen components of a stored row as floats. */
INLINE v16 row_part(cpq_row_type type, const char *row, size_t i, float offset) {
  switch (type) {
  case CPQ_ROW_F32: return load((const float *)row + i);
  case CPQ_ROW_F16: return __builtin_convertvector(*(const h16 *)(row + 2 * i), v16);
  default: return __builtin_convertvector(*(const b16 *)(row + i), v16) + splat(offset);
  }
}

INLINE size_t component_bytes(cpq_row_type type) { return type == CPQ_ROW_F32 ? 4 : type == CPQ_ROW_F16 ? 2 : 1; }

/* The fixed tree: chain j + chain j+8, then 4, 2, 1. */
INLINE float tree_sum(v16 chain) {
  float c[CPQ_LANES];
  memcpy(c, &chain, sizeof c);
  for (int width = CPQ_LANES / 2; width > 0; width /= 2)
    for (int j = 0; j < width; j++) c[j] += c[j + width];
  return c[0];
}

/* `n` rows side by side. The ragged end is copied out, so that no load passes the last row's last byte. */
INLINE void rows_tile(int squared, cpq_row_type type, int n, const float *query, size_t dim, const char *row,
                      float offset, float *out) {
  size_t size = component_bytes(type), row_bytes = dim * size, i = 0, tail = dim % CPQ_LANES;
  v16 sum[4];
  for (int r = 0; r < n; r++) sum[r] = splat(0);
  for (; i + CPQ_LANES <= dim; i += CPQ_LANES) {
    v16 q = load(query + i);
    for (int r = 0; r < n; r++) {
      v16 x = row_part(type, row + r * row_bytes, i, offset), d = q - x;
      sum[r] = squared ? fma16(d, d, sum[r]) : fma16(q, x, sum[r]);
    }
  }
  if (tail) {
    float rest[CPQ_LANES] = {0};
    i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    i16 real = lane < (i16)(int32_t)tail;
    memcpy(rest, query + i, tail * sizeof(float));
    v16 q = load(rest);
    for (int r = 0; r < n; r++) {
      char bytes[CPQ_LANES * 4] = {0};
      memcpy(bytes, row + r * row_bytes + i * size, tail * size);
      v16 x = row_part(type, bytes, 0, offset), d = q - x;
      /* Adding a product of zeros would make +0 of a sum of -0. */
      sum[r] = PICK(real, squared ? fma16(d, d, sum[r]) : fma16(q, x, sum[r]), sum[r]);
    }
  }
  for (int r = 0; r < n; r++) out[r] = tree_sum(sum[r]);
}

INLINE void rows_of(int squared, cpq_row_type type, const float *query, size_t dim, const char *row, size_t count,
                    float offset, float *out) {
  size_t row_bytes = dim * component_bytes(type), r = 0;
  for (; r + 4 <= count; r += 4)
    rows_tile(squared, type, 4, query, dim, row + r * row_bytes, offset, out + r);
  for (; r < count; r++) rows_tile(squared, type, 1, query, dim, row + r * row_bytes, offset, out + r);
}

/* Each row type gets its own loop, without branches inside. */
INLINE void rows(int squared, cpq_row_type type, const float *query, size_t dim, const void *data, size_t count,
                 float offset, float *out) {
  switch (type) {
  case CPQ_ROW_F32: rows_of(squared, CPQ_ROW_F32, query, dim, data, count, 0, out); return;
  case CPQ_ROW_F16: rows_of(squared, CPQ_ROW_F16, query, dim, data, count, 0, out); return;
  default: rows_of(squared, CPQ_ROW_U8, query, dim, data, count, offset, out); return;
  }
}

/* How many rows ahead of the one in work are fetched: rows lie anywhere, so nothing else does it. */
enum { ROWS_AHEAD = 8 };

INLINE void fetch_row(const char *row, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(row + i);
}

INLINE void rows_at_of(int squared, cpq_row_type type, const float *query, size_t dim, const char *rows,
                       const uint64_t *offsets, size_t count, float offset, float *out) {
  size_t row_bytes = dim * component_bytes(type);
  for (size_t i = 0; i < count && i < ROWS_AHEAD; i++) fetch_row(rows + offsets[i], row_bytes);
  for (size_t i = 0; i < count; i++) {
    if (i + ROWS_AHEAD < count) fetch_row(rows + offsets[i + ROWS_AHEAD], row_bytes);
    rows_tile(squared, type, 1, query, dim, rows + offsets[i], offset, out + i);
  }
}

INLINE void rows_at_metric(int squared, cpq_row_type type, const float *query, size_t dim, const void *rows,
                           const uint64_t *offsets, size_t count, float offset, float *out) {
  switch (type) {
  case CPQ_ROW_F32: rows_at_of(squared, CPQ_ROW_F32, query, dim, rows, offsets, count, 0, out); return;
  case CPQ_ROW_F16: rows_at_of(squared, CPQ_ROW_F16, query, dim, rows, offsets, count, 0, out); return;
  default: rows_at_of(squared, CPQ_ROW_U8, query, dim, rows, offsets, count, offset, out); return;
  }
}

static void rows_at(int squared, cpq_row_type type, const float *query, size_t dim, const void *rows,
                    const uint64_t *offsets, size_t count, float offset, float *out) {
  if (squared) rows_at_metric(1, type, query, dim, rows, offsets, count, offset, out);
  else rows_at_metric(0, type, query, dim, rows, offsets, count, offset, out);
}

static void l2_rows(cpq_row_type type, const float *query, size_t dim, const void *data, size_t count, float offset,
                    float *out) {
  rows(1, type, query, dim, data, count, offset, out);
}

static void ip_rows(cpq_row_type type, const float *query, size_t dim, const void *data, size_t count, float offset,
                    float *out) {
  rows(0, type, query, dim, data, count, offset, out);
}

#include "transpose.inc.h"
#include "adc.inc.h"
#include "select.inc.h"
#include "sort_plain.inc.h"
