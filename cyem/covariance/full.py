"""VVV: every component has a covariance matrix of its own."""

from .base import TIES, ClosedForm, Matrices, part, raise_to_floor, sample_covariances


class Full(Matrices):
    def closed_form(self, floor, eps):
        return ClosedForm(TIES["free"], floor, part(len(floor), eps))

    def estimate(self, second, masses, shift, floor, eps, current=None):
        return raise_to_floor(sample_covariances(second, masses, shift), floor, eps)
