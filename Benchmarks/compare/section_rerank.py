"""Recall@10 ≥ .95 with re-ranking: every system sweeps its settings, and the best of each are timed in turn."""
import functools
import itertools
import json
import os

import peer_faiss
import peer_scann
import pqx
from report import Section
from timing import TURNS, in_turn

FLOOR = 0.95
#: Passes that are timed of a setting in a sweep.
SWEEP_PASSES = 2
LISTS = tuple(map(int, os.environ.get("PQX_LISTS", "1024 2048 4096 8192").split()))
#: Learn vectors that a list needs for it to be swept.
LEARN_PER_LIST = 8
PROBES = (4, 6, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 64, 80, 96, 128, 192, 256)
FACTORS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 60)
RERANKS = tuple(10 * f for f in FACTORS)
#: Codes of pqx: bits, components of a subspace, and whether vectors are rotated.
CODES = ((8, 8, False), (8, 4, False), (4, 4, False), (4, 2, False), (8, 8, True), (4, 4, True), (4, 2, True))
#: What bounds a query's lists in pqx alone, beside nprobe: distances as multiples of the nearest list's, and vectors as
#: shares of those that the fastest setting without bounds scans.
REACHES = (None, 1.35, 1.4, 1.45, 1.5)
SHARES = (None, 0.85, 0.9, 0.95, 1.0, 1.05)


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
        timing = self.index.measure(setting, SWEEP_PASSES)
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


def bounded(index, setting):
    """The points of more lists than the fastest setting visits, with bounds: [(recall, QPS, setting)]."""
    scanned = index.measure(setting).codes_scanned / index.queries(setting)
    points = []
    for nprobe in [n for n in PROBES if n > setting["nprobe"]][:2]:
        for reach, share in itertools.product(REACHES, SHARES):
            tried = {**setting, "nprobe": nprobe, "reach": reach, "max-codes": share and round(share * scanned)}
            timing = index.measure(tried, SWEEP_PASSES)
            points.append((timing.recall, timing.qps, tried))
    return points


#: Indexes of a system that were fastest in their sweeps, where each setting was timed once, and maybe another day: as many
#: are timed in turn, each at its fastest setting that reaches the floor,
SEMIFINALISTS = 6
#: and of the fastest of these more settings are.
FINALISTS = 2
#: How many of the settings that were fastest in a sweep, where each was timed once, are timed in turn to find that one.
RUN_OFF = 5


def fastest(index, points):
    """The fastest setting that reaches the floor, of [(recall, QPS, setting)] as a sweep found them."""
    reached = sorted((point for point in points if point[0] >= FLOOR), key=lambda point: -point[1])
    settings = [setting for _, _, setting in reached[:RUN_OFF]]
    timings = in_turn([(index, setting) for setting in settings])
    return max(zip(timings, settings), key=lambda entry: entry[0].qps)[1]


def lists(run):
    fit = [nlist for nlist in LISTS if nlist * LEARN_PER_LIST <= len(run.data.learn)]
    if not fit:
        raise SystemExit(f"{len(run.data.learn)} learn vectors are too few for {LISTS[0]} lists")
    return fit


class Candidate:
    """An index that may be made, opened and swept; a peer's sweep is kept in the work folder, as its index is."""

    def __init__(self, run, name, make, outer, inner, is_peer=True):
        self.run, self.name, self.make, self.outer, self.inner = run, name, make, outer, inner
        self.keeps, self.has_bounds = is_peer, not is_peer

    def points(self, base):
        """[(recall, QPS, setting)] of its sweep."""
        mode = "single" if base.get("batch") else "batch"
        path = os.path.join(self.run.work, f"sweep-{self.name}-{mode}.json".replace(", ", "-").replace(" ", "-"))
        if self.keeps and os.path.exists(path):
            with open(path) as file:
                return json.load(file)
        index = self.make()
        with TURNS.timing():
            found = Sweep(index, self.outer, self.inner, base).run()
        if self.keeps:
            with open(path, "w") as file:
                json.dump(found, file)
        return found


