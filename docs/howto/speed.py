"""
Speed and threads
=================

What a fit costs, which kernels run, and how many cores it takes.
"""

import cyem

cyem.show_config()

# %%
# Kernels
# -------
#
# On x86-64 each kernel is built for plain x86-64, AVX2 and AVX-512, and the best that the processor has is chosen at
# import. ``CYEM_ISA=base``, ``v3`` or ``v4`` in the environment overrides, for comparison or for bits that are the same
# on different machines.
#
# Threads
# -------
#
# ``n_threads=None`` takes as many as the process may have, which is the least of its CPU affinity, the quota of its
# cgroup, ``OMP_NUM_THREADS``, and what ``threadpoolctl`` allows OpenMP. The result is the same to the last bit for any
# number:

import numpy as np

from cyem import GaussianMixture

rng = np.random.default_rng(0)
X = rng.normal(size=(20_000, 5)) + 4 * rng.integers(0, 2, (20_000, 1))
one, two = (GaussianMixture(4, n_threads=n, random_state=0, max_iter=30, tol=1e-3).fit(X) for n in (1, 2))
print((one.means_ == two.means_).all(), one.n_iter_ == two.n_iter_)

# %%
# :doc:`/how_it_works` says why. For all that is called in a block, and for a whole process:

with cyem.config_context(n_threads=1):
    GaussianMixture(2, random_state=0).fit(X)
cyem.set_config(n_threads=None)

# %%
# What an estimator is given goes first, then the block, then the process. A number that is given anywhere is taken as
# it is, also where it is more than the machine has.
#
# ================================================== ==================================================================
# Where                                              Threads of a fit with ``n_threads=None``
# ================================================== ==================================================================
# worker processes of joblib, ``GridSearchCV``       their share of the cores, or ``inner_max_num_threads``
# threads of joblib (``backend="threading"``)        all cores in each: give ``n_threads=1`` there
# ``threadpoolctl.threadpool_limits`` is set         that many, in the thread that has set it
# tasks of Dask in worker processes                  one: Dask sets ``OMP_NUM_THREADS``
# tasks of Dask in threads of this process           the cores by the number of tasks that a worker runs at a time
# fits of ``select`` and of bootstraps, ``n_jobs``   one; ``n_jobs=-1`` means as many at a time as there are threads
# a process forked from one that has used several    one, and a warning
# ================================================== ==================================================================
#
# Single precision
# ----------------
#
# float32 rows stay float32 in a pass, which is about 1.6 times as fast, and sums over rows are float64. Centred first,
# so that offsets cost no digits:

narrow = GaussianMixture(4, random_state=0, max_iter=30, tol=1e-3).fit(X.astype(np.float32) + 1000)
(np.sort(narrow.means_, axis=0) - np.sort(one.means_, axis=0)).round(2)[:2]

# %%
# What makes a fit faster
# -----------------------
#
# - Fewer candidates: ``select`` shares starts between its fits, which is much cheaper than a loop of fits.
# - A simpler structure: ``"diag"`` costs d per row and component, ``"full"`` d².
# - Rows that repeat: ``np.unique(X, axis=0, return_counts=True)`` and ``sample_weight``.
# - A looser ``tol``. 1e-6 is what is still to come per row; 1e-4 is enough to look around.
#
# Fits, scores and predictions of what size take how long: :doc:`/benchmarks`.
