/* Nearest centroids through an integer filter: the same indices as `nearest`, at a multiple of its rate.
 *
 * Points and centroids, less the centroids' mean, are scaled and rounded to integers with norms of at most a radius, so
 * that scores among them are exact in 32 bits. Rounding moves a vector by at most √dim / 2; so where the second nearest
 * integer centroid is farther than the nearest one by more than `window`, the nearest is the canonical one too. The
 * other points, few unless distances are tied, are left to `nearest`.
 *
 * Included after simd.inc.h. The including file defines `dot2(sum, x, y)`, in each 32-bit lane sum + x₀y₀ + x₁y₁ of the
 * two 16-bit halves, and how many vectors of 16 points are scanned at once: NARROW while their components stay in
 * registers, else WIDE, beside QUAD centroids. */
typedef uint32_t u16v __attribute__((ext_vector_type(16), aligned(4)));
typedef int32_t i4 __attribute__((ext_vector_type(4), aligned(4)));
typedef int16_t s8 __attribute__((ext_vector_type(8), aligned(2)));

enum { TILE_VECTORS = 4, TILE = TILE_VECTORS * CPQ_LANES, QUAD = 4, NARROW_PAIRS = 8, UNDECIDED = 48 };
enum { RADIUS = 32700 };

typedef struct {
  size_t pairs;     /* of components: those of 8 at a time, the last ones zero */
  int shift;        /* scores are kept times 2^shift; the lowest bits tell 2^shift centroids apart */
  float radius;     /* 1.5 · (radius · 2^(shift / 2))² and a component fit into 31 and 15 bits */
  float scale;      /* 0 where numbers are so extreme that the filter proves nothing */
  float *mean;      /* [2 · pairs] of the centroids */
  int32_t *blocks;  /* [block of 16 centroids][pair][lane] */
  int32_t *half;    /* [centroid] minus half the squared norm; up to a multiple of 16, the last ones lowest */
  int32_t *points;  /* [point of the tile][pair] */
  int32_t *tile;    /* [pair][point of the tile] */
  float *undecided; /* [point][dim] */
} filter;

static size_t round_up(size_t n, size_t step) { return (n + step - 1) / step * step; }

static size_t assign_scratch(size_t dim, size_t centroids) {
  size_t pairs = round_up(dim, 8) / 2, rows = round_up(centroids, CPQ_LANES);
  return CPQ_LANES + round_up(2 * pairs, CPQ_LANES) + rows * (pairs + 1) + 2 * TILE * pairs + UNDECIDED * dim;
}

/* By how much more the distance of two vectors may be than that of their integers, or less: both are rounded. */
INLINE float displacement(size_t dim) { return 1.01f * __builtin_sqrtf((float)dim) + 0.05f; }

/* By how much more the distances of two pairs of vectors may differ than those of their integers: beside both displacements,
 * what f32 may lose of either distance. */
INLINE float window(size_t dim) { return 2 * displacement(dim) + (float)(dim + 4) / 128; }

/* The parts of the scratch memory, those that are read as vectors at multiples of 64 bytes. */
static filter filter_parts(int32_t *scratch, size_t dim, size_t centroids) {
  filter f = {.pairs = round_up(dim, 8) / 2};
  size_t rows = round_up(centroids, CPQ_LANES);
  f.shift = f.pairs <= NARROW_PAIRS ? 4 : 0;
  f.radius = f.shift ? RADIUS / 4 : RADIUS;
  f.points = (int32_t *)(((uintptr_t)scratch + 63) / 64 * 64);
  f.tile = f.points + TILE * f.pairs;
  f.blocks = f.tile + TILE * f.pairs;
  f.half = f.blocks + rows * f.pairs;
  f.mean = (float *)(f.half + rows);
  f.undecided = f.mean + round_up(2 * f.pairs, CPQ_LANES);
  return f;
}

