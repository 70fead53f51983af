"""Parameters of a mixture as one float64 block, and as one vector of free numbers.

A block holds weights (k), means (k, d), constants (k), covariances and factors, as many numbers as their kind has; then
scratch of an M-step (k, d), and its outcomes (k).
"""

from libc.math cimport exp, log

from .kinds cimport Kind, count, diagonal_numbers, free_numbers, kind_of, numbers

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
    cdef Kind kind = kind_of(moments)
    return count(&kind, k) * numbers(&kind, d)


cdef inline Py_ssize_t block_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of a block."""
    return 3 * k + 2 * k * d + 2 * matrices_size(k, d, moments)


cdef inline Py_ssize_t coordinates_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of the vector of coordinates."""
    cdef Kind kind = kind_of(moments)
    return k + k * d + count(&kind, k) * free_numbers(&kind, d)


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
    cdef Kind kind = kind_of(moments)
    cdef Py_ssize_t j, step = numbers(&kind, d) if kind.each else 0
    cdef double log_det = 0
    for j in range(k):
        log_det = kind.one.log_det(b.factors + j * step, d) if kind.each or j == 0 else log_det
        b.constants[j] = log(b.weights[j]) + log_det - d * HALF_LOG_TAU


cdef inline void unfold(const double* block, Py_ssize_t k, Py_ssize_t d, int moments, const double* scale,
                        double* x) noexcept nogil:
    """x <- logarithms of weights, means / scale, and factors in the same units: of diagonals the logarithms, the rest
    relative to the diagonal of its column."""
    cdef Kind kind = kind_of(moments)
    cdef Block b = parts(<double*>block, k, d, moments)
    cdef double* rest
    cdef Py_ssize_t j, i, size = numbers(&kind, d), own = diagonal_numbers(&kind, d)
    for j in range(k):
        x[j] = log(b.weights[j])
    x += k
    for j in range(k):
        for i in range(d):
            x[j * d + i] = b.means[j * d + i] / scale[i]
    x += k * d
    rest = x + count(&kind, k) * own
    for j in range(count(&kind, k)):
        rest += kind.one.unfold(b.factors + j * size, d, scale, x + j * own, rest)


cdef inline void fold(const double* x, Py_ssize_t k, Py_ssize_t d, int moments, const double* scale,
                      double* block) noexcept nogil:
    """block <- the parameters of which x is the vector; every vector is one."""
    cdef Kind kind = kind_of(moments)
    cdef Block b = parts(block, k, d, moments)
    cdef const double* rest
    cdef double top = x[0], total = 0
    cdef Py_ssize_t j, i, size = numbers(&kind, d), own = diagonal_numbers(&kind, d)
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
    rest = x + count(&kind, k) * own
    for j in range(count(&kind, k)):
        rest += kind.one.fold(x + j * own, rest, d, scale, b.factors + j * size, b.covariances + j * size)
    set_constants(&b, k, d, moments)
