"""Recall@10 ≥ .95 with re-ranking: every system sweeps its settings, and the best of each are timed in turn."""
import peer_faiss
import peer_scann
import pqx
from report import Section
from timing import TURNS, in_turn

FLOOR = 0.95
LISTS = (1024, 2048, 4096, 8192)
PROBES = (4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256)
FACTORS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60)
RERANKS = tuple(10 * f for f in FACTORS)


class Sweep:
    """Settings of one index, an outer one (lists to visit) and an inner one (candidates to compare exactly).

    Recall grows with both and speed falls, so for each outer value only the smallest inner value that reaches the
    floor matters; it is found by bisection. Outer values after the speed has fallen twice in a row are left out.
    """

    def __init__(self, index, outer, inner, base):
        self.index, self.outer, self.inner, self.base = index, outer, inner, base
        self.points = []  # (recall, qps, setting)

    def measure(self, outer_value, inner_value):
        setting = {**self.base, self.outer[0]: outer_value, self.inner[0]: inner_value}
        timing = self.index.measure(setting)
        self.points.append((timing.recall, timing.qps, setting))
        return timing

    def run(self):
        best, falls = 0, 0
        for outer in self.outer[1]:
            values = self.inner[1]
            low, high, found = 0, len(values) - 1, None
            last = self.measure(outer, values[high])
            if last.recall < FLOOR:
                continue
            found = last
            while low < high:
                middle = (low + high) // 2
                timing = self.measure(outer, values[middle])
                if timing.recall >= FLOOR:
                    high, found = middle, timing
                else:
                    low = middle + 1
            falls = 0 if found.qps > best else falls + 1
            best = max(best, found.qps)
            if falls == 2:
                break
        return self.points


def swept(index, outer, inner, base):
    with TURNS.timing():
        return Sweep(index, outer, inner, base).run()


#: How many indexes of a system are timed in turn after its sweep, each at its fastest setting that reaches the floor.
FINALISTS = 2


def sweep_pqx(run, base):
    own = pqx.Builder(run.data, run.work, run.log)
    vectors = "u8" if run.data.base_path.endswith(".bvecs") else "f32"
    for nlist in LISTS:
        for m in (run.data.dimension // 8, run.data.dimension // 4):
            index = own.build(f"IVF{nlist},PQ{m}x8,{vectors}", "--nlist", nlist, "--m", m, "--vectors", vectors)
            yield index, swept(index, ("nprobe", PROBES), ("rerank", RERANKS), base)


def sweep_faiss(run, base):
    faiss = peer_faiss.Builder(run.data, run.work, run.log)
    for nlist in LISTS:
        for m in (run.data.dimension // 4, run.data.dimension // 2):
            # Codes of residuals need a table a list: half as fast at the fewest lists already, and worse with more.
            for residual in (False, True) if nlist == LISTS[0] else (False,):
                codes = faiss.ivf(nlist, m, fast=True, residual=residual)
                for kind in peer_faiss.STORES:
                    index = faiss.refined(codes, kind)
                    yield index, swept(index, ("nprobe", PROBES), ("k_factor", FACTORS), base)


def sweep_scann(run, base):
    scann = peer_scann.Builder(run.data, run.work, run.log)
    for leaves in LISTS:
        for store in peer_scann.STORES:
            for threshold in (float("nan"), 0.2):
                index = scann.tree(leaves, store, threshold)
                yield index, swept(index, ("leaves", PROBES), ("reorder", RERANKS), base)


def finalists(run, sweeps):
    """Sweeps a system's indexes: the FINALISTS fastest as [(QPS, index, setting)], and all points for the picture.

    An index that is not among them is let go before the next is made: each may hold all vectors.
    """
    kept, points = [], []
    for index, found in sweeps:
        points += [(recall, qps) for recall, qps, _ in found]
        reached = [(qps, setting) for recall, qps, setting in found if recall >= FLOOR]
        if reached:
            qps, setting = max(reached, key=lambda entry: entry[0])
            run.log(f"{index.name}: {qps:,.0f} QPS at {setting}")
            kept = sorted([*kept, (qps, index, setting)], key=lambda entry: -entry[0])[:FINALISTS]
        del index
    return kept, points


def compare(run, section, base):
    """Sweeps all, then times the finalists of each system in turn. Gives each system's best Timing by name."""
    candidates, best = [], {}
    for name, sweep in (("Faiss", sweep_faiss), ("ScaNN", sweep_scann), ("pqx", sweep_pqx)):
        kept, section.curves[name] = finalists(run, sweep(run, base))
        candidates += [(name, index, setting) for _, index, setting in kept]
    timings = in_turn([(index, setting) for _, index, setting in candidates])
    for (name, _, _), timing in zip(candidates, timings):
        if name not in best or timing.qps > best[name].qps:
            best[name] = timing
    missing = {"Faiss", "ScaNN", "pqx"} - best.keys()
    if missing:
        raise SystemExit(f"no setting of {', '.join(sorted(missing))} reaches recall {FLOOR}; the sweep is too narrow for these data")
    for (name, index, setting), timing in zip(candidates, timings):
        section.add(index, setting, timing, None if name == "pqx" else best["pqx"].qps / timing.qps)
    return best


def batch(run):
    section = Section(f"recall@10 ≥ {FLOOR} with re-ranking, all queries in one call", 10)
    best = compare(run, section, {"k": 10})
    peer = max(best["Faiss"].qps, best["ScaNN"].qps)
    section.at_least("QPS over the best of Faiss and ScaNN", best["pqx"].qps / peer, 2.5)
    return section


def single(run):
    section = Section(f"recall@10 ≥ {FLOOR} with re-ranking, one query a call", 10)
    best = compare(run, section, {"k": 10, "batch": 1})
    overheads = {"Faiss": peer_faiss.call_overhead(run.data), "ScaNN": peer_scann.call_overhead(run.data)}
    for figure in ("p50", "p99"):
        peer = min(("Faiss", "ScaNN"), key=lambda name: getattr(best[name], figure))
        ours, theirs = getattr(best["pqx"], figure), getattr(best[peer], figure)
        section.at_least(f"{figure}: latency of {peer} over pqx's", theirs / ours, 2)
        section.at_least(f"{figure}: the same without the cost of an empty call", (theirs - overheads[peer]) / ours, 2)
    for name, cost in overheads.items():
        section.notes.append(f"An empty call of {name} from Python takes {cost:.1f} µs (p50), counted in its rows.")
    return section
