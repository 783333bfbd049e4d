/* CRC-32C by carry-less multiplication of 64 bytes at once: several times as fast as the instruction, which has one
 * chain of dependent steps. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sets.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,vpclmulqdq,pclmul,sse4.2"))), \
                             apply_to = function)
#include "crc32c_sse42.inc.h"
#include "crc32c_fold.inc.h"

static inline __m512i fold(__m512i lanes, __m512i by, __m512i next) {
  __m512i low = _mm512_clmulepi64_epi128(lanes, by, 0x00), high = _mm512_clmulepi64_epi128(lanes, by, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96); /* exclusive or of three */
}

uint32_t cpq_crc32c_wide(uint32_t crc, const void *bytes, size_t count) {
  if (count < 512) return crc32c(crc, bytes, count);
  const char *p = bytes;
  __m512i sum[4];
  for (int i = 0; i < 4; i++) sum[i] = _mm512_loadu_si512(p + 64 * i);
  sum[0] = _mm512_xor_si512(sum[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
  __m512i by = _mm512_broadcast_i64x2(constants(FOLD_2048));
  for (p += 256, count -= 256; count >= 256; p += 256, count -= 256)
    for (int i = 0; i < 4; i++) sum[i] = fold(sum[i], by, _mm512_loadu_si512(p + 64 * i));
  by = _mm512_broadcast_i64x2(constants(FOLD_512));
  for (int i = 1; i < 4; i++) sum[0] = fold(sum[0], by, sum[i]);
  for (; count >= 64; p += 64, count -= 64) sum[0] = fold(sum[0], by, _mm512_loadu_si512(p));
  __m128i lane = fold128(_mm512_castsi512_si128(sum[0]), _mm512_extracti64x2_epi64(sum[0], 1));
  lane = fold128(lane, _mm512_extracti64x2_epi64(sum[0], 2));
  lane = fold128(lane, _mm512_extracti64x2_epi64(sum[0], 3));
  return finish(lane, p, count);
}
#pragma clang attribute pop
#endif
