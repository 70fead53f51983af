"""What users give as rows: arrays and frames, or sources of rows that stay where they are."""

import numpy as np

from .data import Streamed, observed


def scanned(X):
    """X, or the rows that it is a source of: see `cyem.rows.scan`."""
    if type(X) is np.ndarray or isinstance(X, Streamed):
        return X
    from .scan import Scan  # which a fit of arrays does without
    from .sources import source

    found = source(X)
    return X if found is None else Scan(found)


def taken(X):
    """X as `observed` has it; rows that memory has no place for stay where they are."""
    return (X, True) if isinstance(X, Streamed) and X.held() is None else observed(X)


def pieces(X, weights):
    """Rows in memory and their weights, or None: those given, or block after block."""
    if not isinstance(X, Streamed):
        yield X, weights
        return
    for block, own, _ in X.blocks():
        yield block, own
