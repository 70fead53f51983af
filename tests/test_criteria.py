"""Criteria by themselves: numbers worked out by hand, where they are defined, and what is said of a row where not."""

import functools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from cyem.em.problem import Problem
from cyem.families.covariance import structure
from cyem.families.gaussian import Gaussian
from cyem.selection import criteria
from cyem.selection.criteria import Answer, measures

NAN = math.nan


def test_numbers_worked_out_by_hand():
    """Of 50 samples and 5 parameters: log 50 = 3.912023005428146; 2 * 5 * 6 / 44 = 15 / 11."""
    found = measures(2, 5, 50, -100.0, -150.0, -1.0, 2.0)
    assert found == pytest.approx({"bic": 219.56011502714073, "aic": 210.0, "aicc": 210 + 15 / 11,
                                   "icl": 221.56011502714073, "nec": 0.04, "entropy": 2.0}, rel=1e-14)
    assert tuple(found) == tuple(name for name in criteria.CRITERIA if name != "cv")


@pytest.mark.parametrize(("n", "aicc"), [(8, 50.0), (7, 80.0), (6, NAN), (5, NAN)])
def test_aicc_needs_more_samples_than_parameters_and_one(n, aicc):
    assert measures(2, 5, n, -5.0, -9.0, 0.0, 0.0)["aicc"] == pytest.approx(aicc, nan_ok=True)


@pytest.mark.parametrize(("k", "single", "nec"), [
    (2, -10.0, 0.4), (2, -5.5, 4.0), (2, -5.0, NAN), (2, -4.0, NAN), (1, -5.0, 1.0), (1, -4.0, 1.0),
])
def test_nec_needs_a_gain_and_is_one_for_one_component(k, single, nec):
    assert measures(k, 2, 50, -5.0, single, 0.0, 2.0)["nec"] == pytest.approx(nec, nan_ok=True)


@pytest.mark.parametrize("weighted", [False, True])
def test_entropy_is_that_of_the_responsibilities(weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    weights = rng.uniform(0.5, 3, 40) * 1e3 if weighted else None
    mixture = Problem.of(Gaussian, X, weights, structure("VVV"), 1e-6, 1)
    density = mixture.assign_to(mixture.frame.enter(X[:3])).parameters.density
    r = mixture.samples.responsibilities(density)
    expected = -((r * np.log(r)).sum(axis=1) * (1.0 if weights is None else weights)).sum()
    assert criteria.entropy(mixture.samples, density) == pytest.approx(expected, rel=1e-12)


def named(row, model):
    return 1.0


@pytest.mark.parametrize(("criterion", "title"), [
    ("bic", "BIC"), ("cv", "CV"), ("my own", "my own"), (named, "named"), (lambda row, model: 0, "criterion"),
    (functools.partial(named, None), "criterion"),
])
def test_what_a_criterion_is_called(criterion, title):
    assert criteria.title(criterion) == title


def test_criteria_that_there_are():
    assert [criteria.known(name) for name in (*criteria.CRITERIA, named)] == [*criteria.CRITERIA, named]
    with pytest.raises(ValueError, match=r"criterion='BIC' does not exist; choose one of 'bic', .*'cv', or give"):
        criteria.known("BIC")


@pytest.mark.parametrize(("criterion", "value", "reason", "answer"), [
    ("bic", 3.0, "", Answer(3.0)),
    ("bic", 3.0, "why", Answer(3.0)),
    ("bic", NAN, "", Answer(NAN, criteria.NOT_FINITE)),
    ("nec", NAN, "", Answer(NAN, criteria.UNDEFINED["nec"])),
    ("nec", NAN, "no fit", Answer(NAN, "")),
    ("cv", None, "", Answer(NAN, criteria.UNDEFINED["cv"])),
])
def test_what_one_of_ours_is_for_a_row(criterion, value, reason, answer):
    rows = [SimpleNamespace(reason=reason, **{criterion: value}), SimpleNamespace(reason="", **{criterion: 7.0})]
    found = criteria.answers(rows, [None, None], criterion)
    assert str(found) == str((answer, Answer(7.0)))


def raises(row, model):
    raise OSError("no\n  disk")


@pytest.mark.parametrize(("criterion", "answer"), [
    (lambda row, model: row + model, Answer(30.0)),
    (lambda row, model: np.float32(2.5), Answer(2.5)),
    (lambda row, model: math.inf, Answer(NAN, criteria.NOT_FINITE)),
    (lambda row, model: NAN, Answer(NAN, criteria.NOT_FINITE)),
    (lambda row, model: "many", Answer(NAN, "gave 'many', which is no number")),
    (lambda row, model: None, Answer(NAN, "gave None, which is no number")),
    (raises, Answer(NAN, "raised OSError: no disk")),
])
def test_what_a_function_is_for_a_row(criterion, answer):
    """Rows without a model are not asked of it."""
    found = criteria.answers([10, 11], [20, None], criterion)
    assert str(found) == str((answer, Answer(NAN)))
    assert all(type(value) is float for value, _ in found)


def test_a_function_is_tried_before_the_search():
    row = SimpleNamespace(title="2 full")
    for fine in (named, raises, lambda row, model: NAN):
        assert criteria.tried(fine, row, None) is None
    with pytest.raises(TypeError, match=r"criterion=.* gave 'many' for 2 full: it must return a number"):
        criteria.tried(lambda row, model: "many", row, None)


@pytest.mark.parametrize(("report", "spurious", "converged", "reason", "marks"), [
    ((), False, True, "", ""), (("held",), False, True, "", "~"), ((), True, True, "", "?"),
    ((), False, False, "", "!"), ((), False, False, "no fit", ""), ((), False, True, "no fit", ""),
    (("held",), True, False, "", "~?!"),
])
def test_marks(report, spurious, converged, reason, marks):
    row = SimpleNamespace(report=report, spurious=spurious, converged=converged, reason=reason)
    assert criteria.marks(row) == marks
    assert set(marks) <= set(criteria.MARKS)


def test_what_is_defined_for_no_row_carries_the_table():
    error = criteria.UndefinedCriterion("why", "table")
    assert (str(error), error.selection) == ("why", "table")
    assert criteria.UndefinedCriterion("why").selection is None
