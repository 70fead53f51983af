"""Do default fits find the groups that labels tell of, whatever the seed? Adjusted Rand indices, by seed."""

import csv
import statistics
import time
from importlib import resources

import numpy as np
import pytest
from libraries import installed, settle, sklearn_mixture
from problems import SMALL

import cyem

SEEDS = 2 if SMALL else 10
PENGUINS = "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"
# standardised, or what principal components of how many features leave
SETS = {"iris": None, "wine": "standardised", "breast_cancer": "standardised", "penguins": None, "digits, 15": 15,
        "digits, 30": 30}

pytestmark = pytest.mark.skipif(sklearn_mixture() is None, reason="needs scikit-learn, and its data")


def labelled(name, seen):
    """X, labels, of data that come with packages."""
    if name == "penguins":
        if not installed("palmerpenguins"):
            pytest.skip("needs palmerpenguins")
        text = (resources.files("palmerpenguins") / "data" / "penguins.csv").read_text()
        rows = [row for row in csv.DictReader(text.splitlines()) if row[PENGUINS[0]] not in ("", "NA")]
        X = np.array([[float(row[each]) for each in PENGUINS] for row in rows])
        return X, np.unique([row["species"] for row in rows], return_inverse=True)[1]
    from sklearn import datasets

    X, labels = getattr(datasets, f"load_{name.split(',')[0]}")(return_X_y=True)
    if seen == "standardised":
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    elif seen is not None:
        X = X - X.mean(axis=0)
        X = X @ np.linalg.svd(X, full_matrices=False)[2][:seen].T
    return np.ascontiguousarray(X), labels


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


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name == "digits, 30" else [])
                                  for name in SETS])
def test_labels(race, benchmark, name):
    """One default fit at the true number of groups, of each of ten seeds."""
    X, labels = labelled(name, SETS[name])
    k = len(set(labels))
    theirs, found, rows = ByLabels(X, labels), [], []

    def ours(seed):
        model = cyem.GaussianMixture(k, random_state=seed).fit(X)
        found.append(agreement(labels, model, X))
        rows.append(float(model.weights_.min() * len(X)))

    race(name, ours, {"scikit-learn": theirs}, setup=lambda: ((len(found),), {}), rounds=SEEDS,
         statistic=statistics.median, group="Labelled sets: the adjusted Rand index of a default fit, by seed")
    benchmark.extra_info |= {"index": found, "their_index": theirs.found, "fewest": min(rows)}
