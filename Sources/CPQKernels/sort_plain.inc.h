/* Sorting of words that are all different, without a branch that depends on how they lie: those would be foreseen half the
 * time. In plain C, of which each instruction set makes its vectors. */

enum { FEW = 16 };

/* At most FEW words: the place of each is how many are less. */
static void sort_few(const uint64_t *words, size_t count, uint64_t *out) {
  uint64_t few[FEW];
  memset(few, 0xFF, sizeof few);
  memcpy(few, words, count * sizeof *few);
  for (size_t i = 0; i < count; i++) {
    uint64_t less = 0;
#pragma clang loop unroll(disable) vectorize(enable) interleave_count(4) /* vectors, instead of steps one by one */
    for (size_t j = 0; j < FEW; j++) less += few[j] < few[i];
    out[less] = few[i];
  }
}

static void merge_words(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint64_t *out) {
  size_t i = 0, j = 0;
  while (i < a_count && j < b_count) {
    uint64_t x = a[i], y = b[j];
    out[i + j] = x < y ? x : y;
    i += x < y;
    j += !(x < y);
  }
  memcpy(out + i + j, a + i, (a_count - i) * sizeof *out);
  memcpy(out + a_count + j, b + j, (b_count - j) * sizeof *out);
}

static void sort_words(uint64_t *words, size_t count, uint64_t *room) {
  int merges = 0;
  for (size_t width = FEW; width < count; width *= 2) merges++;
  uint64_t *from = merges % 2 == 0 ? words : room, *to = merges % 2 == 0 ? room : words; /* so that all end in `words` */
  for (size_t i = 0; i < count; i += FEW) sort_few(words + i, count - i < FEW ? count - i : FEW, from + i);
  for (size_t width = FEW; width < count; width *= 2) {
    for (size_t i = 0; i < count; i += 2 * width) {
      size_t left = count - i < width ? count - i : width, right = count - i - left < width ? count - i - left : width;
      merge_words(from + i, left, from + i + left, right, to + i);
    }
    uint64_t *merged = to;
    to = from;
    from = merged;
  }
}
