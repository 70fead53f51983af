"""What a pass takes on a cluster: a simulation, event by event, from rates of a core, the network and the scheduler.

    python benchmarks/scale.py                                    # the tables of docs/scale.md
    python benchmarks/scale.py --rows 1e9 --workers 100 --k 16 --d 16 --partitions 400

A pass goes as `cyem.rows.remote` has it: the client sends the parameters once, workers have them from each other; it
tells the scheduler of one task for each partition; workers sum their partitions, one thread each; the sums come back
through the one link of the client, which adds them in order, and makes the next parameters.
"""

import argparse
import heapq
import math
from typing import NamedTuple

import numpy as np


class Cluster(NamedTuple):
    """Rates. The defaults are explained in docs/scale.md."""

    ns: float = 9.0  # of a core for a pair of sample and component with 16 features
    link: float = 1.25e9  # bytes a second, of each machine
    latency: float = 2e-4  # seconds
    task: float = 1e-3  # seconds of the scheduler and the client for each task
    add: float = 1e10  # bytes of sums that the client adds a second
    spread: float = 0.1  # of the logarithm of the time for a partition: other work, other clocks
    overhead: int = 700  # bytes around the sums of a partition


class Problem(NamedTuple):
    rows: float
    d: int
    k: int
    workers: int
    partitions: int


def parameters_size(p):
    """Bytes of weights, means and factors, as they go out."""
    return 8 * p.k * (1 + p.d + 2 * p.d * p.d)


def sums_size(p):
    """Bytes of the sums of a partition, as they come back."""
    return 8 * (2 + p.k * (1 + p.d + p.d * p.d))


def flops(p):
    """Operations of a pass that nothing is left out of: density and moments of each pair."""
    return p.rows * p.k * (2 * p.d * p.d + 6 * p.d + 4)


def pair(p, c):
    """Seconds of a core for a pair: as the operations grow from those with 16 features, but for the exponential."""
    exponential = 1.5
    return 1e-9 * (exponential + (c.ns - exponential) * (2 * p.d**2 + 6 * p.d + 4) / (2 * 16**2 + 6 * 16 + 4))


def simulate(p, c, rng, passes=20):
    """Seconds of a pass, and what of it workers compute, the network is busy and the scheduler works; means."""
    totals = []
    for _ in range(passes):
        # the parameters: through the client's link to one worker, then from each that has them to one that has not
        hop = c.latency + parameters_size(p) / c.link
        there = hop * (1 + math.ceil(math.log2(max(p.workers, 2))))
        free = [(0.0, w) for w in range(p.workers)]
        heapq.heapify(free)
        each = p.rows / p.partitions * p.k * pair(p, c)
        busy, done = 0.0, []
        for i in range(p.partitions):
            at, worker = heapq.heappop(free)
            begin = max(at, there, (i + 1) * c.task)  # when it is free, has the parameters, and knows of the task
            seconds = each * float(rng.lognormal(0, c.spread))
            busy += seconds
            done.append(begin + seconds)
            heapq.heappush(free, (begin + seconds, worker))
        link = add = 0.0
        transfer = (sums_size(p) + c.overhead) / c.link
        for at in sorted(done):
            link = max(link, at + c.latency) + transfer
            add = max(add, link) + sums_size(p) / c.add
        update = p.k * p.d**3 * 2 / 1e9
        totals.append((add + update, busy / p.workers, p.partitions * transfer, p.partitions * c.task))
    return np.mean(totals, axis=0)


HEAD = ("rows x d, k", "workers", "partitions", "operations", "parameters, kB", "sums, MB", "summing, s", "network, s",
        "scheduler, s", "a pass, s", "of it summing")


def line(cells):
    return f"| {' | '.join(cells)} |"


def row(p, c, rng):
    seconds, busy, network, scheduler = simulate(p, c, rng)
    return line([f"{p.rows:.0e} x {p.d}, {p.k}", f"{p.workers}", f"{p.partitions}", f"{flops(p):.1e}",
                 f"{parameters_size(p) / 1e3:,.0f}", f"{sums_size(p) * p.partitions / 1e6:,.1f}", f"{busy:.3g}",
                 f"{network:.2g}", f"{scheduler:.2g}", f"{seconds:.3g}", f"{busy / seconds:.0%}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in {"rows": float, "d": int, "k": int, "workers": int, "partitions": int}.items():
        parser.add_argument(f"--{name}", type=kind)
    for name, value in Cluster()._asdict().items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    arguments = vars(parser.parse_args())
    cluster = Cluster(**{name: arguments[name] for name in Cluster._fields})
    rng = np.random.default_rng(0)
    print(line(HEAD), line(["---", *["---:"] * (len(HEAD) - 1)]), sep="\n")
    if arguments["rows"]:
        print(row(Problem(*(arguments[name] for name in Problem._fields)), cluster, rng))
        return
    for workers in (1, 4, 16, 100, 400):
        print(row(Problem(1e9, 16, 16, workers, 4 * workers), cluster, rng))
    for d, k in ((4, 8), (64, 32), (128, 64)):
        print(row(Problem(1e9, d, k, 100, 400), cluster, rng))
    for rows in (1e7, 1e6):
        print(row(Problem(rows, 16, 16, 100, 400), cluster, rng))


if __name__ == "__main__":
    main()
