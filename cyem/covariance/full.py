"""VVV: every component has a covariance matrix of its own."""

from .base import Matrices, raise_to_floor, sample_covariances


class Full(Matrices):
    def estimate(self, second, masses, shift, floor, eps, current=None):
        return raise_to_floor(sample_covariances(second, masses, shift), floor, eps)
