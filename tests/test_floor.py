"""At the least variance that a component may have, and at the ends of the range of numbers.

The floor is `reg_covar` times the variance of each feature, of round components their mean. What stands there is no
maximum of the likelihood, and a user has to know.
"""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cyem import ConvergenceWarning, GaussianMixture, select, standard_errors
from cyem.families.covariance import STRUCTURES, structure

CODES = [s.code for s in STRUCTURES]
REG = 1e-6  # the default
NEAR = 1e-4  # of the floor: what single precision knows of a variance there
every_structure = pytest.mark.parametrize("code", CODES)
every_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def flat(kind, d, n=120, seed=0):
    """Samples of three clusters that lack some dimension, or nearly."""
    rng = np.random.default_rng([d, seed])
    labels = np.arange(n) % 3
    line = rng.normal(size=(n, 1)) * rng.uniform(0.5, 1.5, size=(1, d))
    X = rng.normal(size=(n, d)) + 4 * rng.normal(size=(3, d))[labels]
    if kind == "on a line":
        return line
    if kind == "on parallel lines":
        return line + 3 * rng.normal(size=(3, d))[labels]
    if kind == "near parallel lines":
        return line + 3 * rng.normal(size=(3, d))[labels] + 3e-3 * rng.normal(size=(n, d))
    if kind == "constant column":
        X[:, 0] = 7
    elif kind == "column twice":
        X[:, -1] = X[:, 0]
    elif kind == "identical rows":
        X[:8] = 20
    return X


FLAT = ["on a line", "on parallel lines", "near parallel lines", "constant column", "column twice", "identical rows"]


