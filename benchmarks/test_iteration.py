"""One EM iteration, by structure, shape and dtype: the same data, start and number of iterations for every library."""

import numpy as np
import pytest
from libraries import TIMED, Iterations, rivals
from problems import ITERATION, ITERATION_LONG, clusters
from roofline import work

ROUNDS = 3
FULL = ITERATION["full"]


def flat(shapes):
    return [(structure, *shape) for structure, rows in shapes.items() for shape in rows]


def compare(race, peak, benchmark, problem, structure, others, group=None):
    """Time an iteration, and see that everyone who is timed came to the same means."""
    dtype = problem.X.dtype
    peak(dtype)
    ours = Iterations(problem, structure)
    seconds = race(problem.name, ours.run, others, setup=ours.begin, rounds=ROUNDS, per=TIMED,
                   group=group or f"One EM iteration, {structure} covariances, {dtype}")
    benchmark.extra_info |= work(problem, structure, seconds)
    for name, other in others.items():
        error = np.abs(other.means - ours.means).max() / problem.X.std()
        assert error < 1e-3, f"{name} does something else: its means differ by {error} standard deviations"


@pytest.mark.parametrize(("structure", "n", "d", "k"), flat(ITERATION))
def test_iteration(race, peak, benchmark, structure, n, d, k):
    problem = clusters(n, d, k)
    compare(race, peak, benchmark, problem, structure, rivals(problem, structure))


@pytest.mark.long
@pytest.mark.parametrize(("structure", "n", "d", "k"), flat(ITERATION_LONG))
def test_more_shapes(race, peak, benchmark, structure, n, d, k):
    problem = clusters(n, d, k)
    compare(race, peak, benchmark, problem, structure, rivals(problem, structure))


@pytest.mark.parametrize(("n", "d", "k"), [(100_000, 16, 16)])
def test_overlapping(race, peak, benchmark, n, d, k):
    """Where no responsibility is negligible, nothing can be skipped."""
    problem = clusters(n, d, k, separation=0.3)
    compare(race, peak, benchmark, problem, "full", rivals(problem, "full"),
            "One EM iteration, full covariances, overlapping components, float64")


@pytest.mark.parametrize(("n", "d", "k"), FULL)
def test_single_precision(race, peak, benchmark, n, d, k):
    """float32 against float64 of the same library, ours."""
    problem = clusters(n, d, k, dtype=np.float32)
    double = problem._replace(X=problem.X.astype(np.float64))
    compare(race, peak, benchmark, problem, "full", {"float64": Iterations(double, "full")})


@pytest.mark.long
@pytest.mark.parametrize(("structure", "n", "d", "k"), flat(ITERATION))
def test_single_precision_of_others(race, peak, benchmark, structure, n, d, k):
    problem = clusters(n, d, k, dtype=np.float32)
    compare(race, peak, benchmark, problem, structure, rivals(problem, structure))
