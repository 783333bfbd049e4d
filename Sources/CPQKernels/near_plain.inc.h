/* `assign_near` (near.inc.h), one point after the other. The including file defines `lane_of` and `nearest`. */
static int32_t near_integer(float x, float mean, float scale) {
  float y = (x - mean) * scale, most = CPQ_NEAR_NORM + 1;
  return (int32_t)rintf(y < -most ? -most : y > most ? most : y);
}

static uint32_t near_one(const float *point, size_t dim, const float *blocks, size_t centroids, const float *mean,
                         float scale) {
  int32_t x[CPQ_NEAR_DIM], norm = 0, least = INT32_MAX;
  for (size_t i = 0; i < dim; i++) x[i] = near_integer(point[i], mean[i], scale), norm += x[i] * x[i];
  if (norm > CPQ_NEAR_NORM * CPQ_NEAR_NORM) {
    cpq_nearest found;
    nearest(point, dim, 1, dim, blocks, centroids, &found);
    return found.index;
  }
  uint32_t index = 0;
  for (size_t j = 0; j < centroids; j++) {
    int32_t square = 0, product = 0;
    for (size_t i = 0; i < dim; i++) {
      int32_t c = near_integer(lane_of(blocks, dim, j)[i * CPQ_LANES], mean[i], scale);
      square += c * c, product += x[i] * c;
    }
    if (square / 2 - product < least) least = square / 2 - product, index = (uint32_t)j;
  }
  return index;
}

static void assign_near(const float *points, size_t count, size_t dim, const float *blocks, size_t centroids,
                        const float *mean, float scale, int32_t *scratch, uint32_t *out) {
  (void)scratch;
  for (size_t i = 0; i < count; i++) out[i] = near_one(points + i * dim, dim, blocks, centroids, mean, scale);
}
