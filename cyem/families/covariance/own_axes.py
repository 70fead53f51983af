"""EEV, VEV, EVV: every component has principal axes of its own."""

import numpy as np

from ...kernels.arguments import ClosedForm
from .base import Oriented, eigh, least_along, part


class OwnAxes(Oriented):
    """The axes are those of the sample covariances, in order of their variances.

    Celeux & Govaert (1995), models [lambda D_k A D_k'], [lambda_k D_k A D_k'] and [lambda C_k].
    """

    @property
    def curved(self):
        return self.code[1] == "E"

    @property
    def one_unit(self):
        """Other units turn components of one shape into components of several; volumes all change by one factor."""
        return self.code[1] == "E"

    def closed_form(self, floor, eps):
        ties = {"EE": "one shape", "VE": "proportional shapes", "EV": "isochoric"}[self.code[:2]]
        return ClosedForm(self.moments, ties, floor, part(len(floor), eps))

    def axes_of(self, covariances):
        return eigh(covariances)[1]

    def axes(self, S, masses, floor, current):
        s, Q = eigh(S)
        if current is not None:  # of the same mean as the variances along the axes
            current = np.diagonal(current, axis1=1, axis2=2)
        return Q, *self.variances(np.maximum(s, 0), masses, least_along(Q, floor), current)
