"""What users give as rows: arrays and frames, or sources of rows that stay where they are."""

import numpy as np

from .data import observed
from .streamed import Streamed


def scanned(X):
    """X, or the rows that it is a source of: see `cyem.rows.scan` and, of a Dask collection, `cyem.rows.remote`."""
    if type(X) is np.ndarray or isinstance(X, Streamed):
        return X
    if hasattr(type(X), "__dask_graph__"):
        from .remote import partitioned  # as is what follows, a fit of arrays does without it

        return partitioned(X)
    from .scan import Scan
    from .sources import source

    found = source(X)
    return X if found is None else Scan(found)


def taken(X):
    """X as `data.observed` has it; rows that memory has no place for stay where they are."""
    return (X, True) if isinstance(X, Streamed) and X.held() is None else observed(X)


def over(function, X, weights):
    """What a function of rows and weights gives: of rows in memory, or of piece after piece."""
    return X.map(function) if isinstance(X, Streamed) else [function(X, weights)]
