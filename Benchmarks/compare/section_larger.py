"""The claim about a file that is larger than memory: a memory cgroup of a quarter of it, which loses pages as fast as they
come."""
import contextlib
import json
import os
import statistics

import probed
import pqx
from report import Check, Section
from section_files import MIB, cold_search, ratio
from timing import TURNS

FLAGS = ("--nlist", 1024, "--m", 64, "--nbits", 4, "--vectors", "f32")
SEARCH = ("-k", 10, "--nprobe", 40, "--rerank", 50)
RUNS = 3
PAGE = 4096


def larger(run):
    index = pqx.Builder(run.data, run.work, run.log).build("IVF1024,PQ64x4,f32", *FLAGS)
    limit = os.path.getsize(index.path) // 4
    section = Section(
        f"{index.name} in a memory cgroup of {limit / MIB:.0f} MiB, a quarter of the file: {' '.join(map(str, SEARCH))}", 10)
    outputs = [os.path.join(run.work, f"larger-{name}") for name in ("ids.ivecs", "distances.fvecs")]
    search = ["pq-search", index.path, run.data.query_path, *SEARCH, "--threads", 1, "--json", "--force",
              "-o", outputs[0], "--distances", outputs[1]]

    def results():
        return [open(path, "rb").read() for path in outputs]

    pqx.run(*search)
    ample = json.loads(pqx.run(*search))["points"][0]
    expected = results()
    rates, bytes_read, same = [], [], True
    with TURNS.timing(), memory_group(limit) as enter:
        if enter is None:
            section.notes.append("not run: no memory cgroup can be made here")
            return section
        for _ in range(RUNS):
            probed.evict(index.path)
            seconds, read = cold_search([*search, "--cold"], enter)
            rates.append(ample["queries"] / seconds)
            bytes_read.append(read / ample["queries"])
            same = same and results() == expected
    section.notes.append(f"{statistics.median(rates):,.0f} queries/s; with enough memory {ample['qps']:,.0f}")
    section.checks.append(Check("ids and distances as with enough memory", "equal" if same else "different", same))
    section.checks.append(ratio(
        "KB read from the device a query over those of the pages that a query uses",
        statistics.median(bytes_read) / 1000, ample["pages_read"] * PAGE / ample["queries"] / 1000, 1.2, least=0.1))
    return section


@contextlib.contextmanager
def memory_group(limit):
    """What a process calls to enter a memory cgroup (version 1 or 2) of so many bytes; None where none can be made."""
    for root, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = os.path.join(root, f"pqx-{os.getpid()}")
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            try:
                write(os.path.join(group, name), limit)
            except OSError:
                continue

            def enter():
                write(os.path.join(group, "cgroup.procs"), os.getpid())

            yield enter
            return
        finally:
            os.rmdir(group)
    yield None


def write(path, value):
    """Writes to a file that is there: a folder that is no cgroup gets none."""
    with open(path, "r+") as file:
        file.write(str(value))
