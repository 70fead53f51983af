"""How the time of an iteration grows with n, d, k and threads. No other library: only shapes matter here."""

import pytest
from libraries import TIMED, Iterations
from problems import THREADS, apart, clusters
from roofline import work

from cyem import threads


def grow(race, peak, benchmark, problem, axis, others=None, group=None, rounds=3):
    peak("float64")
    ours = Iterations(problem, "full")
    seconds = race(problem.name, ours.run, others, setup=ours.begin, rounds=rounds, per=TIMED,
                   group=group or f"Growth with {axis[0]}", axis=axis)
    benchmark.extra_info |= work(problem, "full", seconds)


@pytest.mark.parametrize("n", [1000, 10_000, 100_000, 1_000_000])
def test_n(race, peak, benchmark, n):
    grow(race, peak, benchmark, clusters(n, 8, 8), ("n", n))


@pytest.mark.parametrize("d", [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128])
def test_d(race, peak, benchmark, d):
    grow(race, peak, benchmark, clusters(20_000, d, 8), ("d", d))


@pytest.mark.parametrize("k", [64, 256, 1024])
def test_k(race, benchmark, k):
    """Clusters of which most are far from most samples: passes leave these pairs out, or evaluate them all."""
    problem = apart(200_000, 8, k)
    prune(race, benchmark, problem, ("k", k), "Growth with k, clusters apart")


@pytest.mark.parametrize("k", [16, 64, pytest.param(256, marks=pytest.mark.long)])
def test_k_overlapping(race, benchmark, k):
    """Where nothing can be left out, it costs nothing to have thought of it."""
    problem = clusters(200_000, 8, k, separation=0.5)
    prune(race, benchmark, problem, ("k", k), "Growth with k, overlapping")


def prune(race, benchmark, problem, axis, group):
    ours, plain = (Iterations(problem, "full", prunes=prunes) for prunes in (True, False))
    race(problem.name, ours.run, {"all pairs": plain}, setup=ours.begin, rounds=3, per=TIMED, group=group, axis=axis)


@pytest.mark.parametrize(("n", "d", "k"), THREADS)
def test_threads(race, benchmark, n, d, k):
    """All threads against one."""
    problem = clusters(n, d, k)
    ours = Iterations(problem, "full")
    count = threads.resolve(None)
    race(problem.name, ours.run, {"one thread": Iterations(problem, "full", n_threads=1)}, setup=ours.begin, rounds=5,
         per=TIMED, group=f"All threads ({count}) against one")
