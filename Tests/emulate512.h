/* AVX-512 by AVX2, for Tests/emulate.sh: what avx512.c and avx512vbmi.c ask of it, on machines that lack it. It shows that
 * they compute what the other sets do, not that a CPU takes their instructions, nor how fast it is. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* The including file has the pop. */
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,sse4.2"))), apply_to = function)
/* All of them are inlined: no calling convention is at stake. */
#pragma clang diagnostic ignored "-Wpsabi"
#define EMULATED static inline __attribute__((always_inline, unused))

typedef union {
  __m512i whole;
  __m256i halves[2];
  uint8_t bytes[64];
} emulated;

/* Returns `value` of each half i, where HALF(v) is that half of v. */
#define OF_HALVES(value)                                                      \
  emulated out;                                                               \
  for (int i = 0; i < 2; i++) out.halves[i] = value;                          \
  return out.whole
#define HALF(v) (((emulated){.whole = v}).halves[i])

EMULATED __m512i emulated_loadu(const void *p) {
  emulated out;
  memcpy(&out, p, sizeof out);
  return out.whole;
}
EMULATED __m512i emulated_maskz_loadu(__mmask64 mask, const void *p) {
  emulated out;
  for (int i = 0; i < 64; i++) out.bytes[i] = mask >> i & 1 ? ((const uint8_t *)p)[i] : 0;
  return out.whole;
}
EMULATED __m512i emulated_broadcast(__m128i v) { OF_HALVES(_mm256_broadcastsi128_si256(v)); }
EMULATED __m512i emulated_shuffle(__m512i a, __m512i b) { OF_HALVES(_mm256_shuffle_epi8(HALF(a), HALF(b))); }
EMULATED __m512i emulated_mulhi(__m512i a, __m512i b) { OF_HALVES(_mm256_mulhi_epu16(HALF(a), HALF(b))); }
EMULATED __m512i emulated_maddubs(__m512i a, __m512i b) { OF_HALVES(_mm256_maddubs_epi16(HALF(a), HALF(b))); }
EMULATED __m512i emulated_slli(__m512i a, int count) { OF_HALVES(_mm256_slli_epi16(HALF(a), count)); }
EMULATED __mmask64 emulated_signs(__m512i a) {
  emulated v = {.whole = a};
  return (uint32_t)_mm256_movemask_epi8(v.halves[0]) | (uint64_t)(uint32_t)_mm256_movemask_epi8(v.halves[1]) << 32;
}
/* b where the mask has a bit. */
EMULATED __m512i emulated_blend(__mmask64 mask, __m512i a, __m512i b) {
  __m256i byte = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
  __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
  OF_HALVES(_mm256_blendv_epi8(
      HALF(a), HALF(b),
      _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32((int)(mask >> (32 * i))), byte), bit), bit)));
}
EMULATED __m512i emulated_mask_shuffle(__m512i other, __mmask64 mask, __m512i a, __m512i b) {
  return emulated_blend(mask, other, emulated_shuffle(a, b));
}
EMULATED __m512i emulated_permute2(__m512i a, __m512i index, __m512i b) {
  emulated in[2] = {{.whole = a}, {.whole = b}}, at = {.whole = index}, out;
  for (int i = 0; i < 64; i++) out.bytes[i] = in[at.bytes[i] >> 6 & 1].bytes[at.bytes[i] & 63];
  return out.whole;
}
EMULATED __m128i emulated_narrow(__m512i a) {
  typedef int32_t words __attribute__((vector_size(64)));
  typedef int8_t narrow __attribute__((vector_size(16)));
  return (__m128i)__builtin_convertvector((words)a, narrow);
}

/* sum + x · y, of pairs of i16 in lanes of 32 bits. */
EMULATED __m512i emulated_dot2(__m512i sum, __m512i x, __m512i y) {
  OF_HALVES(_mm256_add_epi32(HALF(sum), _mm256_madd_epi16(HALF(x), HALF(y))));
}
/* The same of four bytes, those of x without a sign. */
EMULATED __m512i emulated_dot4(__m512i sum, __m512i x, __m512i y) {
  __m256i low = _mm256_set1_epi16(0xFF);
  OF_HALVES(_mm256_add_epi32(
      HALF(sum), _mm256_add_epi32(_mm256_madd_epi16(_mm256_and_si256(HALF(x), low),
                                                    _mm256_srai_epi16(_mm256_slli_epi16(HALF(y), 8), 8)),
                                  _mm256_madd_epi16(_mm256_srli_epi16(HALF(x), 8), _mm256_srai_epi16(HALF(y), 8)))));
}

#define _mm512_loadu_si512 emulated_loadu
#define _mm512_maskz_loadu_epi8 emulated_maskz_loadu
#define _mm512_broadcast_i32x4 emulated_broadcast
#define _mm512_shuffle_epi8 emulated_shuffle
#define _mm512_mask_shuffle_epi8 emulated_mask_shuffle
#define _mm512_mulhi_epu16 emulated_mulhi
#define _mm512_maddubs_epi16 emulated_maddubs
#define _mm512_slli_epi16 emulated_slli
#define _mm512_movepi8_mask emulated_signs
#define _mm512_mask_blend_epi8 emulated_blend
#define _mm512_permutex2var_epi8 emulated_permute2
#define _mm512_cvtepi32_epi8 emulated_narrow

/* Checksums are not emulated: the set takes that of another. */
#define cpq_crc32c_wide cpq_crc32c_streams
