/* `assign` without a filter: `nearest` in small batches. The including file defines `nearest`. */
static size_t assign_scratch(size_t dim, size_t centroids) { return (void)dim, (void)centroids, (size_t)0; }

static void assign(const float *points, size_t stride, size_t count, size_t dim, const float *blocks,
                   size_t centroids, int32_t *scratch, uint32_t *out) {
  enum { BATCH = 240 }; /* whole register tiles of every set */
  cpq_nearest found[BATCH];
  (void)scratch;
  for (size_t i = 0; i < count; i += BATCH) {
    size_t n = count - i < BATCH ? count - i : BATCH;
    nearest(points + i * stride, stride, n, dim, blocks, centroids, found);
    for (size_t k = 0; k < n; k++) out[i + k] = found[k].index;
  }
}
