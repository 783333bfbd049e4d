/* CRC-32C by one table of 256 entries: the fallback and the oracle of the hardware versions. */
#include "sets.h"

static uint32_t table[256];

/* Runs before main, so no reader needs a lock. 0x82F63B78 is the Castagnoli polynomial, bits reversed. */
__attribute__((constructor)) static void fill_table(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++) c = (c >> 1) ^ (0x82F63B78u & (0u - (c & 1)));
    table[i] = c;
  }
}

uint32_t cpq_crc32c_table(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  crc = ~crc;
  while (count--) crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xFF];
  return ~crc;
}
