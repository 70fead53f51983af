"""Products of tall matrices, on the thread that calls.

BLAS would wake its own threads, and these go on spinning for a while: the next pass would get half of the cores.
"""

import numpy as np

WORK = 1 << 18  # multiplications up to which OpenBLAS stays on one thread


def gram(A, B):
    """A' B for A (n, i) and B (n, j)."""
    rows = max(1, WORK // (A.shape[1] * B.shape[1]))
    return sum(A[n : n + rows].T @ B[n : n + rows] for n in range(0, len(A), rows))


def times(A, B):
    """A B for A (n, i) and B (i, j)."""
    product = np.empty((len(A), B.shape[1]), np.result_type(A, B))
    rows = max(1, WORK // B.size)
    for n in range(0, len(A), rows):
        np.matmul(A[n : n + rows], B, out=product[n : n + rows])
    return product
