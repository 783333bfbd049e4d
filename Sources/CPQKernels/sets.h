#ifndef CPQ_SETS_H
#define CPQ_SETS_H

/* Builds that check or count each step make no vectors of a loop that asks for them, and need not. */
#if __has_feature(undefined_behavior_sanitizer) || defined(__LLVM_INSTR_PROFILE_GENERATE)
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

#include "cpq_kernels.h"

extern const cpq_kernels cpq_scalar;
#if defined(__x86_64__)
extern const cpq_kernels cpq_avx2;
extern const cpq_kernels cpq_avx512;
extern const cpq_kernels cpq_avx512vbmi;
#elif defined(__aarch64__)
extern const cpq_kernels cpq_neon;
#endif

uint32_t cpq_crc32c_table(uint32_t crc, const void *bytes, size_t count);
#if defined(__x86_64__)
uint32_t cpq_crc32c_streams(uint32_t crc, const void *bytes, size_t count);
uint32_t cpq_crc32c_pairs(uint32_t crc, const void *bytes, size_t count);
uint32_t cpq_crc32c_wide(uint32_t crc, const void *bytes, size_t count);
#endif
void cpq_adc_tables(const cpq_codes *codes, const float *tables, float base, const uint16_t *positions, size_t n,
                    float *out);
void cpq_pair_tables(const float *tables, size_t m, float *out);
void cpq_adc_estimates(const cpq_codes *codes, const float *tables, float base, float factor, float step,
                       const uint16_t *positions, size_t n, float *out);
cpq_found cpq_scan_generic(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                           uint16_t *sums);
void cpq_sum_generic(const cpq_codes *codes, const cpq_bound *bound, uint16_t offset, uint16_t *sums);
size_t cpq_summed_within_generic(const uint16_t *sums, size_t count, uint16_t low, uint16_t high, uint16_t offset,
                                 uint16_t *positions, uint16_t *out);

#endif
