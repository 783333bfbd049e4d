/* Ids of a frame (Formats/pqx-v1.md, "Id frames"): sums of bytes, plane by plane.
 *
 * Included after simd.inc.h. The including file defines `sum_eights`: sums of eight bytes each. */

/* The `count` bytes of a frame from `at` on, fewer than 32, and zeros. */
INLINE bytes32 few_bytes(const uint8_t *frame, size_t bytes, size_t at, size_t count) {
  static const bytes32 lanes = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
  if (at + 32 <= bytes) return *(const bytes32 *)(frame + at) & (bytes32)(lanes < (uint8_t)count);
  uint8_t last[32] = {0};
  memcpy(last, frame + at, count);
  return *(const bytes32 *)last;
}

static void ids_at(const uint8_t *frame, size_t planes, size_t count, uint64_t first, uint64_t *numbers, size_t n) {
  uint64_t id = first;
  size_t next = 0; /* the first difference that is not part of `id` */
  for (size_t i = 0; i < n; i++) {
    size_t end = numbers[i] + 1;
    if (end < next) {
      id = first;
      next = 0;
    }
    u64x4 sum = 0;
    for (size_t p = 0; p < planes; p++) {
      size_t at = p * count + next, rest = end - next;
      u64x4 part = 0;
      for (; rest >= 32; rest -= 32, at += 32) part += sum_eights(*(const bytes32 *)(frame + at));
      part += sum_eights(few_bytes(frame, planes * count, at, rest));
      sum += part << (8 * p);
    }
    id += __builtin_reduce_add(sum);
    next = end;
    numbers[i] = id;
  }
}
