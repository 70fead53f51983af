"""What displays share: the constructor takes the data of a picture, `plot` draws it, as often as one likes."""

from dataclasses import dataclass

from . import style

display = dataclass(eq=False, repr=False, kw_only=True)  # makes the constructor from the fields of a class


def expect(given, name, maker, *attributes):
    """Raise TypeError where something else was given than what `maker` returns, which has these attributes."""
    if not all(hasattr(given, attribute) for attribute in attributes):
        raise TypeError(f"{name} is a {type(given).__name__}, and must be what {maker} returns.")


class Panel:
    """A picture in one axes: a subclass has its `_size` in inches, and `_draw(ax, look)`."""

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        self
        """
        self.ax_ = style.panel(ax, self._size)
        self.figure_ = style.root(self.ax_)
        self._draw(self.ax_, style.look(self.ax_))
        return self


class Panels:
    """A picture in several axes: a subclass has its `_size` in inches, `_split(place)`, and `_draw(place, look)`."""

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot. A Figure takes the size of the picture; an Axes of a grid gives
            its place to the panels.

        Returns
        -------
        self
        """
        place = style.sheet(ax, self._size)
        self.axes_ = self._split(place)
        self.figure_ = style.root(place)
        self._draw(place, style.look(place))
        return self
