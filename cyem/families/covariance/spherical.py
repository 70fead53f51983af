"""EII, VII: round components, with one variance for all or one for each."""

import numpy as np

from ...kernels.arguments import ClosedForm
from .base import Estimate, Variances


class Spherical(Variances):
    density, moments = "spherical", "norms"
    one_unit = True  # other units turn balls into ellipsoids
    round = True

    def shape(self, k, d):
        return (k,)

    def closed_form(self, floor, eps):
        return ClosedForm(self.moments, "equal" if self.code[0] == "E" else "free", floor.mean(keepdims=True), 0.0)

    def sample(self, second, masses, shift):
        return (second / masses - (shift**2).sum(axis=1)) / shift.shape[1]

    def maximum(self, S, masses, floor, eps, current):
        v, held = self.variances(S[:, None], masses, np.array([[floor.mean()]]))
        return Estimate(v[:, 0], held)

    def distances(self, S, U, d):
        return d * S * U**2

    def below(self, covariances, factors, floor, part=0.0):
        return covariances <= floor.mean()

    def log_det(self, U, k, d):
        return d * np.log(U)

    def pack(self, U):
        return U[:, None, None]

    def diagonals(self, covariances, k, d):
        return np.broadcast_to(covariances[:, None], (k, d))

    def full(self, covariances, k, d):
        return np.where(np.eye(d, dtype=bool), covariances[:, None, None], np.float64(0))  # also of infinity

    def condensed(self, matrices):
        return matrices[:, 0, 0].copy()

    def scaled(self, covariances, units):
        return covariances * units[0] * units[0]

    def scaled_factors(self, U, units):
        return U / units[0]
