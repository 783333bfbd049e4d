#ifndef CPQ_KERNELS_H
#define CPQ_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Kernels of pqx: one table of functions per instruction set, the same results, bit for bit, from each, but of what is said to
 * be a set's own affair, by which results of searches do not differ.
 *
 * Every float result is defined by the order of its f32 operations (Formats/pqx-v1.md, "Distances"):
 *   blocks   one fma chain per centroid, components ascending;
 *   rows     sixteen fma chains (component i goes to chain i mod 16), then a fixed tree of sums;
 *   ADC      table entries added in ascending order of subspaces.
 * The integer scan is no distance: it bounds distances from below, so that few codes need one.
 *
 * A lane block holds 16 vectors as [component][16 lanes] f32; the last block of a set is padded with zeros. */

#define CPQ_LANES 16
#define CPQ_PAIRS 256
#define CPQ_NEAR_DIM 16
#define CPQ_NEAR_NORM 107
#define CPQ_NEAR_WORDS 14
#define CPQ_SUM_GROUPS 256
#define CPQ_CACHED_BYTES (32u << 20)
#define CPQ_MOST_PARTS 128 /* of a table, in any set */

typedef struct {
  uint32_t index;
  float distance;
} cpq_nearest;

/* How the rows of a vectors section are stored. The value of a u8 component is the byte plus an offset. */
typedef enum { CPQ_ROW_F32 = 1, CPQ_ROW_F16 = 2, CPQ_ROW_U8 = 3 } cpq_row_type;

/* One frame of code tiles: `count` vectors of m codes of `nbits` bits, `planes` planes a tile. With `bracket`, the last
 * plane holds a byte a vector that is no code. */
typedef struct {
  const uint8_t *frame;
  /* What is scanned after this frame, to be fetched or loaded ahead: so many bytes that can be read; or null, and 0. */
  const uint8_t *next;
  size_t next_bytes;
  size_t count, m, planes;
  unsigned nbits;
  int bracket;
  /* Whether it is one of those of more than CPQ_CACHED_BYTES that are scanned one after the other: they are taken to come from
   * memory. */
  int streams;
} cpq_codes;

/* What the integer scan adds up for a vector: entries[s][code] for every subspace s, and its bracket times
 * bracket_scale / 256, rounded down; a sum above 65535 is 65535. `entries` is [m][cpq_table_entries], and goes on for as
 * many bytes as a code's planes can lead past the last table. No entry exceeds min(255, 65535 / m); for up to 4 bits, where
 * two subspaces share a byte, no sum of two such entries exceeds min(255, 65535 / ((m + 1) / 2)). */
typedef struct {
  const uint8_t *entries;
  /* For codes of 5 to 12 bits, [m][parts]: the least entry of each part of a table, times minima_scale / 32768, rounded down.
   * Their sums say for most vectors that their own exceed a threshold; or null. */
  const uint8_t *minima;
  uint16_t minima_scale;
  uint16_t bracket_scale;
} cpq_bound;

/* How many vectors a scan found, and how many passed their minima, so that each was looked at; all those do that are scanned
 * without, as the rest of a frame of codes of a byte is where too many passed before. */
typedef struct {
  size_t found, passed;
} cpq_found;

/* Of quantized tables: the sum of the tables' least entries, the value of one unit (0: all entries are equal, or there is
 * no bound), and the sum of the tables' largest magnitudes. */
typedef struct {
  double minimum, magnitude;
  float step;
} cpq_range;

