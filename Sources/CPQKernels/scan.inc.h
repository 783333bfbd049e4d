/* The integer scan of code tiles, once, in clang's portable vectors of LANES bytes (Formats/pqx-v1.md, "Code tiles").
 *
 * An including file selects the instruction set and defines
 *   LANES, vb, vw              bytes of a vector, 64, 32 or 16; vectors of so many bytes, as u8 and as u16
 *   COLUMNS                    vectors of codes that are scanned together, 2 or 4, of whole tiles
 *   NIBBLE_COLUMNS             the same for codes of a nibble, at least as many
 *   WIDE_CODES                 whether nbits 9...12 are scanned by look256 too, where not by minima; else by the scalar loop
 *   table256, load256, look256 the 256 entries of a subspace, and their lookup by a vector of bytes
 *   table16, load16, look16    the same for 16 entries and indices below 16
 *   PARTS                      of how many parts of a table cpq_bound.minima are heeded: 64, 128 or 0
 *   look_part                  the lookup of 64 minima, four rows of 16, by a vector of numbers of parts, with two others
 *                              whose signs are bits 4 and 5 of these
 *   look128                    that of 128, by the seven low bits of each byte
 *   LOADS_AHEAD                whether minima of bytes from memory are scanned with loads of what lies ahead, instead of prefetches
 *   OWN_SHARE                  of minima: one lane in so many may pass them before lookups of all take less time
 *   mulhi16                    the high halves of products of u16 lanes
 *   lane_bits                  bit i is the sign of byte i, of bytes that are 0 or 255
 *   load_lanes                 the first n bytes (a multiple of 16, at most LANES), then zeros
 *   CHECKS, rider, ride        whether scan_checked is wanted, and what crc32c_rider.inc.h defines for it */

/* The loops over codes; below is what their sums decide. */
#include "strip.inc.h"

/* What becomes of the sums: those of at most `threshold` go to `positions` and `sums`, or, where `all` is not null, all go
 * there, plus `offset`, in the order that cpq_kernels.h has for sum_codes. */
typedef struct {
  uint16_t threshold, *positions, *sums;
  size_t found, passed; /* those, and those that minima let pass */
  uint16_t offset, *all;
#if PARTS == 128
  uint8_t limit;           /* the threshold of sums of minima */
  const uint8_t *brackets; /* as of bracket_minima */
#endif
} outcome;

/* Apart from the loops over codes, whose registers it would take. */
__attribute__((noinline)) static size_t append(uint64_t bits, uint16_t (*halves)[CPQ_TILE / 2], size_t first, size_t lanes,
                                               uint16_t *restrict positions, uint16_t *restrict sums, size_t found) {
  positions += found, sums += found;
  if (bits == ~0ull) { /* as in the first lists, which know no limit yet */
    for (size_t lane = 0; lane < CPQ_TILE; lane++) positions[lane] = (uint16_t)(first + lane);
    for (size_t i = 0; i < CPQ_TILE / 2; i++) sums[2 * i] = halves[0][i], sums[2 * i + 1] = halves[1][i];
    return found + CPQ_TILE;
  }
  size_t hits = (size_t)__builtin_popcountll(bits);
  for (size_t j = 0; j < taken(hits, lanes); j++) {
    unsigned lane = take_lowest(&bits);
    positions[j] = (uint16_t)(first + lane);
    sums[j] = halves[lane & 1][lane / 2];
  }
  return found + hits;
}

/* Which of the first `lanes` lanes of a tile, 1 to 64, of `n` columns, are within the threshold. */
INLINE uint64_t within(const outcome *out, const vw *even, const vw *odd, int n, size_t lanes) {
  vw limit = (vw){0} + out->threshold;
  uint64_t bits = 0;
  for (int c = 0; c < n; c++) {
    vw low = (vw)(even[c] <= limit) & 0x00FF, high = (vw)(odd[c] <= limit) & 0xFF00;
    bits |= lane_bits((vb)(low | high)) << (c * LANES);
  }
  return bits & ~0ull >> (CPQ_TILE - lanes);
}

/* Appends those lanes. */
INLINE void append_tile(outcome *out, const vw *even, const vw *odd, int n, size_t first, size_t lanes) {
  uint64_t bits = within(out, even, odd, n, lanes);
  if (__builtin_expect(bits == 0, 1)) return;
  uint16_t halves[2][CPQ_TILE / 2] = {0}; /* lanes past the last column are read, but do not count */
  memcpy(halves[0], even, (size_t)n * LANES);
  memcpy(halves[1], odd, (size_t)n * LANES);
  out->found = append(bits, halves, first, lanes, out->positions, out->sums, out->found);
}