def fitted(X, k, code, **parameters):
    """A fit, and whether a warning told that something is at the floor."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = GaussianMixture(k, covariance_type=code, random_state=0, **parameters).fit(X)
    told = [w for w in caught if issubclass(w.category, ConvergenceWarning) and "held at the floor" in str(w.message)]
    return model, bool(told)


def heights(model, X, reg=REG):
    """The least variance of each component in any direction (k,), in units of the floor."""
    s = structure(model.covariance_type)
    k, d = model.means_.shape
    spread = X.astype(float).var(axis=0)
    spread = np.where(spread > 0, spread, (X[0].astype(float) / 1.4) ** 2)  # of a constant, about its own size
    spread = np.full(d, spread.mean()) if s.round else spread
    U = s.full(model.precisions_cholesky_.astype(float), k, d) * np.sqrt(reg * spread)[:, None]
    return 1 / np.linalg.norm(U, 2, axis=(1, 2)) ** 2


def listed(model):
    """The components that the report says are at the floor."""
    for line in model.fit_report_:
        if line.startswith("held at the floor"):
            return [int(number) for number in line.rpartition("components ")[2].split(", ")]
    return []


def check(model, told, X, reg=REG):
    """What is at the floor is told, what is not is not, and nothing is below."""
    height, found = heights(model, X, reg), listed(model)
    own_axes = structure(model.covariance_type).code[1:] in ("VE", "EV", "VV") and model.covariance_type != "VVV"
    d = X.shape[1]
    constant = np.ptp(X, axis=0).min() == 0  # has no size to measure the floor in but one within a factor of two
    assert told == bool(found)
    if not constant:
        assert height.min() >= 1 - NEAR
        assert set(np.flatnonzero(height <= 1 + NEAR)) <= set(found)
    # axes in any direction are held where no direction can be below; and single precision sees no thinner matrices
    highest = (d if own_axes else 1) * (4 if constant or X.dtype == np.float32 else 1 + NEAR)
    assert (height[found] <= highest).all()


# What stands at the floor


@every_dtype
@every_structure
@pytest.mark.parametrize("d", [2, 5])
def test_what_stands_at_the_floor_is_told(code, d, dtype):
    for kind in FLAT:
        X = flat(kind, d).astype(dtype)
        for k in (1, 3):
            check(*fitted(X, k, code, max_iter=100), X)


@every_dtype
@every_structure
def test_what_stands_at_the_floor_is_told_by_every_way_there(code, dtype):
    """From the best single component, labels, given parameters, the last fit, a search, or as one of many."""
    round_, kind = structure(code).round, "on a line" if code[2] != "I" else "constant column"
    X = flat(kind, 3).astype(dtype)
    few = dict(max_iter=5)  # a search for axes at the floor is slow
    first, _ = fitted(X, 2, code, **few)
    ways = [
        dict(acceleration=None, **few),
        dict(init_params=np.arange(len(X)) % 2, **few),
        dict(init_params=np.arange(len(X)) % 2, max_iter=0),
        dict(search="swap", n_moves=2, **few),
        dict(weights_init=first.weights_, means_init=first.means_, precisions_init=first.precisions_, **few),
    ]
    for way in ways:
        model, told = fitted(X, 2, code, **way)
        assert told is not round_
        assert bool(listed(model)) is not round_
        model, told = fitted(X, 2, code, **way, equal_weights=True) if "weights_init" not in way else (model, told)
        assert told is not round_
    first.set_params(warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = first.fit(X)
        selection = select(X, [1, 2], code, random_state=0, **few)
    assert bool(listed(again)) is not round_
    held = not round_ and not selection.aside  # what others determine is left out
    assert bool(selection.aside) is (kind == "on a line")
    for row in selection.rows:
        assert any("held at the floor" in line for line in row.report) is held


@every_dtype
@every_structure
def test_a_start_below_the_floor_does_not_stay_there(code, dtype):
    """Its likelihood is no measure for what is allowed."""
    s, d = structure(code), 3
    X = flat("on parallel lines", d).astype(dtype)
    thin = s.condensed(np.repeat(1e6 * np.eye(d)[None], 2, axis=0)) if code != "EEE" else 1e6 * np.eye(d)
    start = dict(weights_init=[0.5, 0.5], means_init=X[:2], precisions_init=thin, reg_covar=0.01)
    check(*fitted(X, 2, code, **start), X, reg=0.01)


@every_structure
def test_an_ordinary_fit_is_not_at_the_floor(code):
    """However near it comes: with a floor of half of its least variance a fit is what it is with none, and silent."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)) @ np.diag([1, 0.1, 3]) + 6 * (np.arange(200) % 2)[:, None]
    free, _ = fitted(X, 2, code, reg_covar=0)
    near, told = fitted(X, 2, code, reg_covar=0.5 * heights(free, X, 1).min() / 3)
    assert not told
    assert near.fit_report_ == free.fit_report_ == ()
    assert_array_equal(near.covariances_, free.covariances_)


# No step loses


@every_dtype
@every_structure
@pytest.mark.parametrize("reg_covar", [REG, 0.01])
def test_no_step_loses_at_the_floor(code, reg_covar, dtype):
    """Plain EM, also where a component, or what all share, comes to the floor or leaves it."""
    rounding = 32 * np.finfo(dtype).eps * (4 if dtype == np.float64 else 1)
    for kind in ("on parallel lines", "near parallel lines", "column twice", "identical rows"):
        for d in (2, 5):
            X = flat(kind, d).astype(dtype)
            model, _ = fitted(X, 3, code, acceleration=None, reg_covar=reg_covar, max_iter=60, init_params="kmeans")
            bounds = np.array([*model.lower_bounds_, model.lower_bound_])
            if not any("seeded" in line or "apart" in line for line in model.fit_report_):
                assert np.diff(bounds).min() >= -rounding * (10 + abs(bounds).max()), (kind, d)
            assert not any("would lose" in line for line in model.fit_report_), (kind, d)


