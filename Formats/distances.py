"""Search as pqx-v1.md, "Distances", defines it, bit for bit: exact f32 arithmetic in Python, whose floats are f64.

`index` is a reader.Index: parameters, `axes()`, `centroids()`, `codebooks()`, and `content(list, kind)` for codes, ids
and rows.
"""
import ctypes
import math
import struct

CODES, IDS, VECTORS = 3, 4, 5
LARGEST_F32 = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


class QueryError(Exception):
    status = 65


def f32(x):
    """Rounds to nearest even, to subnormals and to infinity too."""
    return ctypes.c_float(x).value


def add(a, b):
    """Rounding the f64 sum once more is harmless: 53 bits are more than twice 24 and two."""
    return f32(a + b)


def fma(a, b, c):
    """The product of two f32 is exact in f64. The sum is rounded to odd (where it is inexact, its last bit is set), so
    that the second rounding, to f32, cannot go wrong."""
    product = a * b
    total = product + c
    part = total - product
    error = (product - (total - part)) + (c - part)
    if error < 0 or error > 0:
        if struct.pack("<d", total)[0] & 1 == 0:
            total = math.nextafter(total, math.copysign(math.inf, error))
    return f32(total)


def subtract(a, b):
    return [f32(x - y) for x, y in zip(a, b)]


def chain(a, b):
    total = 0.0
    for x, y in zip(a, b):
        total = fma(x, y, total)
    return total


def squared(differences):
    return chain(differences, differences)


def row_distance(l2, query, row):
    sums = [0.0] * 16
    for i, (q, x) in enumerate(zip(query, row)):
        d = f32(q - x)
        sums[i % 16] = fma(d, d, sums[i % 16]) if l2 else fma(q, x, sums[i % 16])
    for width in (8, 4, 2, 1):
        for j in range(width):
            sums[j] = add(sums[j], sums[j + width])
    return sums[0]


def adc(index, query, base, codebooks, codes):
    """`query` is the residual one where codes are residual and the metric is l2."""
    tables = []
    for s, codebook in enumerate(codebooks):
        part = query[s * index.sub:(s + 1) * index.sub]
        l2 = index.metric == "l2"
        tables.append([squared(subtract(part, word)) if l2 else chain(part, word) for word in codebook])
    for row in codes:
        total = base
        for table, code in zip(tables, row):
            total = add(total, table[code])
        yield total


def prepare(index, query, number):
    if len(query) != index.dim or not all(map(math.isfinite, query)):
        raise QueryError(f"query {number}: {len(query)} components, expected {index.dim} finite ones")
    norm = 0.0
    for x in query:
        norm += x * x
    if norm > LARGEST_F32:
        raise QueryError(f"query {number}: the squared norm overflows f32")
    return [f32(x / math.sqrt(norm)) for x in query] if index.metric == "cosine" and norm > 0 else query


def score(l2, query, centroid):
    return squared(subtract(query, centroid)) if l2 else chain(query, centroid)


def nearest(l2, query, numbered):
    """The numbers of `numbered` centroids, nearest first: Choice of lists"""
    def key(number, centroid):
        value = score(l2, query, centroid)
        return value if l2 else math.inf if math.isnan(value) else -value

    return [number for _, number in sorted((key(number, centroid), number) for number, centroid in numbered)]


def choose_lists(l2, query, nprobe, centroids, groups):
    """Choice of lists: through `groups`, if there are any."""
    if not centroids:
        return [0]
    nlist = len(centroids)
    compared = [] if groups else range(nlist)
    for group in nearest(l2, query, enumerate(center for _, center in groups)):
        if len(compared) ** 4 < 2 * nlist ** 3 * (min(nprobe, nlist) + 8):
            compared += groups[group][0]
    return nearest(l2, query, ((c, centroids[c]) for c in compared))[:nprobe]


def search(index, queries, k, nprobe, rerank, through_groups=True):
    """Per query the k nearest as [id, "the distance's bits"]; see "Search" in pqx-v1.md."""
    centroids, codebooks = index.centroids(), index.codebooks()
    groups = index.groups() if through_groups else []
    axes = index.axes()
    return [search_one(index, prepare(index, query, number), k, nprobe, rerank, axes, centroids, codebooks, groups)
            for number, query in enumerate(queries)]


def search_one(index, given, k, nprobe, rerank, axes, centroids, codebooks, groups):
    l2 = index.metric == "l2"
    query = [chain(axis, given) for axis in axes] if axes else given

    def candidate(distance, identifier, place):
        distance = -math.inf if math.isnan(distance) else distance
        return distance if l2 else -distance, identifier, distance, place

    found = []
    for c in choose_lists(l2, query, nprobe, centroids, groups):
        if index.m:
            base = score(l2, query, centroids[c]) if index.residual and not l2 else 0.0
            shifted = subtract(query, centroids[c]) if index.residual and l2 else query
            distances = adc(index, shifted, base, codebooks, index.content(c, CODES))
        else:
            distances = (row_distance(l2, query, row) for row in index.content(c, VECTORS))
        found += [candidate(distance, identifier, (c, position))
                  for position, (identifier, distance) in enumerate(zip(index.content(c, IDS), distances))]
    found.sort()
    if index.m and rerank:
        found = sorted(
            candidate(row_distance(l2, given, index.content(c, VECTORS)[position]), identifier, (c, position))
            for _, identifier, _, (c, position) in found[:max(k, rerank)])
    return [[identifier, struct.pack(">f", distance).hex()] for _, identifier, distance, _ in found[:k]]


def read_fvecs(data, path):
    at, queries = 0, []
    while at < len(data):
        dim = struct.unpack_from("<i", data, at)[0] if at + 4 <= len(data) else 0
        if not 1 <= dim <= 65536 or at + 4 + 4 * dim > len(data):
            raise QueryError(f"{path}: row {len(queries)}, byte offset {at}: dimension {dim}, or a truncated row")
        queries.append(list(struct.unpack_from(f"<{dim}f", data, at + 4)))
        at += 4 + 4 * dim
    return queries
