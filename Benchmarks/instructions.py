#!/usr/bin/env python3
"""What a query's instructions are spent on, counted by valgrind's callgrind: one thread, everything in memory and checked.

    instructions.py INDEX QUERIES [flags of pq-search: -k, --nprobe, --rerank, --batch, ...]

Prints a table. PQX_BIN names the folder of pq-search, else it is built. Two runs that differ in the number of passes over
the first 200 queries are compared, so that opening, checking and printing count for nothing. Each function's own
instructions belong to the stage that its name tells.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

QUERIES = 200
PASSES = (4, 7)  # the fewer have all that is derived from the model: centroids are rounded after 512 queries
# The k-th of lists is found by the kernel that finds that of codes, and counted there.
# A query alone is rotated by the kernel that makes tables of inner products, several by the one that orders them.
STAGES = (
    ("order and rotation", r"ip_blocks_batch|Pivots|QueryOrder|IndexFile\.order|StableSort|stableSort|SearchResults\.append"),
    ("choice of lists", r"list_scores|l2_numbered|group_minima|floats_within|l2_blocks|ListChoice|GroupChoice"
                        r"|OrderedKey|compareCentroids|chooseLists|chooseNearest|score\(|limit\(_:distance|squaredL2"
                        r"|\bproject|ListRounding"),
    ("tables", r"ip_blocks|quantize|part_minima|Kernels\.partMinima|QuantizedTables\.fill|pair_tables|pairTables"
               r"|subtractCentre|fillTables|compareCodebooks|innerProduct"),
    ("scan of codes", r"^scan$|^scan(_minima)?_\d+$|^scan_checked$|^append_bytes$|^append_wide$|^sum_codes"),
    ("frames to scan", r"scanCodes|CodeFrames|frameView|IndexFile\.list\(|ListEntry|FrameEntry|frameNumber|frameCount"
                       r"|fetch|Kernels\.scan|Survivors\.scan|QuantizedTables|knownDirectory|CodeFrame|rawFrameBytes"
                       r"|MappedFile\.bytes|findNext|KnownDirectory|frameEntry|IndexFile\.(sum|visit|stored)\b|FirstSums\.(scan|append)"
                       r"|Kernels\.sums"),
    ("what the scan finds", r"adc_estimates|[eE]stimates|Survivors|Pending|Reservoir|float_kth|sum_limit|sums_within"
                            r"|summed_within|sum_minima|scanFirst|FirstSums"
                            r"|IndexFile.?append\b|Kernels\.(limit|select|kth)|^append$"),
    ("canonical distances", r"adc_residual|adc_tables|subtractCentroid|subtract_lane|Kernels\.distances|offer|Candidates"),
    ("re-ranking", r"rows_at|IndexFile\.(rerank|locate)|CandidateWalk|advance|Kernels\.rows"),
    ("ids and results", r"ids_at|Kernels\.ids|IDFrame|IndexFile\.frame\(|appendSorted|decode|findIDs|appendResults"
                        r"|[sS]ort|LZ4|SearchResults"),
)


def instructions(path):
    """Own instructions by function, of a callgrind file."""
    names, counts, function, is_call = {}, collections.Counter(), None, False
    with open(path) as file:
        for line in file:
            if match := re.match(r"(c?fn)=\((\d+)\)(?: (.*))?", line):
                kind, number, name = match.groups()
                if name:
                    names[number] = name.strip()
                if kind == "fn":
                    function = number
            elif line.startswith("calls="):
                is_call = True
            elif match := re.match(r"[+\-*\d]\S* (\d+)$", line):
                if not is_call:
                    counts[function] += int(match.group(1))
                is_call = False
    return collections.Counter({names[number]: count for number, count in counts.items()})


def demangled(names):
    text = "\n".join(re.sub(r"'\d+$", "", name) for name in names)
    done = subprocess.run(["swift", "demangle", "--simplified"], input=text, capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.splitlines()))


def counted(tool, arguments, passes, folder):
    out = os.path.join(folder, f"callgrind.{passes}")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", tool, *arguments, "--limit", str(QUERIES),
               "--threads", "1", "--json", "--repeat", str(passes)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("valgrind is not installed; the package of that name has callgrind")
    if done.returncode:
        raise SystemExit("\n".join(line for line in done.stderr.splitlines() if not line.startswith("==")))
    return instructions(out), json.loads(done.stdout)["points"][0]


def binary():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if "PQX_BIN" in os.environ:
        return os.path.join(os.environ["PQX_BIN"], "pq-search")
    build = ["swift", "build", "-c", "release", "--package-path", root]
    subprocess.run(build, check=True, stdout=sys.stderr)
    return os.path.join(subprocess.run([*build, "--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip(),
                        "pq-search")


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        # Valgrind does not read all forms of debugging information.
        tool = os.path.join(folder, "pq-search")
        subprocess.run(["objcopy", "--strip-debug", binary(), tool], check=True)
        (few, _), (many, point) = (counted(tool, sys.argv[1:], passes, folder) for passes in PASSES)
    queries = point["queries"] * (PASSES[1] - PASSES[0])
    names = demangled(list(many))
    stages = collections.Counter()
    for function, count in (many - few).items():
        stage = next((stage for stage, pattern in STAGES if re.search(pattern, names[function])), "other")
        stages[stage] += count / queries
    total = sum(stages.values())
    scanned = point["codes_scanned"] / point["queries"]
    print(f"{total:,.0f} instructions a query, {scanned:,.0f} codes in {point['lists_visited'] / point['queries']:.1f} lists\n")
    print("| stage | instructions a query | share |\n|---|---|---|")
    for stage in [*(stage for stage, _ in STAGES), "other"]:
        print(f"| {stage} | {stages[stage]:,.0f} | {100 * stages[stage] / total:.0f} % |")
    print(f"\nThe scan: {32 * stages['scan of codes'] / scanned:,.0f} instructions for 32 codes.")


main()
