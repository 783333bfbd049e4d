/* CRC-32C by the SSE4.2 instruction: eight bytes a step, one stream. */
static uint32_t crc32c(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  uint64_t state = ~crc;
  for (; count >= 8; count -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    state = __builtin_ia32_crc32di(state, word);
  }
  for (; count; count--) state = __builtin_ia32_crc32qi((uint32_t)state, *p++);
  return ~(uint32_t)state;
}
