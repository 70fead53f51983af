"""Two workers of a Dask cluster, with a thread each, beside one process with two threads: what an iteration takes.

    python benchmarks/workers.py [ROWS [PAIRS]]

Rows of 16 features, 16 components, in eight partitions, on a `LocalCluster`; an iteration is what more of them take.
Both take turns, so that what disturbs the machine for longer than that disturbs both. Printed are the seconds of
each pair, the speed of the workers as a share of that of one process, the median of these, and the load of the machine.
"""

import os
import sys
import time
import warnings
from statistics import median

import numpy as np

from cyem import GaussianMixture

D, K, FEW, MANY, PARTS = 16, 16, 1, 4, 8


def part(i, n):
    rng = np.random.default_rng(i)
    return rng.normal(size=(n, D)) + np.random.default_rng(99).normal(0, 2, (K, D))[rng.integers(K, size=n)]


def seconds(X, iterations):
    means = np.random.default_rng(99).normal(0, 2, (K, D))
    model = GaussianMixture(K, means_init=means, weights_init=np.full(K, 1 / K), acceleration=None, tol=0, n_threads=2,
                            precisions_init=np.tile(np.eye(D), (K, 1, 1)), max_iter=iterations)
    begin = time.perf_counter()
    model.fit(X)
    return time.perf_counter() - begin


def iteration(X):
    return (seconds(X, MANY) - seconds(X, FEW)) / (MANY - FEW)


def main(rows=4_000_000, pairs=5):
    import dask
    import dask.array as da
    import distributed

    warnings.simplefilter("ignore")
    n = rows // PARTS
    quiet = dict(dashboard_address=None, silence_logs=50)
    with (distributed.LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster,
          distributed.Client(cluster) as client):
        parts = [da.from_delayed(dask.delayed(part)(i, n), (n, D), float) for i in range(PARTS)]
        there = client.persist(da.concatenate(parts))
        here = np.concatenate([part(i, n) for i in range(PARTS)])
        distributed.wait(there)
        shares = []
        for _ in range(pairs):
            cluster_s, alone_s = iteration(there), iteration(here)
            shares.append(alone_s / cluster_s)
            print(f"workers {cluster_s:.3f} s, one process {alone_s:.3f} s: {shares[-1]:.2f} of its speed, "
                  f"load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"median {median(shares):.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
