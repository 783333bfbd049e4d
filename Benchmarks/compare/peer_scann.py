"""ScaNN, in this process, one thread for searching."""
import os
import time

import numpy as np
import scann
from scann.scann_ops.py.scann_builder import ReorderType

from timing import TURNS, Timing, time_calls

BUILD_THREADS = 2
#: Bytes a component of the stored vectors.
STORES = {"float": (ReorderType.FLOAT32, 4), "int8": (ReorderType.INT8, 1)}


class Builder:
    """Makes indexes in the work folder, once each."""

    def __init__(self, data, work, log):
        self.data, self.work, self.log = data, work, log

    def tree(self, leaves, store, threshold):
        """Leaves, asymmetric hashing of 2 components in 4 bits, re-ordering by `store`; `threshold`: of the anisotropic
        loss, NaN for none."""
        name = tree_name(leaves, store, threshold)
        path = os.path.join(self.work, "scann-" + name.replace(", ", "-").replace(" ", "-"))
        if not os.path.exists(os.path.join(path, "scann_config.pb")):
            with TURNS.building():
                begun = time.perf_counter()
                searcher = (
                    scann.scann_ops_pybind.builder(self.data.base, 10, "squared_l2")
                    .tree(leaves, max(1, leaves // 20), training_sample_size=self.data.count // 2)
                    .score_ah(2, anisotropic_quantization_threshold=threshold)
                    .reorder(100, quantize=STORES[store][0])
                    .set_n_training_threads(BUILD_THREADS)
                    .build())
                os.makedirs(path, exist_ok=True)
                searcher.serialize(path)
            self.log(f"ScaNN {name}: built in {time.perf_counter() - begun:.1f} s")
        else:
            searcher = scann.scann_ops_pybind.load_searcher(path)
        size = sum(os.path.getsize(os.path.join(path, f)) for f in os.listdir(path))
        return Index(self.data, f"ScaNN {name}", searcher, size)


def tree_name(leaves, store, threshold):
    return f"{leaves} leaves, {store}, " + ("plain" if np.isnan(threshold) else f"anisotropic {threshold}")


class Index:
    """A setting is a dict of k, leaves, reorder, batch (0: all queries in one call)."""

    def __init__(self, data, name, searcher, file_bytes):
        self.data, self.name, self.searcher = data, name, searcher
        self.bytes_per_vector = file_bytes / data.count

    def queries(self, setting):
        return len(self.data.query)

    def measure(self, setting, repeat=None):
        k, leaves, reorder = setting["k"], setting["leaves"], setting["reorder"]
        query = self.data.query
        if setting.get("batch"):
            calls = list(query)
            call = lambda q: self.searcher.search(
                q, final_num_neighbors=k, pre_reorder_num_neighbors=reorder, leaves_to_search=leaves)[0]
        else:
            calls = [query]
            call = lambda q: self.searcher.search_batched(
                q, final_num_neighbors=k, pre_reorder_num_neighbors=reorder, leaves_to_search=leaves)[0]
        results, seconds, p50, p99 = time_calls(call, calls, repeat or 1)
        ids = np.full((len(query), k), -1, "i8")
        rows = results if setting.get("batch") else results[0]
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
        return Timing(len(query) / seconds, p50, p99, self.data.recall(ids, k))


def call_overhead(data):
    """What a call of ScaNN from Python costs with next to nothing to search: one query, 16 vectors; microseconds."""
    searcher = scann.scann_ops_pybind.builder(data.base[:16], 1, "squared_l2").score_brute_force().build()
    return time_calls(lambda q: searcher.search(q)[0], list(data.query[:1000]), 5)[2]
