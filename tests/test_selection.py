"""The search over components and structures: the table is true, whole, and says which model is the best."""

import dataclasses
import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cyem import select
from cyem.em.problem import Problem
from cyem.plotting import CriterionDisplay
from cyem.selection import html
from cyem.selection.criteria import CRITERIA

STRUCTURES = ("full", "tied", "diag", "spherical")


@pytest.fixture(scope="module")
def X():
    """Three clusters of different shape, in the plane."""
    rng = np.random.default_rng(0)
    stretched = rng.normal(size=(150, 2)) @ [[3, 1], [0, 0.3]]
    return np.concatenate([stretched, rng.normal([0, 8], 0.5, (150, 2)), rng.normal([8, -5], [0.3, 2], (100, 2))])


@pytest.fixture(scope="module")
def selection(X):
    return select(X, range(1, 5), random_state=0)


def test_the_grid_by_default(X):
    assert [row[:2] for row in select(X[:50]).rows] == [(k, name) for k in range(1, 11) for name in STRUCTURES]


def test_the_grid(selection):
    assert [row[:2] for row in selection.rows] == [(k, name) for k in range(1, 5) for name in STRUCTURES]
    assert selection.rows[0]._fields == (
        *("n_components", "covariance_type", "log_likelihood", "n_parameters"),
        *("bic", "aic", "aicc", "icl", "nec", "entropy", "cv", "converged", "n_iter", "seconds"),
        *("n_starts_at_optimum", "spurious", "report", "reason"),
    )
    assert not any(row.reason for row in selection.rows)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_say_what_their_models_say(X, weighted):
    sample_weight = np.random.default_rng(1).uniform(0, 3, len(X)) if weighted else None
    selection = select(X, [1, 3], sample_weight=sample_weight, random_state=0)
    n = sample_weight.sum() if weighted else len(X)
    for row, model in zip(selection.rows, selection.models, strict=True):
        assert (model.n_components, model.covariance_type) == row[:2]
        assert row.log_likelihood == pytest.approx(n * model.score(X, sample_weight=sample_weight), rel=1e-12)
        for name in ("bic", "aic", "icl"):
            assert getattr(row, name) == pytest.approx(getattr(model, name)(X, sample_weight=sample_weight), rel=1e-12)
        resp = model.predict_proba(X)
        terms = -(resp * np.log(np.where(resp > 0, resp, 1))).sum(axis=1)
        assert row.entropy == pytest.approx(terms @ (np.ones(len(X)) if sample_weight is None else sample_weight))
        assert row.bic - row.aic == pytest.approx(row.n_parameters * (math.log(n) - 2))
        assert (row.converged, row.n_iter) == (model.converged_, model.n_iter_)
        assert row.seconds > 0


def test_free_parameters(X):
    counts = [row.n_parameters for row in select(X, 3).rows]
    assert counts == [2 + 6 + free for free in (3 * 3, 3, 3 * 2, 3)]


@pytest.mark.parametrize("criterion", [name for name in CRITERIA if name != "cv"])
def test_the_best_has_the_smallest(X, selection, criterion):
    picked = selection.pick(criterion)
    values = [getattr(row, criterion) for row in selection.rows]
    best = int(np.argmin(values))
    assert picked.criterion == criterion
    assert picked.best_row is selection.rows[best]
    assert picked.best_ is selection.models[best]
    assert picked.best_.predict(X).shape == (len(X),)
    assert select(X, range(1, 5), criterion=criterion, random_state=0).best_row[:2] == picked.best_row[:2]


def test_the_truth_is_found(selection):
    assert selection.best_row[:2] == (3, "full")


def test_it_is_a_value(selection):
    with pytest.raises(dataclasses.FrozenInstanceError):
        selection.criterion = "aic"
    before = selection.criterion
    selection.pick("icl")
    assert selection.criterion == before == "bic"


def test_it_prints_as_a_table(selection):
    lines = selection.table.splitlines()
    table, last = lines[: 1 + len(selection.rows)], lines[-1]
    assert len({len(line) for line in table}) == 1
    assert table[0].split() == [
        *("k", "structure", "log-lik.", "df", "bic", "aic", "icl", "iter.", "seconds")
    ]
    marked = [line.split() for line in table if "*" in line]
    assert len(marked) == 1
    assert marked[0][:3] == ["*", "3", "full"]
    assert f"{selection.best_row.bic:.2f}" in marked[0]
    assert last == "* best by bic (smaller is better): 3 components, full"
    assert repr(selection) == str(selection) == f"{selection.table}\n{selection.verdict}"


