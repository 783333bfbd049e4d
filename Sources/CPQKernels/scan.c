/* The integer scan in plain C, for every width of codes; what scan.inc.h gives is the same. */
#include "codes.h"
#include "sets.h"

/* Inlined with a constant `width`, so that each gets its own loop without branches inside. */
static inline __attribute__((always_inline)) size_t scan_width(unsigned width, const cpq_codes *codes,
                                                               const cpq_bound *bound,
                                                               uint16_t threshold, uint16_t *positions,
                                                               uint16_t *sums) {
  size_t table_size = (size_t)1 << width, found = 0;
  const uint8_t *tile = codes->frame;
  for (size_t first = 0; first < codes->count; first += CPQ_TILE) {
    size_t n = cpq_tile_vectors(codes->count, first), lanes = cpq_tile_lanes(n);
    uint32_t sum[CPQ_TILE] = {0};
    for (size_t s = 0; s < codes->m; s++) {
      const uint8_t *table = bound->entries + s * table_size;
      for (size_t lane = 0; lane < n; lane++) sum[lane] += table[cpq_code(width, codes->m, tile, lanes, lane, s)];
    }
    for (size_t lane = 0; lane < n; lane++) {
      if (codes->bracket) {
        uint32_t bracket = tile[(codes->planes - 1) * lanes + lane];
        sum[lane] += bracket * bound->bracket_scale >> 8;
        if (sum[lane] > UINT16_MAX) sum[lane] = UINT16_MAX;
      }
      if (sum[lane] <= threshold) {
        positions[found] = (uint16_t)(first + lane);
        sums[found++] = (uint16_t)sum[lane];
      }
    }
    tile += codes->planes * lanes;
  }
  return found;
}

size_t cpq_scan_generic(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                        uint16_t *sums) {
  if (codes->nbits <= 4) return scan_width(4, codes, bound, threshold, positions, sums);
  if (codes->nbits <= 8) return scan_width(8, codes, bound, threshold, positions, sums);
  if (codes->nbits <= 12) return scan_width(12, codes, bound, threshold, positions, sums);
  return scan_width(16, codes, bound, threshold, positions, sums);
}
