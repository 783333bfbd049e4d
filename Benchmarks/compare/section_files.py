"""The claims about the file: time to open, memory that processes share, and searching it from a cold page cache."""
import json
import os
import statistics
import subprocess
import time

import numpy as np

import dataset
import probed
import pqx
from probed import reader

from report import Check, Section
from timing import ROUNDS, TURNS

MANY_LISTS = 65_536
PROCESSES = 8
MIB = 1 << 20


def opening(run):
    section = Section(f"Opening a file of {MANY_LISTS:,} lists, and {PROCESSES} processes that search it", 100)
    base, query = (os.path.join(run.work, f"many-{name}.fvecs") for name in ("base", "query"))
    path = os.path.join(run.work, "many.pqx")
    if not os.path.exists(path):
        with TURNS.building():
            pqx.run("pq-data", "generate", "--count", 4 * MANY_LISTS, "--dim", 8, "-o", base, "--force")
            pqx.run("pq-data", "generate", "--count", 1000, "--dim", 8, "--seed", 2, "-o", query, "--force")
            pqx.run("pq-build", base, "-o", path, "--force", "--quiet", "--nlist", MANY_LISTS, "--m", 4, "--iterations", 2)
    search = ["pq-search", path, query, "-k", 100, "--nprobe", 16, "--threads", 1]
    pqx.run(*search)
    with TURNS.timing():
        opens = [json.loads(pqx.run(*search, "--limit", 1, "--json"))["open_us"] for _ in range(51)]
    found = statistics.median(opens)
    section.checks.append(Check("open, warm, median of 51 processes < 1 ms", f"{found / 1000:.3f} ms", found < 1000))
    size = os.path.getsize(path)
    total = shared_memory(search)
    bound = size + PROCESSES * 8 * MIB
    section.checks.append(Check(
        f"Σ PSS of {PROCESSES} searching processes ≤ file ({size / MIB:.1f} MiB) + {PROCESSES} × 8 MiB",
        f"{total / MIB:.1f} MiB", total <= bound))
    return section


def shared_memory(search):
    """Σ PSS in bytes of processes that have all searched, and wait with the index mapped for their output to be read.

    Their results are more than a pipe holds, so that each sleeps in write(2).
    """
    command = [os.path.join(pqx.BIN, search[0]), *map(str, search[1:])]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    try:
        asleep, deadline = 0, time.monotonic() + 120
        while asleep < 5:
            if time.monotonic() > deadline:
                raise SystemExit("the searching processes did not come to wait for their output in 120 s")
            time.sleep(0.1)
            asleep = asleep + 1 if all(state(p.pid) == "S" for p in processes) else 0
        return sum(pss(p.pid) for p in processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))


QUERIES, NPROBE, LISTS = 16, 8, 128


def cold(run):
    """Lists of some 4,000 vectors, so that a frame is many pages."""
    section = Section(f"The index out of the page cache: {QUERIES} queries, {LISTS} lists, nprobe {NPROBE}, k = 10", 10)
    index = pqx.Builder(run.data, run.work, run.log).build(f"IVF{LISTS},PQ32x8", "--nlist", LISTS, "--m", 32)
    outputs = [os.path.join(run.work, f"cold-{name}") for name in ("ids.ivecs", "distances.fvecs")]
    search = [
        "pq-search", index.path, run.data.query_path, "-k", 10, "--nprobe", NPROBE, "--limit", QUERIES, "--json",
        "--cold", "--threads", 1, "--force", "-o", outputs[0], "--distances", outputs[1]]

    def results():
        return [open(path, "rb").read() for path in outputs]

    pqx.run(*search)
    warm = results()
    file = probed.File(index.path)
    lists = file.lists(run.data.query[:QUERIES], NPROBE)
    wanted = file.frames(reader.CODES, lists) + file.winners(lists, dataset.read_ids(outputs[0]))
    frames = sum(length for _, length in set(wanted))
    others = file.model() + file.directory(lists)
    other_bytes = sum(length for _, length in probed.merged(others, os.path.getsize(index.path)))
    ranges = probed.merged(wanted + others, os.path.getsize(index.path))
    del file  # a page that is mapped is not dropped
    run.log(f"{len(lists)} lists, {frames} bytes of frames, {other_bytes} of model and directory, {len(ranges)} ranges")
    searches, reads, bytes_read, same = [], [], [], True
    with TURNS.timing():
        for _ in range(ROUNDS):
            probed.evict(index.path)
            seconds, read = cold_search(search)
            searches.append(seconds)
            bytes_read.append(read)
            same = same and results() == warm
            probed.evict(index.path)
            reads.append(read_ranges(index.path, ranges))
    section.checks.append(Check("ids and distances equal to a warm search", "equal" if same else "different", same))
    section.checks.append(ratio(
        "bytes read from the device over the bytes of the probed frames, the model and the directory's pages",
        statistics.median(bytes_read), frames + other_bytes, 1.2, least=0.5))
    section.checks.append(ratio(
        "time of the search over reading the same ranges by pread, in ms",
        1000 * statistics.median(searches), 1000 * statistics.median(reads), 1.3))
    return section


def ratio(claim, value, reference, limit, least=0):
    """A value below `least` times the reference shows that nothing was measured: a file system without a device, such as tmpfs."""
    holds = value <= limit * reference if value >= least * reference else None
    return Check(f"{claim} ≤ {limit}", f"{value:,.2f} / {reference:,.2f} = {value / reference:.2f}", holds)


def cold_search(search, prepare=None):
    """Seconds of the search alone, and bytes that the process had the kernel read from the device.

    The process calls `prepare` before it becomes the search.
    """
    process = subprocess.Popen(
        [os.path.join(pqx.BIN, search[0]), *map(str, search[1:])], stdout=subprocess.PIPE, text=True, preexec_fn=prepare)
    text = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, search))}: exit {process.returncode}")
    report = json.loads(text)
    point = report["points"][0]
    # ru_inblock counts 512-byte blocks that this process had read in.
    return point["queries"] / point["qps"] + report["open_us"] / 1e6, usage.ru_inblock * 512


def read_ranges(path, ranges):
    """Seconds to read the ranges by pread(2), one after another."""
    buffer = memoryview(np.empty(max(length for _, length in ranges), "u1"))
    descriptor = os.open(path, os.O_RDONLY)
    begun = time.perf_counter()
    for offset, length in ranges:
        os.preadv(descriptor, [buffer[:length]], offset)
    taken = time.perf_counter() - begun
    os.close(descriptor)
    return taken
