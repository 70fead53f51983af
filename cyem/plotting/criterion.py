"""The criterion over the number of components, a curve for each structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from ..selection.criteria import title
from ..show.text import plural, precision
from . import style
from .display import Panel, display, expect

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import NDArray

    from ..rows.types import Booleans, Floats
    from ..selection.select import Criterion, Selection

LEADERS = 6  # structures in the foreground
CLOSE = 10  # the end of the linear part of the scale, and of the band


@display
class CriterionDisplay(Panel):
    """How a criterion depends on the number of components, for each covariance structure.

    The vertical axis counts from the best value, linearly at first and then by magnitude, so that models that compete
    and models out of question both have their place. The structures that come closest to the best are in the
    foreground, the others grey. Within the shaded band, 10 from the best, the evidence of BIC against a model is not
    very strong (Kass & Raftery 1995). A hollow marker is a fit that is not to be trusted; what is better than the
    best, and not to be trusted, has its place at the lower edge where it is too far below.

    Parameters
    ----------
    n_components : ndarray of shape (m,)
        The numbers of components, ascending.
    curves : dict of str to ndarray of shape (m,)
        The criterion of each structure, smaller is better; NaN where there is no fit.
    doubtful : dict of str to ndarray of bool of shape (m,)
        The fits that are not to be trusted.
    best : tuple of (int, str)
        Number of components and structure of the chosen model.
    criterion : str
        What is shown.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    cyem.select : Makes the table that is drawn.
    """

    n_components: NDArray[Any]
    curves: dict[str, Floats]
    doubtful: dict[str, Booleans]
    best: tuple[int, str]
    criterion: str
    _size = (7.5, 4.8)

    @classmethod
    def from_selection(
        cls,
        selection: Selection[Any],
        *,
        criterion: Criterion | None = None,
        ax: style.Place | None = None,
    ) -> Self:
        """Draw the table of `cyem.select`.

        Parameters
        ----------
        selection : Selection
        criterion : str, default=None
            Another one than that of the selection.
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        CriterionDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import select
        >>> from cyem.plotting import CriterionDisplay
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> display = CriterionDisplay.from_selection(select(X, range(1, 4), random_state=0))
        >>> display.ax_.get_xlabel()
        'number of components'
        """
        expect(selection, "selection", "cyem.select", "rows", "criterion")
        if criterion is not None:
            selection = selection.pick(criterion)
        rows, name = selection.rows, title(selection.criterion)
        counts = np.unique([row.n_components for row in rows])
        structures = list(dict.fromkeys(row.covariance_type for row in rows))
        curves = {structure: np.full(len(counts), np.nan) for structure in structures}
        doubtful = {structure: np.zeros(len(counts), bool) for structure in structures}
        for row, value in zip(rows, selection.values(), strict=True):
            at = np.searchsorted(counts, row.n_components)
            curves[row.covariance_type][at] = value
            doubtful[row.covariance_type][at] = bool(row.spurious)
        best = selection.best_row.n_components, selection.best_row.covariance_type
        return cls(n_components=counts, curves=curves, doubtful=doubtful, best=best, criterion=name).plot(ax)

    def _draw(self, ax, look):
        counts = self.n_components
        k, structure = self.best
        least = self.curves[structure][np.searchsorted(counts, k)]
        form = precision([least], large=1)
        curves = {name: curve - least for name, curve in self.curves.items() if np.isfinite(curve).any()}
        ranked = sorted(curves, key=lambda name: (name != structure, np.nanmin(curves[name])))
        highest = max(np.nanmax(curve) for curve in curves.values())
        floor = -min(CLOSE, highest or CLOSE)
        below = {name: curve < floor for name, curve in curves.items()}
        curves = {name: np.maximum(curve, floor) for name, curve in curves.items()}

        ends, colours = [], []
        for rank, name in enumerate(ranked):
            leads = rank < LEADERS
            colour = look.colour(rank) if leads else look.muted
            self._curve(ax, look, name, curves[name], below[name], rank, colour, leads)
            last = np.flatnonzero(np.isfinite(curves[name]))[-1]
            ends.append((counts[last], curves[name][last]))
            colours.append(colour)
        ax.plot(k, 0, "o", ms=15, mfc="none", mec=look.ink, mew=1.5, zorder=5)

        band = self._scale(ax, look, curves)
        ax.set_xlim(counts[0] - 0.3, counts[-1] + 0.3)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=20, min_n_ticks=1))
        ax.set_xlabel("number of components")
        name = title(self.criterion)
        self._legend(ax, look, band, any(where.any() for where in below.values()))
        ax.set_ylabel(f"{name} above the best")
        ax.set_title(f"{structure} with {plural('component', k)} is best by {name}: {least:,{form(least)}}",
                     fontsize="medium", loc="left")
        style.frame(ax)
        style.label_ends(ax, ends, ranked, colours)

    def _legend(self, ax, look, band, clipped):
        """What the ring, the band and hollow markers are."""
        mark = dict(ls="", color=look.ink, mfc="none")
        handles = [Line2D([], [], marker="o", ms=9, mew=1.5, label="the best", **mark)]
        if band:
            against = ": no very strong evidence against it" if title(self.criterion) == "BIC" else ""
            handles.append(Patch(color=look.faint, alpha=0.5, label=f"less than {CLOSE} above it{against}"))
        if any(doubtful.any() for doubtful in self.doubtful.values()):
            handles.append(Line2D([], [], marker="s", ms=5, label="spurious", **mark))
        if clipped:
            handles.append(Line2D([], [], marker="v", ms=6, label="spurious, far below", **mark))
        ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=len(handles), frameon=False,
                  fontsize=style.SMALL, columnspacing=1.2, handletextpad=0.5)

    @staticmethod
    def _scale(ax, look, curves):
        """Linear near the best, by magnitude beyond; linear throughout and without a band (False) for a small range."""
        low, high = (find([find(curve) for curve in curves.values()]) for find in (np.nanmin, np.nanmax))
        if high - low <= CLOSE:
            room = 0.06 * (high - low or 1)
            ax.set_ylim(low - room, high + room)
            return False
        ax.axhspan(0, CLOSE, color=look.faint, alpha=0.5, lw=0, zorder=0)
        ax.set_yscale("asinh", linear_width=CLOSE)
        ticks = CLOSE * 10.0 ** np.arange(max(np.log10(max(high, 1) / CLOSE) + 1, 1))
        ax.yaxis.set_major_locator(FixedLocator([*(-ticks[ticks < -low]), 0, *ticks]))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set_ylim(1.5 * min(low, 0) - 0.3 * CLOSE, 1.5 * max(high, CLOSE))
        return True

    def _curve(self, ax, look, name, curve, below, rank, colour, leads):
        dashes = style.dashes(rank) if leads else "-"
        doubtful = self.doubtful[name]
        ax.plot(self.n_components, curve, color=colour, ls=dashes, lw=1.6 if leads else 0.8, zorder=3 if leads else 1)
        if leads:
            marks = dict(ls="", marker=style.marker(rank), color=colour, ms=5, zorder=4)
            ax.plot(self.n_components, np.where(doubtful | below, np.nan, curve), **marks)
            ax.plot(self.n_components, np.where(doubtful & ~below, curve, np.nan), mfc=look.paper, **marks)
            ax.plot(self.n_components, np.where(below, curve, np.nan), mfc=look.paper, **marks | dict(marker="v", ms=7))
