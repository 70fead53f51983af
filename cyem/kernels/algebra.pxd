"""Triangles of small symmetric matrices, row by row: rows are lanes, and four of them are taken off another at a time.

A factor of a covariance matrix A is U, upper triangular, with A^-1 = U U'.
"""

from libc.math cimport sqrt
from libc.string cimport memcpy

from .team cimport look

cdef enum:
    LARGE_SIDE = 64  # of matrices, from which on algebra looks for signals as it goes

cdef inline void subtract(double* y, const double* x, Py_ssize_t d, Py_ssize_t n, const double* c,
                          Py_ssize_t rows) noexcept nogil:
    """y (n,) <- y - sum_a c_a x_a; the rows x_a, at most four, are d apart."""
    cdef Py_ssize_t i, a
    cdef double c0, c1, c2, c3
    if rows == 4:
        c0, c1, c2, c3 = c[0], c[1], c[2], c[3]
        for i in range(n):
            y[i] -= c0 * x[i] + c1 * x[d + i] + (c2 * x[2 * d + i] + c3 * x[3 * d + i])
    else:
        for a in range(rows):
            c0 = c[a]
            for i in range(n):
                y[i] -= c0 * x[i]
            x += d


cdef inline void mirror(double* A, Py_ssize_t d) noexcept nogil:
    """What is below the diagonal of A (d, d) becomes as what is above."""
    cdef Py_ssize_t i, j
    for i in range(d):
        for j in range(i):
            A[i * d + j] = A[j * d + i]


cdef inline bint cholesky(const double* A, const double* less, double part, Py_ssize_t d, double* R) noexcept nogil:
    """Upper triangle R with R' R = A - diag(max(less, part A_ii)); false where that is not positive definite.

    R may be A, less may be NULL for nothing. What is below the diagonal of R is that of A.
    """
    cdef Py_ssize_t i, j, a, b, rows
    cdef double t
    cdef double c[4]
    cdef double* y
    if R is not A:
        memcpy(R, A, d * d * sizeof(double))
    for i in range(d):
        if d > LARGE_SIDE and look(i * (d - i)):
            return False
        y = R + i * d
        if less is not NULL:
            y[i] -= less[i] if less[i] > part * y[i] else part * y[i]
        for a from 0 <= a < i by 4:
            rows = i - a if i - a < 4 else 4
            for b in range(rows):
                c[b] = R[(a + b) * d + i]
            subtract(y + i, R + a * d + i, d, d - i, c, rows)
        if not 0 < y[i] < 1e308:  # true for NaN
            return False
        t = 1 / sqrt(y[i])
        for j in range(i, d):
            y[j] *= t
    return True


cdef inline void invert(double* R, Py_ssize_t d) noexcept nogil:
    """R <- R^-1, upper triangular, lower part zero."""
    cdef Py_ssize_t i, j, a, b, rows
    cdef double t
    cdef double c[4]
    cdef double* y
    for i in range(d - 1, -1, -1):
        if d > LARGE_SIDE and look((d - i) * (d - i) / 2):
            return
        y = R + i * d
        for j in range(i):
            y[j] = 0
        a = d
        while a > i + 1:  # from the right: what a row takes part in is not needed there any more
            rows = a - i - 1 if a - i - 1 < 4 else 4
            a -= rows
            for b in range(rows):
                c[b] = y[a + b]
                y[a + b] = 0
            subtract(y + a, R + a * d + a, d, d - a, c, rows)
        t = 1 / y[i]
        y[i] = 1
        for j in range(i, d):
            y[j] *= t


cdef inline void square(double* R, Py_ssize_t d) noexcept nogil:
    """R <- R' R, symmetric, for an upper triangle R, of which what is below the diagonal does not count."""
    cdef Py_ssize_t i, j, a, b, rows
    cdef double t
    cdef double c[4]
    cdef double* y
    for i in range(d - 1, -1, -1):  # a row takes those above it
        if d > LARGE_SIDE and look(i * (d - i)):
            return
        y = R + i * d
        t = y[i]
        for j in range(i, d):
            y[j] *= t
        for a from 0 <= a < i by 4:
            rows = i - a if i - a < 4 else 4
            for b in range(rows):
                c[b] = -R[(a + b) * d + i]
            subtract(y + i, R + a * d + i, d, d - i, c, rows)
    mirror(R, d)


cdef inline bint small_factor(const double* A, Py_ssize_t d, double* U) noexcept nogil:
    """`precision_factor` for a constant d <= 4: nothing but registers. R' R = A, u = R^-1."""
    cdef double r01, r02, r03, r12, r13, r23, u00, u11, u12, u13, u22, u23, u33
    cdef double t0 = A[0], t1 = 1, t2 = 1, t3 = 1
    u00 = 1 / sqrt(t0)
    U[0] = u00
    if d > 1:
        r01 = A[1] * u00
        t1 = A[d + 1] - r01 * r01
        u11 = 1 / sqrt(t1)
        U[d], U[d + 1] = 0, u11
        U[1] = -u00 * r01 * u11
    if d > 2:
        r02 = A[2] * u00
        r12 = (A[d + 2] - r01 * r02) * u11
        t2 = A[2 * d + 2] - r02 * r02 - r12 * r12
        u22 = 1 / sqrt(t2)
        u12 = -u11 * r12 * u22
        U[2 * d], U[2 * d + 1], U[2 * d + 2] = 0, 0, u22
        U[2], U[d + 2] = -u00 * (r01 * u12 + r02 * u22), u12
    if d > 3:
        r03 = A[3] * u00
        r13 = (A[d + 3] - r01 * r03) * u11
        r23 = (A[2 * d + 3] - r02 * r03 - r12 * r13) * u22
        t3 = A[3 * d + 3] - r03 * r03 - r13 * r13 - r23 * r23
        u33 = 1 / sqrt(t3)
        u23 = -u22 * r23 * u33
        u13 = -u11 * (r12 * u23 + r13 * u33)
        U[3 * d], U[3 * d + 1], U[3 * d + 2], U[3 * d + 3] = 0, 0, 0, u33
        U[3], U[d + 3], U[2 * d + 3] = -u00 * (r01 * u13 + r02 * u23 + r03 * u33), u13, u23
    return 0 < t0 < 1e308 and 0 < t1 < 1e308 and 0 < t2 < 1e308 and 0 < t3 < 1e308  # not for NaN


cdef inline bint precision_factor(const double* A, Py_ssize_t d, double* U) noexcept nogil:
    """U upper triangular with A^-1 = U U'; false where A is not positive definite. U may be A."""
    if d == 1:
        return small_factor(A, 1, U)
    if d == 2:
        return small_factor(A, 2, U)
    if d == 3:
        return small_factor(A, 3, U)
    if d == 4:
        return small_factor(A, 4, U)
    if not cholesky(A, NULL, 0, d, U):
        return False
    invert(U, d)
    return True


cdef inline void covariance(const double* U, Py_ssize_t d, double* A) noexcept nogil:
    """A <- (U U')^-1 for an upper triangular U."""
    memcpy(A, U, d * d * sizeof(double))
    invert(A, d)
    square(A, d)
