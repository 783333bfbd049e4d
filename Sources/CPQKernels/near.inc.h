/* Centroids that are nearest but for rounding, of points and centroids of at most 16 components: what training asks for, at a
 * multiple of the rate of `assign`.
 *
 * Points and centroids, less a mean and scaled, are rounded to integers with norms of at most CPQ_NEAR_NORM and a little
 * more, so that scores ‖c‖² / 2 − ⟨x, c⟩ among them fit into 16 bits. A point's centroid is the first one with the least
 * score. To find it in fewer steps, only the block of 16 centroids is kept during the scan, and scanned again at its end. A
 * point beyond the norm gets its nearest centroid.
 *
 * Included after scan.inc.h. The including file defines `dot_bytes(x, c)`, in each 16-bit lane x₀c₀ + x₁c₁ of bytes without
 * and with a sign, `dot_bytes16` of 16 lanes, with x at most 2 CPQ_NEAR_NORM and c within the norm none overflows, and
 * `first_lane`, the number of the first of 16 lanes that are -1. */
typedef int16_t vs __attribute__((vector_size(LANES), aligned(2)));

typedef uint32_t near_words __attribute__((vector_size(LANES)));

INLINE vb near_splat(uint32_t word) { return (vb)((near_words){0} + word); }

enum { NEAR_PAIRS = CPQ_NEAR_DIM / 2, NEAR_TILE = 64, NEAR_LANES = LANES / 2, NEAR_VECTORS = NEAR_TILE / NEAR_LANES };

/* Centroids and points as integers. Each pair of components is a pair of bytes. */
typedef struct {
  size_t pairs;
  uint32_t *words; /* [centroid][pair], the bytes twice */
  uint32_t *half;  /* [centroid] half the squared norm and what the points' offset of CPQ_NEAR_NORM adds, twice */
  uint16_t *lanes; /* [block of 16 centroids][pair][lane], then [lane] of `half` and 2^15,
                    * so that scores have no sign */
  uint16_t tile[NEAR_PAIRS * NEAR_TILE] __attribute__((aligned(64))); /* [pair][point] */
  uint16_t rows[NEAR_TILE * NEAR_PAIRS] __attribute__((aligned(64))); /* [point][pair] */
} near_integers;

typedef uint16_t u16x4 __attribute__((ext_vector_type(4), aligned(2)));
typedef uint8_t b8 __attribute__((ext_vector_type(8), aligned(1)));

/* The integers of eight components, from -CPQ_NEAR_NORM - 1 to CPQ_NEAR_NORM + 1. */
INLINE i8v near_eight(v8 row, v8 mean, float scale) {
  v8 x = (row - mean) * scale;
  x = LESSER(x, (v8)(CPQ_NEAR_NORM + 1));
  x = GREATER(x, (v8)(-CPQ_NEAR_NORM - 1));
  return __builtin_convertvector(__builtin_elementwise_rint(x), i8v);
}

static void near_centroids(near_integers *all, size_t dim, const float *blocks, size_t centroids, const float *mean,
                           float scale) {
  size_t pairs = all->pairs, rows = (centroids + CPQ_LANES - 1) / CPQ_LANES * CPQ_LANES;
  for (size_t j = 0; j < rows; j++) {
    const float *lane = blocks + j / CPQ_LANES * CPQ_LANES * dim + j % CPQ_LANES;
    float row[CPQ_NEAR_DIM] = {0};
    int32_t c[CPQ_NEAR_DIM] = {0}, norm = 0, sum = 0;
    if (j < centroids)
      for (size_t i = 0; i < dim; i++) row[i] = lane[i * CPQ_LANES];
    for (size_t i = 0; j < centroids && i < 2 * pairs; i += 8) {
      i8v eight = near_eight(*(const v8 *)(row + i), *(const v8 *)(mean + i), scale);
      memcpy(c + i, &eight, sizeof eight);
    }
    for (size_t i = 0; i < dim; i++) norm += c[i] * c[i], sum += c[i];
    /* What stands in no lane is never nearest. */
    uint16_t half = j < centroids ? (uint16_t)(norm / 2 + CPQ_NEAR_NORM * sum) : INT16_MAX;
    uint16_t *block = all->lanes + j / CPQ_LANES * CPQ_LANES * (pairs + 1) + j % CPQ_LANES;
    for (size_t p = 0; p < pairs; p++) {
      uint16_t pair = (uint16_t)((c[2 * p] & 0xFF) | (c[2 * p + 1] & 0xFF) << 8);
      all->words[j * pairs + p] = (uint32_t)pair << 16 | pair;
      block[p * CPQ_LANES] = pair;
    }
    all->half[j] = (uint32_t)half << 16 | half;
    block[pairs * CPQ_LANES] = half ^ 0x8000;
  }
}

