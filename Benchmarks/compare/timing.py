"""How everything is timed: passes over the queries in one call each or in one batch, in turns with the other systems.

The rule, the same for pq-search (`--repeat`) and the peers: `repeat` passes, after one that is not timed if there are
several, of which only the search calls are timed. QPS is the median pass's; latencies are of all timed calls. A round
times each system once; what is reported of a system is the median over the rounds.
"""
import contextlib
import dataclasses
import fcntl
import gc
import os
import statistics
import time

import numpy as np

#: What one timing of one system should take at least, in seconds.
TIMING_SECONDS = 0.4
ROUNDS = 5


@dataclasses.dataclass
class Timing:
    """Queries per second, and the latency of a call in microseconds."""

    qps: float
    p50: float
    p99: float
    recall: float | None = None
    bytes_read: int | None = None
    codes_scanned: int | None = None


def repeats_for(seconds):
    """Passes that fill a timing, from what one pass takes."""
    return max(1, min(1000, round(TIMING_SECONDS / max(seconds, 1e-6))))


def time_calls(call, arguments, repeat):
    """Times `call(argument)` for all arguments, `repeat` times, by the rule above: the results of the last pass, the
    median pass in seconds, p50 and p99 of the calls in microseconds."""
    if repeat > 1:
        results = [call(argument) for argument in arguments]
    passes, latencies = [], []
    gc.disable()
    try:
        for _ in range(repeat):
            results = []
            total = 0
            for argument in arguments:
                begun = time.perf_counter_ns()
                found = call(argument)
                taken = time.perf_counter_ns() - begun
                results.append(found)
                latencies.append(taken)
                total += taken
            passes.append(total)
    finally:
        gc.enable()
    p50, p99 = np.percentile(np.array(latencies) / 1000, [50, 99])
    return results, statistics.median(passes) / 1e9, float(p50), float(p99)


class Turns:
    """Turns with other users of the machine: builds share it, timings have it alone.

    With PQX_TURNS naming a folder, its files `gate` and `cpu` are locked by flock(2); else nothing is done.
    """

    def __init__(self, folder):
        self.folder = folder

    @contextlib.contextmanager
    def _hold(self, kind):
        if not self.folder:
            yield
            return
        gate = os.open(os.path.join(self.folder, "gate"), os.O_RDWR | os.O_CREAT)
        cpu = os.open(os.path.join(self.folder, "cpu"), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(cpu, kind)
            if kind == fcntl.LOCK_SH:
                fcntl.flock(gate, fcntl.LOCK_UN)
            yield
        finally:
            os.close(cpu)
            os.close(gate)

    def building(self):
        return self._hold(fcntl.LOCK_SH)

    def timing(self):
        return self._hold(fcntl.LOCK_EX)


TURNS = Turns(os.environ.get("PQX_TURNS"))


def calibrate(system, setting):
    """Passes for one timing. A first pass may map pages or fill caches, so that a short one is timed again."""
    seconds = system.queries(setting) / system.measure(setting, None).qps
    if seconds < TIMING_SECONDS / 2:
        seconds = system.queries(setting) / system.measure(setting, 3).qps
    return repeats_for(seconds)


def in_turn(points, rounds=ROUNDS):
    """Times each point once a round, one after the other; the median of each figure over the rounds.

    - points: `[(system, setting)]`; `system.measure(setting, repeat)` gives a Timing, with repeat None a single pass.
    """
    with TURNS.timing():
        repeats = [calibrate(system, setting) for system, setting in points]
        timings = [[] for _ in points]
        for _ in range(rounds):
            for i, (system, setting) in enumerate(points):
                timings[i].append(system.measure(setting, repeats[i]))
    return [median(t) for t in timings]


def median(timings):
    last = timings[-1]
    return dataclasses.replace(last, **{f: statistics.median(getattr(t, f) for t in timings) for f in ("qps", "p50", "p99")})
