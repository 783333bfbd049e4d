/* CRC-32C by the SSE4.2 instruction in three streams at once, since one would wait for itself: a step takes three cycles,
 * and one can begin each cycle. */
static inline uint64_t step(uint64_t state, const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, 8);
  return __builtin_ia32_crc32di(state, word);
}

/* What follows a stream multiplies its state by a power of x modulo the polynomial, one that is x^33 too low, for it is
 * reduced by one more step, which multiplies by x^33. Bit 31 - i of a power is the coefficient of x^i. */
static inline uint64_t times(uint64_t state, uint32_t power) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)state), _mm_cvtsi32_si128((int)power), 0);
  return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Three streams of `length` bytes, one after the other in memory. `far` and `near` are x^(16 length - 33) and
 * x^(8 length - 33). */
static inline uint64_t streams(uint64_t state, const uint8_t *p, size_t length, uint32_t far, uint32_t near) {
  uint64_t second = 0, third = 0;
  for (size_t i = 0; i < length; i += 8) {
    state = step(state, p + i);
    second = step(second, p + length + i);
    third = step(third, p + 2 * length + i);
  }
  return __builtin_ia32_crc32di(0, times(state, far) ^ times(second, near)) ^ third;
}

/* x^(64 (i + 1) - 33) modulo the polynomial. */
static const uint32_t powers[32] = {
    0x00000001, 0x493c7d27, 0xf20c0dfe, 0xba4fc28e, 0x3da6d0cb, 0xddc0152b, 0x1c291d04, 0x9e4addf8,
    0x740eef02, 0x39d3b296, 0x083a6eec, 0x0715ce53, 0xc49f4f67, 0x47db8317, 0x2ad91c30, 0x0d3b6092,
    0x6992cea2, 0xc96cfdc0, 0x7e908048, 0x878a92a7, 0x1b3d8f29, 0xdaece73e, 0xf1d0f55e, 0xab7aff2a,
    0xa87ab8a8, 0x2162d385, 0x8462d800, 0x83348832, 0x71d111a8, 0x299847d5, 0xffd852c6, 0xb9e02b86};

static uint32_t crc32c(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  uint64_t state = ~crc;
  while (count >= 48) {
    size_t words = count / 24 < 16 ? count / 24 : 16;
    state = streams(state, p, 8 * words, powers[2 * words - 1], powers[words - 1]);
    p += 24 * words, count -= 24 * words;
  }
  for (; count >= 8; count -= 8, p += 8) state = step(state, p);
  if (count & 4) {
    uint32_t half;
    memcpy(&half, p, 4);
    state = __builtin_ia32_crc32si((uint32_t)state, half), p += 4;
  }
  for (count &= 3; count; count--) state = __builtin_ia32_crc32qi((uint32_t)state, *p++);
  return ~(uint32_t)state;
}
