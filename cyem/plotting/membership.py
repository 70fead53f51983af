"""Which samples belong where, and how surely: uncertainty, responsibilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import PercentFormatter

from ..models.estimator import observed
from ..models.mixture import fitted
from ..rows import data
from ..show.text import plural
from . import geometry, style
from .display import Panel, Panels, display

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import ArrayLike, NDArray

    from ..models.gaussian import GaussianMixture
    from ..models.student import StudentMixture
    from ..rows.types import Features, Floats, Reals

MOST_POINTS = 4000
TINY = np.finfo(np.float64).tiny
CLASSES = ((0.05, "below 5 %", 0.22), (0.25, "5 to 25 %", 0.5), (1.01, "above 25 %", 0.9))  # upper end, name, shade
MOST_COLUMNS = 600  # of the heat map; each is the mean of its samples


@display
class UncertaintyDisplay(Panels):
    """Which samples could as well belong to another component, and how many of each component.

    Uncertainty is 1 less the largest responsibility. On the left samples in two features, the larger and darker the
    less certain (of one feature: the uncertainty over it); on the right the share of samples of each component that is
    sure, or not.

    Parameters
    ----------
    points : ndarray of shape (m, 2) or (m, 1)
        Samples to draw.
    uncertainty : ndarray of shape (m,)
        Theirs.
    shares : ndarray of shape (k, 3) or (k + 1, 3)
        Shares of the samples of each component, and in the end of a background, with an uncertainty below 5 %, of 5 to
        25 %, and above.
    components : Components
        Weights, means, covariance matrices and names of the features shown.
    curve : tuple of two ndarray of shape (r,), optional
        Of one feature, points and the uncertainty there.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (2,)
    figure_ : matplotlib Figure

    See Also
    --------
    ResponsibilitiesDisplay : All responsibilities, sample by sample.
    cyem.GaussianMixture.uncertainty : Makes what is drawn.
    """

    points: Reals
    uncertainty: Reals
    shares: Floats
    components: geometry.Components
    curve: tuple[Reals, Reals] | None = None

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
        """Draw the uncertainty of a classification.

        Parameters
        ----------
        model : GaussianMixture
        X : array-like of shape (n, d)
            Samples. Of more than 4000 a random part is drawn as points; the shares are of all. Where values are
            missing, points are the samples of which both features were observed.
        features : sequence of two int or str, default=None
            The features of the map; None: the two in whose plane the components overlap least.
        sample_weight : array-like of shape (n,), default=None
            Weights in the shares.
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        UncertaintyDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> from cyem.plotting import UncertaintyDisplay
        >>> X = np.random.default_rng(0).normal(size=(200, 2)) + 3 * np.eye(2)[np.arange(200) % 2]
        >>> display = UncertaintyDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X)
        >>> display.shares.shape
        (2, 3)
        """
        components = geometry.Components.of(model)
        resp = model.predict_proba(X).astype(np.float64)
        X, _ = observed(model, X)
        data.columns_without_values(X, components.names)
        weights = data.weights(sample_weight, len(X))
        shown = geometry.chosen(features, components, 2)
        if len(shown) > 2:
            raise ValueError(f"features={features!r} are {len(shown)}: give two, or one, for the map")
        labels, uncertainty = resp.argmax(axis=1), 1 - resp.max(axis=1)
        bounds = [0, *(upper for upper, _, _ in CLASSES)]
        counts = np.histogram2d(labels, uncertainty, [np.arange(resp.shape[1] + 1), bounds], weights=weights)[0]
        rows = geometry.some(len(X), MOST_POINTS)
        components = components.marginal(shown)
        curve = None
        if X.shape[1] == 1:
            x = np.linspace(np.fmin.reduce(X[:, 0]), np.fmax.reduce(X[:, 0]), 1000)
            curve = x, 1 - model.predict_proba(x[:, None]).max(axis=1)
        return cls(
            points=X[np.ix_(rows, shown)],
            uncertainty=uncertainty[rows],
            shares=counts / np.maximum(counts.sum(axis=1, keepdims=True), TINY),
            components=components,
            curve=curve,
        ).plot(ax)

    @property
    def _size(self):
        return 9, max(4.2, 1.5 + 0.22 * len(self.shares))

    def _split(self, place):
        return place.subplots(1, 2, width_ratios=(3, 2))

    def _draw(self, place, look):
        k = len(self.components.means)
        for panel in self.axes_:
            style.frame(panel)
        left, right = self.axes_
        left.set_xlabel(self.components.names[0], parse_math=False)
        if self.points.shape[1] == 2:
            self._map(left, look)
        else:
            self._profile(left, look)
        self._bars(right, look)
        if self.points.shape[1] == 2 and k > 1:
            style.settle(self.figure_)
            numbers = [str(j) for j in range(k)]
            style.label_points(left, look, self.components.means, numbers, [look.colour(j) for j in range(k)])

    def _map(self, ax, look):
        order = np.argsort(self.uncertainty, kind="stable")  # the doubtful ones on top
        x, y = geometry.jittered(self.points)[order].T
        doubt = self.uncertainty[order]
        for (upper, _, shade), lower in zip(CLASSES, (-1, *(c[0] for c in CLASSES)), strict=False):
            part = (lower <= doubt) & (doubt < upper)
            ax.scatter(x[part], y[part], s=5 + 30 * doubt[part], color=look.shade(shade), linewidths=0, rasterized=True,
                       zorder=1 + shade)
        style.ellipses(ax, look, self.components)
        ax.set_ylabel(self.components.names[1], parse_math=False)
        both = self.points[~np.isnan(self.points).any(axis=1)]
        if len(both):
            windows = np.array([geometry.window(values) for values in both.T])
            limits = geometry.limits(self.components, windows)
            ax.set(xlim=limits[0], ylim=limits[1])
            outside = ((both < windows[:, 0]) | (both > windows[:, 1])).any(axis=1).sum()
            if outside:
                ax.set_title(f"{plural('sample', int(outside))} outside of the panel", fontsize="medium", loc="left")

    def _profile(self, ax, look):
        if self.curve is not None:
            ax.fill_between(*self.curve, color=look.shade(0.25), lw=0)
        ax.plot(self.points[:, 0], self.uncertainty, "|", color=look.ink, ms=5, mew=0.6, zorder=3)
        ax.set_ylim(0, max(0.5, 1.05 * self.uncertainty.max()))
        ax.set_ylabel("uncertainty")

    def _bars(self, ax, look):
        k = len(self.shares)
        left = np.zeros(k)
        for (_, name, shade), width in zip(CLASSES, self.shares.T, strict=True):
            ax.barh(np.arange(k), width, left=left, height=0.7, color=look.shade(shade), label=name)
            left += width
        ax.set_yticks(np.arange(k), numbers(k, self.components.background is not None))
        ax.set_ylim(max(k, 5) - 0.5, -0.5)
        ax.set_xlim(0, 1)
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        ax.set_xlabel("share of the samples of a component")
        ax.set_ylabel("component")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False, fontsize=style.SMALL,
                  title="uncertainty", title_fontsize=style.SMALL, handlelength=1, columnspacing=1)


@display
class ResponsibilitiesDisplay(Panel):
    """The responsibilities as a heat map: samples from left to right, components from top to bottom.

    Samples are sorted by their most probable component, and within it by how probable that is. Of more than 600, each
    column is the mean of a few neighbours.

    Parameters
    ----------
    responsibilities : ndarray of shape (m, k) or (m, k + 1)
        Sorted, and averaged over neighbours.
    ends : ndarray of shape (k,) or (k + 1,)
        How many samples come before the end of each component.
    background : bool
        Whether the last column is of the background.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    UncertaintyDisplay : The same in the plane of two features.
    cyem.GaussianMixture.predict_proba : Makes what is drawn.
    """

    responsibilities: Reals
    ends: NDArray[Any]
    background: bool = False

    @classmethod
    def from_estimator(
        cls, model: GaussianMixture | StudentMixture, X: ArrayLike, *, ax: style.Place | None = None
    ) -> Self:
        """Draw the responsibilities of a fitted mixture.

        Parameters
        ----------
        model : GaussianMixture
        X : array-like of shape (n, d)
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        ResponsibilitiesDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> from cyem.plotting import ResponsibilitiesDisplay
        >>> X = np.random.default_rng(0).normal(size=(200, 2)) + 3 * np.eye(2)[np.arange(200) % 2]
        >>> display = ResponsibilitiesDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X)
        >>> display.responsibilities.shape
        (200, 2)
        """
        resp = fitted(model).predict_proba(X).astype(np.float64)
        labels = resp.argmax(axis=1)
        resp = resp[np.lexsort((-resp.max(axis=1), labels))]
        bounds = np.unique(np.linspace(0, len(resp), MOST_COLUMNS + 1).astype(int))
        means = np.add.reduceat(resp, bounds[:-1]) / np.diff(bounds)[:, None]
        ends = np.bincount(labels, minlength=resp.shape[1]).cumsum()
        return cls(responsibilities=means, ends=ends, background=resp.shape[1] > len(model.means_)).plot(ax)

    @property
    def _size(self):
        return 8, 1.6 + 0.24 * max(len(self.ends), 4)

    def _draw(self, ax, look):
        k, n = len(self.ends), self.ends[-1]
        ax.grid(False)
        edges = np.linspace(0, n, len(self.responsibilities) + 1), np.arange(k + 1) - 0.5
        image = ax.pcolormesh(*edges, self.responsibilities.T, cmap="cividis", vmin=0, vmax=1, rasterized=True)
        ax.invert_yaxis()
        ax.hlines(np.arange(k - 1) + 0.5, 0, n, color=look.paper, lw=1)
        ax.set_yticks(np.arange(k), numbers(k, self.background))
        ax.set_xlabel("samples, sorted by component")
        ax.set_ylabel("component")
        ax.figure.colorbar(image, ax=ax, label="responsibility", pad=0.02)


def numbers(rows, background):
    """Names of rows, of which the last one may be of the background."""
    names = [str(j) for j in range(rows)]
    return [*names[:-1], "none"] if background else names
