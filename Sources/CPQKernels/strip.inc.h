/* Strips of code tiles and the sums of their entries: what scan.inc.h, which includes this, does with each. All names that
 * an including file defines are listed there.
 *
 * A sum of u8 entries is kept as two vectors of u16: `odd` of the odd lanes, and `all`, which adds even lanes with the
 * odd ones 8 bits above them, so that nothing is unpacked inside the loop. No sum exceeds 16 bits: the caller's entries
 * are small enough (cpq_bound). */

static const uint8_t zero_table[16];
_Static_assert(PARTS <= CPQ_MOST_PARTS, "codewords are in an order for so many");

static const uint16_t even_lanes[32] = {0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
                                        32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62};

#if CHECKS
_Static_assert(LANES == 32, "a rider takes the bytes of one lookup");
#else
typedef struct rider rider;
INLINE void ride(rider *none) { (void)none; }
#endif

/* How far ahead of a strip codes are fetched: a stream from memory needs it, one in the cache does not mind. */
enum { PREFETCH_BYTES = 8192, LOADED_BYTES = 6144 };

/* What lies so far ahead of a strip: of one that begins before `turn`, in the frame; else in the next frame, of which a short
 * frame fetches as much as it has itself. Distances in bytes. */
typedef struct {
  const uint8_t *turn;
  uintptr_t within, beyond;
} outlook;

INLINE size_t frame_bytes(const cpq_codes *codes) { return cpq_tile_lanes(codes->count) * codes->planes; }

/* Of a frame that is scanned in strips of so many bytes. */
INLINE outlook outlook_of(const cpq_codes *codes, size_t strip) {
  size_t bytes = frame_bytes(codes), ahead = strip < PREFETCH_BYTES ? PREFETCH_BYTES : strip;
  size_t turn = (bytes < ahead ? 0 : bytes - ahead) / strip * strip;
  uintptr_t begin = (uintptr_t)codes->frame + turn;
  return (outlook){codes->frame + turn, bytes - turn, codes->next ? (uintptr_t)codes->next - begin : 0};
}

INLINE const uint8_t *ahead_of(const outlook *from, const uint8_t *tile) {
  return (const uint8_t *)((uintptr_t)tile + (tile < from->turn ? from->within : from->beyond));
}

/* Where the bytes end that are scanned from a frame on: with the next one if that follows it in memory. */
INLINE const uint8_t *end_of(const cpq_codes *codes) {
  const uint8_t *end = codes->frame + frame_bytes(codes);
  return codes->next == end ? end + codes->next_bytes : end;
}

/* What is loaded ahead of a strip of so many bytes that is whole: itself, where not as many are left before the end. */
INLINE const uint8_t *loaded_ahead(const uint8_t *end, const uint8_t *tile, size_t strip) {
  size_t ahead = strip < LOADED_BYTES ? LOADED_BYTES : strip;
  return (size_t)(end - tile) >= ahead + strip ? tile + ahead : tile;
}

/* Where a frame is shorter than PREFETCH_BYTES, the next one has more of them than was fetched. */
INLINE void fetch_rest(const cpq_codes *codes) {
  size_t end = codes->next_bytes < PREFETCH_BYTES ? codes->next_bytes : PREFETCH_BYTES;
  for (size_t at = frame_bytes(codes); at < end; at += 64) __builtin_prefetch(codes->next + at, 0, 2);
}

/* Columns, of LANES lanes each, of tiles one after the other: all the columns of whole tiles, or, of a `ragged` strip, the
 * last ones of the frame. Their number and whether they are ragged are constants wherever a strip is inlined. */
enum { TILE_COLUMNS = CPQ_TILE / LANES };

typedef struct {
  const cpq_codes *codes;
  const cpq_bound *bound;
  int n, ragged, loads; /* whether what lies ahead is loaded instead of prefetched */
  const uint8_t *tiles[NIBBLE_COLUMNS], *ahead;
  size_t stride, lanes; /* of the last tile of a ragged strip, and of its last column */
} strip;

/* The strip that begins with vector `first`, the first one of `tile`. */
INLINE strip strip_at(const cpq_codes *codes, const cpq_bound *bound, const outlook *from, int n, int ragged,
                      const uint8_t *tile, size_t first) {
  strip made = {.codes = codes, .bound = bound, .n = n, .ragged = ragged, .ahead = ahead_of(from, tile)};
  for (int t = 0; t * TILE_COLUMNS < n; t++, tile += CPQ_TILE * codes->planes) made.tiles[t] = tile;
  int last = (n - 1) / TILE_COLUMNS;
  made.stride = cpq_tile_lanes(cpq_tile_vectors(codes->count, first + (size_t)last * CPQ_TILE));
  made.lanes = made.stride - (size_t)(n - 1 - last * TILE_COLUMNS) * LANES;
  return made;
}

