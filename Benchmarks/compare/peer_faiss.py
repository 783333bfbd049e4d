"""Faiss, in this process, one thread for searching."""
import os
import time

import faiss
import numpy as np

from timing import TURNS, Timing, time_calls

BUILD_THREADS = 2
ADD_ROWS = 10_000
#: Stores to re-rank with, and bytes a component: floats, bytes over the range of each component, and bytes as they are, which
#: hold whole numbers exactly.
STORES = {"Flat": 4, "SQ8": 1, "SQ8direct": 1}


def stores(data):
    return [store for store in STORES if store != "SQ8direct" or data.has_bytes]


class Builder:
    """Makes indexes in the work folder, once each."""

    def __init__(self, data, work, log):
        self.data, self.work, self.log = data, work, log
        faiss.omp_set_num_threads(1)

    def cached(self, name, make):
        path = os.path.join(self.work, f"faiss-{name}")
        if not os.path.exists(path):
            with TURNS.building():
                begun = time.perf_counter()
                faiss.omp_set_num_threads(BUILD_THREADS)
                index = make()
                faiss.omp_set_num_threads(1)
                faiss.write_index(index, path)
            self.log(f"Faiss {name}: built in {time.perf_counter() - begun:.1f} s")
        return faiss.read_index(path), path

    def coarse(self, nlist):
        """The trained coarse quantizer, shared by all indexes of so many lists."""

        def make():
            trainer = faiss.index_factory(self.data.dimension, f"IVF{nlist},Flat")
            trainer.train(self.data.learn)
            return faiss.clone_index(trainer.quantizer)

        return self.cached(f"coarse{nlist}", make)[0]

    def ivf(self, nlist, m, nbits=8, fast=False, kind=""):
        """IVF-PQ on the shared coarse quantizer; `fast`: 4-bit codes in the fast-scan layout, and then `kind`: "r" of
        residuals, which is slower and more accurate, "OPQ" of rotated vectors, with lists of its own. Without `fast` codes
        are of residuals."""
        name = fast_name(nlist, m, kind) if fast else f"IVF{nlist},PQ{m}x{nbits}"

        def make():
            d, rotates = self.data.dimension, kind == "OPQ"
            coarse = faiss.IndexFlatL2(d) if rotates else self.coarse(nlist)
            if fast:
                index = faiss.IndexIVFPQFastScan(coarse, d, nlist, m, 4)
                index.by_residual = kind == "r"
            else:
                index = faiss.IndexIVFPQ(coarse, d, nlist, m, nbits)
            if rotates:
                rotation, codes = faiss.OPQMatrix(d, m), faiss.ProductQuantizer(d, m, 4)
                rotation.pq = codes
                rotation.train(self.data.learn)
                rotation.pq = None
                index = faiss.IndexPreTransform(rotation, index)
            index.train(self.data.learn)
            index.add(self.data.base)
            return index

        self.coarse(nlist)  # before, not within, the turn that the index takes
        index, path = self.cached(name, make)
        return Index(self.data, name, index, os.path.getsize(path))

    def pq(self, m, nbits=8, fast=False):
        name = f"PQ{m}x{4 if fast else nbits}{'fs' if fast else ''}"

        def make():
            d = self.data.dimension
            index = faiss.IndexPQFastScan(d, m, 4) if fast else faiss.IndexPQ(d, m, nbits)
            index.train(self.data.learn)
            # Beyond 8 bits Faiss makes a table of distances for every vector that it is given.
            for start in range(0, self.data.count, ADD_ROWS):
                index.add(self.data.base[start : start + ADD_ROWS])
            return index

        index, path = self.cached(name, make)
        return Index(self.data, name, index, os.path.getsize(path))

    def refined(self, nlist, m, kind, store):
        """Fast-scan IVF-PQ of a kind with re-ranking by stored vectors, one of STORES."""
        d = self.data.dimension
        codes = self.ivf(nlist, m, fast=True, kind=kind)
        kinds = {"SQ8": faiss.ScalarQuantizer.QT_8bit, "SQ8direct": faiss.ScalarQuantizer.QT_8bit_direct}
        vectors = faiss.IndexFlatL2(d) if store == "Flat" else faiss.IndexScalarQuantizer(d, kinds[store])
        with TURNS.building():
            vectors.train(self.data.learn)
            vectors.add(self.data.base)
        refined = faiss.IndexRefine(codes.index, vectors)
        size = codes.file_bytes + STORES[store] * d * self.data.count
        index = Index(self.data, f"{fast_name(nlist, m, kind)},R{store}", refined, size, rotates=kind == "OPQ")
        index.parts = (codes, vectors)  # the C++ index does not keep them
        return index


def fast_name(nlist, m, kind):
    """As Faiss' index factory spells it."""
    name = f"IVF{nlist},PQ{m}x4fs"
    return f"OPQ{m},{name}" if kind == "OPQ" else name + kind


class Index:
    """A setting is a dict of k, nprobe, k_factor, batch (0: all queries in one call)."""

    def __init__(self, data, name, index, file_bytes, rotates=False):
        self.data, self.name, self.index, self.file_bytes = data, f"Faiss {name}", index, file_bytes
        self.rotates = rotates
        self.bytes_per_vector = file_bytes / data.count

    def queries(self, setting):
        return len(self.data.query)

    def measure(self, setting, repeat=None):
        k, parameters = setting["k"], None
        if "nprobe" in setting:
            parameters = faiss.SearchParametersIVF(nprobe=setting["nprobe"])
        if self.rotates:
            parameters = faiss.SearchParametersPreTransform(index_params=parameters)
        if "k_factor" in setting:
            parameters = faiss.IndexRefineSearchParameters(k_factor=setting["k_factor"], base_index_params=parameters)
        query = self.data.query
        calls = [query] if not setting.get("batch") else [query[i : i + 1] for i in range(len(query))]
        results, seconds, p50, p99 = time_calls(
            lambda q: self.index.search(q, k, params=parameters)[1], calls, repeat or 1)
        return Timing(len(query) / seconds, p50, p99, self.data.recall(np.concatenate(results), k))


def call_overhead(data):
    """What a call of Faiss from Python costs with nothing to search: one query, one stored vector; microseconds."""
    index = faiss.IndexFlatL2(data.dimension)
    index.add(data.base[:1])
    calls = [data.query[i : i + 1] for i in range(min(1000, len(data.query)))]
    return time_calls(lambda q: index.search(q, 1)[1], calls, 5)[2]
