"""The claims about scanning codes: PQ and IVF-PQ without re-ranking."""
import peer_faiss
import pqx
from report import Section
from timing import in_turn


def builders(run):
    return pqx.Builder(run.data, run.work, run.log), peer_faiss.Builder(run.data, run.work, run.log)


def compare(section, ours, our_setting, peers):
    """Times pqx and the peers in turn; `peers`: `[(index, setting)]`. Gives pqx's timing, then theirs."""
    points = [(ours, our_setting), *peers]
    timings = in_turn(points)
    section.add(ours, our_setting, timings[0])
    for (index, setting), timing in zip(peers, timings[1:]):
        section.add(index, setting, timing, timings[0].qps / timing.qps)
    return timings


def exhaustive(run):
    own, faiss = builders(run)
    section = Section("PQ 8×8, every code, k = 100, one query a call", 100)
    setting = {"k": 100, "batch": 1}
    ours, peer = compare(section, own.build("PQ8x8", "--index", "pq", "--m", 8), setting, [(faiss.pq(8), setting)])
    section.at_least("QPS over Faiss IndexPQ", ours.qps / peer.qps, 15)
    section.at_least("recall minus Faiss'", ours.recall - peer.recall, -0.01)
    overhead(section, run)
    return section


def overhead(section, run):
    section.notes.append(f"An empty call of Faiss from Python takes {peer_faiss.call_overhead(run.data):.1f} µs (p50), counted in its rows.")


def ivfpq(run, kernels=None):
    own, faiss = builders(run)
    title = "IVF1024, PQ 16×8, k = 10, all queries in one call"
    section = Section(title + (f", PQX_KERNELS={kernels}" if kernels else ""), 10)
    index = own.build("IVF1024,PQ16x8", "--nlist", 1024, "--m", 16)
    plain = faiss.ivf(1024, 16)
    fast = None if kernels else faiss.ivf(1024, 32, fast=True)
    for nprobe in (16, 64):
        setting = {"k": 10, "nprobe": nprobe}
        peers = [(plain, setting)] if kernels else [(plain, setting), (fast, setting)]
        ours, *theirs = compare(section, index, {**setting, "kernels": kernels}, peers)
        section.at_least(f"nprobe {nprobe}: QPS over Faiss IVFPQ", ours.qps / theirs[0].qps, 3 if kernels else 10)
        section.at_least(f"nprobe {nprobe}: recall minus Faiss IVFPQ's", ours.recall - theirs[0].recall, -0.01)
        if not kernels:
            section.at_least(f"nprobe {nprobe}: QPS over Faiss fast scan", ours.qps / theirs[1].qps, 1.2)
            section.at_least(f"nprobe {nprobe}: recall minus Faiss fast scan's", ours.recall - theirs[1].recall, 0.1)
    return section


def avx2(run):
    return ivfpq(run, kernels="avx2")


def article(run):
    own, faiss = builders(run)
    section = Section("IVF2048, PQ 8×8, nprobe 48, k = 100, one query a call", 100)
    setting = {"k": 100, "nprobe": 48, "batch": 1}
    index = own.build("IVF2048,PQ8x8", "--nlist", 2048, "--m", 8)
    ours, peer = compare(section, index, setting, [(faiss.ivf(2048, 8), setting)])
    section.at_least("QPS over Faiss IVFPQ", ours.qps / peer.qps, 5)
    section.at_least("recall minus Faiss'", ours.recall - peer.recall, -0.01)
    overhead(section, run)
    return section


def nbits(run):
    own, faiss = builders(run)
    section = Section("Other code widths, k = 10, all queries in one call", 10)
    setting = {"k": 10}
    index = own.build("PQ32x4", "--index", "pq", "--m", 32, "--nbits", 4)
    ours, peer = compare(section, index, setting, [(faiss.pq(32, fast=True), setting)])
    section.at_least("nbits 4, every code: QPS over Faiss fast scan", ours.qps / peer.qps, 1)
    section.at_least("nbits 4, every code: recall minus Faiss'", ours.recall - peer.recall, -0.01)
    index = own.build("IVF1024,PQ32x4", "--nlist", 1024, "--m", 32, "--nbits", 4)
    for nprobe in (16, 64):
        at = {"k": 10, "nprobe": nprobe}
        ours, peer = compare(section, index, at, [(faiss.ivf(1024, 32, fast=True), at)])
        section.at_least(f"nbits 4, nprobe {nprobe}: QPS over Faiss fast scan", ours.qps / peer.qps, 1)
        section.at_least(f"nbits 4, nprobe {nprobe}: recall minus Faiss'", ours.recall - peer.recall, -0.01)
    for width in (10, 12):
        index = own.build(f"PQ8x{width}", "--index", "pq", "--m", 8, "--nbits", width)
        ours, peer = compare(section, index, setting, [(faiss.pq(8, width), setting)])
        section.at_least(f"nbits {width}: QPS over Faiss IndexPQ", ours.qps / peer.qps, 5)
        section.at_least(f"nbits {width}: recall minus Faiss'", ours.recall - peer.recall, -0.01)
    return section


def threads(run):
    own, _ = builders(run)
    section = Section("IVF1024, PQ 16×8, k = 10, nprobe 64, all queries in one call: 1 thread and 2", 10)
    index = own.build("IVF1024,PQ16x8", "--nlist", 1024, "--m", 16)
    settings = [{"k": 10, "nprobe": 64, "threads": t} for t in (1, 2)]
    timings = in_turn([(index, setting) for setting in settings])
    for setting, timing in zip(settings, timings):
        section.add(index, setting, timing)
    section.at_least("QPS of 2 threads over 1", timings[1].qps / timings[0].qps, 1.8)
    return section


