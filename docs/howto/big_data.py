"""
Fit more rows than memory holds
===============================

Sums over rows add, so rows may stay where they are: each pass of a fit reads them again, and memory holds a few blocks.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cyem import GaussianMixture, scan, select

# %%
# A file as X
# -----------
#
# A path takes the place of the array: ``.npy``, Parquet or Arrow files, or a folder of these. This one is small, so
# that the page is built in a moment; a terabyte is typed the same.

rng = np.random.default_rng(0)
X = rng.normal(size=(200_000, 4)) + 6 * rng.integers(0, 3, (200_000, 1))
folder = TemporaryDirectory()
path = Path(folder.name, "rows.npy")
np.save(path, X)

model = GaussianMixture(3, random_state=0).fit(path)
print(f"score of the file {model.score(path):.6f}, of the array {model.score(X):.6f}")
print("labels in memory:", model.predict(path).shape)

# %%
# Anything that can be read again
# -------------------------------
#
# A function without arguments that returns an iterator over chunks, of ``X`` or of ``(X, weights)``. It is called
# once for each pass.


def chunks():
    """A month of rows at a time, from a data base, say."""
    yield from np.array_split(X, 12)


again = GaussianMixture(3, random_state=0).fit(scan(chunks, memory=0))
print("the same bits:", (again.means_ == GaussianMixture(3, random_state=0).fit(scan(path, memory=0)).means_).all())

# %%
# However a source cuts its rows, they are added up in blocks of one size. :func:`~cyem.scan` chooses columns by name,
# the column that has the weights, and up to how many bytes are taken into memory at once, where fits go faster.
# ``pyarrow`` data sets, relations of DuckDB and whatever speaks Arrow are sources as well
# (``pip install '.[files]'``).
#
# Choose a model
# --------------

print(select(scan(path, memory=0), range(1, 5), ["full", "tied"], random_state=0).choice)

# %%
# A sample is enough to look around
# ---------------------------------
#
# Which number of components, and is anything odd? A random part answers sooner, and with everything that asks for
# arrays: ``examine``, pictures, labels. Then fit the whole from there:

part = X[rng.choice(len(X), 5000, replace=False)]
choice = select(part, range(1, 6), random_state=0)
best = choice.best_
whole = GaussianMixture(best.n_components, covariance_type=best.covariance_type, means_init=best.means_).fit(path)
print(choice.choice, f"\nscore of the whole {whole.score(path):.6f}")

# %%
# Rows that come once and are gone: :doc:`streams`. Rows on many machines: :doc:`cluster`. What it costs: :doc:`/scale`.
