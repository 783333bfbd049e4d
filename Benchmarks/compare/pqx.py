"""pqx through its own tools: pq-build makes the index, pq-search times itself."""
import json
import os
import subprocess

from timing import TURNS, Timing

BIN = os.environ.get("PQX_BIN", "")


def run(tool, *arguments, kernels=None):
    environment = dict(os.environ)
    if kernels:
        environment["PQX_KERNELS"] = kernels
    done = subprocess.run([os.path.join(BIN, tool), *map(str, arguments)], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{tool} {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Builder:
    """Makes indexes in the work folder, once each; a newer pq-build makes them anew."""

    def __init__(self, data, work, log):
        self.data, self.work, self.log = data, work, log

    def build(self, name, *flags, trained=True):
        """The index of the base vectors built with `flags`; trained on the learn vectors, as the peers are."""
        path = os.path.join(self.work, f"{name}.pqx")
        report = path + ".json"
        tool = os.path.join(BIN, "pq-build")
        if not os.path.exists(report) or os.path.getmtime(report) < os.path.getmtime(tool):
            if trained:
                flags = (*flags, "--train-input", self.data.learn_path, "--train-size", len(self.data.learn))
            with TURNS.building():
                text = run("pq-build", self.data.base_path, "-o", path, "--force", "--quiet", "--json", "--threads", 2, *flags)
            with open(report, "w") as file:
                file.write(text)
            self.log(f"pqx {name}: built in {json.loads(text)['seconds']:.1f} s")
        return Index(path, name, json.load(open(report)), self.data)


class Index:
    """An index file; a setting is a dict of k, nprobe, max-codes, reach, rerank, batch (0: all queries in one call),
    threads, kernels."""

    def __init__(self, path, name, report, data):
        self.path, self.name, self.data = path, f"pqx {name}", data
        self.bytes_per_vector = report["bytes_per_vector"]

    def queries(self, setting):
        return setting.get("limit", len(self.data.query))

    def arguments(self, setting):
        arguments = ["-k", setting["k"], "--threads", setting.get("threads", 1)]
        for flag in ("nprobe", "max-codes", "reach", "rerank", "batch", "limit"):
            if setting.get(flag):
                arguments += [f"--{flag}", setting[flag]]
        return arguments

    def measure(self, setting, repeat=None):
        arguments = [*self.arguments(setting), "--groundtruth", self.data.truth_path, "--json"]
        if repeat:
            arguments += ["--repeat", repeat]
        output = run("pq-search", self.path, self.data.query_path, *arguments, kernels=setting.get("kernels"))
        point = json.loads(output)["points"][0]
        latency = point["latency_us"]
        return Timing(
            point["qps"], latency["p50"], latency["p99"], point["recall_at_k"], point["bytes_read"], point["codes_scanned"])
