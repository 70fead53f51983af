"""What estimators have in common whose fit is that of a Gaussian mixture."""

from __future__ import annotations

from reprlib import repr
from typing import TYPE_CHECKING

from .. import threads
from ..families import state
from .estimator import Estimator
from .gaussian import GaussianMixture

if TYPE_CHECKING:
    from .history import Report


class AroundMixture(Estimator):
    """An estimator that answers by a mixture, `mixture_`."""

    mixture_: GaussianMixture
    n_iter_: int
    fit_report_: Report
    _gaps = True
    _parts = ("mixture_",)
    _outcome = "n_iter_", "fit_report_"  # what a fit leaves besides, as `state.OUTCOME` has it

    def _check_whole(self):
        """Check that all is there that a fit leaves, and that it fits together."""
        mixture = vars(self).get("mixture_")
        if type(mixture) is not GaussianMixture:
            raise TypeError(f"The attribute 'mixture_' is a {type(mixture).__name__}, expected a GaussianMixture: fit.")
        mixture._check_whole()
        state.outcome(self, self._outcome)
        threads.check(self.n_threads)
        d, own = mixture.n_features_in_ - self._n_targets(), vars(self).get("n_features_in_")
        if type(own) is not int or own != d or d < 1:
            raise ValueError(f"The attribute 'n_features_in_' is {repr(own)}, expected {d}, "
                             f"as 'mixture_' has {mixture.n_features_in_} features: set it back, or fit.")
        state.feature_names(self, d)

    def _n_targets(self):
        """How many features of the mixture are none of X."""
        return 0