#if PARTS
/* The sum of a lane's own entries of codes of a byte. */
INLINE uint32_t own_sum8(size_t m, const uint8_t *entries, const uint8_t *code, size_t stride) {
  uint32_t sum = 0;
  for (size_t eights = m / 8; eights > 0; eights--, code += 8 * stride, entries += 8 * 256) {
    /* Two pointers, and no index for both: then one instruction looks a code up. */
    __asm__("" : "+r"(code), "+r"(entries));
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 8; i++) sum += entries[i * 256 + code[i * stride]];
  }
#pragma clang loop unroll(disable) vectorize(disable)
  for (size_t rest = m % 8; rest > 0; rest--, code += stride, entries += 256) sum += entries[*code];
  return sum;
}

/* Appends those lanes whose own entries are within the threshold, which is below 65535 and so no sum that stands for greater
 * ones. */
INLINE void append_own(unsigned width, uint64_t bits, const cpq_codes *codes, const cpq_bound *bound, const uint8_t *tile,
                       size_t stride, size_t first, outcome *out) {
  size_t m = codes->m, found = out->found;
  uint32_t threshold = out->threshold, scale = codes->bracket ? bound->bracket_scale : 0;
  const uint8_t *brackets = tile + (codes->planes - 1) * stride, *entries = bound->entries;
  uint16_t *restrict positions = out->positions, *restrict sums = out->sums;
  out->passed += (size_t)__builtin_popcountll(bits);
  for (; bits; bits &= bits - 1) {
    size_t lane = (size_t)__builtin_ctzll(bits);
    uint32_t sum = width == IN_MINIMA ? own_sum8(m, entries, tile + lane, stride)
                                      : cpq_sum12(m, cpq_table_entries(codes->nbits), entries, tile, stride, lane);
    sum += brackets[lane] * scale >> 8;
    /* Written over where it does not count. */
    positions[found] = (uint16_t)(first + lane);
    sums[found] = (uint16_t)sum;
    found += sum <= threshold;
  }
  out->found = found;
}

__attribute__((noinline)) static void append_bytes(uint64_t bits, const cpq_codes *codes, const cpq_bound *bound,
                                                   const uint8_t *tile, size_t stride, size_t first, outcome *out) {
  if (stride == CPQ_TILE) append_own(IN_MINIMA, bits, codes, bound, tile, CPQ_TILE, first, out);
  else append_own(IN_MINIMA, bits, codes, bound, tile, stride, first, out);
}

__attribute__((noinline)) static void append_wide(uint64_t bits, const cpq_codes *codes, const cpq_bound *bound,
                                                  const uint8_t *tile, size_t stride, size_t first, outcome *out) {
  append_own(IN_WIDE_MINIMA, bits, codes, bound, tile, stride, first, out);
}
#endif

/* Keeps the sums of a tile of `n` columns, of which the first `lanes` lanes hold vectors. */
INLINE void keep_tile(const outcome *out, const vw *even, const vw *odd, int n, size_t first, size_t lanes) {
  vw offset = (vw){0} + out->offset, none = ~(vw){0};
  uint16_t *sums = out->all + first;
  for (int c = 0; c < TILE_COLUMNS; c++, sums += LANES / 2) {
    vw low = none, high = none;
    if (c < n) {
      low = __builtin_elementwise_add_sat(even[c], offset);
      high = __builtin_elementwise_add_sat(odd[c], offset);
      if (lanes < CPQ_TILE) {
        vw number = *(const vw *)even_lanes + (uint16_t)(c * LANES);
        low |= (vw)(number >= (uint16_t)lanes);
        high |= (vw)(number + 1 >= (uint16_t)lanes);
      }
    }
    *(vw *)sums = low;
    *(vw *)(sums + CPQ_TILE / 2) = high;
  }
}

