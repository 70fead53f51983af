"""The E-step and the M-step as functions: the textbook's formulas, and together the same EM as a fit."""

import doctest
import importlib
import pkgutil
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import cyem
from cyem import GaussianMixture, e_step, m_step

STRUCTURES = ["full", "tied", "diag", "spherical"]


def textbook_m_step(X, resp, structure):
    """Weighted shares, means and covariances, sample by sample."""
    totals = resp.sum(axis=0)
    means = resp.T @ X / totals[:, None]
    scatter = np.array([(resp[:, j, None] * (X - m)).T @ (X - m) for j, m in enumerate(means)])
    full = scatter / totals[:, None, None]
    covariances = {
        "full": full,
        "tied": scatter.sum(axis=0) / totals.sum(),
        "diag": full.diagonal(axis1=1, axis2=2),
        "spherical": full.diagonal(axis1=1, axis2=2).mean(axis=1),
    }[structure]
    return totals / totals.sum(), means, covariances


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 3)) @ rng.normal(size=(3, 3)) + 3 * np.eye(3)[np.arange(120) % 3]


@pytest.fixture(scope="module")
def resp():
    return np.random.default_rng(1).dirichlet([0.5] * 4, 120)


@pytest.mark.parametrize("offset", [0, 1e6])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_m_step(X, resp, structure, offset):
    """Not in the textbook's way, which would cancel at an offset, but with its result."""
    weights, means, covariances = textbook_m_step(X, resp, structure)
    found = m_step(X + offset, resp, structure)
    rounding = 1e-12 + 1e-15 * offset  # of the data at that offset
    assert_allclose(found.weights, weights, rtol=1e-13)
    assert_allclose(found.means - offset, means, rtol=0, atol=1e3 * rounding)
    assert_allclose(found.covariances, covariances, rtol=1e3 * rounding, atol=1e3 * rounding)
    assert found.covariance_type == structure


def test_m_step_takes_weighted_rows(X, resp):
    """Sample weights multiplied into the responsibilities are repeated rows."""
    times = np.arange(len(X)) % 3
    found = m_step(X, resp * times[:, None])
    expected = m_step(np.repeat(X, times, axis=0), np.repeat(resp, times, axis=0))
    for one, other in zip(found[:3], expected[:3], strict=True):
        assert_allclose(one, other, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_e_step(X, resp, structure):
    parameters = m_step(X, resp, structure)
    weights, means, _, _ = parameters
    k, d = means.shape
    full = {
        "full": lambda c: c,
        "tied": lambda c: [c] * k,
        "diag": lambda c: [np.diag(row) for row in c],
        "spherical": lambda c: [v * np.eye(d) for v in c],
    }[structure](parameters.covariances)
    joint = np.log(weights) + np.column_stack(
        [multivariate_normal(m, c).logpdf(X) for m, c in zip(means, full, strict=True)]
    )
    found, log_likelihood = e_step(X, parameters)
    assert_allclose(found, np.exp(joint - logsumexp(joint, axis=1, keepdims=True)), rtol=0, atol=1e-10)
    assert_allclose(log_likelihood, logsumexp(joint, axis=1).sum(), rtol=1e-10)
    again, _ = e_step(X, tuple(parameters))  # a plain tuple will do
    assert_allclose(again, found)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_together_they_are_em(X, resp, structure):
    """Ten steps by hand, and ten iterations of a fit from the same responsibilities."""
    parameters, climb = m_step(X, resp, structure), []
    for _ in range(10):
        r, log_likelihood = e_step(X, parameters)
        climb.append(log_likelihood)
        parameters = m_step(X, r, structure)
    model = GaussianMixture(
        4, covariance_type=structure, init_params=resp, max_iter=10, tol=0, reg_covar=0, acceleration=None
    )
    with pytest.warns(UserWarning, match="did not converge"):
        model.fit(X)
    assert np.diff(climb).min() > 0
    assert_allclose(np.array(model.lower_bounds_[:9]) * len(X), climb[1:], rtol=1e-11)
    assert_allclose(model.means_, parameters.means, rtol=1e-8)


def test_names_of_mclust(X, resp):
    for name, alias in [("full", "VVV"), ("tied", "EEE"), ("diag", "VVI"), ("spherical", "VII")]:
        assert_allclose(m_step(X, resp, alias).covariances, m_step(X, resp, name).covariances)


@pytest.mark.parametrize(
    "bad, fragments",
    [
        ({"responsibilities": np.ones((5, 2))}, ["responsibilities", "5", "120"]),
        ({"responsibilities": -np.ones((120, 2))}, ["responsibilities", "-1"]),
        ({"responsibilities": np.full((120, 2), np.nan)}, ["responsibilities", "NaN"]),
        ({"responsibilities": np.eye(2)[np.zeros(120, int)]}, ["Component 1"]),
        ({"X": np.zeros(120)}, ["2D array"]),
        ({"covariance_type": "ful"}, ["covariance_type", "'ful'"]),
    ],
)
def test_bad_input(X, resp, bad, fragments):
    with pytest.raises((ValueError, TypeError)) as caught:
        m_step(**{"X": X, "responsibilities": resp} | bad)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_e_step_of_other_features(X, resp):
    with pytest.raises(ValueError, match="3"):
        e_step(X[:, :2], m_step(X, resp))


@pytest.mark.parametrize(
    "module",
    [
        m.name
        for m in pkgutil.walk_packages(cyem.__path__, "cyem.")
        if not m.name.endswith("__main__") and "._" not in m.name
    ],
)
def test_examples(module):
    """Every example in a docstring gives what it says."""
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


README = Path(__file__).parents[1] / "README.md"


@pytest.mark.skipif(not README.exists(), reason="the README comes with the repository only")
def test_readme(tmp_path, monkeypatch):
    """What the README shows runs as it stands, and nobody is warned of anything."""
    code = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert len(code) >= 3
    (tmp_path / "tests").symlink_to(README.parent / "tests")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec("\n".join(code), {})
    written = {"report.html", "faithful.npz", "criterion.png"}
    assert {path.name for path in tmp_path.iterdir()} == {"tests", *written}