/* Rounds up to NEAR_TILE points. */
INLINE void near_tile(near_integers *all, size_t pairs, size_t dim, const float *points, size_t count, const float *mean,
                      float scale) {
  for (size_t t = 0; t < count; t++) {
    for (size_t i = 0; i < 2 * pairs; i += 8) {
      i8v x = near_eight(row_eight(points + t * dim, i, dim), *(const v8 *)(mean + i), scale) + CPQ_NEAR_NORM;
      b8 bytes = __builtin_convertvector(x, b8);
      memcpy(all->rows + t * pairs + i / 2, &bytes, sizeof bytes);
    }
  }
  /* In squares of four. */
  for (size_t t = 0; t < NEAR_TILE; t += 4)
    for (size_t p = 0; p < pairs; p += 4) {
      u16x4 r[4];
      for (size_t k = 0; k < 4; k++) r[k] = *(const u16x4 *)(all->rows + (t + k) * pairs + p);
      u16x16 rows = __builtin_shufflevector(__builtin_shufflevector(r[0], r[1], 0, 1, 2, 3, 4, 5, 6, 7),
                                            __builtin_shufflevector(r[2], r[3], 0, 1, 2, 3, 4, 5, 6, 7), 0, 4, 8, 12, 1, 5, 9,
                                            13, 2, 6, 10, 14, 3, 7, 11, 15);
      for (size_t k = 0; k < 4; k++) {
        uint64_t four = ((const uint64_t *)&rows)[k];
        memcpy(all->tile + (p + k) * NEAR_TILE + t, &four, sizeof four);
      }
    }
}

/* -1 where the norm of a point is above CPQ_NEAR_NORM. Squares and their sums fit into 16 bits, or are as large as can be. */
INLINE vs near_beyond(size_t pairs, const uint16_t *tile) {
  vw sum = {0};
  for (size_t p = 0; p < pairs; p++) {
    vw pair;
    memcpy(&pair, tile + p * NEAR_TILE, LANES);
    vw x = (pair & 0xFF) - CPQ_NEAR_NORM, y = (pair >> 8) - CPQ_NEAR_NORM;
    sum = __builtin_elementwise_add_sat(sum, x * x);
    sum = __builtin_elementwise_add_sat(sum, y * y);
  }
  return (vs)(sum > CPQ_NEAR_NORM * CPQ_NEAR_NORM);
}

/* The block of the least score, of `n` vectors of points. */
INLINE void near_scan(const near_integers *all, size_t pairs, int n, const uint16_t *tile, size_t block_count, vs *where) {
  const uint32_t *words = all->words, *half = all->half;
  vb x[NEAR_PAIRS][2];
  vs best[2];
  for (int v = 0; v < n; v++) {
    best[v] = (vs){0} + INT16_MAX, where[v] = (vs){0};
    for (size_t p = 0; p < pairs; p++) memcpy(&x[p][v], tile + p * NEAR_TILE + v * NEAR_LANES, LANES);
  }
  for (size_t b = 0; b < block_count; b++) {
    vs low[2];
    for (int v = 0; v < n; v++) low[v] = (vs){0} + INT16_MAX;
#pragma clang loop unroll_count(2)
    for (size_t j = 0; j < CPQ_LANES; j++, words += pairs, half++) {
      vw score[2];
      for (int v = 0; v < n; v++) score[v] = (vw)near_splat(*half);
      for (size_t p = 0; p < pairs; p++) {
        vb c = near_splat(words[p]);
        for (int v = 0; v < n; v++) score[v] -= dot_bytes(x[p][v], c);
      }
      for (int v = 0; v < n; v++) low[v] = __builtin_elementwise_min(low[v], (vs)score[v]);
    }
    for (int v = 0; v < n; v++) {
      vs closer = low[v] < best[v];
      best[v] = __builtin_elementwise_min(best[v], low[v]);
      where[v] = PICK(closer, (vs){0} + (int16_t)b, where[v]);
    }
  }
}

