/* Float tables to u8 tables whose sums bound float sums from below, in the vectors of simd.inc.h. */
#include <float.h>

/* Which of the lanes from entry j on hold an entry. */
INLINE i16 used_lanes(size_t j, size_t entries) {
  i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane < (i16)((int32_t)entries - (int32_t)j);
}

/* The entries of one table, times `factor`; lanes past the last entry repeat the first one. */
INLINE v16 entries_at(const float *table, size_t j, size_t entries, float factor) {
  v16 values = load(table + j);
  if (j + CPQ_LANES > entries) values = PICK(used_lanes(j, entries), values, splat(table[0]));
  return values * factor;
}

INLINE void widen(v16 t, v16 *low, v16 *high, v16 *finite) {
  *low = LESSER(t, *low);
  *high = GREATER(t, *high);
  *finite += t - t;
}

static cpq_range quantize(const float *tables, size_t m, size_t table_size, size_t entries, float factor,
                          unsigned limit, float *minima, uint8_t *out) {
  size_t stride = cpq_table_floats(entries);
  cpq_range range = {0, 0, 0};
  float width = 0, widest = 0, odd = 0;
  for (size_t s = 0; s < m; s++) {
    const float *table = tables + s * stride;
    /* Four chains, since one would wait for itself; `finite` is NaN once an entry is infinite or NaN. */
    v16 low[4], high[4], finite[4];
    for (int c = 0; c < 4; c++) low[c] = splat(INFINITY), high[c] = splat(-INFINITY), finite[c] = splat(0);
    size_t j = 0;
    for (; j + 4 * CPQ_LANES <= entries; j += 4 * CPQ_LANES)
      for (int c = 0; c < 4; c++)
        widen(load(table + j + c * CPQ_LANES) * factor, &low[c], &high[c], &finite[c]);
    for (; j < entries; j += CPQ_LANES) widen(entries_at(table, j, entries, factor), &low[0], &high[0], &finite[0]);
    for (int c = 1; c < 4; c++) {
      low[0] = LESSER(low[c], low[0]);
      high[0] = GREATER(high[c], high[0]);
      finite[0] += finite[c];
    }
    float min = least(low[0]), max = greatest(high[0]);
    minima[s] = min;
    /* Two tables of 16 entries share a byte of codes. */
    width = max - min + (s % 2 && table_size == 16 ? width : 0);
    widest = width > widest ? width : widest;
    odd += tree_sum(finite[0]);
    range.minimum += min;
    range.magnitude += -min > max ? -min : max;
  }
  if (!(widest <= FLT_MAX && odd == 0)) {
    memset(out, 0, m * table_size);
    return (cpq_range){-INFINITY, INFINITY, 0};
  }
  /* A little less than limit/widest, so that rounding never lifts an entry over the next whole number, nor
   * over the limit. */
  float scale = widest > 0 ? (float)limit / widest * (1 - 0x1p-20f) : 0;
  if (!(scale <= FLT_MAX)) scale = 0;
  for (size_t s = 0; s < m; s++) {
    const float *table = tables + s * stride;
    uint8_t *bytes = out + s * table_size;
    for (size_t j = 0; j < table_size; j += CPQ_LANES) {
      v16 t = j < entries ? (entries_at(table, j, entries, factor) - splat(minima[s])) * splat(scale) : splat(0);
      if (j + CPQ_LANES > entries) t = PICK(used_lanes(j, entries), t, splat(0));
      *(b16 *)(bytes + j) = __builtin_convertvector(__builtin_convertvector(t, i16), b16);
    }
  }
  range.step = scale > 0 ? 1 / scale : 0;
  return range;
}
