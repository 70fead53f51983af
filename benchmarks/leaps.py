"""Do leaps end lower than plain EM? ``python benchmarks/leaps.py [STARTS]``, 120 by default.

Overlapping mixtures and the tables of the tests, in four structures, are fitted from the same seeds and random rows
with acceleration and without, to the end. Printed is how often the accelerated fit ends lower and higher by more than
0.05 nats, and how many times fewer passes it takes where plain EM takes more than a hundred. The exit code is 1 where
more than one in 120 ends lower.
"""

import sys
import warnings

import numpy as np
from maxima import tests_table
from problems import table

from cyem import GaussianMixture

STRUCTURES = "full", "tied", "diag", "spherical"
NATS = 0.05
MANY = 100  # iterations of plain EM
ALLOWED = 1 / 120


def overlapping(seed):
    """Components about one and a half standard deviations apart: X (300, 2)."""
    rng = np.random.default_rng(seed)
    k = 3 + seed % 2
    return rng.normal(size=(300, 2)) + (rng.normal(size=(k, 2)) * 1.1)[rng.integers(0, k, 300)]


def rows(number):
    """The data of a start: half are drawn, half are real."""
    real = "faithful", "iris", "diabetes", "nclus"
    if number % 2:
        return overlapping(number)
    name = real[number // 2 % len(real)]
    return table(name) if name in ("faithful", "iris") else tests_table(name)


def main(starts=120):
    lower, higher, fewer = [], 0, []
    for number in range(starts):
        X = rows(number)
        how = dict(covariance_type=STRUCTURES[number // 8 % 4], random_state=number, tol=1e-7, max_iter=20_000,
                   init_params=("random_from_data", "k-means++")[number // 32 % 2])
        plain, leaps = (GaussianMixture(3, acceleration=each, **how).fit(X) for each in (None, "squarem"))
        gain = (leaps.lower_bound_ - plain.lower_bound_) * len(X)
        higher += gain > NATS
        if gain < -NATS:
            lower.append((number, round(gain, 2)))
        elif gain <= NATS and plain.n_iter_ > MANY:
            fewer.append(plain.n_iter_ / leaps.n_iter_)
    times = np.exp(np.mean(np.log(fewer)))
    print(f"of {starts} starts {len(lower)} end lower {lower}, {higher} higher; {times:.2f} times fewer passes in the "
          f"geometric mean of {len(fewer)} in which plain EM takes more than {MANY}")
    return len(lower) <= ALLOWED * starts


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(not main(*map(int, sys.argv[1:])))
