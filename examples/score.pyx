# cython: language_level=3
"""A loop over rows in Cython, without the GIL."""

from cyem.embed cimport Scorer, log_density, predict

import numpy as np

from cyem import GaussianMixture


def scores(Scorer scorer, const double[:, ::1] X):
    """Log-density of each row of X."""
    out = np.empty(len(X))
    cdef double[::1] result = out
    cdef const void* mixture = scorer.handle  # valid as long as the Scorer is
    cdef Py_ssize_t i
    if X.shape[1] != scorer.n_features_in:
        raise ValueError("X has other features")
    with nogil:
        for i in range(X.shape[0]):
            if predict(mixture, &X[i, 0]) >= 0:  # the row is finite
                result[i] = log_density(mixture, &X[i, 0])
    return out


def main():
    model = GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], "spherical")
    print(scores(model.compiled(), np.array([[0.5]]))[0])
