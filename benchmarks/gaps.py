"""What do missing values cost? One sweep over rows with gaps beside one over the same rows complete.

    python benchmarks/gaps.py [ROUNDS [THREADS]]

Both are taken by turns; printed are the best times, and the median of the ratios. With one thread it is the time of the
processor, in which it does not show what else runs.
"""

import sys
import time

import numpy as np
from cyem.kernels.arguments import Density

from cyem.rows.samples import Frame, Samples
from cyem.rows.views import Views

# n, d, k, share of values missing, patterns of gaps (None: anywhere)
CASES = (
    (100_000, 10, 5, 0.1, 200),
    (100_000, 10, 5, 0.1, None),
    (100_000, 10, 5, 0.3, None),
    (20_000, 20, 5, 0.3, None),
)


def problem(n, d, k, share, patterns):
    """Clusters, complete and with gaps, and means near the truth."""
    rng = np.random.default_rng(1)
    means = 1.5 * rng.normal(size=(k, d))
    X = rng.normal(size=(n, d)) + means[rng.integers(k, size=n)]
    if patterns is None:
        gone = rng.random((n, d)) < share
    else:  # half of the features of some rows
        gone = (rng.random((patterns, d)) < 0.5)[rng.integers(patterns, size=n)] & (rng.random(n) < 2 * share)[:, None]
    return X, np.where(gone, np.nan, X), means


def densities(means):
    """A mixture with matrices, and an axis-parallel one."""
    k, d = means.shape
    weights, constants = np.full(k, 1 / k), np.full(k, -np.log(k) - d / 2 * np.log(2 * np.pi))
    matrices = np.repeat(np.eye(d)[None], k, axis=0)
    yield "full", Density("triangular", means, matrices, constants, weights, matrices), "scatter"
    yield "diag", Density("diagonal", means, np.ones((k, 1, d)), constants, weights, np.ones((k, d))), "squares"


def timed(clock, sweep, *arguments):
    begin = clock()
    sweep(*arguments)
    return 1e3 * (clock() - begin)


def main(rounds=9, n_threads=2):
    clock = time.thread_time if n_threads == 1 else time.perf_counter
    print("n x d, k; share missing; patterns | structure | complete ms | with gaps ms | times")
    for n, d, k, share, patterns in CASES:
        X, gaps, means = problem(n, d, k, share, patterns)
        frame = Frame(np.zeros(d), np.ones(d))
        complete, views = Samples(X, None, frame, n_threads), Views(gaps, None, frame, n_threads)
        number = len(np.unique(np.packbits(np.isnan(gaps), axis=1), axis=0))
        for name, density, moments in densities(means):
            pairs = [(timed(clock, complete.sweep, density, moments), timed(clock, views.sweep, density, moments))
                     for _ in range(rounds)]
            ratio = np.median([b / a for a, b in pairs])
            best = np.min(pairs, axis=0)
            print(f"{n:,} x {d}, {k}; {share:.0%}; {number:,} | {name} | {best[0]:.1f} | {best[1]:.1f} | {ratio:.1f}",
                  flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
