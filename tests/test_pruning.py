"""What a pass leaves out would not have changed it."""

import numpy as np
import pytest

from cyem import GaussianMixture, kernels
from cyem.em import driver
from cyem.em.problem import Problem
from cyem.families.covariance import structure
from cyem.families.gaussian import Gaussian
from cyem.kernels import arguments, reference
from cyem.rows import pruning
from cyem.rows.samples import CUT

EPS = {np.float64: 1e-12, np.float32: 2e-5}


def clustered(n=13_000, d=4, k=20, gap=9.0, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    means = rng.uniform(size=(k, d)) * gap * k ** (1 / d)
    labels = rng.integers(k, size=n)
    shapes = np.linalg.qr(rng.normal(size=(k, d, d)))[0] * rng.uniform(0.5, 1.5, (k, 1, d))
    X = means[labels] + np.einsum("nij,nj->ni", shapes[labels], rng.normal(size=(n, d)))
    return X.astype(dtype), means


def problem(X, name="VVV", weights=None, n_threads=1):
    return Problem.of(Gaussian, X, weights, structure(name), 1e-6, n_threads)


def begin(mixture, means, rng):
    return mixture.assign_to(mixture.frame.enter(means + 0.3 * rng.normal(size=means.shape))).parameters


def assert_close(got, exact, eps):
    for name in ("masses", "first", "second"):
        a, b = getattr(got, name), getattr(exact, name)
        assert np.abs(a - b).max() <= eps * max(np.abs(exact.second).max(), exact.masses.max())
    assert got.log_likelihood == pytest.approx(exact.log_likelihood, rel=eps)
    assert got.log_classification == pytest.approx(exact.log_classification, rel=eps, abs=eps * exact.masses.sum())


@pytest.mark.parametrize("dtype", EPS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII"])
def test_nothing_that_counts_is_left_out(name, weighted, dtype):
    rng = np.random.default_rng(1)
    X, means = clustered(dtype=dtype)
    weights = rng.uniform(0.5, 2, len(X)) if weighted else None
    mixture, plain = problem(X, name, weights), problem(X, name, weights)
    plain.samples.pruner.hopeless = True
    parameters = begin(mixture, means, rng)
    evaluated = []
    tell = mixture.samples.pruner.tell
    mixture.samples.pruner.tell = lambda *args: (evaluated.append(args[2][0] / len(X) / len(means)), tell(*args))
    for _ in range(12):
        statistics = mixture.sweep(parameters)
        assert_close(statistics, plain.sweep(parameters), EPS[dtype])
        parameters = mixture.update(statistics, parameters).parameters
    assert evaluated[0] >= 1 and evaluated[-1] < 0.6


def test_leaps_are_followed():
    """Parameters may go anywhere between two passes."""
    rng = np.random.default_rng(2)
    X, means = clustered()
    mixture, plain = problem(X), problem(X)
    plain.samples.pruner.hopeless = True
    here = begin(mixture, means, rng)
    for _ in range(6):
        here = mixture.update(mixture.sweep(here), here).parameters
    assert mixture.samples.pruner.bounds is not None
    x = mixture.family.coordinates(here)
    for size in (1e-3, 0.03, 0.3, 3.0, 0.01, 0.0):
        there = mixture.family.at(x + size * rng.normal(size=x.shape), here)
        assert_close(mixture.sweep(there), plain.sweep(there), 1e-11)


def test_a_fit_ends_at_the_same_place(monkeypatch):
    X, means = clustered(k=24, gap=6.0)
    fits = []
    for worth in (pruning.WORTH, -1.0):
        monkeypatch.setattr(pruning, "WORTH", worth)
        mixture = problem(X)
        fits.append(driver.fit(mixture, begin(mixture, means, np.random.default_rng(3)), tol=1e-6, max_iter=200))
        assert (mixture.samples.pruner.bounds is None) == (worth < 0)
    assert fits[0].value == pytest.approx(fits[1].value, rel=1e-12)
    np.testing.assert_allclose(fits[0].parameters.means, fits[1].parameters.means, rtol=1e-9, atol=1e-9)


def test_overlapping_components_are_left_alone():
    rng = np.random.default_rng(4)
    X, means = clustered(gap=1.0)
    mixture = problem(X)
    parameters = begin(mixture, means, rng)
    for _ in range(8):
        parameters = mixture.update(mixture.sweep(parameters), parameters).parameters
    assert mixture.samples.pruner.bounds is None and mixture.samples.pruner.signs == 0


def test_bounds_that_save_nothing_are_dropped(monkeypatch):
    monkeypatch.setattr(pruning, "WORTH", 1.0)
    X, means = clustered(gap=1.0)
    mixture = problem(X)
    parameters = begin(mixture, means, np.random.default_rng(5))
    for _ in range(12):
        parameters = mixture.update(mixture.sweep(parameters), parameters).parameters
    assert mixture.samples.pruner.bounds is None and mixture.samples.pruner.hopeless


def test_threads_do_not_matter():
    X, means = clustered(n=40_000)
    models = [
        GaussianMixture(20, means_init=means, max_iter=12, tol=0, n_threads=n, acceleration=None).fit(X)
        for n in (1, 2, 3)
    ]
    for model in models[1:]:
        assert model.lower_bounds_ == models[0].lower_bounds_
        assert (model.means_ == models[0].means_).all() and (model.covariances_ == models[0].covariances_).all()


@pytest.mark.parametrize("isa", kernels.available())
@pytest.mark.parametrize("dtype", EPS)
def test_kernel_and_twin(isa, dtype):
    """Sums as the twin has them, on rows in any order; a bound is never more than the distance."""
    module = kernels.module("sweep", isa)
    X, means = clustered(n=3000, d=5, dtype=dtype)
    rng = np.random.default_rng(6)
    k, d = means.shape
    U = np.triu(rng.normal(size=(k, d, d)), 1) / 4 + np.eye(d)
    frame = np.stack([np.zeros(d), np.ones(d)]).astype(dtype)
    order = np.argsort(((X[:, None] - means) ** 2).sum(axis=2).argmin(axis=1), kind="stable")
    numbers = (means.astype(dtype).astype(float), U.astype(dtype).astype(float), rng.normal(size=k))
    rows, density = arguments.Rows(X, frame), arguments.Density("triangular", *numbers)
    size = module.statistics_size(k, d, 1)
    options = dict(moments=1, cut=CUT[np.dtype(dtype)], n_threads=1)
    workspace = np.empty(module.workspace_size(*X.shape, k, 0, 1, X.itemsize, 1), np.uint8)
    nearest, distances = (np.zeros((module.tiles(len(X)), k), np.float32) for _ in range(2))
    exact = np.empty(size)
    wide = reference.Rows(X.astype(float), frame.astype(float)), reference.Density("triangular", *numbers)
    reference.sweep_pruned(*wide, order, distances, None, exact, **options)
    shares = []
    for _ in range(3):
        got = np.empty(size)
        unchanged = np.array([np.ones(k), np.zeros(k)])
        evaluated, owned = module.sweep_pruned(rows, density, order, nearest, unchanged, got, workspace, **options)
        shares.append(evaluated / nearest.size / 192)
        assert np.abs(got - exact).max() <= EPS[dtype] * np.abs(exact).max()
        assert (nearest <= distances * (1 + 1e-6)).all()
        assert owned <= evaluated
    assert shares[0] == 1 and shares[1] < 0.6 and shares[2] == shares[1]