typedef struct {
  const char *name;

  /* CRC-32C (Castagnoli) of `count` bytes, continuing from `crc` (0 at the start). */
  uint32_t (*crc32c)(uint32_t crc, const void *bytes, size_t count);

  /* out[j] = squared L2 distance (inner product) of `query` [dim] and centroid j of `blocks`, j in 0..<count. */
  void (*l2_blocks)(const float *query, size_t dim, const float *blocks, size_t count, float *out);
  void (*ip_blocks)(const float *query, size_t dim, const float *blocks, size_t count, float *out);

  /* The same for `n` queries [n][dim]: out[i * out_stride + j] for query i and centroid j. */
  void (*l2_blocks_batch)(const float *queries, size_t n, size_t dim, const float *blocks, size_t count, float *out,
                          size_t out_stride);
  void (*ip_blocks_batch)(const float *queries, size_t n, size_t dim, const float *blocks, size_t count, float *out,
                          size_t out_stride);

  /* Centroids as integers, for the choice of lists (choose.inc.h); what follows up to `project` is null or 0 where floats are
   * compared as fast, and what integers there are is a set's own affair. A word holds list_components of a vector. round_lists
   * fills list_words() words, which must stay where they are; `reach` is how far from the centroids most queries are. Returns 0
   * where numbers are so extreme that integers say nothing. */
  size_t list_components;
  size_t (*list_words)(size_t dim, size_t count);
  int (*round_lists)(const float *blocks, size_t count, size_t dim, float reach, int32_t *words);

  /* Scores of `n` queries [n][dim], for each of which `rounded` has words for its components, their number rounded up to a
   * multiple of 8. Among the integers, norms[i] is the squared norm of query i, moved[i] how far rounding has moved it at most,
   * and out[i * out_stride + j] half its squared distance to centroid j less half that norm. A query that is too far has an
   * infinite norm and no scores. Returns how many queries have scores. */
  size_t (*list_scores)(const int32_t *words, size_t count, size_t dim, const float *queries, size_t n, int32_t *rounded,
                        float *out, size_t out_stride, float *norms, float *moved);

  /* A score that no centroid exceeds whose distance to the query is at most `distance`. */
  float (*list_limit)(const int32_t *words, size_t dim, size_t count, double distance, float norm, float moved);

  /* out[i] = what l2_blocks gives for row numbers[i] of `rows` [][dim]: of those lists that scores leave in question. */
  void (*l2_numbered)(const float *query, size_t dim, const float *rows, const uint32_t *numbers, size_t n, float *out);

  /* out[a] = coordinate of `row` [dim] less `mean` on axis a of the lane blocks `axes`, a in 0..<rank, and out[rank] = the
   * length of what these leave of it (project.inc.h): for axes that lengthen no vector. `mean` is followed by zeros up to a
   * multiple of 8. Returns how far that is at most from what it would be without rounding. */
  double (*project)(const float *row, size_t dim, const float *mean, const float *axes, size_t rank, float *out);

  /* out[i] = query[i] - lane[i * CPQ_LANES]: a query less a vector of a lane block. */
  void (*subtract_lane)(const float *query, size_t dim, const float *lane, float *out);

  /* The sum of the components' squares, in f64, which those are exact in, and finite sums of finite ones: in eight chains, and
   * then a fixed tree. */
  double (*squared_length)(const float *row, size_t dim);

  /* Minima of groups of at most 16 * depth values: one group is a lane of `depth` vectors of 16 values one after
   * another. Returns their number, 16 for each 16 * depth values begun; groups past the end are infinite. */
  size_t (*group_minima)(const float *values, size_t count, size_t depth, float *out);

  /* The numbers of the values from `low` to `high`, ascending; returns how many. `out` has room for as many as there are
   * values: what lies behind those found is written over. */
  size_t (*floats_within)(const float *values, size_t count, float low, float high, uint32_t *out);

  /* The k-th smallest of the values, none of them NaN, k from 1 to count. */
  float (*float_kth)(const float *values, size_t count, size_t k);

  /* Minima of groups of eight sums, of which there are a multiple of CPQ_SUM_GROUPS: of so many one after another sum i is in
   * group i mod 32. Returns how many groups. */
  size_t (*sum_minima)(const uint16_t *sums, size_t count, uint16_t *out);

  /* The k-th smallest of the sums, k from 1 to count. */
  uint16_t (*sum_limit)(const uint16_t *sums, size_t count, size_t k);

  /* The sums from `low` to `high`, with their positions, in their order; returns how many. The outputs have room for
   * all. */
  size_t (*sums_within)(const uint16_t *sums, const uint16_t *positions, size_t count, uint16_t low, uint16_t high,
                        uint16_t *sums_out, uint16_t *positions_out);

  /* Replaces each of `n` numbers below `count`, fastest where they ascend, by the id that has it in a frame [planes][count]:
   * `first` plus the differences up to its own, of which plane p has byte p. */
  void (*ids_at)(const uint8_t *frame, size_t planes, size_t count, uint64_t first, uint64_t *numbers, size_t n);

  /* Sorts `count` words, all different; `room` is as large. */
  void (*sort_words)(uint64_t *words, size_t count, uint64_t *room);

  /* Whether none of `count` f32 values, given as bits, is infinite or not a number. */
  int (*are_finite)(const uint32_t *bits, size_t count);

  /* out[i] = nearest centroid (squared L2, lowest index among equals) of the point at points + i * stride, [dim]. */
  void (*nearest)(const float *points, size_t stride, size_t count, size_t dim, const float *blocks, size_t centroids,
                  cpq_nearest *out);

  /* out[i] = the index that `nearest` finds, for finite points, faster. `scratch` has assign_scratch() words. */
  void (*assign)(const float *points, size_t stride, size_t count, size_t dim, const float *blocks, size_t centroids,
                 int32_t *scratch, uint32_t *out);
  size_t (*assign_scratch)(size_t dim, size_t centroids);

  /* out[i] = a centroid that is the nearest one but for rounding, in training of at most CPQ_NEAR_DIM components (near.inc.h).
   * Less `mean` [dim] and times `scale`, all centroids have norms of at most CPQ_NEAR_NORM - 1; farther points cost more.
   * `scratch` has CPQ_NEAR_WORDS for each lane of each block. */
  void (*assign_near)(const float *points, size_t count, size_t dim, const float *blocks, size_t centroids,
                      const float *mean, float scale, int32_t *scratch, uint32_t *out);

  /* Adds each point x at points + i * stride, [dim], to sums[assigned[i]], and returns the sum of (x - c)^2 with
   * c = centers[assigned[i]], or 0 where there are no centers; centers and sums are [centroid][dim]. Differences are f32,
   * all else f64; points ascending; component j goes to sum j mod 8, and a fixed tree adds these. */
  double (*accumulate)(const float *points, size_t stride, size_t count, size_t dim, const uint32_t *assigned,
                       const float *centers, double *sums);

  /* out[i] = squared L2 distance (inner product) of `query` [dim] and packed row i. `offset` is for u8 rows only. */
  void (*l2_rows)(cpq_row_type type, const float *query, size_t dim, const void *rows, size_t count, float offset,
                  float *out);
  void (*ip_rows)(cpq_row_type type, const float *query, size_t dim, const void *rows, size_t count, float offset,
                  float *out);

  /* out[i] = distance (inner product, unless `squared`) of the query and the row at rows + offsets[i]. */
  void (*rows_at)(int squared, cpq_row_type type, const float *query, size_t dim, const void *rows,
                  const uint64_t *offsets, size_t count, float offset, float *out);

  /* Quantizes float tables [m][`entries`, at least 16], times `factor`, which is 1 or 2 or the negative of one, to u8
   * tables out[m][table_size]:
   * out = floor((entry - min) / step), where min is the least entry of a table (lowest[m]) and step the same for all;
   * rounding may lift one to the next whole number, so that out * step exceeds entry - min by less than 2^-21 of it. No
   * entry exceeds `limit`, with tables of 16 no sum of an entry of table 2 * p and one of table 2 * p + 1. Bytes past the
   * entries become 0. Tables that are not all finite give zeros and -infinity. */
  cpq_range (*quantize)(const float *tables, size_t m, size_t table_size, size_t entries, float factor,
                        unsigned limit, float *lowest, uint8_t *out);

  /* The parts of a table that have a minimum: 64, whose scale is 32768; 128, which are added up in bytes, so that they say
   * nothing where threshold * scale / 32768 is 255 or more; or 0, of a set whose scan heeds no minima. Of codes of a byte
   * one in own_share may pass its minima before a scan without takes less time. */
  size_t parts, own_share;

  /* out[i] = the least of `part` entries from part * i on, of `count` in all, times scale / 32768, rounded down; `scale` is at
   * most 32768, `part` a power of two from 2 to 64, and `count` a multiple of it. Null where there are no parts. */
  void (*part_minima)(const uint8_t *entries, size_t count, size_t part, uint16_t scale, uint8_t *out);

  /* The vectors of a frame whose sum of u8 entries is at most `threshold`: their numbers in the frame, ascending, and
   * sums. `positions` and `sums` have room for all vectors of the frame: what lies behind those found is written over. What
   * is found does not depend on minima. */
  cpq_found (*scan)(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                    uint16_t *sums);

  /* The same for codes of 5 to 8 bits, without minima, and the CRC-32C of the frame's `bytes` bytes, continuing from *crc,
   * into *crc. Returns how many are found. Null where one after the other takes no longer. */
  size_t (*scan_checked)(const cpq_codes *codes, const cpq_bound *bound, uint16_t threshold, uint16_t *positions,
                         uint16_t *sums, size_t bytes, uint32_t *crc);

  /* The sums of all vectors of a frame, plus `offset`; one above 65535 is 65535, as those of lanes past the last vector are.
   * `sums` is [tile][parity of the lane][lane / 2] of tiles of 64 lanes. The other, null as above, takes the checksum as
   * scan_checked does. */
  void (*sum_codes)(const cpq_codes *codes, const cpq_bound *bound, uint16_t offset, uint16_t *sums);
  void (*sum_codes_checked)(const cpq_codes *codes, const cpq_bound *bound, uint16_t offset, uint16_t *sums,
                            size_t bytes, uint32_t *crc);

  /* The vectors with sums from `low` to `high` among `count` sums, whole tiles of them, that sum_codes gave: their numbers
   * in the frame, ascending, and their sums less `offset`. Returns how many; the outputs have room for `count`: what lies
   * behind those found is written over. */
  size_t (*summed_within)(const uint16_t *sums, size_t count, uint16_t low, uint16_t high, uint16_t offset,
                          uint16_t *positions, uint16_t *out);

  /* out[i] = the canonical distance of vector positions[i]: base + tables[0][code] + tables[1][code] + ..., with
   * float tables [m][2^nbits, at least 16]. */
  void (*adc_tables)(const cpq_codes *codes, const float *tables, float base, const uint16_t *positions, size_t n,
                     float *out);

  /* Tables for two nibbles at once, from m tables of 16 entries: out[p][l + 16 * h] = tables[2 * p][l] +
   * tables[2 * p + 1][h], with 0 in place of a table past the last one. */
  void (*pair_tables)(const float *tables, size_t m, float *out);

  /* No distance, but near one, of frames with brackets: base + factor * sum + step * bracket, in f32. The sum is that of
   * adc_tables in four chains, subspace s in chain s mod 4, and then (0 + 1) + (2 + 3). For nbits up to 4 the tables are
   * those of pair_tables, and each counts as a subspace. */
  void (*adc_estimates)(const cpq_codes *codes, const float *tables, float base, float factor, float step,
                        const uint16_t *positions, size_t n, float *out);

  /* As adc_tables, for l2 and residual codes, from the query's residual [dim] and the codewords themselves, of `sub`
   * components: `codebooks` is [subspace][codeword][component], or, with `blocked`, lane blocks a subspace. */
  void (*adc_residual)(const cpq_codes *codes, const float *residual, const float *codebooks, int blocked, size_t sub,
                       const uint16_t *positions, size_t n, float *out);
} cpq_kernels;

