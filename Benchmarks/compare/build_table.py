#!/usr/bin/env python3
"""One table of build.sh: what the reports of pq-build say, with Faiss run here beside it on the same vectors.

usage: build_table.py train DATA WORK | pq VECTORS REPORT M | lists WORK
"""
import json
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "Formats"))
import reader  # noqa: E402


def vectors(path):
    kind = path.rsplit(".", 1)[1]
    if kind == "fbin":
        return np.fromfile(path, "<f4", offset=8).reshape(-1, int(np.fromfile(path, "<u4", 2)[1]))
    raw = np.fromfile(path, "u1" if kind == "bvecs" else "<f4")
    dim = int(np.fromfile(path, "<i4", 1)[0])
    head = 4 if kind == "bvecs" else 1
    return raw.reshape(-1, dim + head)[:, head:].astype("f4")


def stages(path):
    return {s["name"]: s["seconds"] for s in json.load(open(path))["stages"]}


def floats(index, kind, groups, count, components, offset=0):
    """Lane blocks of a section as [group][vector][component]."""
    start, _, _ = index.sections[kind]
    blocks = -(-count // 16)
    data = np.frombuffer(index.data, "<f4", groups * blocks * 16 * components, start + offset)
    return data.reshape(groups, blocks, components, 16).transpose(0, 1, 3, 2).reshape(groups, -1, components)[:, :count]


def nearest(x, centroids, chunk=2000):
    """The nearest centroid of each row, in f32."""
    norms = (centroids * centroids).sum(1)
    return np.concatenate([
        (norms - 2 * x[i:i + chunk] @ centroids.T).argmin(1) for i in range(0, len(x), chunk)])


def errors(x, centroids, codebooks):
    """Mean squared distances of x to the centroids, and of the residuals to what their codes stand for."""
    residual = x - centroids[nearest(x, centroids)]
    coarse = float((residual * residual).sum(1, dtype="f8").mean())
    code, sub = 0.0, codebooks.shape[2]
    for s, book in enumerate(codebooks):
        part = np.ascontiguousarray(residual[:, s * sub:(s + 1) * sub])
        rest = part - book[nearest(part, book)]
        code += float((rest * rest).sum(1, dtype="f8").mean())
    return coarse, code


def row(name, *values):
    print(f"{name:34}" + "".join(f"{v:>12}" for v in values), flush=True)


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def train(data, work):
    import faiss
    faiss.omp_set_num_threads(1)
    learn, base = vectors(f"{data}/learn.bvecs"), vectors(f"{data}/base.bvecs")
    peer = faiss.index_factory(128, "IVF1024,PQ16")
    peer_train = timed(lambda: peer.train(learn))
    peer_add = timed(lambda: peer.add(base))
    one, two = stages(f"{work}/ivf-1.json"), stages(f"{work}/ivf-2.json")
    row("", "pqx", "Faiss", "ratio")
    row("train, s", f"{one['train']:.2f}", f"{peer_train:.2f}", f"{peer_train / one['train']:.1f}")
    row(f"encode {len(base):,}, s", f"{one['encode']:.2f}", f"{peer_add:.2f}", f"{peer_add / one['encode']:.1f}")
    row("two threads: train, s", f"{two['train']:.2f}", "", f"{one['train'] / two['train']:.2f} of one")
    row("two threads: encode, s", f"{two['encode']:.2f}", "", f"{one['encode'] / two['encode']:.2f} of one")
    index = reader.Index(reader.read(f"{work}/ivf-1.pqx"))
    ours = errors(learn, floats(index, reader.CENTROIDS, 1, 1024, 128)[0],
                  floats(index, reader.CODEBOOKS, 16, 256, 8))
    centroids = peer.quantizer.reconstruct_n(0, 1024)
    theirs = errors(learn, centroids, faiss.vector_to_array(peer.pq.centroids).reshape(16, 256, 8))
    for name, a, b in zip(("error of centroids on learn", "error of codes on learn"), ours, theirs):
        row(name, f"{a:.1f}", f"{b:.1f}", f"{100 * (a / b - 1):+.2f} %")


def pq(path, report, m):
    import faiss
    faiss.omp_set_num_threads(1)
    x = vectors(path)
    own = stages(report)
    peer = faiss.IndexPQ(x.shape[1], m, 8)
    peer_train = timed(lambda: peer.train(x))
    some = x[:50_000]
    peer_add = timed(lambda: peer.add(some)) * len(x) / len(some)
    row("", "pqx", "Faiss", "ratio")
    row("train, s", f"{own['train']:.2f}", f"{peer_train:.2f}", f"{peer_train / own['train']:.1f}")
    row(f"encode {len(x):,}, s", f"{own['encode']:.2f}", f"{peer_add:.2f}", f"{peer_add / own['encode']:.1f}")


def lists(work):
    x = vectors(f"{work}/lists.fbin")
    row("", "groups", "all lists", "")
    reports = [stages(f"{work}/lists-{g}.json") for g in (256, 0)]
    row("train, s", *(f"{r['train']:.1f}" for r in reports))
    row("encode, vectors/s", *(f"{len(x) / r['encode']:,.0f}" for r in reports))
    index = reader.Index(reader.read(f"{work}/lists-256.pqx"))
    sample = np.sort(np.random.RandomState(1).choice(len(x), 2000, replace=False))
    best = nearest(x[sample], floats(index, reader.CENTROIDS, 1, index.nlist, index.dim)[0])
    found = sum(int(r) in index.content(int(b), reader.IDS) for r, b in zip(sample, best))
    row("nearest list found", f"{found / len(sample):.4f}", "1")
    points = [json.load(open(f"{work}/lists-{g}.search"))["points"] for g in (256, 0)]
    for a, b in zip(*points):
        row(f"recall@10, nprobe {a['nprobe']}", f"{a['recall_at_k']:.4f}", f"{b['recall_at_k']:.4f}",
            f"{a['recall_at_k'] - b['recall_at_k']:+.4f}")


command, arguments = sys.argv[1], sys.argv[2:]
{"train": train, "pq": lambda p, r, m: pq(p, r, int(m)), "lists": lists}[command](*arguments)
