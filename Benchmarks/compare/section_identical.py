"""The fast search returns what the plain scan returns: ids and distances of many queries, bit for bit."""
import os

import numpy as np

import dataset
import pqx
from report import Check, Section
from timing import TURNS

QUERIES = 10_000
#: Name, flags of the build, flags of the search.
CONFIGURATIONS = (
    ("IVF1024,PQ16x8", ("--nlist", 1024, "--m", 16), ("-k", 10, "--nprobe", 32)),
    ("PQ8x8", ("--index", "pq", "--m", 8), ("-k", 100)),
    ("IVF1024,PQ32x4,ip", ("--nlist", 1024, "--m", 32, "--nbits", 4, "--metric", "ip"), ("-k", 10, "--nprobe", 16)),
    ("IVF1024,PQ8x12,cosine", ("--nlist", 1024, "--m", 8, "--nbits", 12, "--metric", "cosine", "--iterations", 4),
     ("-k", 100, "--nprobe", 8)),
    ("IVF1024,PQ64x4,f32", ("--nlist", 1024, "--m", 64, "--nbits", 4, "--vectors", "f32"),
     ("-k", 10, "--nprobe", 32, "--rerank", 80)),
    ("IVF1024,RPQ32x4,f32", ("--nlist", 1024, "--m", 32, "--nbits", 4, "--rotate", "--vectors", "f32"),
     ("-k", 10, "--nprobe", 32, "--rerank", 80)),
)


def identical(run):
    """The learn vectors as queries."""
    section = Section("Ids and distances of the fastest kernels against the plain float scan, PQX_KERNELS=scalar --no-filter", 10)
    builder = pqx.Builder(run.data, run.work, run.log)
    queries = min(QUERIES, len(run.data.learn))
    for name, build, search in CONFIGURATIONS:
        index = builder.build(name, *build)
        found = []
        for kernels, flags in ((None, ()), ("scalar", ("--no-filter",))):
            ids, distances = (os.path.join(run.work, f"identical-{file}") for file in ("ids.ivecs", "distances.fvecs"))
            with TURNS.building():
                pqx.run("pq-search", index.path, run.data.learn_path, *search, *flags, "--limit", queries, "--threads", 2,
                        "--batch", 1000, "--force", "-o", ids, "--distances", distances, kernels=kernels)
            # Distances by their bits, so that −0 is not 0.
            found.append((dataset.read_ids(ids), dataset.read_vectors(distances).view("<u4")))
        different = np.zeros(queries, bool)
        for fast, plain in zip(*found):
            different |= (fast != plain).any(axis=1)
        words = " ".join(map(str, search))
        section.checks.append(Check(f"{name}, {words}: {queries:,} queries, different = 0", f"{different.sum()}", not different.any()))
    return section
