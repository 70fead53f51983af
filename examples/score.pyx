# cython: language_level=3
"""A loop over rows in Cython, without the GIL. Memoryviews or NumPy's arrays would do as well as these of Python."""

from cpython.array cimport array, clone
from cyem.embed cimport Scorer, log_density, predict

from cyem import GaussianMixture


def scores(Scorer scorer, array rows not None):
    """Log-density of each row; rows, of typecode 'd', stand one after the other."""
    cdef Py_ssize_t d = scorer.n_features_in, n = len(rows) // d, i
    cdef array result = clone(rows, n, zero=True)
    cdef const void* mixture = scorer.handle  # valid as long as the Scorer is
    cdef const double* x = rows.data.as_doubles
    cdef double* out = result.data.as_doubles
    with nogil:
        for i in range(n):
            if predict(mixture, x + i * d) >= 0:  # the row is finite
                out[i] = log_density(mixture, x + i * d)
    return result


def main():
    model = GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], "spherical")
    print(scores(model.compiled(), array("d", [0.5]))[0])