INLINE float squared_norm(const float *row, const float *mean, size_t dim) {
  v8 sum = 0;
  for (size_t i = 0; i < dim; i += 8) {
    v8 d = row_eight(row, i, dim) - *(const v8 *)(mean + i);
    sum = __builtin_elementwise_fma(d, d, sum);
  }
  float s[8];
  memcpy(s, &sum, sizeof s);
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* The mean of the centroids, and the largest squared norm less that; not finite if one of them is not. */
static float largest_norm(const filter *f, size_t dim, const float *blocks, size_t centroids) {
  memset(f->mean, 0, 2 * f->pairs * sizeof(float));
  for (size_t i = 0; i < dim; i++) {
    v16 sum = splat(0); /* unused lanes are zero */
    for (size_t j = 0; j < centroids; j += CPQ_LANES) sum += load(blocks + j * dim + i * CPQ_LANES);
    f->mean[i] = tree_sum(sum) / (float)centroids;
  }
  float largest = 0;
  for (size_t j = 0; j < centroids; j += CPQ_LANES) {
    v16 sum = splat(0);
    for (size_t i = 0; i < dim; i++) {
      v16 d = load(blocks + j * dim + i * CPQ_LANES) - splat(f->mean[i]);
      sum = fma16(d, d, sum);
    }
    float norms[CPQ_LANES];
    memcpy(norms, &sum, sizeof norms);
    for (size_t l = 0; l < CPQ_LANES && j + l < centroids; l++) {
      if (!(norms[l] < INFINITY)) return norms[l];
      largest = norms[l] > largest ? norms[l] : largest;
    }
  }
  return largest;
}

/* The scale that brings squared norms of up to `largest` within the radius; 0 where there is none. */
static float scale_within(const filter *f, size_t dim, float largest) {
  /* Within these bounds no square overflows or loses digits to underflow; NaN is not within them. */
  if (!(largest > 0x1p-60f && largest < 0x1p120f)) return 0;
  return f->radius / __builtin_sqrtf(largest * (1.001f + (float)dim * 0x1p-23f));
}

/* The scale that brings all centroids and nearly all points within the radius; 0 where there is none. */
static float choose_scale(const filter *f, const float *points, size_t stride, size_t count, size_t dim,
                          const float *blocks, size_t centroids) {
  float largest = largest_norm(f, dim, blocks, centroids);
  /* A sample of points. A few far ones must not make the others' numbers small: those beyond are undecided. */
  float farthest = 0, sum = 0, seen = 0;
  for (size_t i = 0; i < count; i += 8, seen++) {
    float norm = squared_norm(points + i * stride, f->mean, dim);
    sum += norm;
    farthest = norm > farthest ? norm : farthest;
  }
  float bound = 16 * (sum / seen);
  farthest = 1.5f * farthest < bound ? 1.5f * farthest : bound;
  return scale_within(f, dim, farthest > largest ? farthest : largest);
}

/* Centroids as integers, sixteen at a time, and their halved norms. */
static void round_centroids(const filter *f, size_t dim, const float *blocks, size_t centroids) {
  float unit = (float)(1 << f->shift / 2);
  i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (size_t j = 0; j < centroids; j += CPQ_LANES) {
    const float *block = blocks + j * dim;
    i16 real = lane < (i16)(int32_t)(centroids - j < CPQ_LANES ? centroids - j : CPQ_LANES), norm = (i16)0;
    for (size_t p = 0; p < f->pairs; p++) {
      i16 part[2] = {(i16)0, (i16)0};
      for (size_t i = 2 * p; i < 2 * p + 2 && i < dim; i++) {
        v16 c = (load(block + i * CPQ_LANES) - splat(f->mean[i])) * f->scale;
        c = PICK(real, __builtin_elementwise_rint(c) * unit, splat(0)); /* an unused lane may be anywhere */
        part[i % 2] = __builtin_convertvector(c, i16);
      }
      i16 both = (part[0] & 0xFFFF) | part[1] << 16;
      norm = dot2(norm, both, both);
      memcpy(f->blocks + j * f->pairs + p * CPQ_LANES, &both, sizeof both);
    }
    i16 low = (i16)((1 << f->shift) - 1) - (lane & ((1 << f->shift) - 1));
    i16 half = -((norm >> (f->shift + 1)) << f->shift) + low;
    half = PICK(real, half, (i16)INT32_MIN);
    memcpy(f->half + j, &half, sizeof half);
  }
}

INLINE void round_row(const filter *f, const float *row, size_t dim, int32_t *out) {
  float unit = (float)(1 << f->shift / 2), most = 32764 / unit;
  for (size_t i = 0; i < dim; i += 8) {
    v8 x = (row_eight(row, i, dim) - *(const v8 *)(f->mean + i)) * f->scale;
    x = LESSER(x, (v8)most);
    x = GREATER(x, (v8)-most);
    s8 components = __builtin_convertvector(__builtin_convertvector(__builtin_elementwise_rint(x) * unit, i8v), s8);
    memcpy(out + i / 2, &components, sizeof components);
  }
}

/* The integers of up to TILE points as [pair][point], transposed in squares of four. */
static void fill_tile(const filter *f, const float *points, size_t stride, size_t count, size_t dim) {
  size_t pairs = f->pairs;
  for (size_t t = 0; t < count; t++) round_row(f, points + t * stride, dim, f->points + t * pairs);
  memset(f->points + count * pairs, 0, (TILE - count) * pairs * sizeof(int32_t));
  for (size_t t = 0; t < TILE; t += 4)
    for (size_t p = 0; p < pairs; p += 4) {
      i4 a[4], b[4];
      for (int k = 0; k < 4; k++) a[k] = *(const i4 *)(f->points + (t + (size_t)k) * pairs + p);
      b[0] = __builtin_shufflevector(a[0], a[1], 0, 4, 1, 5), b[1] = __builtin_shufflevector(a[2], a[3], 0, 4, 1, 5);
      b[2] = __builtin_shufflevector(a[0], a[1], 2, 6, 3, 7), b[3] = __builtin_shufflevector(a[2], a[3], 2, 6, 3, 7);
      *(i4 *)(f->tile + p * TILE + t) = __builtin_shufflevector(b[0], b[1], 0, 1, 4, 5);
      *(i4 *)(f->tile + (p + 1) * TILE + t) = __builtin_shufflevector(b[0], b[1], 2, 3, 6, 7);
      *(i4 *)(f->tile + (p + 2) * TILE + t) = __builtin_shufflevector(b[2], b[3], 0, 1, 4, 5);
      *(i4 *)(f->tile + (p + 3) * TILE + t) = __builtin_shufflevector(b[2], b[3], 2, 3, 6, 7);
    }
}

/* Of 16 points the largest and second largest score so far, and the centroid of the largest.
 * The score of x and c is ⟨x, c⟩ − ‖c‖² / 2: the larger, the nearer. */
typedef struct {
  i16 best, second, where;
} top;

INLINE void take(top *t, i16 score, size_t centroid) {
  i16 closer = score > t->best;
  t->second = __builtin_elementwise_max(t->second, __builtin_elementwise_min(t->best, score));
  t->best = __builtin_elementwise_max(t->best, score);
  t->where = PICK(closer, (i16)(int32_t)centroid, t->where);
}

/* Few pairs. The low bits of a score are its centroid's number among 16, so that where costs nothing within these. */
INLINE void scan_narrow(const filter *f, size_t pairs, const int32_t *tile, size_t centroids, top *out) {
  i16 x[NARROW_PAIRS][NARROW];
  top all[NARROW];
  for (int v = 0; v < NARROW; v++) {
    all[v] = (top){(i16)INT32_MIN, (i16)INT32_MIN, (i16)0};
    for (size_t p = 0; p < pairs; p++) x[p][v] = *(const i16 *)(tile + p * TILE + v * CPQ_LANES);
  }
  for (size_t j = 0; j < centroids; j += CPQ_LANES) {
    const int32_t *block = f->blocks + j * pairs;
    i16 best[NARROW];
    for (int v = 0; v < NARROW; v++) best[v] = (i16)INT32_MIN;
    for (size_t l = 0; l < CPQ_LANES; l++) {
      i16 score[NARROW];
      for (int v = 0; v < NARROW; v++) score[v] = (i16)f->half[j + l];
      for (size_t p = 0; p < pairs; p++) {
        i16 c = (i16)block[p * CPQ_LANES + l];
        for (int v = 0; v < NARROW; v++) score[v] = dot2(score[v], x[p][v], c);
      }
      for (int v = 0; v < NARROW; v++) {
        all[v].second = __builtin_elementwise_max(all[v].second, __builtin_elementwise_min(best[v], score[v]));
        best[v] = __builtin_elementwise_max(best[v], score[v]);
      }
    }
    for (int v = 0; v < NARROW; v++) take(&all[v], best[v], j);
  }
  for (int v = 0; v < NARROW; v++) {
    all[v].where += (CPQ_LANES - 1) - (all[v].best & (CPQ_LANES - 1));
    all[v].best >>= f->shift, all[v].second >>= f->shift;
    out[v] = all[v];
  }
}

INLINE void scan_wide(const filter *f, const int32_t *tile, size_t centroids, top *out) {
  size_t pairs = f->pairs;
  for (int v = 0; v < WIDE; v++) out[v] = (top){(i16)INT32_MIN, (i16)INT32_MIN, (i16)0};
  for (size_t j = 0; j < centroids; j += QUAD) {
    i16 score[QUAD][WIDE];
    for (int c = 0; c < QUAD; c++)
      for (int v = 0; v < WIDE; v++) score[c][v] = (i16)f->half[j + (size_t)c];
    const int32_t *quad = f->blocks + j / CPQ_LANES * CPQ_LANES * pairs + j % CPQ_LANES;
#pragma clang loop unroll_count(2)
    for (size_t p = 0; p < pairs; p++) {
      i16 x[WIDE];
      for (int v = 0; v < WIDE; v++) x[v] = *(const i16 *)(tile + p * TILE + v * CPQ_LANES);
      for (int c = 0; c < QUAD; c++) {
        i16 y = (i16)quad[p * CPQ_LANES + (size_t)c];
        for (int v = 0; v < WIDE; v++) score[c][v] = dot2(score[c][v], x[v], y);
      }
    }
    for (int c = 0; c < QUAD; c++)
      for (int v = 0; v < WIDE; v++) take(&out[v], score[c][v], j + (size_t)c);
  }
}

static void scan_tile(const filter *f, size_t centroids, top *out) {
  centroids = round_up(centroids, CPQ_LANES);
  if (f->pairs == 4)
    for (int v = 0; v < TILE_VECTORS; v += NARROW) scan_narrow(f, 4, f->tile + v * CPQ_LANES, centroids, out + v);
  else if (f->pairs == NARROW_PAIRS)
    for (int v = 0; v < TILE_VECTORS; v += NARROW)
      scan_narrow(f, NARROW_PAIRS, f->tile + v * CPQ_LANES, centroids, out + v);
  else
    for (int v = 0; v < TILE_VECTORS; v += WIDE) scan_wide(f, f->tile + v * CPQ_LANES, centroids, out + v);
}

/* −1 where the nearest integer centroid is the canonical one: where the distances D₁ and D₂ of the nearest and the second
 * nearest have D₂ − D₁ > w, that is D₂² − D₁² − w² > 2 · w · D₁. The left side is taken from below, D₁ from above. */
INLINE i16 is_decided(const filter *f, const int32_t *tile, const top *t, float w) {
  v16 norm = splat(0);
  for (size_t p = 0; p < f->pairs; p++) {
    i16 x = *(const i16 *)(tile + p * TILE);
    norm += __builtin_convertvector(dot2((i16)0, x, x), v16);
  }
  norm *= 1.0f / (float)(1 << f->shift);
  /* Each sum has lost a 2^-24th at most; 256 more are for what follows. */
  float above = 1 + (float)(f->pairs + 256) * 0x1p-24f;
  v16 gap = 2 * __builtin_convertvector((u16v)t->best - (u16v)t->second, v16);
  gap = gap * (1 - 0x1p-20f) - (4 + w * w); /* halved norms and shifted scores lost less than 1 each */
  v16 distance = norm * above - 2 * __builtin_convertvector(t->best, v16) + 2048;
  return (gap > 0) & (gap * gap > 4 * w * w * distance) & (norm < f->radius * f->radius);
}

static void settle(const filter *f, const uint32_t *which, size_t count, size_t dim, const float *blocks,
                   size_t centroids, uint32_t *out) {
  cpq_nearest found[UNDECIDED];
  nearest(f->undecided, dim, count, dim, blocks, centroids, found);
  for (size_t u = 0; u < count; u++) out[which[u]] = found[u].index;
}

static void assign(const float *points, size_t stride, size_t count, size_t dim, const float *blocks,
                   size_t centroids, int32_t *scratch, uint32_t *out) {
  filter f = filter_parts(scratch, dim, centroids);
  if (count >= CPQ_LANES && centroids > 1)
    f.scale = choose_scale(&f, points, stride, count, dim, blocks, centroids);
  if (f.scale > 0) round_centroids(&f, dim, blocks, centroids);
  float w = window(dim);
  uint32_t which[UNDECIDED];
  size_t undecided = 0;
  for (size_t first = 0; first < count; first += TILE) {
    size_t n = count - first < TILE ? count - first : TILE;
    int32_t decided[TILE] = {0};
    if (f.scale > 0) {
      top t[TILE_VECTORS];
      fill_tile(&f, points + first * stride, stride, n, dim);
      scan_tile(&f, centroids, t);
      for (size_t v = 0; v * CPQ_LANES < n; v++) {
        i16 sure = is_decided(&f, f.tile + v * CPQ_LANES, &t[v], w);
        memcpy(decided + v * CPQ_LANES, &sure, sizeof sure);
        size_t lanes = n - v * CPQ_LANES < CPQ_LANES ? n - v * CPQ_LANES : CPQ_LANES;
        memcpy(out + first + v * CPQ_LANES, &t[v].where, lanes * sizeof *out);
      }
    }
    for (size_t i = 0; i < n; i++) {
      if (decided[i]) continue;
      memcpy(f.undecided + undecided * dim, points + (first + i) * stride, dim * sizeof(float));
      which[undecided++] = (uint32_t)(first + i);
      if (undecided == UNDECIDED) settle(&f, which, undecided, dim, blocks, centroids, out), undecided = 0;
    }
  }
  if (undecided > 0) settle(&f, which, undecided, dim, blocks, centroids, out);
}