#if PARTS
/* Appends those lanes of a strip whose own entries are within the threshold, of those whose minima are. */
INLINE void scan_parts(unsigned width, const strip *in, size_t first, outcome *out) {
#if PARTS == 128
  vb sums[COLUMNS], limit = (vb){0} + out->limit;
  sum_parts(width, in, out->brackets, sums);
#else
  vw even[COLUMNS], odd[COLUMNS];
  sum_strip(width, in, even, odd, 0);
#endif
#pragma clang loop unroll(full) /* so that sums stay in registers */
  for (int c = 0; c < in->n; c += TILE_COLUMNS, first += CPQ_TILE) {
    size_t lanes = in->ragged ? cpq_tile_vectors(in->codes->count, first) : CPQ_TILE;
#if PARTS == 128
    uint64_t bits = lane_bits((vb)(sums[c] <= limit)) & ~0ull >> (CPQ_TILE - lanes);
#else
    int n = in->n - c < TILE_COLUMNS ? in->n - c : TILE_COLUMNS;
    uint64_t bits = within(out, even + c, odd + c, n, lanes);
#endif
    size_t stride = in->ragged ? cpq_tile_lanes(lanes) : CPQ_TILE;
    const uint8_t *tile = in->tiles[c / TILE_COLUMNS];
    if (bits && width == IN_MINIMA) append_bytes(bits, in->codes, in->bound, tile, stride, first, out);
    if (bits && width != IN_MINIMA) append_wide(bits, in->codes, in->bound, tile, stride, first, out);
  }
}
#endif

INLINE void scan_strip(unsigned width, const strip *in, size_t first, rider *passenger, outcome *out) {
#if PARTS
  if (width == IN_MINIMA || width == IN_WIDE_MINIMA) return scan_parts(width, in, first, out);
#endif
  vw even[NIBBLE_COLUMNS], odd[NIBBLE_COLUMNS];
  sum_strip(width, in, even, odd, passenger);
  for (int c = 0; c < in->n; c += TILE_COLUMNS, first += CPQ_TILE) {
    int n = in->n - c < TILE_COLUMNS ? in->n - c : TILE_COLUMNS;
    size_t lanes = in->ragged ? cpq_tile_vectors(in->codes->count, first) : CPQ_TILE;
    if (out->all) keep_tile(out, even + c, odd + c, n, first, lanes);
    else append_tile(out, even + c, odd + c, n, first, lanes);
  }
}

static void scan_8(const cpq_codes *codes, const cpq_bound *bound, size_t first, outcome *out);

/* Scans a frame from vector `first` on, which begins a tile; `loads` is whether what lies ahead is loaded. */
INLINE void scan_width(unsigned width, int loads, const cpq_codes *codes, const cpq_bound *bound, size_t first,
                       rider *passenger, outcome *out) {
  const size_t together = width == 4 ? NIBBLE_COLUMNS : COLUMNS;
  const uint8_t *tile = codes->frame + first * codes->planes;
  const uint8_t *end = end_of(codes);
  outlook from = outlook_of(codes, together * LANES * codes->planes);
  for (; codes->count - first >= together * LANES; first += together * LANES) {
#if PARTS
    /* Of so many that pass, each costs more than all lookups together save. Wide codes have no such lookups, or many. */
    if (width == IN_MINIMA && out->passed > first / OWN_SHARE) {
      out->passed += codes->count - first;
      return scan_8(codes, bound, first, out);
    }
#endif
    strip whole = strip_at(codes, bound, &from, (int)together, 0, tile, first);
    if (loads) whole.loads = 1, whole.ahead = loaded_ahead(end, tile, together * LANES * codes->planes);
    scan_strip(width, &whole, first, passenger, out);
    tile += together * LANES * codes->planes;
  }
  /* The rest at once, a constant number of columns, so that they stay in registers. */
#define REST(columns)                                                        \
  {                                                                          \
    strip rest = strip_at(codes, bound, &from, columns, 1, tile, first);     \
    scan_strip(width, &rest, first, passenger, out);                        \
  }
  size_t left = (codes->count - first + LANES - 1) / LANES;
  if (left == 1) REST(1)
  else if (left == 2) REST(2)
  else if (together > 2 && left == 3) REST(3)
  else if (together > 2 && left == 4) REST(4)
#undef REST
  fetch_rest(codes);
}

/* A function for each width: one for all would take most of a thread's stack where nothing is optimized. */
#define SCAN(name, width, loads)                                                                           \
  __attribute__((noinline)) static void name(const cpq_codes *codes, const cpq_bound *bound, size_t first, \
                                             outcome *out) {                                               \
    scan_width(width, loads, codes, bound, first, 0, out);                                                 \
  }
