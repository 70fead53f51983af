"""The JSON of a run as Markdown tables: python benchmarks/table.py RESULTS.json"""

import json
import math
import sys
from itertools import groupby

# fact of a benchmark: heading of its column, and how it is written
COLUMNS = {
    "case": ("", str),
    "seconds": ("time", lambda x: time(x)),
    "ns_per_pair": ("ns per (sample, component)", lambda x: f"{x:.2f}"),
    "fma_share": ("of the FMA peak", lambda x: f"{x:.0%}"),
    "bound_share": ("of the bound", lambda x: f"{x:.0%}"),
    "gflops": ("GFLOP/s", lambda x: f"{x:.1f}"),
    "gexp": ("10⁹ exp/s", lambda x: f"{x:.2f}"),
    "source": ("measured by", str),
    "iterations": ("iterations", lambda x: f"{x:g}"),
    "worth": ("in iterations", lambda x: f"{x:.2f}"),
    "gain": ("nats per sample above", lambda x: signed(x)),
    "worst": ("at worst", lambda x: signed(x)),
    "not_lower": ("not lower", lambda x: f"{x[0]} of {x[1]}"),
    "reached": ("reached", lambda x: f"{x[0]} of {x[1]}"),
    "found": ("found", lambda x: f"{x[0]} of {x[1]}"),
    "found_by_mclust": ("by mclust", lambda x: f"{x[0]} of {x[1]}"),
    "index": ("mean, least; by seed", lambda x: by_seed(x)),
    "their_index": ("scikit-learn", lambda x: by_seed(x)),
    "fewest": ("samples of the smallest component", lambda x: f"{x:.0f}"),
    "covered": ("covered, by parameter", lambda x: f"{x[0]:.1%} to {x[1]:.1%}"),
    "passes": ("passes", str),
    "plain_passes": ("of textbook EM", str),
    "fewer": ("fewer", lambda x: f"{x:.2f}×"),
    "megabytes": ("MB", lambda x: f"{x:.1f}"),
}


def time(seconds):
    """Seconds in a unit that suits them."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            return f"{seconds / size:.3g} {unit}" if seconds / size < 1000 else f"{seconds / size:.0f} {unit}"


def signed(x):
    return f"{x:+.1e}" if 0 < abs(x) < 1e-3 else f"{x:+.4f}"


def by_seed(values):
    return f"{sum(values) / len(values):.3f}, {min(values):.3f}; " + " ".join(f"{x:.2f}" for x in values)


def ratio(x):
    return f"{x:.1f}" if x < 100 else f"{x:.0f}"


def tables(benchmarks):
    """One table for each group of benchmarks, in the order in which they ran.

    Parameters
    ----------
    benchmarks : list of dict
        With "group" and "extra_info", as pytest-benchmark writes them.

    Returns
    -------
    str
    """
    order = list(dict.fromkeys(row["group"] for row in benchmarks))
    benchmarks = sorted(benchmarks, key=lambda row: order.index(row["group"]))
    return "\n".join(
        section(group, [row["extra_info"] for row in rows])
        for group, rows in groupby(benchmarks, key=lambda row: row["group"])
    )


def section(group, rows):
    """One table, and a line on all of its rows together."""
    facts = [name for name in COLUMNS if any(name in row for row in rows)]
    rivals = list(dict.fromkeys(name for row in rows for name in row.get("rivals", {})))
    head = [*(COLUMNS[name][0] for name in facts), *(f"× {name}" for name in rivals)]
    lines = [f"### {group}", "", line(head), line(["---", *["---:"] * (len(head) - 1)])]
    for row in rows:
        cells = [COLUMNS[name][1](row[name]) if name in row else "" for name in facts]
        cells += [ratio(times[name]) if name in (times := ratios(row)) else "" for name in rivals]
        lines.append(line(cells))
    notes = summary(rows, rivals)
    return "\n".join([*lines, "", *([notes, ""] if notes else [])])


def ratios(row):
    """How many times as long each rival takes, of those whose time is known."""
    return {name: seconds / row["seconds"] for name, seconds in row.get("rivals", {}).items() if seconds}


def line(cells):
    return f"| {' | '.join(cells)} |"


def summary(rows, rivals):
    """What several rows say together."""
    notes = []
    if len(rows) > 1:
        for name in rivals:
            if times := [ratios(row)[name] for row in rows if name in ratios(row)]:
                notes.append(f"× {name}: geometric mean {ratio(geometric_mean(times))}, lowest {ratio(min(times))}.")
        if any("fewer" in row for row in rows):
            notes.append(f"Fewer passes: geometric mean {geometric_mean([row['fewer'] for row in rows]):.2f}×.")
        if any("not_lower" in row for row in rows):
            good, total = (sum(row["not_lower"][i] for row in rows) for i in (0, 1))
            notes.append(f"Not lower: {good} of {total} ({good / total:.0%}).")
        if all("axis" in row for row in rows):
            notes.append(f"Time grows as {rows[0]['axis'][0]} to the power {exponent(rows):.2f} (least squares).")
    return " ".join(notes)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def exponent(rows):
    """Slope of log time against the log of what grows."""
    points = [(math.log(row["axis"][1]), math.log(row["seconds"])) for row in rows]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def report(run):
    """A whole run of pytest-benchmark, with where and when it was."""
    machine, commit, config = run["machine_info"], run["commit_info"], run["machine_info"]["cyem"]
    changed = " with uncommitted changes" if commit.get("dirty") else ""
    peaks = ", ".join(f"{dtype} {peak['fma'] / 1e9:.0f} GFLOP/s and {peak['exp'] / 1e9:.2f}·10⁹ exp/s"
                      for dtype, peak in sorted(machine["peaks"].items(), reverse=True))
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    head = [
        "# Measured",
        "",
        "Made by `ci/bench`; `benchmarks/README.md` says what is measured and how.",
        "",
        f"- {run['datetime'][:10]}, commit {str(commit.get('id'))[:12]}{changed}",
        f"- {machine['cpu'].get('brand_raw', machine['processor'])}, {config['n_threads']} threads; "
        f"kernels for {config['instruction_set']}",
        f"- Python {machine['python_version']}, {versions}; NumPy with {machine['blas']}",
    ]
    if peaks:
        head.append(f"- Limits of all threads together: {peaks}")
    head += ["", "× NAME: how many times as long NAME takes for the same. Shares are of the limits above.", ""]
    return "\n".join(head) + "\n" + tables(run["benchmarks"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        print(report(json.load(file)), end="")
