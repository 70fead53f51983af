"""The mixture among its samples: a scatter matrix, or for one feature the density."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..models.estimator import observed
from ..rows import data
from ..show.text import plural
from . import geometry, style
from .display import Panels, display

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike

    from ..models.gaussian import GaussianMixture
    from ..models.student import StudentMixture
    from ..rows.types import Features, Floats, Integers, Reals

MOST_FEATURES = 12
MOST_POINTS = 2000
OUTSIDE = 0.45  # strength of the ink of samples that are of the background
REGIONS = (0.95, 0.75, 0.5, 0.25)  # shares of the samples inside the contours of the density
SHADES = (0.12, 0.25, 0.37, 0.5)  # theirs
MOST_ROOMY = 4  # features up to which panels have room for markers and numbers


@display
class MixtureDisplay(Panels):
    """The components of a mixture among the samples, two features at a time.

    On the diagonal the histogram of each feature under the marginal density of the mixture and of its components; below
    it the samples, each with the colour and marker of its most probable component, and ellipses that hold 90 % of each
    component; above it regions of highest density, which hold 25, 50, 75 and 95 % of the samples (Hyndman 1996). Of one
    feature it is the histogram alone. Components have the numbers that `predict` gives.

    Few samples so far out that they would flatten a panel are left outside, and counted above the panels. Values on a
    lattice, such as whole numbers, are moved a little where they would hide each other.

    Parameters
    ----------
    points : ndarray of shape (m, d)
        Samples to draw.
    labels : ndarray of shape (m,)
        Their components; -1 for the background.
    histograms : list of (ndarray of shape (b,), ndarray of shape (b + 1,))
        Heights, as a density of all samples, and edges of the bars of each feature: the range that is shown.
    components : Components
        Weights, means, covariance matrices and names of the features shown.
    note : str
        What is not shown.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (d, d)
    figure_ : matplotlib Figure

    See Also
    --------
    UncertaintyDisplay : Where it is uncertain which component a sample belongs to.
    cyem.GaussianMixture.summary : The mixture as text.
    """

    points: Reals
    labels: Integers
    histograms: list[tuple[Floats, Floats]]
    components: geometry.Components
    note: str = ""

    @classmethod
    def from_estimator(
        cls,
        model: GaussianMixture | StudentMixture,
        X: ArrayLike,
        *,
        features: Features | None = None,
        sample_weight: ArrayLike | None = None,
        ax: style.Place | None = None,
    ) -> Self:
        """Draw a fitted mixture.

        Parameters
        ----------
        model : GaussianMixture
        X : array-like of shape (n, d)
            Samples. Of more than 2000 a random part is drawn as points; the histograms are of all. Where values are
            missing, points are the samples of which both features were observed, and histograms are of what was.
        features : sequence of int or str, default=None
            Indices or names of the features to show; None: all, of more than 12 those in which the components differ
            most.
        sample_weight : array-like of shape (n,), default=None
            Weights in the histograms.
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        MixtureDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> from cyem.plotting import MixtureDisplay
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) + 4 * np.eye(3)[np.arange(200) % 2]
        >>> display = MixtureDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X)
        >>> display.axes_.shape
        (3, 3)
        """
        components = geometry.Components.of(model)
        labels = model.predict(X)
        X, complete = observed(model, X)
        data.columns_without_values(X, components.names)
        weights = data.weights(sample_weight, len(X))
        shown = geometry.chosen(features, components, MOST_FEATURES)
        rows = geometry.some(len(X), MOST_POINTS)
        d = len(components.names)
        note = f"the {len(shown)} of {d} features in which the components differ most" if features is None else ""
        notes = [note] if len(shown) < d else []
        if not complete and len(shown) > 1:
            notes.append("values are missing: points are the samples that have both")
        histograms = [histogram(X[:, i], weights) for i in shown]
        far = [(X[:, i] < edges[0]) | (X[:, i] > edges[-1]) for i, (_, edges) in zip(shown, histograms, strict=True)]
        if outside := int(np.any(far, axis=0).sum()):
            notes.append(f"{plural('sample', outside)} outside of the panels")
        return cls(
            points=X[np.ix_(rows, shown)],
            labels=labels[rows],
            histograms=histograms,
            components=components.marginal(shown),
            note="; ".join(filter(None, notes)),
        ).plot(ax)

    @property
    def _side(self):
        """Height of a panel."""
        d = len(self.components.names)
        return 4.2 if d == 1 else float(np.clip(9 / d, 0.95, 2.7))

    @property
    def _size(self):
        d = len(self.components.names)
        return self._side * d * (1.45 if d == 1 else 1) + (1.1 if self._several else 0), self._side * d

    @property
    def _several(self):
        """Whether there is anything to tell apart."""
        return len(self.components.means) > 1 or self.components.background is not None

    def _split(self, place):
        d = len(self.components.names)
        return place.subplots(d, d, squeeze=False)

    def _draw(self, place, look):
        k, d = self.components.means.shape
        points = geometry.jittered(self.points)
        limits = geometry.limits(self.components, [edges[[0, -1]] for _, edges in self.histograms])
        for row in range(d):
            for column in range(d):
                self._panel(look, row, column, limits, points)
        if self._several:
            legend(place, look, self.components, self._side * d)
        if self.note:
            place.suptitle(style.wrapped(self.note, int(12 * self._size[0])), fontsize="medium")
        if self._roomy and k > 1:
            self._number(look)

    def _panel(self, look, row, column, limits, points):
        ax = self.axes_[row, column]
        style.frame(ax)
        ax.set_rasterization_zorder(2.1 if self._roomy else 4)  # in vector formats: points and regions, or everything
        ax.set_xlim(limits[column])
        if row == column:
            self._margin(ax, look, row, limits[row])
        else:
            ax.set_ylim(limits[row])
            if row > column:
                self._points(ax, look, column, row, points)
            else:
                self._regions(ax, look, column, row)
        self._scales(ax, row, column)

    def _scales(self, ax, row, column):
        """Ticks and names on the left and at the bottom of the matrix only."""
        d = len(self.axes_)
        few = MaxNLocator(5 if d <= 2 else 4 if d <= 4 else 2, prune="both" if d > 1 else None)
        ax.xaxis.set_major_locator(few)
        width = 13 if d > 6 else 30
        size = style.TINY if d > 6 else "medium"
        ax.tick_params(labelsize=style.TINY if d > 4 else style.SMALL, labelbottom=row == d - 1)
        if row == d - 1:
            ax.set_xlabel(style.wrapped(self.components.names[column], width), fontsize=size, parse_math=False)
        if d == 1:
            ax.set_ylabel("density")
            return
        if row == column:
            ax.set_yticks([])
            ax.spines["left"].set_visible(False)
        else:
            ax.yaxis.set_major_locator(MaxNLocator(5 if d <= 2 else 4 if d <= 4 else 2, prune="both"))
            ax.tick_params(labelleft=column == 0)
        if column == 0:
            ax.set_ylabel(style.wrapped(self.components.names[row], width), fontsize=size, parse_math=False)

    def _margin(self, ax, look, feature, limits):
        """Histogram, marginal densities."""
        heights, edges = self.histograms[feature]
        ax.stairs(heights, edges, fill=True, color=look.shade(0.2), zorder=1)
        margin = self.components.marginal([feature])
        x = support(margin, limits)
        densities, level = margin.density(x[:, None]), margin.level(x[:, None])
        whole = densities.sum(axis=1) + level
        large = len(self.axes_) == 1
        if self._several:
            for j, density in enumerate(densities.T):
                ax.plot(x, density, color=look.colour(j), ls=style.dashes(j), lw=1.4 if large else 0.9, zorder=2)
        if margin.background is not None:
            ax.plot(x, level, color=look.shade(OUTSIDE), lw=1.4 if large else 0.9, zorder=2)
        ax.plot(x, whole, color=look.ink, lw=2 if large else 1.2, zorder=3)
        bar = heights.max()
        ax.set_ylim(0, 1.08 * max(bar, min(whole.max(), 3 * bar)))  # bars are whole; so is a density but for a needle

    def _points(self, ax, look, column, row, points):
        if self._roomy:
            for j in range(len(self.components.means)):
                own = points[self.labels == j]
                ax.scatter(own[:, column], own[:, row], s=14, marker=style.marker(j), color=look.colour(j), alpha=0.5,
                           linewidths=0, zorder=2)
            outside = points[self.labels < 0]
            ax.scatter(outside[:, column], outside[:, row], s=14, marker="x", color=look.shade(OUTSIDE), linewidths=0.8,
                       zorder=2)
        else:  # too small for markers
            colours = np.array([*self._colours(look), look.shade(OUTSIDE)])[self.labels]
            ax.scatter(points[:, column], points[:, row], s=2.5, color=colours, alpha=0.6, linewidths=0, zorder=2)
        style.ellipses(ax, look, self.components.marginal([column, row]), bold=self._roomy)

    def _regions(self, ax, look, column, row):
        m = 80 if self._roomy else 40
        pair = self.components.marginal([column, row])
        mixture = pair.mixture
        x, y = (np.linspace(*limits, m) for limits in (ax.get_xlim(), ax.get_ylim()))
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        values = mixture.score_samples(grid).reshape(m, m)
        both = self.points[np.ix_(self.labels >= 0, [column, row])]
        both = both[~np.isnan(both).any(axis=1)]
        levels = values[:0, 0] if not len(both) else np.quantile(mixture.score_samples(both), 1 - np.array(REGIONS))
        levels = np.unique(levels[levels < values.max()])
        if len(levels):
            shades = [look.shade(s) for s in SHADES[-len(levels):]]
            ax.contourf(x, y, values, levels=[*levels, values.max() + 1], colors=shades, zorder=1)
        if self._roomy:
            for j, mean in enumerate(pair.means):
                ax.plot(*mean, style.marker(j), color=look.colour(j), ms=5, mew=0.4, mec=look.paper, zorder=3)
        else:
            ax.scatter(*pair.means.T, s=8, c=self._colours(look), edgecolors=look.paper, linewidths=0.4, zorder=3)

    @property
    def _roomy(self):
        """Whether panels have room for markers and numbers."""
        return len(self.components.names) <= MOST_ROOMY

    def _colours(self, look):
        return [look.colour(j) for j in range(len(self.components.means))]

    def _number(self, look):
        """Numbers of the components beside their means."""
        style.settle(self.figure_)
        c = self.components
        numbers = [str(j) for j in range(len(c.means))]
        colours = self._colours(look)
        if len(self.axes_) == 1:
            peaks = c.density(c.means).diagonal()
            style.label_points(self.axes_[0, 0], look, np.column_stack([c.means[:, 0], peaks]), numbers, colours)
        for row, column in zip(*np.tril_indices(len(self.axes_), -1), strict=True):
            for ax, pair in ((self.axes_[row, column], [column, row]), (self.axes_[column, row], [row, column])):
                style.label_points(ax, look, c.means[:, pair], numbers, colours)


def legend(figure, look, components, height, *, curves=True):
    """Number, line, marker and share of each component, and what else is drawn, beside the panels."""
    handles = [
        Line2D([], [], color=look.colour(j), ls=style.dashes(j), marker=style.marker(j), ms=5, label=f"{j}: {share(w)}")
        for j, w in enumerate(components.shares)
    ]
    if components.background is not None:
        handles.append(Line2D([], [], color=look.shade(OUTSIDE), marker="x", ms=5,
                              label=f"none: {share(components.background.weight)}"))
    if curves:
        handles.append(Line2D([], [], color=look.ink, lw=2, label="all"))
    if curves and len(components.names) > 1:
        handles += [Patch(color=look.shade(shade), label=f"densest {part:.0%}")
                    for part, shade in zip(REGIONS, SHADES, strict=True)]
    figure.legend(handles=handles, loc="outside right upper", fontsize=style.SMALL, frameon=False, handlelength=2.6,
                  title="component", title_fontsize=style.SMALL, ncols=int(np.ceil(len(handles) * 0.21 / height)))


def share(weight):
    """A weight in percent."""
    return f"{weight:.0%}" if weight >= 0.1 else f"{weight:.1%}"


def histogram(x, weights):
    """Heights, as a density of all, and edges of at most some 50 bars, of what is not NaN.

    Each bar has as many points of a lattice, so that none is empty, or twice as high, by the way it is cut.
    """
    there = ~np.isnan(x)
    x, weights = x[there].astype(float), None if weights is None else weights[there]
    low, high = geometry.window(x)
    if low == high:  # a constant
        half = max(abs(low) * 1e-3, 1e-12)
        return np.array([0.5 / half]), np.array([low - half, low + half])
    inside = x[(low <= x) & (x <= high)]
    bars = len(np.histogram_bin_edges(inside[:MOST_POINTS], "auto")) - 1
    bars = min(max(bars, int(np.sqrt(len(inside)))), 50)
    if step := geometry.step(inside):
        points = round((high - low) / step) + 1
        each = -(-points // bars)
        edges = low - step / 2 + each * step * np.arange(-(-points // each) + 1)
    else:
        edges = np.linspace(low, high, bars + 1)
    heights, _ = np.histogram(x, edges, weights=weights)
    return heights / (np.diff(edges) * (len(x) if weights is None else weights.sum())), edges


def support(margin, limits):
    """Points of one feature that are close where a component is narrow."""
    near = np.linspace(-4, 4, 33)
    own = (margin.means + near * margin.deviations).ravel()
    x = np.concatenate([np.linspace(*limits, 200), own])
    return np.unique(x[(limits[0] <= x) & (x <= limits[1])])
