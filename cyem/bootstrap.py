"""Is it real? What happens to a mixture, and to its clusters, when the data are drawn again."""

import numpy as np

from .selection import aligned

DISSOLVED = 0.5  # a Jaccard coefficient at or below which a cluster is gone (Hennig 2007)


class Stability:
    """The answer of `stability`: how far clusters come back when the mixture is fitted to resampled data.

    Attributes
    ----------
    ari : ndarray of shape (B,)
        Adjusted Rand index between the clusters of the model and those of each refit.
    jaccard : ndarray of shape (B, k)
        For each component, the Jaccard coefficient of its cluster with the most similar cluster of each refit.
    sizes : ndarray of shape (k,)
        Weight of the samples in each cluster of the model.
    """

    def __init__(self, ari, jaccard, sizes):
        self.ari = ari
        self.jaccard = jaccard
        self.sizes = sizes

    @property
    def dissolved(self):
        """Share of the refits in which each cluster is gone (k,): its Jaccard coefficient is at most 0.5."""
        return (self.jaccard <= DISSOLVED).mean(axis=0)

    def __str__(self):
        table = [("component", "size", "mean Jaccard", "5 %", "dissolved")]
        for j, size in enumerate(self.sizes):
            low = np.quantile(self.jaccard[:, j], 0.05)
            table.append((str(j), f"{size:g}", f"{self.jaccard[:, j].mean():.3f}", f"{low:.3f}",
                          f"{100 * self.dissolved[j]:.0f} %"))
        low, middle = np.quantile(self.ari, [0.05, 0.5])
        last = f"adjusted Rand index of {len(self.ari)} refits: median {middle:.3f}, 5 % {low:.3f}"
        return "\n".join([*aligned(table), last])

    __repr__ = __str__
