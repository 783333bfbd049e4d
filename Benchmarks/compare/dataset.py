"""A folder of vectors: base, query and maybe learn (.bvecs or .fvecs), and groundtruth.ivecs."""
import functools
import os

import numpy as np


def read_vectors(path):
    """All rows as f32, [row][component]."""
    raw = np.fromfile(path, "u1")
    dimension = int(raw[:4].view("<i4")[0])
    if path.endswith(".bvecs"):
        return raw.reshape(-1, dimension + 4)[:, 4:].astype("f4")
    return np.ascontiguousarray(raw.view("<f4").reshape(-1, dimension + 1)[:, 1:])


def write_vectors(path, rows):
    """Writes f32 rows in the format that the name says."""
    kind = "u1" if path.endswith(".bvecs") else "<f4"
    body = np.ascontiguousarray(rows.astype(kind))
    heads = np.full((len(rows), 1), rows.shape[1], "<i4")
    np.hstack([heads.view("u1"), body.view("u1").reshape(len(rows), -1)]).tofile(path)


def read_ids(path):
    raw = np.fromfile(path, "<i4")
    return raw.reshape(-1, raw[0] + 1)[:, 1:]


class Dataset:
    """Paths for the tools, arrays for the peers; both train on the same rows."""

    #: Training rows taken from base where the folder has no learn file.
    SAMPLE = 100_000

    def __init__(self, folder, work):
        self.folder = folder
        self.base_path, self.query_path = self.find("base"), self.find("query")
        self.has_bytes = self.base_path.endswith(".bvecs")
        self.truth_path = os.path.join(folder, "groundtruth.ivecs")
        self.truth = read_ids(self.truth_path)
        self.query = read_vectors(self.query_path)
        self.count, self.dimension = len(self.base), self.base.shape[1]
        learn = self.find("learn", required=False)
        if learn is None:
            learn = os.path.join(work, "learn" + os.path.splitext(self.base_path)[1])
            rows = np.random.default_rng(1).permutation(self.count)[: self.SAMPLE]
            write_vectors(learn, self.base[np.sort(rows)])
        self.learn_path = learn

    def find(self, name, required=True):
        for extension in (".bvecs", ".fvecs"):
            path = os.path.join(self.folder, name + extension)
            if os.path.exists(path):
                return path
        if required:
            raise SystemExit(f"{self.folder}: has no {name}.bvecs or {name}.fvecs")
        return None

    @functools.cached_property
    def base(self):
        return read_vectors(self.base_path)

    @functools.cached_property
    def learn(self):
        return read_vectors(self.learn_path)

    def recall(self, ids, k):
        """Overlap with the true k, over k and queries; a missing result is no overlap."""
        hits = sum(len(set(row[:k]) & set(true)) for row, true in zip(np.asarray(ids).tolist(), self.truth[:, :k].tolist()))
        return hits / (len(ids) * k)
