/* Projections: coordinates of vectors on a few axes, and the length of what these leave of them.
 *
 * If the axes A lengthen no vector, ‖x‖² − ‖Ax‖² is the square of a seminorm of x, r(x), and x → (Ax, r(x)) brings no two
 * vectors farther apart: the squares of ‖Ax − Ay‖ and of r(x) − r(y), which is at most r(x − y), add up to ‖x − y‖² or less.
 *
 * Included after assign.inc.h. */
enum { AXIS_BLOCKS = 4 };

/* The coordinates of `count` axes, of `n` blocks, and the sums of their squares. */
INLINE v16 project_tile(const float *row, size_t dim, const float *mean, const float *axes, int n, size_t count, float *out) {
  v16 sum[AXIS_BLOCKS] = {0}, squares = splat(0);
  for (size_t i = 0; i < dim; i++) {
    v16 x = splat(row[i] - mean[i]);
    for (int b = 0; b < n; b++) sum[b] = fma16(x, load(axes + (size_t)b * dim * CPQ_LANES + i * CPQ_LANES), sum[b]);
  }
  for (int b = 0; b < n; b++) squares = fma16(sum[b], sum[b], squares); /* lanes past the last axis are zero */
  memcpy(out, sum, count * sizeof(float));
  return squares;
}

/* With a constant number of blocks, so that their sums stay in registers. */
static v16 project_some(const float *row, size_t dim, const float *mean, const float *axes, size_t count, float *out) {
  switch ((count + CPQ_LANES - 1) / CPQ_LANES) {
  case 1: return project_tile(row, dim, mean, axes, 1, count, out);
  case 2: return project_tile(row, dim, mean, axes, 2, count, out);
  case 3: return project_tile(row, dim, mean, axes, 3, count, out);
  default: return project_tile(row, dim, mean, axes, AXIS_BLOCKS, count, out);
  }
}

/* Errors are relative to the length of x, row less mean. A coordinate is a chain of dim terms, each off by 2^-24, so all are
 * off by √rank · (dim + 1) · 2^-24; the two sums of squares are off by their terms in a lane. With `off` the sum of these, the
 * square of the rest is off by twice that times ‖x‖², and the rest by this over the rest, or by its root if that is less.
 * So errors are largest where nearly nothing is left. */
static double project(const float *row, size_t dim, const float *mean, const float *axes, size_t rank, float *out) {
  enum { AT_ONCE = AXIS_BLOCKS * CPQ_LANES };
  v16 squares = splat(0);
  for (size_t a = 0; a < rank; a += AT_ONCE)
    squares += project_some(row, dim, mean, axes + a * dim, rank - a < AT_ONCE ? rank - a : AT_ONCE, out + a);
  double norm = (double)squared_norm(row, mean, dim), rest = norm - (double)tree_sum(squares);
  double left = rest > 0 ? __builtin_sqrt(rest) : 0;
  out[rank] = (float)left;
  double off = (__builtin_sqrt((double)rank) * (double)(dim + 2) + (double)(dim / 8 + rank + 32)) * 0x1p-24;
  double error = 2.1 * off * norm, root = __builtin_sqrt(error);
  /* What underflows is less than the last term. */
  return 1.02 * off * __builtin_sqrt(norm) + (root < left ? error / left : root) + 0x1p-64;
}