def test_what_cannot_be_fitted_is_a_row_with_its_reason(X):
    selection = select(X[:5], [1, 6, 2], "diag")
    assert [bool(row.reason) for row in selection.rows] == [False, True, False]
    assert selection.models[1] is None
    failed = selection.rows[1]
    assert "6" in failed.reason and "5" in failed.reason
    assert all(math.isnan(getattr(failed, name)) for name in ("log_likelihood", *CRITERIA) if name != "cv")
    assert selection.best_row.n_components in (1, 2)
    line = str(selection).splitlines()[2]
    assert line.split()[:4] == ["6", "diag", "not", "fitted:"]
    assert line.endswith(failed.reason)


def test_nothing_can_be_fitted(X):
    with pytest.raises(ValueError, match=r"none of the 8 combinations could be fitted; the first one: .*4"):
        select(X[:3], [4, 5])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"criterion": "BIC"}, ValueError, "criterion='BIC' does not exist; choose one of 'bic', 'aic', .*'cv'"),
        ({"n_components": 0}, ValueError, "n_components=0"),
        ({"n_components": []}, ValueError, "n_components="),
        ({"n_components": [1, 2.5]}, TypeError, "n_components="),
        ({"n_components": "3"}, TypeError, "n_components='3'"),
        ({"n_components": range(1, 10**11)}, ValueError, "asks for more than 1,000 numbers of components, .* rows"),
        ({"n_components": itertools.count(1)}, ValueError, r"n_components=count\(.* and X has .* rows: ask for fewer"),
        ({"covariance_types": ()}, ValueError, r"covariance_types=\(\)"),
        ({"covariance_types": ["full", "square"]}, ValueError, "'covariance_type'.*'full'.*'square'"),
        ({"covariance_types": None}, ValueError, "covariance_types=None must be a name, such as 'full'"),
        ({"covariance_type": "diag"}, TypeError, "covariance_type='diag': .*covariance_types"),
        ({"callback": print}, TypeError, "callback=.*leave it out"),
        ({"criterion": lambda row, model: None}, TypeError, "gave None for 1 component, .*: .*number"),
        ({"max_time": 1}, TypeError, "max_time=1: neither select nor GaussianMixture has such a parameter"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight"),
    ],
)
def test_wrong_arguments(X, arguments, error, message):
    with pytest.raises(error, match=message):
        select(X, **{"n_components": 1} | arguments)


def test_a_constant_column_is_named(X):
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(c=3.0)
    for data, name in ((frame, "'c'"), (frame.to_numpy(), "2")):
        with pytest.warns(UserWarning, match=f"column {name}, which tells nothing.*leave it out"):
            select(data, 1)


def test_undefined_is_explained_where_it_stands(X):
    assert "undefined" not in str(select(X[:5], [1, 6], "diag"))  # the row of 6 components says why it is empty
    text = select(X[:9], [1, 2], "full", "aicc", random_state=0).table
    assert "undefined: aicc needs more samples than parameters + 1" in text.splitlines()


def test_a_tiny_criterion_has_digits():
    """Clusters far apart, where NEC is all but zero: still the figures that it is chosen by."""
    X = np.concatenate([np.random.default_rng(j).normal(14 * j, 1, (60, 2)) for j in range(3)])
    selection = select(X, [1, 2, 3], "spherical", "nec", random_state=0)
    assert 0 < selection.best_row.nec < 1e-9
    digits = f"{selection.best_row.nec:.2g}"
    assert " 1.0000 " in str(selection)
    assert digits in str(selection) and digits in selection._repr_html_()
    title = CriterionDisplay.from_selection(selection, ax=Figure()).ax_.get_title(loc="left")
    assert title.endswith(digits)


def test_a_function_is_asked_once_for_each_row(X):
    asked = []

    def size(row, model):
        asked.append((row.n_components, model.n_components))
        return model.n_components

    selection = select(X, [1, 2, 999], "diag", size, random_state=0)
    assert selection.best_.n_components == 1 and "  size  " in str(selection)
    assert "best by size" in selection.choice
    assert asked == [(1, 1), (1, 1), (2, 2)]  # the first fit is a trial


