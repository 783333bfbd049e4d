"""The machine and the versions that a result belongs to."""
import datetime
import importlib.metadata
import os
import subprocess

import pqx


def facts():
    with open("/proc/cpuinfo") as file:
        lines = dict(line.split(":", 1) for line in file.read().replace("\t", "").splitlines() if ":" in line)
    here = os.path.dirname(os.path.abspath(__file__))
    commit = subprocess.run(
        ["git", "-C", here, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": lines["model name"].strip(),
        "avx512_vbmi": "avx512vbmi" in lines["flags"].replace("_", ""),
        "cores": os.cpu_count(),
        "pqx": f"{pqx.run('pq-search', '--version').strip()} {commit}",
        "peers": {name: importlib.metadata.version(name) for name in ("faiss-cpu", "scann", "numpy")},
    }
