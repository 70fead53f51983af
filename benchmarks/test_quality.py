"""How good the mixtures are that default fits find, and how fast: against the best of ten of scikit-learn."""

import statistics
import time

import numpy as np
import pytest
from libraries import PLAIN, Whole, settle, sklearn_mixture
from problems import QUALITY, SMALL, mixture
from test_fit import NEGLIGIBLE

import cyem
from cyem.em.problem import Problem

SEEDS = 2 if SMALL else 5
RESTARTS = 2  # of scikit-learn for each of ours
NEAR = 1e-4  # nats per sample from the optimum: close enough to count the passes
# one of each kind for the five minutes; -m "" runs all
QUICK = ["separated, d=20, k=30", "overlapping, d=10, k=12", "unbalanced, d=8, k=20", "stretched, d=8, k=30",
         "heavy-tailed, d=20, k=4", "all of it, d=6, k=15"]
SLOW = [name for name in QUALITY if not name.startswith("separated")]


def quick_first(names):
    """The names as parameters; those that are not quick are marked as long."""
    return [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in names]


class Restarts:
    """scikit-learn's default fits with one seed after the other: what each takes, and the best of them."""

    def __init__(self, problem):
        self.problem = problem
        self.times, self.scores = [], []

    def round(self):
        for _ in range(RESTARTS):
            model = sklearn_mixture()(self.problem.k, random_state=len(self.times))
            begin = time.perf_counter()
            model.fit(self.problem.X)
            self.times.append(time.perf_counter() - begin)
            self.scores.append(model.score(self.problem.X))
        settle()

    @property
    def seconds(self):
        return statistics.median(self.times)


@pytest.mark.skipif(sklearn_mixture() is None, reason="scikit-learn is what likelihoods are compared with")
@pytest.mark.parametrize("name", quick_first(QUALITY))
def test_default_fit(race, benchmark, name):
    """Our default fit of each of five seeds against the best of scikit-learn's ten, its time against one of these."""
    problem = mixture(name)
    theirs = Restarts(problem)
    scores, iterations = [], []

    def ours(seed):
        model = cyem.GaussianMixture(problem.k, random_state=seed).fit(problem.X)
        scores.append(model.lower_bound_)
        iterations.append(model.n_iter_)

    race(name, ours, {"scikit-learn": theirs}, setup=lambda: ((len(scores),), {}), rounds=SEEDS,
         statistic=statistics.median, group="Quality: a default fit against the best of ten of scikit-learn")
    gains = np.array(scores) - max(theirs.scores)
    benchmark.extra_info |= {
        "iterations": statistics.median(iterations),
        "gain": float(np.median(gains)),
        "worst": float(gains.min()),
        "as_good": bool(np.median(gains) >= -NEGLIGIBLE),
        "not_lower": [int((gains >= -NEGLIGIBLE).sum()), len(gains)],
    }


def climb(problem, seed, **settings):
    """The mean log-likelihood after each pass over the samples of a fit from k-means++ seeds."""
    values = []
    sweep = Problem.sweep

    def watched(self, parameters):
        found = sweep(self, parameters)
        values.append(self.value(found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Problem, "sweep", watched)
        patch.setattr(Problem, "ascent", lambda self, point, **how: None)  # one pass after the other
        cyem.GaussianMixture(problem.k, init_params="k-means++", random_state=seed, tol=1e-9, max_iter=20_000,
                             **settings).fit(problem.X)
    return np.array(values)


@pytest.mark.parametrize("name", quick_first(SLOW))
def test_passes(race, benchmark, name):
    """Passes until the likelihood is near the one that textbook EM ends at, from the same three starts."""
    problem = mixture(name)
    passes, plain, gaps = [], [], []
    for seed in range(3):
        theirs, ours = climb(problem, seed, **PLAIN), climb(problem, seed)
        goal = theirs.max() - NEAR
        plain.append(int(np.argmax(theirs >= goal)) + 1)
        passes.append(int(np.argmax(ours >= goal)) + 1 if ours.max() >= goal else len(ours))
        gaps.append(float(ours.max() - theirs.max()))

    def fit(**settings):
        cyem.GaussianMixture(problem.k, init_params="k-means++", random_state=0, **settings).fit(problem.X)

    others = {"textbook EM": Whole(lambda: fit(**PLAIN))} if PLAIN else {}
    kind = "overlapping components" if name.startswith("overlapping") else "other mixtures"
    race(name, fit, others, rounds=3, group=f"Passes to the optimum from the same starts, {kind}")
    benchmark.extra_info |= {"passes": sum(passes), "plain_passes": sum(plain), "worst": min(gaps),
                             "fewer": sum(plain) / sum(passes)}
