/* The integer scan of code tiles, once, in clang's portable vectors of LANES bytes (Formats/pqx-v1.md, "Code tiles").
 *
 * An including file selects the instruction set and defines
 *   LANES, vb, vw              bytes of a vector, 64, 32 or 16; vectors of so many bytes, as u8 and as u16
 *   COLUMNS                    vectors of codes that one load of a table serves
 *   NIBBLE_COLUMNS             the same for codes of a nibble, at least as many
 *   WIDE_CODES                 whether nbits 9...12 are scanned by look256 too, else by the scalar loop
 *   table256, load256, look256 the 256 entries of a subspace, and their lookup by a vector of bytes
 *   table16, load16, look16    the same for 16 entries and indices below 16
 *   mulhi16                    the high halves of products of u16 lanes
 *   lane_bits                  bit i is the sign of byte i
 *   load_lanes                 the first n bytes (a multiple of 16, at most LANES), then zeros
 *   CHECKS, rider, ride        whether scan_checked is wanted, and what crc32c_rider.inc.h defines for it
 *   RAGGED_COLUMNS             how many columns, some of them shorter than LANES, are scanned together: 1, or COLUMNS
 *                              where these are 4 of 64 lanes
 *
 * A sum of u8 entries is kept as two vectors of u16: `odd` of the odd lanes, and `all`, which adds even lanes with the
 * odd ones 8 bits above them, so that nothing is unpacked inside the loop. No sum exceeds 16 bits: the caller's entries
 * are small enough (cpq_bound). */

static const uint8_t zero_table[16];

#if !CHECKS
typedef struct rider rider;
INLINE void ride(rider *none) { (void)none; }
#endif

/* How far ahead of a strip codes are fetched: a stream from memory needs it, one in the cache does not mind. */
enum { PREFETCH_BYTES = 4096 };

/* What lies so far ahead of `column`: in the frame, or in the next one, of which a short frame fetches as much as it has
 * itself. */
INLINE const uint8_t *ahead_of(const cpq_codes *codes, const uint8_t *column) {
  size_t bytes = (codes->count + 15) / 16 * 16 * codes->planes, left = bytes - (size_t)(column - codes->frame);
  size_t distance = bytes < PREFETCH_BYTES ? bytes : PREFETCH_BYTES;
  return left > distance ? column + distance : codes->next ? codes->next + (distance - left) : column;
}

INLINE vb load_codes(const uint8_t *p, size_t lanes, int ragged) { return ragged ? load_lanes(p, lanes) : *(const vb *)p; }

INLINE void add_entries(vb entries, vw *all, vw *odd) {
  *all += (vw)entries;
  *odd += (vw)entries >> 8;
}

/* One vector of lanes of one tile: plane p is `stride` bytes after plane p - 1. */
typedef struct {
  const uint8_t *codes;
  size_t stride, lanes;
} column;

/* Adds the entries of `n` columns of codes of a nibble, a byte, or a byte and a nibble. */
INLINE void add_pair(table16 low, table16 high, size_t p, int n, int ragged, const column *columns,
                     const uint8_t *const *ahead, vw *all, vw *odd) {
  for (int c = 0; c < n; c++) {
    vb code = load_codes(columns[c].codes + p * (ragged ? columns[c].stride : 64), columns[c].lanes, ragged);
    /* Columns of a whole tile stand in one line of the cache. */
    if (ragged || c * LANES % 64 == 0) __builtin_prefetch(ahead[c] + p * (ragged ? columns[c].stride : 64));
    add_entries(look16(low, code & 15) + look16(high, code >> 4), &all[c], &odd[c]);
  }
}

INLINE void add_nibbles(const cpq_codes *codes, const cpq_bound *bound, int n, int ragged, const column *columns,
                        const uint8_t *const *ahead, vw *all, vw *odd) {
  size_t pairs = codes->m / 2;
  const uint8_t *entries = bound->entries;
#pragma clang loop unroll_count(2)
  for (size_t p = 0; p < pairs; p++)
    add_pair(load16(entries + 32 * p), load16(entries + 32 * p + 16), p, n, ragged, columns, ahead, all, odd);
  if (codes->m % 2)
    add_pair(load16(entries + 32 * pairs), load16(zero_table), pairs, n, ragged, columns, ahead, all, odd);
}

