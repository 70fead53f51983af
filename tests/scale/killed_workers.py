"""Fits on a cluster of two processes, of which one is killed in the midst: each ends in the bits of one left alone.

    python tests/scale/killed_workers.py           # ten fits; exit status 1 where one differs
"""

import os
import signal
import sys
import warnings

import dask.array as da
import distributed
import numpy as np

from cyem import GaussianMixture

TIMES, N, D, K, ITERATIONS = 10, 40_000, 4, 4, 30


def fitted(X, moment=None, which=0):
    """A fit on a new cluster; after so many iterations one of its workers is killed."""
    quiet = dict(dashboard_address=None, silence_logs=50)
    with (distributed.LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster,
          distributed.Client(cluster) as client):
        pid = sorted(client.run(os.getpid).values())[which]

        def kill(run, iteration, value):
            if iteration == moment:
                os.kill(pid, signal.SIGKILL)

        how = dict(init_params="random_from_data", random_state=0, acceleration=None, tol=0, max_iter=ITERATIONS)
        return GaussianMixture(K, callback=kill, **how).fit(X)


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    X = da.from_array(rng.normal(size=(N, D)) + rng.integers(0, 3, (N, 1)), chunks=(N // 8, D))
    alone, errors = fitted(X), 0
    for i in range(TIMES):
        moment, which = int(rng.integers(1, ITERATIONS)), int(rng.integers(2))
        model = fitted(X, moment, which)
        same = all(np.array_equal(getattr(model, name), getattr(alone, name))
                   for name in ("weights_", "means_", "covariances_", "lower_bound_", "n_iter_"))
        errors += not same
        print(f"{i}: worker {which} killed after iteration {moment}: {'the same bits' if same else 'OTHER BITS'}",
              flush=True)
    print(f"{errors} errors")
    return min(errors, 1)


if __name__ == "__main__":
    sys.exit(main())
