"""Are fits in eight threads at once those of serial calls, and those in a child that is forked after a fit?

    python tests/scale/at_once.py           # 8 x 50 fits, then 200 forks; exit status 1 where a bit differs

OpenMP has a team for each thread that fits, and none for a forked child, which would wait for it for ever.
"""

import os
import signal
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cyem import GaussianMixture, StudentMixture
from cyem.families.covariance import STRUCTURES

THREADS, FITS, FORKS = 8, 50, 200
LATE = 60  # seconds after which a child waits in vain


def fits():
    """FITS functions that fit: all structures and t mixtures, with gaps and weights, few rows and many."""
    rng = np.random.default_rng(0)
    tables = {n: rng.normal(size=(n, 3)) + 3 * rng.integers(0, 3, (n, 1)) for n in (200, 20_000)}  # one has a team
    gaps = tables[200].copy()
    gaps[rng.random(gaps.shape) < 0.1] = np.nan
    weights = rng.integers(1, 4, 200)
    how = dict(max_iter=20, n_threads=2)
    kinds = [
        *(lambda seed, s=s: GaussianMixture(3, covariance_type=s.code, random_state=seed, **how).fit(tables[200])
          for s in STRUCTURES),
        *(lambda seed, name=name: GaussianMixture(3, covariance_type=name, random_state=seed, **how).fit(tables[20_000])
          for name in ("full", "tied", "diag", "spherical")),
        lambda seed: GaussianMixture(3, random_state=seed, **how).fit(gaps),
        lambda seed: GaussianMixture(3, random_state=seed, **how).fit(tables[200], sample_weight=weights),
        lambda seed: StudentMixture(3, random_state=seed, **how).fit(tables[200]),
    ]
    return [lambda i=i: bits(kinds[i % len(kinds)](i)) for i in range(FITS)]


def bits(model):
    """All that a fit found."""
    found = model.weights_, model.means_, model.covariances_, np.array([model.lower_bound_, model.n_iter_])
    return b"".join(np.ascontiguousarray(each).tobytes() for each in found)


def in_threads(each, serial):
    """How many fits differ, all of them in every thread at once, in another order in each."""
    def differ(number):
        order = np.random.default_rng(number).permutation(FITS)
        return sum(each[i]() != serial[i] for i in order)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(differ, range(THREADS)))


def in_children(each, serial):
    """How many children do not end with the same bits, each forked after a fit of its parent."""
    wrong = 0
    for number in range(FORKS):
        i = number % FITS
        each[i]()
        child = os.fork()
        if child == 0:
            signal.alarm(LATE)
            os._exit(each[i]() != serial[i])
        wrong += os.waitpid(child, 0)[1] != 0
    return wrong


def main():
    warnings.simplefilter("ignore")
    each = fits()
    serial = [fit() for fit in each]
    errors = 0
    for what, count, number in (("in threads at once", in_threads, THREADS * FITS),
                                ("in a child forked after a fit", in_children, FORKS)):
        differ = count(each, serial)
        print(f"{number} cases {what}: {number - differ} the same bits", flush=True)
        errors += differ
    return min(errors, 1)


if __name__ == "__main__":
    sys.exit(main())