INLINE void add_bytes(const cpq_codes *codes, const cpq_bound *bound, int n, int ragged, const column *columns,
                      const uint8_t *const *ahead, vw *all, vw *odd, rider *passenger) {
  for (size_t s = 0; s < codes->m; s++) {
    table256 table = load256(bound->entries + 256 * s);
    for (int c = 0; c < n; c++) {
      vb code = load_codes(columns[c].codes + s * (ragged ? columns[c].stride : 64), columns[c].lanes, ragged);
      __builtin_prefetch(ahead[c] + s * (ragged ? columns[c].stride : 64));
      add_entries(look256(&table, code), &all[c], &odd[c]);
      if (passenger) ride(passenger);
    }
  }
}

#if WIDE_CODES
INLINE void add_wide(const cpq_codes *codes, const cpq_bound *bound, int n, int ragged, const column *columns,
                     const uint8_t *const *ahead, vw *all, vw *odd) {
  size_t m = codes->m;
  for (size_t s = 0; s < m; s++) {
    vb low[COLUMNS], high[COLUMNS], entries[COLUMNS];
    for (int c = 0; c < n; c++) {
      low[c] = load_codes(columns[c].codes + s * (ragged ? columns[c].stride : 64), columns[c].lanes, ragged);
      vb nibbles = load_codes(columns[c].codes + (m + s / 2) * (ragged ? columns[c].stride : 64), columns[c].lanes, ragged);
      __builtin_prefetch(ahead[c] + s * (ragged ? columns[c].stride : 64));
      high[c] = s & 1 ? nibbles >> 4 : nibbles & 15;
    }
    table256 first = load256(bound->entries + 4096 * s);
    for (int c = 0; c < n; c++) entries[c] = look256(&first, low[c]);
    for (unsigned h = 1; h < 1u << (codes->nbits - 8); h++) {
      table256 table = load256(bound->entries + 4096 * s + 256 * h);
      for (int c = 0; c < n; c++) {
        vb chosen = (vb)(high[c] == (vb){0} + (uint8_t)h);
        entries[c] = (look256(&table, low[c]) & chosen) | (entries[c] & ~chosen);
      }
    }
    for (int c = 0; c < n; c++) add_entries(entries[c], &all[c], &odd[c]);
  }
}
#endif

/* Sums of `n` columns. Unless they are `ragged`, all have LANES lanes, and a stride of 64. */
INLINE void strip(unsigned width, const cpq_codes *codes, const cpq_bound *bound, int n, int ragged, const column *columns,
                  vw *even, vw *odd, rider *passenger) {
  vw all[NIBBLE_COLUMNS];
  const uint8_t *ahead[NIBBLE_COLUMNS];
  for (int c = 0; c < n; c++) {
    all[c] = odd[c] = (vw){0};
    ahead[c] = ahead_of(codes, columns[c].codes);
  }
  if (width == 4) add_nibbles(codes, bound, n, ragged, columns, ahead, all, odd);
#if WIDE_CODES
  else if (width == 12) add_wide(codes, bound, n, ragged, columns, ahead, all, odd);
#endif
  else add_bytes(codes, bound, n, ragged, columns, ahead, all, odd, passenger);
  for (int c = 0; c < n; c++) {
    even[c] = all[c] - (odd[c] << 8);
    if (codes->bracket) {
      vw bracket = (vw)load_codes(columns[c].codes + (codes->planes - 1) * (ragged ? columns[c].stride : 64), columns[c].lanes, ragged);
      vw scale = (vw){0} + bound->bracket_scale;
      even[c] = __builtin_elementwise_add_sat(even[c], mulhi16(bracket << 8, scale));
      odd[c] = __builtin_elementwise_add_sat(odd[c], mulhi16(bracket & 0xFF00, scale));
    }
  }
}

/* Appends the lanes below `lanes`, 1 to 64, whose sum is at most the threshold. */
INLINE size_t survivors(vw even, vw odd, size_t first, size_t lanes, uint16_t threshold, uint16_t *positions,
                        uint16_t *sums, size_t found) {
  vw limit = (vw){0} + threshold;
  vw low = (vw)(even <= limit) & 0x00FF, high = (vw)(odd <= limit) & 0xFF00;
  uint64_t bits = lane_bits((vb)(low | high));
  bits &= ~0ull >> (64 - lanes);
  if (__builtin_expect(bits == 0, 1)) return found;
  uint16_t halves[2][LANES / 2];
  memcpy(halves[0], &even, LANES);
  memcpy(halves[1], &odd, LANES);
  do {
    unsigned lane = (unsigned)__builtin_ctzll(bits);
    bits &= bits - 1;
    positions[found] = (uint16_t)(first + lane);
    sums[found++] = halves[lane & 1][lane / 2];
  } while (bits);
  return found;
}

