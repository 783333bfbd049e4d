/* Canonical ADC distances of single vectors whose codes are residual (Formats/pqx-v1.md, "Distances"), in the vectors of
 * simd.inc.h: a few vectors side by side, a lane each, so that every lane follows the canonical order. */

typedef float v4 __attribute__((ext_vector_type(4), aligned(4)));
typedef float v8 __attribute__((ext_vector_type(8), aligned(4)));

INLINE v16 join4(v4 a, v4 b, v4 c, v4 d) {
  v8 low = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
  v8 high = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/* Four components of sixteen rows, transposed: lane 4j + k of component[c] is component i + c of row 4k + j. In this
 * order no shuffle crosses 128 bits. */
INLINE void transpose16(const float *const *row, size_t i, v16 component[4]) {
  v16 part[4];
  for (int k = 0; k < 4; k++)
    part[k] = join4(*(const v4 *)(row[4 * k] + i), *(const v4 *)(row[4 * k + 1] + i),
                    *(const v4 *)(row[4 * k + 2] + i), *(const v4 *)(row[4 * k + 3] + i));
  v16 a = __builtin_shufflevector(part[0], part[1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  v16 b = __builtin_shufflevector(part[0], part[1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  v16 c = __builtin_shufflevector(part[2], part[3], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  v16 d = __builtin_shufflevector(part[2], part[3], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  component[0] = __builtin_shufflevector(a, c, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
  component[1] = __builtin_shufflevector(a, c, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  component[2] = __builtin_shufflevector(b, d, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
  component[3] = __builtin_shufflevector(b, d, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}

/* The same of four rows: lane k of component[c] is component i + c of row k. */
INLINE void transpose4(const float *const *row, size_t i, v4 component[4]) {
  v4 r0 = *(const v4 *)(row[0] + i), r1 = *(const v4 *)(row[1] + i);
  v4 r2 = *(const v4 *)(row[2] + i), r3 = *(const v4 *)(row[3] + i);
  v4 a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), b = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  v4 c = __builtin_shufflevector(r2, r3, 0, 4, 1, 5), d = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  component[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  component[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  component[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  component[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* Where the codes of a vector are. */
typedef struct {
  const uint8_t *tile;
  size_t lane, lanes;
} place;

INLINE place place_of(const cpq_codes *codes, size_t at) {
  size_t first = at / CPQ_TILE * CPQ_TILE;
  return (place){codes->frame + first * codes->planes, at - first,
                 cpq_tile_lanes(cpq_tile_vectors(codes->count, first))};
}

/* Canonical distances of up to sixteen vectors, lane 4j + k for vector 4k + j; inlined with a constant `width`. */
INLINE void residual16(unsigned width, const cpq_codes *codes, const float *residual, const float *codebooks, int blocked,
                       size_t sub, const uint16_t *positions, size_t n, float *out) {
  size_t book = cpq_book_floats(codes->nbits, blocked, sub), step = blocked ? CPQ_LANES : 1;
  place at[16];
  /* The last vector stands in for those past the end. */
  for (size_t v = 0; v < 16; v++) at[v] = place_of(codes, positions[v < n ? v : n - 1]);
  v16 sum = 0;
  for (size_t s = 0; s < codes->m; s++) {
    const float *row[16], *x = residual + s * sub;
    for (size_t v = 0; v < 16; v++)
      row[v] = codebooks + s * book +
               cpq_codeword(cpq_code(width, codes->m, at[v].tile, at[v].lanes, at[v].lane, s), blocked, sub);
    v16 chain = 0;
    size_t i = 0;
    for (; !blocked && i + 4 <= sub; i += 4) {
      v16 r[4];
      transpose16(row, i, r);
      for (int j = 0; j < 4; j++) {
        v16 d = x[i + j] - r[j];
        chain = __builtin_elementwise_fma(d, d, chain);
      }
    }
    for (; i < sub; i++) {
      float values[16];
      for (int v = 0; v < 16; v++) values[v] = row[v % 4 * 4 + v / 4][i * step];
      v16 d = x[i] - *(const v16 *)values;
      chain = __builtin_elementwise_fma(d, d, chain);
    }
    sum += chain;
  }
  float sums[16];
  memcpy(sums, &sum, sizeof sums);
  for (size_t v = 0; v < 16 && v < n; v++) out[v] = sums[v % 4 * 4 + v / 4];
}

/* The same of up to four. */
INLINE void residual4(unsigned width, const cpq_codes *codes, const float *residual, const float *codebooks, int blocked,
                       size_t sub, const uint16_t *positions, size_t n, float *out) {
  size_t book = cpq_book_floats(codes->nbits, blocked, sub), step = blocked ? CPQ_LANES : 1;
  place at[4];
  /* The last vector stands in for those past the end. */
  for (size_t v = 0; v < 4; v++) at[v] = place_of(codes, positions[v < n ? v : n - 1]);
  v4 sum = 0;
  for (size_t s = 0; s < codes->m; s++) {
    const float *row[4], *x = residual + s * sub;
    for (size_t v = 0; v < 4; v++)
      row[v] = codebooks + s * book +
               cpq_codeword(cpq_code(width, codes->m, at[v].tile, at[v].lanes, at[v].lane, s), blocked, sub);
    v4 chain = 0;
    size_t i = 0;
    for (; !blocked && i + 4 <= sub; i += 4) {
      v4 r[4];
      transpose4(row, i, r);
      for (int j = 0; j < 4; j++) {
        v4 d = x[i + j] - r[j];
        chain = __builtin_elementwise_fma(d, d, chain);
      }
    }
    for (; i < sub; i++) {
      float values[4];
      for (int v = 0; v < 4; v++) values[v] = row[v][i * step];
      v4 d = x[i] - *(const v4 *)values;
      chain = __builtin_elementwise_fma(d, d, chain);
    }
    sum += chain;
  }
  float sums[4];
  memcpy(sums, &sum, sizeof sums);
  for (size_t v = 0; v < 4 && v < n; v++) out[v] = sums[v];
}

INLINE void residual_width(unsigned width, const cpq_codes *codes, const float *residual, const float *codebooks,
                           int blocked, size_t sub, const uint16_t *positions, size_t n, float *out) {
  size_t i = 0;
  for (; i + 8 < n; i += 16) residual16(width, codes, residual, codebooks, blocked, sub, positions + i, n - i, out + i);
  for (; i < n; i += 4) residual4(width, codes, residual, codebooks, blocked, sub, positions + i, n - i, out + i);
}

INLINE void residual_codes(const cpq_codes *codes, const float *residual, const float *codebooks, int blocked, size_t sub,
                           const uint16_t *positions, size_t n, float *out) {
  switch (cpq_code_width(codes->nbits)) {
  case 4: residual_width(4, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  case 8: residual_width(8, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  case 12: residual_width(12, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  default: residual_width(16, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  }
}

static void adc_residual(const cpq_codes *codes, const float *residual, const float *codebooks, int blocked, size_t sub,
                         const uint16_t *positions, size_t n, float *out) {
  if (blocked) residual_codes(codes, residual, codebooks, 1, sub, positions, n, out);
  else residual_codes(codes, residual, codebooks, 0, sub, positions, n, out);
}
