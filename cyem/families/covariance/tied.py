"""EEE: one covariance matrix for all components."""

import numpy as np

from ...kernels.arguments import ClosedForm
from .base import Estimate, SquareMatrices, part, precision_factors, raise_to_floor


class Tied(SquareMatrices):
    density, moments = "whitened", "pooled"

    def shape(self, k, d):
        return (d, d)

    def closed_form(self, floor, eps):
        return ClosedForm(self.moments, "free", floor, part(len(floor), eps))

    def sample(self, second, masses, shift):
        # Sigma = 1/n sum_k [ sum r (x - old)(x - old)' - n_k (new - old)(new - old)' ]
        d = shift.shape[1]
        return (second.reshape(d, d) - (shift.T * masses) @ shift) / masses.sum()

    def maximum(self, S, masses, floor, eps, current):
        A, held, U = raise_to_floor(S[None], floor, eps)
        return Estimate(A[0], np.repeat(held, len(masses)), None if U is None else U[0])

    def distances(self, S, U, d):
        return ((S @ U) * U).sum()

    def common(self, covariances, k):
        return covariances

    def exchange(self, covariances, others, where):
        return covariances

    def factors(self, covariances):
        U = precision_factors(covariances[None])
        return None if U is None else U[0]

    def log_det(self, U, k, d):
        return np.full(k, np.log(np.diagonal(U)).sum())

    def pack(self, U):
        return U[None]

    def each(self, covariances, k):
        return np.broadcast_to(covariances, (k, *covariances.shape))

    def taken(self, covariances, components):
        return covariances

    def full(self, covariances, k, d):
        return self.each(covariances, k)

    def condensed(self, matrices):
        return matrices[0]
