#include "trial.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FRAME_VECTORS = 4096, TILE = 64, SHARE = 4096, HUGE_PAGE = 2 << 20, LEAST_PARTS = 64 };

static uint64_t random_bits(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

static float random_float(uint64_t *state) { return (float)(random_bits(state) >> 40) / (1 << 24); }

/* Zeroed, on 2 MiB pages where the kernel gives them, as the page cache of a large file may be. */
static void *large(size_t bytes) {
  bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  void *p = NULL;
  if (posix_memalign(&p, HUGE_PAGE, bytes)) return NULL;
  madvise(p, bytes, MADV_HUGEPAGE);
  memset(p, 0, bytes);
  return p;
}

static const cpq_kernels *const *sets(size_t *count) {
  const cpq_kernels *const *all;
  *count = cpq_kernels_available(&all);
  return all;
}

size_t trial_sets(void) {
  size_t count;
  sets(&count);
  return count;
}

const char *trial_set_name(size_t set) {
  size_t count;
  return sets(&count)[set]->name;
}

bool trial_has_minima(size_t set) {
  size_t count;
  return sets(&count)[set]->parts > 0;
}

size_t trial_chosen_set(void) {
  const char *name = getenv("PQX_KERNELS");
  size_t count = trial_sets();
  for (size_t set = 0; name && set < count; set++)
    if (!strcmp(name, trial_set_name(set))) return set;
  return 0;
}

/* A trial with room for its answer and input; fills the input with seeded bytes. */
static trial *make(size_t set, size_t input_bytes, size_t answer_bytes, uint64_t *state) {
  trial *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  size_t count;
  t->set = sets(&count)[set];
  t->input = large(input_bytes);
  t->answer = calloc(1, answer_bytes);
  if (!t->input || !t->answer) {
    trial_free(t);
    return NULL;
  }
  t->input_bytes = input_bytes;
  t->answer_bytes = answer_bytes;
  for (size_t i = 0; i + 8 <= input_bytes; i += 8) {
    uint64_t bits = random_bits(state);
    memcpy(t->input + i, &bits, 8);
  }
  return t;
}

static bool has_query(trial *t, size_t dim, uint64_t *state) {
  t->dim = dim;
  t->query = calloc(dim, sizeof(float));
  for (size_t i = 0; t->query && i < dim; i++) t->query[i] = 255 * random_float(state);
  return t->query;
}

static trial *or_free(trial *t, bool good) {
  if (good) return t;
  trial_free(t);
  return NULL;
}

/* The answer of a scan: of each frame what depends on all that it finds, and not on what is written behind that. */
static uint64_t run_scan(trial *t, const cpq_kernels *set, void *answer) {
  uint64_t *frame = answer;
  size_t frames = (t->count + FRAME_VECTORS - 1) / FRAME_VECTORS;
  uint16_t positions[FRAME_VECTORS], sums[FRAME_VECTORS];
  cpq_codes codes = t->shape;
  codes.streams = t->count * codes.planes > CPQ_CACHED_BYTES;
  uint64_t total = 0;
  for (size_t f = 0, first = 0; f < frames; f++, first += FRAME_VECTORS) {
    codes.frame = t->input + first * codes.planes;
    codes.count = t->count - first < FRAME_VECTORS ? t->count - first : FRAME_VECTORS;
    size_t rest = t->count - first - codes.count;
    codes.next = rest > 0 ? codes.frame + FRAME_VECTORS * codes.planes : NULL;
    codes.next_bytes = (rest < FRAME_VECTORS ? (rest + 15) / 16 * 16 : FRAME_VECTORS) * codes.planes;
    size_t found = set->scan(&codes, &t->bound, t->threshold, positions, sums).found;
    frame[f] = found;
    for (size_t i = 0; i < found; i++) frame[f] = frame[f] * 0x9E3779B97F4A7C15 + ((uint64_t)positions[i] << 16 | sums[i]);
    total += frame[f];
  }
  return total;
}

/* The smallest threshold that lets at least one vector in SHARE of the first frame through. */
static uint16_t choose_threshold(trial *t) {
  uint16_t low = 0, high = UINT16_MAX;
  cpq_codes codes = t->shape;
  codes.frame = t->input;
  codes.count = t->count < FRAME_VECTORS ? t->count : FRAME_VECTORS;
  uint16_t positions[FRAME_VECTORS], sums[FRAME_VECTORS];
  size_t wanted = codes.count > SHARE ? codes.count / SHARE : 1;
  while (low < high) {
    uint16_t middle = low + (high - low) / 2;
    if (t->set->scan(&codes, &t->bound, middle, positions, sums).found >= wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

trial *trial_scan(size_t set, unsigned nbits, size_t m, bool bracket, bool near, size_t vectors) {
  uint64_t state = 1;
  unsigned width = nbits <= 4 ? 4 : nbits <= 8 ? 8 : nbits <= 12 ? 12 : 16;
  size_t half = (m + 1) / 2;
  size_t planes = (width == 4 ? half : width == 8 ? m : width == 12 ? m + half : 2 * m) + bracket;
  size_t frames = (vectors + FRAME_VECTORS - 1) / FRAME_VECTORS;
  size_t table_size = (size_t)1 << (width <= 8 ? width : nbits), part = table_size / LEAST_PARTS;
  size_t bytes = (m - 1) * table_size + ((size_t)1 << width);
  trial *t = make(set, planes * vectors, frames * sizeof(uint64_t), &state);
  if (!t) return NULL;
  t->run = run_scan;
  t->count = vectors;
  t->shape = (cpq_codes){.m = m, .planes = planes, .nbits = nbits, .bracket = bracket};
  t->tables = calloc(bytes + m * CPQ_MOST_PARTS, 1);
  if (!t->tables) return or_free(t, false);
  uint64_t limit = 65535 / m < (width == 4 ? 127 : 255) ? 65535 / m : width == 4 ? 127 : 255;
  for (size_t i = 0; i < bytes; i++) t->tables[i] = (uint8_t)(random_bits(&state) % (limit + 1));
  t->bound = (cpq_bound){.entries = t->tables, .bracket_scale = 256};
  if (near)
    for (size_t i = 0; i < m * table_size; i++) t->tables[i] = t->tables[i - i % part];
  t->threshold = choose_threshold(t);
  if (near && t->set->parts) {
    uint8_t *minima = t->tables + bytes;
    t->bound.minima_scale = cpq_minima_scale(t->set->parts, t->threshold);
    t->set->part_minima(t->tables, m * table_size, table_size / t->set->parts, t->bound.minima_scale, minima);
    t->bound.minima = minima;
  }
  return t;
}

static uint64_t run_rows(trial *t, const cpq_kernels *set, void *answer) {
  set->l2_rows(t->type, t->query, t->dim, t->input, t->count, 0, answer);
  return *(uint32_t *)answer;
}

trial *trial_rows(size_t set, int type, size_t dim, size_t rows) {
  uint64_t state = 2;
  size_t size = type == CPQ_ROW_F32 ? 4 : type == CPQ_ROW_F16 ? 2 : 1;
  trial *t = make(set, rows * dim * size, rows * sizeof(float), &state);
  if (!t) return NULL;
  t->run = run_rows;
  t->type = (cpq_row_type)type;
  t->count = rows;
  for (size_t i = 0; size > 1 && i < rows * dim; i++) {
    float value = 255 * random_float(&state);
    if (size == 4) memcpy(t->input + 4 * i, &value, 4);
    /* 0x3C00 is 1 as f16; the low bits are its fraction. */
    uint16_t bits = (uint16_t)(0x3C00 | (random_bits(&state) & 0x3FF));
    if (size == 2) memcpy(t->input + 2 * i, &bits, 2);
  }
  return or_free(t, has_query(t, dim, &state));
}

static uint64_t run_blocks(trial *t, const cpq_kernels *set, void *answer) {
  set->l2_blocks(t->query, t->dim, (const float *)(const void *)t->input, t->count, answer);
  return *(uint32_t *)answer;
}

trial *trial_blocks(size_t set, size_t dim, size_t count) {
  uint64_t state = 3;
  size_t floats = (count + CPQ_LANES - 1) / CPQ_LANES * CPQ_LANES * dim;
  trial *t = make(set, floats * sizeof(float), count * sizeof(float), &state);
  if (!t) return NULL;
  t->run = run_blocks;
  t->count = count;
  for (size_t i = 0; i < floats; i++) {
    float value = 255 * random_float(&state);
    memcpy(t->input + 4 * i, &value, 4);
  }
  return or_free(t, has_query(t, dim, &state));
}

static uint64_t run_crc(trial *t, const cpq_kernels *set, void *answer) {
  return *(uint32_t *)answer = set->crc32c(0, t->input, t->input_bytes);
}

trial *trial_crc(size_t set, size_t bytes) {
  uint64_t state = 4;
  trial *t = make(set, bytes, sizeof(uint32_t), &state);
  if (t) t->run = run_crc;
  return t;
}

uint64_t trial_run(trial *t) { return t->run(t, t->set, t->answer); }

bool trial_is_right(trial *t) {
  size_t count;
  const cpq_kernels *scalar = sets(&count)[trial_sets() - 1];
  void *expected = calloc(1, t->answer_bytes);
  memset(t->answer, 0, t->answer_bytes);
  bool right = expected && t->run(t, t->set, t->answer) == t->run(t, scalar, expected) &&
               !memcmp(t->answer, expected, t->answer_bytes);
  free(expected);
  return right;
}

size_t trial_bytes(const trial *t) { return t->input_bytes; }

void trial_free(trial *t) {
  if (!t) return;
  free(t->input);
  free(t->answer);
  free(t->tables);
  free(t->query);
  free(t);
}
