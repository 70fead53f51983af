"""What displays share: the constructor takes the data of a picture, `plot` draws it, as often as one likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, dataclass_transform

from . import style

if TYPE_CHECKING:
    from typing import Any, Self

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


@dataclass_transform(eq_default=False, kw_only_default=True)
def display(cls):
    """Make the constructor of a class from its fields."""
    return dataclass(eq=False, repr=False, kw_only=True)(cls)


def expect(given, name, maker, *attributes):
    """Raise TypeError where something else was given than what `maker` returns, which has these attributes."""
    if not all(hasattr(given, attribute) for attribute in attributes):
        raise TypeError(f"{name} is a {type(given).__name__}, and must be what {maker} returns.")


class Panel:
    """A picture in one axes: a subclass has its `_size` in inches, and `_draw(ax, look)`."""

    ax_: Axes
    figure_: Figure

    def plot(self, ax: style.Place | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from cyem.plotting import StabilityDisplay
        >>> figure = Figure()
        >>> display = StabilityDisplay(ari=np.ones(20), jaccard=np.ones((20, 2))).plot(figure)
        >>> display.figure_ is figure
        True
        """
        self.ax_ = style.panel(ax, self._size)
        self.figure_ = style.root(self.ax_)
        self._draw(self.ax_, style.look(self.ax_))
        return self


class Panels:
    """A picture in several axes: a subclass has its `_size` in inches, `_split(place)`, and `_draw(place, look)`."""

    axes_: NDArray[Any]
    figure_: Figure

    def plot(self, ax: style.Place | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot. A Figure takes the size of the picture; an Axes of a grid gives
            its place to the panels.

        Returns
        -------
        self

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> from cyem.plotting import MergingDisplay
        >>> display = MergingDisplay(pairs=[(0, 2), (1, 3)], entropies=[9.0, 1.0, 0.0], suggestion=2).plot(Figure())
        >>> display.axes_.shape
        (2,)
        """
        place = style.sheet(ax, self._size)
        self.axes_ = self._split(place)
        self.figure_ = style.root(place)
        self._draw(place, style.look(place))
        return self
