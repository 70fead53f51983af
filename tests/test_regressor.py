"""Gaussian mixture regression: the formula in NumPy, linear regression where it is that, and the laws of estimators."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.base import is_regressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, parametrize_with_checks

from cyem import MixtureRegressor
from cyem.families.covariance import STRUCTURES


def expected_failures(estimator):
    """Random rows of the start, which depend on the order of rows, may lead to another maximum."""
    if estimator.n_components == 1:
        return {}
    return {"check_sample_weight_equivalence_on_dense_data": "starts depend on the order of rows"}


@parametrize_with_checks([MixtureRegressor(), MixtureRegressor(2)], expected_failed_checks=expected_failures)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_names():
    check_dataframe_column_names_consistency("MixtureRegressor", MixtureRegressor())


def test_kind():
    assert is_regressor(MixtureRegressor())


def by_hand(model, X, d):
    """Mean of the targets by Ghahramani & Jordan (1994)."""
    joint, lines = [], []
    for w, mean, S in zip(model.weights_, model.means_, model.covariances_, strict=True):
        joint.append(np.log(w) + multivariate_normal(mean[:d], S[:d, :d]).logpdf(X) + np.zeros(len(X)))
        lines.append(mean[d:] + (X - mean[:d]) @ np.linalg.inv(S[:d, :d]) @ S[:d, d:])
    r = np.exp(joint - np.max(joint, axis=0))
    return np.einsum("kn,knm->nm", r / r.sum(axis=0), lines)


@pytest.fixture(scope="module")
def waves():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(600, 2))
    Y = np.column_stack([np.sin(X[:, 0]) + 0.1 * rng.normal(size=600), X[:, 1] ** 2 + 0.2 * rng.normal(size=600)])
    return X, Y


def test_formula(waves):
    X, Y = waves
    model = MixtureRegressor(8, random_state=0).fit(X, Y)
    assert_allclose(model.predict(X), by_hand(model.mixture_, X, 2), rtol=1e-10, atol=1e-10)
    assert model.score(X, Y) > 0.9
    assert_allclose(model.score(X, Y), r2_score(Y, model.predict(X)))
    w = np.arange(600) % 3
    assert_allclose(model.score(X, Y, w), r2_score(Y, model.predict(X), sample_weight=w))


def test_one_component_is_linear_regression():
    X, y = load_diabetes(return_X_y=True)
    model, line = MixtureRegressor().fit(X, y), LinearRegression().fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert_allclose(mean, line.predict(X), rtol=1e-9)
    assert_allclose(std, np.sqrt(np.mean((y - line.predict(X)) ** 2)), rtol=1e-9)  # the same for all, of ML
    w = 1 + np.arange(len(y)) % 4
    assert_allclose(MixtureRegressor().fit(X, y, w).predict(X), LinearRegression().fit(X, y, w).predict(X), rtol=1e-9)


def test_cross_validated():
    """It predicts as well as a line what a line predicts best."""
    X, y = load_diabetes(return_X_y=True)
    X = np.delete(X, 1, axis=1)  # of two values, into which components would fall apart
    line, mixture = (cross_val_score(model, X, y, cv=5).mean() for model in
                     (LinearRegression(), MixtureRegressor(2, covariance_type="tied", random_state=0)))
    assert mixture > line - 0.03


def test_quantiles_and_spread_follow_the_data(load):
    """Waiting times after eruptions of Old Faithful: so many of them as is said are within the quantiles."""
    X = load("faithful")
    model = MixtureRegressor(2, random_state=0).fit(X[:, :1], X[:, 1])
    q = model.predict_quantiles(X[:, :1], [0.1, 0.5, 0.9])
    assert q.shape == (272, 3)
    assert (np.diff(q, axis=1) > 0).all()
    assert_allclose((X[:, 1:] < q).mean(axis=0), [0.1, 0.5, 0.9], atol=0.05)
    mean, std = model.predict(X[:, :1], return_std=True)
    assert 0.85 < np.std((X[:, 1] - mean) / std) < 1.15
    rows = model.conditional(X[:, :1])
    assert_allclose(rows.cdf(q[:, 0]), 0.1, rtol=1e-10)


@pytest.mark.parametrize("code", [each.code for each in STRUCTURES])
def test_every_structure(waves, code):
    X, Y = waves
    model = MixtureRegressor(4, covariance_type=code, random_state=0).fit(X, Y[:, 0])
    assert model.predict(X).shape == (600,)
    assert model.predict(X, return_std=True)[1].min() > 0
    assert model.score(X, Y[:, 0]) > 0.5


def test_gaps(waves):
    """What is predicted of a row is by what is there of it; of nothing, the mean of the targets."""
    X, Y = waves
    gappy = X.copy()
    gappy[::3, 0] = np.nan
    gappy[::5, 1] = np.nan
    model = MixtureRegressor(3, random_state=0).fit(gappy, Y)
    some = model.predict(gappy)
    assert np.isfinite(some).all()
    mixture = model.mixture_
    assert_allclose(some[0], mixture.weights_ @ mixture.means_[:, 2:])
    filled = mixture.impute(np.column_stack([gappy, np.full_like(Y, np.nan)]))
    assert_allclose(some, filled[:, 2:], rtol=1e-9, atol=1e-9)
    assert_allclose(some[3], by_hand(mixture.marginal([1, 2, 3]), X[3:4, 1:], 1)[0], rtol=1e-9)


def test_shapes_and_weights(waves):
    X, Y = waves
    one, column, two = (MixtureRegressor(2, random_state=0).fit(X, y) for y in (Y[:, 0], Y[:, :1], Y))
    assert_array_equal(one.predict(X), column.predict(X)[:, 0])
    assert two.predict_quantiles(X[:7], [0.2, 0.8]).shape == (7, 2, 2)
    assert two.predict_quantiles(X[:7], 0.2).shape == (7, 2)
    w = np.arange(600) % 2
    half = MixtureRegressor(1).fit(X, Y, sample_weight=w)
    assert_allclose(half.predict(X), MixtureRegressor(1).fit(X[1::2], Y[1::2]).predict(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("change", "fragment"), [
    (dict(y=None), "the target y is None"),
    (dict(y=[1.0, np.nan, 2.0]), "Input y contains NaN"),
    (dict(y=[1.0, 2.0]), "inconsistent numbers of samples"),
    (dict(y=[[[1.0]]] * 3), "2D array"),
    (dict(X=[[np.inf], [1.0], [2.0]]), "infinity"),
    (dict(sample_weight=[-1.0, 1.0, 1.0]), "must not be negative"),
])
def test_bad_input(change, fragment):
    model = MixtureRegressor().fit([[0.0], [1.0], [3.0]], [0.0, 1.0, 2.0])
    before = model.predict([[2.0]])
    with pytest.raises(ValueError, match=fragment):
        model.fit(**dict(X=[[0.0], [1.0], [3.0]], y=[0.0, 1.0, 2.0]) | change)
    assert_array_equal(model.predict([[2.0]]), before)
    with pytest.raises(ValueError, match="was fitted with 1"):
        model.score([[1.0], [2.0]], [[1.0, 2.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match="not fitted"):
        MixtureRegressor().predict([[1.0]])
