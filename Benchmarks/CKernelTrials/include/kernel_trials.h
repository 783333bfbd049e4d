#ifndef KERNEL_TRIALS_H
#define KERNEL_TRIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kernels of pqx on data of their own, to be timed: a trial holds seeded input, runs one kernel of one instruction set
 * over it, and compares the answer with the scalar set's, bit for bit. */

typedef struct trial trial;

/* The instruction sets of this machine, fastest first. */
size_t trial_sets(void);
const char *trial_set_name(size_t set);
bool trial_has_minima(size_t set);
/* The set that PQX_KERNELS names, or the fastest. */
size_t trial_chosen_set(void);

/* All return null without memory. */

/* The integer scan of `vectors` vectors (a multiple of 16) of m codes of `nbits` bits, in frames as a file has them. With
 * `bracket` each vector has a bracket as well. The threshold lets about one vector in 4,096 through. With `near` the entries
 * of each 64th of a table are the same, and a set that heeds minima has them: for codes of 5 to 8, or 12, bits. */
trial *trial_scan(size_t set, unsigned nbits, size_t m, bool bracket, bool near, size_t vectors);
/* Squared L2 distances of one query to `rows` packed rows; type: 1 f32, 2 f16, 3 u8. */
trial *trial_rows(size_t set, int type, size_t dim, size_t rows);
/* Squared L2 distances of one query to `count` centroids in lane blocks. */
trial *trial_blocks(size_t set, size_t dim, size_t count);
/* CRC-32C of `bytes` bytes. */
trial *trial_crc(size_t set, size_t bytes);

/* Runs the kernel once over all input. Returns what depends on all of the answer. */
uint64_t trial_run(trial *t);
/* Whether the answer is the scalar set's. */
bool trial_is_right(trial *t);
/* What one run reads of its large input. */
size_t trial_bytes(const trial *t);
/* Reads the same bytes and does nothing else: 512-bit loads where the machine has them. */
uint64_t trial_read(const trial *t);
void trial_free(trial *t);

#endif
