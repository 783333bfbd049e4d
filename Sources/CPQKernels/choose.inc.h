/* Scores of queries and centroids in integers, by which lists are chosen: those that f32 has to decide between are few.
 *
 * Included after transpose.inc.h and assign.inc.h, by whose rules centroids and queries are rounded: less the centroids'
 * mean, and scaled so that centroids, and queries that are not too far from them, have norms of at most a radius. */
enum { LIST_BLOCKS = 4, LIST_TILE = POINTS * BLOCKS > LIST_BLOCKS ? POINTS * BLOCKS : LIST_BLOCKS };
enum { NUMBERED = 2 * TRANSPOSED };

static size_t list_words(size_t dim, size_t count) {
  size_t pairs = round_up(dim, 8) / 2, rows = round_up(count, CPQ_LANES);
  return CPQ_LANES + rows * (pairs + 1) + round_up(2 * pairs, CPQ_LANES) + 1;
}

/* The parts of `words`, which must stay where they are: some begin at multiples of 64 bytes. */
static filter list_parts(const int32_t *words, size_t dim, size_t count) {
  filter f = {.pairs = round_up(dim, 8) / 2, .radius = RADIUS};
  size_t rows = round_up(count, CPQ_LANES);
  f.blocks = (int32_t *)(((uintptr_t)words + 63) / 64 * 64);
  f.half = f.blocks + rows * f.pairs;
  f.mean = (float *)(f.half + rows);
  f.scale = f.mean[round_up(2 * f.pairs, CPQ_LANES)];
  return f;
}

static int round_lists(const float *blocks, size_t count, size_t dim, float reach, int32_t *words) {
  filter f = list_parts(words, dim, count);
  float farthest = __builtin_sqrtf(largest_norm(&f, dim, blocks, count)) + reach;
  f.scale = scale_within(&f, dim, farthest * farthest);
  f.mean[round_up(2 * f.pairs, CPQ_LANES)] = f.scale;
  if (f.scale > 0) round_centroids(&f, dim, blocks, count);
  return f.scale > 0;
}

/* A query's integers, and their squared norm, right to 2^-22; infinite where it is too far. */
static float round_query(const filter *f, const float *query, size_t dim, int32_t *out) {
  round_row(f, query, dim, out);
  double norm = 0;
  for (size_t p = 0; p < f->pairs; p += 4) {
    v8 x = __builtin_convertvector(*(const s8 *)(out + p), v8);
    x *= x;
    v4 sum = x.lo + x.hi;
    norm += (double)(sum[0] + sum[1]) + (double)(sum[2] + sum[3]);
  }
  return norm < (double)f->radius * (double)f->radius ? (float)norm : INFINITY;
}

INLINE void scores_tile(const filter *f, int queries, int n, const int32_t *query, size_t first, size_t count, float *out,
                        size_t out_stride) {
  size_t step = f->pairs * CPQ_LANES;
  const int32_t *block = f->blocks + first * f->pairs;
  i16 score[LIST_TILE];
  for (int q = 0; q < queries; q++)
    for (int b = 0; b < n; b++) score[q * n + b] = *(const i16 *)(f->half + first + b * CPQ_LANES);
  for (size_t p = 0; p < f->pairs; p++) {
    i16 c[LIST_BLOCKS];
    for (int b = 0; b < n; b++) c[b] = *(const i16 *)(block + b * step + p * CPQ_LANES);
    for (int q = 0; q < queries; q++) {
      i16 x = (i16)query[q * f->pairs + p];
      for (int b = 0; b < n; b++) score[q * n + b] = dot2(score[q * n + b], x, c[b]);
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
                          float *out, size_t out_stride, float *norms) {
  filter f = list_parts(words, dim, count);
  size_t near = 0, j = 0, q = 0;
  for (; q < n; q++) {
    norms[q] = round_query(&f, queries + q * dim, dim, rounded + q * f.pairs);
    near += norms[q] < INFINITY;
  }
  if (near == 0) return 0;
  if (n == 1)
    for (; j + LIST_BLOCKS * CPQ_LANES <= count; j += LIST_BLOCKS * CPQ_LANES)
      scores_tile(&f, 1, LIST_BLOCKS, rounded, j, count, out, out_stride);
  for (; j + BLOCKS * CPQ_LANES <= count; j += BLOCKS * CPQ_LANES) {
    for (q = 0; q + POINTS <= n; q += POINTS)
      scores_tile(&f, POINTS, BLOCKS, rounded + q * f.pairs, j, count, out + q * out_stride, out_stride);
    for (; q < n; q++) scores_tile(&f, 1, BLOCKS, rounded + q * f.pairs, j, count, out + q * out_stride, out_stride);
  }
  for (; j < count; j += CPQ_LANES)
    for (q = 0; q < n; q++) scores_tile(&f, 1, 1, rounded + q * f.pairs, j, count, out + q * out_stride, out_stride);
  return near;
}

/* A score is half the squared distance of query and centroid, as integers, less half the query's norm; it has lost up to 128
 * as it became a float, and less than 1 by halving. */
static float list_limit(const int32_t *words, size_t dim, size_t count, double distance, float norm) {
  filter f = list_parts(words, dim, count);
  double farthest = distance * (double)f.scale + (double)displacement(dim);
  double limit = (farthest * farthest - (double)norm * (1 - 0x1p-20)) / 2 + 260;
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
