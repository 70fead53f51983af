"""Statistics add: those of parts are those of the whole, and what does not belong together is not added."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cyem.em.problem import Problem
from cyem.families.covariance import structure
from cyem.families.gaussian import Gaussian
from cyem.families.student import Student
from cyem.rows.samples import Samples


def problem(family=Gaussian, name="full", weights=None, n=1500):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)) + rng.normal(0, 4, (2, 3))[rng.integers(2, size=n)]
    return Problem.of(family, X, weights, structure(name), 1e-6, 1)


def begun(problem):
    return problem.family.adopt(problem.simple.assign_to(problem.frame.enter(problem.samples.X[:2])).parameters)


@pytest.mark.parametrize("family", [Gaussian, Student])
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("scales", [None, (1e-3, 1.0), (1.0, 1e6), (3e-200, 5e-199)])
def test_the_sums_of_parts_are_those_of_the_whole(family, name, scales):
    """Also where the weights of one part are much smaller than those of the other."""
    weights = None
    if scales is not None:
        weights = np.random.default_rng(1).uniform(0.1, 1, 1500) * np.repeat(scales, [600, 900])
    whole = problem(family, name, weights)
    parameters = begun(whole)
    parts = [
        Samples(whole.samples.X[rows], None if weights is None else weights[rows], whole.frame, 1).sweep(
            parameters.density, whole.family.moments)
        for rows in (slice(0, 600), slice(600, None))
    ]
    s = whole.sweep(parameters)
    both = parts[0] + parts[1]
    assert both.unit == s.unit
    for attribute in ("masses", "shares", "first", "second", "log_likelihood", "log_classification"):
        value = np.asarray(getattr(s, attribute))
        assert_allclose(getattr(both, attribute), value, rtol=1e-9, atol=1e-11 * s.shares.max(), err_msg=attribute)
    again = whole.update(both, parameters).parameters
    assert_allclose(again.covariances, whole.update(s, parameters).parameters.covariances, rtol=1e-9)


def test_a_subset_knows_the_unit_of_its_weights():
    whole = problem(weights=np.linspace(1, 1e6, 1500))
    parameters = begun(whole)
    s = whole.sweep(parameters)
    parts = [whole.subset(np.arange(1500)[rows]).sweep(parameters) for rows in (slice(0, 100), slice(100, None))]
    assert_allclose((parts[0] + parts[1]).masses, s.masses, rtol=1e-12)
    assert parts[0].unit * parts[0].masses.sum() == pytest.approx(np.linspace(1, 1e6, 1500)[:100].sum())


def test_what_does_not_belong_together_is_not_added():
    first = problem()
    parameters = begun(first)
    s = first.sweep(parameters)
    moved = Problem.of(Gaussian, first.samples.X + 7, None, structure("full"), 1e-6, 1)
    with pytest.raises(ValueError, match="different coordinates"):
        s + moved.sweep(begun(moved))
    with pytest.raises(ValueError, match="different means"):
        s + first.sweep(first.update(s).parameters)
    diagonal = problem(name="diag")
    with pytest.raises(ValueError, match="different kinds"):
        s + diagonal.sweep(begun(diagonal))
    heavy = problem(Student)
    with pytest.raises(ValueError, match="different kinds"):
        s + heavy.sweep(heavy.family.adopt(parameters))
    assert_allclose((s * 0.5 + s * 0.5).buffer, s.buffer, rtol=1e-15)
