"""Parameters of a mixture as one float64 block, and as one vector of free numbers.

A block holds weights (k), means (k, d), constants (k), covariances and factors, which are (k, d, d) by scatter, (d, d)
by pooled, (k, d) by squares and (k,) by norms; then scratch of an M-step (k, d), and its outcomes (k).
"""

from libc.math cimport exp, log

from .algebra cimport covariance
from .moments cimport NORMS, POOLED, SCATTER, SQUARES

cdef extern from *:
    """
    #define HALF_LOG_TAU 0.91893853320467274178
    """
    double HALF_LOG_TAU  # log(2 pi) / 2

cdef struct Block:
    double* weights
    double* means
    double* constants
    double* covariances
    double* factors
    double* scratch
    double* outcomes


cdef inline Py_ssize_t matrices_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of all covariances, and of all factors."""
    return k * d * d if moments == SCATTER else d * d if moments == POOLED else k * d if moments == SQUARES else k


cdef inline Py_ssize_t block_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of a block."""
    return 3 * k + 2 * k * d + 2 * matrices_size(k, d, moments)


cdef inline Py_ssize_t coordinates_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of the vector of coordinates."""
    cdef Py_ssize_t numbers = matrices_size(k, d, moments)
    return k + k * d + (numbers // d * (d + 1) // 2 if moments == SCATTER or moments == POOLED else numbers)


cdef inline Block parts(double* block, Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    cdef Block b
    b.weights = block
    b.means = b.weights + k
    b.constants = b.means + k * d
    b.covariances = b.constants + k
    b.factors = b.covariances + matrices_size(k, d, moments)
    b.scratch = b.factors + matrices_size(k, d, moments)
    b.outcomes = b.scratch + k * d
    return b


cdef inline void set_constants(Block* b, Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Log-joint density at each mean: log w_k + log det Sigma_k^(-1/2) - d/2 log(2 pi)."""
    cdef Py_ssize_t j, i
    cdef double shared = 0, own
    if moments == POOLED:
        for i in range(d):
            shared += log(b.factors[i * d + i])
    for j in range(k):
        own = shared
        if moments == SCATTER:
            for i in range(d):
                own += log(b.factors[(j * d + i) * d + i])
        elif moments == SQUARES:
            for i in range(d):
                own += log(b.factors[j * d + i])
        elif moments == NORMS:
            own = d * log(b.factors[j])
        b.constants[j] = log(b.weights[j]) + own - d * HALF_LOG_TAU


cdef inline void unfold(const double* block, Py_ssize_t k, Py_ssize_t d, int moments, const double* scale,
                        double* x) noexcept nogil:
    """x <- logarithms of weights, means / scale, and factors in the same units: of diagonals the logarithms, the rest
    relative to the diagonal of its column."""
    cdef Block b = parts(<double*>block, k, d, moments)
    cdef const double* U = b.factors
    cdef double* rest
    cdef Py_ssize_t _m, j, i, a
    for j in range(k):
        x[j] = log(b.weights[j])
    x += k
    for j in range(k):
        for i in range(d):
            x[j * d + i] = b.means[j * d + i] / scale[i]
    x += k * d
    if moments == NORMS:
        for j in range(k):
            x[j] = log(U[j] * scale[0])
    elif moments == SQUARES:
        for j in range(k):
            for i in range(d):
                x[j * d + i] = log(U[j * d + i] * scale[i])
    else:
        k = 1 if moments == POOLED else k
        rest = x + k * d
        for _m in range(k):
            for i in range(d):
                x[i] = log(U[i * d + i] * scale[i])
                for a in range(i + 1, d):
                    rest[0] = (U[i * d + a] * scale[i]) / (U[a * d + a] * scale[a])
                    rest += 1
            x += d
            U += d * d


cdef inline void fold(const double* x, Py_ssize_t k, Py_ssize_t d, int moments, const double* scale,
                      double* block) noexcept nogil:
    """block <- the parameters of which x is the vector; every vector is one."""
    cdef Block b = parts(block, k, d, moments)
    cdef double* U = b.factors
    cdef double* A = b.covariances
    cdef const double* rest
    cdef double top = x[0], total = 0
    cdef Py_ssize_t _m, j, i, a, n
    for j in range(k):
        top = x[j] if x[j] > top else top
    for j in range(k):
        b.weights[j] = exp(x[j] - top)
        total += b.weights[j]
    for j in range(k):
        b.weights[j] /= total
    x += k
    for j in range(k):
        for i in range(d):
            b.means[j * d + i] = x[j * d + i] * scale[i]
    x += k * d
    if moments == SQUARES or moments == NORMS:
        n = d if moments == SQUARES else 1
        for j in range(k):
            for i in range(n):
                U[j * n + i] = exp(x[j * n + i]) / scale[i]
                A[j * n + i] = 1 / (U[j * n + i] * U[j * n + i])
    else:
        n = 1 if moments == POOLED else k
        rest = x + n * d
        for _m in range(n):
            for i in range(d):
                for a in range(i):
                    U[i * d + a] = 0
                U[i * d + i] = exp(x[i]) / scale[i]
                for a in range(i + 1, d):
                    U[i * d + a] = rest[0] * exp(x[a]) / scale[i]
                    rest += 1
            covariance(U, d, A)
            x += d
            U += d * d
            A += d * d
    set_constants(&b, k, d, moments)
