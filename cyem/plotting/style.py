"""What all pictures share: colours for every eye and background, a place to draw in, labels that do not overlap."""

import re
import textwrap
from typing import NamedTuple, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import font_scalings
from matplotlib.patheffects import withStroke

from .geometry import ellipse

Place: TypeAlias = Axes | Figure | SubFigure

# Colours that stay apart for the colour-blind, the first seven farthest, each with a contrast of 3 or more against its
# background. Markers and dashes come in other numbers than thirteen: their pairs with colours repeat after 130 and 65.
ON_LIGHT = ("#0072B2", "#D55E00", "#004D40", "#CC79A7", "#785EF0", "#8B4513", "#332288",
            "#779955", "#DD00BB", "#442200", "#8800FF", "#553366", "#887766")
ON_DARK = ("#56B4E9", "#E69F00", "#B5D99C", "#DC267F", "#F7B6D2", "#785EF0", "#228833",
           "#99FF00", "#FF7766", "#BB00AA", "#11FF66", "#8822FF", "#CC1111")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
DASHES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1.2)), (0, (8, 1.5, 1, 1.5, 1, 1.5)))

LINE = 1.25  # height of a line of text, in font sizes
SMALL = "small"
TINY = "x-small"
# places around a point, from near to far, in heights of a line
RING = np.concatenate([
    radius * np.column_stack([np.cos(turn), np.sin(turn)])
    for radius in (0.9, 1.5, 2.2, 3.0, 4.0, 5.5)
    for turn in [np.linspace(0, 2 * np.pi, 16, endpoint=False) + np.pi / 4]
])


class Look(NamedTuple):
    """Colours that go with a background."""

    paper: str
    ink: str
    muted: str  # what is there, but not in the foreground
    faint: str  # guides
    colours: tuple

    def colour(self, j):
        """The colour of component or curve j."""
        return self.colours[j % len(self.colours)]

    def shade(self, strength):
        """Ink on paper of a strength from 0 to 1."""
        return to_hex(np.array(to_rgb(self.paper)) * (1 - strength) + np.array(to_rgb(self.ink)) * strength)

    @property
    def halo(self):
        """Path effects by which text stands out from what it lies on."""
        return [withStroke(linewidth=3, foreground=self.paper)]


def look(place):
    """The colours for an axes or a figure, by the lightness of its background."""
    colour = to_rgba(place.get_facecolor())
    if colour[3] == 0:  # transparent: text tells what is behind
        colour = tuple(1 - value for value in to_rgb(plt.rcParams["text.color"]))
    light = np.dot(colour[:3], (0.2126, 0.7152, 0.0722)) > 0.5
    if light:
        return Look(to_hex(colour), "#1a1a1a", "#767676", "#d9d9d9", ON_LIGHT)
    return Look(to_hex(colour), "#f2f2f2", "#9a9a9a", "#404040", ON_DARK)


def marker(j):
    """The marker of component or curve j."""
    return MARKERS[j % len(MARKERS)]


def dashes(j):
    """The line style of component or curve j."""
    return DASHES[j % len(DASHES)]


def sheet(ax, size):
    """A figure or subfigure to fill: a new one of pyplot, the given one, or one in the place of a given axes."""
    if ax is None:
        return plt.figure(figsize=size, layout="constrained")
    if isinstance(ax, SubFigure):
        return ax
    if isinstance(ax, Figure):
        ax.set_size_inches(size)
        ax.set_layout_engine("constrained")
        return ax
    check_axes(ax)
    if ax.get_subplotspec() is None:
        raise ValueError(f"ax={ax!r} is not part of a grid, so that several panels cannot take its place: give an axes "
                         "of plt.subplots, a Figure or a SubFigure.")
    ax.set_axis_off()
    return ax.figure.add_subfigure(ax.get_subplotspec())


def panel(ax, size):
    """An axes to draw in: the given one, or the only one of a new or given figure."""
    if ax is None or isinstance(ax, (Figure, SubFigure)):
        return sheet(ax, size).add_subplot()
    check_axes(ax)
    return ax


def check_axes(ax):
    if not isinstance(ax, Axes):
        raise TypeError(f"ax={ax!r} must be a matplotlib Axes, Figure or SubFigure, or None for a new figure")