def pqx_candidates(run):
    own = pqx.Builder(run.data, run.work, run.log)
    vectors = "u8" if run.data.base_path.endswith(".bvecs") else "f32"
    for nlist in lists(run):
        for nbits, part, rotates in CODES:
            m = run.data.dimension // part
            name = f"IVF{nlist},{'R' if rotates else ''}PQ{m}x{nbits},{vectors}"
            flags = ("--nlist", nlist, "--m", m, "--nbits", nbits, "--vectors", vectors, *["--rotate"][: rotates])
            make = functools.partial(own.build, name, *flags)
            yield Candidate(run, f"pqx {name}", make, ("nprobe", PROBES), ("rerank", RERANKS), is_peer=False)


def faiss_candidates(run):
    faiss = peer_faiss.Builder(run.data, run.work, run.log)
    for nlist in lists(run):
        for m in (run.data.dimension // 4, run.data.dimension // 2):
            # Codes of residuals need a table a list: half as fast at the fewest lists already, and worse with more.
            for kind in ("", "OPQ", "r") if nlist == LISTS[0] else ("", "OPQ"):
                for store in peer_faiss.stores(run.data):
                    make = functools.partial(faiss.refined, nlist, m, kind, store)
                    name = f"Faiss {peer_faiss.fast_name(nlist, m, kind)},R{store}"
                    yield Candidate(run, name, make, ("nprobe", PROBES), ("k_factor", FACTORS))


def scann_candidates(run):
    scann = peer_scann.Builder(run.data, run.work, run.log)
    for leaves in lists(run):
        for store in peer_scann.STORES:
            for threshold in (float("nan"), 0.2):
                make = functools.partial(scann.tree, leaves, store, threshold)
                name = f"ScaNN {peer_scann.tree_name(leaves, store, threshold)}"
                yield Candidate(run, name, make, ("leaves", PROBES), ("reorder", RERANKS))


def finalists(run, candidates, base):
    """Sweeps a system: its FINALISTS fastest as [(index, setting)], and all points for the picture."""
    kept, points = [], []
    for candidate in candidates:
        found = candidate.points(base)
        points += [(recall, qps) for recall, qps, _ in found]
        reached = [(qps, setting) for recall, qps, setting in found if recall >= FLOOR]
        if reached:
            qps, setting = max(reached, key=lambda entry: entry[0])
            run.log(f"{candidate.name}: {qps:,.0f} QPS at {setting}")
            kept = sorted([*kept, (qps, setting, candidate, found)], key=lambda entry: -entry[0])[:SEMIFINALISTS]
    made = [(candidate.make(), setting) for _, setting, candidate, _ in kept]
    timings = in_turn(made)
    for (index, setting), timing in zip(made, timings):
        run.log(f"{index.name}: {timing.qps:,.0f} QPS in turn at {setting}")
    places = sorted(range(len(made)), key=lambda place: -timings[place].qps)[:FINALISTS]
    final = []
    for place in places:
        index, (_, _, candidate, found) = made[place][0], kept[place]
        setting = fastest(index, found)
        if candidate.has_bounds:
            with TURNS.timing():
                more = bounded(index, setting)
            points += [(recall, qps) for recall, qps, _ in more]
            setting = fastest(index, [*found, *more])
        run.log(f"{candidate.name}: fastest in turn at {setting}")
        final.append((index, setting))
    return final, points


def compare(run, section, base):
    """Sweeps all, then times the finalists of each system in turn. Gives each system's best Timing by name."""
    entries, best = [], {}
    systems = (("Faiss", faiss_candidates), ("ScaNN", scann_candidates), ("pqx", pqx_candidates))
    for name, candidates in systems:
        kept, section.curves[name] = finalists(run, candidates(run), base)
        if not kept:
            raise SystemExit(f"no setting of {name} reaches recall {FLOOR}: its sweep is too narrow for these data")
        entries += [(name, index, setting) for index, setting in kept]
    timings = in_turn([(index, setting) for _, index, setting in entries])
    for (name, _, _), timing in zip(entries, timings):
        if name not in best or timing.qps > best[name].qps:
            best[name] = timing
    for (name, index, setting), timing in zip(entries, timings):
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
