"""Leaping ahead: the same maxima as plain EM, in fewer passes, and never a loss of likelihood."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cyem import ConvergenceWarning, GaussianMixture
from cyem.em import driver
from cyem.em.problem import Problem
from cyem.families.covariance import STRUCTURES as ALL
from cyem.families.gaussian import Gaussian

STRUCTURES = ("full", "tied", "diag", "spherical")


def overlapping(n=600, k=4, d=3, seed=0):
    """Clusters whose centres are 1.5 standard deviations apart: EM is slow on them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(k, d)) * 1.5 / np.sqrt(2)
    labels = rng.integers(0, k, n)
    return rng.normal(size=(n, d)) + centres[labels], labels


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("seed", range(3))
def test_fewer_passes_to_no_lower_maximum(structure, seed):
    X, labels = overlapping(seed=seed)
    start = dict(covariance_type=structure, init_params=labels, tol=1e-8, max_iter=20_000)
    plain = GaussianMixture(4, acceleration=None, **start).fit(X)
    leaping = GaussianMixture(4, **start).fit(X)
    assert leaping.lower_bound_ >= plain.lower_bound_ - 1e-5
    assert leaping.n_iter_ < plain.n_iter_ / 1.5


@pytest.mark.parametrize("structure", [*STRUCTURES, "VEV", "VEE", "EVE", "VEI", "EII"])
@pytest.mark.parametrize("acceleration", ["squarem", None])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.filterwarnings("ignore:.*did not converge")
def test_iterations_together_are_those_one_by_one(structure, acceleration, background, monkeypatch):
    """The compiled ascent takes the path of `driver.Ascent`, whatever the number of iterations in a call."""
    X, labels = overlapping(seed=2)
    if background:
        X = np.r_[X, np.random.default_rng(0).uniform(-15, 15, (len(X) // 5, X.shape[1]))]
        labels = np.resize(labels, len(X))
    start = dict(covariance_type=structure, init_params=labels, acceleration=acceleration, max_iter=60,
                 background=background)
    together = GaussianMixture(4, **start).fit(X)
    watched = GaussianMixture(4, callback=lambda run, iteration, value: None, **start).fit(X)
    assert watched.lower_bounds_ == together.lower_bounds_
    monkeypatch.setattr(Problem, "ascent", lambda self, point, **how: None)
    one_by_one = GaussianMixture(4, **start).fit(X)
    assert one_by_one.n_iter_ == together.n_iter_
    assert_allclose(together.lower_bounds_, one_by_one.lower_bounds_, rtol=1e-8)
    assert_allclose(together.means_, one_by_one.means_, atol=1e-4)


def test_no_number_of_iterations_is_too_large():
    X, labels = overlapping(n=100, k=2)
    settings = dict(init_params=labels[:, None] == np.arange(2), acceleration=None, tol=1e-3)
    assert GaussianMixture(2, max_iter=10**12, **settings).fit(X).converged_


def test_what_is_out_of_the_ordinary_is_done_one_by_one():
    """A component that is to lose all its variance is held at the floor, and the others go on to their maximum."""
    X, labels = overlapping(n=300, k=3)
    X[labels == 0] = X[labels == 0][0] + [0, 0, 1e-9] * np.arange((labels == 0).sum())[:, None]
    with pytest.warns(UserWarning, match="held at the floor"):
        model = GaussianMixture(3, init_params=labels).fit(X)
    assert model.converged_ and model.n_iter_ > 1
    assert_allclose(model.lower_bound_, model.score(X), rtol=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_likelihood_never_falls(structure):
    X, labels = overlapping(seed=5)
    model = GaussianMixture(4, covariance_type=structure, init_params=labels, tol=1e-9, max_iter=20_000).fit(X)
    assert np.diff(model.lower_bounds_).min() >= -1e-13


@pytest.mark.parametrize("structure", [structure.code for structure in ALL])
def test_it_leaps_where_nothing_is_compiled(structure):
    """More features than some compiled M-steps take."""
    X, labels = overlapping(n=200, k=3, d=34)
    labels[::3] = 0
    model = GaussianMixture(3, covariance_type=structure, init_params=labels, max_iter=25, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # some are there before
        model.fit(X)
    assert np.diff(model.lower_bounds_).min() >= -1e-13
    assert_allclose(model.lower_bound_, model.score(X), rtol=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_parameters_survive_their_coordinates(structure):
    """Coordinates are a chart of the mixtures: there and back again changes nothing but the last bits."""
    from cyem.em.start import responsibilities
    from cyem.families.covariance import structure as named

    X, labels = overlapping()
    mixture = Problem.of(Gaussian, X * [1e-3, 1, 1e5], None, named(structure), 1e-6, 1)
    parameters = mixture.assign(responsibilities(labels, len(X), 4)).parameters
    again = mixture.family.at(mixture.family.coordinates(parameters), parameters)
    for name in ("weights", "means", "covariances", "factors"):
        assert_allclose(getattr(again, name), getattr(parameters, name), rtol=1e-12, atol=1e-14, err_msg=name)


def test_a_leap_lands_on_the_limit_of_a_geometric_path():
    """x_t = limit + c^t e: scheme S3 with a = 1 / (1 - c) gives the limit itself."""
    limit, error, c = np.array([3.0, -1.0, 2.0]), np.array([0.05, 0.1, -0.025]), 0.8
    x = [limit + c**t * error for t in range(3)]
    leap = driver.Leap()
    leap.longest = 100
    target, rate = leap.ahead(*x)
    assert_allclose(target, limit, rtol=1e-13)
    assert_allclose(rate, c**2, rtol=1e-13)
    far, _ = leap.ahead(*(limit + 100 * (each - limit) for each in x))  # on the way there, no farther than is safe
    step = far - (limit + 100 * (x[2] - limit))
    assert np.abs(step).max() == pytest.approx(driver.FARTHEST)
    assert_allclose(step / step[0], error / error[0], rtol=1e-12)


def test_leaps_stay_on_the_slope_that_em_climbs():
    """From random rows and from seeds none ends lower than plain EM does from there (one does without the bound)."""
    lower = []
    for seed in range(40):
        X, _ = overlapping(n=300, k=(3, 4)[seed % 2], d=2, seed=seed)
        start = dict(covariance_type=STRUCTURES[seed // 2 % 4], init_params=("random_from_data", "k-means++")[seed % 2],
                     random_state=seed, tol=1e-7, max_iter=20_000)
        plain = GaussianMixture(3, acceleration=None, **start).fit(X)
        leaping = GaussianMixture(3, **start).fit(X)
        lower.append((plain.lower_bound_ - leaping.lower_bound_) * len(X) > 0.05)
    assert not any(lower)


def test_a_leap_is_bounded_and_the_bound_learns():
    x = [np.array([1 - 0.99**t]) for t in range(3)]  # a = 100
    leap = driver.Leap()
    target, _ = leap.ahead(*x)
    assert target < 2 * x[2] * driver.STRETCH
    leap.tell(accepted=True)
    assert leap.longest == driver.STRETCH**2
    leap.tell(accepted=False)
    assert leap.longest == driver.STRETCH


@pytest.mark.parametrize("value", ["SQUAREM", True, 1])
def test_unknown_acceleration(value):
    with pytest.raises(ValueError, match="acceleration"):
        GaussianMixture(acceleration=value).fit([[0.0], [1.0]])


def test_gains_that_do_not_shrink_are_not_the_end():
    """Beside a saddle steps may shrink while gains do not; where both do, the rule stops."""
    crest, slope = driver.Convergence(1e-8, 1e-15), driver.Convergence(1e-8, 1e-15)
    assert not any(crest.reached(4e-9, -4.6, rate=0.6) for _ in range(50))
    assert any(slope.reached(4e-9 * 0.6**i, -4.6, rate=0.6) for i in range(50))
