"""VVV: every component has a covariance matrix of its own."""

import numpy as np

from .base import SquareMatrices, precision_factors, raise_to_floor


class Full(SquareMatrices):
    name, code = "full", "VVV"
    density, moments = "triangular", "scatter"

    def shape(self, k, d):
        return (k, d, d)

    def n_parameters(self, k, d):
        return k * d * (d + 1) // 2

    def estimate(self, second, masses, shift, floor, eps):
        k, d = shift.shape
        # Sigma_k = 1/n_k sum r (x - old)(x - old)' - (new - old)(new - old)'
        S = second.reshape(k, d, d) / masses[:, None, None] - shift[:, :, None] * shift[:, None, :]
        return raise_to_floor(S, floor, eps)

    def factors(self, covariances):
        return precision_factors(covariances)

    def log_det(self, U, k, d):
        return np.log(np.diagonal(U, axis1=1, axis2=2)).sum(axis=1)

    def pack(self, U):
        return U

    def full(self, covariances, k, d):
        return covariances
