"""Which components make up a cluster: the tree of merges, and its entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..inference.merging import DOUBT
from . import style
from .display import Panels, display, expect

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike

    from ..inference.merging import Merging


@display
class MergingDisplay(Panels):
    """The merging of components into clusters: a tree, step by step, and beside it the entropy that is left.

    Where the entropy bends, further merging joins clusters that are apart; a line cuts the tree there.

    Parameters
    ----------
    pairs : list of tuple of int
        What each step merged: 0 to k - 1 are components, k + s is what step s made.
    entropies : ndarray of shape (k,)
        Entropy of the classification with k, k - 1, ..., 1 clusters.
    suggestion : int or None
        Number of clusters at the elbow.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (2,)
    figure_ : matplotlib Figure

    See Also
    --------
    cyem.merge : Makes what is drawn.
    """

    pairs: list[tuple[int, int]]
    entropies: ArrayLike
    suggestion: int | None = None

    @classmethod
    def from_merging(cls, merging: Merging, *, ax: style.Place | None = None) -> Self:
        """Draw the answer of `cyem.merge`.

        Parameters
        ----------
        merging : Merging
            With `steps`, `entropies` and `suggestion`.
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        MergingDisplay

        Examples
        --------
        >>> from cyem.plotting import MergingDisplay
        >>> display = MergingDisplay(pairs=[(0, 2), (1, 3)], entropies=[9.0, 1.0, 0.0], suggestion=2).plot()
        >>> [label.get_text() for label in display.axes_[0].get_xticklabels()]
        ['1', '0', '2']
        """
        expect(merging, "merging", "cyem.merge", "steps", "entropies", "suggestion")
        pairs = [step.pair for step in merging.steps]
        return cls(pairs=pairs, entropies=np.asarray(merging.entropies), suggestion=merging.suggestion).plot(ax)

    @property
    def _size(self):
        return 8, 2 + 0.2 * max(len(self.entropies), 5)

    def _split(self, place):
        return place.subplots(1, 2, width_ratios=(3, 2), sharey=True)

    def _draw(self, place, look):
        k = len(self.entropies)
        tree, entropy = self.axes_
        self._tree(tree, look)
        entropy.plot(self.entropies, np.arange(k), "o-", color=look.colour(0), ms=5)
        entropy.set_xlabel("entropy left (nats)")
        most = max(self.entropies[0], DOUBT)  # what is less is nothing, and looks so
        entropy.set_xlim(-0.05 * most, 1.05 * most)
        tree.set_yticks(np.arange(k), [str(k - step) for step in range(k)])
        tree.set_ylim(-0.3, k - 0.7 + 0.4)
        tree.set_ylabel("number of clusters")
        for panel in self.axes_:
            style.frame(panel)
            if self.suggestion is not None:
                panel.axhline(k - self.suggestion + 0.5, color=look.muted, lw=1, ls=(0, (4, 3)), zorder=0)
        if self.suggestion is not None:
            tree.set_title(f"dashes: the entropy bends at {self.suggestion} clusters", fontsize="medium", loc="left")

    def _tree(self, ax, look):
        k = len(self.entropies)
        order = leaves(self.pairs, k)
        place = {leaf: (x, 0) for x, leaf in enumerate(order)}
        for step, pair in enumerate(self.pairs):
            (x0, y0), (x1, y1) = place[pair[0]], place[pair[1]]
            y = step + 1
            ax.plot([x0, x0, x1, x1], [y0, y, y, y1], color=look.ink, lw=1.5)
            place[k + step] = (x0 + x1) / 2, y
        ax.plot(np.arange(k), np.zeros(k), "o", color=look.ink, ms=4, clip_on=False)
        ax.set_xticks(np.arange(k), [str(leaf) for leaf in order])
        ax.set_xlim(-0.5, k - 0.5)
        ax.set_xlabel("component")


def leaves(pairs, k):
    """The components in an order in which no lines of the tree cross."""
    groups = {j: [j] for j in range(k)}
    for step, (a, b) in enumerate(pairs):
        groups[k + step] = groups.pop(a) + groups.pop(b)
    return [leaf for group in groups.values() for leaf in group]