INLINE size_t scan_columns(unsigned width, const cpq_codes *codes, const cpq_bound *bound, int n, int ragged,
                           const column *columns, size_t first, uint16_t threshold, uint16_t *positions, uint16_t *sums,
                           size_t found, rider *passenger) {
  vw even[NIBBLE_COLUMNS], odd[NIBBLE_COLUMNS];
  strip(width, codes, bound, n, ragged, columns, even, odd, passenger);
  for (int c = 0; c < n; c++) {
    size_t at = first + c * LANES, lanes = codes->count - at < LANES ? codes->count - at : LANES;
    found = survivors(even[c], odd[c], at, lanes, threshold, positions, sums, found);
  }
  return found;
}

/* The column that begins with vector `first`. */
INLINE column column_at(const cpq_codes *codes, size_t first) {
  size_t tile = first / 64 * 64, stride = codes->count - tile < 64 ? (codes->count - tile + 15) / 16 * 16 : 64;
  size_t lane = first - tile, lanes = stride - lane < LANES ? stride - lane : LANES;
  return (column){codes->frame + tile * codes->planes + lane, stride, lanes};
}

INLINE size_t scan_width(unsigned width, const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold,
                         uint16_t *positions, uint16_t *sums, rider *passenger) {
  size_t full = codes->count / 64 * 64, first = 0, found = 0;
  column columns[NIBBLE_COLUMNS];
  const int together = width == 4 ? NIBBLE_COLUMNS : COLUMNS;
  for (; first + together * LANES <= full; first += together * LANES) {
    for (int c = 0; c < together; c++) columns[c] = column_at(codes, first + c * LANES);
    found = scan_columns(width, codes, bound, together, 0, columns, first, threshold, positions, sums, found, passenger);
  }
#if RAGGED_COLUMNS == 1
  if (width == 4 && first + LANES < codes->count) {
    for (int c = 0; c < 2; c++) columns[c] = column_at(codes, first + c * LANES);
    found = scan_columns(width, codes, bound, 2, 1, columns, first, threshold, positions, sums, found, passenger);
    first += 2 * LANES;
  }
  for (; first < codes->count; first += LANES) {
    columns[0] = column_at(codes, first);
    found = scan_columns(width, codes, bound, 1, 1, columns, first, threshold, positions, sums, found, passenger);
  }
#else /* all at once: a constant number of columns stays in registers */
  int n = 0;
  for (size_t at = first; at < codes->count; at += LANES) columns[n++] = column_at(codes, at);
  switch (n) {
  case 0: break;
  case 1: found = scan_columns(width, codes, bound, 1, 1, columns, first, threshold, positions, sums, found, passenger);
    break;
  case 2: found = scan_columns(width, codes, bound, 2, 1, columns, first, threshold, positions, sums, found, passenger);
    break;
  case 3: found = scan_columns(width, codes, bound, 3, 1, columns, first, threshold, positions, sums, found, passenger);
    break;
  default: found = scan_columns(width, codes, bound, 4, 1, columns, first, threshold, positions, sums, found, passenger);
    break;
  }
#endif
  return found;
}

static size_t scan(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                   uint16_t *sums) {
  if (codes->nbits <= 4) return scan_width(4, codes, bound, threshold, positions, sums, 0);
  if (codes->nbits <= 8) return scan_width(8, codes, bound, threshold, positions, sums, 0);
#if WIDE_CODES
  if (codes->nbits <= 12) return scan_width(12, codes, bound, threshold, positions, sums, 0);
#endif
  return cpq_scan_generic(codes, bound, threshold, positions, sums);
}

#if CHECKS
static size_t scan_checked(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                           uint16_t *sums, size_t bytes, uint32_t *crc) {
  rider passenger = rider_at(*crc, codes->frame, bytes);
  size_t found = scan_width(8, codes, bound, threshold, positions, sums, &passenger);
  *crc = arrive(&passenger, codes->frame + bytes);
  return found;
}
#endif
