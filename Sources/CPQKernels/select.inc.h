/* Choosing among many values, in the vectors of simd.inc.h: limits that few values do not exceed, and which ones they are.
 * A pass over all values costs less than a branch for each. */

/* Bit i is set where lane i of 16 is: of what a comparison gives. */
typedef _Bool bits16 __attribute__((ext_vector_type(16)));
#define LANE_MASK(lanes) bits_of(__builtin_convertvector(lanes, bits16))
INLINE unsigned bits_of(bits16 bits) {
  uint16_t mask;
  memcpy(&mask, &bits, sizeof mask);
  return mask;
}

/* Of a mask of 64 lanes few are set, but how many is not foreseen, and a wrong guess costs more than all of them: so TAKEN are
 * taken at least, unless there are fewer lanes: what does not count is written over, or lies behind what is found. */
enum { TAKEN = 4 };
INLINE size_t taken(size_t hits, size_t lanes) {
  size_t least = lanes < TAKEN ? lanes : TAKEN;
  return hits > least ? hits : least;
}

/* The lowest lane that is set, and clears it; 63 where there is none. */
INLINE unsigned take_lowest(uint64_t *bits) {
  unsigned lane = (unsigned)__builtin_ctzll(*bits | 1ull << 63);
  __asm__("" : "+r"(lane)); /* so that none are found together, in a vector: that takes longer */
  *bits &= *bits - 1;
  return lane;
}

static size_t group_minima(const float *values, size_t count, size_t depth, float *out) {
  size_t groups = 0;
  for (size_t i = 0; i < count; groups += CPQ_LANES) {
    v16 low = splat(INFINITY);
    for (size_t d = 0; d < depth && i < count; d++, i += CPQ_LANES) {
      float rest[CPQ_LANES];
      v16 v;
      if (i + CPQ_LANES <= count) v = load(values + i);
      else {
        for (size_t j = 0; j < CPQ_LANES; j++) rest[j] = i + j < count ? values[i + j] : INFINITY;
        v = load(rest);
      }
      low = LESSER(v, low);
    }
    memcpy(out + groups, &low, sizeof low);
  }
  return groups;
}

static size_t floats_within(const float *values, size_t count, float low, float high, uint32_t *out) {
  size_t found = 0, i = 0;
  for (; i + 64 <= count; i += 64) {
    uint64_t bits = 0;
    for (size_t j = 0; j < 64; j += CPQ_LANES) {
      v16 v = load(values + i + j);
      bits |= (uint64_t)LANE_MASK((v >= splat(low)) & (v <= splat(high))) << j;
    }
    size_t hits = (size_t)__builtin_popcountll(bits);
    for (size_t j = 0; j < taken(hits, 64); j++) out[found + j] = (uint32_t)i + take_lowest(&bits);
    found += hits;
  }
  for (; i < count; i++) {
    out[found] = (uint32_t)i;
    found += (values[i] >= low) & (values[i] <= high);
  }
  return found;
}

/* Floats in an order of signed integers: negative ones have their magnitude bits flipped. */
INLINE i16 ordered16(v16 v) {
  i16 bits = (i16)v;
  return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}

/* The search for the k-th smallest of values in low...high, of which `below` are less than low and `upto` at most high. */
typedef struct {
  int64_t low, high;
  size_t below, upto;
  int round;
} interval;

/* Where to divide it: where the k-th would be if they were spread evenly, but every third time in the middle, so that it is
 * halved at least so often. */
INLINE int64_t division(interval *in, size_t k) {
  int64_t width = in->high - in->low;
  if (++in->round % 3 == 0) return in->low + width / 2;
  int64_t step = (int64_t)((double)width * ((double)(k - in->below) / (double)(in->upto - in->below)));
  return in->low + (step < width ? step : width - 1);
}

INLINE void divide(interval *in, int64_t at, size_t found, size_t k) {
  if (found > k) in->high = at, in->upto = found;
  else in->low = at + 1, in->below = found;
}

