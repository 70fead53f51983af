"""Rows of a Dask collection: partitions stay on their workers, parameters go out, and sums come back."""

from contextlib import contextmanager
from functools import partial

import numpy as np

from . import data
from .blockwise import Blockwise, evaluated
from .parts import Parts, call, ready
from .scan import First, Scan
from .sources import Function

LOST = "The scheduler, or what it had of the rows, is gone: {}. The model is as it was; fit again on another cluster."


def partitioned(X):
    """The rows of a Dask array or dataframe.

    With a client of `distributed` in this process, its workers hold the partitions. Without one the partitions are
    computed here, one after the other, each time that a pass needs them.
    """
    parts = delayed(X)
    client = here()
    if client is None:
        return Scan(Function(lambda: (part.compute() for part in parts)))
    return Partitions(X, parts, client)


def here():
    """The client of this process, or None."""
    try:
        from distributed import default_client
    except ImportError:
        return None
    try:
        return default_client()
    except ValueError:
        return None


def delayed(X):
    """The partitions of a collection, in their order, each with all columns."""
    if hasattr(X, "to_delayed") and hasattr(X, "npartitions") and not hasattr(X, "rechunk"):
        return list(X.to_delayed())
    if not hasattr(X, "rechunk"):
        raise TypeError(f"X is a {type(X).__name__} of Dask: give a Dask array or dataframe.")
    if X.ndim > 2 or X.ndim == 0:
        raise ValueError(f"Expected a 2D array (samples x features), but X is a Dask array with {X.ndim} dimensions.")
    return list((X.rechunk({1: -1}) if X.ndim == 2 else X).to_delayed().ravel())


class Partitions(Parts):
    """Rows that workers of a cluster hold.

    Each partition is computed once, and checked where it is; should a worker die that has it, the scheduler computes it
    again. Sums are added here in the order of the partitions.
    """

    where, instead = "on the workers of a cluster", ""

    def __init__(self, collection, parts, client):
        super().__init__()
        self.collection, self.parts, self.client, self.count = collection, parts, client, len(parts)
        self._futures = None

    @property
    def first(self):
        X = self.collection
        names = data.feature_names(X)
        types = set(X.dtypes) if hasattr(X, "dtypes") else {X.dtype}
        width = len(X.columns) if hasattr(X, "columns") else X.shape[1] if X.ndim == 2 else 1
        return First(names, width, np.dtype(np.float32 if types == {np.dtype(np.float32)} else np.float64), False)

    @property
    def futures(self):
        """Matrix and weights of each partition, held by workers."""
        if self._futures is None:
            client, given, n = self.client, self.sample_weight, len(self.parts)
            weights = client.compute(given) if isinstance(given, list) else [given] * n
            self._futures = client.map(partial(ready, self.first, self._dtype), range(n), client.compute(self.parts),
                                       weights, pure=False)
        return self._futures

    def batches(self):
        """Raises TypeError: rows of a stream come one after the other."""
        raise TypeError("X is a Dask collection, and partial_fit learns from rows in their order, here: call it with "
                        "part.compute() for each part of X.partitions, of an array X.blocks; or fit(X), which has the "
                        "sums taken where the rows are.")

    def _results(self, function, own):
        """What a function of a partition, and of something of its own, gives, in the order of partitions.

        The function goes out once, as a task of its own, which the scheduler can run again as all others.
        """
        n, client = len(self.parts), self.client
        with reachable(client):
            shared = client.submit(same, function, pure=False)
            tasks = client.map(call, [shared] * n, self.futures, own, [i == self._lead for i in range(n)], pure=False)
            try:
                return client.gather(tasks)
            except BaseException:
                client.cancel(tasks)  # for what nobody waits any more
                raise

    def weighted(self, sample_weight):
        if hasattr(type(sample_weight), "__dask_graph__"):
            weights = delayed(sample_weight)
            if len(weights) != len(self.parts):
                raise ValueError(f"sample_weight has {len(weights)} partitions, and X has {len(self.parts)}: give "
                                 "partitions that match, with a weight for each row.")
            return self._weighted(weights)
        if np.ndim(sample_weight):
            raise ValueError("sample_weight is an array, and X a Dask collection: give weights in partitions that "
                             "match, such as dask.array.from_array(sample_weight, chunks=X.chunks[0]).")
        return super().weighted(sample_weight)

    def _weighted(self, sample_weight):
        return super()._weighted(sample_weight)._copy(_futures=None)

    def double(self):
        """The same rows in double precision."""
        return super().double()._copy(_futures=None)

    def rows(self, frame, n_threads):
        """Passes over them: workers have threads for several partitions at a time, and take one for each."""
        return super().rows(frame, 1)

    def blockwise(self, seen_by):
        """What evaluates the rows, from a function that gives what evaluates some of them in memory."""
        return Lazy(seen_by, self.collection)


class Lazy(Blockwise):
    """Evaluates the rows of a Dask collection: what is said of each row is a Dask array, computed where it is asked."""

    def __init__(self, seen_by, collection):
        super().__init__(seen_by)
        self.collection = collection

    def _each(self, rows, verb, n_threads):
        import dask
        import dask.array

        dtype = {"labels": np.dtype(np.intp), "log_densities": np.dtype(np.float64)}.get(verb, rows.dtype)
        sizes = getattr(self.collection, "chunks", ((np.nan,) * len(rows.parts),))[0]
        one = self.seen_by(np.zeros((1, rows.width), rows.dtype))
        width = (len(one.density.means),) if verb == "responsibilities" else ()
        function = dask.delayed(partial(said, self.seen_by, verb, width, dtype), pure=False)
        blocks = [dask.array.from_delayed(function(part), (size, *width), dtype)
                  for part, size in zip(rows.parts, sizes, strict=True)]
        return dask.array.concatenate(blocks, allow_unknown_chunksizes=True)


@contextmanager
def reachable(client):
    """Raises OSError where a cluster is lost."""
    from distributed import CancelledError
    from distributed.comm import CommClosedError

    try:
        yield
    except Exception as error:
        if client.status != "running" or isinstance(error, (CancelledError, CommClosedError)):
            raise OSError(LOST.format(error or type(error).__name__)) from error
        raise


# --- what workers do: functions that both sides know by name ---------------------------------------------------------


def same(value):
    """What is sent to a worker once, and from there to others."""
    return value


def said(seen_by, verb, width, dtype, part):
    """What is said of each row of a partition."""
    return evaluated(seen_by, verb, 1, data.observed(part)[0]) if len(part) else np.empty((0, *width), dtype)
