"""Whether clusters come back when the data are drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from . import style
from .display import Panel, display, expect

if TYPE_CHECKING:
    from typing import Self

    from ..inference.bootstrap import Stability
    from ..rows.types import Floats

GONE, STABLE = 0.5, 0.75  # mean Jaccard coefficients below and above which a cluster is dissolved, stable (Hennig 2007)


@display
class StabilityDisplay(Panel):
    """The agreement of refits to resampled data with the model: of the whole partition, and of each component.

    Each dot is a refit, each bar a median. In the shaded range below 0.5 a component counts as dissolved, above the
    line at 0.75 as stable (Hennig 2007).

    Parameters
    ----------
    ari : ndarray of shape (B,)
        Adjusted Rand index of each refit.
    jaccard : ndarray of shape (B, k)
        Jaccard coefficient of each component with the most similar cluster of each refit; NaN for one without samples.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    cyem.stability : Makes what is drawn.
    """

    ari: Floats
    jaccard: Floats

    @classmethod
    def from_stability(cls, stability: Stability, *, ax: style.Place | None = None) -> Self:
        """Draw the answer of `cyem.stability`.

        Parameters
        ----------
        stability : Stability
            With `ari` (B,) and `jaccard` (B, k).
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        StabilityDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from cyem.plotting import StabilityDisplay
        >>> rng = np.random.default_rng(0)
        >>> display = StabilityDisplay(ari=rng.uniform(0.7, 1, 50), jaccard=rng.uniform(0.4, 1, (50, 3))).plot()
        >>> len(display.ax_.get_yticks())
        4
        """
        expect(stability, "stability", "cyem.stability", "ari", "jaccard")
        return cls(ari=np.asarray(stability.ari), jaccard=np.asarray(stability.jaccard)).plot(ax)

    @property
    def _size(self):
        return 7, 1.5 + 0.3 * (self.jaccard.shape[1] + 1)

    def _draw(self, ax, look):
        n, k = self.jaccard.shape
        jitter = np.random.default_rng(0).uniform(-0.28, 0.28, n)
        gone = ax.axvspan(min(0, self.ari.min()), GONE, color=look.faint, alpha=0.5, lw=0, zorder=0)
        stable = ax.axvline(STABLE, color=look.muted, lw=0.8, ls=(0, (4, 3)), zorder=0)
        median = Line2D([], [], color=look.ink, lw=2.5)
        ax.legend([gone, stable, median], ["dissolved", "stable from here on", "median"], loc="lower center",
                  bbox_to_anchor=(0.5, 1), ncols=3, frameon=False, fontsize=style.SMALL)
        for row, values in enumerate((self.ari, *self.jaccard.T)):
            if np.isnan(values).all():
                ax.text(GONE, row, "undefined: no sample in it", color=look.muted, ha="center", va="center")
                continue
            colour = look.colour(row - 1) if row else look.ink
            ax.plot(values, row + jitter, style.marker(row - 1) if row else "o", color=colour, ms=3, alpha=0.7, mew=0,
                    rasterized=True, zorder=2)
            ax.plot([np.median(values)] * 2, [row - 0.38, row + 0.38], color=colour, lw=2.5, path_effects=look.halo,
                    zorder=3)
        ax.axhline(0.5, color=look.muted, lw=0.8)
        ax.set_yticks(np.arange(k + 1), ["all\n(adjusted Rand)", *(f"{j}" for j in range(k))])
        ax.set_ylim(k + 0.5, -0.5)
        ax.set_xlim(min(0, self.ari.min()) - 0.01, 1.01)
        ax.set_xlabel(f"agreement of {n} refits with the model")
        ax.set_ylabel("component (Jaccard)")
        style.frame(ax)