def test_a_function_without_a_number_is_an_error_before_the_search(X):
    asked = []

    def grow(row, model):
        asked.append(row)
        return model.means_[0]

    with pytest.raises(TypeError, match=r"criterion=<function .*grow.* gave array\(.* for 1 component, diag: .*number"):
        select(X, [1, 2, 3], "diag", grow)
    assert len(asked) == 1


def test_a_function_that_fails_for_some_rows(X):
    """As a score of clusters does where there is only one."""

    def separation(row, model):
        labels = model.predict(X)
        if labels.max() == 0:
            raise ValueError("Number of labels is 1.\nValid values are 2 to n - 1")
        return None if row.n_components == 3 else row.bic

    with pytest.warns(UserWarning, match="criterion=<function .*separation.* is not defined for 2 of 3 rows; the first,"
                                         " 1 component, diag: it raised ValueError: Number of labels is 1"):
        selection = select(X, [1, 2, 3], "diag", separation, random_state=0)
    assert selection.best_row.n_components == 2
    assert [math.isnan(value) for value in selection.values()] == [True, False, True]
    lines = selection.table.splitlines()
    assert lines[1].count("undefined") == lines[3].count("undefined") == 1
    assert lines[-3:] == [
        "undefined: separation raised ValueError: Number of labels is 1. Valid values",
        "  are 2 to n - 1",
        "undefined: separation gave None, which is no number",
    ]
    table = html.models(selection, selection.rows)
    assert '<abbr title="gave None, which is no number">undefined</abbr>' in table


def test_no_search_is_lost_to_its_criterion(X):
    """Neither to a function with an error, nor to a criterion of which too few samples say nothing."""
    with pytest.raises(ValueError, match="for any row: it raised ZeroDivisionError: division by zero") as caught:
        select(X, [1, 2], "diag", lambda row, model: 1 / 0, random_state=0)
    assert "the `selection` of this error" in caught.value.__notes__[0]
    assert caught.value.selection.criterion == "bic"
    assert [row.reason for row in caught.value.selection.rows] == ["", ""]
    with pytest.raises(ValueError, match=r"criterion='aicc'.*needs more samples") as caught:
        select(X[:6], 1, "full", "aicc")
    assert caught.value.selection.best_.means_.shape == (1, 2)


def test_an_interrupted_criterion_loses_no_search(X):
    calls = []

    def slow(row, model):
        calls.append(row)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return row.aic

    with pytest.warns(UserWarning, match="interrupted while .*slow.* was asked: bic chooses"):
        selection = select(X, [1, 2], "diag", slow, random_state=0)
    assert selection.interrupted and selection.criterion == "bic"


def test_a_function_may_rule_models_out(selection):
    """By infinity, as by NaN: no number that pictures and reports would have to reckon with."""
    picked = selection.pick(lambda row, model: math.inf if row.covariance_type == "full" else row.bic)
    assert picked.best_row.covariance_type != "full"
    assert {row.covariance_type for row, value in zip(picked.rows, picked.values(), strict=True) if math.isnan(value)
            } == {"full"}
    assert "undefined: criterion gave no finite number" in str(picked)
    with pytest.raises(ValueError, match="gave no finite number"):
        selection.pick(lambda row, model: -math.inf)


def test_wrong_criterion_of_pick(selection):
    with pytest.raises(ValueError, match=r"criterion='size' does not exist; choose one of 'bic', 'aic', .*'cv'"):
        selection.pick("size")


def test_wrong_samples(X):
    with pytest.raises(ValueError, match="Reshape your data"):
        select(X[:, 0])
    with pytest.raises(ValueError, match="infinity"):
        select(np.where(X[7, 0] == X, np.inf, X))


def test_single_values_and_repetitions(X):
    assert [row[:2] for row in select(X, 2, "diag").rows] == [(2, "diag")]
    assert [row[:2] for row in select(X, np.array([2, 1, 2]), ["diag", "diag"]).rows] == [(2, "diag"), (1, "diag")]


