/* Components of eight rows side by side, a lane a row, so that each lane follows the canonical order of its row. */
enum { TRANSPOSED = 8 };

/* Components i...i + 3 of two rows. */
INLINE v8 pair(const float *low, const float *high) {
  v4 a = *(const v4 *)low, b = *(const v4 *)high;
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
}

/* Four components of eight rows, transposed: lane k of component[c] is component i + c of row k. In this order no shuffle
 * crosses 128 bits. */
INLINE void four_components(const float *const *row, size_t i, v8 *component) {
  v8 d[4];
  for (int k = 0; k < 4; k++) d[k] = pair(row[k] + i, row[k + 4] + i);
  v8 a = __builtin_shufflevector(d[0], d[1], 0, 8, 1, 9, 4, 12, 5, 13);
  v8 b = __builtin_shufflevector(d[0], d[1], 2, 10, 3, 11, 6, 14, 7, 15);
  v8 c = __builtin_shufflevector(d[2], d[3], 0, 8, 1, 9, 4, 12, 5, 13);
  v8 e = __builtin_shufflevector(d[2], d[3], 2, 10, 3, 11, 6, 14, 7, 15);
  component[0] = __builtin_shufflevector(a, c, 0, 1, 8, 9, 4, 5, 12, 13);
  component[1] = __builtin_shufflevector(a, c, 2, 3, 10, 11, 6, 7, 14, 15);
  component[2] = __builtin_shufflevector(b, e, 0, 1, 8, 9, 4, 5, 12, 13);
  component[3] = __builtin_shufflevector(b, e, 2, 3, 10, 11, 6, 7, 14, 15);
}

/* The same of two components. */
INLINE void two_components(const float *const *row, size_t i, v8 *component) {
  double two[TRANSPOSED];
  for (int k = 0; k < TRANSPOSED; k++) memcpy(&two[k], row[k] + i, sizeof *two);
  v8 a = (v8)(d4){two[0], two[1], two[4], two[5]}, b = (v8)(d4){two[2], two[3], two[6], two[7]};
  component[0] = __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14);
  component[1] = __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
}

INLINE v8 one_component(const float *const *row, size_t i) {
  float one[TRANSPOSED];
  for (int k = 0; k < TRANSPOSED; k++) one[k] = row[k][i];
  return *(const v8 *)one;
}
