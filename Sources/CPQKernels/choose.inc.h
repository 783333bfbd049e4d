/* Scores of queries and centroids in integers, by which lists are chosen: those that f32 has to decide between are few.
 *
 * Vectors are rounded less the centroids' mean, and scaled, to bytes where the including file sets LIST_BYTES, else to 16 bits.
 * How is in two files, each of which defines
 *   list_dot         adds the products of the components of words of a query and of a centroid
 *   fill_lists       fills in blocks, half and moved, by the mean and a scale that brings all within RADIUS, or one of its own
 *   round_query      makes a query's words, and tells how far that has moved it; returns their squared norm, or infinity where it
 *                    is too far
 *   list_slack       what scores may have lost
 *
 * Included after transpose.inc.h and assign.inc.h. */
typedef struct {
  size_t vector_words; /* components are eight at a time, the last ones zero */
  int32_t *blocks;     /* [block of 16 centroids][word][lane] */
  int32_t *half;       /* [centroid] minus half the squared norm, and what a query's words may need */
  float *mean;         /* of the centroids, and zeros */
  float *known;        /* where the two that follow are kept */
  float scale;         /* 0 where numbers are so extreme that integers prove nothing */
  float moved;         /* how far rounding moves a centroid at most, in integers */
} rounded_lists;

enum { LIST_COMPONENTS = LIST_BYTES ? 4 : 2 };

/* The same for the functions of assign.inc.h. */
INLINE filter list_filter(const rounded_lists *lists) {
  return (filter){.pairs = lists->vector_words * LIST_COMPONENTS / 2, .radius = RADIUS, .scale = lists->scale,
                  .mean = lists->mean, .blocks = lists->blocks, .half = lists->half};
}

#if LIST_BYTES
#include "choose_bytes.inc.h"
#else
#include "choose_words.inc.h"
#endif

enum { LIST_BLOCKS = 4, LIST_TILE = POINTS * BLOCKS > LIST_BLOCKS ? POINTS * BLOCKS : LIST_BLOCKS };
enum { NUMBERED = 2 * TRANSPOSED };

static size_t vector_words(size_t dim) { return round_up(dim, 8) / LIST_COMPONENTS; }

static size_t list_words(size_t dim, size_t count) {
  size_t rows = round_up(count, CPQ_LANES);
  return CPQ_LANES + rows * (vector_words(dim) + 1) + round_up(dim, CPQ_LANES) + 2;
}

/* The parts of `words`, which must stay where they are: some begin at multiples of 64 bytes. */
static rounded_lists list_parts(const int32_t *words, size_t dim, size_t count) {
  rounded_lists lists = {.vector_words = vector_words(dim)};
  size_t rows = round_up(count, CPQ_LANES);
  lists.blocks = (int32_t *)(((uintptr_t)words + 63) / 64 * 64);
  lists.half = lists.blocks + rows * lists.vector_words;
  lists.mean = (float *)(lists.half + rows);
  lists.known = lists.mean + round_up(dim, CPQ_LANES);
  lists.scale = lists.known[0], lists.moved = lists.known[1];
  return lists;
}

static int round_lists(const float *blocks, size_t count, size_t dim, float reach, int32_t *words) {
  rounded_lists lists = list_parts(words, dim, count);
  filter f = list_filter(&lists);
  float farthest = __builtin_sqrtf(largest_norm(&f, dim, blocks, count)) + reach;
  lists.scale = scale_within(&f, dim, farthest * farthest);
  if (lists.scale > 0) fill_lists(&lists, blocks, count, dim, reach);
  lists.known[0] = lists.scale, lists.known[1] = lists.moved;
  return lists.scale > 0;
}

INLINE void scores_tile(const rounded_lists *lists, int queries, int n, const int32_t *query, size_t first, size_t count,
                        float *out, size_t out_stride) {
  size_t words = lists->vector_words, step = words * CPQ_LANES;
  const int32_t *block = lists->blocks + first * words;
  i16 score[LIST_TILE];
  for (int q = 0; q < queries; q++)
    for (int b = 0; b < n; b++) score[q * n + b] = *(const i16 *)(lists->half + first + b * CPQ_LANES);
  for (size_t w = 0; w < words; w++) {
    i16 c[LIST_BLOCKS];
    for (int b = 0; b < n; b++) c[b] = *(const i16 *)(block + b * step + w * CPQ_LANES);
    for (int q = 0; q < queries; q++) {
      i16 x = (i16)query[q * words + w];
      for (int b = 0; b < n; b++) score[q * n + b] = list_dot(score[q * n + b], x, c[b]);
    }
  }
  for (int q = 0; q < queries; q++)
    for (int b = 0; b < n; b++) {
      v16 less = -__builtin_convertvector(score[q * n + b], v16);
      size_t j = first + b * CPQ_LANES;
      if (count - j >= CPQ_LANES) *(v16 *)(out + q * out_stride + j) = less;
      else memcpy(out + q * out_stride + j, &less, (count - j) * sizeof(float));
    }
}

