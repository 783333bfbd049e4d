/* Squared distances of rows of bytes in integers, where the query's components are integers of the same range: with so few
 * components every f32 sum of the canonical order is an integer below 2^24, and so exact: the same bits.
 *
 * Included after simd.inc.h. The including file defines `dot2` as for assign.inc.h. */
enum { WHOLE_DIM = 258 /* 258 * 255^2 < 2^24 */, WHOLE_STEP = 32, WHOLE_ROOM = (WHOLE_DIM / WHOLE_STEP + 1) * WHOLE_STEP };
/* Fewer rows are not worth looking at the query. */
enum { WHOLE_ROWS = 4 };

typedef int16_t s32 __attribute__((ext_vector_type(WHOLE_STEP), aligned(2)));
typedef uint8_t b32 __attribute__((ext_vector_type(WHOLE_STEP), aligned(1)));

/* The query less `offset`, padded with zeros; whether all its components are whole numbers that a row can have. */
INLINE int whole_query(const float *query, size_t dim, float offset, int16_t *out) {
  if (dim > WHOLE_DIM || !(offset >= -255 && offset <= 255 && offset == (float)(int)offset)) return 0;
  int whole = 1;
  memset(out, 0, WHOLE_ROOM * sizeof *out);
  for (size_t i = 0; i < dim; i++) {
    int fits = query[i] >= offset && query[i] <= offset + 255;
    float x = fits ? query[i] : 0;
    whole &= fits & (x == (float)(int)x); /* of the query itself: a small fraction is lost in a difference */
    out[i] = (int16_t)((int)x - (int)offset);
  }
  return whole;
}

INLINE i16 add_squares(i16 sum, const int16_t *query, const uint8_t *row) {
  i16 d = (i16)(*(const s32 *)query - __builtin_convertvector(*(const b32 *)row, s32));
  return dot2(sum, d, d);
}

INLINE float whole_row(const int16_t *query, size_t dim, const uint8_t *row) {
  i16 sum = 0;
  size_t i = 0;
  for (; i + WHOLE_STEP <= dim; i += WHOLE_STEP) sum = add_squares(sum, query + i, row + i);
  if (i < dim) { /* copied out, so that no load passes the last row's last byte */
    uint8_t rest[WHOLE_STEP] = {0};
    memcpy(rest, row + i, dim - i);
    sum = add_squares(sum, query + i, rest);
  }
  return (float)__builtin_reduce_add(sum);
}

static void l2_rows_whole(cpq_row_type type, const float *query, size_t dim, const void *rows, size_t count,
                          float offset, float *out) {
  int16_t whole[WHOLE_ROOM];
  if (type != CPQ_ROW_U8 || count < WHOLE_ROWS || !whole_query(query, dim, offset, whole)) {
    l2_rows(type, query, dim, rows, count, offset, out);
    return;
  }
  for (size_t r = 0; r < count; r++) out[r] = whole_row(whole, dim, (const uint8_t *)rows + r * dim);
}

static void rows_at_whole(int squared, cpq_row_type type, const float *query, size_t dim, const void *rows,
                          const uint64_t *offsets, size_t count, float offset, float *out) {
  int16_t whole[WHOLE_ROOM];
  if (!squared || type != CPQ_ROW_U8 || count < WHOLE_ROWS || !whole_query(query, dim, offset, whole)) {
    rows_at(squared, type, query, dim, rows, offsets, count, offset, out);
    return;
  }
  const char *base = rows;
  for (size_t i = 0; i < count && i < ROWS_AHEAD; i++) fetch_row(base + offsets[i], dim);
  for (size_t i = 0; i < count; i++) {
    if (i + ROWS_AHEAD < count) fetch_row(base + offsets[i + ROWS_AHEAD], dim);
    out[i] = whole_row(whole, dim, (const uint8_t *)base + offsets[i]);
  }
}