def test_names_of_a_frame(X):
    frame = pd.DataFrame(X, columns=["length", "width"])
    best = select(frame, [1, 2], "full").best_
    assert list(best.feature_names_in_) == ["length", "width"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        best.predict(frame)


@pytest.mark.parametrize("generator", [np.random.default_rng, np.random.RandomState])
def test_a_generator_gives_one_seed(X, generator):
    source = generator(3)
    first, second = (select(X, [2, 3], "diag", random_state=source) for _ in range(2))
    assert len({model.random_state for model in first.models}) == 1
    assert first.models[0].random_state != second.models[0].random_state
    again = select(X, [2, 3], "diag", random_state=generator(3))
    assert again.models[0].random_state == first.models[0].random_state


def test_parameters_reach_the_fits(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the row says it
        selection = select(X, 5, "full", max_iter=2, random_state=0)
    assert selection.rows[0].n_iter == 2
    assert not selection.rows[0].converged
    text = selection.table
    assert "! 2" in text
    assert text.endswith("! stopped before convergence: raise max_iter")


def test_what_is_out_of_the_ordinary_is_marked():
    line = np.c_[np.arange(50.0), np.repeat([0.0, 1.0], 25)]  # each half is flat

    def halves(X, k, random_state):
        return (X[:, 1] * (k - 1)).astype(int)

    selection = select(line, [1, 2], "full", init_params=halves)
    assert [row.spurious for row in selection.rows] == [False, True]
    assert selection.rows[1].log_likelihood > selection.rows[0].log_likelihood
    assert selection.best_row.n_components == 1  # though the other has more of every criterion
    assert [bool(row.report) for row in selection.rows] == [False, True]
    assert selection.rows[1].report[:-1] == selection.models[1].fit_report_
    assert selection.rows[1].report[-1].startswith("spurious: no width in some direction: components 0, 1")
    lines = selection.table.splitlines()
    assert "~" not in lines[1] and "~? " in lines[2]
    assert [line[0] for line in lines[4:] if line[0] in "~?"] == ["~", "?"]


def test_weights_are_repetitions(X):
    repeats = np.arange(len(X)) % 3
    weighted = select(X, [1, 2], "full", sample_weight=repeats, random_state=0, tol=1e-10, max_iter=1000)
    repeated = select(np.repeat(X, repeats, axis=0), [1, 2], "full", random_state=0, tol=1e-10, max_iter=1000)
    for ours, theirs in zip(weighted.rows, repeated.rows, strict=True):
        for name in ("log_likelihood", "bic", "aic", "aicc", "icl"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-6)


def test_progress(X):
    calls = []
    select(X, [1, 2], ("full", "diag"), progress=lambda *call: calls.append(call))
    done, totals, times = zip(*calls, strict=True)
    assert list(done) == sorted(done) and done[0] == 1 and done[-1] == totals[0]
    assert len(set(totals)) == 1
    assert list(times) == sorted(times) and times[0] > 0


def test_an_interrupt_gives_the_best_so_far(X):
    def stop_after_two(done, total, seconds):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted after 2 of 4 fits"):
        selection = select(X, [1, 2, 3, 4], "full", progress=stop_after_two, random_state=0)
    assert selection.interrupted
    assert [row.reason for row in selection.rows] == ["", "", "interrupted", "interrupted"]
    assert selection.best_row.n_components == 2
    assert str(selection).splitlines()[3].endswith("not fitted: interrupted")


def test_an_interrupt_before_the_first_row_is_an_interrupt(X, monkeypatch):
    def fit(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("cyem.em.driver.fit", fit)
    with pytest.raises(KeyboardInterrupt):
        select(X, [1, 2])


def test_a_likelihood_that_is_no_number_is_a_row_with_its_reason(X, monkeypatch):
    value = Problem.value

    def spoiled(self, statistics):
        return value(self, statistics) if len(statistics.masses) > 1 else math.nan

    monkeypatch.setattr(Problem, "value", spoiled)
    selection = select(X, [1, 2], "full")
    assert selection.rows[0].reason == "the log-likelihood is nan"
    assert math.isnan(selection.rows[0].bic)
    assert selection.best_row.n_components == 2


def test_tables_fit_a_terminal():
    """Also of large numbers, many components and long names: no line has more than 80 letters."""
    rng = np.random.default_rng(0)
    X = 1e5 * rng.normal(size=(2000, 6)) + 1e6 * (np.arange(2000) % 12)[:, None]
    found = select(X, [1, 12], ["full", "VEV"], random_state=0)
    for text in (found.table, str(found.best_.summary()), str(found.best_.summary(X)), str(found.verdict)):
        assert max(map(len, text.splitlines())) <= 80
