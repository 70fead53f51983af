"""VII: round components, one variance for each."""

import numpy as np

from .base import Variances


class Spherical(Variances):
    name, code = "spherical", "VII"
    density, moments = "spherical", "norms"
    one_unit = True

    def shape(self, k, d):
        return (k,)

    def n_parameters(self, k, d):
        return k

    def estimate(self, second, masses, shift, floor, eps):
        S = (second / masses - (shift**2).sum(axis=1)) / shift.shape[1]
        least = floor.mean()
        return np.maximum(S, least), least > S

    def log_det(self, U, k, d):
        return d * np.log(U)

    def pack(self, U):
        return U[:, None, None]

    def full(self, covariances, k, d):
        return covariances[:, None, None] * np.eye(d)

    def scaled(self, covariances, units):
        return covariances * units[0] * units[0]

    def scaled_factors(self, U, units):
        return U / units[0]
