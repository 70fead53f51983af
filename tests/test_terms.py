"""Densities of several terms that add: columns of counts, and of yes or no, beside those of normal components.

No family of cyem has such terms yet. This file is one, on doors that are there: a pass takes what multiplies the
weights of the components for each row, and so the densities of all other terms; the M-step of the normal term, leaps,
accidents and the rule of stopping are as ever. Neither `em/` nor `kernels/` nor another family knows of it, and what it
comes to is set beside textbook EM in NumPy and SciPy.
"""

from functools import partial

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, gammaln

from cyem.em import driver
from cyem.em.problem import Problem
from cyem.families.covariance import structure
from cyem.families.gaussian import Gaussian, Parameters
from cyem.rows.samples import Samples
from cyem.rows.statistics import Statistics
from cyem.rows.views import Known, Views


class Poisson:
    """Columns of counts, independent within a component; coordinates (k, m) are logarithms of their means."""

    @staticmethod
    def logs(X, coordinates):
        return X @ coordinates.T - np.exp(coordinates).sum(axis=1) - gammaln(X + 1).sum(axis=1)[:, None]

    @staticmethod
    def update(means):
        return np.log(means)


class Bernoulli:
    """Columns of ones and zeros, likewise; coordinates are logarithms of odds."""

    @staticmethod
    def logs(X, coordinates):
        return X @ coordinates.T - np.logaddexp(0, coordinates).sum(axis=1)

    @staticmethod
    def update(means):
        return np.log(means / (1 - means))


class Several(Statistics):
    """Sums of the normal term, and behind them those of the other columns (k, m)."""

    __slots__ = ("m",)

    @classmethod
    def of(cls, s, others):
        self = cls(np.concatenate([s.buffer, others.ravel()]), s.about, s.frame, s.unit)
        self.m = others.shape[1]
        return self

    @property
    def second(self):
        return super().second[: -len(self.about) * self.m]

    @property
    def others(self):
        return self.buffer[-len(self.about) * self.m :].reshape(len(self.about), self.m)


class Terms(Samples):
    """Samples with other columns beside X: blocks (n, m), one for each further term."""

    def __init__(self, X, weights, frame, n_threads, blocks):
        super().__init__(X, weights, frame, n_threads)
        self.blocks, self.all, self.view = blocks, np.hstack(blocks), partial(Views, X, weights, frame, n_threads)

    def sweep(self, density, moments):
        normal, logs = density[0], density[1](self.blocks)
        top = logs.max(axis=1)
        views = self.view(known=Known(components=np.exp(logs - top[:, None])))
        s, w = views.sweep(normal, moments), views.weights if len(views.weights) else np.ones(len(top))
        found = Several.of(s, (views.responsibilities(normal) * w[:, None]).T @ self.all)
        found.buffer[0] += w @ top
        return found

    def accumulate(self, resp, about, moments):
        s = super().accumulate(resp, about, moments)
        w = self.weights[:, None] if len(self.weights) else 1
        return Several.of(s, (resp * w).T @ self.all)


class Mixed(Parameters):
    """Normal components, and the coordinates of each further term."""

    __slots__ = ("others", "terms")

    @classmethod
    def like(cls, normal, terms, others):
        self = cls.__new__(cls)
        for name in Parameters.__slots__:
            setattr(self, name, getattr(normal, name))
        self.block, self.terms, self.others = None, terms, others
        return self

    def replace(self, weights=None, means=None):
        return self.like(super().replace(weights, means), self.terms, self.others)

    @property
    def density(self):
        return super().density, lambda blocks: sum(
            term.logs(X, own) for term, X, own in zip(self.terms, blocks, self.others, strict=True))


