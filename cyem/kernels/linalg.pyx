"""The dense algebra of an M-step: many small symmetric matrices in one call, row by row so that rows are lanes."""


cdef extern from "<math.h>" nogil:
    double sqrt(double x) noexcept


cdef bint cholesky(const double* A, const double* less, Py_ssize_t d, double* L) noexcept nogil:
    """Lower triangle L with L L' = A - diag(less); false where that is not positive definite. L may be A."""
    cdef Py_ssize_t i, j, a
    cdef double t
    for i in range(d):
        for j in range(i + 1):
            t = A[i * d + j]
            if i == j and less is not NULL:
                t = t - less[i]
            for a in range(j):
                t -= L[i * d + a] * L[j * d + a]
            if i > j:
                L[i * d + j] = t / L[j * d + j]
            elif t > 0 and t < 1e308:  # false for NaN
                L[i * d + i] = sqrt(t)
            else:
                return False
    return True


cdef void invert(const double* L, Py_ssize_t d, double* M) noexcept nogil:
    """M = L^-1, lower triangular, upper part zero."""
    cdef Py_ssize_t i, j, a
    cdef double t
    for i in range(d):
        for a in range(d):
            M[i * d + a] = 0
        M[i * d + i] = 1
        for j in range(i):
            t = L[i * d + j]
            for a in range(j + 1):
                M[i * d + a] -= t * M[j * d + a]
        t = 1 / L[i * d + i]
        for a in range(i + 1):
            M[i * d + a] *= t


cdef void transpose(double* A, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(d):
        for j in range(i):
            A[i * d + j], A[j * d + i] = A[j * d + i], A[i * d + j]


def precision_factors(const double[:, :, ::1] A, double[:, :, ::1] U, double[:, ::1] scratch, int[::1] definite):
    """U upper triangular with A^-1 = U U', for each of k matrices.

    A (k, d, d) IN, U (k, d, d) OUT, scratch (d, d), definite (k,) OUT: 0 where A is not positive definite and U is left
    as it was.
    """
    cdef Py_ssize_t j, d = A.shape[1]
    with nogil:
        for j in range(A.shape[0]):
            definite[j] = cholesky(&A[j, 0, 0], NULL, d, &scratch[0, 0])
            if definite[j]:
                invert(&scratch[0, 0], d, &U[j, 0, 0])
                transpose(&U[j, 0, 0], d)


def exceeds(const double[:, :, ::1] A, const double[:, ::1] floor, double[:, ::1] scratch, int[::1] definite):
    """definite[j] <- is A_j - diag(floor_j) positive definite?

    A (k, d, d) IN, floor (k, d) IN, scratch (d, d), definite (k,) OUT.
    """
    cdef Py_ssize_t j
    with nogil:
        for j in range(A.shape[0]):
            definite[j] = cholesky(&A[j, 0, 0], &floor[j, 0], A.shape[1], &scratch[0, 0])
