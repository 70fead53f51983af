"""
Fit rows on a cluster
=====================

A Dask array or dataframe stays on the workers: parameters go out, sums come back.
"""

import dask.array as da
import numpy as np
from distributed import Client

from cyem import GaussianMixture

client = Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None)  # here: two threads

rng = np.random.default_rng(0)
X = rng.normal(size=(100_000, 3)) + 6 * rng.integers(0, 2, (100_000, 1))
rows = da.from_array(X, chunks=(10_000, 3))

model = GaussianMixture(2, random_state=0).fit(rows)
print(np.sort(model.means_, axis=0).round(2).tolist())

# %%
# Sums are added in the order of the partitions, so that the result does not depend on which worker was faster. Should a
# worker die, its partitions are computed again. Predictions are lazy arrays:

labels = model.predict(rows)
print(labels, np.bincount(labels.compute()))

# %%
client.close()

# %%
# ``pip install '.[dask]'`` brings what it needs.
#
# Other clusters
# --------------
# Whatever can have a function called where the rows are, and returns what came of it, holds rows for a fit by
# :func:`cyem.elsewhere`; here a pool of threads stands for it:

from concurrent.futures import ThreadPoolExecutor

from cyem import elsewhere

parts = np.split(X, 10)  # each of which is where it is
pool = ThreadPoolExecutor(2)
rows = elsewhere(lambda function: pool.map(function, range(10), parts))

again = GaussianMixture(2, random_state=0).fit(rows)
print(abs(again.score(rows) - model.score(X)))

# %%
# Actors of Ray hold the parts:
#
# .. literalinclude:: ../../../examples/cluster/on_ray.py
#
# Partitions of a data frame of Spark are the parts:
#
# .. literalinclude:: ../../../examples/cluster/on_spark.py
#
# With MPI each process holds one, and all make the same fit:
#
# .. literalinclude:: ../../../examples/cluster/by_mpi.py
#
# How far it goes: :doc:`/scale`.
