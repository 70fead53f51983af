"""Do default fits find the groups that labels tell of, whatever the seed? Adjusted Rand indices, by seed."""

import statistics
import time

import pytest
from labelled import SETS, Missing, labelled
from libraries import settle, sklearn_mixture
from problems import SMALL

import cyem

SEEDS = 2 if SMALL else 10
QUICK = ["iris", "wine, 13 columns", "breast cancer, 30 columns", "penguins", "digits, 15 components"]

pytestmark = pytest.mark.skipif(sklearn_mixture() is None, reason="needs scikit-learn, and its data")


class ByLabels:
    """Default fits of another library with one seed after the other: what each takes, and what it finds."""

    def __init__(self, X, labels):
        self.X, self.labels = X, labels
        self.times, self.found = [], []

    def round(self):
        model = sklearn_mixture()(len(set(self.labels)), random_state=len(self.times))
        begin = time.perf_counter()
        model.fit(self.X)
        self.times.append(time.perf_counter() - begin)
        self.found.append(agreement(self.labels, model, self.X))
        settle()

    @property
    def seconds(self):
        return statistics.median(self.times)


def agreement(labels, model, X):
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(labels, model.predict(X)))


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long)
                                  for name in SETS])
def test_labels(race, benchmark, name):
    """One default fit at the true number of groups, of each of ten seeds."""
    try:
        X, labels = labelled(name)
    except Missing as missing:
        pytest.skip(f"needs {missing}")
    k = len(set(labels))
    theirs, found, rows = ByLabels(X, labels), [], []

    def ours(seed):
        model = cyem.GaussianMixture(k, random_state=seed).fit(X)
        found.append(agreement(labels, model, X))
        rows.append(float(model.weights_.min() * len(X)))

    race(name, ours, {"scikit-learn": theirs}, setup=lambda: ((len(found),), {}), rounds=SEEDS,
         statistic=statistics.median, group="Labelled sets: the adjusted Rand index of a default fit, by seed")
    benchmark.extra_info |= {"index": found, "their_index": theirs.found, "fewest": min(rows)}