/* Loads a line, and makes nothing of it. */
INLINE void load_line(const uint8_t *line) {
  uint64_t bytes;
  memcpy(&bytes, line, sizeof bytes);
  __asm__ volatile("" : : "r"(bytes));
}

/* Plane p of column c; a tile's first column fetches a line ahead, in the order in which the strip's lines lie: so the machine's
 * own prefetching goes on. It goes to the second cache: the first has too few misses under way at once for a stream from memory
 * (on Zen 4 a scan of codes of a byte by VBMI is twice as fast so; slower ones do not mind). A scan that does little else waits
 * for memory anyway, and has lines loaded instead: that keeps the machine's own prefetching going better. */
INLINE vb load_codes(const strip *in, int c, size_t p) {
  int tile = c / TILE_COLUMNS, last = in->ragged && tile == (in->n - 1) / TILE_COLUMNS;
  size_t plane = p * (last ? in->stride : CPQ_TILE);
  int tiles = (in->n - 1) / TILE_COLUMNS + 1;
  const uint8_t *line = in->ahead + (p * (size_t)tiles + (size_t)tile) * CPQ_TILE;
  if (c % TILE_COLUMNS == 0 && !in->loads) __builtin_prefetch(line, 0, 2);
  const uint8_t *codes = in->tiles[tile] + plane + c % TILE_COLUMNS * LANES;
  return in->ragged && c == in->n - 1 ? load_lanes(codes, in->lanes) : *(const vb *)codes;
}

INLINE void add_entries(vb entries, vw *all, vw *odd) {
  *all += (vw)entries;
  *odd += (vw)entries >> 8;
}

/* Adds the entries of a plane of nibbles. */
INLINE void add_pair(const strip *in, table16 low, table16 high, size_t p, vw *all, vw *odd) {
  for (int c = 0; c < in->n; c++) {
    vb code = load_codes(in, c, p);
    add_entries(look16(low, code & 15) + look16(high, code >> 4), &all[c], &odd[c]);
  }
}

INLINE void add_nibbles(const strip *in, vw *all, vw *odd) {
  size_t pairs = in->codes->m / 2;
  const uint8_t *entries = in->bound->entries;
#pragma clang loop unroll_count(2)
  for (size_t p = 0; p < pairs; p++)
    add_pair(in, load16(entries + 32 * p), load16(entries + 32 * p + 16), p, all, odd);
  if (in->codes->m % 2) add_pair(in, load16(entries + 32 * pairs), load16(zero_table), pairs, all, odd);
}

INLINE void add_bytes(const strip *in, vw *all, vw *odd, rider *passenger) {
  for (size_t s = 0; s < in->codes->m; s++) {
    table256 table = load256(in->bound->entries + 256 * s);
#pragma clang loop unroll(full)
    for (int c = 0; c < in->n; c++) {
      add_entries(look256(&table, load_codes(in, c, s)), &all[c], &odd[c]);
      /* Bytes of as many codes as were looked up, which the frame has; a last column may be half of one. */
      if (passenger && !(in->ragged && c == in->n - 1)) ride(passenger);
    }
  }
}

#if PARTS
/* In place of a width: the minima of codes of a byte, and of 9 to 12 bits. */
enum { IN_MINIMA = 2, IN_WIDE_MINIMA = 3 };

/* The `top` highest bits of codes of 9 to 12 bits: of the nibble, the high one of its byte if `is_high`, and of the low byte. */
INLINE vb wide_part(const strip *in, int c, size_t s, int is_high, unsigned top) {
  unsigned nbits = in->codes->nbits;
  uint16_t down = (uint16_t)(nbits - top), up = (uint16_t)(8 - down);
  vb low_bits = (vb){0} + (uint8_t)(0xFF >> down), high_bits = ~low_bits & (uint8_t)((1 << top) - 1);
  vw low = (vw)load_codes(in, c, s), nibbles = (vw)load_codes(in, c, in->codes->m + s / 2);
  vw high = is_high ? nibbles >> 4 : nibbles;
  return ((vb)(low >> down) & low_bits) | ((vb)(high << up) & high_bits);
}
#endif

#if PARTS == 64
typedef struct {
  table16 row[4];
} table64;

INLINE table64 load64(const uint8_t *p) {
  return (table64){{load16(p), load16(p + 16), load16(p + 32), load16(p + 48)}};
}

/* Adds the minima of the parts that codes of a subspace are in: a part is what the six topmost bits of a code say, of the
 * byte of each code, */
