"""predict_proba: how long one row takes, and how long a million; and means of some features given others."""

import pytest
from libraries import Whole, sklearn_mixture
from problems import SMALL, clusters, start

import cyem

CALLS = 10 if SMALL else 1000  # in one round


def models(problem):
    """The same mixture in both libraries; the second None without scikit-learn."""
    first = start(problem, "full")
    model = cyem.GaussianMixture.from_parameters(first.weights, problem.means, first.covariances)
    other = sklearn_mixture()
    if other is not None:
        other = other(problem.k, weights_init=first.weights, means_init=first.means, precisions_init=first.precisions,
                      init_params="random_from_data", max_iter=1, tol=0).fit(problem.X)
        for name in ("weights_", "means_", "precisions_cholesky_"):
            setattr(model, name, getattr(other, name))
    return model, other


@pytest.mark.parametrize(("d", "k"), [(2, 3), (4, 5), (10, 10)])
def test_one_row(race, d, k):
    problem = clusters(1000, d, k)
    model, other = models(problem)
    row = problem.X[:1]

    def repeat(model):
        for _ in range(CALLS):
            model.predict_proba(row)

    others = {"scikit-learn": Whole(lambda: repeat(other), CALLS)} if other is not None else {}
    race(f"d={d}, k={k}", lambda: repeat(model), others, rounds=5, per=CALLS, group="predict_proba of one row")


@pytest.mark.parametrize(("d", "k"), [(2, 8), (10, 20)])
def test_a_million_rows(race, d, k):
    problem = clusters(1_000_000, d, k)
    model, other = models(problem._replace(X=problem.X[:10_000]))
    others = {"scikit-learn": Whole(lambda: other.predict_proba(problem.X))} if other is not None else {}
    race(f"d={d}, k={k}", lambda: model.predict_proba(problem.X), others, rounds=2,
         group="predict_proba of a million rows")


def test_a_million_conditional_means(race):
    """Of six features given four, beside predict_proba of the same rows, which is to take no less than a third."""
    problem = clusters(1_000_000, 10, 8)
    model, _ = models(problem._replace(X=problem.X[:10_000]))
    known = problem.X[:, :4].copy()
    others = {"predict_proba": Whole(lambda: model.predict_proba(problem.X))}
    race("d=10, 4 known, k=8", lambda: model.predict_conditional(known, known=range(4)).mean(), others, rounds=3,
         group="conditional means of a million rows")
