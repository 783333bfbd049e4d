#!/usr/bin/env python3
"""pqx beside Faiss and ScaNN: one section for each claim about search, each system timed in turn in one run, one thread.

Prints a table a section; OUT gets results.json and an SVG picture of recall against QPS for the sections with a sweep.
Indexes are made in the work folder and kept there if --work names one.
"""
import argparse
import json
import os
import sys
import tempfile
import time
import traceback

import chart
import dataset
import machine
import report
import section_files
import section_identical
import section_ids
import section_larger
import section_plain
import section_rerank
import section_scan

SECTIONS = {
    "exhaustive": section_plain.exhaustive,
    "scan": section_scan.scan,
    "ivfpq": section_plain.ivfpq,
    "article": section_plain.article,
    "rerank": section_rerank.batch,
    "single": section_rerank.single,
    "avx2": section_plain.avx2,
    "nbits": section_plain.nbits,
    "threads": section_plain.threads,
    "ids": section_ids.ids,
    "open": section_files.opening,
    "cold": section_files.cold,
    "larger": section_larger.larger,
    "identical": section_identical.identical,
}


class Run:
    """What a section works with: the data, a work folder, and a log on standard error."""

    def __init__(self, data, work):
        self.data, self.work = data, work

    def log(self, line):
        print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="DATA", help="folder with base, query and maybe learn (.bvecs or .fvecs), groundtruth.ivecs")
    parser.add_argument("sections", metavar="SECTION", nargs="*", help="of " + " ".join(SECTIONS) + " (default: all)")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="folder for results.json and pictures")
    parser.add_argument("--work", metavar="FOLDER", help="keep the indexes here and use them again")
    arguments = parser.parse_intermixed_args()
    for name in arguments.sections:
        if name not in SECTIONS:
            parser.error(f"no section {name}: give some of {' '.join(SECTIONS)}")
    os.makedirs(arguments.output, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pqx-compare") as temporary:
        work = arguments.work or temporary
        os.makedirs(work, exist_ok=True)
        run = Run(dataset.Dataset(arguments.data, work), work)
        facts = machine.facts()
        print(f"# {facts['cpu']}, {facts['cores']} cores, {facts['date']}; pqx {facts['pqx']}; "
              f"{run.data.count} vectors of {run.data.dimension}, {len(run.data.query)} queries\n", flush=True)
        failed = broken = False
        for name in arguments.sections or SECTIONS:
            run.log(f"section {name}")
            try:
                section = SECTIONS[name](run)
            except (Exception, SystemExit):  # the others can be run all the same
                traceback.print_exc()
                broken = True
                continue
            print(report.text(name, section), flush=True)
            report.save(os.path.join(arguments.output, "results.json"), facts, run.data, name, section)
            if section.curves:
                with open(os.path.join(arguments.output, f"{name}.svg"), "w") as file:
                    file.write(chart.svg(section.title, section.curves, section.k))
            failed = failed or any(check.holds is False for check in section.checks)
    sys.exit(2 if broken else 1 if failed else 0)


if __name__ == "__main__":
    main()
