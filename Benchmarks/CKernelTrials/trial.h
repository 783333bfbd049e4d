#ifndef TRIAL_H
#define TRIAL_H

#include "cpq_kernels.h"
#include "kernel_trials.h"

struct trial {
  const cpq_kernels *set;
  uint64_t (*run)(trial *t, const cpq_kernels *set, void *answer);
  size_t answer_bytes;
  void *answer;
  /* What a run reads from end to end. */
  uint8_t *input;
  size_t input_bytes;
  /* Codes: shape, quantized tables [m][table size], threshold. */
  cpq_codes shape;
  cpq_bound bound;
  uint8_t *tables;
  uint16_t threshold;
  /* Vectors, rows or centroids. */
  size_t count;
  float *query;
  size_t dim;
  cpq_row_type type;
};

#endif
