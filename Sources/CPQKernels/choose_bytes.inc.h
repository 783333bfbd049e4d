/* Components of lists and queries in bytes, four a word, for choose.inc.h: half the memory of 16 bits, and half the time, but
 * moved so far that each vector's rounding is measured. The including file defines `dot4(sum, x, y)`, in each 32-bit lane
 * sum + x₀y₀ + ... + x₃y₃ of bytes without and with a sign.
 *
 * Queries are kept plus 128, without a sign, and `half` of a centroid makes up for it. Those that are moved by more than
 * MOST_MOVED, as all are of tens of thousands of components, have no scores: too many lists would be left in question. */
enum { MOST_COMPONENT = 127, MOST_MOVED = 64 };
#define list_dot dot4
typedef uint8_t bytes8 __attribute__((ext_vector_type(8), aligned(1)));

/* The length of what rounding took of a vector, of components of up to MOST_COMPONENT + MOST_MOVED that f32 has subtracted and
 * scaled, from its square, which may be a chain of 65,536 terms. */
INLINE float moved_by(float square, size_t dim) {
  return __builtin_sqrtf(square) * 1.002f + __builtin_sqrtf((float)dim) * 0x1p-14f;
}

INLINE v16 list_component(const rounded_lists *lists, const float *block, size_t i, i16 real) {
  /* An unused lane may be anywhere. */
  return PICK(real, (load(block + i * CPQ_LANES) - splat(lists->mean[i])) * lists->scale, splat(0));
}

/* Brings all centroids, less the mean, within MOST_COMPONENT, and vectors up to `reach` long if no component is more than three
 * times what all would be were they equal. What is beyond is moved farther. */
static float list_scale(rounded_lists *lists, const float *blocks, size_t count, size_t dim, float reach) {
  v16 most = splat(3 * reach / __builtin_sqrtf((float)dim));
  lists->scale = 1;
  for (size_t j = 0; j < count; j += CPQ_LANES)
    for (size_t i = 0; i < dim; i++)
      most = GREATER(__builtin_elementwise_abs(list_component(lists, blocks + j * dim, i, used_lanes(j, count))), most);
  return (MOST_COMPONENT - 0x1p-8f) / greatest(most);
}

static void fill_lists(rounded_lists *lists, const float *blocks, size_t count, size_t dim, float reach) {
  lists->scale = list_scale(lists, blocks, count, dim, reach);
  v16 farthest = splat(0);
  for (size_t j = 0; j < count; j += CPQ_LANES) {
    i16 real = used_lanes(j, count), norm = (i16)0, sum = (i16)0;
    v16 square = splat(0);
    for (size_t w = 0; w < lists->vector_words; w++) {
      i16 word = (i16)0;
      for (size_t k = 0; k < LIST_COMPONENTS && w * LIST_COMPONENTS + k < dim; k++) {
        v16 c = list_component(lists, blocks + j * dim, w * LIST_COMPONENTS + k, real), whole = __builtin_elementwise_rint(c);
        i16 x = __builtin_convertvector(whole, i16);
        square = fma16(c - whole, c - whole, square);
        norm += x * x, sum += x;
        word |= (x & 0xFF) << (i16)(int32_t)(8 * k);
      }
      *(i16 *)(lists->blocks + j * lists->vector_words + w * CPQ_LANES) = word;
    }
    farthest = GREATER(square, farthest);
    *(i16 *)(lists->half + j) = PICK(real, -(norm >> 1) - 128 * sum, (i16)INT32_MIN);
  }
  lists->moved = moved_by(greatest(farthest), dim);
}

static float round_query(const rounded_lists *lists, const float *query, size_t dim, int32_t *out, float *moved) {
  v8 square = 0;
  i8v norm = 0;
  for (size_t i = 0; i < dim; i += 8) {
    v8 x = (row_eight(query, i, dim) - *(const v8 *)(lists->mean + i)) * lists->scale, whole = __builtin_elementwise_rint(x);
    whole = LESSER(whole, (v8)MOST_COMPONENT);
    whole = GREATER(whole, (v8)-MOST_COMPONENT);
    square = __builtin_elementwise_fma(x - whole, x - whole, square);
    i8v components = __builtin_convertvector(whole, i8v);
    norm += components * components;
    bytes8 bytes = __builtin_convertvector(components + 128, bytes8);
    memcpy(out + i / LIST_COMPONENTS, &bytes, sizeof bytes);
  }
  v4 half = square.lo + square.hi;
  *moved = moved_by((half[0] + half[1]) + (half[2] + half[3]), dim);
  return *moved < MOST_MOVED ? (float)__builtin_reduce_add(norm) : INFINITY;
}

/* A score of less than 24,200 · dim has lost less than dim / 600 as it became a float. */
INLINE double list_slack(size_t dim) { return 1 + (double)dim / 256; }
