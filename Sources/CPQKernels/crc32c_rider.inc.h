/* A checksum that is taken in passing: the loop that reads the bytes for something else takes a few of them a turn, by
 * the instruction, whose unit it leaves idle. Included after crc32c_sse42.inc.h.
 *
 * Blocks of four streams, one after the other in memory, of WORDS words each; a turn takes a word of each. */
enum { RIDER_WORDS = 32, RIDER_STREAM = 8 * RIDER_WORDS, RIDER_BLOCK = 4 * RIDER_STREAM };

typedef struct {
  const uint8_t *p, *last; /* the block in work; it is the last one where the two are equal, and not begun */
  uint64_t before;         /* the state of all bytes before it */
  uint64_t state[4];
  size_t word;
} rider;

static inline rider rider_at(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  return (rider){.p = p, .last = p + count / RIDER_BLOCK * RIDER_BLOCK, .before = ~crc, .state = {~crc}};
}

static inline __attribute__((always_inline)) void ride(rider *r) {
  if (r->p == r->last) return;
  for (size_t s = 0; s < 4; s++) r->state[s] = step(r->state[s], r->p + RIDER_STREAM * s + 8 * r->word);
  if (++r->word < RIDER_WORDS) return;
  /* Powers as past_steps of crc32c_pairs.c has them, past three streams, two and one. */
  uint64_t product = times(r->state[0], 0xd7a4825c) ^ times(r->state[1], 0xdd7e3b0c) ^ times(r->state[2], 0xb9e02b86);
  r->before = r->state[0] = __builtin_ia32_crc32di(0, product) ^ r->state[3];
  r->state[1] = r->state[2] = r->state[3] = r->word = 0;
  r->p += RIDER_BLOCK;
}

/* The CRC of all bytes, up to `end`. */
static inline uint32_t arrive(const rider *r, const uint8_t *end) {
  return crc32c(~(uint32_t)r->before, r->p, (size_t)(end - r->p));
}
