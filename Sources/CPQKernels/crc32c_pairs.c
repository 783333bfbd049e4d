/* CRC-32C by carry-less multiplication of 32 bytes at once, for machines without vectors of 64. Its loads are in order,
 * which a CPU foresees; those of three streams from memory are not. */
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

static inline vector load(const char *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline vector widen(__m128i lane) { return _mm256_zextsi128_si256(lane); }
static inline vector repeat(__m128i lane) { return _mm256_broadcastsi128_si256(lane); }
static inline vector fold(vector lanes, vector by, vector next) {
  return _mm256_clmulepi64_epi128(lanes, by, 0x00) ^ _mm256_clmulepi64_epi128(lanes, by, 0x11) ^ next;
}
#include "crc32c_fold.inc.h"

uint32_t cpq_crc32c_pairs(uint32_t crc, const void *bytes, size_t count) { return folded(crc, bytes, count); }
#pragma clang attribute pop
#endif
