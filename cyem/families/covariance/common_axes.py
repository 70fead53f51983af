"""EVE, VVE: all components have the same principal axes, and shapes of their own."""

from functools import partial
from typing import NamedTuple

import numpy as np

from ...kernels.arguments import ClosedForm
from .base import Oriented, along, combined, eigh, least_along, part, resolved, sample_covariances
from .variances import GAIN, cost, patience

GOLDEN = 0.6180339887498949
MOST = 32  # dimensions up to which the compiled search is the faster one


class Axes(NamedTuple):
    """What a choice of axes is worth."""

    Q: np.ndarray  # (d, d), the axes are its columns
    B: np.ndarray  # (k, d, d), sample covariances along them
    v: np.ndarray  # (k, d), the most likely variances
    held: np.ndarray  # (k,), who is at the floor
    cost: float


class CommonAxes(Oriented):
    """The axes that make the sample covariances most nearly diagonal, by a search that no step makes worse.

    The criterion is that of Flury (1984) and of Browne & McNicholas (2014). A step turns every pair of axes by Jacobi's
    angle, the best one for that pair while the variances stay; one pair of vectors of BFGS corrects for what the pairs
    do to each other.
    """

    curved = True
    cautious = True
    one_unit = True  # axes that are orthogonal for all components are not so in other units

    def closed_form(self, floor, eps):
        ties = "axes isochoric" if self.code[0] == "E" else "axes"
        return ClosedForm(self.moments, ties, floor, part(len(floor), eps)) if len(floor) <= MOST else None

    def start(self, second, masses, shift, floor, eps):
        """Axes of the average after one step of Browne & McNicholas (2014), which is a cautious one.

        The axes that fit a guess best would draw EM to the nearest maximum.
        """
        S = sample_covariances(second, masses, shift)
        floor = resolved(floor, S, eps)
        Q = eigh(combined(S, masses))[1]
        before = self.look(Q, S, masses, floor)
        weights = (masses / before.v.T).T
        # the polar factor of sum_k n_k diag(1 / v_k) (b_k - B_k), with more in b_k than any eigenvalue of B_k
        G = np.diag(1.1 * np.trace(before.B, axis1=1, axis2=2) @ weights) - (weights[:, :, None] * before.B).sum(axis=0)
        left, _, right = np.linalg.svd(G)
        after = self.look(Q @ (left @ right).T, S, masses, floor)
        return along(after.Q, after.v, after.held)

    def look(self, Q, S, masses, floor):
        """What axes Q are worth for sample covariances S."""
        B = Q.T @ S @ Q
        s = np.maximum(np.diagonal(B, axis1=1, axis2=2), 0)
        v, held = self.variances(s, masses, least_along(Q, floor))
        return Axes(Q, B, v, held, cost(s, masses, v))

    def axes_of(self, covariances):
        return axes_of(covariances)

    def axes(self, S, masses, floor, current):
        look = partial(self.look, S=S, masses=masses, floor=floor)
        if current is None:  # the axes of the whole, or of one of the components
            each = np.concatenate([combined(S, masses / masses.sum())[None], S])
            found = min(map(look, eigh(each)[1]), key=lambda axes: axes.cost)
        else:
            found = look(axes_of(current))
        found = search(found, look, masses / masses.sum(), patience(current))
        return found.Q, found.v, found.held


def axes_of(covariances):
    """The axes that covariances have in common: those of a sum, weighted so that no variances in it tie by accident."""
    weights = 1 + GOLDEN * np.arange(len(covariances)) % 1
    return eigh(combined(covariances, weights / np.trace(covariances, axis1=1, axis2=2)))[1]


def search(axes, look, share, steps):
    """Axes of least cost near given ones, and of no more cost than these."""
    pairs = np.triu_indices(len(axes.Q), 1)
    memory = None
    gradient, curvature = slope(axes, share, pairs)
    for _ in range(steps):
        step = direction(gradient, curvature, memory)
        if step @ gradient > 0:
            step = direction(gradient, curvature, None)
        new = look(turned(axes.Q, step, pairs))
        while new.cost > axes.cost and abs(step).max(initial=0) > 1e-9:
            step = step / 4
            new = look(turned(axes.Q, step, pairs))
        if axes.cost - new.cost <= GAIN:
            return axes if new.cost > axes.cost else new
        axes, before = new, gradient
        gradient, curvature = slope(axes, share, pairs)
        memory = step, gradient - before
    return axes


def slope(axes, share, pairs):
    """Derivative of the cost by the angle of each pair of axes, and the second one but for terms that vanish with it.

    While the variances v stay, turning axis j towards axis i by t changes the cost by a sin(t)^2 + b sin(2 t).
    """
    precision = share[:, None] / axes.v
    b = (axes.B * precision[:, None, :]).sum(axis=0)
    a = np.diagonal(axes.B, axis1=1, axis2=2).T @ precision
    own = np.diagonal(a)
    return 2 * (b - b.T)[pairs], 2 * (a + a.T - own - own[:, None])[pairs]


def direction(gradient, curvature, memory):
    """Jacobi's angles downhill, corrected by the last step and the change of the gradient along it."""
    jacobi = -np.arctan2(gradient, curvature / 2) / 2
    if memory is None:
        return jacobi
    step, change = memory
    bend = step @ change
    if not bend > 0:
        return jacobi
    part = (step @ gradient) / bend
    angles = np.arctan2(gradient - part * change, curvature / 2) / 2
    return -angles - step * (part - (change @ angles) / bend)


def turned(Q, angles, pairs):
    """Q times the rotation by small angles between pairs of axes (Cayley's transform)."""
    half = np.zeros_like(Q)
    half[pairs] = angles / 2
    half -= half.T
    return Q @ np.linalg.solve(np.eye(len(Q)) - half, np.eye(len(Q)) + half)
