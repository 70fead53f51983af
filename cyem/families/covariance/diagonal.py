"""EEI, VEI, EVI, VVI: axis-parallel components."""

import numpy as np

from ...kernels.arguments import ClosedForm
from .base import Estimate, Variances


class Diagonal(Variances):
    density, moments = "diagonal", "squares"

    def shape(self, k, d):
        return (k, d)

    def closed_form(self, floor, eps):
        ties = {"EE": "equal", "VE": "proportional", "EV": "isochoric", "VV": "free"}[self.code[:2]]
        return ClosedForm(self.moments, ties, floor, 0.0)

    def sample(self, second, masses, shift):
        return second.reshape(shift.shape) / masses[:, None] - shift**2

    def maximum(self, S, masses, floor, eps, current):
        return Estimate(*self.variances(S, masses, floor[None], current))

    def distances(self, S, U, d):
        return (S * U**2).sum(axis=1)

    def log_det(self, U, k, d):
        return np.log(U).sum(axis=1)

    def pack(self, U):
        return U[:, None, :]

    def diagonals(self, covariances, k, d):
        return covariances

    def full(self, covariances, k, d):
        return np.where(np.eye(d, dtype=bool), covariances[:, :, None], np.float64(0))  # also of infinity

    def condensed(self, matrices):
        return np.diagonal(matrices, axis1=1, axis2=2).copy()

    def scaled(self, covariances, units):
        return covariances * units * units

    def scaled_factors(self, U, units):
        return U / units