@pytest.mark.filterwarnings("ignore:Best performing")
def test_a_step_that_would_lose_is_not_taken_and_told(monkeypatch):
    """Whatever the reason is that an M-step is worse than the parameters it is for: the best is returned."""
    from cyem.em.problem import Problem
    from cyem.families.gaussian import Parameters

    X, labels = clusters()
    start = dict(init_params=np.roll(labels, 20), acceleration=None)
    good, _ = fitted(X, 3, "full", max_iter=3, tol=0, **start)
    update = Problem.update

    def worse(self, statistics, current=None, start=False):
        found = update(self, statistics, current, start)
        if current is None or self.value(statistics) - self.frame.log_volume < good.lower_bound_ - 1e-9:
            return found
        these = found.parameters
        moved = Parameters(self.structure, these.weights, these.means + 1, these.covariances, these.factors)
        return found._replace(parameters=moved)

    monkeypatch.setattr(Problem, "update", worse)
    monkeypatch.setattr(Problem, "ascent", lambda *_, **__: None)
    with pytest.warns(ConvergenceWarning, match="its step would lose"):
        model = GaussianMixture(3, **start).fit(X)
    assert not model.converged_
    assert_allclose(model.lower_bound_, good.lower_bound_, rtol=1e-12)
    assert any(line.startswith("iteration 4: its step would lose") for line in model.fit_report_)


# The ends of the range


