/* What assign.inc.h, bound.inc.h, choose_bytes.inc.h, ids.inc.h and scan.inc.h ask of an instruction set, as far as all sets of
 * 512-bit vectors share it. */

/* By name: from the intrinsic the compiler makes two instructions, a product and a sum, to shorten chains that are not
 * what these loops wait for. */
#ifdef CPQ_EMULATE_512
#define DOT(name, instruction) \
  INLINE i16 name(i16 sum, i16 x, i16 y) { return (i16)emulated_##name((__m512i)sum, (__m512i)x, (__m512i)y); }
#else
#define DOT(name, instruction)                                                   \
  INLINE i16 name(i16 sum, i16 x, i16 y) {                                       \
    __asm__(instruction " %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));             \
    return sum;                                                                  \
  }
#endif
DOT(dot2, "vpdpwssd")
DOT(dot4, "vpdpbusd")
#undef DOT

INLINE bytes32 narrow(i16 low, i16 high) {
  __m128i a = _mm512_cvtepi32_epi8((__m512i)low), b = _mm512_cvtepi32_epi8((__m512i)high);
  return (bytes32)_mm256_set_m128i(b, a);
}

INLINE u64x4 sum_eights(bytes32 v) { return (u64x4)_mm256_sad_epu8((__m256i)v, _mm256_setzero_si256()); }

#define LANES 64

typedef uint8_t vb __attribute__((vector_size(LANES), aligned(1)));
typedef uint16_t vw __attribute__((vector_size(LANES), aligned(1)));
typedef vb table16;

INLINE table16 load16(const uint8_t *p) { return (vb)_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p)); }
INLINE vb look16(table16 table, vb index) { return (vb)_mm512_shuffle_epi8((__m512i)table, (__m512i)index); }
INLINE vw mulhi16(vw a, vw b) { return (vw)_mm512_mulhi_epu16((__m512i)a, (__m512i)b); }
INLINE vw dot_bytes(vb x, vb c) { return (vw)_mm512_maddubs_epi16((__m512i)x, (__m512i)c); }
INLINE uint32_t first_lane(s16x16 lanes) { return (uint32_t)__builtin_ctz((unsigned)_mm256_movemask_epi8((__m256i)lanes)) / 2; }
INLINE u16x16 dot_bytes16(u16x16 x, u16x16 c) { return (u16x16)_mm256_maddubs_epi16((__m256i)x, (__m256i)c); }
INLINE uint64_t lane_bits(vb bytes) { return _mm512_movepi8_mask((__m512i)bytes); }
INLINE vb load_lanes(const uint8_t *p, size_t n) { return (vb)_mm512_maskz_loadu_epi8(~0ull >> (64 - n), p); }