static size_t list_scores(const int32_t *words, size_t count, size_t dim, const float *queries, size_t n, int32_t *rounded,
                          float *out, size_t out_stride, float *norms, float *moved) {
  rounded_lists lists = list_parts(words, dim, count);
  size_t near = 0, j = 0, q = 0;
  for (; q < n; q++) {
    norms[q] = round_query(&lists, queries + q * dim, dim, rounded + q * lists.vector_words, &moved[q]);
    near += norms[q] < INFINITY;
  }
  if (near == 0) return 0;
  if (n == 1)
    for (; j + LIST_BLOCKS * CPQ_LANES <= count; j += LIST_BLOCKS * CPQ_LANES)
      scores_tile(&lists, 1, LIST_BLOCKS, rounded, j, count, out, out_stride);
  for (; j + BLOCKS * CPQ_LANES <= count; j += BLOCKS * CPQ_LANES) {
    for (q = 0; q + POINTS <= n; q += POINTS)
      scores_tile(&lists, POINTS, BLOCKS, rounded + q * lists.vector_words, j, count, out + q * out_stride, out_stride);
    for (; q < n; q++) scores_tile(&lists, 1, BLOCKS, rounded + q * lists.vector_words, j, count, out + q * out_stride, out_stride);
  }
  for (; j < count; j += CPQ_LANES)
    for (q = 0; q < n; q++) scores_tile(&lists, 1, 1, rounded + q * lists.vector_words, j, count, out + q * out_stride, out_stride);
  return near;
}

/* A score is half the squared distance of query and centroid, as integers, less half the query's norm. */
static float list_limit(const int32_t *words, size_t dim, size_t count, double distance, float norm, float moved) {
  rounded_lists lists = list_parts(words, dim, count);
  double farthest = distance * (double)lists.scale + (double)lists.moved + (double)moved;
  double limit = (farthest * farthest - (double)norm * (1 - 0x1p-20)) / 2 + list_slack(dim);
  limit += __builtin_fabs(limit) * 0x1p-23;
  return limit < FLT_MAX ? (float)limit : INFINITY;
}

/* `n` chains of eight rows side by side: two of them hide half of the fma's latency. */
INLINE void numbered_tile(const float *query, size_t dim, const float *const *row, int n, float *out) {
  v8 sum[NUMBERED / TRANSPOSED] = {0};
  size_t i = 0;
  for (; i + 4 <= dim; i += 4)
    for (int r = 0; r < n; r++) {
      v8 c[4];
      four_components(row + r * TRANSPOSED, i, c);
      for (int k = 0; k < 4; k++) {
        v8 d = (v8)query[i + (size_t)k] - c[k];
        sum[r] = __builtin_elementwise_fma(d, d, sum[r]);
      }
    }
  for (; i < dim; i++)
    for (int r = 0; r < n; r++) {
      v8 d = (v8)query[i] - one_component(row + r * TRANSPOSED, i);
      sum[r] = __builtin_elementwise_fma(d, d, sum[r]);
    }
  memcpy(out, sum, (size_t)n * sizeof sum[0]);
}

static void l2_numbered(const float *query, size_t dim, const float *rows, const uint32_t *numbers, size_t n, float *out) {
  for (size_t i = 0; i < n; i += NUMBERED) {
    const float *row[NUMBERED];
    float found[NUMBERED];
    size_t count = n - i < NUMBERED ? n - i : NUMBERED;
    for (size_t next = i + NUMBERED; next < n && next < i + 2 * NUMBERED; next++)
      cpq_fetch(rows + numbers[next] * dim, dim * sizeof *rows);
    /* What is left is filled up with the first of it. */
    for (size_t r = 0; r < NUMBERED; r++) row[r] = rows + numbers[i + (r < count ? r : 0)] * dim;
    if (count > TRANSPOSED) numbered_tile(query, dim, row, 2, found);
    else numbered_tile(query, dim, row, 1, found);
    memcpy(out + i, found, count * sizeof(float));
  }
}
