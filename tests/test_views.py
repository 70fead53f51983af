"""Rows of which only a part is known, by gaps, errors of measurement, labels: results of others, and definitions."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.optimize import minimize

from cyem import GaussianMixture, StudentMixture, kernels, likelihood_ratio_test, select, stability, standard_errors
from cyem.em.problem import Problem
from cyem.families.covariance import STRUCTURES, structure
from cyem.families.gaussian import Gaussian
from cyem.families.student import tails
from cyem.kernels import reference
from cyem.rows import views
from cyem.rows.samples import Density, Frame
from cyem.rows.views import Known, Views, arranged, in_order

DATA = Path(__file__).parent / "data"
CASES = sorted(path.stem for path in (DATA / "incomplete").glob("*.json"))
NAMES = [each.name for each in STRUCTURES]
EMITS = reference.EMITS


def clusters(n=300, d=4, k=2, seed=0, missing=0.2):
    """Clusters with gaps: where each value is missing by chance."""
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    X = 4 * rng.normal(size=(k, d))[y] + rng.normal(size=(n, d)) @ (np.eye(d) + 0.4 * rng.normal(size=(d, d)))
    X[rng.random((n, d)) < missing] = np.nan
    return X, y


def faithful(load):
    return load("faithful").copy(), np.arange(272)


# --- results of others -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_reference_cases(name):
    """Two independent programs agree on these: tests/data/incomplete/README.md."""
    case = json.loads((DATA / "incomplete" / f"{name}.json").read_text())
    X, start, expected = np.array(case["X"], float), case["start"], case["expected"]
    weights = None if case["sample_weight"] is None else np.array(case["sample_weight"], float)
    kind = structure(case["model"]["covariance"])
    k, d = np.shape(start["means"])

    def own(covariances):
        A = np.array(covariances)
        return A if A.shape == kind.shape(k, d) else kind.condensed(np.broadcast_to(A, (k, d, d)))

    model = GaussianMixture(k, covariance_type=kind.code, weights_init=start["weights"], means_init=start["means"],
                            precisions_init=kind.precisions(kind.factors(own(start["covariances"]))), tol=1e-13,
                            max_iter=5000, reg_covar=0).fit(X, sample_weight=weights)
    total = len(X) if weights is None else weights.sum()
    assert model.lower_bound_ * total == pytest.approx(expected["log_likelihood"], abs=1e-6)
    assert model.score(X, sample_weight=weights) == pytest.approx(model.lower_bound_, abs=1e-12)
    assert_allclose(model.weights_, expected["weights"], rtol=1e-5)
    assert_allclose(model.means_, expected["means"], rtol=1e-5)
    assert_allclose(model.covariances_, own(expected["covariances"]), rtol=1e-5, atol=1e-6)
    assert_allclose(model.score_samples(X[:10]), expected["row_log_density_first_10"], atol=1e-5)
    assert_allclose(model.predict_proba(X[:10]), expected["responsibilities_first_10_rows"], atol=1e-5)


def test_gaps_in_old_faithful(load):
    """R16: EM and a direct maximisation agree to eight decimals. Seven rows have nothing at all."""
    X, i = faithful(load)
    X[i % 5 == 1, 1] = X[i % 7 == 3, 0] = np.nan
    model = GaussianMixture(2, random_state=0, tol=1e-12, max_iter=5000).fit(X)
    order = model.weights_.argsort()
    assert model.lower_bound_ * 272 == pytest.approx(-938.02298227, abs=1e-7)
    assert_allclose(model.weights_[order], [0.353608389, 0.646391611], atol=1e-7)
    assert_allclose(model.means_[order], [[2.04953310, 54.40980371], [4.28152648, 79.95633201]], rtol=1e-7)
    assert_allclose(model.covariances_[order][:, [0, 0, 1], [0, 1, 1]],
                    [[0.07360679, 0.55306855, 35.75757145], [0.17187811, 1.05131307, 35.51535498]], rtol=1e-6)


def test_one_normal_distribution():
    """R17: the apple data of Little & Rubin, and Hald's cement data with gaps, of R's mvnmle."""
    nan = np.nan
    size = [8, 6, 11, 22, 14, 17, 18, 24, 19, 23, 26, 40, 4, 4, 5, 6, 8, 10]
    worms = [59, 58, 56, 53, 50, 45, 43, 42, 39, 38, 30, 27, *[nan] * 6]
    model = GaussianMixture(tol=1e-13, max_iter=5000).fit(np.column_stack([size, worms]))
    assert model.lower_bound_ * 18 == pytest.approx(-101.78563213, abs=1e-7)
    assert_allclose(model.means_[0], [14.722222, 49.333333], rtol=1e-6)
    assert_allclose(model.covariances_[0][[0, 0, 1], [0, 1, 1]], [89.53395, -90.69673, 114.69495], rtol=1e-6)
    cement = np.column_stack([
        [7, 1, 11, 11, 7, 11, 3, 1, 2, *[nan] * 4],
        [26, 29, 56, 31, 52, 55, 71, 31, 54, *[nan] * 4],
        [6, 15, 8, 8, 6, 9, 17, 22, 18, 4, 23, 9, 8],
        [60, 52, 20, 47, 33, 22, *[nan] * 7],
        [78.5, 74.3, 104.3, 87.6, 95.9, 109.2, 102.7, 72.5, 93.1, 115.9, 83.8, 113.3, 109.4],
    ])
    model = GaussianMixture(tol=1e-13, max_iter=50_000, reg_covar=1e-12).fit(cement)
    assert model.lower_bound_ * 13 == pytest.approx(-132.92525045, abs=1e-5)
    assert_allclose(model.means_[0], [6.655166, 49.965259, 11.769231, 27.047089, 95.423077], rtol=1e-5)


def test_gaps_without_correlations(load):
    """R18: StepMix, gaussian_diag_nan."""
    X, i = faithful(load)
    X[i % 5 == 1, 1] = np.nan
    model = GaussianMixture(2, covariance_type="diag", random_state=0, tol=1e-10).fit(X)
    assert model.lower_bound_ * 272 == pytest.approx(-974.1923, abs=1e-4)


@pytest.mark.parametrize("matrices", [False, True])
def test_errors_of_measurement(load, matrices):
    """R19: extreme deconvolution; EM and a direct maximisation agree."""
    X, i = faithful(load)
    noise = np.column_stack([(0.1 + 0.01 * (i % 5)) ** 2, (1 + i % 3) ** 2])
    noise = noise[:, :, None] * np.eye(2) if matrices else noise
    model = GaussianMixture(2, random_state=0, tol=1e-12, max_iter=5000).fit(X, noise=noise)
    order = model.weights_.argsort()
    assert model.lower_bound_ * 272 == pytest.approx(-1131.37091831, abs=1e-7)
    assert model.score(X, noise=noise) == pytest.approx(model.lower_bound_, abs=1e-12)
    assert model.weights_[order][0] == pytest.approx(0.356150057, abs=1e-7)
    assert_allclose(model.means_[order], [[2.03935413, 54.43671723], [4.29087931, 80.00916216]], rtol=1e-7)
    assert_allclose(model.covariances_[order][:, [0, 0, 1], [0, 1, 1]],
                    [[0.05624476, 0.43768996, 30.08647081], [0.15505121, 0.89979601, 31.32370488]], rtol=1e-6)


def test_labels_known_all_over(load):
    """R12: EDDA of mclust on iris, VEV."""
    X, y = load("iris"), np.repeat([0, 1, 2], 50)
    model = GaussianMixture(3, covariance_type="VEV", tol=1e-10).fit(X, labels=y)
    assert 150 * model.score(X) == pytest.approx(-187.7097, abs=1e-4)
    assert model.bic(X) == pytest.approx(565.8236, abs=1e-4)
    assert (model.predict(X) != y).mean() == pytest.approx(0.02)
    brier = ((model.predict_proba(X) - np.eye(3)[y]) ** 2).sum(axis=1).mean() / 2
    assert brier == pytest.approx(0.0127, abs=5e-5)


# --- the kernel against its definition -------------------------------------------------------------------------------


def problem(seed, *, noise=None, prior=False, weighted=False, heavy=False, axis=False, n=90, d=5, k=3):
    """Arguments of the twin."""
    X, _ = clusters(n, d, k, seed, missing=0.3)
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(k, d, d))
    S = 1 + rng.random((k, d)) if axis else A @ A.swapaxes(1, 2) + np.eye(d)
    B = 0.5 * rng.normal(size=(n // 3, d, d))  # of every three rows the same
    B = np.repeat(B @ B.swapaxes(1, 2), 3, axis=0)
    noise = {None: None, "variances": np.diagonal(B, axis1=1, axis2=2), "matrices": B}[noise]
    nu = np.array([3.0, 12.0, np.inf])[:k] if heavy else None
    prior = rng.integers(0, 2, (n, k)) + np.eye(k)[rng.integers(k, size=n)] if prior else None
    weights = rng.exponential(size=n) if weighted else None
    return X, weights, rng.dirichlet(np.ones(k)), 2 * rng.normal(size=(k, d)), S, nu, noise, prior


def density_of(weights, means, S, nu):
    """The same as rows ask for it."""
    kind, constants = "diagonal" if S.ndim == 2 else "triangular", np.zeros(len(means))
    if nu is None:
        return Density(kind, means, np.ones((1, 1, 1)), constants, weights, S)
    return Density(f"{kind} t", means, np.ones((1, 1, 1)), np.concatenate([constants, nu]), weights, S,
                   lambda: tails(nu, means.shape[1]))


def views_of(X, weights, noise, prior, n_threads=2):
    d = X.shape[1]
    return Views(X, weights, Frame(np.zeros(d), np.ones(d)), n_threads, known=Known(noise, prior))


@pytest.mark.parametrize("isa", kernels.available())
@pytest.mark.parametrize(("noise", "prior", "weighted", "heavy"),
                         [(None, False, False, False), (None, True, True, False), ("variances", False, True, False),
                          ("matrices", True, False, False), (None, False, True, True), ("variances", True, True, True)])
@pytest.mark.parametrize("axis", [False, True])
def test_sums_are_those_expected(monkeypatch, isa, noise, prior, weighted, heavy, axis):
    monkeypatch.setattr(views, "kernel", kernels.module("views", isa))
    X, weights, w, means, S, nu, noise, prior = problem(3, noise=noise, prior=prior, weighted=weighted, heavy=heavy,
                                                        axis=axis)
    rows, density = views_of(X, weights, noise, prior), density_of(w, means, S, nu)
    for moments in ("squares", "norms") if axis else ("scatter", "pooled"):
        found = rows.sweep(density, moments)
        expected = reference.views(X, weights, w, means, S, nu, noise, prior, emit=moments)
        size = len(expected)
        scale = np.abs(expected).max()
        assert_allclose(found.buffer[:1] * rows.unit, expected[:1], rtol=1e-13)
        assert_allclose(found.buffer[2:size] * rows.unit, expected[2:], atol=1e-13 * scale)
    for emit, verb in (("scores", rows.score_samples), ("responsibilities", rows.responsibilities)):
        assert_allclose(verb(density), reference.views(X, None, w, means, S, nu, noise, prior, emit=emit), atol=1e-12)
    if nu is None and noise is None:
        filled = reference.views(X, None, w, means, S, nu, noise, prior, emit="completed")
        assert_allclose(rows.completed(density), filled, atol=1e-12)


# --- laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NAMES)
def test_the_likelihood_never_falls(kind):
    X, _ = clusters(seed=1)
    model = GaussianMixture(2, covariance_type=kind, random_state=0, acceleration=None, tol=1e-9).fit(X)
    assert np.diff(model.lower_bounds_).min() > -1e-12


@pytest.mark.parametrize("kind", NAMES)
def test_complete_rows_seen_as_views_give_the_same_sums(kind):
    X, _ = clusters(500, 3, 2, 5, missing=0)
    made = Problem.of(Gaussian, X, None, structure(kind), 1e-6, 2)
    parameters = made.update(made.begin(np.random.default_rng(0).random((1, 2, 2)), np.arange(500), False)[0],
                             start=True).parameters
    seen = Problem(made.family, Views(X, None, made.frame, 2))
    one, other = made.sweep(parameters), seen.sweep(parameters)
    for mine, its in ((one.masses, other.masses), (one.first, other.first), (one.second, other.second)):
        assert_allclose(its, mine, rtol=1e-12, atol=1e-12 * np.abs(mine).max())
    assert made.value(one) == pytest.approx(seen.value(other), abs=1e-13)
    resp, its = (each.samples.responsibilities(parameters.density) for each in (made, seen))
    assert_allclose(its, resp, atol=1e-13)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "VEV"])
def test_neither_order_nor_threads_matter(kind):
    X, _ = clusters(400, 4, 2, 2)
    start = dict(weights_init=[0.5, 0.5], means_init=[[-1, 0, 1, 0], [1, 0, -1, 0]])
    kind = dict(covariance_type=kind, precisions_init=structure(kind).precisions(structure(kind).condensed(
        np.broadcast_to(np.eye(4) / 2, (2, 4, 4)))), tol=1e-10, max_iter=2000)
    models = [GaussianMixture(2, **start, **kind, n_threads=n).fit(X) for n in (1, 2, 5)]
    for other in models[1:]:
        assert_array_equal(other.means_, models[0].means_)
        assert other.lower_bound_ == models[0].lower_bound_
    rows, columns = np.random.default_rng(0).permutation(400), [2, 0, 3, 1]
    turned = GaussianMixture(2, **{**start, "means_init": np.array(start["means_init"])[:, columns]}, **kind)
    turned.fit(X[rows][:, columns])
    assert turned.lower_bound_ == pytest.approx(models[0].lower_bound_, abs=1e-11)
    assert_allclose(turned.means_, models[0].means_[:, columns], atol=1e-5)


def test_weights_are_repetition():
    X, _ = clusters(200, 3, 2, 4)
    times = np.random.default_rng(0).integers(1, 4, 200)
    start = dict(means_init=[[-3, 0, 0], [3, 0, 0]], weights_init=[0.5, 0.5], precisions_init=[np.eye(3)] * 2,
                 tol=1e-11)
    weighted = GaussianMixture(2, **start).fit(X, sample_weight=times)
    repeated = GaussianMixture(2, **start).fit(np.repeat(X, times, axis=0))
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, abs=1e-10)
    assert_allclose(weighted.means_, repeated.means_, atol=1e-5)


@pytest.mark.parametrize("made_by", [GaussianMixture, StudentMixture])
def test_rows_with_nothing_observed_do_no_harm(made_by):
    X, _ = clusters(300, 3, 2, 6)
    start = dict(means_init=[[-3, 0, 0], [3, 0, 0]], weights_init=[0.5, 0.5], precisions_init=[np.eye(3)] * 2, tol=1e-9,
                 max_iter=5000)
    model = made_by(2, **start).fit(X)
    more = made_by(2, **start).fit(np.concatenate([X, np.full((20, 3), np.nan)]))
    n = len(X)
    assert more.lower_bound_ * (n + 20) == pytest.approx(model.lower_bound_ * n, abs=1e-5)
    assert_allclose(more.means_, model.means_, atol=1e-3)
    assert abs(model.score_samples(np.full((1, 3), np.nan))) < 1e-12
    assert_allclose(model.predict_proba(np.full((1, 3), np.nan))[0], model.weights_)


def test_units_do_not_matter():
    X, _ = clusters(300, 3, 2, 7)
    units = np.array([1e-3, 1.0, 4096.0])
    one, other = (GaussianMixture(2, random_state=0, tol=1e-9).fit(data) for data in (X, X * units))
    assert other.lower_bound_ == pytest.approx(one.lower_bound_ - (~np.isnan(X) @ np.log(units)).mean(), abs=1e-9)
    assert_allclose(other.means_, one.means_ * units, rtol=1e-4)


def test_single_precision():
    X, _ = clusters(300, 3, 2, 8)
    one, other = (GaussianMixture(2, random_state=0).fit(X.astype(dtype)) for dtype in (np.float64, np.float32))
    assert other.means_.dtype == other.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert other.lower_bound_ == pytest.approx(one.lower_bound_, abs=1e-5)


def test_densities_are_those_of_marginals():
    """Of what is observed of a row, and of the part of the mixture that is about it."""
    X, _ = clusters(50, 4, 2, 9)
    model = GaussianMixture(2, random_state=0).fit(clusters(400, 4, 2, 9)[0])
    scores = model.score_samples(X)
    for row, score in zip(X, scores, strict=True):
        known = np.flatnonzero(~np.isnan(row))
        if not len(known):
            continue
        margin = GaussianMixture.from_parameters(model.weights_ / model.weights_.sum(), model.means_[:, known],
                                                 model.covariances_[:, known][:, :, known])
        assert margin.score_samples(row[None, known])[0] == pytest.approx(score, rel=1e-12)


@pytest.mark.parametrize("made_by", [GaussianMixture, StudentMixture])
def test_parameters_are_found_again(made_by):
    """Of three clusters with a third of the values gone; mean imputation is further off."""
    rng = np.random.default_rng(10)
    means = np.array([[0, 0, 0], [6, 6, 0], [0, 6, 6]])
    S = np.array([[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1.0]])
    X = means[rng.integers(3, size=1500)] + rng.multivariate_normal(np.zeros(3), S, 1500)
    X[rng.random(X.shape) < 0.33] = np.nan
    model = made_by(3, random_state=0).fit(X)
    naive = made_by(3, random_state=0).fit(np.where(np.isnan(X), np.nanmean(X, axis=0), X))
    errors = [np.abs(each.means_[:, None] - means).max(axis=2).min(axis=0).max() for each in (model, naive)]
    assert errors[0] < 0.25 < errors[1]


# --- filling in ------------------------------------------------------------------------------------------------------


def test_imputed_values_are_expected_values():
    X, _ = clusters(60, 3, 2, 11)
    model = GaussianMixture(2, random_state=0).fit(X)
    filled, resp = model.impute(X), model.predict_proba(X)
    for row, found, r in zip(X, filled, resp, strict=True):
        o = ~np.isnan(row)
        parts = [m + S[:, o] @ np.linalg.solve(S[np.ix_(o, o)], row[o] - m[o])
                 for m, S in zip(model.means_, model.covariances_, strict=True)]
        assert_allclose(found[~o], (r @ parts)[~o], atol=1e-10)
        assert_array_equal(found[o], row[o])


@pytest.mark.parametrize("code", ["full", "diag", "spherical", "tied", "VEV"])
def test_covariances_of_imputed_values(code):
    """Within components and between; 0 for what was observed, that of the mixture where nothing was."""
    X, _ = clusters(60, 3, 2, 11)
    X[0] = np.nan
    model = GaussianMixture(2, covariance_type=code, random_state=0).fit(X)
    (filled, found), resp = model.impute(X, return_cov=True), model.predict_proba(X)
    matrices = structure(code).full(model.covariances_, 2, 3)
    assert_array_equal(filled, model.impute(X))
    for row, mean, covariance, r in zip(X, filled, found, resp, strict=True):
        o, expected = ~np.isnan(row), np.zeros((3, 3))
        for w, m, S in zip(r, model.means_, matrices, strict=True):
            K = S[:, o] @ np.linalg.inv(S[np.ix_(o, o)])
            gap = m + K @ (row[o] - m[o]) - mean
            expected += w * (S - K @ S[o] + np.outer(gap, gap))
        expected[o] = expected[:, o] = 0
        assert_allclose(covariance, expected, atol=1e-9)


def test_covariances_of_values_with_heavy_tails():
    model = StudentMixture.from_parameters([1.0], [[0.0, 0.0]], [np.eye(2)], [4.0])
    _, found = model.impute([[np.nan, 3.0], [np.nan, np.nan]], return_cov=True)
    assert_allclose(found[0], [[13 / 5 * 5 / 3, 0], [0, 0]])  # (nu + x^2) / (nu + 1) of scale, 5 degrees of freedom
    assert_allclose(found[1], 2 * np.eye(2))


def test_draws_with_parameters_drawn_too():
    """Of n values of which half is missing, means of the draws differ by s^2 / (n / 2), and by as much again."""
    X = np.random.default_rng(0).normal(size=(200, 1))
    X[::2] = np.nan
    model = GaussianMixture().fit(X)
    plain, proper = (model.impute(X, 250, 0, parameters=parameters)[:, ::2].mean(axis=1).var()
                     for parameters in ("fitted", "bootstrap"))
    assert_allclose(plain, model.covariances_.item() / 100, rtol=0.27)  # three standard errors of a variance of 250
    assert_allclose(proper, 2 * plain, rtol=0.38)
    draws = model.impute(X, 2, 0, parameters="bootstrap")
    assert_array_equal(draws, model.impute(X, 2, 0, parameters="bootstrap"))
    assert_array_equal(draws[:, 1::2], [X[1::2]] * 2)
    w = np.r_[np.zeros(100), np.ones(100)]
    of_half = model.impute(X, 1, 0, parameters="bootstrap", sample_weight=w)
    other = np.where((w[:, None] > 0) | np.isnan(X), X, 1e6)
    assert_allclose(of_half[0][100:], model.impute(other, 1, 0, parameters="bootstrap", sample_weight=w)[0][100:])


@pytest.mark.parametrize(("change", "fragment"), [
    (dict(draws=0), "draws must be"), (dict(draws=True), "draws must be"), (dict(parameters="x"), "parameters='x'"),
    (dict(parameters="bootstrap"), "draws is None"), (dict(draws=1, sample_weight=[1]), "sample_weight is for"),
    (dict(draws=1, return_cov=True), "return_cov"),
    (dict(draws=1, parameters="bootstrap", sample_weight=[1, 2]), "sample_weight.shape"),
])
def test_bad_arguments_of_impute(change, fragment):
    with pytest.raises(ValueError, match=fragment):
        GaussianMixture.from_parameters([1.0], [[0.0]], [[[1.0]]]).impute([[np.nan]], **change)


def test_drawn_values_have_the_right_spread():
    X, _ = clusters(30, 3, 2, 12)
    model = GaussianMixture(2, random_state=0).fit(clusters(500, 3, 2, 12)[0])
    draws, gone = model.impute(X, draws=2000, random_state=0), np.isnan(X)
    assert_allclose(draws.mean(axis=0)[gone], model.impute(X)[gone], atol=0.4)
    assert (draws[:, ~gone] == X[~gone]).all()
    assert_array_equal(draws[:20], model.impute(X, draws=20, random_state=0))
    alone = np.flatnonzero((gone == [True, False, False]).all(axis=1))[0]
    r, (o, m) = model.predict_proba(X)[alone], (np.array([1, 2]), 0)
    ends = []
    for mu, S in zip(model.means_, model.covariances_, strict=True):
        K = np.linalg.solve(S[np.ix_(o, o)], S[o, m])
        ends.append((mu[m] + K @ (X[alone, o] - mu[o]), S[m, m] - K @ S[o, m]))
    mean = sum(p * a for p, (a, _) in zip(r, ends, strict=True))
    variance = sum(p * (v + (a - mean) ** 2) for p, (a, v) in zip(r, ends, strict=True))
    assert draws[:, alone, m].var() == pytest.approx(variance, rel=0.15)


@pytest.mark.parametrize("row", [[np.nan, 1.0, -6.0], [np.nan, 9.0, np.nan], [np.nan, np.nan, np.nan]])
def test_drawn_values_have_the_tails_that_they_have_given_the_rest(row):
    """Of t distributions: more degrees of freedom, and a scale that grows with how far the rest of the row is out."""
    A = np.array([[1.0, 0.4, 0.2], [0.4, 2.0, -0.3], [0.2, -0.3, 1.0]])
    model = StudentMixture.from_parameters([0.3, 0.7], [[0.0, 0, 0], [5, 5, 0]], [A, A[::-1, ::-1]], [2.0, np.inf])
    row, n = np.array(row), 4000
    draws = model.impute(np.tile(row, (n, 1)), draws=1, random_state=0)[0]
    given = {i: row[i] for i in np.flatnonzero(~np.isnan(row))}
    expected = model.condition(given).marginal(0) if given else model.marginal(0)
    assert stats.kstest(draws[:, 0], expected.cdf).pvalue > 0.01


def test_what_is_known_besides_is_known_to_what_fills_in():
    """Of values measured with errors less is told of the others; a label says of which component they are."""
    S, row = np.array([[1.0, 0.6, 0.3], [0.6, 2.0, 0.2], [0.3, 0.2, 1.0]]), np.array([np.nan, 2.0, -1.0])
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0, 0, 0], [9, 1, 0]], [S, S])
    N = np.array([[0.0, 0, 0], [0, 1.5, 0.4], [0, 0.4, 0.5]])
    for noise in (N, np.diag(N), None):
        T = S[1:, 1:] + (0 if noise is None else N[1:, 1:] if noise.ndim == 2 else np.diag(noise[1:]))
        K, n = np.linalg.solve(T, S[1:, 0]), 4000
        for label, mean in enumerate(model.means_):
            more = {"labels": [label] * n, "noise": None if noise is None else [noise] * n}
            X, expected = np.tile(row, (n, 1)), mean[0] + K @ (row[1:] - mean[1:])
            assert_allclose(model.impute(X, **more)[:, 0], expected)
            drawn = model.impute(X, draws=1, random_state=0, **more)[0, :, 0]
            assert stats.kstest((drawn - expected) / np.sqrt(S[0, 0] - K @ S[1:, 0]), "norm").pvalue > 0.01
    with pytest.raises(ValueError, match="leave out labels and noise"):
        model.impute([row], labels=[0], return_cov=True)


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["full", "tied", "spherical"])
def test_labels_name_the_components(load, kind):
    X, y = load("iris"), np.repeat([2, 0, 1], 50)
    labels = np.where(np.arange(150) % 5 == 0, y, -1)
    model = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X, labels=labels)
    assert (model.predict(X) == y).mean() > 0.85
    sure = np.where(labels[:, None] < 0, 1.0, labels[:, None] == np.arange(3))
    same = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X, labels=sure)
    assert_array_equal(same.means_, model.means_)


def test_a_component_of_which_no_row_is_known_is_found(load):
    X, y = load("iris"), np.repeat([0, 1, 2], 50)
    model = GaussianMixture(3, random_state=0).fit(X, labels=np.where(y == 0, 0, -1))
    assert (model.predict(X)[:50] == 0).all()
    assert len(set(model.predict(X)[50:])) == 2


def test_all_labels_give_the_sample_moments(load):
    X, y = load("iris"), np.repeat([0, 1, 2], 50)
    model = GaussianMixture(3, tol=1e-12).fit(X, labels=y)
    assert_allclose(model.means_, [X[y == j].mean(axis=0) for j in range(3)], rtol=1e-10)
    assert_allclose(model.covariances_, [np.cov(X[y == j].T, ddof=0) for j in range(3)], rtol=1e-9)


# --- the choice of a model ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gaussian", "student"])
def test_the_choice_obeys_nesting(load, family):
    X, i = faithful(load)
    X[i % 5 == 1, 1] = X[i % 7 == 3, 0] = np.nan
    choice = select(X, [1, 2, 3], family=family, random_state=0)
    assert choice.nesting_violations == ()
    for row, model in zip(choice.rows, choice.models, strict=True):
        assert row.log_likelihood == pytest.approx(272 * model.score(X), abs=1e-6)
    if family == "gaussian":  # as on complete rows, and R16 is among the fits
        assert (choice.best_.n_components, choice.best_.covariance_type) == (3, "tied")
        two, = (row for row in choice.rows if row.title == "2 components, full")
        assert two.log_likelihood == pytest.approx(-938.02298227, abs=1e-3)
        assert choice.verdict.kind == "separate groups" and choice.verdict.n_groups == 2


def test_the_choice_by_rows_left_out(load):
    X, i = faithful(load)
    X[i % 5 == 1, 1] = np.nan
    assert select(X, [1, 2], "tied", criterion="cv", random_state=0).best_.n_components == 2


# --- how sure --------------------------------------------------------------------------------------------------------


def test_standard_errors_by_refits():
    """Of a mean of which half is missing at random they are sqrt(2) times as large."""
    X = np.random.default_rng(0).normal(size=(400, 2)) + [[0, 8]] * np.random.default_rng(1).integers(2, size=(400, 1))
    X[::2, 0] = np.nan
    model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    errors = standard_errors(model, X, method="bootstrap", n_bootstrap=100, random_state=0)
    assert_allclose(errors.means[:, 0] / errors.means[:, 1], np.sqrt(2), rtol=0.25)
    assert_allclose(errors.means, standard_errors(model, X).means, rtol=0.25)


def test_bootstraps_see_the_same_gaps():
    rng = np.random.default_rng(15)
    X = rng.normal(size=(150, 2)) + 8 * rng.integers(2, size=(150, 1))
    X[rng.random(X.shape) < 0.2] = np.nan
    assert stability(2, X, n_bootstrap=5, random_state=0).jaccard.min() > 0.8
    assert likelihood_ratio_test(X, 1, n_bootstrap=9, random_state=0).p_value == 0.1
    one = np.where(np.isnan(X), np.nan, np.random.default_rng(0).normal(size=X.shape))
    assert likelihood_ratio_test(one, 1, "spherical", n_bootstrap=9, random_state=0).p_value > 0.1


def test_bootstraps_know_labels_and_noise():
    """Refits that know what the fit knew scatter as the information about it says."""
    rng = np.random.default_rng(3)
    y, noise = rng.integers(2, size=300), np.where(np.arange(300) % 2, 4.0, 0.25)[:, None]
    X = rng.normal(size=(300, 1)) + 3 * y[:, None] + np.sqrt(noise) * rng.normal(size=(300, 1))
    known = {"labels": np.where(np.arange(300) < 200, y, -1), "noise": noise}
    model = GaussianMixture(2, tol=1e-9, random_state=0).fit(X, **known)
    drawn = standard_errors(model, X, "bootstrap", n_bootstrap=150, random_state=0, **known)
    expected = standard_errors(model, X, **known)
    assert_allclose(drawn.weights, expected.weights, rtol=0.25)  # four standard errors of 150 refits
    assert_allclose(drawn.means, expected.means, rtol=0.25)
    assert stability(model, X, n_bootstrap=5, random_state=0, **known).jaccard.mean() > 0.6
    filled = np.where(np.arange(300)[:, None] % 7 == 0, np.nan, X)
    draws = model.impute(filled, 3, 0, parameters="bootstrap", **known)
    assert_array_equal(draws, model.impute(filled, 3, 0, parameters="bootstrap", **known))


def test_errors_of_measurement_make_no_component():
    """Of one normal cloud, of which some rows are measured worse, there are two components to those not told so."""
    rng = np.random.default_rng(4)
    noise = np.where(np.arange(300) % 3 == 0, 30.0, 0.01)[:, None]
    X = rng.normal(size=(300, 1)) + np.sqrt(noise) * rng.normal(size=(300, 1))
    how = dict(n_bootstrap=9, random_state=0, n_init=1, tol=1e-4)
    assert likelihood_ratio_test(X, 1, **how).p_value == 0.1
    assert likelihood_ratio_test(X, 1, noise=noise, **how).p_value > 0.1


def test_is_there_a_component_that_no_label_names():
    rng = np.random.default_rng(5)
    y = rng.integers(3, size=240)
    X, how = rng.normal(size=(240, 1)) + 6 * y[:, None], dict(n_bootstrap=9, random_state=0, n_init=1, tol=1e-4)
    labels = np.where((y < 2) & (np.arange(240) < 120), y, -1)
    assert likelihood_ratio_test(X, 2, "tied", labels=labels, **how).p_value == 0.1
    assert likelihood_ratio_test(X[y < 2], 2, "tied", labels=labels[y < 2], **how).p_value > 0.1
    with pytest.raises(ValueError, match="labels has 2 dimensions"):
        likelihood_ratio_test(X, 2, labels=np.ones((240, 2)), **how)


# --- all at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_gained_from_the_solution(seed):
    """Weights, gaps and labels together, with errors too in every other case, of VEV: axes and volumes apart.

    SciPy, started there, finds nothing above, and comes back from beside it.
    """
    X, y = clusters(200, 2, 2, seed, missing=0.15)
    rng = np.random.default_rng(seed)
    weights, noise = rng.exponential(size=200), (seed % 2) * 0.1 * rng.exponential(size=(200, 2))
    labels = np.where(rng.random(200) < 0.2, y, -1)
    model = GaussianMixture(2, covariance_type="VEV", tol=1e-13, max_iter=10_000, random_state=0)
    model.fit(X, sample_weight=weights, labels=labels, noise=noise if seed % 2 else None)
    possible = np.where(labels[:, None] < 0, 1.0, labels[:, None] == np.arange(2))
    seen = ~np.isnan(X)

    def value(x):
        logs, means, volumes, shape, angles = np.split(x, [2, 6, 8, 9])
        density = 0
        for j in range(2):
            c, s = np.cos(angles[j]), np.sin(angles[j])
            S = np.array([[c, -s], [s, c]]) * np.exp(volumes[j] + shape * [1, -1]) @ np.array([[c, s], [-s, c]])
            T = np.where(seen[:, :, None] & seen[:, None], S + noise[:, :, None] * np.eye(2), np.eye(2))
            T[~seen.all(axis=1), [0], [1]] = T[~seen.all(axis=1), [1], [0]] = 0
            gap = np.where(seen, X - means[2 * j : 2 * j + 2], 0)
            q = (gap * np.linalg.solve(T, gap[:, :, None])[:, :, 0]).sum(axis=1)
            log_density = -(q + np.linalg.slogdet(T)[1] + seen.sum(axis=1) * np.log(2 * np.pi)) / 2
            density += possible[:, j] * np.exp(logs[j] - np.logaddexp(*logs) + log_density)
        return -weights @ np.log(density) / weights.sum()

    values, vectors = np.linalg.eigh(model.covariances_)
    x = np.concatenate([np.log(model.weights_), model.means_.ravel(), np.log(values).mean(axis=1),
                        [np.log(values[0] / values[0].prod() ** 0.5)[0]],
                        np.arctan2(vectors[:, 1, 0], vectors[:, 0, 0])])
    assert -value(x) == pytest.approx(model.lower_bound_, abs=1e-11)
    assert value(x) - minimize(value, x, options=dict(maxiter=30)).fun < 1e-6
    assert minimize(value, x + 0.03).fun == pytest.approx(value(x), abs=1e-6)


def test_criteria_with_errors_of_measurement():
    """By score, which knows of them: BIC, AIC and ICL of the fit, with weights."""
    X, _ = clusters(100, 2, 2, 3, missing=0.1)
    w, noise = np.random.default_rng(0).integers(1, 3, 100), 0.2 * np.ones(X.shape)
    model = GaussianMixture(2, random_state=0).fit(X, sample_weight=w, noise=noise)
    total, n, p = model.score(X, sample_weight=w, noise=noise) * w.sum(), w.sum(), 11
    bic = p * np.log(n) - 2 * total
    assert model.bic(X, w, noise=noise) == pytest.approx(bic)
    assert model.aic(X, w, noise=noise) == pytest.approx(2 * p - 2 * total)
    most = np.log(model.predict_proba(X, noise=noise).max(axis=1))
    assert model.icl(X, w, noise=noise) == pytest.approx(bic - 2 * w @ most)
    assert abs(model.bic(X, w) - bic) > 1


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "words"), [
    (dict(labels=[0, 1, 2, -1]), ["labels", "row 2", "2"]), (dict(labels=[0, 1]), ["labels", r"\(4,\)", r"\(2,\)"]),
    (dict(labels=[0, 0.5, 1, 1]), ["labels", "row 1", "0.5"]), (dict(labels=[0, np.nan, 1, 1]), ["labels", "row 1"]),
    (dict(labels=[[1, 0], [0, 0], [1, 1], [1, 1]]), ["labels", "row 1", "possible"]),
    (dict(labels=[[1, 0], [-1, 2], [1, 1], [1, 1]]), ["labels", "row 1", "-1"]),
    (dict(labels=[0, 0, 0, 0]), ["labels", "component 1"]),
    (dict(labels=[0, 0, 0, 1], sample_weight=[1, 1, 1, 0]), ["labels", "component 1", "weight"]),
    (dict(noise=np.ones((4, 3))), ["noise", r"\(4, 2\)", r"\(4, 3\)"]),
    (dict(noise=-np.ones((4, 2))), ["noise", "row 0"]), (dict(noise=np.full((4, 2), np.inf)), ["noise", "row 0"]),
    (dict(noise=np.broadcast_to([[1, 2], [2, 1.0]], (4, 2, 2))), ["noise", "row 0", "negative"]),
    (dict(noise=np.broadcast_to([[1, 0.5], [0, 1.0]], (4, 2, 2))), ["noise", "row 0", "symmetric"]),
])
def test_what_is_no_label_or_noise_is_named(how, words):
    model, X = GaussianMixture(2, random_state=0), np.array([[0, 1], [1, 0], [5, 6], [6, 5.0]])
    with pytest.raises(ValueError) as caught:
        model.fit(X, **how)
    for word in words:
        assert re.search(word, str(caught.value)), (word, str(caught.value))
    assert "means_" not in vars(model)


def test_a_column_without_values_is_named():
    X = np.array([[1, np.nan], [2, np.nan], [3, np.nan]])
    with pytest.raises(ValueError, match=r"no observed value.* columns 1"):
        GaussianMixture().fit(X)


def test_search_does_not_move_named_components():
    with pytest.raises(ValueError, match=r"search.*labels"):
        GaussianMixture(2, search="swap").fit(np.eye(4), labels=[0, 0, 1, 1])


# --- how rows are arranged -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), [(1, 1), (9, 3), (1000, 3), (1000, 40), (50, 3000)])
def test_items_in_order_hold_each_row_once(n, d):
    order, items = in_order(n, d)
    assert_array_equal(order, np.arange(n))
    assert_array_equal(np.concatenate([first + np.arange(length) for first, length in items]), np.arange(n))
    assert 1 <= items[:, 1].min() <= items[:, 1].max() <= views.kernel.item_size(d) <= 32


def test_items_hold_rows_with_the_same_gaps():
    gone = np.random.default_rng(0).random((1000, 3)) < 0.3
    order, items = arranged(gone)
    assert_array_equal(np.sort(order), np.arange(1000))
    places = np.concatenate([np.arange(first, first + count) for first, count in items])
    assert_array_equal(np.sort(places), np.arange(1000))
    for first, count in items:
        assert len(np.unique(gone[order[first : first + count]], axis=0)) == 1
    assert (np.diff(items[:, 1]) <= 0).all()


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_held_parameters_and_gaps(kind):
    X, _ = clusters(300, 3, 2, 13)
    own = structure(kind)
    S = own.condensed(np.broadcast_to(np.eye(3), (2, 3, 3)))
    start = dict(means_init=[[-3, 0, 0], [3, 0, 0]], weights_init=[0.5, 0.5], precisions_init=S)
    model = GaussianMixture(2, covariance_type=kind, held={"means": [0]}, **start).fit(X)
    assert_array_equal(model.means_[0], [-3, 0, 0])
    assert np.diff(model.lower_bounds_).min() > -1e-12


def test_search_with_gaps():
    X, _ = clusters(400, 3, 4, 14)
    plain, sought = (GaussianMixture(4, search=search, random_state=0).fit(X) for search in (None, "swap"))
    assert sought.lower_bound_ >= plain.lower_bound_ - 1e-9


def test_twin_of_the_kernel_knows_the_same_emits():
    for isa, emit in itertools.product(kernels.available(), EMITS):
        assert emit in kernels.module("views", isa).EMITS
