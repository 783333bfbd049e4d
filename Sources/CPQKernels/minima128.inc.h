/* Sums of minima of 128 parts of a table, in bytes: what strip.inc.h has in 16 bits for sets that look up fewer at once.
 *
 * A sum of 255 stands for all greater ones, so minima are scaled (cpq_bound.minima_scale) to add up to less wherever that is
 * within the threshold. A part is what the seven topmost bits of a code say; a lookup ignores the bit above them, so what a
 * shift of 16 bits brings there from the next byte does no harm. */

typedef struct {
  vb half[2];
} table128;

INLINE table128 load128(const uint8_t *p) { return (table128){{*(const vb *)p, *(const vb *)(p + 64)}}; }

INLINE void add_part(const table128 *table, vb part, vb *sum) {
  *sum = __builtin_elementwise_add_sat(*sum, look128(table->half[0], table->half[1], part));
}

INLINE void sum_byte_parts(const strip *in, vb *sum) {
  for (size_t s = 0; s < in->codes->m; s++) {
    table128 table = load128(in->bound->minima + PARTS * s);
    for (int c = 0; c < in->n; c++) add_part(&table, (vb)((vw)load_codes(in, c, s) >> 1), &sum[c]);
    /* After the loads of codes, which are waited for sooner. */
    for (int t = 0; in->loads && t < COLUMNS; t++) load_line(in->ahead + (s * COLUMNS + (size_t)t) * CPQ_TILE);
  }
}

INLINE void sum_wide_part(const strip *in, size_t s, int is_high, vb *sum) {
  table128 table = load128(in->bound->minima + PARTS * s);
  for (int c = 0; c < in->n; c++) add_part(&table, wide_part(in, c, s, is_high, 7), &sum[c]);
}

INLINE void sum_wide_parts(const strip *in, vb *sum) {
  size_t s = 0;
  for (; s + 2 <= in->codes->m; s += 2) {
    sum_wide_part(in, s, 0, sum);
    sum_wide_part(in, s + 1, 1, sum);
  }
  if (s < in->codes->m) sum_wide_part(in, s, 0, sum);
}

/* `brackets` is as of bracket_minima. */
INLINE void sum_parts(unsigned width, const strip *in, const uint8_t *brackets, vb *sum) {
  for (int c = 0; c < in->n; c++) sum[c] = (vb){0};
  if (width == IN_MINIMA) sum_byte_parts(in, sum);
  else sum_wide_parts(in, sum);
  if (!in->codes->bracket) return;
  table128 table = load128(brackets);
  for (int c = 0; c < in->n; c++)
    add_part(&table, (vb)((vw)load_codes(in, c, in->codes->planes - 1) >> 1), &sum[c]);
}

/* What brackets 2 * i and 2 * i + 1 count at least in sums of minima. */
INLINE void bracket_minima(const cpq_bound *bound, uint8_t *out) {
  enum { WORDS = LANES / 2 };
  typedef uint8_t bytes __attribute__((vector_size(WORDS), aligned(1)));
  vw scale = (vw){0} + bound->bracket_scale, down = (vw){0} + bound->minima_scale, most = (vw){0} + 255;
  for (int i = 0; i < PARTS; i += WORDS) {
    vw bracket = *(const vw *)even_lanes + (uint16_t)(2 * i), sum = mulhi16(bracket << 8, scale);
    /* Twice that may not fit: then it stands for less. */
    vw least = mulhi16(__builtin_elementwise_min(sum, (vw){0} + 0x7FFF) << 1, down);
    *(bytes *)(out + i) = __builtin_convertvector(__builtin_elementwise_min(least, most), bytes);
  }
}
