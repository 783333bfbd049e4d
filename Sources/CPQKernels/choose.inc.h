/* Scores of queries and centroids in integers, by which lists are chosen: those among which f32 may decide are few.
 *
 * Included after assign.inc.h, for its rounding of centroids and points: less the centroids' mean, scaled, and such that
 * all norms are at most a radius. */
enum { LIST_BLOCKS = 4 };

static size_t list_words(size_t dim, size_t count) {
  size_t pairs = round_up(dim, 8) / 2, rows = round_up(count, CPQ_LANES);
  return CPQ_LANES + rows * (pairs + 1) + round_up(2 * pairs, CPQ_LANES) + 1;
}

/* The parts of `words`, but for the scale. */
static filter list_parts(const int32_t *words, size_t dim, size_t count) {
  filter f = {.pairs = round_up(dim, 8) / 2, .radius = RADIUS};
  size_t rows = round_up(count, CPQ_LANES);
  f.blocks = (int32_t *)(((uintptr_t)words + 63) / 64 * 64);
  f.half = f.blocks + rows * f.pairs;
  f.mean = (float *)(f.half + rows);
  return f;
}

static float *list_scale(const filter *f) { return f->mean + round_up(2 * f->pairs, CPQ_LANES); }

static void round_lists(const float *blocks, size_t count, size_t dim, int32_t *words) {
  filter f = list_parts(words, dim, count);
  /* Twice as far as the farthest centroid, there are few queries. */
  f.scale = scale_within(&f, dim, 4 * largest_norm(&f, dim, blocks, count));
  if (f.scale > 0) round_centroids(&f, dim, blocks, count);
  *list_scale(&f) = f.scale;
}

/* A query's integers, and their squared norm; infinite where it is too far. */
INLINE float round_query(const filter *f, const float *query, size_t dim, int32_t *out) {
  round_row(f, query, dim, out);
  v4 sum = 0;
  for (size_t p = 0; p < f->pairs; p += 4) {
    s8 x = *(const s8 *)(out + p);
    v8 components = __builtin_convertvector(x, v8);
    components *= components;
    sum += components.lo + components.hi;
  }
  float norm = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  return norm < f->radius * f->radius ? norm : INFINITY;
}

INLINE void scores_tile(const filter *f, int queries, int n, const int32_t *query, size_t first, size_t count, float *out,
                        size_t out_stride) {
  size_t step = f->pairs * CPQ_LANES;
  const int32_t *block = f->blocks + first * f->pairs;
  i16 score[LIST_BLOCKS * POINTS];
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
      memcpy(out + q * out_stride + j, &less, (count - j < CPQ_LANES ? count - j : CPQ_LANES) * sizeof(float));
    }
}

static void list_scores(const int32_t *words, size_t count, size_t dim, const float *queries, size_t n, int32_t *rounded,
                        float *out, size_t out_stride, float *norms) {
  filter f = list_parts(words, dim, count);
  f.scale = *list_scale(&f);
  for (size_t q = 0; q < n; q++)
    norms[q] = f.scale > 0 ? round_query(&f, queries + q * dim, dim, rounded + q * f.pairs) : INFINITY;
  if (!(f.scale > 0)) return;
  size_t j = 0, q = 0;
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
}
