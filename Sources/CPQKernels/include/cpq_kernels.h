#ifndef CPQ_KERNELS_H
#define CPQ_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Kernels of pqx: one table of functions per instruction set, the same results, bit for bit, from each.
 *
 * Every float result is defined by the order of its f32 operations (Formats/pqx-v1.md, "Distances"):
 *   blocks   one fma chain per centroid, components ascending;
 *   rows     sixteen fma chains (component i goes to chain i mod 16), then a fixed tree of sums;
 *   ADC      table entries added in ascending order of subspaces.
 *
 * A lane block holds 16 vectors as [component][16 lanes] f32; the last block of a set is padded with zeros. */

#define CPQ_LANES 16

typedef struct {
  uint32_t index;
  float distance;
} cpq_nearest;

/* How the rows of a vectors section are stored. The value of a u8 component is the byte plus an offset. */
typedef enum { CPQ_ROW_F32 = 1, CPQ_ROW_F16 = 2, CPQ_ROW_U8 = 3 } cpq_row_type;

typedef struct {
  const char *name;

  /* CRC-32C (Castagnoli) of `count` bytes, continuing from `crc` (0 at the start). */
  uint32_t (*crc32c)(uint32_t crc, const void *bytes, size_t count);

  /* out[j] = squared L2 distance (inner product) of `query` [dim] and centroid j of `blocks`, j in 0..<count. */
  void (*l2_blocks)(const float *query, size_t dim, const float *blocks, size_t count, float *out);
  void (*ip_blocks)(const float *query, size_t dim, const float *blocks, size_t count, float *out);

  /* out[i] = nearest centroid (squared L2, lowest index among equals) of the point at points + i * stride, [dim]. */
  void (*nearest)(const float *points, size_t stride, size_t count, size_t dim, const float *blocks, size_t centroids,
                  cpq_nearest *out);

  /* out[i] = the index that `nearest` finds, for finite points, faster. `scratch` has assign_scratch() words. */
  void (*assign)(const float *points, size_t stride, size_t count, size_t dim, const float *blocks, size_t centroids,
                 int32_t *scratch, uint32_t *out);
  size_t (*assign_scratch)(size_t dim, size_t centroids);

  /* Adds each point x at points + i * stride, [dim], to sums[assigned[i]], and returns the sum of (x - c)^2 with
   * c = centers[assigned[i]]; centers and sums are [centroid][dim]. Differences are f32, all else f64; points ascending;
   * component j goes to sum j mod 8, and a fixed tree adds these. */
  double (*accumulate)(const float *points, size_t stride, size_t count, size_t dim, const uint32_t *assigned,
                       const float *centers, double *sums);

  /* out[i] = squared L2 distance (inner product) of `query` [dim] and packed row i. `offset` is for u8 rows only. */
  void (*l2_rows)(cpq_row_type type, const float *query, size_t dim, const void *rows, size_t count, float offset,
                  float *out);
  void (*ip_rows)(cpq_row_type type, const float *query, size_t dim, const void *rows, size_t count, float offset,
                  float *out);

  /* out[i] = base + tables[0][code] + tables[1][code] + ... for the `count` vectors of one frame of code tiles.
   * `tables` is [m][table_size]; `table_size` covers the planes' whole range, so no code can index outside. */
  void (*adc_frame)(const float *tables, size_t table_size, size_t m, unsigned nbits, const uint8_t *frame,
                    size_t count, float base, float *out);
} cpq_kernels;

/* The instruction sets that this machine can run, fastest first; the last one is always "scalar". */
size_t cpq_kernels_available(const cpq_kernels *const **sets);

#endif
