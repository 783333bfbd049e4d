/* Canonical ADC over one frame of code tiles (Formats/pqx-v1.md, "Code tiles" and "Distances").
 *
 * A tile is [plane][lane]: 64 lanes, the last tile of a frame as many as its vectors rounded up to 16. */
#include "sets.h"

enum { TILE = 64, TILE_STEP = 16 };

/* Planes of one tile: low planes first, then, above 8 bits, high planes. A nibble plane serves two subspaces. */
typedef struct {
  unsigned nbits;
  size_t m, low_planes;
} layout;

static size_t planes(layout l) {
  if (l.nbits <= 8) return l.low_planes;
  return l.low_planes + (l.nbits <= 12 ? (l.m + 1) / 2 : l.m);
}

static inline uint32_t nibble(const uint8_t *plane, size_t lane, size_t subspace) {
  return subspace & 1 ? plane[lane] >> 4 : plane[lane] & 15;
}

static inline uint32_t code_at(layout l, const uint8_t *tile, size_t lanes, size_t lane, size_t s) {
  if (l.nbits <= 4) return nibble(tile + s / 2 * lanes, lane, s);
  uint32_t low = tile[s * lanes + lane];
  if (l.nbits <= 8) return low;
  const uint8_t *high = tile + l.low_planes * lanes;
  if (l.nbits <= 12) return low | nibble(high + s / 2 * lanes, lane, s) << 8;
  return low | (uint32_t)high[s * lanes + lane] << 8;
}

/* Inlined with a constant `nbits`, so that each width gets its own loop without branches inside. */
static inline __attribute__((always_inline)) void scan(const float *tables, size_t table_size, layout l,
                                                       const uint8_t *frame, size_t count, float base, float *out) {
  size_t plane_count = planes(l);
  for (size_t first = 0; first < count; first += TILE) {
    size_t n = count - first < TILE ? count - first : TILE;
    size_t lanes = (n + TILE_STEP - 1) / TILE_STEP * TILE_STEP;
    float sum[TILE];
    for (size_t lane = 0; lane < n; lane++) sum[lane] = base;
    for (size_t s = 0; s < l.m; s++) {
      const float *table = tables + s * table_size;
      for (size_t lane = 0; lane < n; lane++) sum[lane] += table[code_at(l, frame, lanes, lane, s)];
    }
    for (size_t lane = 0; lane < n; lane++) out[first + lane] = sum[lane];
    frame += plane_count * lanes;
  }
}

void cpq_adc_frame(const float *tables, size_t table_size, size_t m, unsigned nbits, const uint8_t *frame,
                   size_t count, float base, float *out) {
  if (nbits <= 4) scan(tables, table_size, (layout){4, m, (m + 1) / 2}, frame, count, base, out);
  else if (nbits <= 8) scan(tables, table_size, (layout){8, m, m}, frame, count, base, out);
  else if (nbits <= 12) scan(tables, table_size, (layout){12, m, m}, frame, count, base, out);
  else scan(tables, table_size, (layout){16, m, m}, frame, count, base, out);
}
