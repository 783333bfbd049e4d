/* The sums of k-means, eight components at a time; included after simd.inc.h. A square of an f32 difference is exact in
 * f64, so that it makes no difference whether it is fused with the addition. */
typedef float f8 __attribute__((ext_vector_type(8), aligned(4)));
typedef double d8 __attribute__((ext_vector_type(8), aligned(8)));

INLINE double accumulate_points(int squared, const float *points, size_t stride, size_t count, size_t dim,
                                const uint32_t *assigned, const float *centers, double *sums) {
  d8 squares = 0;
  double *rest = (double *)&squares;
  for (size_t i = 0; i < count; i++) {
    const float *x = points + i * stride, *c = squared ? centers + assigned[i] * dim : x;
    double *sum = sums + assigned[i] * dim;
    size_t j = 0;
    for (; j + 8 <= dim; j += 8) {
      f8 row = *(const f8 *)(x + j);
      if (squared) {
        d8 d = __builtin_convertvector(row - *(const f8 *)(c + j), d8);
        squares += d * d;
      }
      *(d8 *)(sum + j) += __builtin_convertvector(row, d8);
    }
    for (size_t k = 0; j < dim; j++, k++) {
      float difference = x[j] - c[j];
      rest[k] += (double)difference * (double)difference;
      sum[j] += (double)x[j];
    }
  }
  return ((rest[0] + rest[4]) + (rest[2] + rest[6])) + ((rest[1] + rest[5]) + (rest[3] + rest[7]));
}

static double accumulate(const float *points, size_t stride, size_t count, size_t dim, const uint32_t *assigned,
                         const float *centers, double *sums) {
  if (centers) return accumulate_points(1, points, stride, count, dim, assigned, centers, sums);
  return accumulate_points(0, points, stride, count, dim, assigned, centers, sums);
}
