#ifndef CPQ_SETS_H
#define CPQ_SETS_H

#include "cpq_kernels.h"

extern const cpq_kernels cpq_scalar;
#if defined(__x86_64__)
extern const cpq_kernels cpq_avx2;
extern const cpq_kernels cpq_avx512;
#elif defined(__aarch64__)
extern const cpq_kernels cpq_neon;
#endif

uint32_t cpq_crc32c_table(uint32_t crc, const void *bytes, size_t count);
void cpq_adc_frame(const float *tables, size_t table_size, size_t m, unsigned nbits, const uint8_t *frame,
                   size_t count, float base, float *out);

#endif
