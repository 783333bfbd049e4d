/* CRC-32C by carry-less multiplication of 64 bytes at once: several times as fast as the instruction, which has one
 * chain of dependent steps. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sets.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,vpclmulqdq,pclmul,sse4.2"))), \
                             apply_to = function)
#include "crc32c_sse42.inc.h"

typedef __m512i vector;
enum { WIDTH = 64 };
#define FOLD_ONE FOLD_512
#define FOLD_FOUR FOLD_2048
#define NARROW(v)                                                                                            \
  fold128(fold128(fold128(_mm512_castsi512_si128(v), _mm512_extracti64x2_epi64(v, 1)), _mm512_extracti64x2_epi64(v, 2)), \
          _mm512_extracti64x2_epi64(v, 3))

static inline vector load(const void *p) { return _mm512_loadu_si512(p); }
static inline vector widen(__m128i lane) { return _mm512_zextsi128_si512(lane); }
static inline vector repeat(__m128i lane) { return _mm512_broadcast_i64x2(lane); }
static inline vector fold(vector lanes, vector by, vector next) { /* exclusive or of three */
  vector low = _mm512_clmulepi64_epi128(lanes, by, 0x00), high = _mm512_clmulepi64_epi128(lanes, by, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96);
}
#include "crc32c_fold.inc.h"

uint32_t cpq_crc32c_wide(uint32_t crc, const void *bytes, size_t count) {
  if (count < 8 * WIDTH) return crc32c(crc, bytes, count);
  const uint8_t *p = bytes;
  vector sum[4], by = repeat(constants(FOLD_FOUR));
  first_four(sum, crc, p);
  for (p += 4 * WIDTH, count -= 4 * WIDTH; count >= 4 * WIDTH; p += 4 * WIDTH, count -= 4 * WIDTH)
    for (int i = 0; i < 4; i++) sum[i] = fold(sum[i], by, load(p + WIDTH * i));
  by = repeat(constants(FOLD_ONE));
  vector one = one_of(sum, by);
  for (; count >= WIDTH; p += WIDTH, count -= WIDTH) one = fold(one, by, load(p));
  return finish(NARROW(one), p, count);
}
#pragma clang attribute pop
#endif
