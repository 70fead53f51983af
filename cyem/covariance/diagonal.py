"""EEI, VEI, EVI, VVI: axis-parallel components."""

import numpy as np

from .base import TIES, ClosedForm, Variances


class Diagonal(Variances):
    density, moments = "diagonal", "squares"

    def shape(self, k, d):
        return (k, d)

    def closed_form(self, floor, eps):
        ties = {"EE": "equal", "VE": "proportional", "EV": "isochoric", "VV": "free"}[self.code[:2]]
        return ClosedForm(TIES[ties], floor, 0.0)

    def estimate(self, second, masses, shift, floor, eps, current=None):
        s = second.reshape(shift.shape) / masses[:, None] - shift**2
        return self.variances(s, masses, floor[None], current)

    def log_det(self, U, k, d):
        return np.log(U).sum(axis=1)

    def pack(self, U):
        return U[:, None, :]

    def diagonals(self, covariances, k, d):
        return covariances

    def full(self, covariances, k, d):
        return covariances[:, :, None] * np.eye(d)

    def condensed(self, matrices):
        return np.diagonal(matrices, axis1=1, axis2=2).copy()

    def scaled(self, covariances, units):
        return covariances * units * units

    def scaled_factors(self, U, units):
        return U / units