def clusters(n=90, d=2, seed=0):
    """Three clusters on a grid that single precision holds."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 5 * np.eye(3, d)[np.arange(n) % 3]
    return np.round(X * 256) / 256, np.arange(n) % 3


@every_structure
@pytest.mark.parametrize(("dtype", "exponents"), [(np.float64, (-996, -500, 500, 1018)), (np.float32, (-114, 60, 122))])
def test_any_unit_that_has_room(code, dtype, exponents):
    """Multiplied by a power of two, nothing but units changes in any verb: their logarithms, where densities are."""
    X, labels = clusters()
    X = X.astype(dtype)
    (plain, _), n, d = fitted(X, 3, code, init_params=labels), *X.shape
    errors = standard_errors(plain, X)
    drawn = plain.sample(20, random_state=1)[0]
    close = dict(rtol=1e-9, atol=1e-9) if dtype == np.float64 else dict(rtol=1e-4, atol=1e-4)
    for exponent in exponents:
        moved = np.ldexp(X, exponent)
        shift = d * exponent * np.log(2)
        model, told = fitted(moved, 3, code, init_params=labels)
        assert not told
        assert_array_equal(model.predict(moved), plain.predict(X))
        assert_allclose(model.predict_proba(moved), plain.predict_proba(X), **close)
        assert_allclose(model.score_samples(moved) + shift, plain.score_samples(X), **close)
        assert_allclose(model.score(moved) + shift, plain.score(X), **close)
        assert_allclose(model.lower_bound_ + shift, plain.lower_bound_, **close)
        for criterion in ("bic", "aic", "icl"):
            assert_allclose(getattr(model, criterion)(moved) - 2 * n * shift, getattr(plain, criterion)(X), **close)
        assert_allclose(np.ldexp(model.means_, -exponent), plain.means_, **close)
        assert_allclose(np.ldexp(model.sample(20, random_state=1)[0], -exponent), drawn, **close)
        found = standard_errors(model, moved)
        assert_allclose(found.weights, errors.weights, **close)
        assert_allclose(np.ldexp(found.means, -exponent), errors.means, **close)
        for low, high in found.intervals()[:2]:
            assert (low < high).all()
        assert "nan" not in model.summary(moved) + found.summary()


@every_structure
@pytest.mark.parametrize(("dtype", "exponent"), [(np.float64, -1060), (np.float64, -1025), (np.float32, -140)])
def test_units_in_which_no_precision_is_a_number(code, dtype, exponent):
    """Data of denormal numbers: the inverse of their deviation is infinite."""
    X, labels = clusters()
    X = np.ldexp(X, exponent).astype(dtype)
    with pytest.raises(ValueError, match=r"Column \d of X.*standard deviation.*multiply it by 1e30"):
        GaussianMixture(3, covariance_type=code, init_params=labels).fit(X)
    with pytest.raises(ValueError, match=r"Column \d of X.*multiply it by 1e30"):
        select(X, [1, 2], code)
    model, _ = fitted(X.astype(float) * 1e30, 3, code, init_params=labels)
    assert np.isfinite(model.score_samples(X.astype(float) * 1e30)).all()


@every_dtype
@every_structure
def test_a_component_may_be_as_thin_as_numbers_allow(code, dtype):
    """Where the deviation of the floor itself would have no inverse, it is the least that has one."""
    X = np.ldexp(flat("identical rows", 2), -1018 if dtype == np.float64 else -122).astype(dtype)
    model, _ = fitted(X, 3, code, reg_covar=0)
    assert np.isfinite(model.precisions_cholesky_).all()
    assert np.isfinite(model.score_samples(X)).all()
    assert_allclose(model.score(X), model.lower_bound_, rtol=1e-3)


@every_dtype
@every_structure
def test_values_as_large_as_numbers_get(code, dtype):
    """As long as their differences are numbers; otherwise an error says of which column they are not."""
    X, labels = clusters()
    top = np.finfo(dtype).max
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    plain, _ = fitted(X.astype(dtype), 3, code, init_params=labels)
    model, told = fitted((X * top).astype(dtype), 3, code, init_params=labels)
    far = np.linspace(-1, 1, 9)[:, None] * np.ones(2)
    shift = 2 * np.log(float(top))
    assert not told
    assert_allclose(model.score((X * top).astype(dtype)) + shift, plain.score(X.astype(dtype)), rtol=0, atol=1e-4)
    # also of samples on the other side of zero
    expected = plain.score_samples(far.astype(dtype))
    assert_allclose(model.score_samples((far * top).astype(dtype)) + shift, expected, rtol=1e-3)
    assert_allclose(model.predict_proba((far * top).astype(dtype)), plain.predict_proba(far.astype(dtype)), atol=1e-3)
    signed = ((2 * X - 1) * 0.99 * top).astype(dtype)
    for fit in (GaussianMixture(3, covariance_type=code).fit, lambda X: select(X, [1, 2], code)):
        with pytest.raises(ValueError, match=r"Column \d of X.*beyond the range of float\d\d: divide it by 4"):
            fit(signed)


def test_what_is_drawn_is_a_number_or_an_error():
    model = GaussianMixture.from_parameters([1.0], [[0.9 * np.finfo(float).max]], [1.0], "spherical")
    assert np.isfinite(model.sample(100, random_state=0)[0]).all()
    model.precisions_cholesky_ = np.array([1e-307])
    with pytest.raises(ValueError, match=r"beyond the range of float64: fit it to X in a larger unit"):
        model.sample(100, random_state=0)


@pytest.mark.parametrize("code", ["EVE", "VVE", "EEV", "VEV"])
def test_features_too_far_apart_for_one_unit(code):
    X, labels = clusters()
    with pytest.raises(ValueError, match=r"Columns 0 and 1 of X.*too far apart for the covariance structure"):
        GaussianMixture(3, covariance_type=code, init_params=labels).fit(X * [1e-200, 1])
    fitted(X * [1e-100, 1], 3, code, init_params=labels)


@every_structure
@pytest.mark.parametrize("value", [5e-324, 1e-310, 1e-300, 1e300, 1.7e308])
def test_constant_column_of_any_value(code, value):
    """It has no deviation that could be too small."""
    X, labels = clusters()
    if structure(code).one_unit:
        X = X * (1e-300 if value < 1 else 1e300)
    X = np.column_stack([X, np.full(len(X), value)])
    model, _ = fitted(X, 3, code, init_params=labels)
    assert_allclose(model.means_[:, 2], value, rtol=1e-12)
    assert np.isfinite(model.score_samples(X)).all()
    assert_allclose(model.score(X), model.lower_bound_, rtol=1e-9)
