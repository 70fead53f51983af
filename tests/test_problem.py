"""What EM and its starts ask of a problem, against NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cyem.em import driver
from cyem.em.compiled import Ascent
from cyem.em.problem import SQUARE, Problem
from cyem.families.covariance import STRUCTURES, structure
from cyem.families.covariance.base import Estimate
from cyem.families.gaussian import Gaussian, Parameters
from cyem.families.student import Student

CODES = [each.code for each in STRUCTURES]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)) @ [[3.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 0.2]] + [5.0, 0.0, -1.0]
WIDE = RNG.normal(size=(200, SQUARE + 1)) + 3 * RNG.normal(size=(200, 1)) * RNG.normal(size=SQUARE + 1)


def problem(X, code="VVV", reg_covar=1e-6, family=Gaussian):
    return Problem.of(family, X, None, structure(code), reg_covar, 1)


@pytest.mark.parametrize(("reg_covar", "dtype", "share"), [
    (1e-3, np.float64, 1e-3), (0.0, np.float64, 256 * 2.0**-104), (0.0, np.float32, 256 * 2.0**-46),
])
def test_the_floor_is_a_share_of_the_variance_of_each_feature(reg_covar, dtype, share):
    """And of what rounding leaves of deviations."""
    here = problem(X.astype(dtype), "VVI", reg_covar)
    assert_allclose(here.family.floor * here.frame.units**2, share * X.var(axis=0), rtol=1e-4)


def test_the_floor_is_no_less_than_what_has_an_inverse_root():
    tiny = np.finfo(float).tiny
    here = problem(X * 1e-300, "VVI", 0.0)
    assert_allclose(here.family.floor, (tiny / here.frame.units) ** 2, rtol=1e-12)
    with pytest.raises(ValueError, match="multiply it by 1e30"):
        problem(np.ldexp(X, -1060), "VVI", 0.0)


@pytest.mark.parametrize("rows", [np.arange(300), np.arange(0, 300, 7)])
def test_values_are_means_over_the_samples_or_some_of_them(rows):
    here = problem(X)
    point = here.assign_to(here.frame.enter(X[:3])).parameters
    weights = RNG.uniform(1, 2, len(rows))
    part = here.subset(rows, weights)
    scores = here.samples.score_samples(point.density)
    assert here.value(here.sweep(point)) == pytest.approx(scores.mean(), rel=1e-12)
    assert part.value(part.sweep(point)) == pytest.approx((scores[rows] * weights).sum() / weights.sum(), rel=1e-12)
    assert part.objective(part.sweep(point), point) == part.value(part.sweep(point))


def test_components_without_width_are_held_at_the_floor():
    rows = X.copy()
    rows[:50] = rows[0]
    here = problem(rows)
    resp = np.eye(3)[np.repeat([1, 0, 2], [50, 100, 150])]
    assert tuple(here.family.held(here.assign(resp).parameters)) == (1,)
    assert tuple(problem(X).family.held(problem(X).assign(resp).parameters)) == ()


def test_components_that_coincide_are_moved_apart_along_the_axis():
    here = problem(X)
    alike = here.assign(np.ones((300, 2)) / 2).parameters
    found = here.part(alike)
    step = found.means[1] - found.means[0]
    assert abs(step @ here.axis) == pytest.approx(np.linalg.norm(step)) != 0
    assert here.part(here.assign(np.eye(2)[np.arange(300) % 2]).parameters) is None


def test_what_is_thinner_than_the_floor_is_not_admitted():
    here = problem(X, reg_covar=1e-3)
    point = here.assign(np.ones((300, 1))).parameters
    assert here.family.admits(point)
    thin = Estimate(here.structure.scaled(point.covariances, np.array([1, 1, 1e-4])), np.zeros(1, bool))
    assert not here.family.admits(Parameters.of(here.structure, point.weights, point.means, thin))


def test_iterations_are_compiled_where_the_family_has_kernels_for_them():
    here, how = problem(X), dict(done=0, tol=1e-6, walk=5)
    point = driver.look(here, here.assign_to(here.frame.enter(X[:3])).parameters)
    assert isinstance(here.ascent(point, **how), Ascent)
    assert here.beside(here.weak_prior(3)).ascent(point, **how) is None


@pytest.mark.parametrize("beside", [False, True])
def test_several_runs_in_one_call_are_those_one_by_one(beside):
    """Where the family has kernels for it, which it has not beside a prior."""
    here = problem(X)
    here = here.beside(here.weak_prior(3)) if beside else here
    starts = list(here.partitions(here.frame.enter(np.stack([X[:3], X[3:6]]))))
    found = here.climb(starts, 4, 0.0)
    assert len(found) == 2
    assert (found == [None, None]) == beside
    for run, start in zip(driver.short_runs(here, starts, tol=0.0, iterations=3), starts, strict=True):
        assert run.value == pytest.approx(driver.short_run(here, start, tol=0.0, iterations=3).value, rel=1e-12)


def test_the_resolution_is_that_of_sums():
    """Those of float64 end in it; those of float32 are of many numbers that were rounded apart."""
    assert problem(X).resolution == 2.0**-50
    assert problem(X.astype(np.float32)).resolution == 2.0**-25


def test_finer_sums_are_those_of_float64():
    assert problem(X).finer() is None
    coarse = problem(X.astype(np.float32))
    finer = coarse.finer()
    assert finer.resolution == 2.0**-50
    assert finer.finer() is None
    point = coarse.simple.assign_to(coarse.frame.enter(X[:2])).parameters
    assert finer.value(finer.sweep(point)) == pytest.approx(coarse.value(coarse.sweep(point)), rel=1e-5)


@pytest.mark.parametrize("thin", [False, True])
def test_sums_are_coarse_where_components_are_thin_as_their_rounding(thin):
    rows = X.astype(np.float32)
    rows[:, 2] = rows[:, 0] + rows[:, 2] * (1e-4 if thin else 1)
    for dtype in (np.float32, np.float64):
        here = problem(rows.astype(dtype))
        assert here.coarse(here.assign(np.ones((300, 1))).parameters) == (thin and dtype == np.float32)


def test_rounding_is_at_least_that_of_sums_and_at_most_half_of_all_digits():
    round_, thin = problem(X, reg_covar=0), problem(np.column_stack([X, X[:, 0] + 1e-9 * X[:, 1]]), reg_covar=0)
    found = [here.rounding(here.assign(np.ones((300, 1))).parameters) for here in (round_, thin)]
    assert 2.0**-50 <= found[0] < 1e-10
    assert found[1] == 2.0**-25


# --- starts ---


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("k", [2, 5])
def test_a_share_of_the_whole_has_a_kth_of_its_volume(code, k):
    here = problem(X, code)
    whole, parts = (np.linalg.slogdet(here.structure.full(covariances, n, 3))[1]
                    for covariances, n in ((here.whole.covariances, 1), (here.share(k), k)))
    assert_allclose(parts, np.repeat(whole, k) - 2 * np.log(k), rtol=1e-12)


@pytest.mark.parametrize(("code", "rows", "part"), [
    *((code, X, X) for code in CODES), ("VVV", WIDE, WIDE), ("VVI", WIDE, WIDE[::2])  # without matrices
])
def test_the_axis_is_the_direction_of_the_largest_variance(code, rows, part):
    here = problem(rows, code)
    centred = here.frame.enter(part)
    direction = np.linalg.svd(centred - centred.mean(axis=0), full_matrices=False)[2][0]
    assert abs(here.axis @ direction) == pytest.approx(1, abs=1e-12)


def test_empty_components_are_seeded_where_the_others_explain_least():
    rows = np.append(X, [[100.0, 0.0, 0.0], [0.0, 300.0, 0.0]], axis=0)
    here = problem(rows)
    three = here.assign(np.repeat(np.eye(3)[[0]], 302, axis=0) * [0.9, 0.05, 0.05]).parameters
    found = here.reseed(three, (2, 1))
    assert_allclose(found.weights, np.array([three.weights[0], 1 / 3, 1 / 3]) / (three.weights[0] + 2 / 3))
    density = here.samples.score_samples(three.density)
    worst = np.argsort(density)[:2]
    assert set(worst) == {300, 301}
    assert_allclose(found.means[[2, 1]], here.frame.enter(rows[worst]))
    assert_array_equal(found.means[0], three.means[0])
    assert_array_equal(found.covariances, three.covariances)


def test_starts_are_looked_for_in_complete_rows_and_normal_components():
    plain, heavy = problem(X), problem(X, family=Student)
    assert plain.simple is plain.at_hand is plain
    assert plain.filled is plain.samples
    assert plain.drawn(None) is plain
    assert isinstance(heavy.simple.family, Gaussian)
    assert heavy.simple.samples is heavy.samples
    gaps = X.copy()
    gaps[::4, 1] = np.nan
    partial = problem(gaps)
    for other in (partial.simple, partial.drawn(partial.simple.assign(np.ones((300, 1))).parameters)):
        filled = other.samples.X
        assert np.isfinite(filled).all()
        assert_array_equal(filled[~np.isnan(gaps)], gaps[~np.isnan(gaps)])
    assert not partial.samples.complete


@pytest.mark.parametrize(("code", "rows", "whitened"), [
    ("VVV", X, True), ("VVI", X, True), ("VII", X, False), ("VVV", WIDE, True), ("VVI", WIDE, False),
])
def test_seeds_are_whitened_where_that_costs_no_more_than_the_structure(code, rows, whitened):
    here, uniform = problem(rows, code), np.random.default_rng(1).random((20, 4, 3))
    plain, other = (here.begin(uniform, np.arange(0), whitens) for whitens in (False, True))
    same = all(np.array_equal(a.means, b.means) for a, b in zip(plain, other, strict=True))
    assert same != whitened
