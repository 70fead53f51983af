"""Eigenvalues and eigenvectors of small symmetric matrices, row by row: rows are lanes.

Here rather than from LAPACK, whose threads go on spinning while the next pass would like to have the cores.
"""

from libc.math cimport fabs, sqrt
from libc.string cimport memset

from .algebra cimport LARGE_SIDE, mirror, subtract
from .team cimport look

cdef enum:
    TURNS = 60  # the most iterations for one eigenvalue; two are usual


cdef inline void tridiagonalise(double* A, Py_ssize_t d, double* diagonal, double* Z) noexcept nogil:
    """A = Z' T Z with T tridiagonal, by Householder's reflections 1 - beta v v' (Golub & Van Loan 2013, 8.3.1).

    A (d, d) symmetric, is overwritten: below its diagonal is that of T. diagonal (d,) OUT: that of T.
    """
    cdef Py_ssize_t c, i, j
    cdef double norm, head, beta, t
    cdef double* v
    cdef double* row
    cdef double* w = Z  # until it is needed
    for c in range(d - 2):
        if d > LARGE_SIDE and look(4 * (d - c) * (d - c)):
            return
        v = A + c * d
        head = v[c + 1]
        norm = 0
        for i in range(c + 2, d):
            norm += v[i] * v[i]
        if norm == 0:
            A[(c + 1) * d + c] = head
            A[(c + 2) * d + c] = 0
            continue
        t = sqrt(norm + head * head)
        t = -t if head > 0 else t
        v[c + 1] = head - t
        beta = 2 / (norm + v[c + 1] * v[c + 1])
        A[(c + 1) * d + c] = t
        A[(c + 2) * d + c] = beta
        head = 0
        for i in range(c + 1, d):
            row = A + i * d
            t = 0
            for j in range(c + 1, d):
                t += row[j] * v[j]
            w[i] = beta * t
            head += w[i] * v[i]
        head *= beta / 2
        for i in range(c + 1, d):
            w[i] -= head * v[i]
        for i in range(c + 1, d):
            row = A + i * d
            head, t = v[i], w[i]
            for j in range(c + 1, d):
                row[j] -= head * w[j] + t * v[j]
    for i in range(d):
        diagonal[i] = A[i * d + i]
        for j in range(d):
            Z[i * d + j] = i == j
    if d > 1:
        A[(d - 1) * d + d - 2] = A[(d - 2) * d + d - 1]
    for c in range(d - 3, -1, -1):  # Z <- Z (1 - beta v v'); its first c + 1 rows and columns are still those of 1
        if d > LARGE_SIDE and look(4 * (d - c) * (d - c)):
            return
        v = A + c * d
        beta = A[(c + 2) * d + c]
        for i in range(c + 1, d):
            row = Z + i * d
            t = 0
            for j in range(c + 1, d):
                t += row[j] * v[j]
            t *= beta
            for j in range(c + 1, d):
                row[j] -= t * v[j]


cdef inline bint diagonalise(double* diagonal, double* beside, Py_ssize_t d, double* Z) noexcept nogil:
    """diagonal <- eigenvalues of a tridiagonal matrix, and rows of Z turned along; false if that does not converge.

    QL with implicit shifts (Golub & Van Loan 2013, 8.3.3, from the other end). beside (d,) is overwritten.
    """
    cdef Py_ssize_t first, last, i, j, step
    cdef double g, r, t, s, c, p, f, b, nothing = 0
    cdef double* lower
    cdef double* upper
    for i in range(d):
        nothing += fabs(diagonal[i]) + fabs(beside[i])
    if not nothing < 1e308:  # nor NaN
        return False
    nothing *= 1e-17
    for first in range(d):
        for step in range(TURNS + 1):
            last = first
            while last < d - 1:
                if fabs(beside[last]) <= 1.1e-16 * (fabs(diagonal[last]) + fabs(diagonal[last + 1])) + nothing:
                    break
                last += 1
            if last == first:
                break
            if step == TURNS or (d > LARGE_SIDE and look(4 * d * (last - first))):
                return False
            g = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first])
            r = sqrt(g * g + 1)
            g = diagonal[last] - diagonal[first] + beside[first] / (g + (r if g >= 0 else -r))
            s = c = 1
            p = 0
            for i in range(last - 1, first - 1, -1):
                f = s * beside[i]
                b = c * beside[i]
                t = f * f + g * g
                if t < 1e-300:
                    beside[i + 1] = 0
                    diagonal[i + 1] -= p
                    break
                r = sqrt(t)
                beside[i + 1] = r
                t = r * (1 / t)  # 1 / r, by a division that does not wait for the root
                s = f * t
                c = g * t
                g = diagonal[i + 1] - p
                r = (diagonal[i] - g) * s + 2 * c * b
                p = s * r
                diagonal[i + 1] = g + p
                g = c * r - b
                lower = Z + i * d
                upper = lower + d
                for j in range(d):
                    t = upper[j]
                    upper[j] = s * lower[j] + c * t
                    lower[j] = c * lower[j] - s * t
            else:
                diagonal[first] -= p
                beside[first] = g
            beside[last] = 0
    return True


