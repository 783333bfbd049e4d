/* Components of lists and queries in 16 bits, two a word, for choose.inc.h: by the rules of assign.inc.h, so that queries that
 * are not too far from the centroids have norms of at most a radius, and with any rounding at its worst. */
#define list_dot dot2

static void fill_lists(rounded_lists *lists, const float *blocks, size_t count, size_t dim, float reach) {
  (void)reach; /* the scale is that of the radius */
  filter f = list_filter(lists);
  lists->moved = displacement(dim) / 2;
  round_centroids(&f, dim, blocks, count);
}

/* Its squared norm is right to 2^-22. */
static float round_query(const rounded_lists *lists, const float *query, size_t dim, int32_t *out, float *moved) {
  filter f = list_filter(lists);
  round_row(&f, query, dim, out);
  double norm = 0;
  for (size_t p = 0; p < f.pairs; p += 4) {
    v8 x = __builtin_convertvector(*(const s8 *)(out + p), v8);
    x *= x;
    v4 sum = x.lo + x.hi;
    norm += (double)(sum[0] + sum[1]) + (double)(sum[2] + sum[3]);
  }
  *moved = displacement(dim) / 2;
  return norm < (double)f.radius * (double)f.radius ? (float)norm : INFINITY;
}

/* A score has lost up to 128 as it became a float. */
INLINE double list_slack(size_t dim) { return (void)dim, 260; }
