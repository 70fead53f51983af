"""
Learn from a stream
===================

Rows that come once and are not kept: ``partial_fit`` learns from each batch, in memory that does not grow.
"""

import numpy as np

from cyem import GaussianMixture

rng = np.random.default_rng(0)


def batch(n, drift=0.0):
    """Rows of two groups, of which one may move."""
    group = rng.integers(0, 2, n)
    return rng.normal(size=(n, 2)) + np.array([[0.0, 0.0], [8.0 + drift, 8.0]])[group]


# %%
model = GaussianMixture(2, random_state=0)
for _ in range(50):
    model.partial_fit(batch(1000))
print(model.n_samples_seen_, model.means_.round(2).tolist())

# %%
# The first rows are gathered and fitted as by ``fit``, starts and moves included; from then on each batch is one
# E-step, whose sums go into a running average (stepwise EM). ``lower_bound_`` is the running average of what batches
# scored *before* they were learned: an honest measure.
#
# Streams that drift
# ------------------
#
# ``forget`` is the number of rows after which what a row counts is halved:

steady = GaussianMixture(2, random_state=0)
nimble = GaussianMixture(2, forget=5000, random_state=0)
for step in range(100):
    rows = batch(1000, drift=step / 20)
    steady.partial_fit(rows)
    nimble.partial_fit(rows)
for name, model in [("steady", steady), ("forget", nimble)]:
    print(name, "the group that moved, now at 12.95, is seen at", model.means_[:, 0].max().round(2))

# %%
# Long fits that may be killed
# ----------------------------
#
# A fit that takes long writes down where it is, here every 30 seconds. Killed and started again with the same data and
# parameters it goes on from there, and ends in the same bits.

from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    path = Path(folder, "long.checkpoint")
    GaussianMixture(2, n_init=5, random_state=0).fit(batch(5000), checkpoint=path, checkpoint_every=30)

# %%
# What to mind
# ------------
#
# - Order matters: rows that come sorted are to be shuffled.
# - After ``fit``, ``from_parameters`` or :func:`~cyem.load` it goes on from the mixture there is.
# - A pickle keeps the stream; a saved model keeps the mixture, without the running average.
#
# Where rows can be read again, fit them all: :doc:`big_data`.
