"""Whole fits at default settings, from the start to the end, and the search over k and structure."""

import statistics

import cyem
import pytest
from libraries import Whole, sklearn_mixture
from problems import FIT, SMALL, clusters, table

SEEDS = range(2 if SMALL else 5)
TINY_FITS = 2 if SMALL else 20  # in one round
NEGLIGIBLE = 1e-5  # nats per sample: the gain that the default tol leaves undone


class Fits:
    """Default fits of one library with the seeds in turn."""

    def __init__(self, mixture, X, k, calls=1):
        self.mixture, self.X, self.k, self.calls = mixture, X, k, calls
        self.scores, self.iterations, self.done = [], [], 0

    def __call__(self):
        for _ in range(self.calls):
            model = self.mixture(self.k, random_state=self.done).fit(self.X)
            self.done += 1
        self.iterations.append(model.n_iter_)
        self.scores.append(model.score(self.X))


def contest(race, benchmark, case, X, k, rounds, calls=1, group="A whole default fit"):
    ours, others = Fits(cyem.GaussianMixture, X, k, calls), {}
    if (theirs := sklearn_mixture()) is not None:
        theirs = Fits(theirs, X, k, calls)
        others["scikit-learn"] = Whole(theirs, calls, statistics.median)
    race(case, ours, others, rounds=rounds, per=calls, statistic=statistics.median, group=group)
    benchmark.extra_info["iterations"] = statistics.median(ours.iterations)
    if others:
        benchmark.extra_info["gain"] = statistics.median(ours.scores) - statistics.median(theirs.scores)


def test_large(race, benchmark):
    problem = clusters(*FIT, separation=1.0)
    contest(race, benchmark, problem.name, problem.X, problem.k, 1 if SMALL else 2)


@pytest.mark.parametrize(("name", "k"), [("faithful", 2), ("iris", 3)])
def test_tiny(race, benchmark, name, k):
    contest(race, benchmark, f"{name}, k={k}", table(name), k, len(SEEDS), TINY_FITS, "A tiny default fit")


def test_select(race, benchmark):
    """The grid of red wine: ten numbers of components, four structures, five starts each, by both libraries."""
    X = table("winequality-red")
    grid = [(k, structure) for k in range(1, 3 if SMALL else 11) for structure in ("full", "tied", "diag", "spherical")]
    starts = 2 if SMALL else 5
    found, theirs, others = [], [], {}
    mixture = sklearn_mixture()

    def ours():
        found[:] = cyem.select(X, sorted({k for k, _ in grid}), n_init=starts, random_state=0).rows

    def loop():
        theirs[:] = [mixture(k, covariance_type=structure, n_init=starts, random_state=0).fit(X).score(X)
                     for k, structure in grid]

    if mixture is not None:
        others["scikit-learn"] = Whole(loop)
    race(f"red wine, {len(grid)} cells, {starts} starts each", ours, others, rounds=1, group="Selection")
    if others:
        cells = {(row.n_components, row.covariance_type): row.log_likelihood / len(X) for row in found}
        gains = [cells[cell] - score for cell, score in zip(grid, theirs, strict=True)]
        benchmark.extra_info["not_lower"] = [sum(gain >= -NEGLIGIBLE for gain in gains), len(gains)]
        benchmark.extra_info["worst"] = min(gains)
