"""The mixture among its samples: a scatter matrix, or for one feature the density."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..rows import data
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
MOST_ROOMY = 4  # features up to which panels have room for markers and numbers


@display
class MixtureDisplay(Panels):
    """The components of a mixture among the samples, two features at a time.

    On the diagonal the histogram of each feature under the marginal density of the mixture and of its components; below
    it the samples, each with the colour and marker of its most probable component, and ellipses that hold 90 % of each
    component; above it regions of highest density, which hold 25, 50, 75 and 95 % of the samples (Hyndman 1996). Of one
    feature it is the histogram alone. Components have the numbers that `predict` gives.

    Parameters
    ----------
    points : ndarray of shape (m, d)
        Samples to draw.
    labels : ndarray of shape (m,)
        Their components.
    histograms : list of (ndarray of shape (b,), ndarray of shape (b + 1,))
        Heights, as a density, and edges of the bars of each feature.
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
        X, complete = model._observed(X)
        data.columns_without_values(X, components.names)
        weights = data.weights(sample_weight, len(X))
        shown = geometry.chosen(features, components, MOST_FEATURES)
        rows = geometry.some(len(X), MOST_POINTS)
        d = len(components.names)
        note = f"the {len(shown)} of {d} features in which the components differ most" if features is None else ""
        notes = [note] if len(shown) < d else []
        if not complete and len(shown) > 1:
            notes.append("values are missing: points are the samples that have both")
        return cls(
            points=X[np.ix_(rows, shown)],
            labels=labels[rows],
            histograms=[histogram(X[:, i], weights) for i in shown],
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
        k, d = self.components.means.shape
        return self._side * d * (1.45 if d == 1 else 1) + (1.1 if k > 1 else 0), self._side * d

    def _split(self, place):
        d = len(self.components.names)
        return place.subplots(d, d, squeeze=False)

    def _draw(self, place, look):
        k, d = self.components.means.shape
        limits = self._limits()
        for row in range(d):
            for column in range(d):
                self._panel(look, row, column, limits)
        if k > 1:
            legend(place, look, self.components.weights, self._side * d)
        if self.note:
            place.suptitle(self.note, fontsize="medium")
        if self._roomy and k > 1:
            self._number(look)

    def _panel(self, look, row, column, limits):
        ax = self.axes_[row, column]
        style.frame(ax)
        ax.set_rasterization_zorder(2.1 if self._roomy else 4)  # in vector formats: points and regions, or everything
        ax.set_xlim(limits[column])
        if row == column:
            self._margin(ax, look, row, limits[row])
        else:
            ax.set_ylim(limits[row])
            (self._points if row > column else self._regions)(ax, look, column, row)
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

    def _limits(self):
        """The range (d, 2) of samples and ellipses; an ellipse may add a quarter to the range of the samples."""
        c = self.components
        low, high = (reach.reduce(self.points, axis=0).astype(float) for reach in (np.fmin, np.fmax))  # but for NaN
        low = np.fmin(low, [edges[0] for _, edges in self.histograms])
        high = np.fmax(high, [edges[-1] for _, edges in self.histograms])
        reach = np.sqrt(-2 * np.log(1 - geometry.SHARE)) * c.deviations
        room = (high - low) / 4
        low = np.maximum((c.means - reach).min(axis=0).clip(None, low), low - room)
        high = np.minimum((c.means + reach).max(axis=0).clip(high, None), high + room)
        pad = 0.03 * (high - low)
        return np.column_stack([low - pad, high + pad])

    def _margin(self, ax, look, feature, limits):
        """Histogram, marginal densities."""
        heights, edges = self.histograms[feature]
        ax.stairs(heights, edges, fill=True, color=look.shade(0.2), zorder=1)
        margin = self.components.marginal([feature])
        x = support(margin, limits)
        densities = margin.density(x[:, None])
        large = len(self.axes_) == 1
        if densities.shape[1] > 1:
            for j, density in enumerate(densities.T):
                ax.plot(x, density, color=look.colour(j), ls=style.dashes(j), lw=1.4 if large else 0.9, zorder=2)
        ax.plot(x, densities.sum(axis=1), color=look.ink, lw=2 if large else 1.2, zorder=3)
        bar, peak = heights.max(), densities.sum(axis=1).max()
        ax.set_ylim(0, 1.08 * min(max(bar, peak), 3 * min(bar, peak)))  # both whole, unless one dwarfs the other

    def _points(self, ax, look, column, row):
        if self._roomy:
            for j in range(len(self.components.means)):
                own = self.points[self.labels == j]
                ax.scatter(own[:, column], own[:, row], s=14, marker=style.marker(j), color=look.colour(j), alpha=0.5,
                           linewidths=0, zorder=2)
            outside = self.points[self.labels < 0]
            ax.scatter(outside[:, column], outside[:, row], s=14, marker="x", color=look.shade(OUTSIDE), linewidths=0.8,
                       zorder=2)
        else:  # too small for markers
            colours = np.array([*self._colours(look), look.shade(OUTSIDE)])[self.labels]
            ax.scatter(self.points[:, column], self.points[:, row], s=2.5, color=colours, alpha=0.6, linewidths=0,
                       zorder=2)
        style.ellipses(ax, look, self.components.marginal([column, row]), bold=self._roomy)

    def _regions(self, ax, look, column, row):
        m = 80 if self._roomy else 40
        pair = self.components.marginal([column, row])
        mixture = pair.mixture
        x, y = (np.linspace(*limits, m) for limits in (ax.get_xlim(), ax.get_ylim()))
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        values = mixture.score_samples(grid).reshape(m, m)
        both = self.points[:, [column, row]]
        both = both[~np.isnan(both).any(axis=1)]
        levels = values[:0, 0] if not len(both) else np.quantile(mixture.score_samples(both), 1 - np.array(REGIONS))
        levels = np.unique(levels[levels < values.max()])
        if len(levels):
            shades = [look.shade(s) for s in np.linspace(0.12, 0.5, len(levels))]
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


def legend(figure, look, weights, height):
    """Number, line, marker and share of each component, beside the panels."""
    handles = [
        Line2D([], [], color=look.colour(j), ls=style.dashes(j), marker=style.marker(j), ms=5, label=f"{j}: {share(w)}")
        for j, w in enumerate(weights)
    ]
    figure.legend(handles=handles, loc="outside right upper", fontsize=style.SMALL, frameon=False, handlelength=2.6,
                  title="component", title_fontsize=style.SMALL, ncols=int(np.ceil(len(weights) * 0.21 / height)))


def share(weight):
    """A weight in percent."""
    return f"{weight:.0%}" if weight >= 0.1 else f"{weight:.1%}"


def histogram(x, weights):
    """Heights, as a density, and edges of at most 50 bars, of what is not NaN."""
    there = ~np.isnan(x)
    x, weights = x[there].astype(float), None if weights is None else weights[there]
    low, high = x.min(), x.max()
    if low == high:  # a constant
        half = max(abs(low) * 1e-3, 1e-12)
        return np.array([0.5 / half]), np.array([low - half, low + half])
    edges = np.histogram_bin_edges(x[:MOST_POINTS], "auto")
    bins = min(max(len(edges) - 1, int(np.sqrt(len(x)))), 50)
    return np.histogram(x, bins, weights=weights, density=True)


def support(margin, limits):
    """Points of one feature that are close where a component is narrow."""
    near = np.linspace(-4, 4, 33)
    own = (margin.means + near * margin.deviations).ravel()
    x = np.concatenate([np.linspace(*limits, 200), own])
    return np.unique(x[(limits[0] <= x) & (x <= limits[1])])
