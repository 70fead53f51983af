"""How odd samples are: the probability of a density as low as theirs, if the components of the mixture are the truth.

For one normal component it is that of the chi-square distribution of squared distances. For several it is found from
draws, the same in every call: of each component some from wider normal distributions, weighted by what these exceed the
component by (importance sampling), so that small probabilities, too, are those of many draws. Where even these do not
reach, a bound holds: f(y) >= w_j f_j(y), so that a sample of component j has f(y) <= t at most where w_j f_j(y) <= t.
"""

import copy
import math

import numpy as np

from ..families import state
from ..families.covariance import structure
from .estimator import observed

DRAWS = 1 << 17
FEWEST = 1 << 12  # draws for each of many patterns of missing values
FAR = 0.0, 2.0, 4.0, 6.0  # what the wider distributions are for is as rare as such normal variables
SEED = 0


def outlyingness(model, X):
    """The probability of a density as low as that of each row; see `Mixture.outlyingness`."""
    X, complete = observed(model, X)
    one, p = alone(model), np.ones(len(X))
    if complete:
        return tail(one, X.astype(np.float64), DRAWS)
    seen = ~np.isnan(X)
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):
        if pattern.any():  # of nothing nothing is odd
            rows = which.ravel() == i
            part = one if pattern.all() else one.marginal(np.flatnonzero(pattern))
            p[rows] = tail(part, X[rows][:, pattern].astype(np.float64), max(FEWEST, DRAWS // len(patterns)))
    return p


def alone(model):
    """The components of a mixture, without a background, and without names that arrays have not."""
    one = copy.copy(model)
    for name in (*state.BACKGROUND, "feature_names_in_"):
        vars(one).pop(name, None)
    one.weights_ = np.asarray(one.weights_, float) / np.sum(one.weights_)
    one.background = False
    return one


def tail(one, X, draws):
    """P(f(Y) <= f(x)) for Y of a mixture, and each row x of X (n, d)."""
    heights = one.score_samples(X)
    if state.tails(one) is not None:
        Y, _ = one.sample(draws, random_state=SEED)
        found = np.sort(one.score_samples(Y))
        return (1 + np.searchsorted(found, heights, side="right")) / (draws + 1)
    bound = beyond(one, heights)
    if len(one.weights_) == 1:
        return bound
    Y, odds = spread_out(one, draws)
    found = one.score_samples(Y)
    order = np.argsort(found, kind="stable")
    below = np.append(0.0, np.cumsum(odds[order]))
    p = below[np.searchsorted(found[order], heights, side="right")] / below[-1]
    return np.where(p > 0, np.minimum(p, bound), bound)


def beyond(one, heights):
    """At most that probability: sum_j w_j P(w_j f_j(Y) <= exp(height)), Y of component j. Of one it is that."""
    weights, means, U = state.parameters(one)
    k, d = means.shape
    shape = structure(one.covariance_type)
    with np.errstate(divide="ignore"):
        tops = np.log(weights) + shape.log_det(U, k, d) - d / 2 * np.log(2 * np.pi)
    return sum((weight * chi_square_beyond(2 * (top - heights), d) for weight, top in zip(weights, tops, strict=True)
                if weight > 0), np.zeros(len(heights))).clip(max=1)


def spread_out(one, draws):
    """Draws (m, d) and how much each counts for, as often from each component; some are far out."""
    weights, means, U = state.parameters(one)
    k, d = means.shape
    shape, rng = structure(one.covariance_type), np.random.default_rng(SEED)
    frame, inside, _ = state.in_own_frame(one)
    U = shape.scaled_factors(U, 1 / frame.units)
    # the squared distance that is as rare as a normal variable's `far` (Wilson & Hilferty 1931)
    scales = np.array([max(1.0, 1 - 2 / (9 * d) + far * math.sqrt(2 / (9 * d))) ** 1.5 for far in FAR])
    each = max(1, draws // (k * len(scales)))
    z = rng.standard_normal((len(scales) * each, d)) * np.repeat(scales, each)[:, None]
    squares = (z * z).sum(axis=1)
    wider = np.exp(squares[:, None] / 2 * (1 - 1 / scales**2)) / scales**d  # densities over that of the component
    odds = 1 / wider.mean(axis=1)
    Y = np.concatenate([shape.coloured(z, U, j) + inside[j] for j in range(k)])
    return frame.leave(Y), np.concatenate([weight * odds for weight in weights])


def chi_square_beyond(x, d):
    """The probability that a chi-square variable with d degrees of freedom exceeds x (n,): by the recurrence in d / 2.

    Q(a + 1, y) = Q(a, y) + y^a exp(-y) / Gamma(a + 1), y = x / 2, from Q(1/2, y) = erfc(sqrt y) or Q(1, y) = exp(-y).
    """
    y = np.maximum(x, 0) / 2
    a = 0.5 if d % 2 else 1.0
    p = np.array([math.erfc(root) for root in np.sqrt(y).tolist()]) if d % 2 else np.exp(-y)
    with np.errstate(divide="ignore"):
        logs = np.log(y)
    while a < d / 2:
        p += np.exp(a * logs - y - math.lgamma(a + 1))
        a += 1
    return np.minimum(p, 1)
