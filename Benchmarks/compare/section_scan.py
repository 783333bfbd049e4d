"""The rate of the scan kernel, by `scan-rate` of the nested package Benchmarks/."""
import json
import os
import subprocess

from report import Section
from timing import TURNS

PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def scan(run):
    """On its own codes: the data do not matter."""
    with TURNS.building():
        build = ["swift", "build", "-c", "release", "--package-path", PACKAGE, "--product", "scan-rate"]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        folder = subprocess.run([*build, "--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
    with TURNS.timing():
        result = json.loads(subprocess.run(
            [os.path.join(folder, "scan-rate")], check=True, capture_output=True, text=True).stdout)
    section = Section(f"The integer scan, m 16, 8 bits, kernels {result['kernels']}, median of {result['rounds']} rounds", 0)
    for trial in result["trials"]:
        name = "with brackets" if trial["bracket"] else "codes by minima" if trial["minima"] else "codes alone"
        section.at_least(f"{name}, {trial['l2_bytes']:,} bytes in L2: G vectors/s", trial["l2_vectors_per_second"] / 1e9, 4)
        section.at_least(
            f"{name}, {trial['memory_bytes']:,} bytes in memory, {trial['memory_vectors_per_second'] / 1e9:.2f} G vectors/s: "
            f"share of the {trial['read_bytes_per_second'] / 1e9:.1f} GB/s that a 512-bit read loop reads",
            trial["share_of_bandwidth"], 0.8)
    return section
