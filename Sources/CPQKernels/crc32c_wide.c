/* CRC-32C by carry-less multiplication of 64 bytes at once (Gopal et al., "Fast CRC computation for generic polynomials
 * using PCLMULQDQ", 2009): several times as fast as the instruction, which has one chain of dependent steps. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sets.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,vpclmulqdq,pclmul,sse4.2"))), \
                             apply_to = function)
#include "crc32c_sse42.inc.h"

/* Bit i of a 128-bit lane is the coefficient of x^(127-i). A fold by d bits multiplies the lane by x^d modulo the
 * polynomial: its low half, which stands for x^64 times a polynomial, by x^(d+63), and its high half by x^(d-1); the
 * missing x comes from the product of two reversed numbers. */
#define FOLD_2048 0xe9a5d8be00000000, 0x1426a81500000000
#define FOLD_512 0x1c19243b00000000, 0x75bba45b00000000
#define FOLD_128 0x3743f7bd00000000, 0x3171d43000000000

static inline __m512i fold(__m512i lanes, __m512i by, __m512i next) {
  __m512i low = _mm512_clmulepi64_epi128(lanes, by, 0x00), high = _mm512_clmulepi64_epi128(lanes, by, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96); /* exclusive or of three */
}

static inline __m512i both(uint64_t low, uint64_t high) {
  return _mm512_broadcast_i64x2(_mm_set_epi64x((int64_t)high, (int64_t)low));
}

static inline __m128i fold128(__m128i lane, __m128i next) {
  __m128i by = _mm512_castsi512_si128(both(FOLD_128));
  __m128i low = _mm_clmulepi64_si128(lane, by, 0x00), high = _mm_clmulepi64_si128(lane, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

uint32_t cpq_crc32c_wide(uint32_t crc, const void *bytes, size_t count) {
  if (count < 512) return crc32c(crc, bytes, count);
  const char *p = bytes;
  __m512i sum[4];
  for (int i = 0; i < 4; i++) sum[i] = _mm512_loadu_si512(p + 64 * i);
  sum[0] = _mm512_xor_si512(sum[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
  __m512i by = both(FOLD_2048);
  for (p += 256, count -= 256; count >= 256; p += 256, count -= 256)
    for (int i = 0; i < 4; i++) sum[i] = fold(sum[i], by, _mm512_loadu_si512(p + 64 * i));
  by = both(FOLD_512);
  for (int i = 1; i < 4; i++) sum[0] = fold(sum[0], by, sum[i]);
  for (; count >= 64; p += 64, count -= 64) sum[0] = fold(sum[0], by, _mm512_loadu_si512(p));
  __m128i lane = fold128(_mm512_castsi512_si128(sum[0]), _mm512_extracti64x2_epi64(sum[0], 1));
  lane = fold128(lane, _mm512_extracti64x2_epi64(sum[0], 2));
  lane = fold128(lane, _mm512_extracti64x2_epi64(sum[0], 3));
  /* The CRC of these 16 bytes, from 0, is that of all before. */
  uint64_t state = __builtin_ia32_crc32di(0, (uint64_t)_mm_extract_epi64(lane, 0));
  state = __builtin_ia32_crc32di(state, (uint64_t)_mm_extract_epi64(lane, 1));
  return crc32c(~(uint32_t)state, p, count);
}
#pragma clang attribute pop
#endif