SCAN(scan_4, 4, 0)
SCAN(scan_8, 8, 0)
#if WIDE_CODES
SCAN(scan_12, 12, 0)
#endif
#if PARTS
SCAN(scan_minima_8, IN_MINIMA, 0)
SCAN(scan_minima_12, IN_WIDE_MINIMA, 0)
#endif
#if LOADS_AHEAD
SCAN(scan_minima_8_loading, IN_MINIMA, 1)
#endif
#undef SCAN

/* What a frame's sums are made by. */
INLINE void scan_any(const cpq_codes *codes, const cpq_bound *bound, outcome *out) {
  if (codes->nbits <= 4) scan_4(codes, bound, 0, out);
  else if (codes->nbits <= 8) scan_8(codes, bound, 0, out);
#if WIDE_CODES
  else if (codes->nbits <= 12) scan_12(codes, bound, 0, out);
#endif
  else if (out->all) cpq_sum_generic(codes, bound, out->offset, out->all);
  else out->found = cpq_scan_generic(codes, bound, out->threshold, out->positions, out->sums).found;
}

static cpq_found scan(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                      uint16_t *sums) {
  outcome out = {.threshold = threshold, .positions = positions, .sums = sums};
#if PARTS
  int tells = bound->minima && threshold < UINT16_MAX;
#if PARTS == 128
  uint8_t brackets[PARTS];
  uint32_t limit = (uint32_t)threshold * bound->minima_scale >> 15;
  tells = tells && limit < 255;
  if (tells && codes->bracket) bracket_minima(bound, brackets);
  out.limit = (uint8_t)limit, out.brackets = brackets;
#endif
  if (tells) {
#if LOADS_AHEAD
    int loads = codes->streams && COLUMNS * LANES * codes->planes <= PREFETCH_BYTES;
    if (codes->nbits <= 8 && loads) scan_minima_8_loading(codes, bound, 0, &out);
    else
#endif
    if (codes->nbits <= 8) scan_minima_8(codes, bound, 0, &out);
    else scan_minima_12(codes, bound, 0, &out);
    return (cpq_found){out.found, out.passed};
  }
#endif
  scan_any(codes, bound, &out);
  return (cpq_found){out.found, codes->count};
}

static void sum_codes(const cpq_codes *codes, const cpq_bound *bound, uint16_t offset, uint16_t *sums) {
  outcome out = {.offset = offset, .all = sums};
  scan_any(codes, bound, &out);
}

#if CHECKS
static size_t scan_checked(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                           uint16_t *sums, size_t bytes, uint32_t *crc) {
  outcome out = {.threshold = threshold, .positions = positions, .sums = sums};
  rider passenger = rider_at(*crc, codes->frame);
  scan_width(8, 0, codes, bound, 0, &passenger, &out);
  *crc = arrive(&passenger, codes->frame + bytes);
  return out.found;
}

static void sum_codes_checked(const cpq_codes *codes, const cpq_bound *bound, uint16_t offset, uint16_t *sums,
                              size_t bytes, uint32_t *crc) {
  outcome out = {.offset = offset, .all = sums};
  rider passenger = rider_at(*crc, codes->frame);
  scan_width(8, 0, codes, bound, 0, &passenger, &out);
  *crc = arrive(&passenger, codes->frame + bytes);
}
#endif

static size_t summed_within(const uint16_t *sums, size_t count, uint16_t low, uint16_t high, uint16_t offset,
                            uint16_t *positions, uint16_t *out) {
  vw least = (vw){0} + low, width = (vw){0} + (uint16_t)(high - low);
  size_t found = 0;
  for (size_t first = 0; first < count; first += CPQ_TILE, sums += CPQ_TILE) {
    uint64_t bits = 0;
    for (int c = 0; c < TILE_COLUMNS; c++) {
      const uint16_t *column = sums + c * LANES / 2;
      vw even = (vw)(*(const vw *)column - least <= width) & 0x00FF;
      vw odd = (vw)(*(const vw *)(column + CPQ_TILE / 2) - least <= width) & 0xFF00;
      bits |= lane_bits((vb)(even | odd)) << (c * LANES);
    }
    size_t hits = (size_t)__builtin_popcountll(bits);
    for (size_t j = 0; j < taken(hits, CPQ_TILE); j++) {
      unsigned lane = take_lowest(&bits);
      positions[found + j] = (uint16_t)(first + lane);
      out[found + j] = (uint16_t)(sums[cpq_sum_place(lane)] - offset);
    }
    found += hits;
  }
  return found;
}
