"""Whole fits at default settings, from the start to the end, and the search over k and structure."""

import statistics

import pytest
from libraries import Whole, sklearn_mixture
from problems import FIT, SMALL, clusters, mixture, table

import cyem

ROUNDS = 2 if SMALL else 5
TINY_FITS = 2 if SMALL else 20  # in one round
NEGLIGIBLE = 1e-5  # nats per sample: the gain that the default tol leaves undone


class Fits:
    """Default fits of one library with the seeds in turn."""

    def __init__(self, mixture, X, k, calls=1):
        self.mixture, self.X, self.k, self.calls = mixture, X, k, calls
        self.models = []

    def __call__(self):
        for _ in range(self.calls):
            self.models.append(self.mixture(self.k, random_state=len(self.models)).fit(self.X))

    @property
    def score(self):
        return statistics.median(model.score(self.X) for model in self.models)


def contest(race, benchmark, case, X, k, rounds, calls=1, group="A whole default fit"):
    ours, others = Fits(cyem.GaussianMixture, X, k, calls), {}
    if sklearn_mixture() is not None:
        theirs = Fits(sklearn_mixture(), X, k, calls)
        others["scikit-learn"] = Whole(theirs, calls, statistics.median)
    race(case, ours, others, rounds=rounds, per=calls, statistic=statistics.median, group=group)
    benchmark.extra_info["iterations"] = statistics.median(model.n_iter_ for model in ours.models)
    if others:
        benchmark.extra_info["gain"] = ours.score - theirs.score


def test_large(race, benchmark):
    problem = clusters(*FIT, separation=1.0)
    contest(race, benchmark, problem.name, problem.X, problem.k, 2)


@pytest.mark.parametrize(("name", "k"), [("faithful", 2), ("iris", 3)])
def test_tiny(race, benchmark, name, k):
    contest(race, benchmark, f"{name}, k={k}", table(name), k, ROUNDS, TINY_FITS, "A tiny default fit")


class Reached(Exception):
    """The likelihood that was to be reached."""


@pytest.mark.skipif(sklearn_mixture() is None, reason="scikit-learn sets the target")
@pytest.mark.parametrize("name", ["overlapping, d=10, k=12", "unbalanced, d=8, k=20", "stretched, d=8, k=30"])
def test_target(race, benchmark, name):
    """How long until our fit is where a default fit of scikit-learn ends, the start included."""
    problem = mixture(name)
    theirs = Fits(sklearn_mixture(), problem.X, problem.k)
    reached, target = [], []

    def watch(run, iteration, value):
        if value >= target[0]:
            raise Reached

    def goal():
        target[:] = [theirs.models[-1].score(problem.X)]
        return (len(theirs.models),), {}

    def ours(seed):
        try:
            cyem.GaussianMixture(problem.k, random_state=seed, callback=watch).fit(problem.X)
            reached.append(0)
        except Reached:
            reached.append(1)

    race(name, ours, {"scikit-learn": Whole(theirs, statistic=statistics.median)}, setup=goal, rounds=ROUNDS,
         statistic=statistics.median, group="Time to the likelihood of a default fit of scikit-learn")
    benchmark.extra_info["reached"] = [sum(reached), len(reached)]


def test_select(race, benchmark):
    """The grid of red wine: ten numbers of components, four structures, five starts each, by both libraries."""
    X = table("winequality-red")
    grid = [(k, structure) for k in range(1, 3 if SMALL else 11) for structure in ("full", "tied", "diag", "spherical")]
    starts = 2 if SMALL else 5
    found, theirs, others = [], [], {}
    other = sklearn_mixture()

    def ours():
        found[:] = cyem.select(X, sorted({k for k, _ in grid}), n_init=starts, random_state=0).rows

    def loop():
        theirs[:] = [other(k, covariance_type=structure, n_init=starts, random_state=0).fit(X).score(X)
                     for k, structure in grid]

    if other is not None:
        others["scikit-learn"] = Whole(loop)
    race(f"red wine, {len(grid)} cells, {starts} starts each", ours, others, rounds=1, group="Selection")
    if others:
        cells = {(row.n_components, row.covariance_type): row.log_likelihood / len(X) for row in found}
        gains = [cells[cell] - score for cell, score in zip(grid, theirs, strict=True)]
        benchmark.extra_info["not_lower"] = [sum(gain >= -NEGLIGIBLE for gain in gains), len(gains)]
        benchmark.extra_info["worst"] = min(gains)