/* The lane of the least score of a block. */
INLINE uint32_t near_lane(const near_integers *all, size_t pairs, size_t block, const uint16_t *row) {
  const uint16_t *lanes = all->lanes + block * CPQ_LANES * (pairs + 1);
  u16x16 score = *(const u16x16 *)(lanes + pairs * CPQ_LANES);
  for (size_t p = 0; p < pairs; p++)
    score -= dot_bytes16((u16x16)row[p], *(const u16x16 *)(lanes + p * CPQ_LANES));
  return first_lane(score == (u16x16)__builtin_reduce_min(score));
}

INLINE void near_points(size_t pairs, size_t dim, const float *points, size_t count, const float *blocks, size_t centroids,
                        const float *mean, float scale, int32_t *scratch, uint32_t *out) {
  int width = pairs == NEAR_PAIRS ? 1 : 2; /* vectors whose pairs stay in registers */
  size_t block_count = (centroids + CPQ_LANES - 1) / CPQ_LANES, rows = block_count * CPQ_LANES;
  near_integers all = {.pairs = pairs, .words = (uint32_t *)scratch};
  all.half = all.words + rows * pairs;
  all.lanes = (uint16_t *)(all.half + rows);
  float means[CPQ_NEAR_DIM] = {0};
  memcpy(means, mean, dim * sizeof(float));
  near_centroids(&all, dim, blocks, centroids, means, scale);
  for (size_t first = 0; first < count; first += NEAR_TILE) {
    size_t n = count - first < NEAR_TILE ? count - first : NEAR_TILE;
    int16_t where[NEAR_TILE], beyond[NEAR_TILE];
    near_tile(&all, pairs, dim, points + first * dim, n, means, scale);
    for (int v = 0; v < NEAR_VECTORS; v += width) {
      vs found[2], far[2];
      near_scan(&all, pairs, width, all.tile + v * NEAR_LANES, block_count, found);
      for (int i = 0; i < width; i++) far[i] = near_beyond(pairs, all.tile + (v + i) * NEAR_LANES);
      memcpy(where + v * NEAR_LANES, found, (size_t)width * LANES);
      memcpy(beyond + v * NEAR_LANES, far, (size_t)width * LANES);
    }
    for (size_t t = 0; t < n; t++) {
      size_t block = (size_t)where[t];
      cpq_nearest exact;
      if (beyond[t]) nearest(points + (first + t) * dim, dim, 1, dim, blocks, centroids, &exact), out[first + t] = exact.index;
      else out[first + t] = (uint32_t)(block * CPQ_LANES) + near_lane(&all, pairs, block, all.rows + t * pairs);
    }
  }
}

/* Code for the numbers of components that are common, and for any. */
static void assign_near(const float *points, size_t count, size_t dim, const float *blocks, size_t centroids,
                        const float *mean, float scale, int32_t *scratch, uint32_t *out) {
  if (dim == 8) near_points(4, 8, points, count, blocks, centroids, mean, scale, scratch, out);
  else if (dim < 8) near_points(4, dim, points, count, blocks, centroids, mean, scale, scratch, out);
  else if (dim == 16) near_points(8, 16, points, count, blocks, centroids, mean, scale, scratch, out);
  else near_points(8, dim, points, count, blocks, centroids, mean, scale, scratch, out);
}
