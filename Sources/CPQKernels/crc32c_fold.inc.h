/* CRC-32C by carry-less multiplication (Gopal et al., "Fast CRC computation for generic polynomials using PCLMULQDQ",
 * 2009); included after crc32c_sse42.inc.h. The including file defines `vector`, of WIDTH bytes, FOLD_ONE and FOLD_FOUR,
 * folds by as many vectors, `load`, `widen` and `repeat` of 128 bits, `fold` and NARROW, a vector folded to 128 bits.
 *
 * Bit i of a 128-bit lane is the coefficient of x^(127-i). A fold by d bits multiplies the lane by x^d modulo the
 * polynomial: its low half, which stands for x^64 times a polynomial, by x^(d+63), and its high half by x^(d-1); the
 * missing x comes from the product of two reversed numbers. */
#define FOLD_2048 0xe9a5d8be00000000, 0x1426a81500000000
#define FOLD_1024 0x6577b24500000000, 0x7417153f00000000
#define FOLD_512 0x1c19243b00000000, 0x75bba45b00000000
#define FOLD_256 0x33ccbbbc00000000, 0xa2158b3400000000
#define FOLD_128 0x3743f7bd00000000, 0x3171d43000000000

static inline __m128i constants(uint64_t low, uint64_t high) { return _mm_set_epi64x((int64_t)high, (int64_t)low); }

static inline __m128i fold128(__m128i lane, __m128i next) {
  __m128i by = constants(FOLD_128);
  __m128i low = _mm_clmulepi64_si128(lane, by, 0x00), high = _mm_clmulepi64_si128(lane, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* The CRC of the `count` bytes that follow those that were folded into `lane`: its own, from 0, is that of all before. */
static inline uint32_t finish(__m128i lane, const void *bytes, size_t count) {
  uint64_t state = __builtin_ia32_crc32di(0, (uint64_t)_mm_extract_epi64(lane, 0));
  state = __builtin_ia32_crc32di(state, (uint64_t)_mm_extract_epi64(lane, 1));
  return crc32c(~(uint32_t)state, bytes, count);
}

/* The sums of four vectors each, the first of them with the `crc` of what was before. */
static inline void first_four(vector sum[4], uint32_t crc, const uint8_t *p) {
  for (int i = 0; i < 4; i++) sum[i] = load(p + WIDTH * i);
  sum[0] ^= widen(_mm_cvtsi32_si128((int)~crc));
}

static inline vector one_of(const vector sum[4], vector by) {
  vector one = sum[0];
  for (int i = 1; i < 4; i++) one = fold(one, by, sum[i]);
  return one;
}
