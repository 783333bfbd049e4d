/* The integer scan in plain C, for every width of codes; what scan.inc.h gives is the same. */
#include "codes.h"
#include "sets.h"

#define INLINE static inline __attribute__((always_inline))

/* The sums of the `n` vectors of a tile. Inlined with a constant `width`, so that each gets its own loop without branches
 * inside. */
INLINE void sum_width(unsigned width, const cpq_codes *codes, const cpq_bound *bound, const uint8_t *tile, size_t n,
                      uint32_t *sum) {
  size_t table_entries = cpq_table_entries(codes->nbits), lanes = cpq_tile_lanes(n);
  for (size_t lane = 0; lane < n; lane++)
    sum[lane] = width == 12 ? cpq_sum12(codes->m, table_entries, bound->entries, tile, lanes, lane) : 0;
  for (size_t s = 0; width != 12 && s < codes->m; s++) {
    const uint8_t *table = bound->entries + s * table_entries;
    for (size_t lane = 0; lane < n; lane++) sum[lane] += table[cpq_code(width, codes->m, tile, lanes, lane, s)];
  }
  if (!codes->bracket) return;
  for (size_t lane = 0; lane < n; lane++) {
    uint32_t bracket = tile[(codes->planes - 1) * lanes + lane];
    sum[lane] += bracket * bound->bracket_scale >> 8;
    if (sum[lane] > UINT16_MAX) sum[lane] = UINT16_MAX;
  }
}

static void sum_tile(const cpq_codes *codes, const cpq_bound *bound, const uint8_t *tile, size_t n, uint32_t *sum) {
  switch (cpq_code_width(codes->nbits)) {
  case 4: sum_width(4, codes, bound, tile, n, sum); return;
  case 8: sum_width(8, codes, bound, tile, n, sum); return;
  case 12: sum_width(12, codes, bound, tile, n, sum); return;
  default: sum_width(16, codes, bound, tile, n, sum); return;
  }
}

cpq_found cpq_scan_generic(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                           uint16_t *sums) {
  size_t found = 0;
  const uint8_t *tile = codes->frame;
  for (size_t first = 0; first < codes->count; first += CPQ_TILE) {
    size_t n = cpq_tile_vectors(codes->count, first);
    uint32_t sum[CPQ_TILE];
    sum_tile(codes, bound, tile, n, sum);
    for (size_t lane = 0; lane < n; lane++) {
      if (sum[lane] > threshold) continue;
      positions[found] = (uint16_t)(first + lane);
      sums[found++] = (uint16_t)sum[lane];
    }
    tile += codes->planes * cpq_tile_lanes(n);
  }
  return (cpq_found){found, codes->count};
}

void cpq_sum_generic(const cpq_codes *codes, const cpq_bound *bound, uint16_t offset, uint16_t *sums) {
  const uint8_t *tile = codes->frame;
  for (size_t first = 0; first < codes->count; first += CPQ_TILE, sums += CPQ_TILE) {
    size_t n = cpq_tile_vectors(codes->count, first);
    uint32_t sum[CPQ_TILE];
    sum_tile(codes, bound, tile, n, sum);
    for (size_t lane = 0; lane < CPQ_TILE; lane++) {
      uint32_t moved = lane < n ? sum[lane] + offset : UINT16_MAX;
      sums[cpq_sum_place(lane)] = moved < UINT16_MAX ? (uint16_t)moved : UINT16_MAX;
    }
    tile += codes->planes * cpq_tile_lanes(n);
  }
}

size_t cpq_summed_within_generic(const uint16_t *sums, size_t count, uint16_t low, uint16_t high, uint16_t offset,
                                 uint16_t *positions, uint16_t *out) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint16_t sum = sums[i / CPQ_TILE * CPQ_TILE + cpq_sum_place(i % CPQ_TILE)];
    if (sum < low || sum > high) continue;
    positions[found] = (uint16_t)i;
    out[found++] = (uint16_t)(sum - offset);
  }
  return found;
}
