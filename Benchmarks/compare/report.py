"""A section's result: rows of systems, checks against targets; as text and as JSON."""
import dataclasses
import json
import os


@dataclasses.dataclass
class Row:
    """One system at one setting. `ratio` is pqx's speed over this peer's."""

    system: str
    setting: str
    timing: object
    bytes_per_vector: float | None = None
    ratio: float | None = None


@dataclasses.dataclass
class Check:
    """A claim, what was found, and whether it holds (None: nothing to compare with)."""

    claim: str
    found: str
    holds: bool | None


@dataclasses.dataclass
class Section:
    title: str
    k: int
    rows: list = dataclasses.field(default_factory=list)
    checks: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    #: name → [(recall, QPS)], for the picture.
    curves: dict = dataclasses.field(default_factory=dict)

    def add(self, index, setting, timing, ratio=None):
        self.rows.append(Row(index.name, spell(setting), timing, index.bytes_per_vector, ratio))

    def at_least(self, claim, value, target):
        self.checks.append(Check(f"{claim} ≥ {target:g}", f"{value:.2f}", value >= target))


def spell(setting):
    hidden = {"k", "batch", "limit"}
    words = [f"{key} {value}" for key, value in setting.items() if key not in hidden and value]
    return ", ".join(words) or "–"


def text(name, section):
    lines = [f"## {name}: {section.title}", ""]
    if section.rows:
        lines += [f"| system | setting | recall@{section.k} | QPS | p50 µs | p99 µs | B/vec | pqx / peer |",
                  "|---|---|---|---|---|---|---|---|"]
        for row in section.rows:
            t = row.timing
            recall = "–" if t.recall is None else f"{t.recall:.4f}"
            size = "–" if row.bytes_per_vector is None else f"{row.bytes_per_vector:.1f}"
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
            lines.append(f"| {row.system} | {row.setting} | {recall} | {t.qps:,.0f} | {t.p50:,.1f} | {t.p99:,.1f} | {size} | {ratio} |")
        lines.append("")
    if section.checks:
        lines += ["| claim | found | holds |", "|---|---|---|"]
        for check in section.checks:
            lines.append(f"| {check.claim} | {check.found} | {'' if check.holds is None else 'yes' if check.holds else 'NO'} |")
        lines.append("")
    lines += section.notes + ([""] if section.notes else [])
    return "\n".join(lines)


def save(path, facts, data, name, section):
    """Adds the section to the results in `path`, replacing an earlier one of its name."""
    results = {}
    if os.path.exists(path):
        with open(path) as file:
            results = json.load(file)
    body = dataclasses.asdict(section)
    results[name] = {
        "machine": facts, "data": {"count": data.count, "dimension": data.dimension, "queries": len(data.query)}, **body}
    with open(path, "w") as file:
        json.dump(results, file, indent=1, sort_keys=True)
        file.write("\n")
