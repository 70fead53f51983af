"""How a fit climbed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..families import state
from ..models.mixture import fitted
from ..show.text import plural
from . import style
from .display import Panels, display

if TYPE_CHECKING:
    from typing import Self

    from ..models.gaussian import GaussianMixture
    from ..models.student import StudentMixture
    from ..rows.types import Floats


@display
class TraceDisplay(Panels):
    """The log-likelihood after each iteration of a fit, and what was still to come.

    The lower panel counts from the last value, by magnitude: a straight line is the linear convergence of EM, a step
    down a leap. The last iteration has nothing to come, and no place in it.

    Parameters
    ----------
    values : ndarray of shape (n_iter,)
        Mean log-likelihood per sample.
    converged : bool
        Whether the fit ended by itself.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (2,)
    figure_ : matplotlib Figure

    See Also
    --------
    cyem.GaussianMixture : Its attribute `lower_bounds_` is what is drawn.
    """

    values: Floats
    converged: bool
    _size = (6.5, 5)

    @classmethod
    def from_estimator(
        cls, model: GaussianMixture | StudentMixture, *, ax: style.Place | None = None
    ) -> Self:
        """Draw the path of a fit.

        Parameters
        ----------
        model : GaussianMixture
            Fitted, not made from parameters.
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        TraceDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> from cyem.plotting import TraceDisplay
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> display = TraceDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X))
        >>> display.axes_[1].get_xlabel()
        'iteration'
        """
        state.outcome(fitted(model))
        if not len(model.lower_bounds_):
            raise ValueError("model has no iterations to draw: its parameters were given, or max_iter=0; fit it first")
        return cls(values=np.array(model.lower_bounds_, float), converged=model.converged_).plot(ax)

    def _split(self, place):
        return place.subplots(2, 1, sharex=True)

    def _draw(self, place, look):
        above, below = self.axes_
        iterations = np.arange(1, len(self.values) + 1)
        left = self.values[-1] - self.values
        marks = dict(marker="o", ms=4 if len(iterations) <= 60 else 0, color=look.colour(0), lw=1.5)
        above.plot(iterations, self.values, **marks)
        below.plot(iterations, np.where(left > 0, left, np.nan), **marks)
        if (left > 0).any():
            below.set_yscale("log")
        else:
            below.set_yticks([])
            below.text(0.5, 0.5, "nothing", transform=below.transAxes, ha="center", va="center", color=look.muted)
        above.set_ylabel("mean log-likelihood")
        above.ticklabel_format(axis="y", useOffset=False)
        below.set_ylabel("still to come")
        below.set_xlabel("iteration")
        below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        below.set_xlim(0.5, len(iterations) + 0.5)
        end = "converged" if self.converged else "stopped before convergence"
        above.set_title(f"{end} after {plural('iteration', len(iterations))}", fontsize="medium", loc="left")
        for panel in self.axes_:
            style.frame(panel)
