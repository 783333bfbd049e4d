#!/usr/bin/env python3
"""Faiss IVFPQ on a folder of base, learn, query (.bvecs) and groundtruth.ivecs, one thread.

usage: faiss_ivfpq.py DATA --nlist N --m M [-k K] [--nprobe N,N,...] [--train base|learn]
Prints JSON: train and add seconds, bytes per vector, and recall@k (overlap with the true k) for each nprobe.
"""
import argparse, json, time
import faiss, numpy as np


def bvecs(path):
    raw = np.fromfile(path, "u1")
    dim = int(raw[:4].view("<i4")[0])
    return raw.reshape(-1, dim + 4)[:, 4:].astype("f4")


def ivecs(path):
    raw = np.fromfile(path, "<i4")
    return raw.reshape(-1, raw[0] + 1)[:, 1:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--nlist", type=int, required=True)
    parser.add_argument("--m", type=int, required=True)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--nprobe", default="1,4,16,64")
    parser.add_argument("--train", choices=["base", "learn"], default="learn")
    a = parser.parse_args()
    faiss.omp_set_num_threads(1)
    base, query = bvecs(f"{a.data}/base.bvecs"), bvecs(f"{a.data}/query.bvecs")
    truth = ivecs(f"{a.data}/groundtruth.ivecs")[:, : a.k]
    index = faiss.index_factory(base.shape[1], f"IVF{a.nlist},PQ{a.m}")
    start = time.perf_counter()
    index.train(base if a.train == "base" else bvecs(f"{a.data}/learn.bvecs"))
    trained = time.perf_counter()
    index.add(base)
    added = time.perf_counter()
    points = []
    for nprobe in map(int, a.nprobe.split(",")):
        index.nprobe = nprobe
        begun = time.perf_counter()
        ids = index.search(query, a.k)[1]
        seconds = time.perf_counter() - begun
        hits = sum(len(set(row) & set(true)) for row, true in zip(ids, truth))
        points.append({"nprobe": nprobe, "recall_at_k": hits / truth.size, "qps": len(query) / seconds})
    print(json.dumps({
        "train_seconds": trained - start, "add_seconds": added - trained,
        "bytes_per_vector": faiss.serialize_index(index).size / len(base), "points": points}))


main()
