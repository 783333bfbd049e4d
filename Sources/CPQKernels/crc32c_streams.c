/* CRC-32C by the SSE4.2 instruction, for machines without carry-less multiplication of wide vectors. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sets.h"

#pragma clang attribute push(__attribute__((target("sse4.2,pclmul"))), apply_to = function)
#include "crc32c_sse42.inc.h"

uint32_t cpq_crc32c_streams(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  uint64_t state = ~crc;
  for (; count >= 3072; count -= 3072, p += 3072) state = streams(state, p, 1024, 0xa51b6135, 0x170076fa);
  return crc32c(~(uint32_t)state, p, count);
}
#pragma clang attribute pop
#endif