cdef inline void exchange(double* x, double* y, Py_ssize_t n, Py_ssize_t step) noexcept nogil:
    """n numbers of x and y, `step` apart, change places."""
    cdef Py_ssize_t i
    for i in range(n):
        x[i * step], y[i * step] = y[i * step], x[i * step]


cdef inline void ascend(double* values, Py_ssize_t d, double* Z) noexcept nogil:
    """Sort eigenvalues, and rows of Z along with them."""
    cdef Py_ssize_t i, j, least
    for i in range(d - 1):
        least = i
        for j in range(i + 1, d):
            if values[j] < values[least]:
                least = j
        if least != i:
            values[i], values[least] = values[least], values[i]
            exchange(Z + i * d, Z + least * d, d, 1)


cdef inline bint symmetric_eigen(double* A, Py_ssize_t d, double* values, double* Z) noexcept nogil:
    """A = Z' diag(values) Z, values (d,) ascending, rows of Z (d, d) orthonormal; A is overwritten.

    False where there is no answer (a number that is not finite).
    """
    cdef Py_ssize_t i
    tridiagonalise(A, d, values, Z)
    for i in range(d - 1):
        A[i] = A[(i + 1) * d + i]
    A[d - 1] = 0
    if not diagonalise(values, A, d, Z):
        return False
    ascend(values, d, Z)
    return True


cdef inline bint graded_eigen(double* A, Py_ssize_t d, double* values, double* Z, double* order) noexcept nogil:
    """What symmetric_eigen gives, but small eigenvalues are exact too where features have units far apart.

    Those of large variance are eliminated first. order (d,): scratch.
    """
    cdef Py_ssize_t i, j, largest
    for i in range(d):
        largest = i
        for j in range(i + 1, d):
            if A[j * d + j] > A[largest * d + largest]:
                largest = j
        order[i] = largest
        if largest > i:
            exchange(A + i * d, A + largest * d, d, 1)
            exchange(A + i, A + largest, d, d)
    if not symmetric_eigen(A, d, values, Z):
        return False
    for i in range(d - 1, -1, -1):
        if order[i] > i:
            exchange(Z + i, Z + <Py_ssize_t>order[i], d, d)
    return True


cdef inline void compose(const double* values, const double* Z, Py_ssize_t d, double* A) noexcept nogil:
    """A <- Z' diag(values) Z, symmetric: the inverse of symmetric_eigen."""
    cdef Py_ssize_t i, j, a, rows
    cdef double c[4]
    for a in range(d):
        if d > LARGE_SIDE and look(d * (d - a)):
            return
        memset(A + a * d + a, 0, (d - a) * sizeof(double))
        for i from 0 <= i < d by 4:
            rows = d - i if d - i < 4 else 4
            for j in range(rows):
                c[j] = -values[i + j] * Z[(i + j) * d + a]
            subtract(A + a * d + a, Z + i * d + a, d, d - a, c, rows)
    mirror(A, d)


cdef inline bint factor_of(const double* values, const double* root, Py_ssize_t d, double* Z) noexcept nogil:
    """Z <- U, upper triangular, with (Z' diag(values) Z)^-1 = U U'; false where that is no finite number.

    The rows of Z / root (d,) are orthonormal. Rows of Z^-1' / sqrt(values) are turned until what is left is a triangle,
    which rounds the deviations along the axes by no more than the largest precision: the square root of what it costs
    to add up the matrix first, where small eigenvalues drown.
    """
    cdef Py_ssize_t i, c, a
    cdef double x, y, t
    cdef double* p
    cdef double* q
    for i in range(d):
        t = 1 / sqrt(values[i])
        for a in range(d):
            Z[i * d + a] *= t / root[a]
    for c in range(d - 1, -1, -1):
        q = Z + c * d
        for i in range(c):
            p = Z + i * d
            t = sqrt(p[c] * p[c] + q[c] * q[c])
            if t > 0:
                x, y = q[c] / t, p[c] / t
                for a in range(c + 1):
                    t = q[a]
                    q[a] = x * t + y * p[a]
                    p[a] = x * p[a] - y * t
        t = -1 if q[c] < 0 else 1
        for a in range(c + 1):
            q[a] *= t / root[a]
        if not 0 < q[c] < 1e308:
            return False
    for i in range(d):
        for a in range(i):
            Z[a * d + i] = Z[i * d + a]
            Z[i * d + a] = 0
    return True