/* The scale of minima for a threshold: sums within it stay below 255, where they are bytes. */
static inline uint16_t cpq_minima_scale(size_t parts, uint16_t threshold) {
  uint32_t most = 255u * 32768 / (threshold + 1u);
  return (uint16_t)(parts < CPQ_MOST_PARTS || most > 32768 ? 32768 : most);
}

/* Fetches the lines of the cache that `count` bytes lie in, and returns at once. */
static inline void cpq_fetch(const void *bytes, size_t count) {
  size_t before = (uintptr_t)bytes % 64;
  const char *line = (const char *)bytes - before;
  for (size_t i = 0; i < before + count; i += 64) __builtin_prefetch(line + i);
}

/* The instruction sets that this machine can run, fastest first; the last one is always "scalar". */
size_t cpq_kernels_available(const cpq_kernels *const **sets);

/* What the choice among sets for x86-64 asks of a CPU. */
enum {
  CPQ_AVX2 = 1 << 0,
  CPQ_FMA = 1 << 1,
  CPQ_F16C = 1 << 2,
  CPQ_SSE42 = 1 << 3,
  CPQ_PCLMUL = 1 << 4,
  CPQ_VPCLMULQDQ = 1 << 5,
  CPQ_AVX512F = 1 << 6,
  CPQ_AVX512BW = 1 << 7,
  CPQ_AVX512VL = 1 << 8,
  CPQ_AVX512DQ = 1 << 9,
  CPQ_AVX512VNNI = 1 << 10,
  CPQ_AVX512VBMI = 1 << 11,
};
#define CPQ_MOST_SETS 5

/* The sets of this program that a CPU with these features can run, in the same order. `sets` has room for CPQ_MOST_SETS;
 * returns how many they are. */
size_t cpq_kernels_for(unsigned features, const cpq_kernels **sets);

#endif
