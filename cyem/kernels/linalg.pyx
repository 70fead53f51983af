"""The dense algebra between two passes: many small matrices, or all parameters of a mixture, in one call."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from . cimport eigen
from .algebra cimport cholesky, precision_factor
from .block cimport block_length, fold, matrices_size, unfold
from .eigen cimport graded_eigen
from .lanes cimport real
from .moments cimport POOLED, SCATTER
from .mstep cimport maximise

TIES = ("free", "equal", "proportional", "isochoric", "one shape", "proportional shapes", "axes",
        "axes isochoric")
OUTCOMES = ("unusual", "ordinary", "held")


def precision_factors(const double[:, :, ::1] A, double[:, :, ::1] U, double[:, ::1] scratch, int[::1] definite):
    """U upper triangular with A^-1 = U U', for each of k matrices.

    A (k, d, d) IN, U (k, d, d) OUT, scratch (d, d), definite (k,) OUT: 0 where A is not positive definite and U is left
    as it was.
    """
    cdef Py_ssize_t j, d = A.shape[1]
    with nogil:
        for j in range(A.shape[0]):
            definite[j] = precision_factor(&A[j, 0, 0], d, &scratch[0, 0])
            if definite[j]:
                memcpy(&U[j, 0, 0], &scratch[0, 0], d * d * sizeof(double))


def exceeds(const double[:, :, ::1] A, const double[:, ::1] floor, double[:, ::1] scratch, int[::1] definite):
    """definite[j] <- is A_j - diag(floor_j) positive definite?

    A (k, d, d) IN, floor (k, d) IN, scratch (d, d), definite (k,) OUT.
    """
    cdef Py_ssize_t j
    with nogil:
        for j in range(A.shape[0]):
            definite[j] = cholesky(&A[j, 0, 0], &floor[j, 0], 0, A.shape[1], &scratch[0, 0])


def eigh(const double[:, :, ::1] A, double[:, ::1] values, double[:, :, ::1] vectors, double[:, ::1] scratch,
         int[::1] done):
    """A_j = vectors_j' diag(values_j) vectors_j for each of k symmetric matrices, values ascending.

    A (k, d, d) IN, values (k, d) OUT, vectors (k, d, d) OUT: eigenvectors are rows, scratch (d + 1, d), done (k,) OUT:
    0 where there is no answer (a number that is not finite).
    """
    cdef Py_ssize_t j, d = A.shape[1]
    with nogil:
        for j in range(A.shape[0]):
            memcpy(&scratch[0, 0], &A[j, 0, 0], d * d * sizeof(double))
            done[j] = graded_eigen(&scratch[0, 0], d, &values[j, 0], &vectors[j, 0, 0], &scratch[d, 0])


def compose(const double[:, ::1] values, const double[:, :, ::1] vectors, double[:, :, ::1] A):
    """A_j = vectors_j' diag(values_j) vectors_j for each of k matrices, the inverse of eigh.

    values (k, d), vectors (k, d, d) IN, A (k, d, d) OUT.
    """
    cdef Py_ssize_t j
    with nogil:
        for j in range(values.shape[0]):
            eigen.compose(&values[j, 0], &vectors[j, 0, 0], values.shape[1], &A[j, 0, 0])


def block_size(Py_ssize_t k, Py_ssize_t d, int moments):
    """Length of the vector that holds all parameters."""
    return block_length(k, d, moments)


def coordinates_size(Py_ssize_t k, Py_ssize_t d, int moments):
    """Length of the vector of coordinates."""
    cdef Py_ssize_t numbers = matrices_size(k, d, moments)
    return k + k * d + (numbers // d * (d + 1) // 2 if moments == SCATTER or moments == POOLED else numbers)


def m_step(const double[::1] statistics, const double[:, ::1] about, const double[::1] floor,
           const double[::1] current, double[::1] block, *, int moments, int ties, double part, bint equal_weights,
           int n_threads):
    """The M-step where nothing is out of the ordinary. Returns one of OUTCOMES.

    statistics, about (k, d): IN, as a pass gives and takes them. floor: IN, the least variances (d,), or (1,) by norms;
    part: the least variances relative to the diagonal of their own matrix. ties: between the covariances of the
    components, one of TIES. current: IN, the block of parameters at which a search begins, or empty.
    block: OUT; of no use after "unusual", after "held" its outcomes say which components are at the floor.
    """
    cdef int outcome
    with nogil:
        outcome = maximise(&statistics[0], &about[0, 0], about.shape[0], about.shape[1], moments, ties, &floor[0],
                           part, equal_weights, &current[0] if current.shape[0] else NULL, &block[0], n_threads)
    return outcome


def coordinates(const double[::1] block, const double[::1] scale, double[::1] x, *, Py_ssize_t k, int moments):
    """x OUT: the parameters of a block as one vector of free numbers, without units; scale (d,) IN."""
    with nogil:
        unfold(&block[0], k, scale.shape[0], moments, &scale[0], &x[0])


def at(const double[::1] x, const double[::1] scale, double[::1] block, *, Py_ssize_t k, int moments):
    """block OUT: the parameters at coordinates x."""
    with nogil:
        fold(&x[0], k, scale.shape[0], moments, &scale[0], &block[0])


def all_finite(const real[::1] x):
    """Whether there is no NaN and no infinity in x (n,): their exponents are all ones."""
    cdef Py_ssize_t i, n = x.shape[0], bad = 0
    cdef const uint64_t* wide = <const uint64_t*>&x[0]
    cdef const uint32_t* single = <const uint32_t*>&x[0]
    cdef uint64_t wide_ones = <uint64_t>0x7FF << 52
    cdef uint32_t single_ones = <uint32_t>0xFF << 23
    with nogil:
        for i in range(n):
            if real is double:
                bad += 1 if wide[i] & wide_ones == wide_ones else 0
            else:
                bad += 1 if single[i] & single_ones == single_ones else 0
    return bad == 0
