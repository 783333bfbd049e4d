/* Canonical ADC distances of single vectors whose codes are residual (Formats/pqx-v1.md, "Distances"), in the vectors of
 * simd.inc.h: eight subspaces of a vector side by side, a lane each, so that every lane follows the canonical order; their
 * lanes are added up one after the other. */
enum { SUBSPACES = 8 };

/* Components i...i + 3 of two rows. */
INLINE v8 pair(const float *low, const float *high) {
  v4 a = *(const v4 *)low, b = *(const v4 *)high;
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
}

/* Four components of x - y for eight rows, transposed: lane k of component[c] is component i + c of row k. In this order
 * no shuffle crosses 128 bits. */
INLINE void differences8(const float *const *x, const float *const *y, size_t i, v8 component[4]) {
  v8 d[4];
  for (int k = 0; k < 4; k++) d[k] = pair(x[k] + i, x[k + 4] + i) - pair(y[k] + i, y[k + 4] + i);
  v8 a = __builtin_shufflevector(d[0], d[1], 0, 8, 1, 9, 4, 12, 5, 13);
  v8 b = __builtin_shufflevector(d[0], d[1], 2, 10, 3, 11, 6, 14, 7, 15);
  v8 c = __builtin_shufflevector(d[2], d[3], 0, 8, 1, 9, 4, 12, 5, 13);
  v8 e = __builtin_shufflevector(d[2], d[3], 2, 10, 3, 11, 6, 14, 7, 15);
  component[0] = __builtin_shufflevector(a, c, 0, 1, 8, 9, 4, 5, 12, 13);
  component[1] = __builtin_shufflevector(a, c, 2, 3, 10, 11, 6, 7, 14, 15);
  component[2] = __builtin_shufflevector(b, e, 0, 1, 8, 9, 4, 5, 12, 13);
  component[3] = __builtin_shufflevector(b, e, 2, 3, 10, 11, 6, 7, 14, 15);
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

INLINE size_t bounded_code(unsigned width, const cpq_codes *codes, place at, size_t s) {
  return cpq_bounded(cpq_code(width, codes->m, at.tile, at.lanes, at.lane, s), codes->nbits);
}

/* Eight subspaces from `first` on, or the `lanes` last ones: the sums of their squared differences. */
INLINE v8 residual_lanes(unsigned width, const cpq_codes *codes, place at, const float *residual, const float *codebooks,
                         int blocked, size_t sub, size_t first, size_t lanes) {
  size_t book = cpq_book_floats(codes->nbits, blocked, sub), step = blocked ? CPQ_LANES : 1;
  const float *x[SUBSPACES], *word[SUBSPACES];
  for (size_t l = 0; l < SUBSPACES; l++) {
    size_t s = first + (l < lanes ? l : lanes - 1); /* the last one stands in for those past the end */
    x[l] = residual + s * sub;
    word[l] = codebooks + s * book + cpq_codeword(bounded_code(width, codes, at, s), blocked, sub);
  }
  v8 chain = {0};
  size_t i = 0;
  for (; !blocked && i + 4 <= sub; i += 4) {
    v8 d[4];
    differences8(x, word, i, d);
    for (int c = 0; c < 4; c++) chain = __builtin_elementwise_fma(d[c], d[c], chain);
  }
  for (; i < sub; i++) {
    float differences[SUBSPACES];
    for (int l = 0; l < SUBSPACES; l++) differences[l] = x[l][i] - word[l][i * step];
    v8 d = *(const v8 *)differences;
    chain = __builtin_elementwise_fma(d, d, chain);
  }
  return chain;
}

/* Inlined with constants `width` and `blocked`. */
INLINE void residual_codes(unsigned width, const cpq_codes *codes, const float *residual, const float *codebooks,
                           int blocked, size_t sub, const uint16_t *positions, size_t n, float *out) {
  size_t m = codes->m;
  for (size_t v = 0; v < n; v++) {
    place at = place_of(codes, positions[v]);
    float sum = 0;
    size_t s = 0;
    for (; s + SUBSPACES <= m; s += SUBSPACES) {
      v8 part = residual_lanes(width, codes, at, residual, codebooks, blocked, sub, s, SUBSPACES);
      for (int l = 0; l < SUBSPACES; l++) sum += part[l];
    }
    if (s < m) {
      v8 part = residual_lanes(width, codes, at, residual, codebooks, blocked, sub, s, m - s);
      for (size_t l = 0; l < m - s; l++) sum += part[l];
    }
    out[v] = sum;
  }
}

INLINE void residual_width(unsigned width, const cpq_codes *codes, const float *residual, const float *codebooks,
                           int blocked, size_t sub, const uint16_t *positions, size_t n, float *out) {
  if (blocked) residual_codes(width, codes, residual, codebooks, 1, sub, positions, n, out);
  else residual_codes(width, codes, residual, codebooks, 0, sub, positions, n, out);
}

static void adc_residual(const cpq_codes *codes, const float *residual, const float *codebooks, int blocked, size_t sub,
                         const uint16_t *positions, size_t n, float *out) {
  switch (cpq_code_width(codes->nbits)) {
  case 4: residual_width(4, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  case 8: residual_width(8, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  case 12: residual_width(12, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  default: residual_width(16, codes, residual, codebooks, blocked, sub, positions, n, out); return;
  }
}
