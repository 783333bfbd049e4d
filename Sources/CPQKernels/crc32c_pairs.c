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

/* A block: bytes that are folded, STEP at a time, a vector into each of four sums, then three streams, of a word for each
 * of those vectors. The CPU foresees loads of one stream only, so that the lines of the next block are asked for:
 * blocks are short enough that a search has the first one of a frame fetched already. */
enum { WORDS = 4, STEP = WORDS * WIDTH, STREAM = 8 * WORDS, BLOCK = STEP + 3 * STREAM, MOST = 16 };

/* x^(8 STREAM (i + 1) - 33) modulo the polynomial. */
static const uint32_t past_steps[3 * MOST] = {
    0xba4fc28e, 0x9e4addf8, 0x0715ce53, 0x0d3b6092, 0x878a92a7, 0xab7aff2a, 0x83348832, 0xb9e02b86,
    0xb6dd949b, 0xbac2fd7b, 0xce7f39f4, 0xd270f1a2, 0x2b3cac5d, 0x1b03397f, 0xb3e32c28, 0xdd7e3b0c,
    0x10746f3c, 0x271d9844, 0x93a5f730, 0x6b749fb2, 0xcec3662e, 0xe6fc4e6a, 0xb0cd4768, 0xd7a4825c,
    0x0167d312, 0x26f6a60a, 0x98d8d9cb, 0x68bce87a, 0x6956fc3b, 0x3771e98f, 0x2178513a, 0x170076fa,
    0x6f345e45, 0xff0dba97, 0xf872e54c, 0x86d8e4d2, 0x5bb8f1bc, 0xb3af077a, 0xca6ef3ac, 0xdd66cbbb,
    0xe9e28eb4, 0xc9c8b782, 0x93e106a4, 0xd813b325, 0x2342001e, 0x6d9a4957, 0xd2c3ed1a, 0x9ef68d35};

/* A block of `steps`, at most MOST. Folds and streams take turns, or they would wait for each other. */
static inline uint32_t block(uint32_t crc, const uint8_t *p, size_t steps, const uint8_t *end) {
  const uint8_t *part = p + STEP * steps, *last = part - STEP, *next = p + BLOCK * steps;
  size_t length = STREAM * steps, lines = next < end ? 64 * WORDS : 0; /* the last block has no next one */
  uint64_t state[3] = {0, 0, 0};
  vector sum[4], by = repeat(constants(FOLD_FOUR));
  first_four(sum, crc, p);
  for (; p < last; part += STREAM, next += lines) {
    p += STEP;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < WORDS; i++) {
      sum[i] = fold(sum[i], by, load(p + WIDTH * i));
      for (size_t s = 0; s < 3; s++) state[s] = step(state[s], part + s * length + 8 * i);
      _mm_prefetch((const char *)next + 64 * i, _MM_HINT_T0);
    }
  }
  for (size_t i = 0; i < WORDS; i++)
    for (size_t s = 0; s < 3; s++) state[s] = step(state[s], part + s * length + 8 * i);
  uint32_t before = ~finish(NARROW(one_of(sum, repeat(constants(FOLD_ONE)))), p, 0);
  uint64_t product = times(before, past_steps[3 * steps - 1]) ^ times(state[0], past_steps[2 * steps - 1]) ^
                     times(state[1], past_steps[steps - 1]);
  return ~(uint32_t)(__builtin_ia32_crc32di(0, product) ^ state[2]);
}

uint32_t cpq_crc32c_pairs(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes, *end = p + count;
  while ((size_t)(end - p) >= 2 * BLOCK) {
    size_t steps = (size_t)(end - p) / BLOCK < MOST ? (size_t)(end - p) / BLOCK : MOST;
    crc = block(crc, p, steps, end);
    p += BLOCK * steps;
  }
  return crc32c(crc, p, (size_t)(end - p));
}
#pragma clang attribute pop
#endif
