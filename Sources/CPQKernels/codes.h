/* Where codes stand in a frame of code tiles (Formats/pqx-v1.md, "Code tiles"): a tile is [plane][lane], 64 lanes,
 * the last one of a frame as many as its vectors rounded up to 16. `width` is what the planes of a code can hold:
 * 4, 8, 12 or 16 bits. */
#ifndef CPQ_CODES_H
#define CPQ_CODES_H

#include <stddef.h>
#include <stdint.h>

#include "cpq_kernels.h"

enum { CPQ_TILE = 64, CPQ_TILE_STEP = 16 };

static inline unsigned cpq_code_width(unsigned nbits) { return nbits <= 4 ? 4 : nbits <= 8 ? 8 : nbits <= 12 ? 12 : 16; }

/* Entries of a quantized table, one after the other: those of wide codes are no more than there are codewords, so that
 * they lie in few lines of the cache, and not all in the same sets of it. */
static inline size_t cpq_table_entries(unsigned nbits) { return nbits <= 4 ? 16 : nbits <= 8 ? 256 : (size_t)1 << nbits; }

/* Vectors in the tile that begins with vector `first` of a frame of `count`, and the lanes stored for them. */
static inline size_t cpq_tile_vectors(size_t count, size_t first) {
  return count - first < CPQ_TILE ? count - first : CPQ_TILE;
}
static inline size_t cpq_tile_lanes(size_t vectors) {
  return (vectors + CPQ_TILE_STEP - 1) / CPQ_TILE_STEP * CPQ_TILE_STEP;
}

/* Where the codes of a frame's vector `at` are: a lane of a tile of so many lanes. */
typedef struct {
  const uint8_t *tile;
  size_t lane, lanes;
} cpq_place;

static inline __attribute__((always_inline)) cpq_place cpq_place_of(const cpq_codes *codes, size_t at) {
  size_t first = at / CPQ_TILE * CPQ_TILE;
  return (cpq_place){codes->frame + first * codes->planes, at - first,
                     cpq_tile_lanes(cpq_tile_vectors(codes->count, first))};
}

/* Where the sum of a lane stands among those of its tile: even lanes before odd ones. */
static inline size_t cpq_sum_place(size_t lane) { return lane / 2 + lane % 2 * (CPQ_TILE / 2); }

static inline uint32_t cpq_nibble(const uint8_t *plane, size_t lane, size_t subspace) {
  return subspace & 1 ? plane[lane] >> 4 : plane[lane] & 15;
}

/* The code of subspace `s` in one lane. Low planes come first; a nibble plane serves two subspaces. */
static inline __attribute__((always_inline)) uint32_t cpq_code(unsigned width, size_t m, const uint8_t *tile,
                                                               size_t lanes, size_t lane, size_t s) {
  if (width == 4) return cpq_nibble(tile + s / 2 * lanes, lane, s);
  uint32_t low = tile[s * lanes + lane];
  if (width == 8) return low;
  const uint8_t *high = tile + m * lanes;
  if (width == 12) return low | cpq_nibble(high + s / 2 * lanes, lane, s) << 8;
  return low | (uint32_t)high[s * lanes + lane] << 8;
}

/* The sum of m entries of one lane, of codes of 9 to 12 bits. */
static inline __attribute__((always_inline)) uint32_t cpq_sum12(size_t m, size_t table_entries, const uint8_t *entries,
                                                                const uint8_t *tile, size_t lanes, size_t lane) {
  const uint8_t *low = tile + lane, *high = tile + m * lanes + lane;
  uint32_t sum = 0;
#pragma clang loop unroll_count(2) vectorize(disable)
  for (size_t pairs = m / 2; pairs > 0; pairs--, low += 2 * lanes, high += lanes, entries += 2 * table_entries) {
    uint32_t nibbles = *high;
    sum += entries[low[0] | (nibbles & 15) << 8];
    sum += entries[table_entries + (low[lanes] | (nibbles >> 4) << 8)];
  }
  return m % 2 ? sum + entries[*low | (*high & 15u) << 8] : sum;
}

/* A code that indexes codewords: below 2^nbits, which a reader has checked, even if the file is being overwritten. */
static inline __attribute__((always_inline)) size_t cpq_bounded(uint32_t code, unsigned nbits) {
  return code & (((size_t)1 << nbits) - 1);
}

/* Entries of a float table: one a codeword, and at least a vector of lanes. */
static inline size_t cpq_table_floats(size_t words) { return words < CPQ_LANES ? CPQ_LANES : words; }

/* Floats of one subspace's codebook, and where codeword `code` of `sub` components begins in it; in lane blocks its
 * components are CPQ_LANES apart. */
static inline size_t cpq_book_floats(unsigned nbits, int blocked, size_t sub) {
  size_t words = (size_t)1 << nbits;
  return sub * (blocked ? (words + CPQ_LANES - 1) / CPQ_LANES * CPQ_LANES : words);
}
static inline size_t cpq_codeword(size_t code, int blocked, size_t sub) {
  return blocked ? code / CPQ_LANES * CPQ_LANES * sub + code % CPQ_LANES : code * sub;
}

#endif
