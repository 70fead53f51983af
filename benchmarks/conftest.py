"""What all benchmarks share: races between libraries, the machine's limits, and what goes into the JSON."""

from collections import Counter

import libraries
import pytest
import roofline
import table
from problems import SMALL

import cyem
from cyem import threads

PEAKS = pytest.StashKey()
RECORDS = pytest.StashKey()


def pytest_configure(config):
    config.addinivalue_line("markers", "long: not among the five minutes of ci/bench")
    config.stash[PEAKS] = {}
    config.stash[RECORDS] = []


def pytest_collection_modifyitems(config, items):
    """Of tiny problems, two of a kind are enough."""
    if SMALL:
        kinds = Counter()
        few = []
        for item in items:
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            kind = item.path, item.originalname, parameters.get("structure")
            kinds[kind] += item.get_closest_marker("long") is None
            if kinds[kind] <= 2:
                few.append(item)
        config.hook.pytest_deselected(items=[item for item in items if item not in few])
        items[:] = few


@pytest.fixture
def peak(request):
    """peak(dtype): have another look at what the machine can do; the best of all looks counts."""
    peaks = request.config.stash[PEAKS]

    def peak(dtype):
        dtype = str(dtype)
        now = roofline.measure(dtype, threads.resolve(None))
        peaks[dtype] = roofline.better(peaks.get(dtype, now), now)

    return peak


@pytest.fixture
def race(benchmark, request):
    """Time cyem and its rivals in turns, so that whatever else the machine does meets them all alike."""

    def race(case, ours, rivals=None, *, group, rounds, setup=None, per=1, statistic=min, **facts):
        """Run a benchmark and note what the table shows of it.

        Parameters
        ----------
        case : str
            The row of the table.
        ours : callable
            What pytest-benchmark times.
        rivals : dict of {name: object with round() and seconds}
        group : str
            The table.
        rounds : int
        setup : callable, optional
            Called before each round, off the clock; may give `ours` its arguments, (args, kwargs).
        per : int
            Units of work in a call.
        statistic : callable
            Of the seconds of the rounds; that of the rivals is their own.
        facts : anything else to note

        Returns
        -------
        float
            Seconds for one unit of work.
        """
        rivals = rivals or {}

        def prepare():
            for rival in rivals.values():
                rival.round()
            return setup() if setup else None

        benchmark.group = group
        benchmark.pedantic(ours, setup=prepare, rounds=rounds)
        if benchmark.stats is None:  # --benchmark-disable: everything ran once, nothing was timed
            return float("nan")
        seconds = float(statistic(benchmark.stats.stats.data)) / per
        benchmark.extra_info |= {
            "case": case,
            "seconds": seconds,
            "rivals": {name: rival.seconds for name, rival in rivals.items()},
            **facts,
        }
        request.config.stash[RECORDS].append({"group": group, "extra_info": benchmark.extra_info})
        return seconds

    return race


def add_shares(config, rows):
    """Now that the limits are known: how near to them everything was."""
    for row in rows:
        facts = row["extra_info"]
        if "flops" in facts:
            facts |= roofline.shares(facts, config.stash[PEAKS][facts["dtype"]])


def pytest_benchmark_update_json(config, output_json):
    add_shares(config, output_json["benchmarks"])


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info.pop("node", None)
    machine_info["cyem"] = cyem.show_config("dict")
    machine_info["versions"] = libraries.versions()
    machine_info["blas"] = roofline.blas()
    machine_info["peaks"] = {dtype: peak._asdict() for dtype, peak in config.stash[PEAKS].items()}


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[RECORDS]:
        add_shares(config, config.stash[RECORDS])
        terminalreporter.write_line("")
        terminalreporter.write_line(table.tables(config.stash[RECORDS]))
    as_good = [row["extra_info"]["as_good"] for row in config.stash[RECORDS] if "as_good" in row["extra_info"]]
    if as_good:
        terminalreporter.write_line(f"Median default fit at least as good as the best of ten of scikit-learn: on "
                                    f"{sum(as_good)} of {len(as_good)} mixtures.")
