/* CRC-32C for machines without vectors of 64 bytes: by carry-less multiplication of 32 bytes at once and, at the same time,
 * by the SSE4.2 instruction, for which the CPU has units of its own. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sets.h"

#pragma clang attribute push(__attribute__((target("avx2,vpclmulqdq,pclmul,sse4.2"))), apply_to = function)
#include "crc32c_sse42.inc.h"

typedef __m256i vector;
enum { WIDTH = 32 };
#define FOLD_ONE FOLD_256
#define FOLD_FOUR FOLD_1024
#define NARROW(v) fold128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1))

static inline vector load(const void *p) { return _mm256_loadu_si256(p); }
static inline vector widen(__m128i lane) { return _mm256_zextsi128_si256(lane); }
static inline vector repeat(__m128i lane) { return _mm256_broadcastsi128_si256(lane); }
static inline vector fold(vector lanes, vector by, vector next) {
  return _mm256_clmulepi64_epi128(lanes, by, 0x00) ^ _mm256_clmulepi64_epi128(lanes, by, 0x11) ^ next;
}
#include "crc32c_fold.inc.h"

/* A block: bytes that are folded, then three streams. The CPU foresees loads of one stream only, so that the next
 * block's lines are asked for, four a step. */
enum { FOLDED = 4096, STREAM = 1024, BLOCK = FOLDED + 3 * STREAM, STEP = 4 * WIDTH, WORDS = 4 };
static const uint32_t past_streams[3] = {0x359674f7, 0xa51b6135, 0x170076fa}; /* x^(8 STREAM (3 - i) - 33) */

static inline void step_three(uint64_t state[3], const uint8_t *p) {
#pragma clang loop unroll(full)
  for (size_t word = 0; word < WORDS; word++)
    for (size_t s = 0; s < 3; s++) state[s] = step(state[s], p + s * STREAM + 8 * word);
}

static inline uint32_t block(uint32_t crc, const uint8_t *p, const uint8_t *end) {
  const uint8_t *next = p + BLOCK, *last = p + FOLDED - STEP, *three = p + FOLDED;
  uint64_t state[3] = {0, 0, 0};
  vector sum[4], by = repeat(constants(FOLD_FOUR));
  first_four(sum, crc, p);
  for (; p < last; three += 8 * WORDS) {
    p += STEP;
    next_four(sum, by, p);
    step_three(state, three);
    if (next < end)
      for (int line = 0; line < 4; line++, next += 64) _mm_prefetch((const char *)next, _MM_HINT_T0);
  }
  step_three(state, three);
  uint32_t before = ~finish(NARROW(one_of(sum, repeat(constants(FOLD_ONE)))), p, 0);
  uint64_t product = times(before, past_streams[0]) ^ times(state[0], past_streams[1]) ^ times(state[1], past_streams[2]);
  return ~(uint32_t)(__builtin_ia32_crc32di(0, product) ^ state[2]);
}

uint32_t cpq_crc32c_pairs(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes, *end = p + count;
  for (; end - p >= BLOCK; p += BLOCK) crc = block(crc, p, end);
  return folded(crc, p, (size_t)(end - p));
}
#pragma clang attribute pop
#endif
