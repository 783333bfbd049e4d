/* CRC-32C by the SSE4.2 instruction in three streams at once, since one would wait for itself: a step takes three cycles,
 * and one can begin each cycle. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sets.h"

#pragma clang attribute push(__attribute__((target("sse4.2,pclmul"))), apply_to = function)
#include "crc32c_sse42.inc.h"

static inline uint64_t step(uint64_t state, const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, 8);
  return __builtin_ia32_crc32di(state, word);
}

/* The product of a state and x^n modulo the polynomial, to be reduced by one more step, which multiplies by x^33. */
static inline uint64_t times(uint64_t state, uint32_t power) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)state), _mm_cvtsi32_si128((int)power), 0);
  return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Three streams of `length` bytes, one after the other in memory. `far` and `near` are x^(16 length - 33) and
 * x^(8 length - 33) modulo the polynomial, bit 31 - i for x^i: what the bytes after a stream multiply its state by. */
static inline uint64_t streams(uint64_t state, const uint8_t *p, size_t length, uint32_t far, uint32_t near) {
  uint64_t second = 0, third = 0;
  for (size_t i = 0; i < length; i += 8) {
    state = step(state, p + i);
    second = step(second, p + length + i);
    third = step(third, p + 2 * length + i);
  }
  return __builtin_ia32_crc32di(0, times(state, far) ^ times(second, near)) ^ third;
}

uint32_t cpq_crc32c_streams(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  uint64_t state = ~crc;
  for (; count >= 3072; count -= 3072, p += 3072) state = streams(state, p, 1024, 0xa51b6135, 0x170076fa);
  for (; count >= 384; count -= 384, p += 384) state = streams(state, p, 128, 0xb9e02b86, 0x0d3b6092);
  return crc32c(~(uint32_t)state, p, count);
}
#pragma clang attribute pop
#endif
