"""The share of a query's time that goes into the winners' ids, by samples of perf(1)."""
import os
import re
import shutil
import subprocess

import pqx
from report import Check, Section
from timing import TURNS

#: Functions of PQSearch and PQFormat (mangled) under which ids are decoded: the last step of a search, and candidates
#: that tie with the k-th. What they call counts, so the share is an upper bound.
DECODING = re.compile(r"appendResults|IDFrame|9IndexFileV2id_")
#: Under this all of a search happens.
SEARCHING = re.compile(r"PQSearch")


def ids(run):
    section = Section("Decoding ids, IVF1024, PQ 16×8, one query a call", 10)
    index = pqx.Builder(run.data, run.work, run.log).build("IVF1024,PQ16x8", "--nlist", 1024, "--m", 16)
    for k, target in ((10, 0.10), (100, 0.20)):
        for nprobe in (16, 64):
            claim = f"share of query time, k = {k}, nprobe {nprobe} ≤ {target:.0%}"
            if shutil.which("perf") is None:
                section.checks.append(Check(claim, "perf is not installed", None))
                continue
            decoding, searching = sample(run, index, ["-k", k, "--nprobe", nprobe, "--batch", 1, "--repeat", 20])
            if searching == 0:
                section.checks.append(Check(claim, "perf has found no sample of a search", None))
                continue
            share = decoding / searching
            section.checks.append(Check(claim, f"{share:.1%} ({decoding} of {searching} samples)", share <= target))
    return section


def sample(run, index, flags):
    """Samples under the decoding of ids, and under searching."""
    record = os.path.join(run.work, "ids.perf")
    search = [os.path.join(pqx.BIN, "pq-search"), index.path, run.data.query_path, *map(str, flags), "--threads", "1", "--json"]
    with TURNS.timing():
        subprocess.run(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "--call-graph", "fp", "-o", record, "--", *search],
            check=True, stdout=subprocess.DEVNULL)
    text = subprocess.run(
        ["perf", "script", "-i", record, "--no-demangle", "-F", "ip,sym"], check=True, capture_output=True, text=True).stdout
    stacks = text.split("\n\n")
    searching = [stack for stack in stacks if SEARCHING.search(stack)]
    return sum(1 for stack in searching if DECODING.search(stack)), len(searching)
