"""From components to clusters: which components of a mixture describe one cluster together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..models.mixture import fitted, memberships
from ..rows import data
from ..rows.statistics import TINY
from ..show.fragments import printed
from ..show.frames import to_frame
from ..show.text import aligned

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike

    from ..models.gaussian import GaussianMixture
    from ..models.student import StudentMixture
    from ..rows.types import Floats, Integers, Rows

DOUBT = math.log(2)  # entropy of one sample that belongs to either of two clusters
CLEAR = 1 / 6  # entropy for each sample of two clusters up to which these are apart: that at three standard deviations


class Step(NamedTuple):
    """Two clusters become one. Clusters 0 to k - 1 are the components; k + s is what step s made."""

    pair: tuple[int, int]
    n_clusters: int  # after the step
    entropy: float  # after the step


class Merging:
    """The answer of `merge`: a hierarchy of clusters, from one for each component to a single one.

    Attributes
    ----------
    n_components : int
        The number of components k.
    steps : tuple of Step
        k - 1 of them: the `pair` of clusters merged, `n_clusters` and `entropy` after that. In a pair, 0 to k - 1 are
        components, and k + s is the cluster that step s made.
    entropies : ndarray of shape (k,)
        Entropy of the classification with k, k - 1, ..., 1 clusters, in nats, summed over the samples; the last is 0.
    heights : ndarray of shape (k - 1,)
        For a dendrogram: the entropy that is gone after each step. They ascend.
    linkage : ndarray of shape (k - 1, 4)
        The same as SciPy's `dendrogram` reads it: pair, height and number of components.
    suggestion : int or None
        The number of clusters at the elbow of the entropies. None for fewer than three components, and where these are
        so well apart that there is nothing to merge: no two of them have more than 1/6 nats of entropy between them for
        each of their samples, as equal normal clusters do that are three standard deviations apart, or all entropy is
        less than that of one sample between two clusters.
    """

    n_components: int
    steps: tuple[Step, ...]
    entropies: Floats
    heights: Floats
    suggestion: int | None

    def __init__(self, resp: Floats, steps: tuple[Step, ...], entropies: Floats, doubt: float) -> None:
        self._resp = resp
        self.n_components = resp.shape[1]
        self.steps = steps
        self.entropies = entropies
        self.heights = entropies[0] - entropies[1:]
        self.suggestion = elbow(entropies) if entropies[0] > DOUBT and doubt > CLEAR else None

    @property
    def linkage(self) -> Floats:
        sizes = [1] * self.n_components
        for step in self.steps:
            sizes.append(sizes[step.pair[0]] + sizes[step.pair[1]])
        rows = [(*step.pair, height, size) for step, height, size in
                zip(self.steps, self.heights, sizes[self.n_components :], strict=True)]
        return np.array(rows, float).reshape(-1, 4)

    def groups(self, n_clusters: int) -> tuple[tuple[int, ...], ...]:
        """The components of each cluster.

        Parameters
        ----------
        n_clusters : int
            From 1 to the number of components.

        Returns
        -------
        tuple of tuple of int
            Clusters in the order of their first components.

        Raises
        ------
        ValueError
            For a number of clusters that there is not.

        Examples
        --------
        >>> from cyem import GaussianMixture, merge
        >>> model = GaussianMixture.from_parameters([0.4, 0.3, 0.3], [[0.0], [1.0], [9.0]], [1.0] * 3, "spherical")
        >>> X, _ = model.sample(200, random_state=0)
        >>> clusters = merge(model, X)
        >>> clusters.groups(2)
        ((0, 1), (2,))
        """
        k = self.n_components
        if n_clusters not in range(1, k + 1):
            raise ValueError(f"n_clusters={n_clusters!r} must be from 1 to the number of components, {k}.")
        n_clusters = int(n_clusters)
        clusters = {j: (j,) for j in range(k)}
        for made, step in enumerate(self.steps[: k - n_clusters], k):
            clusters[made] = tuple(sorted(clusters.pop(step.pair[0]) + clusters.pop(step.pair[1])))
        return tuple(sorted(clusters.values()))

    def responsibilities(self, n_clusters: int) -> Floats:
        """The probability of each cluster given each sample: sums over its components.

        Parameters
        ----------
        n_clusters : int

        Returns
        -------
        ndarray of shape (n, n_clusters)

        Examples
        --------
        >>> from cyem import GaussianMixture, merge
        >>> model = GaussianMixture.from_parameters([0.4, 0.3, 0.3], [[0.0], [1.0], [9.0]], [1.0] * 3, "spherical")
        >>> X, _ = model.sample(200, random_state=0)
        >>> clusters = merge(model, X)
        >>> clusters.responsibilities(2).shape
        (200, 2)
        """
        return np.column_stack([self._resp[:, list(group)].sum(axis=1) for group in self.groups(n_clusters)])

    def labels(self, n_clusters: int) -> Integers:
        """The most probable cluster of each sample.

        Parameters
        ----------
        n_clusters : int

        Returns
        -------
        ndarray of int of shape (n,)

        Examples
        --------
        >>> from cyem import GaussianMixture, merge
        >>> model = GaussianMixture.from_parameters([0.4, 0.3, 0.3], [[0.0], [1.0], [9.0]], [1.0] * 3, "spherical")
        >>> X, _ = model.sample(200, random_state=0)
        >>> clusters = merge(model, X)
        >>> (clusters.labels(2) == (X[:, 0] > 5)).all().item()
        True
        """
        return self.responsibilities(n_clusters).argmax(axis=1)

    def _merged(self):
        """What each step merged, in words; nothing before the first."""
        yield ""
        for step in self.steps:
            before, after = (set(self.groups(n)) for n in (step.n_clusters + 1, step.n_clusters))
            yield " with ".join("{" + ", ".join(map(str, group)) + "}" for group in sorted(before - after))

    def to_frame(self) -> Any:
        """A row for each number of clusters, from the most on, as a data frame of pandas or Polars.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame

        Examples
        --------
        >>> from cyem import GaussianMixture, merge
        >>> model = GaussianMixture.from_parameters([0.4, 0.3, 0.3], [[0.0], [1.0], [9.0]], [1.0] * 3, "spherical")
        >>> X, _ = model.sample(200, random_state=0)
        >>> clusters = merge(model, X)
        >>> clusters.to_frame()["merged"].to_list()
        ['', '{0} with {1}', '{0, 1} with {2}']
        """
        clusters = range(self.n_components, 0, -1)
        return to_frame({
            "clusters": clusters, "entropy": self.entropies, "merged": self._merged(),
            "suggested": [n == self.suggestion for n in clusters],
        })

    def _cells(self):
        clusters = range(self.n_components, 0, -1)
        rows = zip(map(str, clusters), (f"{entropy:.3f}" for entropy in self.entropies), self._merged(), strict=True)
        return [("clusters", "entropy", "merged"), *rows]

    @property
    def _last(self):
        return [] if self.suggestion is None else [f"elbow of the entropy: {self.suggestion} clusters"]

    def _repr_html_(self):
        """The same as print shows, for notebooks."""
        return str(printed("Components merged into clusters", self._cells(), *self._last))

    def __str__(self) -> str:
        return "\n".join([*aligned(self._cells()), *self._last])

    __repr__ = __str__


def merge(
    model: GaussianMixture | StudentMixture,
    X: Rows,
    *,
    sample_weight: ArrayLike | None = None,
    noise: ArrayLike | None = None,
) -> Merging:
    """Merge components of a fitted mixture into clusters, two at a time, where that loses the most entropy.

    A mixture may need several components for one cluster that is not Gaussian. This keeps its density, and asks which
    components are hard to tell apart: the entropy of the classification, -sum_i sum_j t_ij log t_ij over samples and
    clusters, falls most when they become one.

    Parameters
    ----------
    model : GaussianMixture or StudentMixture
        Fitted. BIC chooses its number of components well for the density.
    X : array-like of shape (n, d)
        Samples.
    sample_weight : array-like of shape (n,), optional
        How often each sample counts in the entropy.
    noise : array-like of shape (n, d) or (n, d, d), optional
        Errors of measurement, as `fit` takes them.

    Returns
    -------
    Merging
        `labels(n_clusters)`, `responsibilities(n_clusters)`, `steps`, `heights`, `suggestion`.

    Raises
    ------
    TypeError, ValueError
        For bad X or weights, or a model that is not fitted.

    See Also
    --------
    select : Its `verdict` says which components make up a group.
    stability : Whether clusters come back in resampled data.
    cyem.plotting.MergingDisplay : A picture of the answer.

    References
    ----------
    Baudry, Raftery, Celeux, Lo & Gottardo, "Combining mixture components for clustering", JCGS 19 (2010), section 3;
    the elbow, from two straight lines, is that of section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import GaussianMixture, merge
    >>> rng = np.random.default_rng(0)
    >>> bent = np.concatenate([rng.normal([0, 0], [2, 0.3], (200, 2)), rng.normal([2, 2], [0.3, 2], (200, 2))])
    >>> X = np.concatenate([bent, rng.normal([-9, 9], 1, (100, 2))])
    >>> clusters = merge(GaussianMixture(3, random_state=0).fit(X), X)
    >>> np.bincount(clusters.labels(2)).tolist() in ([400, 100], [100, 400])
    True
    """
    resp = memberships(fitted(model), X, noise)
    weights = data.weights(sample_weight, len(resp))
    weights = np.ones(len(resp)) if weights is None else weights
    k = resp.shape[1]

    def content(t):
        """sum_i w_i t_i log t_i, at most zero."""
        # no product of vectors: its last bits depend on the threads of BLAS
        return float((weights * t * np.log(np.where(t > 0, t, 1))).sum())

    clusters = {j: (resp[:, j], content(resp[:, j])) for j in range(k)}
    gains = {(i, j): _gain(clusters, i, j, content) for j in range(k) for i in range(j)}
    masses = [max(float((weights * t).sum()), TINY) for t, _ in clusters.values()]
    doubt = max((gain / (masses[i] + masses[j]) for (i, j), gain in gains.items()), default=0.0)
    entropies, steps = [sum(-own for _, own in clusters.values())], []
    for made in range(k, 2 * k - 1):
        i, j = max(gains, key=gains.get)
        t = clusters.pop(i)[0] + clusters.pop(j)[0]
        gains = {pair: gain for pair, gain in gains.items() if not {i, j} & set(pair)}
        clusters[made] = t, content(t)
        gains |= {(i, made): _gain(clusters, i, made, content) for i in clusters if i != made}
        left = sum(-own for _, own in clusters.values()) if len(clusters) > 1 else 0.0
        steps.append(Step((i, j), len(clusters), left))
        entropies.append(left)
    return Merging(resp, tuple(steps), np.minimum.accumulate(entropies), doubt)


def _gain(clusters, i, j, content):
    """The entropy that is lost where clusters i and j become one."""
    (a, own_a), (b, own_b) = clusters[i], clusters[j]
    return content(a + b) - own_a - own_b


def elbow(entropies):
    """The number of clusters where two straight lines that meet there fit the entropies best; None for fewer than 3.

    entropies (k,): with k, k - 1, ..., 1 clusters.
    """
    k = len(entropies)
    if k < 3:
        return None
    numbers = np.arange(k, 0, -1)

    def misfit(x, y):
        line = np.polynomial.Polynomial.fit(x, y, 1)
        return ((y - line(x)) ** 2).sum()

    def total(at):
        return sum(misfit(numbers[part], entropies[part]) for part in (slice(at + 1), slice(at, None)))

    return int(numbers[min(range(1, k - 1), key=total)])
