"""Eigenvalues and eigenvectors of small symmetric matrices, row by row: rows are lanes.

Here rather than from LAPACK, whose threads go on spinning while the next pass would like to have the cores.
"""

from libc.math cimport fabs, hypot, sqrt

cdef enum:
    TURNS = 60  # the most iterations for one eigenvalue; two are usual


cdef inline void tridiagonalise(double* A, Py_ssize_t d, double* diagonal, double* beside, double* Q,
                                double* w) noexcept nogil:
    """A = Q T Q' with T tridiagonal, by Householder's reflections 1 - beta v v' (Golub & Van Loan 2013, 8.3.1).

    A (d, d) symmetric, is overwritten. diagonal, beside (d,): those of T. w (d,) is scratch.
    """
    cdef Py_ssize_t c, i, j
    cdef double norm, head, beta, t
    cdef double* v
    cdef double* row
    for c in range(d - 2):
        v = A + c * d
        head = v[c + 1]
        norm = 0
        for i in range(c + 2, d):
            norm += v[i] * v[i]
        beside[c] = head
        w[c] = 0  # beta of this reflection
        if norm == 0:
            continue
        beside[c] = -sqrt(norm + head * head) if head > 0 else sqrt(norm + head * head)
        v[c + 1] = head - beside[c]
        beta = 2 / (norm + v[c + 1] * v[c + 1])
        t = 0
        for i in range(c + 1, d):
            row = A + i * d
            w[i] = 0
            for j in range(c + 1, d):
                w[i] += row[j] * v[j]
            w[i] *= beta
            t += w[i] * v[i]
        t *= beta / 2
        for i in range(c + 1, d):
            w[i] -= t * v[i]
        for i in range(c + 1, d):
            row = A + i * d
            for j in range(c + 1, d):
                row[j] -= v[i] * w[j] + w[i] * v[j]
        w[c] = beta
    for i in range(d):
        diagonal[i] = A[i * d + i]
        for j in range(d):
            Q[i * d + j] = i == j
    if d > 1:
        beside[d - 2] = A[(d - 2) * d + d - 1]
    beside[d - 1] = 0
    for c in range(d - 3, -1, -1):  # Q <- (1 - beta v v') Q; its first c + 1 rows and columns are still those of 1
        v = A + c * d
        row = A + (c + 1) * d  # is not needed any more
        for j in range(c + 1, d):
            row[j] = 0
        for i in range(c + 1, d):
            for j in range(c + 1, d):
                row[j] += v[i] * Q[i * d + j]
        for i in range(c + 1, d):
            t = w[c] * v[i]
            for j in range(c + 1, d):
                Q[i * d + j] -= t * row[j]


cdef inline bint diagonalise(double* diagonal, double* beside, Py_ssize_t d, double* Z) noexcept nogil:
    """diagonal <- eigenvalues of a tridiagonal matrix, and rows of Z turned along; false if that does not converge.

    QL with implicit shifts (Golub & Van Loan 2013, 8.3.3, from the other end).
    """
    cdef Py_ssize_t first, last, i, j, turn
    cdef double g, r, s, c, p, f, b, t, nothing = 0
    cdef double* lower
    cdef double* upper
    for i in range(d):
        nothing += fabs(diagonal[i]) + fabs(beside[i])
    if not nothing < 1e308:  # nor NaN
        return False
    nothing *= 1e-17
    for first in range(d):
        for turn in range(TURNS + 1):
            last = first
            while last < d - 1:
                if fabs(beside[last]) <= 1.1e-16 * (fabs(diagonal[last]) + fabs(diagonal[last + 1])) + nothing:
                    break
                last += 1
            if last == first:
                break
            if turn == TURNS:
                return False
            g = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first])
            r = hypot(g, 1)
            g = diagonal[last] - diagonal[first] + beside[first] / (g + (r if g >= 0 else -r))
            s = c = 1
            p = 0
            for i in range(last - 1, first - 1, -1):
                f = s * beside[i]
                b = c * beside[i]
                r = hypot(f, g)
                beside[i + 1] = r
                if r == 0:
                    diagonal[i + 1] -= p
                    break
                s = f / r
                c = g / r
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
            for j in range(d):
                Z[i * d + j], Z[least * d + j] = Z[least * d + j], Z[i * d + j]


cdef inline bint symmetric_eigen(double* A, Py_ssize_t d, double* values, double* Z, double* scratch) noexcept nogil:
    """A = Z' diag(values) Z, values ascending, rows of Z orthonormal; A is overwritten, scratch (2, d)."""
    cdef Py_ssize_t i, j
    tridiagonalise(A, d, values, scratch, Z, scratch + d)
    for i in range(d):
        for j in range(i):
            Z[i * d + j], Z[j * d + i] = Z[j * d + i], Z[i * d + j]
    if not diagonalise(values, scratch, d, Z):
        return False
    ascend(values, d, Z)
    return True