def root(place):
    """The figure that an axes or subfigure is part of."""
    return place.figure if isinstance(place, (Figure, SubFigure)) else place.figure.figure


def frame(ax):
    """Only the sides of an axes that carry a scale."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(False)


def spread(positions, gap, low, high):
    """The places nearest to given positions (in least squares) that keep a gap, in the same order, within bounds.

    Less the gaps it is a monotone regression, by pooling adjacent violators.
    """
    positions = np.asarray(positions, float)
    order = np.argsort(positions, kind="stable")
    gap = min(gap, (high - low) / max(len(order) - 1, 1))
    steps = gap * np.arange(len(order))
    pools = []
    for wanted in positions[order] - steps:
        pools.append((wanted, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n)]
    places = np.concatenate([np.full(n, value) for value, n in pools]) if pools else np.empty(0)
    found = np.empty_like(positions)
    found[order] = np.clip(places, low, high - steps[-1] if len(steps) else high) + steps
    return found


def label_ends(ax, ends, texts, colours, *, size=SMALL):
    """Names of curves on the right of an axes, beside their ends (x, y), moved up or down so as not to overlap."""
    labels = [
        ax.annotate(text, end, xytext=(1, 0), textcoords=ax.transAxes, color=colour, fontsize=size, va="center",
                    annotation_clip=False, arrowprops=dict(arrowstyle="-", color=colour, lw=0.6, alpha=0.7,
                                                           shrinkA=1, shrinkB=3))
        for end, text, colour in zip(ends, texts, colours, strict=True)
    ]
    if not labels:
        return labels
    settle(ax)
    heights = ax.transAxes.inverted().transform(ax.transData.transform(ends))[:, 1]
    pixels = ax.get_window_extent()
    line = LINE * labels[0].get_fontsize() * root(ax).dpi / 72
    margin = 14 * root(ax).dpi / 72 / pixels.width
    for label, height in zip(labels, spread(heights, line / pixels.height, 0, 1), strict=True):
        label.set_position((1 + margin, height))
    return labels


def settle(ax):
    """Lay the figure out, so that places on it can be asked for."""
    root(ax).draw_without_rendering()


def ellipses(ax, look, pair, *, bold=True):
    """What holds most of each component of two features."""
    tails = np.full(len(pair.means), np.inf) if pair.tails is None else pair.tails
    curves = [ellipse(mean, S, nu=nu) for mean, S, nu in zip(pair.means, pair.matrices, tails, strict=True)]
    lines = LineCollection(curves, linewidths=1.5 if bold else 0.9, zorder=3,
                           colors=[look.colour(j) for j in range(len(curves))],
                           linestyles=[dashes(j) for j in range(len(curves))],
                           path_effects=look.halo if bold else None)
    ax.add_collection(lines)
    ax.autoscale_view()


def wrapped(name, width):
    """A name in lines of at most so many letters, broken after spaces, - _ /, or anywhere."""
    pieces = re.findall("[^ _/-]*[ _/-]?", name)
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width))


def label_points(ax, look, points, texts, colours, *, size=SMALL):
    """Texts beside points of an axes that has been settled, as close as there is room, clear of each other."""
    pixel = root(ax).dpi / 72
    height = plt.rcParams["font.size"] * font_scalings[size] * pixel * LINE
    taken = []
    low, high = ax.get_window_extent().get_points()
    for point, text, colour in zip(points, texts, colours, strict=True):
        at = ax.transData.transform(point)
        half = np.array([0.36 * height * len(text) + pixel, height / 2])
        for place in at + RING * height:
            box = np.concatenate([place - half, place + half])
            inside = (box[:2] >= low).all() and (box[2:] <= high).all()
            if inside and not any((box[:2] < other[2:]).all() and (other[:2] < box[2:]).all() for other in taken):
                break
        else:
            continue  # no room: the legend has it
        taken.append(box)
        ax.annotate(text, point, xytext=(place - at) / pixel, textcoords="offset points", color=look.ink, fontsize=size,
                    ha="center", va="center", path_effects=look.halo, zorder=6, in_layout=False,
                    arrowprops=dict(arrowstyle="-", color=colour, lw=0.8, shrinkA=0, shrinkB=0))
