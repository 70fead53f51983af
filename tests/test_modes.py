"""Peaks of densities: where they are known, where a grid and an optimiser find them, and in any unit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from cyem import GaussianMixture, StudentMixture


def random_mixture(seed, k, d, code="full"):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.4 * np.eye(d)
    full = GaussianMixture.from_parameters(rng.dirichlet(np.full(k, 3.0)), 1.5 * rng.normal(size=(k, d)),
                                           A @ A.swapaxes(1, 2))
    if code == "full":
        return full
    return GaussianMixture(k, covariance_type=code, random_state=0).fit(full.sample(500, random_state=0)[0])


def test_of_one_component_it_is_the_mean():
    for model in (random_mixture(0, 1, 3), StudentMixture.from_parameters([1.0], [[1.0, 2.0]], [np.eye(2)], [3.0])):
        assert_allclose(model.modes(), model.means_, atol=1e-9)


@pytest.mark.parametrize(("gap", "count"), [(1.0, 1), (1.99, 1), (2.01, 2), (2.2, 2), (9.0, 2)])
def test_two_of_one_width_are_two_peaks_from_two_standard_deviations_on(gap, count):
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [gap]], [1.0, 1.0], "spherical")
    assert len(model.modes()) == count
    assert_allclose(model.modes().mean(), gap / 2, atol=1e-6)


def test_three_peaks_of_two_components():
    """Ray & Lindsay (2005), figure 1: two long ellipses at right angles, and a peak where they cross."""
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [[1.0, 0.05], [0.05, 1.0]], "diag")
    found = model.modes()
    assert len(found) == 3
    assert_allclose(np.sort(found.sum(axis=1)), [0, 1, 2], atol=0.1)


def grid_peaks(model, low, high, m=81):
    """Points of a grid that are higher than the eight around them."""
    axes = [np.linspace(a, b, m) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    height = model.score_samples(grid.reshape(-1, 2)).reshape(m, m)
    inner = height[1:-1, 1:-1]
    around = [height[1 + a : m - 1 + a, 1 + b : m - 1 + b] for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    return grid[1:-1, 1:-1][(inner > np.array(around)).all(axis=0)]


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_a_grid_finds_no_other(seed, heavy):
    model = random_mixture(seed, 5, 2)
    if heavy:
        nu = np.random.default_rng(seed).uniform(1, 8, 5)
        model = StudentMixture.from_parameters(model.weights_, model.means_, model.covariances_, nu)
    found = model.modes()
    low, high = model.means_.min(axis=0) - 1, model.means_.max(axis=0) + 1
    expected = grid_peaks(model, low, high)
    expected = [minimize(lambda x: -model.score_samples([x])[0], x, method="Nelder-Mead",
                         options=dict(xatol=1e-9, fatol=1e-13)).x for x in expected]
    apart = [x for i, x in enumerate(expected) if all(np.linalg.norm(x - y) > 1e-2 for y in expected[:i])]
    assert len(found) == len(apart)
    for x in apart:
        assert np.abs(found - x).max(axis=1).min() < 1e-5
    assert (np.diff(model.score_samples(found)) <= 0).all()


@pytest.mark.parametrize("code", ["EII", "VVI", "EEE", "VEV", "VVV"])
def test_nothing_near_a_mode_is_higher(code):
    model = random_mixture(3, 4, 5, code)
    rng, found = np.random.default_rng(0), model.modes()
    assert len(found) >= 1
    for step in (1e-3, 0.1):
        around = found[:, None] + step * rng.normal(size=(len(found), 200, 5))
        assert (model.score_samples(around.reshape(-1, 5)).reshape(len(found), -1)
                < model.score_samples(found)[:, None]).all()


def test_units_and_components_without_weight():
    model = random_mixture(4, 6, 2)
    found, units = model.modes(), np.array([1e-7, 1e6])
    other = GaussianMixture.from_parameters(model.weights_, model.means_ * units,
                                            model.covariances_ * units * units[:, None])
    assert_allclose(other.modes(), found * units, rtol=1e-6, atol=1e-9 * units.min())
    weights = np.append(model.weights_, 0)
    more = GaussianMixture.from_parameters(weights, np.append(model.means_, [[50, 50]], axis=0),
                                           np.append(model.covariances_, [np.eye(2)], axis=0))
    assert_allclose(more.modes(), found, atol=1e-6)
