"""What a pass can leave out: pairs of a tile of samples and a component that no responsibility connects.

The samples of a tile are close to each other once the rows are taken in an order that follows the components. How near
a component comes to a tile is known from the last pass in which the two were evaluated, and how far it can have come
since from the change of its parameters (as in Elkan's k-means, 2003, with distances of Mahalanobis): a lower bound on
the distance is an upper bound on the density. What is left out would have had a responsibility of exactly zero.

All decisions are made from counts, so that they are the same on every machine.
"""

import numpy as np

from ..kernels import sweep as kernel

WORTH = 0.35  # share of pairs with any responsibility above which there is nothing to gain
HOPELESS = 0.7  # share of pairs that a pruned pass evaluates above which it gains nothing
FEW = 16  # components below which bounds cost more than they save
SMALL = 64  # tiles below which many iterations in one call save more than bounds would
CALM = 0.8  # of that share in the pass before: it has settled, so that an order of the rows will last
PATIENCE = 2  # passes in a row that have to say the same
REFRESH = 25  # pruned passes after which the rows are ordered anew
CHUNK = 1 << 20  # rows that are ordered together


def enough(n, k):
    """Whether there are components and tiles enough for bounds to save more than they cost."""
    return k >= FEW and kernel.tiles(n) >= SMALL


class Pruner:
    """Begins to leave pairs out where most have no responsibility, and stops where that does not pay."""

    def __init__(self):
        self.bounds = None
        self.owned = 1.0  # share of pairs with any responsibility in the last pass
        self.signs = 0  # passes in a row that were a reason to change
        self.hopeless = False

    def known(self, density):
        """The bounds for a pass with this density; None if it shall leave nothing out."""
        return self.bounds if self.bounds is not None and self.bounds.suit(density) else None

    def tell(self, samples, density, pairs):
        """After a pass: how many pairs it evaluated, and how many have any responsibility."""
        n, k = len(samples.X), len(density.means)
        if self.hopeless or not enough(n, k):
            return
        evaluated, before, self.owned = pairs[0] / (n * k), self.owned, pairs[1] / (n * k)
        if self.bounds is None:
            self.signs = self.signs + 1 if CALM * before < self.owned < WORTH else 0
            if self.signs == PATIENCE:
                self.signs = 0
                self.bounds = Bounds(samples, density)
        elif self.bounds.age > 1:
            self.signs = self.signs + 1 if evaluated > HOPELESS else 0
            if self.signs == PATIENCE:
                self.bounds, self.hopeless = None, True
            elif self.bounds.age == REFRESH:
                self.bounds = Bounds(samples, density)


class Bounds:
    """An order of the rows, and how near each component can be to each tile of them.

    Attributes
    ----------
    order : ndarray of int of shape (n,)
    nearest : ndarray of float32 of shape (tiles, k)
        Distances from the components of `density` that no sample of the tile comes below; the kernel refreshes them.
    density : Density
    age : int
        Passes since the rows were ordered.
    """

    def __init__(self, samples, density):
        n, k = len(samples.X), len(density.means)
        place = np.empty(k, np.uint16 if k < 2**16 else np.intp)
        place[neighbours(density.means)] = np.arange(k)
        self.order = np.empty(n, np.intp)
        for begin in range(0, n, CHUNK):
            rows = slice(begin, begin + CHUNK)
            self.order[rows] = begin + np.argsort(place[samples.part(rows).labels(density)], kind="stable")
        self.nearest = np.zeros((kernel.tiles(n), k), np.float32)
        self.density = density
        self.age = 0

    def suit(self, density):
        """Whether these are bounds for components of this kind and number."""
        return density.kind == self.density.kind and density.means.shape == self.density.means.shape

    def follow(self, density):
        """How distances change from the components so far to these: scaled by at least [0], moved by [1] at most.

        With W = U', distances are norms of y = W (x - mean). As y_new = W_new W_old^-1 y - W_new (mean_new - mean_old),
        a distance is at least s |y| - |W_new (mean_new - mean_old)|, where s, the least singular value of the product,
        is at least 1 - |W_new W_old^-1 - 1|, in the norm of Frobenius.
        """
        old, self.density = self.density, density
        self.age += 1
        moved = density.means - old.means
        if density.kind in ("diagonal", "spherical"):
            scale = (density.factors / old.factors).min(axis=(1, 2))
            shift = (moved * density.factors[:, 0]) ** 2
        else:
            change = np.linalg.solve(old.factors, density.factors) - np.eye(density.means.shape[1])  # transposed
            scale = np.broadcast_to(1 - np.sqrt((change**2).sum(axis=(1, 2))), len(moved))
            shift = np.matmul(moved[:, None, :], density.factors)[:, 0] ** 2
        return np.array([np.maximum(scale, 0), np.sqrt(shift.sum(axis=1))])


def neighbours(means):
    """The components (k, d) in an order in which close ones follow each other: by halves, along what is widest."""
    if len(means) <= 2:
        return np.arange(len(means))
    rank = np.argsort(means[:, np.argmax(means.var(axis=0))], kind="stable")
    return np.concatenate([half[neighbours(means[half])] for half in np.array_split(rank, 2)])