INLINE void add_minima(const strip *in, vw *all, vw *odd) {
  for (size_t s = 0; s < in->codes->m; s++) {
    table64 table = load64(in->bound->minima + PARTS * s);
    for (int c = 0; c < in->n; c++) {
      vb code = load_codes(in, c, s), part = (vb)((vw)code >> 2) & 15;
      add_entries(look_part(table.row, part, code + code, code), &all[c], &odd[c]);
    }
  }
}

/* or of codes of 9 to 12 bits. */
INLINE void add_wide_part(const strip *in, size_t s, int is_high, vw *all, vw *odd) {
  table64 table = load64(in->bound->minima + PARTS * s);
  for (int c = 0; c < in->n; c++) {
    vb part = wide_part(in, c, s, is_high, 6);
    add_entries(look_part(table.row, part, (vb)((vw)part << 3), (vb)((vw)part << 2)), &all[c], &odd[c]);
  }
}

INLINE void add_wide_minima(const strip *in, vw *all, vw *odd) {
  size_t s = 0;
  for (; s + 2 <= in->codes->m; s += 2) {
    add_wide_part(in, s, 0, all, odd);
    add_wide_part(in, s + 1, 1, all, odd);
  }
  if (s < in->codes->m) add_wide_part(in, s, 0, all, odd);
}
#elif PARTS == 128
#include "minima128.inc.h"
#endif

#if PARTS
/* The minima of `count` entries, `part` of them each. Inlined with a constant `part`. */
INLINE void minima_of(const uint8_t *entries, size_t count, size_t part, uint16_t scale, uint8_t *out) {
  for (size_t i = 0; i < count; i += part) {
    uint8_t least = entries[i];
    for (size_t j = 1; j < part; j++) least = entries[i + j] < least ? entries[i + j] : least;
    out[i / part] = (uint8_t)((uint32_t)least * scale >> 15);
  }
}

static void part_minima(const uint8_t *entries, size_t count, size_t part, uint16_t scale, uint8_t *out) {
  switch (part) {
  case 2: minima_of(entries, count, 2, scale, out); return;
  case 4: minima_of(entries, count, 4, scale, out); return;
  case 8: minima_of(entries, count, 8, scale, out); return;
  case 16: minima_of(entries, count, 16, scale, out); return;
  case 32: minima_of(entries, count, 32, scale, out); return;
  default: minima_of(entries, count, 64, scale, out); return;
  }
}
#endif

#if WIDE_CODES
INLINE void add_wide(const strip *in, vw *all, vw *odd) {
  size_t m = in->codes->m;
  for (size_t s = 0; s < m; s++) {
    vb low[COLUMNS], high[COLUMNS], entries[COLUMNS];
    for (int c = 0; c < in->n; c++) {
      low[c] = load_codes(in, c, s);
      vb nibbles = load_codes(in, c, m + s / 2);
      high[c] = s & 1 ? nibbles >> 4 : nibbles & 15;
    }
    const uint8_t *tables = in->bound->entries + (s << in->codes->nbits);
    table256 first = load256(tables);
    for (int c = 0; c < in->n; c++) entries[c] = look256(&first, low[c]);
    for (unsigned h = 1; h < 1u << (in->codes->nbits - 8); h++) {
      table256 table = load256(tables + 256 * h);
      for (int c = 0; c < in->n; c++) {
        vb chosen = (vb)(high[c] == (vb){0} + (uint8_t)h);
        entries[c] = (look256(&table, low[c]) & chosen) | (entries[c] & ~chosen);
      }
    }
    for (int c = 0; c < in->n; c++) add_entries(entries[c], &all[c], &odd[c]);
  }
}
#endif

INLINE void sum_strip(unsigned width, const strip *in, vw *even, vw *odd, rider *passenger) {
  /* Not what the caller may want in memory: the loops would store it there each time around. */
  vw all[NIBBLE_COLUMNS], odds[NIBBLE_COLUMNS];
  for (int c = 0; c < in->n; c++) all[c] = odds[c] = (vw){0};
  if (width == 4) add_nibbles(in, all, odds);
#if WIDE_CODES
  else if (width == 12) add_wide(in, all, odds);
#endif
#if PARTS == 64
  else if (width == IN_MINIMA) add_minima(in, all, odds);
  else if (width == IN_WIDE_MINIMA) add_wide_minima(in, all, odds);
#endif
  else add_bytes(in, all, odds, passenger);
  for (int c = 0; c < in->n; c++) {
    odd[c] = odds[c];
    even[c] = all[c] - (odds[c] << 8);
    if (in->codes->bracket) {
      vw bracket = (vw)load_codes(in, c, in->codes->planes - 1), scale = (vw){0} + in->bound->bracket_scale;
      even[c] = __builtin_elementwise_add_sat(even[c], mulhi16(bracket << 8, scale));
      odd[c] = __builtin_elementwise_add_sat(odd[c], mulhi16(bracket & 0xFF00, scale));
    }
  }
}