class Joint(Gaussian):
    """Formulas of components whose log-density is the sum of a normal term and others."""

    engine = None

    def __init__(self, *normal, terms, widths):
        super().__init__(*normal)
        self.terms, self.ends = terms, np.cumsum(widths)[:-1]

    def update(self, statistics, current=None, **how):
        found = super().update(statistics, current, **how)
        means = np.split(statistics.others / statistics.masses[:, None], self.ends, axis=1)
        others = [term.update(own) for term, own in zip(self.terms, means, strict=True)]
        return found._replace(parameters=Mixed.like(found.parameters, self.terms, others))

    def coordinates(self, parameters):
        return np.concatenate([super().coordinates(parameters), np.hstack(parameters.others).ravel()])

    def at(self, coordinates, like):
        others = np.hstack(like.others)
        normal, rest = np.split(coordinates, [len(coordinates) - others.size])
        return Mixed.like(super().at(normal, like), self.terms,
                          np.split(rest.reshape(others.shape), self.ends, axis=1))


TERMS = {"counts": [(Poisson, stats.poisson, np.exp)], "yes or no": [(Bernoulli, stats.bernoulli, expit)],
         "both": [(Poisson, stats.poisson, np.exp), (Bernoulli, stats.bernoulli, expit)]}


def drawn(terms, n=250):
    rng = np.random.default_rng(5)
    y = rng.integers(2, size=n)
    X = rng.normal(size=(n, 2)) + 2 * y[:, None]
    columns = {Poisson: lambda: rng.poisson(np.array([[2, 5], [4, 3]])[y]),
               Bernoulli: lambda: rng.random((n, 3)) < np.array([[0.2, 0.5, 0.9], [0.6, 0.4, 0.7]])[y]}
    return X, [columns[term]().astype(float) for term, *_ in terms], rng.dirichlet([2, 2], size=n)


def textbook(X, blocks, terms, resp, w):
    """EM by SciPy's densities until it stands still: mean log-likelihood, weights, means, those of the other terms."""
    for _ in range(3000):
        r = resp * w[:, None]
        n = r.sum(axis=0)
        weights, means = n / n.sum(), r.T @ X / n[:, None]
        S = [(r[:, j] * (X - means[j]).T) @ (X - means[j]) / n[j] for j in range(len(n))]
        others = [r.T @ block / n[:, None] for block in blocks]
        logs = np.log(weights) + np.stack([stats.multivariate_normal(*each).logpdf(X)
                                           for each in zip(means, S, strict=True)], axis=1)
        for (_, distribution, _), block, own in zip(terms, blocks, others, strict=True):
            logs += distribution.logpmf(block[:, None], own).sum(axis=2)
        value = np.logaddexp.reduce(logs, axis=1)
        new = np.exp(logs - value[:, None])
        if abs(new - resp).max() < 1e-12:
            break
        resp = new
    return w @ value / w.sum(), weights, means, others


@pytest.mark.parametrize(("name", "weighted"), [("counts", True), ("yes or no", False), ("both", True)])
def test_terms_add(name, weighted):
    terms = TERMS[name]
    X, blocks, resp = drawn(terms)
    w = np.random.default_rng(1).integers(1, 4, size=len(X)).astype(float) if weighted else None
    kinds = [term for term, *_ in terms]
    made = Problem.of(Joint, X, w, structure("full"), 1e-6, 1, terms=kinds, widths=[len(block.T) for block in blocks])
    problem = Problem(made.family, Terms(X, w, made.frame, 1, blocks))
    fit = driver.fit(problem, problem.assign(resp).parameters, tol=1e-12, max_iter=3000)
    assert fit.converged
    # a leap that loses is undone, and nothing else may lose
    assert (np.diff(fit.bounds) > -1e-12).all()

    value, weights, means, others = textbook(X, blocks, terms, resp, np.ones(len(X)) if w is None else w)
    assert fit.value - problem.samples.log_volume == pytest.approx(value, abs=1e-10)
    found = fit.parameters
    order = [0, 1] if np.allclose(found.weights, weights, atol=1e-3) else [1, 0]  # leaps may go to the mirror image
    np.testing.assert_allclose(found.weights[order], weights, atol=1e-4)  # the root of what the likelihood is known to
    np.testing.assert_allclose(problem.frame.leave(found.means)[order], means, atol=1e-4)
    for (*_, mean), own, expected in zip(terms, found.others, others, strict=True):
        np.testing.assert_allclose(mean(own)[order], expected, atol=1e-4)
