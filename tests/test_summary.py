"""What a fitted mixture says of itself: true numbers, every component, every name, nothing that is not escaped."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import cyem
from cyem import GaussianMixture, select
from cyem.families.covariance import STRUCTURES
from cyem.show import markup
from cyem.show.summary import in_words

CODES = [structure.code for structure in STRUCTURES]


def body(summary):
    """Rows of a summary as {name: [numbers, ...]}, in which a name that comes twice has two lists."""
    found = {}
    for line in str(summary).splitlines():
        name, *cells = re.split(r" {2,}", line.strip())
        found.setdefault(name, []).append(cells)
    return found


@pytest.mark.parametrize("weighted", [False, True])
def test_figures_are_those_of_the_methods(load, weighted):
    X = load("iris")[:, :4]
    weights = np.random.default_rng(0).integers(1, 4, len(X)).astype(float) if weighted else None
    model = GaussianMixture(2, random_state=0).fit(X, sample_weight=weights)
    lines = str(model.summary(X, weights)).splitlines()
    i = next(i for i, line in enumerate(lines) if "log-likelihood" in line)
    names, values = (re.split(r" {2,}", line.strip()) for line in lines[i : i + 2])
    said = dict(zip(names, map(float, values), strict=True))
    n = len(X) if weights is None else weights.sum()
    assert said["samples"] == n and said["features"] == 4 and said["df"] == 29
    assert said["log-likelihood"] == pytest.approx(model.score(X, sample_weight=weights) * n, abs=0.006)
    for name in ("bic", "aic", "icl"):
        assert said[name.upper()] == pytest.approx(getattr(model, name)(X, sample_weight=weights), abs=0.006)
    if not weighted:  # R15: mclust, iris, two components, VVV
        assert said["log-likelihood"] == -214.35
        assert said["BIC"] == 574.02


@pytest.mark.parametrize("code", CODES)
def test_components_of_every_structure(load, code):
    """Weighted over components, variances within and between add up to what the mixture's own samples have."""
    X = load("faithful")
    model = GaussianMixture(3, covariance_type=code, random_state=0).fit(X)
    said = body(model.summary())
    weights = np.array(said["weight"][0], float)
    np.testing.assert_allclose(weights, model.weights_, atol=5e-5)
    drawn, _ = model.sample(200_000, random_state=0)
    for j in range(2):
        means, deviations = np.array(said[f"feature {j}"], float)
        np.testing.assert_allclose(means, model.means_[:, j], rtol=1e-4)
        total = weights @ (deviations**2 + means**2) - (weights @ means) ** 2
        assert total == pytest.approx(drawn[:, j].var(), rel=0.02)  # five standard errors of such a variance


def test_it_prints_itself_at_the_prompt():
    summary = GaussianMixture(1).fit([[0.0], [1.0]]).summary()
    assert repr(summary) == str(summary) and "\n" in repr(summary)


def test_names_and_events_are_told():
    flat = pd.DataFrame({"a name": np.arange(50.0), "flat": np.repeat([0.0, 1.0], 25)})
    with pytest.warns(cyem.ConvergenceWarning):
        model = GaussianMixture(2, random_state=0).fit(flat)
    summary = model.summary(flat)
    assert "a name" in body(summary)
    assert model.fit_report_ and str(summary).endswith(model.fit_report_[-1])


def test_parameters_that_were_given_are_not_called_a_fit():
    model = GaussianMixture.from_parameters([1.0], [[0.0]], [1.0], "spherical")
    assert "as given" in model.summary() and "converged" not in model.summary()


def test_before_fit():
    with pytest.raises(cyem.NotFittedError):
        GaussianMixture().summary()
    assert "not fitted" in GaussianMixture()._repr_html_()


def test_words_of_all_structures_differ():
    assert len({in_words(code) for code in CODES}) == len(CODES)


class Tags(HTMLParser):
    """The text and the open elements of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.open, self.words, self.seen = [], [], []
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in markup.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


NASTY = '<script>alert("1")</script> & \'x\''


@pytest.fixture(scope="module")
def nasty():
    """A selection whose samples have hostile names."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    X[:30] += 5
    return select(pd.DataFrame(X, columns=[NASTY, "</table>"]), [1, 2, 99], ["full", "diag"], random_state=0)


def test_notebooks_show_a_model_safely(nasty):
    page = Tags(nasty.best_._repr_html_())
    assert "script" not in page.seen and page.seen.count("table") == 1
    assert NASTY in page.words and "</table>" in page.words
    assert f"{nasty.best_.weights_[0]:.1%}" in page.words


def test_notebooks_show_a_selection(nasty):
    page = Tags(nasty._repr_html_())
    assert "script" not in page.seen
    assert f"{nasty.best_row.bic:,.2f}" in page.words
    assert page.words[0] == f"Best by BIC: {nasty.best_row.n_components} components, {nasty.best_row.covariance_type}"


def test_notebooks_show_the_first_of_many():
    X = np.random.default_rng(0).normal(size=(300, 15))
    page = Tags(GaussianMixture(14, covariance_type="spherical", random_state=0).fit(X)._repr_html_())
    assert page.seen.count("tr") == 1 + 1 + 12
    assert "The first 12 of 14 components and 15 features." in page.words


def test_markup_is_not_escaped_twice():
    inner = markup.element("b", "<&>")
    assert markup.element("p", inner, "<") == "<p><b>&lt;&amp;&gt;</b>&lt;</p>"
    assert markup.element("img", alt='"', src=None) == '<img alt="&quot;">'


def test_names_command_no_terminal():
    """Whatever a model is called on a terminal is text in one line, here and in what else is printed of it."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a\x1b[2J\nb", "länge \u202e"])
    model = GaussianMixture(random_state=0).fit(X)
    model.fit_report_ = ("in \x1b[31mred",)
    text = str(model.summary()) + str(cyem.standard_errors(model, X))
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    for name in (r"  a\x1b[2J\nb ", r"  länge \u202e ", r"mean of a\x1b[2J\nb ", r"in \x1b[31mred"):
        assert name in text
