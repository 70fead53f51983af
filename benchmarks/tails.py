"""What does an iteration of a t mixture cost beside one of a normal mixture? ``python tails.py [ROUNDS [NAME...]]``

Same rows, same start, same number of iterations of plain EM, one thread, in one process in which the two take turns.
Rows are drawn from t distributions with five degrees of freedom, or from normal ones. Printed are milliseconds of one
iteration of each, the least of all rounds, and their ratio.
"""

import sys
import time
import warnings

import numpy as np

from cyem import threads
from cyem.em import driver
from cyem.em.problem import Problem
from cyem.families.covariance import structure
from cyem.families.gaussian import Gaussian
from cyem.families.student import Student

STRUCTURES = "full", "tied", "diag", "spherical"
SHAPES = {  # n, d, k, dtype, degrees of freedom of the rows, iterations
    "100,000 x 2, k=8": (100_000, 2, 8, "f8", 5, 4),
    "100,000 x 2, k=8, float32": (100_000, 2, 8, "f4", 5, 4),
    "100,000 x 2, k=8, normal rows": (100_000, 2, 8, "f8", np.inf, 4),
    "100,000 x 16, k=8": (100_000, 16, 8, "f8", 5, 3),
    "100,000 x 16, k=8, float32": (100_000, 16, 8, "f4", 5, 3),
    "100,000 x 16, k=8, normal rows": (100_000, 16, 8, "f8", np.inf, 3),
    "100,000 x 16, k=16": (100_000, 16, 16, "f8", 5, 3),
    "20,000 x 64, k=16": (20_000, 64, 16, "f8", 5, 3),
    "300 x 2, k=3": (300, 2, 3, "f8", 5, 40),
}


def clusters(n, d, k, dtype, freedom):
    """Rows (n, d) of clusters three standard deviations apart or so, and the centres (k, d)."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 3, (k, d))
    X = rng.normal(size=(n, d))
    if freedom < np.inf:
        X /= np.sqrt(rng.chisquare(freedom, size=(n, 1)) / freedom)
    return (X + centres[rng.integers(k, size=n)]).astype(dtype), centres


class Iterations:
    """So many iterations of plain EM of one family, from the centres."""

    def __init__(self, family, X, centres, named, iterations):
        self.problem = Problem.of(family, X, None, structure(named), 1e-6, 1)
        start = self.problem.assign_to(self.problem.frame.enter(centres)).parameters
        self.start = self.problem.family.adopt(start) if family is Student else start
        self.iterations, self.least = iterations, np.inf
        self.run(1)

    def run(self, iterations):
        begin = time.thread_time()
        found = driver.fit(self.problem, self.start, tol=0, max_iter=iterations, accelerate=False)
        taken = time.thread_time() - begin
        return taken / (len(found.bounds) + 1)  # and the pass at the start

    def round(self):
        self.least = min(self.least, self.run(self.iterations))


def main(rounds=7, *names):
    warnings.simplefilter("ignore")
    threads.resolve(1)
    print("| rows | structure | normal (ms) | t (ms) | ratio |")
    print("|---|---|---:|---:|---:|")
    for name in names or SHAPES:
        n, d, k, dtype, freedom, iterations = SHAPES[name]
        X, centres = clusters(n, d, k, dtype, freedom)
        for named in STRUCTURES:
            pair = [Iterations(family, X, centres, named, iterations) for family in (Gaussian, Student)]
            for _ in range(int(rounds)):
                for each in pair:
                    each.round()
            normal, heavy = (each.least for each in pair)
            print(f"| {name} | {named} | {1e3 * normal:.3f} | {1e3 * heavy:.3f} | {heavy / normal:.2f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