INLINE float float_of(int32_t ordered) {
  int32_t bits = ordered ^ ((ordered >> 31) & 0x7FFFFFFF);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Of few values, in `n` vectors, each is compared with all: there are no rounds of a search, each of which waits for the last. */
enum { FEW_VECTORS = 4 };
INLINE float kth_of_few(const float *values, size_t count, size_t k, int n) {
  int32_t ordered[FEW_VECTORS * CPQ_LANES] __attribute__((aligned(64)));
  i16 value[FEW_VECTORS], upto[FEW_VECTORS], kth = (i16)INT32_MAX;
  float rest[CPQ_LANES] __attribute__((aligned(64)));
  *(i16 *)rest = (i16)INT32_MAX;
  size_t last = (size_t)(n - 1) * CPQ_LANES;
  memcpy(rest, values + last, (count - last) * sizeof *values);
  for (int v = 0; v < n; v++) {
    value[v] = ordered16(load(v == n - 1 ? rest : values + v * CPQ_LANES)), upto[v] = 0;
    *(i16 *)(ordered + v * CPQ_LANES) = value[v];
  }
  for (size_t i = 0; i < count; i++)
    for (int v = 0; v < n; v++) upto[v] -= (i16)ordered[i] <= value[v];
  for (int v = 0; v < n; v++) kth = __builtin_elementwise_min(kth, PICK(upto[v] >= (i16)(int32_t)k, value[v], (i16)INT32_MAX));
  return float_of(__builtin_reduce_min(kth));
}

static float float_kth(const float *values, size_t count, size_t k) {
  enum { ROOM = 512 }; /* of so many the order is found once */
  switch ((count + CPQ_LANES - 1) / CPQ_LANES) {
  case 1: return kth_of_few(values, count, k, 1);
  case 2: return kth_of_few(values, count, k, 2);
  case 3: return kth_of_few(values, count, k, 3);
  case FEW_VECTORS: return kth_of_few(values, count, k, FEW_VECTORS);
  default: break;
  }
  int32_t room[ROOM] __attribute__((aligned(64)));
  size_t whole = count / CPQ_LANES * CPQ_LANES, known = whole < ROOM ? whole : ROOM;
  i16 rest = (i16)INT32_MAX, fewest, most;
  for (size_t i = whole; i < count; i++) rest[i - whole] = ordered16(splat(values[i]))[0];
  fewest = rest, most = PICK(rest == INT32_MAX, (i16)INT32_MIN, rest);
  for (size_t i = 0; i < whole; i += CPQ_LANES) {
    i16 v = ordered16(load(values + i));
    if (i < known) *(i16 *)(room + i) = v;
    fewest = __builtin_elementwise_min(v, fewest);
    most = __builtin_elementwise_max(v, most);
  }
  interval in = {__builtin_reduce_min(fewest), __builtin_reduce_max(most), 0, count, 0};
  while (in.low < in.high) {
    int64_t middle = division(&in, k);
    i16 limit = (i16)(int32_t)middle, hits = -(rest <= limit);
    for (size_t i = 0; i < known; i += CPQ_LANES) hits -= *(const i16 *)(room + i) <= limit;
    for (size_t i = known; i < whole; i += CPQ_LANES) hits -= ordered16(load(values + i)) <= limit;
    size_t found = (size_t)__builtin_reduce_add(hits);
    if (found == k) { /* the largest of them is it: mostly long before the interval is one value */
      i16 most_below = PICK(rest <= limit, rest, (i16)INT32_MIN);
      for (size_t i = 0; i < whole; i += CPQ_LANES) {
        i16 v = ordered16(load(values + i));
        v = PICK(v <= limit, v, (i16)INT32_MIN);
        most_below = __builtin_elementwise_max(v, most_below);
      }
      in.low = __builtin_reduce_max(most_below);
      break;
    }
    divide(&in, middle, found, k);
  }
  return float_of((int32_t)in.low);
}

typedef uint16_t sums32 __attribute__((ext_vector_type(32), aligned(2)));

static size_t sum_minima(const uint16_t *sums, size_t count, uint16_t *out) {
  for (size_t i = 0; i < count; i += CPQ_SUM_GROUPS, out += 32) {
    sums32 least = *(const sums32 *)(sums + i);
    for (size_t j = 32; j < CPQ_SUM_GROUPS; j += 32) least = __builtin_elementwise_min(*(const sums32 *)(sums + i + j), least);
    *(sums32 *)out = least;
  }
  return count / (CPQ_SUM_GROUPS / 32);
}

static uint16_t sum_limit(const uint16_t *sums, size_t count, size_t k) {
  typedef int16_t m32 __attribute__((ext_vector_type(32)));
  typedef int32_t w32 __attribute__((ext_vector_type(32)));
  sums32 fewest = (sums32)UINT16_MAX, most = 0;
  size_t whole = count / 32 * 32;
  for (size_t i = 0; i < whole; i += 32) {
    fewest = __builtin_elementwise_min(*(const sums32 *)(sums + i), fewest);
    most = __builtin_elementwise_max(*(const sums32 *)(sums + i), most);
  }
  interval in = {__builtin_reduce_min(fewest), __builtin_reduce_max(most), 0, count, 0};
  for (size_t i = whole; i < count; i++) {
    in.low = sums[i] < in.low ? sums[i] : in.low;
    in.high = sums[i] > in.high ? sums[i] : in.high;
  }
  while (in.low < in.high) {
    int64_t middle = division(&in, k);
    m32 hits = 0; /* at most 2048 a lane: a frame has no more than 65,536 vectors */
    for (size_t i = 0; i < whole; i += 32) hits -= *(const sums32 *)(sums + i) <= (sums32)(uint16_t)middle;
    size_t found = (size_t)__builtin_reduce_add(__builtin_convertvector(hits, w32));
    for (size_t i = whole; i < count; i++) found += sums[i] <= middle;
    if (found == k) { /* the largest of them is it */
      sums32 below = 0;
      uint16_t largest = 0;
      for (size_t i = 0; i < whole; i += 32) {
        sums32 v = *(const sums32 *)(sums + i);
        v = PICK(v <= (sums32)(uint16_t)middle, v, (sums32)0);
        below = __builtin_elementwise_max(v, below);
      }
      for (size_t i = whole; i < count; i++) largest = sums[i] <= middle && sums[i] > largest ? sums[i] : largest;
      uint16_t vector = __builtin_reduce_max(below);
      return vector > largest ? vector : largest;
    }
    divide(&in, middle, found, k);
  }
  return (uint16_t)in.low;
}

static size_t sums_within(const uint16_t *sums, const uint16_t *positions, size_t count, uint16_t low, uint16_t high,
                          uint16_t *sums_out, uint16_t *positions_out) {
  uint16_t width = (uint16_t)(high - low);
  size_t found = 0, i = 0;
  for (; i + CPQ_LANES <= count; i += CPQ_LANES)
    for (unsigned bits = LANE_MASK(*(const u16x16 *)(sums + i) - low <= (u16x16)width); bits; bits &= bits - 1) {
      size_t at = i + (unsigned)__builtin_ctz(bits);
      positions_out[found] = positions[at];
      sums_out[found++] = sums[at];
    }
  for (; i < count; i++) {
    uint16_t sum = sums[i];
    positions_out[found] = positions[i];
    sums_out[found] = sum;
    found += (uint16_t)(sum - low) <= width;
  }
  return found;
}

/* Only the largest exponent carries into the sign. */
static int are_finite(const uint32_t *bits, size_t count) {
  typedef uint32_t w32 __attribute__((vector_size(128), aligned(4)));
  w32 carries = {0};
  size_t i = 0;
  for (; i + 32 <= count; i += 32) carries |= (*(const w32 *)(bits + i) & 0x7F800000) + 0x800000;
  uint32_t any = __builtin_reduce_or(carries);
  for (; i < count; i++) any |= (bits[i] & 0x7F800000) + 0x800000;
  return any >> 31 == 0;
}
