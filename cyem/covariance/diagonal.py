"""VVI: axis-parallel components, a variance for each feature of each."""

import numpy as np

from .base import Variances


class Diagonal(Variances):
    name, code = "diag", "VVI"
    density, moments = "diagonal", "squares"

    def shape(self, k, d):
        return (k, d)

    def n_parameters(self, k, d):
        return k * d

    def estimate(self, second, masses, shift, floor, eps):
        S = second.reshape(shift.shape) / masses[:, None] - shift**2
        return np.maximum(S, floor), (floor > S).any(axis=1)

    def log_det(self, U, k, d):
        return np.log(U).sum(axis=1)

    def pack(self, U):
        return U[:, None, :]

    def full(self, covariances, k, d):
        return covariances[:, :, None] * np.eye(d)

    def scaled(self, covariances, units):
        return covariances * units * units

    def scaled_factors(self, U, units):
        return U / units
