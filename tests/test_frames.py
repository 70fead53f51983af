"""Results as data frames and in notebooks: numbers are those of the result, and what columns are called is text."""

import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from cyem import (
    GaussianMixture,
    MixtureClassifier,
    MixtureRegressor,
    examine,
    likelihood_ratio_test,
    merge,
    select,
    stability,
    standard_errors,
)
from cyem.show.frames import to_frame

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def results():
    """What functions return of two groups, of which a column has a nasty name and is there twice."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (60, 2)), rng.normal(6, 1, (40, 2))])
    frame = pd.DataFrame({NASTY: x[:, 0], "y": x[:, 1]})
    model = GaussianMixture(3, random_state=0).fit(frame)
    selection = select(frame, [1, 2, 3], "full", random_state=0)
    return {
        "model": model, "select": selection, "verdict": selection.verdict,
        "examine": examine(frame.assign(again=frame[NASTY])), "merge": merge(model, frame),
        "stability": stability(model, frame, n_bootstrap=5, random_state=0),
        "standard_errors": standard_errors(model, frame),
        "test": likelihood_ratio_test(frame, 1, n_bootstrap=9, random_state=0),
    }


class Page(HTMLParser):
    """Elements that are open, what they were, and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text += text


@pytest.mark.parametrize("name", ["model", "select", "verdict", "examine", "merge", "stability", "standard_errors",
                                  "test"])
def test_notebooks_show_what_print_shows(results, name):
    page = Page(results[name]._repr_html_())
    assert not page.open and page.tags <= {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li",
                                           "p", "small", "abbr"}
    told = "".join(str(results[name]).split())
    if name in ("merge", "stability", "standard_errors"):
        assert "".join(page.text.split()).endswith(told)
    if name == "test":
        assert "".join(page.text.split()) == told.replace(":", "", 1)
    if name in ("model", "examine", "standard_errors"):
        assert "<img" in page.text


@pytest.mark.parametrize("library", [pd, polars])
def test_frames_have_the_numbers(results, library, monkeypatch):
    other = "polars" if library is pd else "pandas"
    monkeypatch.setitem(sys.modules, other, None)  # as if it were not installed
    selection, errors, merging = results["select"], results["standard_errors"], results["merge"]
    table = selection.to_frame()
    assert isinstance(table, library.DataFrame)
    assert list(table["bic"]) == [row.bic for row in selection.rows]
    assert list(table["best"]) == [row is selection.best_row for row in selection.rows]
    table = errors.to_frame(0.9)
    assert list(table["parameter"])[:2] == ["weight", f"mean of {NASTY}"] and len(table) == 3 * 5
    assert list(table["standard_error"])[::5] == errors.weights.tolist()
    low, high = errors.intervals(0.9).means
    assert list(table["low"])[1::5] == low[:, 0].tolist() and list(table["high"])[2::5] == high[:, 1].tolist()
    table = merging.to_frame()
    assert list(table["entropy"]) == merging.entropies.tolist() and list(table["clusters"]) == [3, 2, 1]
    table = results["stability"].to_frame()
    assert list(table["mean_jaccard"]) == results["stability"].jaccard.mean(axis=0).tolist()
    table = results["test"].to_frame()
    assert table.shape == (1, 7) and table["p_value"][0] == results["test"].p_value
    table = results["examine"].to_frame()
    assert list(table["kind"]) == ["relation"] and list(table["columns"]) == [f"{NASTY}, again"]
    assert examine(np.random.default_rng(0).normal(size=(50, 2))).to_frame().shape == (0, 5)


def test_frames_without_any_library(monkeypatch):
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="needs pandas or Polars, and neither is installed: pip install pandas"):
        to_frame({})


def test_tables_of_a_selection_fit_a_notebook(results):
    assert results["select"]._repr_html_().count("<th>") == 11


COLUMNS = {"a": [1.0, None, 7.5, 2.0, 8.0, 9.0] * 4, "b": [2.0, 1.0, 8.0, None, 9.5, None] * 4}


@pytest.mark.parametrize("frame", [
    pd.DataFrame({name: pd.array(values, dtype="Float64") for name, values in COLUMNS.items()}),
    pd.DataFrame({name: pd.Series(values, dtype=object).fillna(pd.NA) for name, values in COLUMNS.items()}),
    pd.DataFrame({name: pd.array(values, dtype="float64[pyarrow]") for name, values in COLUMNS.items()}),
    polars.DataFrame(COLUMNS), pyarrow.table(COLUMNS), [list(row) for row in zip(*COLUMNS.values(), strict=True)],
    np.ma.masked_invalid(np.array(list(COLUMNS.values()), float).T),
], ids=["Float64", "NA", "pandas of arrow", "polars", "arrow", "None", "masked"])
def test_what_stands_for_a_gap_is_one_everywhere(frame):
    """In whatever it stands, and whoever is asked."""
    X, y = np.array(list(COLUMNS.values()), float).T, np.tile([0, 0, 1, 0, 1, 1], 4)
    x = frame[["a"]] if isinstance(frame, pd.DataFrame | polars.DataFrame) else (
        frame.select(["a"]) if isinstance(frame, pyarrow.Table) else np.ma.masked_invalid(X[:, :1]))

    def answers(X, x):
        model = GaussianMixture(2, covariance_type="spherical", random_state=0).fit(X)
        yield model.impute(X), model.predict_conditional(x, features=[1], known=[0]).mean(), model.outlyingness(X)
        yield MixtureRegressor(1, random_state=0).fit(x, y).predict(x), \
            MixtureClassifier(1, covariance_type="spherical", random_state=0).fit(X, y).predict_proba(X)
        yield standard_errors(model, X).means, merge(model, X).entropies, str(len(examine(X)))

    for ours, theirs in zip(answers(frame, x), answers(X, X[:, :1]), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
