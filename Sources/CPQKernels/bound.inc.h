/* Float tables to u8 tables whose sums bound float sums from below, in the vectors of simd.inc.h. Included after it; the
 * including file defines `narrow`: 32 whole numbers of 0 to 255, as bytes. */

/* Which of the lanes from entry j on hold an entry. */
INLINE i16 used_lanes(size_t j, size_t entries) {
  i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane < (i16)((int32_t)entries - (int32_t)j);
}

/* The entries of a table from j on; lanes past the last entry repeat the first one. */
INLINE v16 entries_at(const float *table, size_t j, size_t entries) {
  return j + CPQ_LANES <= entries ? load(table + j) : PICK(used_lanes(j, entries), load(table + j), splat(table[0]));
}

/* What is known of a table: its least and its greatest entry, and 0, or NaN if one is infinite or NaN. */
typedef struct {
  float least, greatest, finite;
} extent;

INLINE void widen(v16 t, v16 *low, v16 *high, v16 *finite) {
  *low = LESSER(t, *low);
  *high = GREATER(t, *high);
  *finite = fma16(t, splat(0), *finite);
}

INLINE extent extent_of(const float *table, size_t entries) {
  /* Two chains, since one would wait for itself; more of them do not stay in the registers of every set. */
  v16 low[2], high[2], finite[2];
  for (int c = 0; c < 2; c++) low[c] = splat(INFINITY), high[c] = splat(-INFINITY), finite[c] = splat(0);
  size_t j = 0;
  for (; j + 2 * CPQ_LANES <= entries; j += 2 * CPQ_LANES)
    for (int c = 0; c < 2; c++) widen(load(table + j + c * CPQ_LANES), &low[c], &high[c], &finite[c]);
  for (; j < entries; j += CPQ_LANES) widen(entries_at(table, j, entries), &low[0], &high[0], &finite[0]);
  low[0] = LESSER(low[1], low[0]);
  high[0] = GREATER(high[1], high[0]);
  finite[0] += finite[1];
  return (extent){least(low[0]), greatest(high[0]), tree_sum(finite[0])};
}

/* Entries as whole numbers of units above the least one. No product with `factor` rounds. */
INLINE i16 units(v16 t, float factor, float minimum, float scale) {
  return __builtin_convertvector(fma16(t, splat(factor), splat(-minimum)) * splat(scale), i16);
}

INLINE void table_units(const float *table, size_t entries, size_t table_size, float factor, float minimum, float scale,
                        uint8_t *out) {
  size_t j = 0;
  for (; j + 2 * CPQ_LANES <= entries; j += 2 * CPQ_LANES) {
    i16 low = units(load(table + j), factor, minimum, scale);
    *(bytes32 *)(out + j) = narrow(low, units(load(table + j + CPQ_LANES), factor, minimum, scale));
  }
  for (; j < table_size; j += CPQ_LANES) {
    i16 found = j < entries ? units(entries_at(table, j, entries), factor, minimum, scale) : (i16)0;
    if (j + CPQ_LANES > entries) found &= used_lanes(j, entries);
    *(b16 *)(out + j) = __builtin_convertvector(found, b16);
  }
}

static cpq_range quantize(const float *tables, size_t m, size_t table_size, size_t entries, float factor,
                          unsigned limit, float *lowest, uint8_t *out) {
  size_t stride = cpq_table_floats(entries);
  cpq_range range = {0, 0, 0};
  float width = 0, widest = 0, finite = 0;
  for (size_t s = 0; s < m; s++) {
    extent all = extent_of(tables + s * stride, entries);
    float min = (factor < 0 ? all.greatest : all.least) * factor, max = (factor < 0 ? all.least : all.greatest) * factor;
    lowest[s] = min;
    /* Two tables of 16 entries share a byte of codes. */
    width = max - min + (s % 2 && table_size == 16 ? width : 0);
    widest = width > widest ? width : widest;
    finite += all.finite;
    range.minimum += min;
    range.magnitude += -min > max ? -min : max;
  }
  /* A product may be infinite where its entry is not. */
  if (!(widest <= FLT_MAX && finite == 0 && range.magnitude < INFINITY)) {
    memset(out, 0, m * table_size);
    return (cpq_range){-INFINITY, INFINITY, 0};
  }
  /* A little less than limit/widest, so that rounding never lifts an entry over the limit. */
  float scale = widest > 0 ? (float)limit / widest * (1 - 0x1p-20f) : 0;
  if (!(scale <= FLT_MAX)) scale = 0;
  for (size_t s = 0; s < m; s++)
    table_units(tables + s * stride, entries, table_size, factor, lowest[s], scale, out + s * table_size);
  range.step = scale > 0 ? 1 / scale : 0;
  return range;
}
