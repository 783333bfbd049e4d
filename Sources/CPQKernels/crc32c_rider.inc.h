/* A checksum that is taken in passing: the loop that reads the bytes for something else takes a few of them a turn, by
 * the instruction, whose unit it leaves idle. One stream: a turn of the loop lasts longer than its steps, which wait for
 * each other, and a state for each of several would take registers that the loop needs. Included after
 * crc32c_sse42.inc.h. */
typedef struct {
  const uint8_t *p; /* the next byte */
  uint64_t state;   /* of all bytes before it */
} rider;

static inline rider rider_at(uint32_t crc, const void *bytes) { return (rider){bytes, ~crc}; }

/* Takes the next 32 bytes. */
static inline __attribute__((always_inline)) void ride(rider *r) {
  for (size_t i = 0; i < 32; i += 8) r->state = step(r->state, r->p + i);
  r->p += 32;
}

/* The CRC of all bytes, up to `end`. */
static inline uint32_t arrive(const rider *r, const uint8_t *end) {
  return crc32c(~(uint32_t)r->state, r->p, (size_t)(end - r->p));
}
