/* Canonical ADC distances of single vectors whose codes are residual (Formats/pqx-v1.md, "Distances"), in the vectors of
 * simd.inc.h: eight subspaces of a vector side by side, a lane each, so that every lane follows the canonical order; their
 * lanes are added up one after the other.
 *
 * Included after transpose.inc.h. */
enum { SUBSPACES = TRANSPOSED };

/* Where codewords of the vector at `at` stand: of `lanes` subspaces from `first` on, the last of which stands in for those
 * past the end. `books` are their codebooks. */
INLINE void words_at(unsigned width, unsigned nbits, const cpq_codes *codes, cpq_place at, size_t first, size_t lanes,
                     const float *books, int blocked, size_t sub, const float **word) {
  size_t book = cpq_book_floats(nbits, blocked, sub);
  const uint8_t *plane = at.tile + first * at.lanes + at.lane;
  for (size_t l = 0; l < SUBSPACES; l++) {
    size_t s = l < lanes ? l : lanes - 1;
    uint32_t code = width == 8 ? plane[s * at.lanes] : cpq_code(width, codes->m, at.tile, at.lanes, at.lane, first + s);
    word[l] = books + s * book + cpq_codeword(cpq_bounded(code, nbits), blocked, sub);
  }
}

INLINE v8 add_differences(v8 chain, int n, const v8 *x, const v8 *y) {
  for (int c = 0; c < n; c++) chain = __builtin_elementwise_fma(x[c] - y[c], x[c] - y[c], chain);
  return chain;
}

/* Adds `lanes` subspaces from `first` on to the sums of `n` vectors. The first components of the residual, at most AHEAD in
 * fours, are transposed once for all of them. */
INLINE void add_subspaces(unsigned width, unsigned nbits, const cpq_codes *codes, const float *residual,
                          const float *codebooks, int blocked, size_t sub, size_t first, size_t lanes,
                          const uint16_t *positions, size_t n, float *sums) {
  enum { AHEAD = 16 };
  size_t step = blocked ? CPQ_LANES : 1;
  const float *x[SUBSPACES], *books = codebooks + first * cpq_book_floats(nbits, blocked, sub);
  for (size_t l = 0; l < SUBSPACES; l++) x[l] = residual + (first + (l < lanes ? l : lanes - 1)) * sub;
  v8 ahead[AHEAD];
  size_t fours = sub / 4 * 4, known = fours < AHEAD ? fours : AHEAD;
  for (size_t i = 0; i < known; i += 4) four_components(x, i, ahead + i);
  for (size_t v = 0; v < n; v++) {
    cpq_place at = cpq_place_of(codes, positions[v]);
    const float *word[SUBSPACES];
    words_at(width, nbits, codes, at, first, lanes, books, blocked, sub, word);
    v8 chain = {0}, c[4], d[4];
    size_t i = 0;
    if (!blocked) {
#pragma clang loop unroll_count(4)
      for (; i < known; i += 4) {
        four_components(word, i, c);
        chain = add_differences(chain, 4, ahead + i, c);
      }
      for (; i < fours; i += 4) {
        four_components(x, i, d);
        four_components(word, i, c);
        chain = add_differences(chain, 4, d, c);
      }
      if (i + 2 <= sub) {
        two_components(x, i, d);
        two_components(word, i, c);
        chain = add_differences(chain, 2, d, c);
        i += 2;
      }
    }
    for (; i < sub; i++) {
      c[0] = one_component(word, i * step);
      d[0] = one_component(x, i);
      chain = add_differences(chain, 1, d, c);
    }
    for (size_t l = 0; l < lanes; l++) sums[v] += chain[l];
  }
}

/* Inlined with constants `width` and `blocked`. */
INLINE void residual_codes(unsigned width, unsigned nbits, const cpq_codes *codes, const float *residual,
                           const float *codebooks, int blocked, size_t sub, const uint16_t *positions, size_t n,
                           float *out) {
  memset(out, 0, n * sizeof *out);
  size_t s = 0;
  for (; s + SUBSPACES <= codes->m; s += SUBSPACES)
    add_subspaces(width, nbits, codes, residual, codebooks, blocked, sub, s, SUBSPACES, positions, n, out);
  if (s < codes->m)
    add_subspaces(width, nbits, codes, residual, codebooks, blocked, sub, s, codes->m - s, positions, n, out);
}

INLINE void residual_width(unsigned width, unsigned nbits, const cpq_codes *codes, const float *residual,
                           const float *codebooks, int blocked, size_t sub, const uint16_t *positions, size_t n,
                           float *out) {
  if (blocked) residual_codes(width, nbits, codes, residual, codebooks, 1, sub, positions, n, out);
  else residual_codes(width, nbits, codes, residual, codebooks, 0, sub, positions, n, out);
}

/* The same for the usual numbers of bits, with constant ones, and a constant number of components where that is a usual one. */
INLINE void residual_usual(unsigned nbits, const cpq_codes *codes, const float *residual, const float *codebooks,
                           int blocked, size_t sub, const uint16_t *positions, size_t n, float *out) {
  switch (blocked ? 0 : sub) {
  case 2: residual_codes(nbits, nbits, codes, residual, codebooks, 0, 2, positions, n, out); return;
  case 4: residual_codes(nbits, nbits, codes, residual, codebooks, 0, 4, positions, n, out); return;
  case 8: residual_codes(nbits, nbits, codes, residual, codebooks, 0, 8, positions, n, out); return;
  case 16: residual_codes(nbits, nbits, codes, residual, codebooks, 0, 16, positions, n, out); return;
  default: residual_width(nbits, nbits, codes, residual, codebooks, blocked, sub, positions, n, out);
  }
}

static void adc_residual(const cpq_codes *codes, const float *residual, const float *codebooks, int blocked, size_t sub,
                         const uint16_t *positions, size_t n, float *out) {
  unsigned nbits = codes->nbits, width = cpq_code_width(nbits);
  if (nbits == 4) residual_usual(4, codes, residual, codebooks, blocked, sub, positions, n, out);
  else if (nbits == 8) residual_usual(8, codes, residual, codebooks, blocked, sub, positions, n, out);
  else if (width == 12) residual_width(12, nbits, codes, residual, codebooks, blocked, sub, positions, n, out);
  else if (width == 16) residual_width(16, nbits, codes, residual, codebooks, blocked, sub, positions, n, out);
  else residual_width(width, nbits, codes, residual, codebooks, blocked, sub, positions, n, out);
}
